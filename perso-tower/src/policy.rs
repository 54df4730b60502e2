//! A policy that can be changed while it is in force.

use arc_swap::ArcSwap;
use perso_core::Policy;
use std::sync::Arc;

/// A policy that adapters share and that can be swapped: calls that are being judged finish with the policy that they
/// began with.
///
/// ```no_run
/// use perso_tower::PolicyHandle;
///
/// let handle = PolicyHandle::from(perso_core::Policy::load("support.wasm")?);
/// // Later, from anywhere:
/// handle.swap(perso_core::Policy::load("support.wasm")?);
/// # Ok::<(), perso_core::LoadError>(())
/// ```
#[derive(Debug, Clone)]
pub struct PolicyHandle(Arc<ArcSwap<Policy>>);

impl From<Policy> for PolicyHandle {
    fn from(policy: Policy) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(policy)))
    }
}

impl PolicyHandle {
    /// The policy in force.
    #[must_use]
    pub fn current(&self) -> Arc<Policy> {
        self.0.load_full()
    }

    /// Puts another policy in force, and returns the one before.
    pub fn swap(&self, policy: Policy) -> Arc<Policy> {
        self.0.swap(Arc::new(policy))
    }
}
