//! The lines of a journal.

use crate::checkpoint::Signed;
use crate::error::JournalError;
use crate::limits::LINE_BYTES;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt::Write;

/// The SHA-256 of a line without its end.
pub(crate) type Hash = [u8; 32];

/// The hash before the first line.
pub(crate) const NONE: Hash = [0; 32];

pub(crate) fn hash(line: &[u8]) -> Hash {
    Sha256::digest(line).into()
}

pub(crate) fn hex(hash: &Hash) -> String {
    hash.iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The place of a line: its number, and the hash of the line before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) seq: u64,
    pub(crate) hash: Hash,
}

/// The highest number of a line or a file. No journal gets there, but somebody could write it into one.
pub(crate) const MOST: u64 = 1 << 53;

impl Place {
    /// Writes the line that follows, with the members of a JSON object, and goes there.
    pub(crate) fn write(&mut self, object: &[u8], text: &mut Vec<u8>) {
        let begin = text.len();
        let members = object.get(1..).unwrap_or_default();
        let comma = if members.starts_with(b"}") { "" } else { "," };
        text.extend_from_slice(
            format!("{{\"seq\":{},\"prev\":\"{}\"{comma}", self.seq + 1, hex(&self.hash)).as_bytes(),
        );
        text.extend_from_slice(members);
        self.hash = hash(text.get(begin..).unwrap_or_default());
        self.seq += 1;
        text.push(b'\n');
    }
}

/// Bytes that `seq` and `prev` take at most.
const HEAD: usize = 128;

/// A JSON object as the text of a line.
pub(crate) fn object(value: &impl Serialize) -> Result<Vec<u8>, JournalError> {
    let mut text = Vec::with_capacity(512);
    serde_json::to_writer(&mut text, value).map_err(|_| JournalError::Line)?;
    if text.starts_with(b"{") && text.len() <= LINE_BYTES - HEAD { Ok(text) } else { Err(JournalError::Line) }
}

/// What the journal itself reads of a line.
#[derive(Debug, Deserialize)]
pub(crate) struct Read {
    pub(crate) seq: u64,
    pub(crate) prev: String,
    /// Only of the first line of a file: the id of the journal.
    #[serde(default)]
    pub(crate) journal: Option<String>,
    #[serde(default)]
    pub(crate) checkpoint: Option<Signed>,
}

impl Read {
    /// What a line says; `None` if it is no line of a journal.
    pub(crate) fn of(line: &[u8]) -> Option<Self> {
        serde_json::from_slice(line).ok().filter(|read: &Self| (1..MOST).contains(&read.seq))
    }
}

/// The first line of a file.
#[derive(Debug, Serialize)]
pub(crate) struct Header<'h> {
    pub(crate) time: String,
    pub(crate) journal: &'h str,
    pub(crate) file: u64,
}

/// A line that says how many are missing before it, because they could not be written.
#[derive(Debug, Serialize)]
pub(crate) struct Lost {
    pub(crate) time: String,
    pub(crate) lost: u64,
}
