//! A decision, with its reason for the caller and its cause for the operator.

use perso_core::{CauseKind, Outcome, Problem};
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// The decision about one call. It is true in a condition only if the call may run now.
#[pyclass(frozen, eq, module = "perso")]
#[derive(PartialEq, Clone)]
pub(crate) struct Decision {
    outcome: Outcome,
    /// The id of the rule that decided. `None` if no rule decided.
    #[pyo3(get)]
    rule: Option<String>,
    /// Text for the caller, and therefore for the model. It is fixed when the policy is compiled and never contains a
    /// value of the call.
    #[pyo3(get)]
    reason: String,
    /// What is wrong with an argument, for example `args.amount must be a number`. `None` if the reason already says it or
    /// if no argument is at fault. It never contains a value of the call.
    #[pyo3(get)]
    hint: Option<String>,
    /// The text for the model if the call does not run. `None` for an allowed call.
    message: Option<String>,
    cause: Kept,
}

/// Why the call got its decision: details for operators and programs.
#[pyclass(frozen, eq, module = "perso")]
#[derive(PartialEq, Clone)]
pub(crate) struct Cause(Kept);

/// A cause that owns its texts, so that it can outlive the policy.
#[derive(PartialEq, Clone)]
struct Kept {
    kind: CauseKind,
    rule: Option<String>,
    limit: Option<String>,
    attribute: Option<String>,
    problem: Option<Problem>,
    detail: Option<String>,
    offset: Option<usize>,
}

impl From<perso_core::Decision<'_>> for Decision {
    fn from(decision: perso_core::Decision<'_>) -> Self {
        // An allowed call has no message for the model, and most calls are allowed.
        let message = (!decision.is_allowed()).then(|| decision.message().to_string());
        let perso_core::Decision { outcome, rule, reason, hint, cause, .. } = decision;
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let perso_core::Cause { kind, rule: nearest, limit, attribute, problem, detail, offset, .. } = cause;
        let cause = Kept {
            kind,
            rule: owned(nearest),
            limit: owned(limit),
            attribute: owned(attribute),
            problem,
            detail: owned(detail),
            offset,
        };
        let hint = hint.map(|hint| hint.to_string());
        Self { outcome, rule: owned(rule), reason: reason.to_owned(), hint, message, cause }
    }
}

/// The denial of a call that cannot be judged, for a reason outside the policy.
#[pyfunction]
pub(crate) fn not_judged(detail: &str) -> Decision {
    perso_core::Decision::not_judged("the call cannot be judged", detail).into()
}

#[pymethods]
impl Decision {
    /// The outcome: `"allow"`, `"ask"` (the call may run only after a person approves it) or `"deny"`.
    #[getter]
    fn outcome(&self) -> &'static str {
        self.outcome.name()
    }

    /// Whether the call may run now. `False` for `"ask"`.
    #[getter]
    fn allowed(&self) -> bool {
        matches!(self.outcome, Outcome::Allow)
    }

    /// The text for a model whose call does not run: the reason, the hint and, for `"ask"`, that the call needs the
    /// approval of a person. It never contains a value of the call.
    #[getter]
    fn message(&self) -> &str {
        self.message.as_deref().unwrap_or(&self.reason)
    }

    /// Why the call got this decision: details for operators and programs.
    #[getter]
    fn cause(&self) -> Cause {
        Cause(self.cause.clone())
    }

    /// The decision as a dict, in the form that `docs/decision.md` documents and `perso eval` prints.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        dict.set_item("decision", self.outcome.name())?;
        dict.set_item("rule", &self.rule)?;
        dict.set_item("reason", &self.reason)?;
        dict.set_item("hint", &self.hint)?;
        dict.set_item("cause", self.cause().to_dict(py)?)?;
        Ok(dict)
    }

    fn __bool__(&self) -> bool {
        self.allowed()
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!("Decision({})", self.to_dict(py)?.repr()?))
    }
}

#[pymethods]
impl Cause {
    /// What decided.
    #[getter]
    fn kind(&self) -> &'static str {
        self.0.kind.name()
    }

    /// For `no_rule`: the id of the nearest allow or ask rule, whose reason the decision gives. `None` if there is no
    /// such rule.
    #[getter]
    fn rule(&self) -> Option<&str> {
        self.0.rule.as_deref()
    }

    /// The id of the limit that the call does not fit, or that it cannot be counted towards.
    #[getter]
    fn limit(&self) -> Option<&str> {
        self.0.limit.as_deref()
    }

    /// The attribute that the rule read last, in the notation of policies (`args.amount`).
    #[getter]
    fn attribute(&self) -> Option<&str> {
        self.0.attribute.as_deref()
    }

    /// What is wrong with the attribute.
    #[getter]
    fn problem(&self) -> Option<&'static str> {
        self.0.problem.map(Problem::name)
    }

    /// For `malformed`, `limit`, `engine` and `ledger`: the exact fault.
    #[getter]
    fn detail(&self) -> Option<&str> {
        self.0.detail.as_deref()
    }

    /// For `malformed` and `limit`, if the call was text: the byte at which the fault was found, counted from 0.
    #[getter]
    fn offset(&self) -> Option<usize> {
        self.0.offset
    }

    /// The cause as a dict. A key that does not apply is absent.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        dict.set_item("kind", self.kind())?;
        let texts = [
            ("rule", self.rule()),
            ("limit", self.limit()),
            ("attribute", self.attribute()),
            ("problem", self.problem()),
            ("detail", self.detail()),
        ];
        for (key, text) in texts {
            if let Some(text) = text {
                dict.set_item(key, text)?;
            }
        }
        if let Some(offset) = self.offset() {
            dict.set_item("offset", offset)?;
        }
        Ok(dict)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!("Cause({})", self.to_dict(py)?.repr()?))
    }
}
