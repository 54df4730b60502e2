//! The ledger of one process, until it ends.
//!
//! Accounts, sessions and calls are spread over [`SHARDS`] parts, each behind a lock. A commit locks the parts that it needs, in
//! their order, checks all that it adds, and then adds it: nothing can fail in between.

mod approvals;
mod shard;

use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use foldhash::quality::RandomState;
use smallvec::SmallVec;

use crate::amount::Amount;
use crate::approval::{Approval, ApprovalId, Request, Verdict, check_name};
use crate::commit::{CallId, Charge, Commit, Committed, Label, check_window};
use crate::digest::{Account, Session};
use crate::error::LedgerError;
use crate::ledger::Ledger;
use crate::limits;
use crate::options::{MemoryLimits, Options};
use crate::time::{Clock, Latest, SystemClock, Time, millis};
use crate::window::Window;
use approvals::Approvals;
use shard::{Call, Now, Shard, Spot};

/// In how many parts the memory is. A set of them is a `u32`.
const SHARDS: usize = 32;
/// How many members of a part are looked at by each operation, to forget what no longer counts. More than one operation can add.
const SWEEP: usize = 4;

/// A ledger in memory: for one process, until it ends.
///
/// An operation takes well under a microsecond and never waits but for another one. Sliding windows and what expires go by a clock
/// that cannot be set; periods of the calendar by the time of day, which never goes back here.
pub struct Memory {
    shards: [Mutex<Shard>; SHARDS],
    approvals: Mutex<Approvals>,
    hasher: RandomState,
    clock: Arc<dyn Clock>,
    wall: Latest,
    /// How many ids of calls it has given out.
    named: AtomicU64,
}

/// A charge that adds something: its place in the commit, where it goes, the part of the memory that this is in, and the
/// length of its window in milliseconds.
struct Adding<'c> {
    place: usize,
    charge: &'c Charge,
    spot: Spot,
    shard: usize,
    window: u64,
}

/// Parts of the memory that nobody else uses now.
struct Locked<'m>(SmallVec<[(usize, MutexGuard<'m, Shard>); 4]>);

const POISONED: LedgerError = LedgerError::Unavailable("an operation was interrupted, so that the memory may be wrong");

impl Locked<'_> {
    fn get(&mut self, shard: usize) -> Result<&mut Shard, LedgerError> {
        self.0.iter_mut().find(|(at, _)| *at == shard).map(|(_, guard)| &mut **guard).ok_or(POISONED)
    }
}

impl Memory {
    /// An empty ledger.
    pub fn new(options: &Options) -> Self {
        Self::with_clock(options, Arc::new(SystemClock::new()))
    }

    /// An empty ledger with another clock, for tests.
    pub fn with_clock(options: &Options, clock: Arc<dyn Clock>) -> Self {
        let MemoryLimits { accounts, entries, calls, sessions } = options.memory;
        let part = |whole: usize| whole.div_ceil(SHARDS);
        let limits = MemoryLimits {
            accounts: part(accounts),
            entries: part(entries),
            calls: part(calls),
            sessions: part(sessions),
        };
        let hasher = RandomState::default();
        let session = millis(options.session);
        Self {
            shards: std::array::from_fn(|_| Mutex::new(Shard::new(&hasher, limits, session))),
            approvals: Mutex::default(),
            hasher,
            clock,
            wall: Latest::default(),
            named: AtomicU64::new(0),
        }
    }

    fn now(&self) -> Now {
        Now { steady: self.clock.steady(), wall: self.wall.see(self.clock.wall()) }
    }

    fn shard_of(&self, key: &impl Hash) -> usize {
        // A map uses the lowest and the highest bits.
        (self.hasher.hash_one(key) >> 32) as usize % SHARDS
    }

    /// What is the same for a retry, and for no other commit of the same call.
    fn fingerprint(&self, commit: &Commit) -> u64 {
        let mut hash = self.hasher.build_hasher();
        commit.identity(|tag, bytes| {
            hash.write_u8(tag);
            hash.write_usize(bytes.len());
            hash.write(bytes);
        });
        hash.finish()
    }

