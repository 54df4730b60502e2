//! Stores to test, each new and empty.

#![allow(dead_code, reason = "each test uses a part")]

pub mod server;

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use perso_ledger::{
    Account, CallId, Charge, Clock, Commit, Committed, File, Label, Ledger, Memory, Options, Session, Time, Value,
    Window,
};

/// A store, and what ends it.
pub struct Store {
    pub ledger: Arc<dyn Ledger>,
    /// The clock, of stores that have one which can be set.
    pub clock: Option<Arc<Hands>>,
    /// What the store needs for as long as it is used.
    pub keep: Box<dyn Any + Send + Sync>,
}

/// A clock whose hands are moved.
pub struct Hands {
    steady: AtomicU64,
    /// How far the wall clock is before or behind the steady one.
    set: AtomicI64,
}

impl Default for Hands {
    fn default() -> Self {
        Self { steady: AtomicU64::new(1_796_044_256_120), set: AtomicI64::new(0) }
    }
}

impl Hands {
    /// Lets time pass.
    pub fn pass(&self, time: Duration) {
        self.steady.fetch_add(u64::try_from(time.as_millis()).unwrap(), Ordering::SeqCst);
    }

    /// Sets the wall clock, by so many milliseconds.
    pub fn set(&self, by: i64) {
        self.set.fetch_add(by, Ordering::SeqCst);
    }
}

impl Clock for Hands {
    fn wall(&self) -> Time {
        let steady = i64::try_from(self.steady.load(Ordering::SeqCst)).unwrap();
        Time::from_millis(u64::try_from(steady + self.set.load(Ordering::SeqCst)).unwrap())
    }

    fn steady(&self) -> Time {
        Time::from_millis(self.steady.load(Ordering::SeqCst))
    }
}

/// A ledger in memory.
pub async fn memory() -> Store {
    memory_with(&Options::default())
}

pub fn memory_with(options: &Options) -> Store {
    let clock = Arc::new(Hands::default());
    Store { ledger: Arc::new(Memory::with_clock(options, clock.clone())), clock: Some(clock), keep: Box::new(()) }
}

/// A ledger in a file.
pub async fn file() -> Store {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(Hands::default());
    let ledger = File::open_with_clock(folder.path().join("ledger"), &Options::default(), clock.clone()).unwrap();
    Store { ledger: Arc::new(ledger), clock: Some(clock), keep: Box::new(folder) }
}

impl Store {
    /// Lets at least so many milliseconds pass.
    pub async fn pass(&self, millis: u64) {
        match &self.clock {
            Some(clock) => clock.pass(Duration::from_millis(millis)),
            None => tokio::time::sleep(Duration::from_millis(millis)).await,
        }
    }

    /// Lets time pass until the store's clock has come to a time. `now` is an earlier time of it.
    pub async fn pass_until(&self, now: Time, time: Time) {
        self.pass(u64::try_from(time.since(now).as_millis()).unwrap()).await;
    }

    /// Commits what fits. Gives when.
    #[track_caller]
    pub fn done(&self, commit: &Commit) -> impl Future<Output = Time> {
        let caller = std::panic::Location::caller();
        async move {
            match self.ledger.commit(commit).await {
                Ok(Committed::Done { at }) => at,
                other => panic!("{other:?} at {caller}"),
            }
        }
    }

    /// Commits what does not fit. Gives the charge, when there is room, and when this was.
    #[track_caller]
    pub fn over(&self, commit: &Commit) -> impl Future<Output = (usize, Option<Time>, Time)> {
        let caller = std::panic::Location::caller();
        async move {
            match self.ledger.commit(commit).await {
                Ok(Committed::Over { at, charge, room_at }) => (charge, room_at, at),
                other => panic!("{other:?} at {caller}"),
            }
        }
    }

    /// What counts on the account of a charge.
    pub async fn balance(&self, charge: &Charge) -> String {
        self.balance_in(charge, None).await
    }

    pub async fn balance_in(&self, charge: &Charge, session: Option<Session>) -> String {
        self.ledger.balance(charge.account, &charge.window, session).await.unwrap().to_string()
    }

    pub async fn labels(&self, session: Session) -> Vec<String> {
        self.ledger.labels(session).await.unwrap().iter().map(|label| label.as_str().to_owned()).collect()
    }
}

/// An account that no other test has.
pub fn account(name: &str) -> Account {
    Account::new("limit", [Value::Text(name)])
}

pub fn charge(name: &str, amount: &str, max: &str, window: Window) -> Charge {
    Charge { account: account(name), amount: amount.parse().unwrap(), max: max.parse().unwrap(), window }
}

pub fn sliding(millis: u64) -> Window {
    Window::Sliding(Duration::from_millis(millis))
}

pub fn commit(charges: impl IntoIterator<Item = Charge>) -> Commit {
    let mut commit = Commit::new(CallId::random().unwrap());
    commit.charges.extend(charges);
    commit
}

pub fn label(name: &str) -> Label {
    Label::new(name).unwrap()
}
