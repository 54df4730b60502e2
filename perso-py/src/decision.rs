//! What comes out: a decision, its reason for the caller and its cause for the operator.

use perso_core::{CauseKind, Outcome, Problem};
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// The answer to one call. It is true in a condition just where the call may run.
#[pyclass(frozen, eq, module = "perso")]
#[derive(PartialEq)]
pub(crate) struct Decision {
    outcome: Outcome,
    /// The id of the rule that decided; `None` where the default decided or the call could not be judged.
    #[pyo3(get)]
    rule: Option<String>,
    /// For the caller, and so for the model: fixed when the policy was compiled, never a value of the call.
    #[pyo3(get)]
    reason: String,
    cause: Kept,
}

/// Why, for the operator and for programs.
#[pyclass(frozen, eq, module = "perso")]
#[derive(PartialEq, Clone)]
pub(crate) struct Cause(Kept);

/// A cause that outlives the policy.
#[derive(PartialEq, Clone)]
struct Kept {
    kind: CauseKind,
    rule: Option<String>,
    attribute: Option<String>,
    problem: Option<Problem>,
    detail: Option<String>,
    offset: Option<usize>,
}

impl From<perso_core::Decision<'_>> for Decision {
    fn from(decision: perso_core::Decision<'_>) -> Self {
        let perso_core::Decision { outcome, rule, reason, cause, .. } = decision;
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let perso_core::Cause { kind, rule: nearest, attribute, problem, detail, offset, .. } = cause;
        let cause =
            Kept { kind, rule: owned(nearest), attribute: owned(attribute), problem, detail: owned(detail), offset };
        Self { outcome, rule: owned(rule), reason: reason.to_owned(), cause }
    }
}

/// The denial of a call that can't be judged for a reason outside of it.
#[pyfunction]
pub(crate) fn not_judged(detail: &str) -> Decision {
    let cause = Kept {
        kind: CauseKind::Engine,
        rule: None,
        attribute: None,
        problem: None,
        detail: Some(detail.to_owned()),
        offset: None,
    };
    Decision { outcome: Outcome::Deny, rule: None, reason: "the call cannot be judged".to_owned(), cause }
}

#[pymethods]
impl Decision {
    /// What is to become of the call: `"allow"` or `"deny"`.
    #[getter]
    fn outcome(&self) -> &'static str {
        self.outcome.name()
    }

    /// Whether the call may run.
    #[getter]
    fn allowed(&self) -> bool {
        matches!(self.outcome, Outcome::Allow)
    }

    /// Why, for the operator and for programs.
    #[getter]
    fn cause(&self) -> Cause {
        Cause(self.cause.clone())
    }

    /// The decision as docs/decision.md has it: what `perso eval` prints.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        dict.set_item("decision", self.outcome.name())?;
        dict.set_item("rule", &self.rule)?;
        dict.set_item("reason", &self.reason)?;
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
    /// What kind of thing decided.
    #[getter]
    fn kind(&self) -> &'static str {
        self.0.kind.name()
    }

    /// With `no_rule`: the id of the nearest allow rule, the one whose reason is given.
    #[getter]
    fn rule(&self) -> Option<&str> {
        self.0.rule.as_deref()
    }

    /// The attribute that the deciding rule looked at last, as an author writes it (`args.amount`).
    #[getter]
    fn attribute(&self) -> Option<&str> {
        self.0.attribute.as_deref()
    }

    /// What was wrong with the attribute.
    #[getter]
    fn problem(&self) -> Option<&'static str> {
        self.0.problem.map(Problem::name)
    }

    /// With `malformed`, `limit` and `engine`: what exactly.
    #[getter]
    fn detail(&self) -> Option<&str> {
        self.0.detail.as_deref()
    }

    /// With `malformed` and `limit`, where the call was text: the byte it was noticed at.
    #[getter]
    fn offset(&self) -> Option<usize> {
        self.0.offset
    }

    /// The cause without what does not apply.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        dict.set_item("kind", self.kind())?;
        let texts = [
            ("rule", self.rule()),
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
