//! Approvals in the file.

use rusqlite::{OptionalExtension, Row, params};

use super::book::{Answer, Book};
use super::failed::Result;
use crate::approval::{Approval, ApprovalId, Request, State, Verdict};
use crate::digest::Digest;
use crate::error::LedgerError;
use crate::limits;
use crate::time::Time;

const PENDING: i64 = 0;
const APPROVED: i64 = 1;
const DENIED: i64 = 2;
const USED: i64 = 3;

fn approval(row: &Row<'_>) -> rusqlite::Result<Approval> {
    let by: String = row.get(7)?;
    Ok(Approval {
        id: ApprovalId::from_bits(row.get(0)?),
        digest: Digest::from_bytes(row.get(1)?),
        agent: row.get(2)?,
        shown: row.get(3)?,
        requested_at: Time::from_millis(row.get(4)?),
        expires_at: Time::from_millis(row.get(5)?),
        state: match row.get(6)? {
            PENDING => State::Pending,
            APPROVED => State::Approved { by },
            DENIED => State::Denied { by },
            USED => State::Used { by },
            other => return Err(rusqlite::Error::IntegralValueOutOfRange(6, other)),
        },
    })
}

impl Book<'_> {
    pub fn request(&self, request: &Request) -> Result<Answer<ApprovalId>> {
        let now = self.now.millis();
        let mut known =
            self.db.prepare_cached("SELECT id FROM approval WHERE digest = ? AND expires > ? AND state <= ?")?;
        let known = known.query_row(params![request.digest.as_bytes(), now, APPROVED], |row| row.get(0)).optional()?;
        if let Some(bits) = known {
            return Ok(Answer::Discard(ApprovalId::from_bits(bits)));
        }
        self.db.prepare_cached("DELETE FROM approval WHERE expires <= ?")?.execute([now])?;
        let count =
            self.db.prepare_cached("SELECT count(*) FROM approval")?.query_row([], |row| row.get::<_, usize>(0))?;
        if count >= limits::APPROVALS {
            return Err(LedgerError::Full("approvals").into());
        }
        let mut insert = self.db.prepare_cached("INSERT OR IGNORE INTO approval VALUES (?, ?, ?, ?, ?, ?, 0, '')")?;
        loop {
            let id = ApprovalId::random()?;
            let expires = self.now.after(request.expires_in).millis();
            let row = params![id.bits(), request.digest.as_bytes(), request.agent, request.shown, now, expires];
            if insert.execute(row)? == 1 {
                return Ok(Answer::Keep(id));
            }
        }
    }

    pub fn pending(&self) -> Result<Answer<Vec<Approval>>> {
        let sql = "SELECT * FROM approval WHERE state = 0 AND expires > ? ORDER BY requested, id";
        let mut pending = self.db.prepare_cached(sql)?;
        let pending = pending.query_map([self.now.millis()], approval)?;
        Ok(Answer::Discard(pending.collect::<rusqlite::Result<_>>()?))
    }

    pub fn show(&self, id: ApprovalId) -> Result<Answer<Option<Approval>>> {
        let mut one = self.db.prepare_cached("SELECT * FROM approval WHERE id = ? AND expires > ?")?;
        Ok(Answer::Discard(one.query_row(params![id.bits(), self.now.millis()], approval).optional()?))
    }

    pub fn decide(&self, id: ApprovalId, verdict: Verdict, by: &str) -> Result<Answer<()>> {
        let (Answer::Keep(known) | Answer::Discard(known)) = self.show(id)?;
        if known.ok_or(LedgerError::UnknownApproval)?.state != State::Pending {
            return Err(LedgerError::AlreadyDecided.into());
        }
        let state = match verdict {
            Verdict::Approve => APPROVED,
            Verdict::Deny => DENIED,
        };
        let mut update = self.db.prepare_cached("UPDATE approval SET state = ?, decided_by = ? WHERE id = ?")?;
        update.execute(params![state, by, id.bits()])?;
        Ok(Answer::Keep(()))
    }

    /// Uses the approval of a digest up, if there is one.
    pub fn use_approval(&self, digest: Digest) -> Result<bool> {
        let mut update =
            self.db.prepare_cached("UPDATE approval SET state = ? WHERE digest = ? AND state = ? AND expires > ?")?;
        Ok(update.execute(params![USED, digest.as_bytes(), APPROVED, self.now.millis()])? > 0)
    }
}
