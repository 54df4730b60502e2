//! Judges one call, enforces the decision and records it.

use crate::metrics::Decisions;
use perso_core::enforce::{Answer, Approvals, Approver, Asked, Enforced, Enforcer, Queue, Step};
use perso_core::journal::{Decided, Recorder};
use perso_core::{Call, Decision, Outcome, Part, Policy, visible};
use perso_tower::ledger::Ledger;
use perso_tower::{PolicyHandle, exact};
use serde::Serialize;
use serde_json::Value;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};
use uuid::Uuid;

/// Why a call of a tool with the name of a request is denied.
const RESERVED: &str = "no tool can have this name: the policy uses names that begin with `mcp:` for requests";

/// Makes decisions.
pub(crate) struct Decider {
    policy: PolicyHandle,
    ledger: Option<Arc<dyn Ledger>>,
    enforcer: Enforcer,
    approval_wait: Option<Duration>,
    journal: Option<Arc<Recorder>>,
    decisions: Decisions,
}

/// A call, as a host describes it.
#[derive(Debug)]
pub(super) struct Described<'c> {
    pub(super) tool: &'c str,
    /// Whether it is a request of MCP, and not a tool.
    pub(super) is_request: bool,
    pub(super) args: Part<'c>,
    pub(super) agent: Part<'c>,
    pub(super) resource: Part<'c>,
    pub(super) context: Part<'c>,
    pub(super) session: Sessions<'c>,
}

/// What is known of a call's session.
#[derive(Debug)]
pub(super) enum Sessions<'c> {
    /// Its id. What the ledger remembers of it is looked up.
    Id(&'c str),
    /// All of it.
    Whole(Part<'c>),
}

/// A final decision, as hosts get it.
#[derive(Debug, Serialize)]
pub(super) struct Final<'p> {
    /// The decision's id, also in the journal.
    pub(super) id: Uuid,
    #[serde(flatten)]
    pub(super) decision: Decision<'p>,
    /// What the caller may read.
    pub(super) message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) approved_by: Option<String>,
}

impl<'p> Final<'p> {
    fn new(id: Uuid, decision: Decision<'p>, approved_by: Option<String>) -> Self {
        Self { id, message: decision.message().to_string(), decision, approved_by }
    }
}

impl Decider {
    pub(crate) const fn new(
        policy: PolicyHandle,
        enforcer: Enforcer,
        ledger: Option<Arc<dyn Ledger>>,
        approval_wait: Option<Duration>,
        journal: Option<Arc<Recorder>>,
        decisions: Decisions,
    ) -> Self {
        Self { policy, ledger, enforcer, approval_wait, journal, decisions }
    }

    /// The policy that decides now.
    pub(super) fn policy(&self) -> Arc<Policy> {
        self.policy.current()
    }

    /// A decision about something that is no call.
    pub(super) fn unread<'p>(&self, policy: &'p Policy, text: &[u8], detail: &'p str) -> Final<'p> {
        let begin = Instant::now();
        // The policy's own reader knows best what is wrong with the text.
        let decision = policy.decide_json(text);
        let decision = if decision.outcome == Outcome::Deny { decision } else { Decision::not_judged(detail, detail) };
        self.finish(policy, "", &Value::Null, &Value::Null, None, begin, decision.into()).0
    }

    /// Decides a call, and remembers what has to be remembered if it may run.
    pub(super) async fn decide<'p>(&self, policy: &'p Policy, call: &Described<'_>) -> Final<'p> {
        let begin = Instant::now();
        let is_shown = self.journal.is_some() || self.approval_wait.is_some();
        let (args, agent) = match is_shown {
            true => (value(&call.args), value(&call.agent)),
            false => (Ok(Value::Null), Ok(Value::Null)),
        };
        let enforced = self.enforce(policy, call, &args, &agent).await;
        let (args, agent) = (args.unwrap_or_default(), agent.unwrap_or_default());
        let receipt = enforced.receipt;
        let session = call.session.id();
        let (done, written) = self.finish(policy, call.tool, &args, &agent, session, begin, enforced);
        let done = match written {
            Some(appended) if done.decision.is_allowed() => match appended.written().await {
                Ok(()) => done,
                Err(_) => Final::new(done.id, unrecorded(), None),
            },
            _ => done,
        };
        if let Some(receipt) = receipt
            && !done.decision.is_allowed()
            && let Err(error) = self.enforcer.undo(receipt).await
        {
            tracing::error!(%error, id = %done.id, "a call is denied, but its charges stay");
        }
        done
    }

    /// Whether a call could be allowed. Nothing is remembered of it.
    pub(super) async fn could_allow(&self, policy: &Policy, call: &Described<'_>) -> bool {
        let is_real = call.is_request || !policy.covers().reserves(call.tool);
        is_real && policy.by_rules(&self.call(policy, call).await) == Outcome::Allow
    }

