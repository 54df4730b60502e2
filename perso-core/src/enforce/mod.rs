//! Decisions that depend on what has happened before: limits, labels and approvals.
//!
//! A policy's [`assess`](Policy::assess) is about one call by itself. An [`Enforcer`] makes a final decision of it, with what a
//! [`Ledger`] remembers and what a person says:
//!
//! ```
//! # #[cfg(feature = "compile")] {
//! use perso_core::enforce::{Approvals, Enforcer, Step};
//! use perso_core::{Call, Policy};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
//! let policy = Policy::compile(r#"{
//!     "perso": 1,
//!     "rules": [{ "id": "refund", "allow": "process_refund", "when": { "args.amount": { "gt": 0, "lte": 500 } } }],
//!     "limits": [{ "id": "refunds-a-day", "of": "process_refund", "per": "agent.id", "sum": "args.amount",
//!                  "max": 1000, "window": "24h", "reason": "Agents may refund up to $1000 a day." }]
//! }"#).unwrap();
//! let enforcer = Enforcer::new(perso_ledger::open("memory:").unwrap());
//!
//! let refund = async |amount: u32| {
//!     let call = Call::new("process_refund").arg("amount", amount).agent_attribute("id", "ann");
//!     let step = enforcer.step(policy.assess(&call), &Approvals::default()).await;
//!     let Step::Done(enforced) = step else { panic!("no rule of this policy asks a person") };
//!     enforced.decision.message().to_string()
//! };
//! refund(500).await;
//! refund(500).await;
//! assert_eq!(
//!     refund(1).await,
//!     "Agents may refund up to $1000 a day. Hint: there is room again in about 24 hours.",
//! );
//! # });
//! # }
//! ```
//!
//! A call that needs an approval takes more steps: see [`Enforcer::step`].

mod approval;
mod commit;

pub use approval::{Answer, Approval, Approvals, Approver, Question, Queue, Requested};
#[doc(no_inline)]
pub use perso_ledger as ledger;

use crate::decision::{Advice, Cause, CauseKind, Decision, Hint, Outcome};
use crate::engine::{Assessment, Obligations, Policy};
use crate::frame::Part;
use crate::module::reason;
use perso_ledger::{CallId, Committed, Ledger, LedgerError};
use serde_json::{Value, json};
use std::fmt;
use std::sync::Arc;

/// Makes final decisions with a ledger. A clone shares the ledger.
///
/// The default has no ledger: it denies calls that a limit or a label is about.
#[derive(Clone, Default)]
pub struct Enforcer {
    ledger: Option<Arc<dyn Ledger>>,
}

impl fmt::Debug for Enforcer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Enforcer").field("has_ledger", &self.ledger.is_some()).finish()
    }
}

/// A call that a person is asked about.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'c> {
    /// The tool.
    pub tool: &'c str,
    /// The arguments, as the tool gets them.
    pub args: &'c Value,
    /// The caller's attributes.
    pub agent: &'c Value,
    /// The id of the session.
    pub session: Option<&'c str>,
}

/// What is known of a call's decision.
#[derive(Debug)]
pub enum Step<'p> {
    /// The decision is final.
    Done(Enforced<'p>),
    /// A person has to approve the call.
    Ask(Pending<'p>),
}

/// A final decision.
#[derive(Debug)]
#[non_exhaustive]
pub struct Enforced<'p> {
    /// The decision. What had to be remembered for it is remembered.
    pub decision: Decision<'p>,
    /// Who has approved the call, if a person had to.
    pub approved_by: Option<String>,
    /// What was charged, to give it back if the call does not run after all; see [`Enforcer::undo`].
    pub receipt: Option<Receipt>,
}

/// The charges of a call that may run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "give the charges back if the call does not run"]
pub struct Receipt(CallId);

/// A call that a person has to approve.
#[derive(Debug, Clone, Copy)]
pub struct Pending<'p> {
    decision: Decision<'p>,
    /// The rule that asks; or, where a limit does, the rule that lets the call through.
    rule: Option<&'p str>,
}

