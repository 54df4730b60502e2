//! Decisions that depend on what has happened before: the steps from a call to its final decision, and what a person says.

use crate::decision::Decision;
use crate::ledger::{Ledger, wait};
use perso_core::enforce::{self, Approval, Asked, Enforced, Enforcer, Pending};
use perso_core::{Assessment, Outcome};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use serde_json::Value;
use std::mem;
use std::pin::pin;
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};

/// The approvals that a call has: none, until a person gives one.
#[pyclass(frozen, module = "perso._perso")]
pub(crate) struct Approvals(Mutex<Given>);

#[derive(Default)]
struct Given {
    approvals: enforce::Approvals,
    has_any: bool,
}

/// What a person is asked about: one call.
#[pyclass(frozen, module = "perso")]
pub(crate) struct Question(pub(crate) enforce::Question);

/// A question that is in the ledger.
#[pyclass(frozen, module = "perso._perso")]
pub(crate) struct Requested(pub(crate) enforce::Requested);

/// What was charged.
#[pyclass(frozen, module = "perso._perso")]
pub(crate) struct Receipt(pub(crate) enforce::Receipt);

/// What came of asking a person.
#[pyclass(frozen, eq, module = "perso")]
#[derive(PartialEq)]
pub(crate) struct Answer(pub(crate) enforce::Answer);

/// What is known of a call's decision.
#[pyclass(frozen, module = "perso._perso")]
pub(crate) struct Step {
    decision: Decision,
    /// Who has approved the call, if a person had to.
    #[pyo3(get)]
    approved_by: Option<String>,
    /// What was charged.
    #[pyo3(get)]
    receipt: Option<Py<Receipt>>,
    /// What to ask a person.
    #[pyo3(get)]
    question: Option<Py<Question>>,
    unapproved: Option<Unapproved>,
}

/// The denials of a call that a person did not approve.
struct Unapproved {
    denied: Decision,
    pending: Decision,
    unanswered: Decision,
    used: Decision,
    too_large: Decision,
    failed: Decision,
}

impl Unapproved {
    fn of(pending: Pending<'_>) -> Self {
        use enforce::Answer;
        let of = |answer: Answer| pending.answered(&answer).unwrap_or(pending.unasked()).into();
        Self {
            denied: of(Answer::Denied { by: String::new() }),
            pending: of(Answer::Pending),
            unanswered: of(Answer::Unanswered),
            used: of(Answer::Used),
            too_large: of(Answer::TooLarge),
            failed: pending.failed("nobody could be asked").into(),
        }
    }
}

#[pymethods]
impl Approvals {
    #[new]
    fn new() -> Self {
        Self(Mutex::default())
    }

    /// Adds the approval in an answer, and returns whether there is one.
    fn add(&self, question: &Bound<'_, Question>, answer: &Bound<'_, Answer>) -> PyResult<bool> {
        let enforce::Answer::Approved(approval) = &answer.get().0 else { return Ok(false) };
        let mut given = self.0.lock().map_err(|_| broken())?;
        given.approvals.add(&question.get().0, approval.clone());
        given.has_any = true;
        Ok(true)
    }
}

fn broken() -> PyErr {
    PyRuntimeError::new_err("a panic has left the approvals half-way")
}

#[pymethods]
impl Answer {
    /// The call may run. `by` is who has approved it, for the host's log.
    #[staticmethod]
    #[pyo3(signature = (*, by))]
    fn approved(by: String) -> Self {
        Self(enforce::Answer::Approved(Approval::by(by)))
    }

    /// The call may not run. `by` is who has denied it.
    #[staticmethod]
    #[pyo3(signature = (*, by))]
    fn denied(by: String) -> Self {
        Self(enforce::Answer::Denied { by })
    }

    /// Nobody has decided in time.
    #[staticmethod]
    fn unanswered() -> Self {
        Self(enforce::Answer::Unanswered)
    }

    /// The call is larger than what a person can be shown.
    #[staticmethod]
    fn too_large() -> Self {
        Self(enforce::Answer::TooLarge)
    }

    /// The answer, if the policy has changed since it was asked for: an approval is void.
    fn outdated(&self) -> Self {
        match &self.0 {
            enforce::Answer::Approved(_) => Self(enforce::Answer::Used),
            answer => Self(answer.clone()),
        }
    }

    /// Whether nobody has decided yet.
    #[getter]
    fn is_pending(&self) -> bool {
        matches!(self.0, enforce::Answer::Pending)
    }

    fn __repr__(&self) -> String {
        match &self.0 {
            enforce::Answer::Denied { by } => format!("Answer.denied(by={by:?})"),
            answer => format!("Answer({answer:?})"),
        }
    }
}

#[pymethods]
impl Question {
    /// The tool.
    #[getter]
    fn tool(&self) -> &str {
        &self.0.tool
    }

    /// The arguments, as the tool will get them.
    #[getter]
    fn args<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        py.import("json")?.call_method1("loads", (self.0.args.to_string(),))
    }

    /// Who wants to make the call: `agent.id` if it is a string, and empty otherwise.
    #[getter]
    fn agent(&self) -> &str {
        &self.0.agent
    }

    /// The id of the session.
    #[getter]
    fn session(&self) -> Option<&str> {
        self.0.session.as_deref()
    }

    /// The rule that asks; or, with a limit, the rule that lets the call through.
    #[getter]
    fn rule(&self) -> Option<&str> {
        self.0.rule.as_deref()
    }

    /// The limit that the call goes over.
    #[getter]
    fn limit(&self) -> Option<&str> {
        self.0.limit.as_deref()
    }

    /// Why a person is asked.
    #[getter]
    fn reason(&self) -> &str {
        &self.0.reason
    }

    /// A digest of all that must be the same when the call runs: the policy, the tool, the arguments, the caller, the session and
    /// what asks.
    #[getter]
    fn digest(&self) -> &[u8] {
        self.0.digest().as_bytes()
    }

    fn __repr__(&self) -> String {
        format!("Question({})", serde_json::to_string(&self.0).unwrap_or_default())
    }
}

