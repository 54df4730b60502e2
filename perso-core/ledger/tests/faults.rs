//! What fails around a ledger: the network, servers, disks, clocks and memory. Nothing is let through because of it, nothing is counted
//! twice, and every operation ends in time.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "it is a test")]

#[path = "support/proxy.rs"]
mod proxy;
mod support;

use std::sync::Arc;
use std::time::{Duration, Instant};

use perso_ledger::{
    Commit, Committed, Digest, LedgerError, Options, Period, Request, Session, Unit, Verdict, Window, limits, open_with,
};
use proxy::{Proxy, Weather};
use support::server::{Cluster, Server, ledger_at};
use support::{Store, charge, commit, label, sliding};

const LIMIT: Duration = Duration::from_millis(400);

/// A ledger with a short time limit.
fn impatient(address: &str) -> Store {
    let mut options = Options::default();
    options.time_limit = Some(LIMIT);
    Store { ledger: open_with(address, &options).unwrap(), clock: None, keep: Box::new(()) }
}

/// Fails, and in time.
async fn assert_fails(store: &Store, commit: &Commit, context: &str) -> LedgerError {
    let start = Instant::now();
    let error = store.ledger.commit(commit).await.expect_err(context);
    assert!(start.elapsed() < LIMIT + Duration::from_millis(600), "{context}: {:?}", start.elapsed());
    let text = error.to_string();
    assert!(!text.contains("127.0.0.1") && !text.contains("secret"), "{context}: {text}");
    error
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_network_that_fails() {
    let server = Server::valkey(&[]);
    let proxy = Proxy::start(server.port).await;
    let store = impatient(&proxy.address());
    let one = || commit([charge("a", "1", "1000", sliding(600_000))]);
    store.done(&one()).await;
    let mut count = 1;
    let weathers = [
        Weather::Cut,
        Weather::Silent,
        Weather::Slow(Duration::from_secs(2)),
        Weather::Nonsense(b"HTTP/1.1 200 OK\r\n\r\n"),
        Weather::Nonsense(b"*1\r\n$4\r\ndone\r\n"),
        Weather::Nonsense(b"*2\r\n$4\r\ndone\r\n$3\r\n-17\r\n"),
        Weather::Nonsense(b"+OK\r\n"),
        Weather::Nonsense(b"$-1\r\n"),
        Weather::Nonsense(b"-ERR secret\r\n"),
        Weather::Nonsense(b"*99999999\r\n"),
        Weather::Nonsense(b"\xff\xfe\x00\x00"),
    ];
    for weather in weathers {
        proxy.set(weather);
        let call = one();
        println!("{weather:?}: {}", assert_fails(&store, &call, &format!("{weather:?}")).await);
        assert!(store.ledger.labels(Session::new("s")).await.is_err(), "{weather:?}");
        proxy.set(Weather::Fine);
        // The same call again: whether the first one has arrived or not, it is charged once.
        for _ in 0..2 {
            let answer = loop {
                match store.ledger.commit(&call).await {
                    Ok(answer) => break answer,
                    Err(error) => println!("  again: {error}"),
                }
            };
            assert!(answer.is_done(), "{weather:?}");
        }
        count += 1;
        assert_eq!(store.balance(&call.charges[0]).await, count.to_string(), "{weather:?}");
    }
    proxy.set(Weather::Slow(Duration::from_millis(30)));
    store.done(&one()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_is_cut_anywhere() {
    let server = Server::valkey(&[]);
    let proxy = Proxy::start(server.port).await;
    let store = impatient(&proxy.address());
    let one = || commit([charge("a", "1", "100000", sliding(600_000)), charge("b", "1", "100000", Window::Session)]);
    let session = Some(Session::new("s"));
    store.done(&Commit { session, ..one() }).await;
    let mut count = 1;
    // A commit is a request of about 500 bytes, and an answer of about 40.
    for at in (0..700).step_by(23).map(|forth| (forth, usize::MAX)).chain((0..50).map(|back| (usize::MAX, back))) {
        proxy.cut_after(at.0, at.1);
        let call = Commit { session, ..one() };
        while store.ledger.commit(&call).await.is_err() {}
        count += 1;
        assert_eq!(store.balance(&call.charges[0]).await, count.to_string(), "cut after {at:?}");
        assert_eq!(store.balance_in(&call.charges[1], session).await, count.to_string(), "cut after {at:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_comes_and_goes() {
    let mut server = Server::redis(&["--appendonly", "yes", "--appendfsync", "always"]);
    let store = impatient(&server.address());
    let call = commit([charge("a", "1", "1", sliding(600_000))]);
    server.kill();
    assert_eq!(
        assert_fails(&store, &call, "it is down").await,
        LedgerError::Unavailable("there is no server at its address")
    );
    server.restart();
    let at = store.done(&call).await;
    server.kill();
    server.restart();
    assert_eq!(store.done(&call).await, at);
    store.over(&commit([charge("a", "1", "1", sliding(600_000))])).await;
    // A server that has forgotten its scripts gets them again.
    server.command::<String>(&["SCRIPT", "FLUSH"]).unwrap();
    store.over(&commit([charge("a", "1", "1", sliding(600_000))])).await;
}

#[tokio::test]
async fn servers_that_a_ledger_cannot_be_in() {
    let call = commit([charge("a", "1", "1", sliding(600_000))]);
    for start in [Server::valkey, Server::redis] {
        for policy in ["allkeys-lru", "volatile-ttl"] {
            let evicts = start(&["--maxmemory", "10mb", "--maxmemory-policy", policy]);
            let error = assert_fails(&impatient(&evicts.address()), &call, policy).await;
            assert!(error.to_string().contains("maxmemory-policy noeviction"), "{error}");
        }
        let server = start(&["--requirepass", "secret"]);
        for login in ["", "wrong-secret:wrong-secret@", ":wrong-secret@"] {
            let store = impatient(&format!("redis://{login}127.0.0.1:{}/0", server.port));
            let error = assert_fails(&store, &call, login).await;
            assert!(error.to_string().contains("does not let this client in"), "{login}: {error}");
        }
        let store = ledger_at(&format!("redis://:secret@127.0.0.1:{}/3", server.port), "perso", ());
        assert!(store.ledger.commit(&call).await.unwrap().is_done());
    }
}

/// The user that `docs/ledger.md` shows can do all that a ledger does.
#[tokio::test]
async fn a_user_with_few_rights() {
    let docs = include_str!("../../../docs/ledger.md");
    let user = docs.lines().find_map(|line| line.strip_prefix("user ledger ")).expect("the page has the user's line");
    for start in [Server::valkey, Server::redis] {
        let server = start(&[]);
        let words: Vec<&str> = ["ACL", "SETUSER", "ledger"].into_iter().chain(user.split(' ')).collect();
        server.command::<String>(&words).unwrap();
        let address = format!("valkey://ledger:PASSWORD@127.0.0.1:{}", server.port);
        let store = ledger_at(&address, "perso", ());
        let session = Session::new("s");
        let digest = Digest::of("test", [&b"call"[..]]);
        let request = Request { digest, expires_in: LIMIT * 100, agent: "agt-099".into(), shown: "{}".into() };
        let id = store.ledger.request(&request).await.unwrap();
        assert_eq!(store.ledger.pending().await.unwrap().len(), 1);
        store.ledger.decide(id, Verdict::Approve, "Mara").await.unwrap();
        let month = Window::Period(Period::new(Unit::Month, "UTC").unwrap());
        let charges = || {
            [
                charge("a", "1", "1", sliding(1_500)),
                charge("b", "1", "2", Window::Session),
                charge("c", "1", "2", month.clone()),
            ]
        };
        let call =
            Commit { session: Some(session), labels: vec![label("seen")], approval: Some(digest), ..commit(charges()) };
        store.done(&call).await;
        store.over(&Commit { session: Some(session), ..commit(charges()) }).await;
        tokio::time::sleep(Duration::from_millis(1_510)).await;
        let again = Commit { session: Some(session), ..commit(charges()) };
        store.done(&again).await;
        store.ledger.undo(again.call).await.unwrap();
        assert_eq!(store.balance_in(&again.charges[1], Some(session)).await, "1");
        assert_eq!(store.labels(session).await, ["seen"]);
        // Another namespace is another's.
        let error = ledger_at(&address, "other", ()).ledger.commit(&commit(charges().into_iter().take(1))).await;
        assert!(error.unwrap_err().to_string().contains("does not let this client in"));
    }
}

#[tokio::test]
async fn a_server_without_memory() {
    let server = Server::valkey(&["--maxmemory", "4mb"]);
    let store = ledger_at(&server.address(), "perso", ());
    let one = |n: u32| Commit {
        session: Some(Session::new(&n.to_string())),
        labels: (0..40).map(|n| label(&format!("{n:0>128}"))).collect(),
        ..commit([charge(&n.to_string(), "1", "1", sliding(600_000))])
    };
    let mut fit = 0;
    let error = loop {
        match store.ledger.commit(&one(fit)).await {
            Ok(answer) => assert!(answer.is_done()),
            Err(error) => break error,
        }
        fit += 1;
    };
    assert_eq!(error, LedgerError::Unavailable("the server has no memory left"));
    assert!(fit > 10);
    server.command::<String>(&["CONFIG", "SET", "maxmemory", "0"]).unwrap();
    for n in 0..fit {
        store.over(&one(n)).await;
    }
    // Nothing of the call that failed is there.
    assert_eq!(store.labels(Session::new(&fit.to_string())).await, [""; 0]);
    store.done(&one(fit)).await;
}

#[tokio::test]
async fn a_servers_clock_that_is_set_back() {
    const HOUR: u64 = 3_600_000;
    let server = Server::valkey(&[]);
    let store = ledger_at(&server.address(), "perso", ());
    let one = || commit([charge("a", "1", "1", sliding(HOUR))]);
    let first = store.done(&one()).await;
    // The ledger has seen a later time than the server now has.
    let later = first.millis() + HOUR + 1;
    server.command::<String>(&["SET", "{perso}:clock", &later.to_string()]).unwrap();
    assert_eq!(store.done(&one()).await.millis(), later);
    tokio::time::sleep(Duration::from_millis(20)).await;
    let (_, room_at, now) = store.over(&one()).await;
    assert_eq!((room_at.map(|time| time.millis()), now.millis()), (Some(later + HOUR), later));
    assert!(
        server
            .command::<u64>(&["PEXPIRETIME", &format!("{{perso}}:account:{}", one().charges[0].account.digest())])
            .unwrap()
            >= later + HOUR
    );
}

#[tokio::test]
async fn nothing_stays_in_a_server_that_no_longer_counts() {
    let server = Server::valkey(&[]);
    let mut options = Options::default();
    options.session = Duration::from_millis(1_500);
    let ledger = open_with(&server.address(), &options).unwrap();
    let store = Store { ledger, clock: None, keep: Box::new(()) };
    for n in 0..50 {
        let charges = [charge(&n.to_string(), "1", "1", sliding(1_500)), charge("s", "1", "1", Window::Session)];
        let mut call =
            Commit { session: Some(Session::new(&n.to_string())), labels: vec![label("seen")], ..commit(charges) };
        store.done(&call).await;
        // Calls of sessions are remembered for a day: this one for as long as its charge counts.
        call = commit([charge(&format!("other {n}"), "1", "1", sliding(1_500))]);
        store.done(&call).await;
    }
    assert!(server.command::<u64>(&["DBSIZE"]).unwrap() > 300);
    let start = Instant::now();
    while server.command::<u64>(&["DBSIZE"]).unwrap() > 51 {
        assert!(start.elapsed() < Duration::from_secs(10), "{}", server.command::<u64>(&["DBSIZE"]).unwrap());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // The clock, and the fifty calls.
    assert_eq!(server.command::<u64>(&["DBSIZE"]).unwrap(), 51);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_that_loses_a_node() {
    let mut cluster = Cluster::start();
    let address = cluster.address();
    let mut lost = 0;
    let stores: Vec<Store> = (0..6).map(|n| ledger_at(&address, &format!("n{n}"), ())).collect();
    for store in &stores {
        store.done(&commit([charge("a", "1", "2", sliding(600_000))])).await;
    }
    cluster.0[2].kill();
    for n in 0..6 {
        let mut options = Options::default();
        options.time_limit = Some(LIMIT);
        options.namespace = format!("n{n}");
        let store = Store { ledger: open_with(&address, &options).unwrap(), clock: None, keep: Box::new(()) };
        lost += u32::from(store.ledger.commit(&commit([charge("a", "1", "2", sliding(600_000))])).await.is_err());
    }
    println!("{lost} of 6 namespaces are lost");
    assert!(lost > 0, "a node that is lost is not noticed");
}

#[tokio::test]
async fn an_account_has_a_bound_in_a_server() {
    let server = Server::valkey(&[]);
    let store = ledger_at(&server.address(), "perso", ());
    let one = || commit([charge("a", "1", "1000000", sliding(86_400_000))]);
    let at = store.done(&one()).await.millis();
    let account = one().charges[0].account.digest().to_string();
    let script = "for i = 1, tonumber(ARGV[2]) do local time = string.format('%.0f', ARGV[3] - i)
        redis.call('HSET', KEYS[1], time, '1000000000000000000') redis.call('ZADD', KEYS[2], time, time) end
        redis.call('HSET', KEYS[1], 'total', (ARGV[2] + 1) .. '000000000000000000') return ARGV[1]";
    let keys = [format!("{{perso}}:account:{account}"), format!("{{perso}}:times:{account}")];
    let more = (limits::ENTRIES - 2).to_string();
    server.command::<String>(&["EVAL", script, "2", &keys[0], &keys[1], "", &more, &at.to_string()]).unwrap();
    assert_eq!(store.balance(&one().charges[0]).await, (limits::ENTRIES - 1).to_string());
    store.done(&one()).await;
    let start = Instant::now();
    assert_eq!(store.ledger.commit(&one()).await, Err(LedgerError::Full("charges of one account")));
    // All of it leaves at once.
    let start = start.elapsed();
    server.command::<String>(&["SET", "{perso}:clock", &(at + 86_400_000 - 1).to_string()]).unwrap();
    let begin = Instant::now();
    store.done(&one()).await;
    println!("an account with {} charges: denied in {start:?}, emptied in {:?}", limits::ENTRIES, begin.elapsed());
    assert_eq!(store.balance(&one().charges[0]).await, "3");
}

/// What a process does whose files may not grow: charges until it cannot.
#[tokio::test]
#[ignore = "another test runs it as a process"]
async fn process() {
    let ledger = perso_ledger::open(&std::env::var("PERSO_LEDGER").unwrap()).unwrap();
    let mut done = 0;
    let error = loop {
        match ledger.commit(&commit([charge("a", "1", "1000000", sliding(86_400_000))])).await {
            Ok(Committed::Done { .. }) => done += 1,
            Ok(other) => panic!("{other:?}"),
            Err(error) => break error,
        }
    };
    println!("\ndone {done}\nerror {error}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_disk_that_is_full() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger");
    let address = format!("file:{}", path.display());
    // Files may grow to 512 kB. Without the trap, the system would end the process.
    let output = std::process::Command::new("sh")
        .args(["-c", r#"trap "" XFSZ; ulimit -f 1024; exec "$0" --exact process --ignored --nocapture"#])
        .arg(std::env::current_exe().unwrap())
        .env("PERSO_LEDGER", &address)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let said = |word: &str| text.lines().find_map(|line| line.strip_prefix(word)).unwrap_or_else(|| panic!("{text}"));
    let done: u32 = said("done ").parse().unwrap();
    println!("{done} calls fit: {}", said("error "));
    assert!(done > 10, "{done}");
    assert!(said("error ").contains("cannot be read or written") || said("error ").contains("disk is full"), "{text}");
    // All that was let through counts, and nothing else; and once there is room, it goes on.
    let store = ledger_at(&address, "perso", folder);
    let one = commit([charge("a", "1", "1000000", sliding(86_400_000))]);
    assert_eq!(store.balance(&one.charges[0]).await, done.to_string());
    store.done(&one).await;
}

#[tokio::test]
async fn a_file_that_is_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger");
    let address = format!("file:{}", path.display());
    let one = || commit([charge("a", "1", "5", sliding(86_400_000))]);
    ledger_at(&address, "perso", ()).done(&one()).await;
    let store = ledger_at(&address, "perso", ());
    store.done(&one()).await;
    let db = rusqlite::Connection::open(&path).unwrap();
    db.execute_batch("UPDATE account SET total = x'01'").unwrap();
    assert_eq!(store.ledger.commit(&one()).await, Err(LedgerError::Unavailable("its file is damaged")));
    db.execute_batch("DROP TABLE charge").unwrap();
    assert!(store.ledger.commit(&one()).await.is_err());
    drop(store);
    drop(db);
    // Random bytes anywhere: an error or an answer, never a panic.
    let mut random = fastrand::Rng::with_seed(7);
    let bytes = std::fs::read(&path).unwrap();
    for _ in 0..100 {
        let mut bytes = bytes.clone();
        for _ in 0..random.usize(1..200) {
            let at = random.usize(..bytes.len());
            bytes[at] = random.u8(..);
        }
        let path = folder.path().join(random.u64(..).to_string());
        std::fs::write(&path, bytes).unwrap();
        if let Ok(ledger) = open_with(&format!("file:{}", path.display()), &Options::default()) {
            let _ = ledger.commit(&one()).await;
            let _ = ledger.pending().await;
        }
    }
}

#[test]
fn addresses_that_are_none() {
    let error = |address: &str| {
        let error = open_with(address, &Options::default()).map(drop).unwrap_err().to_string();
        assert!(!error.contains("secret"), "{error}");
        error
    };
    for address in
        ["", "memory", "memory:x", "file:", "postgres://secret@host", "valkey:", "valkey://", "redis://:secret@host:x/"]
    {
        assert!(error(address).contains("write `"), "{address}: {}", error(address));
    }
    for address in ["valkey://host?nodes=1", "valkey://host?cluster=secret:x", "valkey://host/secret"] {
        assert!(error(address).contains("write `"), "{address}: {}", error(address));
    }
    let mut options = Options::default();
    for name in ["", "a}b", "{a", "a b", "é", &"n".repeat(65)] {
        options.namespace = name.to_owned();
        assert!(open_with("valkey://host", &options).is_err(), "{name}");
    }
    let _: Arc<dyn perso_ledger::Ledger> = open_with("valkeys://user:secret@host:7/1", &Options::default()).unwrap();
}

/// What a process does that trusts one certificate: whether a ledger over TLS can be used.
#[tokio::test]
#[ignore = "another test runs it as a process"]
async fn tls_process() {
    let mut options = Options::default();
    options.time_limit = Some(Duration::from_secs(2));
    let ledger = open_with(&std::env::var("PERSO_LEDGER").unwrap(), &options).unwrap();
    let answer = ledger.commit(&commit([charge("a", "1", "1000", sliding(600_000))])).await;
    println!(
        "\nanswer {}",
        answer.map_or_else(|error| error.to_string(), |answer| format!("done: {}", answer.is_done()))
    );
}

#[test]
fn over_tls() {
    let folder = tempfile::tempdir().unwrap();
    let certificate = |name: &str| {
        let [key, cert] = ["key", "crt"].map(|end| folder.path().join(format!("{name}.{end}")).display().to_string());
        let made = std::process::Command::new("openssl")
            .args([
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:P-256",
                "-nodes",
                "-days",
                "2",
                "-subj",
            ])
            .args([
                &format!("/CN={name}"),
                "-addext",
                "subjectAltName=IP:127.0.0.1",
                "-addext",
                "basicConstraints=critical,CA:FALSE",
            ])
            .args(["-keyout", &key, "-out", &cert])
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        (key, cert)
    };
    let ((key, cert), (_, other)) = (certificate("ledger"), certificate("other"));
    let port = support::server::free_port();
    let tls =
        ["--tls-cert-file", &cert, "--tls-key-file", &key, "--tls-auth-clients", "no", "--tls-port", &port.to_string()];
    let _server = Server::redis(&tls);
    let answer = |scheme: &str, trusted: &str| {
        let output = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "tls_process", "--ignored", "--nocapture"])
            .env("PERSO_LEDGER", format!("{scheme}://127.0.0.1:{port}"))
            .env("SSL_CERT_FILE", trusted)
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().find_map(|line| line.strip_prefix("answer ")).unwrap_or_else(|| panic!("{text}")).to_owned()
    };
    assert_eq!(answer("rediss", &cert), "done: true");
    assert_eq!(answer("valkeys", &cert), "done: true");
    for (scheme, trusted) in [("rediss", &other), ("redis", &cert)] {
        let answer = answer(scheme, trusted);
        assert!(answer.starts_with("the ledger"), "{scheme}: {answer}");
    }
}
