//! Signatures of everything that a journal has so far.

use crate::error::JournalError;
use crate::line::{Place, hex};
use serde::{Deserialize, Serialize};
use ssh_key::{Algorithm, HashAlg, LineEnding, PrivateKey, PublicKey, SshSig};
use std::fs;
use std::path::Path;

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

/// Signs checkpoints with an Ed25519 key.
#[derive(Debug, Clone)]
pub struct Signer(PrivateKey);

impl Signer {
    /// Reads a key that `ssh-keygen -t ed25519 -N ''` has made.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, or is not such a key.
    pub fn read(path: &Path) -> Result<Self, JournalError> {
        let text = fs::read_to_string(path).map_err(JournalError::file(path))?;
        let unusable = |reason: String| JournalError::Key { path: path.to_owned(), reason };
        let wanted = "it is not a private key of `ssh-keygen`. Make one: ssh-keygen -t ed25519 -N '' -f FILE";
        let key = PrivateKey::from_openssh(text).map_err(|_| unusable(wanted.to_owned()))?;
        if key.is_encrypted() {
            return Err(unusable(
                "it has a passphrase. Make one without: ssh-keygen -t ed25519 -N '' -f FILE".to_owned(),
            ));
        }
        if key.algorithm() != Algorithm::Ed25519 {
            return Err(unusable("it is not an Ed25519 key. Make one: ssh-keygen -t ed25519 -N '' -f FILE".to_owned()));
        }
        Ok(Self(key))
    }

    /// Signs everything up to a place.
    pub(crate) fn sign(&self, journal: &str, place: Place) -> Result<Checkpoint, JournalError> {
        let hash = hex(&place.hash);
        let failed = |error: ssh_key::Error| JournalError::NotWritten(error.to_string());
        let signature = self.0.sign(NAMESPACE, HashAlg::Sha512, message(journal, place.seq, &hash).as_bytes());
        let signature = signature.and_then(|signature| signature.to_pem(LineEnding::LF)).map_err(failed)?;
        Ok(Checkpoint { journal: journal.to_owned(), seq: place.seq, hash, signature })
    }
}

/// Verifies checkpoints by public keys, any of which may have signed them.
#[derive(Debug, Clone)]
pub struct Verifier(Vec<PublicKey>);

impl Verifier {
    /// Reads public keys: those of `ssh-keygen`, one a line, such as `signing-key.pub`. Lines that begin with `#` are comments.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, or there is a line that is not such a key, or no key.
    pub fn read(path: &Path) -> Result<Self, JournalError> {
        let text = fs::read_to_string(path).map_err(JournalError::file(path))?;
        let unusable = |reason: String| JournalError::Key { path: path.to_owned(), reason };
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let key = |line: &str| {
            let wanted = "a line is not a public key of `ssh-keygen`, such as `ssh-ed25519 AAAA…`";
            PublicKey::from_openssh(line).map_err(|_| unusable(wanted.to_owned()))
        };
        let keys = lines.map(key).collect::<Result<Vec<_>, _>>()?;
        if keys.is_empty() { Err(unusable("there is no key in it".to_owned())) } else { Ok(Self(keys)) }
    }

    /// Whether one of the keys has signed a checkpoint.
    #[must_use]
    pub fn accepts(&self, checkpoint: &Checkpoint) -> bool {
        let Ok(signature) = checkpoint.signature.parse::<SshSig>() else { return false };
        let message = checkpoint.message();
        self.0.iter().any(|key| key.verify(NAMESPACE, message.as_bytes(), &signature).is_ok())
    }
}
