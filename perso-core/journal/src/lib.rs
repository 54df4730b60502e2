//! A log of JSON lines that shows whether it was tampered with.
//!
//! A journal is a directory of files, `000001.jsonl` and so on. Each line is a JSON object with a number, `seq`, and the SHA-256 of
//! the line before, `prev`. So no line can be changed, removed, put in or moved without a change of all lines after it. Every so
//! often a line is a checkpoint: a signature of everything before it, which only the holder of a key can make. [`verify()`] checks both.
//!
//! Several processes can write to a journal at once. A process that is killed leaves a journal that is in order: at most its last
//! line is unfinished, and the next process that writes removes that.
//!
//! ```
//! use perso_journal::{Journal, Settings, verify};
//! use serde_json::json;
//!
//! let folder = tempfile::tempdir()?;
//! let journal = Journal::open(folder.path(), Settings::default())?;
//! journal.append(&json!({ "tool": "process_refund", "decision": "allow" }))?.wait()?;
//! journal.append(&json!({ "tool": "delete_record", "decision": "deny" }))?.wait()?;
//! drop(journal);
//!
//! let verified = verify(folder.path(), &Default::default())?;
//! assert!(verified.findings.is_empty());
//! // The first line says which journal this is.
//! assert_eq!(verified.lines, 3);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Signatures are those of `ssh-keygen -Y sign`, which can verify them by itself; see [`Checkpoint`].
//!
//! Source: hash chains with signed checkpoints are those of Schneier and Kelsey, *Secure Audit Logs to Support Computer Forensics*
//! (1999).

mod book;
mod checkpoint;
mod error;
mod folder;
mod journal;
pub mod limits;
mod line;
mod read;
mod verify;

pub use checkpoint::{Checkpoint, NAMESPACE};
pub use error::JournalError;
pub use journal::{Appended, Counts, Journal, Settings};
#[doc(no_inline)]
pub use perso_signing::{KeyError, Signer, Verifier};
pub use read::{Entries, Entry, entries};
pub use verify::{Finding, Verified, Wanted, verify};
