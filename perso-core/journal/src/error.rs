//! What can go wrong.

use perso_signing::KeyError;
use std::io;
use std::path::{Path, PathBuf};

/// Why a journal cannot be written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// A file cannot be read or written.
    #[error("{}: {error}", .path.display())]
    File {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// Another process holds the lock of the journal for too long.
    #[error("{}: another process has locked the journal for more than 5 seconds", .0.display())]
    Locked(PathBuf),
    /// A file holds something else than the lines of a journal.
    #[error("{} is not a journal's file: {reason}", .path.display())]
    NotAJournal {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A key cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A line is too long, or is not a JSON object.
    #[error("a line of a journal is a JSON object of at most 1 MiB")]
    Line,
    /// More lines wait to be written than there is room for.
    #[error("the journal is written more slowly than lines come")]
    Full,
    /// The journal could not be written; another line has the error.
    #[error("the journal could not be written: {0}")]
    NotWritten(String),
}

impl JournalError {
    pub(crate) fn file(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |error| Self::File { path: path.to_owned(), error }
    }
}
