//! Lowers conditions to atoms over places.

use super::pattern::{self, Automata};
use super::place::{Builder, CALL, NodeId, PartDraft, Places, Settled};
use super::{RoleSet, role_set};
use crate::diagnostic::Diagnostic;
use crate::policy::{
    Attribute, Condition, Decimal, Facet, Operand, Operator, Policy, Quantified, Root, Test, ToolPattern, Type, Value,
};
use crate::span::Span;
use perso_decode::Number;
use perso_decode::layout::{self, kind, op, part};
use std::collections::HashMap;
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
    /// A condition on the elements of a list.
    Elements(Elements),
    /// The value is among the elements of a list.
    Among(Among),
    /// The list has a value as an element.
    Has(Has),
    /// The caller has one of these roles.
    Roles(RoleSet),
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
    /// How many lists deep it is: 0 for the call itself, 1 for an element of the list that is looked into, and so on.
    pub depth: u32,
    /// Where it is.
    pub place: u32,
    /// Its number in verdicts.
    pub attribute: u32,
    /// The states that the test can judge, as [`kind`]s.
    pub takes: u32,
    /// The same place, before it has its number.
    node: NodeId,
}

/// A list that a test goes through.
#[derive(Debug, Clone, Copy)]
pub struct List {
    /// The list.
    pub side: Side,
    /// Bytes of an element.
    pub size: u32,
    /// Where in an element its answer bits are.
    pub answers: u32,
    /// The view of its elements, before it has its size.
    view: usize,
}

/// A condition on the elements of a list.
#[derive(Debug)]
pub struct Elements {
    /// The list.
    pub list: List,
    /// Which of them must pass.
    pub which: Which,
    /// The condition.
    pub condition: Box<Goal>,
}

/// Which elements of a list must pass.
#[derive(Debug, Clone, Copy)]
pub enum Which {
    /// All of them.
    Every {
        /// Whether an empty list passes.
        bounded: bool,
    },
    /// One of them.
    Some,
    /// The one at this place.
    At(u32),
}

/// A test that a value is among the elements of a list.
#[derive(Debug)]
pub struct Among {
    /// The value.
    pub value: Side,
    /// The list.
    pub list: List,
    /// The element.
    pub element: Side,
}

/// A test that a list has an element.
#[derive(Debug)]
pub struct Has {
    /// The list.
    pub list: List,
    /// The element.
    pub element: Side,
    /// What it must have.
    pub what: What,
}

/// What a list must have.
#[derive(Debug)]
pub enum What {
    /// This.
    Literal(OneOf),
    /// The value of another attribute.
    Ref(Side),
}

/// How an atom tests.
#[derive(Debug)]
pub enum Check {
    /// The state is one of these. Never unknown.
    State(u32),
    /// The value is one of these.
    OneOf(OneOf),
    /// The value is one of these, or else unknown.
    Presumed(OneOf),
    /// The number compares so with this one.
    Order(Compare, Number),
    /// The answer bit is set.
    Answer(u32),
    /// The value is that of another attribute.
    Same(Side),
    /// The number compares so with that of another attribute.
    OrderWith(Compare, Side),
    /// Both are strings, and the answer bit is set.
    AnswerWith(Side, u32),
    /// Some string of a part of the call has set the answer bit.
    AnswerOfSome(u32),
    /// All are strings, and the answer bit is set.
    AnswerWithAll(Vec<Side>, u32),
    /// The number, which depends on the present, compares so with this one.
    OrderSince(Compare, Number, Side),
    /// The object has nothing at any other place than some.
    Only(Only),
}

/// A test that an object has no other keys than some.
#[derive(Debug)]
pub struct Only {
    /// The places of its other keys, and of all keys that have none of their own.
    pub others: Vec<u32>,
    /// Whether it is a part of the call, which has no keys where it is absent.
    pub is_part: bool,
    /// The number of the test, before the places have theirs.
    number: usize,
}

