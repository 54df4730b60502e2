//! What only a ledger in a file can do: stay.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "it is a test")]

mod support;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use perso_ledger::{Commit, Committed, File, LedgerError, OpenError, Options, Period, Session, Unit, Window};
use support::{Hands, Store, charge, commit, label, sliding};

fn open(path: &Path, clock: &Arc<Hands>) -> Store {
    let ledger = File::open_with_clock(path, &Options::default(), clock.clone()).unwrap();
    Store { ledger: Arc::new(ledger), clock: Some(clock.clone()), keep: Box::new(()) }
}

#[tokio::test]
async fn all_of_it_is_there_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger");
    let clock = Arc::new(Hands::default());
    let one = Commit {
        session: Some(Session::new("s")),
        labels: vec![label("untrusted")],
        ..commit([charge("a", "2", "2", sliding(60_000)), charge("b", "2", "2", Window::Session)])
    };
    let store = open(&path, &clock);
    let at = store.done(&one).await;
    drop(store);

    let store = open(&path, &clock);
    assert_eq!(store.done(&one).await, at);
    assert_eq!(store.labels(Session::new("s")).await, ["untrusted"]);
    assert_eq!(store.balance(&one.charges[0]).await, "2");
    store.over(&commit([charge("a", "1", "2", sliding(60_000))])).await;
    // Two that have it open see the same.
    let other = open(&path, &clock);
    other.ledger.undo(one.call).await.unwrap();
    store.done(&commit([charge("a", "1", "2", sliding(60_000))])).await;
    assert_eq!(other.balance(&one.charges[0]).await, "1");
}

#[tokio::test]
async fn a_clock_that_is_set_back_frees_no_room() {
    const DAY: i64 = 86_400_000;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger");
    let clock = Arc::new(Hands::default());
    let day = || charge("day", "1", "1", Window::Period(Period::new(Unit::Day, "UTC").unwrap()));
    let hour = || charge("hour", "1", "1", sliding(3_600_000));
    let store = open(&path, &clock);
    let at = store.done(&commit([day(), hour()])).await;
    clock.set(-10 * DAY);
    // Neither in the same process nor in one that opens the file only now.
    for store in [store, open(&path, &clock)] {
        assert_eq!(store.over(&commit([day()])).await.2, at);
        assert_eq!(store.over(&commit([hour()])).await.2, at);
        clock.pass(Duration::from_secs(2 * 3_600));
        store.over(&commit([hour()])).await;
    }
    // Once the clock is right again, time goes on.
    clock.set(10 * DAY);
    assert!(open(&path, &clock).done(&commit([hour()])).await > at);
}

#[test]
fn only_ledgers_are_opened() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger");
    let options = Options::default();
    let error = |path: &Path| File::open(path, &options).err();
    assert_eq!(
        error(&folder.path().join("none/ledger")),
        Some(OpenError::Ledger(LedgerError::Unavailable("the folder of its file does not exist")))
    );
    assert!(matches!(error(folder.path()), Some(OpenError::Ledger(LedgerError::Unavailable(_)))));

    std::fs::write(&path, "{\"perso\": 1, \"rules\": []}".repeat(400)).unwrap();
    assert_eq!(error(&path), Some(OpenError::NotALedger));
    assert!(std::fs::read_to_string(&path).unwrap().starts_with("{\"perso\""), "it is left as it was");

    std::fs::remove_file(&path).unwrap();
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("CREATE TABLE mine (id INTEGER)").unwrap();
    assert_eq!(error(&path), Some(OpenError::NotALedger));
    let mode: String = other.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
    assert_eq!(mode, "delete", "it is left as it was");
    drop(other);

    std::fs::remove_file(&path).unwrap();
    drop(File::open(&path, &options).unwrap());
    let newer = rusqlite::Connection::open(&path).unwrap();
    newer.pragma_update(None, "user_version", 2).unwrap();
    drop(newer);
    assert_eq!(error(&path), Some(OpenError::Newer));
}

