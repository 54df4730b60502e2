-- The ledger in a file. Times are milliseconds since 1970; amounts are 16 bytes, big-endian, in units of 10^-18.

-- The latest time that a ledger of this file has seen. Its clock never goes back behind it.
CREATE TABLE clock (latest INTEGER NOT NULL) STRICT;
INSERT INTO clock VALUES (0);

-- Accounts with sliding windows: the sum and the number of their charges, the longest window that was asked for, and when to look
-- whether a charge no longer counts.
CREATE TABLE account (
    id INTEGER PRIMARY KEY,
    digest BLOB NOT NULL UNIQUE,
    total BLOB NOT NULL,
    entries INTEGER NOT NULL,
    keep INTEGER NOT NULL,
    due INTEGER NOT NULL
) STRICT;
CREATE INDEX account_due ON account (due);
CREATE TABLE charge (
    account INTEGER NOT NULL,
    time INTEGER NOT NULL,
    amount BLOB NOT NULL,
    PRIMARY KEY (account, time)
) STRICT, WITHOUT ROWID;

-- Accounts of periods of the calendar.
CREATE TABLE period (
    account BLOB NOT NULL,
    start INTEGER NOT NULL,
    end INTEGER NOT NULL,
    total BLOB NOT NULL,
    PRIMARY KEY (account, start, end)
) STRICT, WITHOUT ROWID;
CREATE INDEX period_end ON period (end);

-- Sessions: when something happened in them last, their labels and their accounts.
CREATE TABLE session (id INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE, latest INTEGER NOT NULL) STRICT;
CREATE INDEX session_latest ON session (latest);
CREATE TABLE label (session INTEGER NOT NULL, name TEXT NOT NULL, PRIMARY KEY (session, name)) STRICT, WITHOUT ROWID;
CREATE TABLE session_account (
    session INTEGER NOT NULL,
    account BLOB NOT NULL,
    total BLOB NOT NULL,
    PRIMARY KEY (session, account)
) STRICT, WITHOUT ROWID;

-- Calls that can be retried or undone: when they were committed, what tells them from others, and where their amounts are.
CREATE TABLE call (
    id BLOB PRIMARY KEY,
    until INTEGER NOT NULL,
    at INTEGER NOT NULL,
    fingerprint BLOB NOT NULL,
    undone INTEGER NOT NULL,
    session BLOB,
    charged BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX call_until ON call (until);

-- Approvals. The state is 0 for pending, 1 for approved, 2 for denied, 3 for used.
CREATE TABLE approval (
    id INTEGER PRIMARY KEY,
    digest BLOB NOT NULL,
    agent TEXT NOT NULL,
    shown TEXT NOT NULL,
    requested INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    state INTEGER NOT NULL,
    decided_by TEXT NOT NULL
) STRICT;
CREATE INDEX approval_digest ON approval (digest);
CREATE INDEX approval_expires ON approval (expires);
