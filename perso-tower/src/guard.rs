//! The core of all adapters: judges a call and reports the decision.

use crate::agent::{Agent, AgentSource, BoxError};
use crate::args::{Args, ReadArgs};
use crate::ask::Asking;
use crate::caught;
use crate::closed::{Closed, Instead};
use crate::context::Context;
#[cfg(any(feature = "rmcp", feature = "tower-mcp"))]
use crate::covered::{self, Asks};
use crate::denial::{Answer, Denial, Denied, Message};
use crate::event::{Event, Observer};
use crate::exact::Unclear;
use crate::policy::PolicyHandle;
use crate::record::{Record, Recorded};
use crate::resource::{ResourceQuery, ResourceSource};
use crate::tasks::Tasks;
use crate::visibility::{Entry, Seen, Visibility};
use perso_core::enforce::{Approvals, Approver, Enforcer, Step};
use perso_core::module::reason;
use perso_core::{Assessment, Call, Covers, Decision, Part, Policy, visible};
use serde_json::{Map, Value};
use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};
use uuid::Uuid;

/// The first MCP revision without sessions. From here on, results have a `resultType` and can be cached.
pub(crate) const STATELESS: &str = "2026-07-28";

/// The default time limit for a lookup of the resource.
const RESOURCE_TIME: Duration = Duration::from_secs(5);

/// The default time limit for an approval.
const APPROVAL_TIME: Duration = Duration::from_secs(300);

const UNKNOWN_TASK: &str = "the task is unknown: call its tool again";

/// The reason for a tool whose name begins like that of a request, if the policy covers requests.
const RESERVED: &str = "no tool can have this name: the policy uses names that begin with `mcp:` for requests";

/// The reason for a completion of something that the caller could not get.
const NOT_COMPLETED: &str = "a completion is allowed only for what the caller could get or read";

/// The function that determines the id of a request's session.
pub(crate) type Session<R> = Arc<dyn Fn(&R) -> Option<String> + Send + Sync>;

/// A policy with everything needed to enforce it. `R` is the adapter's view of a request. [`settings`](crate::settings::settings) sets the fields.
pub(crate) struct Guard<R> {
    pub(crate) policy: PolicyHandle,
    pub(crate) agent: Option<Arc<dyn AgentSource<R>>>,
    pub(crate) resource: Option<Arc<dyn ResourceSource>>,
    pub(crate) resource_time: Duration,
    pub(crate) context: Context,
    pub(crate) session: Option<Session<R>>,
    pub(crate) enforcer: Enforcer,
    pub(crate) approver: Option<Arc<dyn Approver<R>>>,
    pub(crate) approval_time: Duration,
    pub(crate) observe: bool,
    pub(crate) hide: bool,
    pub(crate) closed: Closed,
    pub(crate) denial: Arc<dyn Denial>,
    pub(crate) observer: Option<Arc<dyn Observer>>,
    pub(crate) record: Record,
    pub(crate) tasks: Tasks,
}

// By hand, because a derive would require `R: Clone`.
impl<R> Clone for Guard<R> {
    fn clone(&self) -> Self {
        Self {
            policy: self.policy.clone(),
            agent: self.agent.clone(),
            resource: self.resource.clone(),
            resource_time: self.resource_time,
            context: self.context.clone(),
            session: self.session.clone(),
            enforcer: self.enforcer.clone(),
            approver: self.approver.clone(),
            approval_time: self.approval_time,
            observe: self.observe,
            hide: self.hide,
            closed: self.closed,
            denial: self.denial.clone(),
            observer: self.observer.clone(),
            record: self.record.clone(),
            tasks: self.tasks.clone(),
        }
    }
}

impl<R> fmt::Debug for Guard<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").field("policy", &self.policy).field("observe", &self.observe).finish_non_exhaustive()
    }
}

