//! What comes out: a decision, its reason for the caller and its cause for the operator.

#[cfg(feature = "ledger")]
mod advice;
mod hint;
mod message;
mod record;

#[cfg(feature = "ledger")]
pub(crate) use advice::Advice;
pub use hint::{Expected, Hint};
pub use message::Message;
pub use record::Record;

use serde::Serialize;

/// The answer to one call.
///
/// As JSON: `{"decision": "allow"|"ask"|"deny", "rule": id|null, "reason": "…", "hint": "…"|null, "cause": {…}}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Decision<'p> {
    /// What the host does with the call.
    pub outcome: Outcome,
    /// The id of the rule that decided; `None` where the default decided or the call could not be judged.
    pub rule: Option<&'p str>,
    /// For the caller, and so for the model: fixed when the policy was compiled, never a value of the call.
    pub reason: &'p str,
    /// For the caller: what it can do, where the reason does not cover it. Never a value of the call.
    pub hint: Option<Hint<'p>>,
    /// For the operator.
    pub cause: Cause<'p>,
}

/// What the host does with a call. Run the call only if [`Decision::is_allowed`] is true: more outcomes may be added, and
/// none of them lets a call run without something else happening first.
///
/// Ordered from what gives a call the most leave to what gives it the least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// The call may run.
    Allow,
    /// The call may run after a person has approved it. Without an approval, treat it as [`Deny`](Self::Deny).
    Ask,
    /// The call must not run.
    Deny,
}

/// Why, for the operator and for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Cause<'p> {
    /// What kind of thing decided.
    pub kind: CauseKind,
    /// With [`CauseKind::NoRule`]: the id of the nearest allow rule, the one whose reason is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<&'p str>,
    /// With [`CauseKind::OverLimit`] and [`CauseKind::Approval`]: the id of the limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<&'p str>,
    /// The attribute that the deciding rule looked at last, as an author writes it (`args.amount`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attribute: Option<&'p str>,
    /// What was wrong with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
    /// With [`CauseKind::Malformed`], [`CauseKind::Limit`], [`CauseKind::Engine`], [`CauseKind::Ledger`],
    /// [`CauseKind::Approval`] and [`CauseKind::Journal`]: what exactly.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<&'p str>,
    /// With [`CauseKind::Malformed`] and [`CauseKind::Limit`], where the call was text: the byte it was noticed at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<usize>,
}

impl Cause<'_> {
    /// A cause with nothing but its kind.
    pub(crate) const fn of(kind: CauseKind) -> Self {
        Self { kind, rule: None, limit: None, attribute: None, problem: None, detail: None, offset: None }
    }
}

/// What kind of thing decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CauseKind {
    /// A rule applied.
    Rule,
    /// No rule applied, and the default is to allow.
    Default,
    /// No rule applied, so the call is denied.
    NoRule,
    /// The policy lists its tools, and the call's is not among them.
    UnknownTool,
    /// The call is not what a call must be.
    Malformed,
    /// The call is over one of the limits.
    Limit,
    /// The module could not finish (a trap, or out of fuel).
    Engine,
    /// What has to be remembered of the call cannot be: there is no ledger, or it does not answer.
    Ledger,
    /// The call exceeds one of the policy's limits, or cannot be counted towards it.
    OverLimit,
    /// A person has denied the call, nobody has approved it in time, or nobody could be asked.
    Approval,
    /// The decision has to be recorded in a journal, and could not be.
    Journal,
}

/// What was wrong with an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Problem {
    /// Not there.
    Missing,
    /// Null.
    Null,
    /// Not of a type that the test takes.
    Type,
    /// A number outside of what is compared exactly, or a list that is too long.
    OutOfRange,
    /// Readable, but its value is not what an allow rule needs, or is what a deny rule forbids.
    Value,
    /// Withheld by whoever asked.
    Withheld,
}

/// Gives each variant the name that it has in JSON.
macro_rules! names {
    ($(#[$doc:meta] $named:ident { $($variant:ident = $name:literal,)* })*) => {$(
        impl $named {
            #[$doc]
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            /// The opposite of [`name`](Self::name).
            fn of_name(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }

        impl Serialize for $named {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.name())
            }
        }
    )*};
}

