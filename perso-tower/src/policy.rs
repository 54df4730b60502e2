//! A policy that can be replaced while it is active.

use arc_swap::ArcSwap;
use perso_core::Policy;
use std::sync::Arc;

/// A shared policy that you can replace while adapters use it. Clones share the policy. Calls in flight finish with the
/// policy that they started with.
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
    /// Returns the active policy.
    #[must_use]
    pub fn current(&self) -> Arc<Policy> {
        self.0.load_full()
    }

    /// Replaces the active policy and returns the previous one.
    pub fn swap(&self, policy: Policy) -> Arc<Policy> {
        self.0.swap(Arc::new(policy))
    }
}
