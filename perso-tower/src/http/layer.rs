//! [`PersoLayer`].

use super::service::{Perso, Setup};
use super::streams::Streams;
use crate::guard::{Guard, settings};
use crate::policy::PolicyHandle;
use http::request::Parts;
use std::sync::Arc;
use tower_layer::Layer;

/// The most bytes of a message, if not said otherwise.
const BODY: usize = 1 << 22;

/// Guards an MCP endpoint over HTTP ("Streamable HTTP", and the older HTTP with SSE), whatever it is built with.
///
/// ```
/// use perso_tower::{Agent, PersoLayer, Policy};
///
/// # fn policy() -> Policy { unreachable!() }
/// # fn verified(parts: &http::request::Parts) -> Option<Agent> { None }
/// # let _ = || {
/// let layer = PersoLayer::new(policy()).agent(|parts| verified(parts));
/// # };
/// ```
///
/// It reads each POST, judges a `tools/call`, and passes on what it judged. It leaves out of `tools/list`, in JSON and in
/// event streams, what the caller could never call. Batches, messages that readers could understand in two ways, and other
/// protocols that a connection could be upgraded to are refused. Everything else passes as it comes.
///
/// Put it around the MCP endpoint alone: it takes no POST that is not JSON.
#[derive(Debug, Clone)]
pub struct PersoLayer {
    guard: Guard<Parts>,
    body: usize,
    streams: Streams,
}

impl PersoLayer {
    /// Guards with a policy, or with a [`PolicyHandle`], which can be changed later.
    pub fn new(policy: impl Into<PolicyHandle>) -> Self {
        Self { guard: Guard::new(policy.into()), body: BODY, streams: Streams::default() }
    }

    /// Sets the most bytes that a message, or a list of tools as JSON, may have: 4 MiB, if this is not called.
    #[must_use]
    pub const fn body_limit(mut self, bytes: usize) -> Self {
        self.body = bytes;
        self
    }

    settings!(Parts);
}

impl<S> Layer<S> for PersoLayer {
    type Service = Perso<S>;

    fn layer(&self, inner: S) -> Perso<S> {
        let setup = Setup { guard: self.guard.clone(), body: self.body, streams: self.streams.clone() };
        Perso::new(inner, Arc::new(setup))
    }
}