#[pymethods]
impl Step {
    /// The decision: final, unless there is a question. Then it is the one where nobody can be asked.
    #[getter]
    fn decision(&self) -> Decision {
        self.decision.clone()
    }

    /// The denial of the call, after an answer that is no approval.
    fn unapproved(&self, answer: &Bound<'_, Answer>) -> Decision {
        let Some(unapproved) = &self.unapproved else { return self.decision() };
        match &answer.get().0 {
            enforce::Answer::Denied { .. } => &unapproved.denied,
            enforce::Answer::Pending => &unapproved.pending,
            enforce::Answer::Used => &unapproved.used,
            enforce::Answer::TooLarge => &unapproved.too_large,
            _ => &unapproved.unanswered,
        }
        .clone()
    }

    /// The denial of the call, because nobody could be asked.
    fn failed(&self) -> Decision {
        self.unapproved.as_ref().map_or_else(|| self.decision(), |unapproved| unapproved.failed.clone())
    }
}

/// What a person is shown of a call, as JSON texts: the arguments, and the caller. And the session's id.
type Shown = Option<(String, String, Option<String>)>;

/// A call that takes a step.
pub(crate) struct Stepping<'c> {
    pub(crate) policy: &'c perso_core::Policy,
    pub(crate) tool: &'c str,
    pub(crate) assessment: Assessment<'c>,
}

impl Stepping<'_> {
    /// Takes the step. `None` if that has to wait for the ledger, and must not.
    ///
    /// `shown` is called for what a person is shown, if one has to be asked; without it, nobody can be. It returns `None` for a
    /// call that nobody can be shown.
    pub(crate) fn step(
        self,
        py: Python<'_>,
        ledger: Option<&Ledger>,
        approvals: &Approvals,
        shown: Option<&Bound<'_, PyAny>>,
        waits: bool,
    ) -> PyResult<Option<Step>> {
        let Self { policy, tool, assessment } = self;
        // Taken out while the lock of the interpreter is not held.
        let given = mem::take(&mut *approvals.0.lock().map_err(|_| broken())?);
        let is_denied = assessment.decision.outcome == Outcome::Deny;
        let has_to_write = !is_denied && (given.has_any || !assessment.obligations.is_empty());
        let has_to_wait = has_to_write && ledger.is_some_and(|ledger| !ledger.is_instant);
        let stepped = if has_to_wait && !waits {
            Ok(None)
        } else {
            let none = Enforcer::default();
            let enforcer = ledger.map_or(&none, |ledger| &ledger.enforcer);
            let step = if has_to_write {
                wait(py, enforcer.step(assessment, &given.approvals))
            } else {
                // Nothing is written, so that nothing has to be waited for.
                at_once(enforcer.step(assessment, &given.approvals))
            };
            step.and_then(|step| match step {
                enforce::Step::Done(enforced) => Step::done(py, enforced),
                enforce::Step::Ask(pending) => Step::ask(py, policy, tool, pending, &given.approvals, shown),
            })
            .map(Some)
        };
        *approvals.0.lock().map_err(|_| broken())? = given;
        stepped
    }
}

/// The answer of a future that has one when it is first asked.
pub(crate) fn at_once<T>(future: impl Future<Output = T>) -> PyResult<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => Ok(answer),
        Poll::Pending => Err(PyRuntimeError::new_err("what needs no ledger had to wait for one")),
    }
}

impl Step {
    /// A decision for which nothing has to be remembered.
    pub(crate) const fn of(decision: Decision) -> Self {
        Self { decision, approved_by: None, receipt: None, question: None, unapproved: None }
    }

    fn done(py: Python<'_>, enforced: Enforced<'_>) -> PyResult<Self> {
        let Enforced { decision, approved_by, receipt, .. } = enforced;
        let receipt = receipt.map(|receipt| Py::new(py, Receipt(receipt))).transpose()?;
        Ok(Self { approved_by, receipt, ..Self::of(decision.into()) })
    }

    fn ask(
        py: Python<'_>,
        policy: &perso_core::Policy,
        tool: &str,
        pending: Pending<'_>,
        given: &enforce::Approvals,
        shown: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let step = Self { unapproved: Some(Unapproved::of(pending)), ..Self::of(pending.unasked().into()) };
        let Some(shown) = shown else { return Ok(step) };
        let Some((args, agent, session)) = shown.call0()?.extract::<Shown>()? else { return Ok(step) };
        let (Some(args), Some(agent)) = (exact(&args), exact(&agent)) else { return Ok(step) };
        let asked = Asked { tool, args: &args, agent: &agent, session: session.as_deref() };
        let question = Question(pending.question(policy, asked, given));
        Ok(Self { question: Some(Py::new(py, question)?), ..step })
    }
}

/// A JSON text's value, if it is the same as the text's. `None` for a text that has numbers beyond those of 64 bits, which would
/// lose digits.
fn exact(text: &str) -> Option<Value> {
    const BEYOND: f64 = 9_223_372_036_854_775_808.0;
    let value: Value = serde_json::from_str(text).ok()?;
    let mut rest = vec![&value];
    while let Some(value) = rest.pop() {
        match value {
            Value::Number(number) if number.is_f64() && number.as_f64()?.abs() >= BEYOND => return None,
            Value::Array(values) => rest.extend(values),
            Value::Object(members) => rest.extend(members.values()),
            _ => {}
        }
    }
    Some(value)
}
