//! A part of the memory: some of the accounts, sessions and calls, and when each of them stops to count.

use std::cmp::Reverse;
use std::collections::hash_map::{Entry as Place, HashMap};
use std::collections::{BTreeMap, BinaryHeap, VecDeque};

use foldhash::quality::RandomState;
use smallvec::SmallVec;

use crate::commit::{CallId, Label};
use crate::digest::{Account, Session};
use crate::error::LedgerError;
use crate::limits;
use crate::options::MemoryLimits;
use crate::time::Time;
use crate::window::Bounds;

/// The two times of a moment. Periods go by the wall clock, all else by the steady one.
#[derive(Clone, Copy)]
pub(super) struct Now {
    pub steady: Time,
    pub wall: Time,
}

impl Now {
    /// A steady time, as the wall clock would show it.
    pub fn on_the_wall(self, steady: Time) -> Time {
        Time::from_millis((steady.millis() + self.wall.millis()).saturating_sub(self.steady.millis()))
    }

    /// A time of the wall clock, as the steady one would show it.
    fn steadily(self, wall: Time) -> Time {
        Time::from_millis((wall.millis() + self.steady.millis()).saturating_sub(self.wall.millis()))
    }
}

/// Where an amount is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Spot {
    /// In a sliding window, at a time.
    Sliding(Account, Time),
    Session(Account, Session),
    Period(Account, Bounds),
}

/// An account with a sliding window.
struct Sliding {
    /// What was charged when, the oldest first, with different times.
    entries: VecDeque<(Time, u128)>,
    /// The sum of the entries.
    total: u128,
    /// The longest window in milliseconds that was asked for: how long entries are kept.
    keep: u64,
}

impl Sliding {
    /// Forgets what no longer counts. Gives how many entries that were.
    fn prune(&mut self, now: Time) -> usize {
        let mut count = 0;
        while let Some((time, amount)) = self.entries.front().copied()
            && time.millis() + self.keep <= now.millis()
        {
            self.entries.pop_front();
            self.total -= amount;
            count += 1;
        }
        count
    }

    /// The place of the first entry that counts in a window of so many milliseconds.
    fn first(&self, window: u64, now: Time) -> usize {
        self.entries.partition_point(|(time, _)| time.millis() + window <= now.millis())
    }

    fn sum(&self, window: u64, now: Time) -> u128 {
        if window >= self.keep {
            return self.total;
        }
        self.entries.range(self.first(window, now)..).map(|(_, amount)| amount).sum()
    }

    /// When so much has left a window.
    fn room_at(&self, window: u64, now: Time, mut much: u128) -> Option<Time> {
        let counting = self.entries.range(self.first(window, now)..);
        for (time, amount) in counting.take(limits::ROOM_STEPS) {
            much = much.saturating_sub(*amount);
            if much == 0 {
                return Some(Time::from_millis(time.millis() + window));
            }
        }
        self.entries.back().map(|(time, _)| Time::from_millis(time.millis() + window))
    }
}

/// What is known of a session.
struct Seen {
    last: Time,
    labels: Vec<Label>,
    totals: BTreeMap<Account, u128>,
}

/// A call that can be retried or undone.
pub(super) struct Call {
    pub until: Time,
    /// When it was committed, on the wall.
    pub at: Time,
    /// `None` of a call that was undone before it came.
    pub fingerprint: Option<u64>,
    pub undone: bool,
    pub charged: SmallVec<[(Spot, u128); 1]>,
}

/// What may no longer count at some time.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    Sliding(Account),
    Period(Box<(Account, Bounds)>),
    Session(Session),
    Call(CallId),
}

/// A part of the memory.
pub(super) struct Shard {
    sliding: HashMap<Account, Sliding, RandomState>,
    periods: HashMap<(Account, Bounds), u128, RandomState>,
    sessions: HashMap<Session, Seen, RandomState>,
    calls: HashMap<CallId, Box<Call>, RandomState>,
    /// One item for each member of the four: when to look at it again, or earlier.
    due: BinaryHeap<Reverse<(Time, Due)>>,
    /// The same for calls that are over no earlier than those before them: most are, and need no heap.
    due_calls: VecDeque<(Time, CallId)>,
    accounts: usize,
    entries: usize,
    limits: MemoryLimits,
    /// How long a session is kept in which nothing happens, in milliseconds.
    session: u64,
}

impl Shard {
    pub fn new(hasher: &RandomState, limits: MemoryLimits, session: u64) -> Self {
        Self {
            sliding: HashMap::with_hasher(hasher.clone()),
            periods: HashMap::with_hasher(hasher.clone()),
            sessions: HashMap::with_hasher(hasher.clone()),
            calls: HashMap::with_hasher(hasher.clone()),
            due: BinaryHeap::new(),
            due_calls: VecDeque::new(),
            accounts: 0,
            entries: 0,
            limits,
            session,
        }
    }

