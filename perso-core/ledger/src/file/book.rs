//! What is written in the file: charges, labels and calls.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::failed::{DAMAGED, Result};
use crate::amount::Amount;
use crate::commit::{CallId, Commit, Committed, Label};
use crate::digest::{Account, Digest, Session};
use crate::error::LedgerError;
use crate::limits;
use crate::time::{Time, millis};
use crate::window::{Bounds, Window};

/// Into how many steps the time is divided after which a session is over.
const SESSION_STEPS: u64 = 64;

/// The file at a moment, within a transaction.
pub(super) struct Book<'d> {
    pub db: &'d Connection,
    pub now: Time,
    /// How long a session is kept in which nothing happens, in milliseconds.
    pub session: u64,
}

/// What an operation answers, and whether what it wrote is to be kept.
pub(super) enum Answer<T> {
    Keep(T),
    Discard(T),
}

/// Where an amount is.
#[derive(Clone, Copy)]
enum Spot {
    Sliding(Account, Time),
    Session(Account),
    Period(Account, Bounds),
}

/// An account with a sliding window.
struct Sliding {
    id: i64,
    total: u128,
    entries: u64,
    keep: u64,
}

/// An amount as the file has it.
struct Units(u128);

impl rusqlite::ToSql for Units {
    fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
        Ok(rusqlite::types::ToSqlOutput::Owned(self.0.to_be_bytes().to_vec().into()))
    }
}

impl rusqlite::types::FromSql for Units {
    fn column_result(value: rusqlite::types::ValueRef<'_>) -> rusqlite::types::FromSqlResult<Self> {
        Ok(Self(u128::from_be_bytes(rusqlite::types::FromSql::column_result(value)?)))
    }
}

fn digest(account: &Account) -> &[u8; 32] {
    account.digest().as_bytes()
}

