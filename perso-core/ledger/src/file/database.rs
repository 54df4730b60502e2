//! The file itself: made, recognised, and set up.

use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::failed::{Failed, Result};
use crate::error::{LedgerError, OpenError};
use crate::options::Options;

/// What marks a file as a ledger: `pers`.
const APPLICATION: i32 = 0x7065_7273;
/// The version of the schema.
const VERSION: i32 = 1;
const SCHEMA: &str = include_str!("schema.sql");
const PAGE: u64 = 4_096;
/// How long to wait before the lock of the file is tried again.
const PAUSE: Duration = Duration::from_micros(500);

/// Until when a lock is waited for.
#[derive(Clone)]
pub(super) struct Deadline(Arc<Mutex<Instant>>);

impl Deadline {
    pub fn set(&self, deadline: Instant) {
        if let Ok(mut until) = self.0.lock() {
            *until = deadline;
        }
    }

    fn is_over(&self) -> bool {
        self.0.lock().map_or(true, |until| Instant::now() >= *until)
    }
}

/// Opens a ledger's file, or makes it. Gives also until when its locks are waited for.
pub(super) fn open(
    path: &Path,
    options: &Options,
    limit: Duration,
) -> std::result::Result<(Connection, Deadline), OpenError> {
    make(path)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut db = Connection::open_with_flags(path, flags).map_err(not_usable)?;
    let deadline = Deadline(Arc::new(Mutex::new(Instant::now() + limit)));
    let waits = deadline.clone();
    db.busy_handler(Some(move |_| {
        std::thread::sleep(PAUSE);
        !waits.is_over()
    }))
    .map_err(not_usable)?;
    let known = is_known(&db)?;
    set_up(&db, options, &deadline).map_err(|Failed(error)| error)?;
    if !known {
        let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate).map_err(not_usable)?;
        // Another process may have been faster.
        if !is_known(&transaction)? {
            transaction.execute_batch(SCHEMA).map_err(not_usable)?;
            transaction.pragma_update(None, "application_id", APPLICATION).map_err(not_usable)?;
            transaction.pragma_update(None, "user_version", VERSION).map_err(not_usable)?;
        }
        transaction.commit().map_err(not_usable)?;
    }
    Ok((db, deadline))
}

fn not_usable(error: rusqlite::Error) -> OpenError {
    match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::NotADatabase) => OpenError::NotALedger,
        _ => OpenError::Ledger(Failed::from(error).0),
    }
}

/// Makes an empty file that only its owner can read, if there is none. SQLite gives the files beside it the same permissions.
fn make(path: &Path) -> std::result::Result<(), OpenError> {
    let mut new = OpenOptions::new();
    new.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut new, 0o600);
    match new.open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(OpenError::Ledger(LedgerError::Unavailable(match error.kind() {
            ErrorKind::NotFound => "the folder of its file does not exist",
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => "its file cannot be made here",
            ErrorKind::StorageFull => "the disk is full",
            _ => "its file cannot be made",
        }))),
    }
}

/// Whether the file is a ledger. A file that is neither a ledger nor empty is an error.
fn is_known(db: &Connection) -> std::result::Result<bool, OpenError> {
    let number = |name: &str| db.pragma_query_value(None, name, |row| row.get::<_, i32>(0)).map_err(not_usable);
    match (number("application_id")?, number("user_version")?) {
        (APPLICATION, VERSION) => Ok(true),
        (APPLICATION, version) if version > VERSION => Err(OpenError::Newer),
        (0, 0) => {
            let tables = db.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0));
            if tables.map_err(not_usable)? == 0 { Ok(false) } else { Err(OpenError::NotALedger) }
        }
        _ => Err(OpenError::NotALedger),
    }
}

fn set_up(db: &Connection, options: &Options, deadline: &Deadline) -> Result<()> {
    // SQLite does not wait by itself where two processes do this at once.
    let mode: String = loop {
        match db.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0)) {
            Err(error)
                if error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy) && !deadline.is_over() =>
            {
                std::thread::sleep(PAUSE);
            }
            other => break other?,
        }
    };
    if mode != "wal" {
        return Err(LedgerError::Unavailable("its file is on a file system where processes cannot share it").into());
    }
    // What is committed is on the disk.
    db.pragma_update(None, "synchronous", "full")?;
    db.pragma_update(None, "trusted_schema", false)?;
    db.pragma_update_and_check(None, "max_page_count", options.file_bytes.div_ceil(PAGE), |_| Ok(()))?;
    db.set_prepared_statement_cache_capacity(64);
    Ok(())
}
