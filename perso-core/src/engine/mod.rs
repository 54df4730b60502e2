//! Runs modules: `load` checks one, `worker` judges frames with it, [`Policy`] is both for users.

mod load;
mod obligations;
mod reach;
mod worker;

pub use load::ModuleError;
pub use obligations::{Assessment, Charge, Limit, Obligations, Scalar, Window};

use crate::covers::Covers;
use crate::decision::{self, Cause, CauseKind, Decision, Hint};
use crate::frame::{self, Call, Part};
use crate::module::{Answer, hex, reason, sha256, signatures};
use load::Loaded;
use perso_decode::error::Class;
use perso_decode::{Error, Outcome, Reads, Table, call};
use regex_automata::util::pool::Pool;
use std::fmt;
use std::sync::{Arc, OnceLock};
use worker::{Failure, Owed, Worker};

/// A policy, ready to judge calls from any number of threads. A clone is the same policy.
///
/// Judging never fails and never panics: what cannot be judged is denied, and the decision's cause says why.
///
/// ```
/// # #[cfg(feature = "compile")] {
/// let policy = perso_core::Policy::compile(r#"{
///     "perso": 1,
///     "rules": [{ "id": "small", "allow": "process_refund", "when": { "args.amount": { "lte": 500 } } }]
/// }"#).unwrap();
/// let decision = policy.decide_json(br#"{ "tool": "process_refund", "args": { "amount": 800 } }"#);
/// assert!(!decision.is_allowed());
/// assert_eq!(decision.reason, "process_refund is allowed only if args.amount is at most 500 (rule `small`)");
/// # }
/// ```
#[derive(Clone)]
pub struct Policy {
    inner: Arc<Inner>,
}

/// Makes a worker for the pool.
type NewWorker = Box<dyn Fn() -> Worker + Send + Sync>;

struct Inner {
    loaded: Loaded,
    reads_time: bool,
    reads_labels: bool,
    sha256: OnceLock<String>,
    /// Instances that nobody uses now. Nothing is locked while one judges.
    workers: Pool<Worker, NewWorker>,
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Policy").field("rules", &self.inner.loaded.names.rules.len()).finish_non_exhaustive()
    }
}

impl Policy {
    /// Loads a module, after checking that it is one.
    ///
    /// # Errors
    ///
    /// [`ModuleError`] says what is wrong with the bytes.
    pub fn from_module(bytes: impl Into<Vec<u8>>) -> Result<Self, ModuleError> {
        let loaded = load::load(signatures::without(bytes.into()))?;
        let seed = loaded.seed.clone();
        let workers: NewWorker = Box::new(move || Worker::new(&seed));
        let workers = Pool::with_available_parallelism_capacity(workers);
        // A module that cannot even be started is found out here, not at the first call.
        workers.get().start().map_err(ModuleError::Start)?;
        let reads_time = loaded.names.read_time();
        let reads_labels = loaded.names.attributes.iter().any(|name| is_in(name, "session") && &**name != "session.id");
        Ok(Self { inner: Arc::new(Inner { loaded, reads_time, reads_labels, sha256: OnceLock::new(), workers }) })
    }

    /// The module's bytes.
    #[must_use]
    pub fn module(&self) -> &[u8] {
        &self.inner.loaded.bytes
    }

    /// The SHA-256 of the module, in hexadecimal digits, as `sha256sum` and `perso inspect` print it.
    #[must_use]
    pub fn sha256(&self) -> &str {
        self.inner.sha256.get_or_init(|| hex(&sha256(self.module())))
    }

