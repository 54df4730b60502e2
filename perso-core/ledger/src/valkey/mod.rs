//! The ledger of many machines: Valkey or Redis.
//!
//! Each operation is one script (`scripts/`), which the server runs at once and alone. All keys of a namespace are in one slot, so
//! that this is so in a cluster as well.

mod scripts;
mod server;

use std::time::Duration;

use async_trait::async_trait;

use crate::amount::Amount;
use crate::approval::{Approval, ApprovalId, Request, State, Verdict, check_name};
use crate::commit::{CallId, Commit, Committed, Label, check_window};
use crate::digest::{Account, Digest, Session};
use crate::error::{LedgerError, OpenError};
use crate::ledger::Ledger;
use crate::limits;
use crate::options::Options;
use crate::time::{Clock, SystemClock, Time, millis};
use crate::window::Window;
use scripts::{BALANCE, COMMIT, DECIDE, LABELS, REQUEST, SHOW, UNDO};
use server::{Argument, NOT_UNDERSTOOD, Server};

const TIME_LIMIT: Duration = Duration::from_millis(250);
/// How often a period is computed: the server's clock may be in another one than this machine's, and a new one may begin.
const PERIODS: usize = 3;

/// A ledger in Valkey or Redis: for many machines.
///
/// The server's clock counts. It has to be set to evict nothing (`maxmemory-policy noeviction`), and what it promises to keep is
/// what the ledger keeps: see `docs/ledger.md`.
///
/// Its operations run on a tokio runtime, on which the connection stays: use one.
pub struct Valkey {
    server: Server,
    session: u64,
}

impl Valkey {
    /// The ledger at an address, which [`open`](crate::open()) describes. Connects when it is first used.
    ///
    /// # Errors
    ///
    /// If it is no such address, or the namespace is empty, longer than 64 bytes, or has other characters than letters, digits,
    /// `-`, `_`, `.` and `:`.
    pub fn new(address: &str, options: &Options) -> Result<Self, OpenError> {
        let namespace = &options.namespace;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
        if namespace.is_empty() || namespace.len() > 64 || !namespace.bytes().all(plain) {
            return Err(OpenError::Address("a namespace has 1 to 64 letters, digits, `-`, `_`, `.` and `:`"));
        }
        let limit = options.time_limit.unwrap_or(TIME_LIMIT);
        let server = Server::new(address, limit, format!("{{{namespace}}}:clock"))?;
        Ok(Self { server, session: millis(options.session) })
    }
}

fn number(text: &str) -> Result<u64, LedgerError> {
    text.parse().map_err(|_| NOT_UNDERSTOOD)
}

fn time(text: &str) -> Result<Time, LedgerError> {
    number(text).map(Time::from_millis)
}

fn hex(digest: &Digest) -> Argument<'static> {
    Argument::Owned(digest.to_string())
}

fn call_name(call: CallId) -> Argument<'static> {
    Argument::Owned(format!("{call:?}"))
}

/// A window as the scripts take it: its kind, and two arguments. `None` if the calendar does not reach so far.
fn window_arguments(
    window: &Window,
    session: Option<Session>,
    now: Time,
) -> Option<(&'static str, [Argument<'static>; 2])> {
    Some(match window {
        Window::Sliding(length) => ("sliding", [Argument::Number(millis(*length)), Argument::Text("")]),
        Window::Session => ("session", [hex(session?.digest()), Argument::Text("")]),
        Window::Period(period) => {
            let bounds = period.bounds(now)?;
            ("period", [bounds.start, bounds.end].map(|time| Argument::Number(time.millis())))
        }
    })
}

const NO_CALENDAR: LedgerError = LedgerError::Unavailable("its clock is beyond the calendar");

