//! What all clients of a gateway have in common.

use crate::config::Server;
use crate::links::Links;
use crate::metrics::Metrics;
use crate::pins::Pins;
use crate::proxy::Proxy;
use crate::tools::Tools;
use http::request::Parts;
use perso_core::journal::{Counts, Recorder};
use perso_tower::ledger::Ledger;
use perso_tower::{
    Agent, BoxError, ContextSource, Elicit, Guard, Guarded, PersoLayer, PolicyHandle, Queue, async_trait, elicit,
};
use rmcp::model::ProtocolVersion;
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer, ServerHandler};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use uuid::Uuid;

/// A gateway: its servers, its policy, and who calls.
pub struct Gateway {
    pub(crate) shared: Links,
    pub(crate) tools: Tools,
    pub(crate) metrics: Metrics,
    policy: PolicyHandle,
    caller: Caller,
    memory: Memory,
    /// The session of a client over standard input and output: there is one for as long as the gateway runs.
    lifetime: String,
    sessions: Arc<Semaphore>,
}

/// What is remembered of earlier calls.
#[derive(Clone)]
pub struct Memory {
    /// Where.
    pub ledger: Arc<dyn Ledger>,
    /// What a session is.
    pub session: Session,
    /// How long a call waits in the ledger for the approval of a person; `None` if it does not.
    pub approval_wait: Option<Duration>,
    /// Where decisions are recorded, if anywhere.
    pub journal: Option<Arc<Recorder>>,
    /// Whether the person at the client is asked, before the ledger, if the client can do that.
    pub elicits: bool,
}

/// What a session is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Session {
    /// A session of MCP. Revision 2026-07-28 has none.
    Mcp,
    /// Everything that a caller does who has this attribute.
    Attribute(String),
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
        memory: Memory,
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
            memory,
            lifetime: format!("gateway-{}", Uuid::new_v4()),
            sessions: Arc::new(Semaphore::new(sessions)),
        })
    }

    /// What serves one client: the guard, and what is behind it.
    pub(crate) fn service(self: &Arc<Self>) -> Guarded<Proxy> {
        self.guard(Proxy::new(self.clone()))
    }

    /// A guard around a handler.
    pub(crate) fn guard<H: ServerHandler>(self: &Arc<Self>, handler: H) -> Guarded<H> {
        let (caller, sessions, gateway) = (self.clone(), self.clone(), self.clone());
        let guarded = handler
            .guarded(self.policy.clone())
            .agent(move |context: &RequestContext<RoleServer>| {
                caller.agent(context.extensions.get::<Parts>()).ok_or("the request has no caller")
            })
            .session(move |context| sessions.session(context))
            .ledger(self.memory.ledger.clone())
            .on_decision(move |event: &perso_tower::Event<'_>, _: &Value| gateway.metrics.decided(event));
        let guarded = match (self.elicit(), self.queue()) {
            (Some(elicit), _) => guarded.approver(elicit),
            (None, Some(queue)) => guarded.approver(queue),
            (None, None) => guarded,
        };
        let guarded = match &self.memory.journal {
            Some(journal) => guarded.journal(journal.clone()),
            None => guarded,
        };
        self.with_context(guarded, Guarded::context_source)
    }

    /// A guard over HTTP, for calls outside of MCP's sessions.
    pub(crate) fn layer(self: &Arc<Self>) -> PersoLayer {
        let (caller, sessions, gateway) = (self.clone(), self.clone(), self.clone());
        let layer = PersoLayer::new(self.policy.clone())
            .agent(move |parts: &Parts| caller.agent(Some(parts)).ok_or("the request has no caller"))
            .session(move |parts| match &sessions.memory.session {
                Session::Mcp => None,
                Session::Attribute(name) => sessions.attribute(name, Some(parts)),
            })
            .ledger(self.memory.ledger.clone())
            .on_decision(move |event: &perso_tower::Event<'_>, _: &Value| gateway.metrics.decided(event));
        let layer = match (self.elicit(), self.queue()) {
            (Some(elicit), _) => layer.approver(elicit),
            (None, Some(queue)) => layer.approver(queue),
            (None, None) => layer,
        };
        let layer = match &self.memory.journal {
            Some(journal) => layer.journal(journal.clone()),
            None => layer,
        };
        self.with_context(layer, PersoLayer::context_source)
    }

    /// Who calls.
    fn agent(&self, parts: Option<&Parts>) -> Option<Agent> {
        match &self.caller {
            Caller::Fixed(agent) => Some(agent.clone()),
            Caller::Token => parts?.extensions.get().cloned(),
        }
    }

    /// The id of a request's session.
    fn session(&self, context: &RequestContext<RoleServer>) -> Option<String> {
        let parts = context.extensions.get::<Parts>();
        match &self.memory.session {
            Session::Attribute(name) => self.attribute(name, parts),
            Session::Mcp => {
                let Some(parts) = parts else { return Some(self.lifetime.clone()) };
                // A newer client could make up a session for each call. That an older one's exists has been checked.
                if context.protocol_version().is_none_or(|revision| revision >= ProtocolVersion::V_2026_07_28) {
                    return None;
                }
                // Who knows the id of a session can use it, so that approvers are not shown it.
                let id = parts.headers.get("mcp-session-id")?;
                let digest = Sha256::digest(id);
                Some(digest.iter().take(16).fold("mcp-".to_owned(), |text, byte| format!("{text}{byte:02x}")))
            }
        }
    }

    /// The caller's attribute that says which session a request is in.
    fn attribute(&self, name: &str, parts: Option<&Parts>) -> Option<String> {
        let agent = self.agent(parts)?;
        agent.attributes().get(name)?.as_str().map(str::to_owned)
    }

    fn queue(&self) -> Option<Queue> {
        let wait = self.memory.approval_wait?;
        Some(Queue::new(self.memory.ledger.clone()).wait(wait))
    }

    /// Asks the person at the client or, if the client cannot do that, in the ledger.
    fn elicit(&self) -> Option<Elicit> {
        self.memory.elicits.then(|| match self.queue() {
            Some(queue) => elicit().otherwise(queue),
            None => elicit(),
        })
    }

    /// The guard, with what trusted servers say about their tools.
    fn with_context<G>(self: &Arc<Self>, guard: G, set: fn(G, Annotations) -> G) -> G {
        match self.shared.links.iter().any(|link| link.server.is_trusted) {
            true => set(guard, Annotations(self.clone())),
            false => guard,
        }
    }

    /// How many decisions have been recorded and lost, if there is a journal.
    pub(crate) fn recorded(&self) -> Option<Counts> {
        self.memory.journal.as_ref().map(|journal| journal.counts())
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
