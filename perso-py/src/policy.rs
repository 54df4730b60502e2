//! A policy that judges calls, and a call whose values have been read.

use crate::decision::Decision;
use crate::enforce::{Approvals, Step, Stepping};
use crate::error::LoadError;
use crate::ledger::Ledger;
use crate::value::{NOT_UTF8, Part, text};
use arc_swap::ArcSwap;
use perso_core::Call;
use perso_core::source::{Place, Reads};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;
use pyo3::types::{PyBytes, PyString, PyTuple};
use std::sync::Arc;
use std::time::SystemTime;

/// A policy that judges calls, from any number of threads.
#[pyclass(frozen, subclass, module = "perso._perso")]
pub(crate) struct Policy {
    current: ArcSwap<perso_core::Policy>,
}

fn load(py: Python<'_>, module: &[u8]) -> PyResult<perso_core::Policy> {
    py.detach(|| perso_core::Policy::from_module(module)).map_err(|error| LoadError::new_err(error.to_string()))
}

impl Policy {
    /// The policy that is active now.
    pub(crate) fn active(&self) -> Arc<perso_core::Policy> {
        self.current.load_full()
    }
}

#[pymethods]
impl Policy {
    #[new]
    fn new(py: Python<'_>, module: &[u8]) -> PyResult<Self> {
        Ok(Self { current: ArcSwap::from_pointee(load(py, module)?) })
    }

    /// Replaces the active module. Calls in flight finish with the module that they started with.
    ///
    /// Raises `LoadError` if the bytes are not a valid module. The active module then stays active.
    fn swap(&self, py: Python<'_>, module: &[u8]) -> PyResult<()> {
        self.current.store(Arc::new(load(py, module)?));
        Ok(())
    }