/// Why a part of a call is not known.
type Failure<'e> = Option<&'e (dyn Error + Send + Sync + 'static)>;

/// What is known of a call.
struct Known<'p> {
    assessment: Assessment<'p>,
    failure: Option<BoxError>,
}

/// A call that is being judged.
pub(crate) struct Judged<'a> {
    #[cfg_attr(not(feature = "journal"), expect(dead_code, reason = "only the journal has it"))]
    pub(crate) policy: Policy,
    pub(crate) tool: &'a str,
    pub(crate) args: ReadArgs<'a>,
    #[cfg_attr(not(feature = "journal"), expect(dead_code, reason = "only the journal has it"))]
    caller: Option<&'a Caller>,
    begin: Instant,
}

impl<'a> Judged<'a> {
    fn new(policy: &Policy, caller: &'a Caller, tool: &'a str, args: Args<'a>) -> Self {
        Self { policy: policy.clone(), tool, args: args.into(), caller: Some(caller), begin: caller.begin }
    }

    /// A request of which nothing is known.
    fn unknown(policy: &Policy, begin: Instant) -> Self {
        Self { policy: policy.clone(), tool: "", args: Args::Absent.into(), caller: None, begin }
    }

    /// Returns who calls, if that has been looked up.
    #[cfg(feature = "journal")]
    pub(crate) const fn who(&self) -> Option<&'a Caller> {
        self.caller
    }
}

/// The caller of a request, determined once per request.
#[derive(Debug)]
pub(crate) struct Caller {
    agent: Result<Agent, BoxError>,
    pub(crate) session: Option<String>,
    /// When the lookup of the caller began. The decision's duration counts from here.
    begin: Instant,
}

