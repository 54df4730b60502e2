//! What all adapters share: judges a call, and reports the decision.

use crate::agent::{Agent, AgentSource, BoxError};
use crate::args::{Args, ReadArgs};
use crate::caught;
use crate::closed::{Closed, Instead};
use crate::denial::{Answer, Denial, Denied, Reason};
use crate::event::{Event, Observer};
use crate::exact::Unclear;
use crate::policy::PolicyHandle;
use crate::resource::{ResourceQuery, ResourceSource};
use crate::tasks::Tasks;
use crate::visibility::{Seen, Visibility};
use perso_core::module::reason;
use perso_core::{Call, Decision, Part};
use serde_json::{Map, Value};
use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// The first revision without sessions: its results say what they are, and may be cached.
pub(crate) const STATELESS: &str = "2026-07-28";

/// How long a resource may take by default.
const RESOURCE_TIME: Duration = Duration::from_secs(5);

const UNKNOWN_TASK: &str = "the task is not known: call its tool again";

/// A policy with all that is needed to enforce it. `R` is what the adapter knows of a request. The fields are set by
/// [`settings`].
pub(crate) struct Guard<R> {
    pub(crate) policy: PolicyHandle,
    pub(crate) agent: Option<Arc<dyn AgentSource<R>>>,
    pub(crate) resource: Option<Arc<dyn ResourceSource>>,
    pub(crate) resource_time: Duration,
    pub(crate) context: Arc<Value>,
    pub(crate) observe: bool,
    pub(crate) hide: bool,
    pub(crate) closed: Closed,
    pub(crate) denial: Arc<dyn Denial>,
    pub(crate) observer: Option<Arc<dyn Observer>>,
    pub(crate) tasks: Tasks,
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
            closed: self.closed,
            denial: self.denial.clone(),
            observer: self.observer.clone(),
            tasks: self.tasks.clone(),
        }
    }
}

impl<R> fmt::Debug for Guard<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").field("policy", &self.policy).field("observe", &self.observe).finish_non_exhaustive()
    }
}

/// A call that is being judged.
struct Judged<'a> {
    tool: &'a str,
    args: ReadArgs<'a>,
    begin: Instant,
}

/// Who makes a request, asked for once.
#[derive(Debug)]
pub(crate) struct Caller {
    agent: Result<Agent, BoxError>,
    /// When it was asked, which is when deciding begins.
    begin: Instant,
}