names! {
    /// As it is written in JSON: `"allow"`, `"ask"`, `"deny"`.
    Outcome {
        Allow = "allow",
        Ask = "ask",
        Deny = "deny",
    }
    /// As it is written in JSON: `"no_rule"`.
    CauseKind {
        Rule = "rule",
        Default = "default",
        NoRule = "no_rule",
        UnknownTool = "unknown_tool",
        Malformed = "malformed",
        Limit = "limit",
        Engine = "engine",
        Ledger = "ledger",
        OverLimit = "over_limit",
        Approval = "approval",
        Journal = "journal",
    }
    /// As it is written in JSON: `"out_of_range"`.
    Problem {
        Missing = "missing",
        Null = "null",
        Type = "type",
        OutOfRange = "out_of_range",
        Value = "value",
        Withheld = "withheld",
    }
}

impl<'p> Decision<'p> {
    pub(crate) const fn new(
        outcome: Outcome,
        rule: Option<&'p str>,
        reason: &'p str,
        hint: Option<Hint<'p>>,
        cause: Cause<'p>,
    ) -> Self {
        Self { outcome, rule, reason, hint, cause }
    }

    /// A denial that a host decides by itself, without a policy: a call that it cannot put together, for example. `reason`
    /// is for the caller, `detail` for the operator.
    ///
    /// ```
    /// use perso_core::{CauseKind, Decision};
    ///
    /// let decision = Decision::not_judged("the call cannot be judged", "the session has expired");
    /// assert!(!decision.is_allowed());
    /// assert_eq!(decision.cause.kind, CauseKind::Engine);
    /// ```
    #[must_use]
    pub const fn not_judged(reason: &'p str, detail: &'p str) -> Self {
        let kind = CauseKind::Engine;
        let cause = Cause { detail: Some(detail), ..Cause::of(kind) };
        Self::new(Outcome::Deny, None, reason, None, cause)
    }

    /// The denial of a call whose decision could not be recorded. `detail` says to the operator why.
    ///
    /// ```
    /// use perso_core::{CauseKind, Decision};
    ///
    /// let decision = Decision::not_recorded("the disk is full");
    /// assert!(!decision.is_allowed());
    /// assert_eq!(decision.cause.kind, CauseKind::Journal);
    /// ```
    #[must_use]
    pub const fn not_recorded(detail: &'p str) -> Self {
        let cause = Cause { detail: Some(detail), ..Cause::of(CauseKind::Journal) };
        Self::new(Outcome::Deny, None, "the call cannot be recorded", None, cause)
    }

    /// Whether the call may run now. False for [`Outcome::Ask`].
    #[must_use]
    pub const fn is_allowed(&self) -> bool {
        matches!(self.outcome, Outcome::Allow)
    }

    /// The text for a model whose call does not run: the reason, the hint, and for [`Outcome::Ask`] that a person has to
    /// approve the call. It holds no value of the call.
    ///
    /// ```
    /// # #[cfg(feature = "compile")] {
    /// let policy = perso_core::Policy::compile(r#"{ "perso": 1, "rules": [{
    ///     "id": "small", "allow": "process_refund", "when": { "args.amount": { "lte": 500 } },
    ///     "reason": "Agents may refund up to $500."
    /// }] }"#).unwrap();
    /// let decision = policy.decide_json(br#"{ "tool": "process_refund", "args": { "amount": "450" } }"#);
    /// assert_eq!(decision.message().to_string(), "Agents may refund up to $500. Hint: args.amount must be a number.");
    /// # }
    /// ```
    #[must_use]
    pub const fn message(&self) -> Message<'p> {
        Message { reason: self.reason, hint: self.hint, is_ask: matches!(self.outcome, Outcome::Ask) }
    }
}

impl Serialize for Decision<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let mut object = serializer.serialize_struct("Decision", 5)?;
        object.serialize_field("decision", &self.outcome)?;
        object.serialize_field("rule", &self.rule)?;
        object.serialize_field("reason", self.reason)?;
        object.serialize_field("hint", &self.hint)?;
        object.serialize_field("cause", &self.cause)?;
        object.end()
    }
}
