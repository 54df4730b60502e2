//! What all adapters share: judges a call, and tells what came of it.

use crate::agent::{Agent, AgentSource, BoxError};
use crate::denial::{Answer, Denial, Denied, Reason};
use crate::event::{Event, Observer};
use crate::policy::PolicyHandle;
use crate::resource::{ResourceQuery, ResourceSource};
use perso_core::{Call, Cause, CauseKind, Decision, Part};
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// The first revision without sessions: its results say what they are, and may be cached.
pub(crate) const STATELESS: &str = "2026-07-28";

/// How long a resource may take, if not said otherwise.
const RESOURCE_TIME: Duration = Duration::from_secs(5);

/// A policy with all that is needed to put it in force. `R` is what the adapter knows of a request. The fields are set by
/// [`settings`].
pub(crate) struct Guard<R> {
    pub(crate) policy: PolicyHandle,
    pub(crate) agent: Option<Arc<dyn AgentSource<R>>>,
    pub(crate) resource: Option<Arc<dyn ResourceSource>>,
    pub(crate) resource_time: Duration,
    pub(crate) context: Arc<Value>,
    pub(crate) observe: bool,
    pub(crate) hide: bool,
    pub(crate) denial: Arc<dyn Denial>,
    pub(crate) observer: Option<Arc<dyn Observer>>,
}

// By hand: deriving would ask for `R: Clone`.
impl<R> Clone for Guard<R> {
    fn clone(&self) -> Self {
        Self {
            policy: self.policy.clone(),
            agent: self.agent.clone(),
            resource: self.resource.clone(),
            resource_time: self.resource_time,
            context: self.context.clone(),
            observe: self.observe,
            hide: self.hide,
            denial: self.denial.clone(),
            observer: self.observer.clone(),
        }
    }
}

impl<R> fmt::Debug for Guard<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").field("policy", &self.policy).field("observe", &self.observe).finish_non_exhaustive()
    }
}

/// A call's arguments, as an adapter has them.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Args<'a> {
    Absent,
    /// JSON text of what should be an object or null.
    Raw(&'a [u8]),
    #[cfg_attr(not(any(feature = "rmcp", feature = "tower-mcp")), expect(dead_code, reason = "HTTP has only text"))]
    Value(&'a Value),
}

impl Args<'_> {
    fn part(&self) -> Part<'_> {
        match self {
            Self::Absent => Part::Absent,
            Self::Raw(text) => Part::Json(text),
            Self::Value(value) => Part::Value(Cow::Borrowed(value)),
        }
    }

    fn value(&self) -> Value {
        match self {
            Self::Absent => Value::Null,
            // What is no JSON can't be shown, and is denied.
            Self::Raw(text) => serde_json::from_slice(text).unwrap_or_default(),
            Self::Value(value) => (*value).clone(),
        }
    }
}

/// Who makes a request, asked for once.
#[derive(Debug)]
pub(crate) struct Caller {
    agent: Result<Agent, BoxError>,
    /// When it was asked, which is when deciding begins.
    begin: Instant,
}

impl<R: Sync + 'static> Guard<R> {
    pub(crate) fn new(policy: PolicyHandle) -> Self {
        Self {
            policy,
            agent: None,
            resource: None,
            resource_time: RESOURCE_TIME,
            context: Arc::new(Value::Object(Map::new())),
            observe: false,
            hide: false,
            denial: Arc::new(Reason),
            observer: None,
        }
    }

    /// Who makes the request: an anonymous caller where nobody was told how to find out.
    pub(crate) async fn caller(&self, request: &R) -> Caller {
        let begin = Instant::now();
        let agent = match &self.agent {
            Some(source) => source.agent(request).await,
            None => Ok(Agent::anonymous()),
        };
        Caller { agent, begin }
    }

    /// Judges a call: `None` if it may run.
    pub(crate) async fn judge(&self, caller: &Caller, tool: &str, args: Args<'_>) -> Option<Denied> {
        let agent = match &caller.agent {
            Ok(agent) => agent,
            Err(error) => {
                let decision = not_judged("it is not known who calls");
                return self.conclude(caller.begin, tool, args, &decision, Some(&**error));
            }
        };
        let policy = self.policy.current();
        let mut call = Call::new(tool).args(args.part()).agent(agent.attributes()).context(&*self.context);
        let mut failure = None;
        if let Some(source) = &self.resource
            && policy.needs_resource(&call)
        {
            let query = ResourceQuery { tool: tool.to_owned(), args: args.value(), agent: agent.clone() };
            let resource = self.resource(&**source, query).await;
            // Nothing may be concluded from a resource that could not be had.
            call = call.resource(resource.map_or_else(
                |error| {
                    failure = Some(error);
                    Part::Withheld
                },
                Part::from,
            ));
        }
        self.conclude(caller.begin, tool, args, &policy.decide(&call), failure.as_deref())
    }

    async fn resource(
        &self,
        source: &dyn ResourceSource,
        query: ResourceQuery,
    ) -> Result<Map<String, Value>, BoxError> {
        tokio::time::timeout(self.resource_time, source.resource(query))
            .await
            .unwrap_or_else(|_| Err(format!("the resource took longer than {:?}", self.resource_time).into()))
    }

    /// Denies what can't be judged, whatever the policy says. `false` when only observing.
    pub(crate) fn refuse(&self, why: &'static str) -> bool {
        self.conclude(Instant::now(), "", Args::Absent, &not_judged(why), None).is_some()
    }

    /// Tells of a decision, and puts it in force.
    fn conclude(
        &self,
        begin: Instant,
        tool: &str,
        args: Args<'_>,
        decision: &Decision<'_>,
        failure: Option<&(dyn Error + Send + Sync + 'static)>,
    ) -> Option<Denied> {
        let id = Uuid::now_v7();
        let event = Event { id, tool, decision, failure, enforced: !self.observe, duration: begin.elapsed() };
        event.trace();
        if let Some(observer) = &self.observer {
            observer.observe(&event, &args.value());
        }
        (!decision.allowed && !self.observe).then(|| Denied {
            id,
            tool: tool.to_owned(),
            rule: event.rule().map(str::to_owned),
            reason: decision.reason.to_owned(),
        })
    }

    /// What a denied caller gets; `is_task` where the answer would be a task of the revision 2025-11-25.
    pub(crate) fn answer(&self, denied: &Denied, is_task: bool) -> Answer {
        Answer::new(&*self.denial, denied, is_task, self.hide)
    }

    /// Which tools a caller may see: everything, where nobody is kept from anything.
    pub(crate) fn sight(&self, caller: Caller) -> Sight {
        let seen = if self.observe { Seen::Everything } else { Seen::By(caller.agent) };
        Sight { policy: self.policy.clone(), context: self.context.clone(), seen }
    }
}

