//! Calls that a person is asked about.

use super::Asked;
use crate::canonical;
use crate::decision::Decision;
use crate::engine::Policy;
use crate::module::sha256;
use async_trait::async_trait;
use perso_ledger::{ApprovalId, Digest, Ledger, LedgerError, Request, State, limits};
use serde::Serialize;
use serde_json::Value;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

/// What a person is asked about: one call. As JSON, it has the fields that are documented here.
///
/// The texts are as the call has them. Before you show them on a terminal or a page, make them safe for it: see
/// [`visible`](fn@crate::visible).
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Question {
    /// The tool.
    pub tool: String,
    /// The arguments, as the tool will get them.
    pub args: Value,
    /// Who wants to make the call: `agent.id` if it is a string, and empty otherwise.
    pub agent: String,
    /// The id of the session.
    pub session: Option<String>,
    /// The rule that asks; or, with a limit, the rule that lets the call through.
    pub rule: Option<String>,
    /// The limit that the call goes over.
    pub limit: Option<String>,
    /// Why a person is asked.
    pub reason: String,
    #[serde(skip)]
    digest: Digest,
}

/// What came of asking a person.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Answer {
    /// The call may run.
    Approved(Approval),
    /// The call may not run.
    Denied {
        /// Who has denied it.
        by: String,
    },
    /// Nobody has decided yet. Another call that is the same joins this one.
    Pending,
    /// Nobody has decided in time.
    Unanswered,
    /// Somebody has approved it, but another call that is the same has used that, or the policy has changed.
    Used,
    /// The call is larger than what a person can be shown.
    TooLarge,
}

/// A person's approval of one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    by: String,
    /// What the ledger has to mark as used.
    queued: Option<Digest>,
}

impl Approval {
    /// The approval of a person. The name is for the host's log.
    #[must_use]
    pub fn by(name: impl Into<String>) -> Self {
        Self { by: name.into(), queued: None }
    }
}

/// Asks a person about calls. A function from a [`Question`] to a future of an [`Answer`] is an `Approver`.
///
/// `R` is what a guard knows of the request that the call came with; nothing by default.
#[async_trait]
pub trait Approver<R: ?Sized + Sync = ()>: Send + Sync + 'static {
    /// Asks about a call and waits for the answer.
    ///
    /// # Errors
    ///
    /// If nobody could be asked. The call is denied.
    async fn ask(&self, question: &Question, request: &R) -> Result<Answer, Box<dyn Error + Send + Sync>>;
}

#[async_trait]
impl<R, F, A> Approver<R> for F
where
    R: ?Sized + Sync,
    F: Fn(Question) -> A + Send + Sync + 'static,
    A: Future<Output = Result<Answer, Box<dyn Error + Send + Sync>>> + Send,
{
    async fn ask(&self, question: &Question, _: &R) -> Result<Answer, Box<dyn Error + Send + Sync>> {
        self(question.clone()).await
    }
}

/// The approvals that a call has: none, until a person gives one.
#[derive(Debug, Default)]
pub struct Approvals(Vec<Given>);

#[derive(Debug)]
struct Given {
    rule: Option<String>,
    limit: Option<String>,
    approval: Approval,
}

impl Approvals {
    /// A person has approved the call that the question is about.
    pub fn add(&mut self, question: &Question, approval: Approval) {
        self.0.push(Given { rule: question.rule.clone(), limit: question.limit.clone(), approval });
    }

    /// Somebody else asks a person about the call, who approves it or does not let it run.
    #[cfg(feature = "cli")]
    pub(crate) fn expect(&mut self, pending: &super::Pending<'_>) {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let (rule, limit) = (owned(pending.rule), owned(pending.decision.cause.limit));
        self.0.push(Given { rule, limit, approval: Approval::by("") });
    }

    /// Whether there is an approval for a rule that asks or, with a limit, for going over it.
    pub(super) fn has(&self, rule: &str, limit: Option<&str>) -> bool {
        let is_for =
            |given: &Given| given.limit.as_deref() == limit && (limit.is_some() || given.rule.as_deref() == Some(rule));
        self.0.iter().any(is_for)
    }

    /// Who has approved the call last.
    pub(super) fn by(&self) -> Option<String> {
        self.0.last().map(|given| given.approval.by.clone())
    }

    /// What the ledger has to mark as used.
    pub(super) fn queued(&self) -> Option<Digest> {
        self.0.last().and_then(|given| given.approval.queued)
    }
}

