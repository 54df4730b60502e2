//! What must be so for a condition to be true, as far as single tests tell.

use std::collections::HashSet;
use std::fmt::Write as _;

use crate::policy::Decimal;
use crate::policy::{Condition, Operand, Operator, Test, Type, Value};

/// A test that must be true, or with `wanted` false, must be false.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fact<'p> {
    pub(crate) test: &'p Test,
    pub(crate) wanted: bool,
}

/// The parts that must all hold for a condition to be true (false, where not `wanted`).
#[derive(Debug, Default)]
pub(crate) struct Conjunction<'p> {
    pub(crate) facts: Vec<Fact<'p>>,
    /// Alternatives, and whether they must be true.
    pub(crate) others: Vec<(&'p Condition, bool)>,
}

impl<'p> Conjunction<'p> {
    pub(crate) fn of(condition: &'p Condition, wanted: bool) -> Self {
        let mut conjunction = Self::default();
        conjunction.add(condition, wanted);
        conjunction
    }

    fn add(&mut self, condition: &'p Condition, wanted: bool) {
        match condition {
            Condition::Test(test) => self.facts.push(Fact { test, wanted }),
            Condition::Not(inner) => self.add(inner, !wanted),
            Condition::All(parts) if wanted => parts.iter().for_each(|part| self.add(part, wanted)),
            Condition::Any(parts) if !wanted => parts.iter().for_each(|part| self.add(part, wanted)),
            // A choice of one is none.
            Condition::All(parts) | Condition::Any(parts) => match parts.as_slice() {
                [only] => self.add(only, wanted),
                _ => self.others.push((condition, wanted)),
            },
        }
    }
}

/// A set of what an attribute may be: the six types, and missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct States(u8);

impl States {
    pub(crate) const ALL: Self = Self(0x7f);
    /// Missing.
    pub(crate) const MISSING: Self = Self(1 << 6);
    const ABSENT: Self = Self(1 << 6 | 1 << Type::Null as u8);

    pub(crate) fn of(types: &[Type]) -> Self {
        Self(types.iter().fold(0, |set, one| set | 1 << *one as u8))
    }

    fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    pub(crate) fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub(crate) fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) fn has(self, one: Type) -> bool {
        !self.and(Self::of(&[one])).is_empty()
    }

    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(crate) fn is_within(self, other: Self) -> bool {
        self.without(other).is_empty()
    }
}

/// An end of a range of numbers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bound<'p> {
    pub(crate) number: &'p Decimal,
    /// Whether the number itself is in the range.
    pub(crate) inclusive: bool,
}

impl Bound<'_> {
    /// As an upper end: whether everything is less than 0.
    pub(crate) fn is_below_zero(&self) -> bool {
        Decimal::parse("0").is_some_and(|zero| *self.number < zero || (*self.number == zero && !self.inclusive))
    }
}

impl<'p> Fact<'p> {
    /// What the attribute must be for the test to be true or false, rather than unknown.
    pub(crate) fn readable(&self) -> States {
        match &self.test.operator {
            Operator::Eq(Operand::Literal(value)) => States::of(&[type_of(value)]),
            Operator::Eq(Operand::Ref(_)) => States::of(&[Type::Boolean, Type::Number, Type::String]),
            Operator::In(values) => States::of(&values.iter().map(type_of).collect::<Vec<_>>()),
            Operator::Presumed(values) if self.wanted => States::of(&values.iter().map(type_of).collect::<Vec<_>>()),
            // It is never false.
            Operator::Presumed(_) => States::of(&[]),
            Operator::Lt(_) | Operator::Lte(_) | Operator::Gt(_) | Operator::Gte(_) => States::of(&[Type::Number]),
            Operator::InList(_) => States::of(&[Type::Boolean, Type::Number, Type::String]),
            Operator::StartsWith(_)
            | Operator::EndsWith(_)
            | Operator::Contains(_)
            | Operator::Matches(_)
            | Operator::Inside { .. } => States::of(&[Type::String]),
            Operator::Has(_) | Operator::Every(_) | Operator::Some(_) | Operator::At(..) => States::of(&[Type::List]),
            Operator::Only(_) => States::of(&[Type::Object, Type::Null]),
            // Roles are read from `agent.role` as well, so that this may hold whatever the attribute is.
            Operator::HasRole(_) | Operator::Exists | Operator::Type(_) => States::ALL,
        }
    }

    /// What the attribute may be if this holds.
    pub(crate) fn states(&self) -> States {
        let exactly = |states: States| if self.wanted { states } else { States::ALL.without(states) };
        match &self.test.operator {
            Operator::Exists => exactly(States::ALL.without(States::ABSENT)),
            Operator::Type(types) => exactly(States::of(types)),
            _ => self.readable(),
        }
    }