/// What the script is given to commit, if it is `now` on the server.
fn commit_arguments(commit: &Commit, session_kept: u64, now: Time) -> Result<Vec<Argument<'_>>, LedgerError> {
    let remembered = commit.is_remembered();
    let mut arguments = vec![
        call_name(commit.call),
        if remembered { hex(&commit.fingerprint()) } else { Argument::Text("") },
        Argument::Number(commit.remembered(now, None)),
        Argument::Number(millis(limits::CALL)),
        commit.approval.map_or(Argument::Text(""), |approval| hex(&approval)),
        commit.session.map_or(Argument::Text(""), |session| hex(session.digest())),
        Argument::Number(session_kept),
    ];
    let bounds = [limits::ENTRIES, limits::SESSION_ACCOUNTS, limits::LABELS, limits::ROOM_STEPS];
    arguments.extend(bounds.map(|bound| Argument::Number(bound as u64)));
    arguments.push(Argument::Number(commit.labels.len() as u64));
    arguments.extend(commit.labels.iter().map(|label| Argument::Text(label.as_str())));
    arguments.push(Argument::Number(commit.adding().count() as u64));
    for (place, charge) in commit.adding() {
        let (kind, window) = window_arguments(&charge.window, commit.session, now).ok_or(NO_CALENDAR)?;
        arguments.push(Argument::Number(place as u64));
        arguments.push(Argument::Text(kind));
        arguments.push(hex(charge.account.digest()));
        arguments.push(Argument::Owned(charge.amount.units().to_string()));
        arguments.push(Argument::Owned(charge.max.units().to_string()));
        arguments.extend(window);
    }
    Ok(arguments)
}

fn texts(answer: &[String]) -> Vec<&str> {
    answer.iter().map(String::as_str).collect()
}

/// What is full.
fn full(what: &str) -> LedgerError {
    match what {
        "charges" => LedgerError::Full("charges of one account"),
        "session accounts" => LedgerError::Full("accounts of one session"),
        "labels" => LedgerError::Full("labels of a session"),
        "approvals" => LedgerError::Full("approvals"),
        _ => NOT_UNDERSTOOD,
    }
}

/// The requests in an answer.
fn approvals(answer: Vec<String>) -> Result<Vec<Approval>, LedgerError> {
    let mut found = Vec::new();
    for fields in answer.chunks(8) {
        let [id, digest, agent, shown, requested, expires, state, by] = fields else { return Err(NOT_UNDERSTOOD) };
        let by = by.clone();
        found.push(Approval {
            id: id.parse().map_err(|_| NOT_UNDERSTOOD)?,
            digest: Digest::from_hex(digest).ok_or(NOT_UNDERSTOOD)?,
            agent: agent.clone(),
            shown: shown.clone(),
            requested_at: time(requested)?,
            expires_at: time(expires)?,
            state: match state.as_str() {
                "pending" => State::Pending,
                "approved" => State::Approved { by },
                "denied" => State::Denied { by },
                "used" => State::Used { by },
                _ => return Err(NOT_UNDERSTOOD),
            },
        });
    }
    Ok(found)
}

#[async_trait]
impl Ledger for Valkey {
    async fn commit(&self, commit: &Commit) -> Result<Committed, LedgerError> {
        commit.check()?;
        let mut now = SystemClock::new().wall();
        for _ in 0..PERIODS {
            let arguments = commit_arguments(commit, self.session, now)?;
            let answer = self.server.run(&COMMIT, true, &arguments).await?;
            return match texts(&answer).as_slice() {
                ["done", at] => Ok(Committed::Done { at: time(at)? }),
                ["over", at, charge, room] => Ok(Committed::Over {
                    at: time(at)?,
                    charge: number(charge)? as usize,
                    room_at: if room.is_empty() { None } else { Some(time(room)?) },
                }),
                ["not approved", at] => Ok(Committed::NotApproved { at: time(at)? }),
                ["undone"] => Err(LedgerError::Undone),
                ["other"] => Err(LedgerError::OtherCall),
                ["full", what] => Err(full(what)),
                ["outside", at] => {
                    now = time(at)?;
                    continue;
                }
                _ => Err(NOT_UNDERSTOOD),
            };
        }
        Err(LedgerError::Unavailable("the server's clock does not keep still"))
    }

