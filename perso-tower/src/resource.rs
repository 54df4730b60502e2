//! What a call is about: attributes that the host looks up if the policy cannot decide without them.

use crate::agent::{Agent, BoxError};
use async_trait::async_trait;
use serde_json::{Map, Value};

/// A call whose resource is looked up.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ResourceQuery {
    /// The tool.
    pub tool: String,
    /// Its arguments, as the tool gets them. A call whose arguments readers could read differently (a duplicate key, two keys
    /// that differ only in case, a number that cannot be kept exactly) is denied, and not looked up.
    pub args: Value,
    /// Who calls.
    pub agent: Agent,
}

/// Looks up what a call is about: what rules read as `resource.…`. It is asked only if the policy reads it and the decision
/// is still open without it.
///
/// If an argument is missing that the lookup needs, return an error, never a default.
///
/// An async function from a [`ResourceQuery`] to a `Result` of attributes is a `ResourceSource`.
#[async_trait]
pub trait ResourceSource: Send + Sync + 'static {
    /// The resource's attributes.
    ///
    /// # Errors
    ///
    /// Any error (and a panic) leaves the resource unknown, which never grants permission. The error is logged.
    async fn resource(&self, query: ResourceQuery) -> Result<Map<String, Value>, BoxError>;
}

#[async_trait]
impl<F, Fut, E> ResourceSource for F
where
    F: Fn(ResourceQuery) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Map<String, Value>, E>> + Send,
    E: Into<BoxError>,
{
    async fn resource(&self, query: ResourceQuery) -> Result<Map<String, Value>, BoxError> {
        self(query).await.map_err(Into::into)
    }
}
