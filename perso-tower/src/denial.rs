//! The answer to a denied call: text that the model can act on.

use perso_core::{Decision, Outcome, request};
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// The key in `_meta` under which a denial carries the decision for programs: an object with `decision` (`"deny"` or
/// `"ask"`), `rule` (a string or null), `hint` (a string or null) and `decision_id` (a UUID).
pub const META: &str = "dev.perso/decision";

/// A call that did not run: it was denied, or it needs the approval of a person.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Denied {
    /// The decision's id, the same as in its [`Event`](crate::Event).
    pub id: Uuid,
    /// The tool's name, or the [name](perso_core::request) of a request; empty if the denied request names no tool, such as an
    /// update of an unknown task.
    pub tool: String,
    /// The id of the rule that decided. If no rule did, the id of the closest allow rule, if any.
    pub rule: Option<String>,
    /// [`Outcome::Ask`] if a person could approve the call, [`Outcome::Deny`] if it is denied.
    pub outcome: Outcome,
    /// The reason, written for the caller and thus for the model.
    pub reason: String,
    /// What is wrong with an argument, if the reason does not say it: `args.amount must be a number`.
    pub hint: Option<String>,
    /// The text for the model: the reason, the hint and, for [`Outcome::Ask`], that a person has to approve the call.
    pub message: String,
}

impl Denied {
    pub(crate) fn new(id: Uuid, tool: &str, decision: &Decision<'_>) -> Self {
        Self {
            id,
            tool: tool.to_owned(),
            rule: decision.rule.or(decision.cause.rule).map(str::to_owned),
            outcome: decision.outcome,
            reason: decision.reason.to_owned(),
            hint: decision.hint.map(|hint| hint.to_string()),
            message: decision.message().to_string(),
        }
    }

    /// Returns the decision, for programs.
    fn decision(&self) -> Value {
        json!({
            "decision": self.outcome.name(),
            "rule": self.rule,
            "hint": self.hint,
            "decision_id": self.id.to_string(),
        })
    }
}

/// Builds the answer to a denied call. A function from `&Denied` to `String` is a `Denial` that sends that text.
///
/// If a method panics, the caller gets [`Denied::message`].
///
/// ```
/// use perso_tower::{Denial, Denied};
///
/// let denial = |denied: &Denied| format!("{} Ask a manager (decision {}).", denied.message, denied.id);
/// # fn is_denial(_: impl Denial) {}
/// # is_denial(denial);
/// ```
pub trait Denial: Send + Sync + 'static {
    /// Returns the text for the model: the content of the result or, for a task or a request for a resource or a prompt, the
    /// message of the JSON-RPC error.
    fn text(&self, denied: &Denied) -> String;

    /// Returns the members of the `CallToolResult` (MCP, "Tools"). By default these are the text, and the decision in
    /// `_meta` under [`META`]. If you override this, the adapter still sets `isError` and removes `structuredContent`.
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

/// Sends [`Denied::message`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Message;

impl Denial for Message {
    fn text(&self, denied: &Denied) -> String {
        denied.message.clone()
    }
}

/// A denial, ready to send.
#[derive(Debug)]
pub(crate) enum Answer {
    /// A tool result, which clients show to the model.
    Result(Map<String, Value>),
    /// A JSON-RPC error, for requests whose results have no place for a reason, and for tasks: one client drops the reason
    /// if it gets a result instead.
    Error { code: i32, message: String, data: Value },
    /// The answer that the server gives for a tool that it does not have.
    Unknown,
}

/// The code of a denial that cannot be a result, from the range for server errors (JSON-RPC 2.0, 5.1).
const DENIED: i32 = -32000;

/// Returns the code and message with which a server says that it does not have what a request is for (MCP, "Resources"
/// and "Prompts", error handling). `is_typed` is true from revision 2026-07-28 on.
pub(crate) fn unknown(tool: &str, is_typed: bool) -> (i32, &'static str) {
    const INVALID_PARAMS: i32 = -32602;
    const RESOURCE_NOT_FOUND: i32 = -32002;
    match tool {
        request::GET => (INVALID_PARAMS, "Prompt not found"),
        request::COMPLETE => (INVALID_PARAMS, "Reference not found"),
        _ if is_typed => (INVALID_PARAMS, "Resource not found"),
        _ => (RESOURCE_NOT_FOUND, "Resource not found"),
    }
}

impl Answer {
    /// Builds the answer to a denied call. `is_task` is true for an update of a task, for a call of revision
    /// 2025-11-25 that asks for one, and for a request that calls no tool; `hide` is true if the tool must look as if it did not exist.
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
