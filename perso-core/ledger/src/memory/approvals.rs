//! Approvals in memory: few, so that they are kept together.

use std::collections::{BTreeMap, HashMap};

use super::shard::Now;
use crate::approval::{Approval, ApprovalId, Request, State, Verdict};
use crate::digest::Digest;
use crate::error::LedgerError;
use crate::limits;
use crate::time::Time;

/// The approvals, each with when it is over in steady time.
#[derive(Default)]
pub(super) struct Approvals {
    known: BTreeMap<ApprovalId, (Time, Approval)>,
    /// The last request of each digest.
    digests: HashMap<Digest, ApprovalId>,
}

impl Approvals {
    /// Forgets those that are over.
    fn prune(&mut self, now: Now) {
        self.known.retain(|_, (end, _)| now.steady < *end);
        self.digests.retain(|_, id| self.known.contains_key(id));
    }

    fn get(&mut self, id: ApprovalId, now: Now) -> Option<&mut Approval> {
        self.known.get_mut(&id).filter(|(end, _)| now.steady < *end).map(|(_, approval)| approval)
    }

    pub fn request(&mut self, request: &Request, now: Now) -> Result<ApprovalId, LedgerError> {
        self.prune(now);
        if let Some(id) = self.digests.get(&request.digest).copied() {
            let state = self.get(id, now).map(|approval| &approval.state);
            if let Some(State::Pending | State::Approved { .. }) = state {
                return Ok(id);
            }
        }
        if self.known.len() >= limits::APPROVALS {
            return Err(LedgerError::Full("approvals"));
        }
        let mut id = ApprovalId::random()?;
        while self.known.contains_key(&id) {
            id = ApprovalId::random()?;
        }
        let approval = Approval {
            id,
            digest: request.digest,
            agent: request.agent.clone(),
            shown: request.shown.clone(),
            requested_at: now.wall,
            expires_at: now.wall.after(request.expires_in),
            state: State::Pending,
        };
        self.known.insert(id, (now.steady.after(request.expires_in), approval));
        self.digests.insert(request.digest, id);
        Ok(id)
    }

    pub fn pending(&mut self, now: Now) -> Vec<Approval> {
        self.prune(now);
        let pending = self.known.values().map(|(_, approval)| approval).filter(|a| a.state == State::Pending);
        let mut pending: Vec<Approval> = pending.cloned().collect();
        pending.sort_by_key(|approval| (approval.requested_at, approval.id));
        pending
    }

    pub fn show(&mut self, id: ApprovalId, now: Now) -> Option<Approval> {
        self.get(id, now).cloned()
    }

    pub fn decide(&mut self, id: ApprovalId, verdict: Verdict, by: &str, now: Now) -> Result<(), LedgerError> {
        let approval = self.get(id, now).ok_or(LedgerError::UnknownApproval)?;
        if approval.state != State::Pending {
            return Err(LedgerError::AlreadyDecided);
        }
        let by = by.to_owned();
        approval.state = match verdict {
            Verdict::Approve => State::Approved { by },
            Verdict::Deny => State::Denied { by },
        };
        Ok(())
    }

    /// The approval of a digest that can be used.
    pub fn usable(&mut self, digest: Digest, now: Now) -> Option<&mut Approval> {
        let id = self.digests.get(&digest).copied()?;
        self.get(id, now).filter(|approval| matches!(approval.state, State::Approved { .. }))
    }

    /// Uses an approval up.
    pub fn r#use(&mut self, digest: Digest, now: Now) {
        if let Some(approval) = self.usable(digest, now)
            && let State::Approved { by } = &mut approval.state
        {
            approval.state = State::Used { by: std::mem::take(by) };
        }
    }
}