/// Some values.
#[derive(Debug, Default)]
pub struct OneOf {
    /// The booleans, as [`kind`]s.
    pub booleans: u32,
    /// The strings, by their number.
    pub strings: Vec<RangeInclusive<u32>>,
    /// The numbers.
    pub numbers: Vec<Number>,
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
/// What can be compared for equality.
pub const SCALAR: u32 = BOOLEAN | kind::NUMBER | kind::STRING;
const PRESENT: u32 = SCALAR | kind::LIST | kind::LONG_LIST | kind::RANGE | kind::OBJECT;

/// Lowers the rules of one view.
pub(super) struct Lowering<'p, 'v> {
    policy: &'p Policy,
    builder: Builder,
    /// The attributes read so far, by their number.
    reads: Vec<u32>,
    /// The views that conditions are in now: the call's, then those of elements.
    views: Vec<usize>,
    /// Whether it is the view of prompts in a list.
    is_listed: bool,
    /// Whether a condition asks for the caller's roles.
    pub(super) asks_roles: bool,
    /// The patterns that have been tried so far: none of those that are unfit is reported twice.
    patterns: &'v mut Patterns,
}

/// The patterns of a policy.
#[derive(Default)]
pub(super) struct Patterns {
    tried: HashMap<String, bool>,
    pub(super) automata: Automata,
    pub(super) errors: Vec<Diagnostic>,
}

impl Patterns {
    /// Whether a regular expression has an automaton. If not, that is reported.
    fn is_fit(&mut self, source: &str, written: &str, span: Span) -> bool {
        if let Some(fit) = self.tried.get(source) {
            return *fit;
        }
        let result = self.automata.alone(source);
        let fit = result.is_ok();
        if let Err(unfit) = result {
            self.errors.push(unfit.diagnostic(written, span));
        }
        self.tried.insert(source.to_owned(), fit);
        fit
    }
}

impl<'p, 'v> Lowering<'p, 'v> {
    pub(super) fn new(policy: &'p Policy, is_listed: bool, patterns: &'v mut Patterns) -> Self {
        let (builder, reads) = (Builder::new(), Vec::new());
        Self { policy, builder, reads, views: vec![CALL], is_listed, asks_roles: false, patterns }
    }

    /// The places, where they stand, and the attributes that are read. `roles` says whether the caller's roles matter.
    pub(super) fn finish(mut self, roles: bool) -> (Places, Settled, Vec<u32>) {
        if roles {
            self.builder.roles();
        }
        let (places, settled) = self.builder.finish(&mut self.patterns.automata);
        (places, settled, self.reads)
    }

    /// What is over a limit of a view, if something is.
    pub(super) fn over(&self) -> Option<(&'static str, usize)> {
        if self.builder.lists() > layout::LISTS {
            return Some(("lists whose elements are tested", layout::LISTS));
        }
        (self.builder.places() > MOST_PLACES).then_some(("attributes and objects that contain them", MOST_PLACES))
    }

    /// The answers of which one tells that a tool which the policy does not name is one of these; none if any tool is.
    pub(super) fn about(&mut self, patterns: &[ToolPattern]) -> Vec<u32> {
        if patterns.iter().any(|pattern| pattern.text == "*") {
            return Vec::new();
        }
        let mut answers = Vec::new();
        for pattern in patterns.iter().filter(|pattern| pattern.is_wildcard()) {
            let source = pattern::tool_source(&pattern.text);
            if self.patterns.is_fit(&source, &pattern.text, pattern.span) {
                answers.push(self.builder.matches(Builder::part(part::TOOL), source));
            }
        }
        answers
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
        let node = match self.policy.attributes.get(attribute) {
            Some(attribute) if self.is_listed && attribute.is_of_prompt() => {
                self.builder.attribute(self.policy, &Attribute { root: Root::Resource, ..attribute.clone() })
            }
            Some(attribute) => self.builder.attribute(self.policy, attribute),
            None => Builder::part(part::TOOL),
        };
        // An element is only ever named inside of its own list's condition.
        let depth = self.views.iter().position(|view| *view == node.view).unwrap_or(0) as u32;
        Side { depth, place: 0, attribute: attribute as u32, takes, node }
    }