    /// What the policy reads of a call to `tool`, for hosts that take values before they are judged; `None` if it does not
    /// know the tool.
    ///
    /// # Errors
    ///
    /// Where the tool's name is too long, or the module's table damaged: every call to it is denied.
    #[doc(hidden)]
    pub fn reads(&self, tool: &str) -> Result<Option<Reads<'_>>, Error> {
        Reads::of(self.inner.loaded.table()?, tool)
    }

    /// Judges a call.
    ///
    /// A call that a limit or a label of the policy is about is denied: nothing remembers it here. See
    /// [`assess`](Self::assess).
    #[must_use]
    pub fn decide(&self, call: &Call<'_>) -> Decision<'_> {
        self.judge(0, |table, memory| call.read(table, memory))
    }

    /// Judges a call, and finds out what has to be remembered of it: which limits it counts towards, and which labels its
    /// session gets. The decision holds only if all of it is remembered before the call runs.
    ///
    /// A call that cannot be counted, because the attribute that a limit adds up is no number that can be, or because the
    /// account has no name, is denied.
    ///
    /// ```
    /// # #[cfg(feature = "compile")] {
    /// use perso_core::{Call, Outcome, Policy};
    ///
    /// let policy = Policy::compile(r#"{
    ///     "perso": 1,
    ///     "rules": [{ "id": "refund", "allow": "process_refund", "when": { "args.amount": { "gt": 0, "lte": 500 } } }],
    ///     "limits": [{ "id": "refunds-a-day", "of": "process_refund", "per": "agent.id",
    ///                  "sum": "args.amount", "max": 2000, "window": "24h" }]
    /// }"#).unwrap();
    /// let call = Call::new("process_refund").arg("amount", 200).agent_attribute("id", "ann");
    /// let assessment = policy.assess(&call);
    /// assert_eq!(assessment.decision.outcome, Outcome::Allow);
    /// let charge = &assessment.obligations.charges[0];
    /// assert_eq!((&*charge.limit.id, charge.amount), ("refunds-a-day", 200 * 10_u128.pow(18)));
    ///
    /// // Without a ledger, such a call is denied.
    /// assert!(!policy.decide(&call).is_allowed());
    /// # }
    /// ```
    #[must_use]
    pub fn assess(&self, call: &Call<'_>) -> Assessment<'_> {
        self.judge_all(0, |table, memory| call.read(table, memory))
    }

    /// The same for a call that is JSON text, as [`decide_json`](Self::decide_json) takes it.
    #[must_use]
    pub fn assess_json(&self, call: &[u8]) -> Assessment<'_> {
        self.judge_all(call.len(), |table, memory| call::read(table, memory, call, call::Unknown::default()))
    }

    /// The same for a call that is one JSON value, as [`decide_value`](Self::decide_value) takes it.
    #[must_use]
    pub fn assess_value(&self, call: &serde_json::Value) -> Assessment<'_> {
        self.judge_all(0, |table, memory| frame::read_value(call, table, memory))
    }

    /// The same for a call that is JSON text, some parts of which are not known: see
    /// [`decide_json_partial`](Self::decide_json_partial).
    #[doc(hidden)]
    #[must_use]
    pub fn assess_json_partial(&self, call: &[u8], unknown: call::Unknown) -> Assessment<'_> {
        self.judge_all(call.len(), |table, memory| call::read(table, memory, call, unknown))
    }

    /// What the rules alone decide of such a call, whatever has to be remembered of it: for lists.
    #[doc(hidden)]
    #[must_use]
    pub fn outcome_json_partial(&self, call: &[u8], unknown: call::Unknown) -> decision::Outcome {
        self.outcome(call.len(), |table, memory| call::read(table, memory, call, unknown))
    }

    /// Whether the policy has limits or labels, so that a ledger is needed.
    #[must_use]
    pub fn needs_ledger(&self) -> bool {
        !self.inner.loaded.obligations.is_empty()
    }

    /// Whether some rule or limit reads what is known of the session, `session.id` or `session.labels`.
    #[must_use]
    pub fn reads_session(&self) -> bool {
        self.reads_part("session")
    }

    /// Whether some rule or limit reads what the session has seen, `session.labels`, so that the labels must be looked up.
    #[must_use]
    pub fn reads_labels(&self) -> bool {
        self.inner.reads_labels
    }

    /// Judges a call that is JSON text: `{"tool": …, "args": {…}, "agent": {…}, "resource": {…}, "context": {…}, "session": {…}}`.
    ///
    /// Allocates nothing once the policy has judged a call on this thread, as long as the call and what is read of it fit
    /// into 16 KiB.
    #[must_use]
    pub fn decide_json(&self, call: &[u8]) -> Decision<'_> {
        self.judge(call.len(), |table, memory| call::read(table, memory, call, call::Unknown::default()))
    }

    /// Judges a call that is JSON text, some parts of which are not known, whatever the text says of them.
    ///
    /// ```
    /// # #[cfg(feature = "compile")] {
    /// use perso_core::{PartName, Policy, Unknown};
    ///
    /// let policy = Policy::compile(r#"{
    ///     "perso": 1,
    ///     "rules": [{ "id": "own", "allow": "delete", "when": { "resource.owner": { "eq": { "ref": "agent.id" } } } }]
    /// }"#).unwrap();
    /// let call = br#"{ "tool": "delete", "agent": { "id": "ann" } }"#;
    /// let unknown = Unknown::default();
    /// assert!(policy.decide_json_partial(call, unknown.open(PartName::Resource)).is_allowed());
    /// assert!(!policy.decide_json_partial(call, unknown.withheld(PartName::Resource)).is_allowed());
    /// # }
    /// ```
    #[must_use]
    pub fn decide_json_partial(&self, call: &[u8], unknown: call::Unknown) -> Decision<'_> {
        self.judge(call.len(), |table, memory| call::read(table, memory, call, unknown))
    }

    /// Judges a call that is one JSON value, of the same form as [`decide_json`](Self::decide_json)'s.
    #[must_use]
    pub fn decide_value(&self, call: &serde_json::Value) -> Decision<'_> {
        self.judge(0, |table, memory| frame::read_value(call, table, memory))
    }

    /// Whether some rule reads the time, `context.now`. The module has no clock: set the time with [`Call::at`], or in the
    /// context.
    ///
    /// ```
    /// # #[cfg(feature = "compile")] {
    /// use perso_core::Policy;
    ///
    /// let policy = Policy::compile(r#"{
    ///     "perso": 1,
    ///     "rules": [{ "id": "this-year", "allow": "pay", "when": { "context.now": { "starts_with": "2026-" } } }]
    /// }"#).unwrap();
    /// assert!(policy.reads_time());
    /// # }
    /// ```
    #[must_use]
    pub fn reads_time(&self) -> bool {
        self.inner.reads_time
    }

    /// What the policy judges besides calls of tools. Guards judge requests for it, and deny calls of tools whose names it
    /// [reserves](Covers::reserves).
    #[must_use]
    pub fn covers(&self) -> Covers {
        self.inner.loaded.covers
    }

    /// Whether the caller could ever make such a call: whether some arguments and some resource could be allowed, or
    /// allowed after a person's approval, given the call's tool, agent and context. Use it to decide which tools to list.
    ///
    /// The time is left open as well, unless the call has one ([`Call::at`], or `now` in its context): a client keeps a list
    /// for longer than a moment, and a tool that it does not list cannot be called later either.
    #[must_use]
    pub fn could_allow(&self, call: &Call<'_>) -> bool {
        self.by_rules(&call.with_the_rest_open()) != decision::Outcome::Deny
    }

    /// Whether the caller could make a call with these very arguments: whether it would be allowed for some resource, or
    /// allowed after a person's approval. The time is open as in [`could_allow`](Self::could_allow). Use it to decide which
    /// resources and prompts to list, by calls of [`READ`](crate::request::READ) and [`LISTED`](crate::request::LISTED).
    ///
    /// ```
    /// # #[cfg(feature = "compile")] {
    /// use perso_core::{Call, Policy, request};
    ///
    /// let policy = Policy::compile(r#"{
    ///     "perso": 1,
    ///     "covers": ["tools", "prompts"],
    ///     "rules": [{ "id": "report", "allow": "mcp:prompts/get",
    ///                 "when": { "args.name": "report", "args.arguments.team": { "in": ["sales", "support"] } } }]
    /// }"#).unwrap();
    /// assert!(policy.could_list(&Call::new(request::LISTED).arg("name", "report")));
    /// assert!(!policy.could_list(&Call::new(request::LISTED).arg("name", "payroll")));
    /// # }
    /// ```
    #[must_use]
    pub fn could_list(&self, call: &Call<'_>) -> bool {
        self.by_rules(&call.with_resource_and_time_open()) != decision::Outcome::Deny
    }

    /// Whether the decision, or what has to be remembered of the call, depends on the resource, so that it must be fetched.
    #[must_use]
    pub fn needs_resource(&self, call: &Call<'_>) -> bool {
        // The one is the best that any resource can get, the other the worst.
        let best = self.by_rules(&call.with_resource(Part::Open));
        // Which limits read the resource is not known by tool.
        let counts = || self.needs_ledger() && self.reads_part("resource");
        best != decision::Outcome::Deny && (counts() || best != self.by_rules(&call.with_resource(Part::Withheld)))
    }

    /// Reads a call with `read`, whose heap takes at most `text` bytes if that is known, and judges it.
    fn judge(&self, text: usize, read: impl Fn(Table<'_>, &mut [u8]) -> Result<Outcome, Error>) -> Decision<'_> {
        match self.answer(text, read) {
            Ok((_, Some(_))) => unremembered(),
            Ok((answer, None)) => self.decision(answer),
            Err(failure) => failed(failure),
        }
    }

    /// The same, with what has to be remembered of the call.
    fn judge_all(&self, text: usize, read: impl Fn(Table<'_>, &mut [u8]) -> Result<Outcome, Error>) -> Assessment<'_> {
        let none = Obligations::default();
        match self.answer(text, read) {
            Ok((answer, None)) => Assessment { decision: self.decision(answer), obligations: none },
            Ok((answer, Some(Ok(obligations)))) => Assessment { decision: self.decision(answer), obligations },
            Ok((_, Some(Err(refusal)))) => {
                Assessment { decision: refusal.decision(&self.inner.loaded), obligations: none }
            }
            Err(failure) => Assessment { decision: failed(failure), obligations: none },
        }
    }

    /// What the rules alone decide: without limits, and with nothing to remember. With parts of the call [open](Part::Open), this is the best
    /// that a call with any such parts could get.
    ///
    /// ```
    /// # #[cfg(feature = "compile")] {
    /// use perso_core::{Call, Outcome, Part, Policy};
    /// use serde_json::json;
    ///
    /// let policy = Policy::compile(r#"{
    ///     "perso": 1,
    ///     "rules": [{ "id": "own", "allow": "delete",
    ///                 "when": { "resource.owner": { "eq": { "ref": "agent.id" } }, "args.soft": true } }]
    /// }"#).unwrap();
    /// let call = |owner: &str| {
    ///     Call::new("delete").args(Part::Open).agent(json!({ "id": "ann" })).resource(json!({ "owner": owner }))
    /// };
    /// assert_eq!(policy.by_rules(&call("ann")), Outcome::Allow);
    /// assert_eq!(policy.by_rules(&call("bob")), Outcome::Deny);
    /// # }
    /// ```
    #[must_use]
    pub fn by_rules(&self, call: &Call<'_>) -> decision::Outcome {
        self.outcome(0, |table, memory| call.read(table, memory))
    }

    fn outcome(&self, text: usize, read: impl Fn(Table<'_>, &mut [u8]) -> Result<Outcome, Error>) -> decision::Outcome {
        match self.answer(text, read) {
            Ok((answer, _)) => self.decision(answer).outcome,
            Err(_) => decision::Outcome::Deny,
        }
    }

    /// What the module answers, and what has to be remembered of the call if it may run and there is something.
    fn answer(
        &self,
        text: usize,
        read: impl Fn(Table<'_>, &mut [u8]) -> Result<Outcome, Error>,
    ) -> Result<(Answer, Option<Owed<'_>>), Failure> {
        let mut worker = self.inner.workers.get();
        let table = self.inner.loaded.table().map_err(|error| Failure::Call(error.code().anywhere()))?;
        worker.judge(&self.inner.loaded, text, |memory| read(table, memory))
    }

    /// Whether the policy reads anything in a part of the call.
    fn reads_part(&self, part: &str) -> bool {
        self.inner.loaded.names.attributes.iter().any(|name| is_in(name, part))
    }

    /// Puts an answer into words.
    fn decision(&self, answer: Answer) -> Decision<'_> {
        let Loaded { names, reasons, .. } = &self.inner.loaded;
        let rule = answer.rule.map(|rule| names.rules.get(rule as usize));
        let attribute = answer.attribute.map(|attribute| names.attributes.get(attribute as usize));
        // Numbers that the manifest has no names for: not a module of this compiler.
        if rule == Some(None) || attribute == Some(None) {
            return failed(Failure::Answer);
        }
        let (rule, attribute) = (rule.flatten(), attribute.flatten().map(|name| &**name));
        let id = rule.map(|rule| &*rule.id);
        let decided = answer.kind == CauseKind::Rule;
        // No answer of this compiler's: only a rule asks, and nothing is allowed for want of a rule.
        let is_possible = match answer.kind {
            CauseKind::NoRule => answer.outcome == decision::Outcome::Deny,
            CauseKind::Default => answer.outcome == decision::Outcome::Allow,
            _ => true,
        };
        if !is_possible {
            return failed(Failure::Answer);
        }
        let reason = match (answer.rule, answer.kind) {
            (Some(rule), CauseKind::NoRule) => reasons.nearest(rule as usize),
            (Some(rule), _) => reasons.decided(rule as usize),
            (None, CauseKind::Default) => reason::DEFAULT,
            (None, CauseKind::NoRule) => reason::NO_RULE,
            (None, _) => return failed(Failure::Answer),
        };
        let hint = match (answer.outcome, attribute, answer.problem) {
            (decision::Outcome::Allow, ..) => None,
            (_, Some(attribute), Some(problem)) => Hint::new(attribute, problem, answer.expected),
            _ => None,
        };
        let cause =
            Cause { rule: id.filter(|_| !decided), attribute, problem: answer.problem, ..Cause::of(answer.kind) };
        Decision::new(answer.outcome, id.filter(|_| decided), reason, hint, cause)
    }
}

/// Whether an attribute, or what it is read off, is in a part of the call.
fn is_in(attribute: &str, part: &str) -> bool {
    let at = attribute.rsplit(" of ").next().unwrap_or_default();
    at.strip_prefix(part).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// The denial of a call that something has to be remembered of, where nothing remembers it.
const fn unremembered() -> Decision<'static> {
    Decision::new(decision::Outcome::Deny, None, reason::LEDGER, None, Cause::of(CauseKind::Ledger))
}

/// The denial of a call that could not be judged.
fn failed(failure: Failure) -> Decision<'static> {
    let (kind, reason, detail, offset) = match failure {
        Failure::UnknownTool => (CauseKind::UnknownTool, reason::UNKNOWN_TOOL, None, None),
        Failure::Call(error) => match error.code().class() {
            Class::Malformed => {
                (CauseKind::Malformed, reason::MALFORMED, Some(error.code().message()), Some(error.offset()))
            }
            Class::Limit => (CauseKind::Limit, reason::LIMIT, Some(error.code().message()), Some(error.offset())),
            Class::Engine => (CauseKind::Engine, reason::ENGINE, Some(error.code().message()), None),
        },
        failure => (CauseKind::Engine, reason::ENGINE, Some(failure.message()), None),
    };
    let cause = Cause { detail, offset, ..Cause::of(kind) };
    Decision::new(decision::Outcome::Deny, None, reason, None, cause)
}
