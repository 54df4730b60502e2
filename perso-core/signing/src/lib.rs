//! Signatures of texts, as OpenSSH makes and verifies them.
//!
//! Keys are those of `ssh-keygen`, and signatures those of `ssh-keygen -Y sign`
//! ([format](https://github.com/openssh/openssh-portable/blob/master/PROTOCOL.sshsig)), so that `ssh-keygen -Y verify` verifies them.
//! A namespace says what a signature is for, so that no signature for something else can be taken for it.

use ssh_key::{Algorithm, HashAlg, LineEnding, PrivateKey, PublicKey, SshSig};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Why a key cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The file cannot be read.
    #[error("`{}` cannot be read: {error}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        error: io::Error,
    },
    /// The file is not what it should be.
    #[error("`{}` cannot be used as a key: {reason}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, and what to do.
        reason: &'static str,
    },
    /// The key does not sign.
    #[error("the key does not sign: {0}")]
    Sign(String),
}

fn text(path: &Path) -> Result<String, KeyError> {
    fs::read_to_string(path).map_err(|error| KeyError::Read { path: path.to_owned(), error })
}

/// A private Ed25519 key.
#[derive(Debug, Clone)]
pub struct Signer(PrivateKey);

impl Signer {
    /// Reads a key that `ssh-keygen -t ed25519 -N ''` has made.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, or is not such a key.
    pub fn read(path: &Path) -> Result<Self, KeyError> {
        let unusable = |reason| KeyError::Unusable { path: path.to_owned(), reason };
        let wanted = "it is not a private key of `ssh-keygen`. Make one: ssh-keygen -t ed25519 -N '' -f FILE";
        let key = PrivateKey::from_openssh(text(path)?).map_err(|_| unusable(wanted))?;
        if key.is_encrypted() {
            return Err(unusable("it has a passphrase. Make one without: ssh-keygen -t ed25519 -N '' -f FILE"));
        }
        if key.algorithm() != Algorithm::Ed25519 {
            return Err(unusable("it is not an Ed25519 key. Make one: ssh-keygen -t ed25519 -N '' -f FILE"));
        }
        Ok(Self(key))
    }

    /// Signs a text, and returns the signature as `ssh-keygen` writes it.
    ///
    /// # Errors
    ///
    /// If the key does not sign.
    pub fn sign(&self, namespace: &str, text: &str) -> Result<String, KeyError> {
        let signature = self.0.sign(namespace, HashAlg::Sha512, text.as_bytes());
        let signature = signature.and_then(|signature| signature.to_pem(LineEnding::LF));
        signature.map_err(|error| KeyError::Sign(error.to_string()))
    }
}

/// Public keys, any of which may have signed a text.
#[derive(Debug, Clone)]
pub struct Verifier(Vec<PublicKey>);

impl Verifier {
    /// Reads public keys: those of `ssh-keygen`, one a line, such as `signing-key.pub`. Lines that begin with `#` are comments.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, or there is a line that is not such a key, or no key.
    pub fn read(path: &Path) -> Result<Self, KeyError> {
        let unusable = |reason| KeyError::Unusable { path: path.to_owned(), reason };
        let text = text(path)?;
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let wanted = "a line is not a public key of `ssh-keygen`, such as `ssh-ed25519 AAAA…`";
        let keys: Vec<_> =
            lines.map(|line| PublicKey::from_openssh(line).map_err(|_| unusable(wanted))).collect::<Result<_, _>>()?;
        if keys.is_empty() { Err(unusable("there is no key in it")) } else { Ok(Self(keys)) }
    }

    /// Whether one of the keys has signed a text.
    #[must_use]
    pub fn accepts(&self, namespace: &str, text: &str, signature: &str) -> bool {
        let Ok(signature) = signature.parse::<SshSig>() else { return false };
        self.0.iter().any(|key| key.verify(namespace, text.as_bytes(), &signature).is_ok())
    }
}