impl Book<'_> {
    fn write(&self, sql: &str, parameters: impl rusqlite::Params) -> Result<usize> {
        Ok(self.db.prepare_cached(sql)?.execute(parameters)?)
    }

    fn read<T>(
        &self,
        sql: &str,
        parameters: impl rusqlite::Params,
        row: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>> {
        Ok(self.db.prepare_cached(sql)?.query_row(parameters, row).optional()?)
    }

    pub fn commit(&self, commit: &Commit) -> Result<Answer<Committed>> {
        let remembered = commit.is_remembered();
        let fingerprint = if remembered { commit.fingerprint() } else { Digest::from_bytes([0; 32]) };
        if let Some((at, known, undone)) = self.call(commit.call)? {
            return match () {
                () if undone => Err(LedgerError::Undone.into()),
                () if known != fingerprint => Err(LedgerError::OtherCall.into()),
                () => Ok(Answer::Discard(Committed::Done { at })),
            };
        }
        if let Some(approval) = commit.approval
            && !self.use_approval(approval)?
        {
            return Ok(Answer::Discard(Committed::NotApproved { at: self.now }));
        }
        let session = match commit.session {
            Some(session) => self.session(session, !commit.labels.is_empty() || charges_session(commit))?,
            None => None,
        };
        let mut charged = Vec::new();
        let mut end = None;
        for (place, charge) in commit.adding() {
            let (amount, max) = (charge.amount.units(), charge.max.units());
            // When there is room, if there is none.
            let (spot, room_at) = match &charge.window {
                Window::Sliding(length) => self.charge_sliding(charge.account, millis(*length), amount, max)?,
                Window::Session => {
                    self.charge_session(charge.account, session.ok_or(LedgerError::NoSession)?, amount, max)?
                }
                Window::Period(period) => {
                    let bounds =
                        period.bounds(self.now).ok_or(LedgerError::Unavailable("its clock is beyond the calendar"))?;
                    end = end.max(Some(bounds.end));
                    self.charge_period(charge.account, bounds, amount, max)?
                }
            };
            match spot {
                Some(spot) => write_spot(&mut charged, spot, amount),
                None => {
                    let room_at = room_at.filter(|_| commit.can_fit(place, charge));
                    return Ok(Answer::Discard(Committed::Over { at: self.now, charge: place, room_at }));
                }
            }
        }
        if let Some(session) = session {
            self.add_labels(session, &commit.labels)?;
        }
        if remembered {
            let until = self.now.millis() + commit.remembered(self.now, end);
            let session = commit.session.map(|session| *session.digest().as_bytes());
            self.remember(commit.call, until, &fingerprint, false, session, &charged)?;
        }
        Ok(Answer::Keep(Committed::Done { at: self.now }))
    }

    /// A call that is remembered: when it was committed, its fingerprint, and whether it was undone.
    fn call(&self, call: CallId) -> Result<Option<(Time, Digest, bool)>> {
        self.read(
            "SELECT at, fingerprint, undone FROM call WHERE id = ? AND until > ?",
            params![call.as_bytes(), self.now.millis()],
            |row| Ok((Time::from_millis(row.get(0)?), Digest::from_bytes(row.get(1)?), row.get(2)?)),
        )
    }

    fn remember(
        &self,
        call: CallId,
        until: u64,
        fingerprint: &Digest,
        undone: bool,
        session: Option<[u8; 32]>,
        charged: &[u8],
    ) -> Result<()> {
        self.write(
            "INSERT OR REPLACE INTO call (id, until, at, fingerprint, undone, session, charged) VALUES (?, ?, ?, ?, ?, ?, ?)",
            params![call.as_bytes(), until, self.now.millis(), fingerprint.as_bytes(), undone, session, charged],
        )?;
        Ok(())
    }

    pub fn undo(&self, call: CallId) -> Result<Answer<()>> {
        let late = self.now.after(limits::LATE).millis();
        let known = self.read(
            "SELECT undone, session, charged FROM call WHERE id = ? AND until > ?",
            params![call.as_bytes(), self.now.millis()],
            |row| Ok((row.get::<_, bool>(0)?, row.get::<_, Option<[u8; 32]>>(1)?, row.get::<_, Vec<u8>>(2)?)),
        )?;
        match known {
            None => self.remember(call, late, &Digest::from_bytes([0; 32]), true, None, &[])?,
            Some((true, ..)) => return Ok(Answer::Discard(())),
            Some((false, session, charged)) => {
                self.write(
                    "UPDATE call SET undone = 1, until = max(until, ?) WHERE id = ?",
                    params![late, call.as_bytes()],
                )?;
                for (spot, amount) in read_spots(&charged)? {
                    self.take_back(spot, amount, session)?;
                }
            }
        }
        Ok(Answer::Keep(()))
    }

    fn sliding(&self, account: &Account) -> Result<Option<Sliding>> {
        self.read("SELECT id, total, entries, keep FROM account WHERE digest = ?", [digest(account)], |row| {
            Ok(Sliding { id: row.get(0)?, total: row.get::<_, Units>(1)?.0, entries: row.get(2)?, keep: row.get(3)? })
        })
    }

    /// Adds an amount that fits. Gives where it is, or when there is room.
    fn charge_sliding(
        &self,
        account: Account,
        window: u64,
        amount: u128,
        max: u128,
    ) -> Result<(Option<Spot>, Option<Time>)> {
        let now = self.now.millis();
        let mut state = match self.sliding(&account)? {
            Some(mut state) => {
                self.prune(&mut state, usize::MAX)?;
                state.keep = state.keep.max(window);
                state
            }
            None => {
                self.write(
                    "INSERT INTO account (digest, total, entries, keep, due) VALUES (?, ?, 0, ?, ?)",
                    params![digest(&account), Units(0), window, now + window],
                )?;
                Sliding { id: self.db.last_insert_rowid(), total: 0, entries: 0, keep: window }
            }
        };
        let sum = self.sum(&state, window)?;
        if sum + amount > max {
            return Ok((None, self.room_at(&state, window, sum + amount - max)?));
        }
        if state.entries >= limits::ENTRIES as u64 {
            return Err(LedgerError::Full("charges of one account").into());
        }
        let merged =
            self.read("SELECT amount FROM charge WHERE account = ? AND time = ?", params![state.id, now], |row| {
                row.get::<_, Units>(0)
            })?;
        state.entries += u64::from(merged.is_none());
        state.total += amount;
        self.write(
            "INSERT OR REPLACE INTO charge (account, time, amount) VALUES (?, ?, ?)",
            params![state.id, now, Units(amount + merged.map_or(0, |units| units.0))],
        )?;
        self.write(
            "UPDATE account SET total = ?, entries = ?, keep = ? WHERE id = ?",
            params![Units(state.total), state.entries, state.keep, state.id],
        )?;
        Ok((Some(Spot::Sliding(account, self.now)), None))
    }

    /// How much counts in a window.
    fn sum(&self, state: &Sliding, window: u64) -> Result<u128> {
        if window >= state.keep { Ok(state.total) } else { self.recount(state, window) }
    }

    /// The sum of the charges in a window.
    fn recount(&self, state: &Sliding, window: u64) -> Result<u128> {
        let mut entries = self.db.prepare_cached("SELECT amount FROM charge WHERE account = ? AND time > ?")?;
        let after = self.now.millis().saturating_sub(window);
        let counting = entries.query_map(params![state.id, after], |row| row.get::<_, Units>(0))?;
        Ok(counting.map(|units| units.map(|units| units.0)).sum::<rusqlite::Result<u128>>()?)
    }

    /// When so much has left a window.
    fn room_at(&self, state: &Sliding, window: u64, mut much: u128) -> Result<Option<Time>> {
        let mut entries = self
            .db
            .prepare_cached("SELECT time, amount FROM charge WHERE account = ? AND time > ? ORDER BY time LIMIT ?")?;
        let counting = entries.query_map(
            params![state.id, self.now.millis().saturating_sub(window), limits::ROOM_STEPS as u64],
            |row| Ok((row.get::<_, u64>(0)?, row.get::<_, Units>(1)?.0)),
        )?;
        for entry in counting {
            let (time, amount) = entry?;
            much = much.saturating_sub(amount);
            if much == 0 {
                return Ok(Some(Time::from_millis(time + window)));
            }
        }
        let last = self
            .read("SELECT max(time) FROM charge WHERE account = ?", [state.id], |row| row.get::<_, Option<u64>>(0))?;
        Ok(last.flatten().map(|time| Time::from_millis(time + window)))
    }

    /// Forgets what no longer counts on an account, the oldest first, at most so many entries.
    fn prune(&self, state: &mut Sliding, most: usize) -> Result<()> {
        let last = self.now.millis().saturating_sub(state.keep);
        let mut entries = self
            .db
            .prepare_cached("SELECT time, amount FROM charge WHERE account = ? AND time <= ? ORDER BY time LIMIT ?")?;
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let over = entries
            .query_map(params![state.id, last, most], |row| Ok((row.get::<_, u64>(0)?, row.get::<_, Units>(1)?.0)))?;
        let over = over.collect::<rusqlite::Result<Vec<_>>>()?;
        let Some((last, _)) = over.last() else { return Ok(()) };
        self.write("DELETE FROM charge WHERE account = ? AND time <= ?", params![state.id, last])?;
        let left: u128 = over.iter().map(|(_, amount)| amount).sum();
        state.total = state.total.checked_sub(left).ok_or(DAMAGED)?;
        state.entries = state.entries.checked_sub(over.len() as u64).ok_or(DAMAGED)?;
        self.write(
            "UPDATE account SET total = ?, entries = ? WHERE id = ?",
            params![Units(state.total), state.entries, state.id],
        )?;
        Ok(())
    }

    fn charge_session(
        &self,
        account: Account,
        session: i64,
        amount: u128,
        max: u128,
    ) -> Result<(Option<Spot>, Option<Time>)> {
        let total = self.session_total(session, &account)?;
        if total.unwrap_or_default() + amount > max {
            return Ok((None, None));
        }
        if total.is_none() {
            let sql = "SELECT count(*) FROM session_account WHERE session = ?";
            let accounts = self.read(sql, [session], |row| row.get::<_, usize>(0))?;
            if accounts.unwrap_or_default() >= limits::SESSION_ACCOUNTS {
                return Err(LedgerError::Full("accounts of one session").into());
            }
        }
        self.write(
            "INSERT OR REPLACE INTO session_account (session, account, total) VALUES (?, ?, ?)",
            params![session, digest(&account), Units(total.unwrap_or_default() + amount)],
        )?;
        Ok((Some(Spot::Session(account)), None))
    }

    fn session_total(&self, session: i64, account: &Account) -> Result<Option<u128>> {
        let sql = "SELECT total FROM session_account WHERE session = ? AND account = ?";
        self.read(sql, params![session, digest(account)], |row| row.get::<_, Units>(0).map(|units| units.0))
    }

    fn charge_period(
        &self,
        account: Account,
        bounds: Bounds,
        amount: u128,
        max: u128,
    ) -> Result<(Option<Spot>, Option<Time>)> {
        let total = self.period_total(&account, bounds)?;
        if total + amount > max {
            return Ok((None, Some(bounds.end)));
        }
        self.write(
            "INSERT OR REPLACE INTO period (account, start, end, total) VALUES (?, ?, ?, ?)",
            params![digest(&account), bounds.start.millis(), bounds.end.millis(), Units(total + amount)],
        )?;
        Ok((Some(Spot::Period(account, bounds)), None))
    }

    fn period_total(&self, account: &Account, bounds: Bounds) -> Result<u128> {
        let sql = "SELECT total FROM period WHERE account = ? AND start = ? AND end = ?";
        let total = self.read(sql, params![digest(account), bounds.start.millis(), bounds.end.millis()], |row| {
            row.get::<_, Units>(0)
        })?;
        Ok(total.map_or(0, |units| units.0))
    }

    /// Takes an amount back, if it still counts.
    fn take_back(&self, spot: Spot, amount: u128, session: Option<[u8; 32]>) -> Result<()> {
        match spot {
            Spot::Sliding(account, time) => {
                let Some(state) = self.sliding(&account)? else { return Ok(()) };
                let at = params![state.id, time.millis()];
                let sql = "SELECT amount FROM charge WHERE account = ? AND time = ?";
                let Some(Units(kept)) = self.read(sql, at, |row| row.get(0))? else { return Ok(()) };
                let entries = if kept <= amount {
                    self.write("DELETE FROM charge WHERE account = ? AND time = ?", at)?;
                    state.entries.saturating_sub(1)
                } else {
                    let sql = "UPDATE charge SET amount = ? WHERE account = ? AND time = ?";
                    self.write(sql, params![Units(kept - amount), state.id, time.millis()])?;
                    state.entries
                };
                let total = Units(state.total.saturating_sub(amount));
                self.write(
                    "UPDATE account SET total = ?, entries = ? WHERE id = ?",
                    params![total, entries, state.id],
                )?;
            }
            Spot::Session(account) => {
                let sql = "SELECT id FROM session WHERE digest = ?";
                let Some(session) = self.read(sql, [session], |row| row.get::<_, i64>(0))? else { return Ok(()) };
                let Some(total) = self.session_total(session, &account)? else { return Ok(()) };
                self.write(
                    "UPDATE session_account SET total = ? WHERE session = ? AND account = ?",
                    params![Units(total.saturating_sub(amount)), session, digest(&account)],
                )?;
            }
            Spot::Period(account, bounds) => {
                let total = self.period_total(&account, bounds)?.saturating_sub(amount);
                self.write(
                    "UPDATE period SET total = ? WHERE account = ? AND start = ? AND end = ?",
                    params![Units(total), digest(&account), bounds.start.millis(), bounds.end.millis()],
                )?;
            }
        }
        Ok(())
    }

    /// The row of a session that is not over, and when something was noted to happen in it last.
    fn known_session(&self, session: Session) -> Result<Option<(i64, u64)>> {
        let sql = "SELECT id, latest FROM session WHERE digest = ? AND latest > ?";
        self.read(sql, params![session.digest().as_bytes(), self.oldest_session()], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
    }

    /// Sessions in which nothing was noted since then are over.
    fn oldest_session(&self) -> u64 {
        self.now.millis().saturating_sub(self.session + self.session / SESSION_STEPS)
    }

    /// Whether it has to be noted that something happens in a session. It is not noted each time, to write less.
    fn is_stale(&self, latest: u64) -> bool {
        latest + self.session / SESSION_STEPS < self.now.millis()
    }

    /// The row of a session, in which something happens now. Made if there is none and it is needed.
    fn session(&self, session: Session, needed: bool) -> Result<Option<i64>> {
        let digest = session.digest().as_bytes();
        match self.known_session(session)? {
            Some((id, latest)) => {
                if self.is_stale(latest) {
                    self.write("UPDATE session SET latest = ? WHERE id = ?", params![self.now.millis(), id])?;
                }
                Ok(Some(id))
            }
            None if needed => {
                // One that is over may not be swept away yet.
                if let Some(id) = self.read("SELECT id FROM session WHERE digest = ?", [digest], |row| row.get(0))? {
                    self.forget_session(id)?;
                }
                self.write("INSERT INTO session (digest, latest) VALUES (?, ?)", params![digest, self.now.millis()])?;
                Ok(Some(self.db.last_insert_rowid()))
            }
            None => Ok(None),
        }
    }

    /// Notes that something happens in a session, if it is known.
    pub fn touch(&self, session: Session) -> Result<Answer<()>> {
        self.session(session, false)?;
        Ok(Answer::Keep(()))
    }

    fn forget_session(&self, id: i64) -> Result<()> {
        self.write("DELETE FROM label WHERE session = ?", [id])?;
        self.write("DELETE FROM session_account WHERE session = ?", [id])?;
        self.write("DELETE FROM session WHERE id = ?", [id])?;
        Ok(())
    }

    fn add_labels(&self, session: i64, labels: &[Label]) -> Result<()> {
        let mut new = 0;
        for label in labels {
            new += self
                .write("INSERT OR IGNORE INTO label (session, name) VALUES (?, ?)", params![session, label.as_str()])?;
        }
        if new > 0 {
            let sql = "SELECT count(*) FROM label WHERE session = ?";
            let count = self.read(sql, [session], |row| row.get::<_, usize>(0))?;
            if count.unwrap_or_default() > limits::LABELS {
                return Err(LedgerError::Full("labels of a session").into());
            }
        }
        Ok(())
    }

    /// A session's labels, and whether it has to be noted that something happens in it. Writes nothing.
    pub fn labels(&self, session: Session) -> Result<Answer<(Vec<Label>, bool)>> {
        let Some((id, latest)) = self.known_session(session)? else { return Ok(Answer::Discard((Vec::new(), false))) };
        let mut names = self.db.prepare_cached("SELECT name FROM label WHERE session = ? ORDER BY name")?;
        let names = names.query_map([id], |row| row.get::<_, String>(0))?.collect::<rusqlite::Result<Vec<_>>>()?;
        let labels = names.iter().map(|name| Label::new(name)).collect::<std::result::Result<_, _>>()?;
        Ok(Answer::Discard((labels, self.is_stale(latest))))
    }

    /// How much counts on an account. Writes nothing.
    pub fn balance(&self, account: Account, window: &Window, session: Option<Session>) -> Result<Answer<Amount>> {
        let total = match window {
            Window::Sliding(length) => match self.sliding(&account)? {
                Some(state) => self.recount(&state, millis(*length).min(state.keep))?,
                None => 0,
            },
            Window::Session => match self.known_session(session.ok_or(LedgerError::NoSession)?)? {
                Some((session, _)) => self.session_total(session, &account)?.unwrap_or_default(),
                None => 0,
            },
            Window::Period(period) => {
                let bounds =
                    period.bounds(self.now).ok_or(LedgerError::Unavailable("its clock is beyond the calendar"))?;
                self.period_total(&account, bounds)?
            }
        };
        Ok(Answer::Discard(Amount::saturating(total)))
    }

    /// Forgets what no longer counts: at most so many of each kind.
    pub fn sweep(&self, most: u64) -> Result<()> {
        let now = self.now.millis();
        let mut due = self.db.prepare_cached("SELECT id, total, entries, keep FROM account WHERE due <= ? LIMIT ?")?;
        let due = due.query_map(params![now, most], |row| {
            Ok(Sliding { id: row.get(0)?, total: row.get::<_, Units>(1)?.0, entries: row.get(2)?, keep: row.get(3)? })
        })?;
        for mut state in due.collect::<rusqlite::Result<Vec<_>>>()? {
            self.prune(&mut state, 1_000)?;
            let sql = "SELECT min(time) FROM charge WHERE account = ?";
            match self.read(sql, [state.id], |row| row.get::<_, Option<u64>>(0))?.flatten() {
                Some(first) => {
                    self.write("UPDATE account SET due = ? WHERE id = ?", params![first + state.keep, state.id])?;
                }
                None => {
                    self.write("DELETE FROM account WHERE id = ?", [state.id])?;
                }
            }
        }
        self.write(
            "DELETE FROM period WHERE (account, start, end) IN (SELECT account, start, end FROM period WHERE end <= ? LIMIT ?)",
            params![now, most],
        )?;
        self.write("DELETE FROM call WHERE id IN (SELECT id FROM call WHERE until <= ? LIMIT ?)", params![now, most])?;
        self.write(
            "DELETE FROM approval WHERE id IN (SELECT id FROM approval WHERE expires <= ? LIMIT ?)",
            params![now, most],
        )?;
        let mut over = self.db.prepare_cached("SELECT id FROM session WHERE latest <= ? LIMIT ?")?;
        let over = over.query_map(params![self.oldest_session(), most], |row| row.get(0))?;
        for id in over.collect::<rusqlite::Result<Vec<_>>>()? {
            self.forget_session(id)?;
        }
        Ok(())
    }
}

/// Whether a commit adds to an account of its session.
fn charges_session(commit: &Commit) -> bool {
    commit.adding().any(|(_, charge)| charge.window == Window::Session)
}

/// Bytes of a spot: its kind, the account, two times and the amount.
const SPOT: usize = 1 + 32 + 8 + 8 + 16;

fn write_spot(charged: &mut Vec<u8>, spot: Spot, amount: u128) {
    let (kind, account, start, end) = match spot {
        Spot::Sliding(account, time) => (0, account, time.millis(), 0),
        Spot::Session(account) => (1, account, 0, 0),
        Spot::Period(account, bounds) => (2, account, bounds.start.millis(), bounds.end.millis()),
    };
    charged.push(kind);
    charged.extend(digest(&account));
    charged.extend(start.to_be_bytes());
    charged.extend(end.to_be_bytes());
    charged.extend(amount.to_be_bytes());
}

fn read_spots(charged: &[u8]) -> Result<Vec<(Spot, u128)>> {
    charged.chunks(SPOT).map(|bytes| Ok(read_spot(bytes).ok_or(DAMAGED)?)).collect()
}

fn read_spot(bytes: &[u8]) -> Option<(Spot, u128)> {
    let (kind, bytes) = bytes.split_first()?;
    let (account, bytes) = bytes.split_first_chunk()?;
    let (start, bytes) = bytes.split_first_chunk()?;
    let (end, bytes) = bytes.split_first_chunk()?;
    let account = Account::from_digest(Digest::from_bytes(*account));
    let [start, end] = [start, end].map(|time| Time::from_millis(u64::from_be_bytes(*time)));
    let spot = match kind {
        0 => Spot::Sliding(account, start),
        1 => Spot::Session(account),
        2 => Spot::Period(account, Bounds { start, end }),
        _ => return None,
    };
    Some((spot, u128::from_be_bytes(bytes.try_into().ok()?)))
}
