//! Ledgers, and final decisions about calls that need a ledger or the approval of a person.

use crate::module::Module;
use napi::bindgen_prelude::within_runtime_if_available;
use napi::{Error, Result};
use napi_derive::napi;
use perso_core::enforce::ledger::{self, Approval, ApprovalId, LedgerError, Session, State, Verdict};
use perso_core::enforce::{self, Answer, Approvals, Approver, Asked, Enforcer, Pending, Question, Receipt, Step};
use perso_core::{Decision, Policy, Unknown};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// An open ledger.
#[napi]
pub struct Ledger {
    ledger: Arc<dyn ledger::Ledger>,
}

#[napi]
impl Ledger {
    /// Opens the ledger at an address. Throws an error if there is none.
    #[napi(constructor)]
    pub fn new(address: String) -> Result<Self> {
        // The address can have a password in it, so that errors do not repeat it.
        let ledger = within_runtime_if_available(|| ledger::open(&address));
        Ok(Self { ledger: ledger.map_err(|error| Error::from_reason(error.to_string()))? })
    }

    /// Returns the labels of a session.
    #[napi]
    pub async fn labels(&self, session: String) -> Result<Vec<String>> {
        let labels = self.ledger.labels(Session::new(&session)).await.map_err(failed)?;
        Ok(labels.iter().map(|label| label.as_str().to_owned()).collect())
    }

    /// Returns the calls that wait for a person, the oldest first, as a JSON list.
    #[napi]
    pub async fn pending(&self) -> Result<String> {
        let pending = self.ledger.pending().await.map_err(failed)?;
        Ok(Value::from_iter(pending.iter().map(record)).to_string())
    }

    /// Returns the call that a person is asked about under this id, as JSON. `None` if there is none.
    #[napi]
    pub async fn show(&self, id: String) -> Result<Option<String>> {
        let Ok(id) = id.parse() else { return Ok(None) };
        let approval = self.ledger.show(id).await.map_err(failed)?;
        Ok(approval.map(|approval| record(&approval).to_string()))
    }

    /// Decides about a call for a person.
    #[napi]
    pub async fn decide(&self, id: String, approved: bool, by: String) -> Result<()> {
        let verdict = if approved { Verdict::Approve } else { Verdict::Deny };
        let id: ApprovalId = id.parse().map_err(failed)?;
        self.ledger.decide(id, verdict, &by).await.map_err(failed)
    }
}

fn failed(error: LedgerError) -> Error {
    Error::from_reason(error.to_string())
}

/// A call that a person is asked about.
fn record(approval: &Approval) -> Value {
    let (state, by) = match &approval.state {
        State::Pending => ("pending", None),
        State::Approved { by } => ("approved", Some(by)),
        State::Denied { by } => ("denied", Some(by)),
        State::Used { by } => ("used", Some(by)),
    };
    json!({
        "id": approval.id.to_string(),
        "state": state,
        "by": by,
        "requestedAt": approval.requested_at.to_string(),
        "expiresAt": approval.expires_at.to_string(),
        "call": serde_json::from_str::<Value>(&approval.shown).unwrap_or_default(),
    })
}

/// Makes the final decision about one call.
#[napi]
pub struct Enforcement {
    policy: Policy,
    enforcer: Enforcer,
    state: Mutex<Progress>,
}

/// What has happened to a call so far.
#[derive(Default)]
struct Progress {
    approvals: Approvals,
    asks: Option<Asks>,
    receipt: Option<Receipt>,
}

/// What a person is asked, and what is decided if they do not approve it.
struct Asks {
    question: Question,
    /// By the name of the answer.
    denials: Vec<(&'static str, String)>,
}

/// What is known of the decision about a call.
#[napi(object)]
pub struct Stepped {
    /// The decision, as JSON. It is final unless there is a question.
    pub decision: String,
    /// Who has approved the call, if a person had to.
    pub approved_by: Option<String>,
    /// Whether the call was charged, so that it can be undone.
    pub charged: bool,
    /// What to ask a person, as JSON.
    pub question: Option<String>,
}

/// What a person is shown of a call, besides its tool.
#[derive(Deserialize)]
struct Shown {
    args: Value,
    agent: Value,
    session: Option<String>,
}

#[napi]
impl Enforcement {
    /// Begins to decide about a call with the policy of a module. Without a ledger, what needs one is denied.
    #[napi(constructor)]
    pub fn new(module: &Module, ledger: Option<&Ledger>) -> Self {
        let enforcer = ledger.map_or_else(Enforcer::default, |ledger| Enforcer::new(ledger.ledger.clone()));
        Self { policy: module.policy.clone(), enforcer, state: Mutex::default() }
    }

