//! The resource that a call acts on: attributes that the host looks up if the policy cannot decide without them.

use crate::agent::{Agent, BoxError};
use async_trait::async_trait;
use serde_json::{Map, Value};

/// A call whose resource the policy needs.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ResourceQuery {
    /// The tool's name.
    pub tool: String,
    /// The arguments, exactly as the tool gets them; null if there are none. If JSON parsers could read the arguments
    /// differently (a duplicate key, two keys that differ only in case, a number that a 64-bit float cannot hold), the
    /// guard denies the call without a lookup.
    pub args: Value,
    /// The caller.
    pub agent: Agent,
}

/// Looks up the resource that a call acts on, which rules read as `resource.…`. The guard asks only if the policy needs
/// the resource to decide.
///
/// If the lookup needs an argument that is missing, return an error, never a default. Do not block the thread: the time
/// limit (`resource_time`) cannot interrupt blocking code.
///
/// An async function from a [`ResourceQuery`] to a `Result` of attributes is a `ResourceSource`.
#[async_trait]
pub trait ResourceSource: Send + Sync + 'static {
    /// Returns the resource's attributes.
    ///
    /// # Errors
    ///
    /// After an error, a panic or a timeout, the resource is unknown, which never grants permission. The failure is
    /// logged.
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
