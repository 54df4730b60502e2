//! How a ledger is set up.

use std::time::Duration;

/// How a ledger is set up.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// How long an operation may take. Default: 1 second for a file and 250 milliseconds for Valkey. Memory answers at once.
    pub time_limit: Option<Duration>,
    /// How long a session is remembered in which nothing happens. Default: 30 days. A host must not go on with an older session.
    pub session: Duration,
    /// How much memory keeps.
    pub memory: MemoryLimits,
    /// How many bytes a file may grow to. Default: 1 GiB.
    pub file_bytes: u64,
    /// What the names of the keys in Valkey begin with. Default: `perso`. Ledgers with different names share a server without
    /// knowing of each other.
    pub namespace: String,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            time_limit: None,
            session: Duration::from_secs(720 * 3_600),
            memory: MemoryLimits::default(),
            file_bytes: 1 << 30,
            namespace: "perso".into(),
        }
    }
}

/// How much a ledger in memory keeps at once. What is beyond is an error, and nothing that counts is forgotten.
///
/// The memory has 32 parts, each for a part of each number: the first part can be full a little before the whole is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MemoryLimits {
    /// Accounts. Default: 2 million.
    pub accounts: usize,
    /// Charges of accounts with sliding windows. Default: 8 million.
    pub entries: usize,
    /// Calls that can be retried or undone. Default: 1 million.
    pub calls: usize,
    /// Sessions. Default: 100 000.
    pub sessions: usize,
}

impl Default for MemoryLimits {
    fn default() -> Self {
        Self { accounts: 2_000_000, entries: 8_000_000, calls: 1_000_000, sessions: 100_000 }
    }
}
