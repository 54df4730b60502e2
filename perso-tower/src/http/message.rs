//! Reads JSON-RPC messages as far as the guard must understand them, and writes them again as it understood them.
//!
//! JSON parsers disagree about duplicate keys and about keys in another case. If the parts of a message that name what
//! is called have either, the message is refused: the server might read a different call than the guard.

use crate::closed::{Closed, Instead, Kind};
use crate::covered::{self, Asks, MOST_RESOURCES, NO_ARGUMENTS, TOO_MANY};
use crate::elicit::{Inputs, Round, shows_forms};
use crate::guard::may_run_tools;
use crate::shallow::Shallow;
use crate::visibility::Entry;
use perso_core::{Covers, request};
use serde_json::json;
use serde_json::value::RawValue;
use std::sync::Arc;
use std::time::Duration;

/// A client's message, by what it asks for.
#[derive(Debug)]
pub(super) enum Message {
    /// Something that policies do not judge.
    Other,
    /// To list what a policy judges. The key of the list in the result.
    List(&'static str),
    /// To call a tool.
    Call(CallMessage),
    /// To continue a task.
    Update(UpdateMessage),
    /// Something that the policy covers.
    Covered(CoveredMessage),
    /// Something that the host has turned off, or that the policy covers and cannot judge.
    Closed(ClosedMessage),
    /// To subscribe to notifications. The text is the message to pass on, without the notifications that the host has
    /// turned off.
    Listen(String),
    /// Something that the guard must refuse.
    Refused {
        /// The message's id as JSON, or `null` if it has none.
        id: String,
        /// The reason, for the client.
        why: &'static str,
    },
}

/// A `tools/call`.
#[derive(Debug)]
pub(super) struct CallMessage {
    /// The request's id as JSON.
    pub(super) id: String,
    pub(super) tool: String,
    /// The arguments as JSON.
    pub(super) args: Option<String>,
    /// Whether the request asks for a task in the form of revision 2025-11-25.
    pub(super) is_task: bool,
    /// The MCP revision that the request states, as requests do from 2026-07-28 on.
    pub(super) revision: Option<String>,
    /// The message to pass on, as it was understood.
    pub(super) text: String,
}

impl CallMessage {
    /// Opens a round of a call of revision 2026-07-28. If the client has answered the guard, the server does not get that.
    pub(super) fn open(&mut self, time: Duration) -> Arc<Round> {
        let message = Shallow::read(&self.text).unwrap_or_default();
        let mut params = message.object("params").unwrap_or_default();
        let capabilities = params.object("_meta").and_then(|meta| meta.object(CAPABILITIES)).unwrap_or_default();
        let elicitation = capabilities.get("elicitation").and_then(|it| serde_json::from_str(it.get()).ok());
        let responses = params.get(RESPONSES).map(|responses| responses.get().to_owned());
        let inputs = Inputs { responses, state: params.string(STATE) };
        let round = Round::open(inputs, shows_forms(elicitation.as_ref()), time);
        if round.is_answer() {
            let Inputs { responses, state } = round.inputs();
            let state = state.as_deref().map(|state| json!(state).to_string());
            params.retain(|key| key != RESPONSES && key != STATE);
            for (key, text) in [(RESPONSES, responses), (STATE, &state)] {
                if let Some(value) = text.as_deref().and_then(|text| serde_json::from_str(text).ok()) {
                    params.set(key, value);
                }
            }
            self.text = message.text_with("params", &params.text());
        }
        round
    }
}

/// A `tasks/update`.
#[derive(Debug)]
pub(super) struct UpdateMessage {
    /// The request's id as JSON.
    pub(super) id: String,
    /// The task's id.
    pub(super) task: String,
    /// The message to pass on, as it was understood.
    pub(super) text: String,
}

/// A request for something that the policy covers.
#[derive(Debug)]
pub(super) struct CoveredMessage {
    /// The request's id as JSON.
    pub(super) id: String,
    /// The tool that it is a call of.
    pub(super) request: &'static str,
    /// The arguments as JSON, for each call that it is.
    pub(super) calls: Vec<String>,
    /// What a completion is for.
    reference: Option<(Kind, String)>,
    /// The MCP revision that the request states, as requests do from 2026-07-28 on.
    pub(super) revision: Option<String>,
    /// The message to pass on, as it was understood.
    pub(super) text: String,
}

impl CoveredMessage {
    /// Returns what a completion is for, as it is in a list.
    pub(super) fn entry(&self) -> Option<Entry<'_>> {
        self.reference.as_ref().map(|(kind, name)| match kind {
            Kind::Prompts => Entry::Prompt(name),
            Kind::Resources => Entry::Resource(name),
        })
    }
}

