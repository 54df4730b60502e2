//! What comes out: a decision, its reason for the caller and its cause for the operator.

use serde::Serialize;

/// The answer to one call.
///
/// As JSON: `{"decision": "allow"|"deny", "rule": id|null, "reason": "…", "cause": {…}}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision<'p> {
    /// Whether the call may run.
    pub allowed: bool,
    /// The id of the rule that decided; `None` where the default decided or the call could not be judged.
    pub rule: Option<&'p str>,
    /// For the caller, and so for the model: fixed when the policy was compiled, never a value of the call.
    pub reason: &'p str,
    /// For the operator.
    pub cause: Cause<'p>,
}

/// Why, for the operator and for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Cause<'p> {
    /// What kind of thing decided.
    pub kind: CauseKind,
    /// With [`CauseKind::NoRule`]: the id of the nearest allow rule, the one whose reason is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<&'p str>,
    /// The attribute that the deciding rule looked at last, as an author writes it (`args.amount`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attribute: Option<&'p str>,
    /// What was wrong with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
    /// With [`CauseKind::Malformed`], [`CauseKind::Limit`] and [`CauseKind::Engine`]: what exactly.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<&'p str>,
    /// With [`CauseKind::Malformed`] and [`CauseKind::Limit`], where the call was text: the byte it was noticed at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<usize>,
}

/// What kind of thing decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
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
}

/// What was wrong with an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
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

impl Decision<'_> {
    /// Whether the call may run.
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        self.allowed
    }
}

impl Serialize for Decision<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let mut object = serializer.serialize_struct("Decision", 4)?;
        object.serialize_field("decision", if self.allowed { "allow" } else { "deny" })?;
        object.serialize_field("rule", &self.rule)?;
        object.serialize_field("reason", self.reason)?;
        object.serialize_field("cause", &self.cause)?;
        object.end()
    }
}
