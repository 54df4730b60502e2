//! The context of a call: attributes that the host knows, such as the environment that it runs in.

use crate::agent::BoxError;
use async_trait::async_trait;
use perso_core::Part;
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// Looks up the context of a call, which rules read as `context.…`, where it depends on the tool.
///
/// ```
/// use perso_tower::{BoxError, ContextSource, async_trait};
/// use serde_json::{Map, Value};
///
/// struct Teams;
///
/// #[async_trait]
/// impl ContextSource for Teams {
///     async fn context(&self, tool: &str) -> Result<Map<String, Value>, BoxError> {
///         let team = if tool.starts_with("billing_") { "finance" } else { "support" };
///         Ok(Map::from_iter([("team".to_owned(), team.into())]))
///     }
/// }
/// ```
#[async_trait]
pub trait ContextSource: Send + Sync + 'static {
    /// Returns the attributes for a call of a tool.
    ///
    /// # Errors
    ///
    /// After an error, a panic or a timeout (`resource_time`), the context is unknown, which never grants permission. The
    /// failure is logged.
    async fn context(&self, tool: &str) -> Result<Map<String, Value>, BoxError>;
}

/// Where the context comes from.
#[derive(Clone)]
pub(crate) enum Context {
    Same(Arc<Value>),
    Of(Arc<dyn ContextSource>),
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Same(attributes) => attributes.fmt(f),
            Self::Of(_) => f.write_str("ContextSource"),
        }
    }
}

impl Default for Context {
    fn default() -> Self {
        Map::new().into()
    }
}

impl From<Map<String, Value>> for Context {
    fn from(attributes: Map<String, Value>) -> Self {
        Self::Same(Arc::new(Value::Object(attributes)))
    }
}

impl Context {
    /// Returns the context of calls that nobody has made yet.
    pub(crate) fn expected(&self) -> Part<'_> {
        match self {
            Self::Same(attributes) => Part::Value(Cow::Borrowed(attributes)),
            Self::Of(_) => Part::Open,
        }
    }
}
