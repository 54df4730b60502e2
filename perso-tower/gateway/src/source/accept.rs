//! Which policies are taken: signed by a key that is known, of the same name, and not older than the last one.

use perso_core::Policy;
use perso_core::release::{Release, Signed, Verifier};

/// Which policies are taken.
#[derive(Debug, Clone)]
pub(crate) struct Accept {
    /// The keys of those who may sign. Without it, policies need no signature, and their releases are not looked at.
    pub(crate) keys: Option<Verifier>,
    /// The name of the releases. Without it, the name of the first release.
    pub(crate) name: Option<String>,
    /// Whether a release may be older than one before.
    pub(crate) rollback: bool,
}

/// A policy that is taken.
#[derive(Debug)]
pub(super) struct Accepted {
    pub(super) policy: Policy,
    pub(super) release: Option<Release>,
}

impl Accept {
    /// Loads a policy if it may be taken after `last`.
    pub(super) fn load(&self, bytes: &[u8], last: Option<&Release>) -> Result<Accepted, String> {
        let Some(keys) = &self.keys else {
            let policy = match std::str::from_utf8(bytes) {
                Ok(text) => Policy::compile(text).map_err(|error| error.to_string())?,
                Err(_) => Policy::from_module(bytes).map_err(|error| error.to_string())?,
            };
            return Ok(Accepted { policy, release: None });
        };
        let signed = Signed::read(bytes).map_err(|error| error.to_string())?;
        let release = signed.verify(keys).map_err(|error| error.to_string())?;
        let name = self.name.as_ref().or_else(|| last.map(|last| &last.name));
        if let Some(name) = name.filter(|name| **name != release.name) {
            return Err(format!("it is a release of `{}`, and not of `{name}`", release.name));
        }
        if let Some(last) = last.filter(|last| release.number < last.number && !self.rollback) {
            return Err(format!("release {} is older than {}, which was there before", release.number, last.number));
        }
        let policy = Policy::from_module(signed.module).map_err(|error| error.to_string())?;
        Ok(Accepted { policy, release: Some(release.clone()) })
    }
}
