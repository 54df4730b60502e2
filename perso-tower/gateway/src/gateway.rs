//! What all clients of a gateway have in common.

use crate::config::Server;
use crate::links::Links;
use crate::metrics::Metrics;
use crate::pins::Pins;
use crate::proxy::Proxy;
use crate::tools::Tools;
use http::request::Parts;
use perso_tower::{Agent, BoxError, ContextSource, Guard, Guarded, PersoLayer, PolicyHandle, async_trait};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer, ServerHandler};
use serde_json::{Map, Value};
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A gateway: its servers, its policy, and who calls.
pub struct Gateway {
    pub(crate) shared: Links,
    pub(crate) tools: Tools,
    pub(crate) metrics: Metrics,
    policy: PolicyHandle,
    caller: Caller,
    sessions: Arc<Semaphore>,
}

/// Who calls.
#[derive(Debug, Clone)]
pub enum Caller {
    /// The same caller for every request.
    Fixed(Agent),
    /// Whoever the request's token names.
    Token,
}

impl Gateway {
    /// A gateway in front of servers.
    #[must_use]
    pub fn new(
        servers: Vec<Server>,
        policy: PolicyHandle,
        caller: Caller,
        pins: Option<Pins>,
        sessions: usize,
    ) -> Arc<Self> {
        let servers: Vec<Arc<Server>> = servers.into_iter().map(Arc::new).collect();
        Arc::new(Self {
            shared: Links::shared(&servers),
            tools: Tools::new(pins),
            metrics: Metrics::new(),
            policy,
            caller,
            sessions: Arc::new(Semaphore::new(sessions)),
        })
    }

    /// What serves one client: the guard, and what is behind it.
    pub(crate) fn service(self: &Arc<Self>) -> Guarded<Proxy> {
        self.guard(Proxy::new(self.clone()))
    }

    /// A guard around a handler.
    pub(crate) fn guard<H: ServerHandler>(self: &Arc<Self>, handler: H) -> Guarded<H> {
        let (caller, gateway) = (self.caller.clone(), self.clone());
        let guarded = handler
            .guarded(self.policy.clone())
            .agent(move |context: &RequestContext<RoleServer>| match &caller {
                Caller::Fixed(agent) => Ok(agent.clone()),
                Caller::Token => of_token(context).ok_or("the request has no caller"),
            })
            .on_decision(move |event: &perso_tower::Event<'_>, _: &Value| gateway.metrics.decided(event));
        self.with_context(guarded, Guarded::context_source)
    }

    /// A guard over HTTP.
    pub(crate) fn layer(self: &Arc<Self>) -> PersoLayer {
        let (caller, gateway) = (self.caller.clone(), self.clone());
        let layer = PersoLayer::new(self.policy.clone())
            .agent(move |parts: &Parts| match &caller {
                Caller::Fixed(agent) => Ok(agent.clone()),
                Caller::Token => parts.extensions.get::<Agent>().cloned().ok_or("the request has no caller"),
            })
            .on_decision(move |event: &perso_tower::Event<'_>, _: &Value| gateway.metrics.decided(event));
        self.with_context(layer, PersoLayer::context_source)
    }

    /// The guard, with what trusted servers say about their tools.
    fn with_context<G>(self: &Arc<Self>, guard: G, set: fn(G, Annotations) -> G) -> G {
        match self.shared.links.iter().any(|link| link.server.is_trusted) {
            true => set(guard, Annotations(self.clone())),
            false => guard,
        }
    }

    /// A place for a session, if there is one.
    pub(crate) fn place(&self) -> Result<OwnedSemaphorePermit, ErrorData> {
        self.sessions.clone().try_acquire_owned().map_err(|_| {
            ErrorData::internal_error("the gateway has as many sessions as it may have; try again later", None)
        })
    }

    /// How many more sessions there can be.
    pub(crate) fn places(&self) -> usize {
        self.sessions.available_permits()
    }
}

/// What trusted servers say about their tools.
struct Annotations(Arc<Gateway>);

#[async_trait]
impl ContextSource for Annotations {
    async fn context(&self, tool: &str) -> Result<Map<String, Value>, BoxError> {
        Ok(self.0.tools.context(&self.0.shared, tool).await)
    }
}

/// The caller that a request's token names.
fn of_token(context: &RequestContext<RoleServer>) -> Option<Agent> {
    context.extensions.get::<Parts>()?.extensions.get::<Agent>().cloned()
}
