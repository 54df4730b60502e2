use std::time::{Duration, Instant};

use perso_ledger::{Commit, Committed, Digest, LedgerError, Request, Session, State, Verdict};

use crate::support::{Store, charge, commit, sliding};

fn digest(call: &str) -> Digest {
    Digest::of("test", [call.as_bytes()])
}

fn request(call: &str, millis: u64) -> Request {
    Request {
        digest: digest(call),
        expires_in: Duration::from_millis(millis),
        agent: "agt-099".into(),
        shown: format!(r#"{{"tool":"refund","args":{{"call":{call:?}}}}}"#),
    }
}

fn run(call: &str) -> Commit {
    Commit { approval: Some(digest(call)), ..commit([charge("a", "1", "100", sliding(60_000))]) }
}

async fn refused(store: &Store, commit: &Commit) -> bool {
    matches!(store.ledger.commit(commit).await, Ok(Committed::NotApproved { .. }))
}

pub async fn approvals_are_for_one_call(store: &Store) {
    let id = store.ledger.request(&request("one", 60_000)).await.unwrap();
    assert!(refused(store, &run("one")).await, "nobody has decided");
    store.ledger.decide(id, Verdict::Approve, "Mara").await.unwrap();
    assert!(refused(store, &run("one ")).await, "another call");
    assert_eq!(store.ledger.state(id).await.unwrap(), Some(State::Approved { by: "Mara".into() }));

    // All or nothing: a call that is over a limit does not use its approval.
    let over = Commit { charges: vec![charge("a", "101", "100", sliding(60_000))], ..run("one") };
    assert!(matches!(store.ledger.commit(&over).await, Ok(Committed::Over { .. })));

    let one = run("one");
    let at = store.done(&one).await;
    assert_eq!(store.done(&one).await, at, "a retry is the same call");
    assert!(refused(store, &run("one")).await, "it is used");
    assert_eq!(store.ledger.state(id).await.unwrap(), Some(State::Used { by: "Mara".into() }));
    assert_eq!(store.balance(&one.charges[0]).await, "1");
    // A call that did not run does not get its approval back.
    store.ledger.undo(one.call).await.unwrap();
    assert!(refused(store, &run("one")).await);

    // Without charges, and in a session.
    let id = store.ledger.request(&request("two", 60_000)).await.unwrap();
    store.ledger.decide(id, Verdict::Approve, "Mara").await.unwrap();
    let two = Commit { charges: Vec::new(), session: Some(Session::new("s")), ..run("two") };
    let at = store.done(&two).await;
    assert_eq!(store.done(&two).await, at);
    assert!(refused(store, &run("two")).await);
}

pub async fn approvals_are_decided_once(store: &Store) {
    let id = store.ledger.request(&request("one", 60_000)).await.unwrap();
    let shown = store.ledger.show(id).await.unwrap().unwrap();
    assert_eq!((shown.id, shown.digest, shown.state.clone()), (id, digest("one"), State::Pending));
    assert_eq!((shown.agent.as_str(), shown.shown.clone()), ("agt-099", request("one", 1).shown));
    assert_eq!(shown.expires_at.since(shown.requested_at), Duration::from_secs(60));
    store.pass(2).await;
    let other = store.ledger.request(&request("other", 60_000)).await.unwrap();
    let pending = store.ledger.pending().await.unwrap();
    assert_eq!(pending.iter().map(|approval| approval.id).collect::<Vec<_>>(), [id, other]);
    assert_eq!(pending[0], shown);

    store.ledger.decide(id, Verdict::Deny, "Mara").await.unwrap();
    for verdict in [Verdict::Approve, Verdict::Deny] {
        assert_eq!(store.ledger.decide(id, verdict, "Noor").await, Err(LedgerError::AlreadyDecided));
    }
    assert_eq!(store.ledger.state(id).await.unwrap(), Some(State::Denied { by: "Mara".into() }));
    assert!(refused(store, &run("one")).await);
    store.ledger.decide(other, Verdict::Approve, "Noor").await.unwrap();
    assert_eq!(store.ledger.decide(other, Verdict::Deny, "Noor").await, Err(LedgerError::AlreadyDecided));
    assert_eq!(store.ledger.pending().await.unwrap(), []);
    let unknown = "0000000000".parse().unwrap();
    assert_eq!(store.ledger.decide(unknown, Verdict::Approve, "Noor").await, Err(LedgerError::UnknownApproval));
    assert_eq!(store.ledger.show(unknown).await.unwrap(), None);
    for name in [String::new(), "n".repeat(257)] {
        assert!(matches!(store.ledger.decide(other, Verdict::Approve, &name).await, Err(LedgerError::Invalid(_))));
    }
}

pub async fn approvals_expire(store: &Store) {
    let pending = store.ledger.request(&request("pending", 1_000)).await.unwrap();
    let approved = store.ledger.request(&request("approved", 1_000)).await.unwrap();
    store.ledger.decide(approved, Verdict::Approve, "Mara").await.unwrap();
    store.pass(1_001).await;
    assert!(refused(store, &run("approved")).await);
    for id in [pending, approved] {
        assert_eq!(store.ledger.state(id).await.unwrap(), None);
        assert_eq!(store.ledger.decide(id, Verdict::Approve, "Mara").await, Err(LedgerError::UnknownApproval));
    }
    assert_eq!(store.ledger.pending().await.unwrap(), []);
    assert_ne!(store.ledger.request(&request("pending", 1_000)).await.unwrap(), pending, "it can be asked again");
}

pub async fn requests_are_joined(store: &Store) {
    let id = store.ledger.request(&request("one", 60_000)).await.unwrap();
    assert_eq!(store.ledger.request(&request("one", 60_000)).await.unwrap(), id);
    assert_ne!(store.ledger.request(&request("two", 60_000)).await.unwrap(), id);
    assert_eq!(store.ledger.pending().await.unwrap().len(), 2);
    store.ledger.decide(id, Verdict::Approve, "Mara").await.unwrap();
    assert_eq!(store.ledger.request(&request("one", 60_000)).await.unwrap(), id, "it is approved and waits to run");
    store.done(&run("one")).await;
    let again = store.ledger.request(&request("one", 60_000)).await.unwrap();
    assert_ne!(again, id, "an approval is for one run");
    assert!(refused(store, &run("one")).await);
    store.ledger.decide(again, Verdict::Deny, "Mara").await.unwrap();
    let third = store.ledger.request(&request("one", 60_000)).await.unwrap();
    assert_ne!(third, again, "after a denial a person can be asked again");
    store.ledger.decide(third, Verdict::Approve, "Mara").await.unwrap();
    store.done(&run("one")).await;
}

pub async fn waiting_is_bounded(store: &Store) {
    let id = store.ledger.request(&request("one", 60_000)).await.unwrap();
    let start = Instant::now();
    assert_eq!(store.ledger.wait(id, Duration::from_millis(120)).await.unwrap(), Some(State::Pending));
    assert!((120..2_000).contains(&start.elapsed().as_millis()), "{:?}", start.elapsed());
    let ledger = store.ledger.clone();
    let decide = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(100)).await;
        ledger.decide(id, Verdict::Approve, "Mara").await
    });
    let state = store.ledger.wait(id, Duration::from_secs(10)).await.unwrap();
    assert_eq!(state, Some(State::Approved { by: "Mara".into() }));
    decide.await.unwrap().unwrap();
    assert_eq!(store.ledger.wait("0000000000".parse().unwrap(), Duration::from_secs(10)).await.unwrap(), None);
}

pub async fn approvals_are_bounded(store: &Store) {
    for wrong in [
        Request { expires_in: Duration::ZERO, ..request("x", 1) },
        Request { expires_in: Duration::from_secs(169 * 3_600), ..request("x", 1) },
        Request { agent: "a".repeat(257), ..request("x", 1) },
        Request { shown: " ".repeat(65_537), ..request("x", 1) },
    ] {
        assert!(matches!(store.ledger.request(&wrong).await, Err(LedgerError::Invalid(_))));
    }
    store.ledger.request(&Request { shown: "é".repeat(32_768), ..request("0", 60_000) }).await.unwrap();
    for n in 1..1_000 {
        store.ledger.request(&request(&n.to_string(), 60_000)).await.unwrap();
    }
    assert_eq!(store.ledger.request(&request("more", 60_000)).await, Err(LedgerError::Full("approvals")));
    assert_eq!(store.ledger.pending().await.unwrap().len(), 1_000);
    store.ledger.request(&request("7", 60_000)).await.unwrap();
}