    /// Looks at up to so many members that are due, and forgets those that no longer count.
    pub fn sweep(&mut self, now: Now, most: usize) {
        for _ in 0..most {
            let due = if let Some((time, call)) = self.due_calls.front().copied()
                && time <= now.steady
            {
                self.due_calls.pop_front();
                Due::Call(call)
            } else if self.due.peek().is_some_and(|Reverse((time, _))| *time <= now.steady) {
                let Some(Reverse((_, due))) = self.due.pop() else { return };
                due
            } else {
                return;
            };
            if let Some(again) = self.look(&due, now) {
                self.due.push(Reverse((again, due)));
            }
        }
    }

    /// When to look at a member again. `None` if it is forgotten.
    fn look(&mut self, due: &Due, now: Now) -> Option<Time> {
        match due {
            Due::Sliding(account) => {
                let state = self.sliding.get_mut(account)?;
                self.entries -= state.prune(now.steady);
                if let Some((time, _)) = state.entries.front() {
                    return Some(Time::from_millis(time.millis() + state.keep));
                }
                self.sliding.remove(account);
                self.accounts -= 1;
            }
            Due::Period(period) => {
                let (account, bounds) = &**period;
                if now.wall < bounds.end {
                    return Some(now.steadily(bounds.end));
                }
                if self.periods.remove(&(*account, *bounds)).is_some() {
                    self.accounts -= 1;
                }
            }
            Due::Session(session) => {
                let seen = self.sessions.get(session)?;
                let end = Time::from_millis(seen.last.millis() + self.session);
                if now.steady < end {
                    return Some(end);
                }
                self.accounts -= seen.totals.len();
                self.sessions.remove(session);
            }
            Due::Call(call) => {
                if let Place::Occupied(known) = self.calls.entry(*call) {
                    if now.steady < known.get().until {
                        return Some(known.get().until);
                    }
                    known.remove();
                }
            }
        }
        None
    }

    /// Whether there is room, once all that no longer counts is forgotten.
    fn room(&mut self, now: Now, full: impl Fn(&Self) -> bool, what: &'static str) -> Result<(), LedgerError> {
        if full(self) {
            self.sweep(now, usize::MAX);
            if full(self) {
                return Err(LedgerError::Full(what));
            }
        }
        Ok(())
    }

    /// Keeps what an account has for a window of so many milliseconds.
    pub fn widen(&mut self, spot: Spot, window: u64) {
        if let Spot::Sliding(account, _) = spot
            && let Some(state) = self.sliding.get_mut(&account)
        {
            state.keep = state.keep.max(window);
        }
    }

    /// How much counts, in a sliding window of so many milliseconds or in all. Forgets what no longer does.
    pub fn sum(&mut self, spot: Spot, window: u64, now: Now) -> u128 {
        match spot {
            Spot::Sliding(account, _) => self.sliding.get_mut(&account).map_or(0, |state| {
                self.entries -= state.prune(now.steady);
                state.sum(window, now.steady)
            }),
            Spot::Session(account, session) => {
                self.sessions.get(&session).and_then(|seen| seen.totals.get(&account)).copied().unwrap_or_default()
            }
            Spot::Period(account, bounds) => self.periods.get(&(account, bounds)).copied().unwrap_or_default(),
        }
    }

    /// When so much has left an account, in steady time.
    pub fn room_at(&self, account: Account, window: u64, now: Now, much: u128) -> Option<Time> {
        self.sliding.get(&account).and_then(|state| state.room_at(window, now.steady, much))
    }

    /// Whether an amount can be added.
    pub fn has_room(&mut self, spot: Spot, now: Now) -> Result<(), LedgerError> {
        let new = match spot {
            Spot::Sliding(account, _) => match self.sliding.get(&account) {
                Some(state) if state.entries.len() >= limits::ENTRIES => {
                    return Err(LedgerError::Full("charges of one account"));
                }
                known => known.is_none(),
            },
            Spot::Session(account, session) => match self.sessions.get(&session) {
                Some(seen) if seen.totals.contains_key(&account) => false,
                Some(seen) if seen.totals.len() >= limits::SESSION_ACCOUNTS => {
                    return Err(LedgerError::Full("accounts of one session"));
                }
                _ => true,
            },
            Spot::Period(account, bounds) => !self.periods.contains_key(&(account, bounds)),
        };
        if new {
            self.room(now, |shard| shard.accounts >= shard.limits.accounts, "accounts")?;
        }
        if matches!(spot, Spot::Sliding(..)) {
            self.room(now, |shard| shard.entries >= shard.limits.entries, "charges")?;
        }
        Ok(())
    }