impl Enforcer {
    /// Enforces with this ledger.
    #[must_use]
    pub fn new(ledger: Arc<dyn Ledger>) -> Self {
        Self { ledger: Some(ledger) }
    }

    /// The ledger.
    #[must_use]
    pub const fn ledger(&self) -> Option<&Arc<dyn Ledger>> {
        self.ledger.as_ref()
    }

    /// The `session` part of a call: its id, and its labels if the policy reads them.
    ///
    /// If there is no ledger, or it does not answer, nothing is known of the session, which never grants permission.
    pub async fn session(&self, policy: &Policy, id: &str) -> Part<'static> {
        if !policy.reads_labels() {
            return json!({ "id": id }).into();
        }
        let Some(ledger) = &self.ledger else { return Part::Withheld };
        match ledger.labels(perso_ledger::Session::new(id)).await {
            Ok(labels) => {
                let labels: Vec<&str> = labels.iter().map(perso_ledger::Label::as_str).collect();
                json!({ "id": id, "labels": labels }).into()
            }
            Err(_) => Part::Withheld,
        }
    }

    /// Decides a call by its assessment, and remembers what has to be remembered if it may run.
    ///
    /// If the step asks for an approval, ask a person the [question](Pending::question). If they approve, [add](Approvals::add) that to
    /// `approvals`, judge the call again, because what was known of it may have changed meanwhile, and take the next step with the new
    /// assessment. Otherwise the call ends with [`Pending::answered`]. It also ends so, with [`Answer::Used`], if the host has changed
    /// the policy meanwhile: the approval was for the policy that asked.
    pub async fn step<'p>(&self, assessment: Assessment<'p>, approvals: &Approvals) -> Step<'p> {
        let Assessment { decision, obligations } = assessment;
        let decision = match decision.outcome {
            Outcome::Deny => return Step::Done(decision.into()),
            Outcome::Allow => decision,
            Outcome::Ask => match decision.rule {
                Some(rule) if approvals.has(rule, None) => decision.approved(),
                _ => return Step::Ask(Pending { decision, rule: decision.rule }),
            },
        };
        let queued = approvals.queued();
        if obligations.is_empty() && queued.is_none() {
            return Step::Done(Enforced { decision, approved_by: approvals.by(), receipt: None });
        }
        let Some(ledger) = &self.ledger else {
            return Step::Done(failed("there is no ledger").into());
        };
        let rule = decision.rule;
        let is_given = |limit: &str| approvals.has(rule.unwrap_or_default(), Some(limit));
        let commit = ledger.new_call().and_then(|call| commit::of(call, &obligations, queued, is_given));
        let committed = match commit {
            Ok(commit) => ledger.commit(&commit).await.map(|committed| (commit, committed)),
            Err(error) => Err(error),
        };
        match committed {
            Ok((commit, Committed::Done { .. })) => {
                let receipt = (!commit.charges.is_empty()).then_some(Receipt(commit.call));
                Step::Done(Enforced { decision, approved_by: approvals.by(), receipt })
            }
            Ok((_, Committed::Over { at, charge, room_at })) => {
                let after = room_at.map(|room| room.since(at));
                match over(&obligations, charge, after) {
                    Some(decision) if decision.outcome == Outcome::Ask => Step::Ask(Pending { decision, rule }),
                    Some(decision) => Step::Done(decision.into()),
                    None => Step::Done(failed("the ledger's answer makes no sense").into()),
                }
            }
            Ok((_, Committed::NotApproved { .. })) => Step::Done(decision.unapproved(Advice::Expired).into()),
            Err(error) => Step::Done(failed(detail(&error)).into()),
        }
    }

    /// Gives back what a call was charged that is known not to have run. Its labels stay, and so does the use of its approval.
    ///
    /// # Errors
    ///
    /// If the ledger does not answer: the charges stay.
    pub async fn undo(&self, receipt: Receipt) -> Result<(), LedgerError> {
        match &self.ledger {
            Some(ledger) => ledger.undo(receipt.0).await,
            None => Ok(()),
        }
    }
}

