//! What the host receives for each decision.

use perso_core::{Decision, Problem, visible};
use serde_json::Value;
use std::time::Duration;
use uuid::Uuid;

/// A decision that was made.
#[derive(Debug)]
#[non_exhaustive]
pub struct Event<'e> {
    /// The decision's id (a version 7 UUID), which a denial sends to the caller.
    pub id: Uuid,
    /// The tool, as the model named it.
    pub tool: &'e str,
    /// The decision.
    pub decision: &'e Decision<'e>,
    /// Why the caller or the resource is not known, if that is so.
    pub failure: Option<&'e (dyn std::error::Error + Send + Sync)>,
    /// Whether the decision is enforced; false when only observing.
    pub enforced: bool,
    /// How long it took, the lookups of caller and resource included.
    pub duration: Duration,
}

/// Receives each decision. A function of an [`Event`] and the call's arguments is an `Observer`.
///
/// A call does not run unless the observer has seen it: if the observer panics, or if readers could read the arguments
/// differently, the call is denied.
pub trait Observer: Send + Sync + 'static {
    /// A decision was made. This runs before the call does, so it should be quick. `args` are the arguments as the tool
    /// gets them, or null if there are none or the call was denied because they cannot be shown exactly.
    fn observe(&self, event: &Event<'_>, args: &Value);
}

impl<F: Fn(&Event<'_>, &Value) + Send + Sync + 'static> Observer for F {
    fn observe(&self, event: &Event<'_>, args: &Value) {
        self(event, args);
    }
}

impl Event<'_> {
    /// The rule that decided, or the nearest one.
    #[must_use]
    pub fn rule(&self) -> Option<&str> {
        self.decision.rule.or(self.decision.cause.rule)
    }

    /// Writes a `tracing` event of the target `perso`: information for an allow, a warning for a denial. No values of
    /// arguments are in it.
    pub(crate) fn trace(&self) {
        let Decision { outcome, reason, cause, .. } = self.decision;
        macro_rules! event {
            ($level:ident) => {
                tracing::$level!(
                    target: "perso",
                    decision_id = %self.id,
                    tool = %visible(self.tool),
                    decision = outcome.name(),
                    rule = self.rule(),
                    cause = cause.kind.name(),
                    attribute = cause.attribute,
                    problem = cause.problem.map(Problem::name),
                    detail = cause.detail,
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
