//! The ledger that a command uses.

use super::failure::Failure;
use crate::enforce::ledger::{self, Label, Ledger, Session};
use crate::enforce::{Approvals, Enforced, Enforcer, Receipt, Step};
use crate::{Decision, Policy};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::runtime::{Builder, Runtime};

/// An open ledger, and what waits for its answers.
pub(crate) struct Opened {
    ledger: Arc<dyn Ledger>,
    runtime: Runtime,
}

impl Opened {
    /// Opens the ledger at an address.
    pub(crate) fn open(address: &str) -> Result<Self, Failure> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Failure::because(format!("the ledger cannot be used: {error}")))?;
        let ledger = {
            let _entered = runtime.enter();
            // The address can have a password in it.
            ledger::open(address).map_err(|error| Failure::because(format!("`--ledger`: {error}")))?
        };
        Ok(Self { ledger, runtime })
    }

    /// Waits for an answer.
    pub(crate) fn ask<T>(
        &self,
        answer: impl AsyncFnOnce(&dyn Ledger) -> Result<T, ledger::LedgerError>,
    ) -> Result<T, Failure> {
        self.runtime.block_on(answer(&*self.ledger)).map_err(|error| Failure::because(error.to_string()))
    }

    /// Judges a call, and remembers what has to be remembered of it.
    pub(crate) fn decide<'p>(&self, policy: &'p Policy, call: &[u8]) -> Result<Decision<'p>, Failure> {
        Ok(self.settle(policy, call, false)?.decision)
    }

    /// The same. With `asks`, somebody else asks a person about a call that needs that, and does not report the answer: the call
    /// counts as if it ran.
    pub(crate) fn settle<'p>(&self, policy: &'p Policy, call: &[u8], asks: bool) -> Result<Settled<'p>, Failure> {
        let call = self.with_labels(policy, call)?;
        let enforcer = Enforcer::new(self.ledger.clone());
        let mut approvals = Approvals::default();
        let mut asked: Option<Decision<'p>> = None;
        loop {
            match self.runtime.block_on(enforcer.step(policy.assess_json(&call), &approvals)) {
                Step::Done(Enforced { decision, receipt, .. }) => {
                    let decision = asked.filter(|_| decision.is_allowed()).unwrap_or(decision);
                    return Ok(Settled { decision, receipt });
                }
                Step::Ask(pending) if asks => {
                    approvals.expect(&pending);
                    asked.get_or_insert(pending.unasked());
                }
                Step::Ask(pending) => return Ok(Settled { decision: pending.unasked(), receipt: None }),
            }
        }
    }

    /// Gives back what a call was charged that does not run.
    pub(crate) fn undo(&self, receipt: Receipt) {
        // Where this fails, too much is charged: that lets nothing through.
        let _ = self.runtime.block_on(Enforcer::new(self.ledger.clone()).undo(receipt));
    }

    /// The call with the labels that its session has, unless it brings its own. A call that cannot be read stays as it is.
    fn with_labels<'c>(&self, policy: &Policy, call: &'c [u8]) -> Result<Cow<'c, [u8]>, Failure> {
        let unchanged = Ok(Cow::Borrowed(call));
        if !policy.reads_labels() {
            return unchanged;
        }
        let Ok(mut members) = serde_json::from_slice::<Members<'_>>(call) else { return unchanged };
        let session = members.get("session").map_or("null", |session| session.get());
        let Ok(Some(mut session)) = serde_json::from_str::<Option<Members<'_>>>(session) else { return unchanged };
        let id = session.get("id").map(|id| serde_json::from_str::<String>(id.get()));
        let (Some(Ok(id)), false) = (id, session.contains_key("labels")) else { return unchanged };
        let labels = self.ask(async |ledger| ledger.labels(Session::new(&id)).await)?;
        let labels: Vec<&str> = labels.iter().map(Label::as_str).collect();
        let Ok(labels) = serde_json::value::to_raw_value(&labels) else { return unchanged };
        session.insert("labels".to_owned(), &labels);
        let Ok(session) = serde_json::value::to_raw_value(&session) else { return unchanged };
        members.insert("session".to_owned(), &session);
        Ok(serde_json::to_vec(&members).map_or(Cow::Borrowed(call), Cow::Owned))
    }
}

/// A call that has been judged.
pub(crate) struct Settled<'p> {
    pub(crate) decision: Decision<'p>,
    /// What it was charged.
    pub(crate) receipt: Option<Receipt>,
}

/// The members of a JSON object, with their values as they are written.
type Members<'a> = BTreeMap<String, &'a RawValue>;