impl Question {
    /// `given` has the approvals that the call already has.
    pub(super) fn new(
        policy: &Policy,
        call: Asked<'_>,
        rule: Option<&str>,
        decision: &Decision<'_>,
        given: &Approvals,
    ) -> Self {
        let Asked { tool, args, agent, session } = call;
        let limit = decision.cause.limit;
        let id = agent.get("id").and_then(Value::as_str);
        // Attributes such as the time of a login differ from call to call, so that only the id counts if there is one.
        let whole_agent = if id.is_some() { String::new() } else { canonical::text(agent) };
        let optional = |text: Option<&str>| text.map_or_else(|| vec![0], |text| [&[1], text.as_bytes()].concat());
        let mut fields = vec![
            sha256(policy.module()).to_vec(),
            tool.as_bytes().to_vec(),
            canonical::text(args).into_bytes(),
            optional(id),
            whole_agent.into_bytes(),
            optional(session),
            optional(rule),
            optional(limit),
        ];
        // An approval for a limit is for the whole call, so that what was approved before is part of it.
        for given in &given.0 {
            fields.extend([optional(given.rule.as_deref()), optional(given.limit.as_deref())]);
        }
        let digest = Digest::of("perso approval", fields.iter().map(Vec::as_slice));
        Self {
            tool: tool.to_owned(),
            args: args.clone(),
            agent: id.unwrap_or_default().to_owned(),
            session: session.map(str::to_owned),
            rule: rule.map(str::to_owned),
            limit: limit.map(str::to_owned),
            reason: decision.reason.to_owned(),
            digest,
        }
    }

    /// A digest of all that must be the same when the call runs: the policy, the tool, the arguments, the caller, the session and what
    /// asks.
    #[must_use]
    pub const fn digest(&self) -> &Digest {
        &self.digest
    }
}

/// Asks in the ledger: people list and decide what is asked with `perso approvals`, or on the gateway's page.
///
/// An approval is used by the first same call that runs, and is void after that.
#[derive(Clone)]
pub struct Queue {
    ledger: Arc<dyn Ledger>,
    wait: Duration,
    expires_in: Duration,
}

impl std::fmt::Debug for Queue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Queue").field("wait", &self.wait).field("expires_in", &self.expires_in).finish_non_exhaustive()
    }
}

impl Queue {
    /// Asks in this ledger.
    #[must_use]
    pub const fn new(ledger: Arc<dyn Ledger>) -> Self {
        Self { ledger, wait: Duration::from_secs(45), expires_in: Duration::from_secs(300) }
    }

    /// How long a call waits for a decision; 45 seconds by default, because many clients give up after a minute. After that it is denied,
    /// and the same call can be made again to use a later decision.
    #[must_use]
    pub const fn wait(mut self, wait: Duration) -> Self {
        self.wait = wait;
        self
    }

    /// How long after the question the call can run; 5 minutes by default, at most 7 days.
    #[must_use]
    pub const fn expires_in(mut self, time: Duration) -> Self {
        self.expires_in = time;
        self
    }

    /// Asks about a call, and does not wait. `None` if the call is larger than what a person can be shown.
    ///
    /// # Errors
    ///
    /// If the ledger does not answer.
    pub async fn request(&self, question: &Question) -> Result<Option<Requested>, LedgerError> {
        let shown = serde_json::to_string(question).map_err(|_| LedgerError::Invalid("a question is JSON"))?;
        if shown.len() > limits::SHOWN_BYTES {
            return Ok(None);
        }
        let mut agent = question.agent.clone();
        while agent.len() > limits::NAME_BYTES {
            agent.pop();
        }
        let request = Request { digest: question.digest, expires_in: self.expires_in, agent, shown };
        let id = self.ledger.request(&request).await?;
        Ok(Some(Requested { id, digest: question.digest }))
    }

    /// What came of a request, after at most so long.
    ///
    /// # Errors
    ///
    /// If the ledger does not answer.
    pub async fn answer(&self, requested: Requested, wait: Duration) -> Result<Answer, LedgerError> {
        Ok(match self.ledger.wait(requested.id, wait).await? {
            Some(State::Approved { by }) => Answer::Approved(Approval { by, queued: Some(requested.digest) }),
            Some(State::Denied { by }) => Answer::Denied { by },
            Some(State::Pending) => Answer::Pending,
            Some(State::Used { .. }) => Answer::Used,
            None => Answer::Unanswered,
        })
    }
}

/// A question that is in the ledger.
#[derive(Debug, Clone, Copy)]
pub struct Requested {
    id: ApprovalId,
    digest: Digest,
}

#[async_trait]
impl<R: ?Sized + Sync> Approver<R> for Queue {
    async fn ask(&self, question: &Question, _: &R) -> Result<Answer, Box<dyn Error + Send + Sync>> {
        let Some(requested) = self.request(question).await? else { return Ok(Answer::TooLarge) };
        Ok(self.answer(requested, self.wait.min(self.expires_in)).await?)
    }
}