    /// Adds an amount. Gives where it is.
    pub fn add(&mut self, spot: Spot, amount: u128, window: u64, now: Now) -> Spot {
        match spot {
            Spot::Sliding(account, time) => {
                let state = self.sliding.entry(account).or_insert_with(|| {
                    self.accounts += 1;
                    self.due.push(Reverse((Time::from_millis(time.millis() + window), Due::Sliding(account))));
                    Sliding { entries: VecDeque::with_capacity(1), total: 0, keep: window }
                });
                state.total += amount;
                match state.entries.back_mut() {
                    // Another thread may have been here with a later time.
                    Some((last, merged)) if *last >= time => {
                        *merged += amount;
                        return Spot::Sliding(account, *last);
                    }
                    _ => {
                        state.entries.push_back((time, amount));
                        self.entries += 1;
                    }
                }
            }
            Spot::Session(account, session) => {
                let accounts = &mut self.accounts;
                *Self::seen(&mut self.sessions, &mut self.due, self.session, session, now)
                    .totals
                    .entry(account)
                    .or_insert_with(|| {
                        *accounts += 1;
                        0
                    }) += amount;
            }
            Spot::Period(account, bounds) => {
                *self.periods.entry((account, bounds)).or_insert_with(|| {
                    self.accounts += 1;
                    self.due.push(Reverse((now.steadily(bounds.end), Due::Period(Box::new((account, bounds))))));
                    0
                }) += amount;
            }
        }
        spot
    }

    /// Takes an amount back, if it still counts.
    pub fn take_back(&mut self, spot: Spot, amount: u128) {
        match spot {
            Spot::Sliding(account, time) => {
                let Some(state) = self.sliding.get_mut(&account) else { return };
                let Ok(at) = state.entries.binary_search_by_key(&time, |(time, _)| *time) else { return };
                let Some((_, kept)) = state.entries.get_mut(at) else { return };
                *kept = kept.saturating_sub(amount);
                state.total = state.total.saturating_sub(amount);
                if *kept == 0 {
                    state.entries.remove(at);
                    self.entries -= 1;
                }
            }
            Spot::Session(account, session) => {
                if let Some(total) = self.sessions.get_mut(&session).and_then(|seen| seen.totals.get_mut(&account)) {
                    *total = total.saturating_sub(amount);
                }
            }
            Spot::Period(account, bounds) => {
                if let Some(total) = self.periods.get_mut(&(account, bounds)) {
                    *total = total.saturating_sub(amount);
                }
            }
        }
    }

    /// Whether a session can have these labels too, and be remembered at all.
    pub fn has_room_for_labels(&mut self, session: Session, labels: &[Label], now: Now) -> Result<(), LedgerError> {
        let Some(seen) = self.sessions.get(&session) else {
            return self.room(now, |shard| shard.sessions.len() >= shard.limits.sessions, "sessions");
        };
        let new = labels.iter().enumerate().filter(|(at, label)| {
            seen.labels.binary_search(label).is_err() && !labels.iter().take(*at).any(|earlier| earlier == *label)
        });
        if seen.labels.len() + new.count() > limits::LABELS {
            return Err(LedgerError::Full("labels of a session"));
        }
        Ok(())
    }

    /// Adds labels to a session.
    pub fn add_labels(&mut self, session: Session, labels: &[Label], now: Now) {
        let seen = Self::seen(&mut self.sessions, &mut self.due, self.session, session, now);
        for label in labels {
            if let Err(at) = seen.labels.binary_search(label) {
                seen.labels.insert(at, label.clone());
            }
        }
    }

    /// A session's labels.
    pub fn labels(&mut self, session: Session, now: Now) -> Vec<Label> {
        self.touch(session, now);
        self.sessions.get(&session).map(|seen| seen.labels.clone()).unwrap_or_default()
    }

    /// Notes that something happens in a session, if it is known.
    pub fn touch(&mut self, session: Session, now: Now) {
        if let Some(seen) = self.sessions.get_mut(&session) {
            seen.last = seen.last.max(now.steady);
        }
    }

    /// A session, from now on.
    fn seen<'s>(
        sessions: &'s mut HashMap<Session, Seen, RandomState>,
        due: &mut BinaryHeap<Reverse<(Time, Due)>>,
        kept: u64,
        session: Session,
        now: Now,
    ) -> &'s mut Seen {
        let seen = sessions.entry(session).or_insert_with(|| {
            due.push(Reverse((Time::from_millis(now.steady.millis() + kept), Due::Session(session))));
            Seen { last: now.steady, labels: Vec::new(), totals: BTreeMap::new() }
        });
        seen.last = seen.last.max(now.steady);
        seen
    }

    /// A call that is remembered.
    pub fn call(&mut self, call: CallId, now: Now) -> Option<&mut Call> {
        self.calls.get_mut(&call).map(|known| &mut **known).filter(|known| now.steady < known.until)
    }

    /// Whether another call can be remembered.
    pub fn has_room_for_call(&mut self, now: Now) -> Result<(), LedgerError> {
        self.room(now, |shard| shard.calls.len() >= shard.limits.calls, "calls")
    }

    /// Remembers a call.
    pub fn remember(&mut self, id: CallId, call: Call) {
        match self.calls.entry(id) {
            // It was forgotten, but is not yet swept away.
            Place::Occupied(mut known) => drop(known.insert(Box::new(call))),
            Place::Vacant(place) => {
                if self.due_calls.back().is_none_or(|(last, _)| *last <= call.until) {
                    self.due_calls.push_back((call.until, id));
                } else {
                    self.due.push(Reverse((call.until, Due::Call(id))));
                }
                place.insert(Box::new(call));
            }
        }
    }
}
