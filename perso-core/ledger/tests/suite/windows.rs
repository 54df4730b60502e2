use perso_ledger::{Amount, Commit, LedgerError, Period, Session, Unit, Window};

use crate::support::{Store, charge, commit, sliding};

pub async fn charges_fit_exactly(store: &Store) {
    let tenth = || charge("a", "0.1", "1", sliding(60_000));
    for _ in 0..10 {
        store.done(&commit([tenth()])).await;
    }
    assert_eq!(store.balance(&tenth()).await, "1");
    let (place, room_at, at) = store.over(&commit([charge("a", "0.000000000000000001", "1", sliding(60_000))])).await;
    assert_eq!(place, 0);
    assert!(room_at.unwrap() > at);
    // Another account is another's.
    store.done(&commit([charge("b", "1", "1", sliding(60_000))])).await;
}

pub async fn sums_are_exact_at_both_ends(store: &Store) {
    let max = Amount::MAX.to_string();
    let least = "0.000000000000000001";
    for (name, window) in [("s", sliding(60_000)), ("p", Window::Period(Period::new(Unit::Month, "UTC").unwrap()))] {
        store.done(&commit([charge(name, least, &max, window.clone())])).await;
        let rest = "999999999999999999.999999999999999998";
        assert!(matches!(store.over(&commit([charge(name, &max, &max, window.clone())])).await, (0, Some(_), _)));
        store.done(&commit([charge(name, rest, &max, window.clone())])).await;
        assert_eq!(store.balance(&charge(name, "0", "0", window.clone())).await, max);
        store.over(&commit([charge(name, least, &max, window.clone())])).await;
        // Digits that a binary fraction or a double would lose.
        let name = format!("{name} digits");
        for (amount, sum) in [
            ("90071992547409.930000000000000001", "90071992547409.930000000000000001"),
            ("0.07", "90071992547410.000000000000000001"),
            ("0.999999999999999999", "90071992547411"),
            ("123456789012345678.123456789012345678", "123546861004893089.123456789012345678"),
        ] {
            store.done(&commit([charge(&name, amount, &max, window.clone())])).await;
            assert_eq!(store.balance(&charge(&name, "0", "0", window.clone())).await, sum);
        }
    }
}

pub async fn nothing_is_charged_for_zero(store: &Store) {
    let window = || sliding(60_000);
    store.done(&commit([charge("a", "0", "0", window())])).await;
    store.done(&commit([charge("a", "5", "5", window())])).await;
    // Even where a new policy has a lower maximum.
    store.done(&commit([charge("a", "0.0", "3", window())])).await;
    assert_eq!(store.over(&commit([charge("a", "0", "3", window()), charge("a", "1", "3", window())])).await.0, 1);
    assert_eq!(store.balance(&charge("a", "0", "0", window())).await, "5");
}

pub async fn windows_slide_by_the_millisecond(store: &Store) {
    const LENGTH: u64 = 1_500;
    let one = |amount| commit([charge("a", amount, "3", sliding(LENGTH))]);
    let first = store.done(&one("1")).await;
    store.pass(100).await;
    let second = store.done(&one("2")).await;
    assert!(second.millis() >= first.millis() + 100);

    let (_, room_at, now) = store.over(&one("1")).await;
    assert_eq!(room_at.map(|time| time.millis()), Some(first.millis() + LENGTH));
    if let Some(clock) = &store.clock {
        // The last millisecond of the window, and the first after it.
        let left = first.millis() + LENGTH - now.millis();
        clock.pass(std::time::Duration::from_millis(left - 1));
        store.over(&one("1")).await;
        store.pass(1).await;
    } else {
        store.pass_until(now, room_at.unwrap()).await;
    }
    let third = store.done(&one("1")).await;
    assert!(third.millis() >= first.millis() + LENGTH);
    if third.millis() < second.millis() + LENGTH {
        let (_, room_at, _) = store.over(&one("2")).await;
        assert_eq!(room_at.map(|time| time.millis()), Some(second.millis() + LENGTH));
    }
    store.pass(LENGTH).await;
    assert_eq!(store.balance(&charge("a", "0", "0", sliding(LENGTH))).await, "0");
}

