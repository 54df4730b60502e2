//! Decisions that were written as JSON: what hosts in other languages have of them.

use super::{Cause, CauseKind, Decision, Hint, Outcome, Problem};
use serde::{Deserialize, Deserializer, de};
use std::borrow::Cow;

/// A decision that was written as JSON. It has the words of its hint, but not what they were made of.
#[doc(hidden)]
#[derive(Debug, Deserialize)]
pub struct Record {
    #[serde(deserialize_with = "outcome")]
    decision: Outcome,
    rule: Option<String>,
    reason: String,
    hint: Option<String>,
    cause: CauseRecord,
}

#[derive(Debug, Deserialize)]
struct CauseRecord {
    #[serde(deserialize_with = "kind")]
    kind: CauseKind,
    rule: Option<String>,
    limit: Option<String>,
    attribute: Option<String>,
    #[serde(default, deserialize_with = "problem")]
    problem: Option<Problem>,
    detail: Option<String>,
    offset: Option<usize>,
}

impl Record {
    /// The decision.
    #[must_use]
    pub fn decision(&self) -> Decision<'_> {
        let CauseRecord { kind, rule, limit, attribute, problem, detail, offset } = &self.cause;
        let cause = Cause {
            kind: *kind,
            rule: rule.as_deref(),
            limit: limit.as_deref(),
            attribute: attribute.as_deref(),
            problem: *problem,
            detail: detail.as_deref(),
            offset: *offset,
        };
        Decision::new(self.decision, self.rule.as_deref(), &self.reason, self.hint.as_deref().map(Hint::words), cause)
    }
}

fn outcome<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Outcome, D::Error> {
    named(deserializer, Outcome::of_name)
}

fn kind<'de, D: Deserializer<'de>>(deserializer: D) -> Result<CauseKind, D::Error> {
    named(deserializer, CauseKind::of_name)
}

fn problem<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Problem>, D::Error> {
    named(deserializer, Problem::of_name).map(Some)
}

fn named<'de, D: Deserializer<'de>, T>(deserializer: D, of_name: impl Fn(&str) -> Option<T>) -> Result<T, D::Error> {
    let name = Cow::<'de, str>::deserialize(deserializer)?;
    of_name(&name).ok_or_else(|| de::Error::custom(format_args!("`{name}` is no name of a decision")))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::decision::Expected;

    #[test]
    fn a_decision_is_the_same_after_it_was_written() {
        let hint = Hint::new("args.amount", Problem::Type, Expected::NUMBER);
        let cause = Cause {
            rule: Some("small"),
            attribute: Some("args.amount"),
            problem: Some(Problem::Type),
            offset: Some(7),
            ..Cause::of(CauseKind::NoRule)
        };
        for decision in [
            Decision::new(Outcome::Deny, None, "Not \"that\" much.", hint, cause),
            Decision::new(Outcome::Ask, Some("large"), "Large.", None, Cause::of(CauseKind::Rule)),
            Decision::new(Outcome::Allow, None, "", None, Cause::of(CauseKind::Default)),
            Decision::not_recorded("the disk is full"),
        ] {
            let text = serde_json::to_string(&decision).unwrap();
            let record: Record = serde_json::from_str(&text).unwrap();
            assert_eq!(serde_json::to_string(&record.decision()).unwrap(), text);
            assert_eq!(record.decision().message().to_string(), decision.message().to_string());
        }
        for text in [
            r#"{ "decision": "maybe", "rule": null, "reason": "", "hint": null, "cause": { "kind": "rule" } }"#,
            r#"{ "decision": "allow", "rule": null, "reason": "", "hint": null, "cause": { "kind": "other" } }"#,
            r#"{ "decision": "allow", "rule": null, "reason": "", "hint": null, "cause": { "kind": "rule", "problem": "" } }"#,
        ] {
            assert!(serde_json::from_str::<Record>(text).unwrap_err().to_string().contains("is no name of a decision"));
        }
    }
}
