//! Lowers conditions to atoms over places.

use super::place::{Builder, Draft, Places};
use crate::check::{Condition, Decimal, Operand, Operator, Policy, Test, ToolPattern, Type, Value};
use perso_decode::Number;
use perso_decode::layout::{kind, op};
use std::ops::RangeInclusive;

/// A condition over atoms.
#[derive(Debug)]
pub enum Goal {
    /// Every part.
    All(Vec<Self>),
    /// At least one part.
    Any(Vec<Self>),
    /// The opposite.
    Not(Box<Self>),
    /// One test.
    Atom(Atom),
}

/// A test on a place.
#[derive(Debug)]
pub struct Atom {
    /// What is tested.
    pub left: Side,
    /// How.
    pub check: Check,
}

/// An attribute in a test.
#[derive(Debug, Clone, Copy)]
pub struct Side {
    /// Where it is.
    pub place: u32,
    /// Its number in verdicts.
    pub attribute: u32,
    /// The states that the test can judge, as [`kind`]s.
    pub takes: u32,
}

/// How an atom tests.
#[derive(Debug)]
pub enum Check {
    /// The state is one of these. Never unknown.
    State(u32),
    /// The value is one of these.
    OneOf {
        /// The booleans, as [`kind`]s.
        booleans: u32,
        /// The strings, by their number.
        strings: Vec<RangeInclusive<u32>>,
        /// The numbers.
        numbers: Vec<Number>,
    },
    /// The number compares so with this one.
    Order(Compare, Number),
    /// The answer bit is set.
    Answer(u32),
    /// The value is that of another attribute; of two strings, the answer bit says so.
    Same(Side, u32),
    /// The number compares so with that of another attribute.
    OrderWith(Compare, Side),
    /// Both are strings, and the answer bit is set.
    AnswerWith(Side, u32),
}

/// How numbers compare. The other two orders are the opposites of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compare {
    /// Less than.
    Less,
    /// At most.
    AtMost,
}

const BOOLEAN: u32 = kind::FALSE | kind::TRUE;
const SCALAR: u32 = BOOLEAN | kind::NUMBER | kind::STRING;
const PRESENT: u32 = SCALAR | kind::LIST | kind::LONG_LIST | kind::RANGE | kind::OBJECT;

/// Lowers the rules of one view.
pub(super) struct Lowering<'p> {
    policy: &'p Policy,
    builder: Builder,
    /// The attributes read so far, by their number.
    reads: Vec<u32>,
}

impl<'p> Lowering<'p> {
    pub(super) fn new(policy: &'p Policy) -> Self {
        Self { policy, builder: Builder::new(), reads: Vec::new() }
    }

    /// The places, and the attributes that are read. `roles` says whether the caller's roles matter.
    pub(super) fn finish(mut self, roles: bool) -> (Places, Vec<u32>, Vec<u32>) {
        if roles {
            self.builder.roles();
        }
        let (places, numbers) = self.builder.finish();
        (places, numbers, self.reads)
    }

    /// The answers of which one tells that a tool which the policy does not name is one of these; none if any tool is.
    pub(super) fn about(&mut self, patterns: &[ToolPattern]) -> Vec<u32> {
        if patterns.iter().any(|pattern| pattern.text == "*") {
            return Vec::new();
        }
        let patterns = patterns.iter().filter(|pattern| pattern.is_wildcard());
        patterns.map(|pattern| self.builder.tool_pattern(&pattern.text)).collect()
    }

    pub(super) fn condition(&mut self, condition: &Condition) -> Goal {
        match condition {
            Condition::All(parts) => Goal::All(parts.iter().map(|part| self.condition(part)).collect()),
            Condition::Any(parts) => Goal::Any(parts.iter().map(|part| self.condition(part)).collect()),
            Condition::Not(part) => Goal::Not(Box::new(self.condition(part))),
            Condition::Test(test) => self.test(test),
        }
    }

    /// An attribute in a test that takes these states.
    fn side(&mut self, attribute: usize, takes: u32) -> Side {
        self.reads.push(attribute as u32);
        let place = self.policy.attributes.get(attribute).map_or(0, |a| self.builder.attribute(a));
        Side { place: place as u32, attribute: attribute as u32, takes }
    }

    fn test(&mut self, test: &Test) -> Goal {
        let attribute = test.attribute;
        match &test.operator {
            Operator::Exists => self.state(attribute, PRESENT),
            Operator::Type(types) => self.state(attribute, types.iter().fold(0, |set, t| set | states(*t))),
            Operator::Eq(Operand::Literal(value)) => self.one_of(attribute, std::slice::from_ref(value)),
            Operator::In(values) => self.one_of(attribute, values),
            Operator::Eq(Operand::Ref(other)) => {
                let left = self.side(attribute, SCALAR);
                let right = self.side(*other, SCALAR);
                let answer = self.builder.pair(op::EQUAL, left.place as Draft, right.place as Draft);
                Goal::Atom(Atom { left, check: Check::Same(right, answer) })
            }
            Operator::Lt(operand) => self.order(attribute, Compare::Less, operand),
            Operator::Lte(operand) => self.order(attribute, Compare::AtMost, operand),
            Operator::Gt(operand) => Goal::Not(Box::new(self.order(attribute, Compare::AtMost, operand))),
            Operator::Gte(operand) => Goal::Not(Box::new(self.order(attribute, Compare::Less, operand))),
            Operator::StartsWith(operand) => self.text(attribute, op::STARTS_WITH, operand),
            Operator::EndsWith(operand) => self.text(attribute, op::ENDS_WITH, operand),
            Operator::Contains(operand) => self.text(attribute, op::CONTAINS, operand),
            _ => nothing(),
        }
    }

