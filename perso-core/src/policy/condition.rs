//! Conditions: tests on attributes, and how they are put together.

#[cfg(doc)]
use super::Facet;
use super::{AttributeId, Decimal, RoleId};
use crate::span::Span;

/// A condition. Three-valued: see the language's page on truth.
#[derive(Debug, Clone)]
pub enum Condition {
    /// Every part; true where there is none.
    All(Vec<Condition>),
    /// At least one part; false where there is none.
    Any(Vec<Condition>),
    /// The opposite; unknown stays unknown.
    Not(Box<Condition>),
    /// One test on one attribute.
    Test(Test),
}

/// One test on one attribute.
///
/// `ne`, `not_in` and `exists: false` are [`Condition::Not`] around their positive tests: `not` keeps unknown, so
/// they mean the same.
#[derive(Debug, Clone)]
pub struct Test {
    /// What is tested.
    pub attribute: AttributeId,
    /// How.
    pub operator: Operator,
    /// Where the operator (or the scalar that means `eq`) stands in the document.
    pub span: Span,
}

/// The operators.
#[derive(Debug, Clone)]
pub enum Operator {
    /// Same type and same value. Takes booleans, numbers and strings.
    Eq(Operand),
    /// Same type and value as one of these; never empty. Takes the types that occur in the list.
    In(Vec<Value>),
    /// The same, but unknown where [`In`](Self::In) is false: for what the author has not written, and which must not
    /// free a call from a deny rule.
    Presumed(Vec<Value>),
    /// Less than. Numbers; the operand is a number or a reference.
    Lt(Operand),
    /// At most.
    Lte(Operand),
    /// More than.
    Gt(Operand),
    /// At least.
    Gte(Operand),
    /// The string begins with the operand, a string or a reference.
    StartsWith(Operand),
    /// The path is this one or below it. The attribute is a [`Facet::Path`], or a [`Facet::AnyPath`] where a base is given,
    /// from which it is read if it is relative.
    Inside {
        /// The base, a [`Facet::Path`].
        base: Option<AttributeId>,
        /// The parts of the path: an absolute one first, then segments; each a literal or a reference.
        directory: Vec<Operand>,
    },
    /// The string ends with the operand.
    EndsWith(Operand),
    /// The string contains the operand, a string. Unknown for a list.
    Contains(Operand),
    /// One of the elements of the list equals the operand. Unknown for a string.
    Has(Operand),
    /// The caller has this role, inherited or not. The attribute is `agent.roles`; `agent.role` counts, too. Unknown
    /// where the caller has no roles to read.
    HasRole(RoleId),
    /// The whole string matches a pattern.
    Matches(Pattern),
    /// Every element of the list passes. Unknown for an empty list, unless [`Quantified::bounded`].
    Every(Quantified),
    /// At least one element of the list passes.
    Some(Quantified),
    /// The element at this place passes, counted from 0. Unknown where the list has no such element.
    At(u32, Quantified),
    /// The value is the same as one of the elements of another attribute, a list.
    InList(AttributeId),
    /// Present and not null. Never unknown.
    Exists,
    /// The value is present and of one of these types. Never unknown.
    Type(Vec<Type>),
    /// The object has no other keys than the last of these attributes, which are below it. A part of the call that is
    /// absent or null has no keys.
    Only(Vec<AttributeId>),
}

/// What is asked of the elements of a list.
#[derive(Debug, Clone)]
pub struct Quantified {
    /// A condition over attributes whose steps are those of the list, [`Step::Element`](super::Step::Element), and those below the element;
    /// and over any others.
    pub condition: Box<Condition>,
    /// Whether `count` stands beside it, so that its author has thought of an empty list.
    pub bounded: bool,
}

/// A pattern that a whole string matches or not.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Pattern {
    /// `?` is one character and `*` any run of characters, both but for the separator; `**` is any run of characters.
    Glob {
        /// As written.
        text: String,
        /// What `*` and `?` stop at: `/`, or `.` in the name of a host.
        separator: char,
    },
    /// A regular expression of the `regex` crate's syntax.
    Regex(String),
}

impl Pattern {
    /// As written.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Glob { text, .. } | Self::Regex(text) => text,
        }
    }
}

/// What a test compares with.
#[derive(Debug, Clone)]
pub enum Operand {
    /// A literal.
    Literal(Value),
    /// Another attribute of the same call.
    Ref(AttributeId),
}

impl Operand {
    /// The attribute that it refers to, if it does.
    pub(crate) const fn reference(&self) -> Option<AttributeId> {
        match self {
            Self::Literal(_) => None,
            Self::Ref(id) => Some(*id),
        }
    }
}

/// A literal.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Value {
    /// `true` or `false`.
    Bool(bool),
    /// An exact number.
    Number(Decimal),
    /// A string.
    String(String),
}

/// A type of JSON value, as the `type` operator names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Type {
    /// `"null"`: present and null.
    Null,
    /// `"boolean"`.
    Boolean,
    /// `"number"`, also one that is out of range.
    Number,
    /// `"string"`.
    String,
    /// `"list"`.
    List,
    /// `"object"`.
    Object,
}

impl Type {
    /// How messages call a value of it: `a string`.
    pub(crate) const fn with_article(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean => "a boolean",
            Self::Number => "a number",
            Self::String => "a string",
            Self::List => "a list",
            Self::Object => "an object",
        }
    }
}