    async fn enforce<'p>(
        &self,
        policy: &'p Policy,
        call: &Described<'_>,
        args: &Result<Value, &'static str>,
        agent: &Result<Value, &'static str>,
    ) -> Enforced<'p> {
        if !call.is_request && policy.covers().reserves(call.tool) {
            return Decision::not_judged(RESERVED, RESERVED).into();
        }
        let mut approvals = Approvals::default();
        loop {
            let assessment = policy.assess(&self.call(policy, call).await);
            let pending = match self.enforcer.step(assessment, &approvals).await {
                Step::Done(enforced) => return enforced,
                Step::Ask(pending) => pending,
            };
            let (Some(wait), Some(ledger)) = (self.approval_wait, &self.ledger) else {
                return pending.unasked().into();
            };
            // An approval is for exactly these arguments, so a person must see all of them.
            let (args, agent) = match (args, agent) {
                (Ok(args), Ok(agent)) => (args, agent),
                (Err(why), _) | (_, Err(why)) => return Decision::not_judged(why, why).into(),
            };
            let asked = Asked { tool: call.tool, args, agent, session: call.session.id() };
            let question = pending.question(policy, asked, &approvals);
            let answer = match Queue::new(ledger.clone()).wait(wait).ask(&question, &()).await {
                // It was for the policy that asked, and another one may deny the call.
                Ok(Answer::Approved(_)) if self.policy.current().module() != policy.module() => Answer::Used,
                Ok(answer) => answer,
                Err(error) => {
                    tracing::error!(%error, "nobody could be asked");
                    return pending.failed("nobody could be asked").into();
                }
            };
            match (pending.answered(&answer), answer) {
                (None, Answer::Approved(approval)) => approvals.add(&question, approval),
                (Some(denied), _) => return denied.into(),
                (None, _) => return pending.unasked().into(),
            }
        }
    }

    /// The call for the engine.
    async fn call<'c>(&self, policy: &Policy, call: &Described<'c>) -> Call<'c> {
        let session = match &call.session {
            Sessions::Id(id) => self.enforcer.session(policy, id).await,
            Sessions::Whole(part) => part.clone(),
        };
        let judged = Call::new(call.tool)
            .args(call.args.clone())
            .agent(call.agent.clone())
            .resource(call.resource.clone())
            .context(call.context.clone())
            .session(session);
        if policy.reads_time() { judged.at(SystemTime::now()) } else { judged }
    }

    /// Counts and records a decision. Returns what the call has to wait for, too.
    #[expect(clippy::too_many_arguments, reason = "it is what a line of the journal has")]
    fn finish<'p>(
        &self,
        policy: &Policy,
        tool: &str,
        args: &Value,
        agent: &Value,
        session: Option<&str>,
        begin: Instant,
        enforced: Enforced<'p>,
    ) -> (Final<'p>, Option<perso_core::journal::Appended>) {
        let Enforced { mut decision, approved_by, .. } = enforced;
        let (id, duration) = (Uuid::now_v7(), begin.elapsed());
        let mut written = None;
        if let Some(journal) = &self.journal {
            let mut decided = Decided::new(policy, tool, args, agent, &decision);
            (decided.id, decided.session, decided.duration) = (id, session, duration);
            decided.approved_by = approved_by.as_deref();
            match journal.record(&decided) {
                Ok(appended) => written = journal.is_required().then_some(appended),
                Err(error) if journal.is_required() => {
                    tracing::error!(%error, %id, "the decision cannot be recorded: the call is denied");
                    decision = unrecorded();
                }
                // The journal counts it.
                Err(_) => {}
            }
        }
        self.decisions.decided(decision.outcome, duration);
        log(id, tool, &decision, duration);
        (Final::new(id, decision, approved_by), written)
    }
}

impl<'c> Sessions<'c> {
    fn id(&self) -> Option<&'c str> {
        match self {
            Self::Id(id) => Some(id),
            Self::Whole(_) => None,
        }
    }
}

/// The denial of a call whose decision has to be recorded, and is not.
const fn unrecorded() -> Decision<'static> {
    Decision::not_recorded("the journal could not be written")
}

/// Emits a `tracing` event with the target `perso`, as guards do. It has no argument values.
fn log(id: Uuid, tool: &str, decision: &Decision<'_>, duration: Duration) {
    let Decision { outcome, rule, reason, cause, .. } = decision;
    macro_rules! event {
        ($level:ident) => {
            tracing::$level!(
                target: "perso",
                decision_id = %id,
                tool = %visible(tool),
                decision = outcome.name(),
                rule = rule.or(cause.rule),
                cause = cause.kind.name(),
                attribute = cause.attribute,
                detail = cause.detail,
                limit = cause.limit,
                duration_us = duration.as_micros() as u64,
                "{reason}"
            )
        };
    }
    if decision.is_allowed() {
        event!(info);
    } else {
        event!(warn);
    }
}

/// A part, for the journal and for people; an error if it is text that JSON parsers could read differently.
fn value(part: &Part<'_>) -> Result<Value, &'static str> {
    match part {
        Part::Json(text) => std::str::from_utf8(text).map_err(|_| "the arguments are not JSON").and_then(exact),
        Part::Value(value) => Ok(value.clone().into_owned()),
        _ => Ok(Value::Null),
    }
}
