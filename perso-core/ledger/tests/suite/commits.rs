use std::time::Duration;

use perso_ledger::{CallId, Commit, Committed, Digest, LedgerError, Period, Session, Unit, Window};

use crate::support::{Store, account, charge, commit, label, sliding};

pub async fn all_or_nothing(store: &Store) {
    let session = Session::new("s");
    let month = || Window::Period(Period::new(Unit::Month, "UTC").unwrap());
    let charges = || {
        [
            charge("a", "1", "10", sliding(60_000)),
            charge("b", "1", "10", Window::Session),
            charge("c", "1", "10", month()),
            charge("d", "1", "1", sliding(60_000)),
        ]
    };
    let one = || Commit { session: Some(session), labels: vec![label("seen")], ..commit(charges()) };
    store.done(&Commit { labels: Vec::new(), ..one() }).await;
    assert_eq!(store.over(&one()).await.0, 3);
    for charge in charges() {
        assert_eq!(store.balance_in(&charge, Some(session)).await, "1");
    }
    assert_eq!(store.labels(session).await, [""; 0]);

    let approval = Digest::of("test", [&b"all or nothing"[..]]);
    let with_approval = Commit { approval: Some(approval), ..commit([charge("a", "1", "10", sliding(60_000))]) };
    assert!(matches!(store.ledger.commit(&with_approval).await, Ok(Committed::NotApproved { .. })));
    assert_eq!(store.balance(&charges()[0]).await, "1");
}

pub async fn one_account_twice(store: &Store) {
    let one = |amount, max| charge("a", amount, max, sliding(60_000));
    assert_eq!(store.over(&commit([one("2", "3"), one("2", "3")])).await.0, 1);
    assert_eq!(store.balance(&one("0", "0")).await, "0");
    store.done(&commit([one("2", "3"), one("1", "3")])).await;
    assert_eq!(store.balance(&one("0", "0")).await, "3");

    let session = Some(Session::new("s"));
    let one = |amount| charge("b", amount, "3", Window::Session);
    assert_eq!(store.over(&Commit { session, ..commit([one("1"), one("1"), one("2")]) }).await.0, 2);
    store.done(&Commit { session, ..commit([one("1"), one("1"), one("1")]) }).await;
}

pub async fn retries_charge_once(store: &Store) {
    let month = Window::Period(Period::new(Unit::Month, "UTC").unwrap());
    let once = Commit {
        session: Some(Session::new("s")),
        labels: vec![label("seen")],
        ..commit([
            charge("a", "1", "2", sliding(60_000)),
            charge("b", "1", "1", month),
            charge("c", "1", "1", Window::Session),
        ])
    };
    let at = store.done(&once).await;
    store.pass(5).await;
    for _ in 0..3 {
        assert_eq!(store.done(&once).await, at, "the answer is the same");
    }
    assert_eq!(store.balance(&once.charges[0]).await, "1");

    // What was not written is judged anew.
    let over = commit([charge("a", "2", "2", sliding(1_000))]);
    let short = commit([charge("short", "2", "2", sliding(1_000))]);
    store.over(&over).await;
    store.done(&short).await;
    store.pass(1_000).await;
    store.done(&over).await;
    // A call that no longer counts is forgotten.
    let again = store.done(&short).await;
    assert_eq!(store.balance(&short.charges[0]).await, "2");
    assert_eq!(store.done(&short).await, again);
}

pub async fn ids_are_for_one_call(store: &Store) {
    let first = commit([charge("a", "1", "9", sliding(60_000))]);
    store.done(&first).await;
    let other = [
        Commit { charges: vec![charge("a", "2", "9", sliding(60_000))], ..first.clone() },
        Commit { charges: vec![charge("b", "1", "9", sliding(60_000))], ..first.clone() },
        Commit { charges: Vec::new(), ..first.clone() },
        Commit { session: Some(Session::new("s")), ..first.clone() },
    ];
    for other in other {
        assert_eq!(store.ledger.commit(&other).await, Err(LedgerError::OtherCall));
    }
    // A policy that has changed meanwhile makes no other call of a retry.
    let changed = Commit { charges: vec![charge("a", "1", "0", sliding(50_000))], ..first.clone() };
    store.done(&changed).await;
    assert_eq!(store.balance(&first.charges[0]).await, "1");
}

