//! The layer: [`PersoLayer`].

use super::service::{Perso, Setup};
use super::streams::Streams;
use crate::guard::Guard;
use crate::policy::PolicyHandle;
use crate::settings::settings;
use http::request::Parts;
use std::sync::Arc;
use tower_layer::Layer;

/// The default of [`PersoLayer::body_limit`], in bytes.
const BODY: usize = 1 << 22;

/// The default of [`PersoLayer::answer_limit`], in bytes.
const ANSWER: usize = 1 << 24;

/// A tower layer that guards any MCP endpoint over HTTP: "Streamable HTTP" and the older HTTP with SSE.
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
/// The guard reads each POST, judges each `tools/call`, and passes on exactly what it judged. It removes tools that the
/// caller could never call from every list of tools, in JSON and in event streams. It does the same with resources and
/// prompts if the policy covers them. It refuses batches, ambiguous
/// messages and upgrades to another protocol, and it does not pass on answers that it cannot read.
///
/// Put the layer around the MCP endpoint alone, and your authentication layer around both. Messages and answers must be
/// JSON or event streams, in UTF-8.
#[derive(Debug, Clone)]
pub struct PersoLayer {
    guard: Guard<Parts>,
    body: usize,
    answer: usize,
    streams: Streams,
}

impl PersoLayer {
    /// Creates a guard with a policy, or with a [`PolicyHandle`], whose policy you can replace later.
    pub fn new(policy: impl Into<PolicyHandle>) -> Self {
        Self { guard: Guard::new(policy.into()), body: BODY, answer: ANSWER, streams: Streams::default() }
    }

    /// Sets the maximum size of a client's message in bytes; 4 MiB by default. A larger one is refused with status 413.
    #[must_use]
    pub const fn body_limit(mut self, bytes: usize) -> Self {
        self.body = bytes;
        self
    }

    /// Sets the maximum size of a JSON answer, and of each event in a stream, in bytes; 16 MiB by default. A larger
    /// answer is replaced with an error and status 502; a larger event ends the stream with an error.
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
