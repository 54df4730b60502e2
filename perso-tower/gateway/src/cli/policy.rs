//! Where the policy comes from.

use super::Failure;
use crate::source::{Accept, Followed, Place, Settings, follow};
use clap::Args;
use perso_core::release::Verifier;
use perso_tower::{Policy, PolicyHandle, Watch};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Where the policy comes from.
#[derive(Debug, Args)]
#[command(next_help_heading = "The policy")]
pub(super) struct Sourced {
    /// The policy (JSON) or its module: a file, which is read again when it changes, or a URL with `https://`
    #[arg(long, value_name = "POLICY", required = true)]
    policy: Option<Place>,
    /// Take only modules that one of the public keys in this file has signed; `perso sign` signs
    #[arg(long, value_name = "FILE")]
    policy_keys: Option<PathBuf>,
    /// Take only releases of this name [default: the name of the first release]
    #[arg(long, value_name = "NAME", requires = "policy_keys")]
    policy_name: Option<String>,
    /// Keep the last policy in this directory, for a start without its source, and take no older release than the one in it
    #[arg(long, value_name = "DIRECTORY")]
    policy_cache: Option<PathBuf>,
    /// How often a URL, or a file that must be signed, is read again, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..))]
    policy_poll: u64,
    /// Take releases that are older than one before
    #[arg(long, requires = "policy_keys")]
    allow_rollback: bool,
}

/// A policy, until this is dropped.
pub(super) struct Opened {
    pub(super) handle: PolicyHandle,
    pub(super) followed: Option<Arc<Followed>>,
    _watch: Option<Watch>,
}

impl Sourced {
    /// Has the policy, and follows its changes.
    pub(super) async fn open(&self) -> Result<Opened, Failure> {
        let Some(place) = &self.policy else { return Err("`--policy` is needed".into()) };
        if let (Place::File(path), None, None) = (place, &self.policy_keys, &self.policy_cache) {
            let handle = PolicyHandle::from(Policy::load(path)?);
            let watch = handle.watch(path)?;
            return Ok(Opened { handle, followed: None, _watch: Some(watch) });
        }
        let accept = Accept {
            keys: self.policy_keys.as_deref().map(Verifier::read).transpose()?,
            name: self.policy_name.clone(),
            rollback: self.allow_rollback,
        };
        let settings = Settings {
            place: place.clone(),
            accept,
            token: std::env::var("PERSO_POLICY_TOKEN").ok().filter(|token| !token.is_empty()),
            cache: self.policy_cache.clone(),
            every: Duration::from_secs(self.policy_poll),
        };
        let (handle, followed) = follow(settings).await?;
        Ok(Opened { handle, followed: Some(Arc::new(followed)), _watch: None })
    }
}
