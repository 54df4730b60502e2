//! Signatures of everything that a journal has so far.

use crate::error::JournalError;
use crate::line::{Place, hex};
use perso_signing::{Signer, Verifier};
use serde::{Deserialize, Serialize};

/// What the signatures are for, so that no signature for something else can be taken for one of a journal.
pub const NAMESPACE: &str = "perso-journal";

/// Everything up to a line, signed.
///
/// `ssh-keygen` verifies it: with the [`message`](Checkpoint::message) in a file, its [`signature`](Checkpoint::signature) in
/// `signature`, and the key in `keys` after the name of who has it:
///
/// ```sh
/// ssh-keygen -Y verify -f keys -I perso -n perso-journal -s signature < message
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The id of the journal.
    pub journal: String,
    /// The number of the line.
    pub seq: u64,
    /// The SHA-256 of the line, in hexadecimal digits.
    pub hash: String,
    /// The signature, as `ssh-keygen` writes it.
    pub signature: String,
}

impl Checkpoint {
    /// The text that is signed.
    #[must_use]
    pub fn message(&self) -> String {
        message(&self.journal, self.seq, &self.hash)
    }

    /// Whether one of these keys has signed it.
    #[must_use]
    pub fn is_signed_by(&self, keys: &Verifier) -> bool {
        keys.accepts(NAMESPACE, &self.message(), &self.signature)
    }
}

fn message(journal: &str, seq: u64, hash: &str) -> String {
    format!("perso journal checkpoint\njournal {journal}\nseq {seq}\nhash {hash}\n")
}

/// What a line of a journal has of a checkpoint: its place says the rest.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Signed {
    pub(crate) signature: String,
}

/// A line that is a checkpoint.
#[derive(Debug, Serialize)]
pub(crate) struct Line {
    pub(crate) time: String,
    pub(crate) checkpoint: Signed,
}

/// Signs everything up to a place.
pub(crate) fn sign(signer: &Signer, journal: &str, place: Place) -> Result<Checkpoint, JournalError> {
    let hash = hex(&place.hash);
    let signature = signer.sign(NAMESPACE, &message(journal, place.seq, &hash));
    let signature = signature.map_err(|error| JournalError::NotWritten(error.to_string()))?;
    Ok(Checkpoint { journal: journal.to_owned(), seq: place.seq, hash, signature })
}