    /// An attribute whose value the host reads: what names an account, and what is charged.
    pub(super) fn kept(&mut self, attribute: usize) -> Side {
        let side = self.side(attribute, SCALAR);
        self.builder.keep(side.node);
        side
    }

    /// A list, and its element in a test that takes these states of it.
    fn list(&mut self, attribute: usize, takes: u32, element_takes: u32) -> (List, Side) {
        let side = self.side(attribute, takes);
        let view = self.builder.element(side.node);
        let node = Builder::element_place(view);
        let element =
            Side { depth: self.views.len() as u32, place: 0, attribute: side.attribute, takes: element_takes, node };
        (List { side, size: 0, answers: 0, view }, element)
    }

    fn test(&mut self, test: &Test) -> Goal {
        let attribute = test.attribute;
        match &test.operator {
            Operator::Exists => self.state(attribute, PRESENT),
            Operator::Type(types) => self.state(attribute, types.iter().fold(0, |set, t| set | states(*t))),
            Operator::Eq(Operand::Literal(value)) => self.one_of(attribute, std::slice::from_ref(value)),
            Operator::In(values) => self.one_of(attribute, values),
            Operator::Presumed(values) => self.presumed(attribute, values),
            Operator::Eq(Operand::Ref(other)) => {
                let left = self.side(attribute, SCALAR);
                let right = self.side(*other, SCALAR);
                self.builder.keep(left.node);
                self.builder.keep(right.node);
                Goal::Atom(Atom { left, check: Check::Same(right) })
            }
            Operator::Lt(operand) => self.order(attribute, Compare::Less, operand),
            Operator::Lte(operand) => self.order(attribute, Compare::AtMost, operand),
            Operator::Gt(operand) => Goal::Not(Box::new(self.order(attribute, Compare::AtMost, operand))),
            Operator::Gte(operand) => Goal::Not(Box::new(self.order(attribute, Compare::Less, operand))),
            Operator::StartsWith(operand) => self.text(attribute, op::STARTS_WITH, operand),
            Operator::EndsWith(operand) => self.text(attribute, op::ENDS_WITH, operand),
            Operator::Contains(operand) => self.text(attribute, op::CONTAINS, operand),
            Operator::Inside { base, directory } => self.inside(attribute, *base, directory),
            Operator::Has(operand) => self.has(attribute, operand),
            Operator::HasRole(role) => {
                self.asks_roles = true;
                Goal::Roles(role_set(self.policy, &[*role]))
            }
            Operator::Matches(pattern) => {
                let left = self.side(attribute, kind::STRING);
                let source = pattern::source(pattern);
                if !self.patterns.is_fit(&source, pattern.text(), test.span) {
                    return nothing();
                }
                let answer = self.builder.matches(left.node, source);
                self.answered(left, answer)
            }
            Operator::Every(asked) => self.elements(attribute, asked, Which::Every { bounded: asked.bounded }),
            Operator::Some(asked) => self.elements(attribute, asked, Which::Some),
            Operator::At(place, asked) => self.elements(attribute, asked, Which::At(*place)),
            Operator::Only(keys) => {
                let left = self.side(attribute, kind::OBJECT);
                let keys: Vec<NodeId> = keys.iter().map(|key| self.side(*key, 0).node).collect();
                let number = self.builder.only(left.node, keys);
                let steps = self.policy.attributes.get(attribute).map(|attribute| attribute.steps.is_empty());
                let only = Only { others: Vec::new(), is_part: steps == Some(true), number };
                Goal::Atom(Atom { left, check: Check::Only(only) })
            }
            Operator::InList(list) => {
                let value = self.side(attribute, SCALAR);
                let (list, element) = self.list(*list, kind::LIST, SCALAR);
                self.builder.keep(value.node);
                self.builder.keep(element.node);
                Goal::Among(Among { value, list, element })
            }
        }
    }