impl<'p> Pending<'p> {
    /// What to ask a person. `approvals` are those that the call has.
    #[must_use]
    pub fn question(&self, policy: &Policy, call: Asked<'_>, approvals: &Approvals) -> Question {
        Question::new(policy, call, self.rule, &self.decision, approvals)
    }

    /// The decision where nobody can be asked: [`Outcome::Ask`], which is no permission.
    #[must_use]
    pub const fn unasked(self) -> Decision<'p> {
        self.decision
    }

    /// The denial of a call that was not approved. `None` if it was.
    #[must_use]
    pub const fn answered(self, answer: &Answer) -> Option<Decision<'p>> {
        let advice = match answer {
            Answer::Approved(_) => return None,
            Answer::Denied { .. } => Advice::Refused,
            Answer::Pending => Advice::Pending,
            Answer::Unanswered => Advice::Unanswered,
            Answer::Used => Advice::Expired,
            Answer::TooLarge => Advice::TooLarge,
        };
        Some(self.decision.unapproved(advice))
    }

    /// The denial of a call about which nobody could be asked, because something failed. `detail` is for the operator.
    #[must_use]
    pub const fn failed(self, detail: &'p str) -> Decision<'p> {
        let denied = self.decision.unapproved(Advice::Unasked);
        Decision { cause: Cause { detail: Some(detail), ..denied.cause }, ..denied }
    }
}

impl<'p> From<Decision<'p>> for Enforced<'p> {
    fn from(decision: Decision<'p>) -> Self {
        Self { decision, approved_by: None, receipt: None }
    }
}

impl<'p> Decision<'p> {
    /// The decision, after a person has approved the call.
    const fn approved(self) -> Self {
        Self { outcome: Outcome::Allow, hint: None, ..self }
    }

    /// The decision, if the call has not been approved.
    const fn unapproved(self, advice: Advice) -> Self {
        let cause = Cause { limit: self.cause.limit, ..Cause::of(CauseKind::Approval) };
        Self { outcome: Outcome::Deny, hint: Some(Hint::advice(advice)), cause, ..self }
    }
}

/// The decision about a call that a limit has no room for, by the charge that does not fit.
fn over<'p>(obligations: &Obligations<'p>, charge: usize, after: Option<std::time::Duration>) -> Option<Decision<'p>> {
    let limit = obligations.charges.get(charge)?.limit;
    let outcome = if limit.asks { Outcome::Ask } else { Outcome::Deny };
    let hint = Hint::advice(after.map_or(Advice::NoRoom, Advice::RoomAfter));
    // An approval does not need to wait for room.
    let hint = (!limit.asks).then_some(hint);
    let cause = Cause { limit: Some(&limit.id), ..Cause::of(CauseKind::OverLimit) };
    Some(Decision::new(outcome, None, &limit.reason, hint, cause))
}

/// The denial of a call that something has to be remembered of, and the ledger does not.
const fn failed(detail: &'static str) -> Decision<'static> {
    let cause = Cause { detail: Some(detail), ..Cause::of(CauseKind::Ledger) };
    Decision::new(Outcome::Deny, None, reason::LEDGER, None, cause)
}

/// A ledger's error, for the operator.
const fn detail(error: &LedgerError) -> &'static str {
    match error {
        LedgerError::Unavailable(why) | LedgerError::Invalid(why) => why,
        LedgerError::Late(_) => "the ledger did not answer in time",
        LedgerError::Full(_) => "the ledger is full",
        LedgerError::NoSession => "the call has no session",
        LedgerError::Undone => "the call was undone",
        LedgerError::OtherCall => "another call has this id",
        LedgerError::UnknownApproval => "there is no such approval, or it has expired",
        LedgerError::AlreadyDecided => "the approval is already decided",
        _ => "the ledger cannot be used",
    }
}
