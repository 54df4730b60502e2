//! What SQLite reports, as what an operator can do something about.

use rusqlite::ErrorCode;

use crate::error::LedgerError;

/// Why a step failed. What the step has written is rolled back.
pub(super) struct Failed(pub LedgerError);

pub(super) type Result<T> = std::result::Result<T, Failed>;

pub(super) const DAMAGED: LedgerError = LedgerError::Unavailable("its file is damaged");
pub(super) const DISK_FULL: LedgerError =
    LedgerError::Unavailable("the disk is full, or its file has grown as large as it may");
pub(super) const LOCKED: LedgerError = LedgerError::Unavailable("other processes use its file without a pause");

impl From<LedgerError> for Failed {
    fn from(error: LedgerError) -> Self {
        Self(error)
    }
}

impl From<rusqlite::Error> for Failed {
    fn from(error: rusqlite::Error) -> Self {
        Self(match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => LOCKED,
            Some(ErrorCode::DiskFull) => DISK_FULL,
            Some(ErrorCode::SystemIoFailure) => LedgerError::Unavailable("its file cannot be read or written"),
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
                LedgerError::Unavailable("its file cannot be written")
            }
            Some(ErrorCode::CannotOpen) => LedgerError::Unavailable("its file cannot be opened"),
            Some(ErrorCode::OutOfMemory) => LedgerError::Unavailable("there is no memory left"),
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => DAMAGED,
            Some(_) => LedgerError::Unavailable("SQLite cannot use its file"),
            // A value that is not what the schema says.
            None => DAMAGED,
        })
    }
}