    /// The bytes of the active module.
    #[getter]
    fn module<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.current.load().module())
    }

    /// A policy that stays the one that is active now.
    fn pinned(&self) -> Self {
        Self { current: ArcSwap::new(self.active()) }
    }

    /// Whether some rule or limit of the active module reads what is known of the session.
    #[getter]
    fn reads_session(&self) -> bool {
        self.current.load().reads_session()
    }

    /// Whether some rule of the active module reads the time, `context.now`.
    #[getter]
    fn reads_time(&self) -> bool {
        self.current.load().reads_time()
    }

    /// What the active module judges: `tools`, and `resources` and `prompts` if its policy covers them.
    #[getter]
    fn covers<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let covers = self.current.load().covers();
        let words = [("tools", true), ("resources", covers.resources), ("prompts", covers.prompts)];
        let covered: Vec<_> = words.into_iter().filter(|(_, is_covered)| *is_covered).map(|(word, _)| word).collect();
        PyTuple::new(py, covered)
    }

    /// Whether no tool can have this name, because the policy uses names that begin like it for requests. Guards deny calls of
    /// such a tool.
    fn reserves(&self, tool: &Bound<'_, PyAny>) -> bool {
        name(tool).is_some_and(|tool| self.current.load().covers().reserves(&tool))
    }

    /// Judges a call. Never raises: a call that cannot be judged is denied, and the decision's `cause` says why.
    ///
    /// `args`, `agent`, `resource`, `context` and `session` are mappings, dataclasses, pydantic models, `Json`, `None`, `OPEN` or
    /// `WITHHELD`. With `now=True`, rules read the current time as `context.now`, unless `context` has a `now`. Guards do this by
    /// themselves.
    #[pyo3(signature = (tool, args=None, *, agent=None, resource=None, context=None, session=None, now=false))]
    #[expect(clippy::too_many_arguments, reason = "the parts of a call")]
    fn decide(
        &self,
        tool: &Bound<'_, PyAny>,
        args: Option<&Bound<'_, PyAny>>,
        agent: Option<&Bound<'_, PyAny>>,
        resource: Option<&Bound<'_, PyAny>>,
        context: Option<&Bound<'_, PyAny>>,
        session: Option<&Bound<'_, PyAny>>,
        now: bool,
    ) -> Decision {
        let policy = self.current.load();
        let Some(tool) = name(tool) else { return no_tool(&policy) };
        let reads = Parts::reads(&policy, &tool);
        let parts = Parts::read(reads, args, agent, context, session).timed(&policy, now);
        let resource = Part::read(reads, Place::RESOURCE, resource);
        policy.decide(&parts.call(&tool).resource(resource.as_part())).into()
    }

    /// Judges a call that is JSON text, as `str` or `bytes`.
    ///
    /// Raises `TypeError` if `call` is neither. Text that is not a valid call is denied.
    fn decide_json(&self, call: &Bound<'_, PyAny>) -> PyResult<Decision> {
        let policy = self.current.load();
        if let Ok(call) = call.cast::<PyString>() {
            return Ok(match call.to_str() {
                Ok(call) => policy.decide_json(call.as_bytes()),
                Err(_) => policy.decide_json(NOT_UTF8),
            }
            .into());
        }
        Ok(policy.decide_json(call.extract()?).into())
    }

    /// Whether the caller could ever call the tool: whether the call is allowed, or can be approved, with some arguments and
    /// some resource, and at some time if `context` has no `now`.
    #[pyo3(signature = (tool, *, agent=None, context=None, session=None))]
    fn could_allow(
        &self,
        tool: &Bound<'_, PyAny>,
        agent: Option<&Bound<'_, PyAny>>,
        context: Option<&Bound<'_, PyAny>>,
        session: Option<&Bound<'_, PyAny>>,
    ) -> bool {
        let policy = self.current.load();
        let Some(tool) = name(tool) else { return false };
        let parts = Parts::read(Parts::reads(&policy, &tool), None, agent, context, session);
        policy.could_allow(&parts.call(&tool))
    }

    /// Whether a call with these arguments is allowed, or can be approved, with some resource, and at some time if `context` has
    /// no `now`. For lists of resources (`mcp:resources/read` with `uri`) and of prompts (`mcp:prompts/list` with `name`).
    #[pyo3(signature = (tool, args=None, *, agent=None, context=None, session=None))]
    fn could_list(
        &self,
        tool: &Bound<'_, PyAny>,
        args: Option<&Bound<'_, PyAny>>,
        agent: Option<&Bound<'_, PyAny>>,
        context: Option<&Bound<'_, PyAny>>,
        session: Option<&Bound<'_, PyAny>>,
    ) -> bool {
        let policy = self.current.load();
        let Some(tool) = name(tool) else { return false };
        let parts = Parts::read(Parts::reads(&policy, &tool), args, agent, context, session);
        policy.could_list(&parts.call(&tool))
    }

    /// Whether the decision depends on the resource, so that you must fetch it.
    #[pyo3(signature = (tool, args=None, *, agent=None, context=None, session=None))]
    fn needs_resource(
        &self,
        tool: &Bound<'_, PyAny>,
        args: Option<&Bound<'_, PyAny>>,
        agent: Option<&Bound<'_, PyAny>>,
        context: Option<&Bound<'_, PyAny>>,
        session: Option<&Bound<'_, PyAny>>,
    ) -> bool {
        self.read(tool, args, agent, context, session, false).needs_resource()
    }

    /// Reads a call's values, each once, to judge them now or later with the module that is active now. With `now=True`, that
    /// includes the current time: see `decide`.
    #[pyo3(signature = (tool, args=None, *, agent=None, context=None, session=None, now=false))]
    fn read(
        &self,
        tool: &Bound<'_, PyAny>,
        args: Option<&Bound<'_, PyAny>>,
        agent: Option<&Bound<'_, PyAny>>,
        context: Option<&Bound<'_, PyAny>>,
        session: Option<&Bound<'_, PyAny>>,
        now: bool,
    ) -> Reading {
        let policy = self.current.load_full();
        let read = name(tool).map(|tool| {
            let parts = Parts::read(Parts::reads(&policy, &tool), args, agent, context, session).timed(&policy, now);
            (tool, parts)
        });
        Reading { policy, read }
    }
}

/// A call whose values have been read, except the resource. Later changes to the values have no effect.
#[pyclass(frozen, module = "perso")]
pub(crate) struct Reading {
    policy: Arc<perso_core::Policy>,
    /// The tool and the parts. `None` if the tool is not a string.
    read: Option<(PyBackedStr, Parts)>,
}