impl Caller {
    /// Returns the caller, if it could be determined.
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
            context: Context::default(),
            session: None,
            enforcer: Enforcer::default(),
            approver: None,
            approval_time: APPROVAL_TIME,
            observe: false,
            hide: false,
            closed: Closed::default(),
            denial: Arc::new(Message),
            observer: None,
            record: Record::default(),
            tasks: Tasks::default(),
        }
    }

    /// Determines the caller of a request. Without a source, the caller is anonymous.
    pub(crate) async fn caller(&self, request: &R) -> Caller {
        let begin = Instant::now();
        let agent = match &self.agent {
            Some(source) => caught::future(async { source.agent(request).await }).await.flatten(),
            None => Ok(Agent::anonymous()),
        };
        match self.session.as_ref().map(|session| caught::call(|| session(request))).transpose() {
            Ok(session) => Caller { agent, session: session.flatten(), begin },
            Err(error) => Caller { agent: Err(error), session: None, begin },
        }
    }

    /// Judges a call. Returns `None` if it may run, with exactly these arguments.
    pub(crate) async fn judge(&self, request: &R, caller: &Caller, tool: &str, args: Args<'_>) -> Option<Denied> {
        let policy = self.policy.current();
        if policy.covers().reserves(tool) {
            let judged = Judged::new(&policy, caller, tool, args);
            return self.conclude(&judged, &Decision::not_judged(RESERVED, RESERVED), None);
        }
        self.judge_by(&policy, (request, caller), tool, args).await
    }

    /// Judges a request for something that the policy covers, as a call of the tool that it is. For a completion, `entry` is
    /// what it completes.
    pub(crate) async fn judge_request(
        &self,
        (request, caller): (&R, &Caller),
        tool: &'static str,
        args: Args<'_>,
        entry: Option<Entry<'_>>,
    ) -> Option<Denied> {
        if let (Some(entry), Ok(agent)) = (entry, &caller.agent) {
            let (policy, context) = (self.policy.clone(), self.context.clone());
            let session = self.session_of(&policy.current(), caller).await;
            if !(Visibility { policy, context, session, seen: Seen::By(Ok(agent.clone())) }).shows(entry) {
                let judged = Judged::new(&self.policy.current(), caller, tool, args);
                return self.conclude(&judged, &Decision::not_judged(NOT_COMPLETED, NOT_COMPLETED), None);
            }
        }
        self.judge_by(&self.policy.current(), (request, caller), tool, args).await
    }

    /// Returns what the policy covers besides tools.
    pub(crate) fn covers(&self) -> Covers {
        self.policy.current().covers()
    }

    async fn judge_by(
        &self,
        policy: &Policy,
        (request, caller): (&R, &Caller),
        tool: &str,
        args: Args<'_>,
    ) -> Option<Denied> {
        let judged = Judged::new(policy, caller, tool, args);
        let agent = match &caller.agent {
            Ok(agent) => agent,
            Err(error) => {
                let decision = Decision::not_judged(reason::ENGINE, "it is not known who calls");
                return self.conclude(&judged, &decision, Some(&**error));
            }
        };
        let mut approvals = Approvals::default();
        loop {
            // An approval can take minutes, so the call is judged by what is known when it is about to run.
            let Known { assessment, mut failure } = match self.assess(policy, caller, agent, &judged).await {
                Ok(known) => known,
                Err(Unclear(why)) => return self.conclude(&judged, &Decision::not_judged(why, why), None),
            };
            let enforced = match self.enforcer.step(assessment, &approvals).await {
                Step::Done(enforced) => enforced,
                Step::Ask(pending) => {
                    let asking = Asking { policy, request, caller, agent, judged: &judged };
                    match self.ask(asking, pending, &mut approvals).await {
                        Ok(None) => continue,
                        Ok(Some(decision)) => decision.into(),
                        Err(error) => {
                            failure = Some(error);
                            pending.failed("nobody could be asked").into()
                        }
                    }
                }
            };
            let (denied, recorded) =
                self.report(&judged, &enforced.decision, failure.as_deref(), enforced.approved_by.as_deref());
            let denied = match (denied, recorded) {
                (None, Some(recorded)) => {
                    recorded.written().await.err().and_then(|error| self.unrecorded(tool, &error))
                }
                (denied, _) => denied,
            };
            if denied.is_some()
                && let Some(receipt) = enforced.receipt
                && let Err(error) = self.enforcer.undo(receipt).await
            {
                tracing::error!(target: "perso", tool = %visible(tool), %error, "a call did not run, but its charges stay");
            }
            return denied;
        }
    }

    /// Judges a call by itself.
    async fn assess<'p>(
        &self,
        policy: &'p Policy,
        caller: &Caller,
        agent: &Agent,
        judged: &Judged<'_>,
    ) -> Result<Known<'p>, Unclear> {
        let tool = judged.tool;
        let mut failure = None;
        let context = self.context(tool).await.unwrap_or_else(|error| {
            failure = Some(error);
            Part::Withheld
        });
        let mut call = Call::new(tool).args(judged.args.part()).agent(agent.attributes()).context(context);
        call = call.session(self.session_of(policy, caller).await);
        if policy.reads_time() {
            call = call.at(SystemTime::now());
        }
        if let Some(source) = &self.resource
            && policy.needs_resource(&call)
        {
            let args = judged.args.shown()?.clone();
            let query = ResourceQuery { tool: tool.to_owned(), args, agent: agent.clone() };
            let resource = self.resource(&**source, query).await;
            // After a failed lookup, the resource is unknown, not absent: nothing may follow from its attributes.
            call = call.resource(resource.map_or_else(
                |error| {
                    failure = Some(error);
                    Part::Withheld
                },
                Part::from,
            ));
        }
        Ok(Known { assessment: policy.assess(&call), failure })
    }

    /// Judges an update of a task like the call that became the task.
    pub(crate) async fn judge_update(&self, request: &R, caller: &Caller, task: &str) -> Option<Denied> {
        match self.tasks.call(task) {
            Some(call) => self.judge(request, caller, &call.tool, call.args()).await,
            // When only observing, the guard does not read answers, so it knows no tasks.
            None if self.observe => None,
            None => {
                let judged = Judged::unknown(&self.policy.current(), caller.begin);
                self.conclude(&judged, &Decision::not_judged(UNKNOWN_TASK, UNKNOWN_TASK), None)
            }
        }
    }

    /// Returns what is known of the session.
    async fn session_of(&self, policy: &Policy, caller: &Caller) -> Part<'static> {
        match &caller.session {
            Some(id) => self.enforcer.session(policy, id).await,
            None => Part::Absent,
        }
    }

    async fn context(&self, tool: &str) -> Result<Part<'_>, BoxError> {
        match &self.context {
            Context::Same(_) => Ok(self.context.expected()),
            Context::Of(source) => self.timely("context", async { source.context(tool).await }).await.map(Part::from),
        }
    }

    async fn resource(
        &self,
        source: &dyn ResourceSource,
        query: ResourceQuery,
    ) -> Result<Map<String, Value>, BoxError> {
        self.timely("resource", async { source.resource(query).await }).await
    }

    /// Waits for a lookup, until its time is over.
    async fn timely<T>(&self, what: &str, lookup: impl Future<Output = Result<T, BoxError>>) -> Result<T, BoxError> {
        match tokio::time::timeout(self.resource_time, caught::future(lookup)).await {
            Ok(found) => found.flatten(),
            Err(_) => Err(format!("the {what} took longer than {:?}", self.resource_time).into()),
        }
    }

    /// Denies a request that cannot be judged, whatever the policy says. Returns false when only observing.
    pub(crate) fn refuse(&self, why: &'static str) -> bool {
        let judged = Judged::unknown(&self.policy.current(), Instant::now());
        self.conclude(&judged, &Decision::not_judged(reason::ENGINE, why), None).is_some()
    }

    /// Returns the guard's answer to a request for prompts or resources, if the host has turned them off. See
    /// [`Closed::instead`].
    #[cfg(any(feature = "rmcp", feature = "tower-mcp"))]
    pub(crate) fn instead(&self, method: &str, reference: Option<&str>) -> Option<Instead> {
        let unknown = || match covered::asks(self.covers(), method, reference) {
            Asks::Unknown(kind) => Some(Instead::Unknown(kind)),
            Asks::Nothing | Asks::List(_) | Asks::Call(_) => None,
        };
        self.closed.instead(method, reference).or_else(unknown).filter(|instead| self.closes(*instead))
    }

    /// Returns the guard's answer to a request that the SDK does not know or could not parse, so that it cannot be judged.
    #[cfg(any(feature = "rmcp", feature = "tower-mcp"))]
    pub(crate) fn instead_of_unread(&self, method: &str) -> Option<Instead> {
        let unread = || Closed::of(self.covers()).instead(method, None).map(|it| Instead::Unknown(it.kind()));
        self.closed.instead(method, None).or_else(unread).filter(|instead| self.closes(*instead))
    }

    /// Judges a request that an SDK has parsed, if it is a call of this tool for the policy. `params` are its params.
    #[cfg(any(feature = "rmcp", feature = "tower-mcp"))]
    pub(crate) async fn judge_params(
        &self,
        request: &R,
        (method, reference): (&str, Option<Entry<'_>>),
        params: impl FnOnce() -> Value,
    ) -> Option<Denied> {
        let Asks::Call(tool) = covered::asks(self.covers(), method, reference.map(Entry::reference_type)) else {
            return None;
        };
        self.judge_request((request, &self.caller(request).await), tool, Args::Value(&params()), reference).await
    }

    /// Returns whether the guard answers instead of the server. Reports the denial, unless the answer is an empty list.
    pub(crate) fn closes(&self, instead: Instead) -> bool {
        match instead {
            Instead::Empty(_) => !self.observe,
            Instead::Error(_) | Instead::Unknown(_) => self.refuse(instead.detail()),
        }
    }

    /// Returns what to remove from `subscriptions/listen`: nothing when only observing.
    #[cfg(any(feature = "rmcp", feature = "tower-mcp"))]
    pub(crate) fn narrows(&self) -> Closed {
        if self.observe { Closed::default() } else { self.closed }
    }

    /// Reports a decision to the host and enforces it: returns the denial, or `None` if the call may run.
    fn conclude(&self, judged: &Judged<'_>, decision: &Decision<'_>, failure: Failure<'_>) -> Option<Denied> {
        // What does not run need not wait until it is written.
        self.report(judged, decision, failure, None).0
    }

    /// Denies a call whose decision has to be recorded, and is not.
    fn unrecorded(&self, tool: &str, error: &BoxError) -> Option<Denied> {
        let id = Uuid::now_v7();
        tracing::error!(target: "perso", decision_id = %id, tool = %visible(tool), %error, "the decision cannot be recorded: the call is denied");
        let denied = Denied::new(id, tool, &Decision::not_recorded("the journal could not be written"));
        (!self.observe).then_some(denied)
    }

    /// The same for a call that a person may have approved. Returns what the call has to wait for, too.
    fn report(
        &self,
        judged: &Judged<'_>,
        decision: &Decision<'_>,
        failure: Failure<'_>,
        approved_by: Option<&str>,
    ) -> (Option<Denied>, Option<Recorded>) {
        let Judged { tool, args, begin, .. } = judged;
        // A call does not run unless the observer can see its arguments.
        if self.observer.is_some()
            && decision.is_allowed()
            && let Err(Unclear(why)) = args.shown()
        {
            return (self.conclude(judged, &Decision::not_judged(why, why), None), None);
        }
        let id = Uuid::now_v7();
        let enforced = !self.observe;
        let event = Event { id, tool, decision, approved_by, failure, enforced, duration: begin.elapsed() };
        event.trace();
        let mut decision = decision;
        let unobserved = Decision::not_judged(reason::ENGINE, "the observer failed");
        if let Some(observer) = &self.observer {
            let observe = || observer.observe(&event, args.shown().unwrap_or(&Value::Null));
            if let Err(error) = caught::call(observe) {
                // A call that the observer may not have recorded does not run either.
                tracing::error!(target: "perso", decision_id = %id, %error, "the observer failed: the call is denied");
                if decision.is_allowed() {
                    decision = &unobserved;
                }
            }
        }
        let mut denied = (!decision.is_allowed()).then(|| Denied::new(id, tool, decision));
        let recorded = match self.record.decision(&Event { decision, ..event }, judged) {
            Ok(recorded) => Some(recorded),
            Err(error) => {
                denied = denied.or_else(|| self.unrecorded(tool, &error));
                None
            }
        };
        (denied.filter(|_| !self.observe), recorded)
    }

    /// Builds the answer to a denied call. For `is_task`, see [`Answer::new`].
    pub(crate) fn answer(&self, denied: &Denied, is_task: bool) -> Answer {
        let answer = |denial: &dyn Denial| Answer::new(denial, denied, is_task, self.hide);
        caught::call(|| answer(&*self.denial)).unwrap_or_else(|error| {
            tracing::error!(target: "perso", decision_id = %denied.id, %error, "the denial failed: the policy's message is sent");
            answer(&Message)
        })
    }

    /// Returns what the caller sees in lists: everything when only observing.
    pub(crate) async fn visibility(&self, caller: Caller) -> Visibility {
        let session = self.session_of(&self.policy.current(), &caller).await;
        let seen = if self.observe { Seen::Everything } else { Seen::By(caller.agent) };
        Visibility { policy: self.policy.clone(), context: self.context.clone(), session, seen }
    }
}

/// Returns whether some server may run a tool for this method: because it begins with `tools/` or is `tasks/update`, in
/// any spelling that a lenient server might accept. Ask this only for methods that the adapter does not judge.
pub(crate) fn may_run_tools(method: &str) -> bool {
    crate::fold::readings(method).any(|method| method.starts_with("tools/") || method == "tasks/update")
}