    /// Judges a call's JSON text, and remembers what has to be remembered if it may run. With `shown`, a person can be asked: it
    /// has the call's `args` and `agent`, and the id of its `session`, as JSON.
    #[napi]
    pub async fn step(&self, tool: String, call: String, unknown: u32, shown: Option<String>) -> Result<Stepped> {
        let unknown = Unknown::from_bits(unknown).map_err(|error| Error::from_reason(error.code().message()))?;
        let assessment = self.policy.assess_json_partial(call.as_bytes(), unknown);
        // Taken and put back, because nothing may be locked during the wait.
        let approvals = self.with(|progress| std::mem::take(&mut progress.approvals));
        let step = self.enforcer.step(assessment, &approvals).await;
        let stepped = match step {
            Step::Done(enforced) => {
                let (decision, charged) = (json_of(&enforced.decision), enforced.receipt.is_some());
                self.with(|progress| progress.receipt = enforced.receipt);
                Ok(Stepped { decision, approved_by: enforced.approved_by, charged, question: None })
            }
            Step::Ask(pending) => self.asks(pending, &tool, shown, &approvals),
        };
        self.with(|progress| progress.approvals = approvals);
        stepped
    }

    /// A person has approved the call: judge it again, because what was known of it may have changed.
    #[napi]
    pub fn approve(&self, by: String) {
        self.approved(enforce::Approval::by(by));
    }

    /// Asks in the ledger about the question of the last step. `wait` and `expires_in` are in milliseconds. Returns the name of the
    /// answer; if that is `approved`, the call has the approval.
    #[napi]
    pub async fn ask(&self, wait: u32, expires_in: u32) -> Result<&'static str> {
        let asked = self.with(|progress| progress.asks.as_ref().map(|asks| asks.question.clone()));
        let (Some(question), Some(ledger)) = (asked, self.enforcer.ledger()) else {
            return Err(Error::from_reason("there is no ledger to ask in"));
        };
        let time = |millis: u32| Duration::from_millis(millis.into());
        let queue = enforce::Queue::new(ledger.clone()).wait(time(wait)).expires_in(time(expires_in));
        let answer = queue.ask(&question, &()).await.map_err(|error| Error::from_reason(error.to_string()))?;
        let name = name_of(&answer);
        if let Answer::Approved(approval) = answer {
            self.approved(approval);
        }
        Ok(name)
    }

    /// Returns the decision about a call that a person was asked about and has not approved, as JSON, by the name of the answer.
    #[napi]
    pub fn denial(&self, answer: String) -> Option<String> {
        self.with(|progress| {
            let denials = &progress.asks.as_ref()?.denials;
            denials.iter().find(|(name, _)| *name == answer).map(|(_, decision)| decision.clone())
        })
    }

    /// Gives back what the call was charged, which did not run.
    #[napi]
    pub async fn undo(&self) -> Result<()> {
        match self.with(|progress| progress.receipt.take()) {
            Some(receipt) => self.enforcer.undo(receipt).await.map_err(failed),
            None => Ok(()),
        }
    }

    fn asks(&self, pending: Pending<'_>, tool: &str, shown: Option<String>, given: &Approvals) -> Result<Stepped> {
        let mut stepped =
            Stepped { decision: json_of(&pending.unasked()), approved_by: None, charged: false, question: None };
        let Some(shown) = shown else { return Ok(stepped) };
        let Shown { args, agent, session } = serde_json::from_str(&shown)
            .map_err(|_| Error::from_reason("the call cannot be shown to a person as it is"))?;
        let asked = Asked { tool, args: &args, agent: &agent, session: session.as_deref() };
        let question = pending.question(&self.policy, asked, given);
        stepped.question =
            Some(serde_json::to_string(&question).map_err(|error| Error::from_reason(error.to_string()))?);
        let by = String::new();
        let answers = [Answer::Denied { by }, Answer::Pending, Answer::Unanswered, Answer::Used, Answer::TooLarge];
        let denial = |answer| Some((name_of(&answer), json_of(&pending.answered(&answer)?)));
        let mut denials: Vec<_> = answers.into_iter().filter_map(denial).collect();
        denials.push(("failed", json_of(&pending.failed("nobody could be asked"))));
        self.with(|progress| progress.asks = Some(Asks { question, denials }));
        Ok(stepped)
    }

    fn approved(&self, approval: enforce::Approval) {
        self.with(|progress| {
            if let Some(asks) = progress.asks.take() {
                progress.approvals.add(&asks.question, approval);
            }
        });
    }

    fn with<T>(&self, run: impl FnOnce(&mut Progress) -> T) -> T {
        run(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

const fn name_of(answer: &Answer) -> &'static str {
    match answer {
        Answer::Approved(_) => "approved",
        Answer::Denied { .. } => "denied",
        Answer::Pending => "pending",
        Answer::Used => "used",
        Answer::TooLarge => "too_large",
        _ => "unanswered",
    }
}

fn json_of(decision: &Decision<'_>) -> String {
    serde_json::to_string(decision).unwrap_or_default()
}
