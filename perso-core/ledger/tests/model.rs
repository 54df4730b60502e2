//! Random commits, retries and undone calls, beside an obvious model: a list of all that was ever charged.
//!
//! `PERSO_STEPS` sets the number of steps for each store, and `PERSO_SEED=0x…` repeats the seed that a failure prints.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "it is a test")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use perso_ledger::{
    Amount, CallId, Charge, Clock, Commit, Committed, LedgerError, Period, Session, Time, Unit, Window, limits,
};
use support::{Store, account, label, sliding};

/// Steps for a store whose clock can be set.
const STEPS: u32 = 20_000;

/// An amount that was charged.
struct Event {
    call: CallId,
    account: usize,
    session: Option<Session>,
    at: Time,
    amount: u128,
}

/// What a ledger has to know, and how it would be found out with all the time of the world.
#[derive(Default)]
struct Model {
    events: Vec<Event>,
    done: BTreeMap<CallId, (Commit, Time)>,
    undone: BTreeSet<CallId>,
    labels: BTreeMap<Session, BTreeSet<String>>,
}

/// The accounts: each has one window.
fn windows() -> Vec<Window> {
    let period = |unit, zone| Window::Period(Period::new(unit, zone).unwrap());
    vec![
        sliding(7),
        sliding(50),
        sliding(50),
        sliding(400),
        sliding(86_400_000),
        Window::Session,
        period(Unit::Hour, "Asia/Kolkata"),
        period(Unit::Day, "America/New_York"),
    ]
}

impl Model {
    /// The events that count on an account together with what happens now, the oldest first.
    fn counting(&self, account: usize, session: Option<Session>, now: Time) -> Vec<&Event> {
        let windows = windows();
        let counts = |event: &&Event| match &windows[account] {
            Window::Sliding(length) => event.at.millis() + u64::try_from(length.as_millis()).unwrap() > now.millis(),
            Window::Session => event.session == session,
            Window::Period(period) => period.bounds(event.at) == period.bounds(now),
        };
        self.events.iter().filter(|event| event.account == account).filter(counts).collect()
    }

    fn sum(&self, account: usize, session: Option<Session>, now: Time) -> u128 {
        self.counting(account, session, now).iter().map(|event| event.amount).sum()
    }

    /// What a commit has to be answered at a time.
    fn judge(&self, commit: &Commit, accounts: &[usize], now: Time) -> Committed {
        let mut added: BTreeMap<usize, u128> = BTreeMap::new();
        for (place, (charge, account)) in commit.charges.iter().zip(accounts).enumerate() {
            let amount = charge.amount.units();
            if amount == 0 {
                continue;
            }
            let new = added.entry(*account).or_default();
            *new += amount;
            let sum = self.sum(*account, commit.session, now) + *new;
            if sum > charge.max.units() {
                let room_at = if *new > charge.max.units() {
                    None
                } else {
                    self.room_at(*account, sum - charge.max.units(), now)
                };
                return Committed::Over { at: now, charge: place, room_at };
            }
        }
        Committed::Done { at: now }
    }

    fn room_at(&self, account: usize, mut much: u128, now: Time) -> Option<Time> {
        match &windows()[account] {
            Window::Sliding(length) => {
                let counting = self.counting(account, None, now);
                let times: BTreeSet<Time> = counting.iter().map(|event| event.at).collect();
                for time in times.iter().take(limits::ROOM_STEPS) {
                    let left: u128 = counting.iter().filter(|event| event.at == *time).map(|event| event.amount).sum();
                    much = much.saturating_sub(left);
                    if much == 0 {
                        return Some(time.after(*length));
                    }
                }
                times.last().map(|time| time.after(*length))
            }
            Window::Session => None,
            Window::Period(period) => period.bounds(now).map(|bounds| bounds.end),
        }
    }

    fn record(&mut self, commit: &Commit, accounts: &[usize], at: Time) {
        for (charge, account) in commit.charges.iter().zip(accounts).filter(|(charge, _)| !charge.amount.is_zero()) {
            let amount = charge.amount.units();
            self.events.push(Event { call: commit.call, account: *account, session: commit.session, at, amount });
        }
        if let Some(session) = commit.session {
            let labels = commit.labels.iter().map(|label| label.as_str().to_owned());
            self.labels.entry(session).or_default().extend(labels);
        }
        self.done.insert(commit.call, (commit.clone(), at));
    }
}