pub async fn room_is_when_enough_has_left(store: &Store) {
    let one = |amount| commit([charge("a", amount, "10", sliding(60_000))]);
    let mut times = Vec::new();
    for amount in ["1", "2", "3", "4"] {
        times.push(store.done(&one(amount)).await.millis());
        store.pass(3).await;
    }
    for (amount, place) in [("1", 0), ("1.5", 1), ("3", 1), ("3.000000000000000001", 2), ("6", 2), ("7", 3), ("10", 3)]
    {
        let (_, room_at, _) = store.over(&one(amount)).await;
        assert_eq!(room_at.map(|time| time.millis() - 60_000), Some(times[place]), "{amount}");
    }
    assert_eq!(store.over(&one("10.1")).await.1, None, "it never fits");
}

pub async fn windows_can_change(store: &Store) {
    let one = |amount, max, length| commit([charge("a", amount, max, sliding(length))]);
    store.done(&one("1", "1", 60_000)).await;
    store.pass(50).await;
    // Less of it counts in a shorter window, and all of it in the longer one again.
    store.done(&one("1", "1", 40)).await;
    store.over(&one("1", "2", 60_000)).await;
    assert_eq!(store.balance(&charge("a", "0", "0", sliding(60_000))).await, "2");
    store.done(&one("1", "3", 90_000)).await;
}

pub async fn sessions_have_their_own_accounts(store: &Store) {
    let one = |session: &str, amount: &str| Commit {
        session: Some(Session::new(session)),
        ..commit([charge("a", amount, "3", Window::Session)])
    };
    store.done(&one("s", "2")).await;
    store.done(&one("S", "3")).await;
    assert!(matches!(store.over(&one("s", "2")).await, (0, None, _)));
    store.done(&one("s", "1")).await;
    let count = charge("a", "0", "0", Window::Session);
    assert_eq!(store.balance_in(&count, Some(Session::new("s"))).await, "3");
    assert_eq!(store.balance_in(&count, Some(Session::new("other"))).await, "0");

    let without = Commit { session: None, ..one("s", "1") };
    assert_eq!(store.ledger.commit(&without).await, Err(LedgerError::NoSession));
    assert_eq!(store.ledger.balance(count.account, &count.window, None).await, Err(LedgerError::NoSession));
}

pub async fn periods_end_with_the_calendar(store: &Store) {
    let month = Period::new(Unit::Month, "Europe/Berlin").unwrap();
    let hour = Period::new(Unit::Hour, "Asia/Kolkata").unwrap();
    let both = |amount| {
        commit([
            charge("a", amount, "3", Window::Period(month.clone())),
            charge("b", amount, "2", Window::Period(hour.clone())),
        ])
    };
    let at = store.done(&both("1")).await;
    store.done(&both("1")).await;
    let (place, room_at, now) = store.over(&both("0.5")).await;
    assert_eq!((place, room_at), (1, hour.bounds(now).map(|bounds| bounds.end)), "unless an hour has just ended");
    assert_eq!(hour.bounds(at), hour.bounds(now));
    if store.clock.is_some() {
        let end = hour.bounds(now).unwrap().end;
        store.pass(end.millis() - now.millis() - 1).await;
        store.over(&both("0.5")).await;
        store.pass(1).await;
        assert_eq!(store.done(&both("0.5")).await, end);
        assert_eq!(store.balance(&charge("a", "0", "0", Window::Period(month.clone()))).await, "2.5");
        assert_eq!(store.balance(&charge("b", "0", "0", Window::Period(hour.clone()))).await, "0.5");
        let (place, room_at, now) = store.over(&both("1")).await;
        assert_eq!((place, room_at), (0, month.bounds(now).map(|bounds| bounds.end)));
        store.pass_until(now, room_at.unwrap()).await;
        store.done(&both("1")).await;
    }
}