#[cfg(unix)]
#[tokio::test]
async fn nobody_else_can_read_it() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder.path().join("ledger"), &Arc::new(Hands::default()));
    store.done(&commit([charge("agt-099", "1", "1", sliding(60_000))])).await;
    let mut files = 0;
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600, "{}", path.display());
        let bytes = std::fs::read(&path).unwrap();
        assert!(!bytes.windows(7).any(|bytes| bytes == b"agt-099"), "a name is in {}", path.display());
        files += 1;
    }
    assert_eq!(files, 3);
}

#[tokio::test]
async fn what_no_longer_counts_is_swept_away() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger");
    let clock = Arc::new(Hands::default());
    let store = open(&path, &clock);
    let hour = || Window::Period(Period::new(Unit::Hour, "UTC").unwrap());
    for n in 0..300 {
        let name = n.to_string();
        let session = Some(Session::new(&name));
        let charges = [
            charge(&name, "1", "1", sliding(1_000)),
            charge(&name, "1", "1", hour()),
            charge(&name, "1", "1", Window::Session),
        ];
        store.done(&Commit { session, labels: vec![label("seen")], ..commit(charges) }).await;
    }
    clock.pass(Duration::from_secs(40 * 86_400));
    for n in 0..200 {
        store.done(&commit([charge(&format!("other {n}"), "1", "1", sliding(1_000))])).await;
    }
    clock.pass(Duration::from_secs(1));
    for _ in 0..200 {
        store.done(&commit([charge("last", "1", "1000", sliding(1_000))])).await;
    }
    let db = rusqlite::Connection::open(&path).unwrap();
    for (table, left) in [
        ("account", 1),
        ("charge", 1),
        ("period", 0),
        ("session", 0),
        ("label", 0),
        ("session_account", 0),
        ("call", 200),
    ] {
        let count: i64 = db.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap();
        assert_eq!(count, left, "{table}");
    }
}

#[tokio::test]
async fn a_full_file_denies_and_recovers() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(Hands::default());
    let mut options = Options::default();
    options.file_bytes = 300_000;
    let ledger = File::open_with_clock(folder.path().join("ledger"), &options, clock.clone()).unwrap();
    let store = Store { ledger: Arc::new(ledger), clock: Some(clock.clone()), keep: Box::new(()) };
    let one = |n: usize| commit([charge(&n.to_string(), "1", "1", sliding(60_000))]);
    let mut fit = 0;
    let full = loop {
        match store.ledger.commit(&one(fit)).await {
            Ok(answer) => assert!(answer.is_done()),
            Err(error) => break error,
        }
        fit += 1;
    };
    assert!(fit > 100, "{fit}");
    assert_eq!(full, LedgerError::Unavailable("the disk is full, or its file has grown as large as it may"));
    // What was charged still counts.
    store.over(&one(0)).await;
    clock.pass(Duration::from_secs(61));
    let mut denied = 0;
    for n in 0..fit / 2 {
        denied += usize::from(store.ledger.commit(&one(n)).await.is_err());
    }
    assert!(denied <= 1, "{denied}");
}

#[tokio::test]
async fn a_lock_that_stays_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger");
    let mut options = Options::default();
    options.time_limit = Some(Duration::from_millis(150));
    let ledger = File::open(&path, &options).unwrap();
    let db = rusqlite::Connection::open(&path).unwrap();
    db.execute_batch("BEGIN IMMEDIATE").unwrap();
    let one = commit([charge("a", "1", "1", sliding(60_000))]);
    let start = std::time::Instant::now();
    let error = perso_ledger::Ledger::commit(&ledger, &one).await.unwrap_err();
    assert!(matches!(error, LedgerError::Late(_) | LedgerError::Unavailable(_)), "{error}");
    assert!(start.elapsed() < Duration::from_millis(600), "{:?}", start.elapsed());
    // Nothing is written for a call that was denied.
    db.execute_batch("COMMIT").unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    let count: i64 = db.query_row("SELECT count(*) FROM charge", [], |row| row.get(0)).unwrap();
    assert_eq!(count, 0);
    assert!(matches!(perso_ledger::Ledger::commit(&ledger, &one).await, Ok(Committed::Done { .. })));
}
