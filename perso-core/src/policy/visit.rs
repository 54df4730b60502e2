//! One way through a condition: every test, and for each test its attribute and what it is compared with.

use crate::span::Span;

use super::{AttributeId, Condition, Operand, Operator, Quantified, RoleId, Test, Value};

/// What a test compares its attribute with.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Compared<'p> {
    /// Nothing: `exists`.
    Nothing,
    /// A literal.
    Value(&'p Value),
    /// Any of several literals.
    Values(&'p [Value]),
    /// The value of another attribute, or its elements.
    Attribute(AttributeId),
    /// A path, of several parts, and perhaps a base.
    Path(Option<AttributeId>, &'p [Operand]),
    /// A pattern.
    Pattern,
    /// A role of the caller's.
    Role(RoleId),
    /// What is asked of elements.
    Elements(&'p Quantified),
    /// Types of JSON.
    Types,
    /// The keys that an object may have, as attributes.
    Keys(&'p [AttributeId]),
}

impl Condition {
    /// Shows every test, in the order of the document, those asked of elements included. With a test comes whether it
    /// counts as it stands: `false` behind an odd number of `not`.
    pub(crate) fn each_test<'p>(&'p self, see: &mut dyn FnMut(&'p Test, bool)) {
        self.each_test_if(true, see);
    }

    fn each_test_if<'p>(&'p self, wanted: bool, see: &mut dyn FnMut(&'p Test, bool)) {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().for_each(|part| part.each_test_if(wanted, see)),
            Self::Not(inner) => inner.each_test_if(!wanted, see),
            Self::Test(test) => {
                see(test, wanted);
                if let Compared::Elements(asked) = test.compared() {
                    asked.condition.each_test_if(wanted, see);
                }
            }
        }
    }

    /// Shows every attribute that is read, in the order of the document; one that is read twice is shown twice.
    pub(crate) fn each_attribute(&self, see: &mut dyn FnMut(AttributeId)) {
        self.each_test(&mut |test, _| {
            see(test.attribute);
            match test.compared() {
                Compared::Attribute(id) => see(id),
                Compared::Keys(ids) => ids.iter().copied().for_each(&mut *see),
                Compared::Path(base, parts) => {
                    let parts = parts.iter().filter_map(Operand::reference);
                    base.into_iter().chain(parts).for_each(&mut *see);
                }
                _ => {}
            }
        });
    }

    /// Shows where every test stands, to change it.
    pub(crate) fn each_span(&mut self, see: &mut dyn FnMut(&mut Span)) {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter_mut().for_each(|part| part.each_span(see)),
            Self::Not(inner) => inner.each_span(see),
            Self::Test(test) => {
                see(&mut test.span);
                if let Operator::Every(asked) | Operator::Some(asked) | Operator::At(_, asked) = &mut test.operator {
                    asked.condition.each_span(see);
                }
            }
        }
    }

    /// Shows every role that is asked for.
    pub(crate) fn each_role(&self, see: &mut dyn FnMut(RoleId)) {
        self.each_test(&mut |test, _| {
            if let Compared::Role(role) = test.compared() {
                see(role);
            }
        });
    }
}

impl Test {
    /// What the attribute is compared with.
    pub(crate) fn compared(&self) -> Compared<'_> {
        match &self.operator {
            Operator::Eq(operand)
            | Operator::Lt(operand)
            | Operator::Lte(operand)
            | Operator::Gt(operand)
            | Operator::Gte(operand)
            | Operator::StartsWith(operand)
            | Operator::EndsWith(operand)
            | Operator::Contains(operand)
            | Operator::Has(operand) => match operand {
                Operand::Literal(value) => Compared::Value(value),
                Operand::Ref(id) => Compared::Attribute(*id),
            },
            Operator::In(values) | Operator::Presumed(values) => Compared::Values(values),
            Operator::InList(id) => Compared::Attribute(*id),
            Operator::HasRole(role) => Compared::Role(*role),
            Operator::Inside { base, directory } => Compared::Path(*base, directory),
            Operator::Matches(_) => Compared::Pattern,
            Operator::Every(asked) | Operator::Some(asked) | Operator::At(_, asked) => Compared::Elements(asked),
            Operator::Exists => Compared::Nothing,
            Operator::Type(_) => Compared::Types,
            Operator::Only(keys) => Compared::Keys(keys),
        }
    }

    /// The other attribute that it is compared with, if it is.
    pub(crate) fn referenced(&self) -> Option<AttributeId> {
        match self.compared() {
            Compared::Attribute(id) => Some(id),
            _ => None,
        }
    }
}
