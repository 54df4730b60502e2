//! Signed modules: a release of a policy, in one file that is still a module.
//!
//! The signatures are in a custom section at the module's end, which engines ignore. What is signed is a short text with the release's
//! name, its number and the SHA-256 of the module without that section.
//!
//! ```
//! # #[cfg(feature = "compile")] {
//! use perso_core::release::{self, Release, Signed};
//! # fn keys() -> Result<(release::Signer, release::Verifier), Box<dyn std::error::Error>> { unreachable!() }
//! # let _ = || -> Result<(), Box<dyn std::error::Error>> {
//! # let module = Vec::new();
//! let (signer, verifier) = keys()?; // of `ssh-keygen -t ed25519 -N '' -f key`
//!
//! let signed = release::sign(&module, &Release { name: "support-desk".to_owned(), number: 12 }, &signer)?;
//! let read = Signed::read(&signed)?;
//! assert_eq!(read.verify(&verifier)?.number, 12);
//! assert_eq!(read.module, module);
//! # Ok(())
//! # };
//! # }
//! ```

use crate::module::signatures::{self, Damaged};
use crate::module::{hex, sha256};
#[doc(no_inline)]
pub use perso_signing::{KeyError, Signer, Verifier};
use serde::{Deserialize, Serialize};

/// What the signatures are for, so that no signature for something else can be taken for one of a policy.
pub const NAMESPACE: &str = "perso-policy";

/// The longest name of a release, in bytes.
const LONGEST_NAME: usize = 200;
/// The most signatures of a module.
const MOST_SIGNATURES: usize = 16;
/// The largest section, in bytes.
const MOST_BYTES: usize = 64 << 10;

/// What is signed besides the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// Which policy this is. Hosts take no release of another name.
    pub name: String,
    /// Grows with each release. Hosts take no release with a lower number than they have had.
    pub number: u64,
}

/// Why a module cannot be signed, or a signed one not used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReleaseError {
    /// It is no WebAssembly module.
    #[error("it is not a module")]
    NoModule,
    /// It is not signed.
    #[error("it is not signed: sign it with `perso sign`")]
    Unsigned,
    /// Its signatures cannot be read.
    #[error("its signatures cannot be read: {0}")]
    Unreadable(&'static str),
    /// No key that is accepted has signed it.
    #[error("none of the accepted keys has signed it")]
    NotAccepted,
    /// The name of the release cannot be used.
    #[error("a release's name has 1 to {LONGEST_NAME} letters, digits, `-`, `_`, `.` and `/`")]
    Name,
    /// It has as many signatures as it may have.
    #[error("it has {MOST_SIGNATURES} signatures, and can have no more")]
    Full,
    /// The key does not sign.
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// A module that may be signed.
#[derive(Debug, Clone)]
pub struct Signed<'m> {
    /// The module without its signatures.
    pub module: &'m [u8],
    /// What is signed besides it, if it is signed. Only [`verify`](Self::verify) says whether that is true.
    pub release: Option<Release>,
    signatures: Vec<String>,
}

/// What is in the section.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    name: String,
    number: u64,
    signatures: Vec<String>,
}

impl Release {
    /// The text that is signed.
    #[must_use]
    pub fn message(&self, module: &[u8]) -> String {
        let Self { name, number } = self;
        format!("perso policy release\nname {name}\nnumber {number}\nsha256 {}\n", hex(&sha256(module)))
    }

    fn is_valid(&self) -> bool {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'/');
        (1..=LONGEST_NAME).contains(&self.name.len()) && self.name.bytes().all(is_plain)
    }
}

impl<'m> Signed<'m> {
    /// Reads the signatures of a module.
    ///
    /// # Errors
    ///
    /// If it is no module, or has signatures that cannot be read, are not at its end, or are there twice.
    pub fn read(module: &'m [u8]) -> Result<Self, ReleaseError> {
        let (unsigned, content) = signatures::split(module).map_err(|error| match error {
            Damaged::NoModule => ReleaseError::NoModule,
            Damaged::Section(why) => ReleaseError::Unreadable(why),
        })?;
        let Some(content) = content else {
            return Ok(Self { module: unsigned, release: None, signatures: Vec::new() });
        };
        if content.len() > MOST_BYTES {
            return Err(ReleaseError::Unreadable("they are too long"));
        }
        let Content { name, number, signatures } = serde_json::from_slice(content)
            .map_err(|_| ReleaseError::Unreadable("they are not what `perso sign` writes"))?;
        let release = Release { name, number };
        if !release.is_valid() {
            return Err(ReleaseError::Name);
        }
        if signatures.len() > MOST_SIGNATURES {
            return Err(ReleaseError::Unreadable("there are too many"));
        }
        Ok(Self { module: unsigned, release: Some(release), signatures })
    }

    /// The signatures, as `ssh-keygen` writes them.
    #[must_use]
    pub fn signatures(&self) -> &[String] {
        &self.signatures
    }

    /// What is signed, if one of these keys has signed it.
    ///
    /// # Errors
    ///
    /// If it is not signed, or by others.
    pub fn verify(&self, keys: &Verifier) -> Result<&Release, ReleaseError> {
        let release = self.release.as_ref().ok_or(ReleaseError::Unsigned)?;
        let message = release.message(self.module);
        let is_accepted = self.signatures.iter().any(|signature| keys.accepts(NAMESPACE, &message, signature));
        if is_accepted { Ok(release) } else { Err(ReleaseError::NotAccepted) }
    }
}

/// Signs a module. If it has signatures of the same release, this one is added to them; others are replaced.
///
/// # Errors
///
/// If it is no module, the name cannot be used, there are too many signatures, or the key does not sign.
pub fn sign(module: &[u8], release: &Release, signer: &Signer) -> Result<Vec<u8>, ReleaseError> {
    if !release.is_valid() {
        return Err(ReleaseError::Name);
    }
    let Signed { module, release: before, mut signatures } = Signed::read(module)?;
    if before.as_ref() != Some(release) {
        signatures.clear();
    }
    if signatures.len() == MOST_SIGNATURES {
        return Err(ReleaseError::Full);
    }
    let signature = signer.sign(NAMESPACE, &release.message(module))?;
    // An Ed25519 key signs the same text in the same way.
    if !signatures.contains(&signature) {
        signatures.push(signature);
    }
    let content = Content { name: release.name.clone(), number: release.number, signatures };
    let content = serde_json::to_vec(&content).map_err(|_| ReleaseError::Unreadable("they cannot be written"))?;
    Ok(signatures::join(module, &content))
}
