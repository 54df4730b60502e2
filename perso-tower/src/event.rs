//! The events that the host receives, one for each decision.

use perso_core::{Decision, Problem, visible};
use serde_json::Value;
use std::time::Duration;
use uuid::Uuid;

/// A decision.
#[derive(Debug)]
#[non_exhaustive]
pub struct Event<'e> {
    /// The decision's id, a version 7 UUID. A denial sends it to the caller.
    pub id: Uuid,
    /// The tool's name, as sent by the client; for a request that the policy covers, its [name](perso_core::request) in
    /// rules; empty for a denied request that names no tool.
    pub tool: &'e str,
    /// The decision.
    pub decision: &'e Decision<'e>,
    /// Who has approved the call, if a person had to.
    pub approved_by: Option<&'e str>,
    /// The error, if the caller or the resource could not be determined, or nobody could be asked.
    pub failure: Option<&'e (dyn std::error::Error + Send + Sync)>,
    /// Whether the decision is enforced: false with `observe`.
    pub enforced: bool,
    /// The time that the decision took, including the lookups of the caller and the resource.
    pub duration: Duration,
}

/// Receives each decision. A function from an [`Event`] and the call's arguments is an `Observer`.
///
/// A call does not run until the observer has seen it. If the observer panics, or if JSON parsers could read the
/// arguments differently, the call is denied (but it runs with `observe`).
pub trait Observer: Send + Sync + 'static {
    /// Records a decision. This runs before the call, so keep it fast. `args` are the arguments, exactly as the tool
    /// gets them; they are null if there are none, or if the call was denied because they are ambiguous.
    fn observe(&self, event: &Event<'_>, args: &Value);
}

impl<F: Fn(&Event<'_>, &Value) + Send + Sync + 'static> Observer for F {
    fn observe(&self, event: &Event<'_>, args: &Value) {
        self(event, args);
    }
}

impl Event<'_> {
    /// Returns the id of the rule that decided. If no rule did, returns the id of the closest allow rule, if any.
    #[must_use]
    pub fn rule(&self) -> Option<&str> {
        self.decision.rule.or(self.decision.cause.rule)
    }

    /// Emits a `tracing` event with the target `perso`, at level INFO for an allowed call and WARN for one that is denied or needs an approval. It
    /// has no argument values.
    pub(crate) fn trace(&self) {
        let Decision { outcome, reason, hint, cause, .. } = self.decision;
        macro_rules! event {
            ($level:ident) => {
                tracing::$level!(
                    target: "perso",
                    decision_id = %self.id,
                    tool = %visible(self.tool),
                    decision = outcome.name(),
                    rule = self.rule(),
                    hint = hint.map(tracing::field::display),
                    cause = cause.kind.name(),
                    attribute = cause.attribute,
                    problem = cause.problem.map(Problem::name),
                    detail = cause.detail,
                    limit = cause.limit,
                    approved_by = self.approved_by.map(|name| tracing::field::display(visible(name))),
                    failure = self.failure.map(tracing::field::display),
                    enforced = self.enforced,
                    duration_us = self.duration.as_micros() as u64,
                    "{reason}"
                )
            };
        }
        if self.decision.is_allowed() {
            event!(info);
        } else {
            event!(warn);
        }
    }
}
