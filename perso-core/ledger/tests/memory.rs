//! What a ledger in memory keeps, and what it forgets.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "it is a test")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use perso_ledger::{CallId, Commit, Ledger, LedgerError, Memory, Options, Period, Session, Unit, Window, limits};
use support::{charge, commit, label, memory, memory_with, sliding};

#[tokio::test]
async fn what_no_longer_counts_makes_room() {
    let mut options = Options::default();
    options.memory.accounts = 3 * 32;
    options.memory.calls = 8 * 32;
    options.memory.sessions = 3 * 32;
    options.session = Duration::from_secs(60);
    let store = memory_with(&options);
    let hour = || Window::Period(Period::new(Unit::Hour, "UTC").unwrap());
    let kinds: [fn() -> Window; 3] = [|| sliding(60_000), || Window::Session, hour];
    for (kind, window) in kinds.iter().enumerate() {
        for round in 0..3 {
            let mut fit = 0;
            let full = loop {
                let name = format!("{kind} {round} {fit}");
                let one = Commit { session: Some(Session::new(&name)), ..commit([charge(&name, "1", "1", window())]) };
                match store.ledger.commit(&one).await {
                    Ok(answer) => assert!(answer.is_done()),
                    Err(error) => break error,
                }
                fit += 1;
            };
            assert!(matches!(full, LedgerError::Full("accounts" | "sessions")), "{full}");
            assert!((3..=96).contains(&fit), "{fit} fit of kind {kind} in round {round}");
            // Calls of sessions are remembered for a day.
            store.pass(86_400_000).await;
        }
    }
}

#[tokio::test]
async fn calls_and_labels_are_bounded() {
    let mut options = Options::default();
    options.memory.calls = 2 * 32;
    options.memory.sessions = 32;
    let store = memory_with(&options);
    let mut errors = [0, 0];
    for n in 0..200 {
        match store.ledger.undo(CallId::random().unwrap()).await {
            Ok(()) => {}
            Err(error) => {
                assert_eq!(error, LedgerError::Full("calls"));
                errors[0] += 1;
            }
        }
        let labelled =
            Commit { session: Some(Session::new(&n.to_string())), labels: vec![label("seen")], ..commit([]) };
        match store.ledger.commit(&labelled).await {
            Ok(_) => {}
            Err(error) => {
                assert_eq!(error, LedgerError::Full("sessions"));
                errors[1] += 1;
            }
        }
    }
    assert!(errors[0] >= 200 - 64 && errors[1] >= 200 - 32, "{errors:?}");
    // A session that is used stays, others do not.
    store.pass(29 * 86_400_000).await;
    let labels = store.labels(Session::new("0")).await;
    assert_eq!(labels, ["seen"]);
    store.pass(2 * 86_400_000).await;
    store.ledger.undo(CallId::random().unwrap()).await.unwrap();
    assert_eq!(store.labels(Session::new("0")).await, ["seen"]);
}

#[tokio::test]
async fn an_account_has_a_bound() {
    let store = memory().await;
    let one = || commit([charge("a", "1", "1000000", sliding(86_400_000))]);
    for _ in 0..limits::ENTRIES {
        store.done(&one()).await;
        store.pass(1).await;
    }
    assert_eq!(store.ledger.commit(&one()).await, Err(LedgerError::Full("charges of one account")));
    assert_eq!(store.balance(&one().charges[0]).await, limits::ENTRIES.to_string());
    store.pass(86_400_000 - limits::ENTRIES as u64).await;
    store.done(&one()).await;
    assert_eq!(store.balance(&one().charges[0]).await, limits::ENTRIES.to_string(), "one has left, and one has come");
}

#[tokio::test]
async fn a_clock_that_is_set_frees_no_room() {
    const DAY: i64 = 86_400_000;
    let store = memory().await;
    let clock = store.clock.clone().unwrap();
    let day = || charge("day", "1", "1", Window::Period(Period::new(Unit::Day, "UTC").unwrap()));
    let hour = || charge("hour", "1", "1", sliding(3_600_000));
    store.done(&commit([day(), hour()])).await;
    // Back: neither kind of window.
    clock.set(-10 * DAY);
    store.over(&commit([day()])).await;
    store.over(&commit([hour()])).await;
    // Forward: a new day, but an hour is as long as it was.
    clock.set(20 * DAY);
    store.over(&commit([hour()])).await;
    store.done(&commit([day()])).await;
    // Back again: the old day is over, and so much for the new one.
    clock.set(-10 * DAY);
    store.over(&commit([day()])).await;
    let (_, room_at, at) = store.over(&commit([hour()])).await;
    assert_eq!(room_at.unwrap().since(at), Duration::from_secs(3_600));
    clock.pass(Duration::from_secs(3_600));
    store.done(&commit([hour()])).await;
}

#[test]
fn one_account_hit_by_everybody() {
    const THREADS: usize = 8;
    const CALLS: usize = 50_000;
    const MOST: u32 = 123_456;
    let ledger = Arc::new(Memory::new(&Options::default()));
    let done = AtomicUsize::new(0);
    let start = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                for _ in 0..CALLS {
                    let one = commit([charge("hot", "1", &MOST.to_string(), sliding(86_400_000))]);
                    let answer = runtime.block_on(ledger.commit(&one)).unwrap();
                    done.fetch_add(usize::from(answer.is_done()), Ordering::Relaxed);
                }
            });
        }
    });
    println!("{} calls of {THREADS} threads: {:?} each", THREADS * CALLS, start.elapsed() / (THREADS * CALLS) as u32);
    assert_eq!(done.into_inner(), MOST as usize);
}
