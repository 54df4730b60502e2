//! [`PersoLayer`].

use super::service::{Perso, Setup};
use super::streams::Streams;
use crate::guard::{Guard, settings};
use crate::policy::PolicyHandle;
use http::request::Parts;
use std::sync::Arc;
use tower_layer::Layer;

/// The most bytes of a message, by default.
const BODY: usize = 1 << 22;

/// The most bytes of an answer, by default.
const ANSWER: usize = 1 << 24;

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
/// It reads each POST, judges a `tools/call`, and passes on what it judged. It leaves out of every list of tools, in JSON and
/// in event streams, what the caller could never call. It refuses batches, messages that readers could understand in two
/// ways, and upgrades to another protocol. It passes on no answer that it cannot read.
///
/// Put it around the MCP endpoint alone: messages and answers must be JSON or event streams, in UTF-8.
#[derive(Debug, Clone)]
pub struct PersoLayer {
    guard: Guard<Parts>,
    body: usize,
    answer: usize,
    streams: Streams,
}

impl PersoLayer {
    /// Guards with a policy, or with a [`PolicyHandle`], which can be changed later.
    pub fn new(policy: impl Into<PolicyHandle>) -> Self {
        Self { guard: Guard::new(policy.into()), body: BODY, answer: ANSWER, streams: Streams::default() }
    }

    /// Sets the most bytes that a message may have: 4 MiB by default. A larger one is refused.
    #[must_use]
    pub const fn body_limit(mut self, bytes: usize) -> Self {
        self.body = bytes;
        self
    }

    /// Sets the most bytes that an answer may have as JSON, or each event of a stream: 16 MiB by default. A larger one is not
    /// passed on.
    #[must_use]
    pub const fn answer_limit(mut self, bytes: usize) -> Self {
        self.answer = bytes;
        self
    }

    settings!(Parts);
}

impl<S> Layer<S> for PersoLayer {
    type Service = Perso<S>;

    fn layer(&self, inner: S) -> Perso<S> {
        let Self { guard, body, answer, streams } = self.clone();
        let setup = Setup { guard, body, answer, streams };
        Perso::new(inner, Arc::new(setup))
    }
}
