use perso_ledger::{Commit, Label, LedgerError, Session};

use crate::support::{Store, commit, label};

pub async fn labels_stay(store: &Store) {
    let session = Session::new("s");
    let add = |session, names: &[&str]| Commit {
        session: Some(session),
        labels: names.iter().map(|name| label(name)).collect(),
        ..commit([])
    };
    assert_eq!(store.labels(session).await, [""; 0]);
    store.done(&add(session, &["untrusted"])).await;
    store.done(&add(session, &["private", "untrusted", "private"])).await;
    store.done(&add(session, &[])).await;
    // By their bytes, whatever they are.
    store.done(&add(session, &["é", "Z", "a b", "a\"\n\u{1}"])).await;
    assert_eq!(store.labels(session).await, ["Z", "a b", "a\"\n\u{1}", "private", "untrusted", "é"]);
    assert_eq!(store.labels(Session::new("S")).await, [""; 0]);
    let without = Commit { session: None, ..add(session, &["x"]) };
    assert_eq!(store.ledger.commit(&without).await, Err(LedgerError::NoSession));
}

pub async fn labels_are_bounded(store: &Store) {
    let session = Session::new("s");
    let add = |names: Vec<String>| Commit {
        session: Some(session),
        labels: names.iter().map(|name| label(name)).collect(),
        ..commit([])
    };
    let long = |n: usize| format!("{n:0>128}");
    store.done(&add((0..63).map(long).collect())).await;
    assert_eq!(
        store.ledger.commit(&add(vec![long(63), long(64)])).await,
        Err(LedgerError::Full("labels of a session"))
    );
    assert_eq!(store.labels(session).await.len(), 63, "all or nothing");
    store.done(&add(vec![long(63)])).await;
    assert_eq!(store.ledger.commit(&add(vec![long(64)])).await, Err(LedgerError::Full("labels of a session")));
    // Those that are there need no room.
    store.done(&add(vec![long(0), long(63)])).await;
    assert_eq!(store.labels(session).await, (0..64).map(long).collect::<Vec<_>>());
    assert!(matches!(Label::new(""), Err(LedgerError::Invalid(_))));
    assert!(matches!(Label::new(&"é".repeat(65)), Err(LedgerError::Invalid(_))));
}