    /// Locks the parts of a set, in the one order that cannot end in a deadlock.
    fn lock(&self, mut set: u32) -> Result<Locked<'_>, LedgerError> {
        let mut locked = SmallVec::new();
        while set != 0 {
            let at = set.trailing_zeros() as usize;
            set &= set - 1;
            let shard = self.shards.get(at).ok_or(POISONED)?;
            locked.push((at, shard.lock().map_err(|_| POISONED)?));
        }
        Ok(Locked(locked))
    }

    fn approvals(&self) -> Result<MutexGuard<'_, Approvals>, LedgerError> {
        self.approvals.lock().map_err(|_| POISONED)
    }

    /// Where an amount goes, and the part of the memory that this is in.
    fn spot(
        &self,
        account: Account,
        window: &Window,
        session: Option<Session>,
        now: Now,
    ) -> Result<(Spot, usize, u64), LedgerError> {
        Ok(match window {
            Window::Sliding(length) => (Spot::Sliding(account, now.steady), self.shard_of(&account), millis(*length)),
            Window::Session => {
                let session = session.ok_or(LedgerError::NoSession)?;
                (Spot::Session(account, session), self.shard_of(&session), 0)
            }
            Window::Period(period) => {
                let bounds =
                    period.bounds(now.wall).ok_or(LedgerError::Unavailable("its clock is beyond the calendar"))?;
                (Spot::Period(account, bounds), self.shard_of(&account), 0)
            }
        })
    }

    fn commit_now(&self, commit: &Commit) -> Result<Committed, LedgerError> {
        commit.check()?;
        let now = self.now();
        let home = self.shard_of(&commit.call);
        let session = commit.session.map(|session| (session, self.shard_of(&session)));
        let mut set = 1 << home | session.map_or(0, |(_, shard)| 1 << shard);
        let mut adding: SmallVec<[Adding<'_>; 4]> = SmallVec::new();
        for (place, charge) in commit.adding() {
            let (spot, shard, window) = self.spot(charge.account, &charge.window, commit.session, now)?;
            set |= 1 << shard;
            adding.push(Adding { place, charge, spot, shard, window });
        }
        let remembered = commit.is_remembered();
        let fingerprint = remembered.then(|| self.fingerprint(commit));

        let mut locked = self.lock(set)?;
        if let Some(known) = locked.get(home)?.call(commit.call, now) {
            return match known {
                Call { undone: true, .. } => Err(LedgerError::Undone),
                known if known.fingerprint != fingerprint => Err(LedgerError::OtherCall),
                known => Ok(Committed::Done { at: known.at }),
            };
        }

        // What follows checks, and changes nothing that counts.
        let mut approvals = commit.approval.map(|digest| self.approvals().map(|all| (all, digest))).transpose()?;
        if let Some((approvals, digest)) = &mut approvals
            && approvals.usable(*digest, now).is_none()
        {
            return Ok(Committed::NotApproved { at: now.wall });
        }
        for (at, one) in adding.iter().enumerate() {
            if let Some(room_at) = Self::over(&mut locked, one, adding.iter().take(at), now)? {
                return Ok(Committed::Over { at: now.wall, charge: one.place, room_at });
            }
        }
        for one in &adding {
            locked.get(one.shard)?.has_room(one.spot, now)?;
        }
        if let Some((session, shard)) = session
            && (!commit.labels.is_empty() || adding.iter().any(|one| matches!(one.spot, Spot::Session(..))))
        {
            locked.get(shard)?.has_room_for_labels(session, &commit.labels, now)?;
        }
        if remembered {
            locked.get(home)?.has_room_for_call(now)?;
        }

        // What follows changes, and cannot fail.
        let mut charged = SmallVec::new();
        let mut end = None;
        for one in &adding {
            let shard = locked.get(one.shard)?;
            charged.push((shard.add(one.spot, one.charge.amount.units(), one.window, now), one.charge.amount.units()));
            shard.sweep(now, SWEEP);
            if let Spot::Period(_, bounds) = one.spot {
                end = end.max(Some(bounds.end));
            }
        }
        if let Some((session, shard)) = session {
            let shard = locked.get(shard)?;
            if commit.labels.is_empty() {
                shard.touch(session, now);
            } else {
                shard.add_labels(session, &commit.labels, now);
            }
        }
        if let Some((approvals, digest)) = &mut approvals {
            approvals.r#use(*digest, now);
        }
        let home = locked.get(home)?;
        if remembered {
            let until = Time::from_millis(now.steady.millis() + commit.remembered(now.wall, end));
            home.remember(commit.call, Call { until, at: now.wall, fingerprint, undone: false, charged });
        }
        home.sweep(now, SWEEP);
        Ok(Committed::Done { at: now.wall })
    }

    /// Whether a charge is over its maximum after the earlier ones of its commit, and when it is no longer.
    fn over<'c>(
        locked: &mut Locked<'_>,
        one: &Adding<'_>,
        earlier: impl Iterator<Item = &'c Adding<'c>>,
        now: Now,
    ) -> Result<Option<Option<Time>>, LedgerError> {
        let shard = locked.get(one.shard)?;
        let earlier: u128 =
            earlier.filter(|other| other.spot == one.spot).map(|other| other.charge.amount.units()).sum();
        let added = earlier + one.charge.amount.units();
        let max = one.charge.max.units();
        let sum = shard.sum(one.spot, one.window, now);
        shard.widen(one.spot, one.window);
        if sum + added <= max {
            return Ok(None);
        }
        if added > max {
            return Ok(Some(None));
        }
        Ok(Some(match one.spot {
            Spot::Sliding(account, _) => {
                shard.room_at(account, one.window, now, sum + added - max).map(|time| now.on_the_wall(time))
            }
            Spot::Session(..) => None,
            Spot::Period(_, bounds) => Some(bounds.end),
        }))
    }

    fn undo_now(&self, call: CallId) -> Result<(), LedgerError> {
        let now = self.now();
        let home = self.shard_of(&call);
        let mut locked = self.lock(1 << home)?;
        let shard = locked.get(home)?;
        let charged = match shard.call(call, now) {
            Some(known) if known.undone => return Ok(()),
            Some(known) => known.charged.clone(),
            None => {
                shard.has_room_for_call(now)?;
                let until = now.steady.after(limits::LATE);
                shard.remember(
                    call,
                    Call { until, at: now.wall, fingerprint: None, undone: true, charged: SmallVec::new() },
                );
                return Ok(());
            }
        };
        drop(locked);
        let shard_of = |spot: &Spot| match spot {
            Spot::Sliding(account, _) | Spot::Period(account, _) => self.shard_of(account),
            Spot::Session(_, session) => self.shard_of(session),
        };
        let shards = charged.iter().map(|(spot, _)| shard_of(spot));
        let mut locked = self.lock(shards.fold(1 << home, |set, shard| set | 1 << shard))?;
        let charged = match locked.get(home)?.call(call, now) {
            // Nobody else has undone it meanwhile.
            Some(known) if !known.undone => {
                known.undone = true;
                known.until = known.until.max(now.steady.after(limits::LATE));
                std::mem::take(&mut known.charged)
            }
            _ => return Ok(()),
        };
        for (spot, amount) in charged {
            locked.get(shard_of(&spot))?.take_back(spot, amount);
        }
        Ok(())
    }
}

