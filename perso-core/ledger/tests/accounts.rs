//! Two million accounts in memory: how much memory they take, and that none is forgotten when it is full. It is the only test of its
//! process, so that the process has no other memory.
//!
//! `PERSO_ACCOUNTS` sets the number of accounts.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "it is a test")]

use std::time::{Duration, Instant};

use perso_ledger::{Account, Amount, CallId, Charge, Commit, Ledger, LedgerError, Memory, Options, Value, Window};

/// How many bytes of memory this process has.
fn resident() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    text.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4_096
}

#[test]
fn two_million_accounts() {
    let accounts: usize = std::env::var("PERSO_ACCOUNTS").map_or(2_000_000, |text| text.parse().unwrap());
    let mut options = Options::default();
    // The first of 32 parts is full a little before the whole is.
    options.memory.accounts = accounts / 100 * 102;
    options.memory.calls = accounts / 100 * 102;
    let ledger = Memory::new(&options);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let before = resident();
        let start = Instant::now();
        let one = |n: usize| {
            let mut id = [0; 16];
            id[..8].copy_from_slice(&n.to_be_bytes());
            let mut commit = Commit::new(CallId::from_bytes(id));
            commit.charges.push(Charge {
                account: Account::new("limit", [Value::Number(&n.to_string())]),
                amount: Amount::from(1),
                max: Amount::from(1),
                window: Window::Sliding(Duration::from_secs(86_400)),
            });
            commit
        };
        for n in 0..accounts {
            assert!(ledger.commit(&one(n)).await.unwrap().is_done());
        }
        let each = (resident() - before) / accounts;
        println!("{accounts} accounts and calls: {each} bytes each, {:?} each", start.elapsed() / accounts as u32);
        assert!(each < 700, "{each}");
        // It is full, and has forgotten nothing.
        let mut full = 0;
        for n in accounts..accounts * 105 / 100 {
            match ledger.commit(&one(n)).await {
                Err(LedgerError::Full("accounts" | "calls")) => full += 1,
                other => assert!(other.unwrap().is_done()),
            }
        }
        assert!(full > accounts / 50, "{full}");
        for n in (0..accounts).step_by(997) {
            let again = Commit { call: CallId::random().unwrap(), ..one(n) };
            assert!(!ledger.commit(&again).await.unwrap().is_done(), "{n}");
        }
    });
}
