//! Who calls: attributes that the host takes from its own session, never from what the model sends.

use async_trait::async_trait;
use serde::Serialize;
use serde_json::{Map, Value};
use std::error::Error;
use std::marker::PhantomData;
use std::sync::Arc;

/// What went wrong where the host was asked.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// The caller's attributes: what rules read as `agent.…`.
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
    /// Nobody in particular: no attributes, no roles.
    #[must_use]
    pub fn anonymous() -> Self {
        Self(Arc::new(Value::Object(Map::new())))
    }

    /// A caller of whom `agent.id` is known.
    pub fn new(id: impl Into<String>) -> Self {
        Self::anonymous().attribute("id", id.into())
    }

    /// Sets `agent.roles`.
    #[must_use]
    pub fn roles<R: Into<String>>(self, roles: impl IntoIterator<Item = R>) -> Self {
        self.attribute("roles", roles.into_iter().map(Into::into).collect::<Vec<String>>())
    }

    /// Sets an attribute.
    #[must_use]
    pub fn attribute(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        if let Value::Object(attributes) = Arc::make_mut(&mut self.0) {
            attributes.insert(name.into(), value.into());
        }
        self
    }

    /// Whether it is the same caller: of the same id, or without one of the same attributes.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        match (self.0.get("id"), other.0.get("id")) {
            (Some(id), Some(other)) if !id.is_null() => id == other,
            _ => self == other,
        }
    }

    /// The attributes: an object.
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

/// What a function may say of who calls.
pub trait IntoAgent {
    /// The caller.
    ///
    /// # Errors
    ///
    /// Why there is no telling; the call is denied.
    fn into_agent(self) -> Result<Agent, BoxError>;
}

impl IntoAgent for Agent {
    fn into_agent(self) -> Result<Agent, BoxError> {
        Ok(self)
    }
}

/// `None` is an anonymous caller.
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

/// Tells who calls, anew for each request. `R` is what the adapter knows of a request: the head of an HTTP request for
/// [`PersoLayer`](crate::PersoLayer).
///
/// A function from `&R` to an [`Agent`], to an `Option` or a `Result` of one is an `AgentSource`.
#[async_trait]
pub trait AgentSource<R>: Send + Sync + 'static {
    /// Who calls.
    ///
    /// # Errors
    ///
    /// Where there is no telling: the call is denied, and the error is logged.
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

/// The same caller for every request: for stdio, where one process serves one caller.
#[derive(Debug, Clone)]
pub struct StaticAgent(pub Agent);

#[async_trait]
impl<R: Sync> AgentSource<R> for StaticAgent {
    async fn agent(&self, _: &R) -> Result<Agent, BoxError> {
        Ok(self.0.clone())
    }
}

/// A request that carries what earlier layers have found out.
pub trait Carries {
    /// What an earlier layer has put there.
    fn carried<T: Clone + Send + Sync + 'static>(&self) -> Option<&T>;
}

impl Carries for http::request::Parts {
    fn carried<T: Clone + Send + Sync + 'static>(&self) -> Option<&T> {
        self.extensions.get()
    }
}

/// Takes the caller from what an authentication layer has put into the request's extensions: claims of type `T`, which
/// are verified there, become attributes by way of serde. A request without any is from an anonymous caller.
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
    /// A source of such claims.
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
