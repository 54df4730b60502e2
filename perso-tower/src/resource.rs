//! What a call is about: attributes that the host looks up, where the policy cannot decide without them.

use crate::agent::{Agent, BoxError};
use async_trait::async_trait;
use serde_json::{Map, Value};

/// A call whose resource is asked for.
#[derive(Debug, Clone)]
pub struct ResourceQuery {
    /// The tool.
    pub tool: String,
    /// Its arguments, as the model sent them.
    pub args: Value,
    /// Who calls.
    pub agent: Agent,
}

/// Looks up what a call is about: what rules read as `resource.…`. Asked only where the policy reads it and the decision is
/// still open without it.
///
/// An async function from a [`ResourceQuery`] to a `Result` of attributes is a `ResourceSource`.
#[async_trait]
pub trait ResourceSource: Send + Sync + 'static {
    /// The resource's attributes.
    ///
    /// # Errors
    ///
    /// Where they can't be had: nothing is known of the resource, which takes permission away, and the error is logged.
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
