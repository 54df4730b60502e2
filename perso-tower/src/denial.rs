//! What a denied caller gets: text that the model can act on.

use serde_json::{Map, Value, json};
use uuid::Uuid;

/// The key of `_meta` under which a denial tells programs of the decision.
pub const META: &str = "dev.perso/decision";

/// A call that was denied.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Denied {
    /// The decision's id, the one of its [`Event`](crate::Event).
    pub id: Uuid,
    /// The tool.
    pub tool: String,
    /// The rule that decided, or the nearest one.
    pub rule: Option<String>,
    /// For the caller, and so for the model.
    pub reason: String,
}

impl Denied {
    /// The decision, for programs.
    fn decision(&self) -> Value {
        json!({ "rule": self.rule, "decision_id": self.id.to_string() })
    }
}

/// Says what a denied caller gets. A function from [`Denied`] to a text is a `Denial` that says that text.
///
/// ```
/// use perso_tower::{Denial, Denied};
///
/// let denial = |denied: &Denied| format!("{} Ask a manager (decision {}).", denied.reason, denied.id);
/// # fn is_denial(_: impl Denial) {}
/// # is_denial(denial);
/// ```
pub trait Denial: Send + Sync + 'static {
    /// The text, for the model. It is what the result says and, for a task of the revision 2025-11-25, the error's message.
    fn text(&self, denied: &Denied) -> String;

    /// The members of the `CallToolResult` (MCP, "Tools"): the text, and the decision in `_meta` under [`META`]. Whatever
    /// another one says, the adapter sets `isError` and takes `structuredContent` away.
    fn result(&self, denied: &Denied) -> Map<String, Value> {
        Map::from_iter([
            ("content".to_owned(), json!([{ "type": "text", "text": self.text(denied) }])),
            ("_meta".to_owned(), json!({ META: denied.decision() })),
        ])
    }
}

impl<F: Fn(&Denied) -> String + Send + Sync + 'static> Denial for F {
    fn text(&self, denied: &Denied) -> String {
        self(denied)
    }
}

/// The reason as it stands in the policy.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reason;

impl Denial for Reason {
    fn text(&self, denied: &Denied) -> String {
        denied.reason.clone()
    }
}

/// A denial, ready to be sent.
#[derive(Debug)]
pub(crate) enum Answer {
    /// A result. Clients show it to the model.
    Result(Map<String, Value>),
    /// An error, for a call that was to become a task: with a result one client loses the reason.
    Error { code: i32, message: String, data: Value },
    /// What the server would say of a tool that it does not have.
    Unknown,
}

/// The code of a denial that can't be a result (JSON-RPC 2.0, 5.1: for servers to define).
const DENIED: i32 = -32000;

impl Answer {
    /// What to say of a call that was denied; `is_task` where the result would be a task of the revision 2025-11-25.
    pub(crate) fn new(denial: &dyn Denial, denied: &Denied, is_task: bool, hide: bool) -> Self {
        if hide {
            Self::Unknown
        } else if is_task {
            Self::Error { code: DENIED, message: denial.text(denied), data: json!({ META: denied.decision() }) }
        } else {
            let mut result = denial.result(denied);
            result.remove("structuredContent");
            result.insert("isError".to_owned(), Value::Bool(true));
            Self::Result(result)
        }
    }
}