#[pymethods]
impl Reading {
    /// Judges the call with this resource. With `remembered=True`, as if what has to be remembered of it were.
    #[pyo3(signature = (resource=None, *, remembered=false))]
    fn decide(&self, resource: Option<&Bound<'_, PyAny>>, remembered: bool) -> Decision {
        let Some((tool, parts)) = &self.read else { return no_tool(&self.policy) };
        let resource = Part::read(Parts::reads(&self.policy, tool), Place::RESOURCE, resource);
        let call = parts.call(tool).resource(resource.as_part());
        if remembered { self.policy.assess(&call).decision.into() } else { self.policy.decide(&call).into() }
    }

    /// Takes a step towards the final decision, and remembers what has to be remembered if the call may run. `None` if the step has
    /// to wait for the ledger and `waits` is false.
    ///
    /// If a person has to be asked, `shown` is called for what they are shown.
    #[pyo3(signature = (ledger, approvals, resource=None, *, shown=None, waits=true))]
    fn step(
        &self,
        py: Python<'_>,
        ledger: Option<&Bound<'_, Ledger>>,
        approvals: &Bound<'_, Approvals>,
        resource: Option<&Bound<'_, PyAny>>,
        shown: Option<&Bound<'_, PyAny>>,
        waits: bool,
    ) -> PyResult<Option<Step>> {
        let Some((tool, parts)) = &self.read else { return Ok(Some(Step::of(no_tool(&self.policy)))) };
        let resource = Part::read(Parts::reads(&self.policy, tool), Place::RESOURCE, resource);
        let assessment = self.policy.assess(&parts.call(tool).resource(resource.as_part()));
        let stepping = Stepping { policy: &self.policy, tool, assessment };
        stepping.step(py, ledger.map(Bound::get), approvals.get(), shown, waits)
    }

    /// Whether the decision depends on the resource, so that you must fetch it.
    fn needs_resource(&self) -> bool {
        self.read.as_ref().is_some_and(|(tool, parts)| self.policy.needs_resource(&parts.call(tool)))
    }
}

/// The parts of a call, except the resource.
struct Parts {
    args: Part,
    agent: Part,
    context: Part,
    session: Part,
    /// When the call was made, if rules are to read that.
    time: Option<SystemTime>,
}

impl Parts {
    /// What the policy reads from a call to the tool. `None` if any call to the tool is denied.
    fn reads<'p>(policy: &'p perso_core::Policy, tool: &str) -> Option<Reads<'p>> {
        policy.reads(tool).ok().flatten()
    }

    fn read(
        reads: Option<Reads<'_>>,
        args: Option<&Bound<'_, PyAny>>,
        agent: Option<&Bound<'_, PyAny>>,
        context: Option<&Bound<'_, PyAny>>,
        session: Option<&Bound<'_, PyAny>>,
    ) -> Self {
        Self {
            args: Part::read(reads, Place::ARGS, args),
            agent: Part::read(reads, Place::AGENT, agent),
            context: Part::read(reads, Place::CONTEXT, context),
            session: Part::read(reads, Place::SESSION, session),
            time: None,
        }
    }

    /// With the current time, if that is wanted and the policy reads it.
    fn timed(mut self, policy: &perso_core::Policy, now: bool) -> Self {
        self.time = (now && policy.reads_time()).then(SystemTime::now);
        self
    }

    fn call<'c>(&'c self, tool: &'c str) -> Call<'c> {
        let call = Call::new(tool).args(self.args.as_part()).agent(self.agent.as_part());
        let call = call.context(self.context.as_part()).session(self.session.as_part());
        match self.time {
            Some(time) => call.at(time),
            None => call,
        }
    }
}

/// The tool's name, if it is a string.
fn name(tool: &Bound<'_, PyAny>) -> Option<PyBackedStr> {
    text(tool)?.ok()
}

/// The denial of a call whose tool is not a string.
fn no_tool(policy: &perso_core::Policy) -> Decision {
    policy.decide_json(br#"{"tool": null}"#).into()
}