/// Walks at random, and compares each answer.
async fn walk(store: &Store, seed: u64, steps: u32) {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut model = Model::default();
    let windows = windows();
    let mut recent: Vec<(Commit, Vec<usize>)> = Vec::new();
    let (mut done, mut over, mut latest) = (0, 0, Time::from_millis(0));
    for step in 0..steps {
        let context = format!("step {step} of seed {seed:#x}");
        match random.u8(0..10) {
            0..=5 => {
                let (commit, accounts) = random_commit(&mut random, &windows);
                let answer = store.ledger.commit(&commit).await.unwrap_or_else(|error| panic!("{error} at {context}"));
                let (Committed::Done { at } | Committed::Over { at, .. } | Committed::NotApproved { at }) = answer;
                latest = at;
                assert_eq!(answer, model.judge(&commit, &accounts, at), "{context}: {commit:?}");
                if answer.is_done() {
                    model.record(&commit, &accounts, at);
                    recent.push((commit, accounts));
                    done += 1;
                } else {
                    over += 1;
                }
            }
            6 if !recent.is_empty() => {
                // A retry of a call that is remembered for a day.
                let (commit, _) = &recent[random.usize(..recent.len())];
                let (_, before) = model.done[&commit.call];
                let now = store.clock.as_ref().map_or(latest, |clock| clock.wall());
                let of_session = |charge: &Charge| charge.window == Window::Session && !charge.amount.is_zero();
                if !commit.charges.iter().any(of_session) || before.after(Duration::from_secs(80_000)) < now {
                    // It may be forgotten.
                } else if model.undone.contains(&commit.call) {
                    assert_eq!(store.ledger.commit(commit).await, Err(LedgerError::Undone), "{context}");
                } else {
                    assert_eq!(store.ledger.commit(commit).await, Ok(Committed::Done { at: before }), "{context}");
                }
            }
            7 if !recent.is_empty() => {
                let (commit, _) = &recent[random.usize(..recent.len())];
                store.ledger.undo(commit.call).await.unwrap();
                model.undone.insert(commit.call);
                model.events.retain(|event| event.call != commit.call);
            }
            8 => {
                let session = Session::new(&random.u8(0..3).to_string());
                let labels: Vec<_> = model.labels.get(&session).into_iter().flatten().cloned().collect();
                assert_eq!(store.labels(session).await, labels, "{context}");
                if let Some(clock) = &store.clock {
                    let now = clock.wall();
                    for (account_number, window) in windows.iter().enumerate() {
                        let sum = Amount::from_units(model.sum(account_number, Some(session), now)).unwrap();
                        let name = account(&account_number.to_string());
                        assert_eq!(
                            store.ledger.balance(name, window, Some(session)).await,
                            Ok(sum),
                            "{context}: {window:?}"
                        );
                    }
                }
            }
            _ if store.clock.is_some() => {
                let most = *random.choice(&[2, 10, 60, 1_000, 3_600_000]).unwrap();
                store.pass(random.u64(..most)).await;
            }
            _ => store.pass(random.u64(..12)).await,
        }
        // Only the last calls are sure to be remembered.
        if recent.len() > 30 {
            recent.remove(0);
        }
        if step % 1_000 == 999 {
            forget(&mut model);
        }
    }
    println!("{done} commits were done, {over} were over");
    assert!(done > steps / 20 && over > steps / 20);
}

/// The model keeps what can still count: of a day, or of a session.
fn forget(model: &mut Model) {
    let Some(last) = model.events.iter().map(|event| event.at.millis()).max() else { return };
    let windows = windows();
    model.events.retain(|event| windows[event.account] == Window::Session || event.at.millis() + 2 * 86_400_000 > last);
}

fn random_commit(random: &mut fastrand::Rng, windows: &[Window]) -> (Commit, Vec<usize>) {
    let session = Session::new(&random.u8(0..3).to_string());
    let mut commit = Commit { session: Some(session), ..Commit::new(CallId::random().unwrap()) };
    let accounts: Vec<usize> = (0..random.usize(0..4)).map(|_| random.usize(..windows.len())).collect();
    for number in &accounts {
        let units = match random.u8(0..8) {
            0 => 0,
            1 => u128::from(random.u64(..)) << random.u32(0..20),
            2 => random.u128(..Amount::MAX.units()),
            3 => 10_u128.pow(random.u32(0..36)),
            _ => u128::from(random.u64(..3_000)) * 10_u128.pow(15),
        };
        let max = match random.u8(0..6) {
            0 => random.u128(..Amount::MAX.units()),
            1 => Amount::MAX.units(),
            _ => 10_u128.pow(19),
        };
        commit.charges.push(Charge {
            account: account(&number.to_string()),
            amount: Amount::from_units(units).unwrap(),
            max: Amount::from_units(max).unwrap(),
            window: windows[*number].clone(),
        });
    }
    for _ in 0..random.u8(0..2) {
        commit.labels.push(label(&random.u8(0..5).to_string()));
    }
    (commit, accounts)
}

async fn compare(store: Store, steps: u32) {
    let number = |name| std::env::var(name).ok().map(|text| text.trim_start_matches("0x").to_owned());
    let seed = number("PERSO_SEED").map_or_else(|| fastrand::u64(..), |text| u64::from_str_radix(&text, 16).unwrap());
    let steps = number("PERSO_STEPS").map_or(steps, |text| text.parse().unwrap());
    walk(&store, seed, steps).await;
}

#[tokio::test]
async fn memory() {
    compare(support::memory().await, STEPS).await;
}

#[tokio::test]
async fn file() {
    compare(support::file().await, STEPS / 4).await;
}

#[tokio::test]
async fn valkey() {
    compare(support::server::valkey().await, STEPS / 4).await;
}

#[tokio::test]
async fn redis() {
    compare(support::server::redis().await, STEPS / 4).await;
}