/// Which tools a caller may see.
#[derive(Debug)]
pub(crate) struct Sight {
    policy: PolicyHandle,
    context: Arc<Value>,
    seen: Seen,
}

#[derive(Debug)]
enum Seen {
    Everything,
    /// What the caller could call: nothing, where it is not known who that is.
    By(Result<Agent, BoxError>),
}

impl Sight {
    /// Whether lists come out as they went in.
    pub(crate) const fn is_whole(&self) -> bool {
        matches!(self.seen, Seen::Everything)
    }

    /// Whether the caller could ever be allowed to call the tool.
    pub(crate) fn shows(&self, tool: &str) -> bool {
        match &self.seen {
            Seen::Everything => true,
            Seen::By(Ok(agent)) => {
                let call = Call::new(tool).agent(agent.attributes()).context(&*self.context);
                self.policy.current().could_allow(&call)
            }
            Seen::By(Err(error)) => {
                tracing::warn!(target: "perso", tool, %error, "a tool is hidden: it is not known who asks");
                false
            }
        }
    }
}

fn not_judged(detail: &'static str) -> Decision<'static> {
    Decision {
        allowed: false,
        rule: None,
        reason: "the call can not be judged",
        cause: Cause {
            kind: CauseKind::Engine,
            rule: None,
            attribute: None,
            problem: None,
            detail: Some(detail),
            offset: None,
        },
    }
}

/// Whether a method is one of those about tools, in whatever notation a lax server might take for it.
pub(crate) fn is_about_tools(method: &str) -> bool {
    crate::fold::folded(method).starts_with("tools/")
}

/// How an adapter is set up: the same for all.
macro_rules! settings {
    ($request:ty) => {
        /// Sets who tells who calls: a function from the request to an [`Agent`](crate::Agent), an `Option` or a `Result` of
        /// one. It runs for each request anew. Without it every caller is anonymous, without roles.
        #[must_use]
        pub fn agent<F, A>(self, function: F) -> Self
        where
            F: Fn(&$request) -> A + Send + Sync + 'static,
            A: crate::IntoAgent,
        {
            self.agent_source(function)
        }

        /// The same with an [`AgentSource`](crate::AgentSource), which may take its time.
        #[must_use]
        pub fn agent_source(mut self, source: impl crate::AgentSource<$request>) -> Self {
            self.guard.agent = Some(std::sync::Arc::new(source));
            self
        }

        /// Sets who looks up what a call is about. Without it nothing is known of resources.
        #[must_use]
        pub fn resource(mut self, source: impl crate::ResourceSource) -> Self {
            self.guard.resource = Some(std::sync::Arc::new(source));
            self
        }

        /// Sets how long a resource may take: 5 seconds, if this is not called. Then nothing is known of it.
        #[must_use]
        pub fn resource_time(mut self, most: std::time::Duration) -> Self {
            self.guard.resource_time = most;
            self
        }

        /// Sets what rules read as `context.…`: nothing, if this is not called.
        #[must_use]
        pub fn context(mut self, context: serde_json::Map<String, serde_json::Value>) -> Self {
            self.guard.context = std::sync::Arc::new(serde_json::Value::Object(context));
            self
        }

        /// Decides and records, but lets everything pass and shows every tool.
        #[must_use]
        pub fn observe(mut self) -> Self {
            self.guard.observe = true;
            self
        }

        /// Answers a denied call as if there were no such tool.
        #[must_use]
        pub fn hide(mut self) -> Self {
            self.guard.hide = true;
            self
        }

        /// Sets what a denied caller gets, in place of the reason as text.
        #[must_use]
        pub fn denial(mut self, denial: impl crate::Denial) -> Self {
            self.guard.denial = std::sync::Arc::new(denial);
            self
        }

        /// Sets who is told of each decision.
        #[must_use]
        pub fn on_decision(mut self, observer: impl crate::Observer) -> Self {
            self.guard.observer = Some(std::sync::Arc::new(observer));
            self
        }
    };
}
pub(crate) use settings;
