//! Sessions belong to those who began them: the id that a client gets names its owner, in a way that only this process can.

use super::idle::SESSION;
use crate::oauth::Principal;
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, HeaderValue};
use sha2::Sha256;

/// What the ids of sessions are signed with.
pub(super) struct Sessions([u8; 64]);

impl Sessions {
    /// A new secret.
    ///
    /// # Errors
    ///
    /// Returns an error if the operating system has no random bytes.
    pub(super) fn new() -> std::io::Result<Self> {
        let mut secret = [0; 64];
        getrandom::fill(&mut secret).map_err(std::io::Error::other)?;
        Ok(Self(secret))
    }

    /// Whether a request may go on: it names no session, or one of its caller's. The server gets its own id.
    pub(super) fn opens(&self, headers: &mut HeaderMap, caller: &Principal) -> bool {
        let Some(outer) = headers.get(SESSION) else { return true };
        let inner = outer.to_str().ok().and_then(|outer| outer.rsplit_once('.')).and_then(|(inner, tag)| {
            let is_own = self.mac(inner, caller).verify_slice(&unhex(tag)?).is_ok();
            is_own.then(|| HeaderValue::from_str(inner).ok())?
        });
        inner.is_some_and(|inner| headers.insert(SESSION, inner).is_some())
    }

    /// Gives a session that begins to its caller.
    pub(super) fn signs(&self, headers: &mut HeaderMap, caller: &Principal) {
        let Some(inner) = headers.get(SESSION).and_then(|inner| inner.to_str().ok()) else { return };
        let tag: String =
            self.mac(inner, caller).finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        match HeaderValue::from_str(&format!("{inner}.{tag}")) {
            Ok(outer) => drop(headers.insert(SESSION, outer)),
            Err(_) => drop(headers.remove(SESSION)),
        }
    }

    fn mac(&self, inner: &str, caller: &Principal) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new(&self.0.into());
        // The length in front keeps one pair from reading as another.
        mac.update(&(inner.len() as u64).to_be_bytes());
        mac.update(inner.as_bytes());
        mac.update(caller.subject().as_bytes());
        mac
    }
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let pair = |at: usize| u8::from_str_radix(text.get(at..at + 2)?, 16).ok();
    if text.len() != 64 || text.contains('+') {
        return None;
    }
    (0..text.len()).step_by(2).map(pair).collect()
}