impl Caller {
    /// The caller, if it is known.
    pub(crate) fn agent(&self) -> Option<&Agent> {
        self.agent.as_ref().ok()
    }
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
            closed: Closed::default(),
            denial: Arc::new(Reason),
            observer: None,
            tasks: Tasks::default(),
        }
    }

    /// Who makes the request: an anonymous caller, if no source is set.
    pub(crate) async fn caller(&self, request: &R) -> Caller {
        let begin = Instant::now();
        let agent = match &self.agent {
            Some(source) => caught::future(async { source.agent(request).await }).await.flatten(),
            None => Ok(Agent::anonymous()),
        };
        Caller { agent, begin }
    }

    /// Judges a call: `None` if it may run, with just these arguments.
    pub(crate) async fn judge(&self, caller: &Caller, tool: &str, args: Args<'_>) -> Option<Denied> {
        let judged = Judged { tool, args: args.into(), begin: caller.begin };
        let agent = match &caller.agent {
            Ok(agent) => agent,
            Err(error) => {
                let decision = Decision::not_judged(reason::ENGINE, "it is not known who calls");
                return self.conclude(&judged, &decision, Some(&**error));
            }
        };
        let policy = self.policy.current();
        let mut call = Call::new(tool).args(judged.args.part()).agent(agent.attributes()).context(&*self.context);
        let mut failure = None;
        if let Some(source) = &self.resource
            && policy.needs_resource(&call)
        {
            let args = match judged.args.shown() {
                Ok(args) => args.clone(),
                Err(Unclear(why)) => return self.conclude(&judged, &Decision::not_judged(why, why), None),
            };
            let query = ResourceQuery { tool: tool.to_owned(), args, agent: agent.clone() };
            let resource = self.resource(&**source, query).await;
            // If the lookup fails, nothing may be concluded from the resource.
            call = call.resource(resource.map_or_else(
                |error| {
                    failure = Some(error);
                    Part::Withheld
                },
                Part::from,
            ));
        }
        self.conclude(&judged, &policy.decide(&call), failure.as_deref())
    }

    /// Judges what goes on with a task, as the call that has become the task.
    pub(crate) async fn judge_update(&self, caller: &Caller, task: &str) -> Option<Denied> {
        match self.tasks.call(task) {
            Some(call) => self.judge(caller, &call.tool, call.args()).await,
            // Answers are not read when only observing, so that no task is known.
            None if self.observe => None,
            None => {
                let judged = Judged { tool: "", args: Args::Absent.into(), begin: caller.begin };
                self.conclude(&judged, &Decision::not_judged(UNKNOWN_TASK, UNKNOWN_TASK), None)
            }
        }
    }

    async fn resource(
        &self,
        source: &dyn ResourceSource,
        query: ResourceQuery,
    ) -> Result<Map<String, Value>, BoxError> {
        let lookup = caught::future(async { source.resource(query).await });
        match tokio::time::timeout(self.resource_time, lookup).await {
            Ok(resource) => resource.flatten(),
            Err(_) => Err(format!("the resource took longer than {:?}", self.resource_time).into()),
        }
    }

    /// Denies what cannot be judged, whatever the policy says. `false` when only observing.
    pub(crate) fn refuse(&self, why: &'static str) -> bool {
        let judged = Judged { tool: "", args: Args::Absent.into(), begin: Instant::now() };
        self.conclude(&judged, &Decision::not_judged(reason::ENGINE, why), None).is_some()
    }

    /// What is answered in the server's place to a request for prompts or resources, if the host has turned them off: see
    /// [`Closed::instead`].
    #[cfg(any(feature = "rmcp", feature = "tower-mcp"))]
    pub(crate) fn instead(&self, method: &str, reference: Option<&str>) -> Option<Instead> {
        self.closed.instead(method, reference).filter(|instead| self.closes(*instead))
    }

    /// Whether the server is not asked. Denials are reported.
    pub(crate) fn closes(&self, instead: Instead) -> bool {
        match instead {
            Instead::Empty(_) => !self.observe,
            Instead::Error(kind) => self.refuse(kind.detail()),
        }
    }

    /// What `subscriptions/listen` must not ask for: nothing, when only observing.
    #[cfg(any(feature = "rmcp", feature = "tower-mcp"))]
    pub(crate) fn narrows(&self) -> Closed {
        if self.observe { Closed::default() } else { self.closed }
    }

    /// Reports a decision to the host, and enforces it.
    fn conclude(
        &self,
        judged: &Judged<'_>,
        decision: &Decision<'_>,
        failure: Option<&(dyn Error + Send + Sync + 'static)>,
    ) -> Option<Denied> {
        // A call does not run unless the observer sees its arguments.
        if self.observer.is_some()
            && decision.is_allowed()
            && let Err(Unclear(why)) = judged.args.shown()
        {
            return self.conclude(judged, &Decision::not_judged(why, why), None);
        }
        let Judged { tool, args, begin } = judged;
        let id = Uuid::now_v7();
        let event = Event { id, tool, decision, failure, enforced: !self.observe, duration: begin.elapsed() };
        event.trace();
        let mut reason = (!decision.is_allowed()).then_some(decision.reason);
        if let Some(observer) = &self.observer {
            let observe = || observer.observe(&event, args.shown().unwrap_or(&Value::Null));
            if let Err(error) = caught::call(observe) {
                // Nor does it run if the observer has not recorded it.
                tracing::error!(target: "perso", decision_id = %id, %error, "the observer failed: the call is denied");
                reason = reason.or(Some(reason::ENGINE));
            }
        }
        let reason = reason.filter(|_| !self.observe)?;
        Some(Denied { id, tool: (*tool).to_owned(), rule: event.rule().map(str::to_owned), reason: reason.to_owned() })
    }

    /// What a denied caller gets; `is_task` where the answer would be a task of the revision 2025-11-25.
    pub(crate) fn answer(&self, denied: &Denied, is_task: bool) -> Answer {
        let answer = |denial: &dyn Denial| Answer::new(denial, denied, is_task, self.hide);
        caught::call(|| answer(&*self.denial)).unwrap_or_else(|error| {
            tracing::error!(target: "perso", decision_id = %denied.id, %error, "the denial failed: the reason is sent");
            answer(&Reason)
        })
    }

    /// Which tools a caller sees in lists: all of them, when only observing.
    pub(crate) fn visibility(&self, caller: Caller) -> Visibility {
        let seen = if self.observe { Seen::Everything } else { Seen::By(caller.agent) };
        Visibility { policy: self.policy.clone(), context: self.context.clone(), seen }
    }
}