    async fn undo(&self, call: CallId) -> Result<(), LedgerError> {
        let arguments = [call_name(call), Argument::Number(millis(limits::LATE))];
        let answer = self.server.run(&UNDO, true, &arguments).await?;
        if texts(&answer) == ["done"] { Ok(()) } else { Err(NOT_UNDERSTOOD) }
    }

    async fn labels(&self, session: Session) -> Result<Vec<Label>, LedgerError> {
        let arguments = [hex(session.digest()), Argument::Number(self.session)];
        let answer = self.server.run(&LABELS, true, &arguments).await?;
        match texts(&answer).as_slice() {
            ["labels", names @ ..] => {
                let labels = names.iter().map(|name| Label::new(name).map_err(|_| NOT_UNDERSTOOD));
                let mut labels = labels.collect::<Result<Vec<_>, _>>()?;
                labels.sort();
                Ok(labels)
            }
            _ => Err(NOT_UNDERSTOOD),
        }
    }

    async fn balance(
        &self,
        account: Account,
        window: &Window,
        session: Option<Session>,
    ) -> Result<Amount, LedgerError> {
        check_window(window, session)?;
        let mut now = SystemClock::new().wall();
        for _ in 0..PERIODS {
            let (kind, window) = window_arguments(window, session, now).ok_or(NO_CALENDAR)?;
            let mut arguments = vec![Argument::Text(kind), hex(account.digest())];
            arguments.extend(window);
            let answer = self.server.run(&BALANCE, true, &arguments).await?;
            match texts(&answer).as_slice() {
                ["sum", units] => {
                    let units = units.parse().map_err(|_| NOT_UNDERSTOOD)?;
                    return Amount::from_units(units).map_err(|_| NOT_UNDERSTOOD);
                }
                ["outside", at] => now = time(at)?,
                _ => return Err(NOT_UNDERSTOOD),
            }
        }
        Err(LedgerError::Unavailable("the server's clock does not keep still"))
    }

    async fn request(&self, request: &Request) -> Result<ApprovalId, LedgerError> {
        request.check()?;
        loop {
            let arguments = [
                Argument::Owned(ApprovalId::random()?.to_string()),
                hex(&request.digest),
                Argument::Text(&request.agent),
                Argument::Text(&request.shown),
                Argument::Number(millis(request.expires_in)),
                Argument::Number(limits::APPROVALS as u64),
            ];
            let answer = self.server.run(&REQUEST, true, &arguments).await?;
            return match texts(&answer).as_slice() {
                ["id", id] => id.parse().map_err(|_| NOT_UNDERSTOOD),
                ["full", what] => Err(full(what)),
                ["again"] => continue,
                _ => Err(NOT_UNDERSTOOD),
            };
        }
    }

    async fn pending(&self) -> Result<Vec<Approval>, LedgerError> {
        let mut pending = approvals(self.server.run(&SHOW, true, &[]).await?)?;
        pending.sort_by_key(|approval| (approval.requested_at, approval.id));
        Ok(pending)
    }

    async fn show(&self, id: ApprovalId) -> Result<Option<Approval>, LedgerError> {
        Ok(approvals(self.server.run(&SHOW, true, &[Argument::Owned(id.to_string())]).await?)?.pop())
    }

    async fn decide(&self, id: ApprovalId, verdict: Verdict, by: &str) -> Result<(), LedgerError> {
        check_name(by)?;
        let verdict = match verdict {
            Verdict::Approve => "approved",
            Verdict::Deny => "denied",
        };
        let arguments = [Argument::Owned(id.to_string()), Argument::Text(verdict), Argument::Text(by)];
        let answer = self.server.run(&DECIDE, false, &arguments).await?;
        match texts(&answer).as_slice() {
            ["done"] => Ok(()),
            ["unknown"] => Err(LedgerError::UnknownApproval),
            ["decided"] => Err(LedgerError::AlreadyDecided),
            _ => Err(NOT_UNDERSTOOD),
        }
    }
}