/// A request for prompts or resources that the guard answers.
#[derive(Debug)]
pub(super) struct ClosedMessage {
    /// The request's id as JSON, or `None` for a notification.
    pub(super) id: Option<String>,
    pub(super) method: String,
    /// The MCP revision that the request states, as requests do from 2026-07-28 on.
    pub(super) revision: Option<String>,
    /// The guard's answer.
    pub(super) instead: Instead,
}

/// The keys that determine what is called.
const ENVELOPE: [&str; 4] = ["jsonrpc", "id", "method", "params"];
const PARAMS: [&str; 6] = ["name", "arguments", "task", "_meta", RESPONSES, STATE];

/// Those of all requests for resources and prompts.
const COVERED: [&str; 10] =
    ["uri", "name", "arguments", "ref", "argument", "context", "notifications", "_meta", RESPONSES, STATE];

const UPDATE: [&str; 3] = ["taskId", RESPONSES, "_meta"];

/// The key in `_meta` under which a request states its revision, from 2026-07-28 on (MCP, "_meta").
const REVISION: &str = "io.modelcontextprotocol/protocolVersion";

/// The key in `_meta` under which a request states what its client can do, from 2026-07-28 on.
const CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";

/// The keys of what a client sends for an earlier answer to its call.
const RESPONSES: &str = "inputResponses";
const STATE: &str = "requestState";

impl Message {
    /// Reads a message. `closed` is what the host has turned off, and `covers` what the policy covers.
    pub(super) fn read(text: &str, closed: Closed, covers: Covers) -> Self {
        if text.trim_start().starts_with('[') {
            return refused(None, "batches are not accepted");
        }
        let Some(message) = Shallow::read(text) else { return refused(None, "the body is not a JSON-RPC message") };
        if message.is_ambiguous(&ENVELOPE) {
            return refused(None, "a key of the message is duplicate, or spelled in another way");
        }
        let id = message.get("id");
        // An answer to a request of the server has no method.
        if message.get("method").is_none() {
            return Self::Other;
        }
        match message.string("method").as_deref() {
            None => refused(id, "the method must be a string"),
            Some("tools/list") => match waiting(&message) {
                Ok(_) => Self::List("tools"),
                Err(why) => refused(id, why),
            },
            Some("tools/call") => match call(&message) {
                Ok(call) => Self::Call(call),
                Err(why) => refused(id, why),
            },
            Some("tasks/update") => match update(&message) {
                Ok(update) => Self::Update(update),
                Err(why) => refused(id, why),
            },
            // A lenient server might take the method for another one, or have more methods that run tools.
            Some(method) if may_run_tools(method) => refused(id, "the method is unknown"),
            Some(_) if closed.is_nothing() && covers.is_nothing() => Self::Other,
            Some(method) => other(&message, method, closed, covers),
        }
    }
}

/// Reads a message that does not involve tools, when the host has turned something off, or the policy covers something.
fn other(message: &Shallow<'_>, method: &str, closed: Closed, covers: Covers) -> Message {
    if method == "subscriptions/listen"
        && let Some(text) = narrowed(message, closed)
    {
        return match Shallow::read(&text).map(|message| covered(&message, method, request::SUBSCRIBE)) {
            Some(Ok(covered)) if covers.resources => Message::Covered(covered),
            Some(Err(why)) if covers.resources => refused(message.get("id"), why),
            _ => Message::Listen(text),
        };
    }
    let reference = reference(message);
    let reference = reference.as_deref();
    let instead = match (closed.instead(method, reference), covered::asks(covers, method, reference)) {
        (Some(instead), _) => instead,
        (None, Asks::Unknown(kind)) => Instead::Unknown(kind),
        (None, Asks::Nothing) => return Message::Other,
        (None, Asks::List(list)) => match waiting(message) {
            Ok(_) => return Message::List(list),
            Err(why) => return refused(message.get("id"), why),
        },
        (None, Asks::Call(request)) => match covered(message, method, request) {
            Ok(covered) => return Message::Covered(covered),
            Err(why) => return refused(message.get("id"), why),
        },
    };
    match request_id(message) {
        Ok(id) => {
            let revision = message.object("params").and_then(|params| revision(&params));
            Message::Closed(ClosedMessage { id, method: method.to_owned(), revision, instead })
        }
        Err(why) => refused(message.get("id"), why),
    }
}