    /// The only values that the attribute may have if this holds, where they are listed.
    pub(crate) fn candidates(&self) -> Option<&'p [Value]> {
        match &self.test.operator {
            Operator::Eq(Operand::Literal(value)) if self.wanted => Some(std::slice::from_ref(value)),
            Operator::In(values) | Operator::Presumed(values) if self.wanted => Some(values),
            _ => None,
        }
    }

    /// The least value, where there is one.
    pub(crate) fn lower(&self) -> Option<Bound<'p>> {
        match (&self.test.operator, self.wanted) {
            (Operator::Gt(operand), true) | (Operator::Lte(operand), false) => bound(operand, false),
            (Operator::Gte(operand), true) | (Operator::Lt(operand), false) => bound(operand, true),
            _ => None,
        }
    }

    /// The greatest value, where there is one.
    pub(crate) fn upper(&self) -> Option<Bound<'p>> {
        match (&self.test.operator, self.wanted) {
            (Operator::Lt(operand), true) | (Operator::Gte(operand), false) => bound(operand, false),
            (Operator::Lte(operand), true) | (Operator::Gt(operand), false) => bound(operand, true),
            _ => None,
        }
    }

    /// Whether this can hold of a value; where the test compares with another attribute it can.
    pub(crate) fn allows(&self, value: &Value) -> bool {
        self.allows_type(value) && self.compare(value).is_none_or(|outcome| outcome == self.wanted)
    }

    /// Whether this surely holds of a value.
    pub(crate) fn holds_of(&self, value: &Value) -> bool {
        let readable = States::of(&[type_of(value)]).is_within(self.readable());
        readable && self.compare(value) == Some(self.wanted)
    }

    /// What the test says of a value of a type that it takes; `None` where that depends on more than the value.
    fn compare(&self, value: &Value) -> Option<bool> {
        let number = |operand: &Operand, test: fn(std::cmp::Ordering) -> bool| match (value, operand) {
            (Value::Number(number), Operand::Literal(Value::Number(with))) => Some(test(number.cmp(with))),
            _ => None,
        };
        let string = |operand: &Operand, test: fn(&str, &str) -> bool| match (value, operand) {
            (Value::String(text), Operand::Literal(Value::String(with))) => Some(test(text, with)),
            _ => None,
        };
        match &self.test.operator {
            Operator::Eq(Operand::Literal(with)) => Some(value == with),
            Operator::Eq(Operand::Ref(_)) => None,
            Operator::In(values) | Operator::Presumed(values) => Some(values.contains(value)),
            Operator::Lt(operand) => number(operand, std::cmp::Ordering::is_lt),
            Operator::Lte(operand) => number(operand, std::cmp::Ordering::is_le),
            Operator::Gt(operand) => number(operand, std::cmp::Ordering::is_gt),
            Operator::Gte(operand) => number(operand, std::cmp::Ordering::is_ge),
            Operator::StartsWith(operand) => string(operand, |text, with| text.starts_with(with)),
            Operator::EndsWith(operand) => string(operand, |text, with| text.ends_with(with)),
            Operator::Contains(operand) => string(operand, |text, with| text.contains(with)),
            // Patterns, elements, roles and other attributes are not looked into.
            Operator::Matches(_)
            | Operator::Inside { .. }
            | Operator::Has(_)
            | Operator::HasRole(_)
            | Operator::Every(_)
            | Operator::Some(_)
            | Operator::At(..)
            | Operator::InList(_)
            | Operator::Only(_) => None,
            Operator::Exists => Some(true),
            Operator::Type(types) => Some(types.contains(&type_of(value))),
        }
    }

    /// Whether this can hold of a value of its type.
    pub(crate) fn allows_type(&self, value: &Value) -> bool {
        !self.states().and(States::of(&[type_of(value)])).is_empty()
    }

    /// How the string must begin (0) or end (1).
    pub(crate) fn end(&self) -> Option<(usize, &'p str)> {
        match &self.test.operator {
            Operator::StartsWith(Operand::Literal(Value::String(text))) if self.wanted => Some((0, text)),
            Operator::EndsWith(Operand::Literal(Value::String(text))) if self.wanted => Some((1, text)),
            _ => None,
        }
    }

    /// The values that [`Self::compare`] looks through, if they are many.
    pub(crate) fn listed(&self) -> Option<HashSet<&'p Value>> {
        match &self.test.operator {
            Operator::In(values) if values.len() > 16 => Some(values.iter().collect()),
            _ => None,
        }
    }
}

fn bound(operand: &Operand, inclusive: bool) -> Option<Bound<'_>> {
    match operand {
        Operand::Literal(Value::Number(number)) => Some(Bound { number, inclusive }),
        _ => None,
    }
}

pub(crate) fn type_of(value: &Value) -> Type {
    match value {
        Value::Bool(_) => Type::Boolean,
        Value::Number(_) => Type::Number,
        Value::String(_) => Type::String,
    }
}

/// The same text for conditions that are the same but for where they stand.
pub(crate) fn key(condition: &Condition, wanted: bool) -> String {
    let mut text = String::new();
    write_key(condition, wanted, &mut text);
    text
}

fn write_key(condition: &Condition, wanted: bool, text: &mut String) {
    let (open, parts) = match condition {
        Condition::Not(inner) => return write_key(inner, !wanted, text),
        Condition::Test(test) => {
            // Writing to a string does not fail.
            let _ = write!(text, "{}{} ", if wanted { "" } else { "!" }, test.attribute);
            let (name, asked) = match &test.operator {
                Operator::Every(asked) => ("every".to_owned(), asked),
                Operator::Some(asked) => ("some".to_owned(), asked),
                Operator::At(place, asked) => (format!("at {place}"), asked),
                other => {
                    let _ = write!(text, "{other:?};");
                    return;
                }
            };
            let _ = write!(text, "{name} {} ", asked.bounded);
            return write_key(&asked.condition, true, text);
        }
        Condition::All(parts) => (if wanted { "all(" } else { "any(" }, parts),
        Condition::Any(parts) => (if wanted { "any(" } else { "all(" }, parts),
    };
    text.push_str(open);
    parts.iter().for_each(|part| write_key(part, wanted, text));
    text.push(')');
}