    fn state(&mut self, attribute: usize, yes: u32) -> Goal {
        Goal::Atom(Atom { left: self.side(attribute, yes), check: Check::State(yes) })
    }

    fn one_of(&mut self, attribute: usize, values: &[Value]) -> Goal {
        let mut left = self.side(attribute, 0);
        let mut booleans = 0;
        let mut strings = Vec::new();
        let mut numbers = Vec::new();
        for value in values {
            match value {
                Value::Bool(value) => {
                    left.takes |= BOOLEAN;
                    booleans |= if *value { kind::TRUE } else { kind::FALSE };
                }
                Value::Number(value) => {
                    left.takes |= kind::NUMBER;
                    numbers.push(number(value));
                }
                Value::String(value) => {
                    left.takes |= kind::STRING;
                    strings.push(self.builder.constant(left.place as Draft, value));
                }
            }
        }
        numbers.sort_unstable();
        numbers.dedup();
        Goal::Atom(Atom { left, check: Check::OneOf { booleans, strings: ranges(strings), numbers } })
    }

    fn order(&mut self, attribute: usize, compare: Compare, operand: &Operand) -> Goal {
        let left = self.side(attribute, kind::NUMBER);
        let check = match operand {
            Operand::Ref(other) => Check::OrderWith(compare, self.side(*other, kind::NUMBER)),
            Operand::Literal(Value::Number(value)) => Check::Order(compare, number(value)),
            Operand::Literal(_) => return nothing(),
        };
        Goal::Atom(Atom { left, check })
    }

    fn text(&mut self, attribute: usize, op: u32, operand: &Operand) -> Goal {
        let left = self.side(attribute, kind::STRING);
        let check = match operand {
            Operand::Ref(other) => {
                let right = self.side(*other, kind::STRING);
                Check::AnswerWith(right, self.builder.pair(op, left.place as Draft, right.place as Draft))
            }
            Operand::Literal(Value::String(text)) => Check::Answer(self.builder.text(left.place as Draft, op, text)),
            Operand::Literal(_) => return nothing(),
        };
        Goal::Atom(Atom { left, check })
    }
}

/// What a test becomes whose operand the check stage would have refused: it never holds, one way or the other.
fn nothing() -> Goal {
    let left = Side { place: 0, attribute: 0, takes: 0 };
    Goal::Atom(Atom { left, check: Check::OneOf { booleans: 0, strings: Vec::new(), numbers: Vec::new() } })
}

/// The states of a type.
const fn states(of: Type) -> u32 {
    match of {
        Type::Null => kind::NULL,
        Type::Boolean => BOOLEAN,
        Type::Number => kind::NUMBER | kind::RANGE,
        Type::String => kind::STRING,
        Type::List => kind::LIST | kind::LONG_LIST,
        Type::Object => kind::OBJECT,
    }
}

fn number(value: &Decimal) -> Number {
    // A decimal is written as a JSON number, and what `check` has let in is in range.
    Number::parse(value.to_string().as_bytes()).flatten().unwrap_or(Number::ZERO)
}

/// The numbers as few ranges.
fn ranges(mut numbers: Vec<u32>) -> Vec<RangeInclusive<u32>> {
    numbers.sort_unstable();
    numbers.dedup();
    let mut ranges: Vec<RangeInclusive<u32>> = Vec::new();
    for number in numbers {
        match ranges.last_mut() {
            Some(last) if *last.end() + 1 == number => *last = *last.start()..=number,
            _ => ranges.push(number..=number),
        }
    }
    ranges
}

impl Goal {
    /// Puts the places' final numbers where the drafts' stand.
    pub(super) fn settle(&mut self, numbers: &[u32]) {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter_mut().for_each(|part| part.settle(numbers)),
            Self::Not(part) => part.settle(numbers),
            Self::Atom(atom) => {
                atom.left.settle(numbers);
                match &mut atom.check {
                    Check::Same(right, _) | Check::OrderWith(_, right) | Check::AnswerWith(right, _) => {
                        right.settle(numbers);
                    }
                    Check::State(_) | Check::OneOf { .. } | Check::Order(..) | Check::Answer(_) => {}
                }
            }
        }
    }
}

impl Side {
    fn settle(&mut self, numbers: &[u32]) {
        self.place = numbers.get(self.place as usize).copied().unwrap_or(0);
    }
}