/// Whether a method that is not known may run a tool nevertheless, because a lax server takes it for one that does: for any
/// that begins with `tools/`, or for `tasks/update`, with which a task continues.
pub(crate) fn may_run_tools(method: &str) -> bool {
    crate::fold::readings(method).any(|method| method.starts_with("tools/") || method == "tasks/update")
}

/// How an adapter is set up: the same for all.
macro_rules! settings {
    ($request:ty) => {
        /// Sets the function that says who calls: from the request to an [`Agent`](crate::Agent), or to an `Option` or a
        /// `Result` of one. It runs for each request. Without it every caller is anonymous, without roles.
        #[must_use]
        pub fn agent<F, A>(self, function: F) -> Self
        where
            F: Fn(&$request) -> A + Send + Sync + 'static,
            A: crate::IntoAgent,
        {
            self.agent_source(function)
        }

        /// The same with an [`AgentSource`](crate::AgentSource), which can be async.
        #[must_use]
        pub fn agent_source(mut self, source: impl crate::AgentSource<$request>) -> Self {
            self.guard.agent = Some(std::sync::Arc::new(source));
            self
        }

        /// Sets the source that looks up what a call is about. Without it nothing is known of resources.
        #[must_use]
        pub fn resource(mut self, source: impl crate::ResourceSource) -> Self {
            self.guard.resource = Some(std::sync::Arc::new(source));
            self
        }

        /// Sets how long a lookup may take, 5 seconds by default. After that the resource is unknown. A source that blocks the
        /// thread cannot be interrupted.
        #[must_use]
        pub fn resource_time(mut self, most: std::time::Duration) -> Self {
            self.guard.resource_time = most;
            self
        }

        /// Sets what rules read as `context.…`: nothing by default.
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

        /// Denies prompts, which pass by default: `prompts/get` and completions of a prompt's arguments get the error -32601, and
        /// `prompts/list` an empty list. The server is not asked. [`observe`](Self::observe) lets them pass.
        ///
        /// ```
        /// # fn policy() -> perso_tower::Policy { unreachable!() }
        /// # let _ = || {
        /// let layer = perso_tower::PersoLayer::new(policy()).deny_prompts().deny_resources();
        /// # };
        /// ```
        #[must_use]
        pub fn deny_prompts(mut self) -> Self {
            self.guard.closed.prompts = true;
            self
        }

        /// Denies resources, which pass by default: `resources/read`, subscriptions and completions of a resource's URI get the
        /// error -32601, and lists of resources and of their templates are empty. The server is not asked, and
        /// `subscriptions/listen` asks it for nothing about resources. What a tool's result links to cannot be read either, nor
        /// the views of MCP Apps. [`observe`](Self::observe) lets them pass.
        ///
        /// ```
        /// # fn policy() -> perso_tower::Policy { unreachable!() }
        /// # let _ = || {
        /// let layer = perso_tower::PersoLayer::new(policy()).deny_prompts().deny_resources();
        /// # };
        /// ```
        #[must_use]
        pub fn deny_resources(mut self) -> Self {
            self.guard.closed.resources = true;
            self
        }

        /// Sets what a denied caller gets, in place of the reason as text. If it panics, the reason is sent.
        #[must_use]
        pub fn denial(mut self, denial: impl crate::Denial) -> Self {
            self.guard.denial = std::sync::Arc::new(denial);
            self
        }

        /// Sets the observer of each decision. A call does not run unless the observer has seen it.
        #[must_use]
        pub fn on_decision(mut self, observer: impl crate::Observer) -> Self {
            self.guard.observer = Some(std::sync::Arc::new(observer));
            self
        }
    };
}
pub(crate) use settings;
