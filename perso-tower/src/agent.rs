//! The caller: attributes that the host takes from its own session, never from what the model sends.

use async_trait::async_trait;
use serde::Serialize;
use serde_json::{Map, Value};
use std::error::Error;
use std::marker::PhantomData;
use std::sync::Arc;

/// The error of code that the host provides, such as an [`AgentSource`].
pub type BoxError = Box<dyn Error + Send + Sync>;

/// The caller's attributes, which rules read as `agent.…`.
///
/// perso trusts these attributes. Take them from what your host has verified, such as a token's claims.
///
/// ```
/// use perso_tower::Agent;
///
/// let agent = Agent::new("agt-099").roles(["agent"]).attribute("mfa_verified", true);
/// # let _ = agent;
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agent(Arc<Value>);

impl Default for Agent {
    fn default() -> Self {
        Self::anonymous()
    }
}

impl Agent {
    /// Creates an anonymous caller, without attributes or roles.
    #[must_use]
    pub fn anonymous() -> Self {
        Self(Arc::new(Value::Object(Map::new())))
    }

    /// Creates a caller with this `agent.id`.
    pub fn new(id: impl Into<String>) -> Self {
        Self::anonymous().attribute("id", id.into())
    }

    /// Sets `agent.roles`, replacing earlier ones.
    #[must_use]
    pub fn roles<R: Into<String>>(self, roles: impl IntoIterator<Item = R>) -> Self {
        self.attribute("roles", roles.into_iter().map(Into::into).collect::<Vec<String>>())
    }

    /// Sets the attribute `agent.<name>`, replacing an earlier value.
    #[must_use]
    pub fn attribute(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        if let Value::Object(attributes) = Arc::make_mut(&mut self.0) {
            attributes.insert(name.into(), value.into());
        }
        self
    }

    /// Returns whether both are the same caller: they have the same id or, without an id, the same attributes.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        match (self.0.get("id"), other.0.get("id")) {
            (Some(id), Some(other)) if !id.is_null() => id == other,
            _ => self == other,
        }
    }

    /// Returns the attributes, a JSON object.
    #[must_use]
    pub fn attributes(&self) -> &Value {
        &self.0
    }
}

impl From<Map<String, Value>> for Agent {
    fn from(attributes: Map<String, Value>) -> Self {
        Self(Arc::new(Value::Object(attributes)))
    }
}

/// The return type of a function that determines the caller: an [`Agent`], or an `Option` or a `Result` of one.
pub trait IntoAgent {
    /// Converts the value into the caller.
    ///
    /// # Errors
    ///
    /// Returns the function's error if it could not determine the caller. The call is then denied.
    fn into_agent(self) -> Result<Agent, BoxError>;
}

impl IntoAgent for Agent {
    fn into_agent(self) -> Result<Agent, BoxError> {
        Ok(self)
    }
}

/// `None` means an anonymous caller.
impl IntoAgent for Option<Agent> {
    fn into_agent(self) -> Result<Agent, BoxError> {
        Ok(self.unwrap_or_default())
    }
}

impl<E: Into<BoxError>> IntoAgent for Result<Agent, E> {
    fn into_agent(self) -> Result<Agent, BoxError> {
        self.map_err(Into::into)
    }
}

/// Determines the caller of each request. `R` is the adapter's view of the request: `http::request::Parts` for
/// [`PersoLayer`](crate::PersoLayer), rmcp's `RequestContext<RoleServer>` for `Guarded` and `GuardedService`, and
/// tower-mcp's `RouterRequest` for `RouterLayer`.
///
/// A function from `&R` to an [`Agent`], or to an `Option` or a `Result` of one, is an `AgentSource`.
#[async_trait]
pub trait AgentSource<R>: Send + Sync + 'static {
    /// Returns the caller of a request.
    ///
    /// # Errors
    ///
    /// Return an error if you cannot determine the caller. The call is then denied, lists of tools are empty, and the
    /// error is logged. A panic counts as an error.
    async fn agent(&self, request: &R) -> Result<Agent, BoxError>;
}

#[async_trait]
impl<R, F, A> AgentSource<R> for F
where
    R: Sync,
    F: Fn(&R) -> A + Send + Sync + 'static,
    A: IntoAgent,
{
    async fn agent(&self, request: &R) -> Result<Agent, BoxError> {
        self(request).into_agent()
    }
}

/// Uses the same caller for every request. This is for stdio, where one process serves one caller.
#[derive(Debug, Clone)]
pub struct StaticAgent(pub Agent);

#[async_trait]
impl<R: Sync> AgentSource<R> for StaticAgent {
    async fn agent(&self, _: &R) -> Result<Agent, BoxError> {
        Ok(self.0.clone())
    }
}

/// A request that carries values from earlier layers, such as verified claims.
pub trait Carries {
    /// Returns the value of type `T` that an earlier layer has stored, if any.
    fn carried<T: Clone + Send + Sync + 'static>(&self) -> Option<&T>;
}

impl Carries for http::request::Parts {
    fn carried<T: Clone + Send + Sync + 'static>(&self) -> Option<&T> {
        self.extensions.get()
    }
}

/// Takes the caller from the request's extensions, where your authentication layer has stored verified claims of type
/// `T`. The claims must serialize to an object, whose members become the attributes; otherwise the call is denied. A
/// request without claims has an anonymous caller.
///
/// ```
/// use perso_tower::FromExtension;
///
/// #[derive(Clone, serde::Serialize)]
/// struct Claims {
///     #[serde(rename = "id")]
///     sub: String,
///     roles: Vec<String>,
/// }
///
/// let source = FromExtension::<Claims>::new();
/// # let _ = source;
/// ```
#[derive(Debug)]
pub struct FromExtension<T>(PhantomData<fn() -> T>);

impl<T> FromExtension<T> {
    /// Creates a source that reads claims of type `T`.
    #[must_use]
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<T> Default for FromExtension<T> {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl<R, T> AgentSource<R> for FromExtension<T>
where
    R: Carries + Sync,
    T: Serialize + Clone + Send + Sync + 'static,
{
    async fn agent(&self, request: &R) -> Result<Agent, BoxError> {
        match request.carried::<T>().map(serde_json::to_value).transpose()? {
            Some(Value::Object(attributes)) => Ok(Agent::from(attributes)),
            Some(_) => Err("claims must serialize to an object".into()),
            None => Ok(Agent::anonymous()),
        }
    }
}