    fn elements(&mut self, attribute: usize, asked: &Quantified, which: Which) -> Goal {
        let (list, _) = self.list(attribute, kind::LIST, 0);
        self.views.push(list.view);
        let condition = Box::new(self.condition(&asked.condition));
        self.views.pop();
        Goal::Elements(Elements { list, which, condition })
    }

    fn has(&mut self, attribute: usize, operand: &Operand) -> Goal {
        let (list, mut element) = self.list(attribute, kind::LIST, SCALAR);
        let what = match operand {
            Operand::Ref(other) => {
                let right = self.side(*other, SCALAR);
                self.builder.keep(element.node);
                self.builder.keep(right.node);
                What::Ref(right)
            }
            Operand::Literal(value) => {
                let (values, takes) = self.values(element.node, std::slice::from_ref(value));
                element.takes = takes;
                What::Literal(values)
            }
        };
        Goal::Has(Has { list, element, what })
    }

    fn inside(&mut self, attribute: usize, base: Option<usize>, directory: &[Operand]) -> Goal {
        let left = self.side(attribute, kind::STRING);
        let mut sides = Vec::new();
        let mut part = |lowering: &mut Self, operand: &Operand| match operand {
            Operand::Literal(Value::String(text)) => PartDraft::Literal(text.clone()),
            Operand::Literal(_) => PartDraft::Literal(String::new()),
            Operand::Ref(id) => {
                let side = lowering.side(*id, kind::STRING);
                sides.push(side);
                PartDraft::Node(side.node)
            }
        };
        // The base comes first, where there is one.
        let base = match base {
            Some(base) => part(self, &Operand::Ref(base)),
            None => PartDraft::Literal(String::new()),
        };
        let directory = directory.iter().map(|operand| part(self, operand)).collect();
        let answer = self.builder.inside(left.node.view, vec![base, PartDraft::Node(left.node)], directory);
        Goal::Atom(Atom { left, check: Check::AnswerWithAll(sides, answer) })
    }

    fn pair(&mut self, op: u32, left: &Side, right: &Side) -> u32 {
        self.builder.pair(op, left.node, right.node, left.depth.saturating_sub(right.depth))
    }

    fn state(&mut self, attribute: usize, yes: u32) -> Goal {
        Goal::Atom(Atom { left: self.side(attribute, yes), check: Check::State(yes) })
    }

    fn one_of(&mut self, attribute: usize, values: &[Value]) -> Goal {
        let (left, values) = self.among_values(attribute, values);
        Goal::Atom(Atom { left, check: Check::OneOf(values) })
    }

    fn presumed(&mut self, attribute: usize, values: &[Value]) -> Goal {
        let (left, values) = self.among_values(attribute, values);
        Goal::Atom(Atom { left, check: Check::Presumed(values) })
    }

    /// An attribute, and the values that it is compared with.
    fn among_values(&mut self, attribute: usize, values: &[Value]) -> (Side, OneOf) {
        let mut left = self.side(attribute, 0);
        let (values, takes) = self.values(left.node, values);
        left.takes = takes;
        (left, values)
    }

    /// Values that the one at a place is compared with, and the states that can be.
    fn values(&mut self, place: NodeId, values: &[Value]) -> (OneOf, u32) {
        let mut takes = 0;
        let mut booleans = 0;
        let mut strings = Vec::new();
        let mut numbers = Vec::new();
        for value in values {
            match value {
                Value::Bool(value) => {
                    takes |= BOOLEAN;
                    booleans |= if *value { kind::TRUE } else { kind::FALSE };
                }
                Value::Number(value) => {
                    takes |= kind::NUMBER;
                    numbers.push(number(value));
                }
                Value::String(value) => {
                    takes |= kind::STRING;
                    strings.push(self.builder.constant(place, value));
                }
            }
        }
        numbers.sort_unstable();
        numbers.dedup();
        (OneOf { booleans, strings: ranges(strings), numbers }, takes)
    }

