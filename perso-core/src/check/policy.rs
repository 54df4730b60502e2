//! The checked policy: what a document means, with nothing of how it was written but spans for messages.
//!
//! Every stage after `check` reads this form: the plan, the reference evaluator, the warnings.

use super::Decimal;
use crate::span::Span;

/// A policy whose names, types and limits have been checked.
#[derive(Debug, Clone)]
pub struct Policy {
    /// The document's own description.
    pub description: Option<String>,
    /// What decides where no rule applies. [`Effect::Deny`] unless the document says otherwise.
    pub default: Effect,
    /// The roles, in document order, or in order of first use where the document has no table.
    pub roles: Vec<Role>,
    /// The known tools, where the document lists them: a call to any other tool is denied.
    pub tools: Option<Vec<String>>,
    /// The rules, in document order.
    pub rules: Vec<Rule>,
    /// Every attribute that a condition reads, in order of first use. [`AttributeId`] is an index into it.
    pub attributes: Vec<Attribute>,
}

/// An index into [`Policy::roles`].
pub type RoleId = usize;

/// An index into [`Policy::attributes`].
pub type AttributeId = usize;

/// A role and everything it stands for.
#[derive(Debug, Clone)]
pub struct Role {
    /// The role's name.
    pub name: String,
    /// The role itself and every role that it inherits from, directly or not, ascending.
    pub closure: Vec<RoleId>,
}

/// What a rule does, or what happens without one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// The call may run.
    Allow,
    /// The call may not run.
    Deny,
}

/// One rule.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Unique name.
    pub id: String,
    /// What the rule does.
    pub effect: Effect,
    /// The tools it is about; never empty.
    pub tools: Vec<ToolPattern>,
    /// The caller needs at least one of these (after inheritance); `None` means any caller.
    pub roles: Option<Vec<RoleId>>,
    /// `when` and not `unless`, as one condition, `when` first. [`Condition::All`] of nothing where the rule has neither.
    pub condition: Condition,
    /// The author's own reason.
    pub reason: Option<String>,
    /// Where the rule's id stands in the document.
    pub span: Span,
}

/// A tool name, or a pattern in which each `*` stands for any run of characters, also none.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ToolPattern {
    /// As written.
    pub text: String,
    /// Where it stands.
    pub span: Span,
}

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
    /// The value is the same as one of the elements of another attribute, a list.
    InList(AttributeId),
    /// Present and not null. Never unknown.
    Exists,
    /// The value is present and of one of these types. Never unknown.
    Type(Vec<Type>),
}

/// What is asked of the elements of a list.
#[derive(Debug, Clone)]
pub struct Quantified {
    /// A condition over attributes whose steps are those of the list, [`Step::Element`], and those below the element;
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

/// Which part of a call an attribute is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Root {
    /// The tool's name; has no keys below it.
    Tool,
    /// The arguments, which the model controls.
    Args,
    /// The caller, from the host.
    Agent,
    /// What the call is about, from the host.
    Resource,
    /// Everything else that the host knows.
    Context,
}

/// A value of a call that a policy reads.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Attribute {
    /// The part of the call.
    pub root: Root,
    /// How to get from the part to the value; empty only for [`Root::Tool`] itself.
    pub steps: Vec<Step>,
}

/// A step on the way to an attribute.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Step {
    /// To the value of a key of an object.
    Key(String),
    /// To each element of a list.
    Element,
    /// To something that can be read off a value.
    Facet(Facet),
}

/// What can be read off a value. Where a value does not have it, it is of a wrong type: tests on it are unknown. The
/// facet of what is missing, null, open or withheld is so too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Facet {
    /// The number of code points of a string, as a number. The `length` operator is tests on it.
    Length,
    /// The number of elements of a list, as a number. The `count` operator is tests on it.
    Count,
    /// The scheme of a URL, in lower case.
    Scheme,
    /// The host of a URL, in lower case.
    Host,
    /// The port of a URL, as a number; that of its scheme where the URL has none.
    Port,
    /// The path of a URL.
    UrlPath,
    /// Whether the host of a URL is a special address or name, such as loopback, private or metadata, as a boolean.
    Private,
    /// Whether a URL has a query or a fragment, as a boolean.
    Query,
    /// The domain of an e-mail address, in lower case.
    Domain,
    /// An absolute POSIX path without anything in it that would have to be resolved.
    Path,
    /// An absolute Windows path, likewise, in lower case and with `/` as the separator.
    WindowsPath,
    /// An IP address: `4:` or `6:` and its bits.
    Address,
    /// The arguments of a simple command, a list of strings: its words after the program.
    Words,
    /// The program of a simple command, its first word.
    Program,
}

impl Facet {
    /// Every facet, and how messages call it.
    pub const ALL: &[(Self, &'static str)] = &[
        (Self::Length, "length"),
        (Self::Count, "count"),
        (Self::Scheme, "scheme"),
        (Self::Host, "host"),
        (Self::Port, "port"),
        (Self::UrlPath, "path"),
        (Self::Private, "privateness"),
        (Self::Query, "query"),
        (Self::Domain, "domain"),
        (Self::Path, "location"),
        (Self::WindowsPath, "Windows location"),
        (Self::Address, "address"),
        (Self::Words, "words"),
        (Self::Program, "program"),
    ];

    /// How messages call it: `length of args.to`.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(facet, _)| *facet == self).map_or("", |(_, name)| name)
    }
}

impl Attribute {
    /// The facet that it is, if it is one.
    #[must_use]
    pub fn facet(&self) -> Option<Facet> {
        match self.steps.last() {
            Some(Step::Facet(facet)) => Some(*facet),
            _ => None,
        }
    }

    /// The keys before the first other step.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.steps.iter().map_while(|step| match step {
            Step::Key(key) => Some(key.as_str()),
            Step::Element | Step::Facet(_) => None,
        })
    }
}

impl Root {
    /// The part's key in a call.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Tool => "tool",
            Self::Args => "args",
            Self::Agent => "agent",
            Self::Resource => "resource",
            Self::Context => "context",
        }
    }
}

/// As an author writes it: `args.a.b`, `args["a-b"]`; elements as `args.items[].price`, facets as `length of args.a`.
impl std::fmt::Display for Attribute {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for step in self.steps.iter().rev() {
            if let Step::Facet(facet) = step {
                write!(f, "{} of ", facet.name())?;
            }
        }
        f.write_str(self.root.name())?;
        for step in &self.steps {
            match step {
                Step::Key(key) if is_identifier(key) => write!(f, ".{key}")?,
                Step::Key(key) => write!(f, "[{}]", serde_json::Value::from(key.as_str()))?,
                Step::Element => f.write_str("[]")?,
                Step::Facet(_) => {}
            }
        }
        Ok(())
    }
}

fn is_identifier(key: &str) -> bool {
    let mut chars = key.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
}