pub async fn undoing_gives_back(store: &Store) {
    let session = Some(Session::new("s"));
    let month = || Window::Period(Period::new(Unit::Month, "UTC").unwrap());
    let one = || {
        let charges = [
            charge("a", "1.5", "3", sliding(60_000)),
            charge("b", "1.5", "3", month()),
            charge("c", "1.5", "3", Window::Session),
            charge("a", "0.5", "3", sliding(60_000)),
        ];
        Commit { session, labels: vec![label("seen")], ..commit(charges) }
    };
    let first = one();
    store.done(&first).await;
    store.over(&one()).await;
    store.ledger.undo(first.call).await.unwrap();
    for charge in &first.charges {
        assert_eq!(store.balance_in(charge, session).await, "0");
    }
    assert_eq!(store.labels(Session::new("s")).await, ["seen"], "labels stay");

    // Undoing again gives nothing back.
    store.done(&one()).await;
    store.ledger.undo(first.call).await.unwrap();
    assert_eq!(store.balance(&first.charges[0]).await, "2");
    assert_eq!(store.ledger.commit(&first).await, Err(LedgerError::Undone));

    // One of two charges of the same millisecond.
    let all = |n| format!("all {n}");
    for n in 0..20 {
        let (left, right) = (
            commit([charge(&all(n), "1", "9", sliding(60_000))]),
            commit([charge(&all(n), "2", "9", sliding(60_000))]),
        );
        store.done(&left).await;
        store.done(&right).await;
        store.ledger.undo(left.call).await.unwrap();
        assert_eq!(store.balance(&left.charges[0]).await, "2");
        store.ledger.undo(right.call).await.unwrap();
        assert_eq!(store.balance(&left.charges[0]).await, "0");
    }

    // What no longer counts cannot be given back.
    let short = commit([charge("short", "1", "1", sliding(50))]);
    store.done(&short).await;
    store.pass(50).await;
    store.done(&commit([charge("short", "1", "1", sliding(50))])).await;
    store.ledger.undo(short.call).await.unwrap();
    store.ledger.undo(short.call).await.unwrap();
    let now = store.balance(&short.charges[0]).await;
    assert!(now == "1" || store.clock.is_none(), "{now}");
}

pub async fn undoing_comes_before(store: &Store) {
    let late = commit([charge("a", "1", "1", sliding(60_000))]);
    store.ledger.undo(late.call).await.unwrap();
    assert_eq!(store.ledger.commit(&late).await, Err(LedgerError::Undone));
    assert_eq!(store.balance(&late.charges[0]).await, "0");
    store.ledger.undo(CallId::random().unwrap()).await.unwrap();
}

pub async fn what_is_not_valid_is_refused(store: &Store) {
    let many = |count: usize| commit((0..count).map(|n| charge(&n.to_string(), "1", "1", sliding(60_000))));
    store.done(&many(64)).await;
    assert!(matches!(store.ledger.commit(&many(65)).await, Err(LedgerError::Invalid(_))));
    for length in [Duration::ZERO, Duration::from_secs(8784 * 3_600) + Duration::from_millis(1), Duration::MAX] {
        let window = Window::Sliding(length);
        let wrong = commit([charge("a", "1", "1", window.clone())]);
        assert!(matches!(store.ledger.commit(&wrong).await, Err(LedgerError::Invalid(_))), "{length:?}");
        assert!(matches!(store.ledger.balance(account("a"), &window, None).await, Err(LedgerError::Invalid(_))));
    }
    store.done(&commit([charge("a", "1", "1", Window::Sliding(Duration::from_secs(8784 * 3_600)))])).await;
    // Less than a millisecond is one.
    store.done(&commit([charge("b", "1", "1", Window::Sliding(Duration::from_nanos(1)))])).await;
}

pub async fn many_at_once_get_what_fits(store: &Store) {
    const MOST: usize = 37;
    let calls = (0..100).map(|n| {
        let ledger = store.ledger.clone();
        // The same two accounts in either order.
        let mut both =
            commit([charge("a", "1", &MOST.to_string(), sliding(60_000)), charge("b", "1", "1000", sliding(60_000))]);
        if n % 2 == 0 {
            both.charges.reverse();
        }
        tokio::spawn(async move { ledger.commit(&both).await.unwrap().is_done() })
    });
    let mut done = 0;
    for call in calls.collect::<Vec<_>>() {
        done += usize::from(call.await.unwrap());
    }
    assert_eq!(done, MOST);
    assert_eq!(store.balance(&charge("a", "0", "0", sliding(60_000))).await, MOST.to_string());
    assert_eq!(store.balance(&charge("b", "0", "0", sliding(60_000))).await, MOST.to_string());
}