fn call(message: &Shallow<'_>) -> Result<CallMessage, &'static str> {
    let id = waiting(message)?;
    let params = params(message, &PARAMS)?;
    Ok(CallMessage {
        id,
        tool: params.string("name").ok_or("the tool's name must be a string")?,
        args: params.get("arguments").map(|args| args.get().to_owned()),
        is_task: params.get("task").is_some_and(|task| task.get() != "null"),
        revision: revision(&params),
        text: message.text_with("params", &params.text()),
    })
}

fn update(message: &Shallow<'_>) -> Result<UpdateMessage, &'static str> {
    let id = waiting(message)?;
    let params = params(message, &UPDATE)?;
    let task = params.string("taskId").ok_or("the task's id must be a string")?;
    Ok(UpdateMessage { id, task, text: message.text_with("params", &params.text()) })
}

/// Reads a request for something that the policy covers.
fn covered(message: &Shallow<'_>, method: &str, request: &'static str) -> Result<CoveredMessage, &'static str> {
    let id = waiting(message)?;
    let mut params = params(message, &COVERED)?;
    let (revision, text) = (revision(&params), message.text_with("params", &params.text()));
    let (mut calls, mut reference) = (Vec::new(), None);
    match request {
        _ if method == "subscriptions/listen" => {
            let uris = subscriptions(&params)?;
            calls.extend(uris.iter().map(|uri| json!({ "uri": uri }).to_string()));
        }
        request::GET => drop(params.string("name").ok_or("the prompt's name must be a string")?),
        request::COMPLETE => {
            let asked = params.object("ref").filter(|asked| !asked.is_ambiguous(&["type", "name", "uri"]));
            let asked = asked.ok_or("a key of the reference is duplicate, or spelled in another way")?;
            reference = Some(match asked.string("type").as_deref() {
                Some("ref/prompt") => {
                    (Kind::Prompts, asked.string("name").ok_or("the prompt's name must be a string")?)
                }
                _ => (Kind::Resources, asked.string("uri").ok_or("the resource's uri must be a string")?),
            });
        }
        _ => drop(params.string("uri").ok_or("the resource's uri must be a string")?),
    }
    if method != "subscriptions/listen" {
        params.retain(|key| !NO_ARGUMENTS.contains(&key));
        calls.push(params.text());
    }
    Ok(CoveredMessage { id, request, calls, reference, revision, text })
}

/// Returns the URIs of the resources that a `subscriptions/listen` asks for.
fn subscriptions(params: &Shallow<'_>) -> Result<Vec<String>, &'static str> {
    const KEY: &str = "resourceSubscriptions";
    let asked = params.object("notifications").filter(|asked| !asked.is_ambiguous(&[KEY]));
    let asked = asked.ok_or("the notifications cannot be read")?;
    let uris = asked.get(KEY).map_or("null", RawValue::get);
    let uris: Option<Vec<String>> =
        serde_json::from_str(uris).map_err(|_| "the resources must be a list of strings")?;
    let uris = uris.unwrap_or_default();
    if uris.len() > MOST_RESOURCES { Err(TOO_MANY) } else { Ok(uris) }
}

/// Returns the revision that a request states.
fn revision(params: &Shallow<'_>) -> Option<String> {
    params.object("_meta")?.string(REVISION)
}

/// Returns the type of a completion's reference, or `None` if JSON parsers could disagree about it.
fn reference(message: &Shallow<'_>) -> Option<String> {
    let reference = params(message, &["ref"]).ok()?.object("ref")?;
    (!reference.is_ambiguous(&["type"])).then(|| reference.string("type"))?
}

/// Returns a `subscriptions/listen` without the notifications that the host has turned off, or `None` if it cannot be
/// read.
fn narrowed(message: &Shallow<'_>, closed: Closed) -> Option<String> {
    let params = params(message, &["notifications"]).ok()?;
    let mut asked = params.object("notifications")?;
    asked.retain(|key| !closed.narrows(key));
    Some(message.text_with("params", &params.text_with("notifications", &asked.text())))
}

/// Returns the id of a request as JSON. A notification is an error: it could run a tool, but no answer could report a
/// denial.
fn waiting(message: &Shallow<'_>) -> Result<String, &'static str> {
    request_id(message)?.ok_or("a request needs an id")
}

/// Returns the request's id as JSON, or `None` for a notification.
fn request_id(message: &Shallow<'_>) -> Result<Option<String>, &'static str> {
    match message.get("id") {
        Some(id) if !is_id(id) => Err("the id must be a string or an integer"),
        id => Ok(id.map(|id| id.get().to_owned())),
    }
}

fn params<'m>(message: &Shallow<'m>, keys: &[&str]) -> Result<Shallow<'m>, &'static str> {
    let params = message.object("params").ok_or("the message needs params")?;
    if params.is_ambiguous(keys) {
        return Err("a key of the params is duplicate, or spelled in another way");
    }
    Ok(params)
}

fn refused(id: Option<&RawValue>, why: &'static str) -> Message {
    let id = id.filter(|id| is_id(id)).map_or("null", RawValue::get);
    Message::Refused { id: id.to_owned(), why }
}

/// Returns whether the value is a string or an integer, as ids must be.
fn is_id(id: &RawValue) -> bool {
    let id = id.get();
    id.starts_with('"') || id.strip_prefix('-').unwrap_or(id).bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
#[expect(dead_code, reason = "these tests use only a part of it")]
#[path = "../../tests/integration/support/corpus.rs"]
mod corpus;

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Message {
        Message::read(text, Closed::default(), Covers::default())
    }

    fn why(text: &str) -> &'static str {
        match read(text) {
            Message::Refused { why, .. } => why,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn a_call_is_read_and_written_again() {
        let text = r#" {"jsonrpc":"2.0", "id":7, "method":"tools\/call",
            "params": {"n\u0061me":"t", "arguments": {"a": 1.50, "b": [ ]}, "x":1} } "#;
        let Message::Call(call) = read(text) else { panic!("no call") };
        assert_eq!((&*call.id, &*call.tool, call.is_task), ("7", "t", false));
        assert_eq!(call.args.as_deref(), Some(r#"{"a": 1.50, "b": [ ]}"#));
        assert_eq!(
            call.text,
            r#"{"jsonrpc":"2.0","id":7,"method":"tools\/call","params":{"name":"t","arguments":{"a": 1.50, "b": [ ]},"x":1}}"#
        );
    }

    #[test]
    fn what_a_call_is_of_is_known() {
        let call = |text| match read(text) {
            Message::Call(call) => call,
            other => panic!("{other:?}"),
        };
        let task = call(r#"{"id":1,"method":"tools/call","params":{"name":"t","task":{"ttl":1}}}"#);
        assert!(task.is_task);
        let text = r#"{"id":"a","method":"tools/call",
            "params":{"name":"t","task":null,"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}"#;
        let modern = call(text);
        assert!(!modern.is_task);
        assert_eq!((&*modern.id, modern.revision.as_deref()), ("\"a\"", Some("2026-07-28")));
    }

    #[test]
    fn what_is_ambiguous_is_refused() {
        let call = |params: &str| format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{params}}}"#);
        for params in [
            r#"{"name":"a","name":"b"}"#,
            r#"{"name":"a","Name":"b"}"#,
            r#"{"Name":"b"}"#,
            r#"{"name":"a","arguments":{},"arguments":{}}"#,
            r#"{"name":"a","\u0061rguments":{},"arguments":{}}"#,
            r#"{"name":"a","ARGUMENTS":{}}"#,
            r#"{"name":"a","argument\u017f":{}}"#,
            r#"{"name":"a","name ":"b"}"#,
            r#"{"name":"a","name\u0000":"b"}"#,
            r#"{"name":"a","task":null,"task":{}}"#,
        ] {
            assert!(why(&call(params)).contains("duplicate"), "{params}");
        }
        for text in [
            r#"{"method":"tools/list","method":"tools/call"}"#,
            r#"{"Method":"tools/call"}"#,
            r#"{"method":"tools/list","METHOD":"tools/call"}"#,
            r#"{"method":"tools/call","params":{"name":"a"},"Params":{"name":"b"}}"#,
            r#"{"result":{},"\u0000method":1,"method\u0000":"tools/call"}"#,
        ] {
            assert!(why(text).contains("duplicate"), "{text}");
        }
        for method in [
            "Tools/call",
            "TOOLS/CALL",
            " tools/call",
            "tools/call ",
            "tools/call\\u0000",
            "tool\\u017f/call",
            "tools/invoke",
        ] {
            assert_eq!(why(&format!(r#"{{"id":1,"method":"{method}"}}"#)), "the method is unknown");
        }
        assert_eq!(why("[]"), "batches are not accepted");
        assert_eq!(why(&format!(" [{}]", call(r#"{"name":"a"}"#))), "batches are not accepted");
        for text in ["", "{", "1", "\"tools/call\"", "{} {}", "\u{feff}{}", "{\"method\":1}", "{\"method\":null}"] {
            assert!(!why(text).is_empty(), "{text}");
        }
        for params in ["null", "[]", "{}", r#"{"name":1}"#, r#"{"name":null}"#] {
            assert!(!why(&call(params)).is_empty(), "{params}");
        }
        for id in ["null", "{}", "[]", "true", "1.5", "1e2", "-1.0"] {
            let text = format!(r#"{{"id":{id},"method":"tools/call","params":{{"name":"a"}}}}"#);
            assert_eq!(why(&text), "the id must be a string or an integer");
        }
    }

    #[test]
    fn other_messages_pass() {
        assert!(matches!(read(r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#), Message::List("tools")));
        for text in [
            r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"Name":1}}"#,
            r#"{"jsonrpc":"2.0","id":1,"result":{}}"#,
            r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
        ] {
            assert!(matches!(read(text), Message::Other), "{text}");
        }
    }

    #[test]
    fn what_is_turned_off_is_no_more_asked_for() {
        let text = r#"{"id":1,"method":"subscriptions/listen","params":{"x":1,"notifications":
            {"toolsListChanged":true,"resourcesListChanged":true,"RESOURCEsubscriptions":["a"],"promptsListChanged":true}}}"#;
        let closed = Closed { resources: true, prompts: false };
        let Message::Listen(left) = Message::read(text, closed, Covers::default()) else { panic!("{text}") };
        assert_eq!(
            left,
            r#"{"id":1,"method":"subscriptions/listen","params":{"x":1,"notifications":{"toolsListChanged":true,"promptsListChanged":true}}}"#
        );
        assert!(matches!(read(text), Message::Other));
    }

    #[test]
    fn each_message_of_the_corpus() {
        for case in corpus::messages("http") {
            // The service refuses a body that is not UTF-8 before this.
            let Ok(text) = std::str::from_utf8(&case.bytes) else { continue };
            let closed = Closed { prompts: case.denies("prompts"), resources: case.denies("resources") };
            let covers = perso_core::Policy::compile(&case.policy()).unwrap().covers();
            let does = match Message::read(text, closed, covers) {
                Message::List(_) => "lists",
                Message::Call(call) => {
                    assert_eq!(case.expected["tool"], call.tool, "{}", case.name);
                    "judges"
                }
                Message::Covered(covered) if covered.calls.is_empty() => "passes",
                Message::Covered(covered) => {
                    assert_eq!(case.expected["tool"], covered.request, "{}", case.name);
                    "judges"
                }
                // The guard knows none of the corpus's tasks.
                Message::Update(_) | Message::Closed(_) | Message::Refused { .. } => "refuses",
                Message::Other | Message::Listen(_) => "passes",
            };
            assert_eq!(does, case.does(), "{}", case.name);
        }
    }
}