    fn order(&mut self, attribute: usize, compare: Compare, operand: &Operand) -> Goal {
        let left = self.side(attribute, kind::NUMBER);
        let is_age = self.policy.attributes.get(attribute).and_then(Attribute::facet) == Some(Facet::Age);
        let check = match operand {
            Operand::Literal(Value::Number(value)) if is_age => {
                let present = Attribute::present();
                let Some(now) = self.policy.attributes.iter().position(|attribute| *attribute == present) else {
                    return nothing();
                };
                Check::OrderSince(compare, number(value), self.side(now, kind::NUMBER))
            }
            Operand::Ref(other) => Check::OrderWith(compare, self.side(*other, kind::NUMBER)),
            Operand::Literal(Value::Number(value)) => Check::Order(compare, number(value)),
            Operand::Literal(_) => return nothing(),
        };
        Goal::Atom(Atom { left, check })
    }

    /// A test that an answer bit tells of, of a string or of every string of a part.
    fn answered(&self, mut left: Side, answer: u32) -> Goal {
        let is_every = self.policy.attributes.get(left.attribute as usize).is_some_and(Attribute::is_every_string);
        if !is_every {
            return Goal::Atom(Atom { left, check: Check::Answer(answer) });
        }
        left.takes = kind::OBJECT | kind::STRING;
        Goal::Atom(Atom { left, check: Check::AnswerOfSome(answer) })
    }

    fn text(&mut self, attribute: usize, op: u32, operand: &Operand) -> Goal {
        let left = self.side(attribute, kind::STRING);
        let check = match operand {
            Operand::Ref(other) => {
                let right = self.side(*other, kind::STRING);
                Check::AnswerWith(right, self.pair(op, &left, &right))
            }
            Operand::Literal(Value::String(text)) => {
                let answer = self.builder.text(left.node, op, text);
                return self.answered(left, answer);
            }
            Operand::Literal(_) => return nothing(),
        };
        Goal::Atom(Atom { left, check })
    }
}

/// The most places in a view, those of elements included.
const MOST_PLACES: usize = 1 << 14;

/// What a test becomes whose operand the check stage would have refused: it never holds, one way or the other.
fn nothing() -> Goal {
    let left = Side { depth: 0, place: 0, attribute: 0, takes: 0, node: Builder::part(part::TOOL) };
    Goal::Atom(Atom { left, check: Check::OneOf(OneOf::default()) })
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
    /// Puts the places' numbers and the elements' sizes in.
    pub(super) fn settle(&mut self, settled: &Settled) {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter_mut().for_each(|part| part.settle(settled)),
            Self::Not(part) => part.settle(settled),
            Self::Roles(_) => {}
            Self::Atom(atom) => {
                atom.left.settle(settled);
                match &mut atom.check {
                    Check::Same(right) | Check::OrderWith(_, right) | Check::AnswerWith(right, _) => {
                        right.settle(settled);
                    }
                    Check::OrderSince(_, _, now) => now.settle(settled),
                    Check::AnswerWithAll(sides, _) => sides.iter_mut().for_each(|side| side.settle(settled)),
                    Check::Only(only) => only.others = settled.others(only.number),
                    Check::State(_)
                    | Check::OneOf(_)
                    | Check::Presumed(_)
                    | Check::Order(..)
                    | Check::Answer(_)
                    | Check::AnswerOfSome(_) => {}
                }
            }
            Self::Elements(elements) => {
                elements.list.settle(settled);
                elements.condition.settle(settled);
            }
            Self::Among(among) => {
                among.value.settle(settled);
                among.list.settle(settled);
                among.element.settle(settled);
            }
            Self::Has(has) => {
                has.list.settle(settled);
                has.element.settle(settled);
                if let What::Ref(right) = &mut has.what {
                    right.settle(settled);
                }
            }
        }
    }
}

impl Side {
    /// The same of another place of the view.
    pub const fn at(self, place: u32) -> Self {
        Self { place, ..self }
    }

    pub(super) fn settle(&mut self, settled: &Settled) {
        self.place = settled.place(self.node);
    }
}

impl List {
    fn settle(&mut self, settled: &Settled) {
        self.side.settle(settled);
        self.size = settled.size(self.view);
        self.answers = settled.answers(self.view);
    }
}
