//! The checked policy: what a document means, with nothing of how it was written but spans for messages.
//!
//! `check` makes it. Everything else that is about a policy reads it: the plan, the reference evaluator, reasons, and
//! warnings.

mod attribute;
mod condition;
mod decimal;
mod fold;
pub(crate) mod network;
mod obligation;
mod rule_index;
pub(crate) mod time;
mod tool_index;
mod tool_pattern;
mod visit;
mod zone;

pub use attribute::{Attribute, CommandField, Dialect, Facet, Root, StatementField, Step};
pub use condition::{Condition, Operand, Operator, Pattern, Quantified, Test, Type, Value};
pub use decimal::Decimal;
pub(crate) use fold::{fold, unfolded};
pub use obligation::{Duty, Limit, Obligation, Period, Window};
pub(crate) use rule_index::{About, RuleIndex};
pub(crate) use tool_index::ToolIndex;
pub(crate) use visit::Compared;
pub use zone::Zone;

use crate::covers::Covers;
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
    /// What is judged besides calls of tools. The requests that are covered are known tools.
    pub covers: Covers,
    /// The rules, in document order.
    pub rules: Vec<Rule>,
    /// What has to be remembered of calls, in document order: limits, then labels.
    pub obligations: Vec<Obligation>,
    /// Every attribute that a condition reads, in order of first use. [`AttributeId`] is an index into it.
    pub attributes: Vec<Attribute>,
    /// What each [`Facet::Sum`] adds up.
    pub sums: Vec<Sum>,
    /// Where things stand in the document, for warnings.
    pub places: Places,
}

impl Policy {
    /// A policy without anything in it, which denies every call.
    pub(crate) const fn empty() -> Self {
        Self {
            description: None,
            default: Effect::Deny,
            roles: Vec::new(),
            tools: None,
            covers: Covers::NOTHING,
            rules: Vec::new(),
            obligations: Vec::new(),
            attributes: Vec::new(),
            sums: Vec::new(),
            places: Places {
                default: None,
                roles: Vec::new(),
                attributes: Vec::new(),
                tools: Vec::new(),
                covers: Vec::new(),
                unused_definitions: Vec::new(),
            },
        }
    }
}

impl Policy {
    /// All that is about calls to certain tools: the rules, and what the obligations are about.
    pub(crate) fn scopes(&self) -> impl Iterator<Item = &Rule> {
        self.rules.iter().chain(self.obligations.iter().map(|obligation| &obligation.scope))
    }
}

/// Where the parts of a policy stand in its document.
#[derive(Debug, Clone, Default)]
pub struct Places {
    /// The value of `default`.
    pub default: Option<Span>,
    /// The first mention of each of [`Policy::roles`].
    pub roles: Vec<Span>,
    /// The first mention of each of [`Policy::attributes`].
    pub attributes: Vec<Span>,
    /// Each of [`Policy::tools`].
    pub tools: Vec<Span>,
    /// The words of `covers`.
    pub covers: Vec<(String, Span)>,
    /// The definitions that no rule uses, with their names.
    pub unused_definitions: Vec<(String, Span)>,
}

/// An index into [`Policy::roles`].
pub type RoleId = usize;

/// An index into [`Policy::attributes`].
pub type AttributeId = usize;

/// An index into [`Policy::sums`].
pub type SumId = usize;

/// What is added up of each element of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sum {
    /// The keys to the number in an element; none where it is the element itself.
    pub of: Vec<String>,
    /// The keys to a number that it is multiplied by, if it is.
    pub times: Option<Vec<String>>,
}

/// A role and everything it stands for.
#[derive(Debug, Clone)]
pub struct Role {
    /// The role's name.
    pub name: String,
    /// The role itself and every role that it inherits from, directly or not, ascending.
    pub closure: Vec<RoleId>,
}

/// What a rule does, or what happens without one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// The call may run.
    Allow,
    /// The call may run if a person approves it.
    Ask,
    /// The call may not run.
    Deny,
}

impl Effect {
    /// The key that a rule has it under: `"allow"`, `"ask"`, `"deny"`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Ask => "ask",
            Self::Deny => "deny",
        }
    }
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