#[async_trait]
impl Ledger for Memory {
    /// The next number, which nobody outside this process sees, after what differs by ledger, so that a host can also use ids of
    /// its own.
    fn new_call(&self) -> Result<CallId, LedgerError> {
        let number = self.named.fetch_add(1, Ordering::Relaxed);
        Ok(CallId::from_halves(self.hasher.hash_one("calls"), number))
    }

    async fn commit(&self, commit: &Commit) -> Result<Committed, LedgerError> {
        self.commit_now(commit)
    }

    async fn undo(&self, call: CallId) -> Result<(), LedgerError> {
        self.undo_now(call)
    }

    async fn labels(&self, session: Session) -> Result<Vec<Label>, LedgerError> {
        let shard = self.shard_of(&session);
        Ok(self.lock(1 << shard)?.get(shard)?.labels(session, self.now()))
    }

    async fn balance(
        &self,
        account: Account,
        window: &Window,
        session: Option<Session>,
    ) -> Result<Amount, LedgerError> {
        check_window(window, session)?;
        let now = self.now();
        let (spot, shard, window) = self.spot(account, window, session, now)?;
        Ok(Amount::saturating(self.lock(1 << shard)?.get(shard)?.sum(spot, window, now)))
    }

    async fn request(&self, request: &Request) -> Result<ApprovalId, LedgerError> {
        request.check()?;
        self.approvals()?.request(request, self.now())
    }

    async fn pending(&self) -> Result<Vec<Approval>, LedgerError> {
        Ok(self.approvals()?.pending(self.now()))
    }

    async fn show(&self, id: ApprovalId) -> Result<Option<Approval>, LedgerError> {
        Ok(self.approvals()?.show(id, self.now()))
    }

    async fn decide(&self, id: ApprovalId, verdict: Verdict, by: &str) -> Result<(), LedgerError> {
        check_name(by)?;
        self.approvals()?.decide(id, verdict, by, self.now())
    }
}
