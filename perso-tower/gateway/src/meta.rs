//! Tools that call and find other tools. What they call is judged as if the client had called it itself.

use rmcp::model::*;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeSet;

/// The longest name of a tool that another one can call, in bytes.
const LONGEST_NAME: usize = 128;
/// What a model reads in place of a list that is not as the configuration says.
const UNREADABLE: &str = "the tools that were found are withheld: the gateway cannot read them in this result, so it cannot leave out those \
     that you may not call";

/// What a tool does with other tools.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum MetaTool {
    /// It calls one.
    Calls {
        /// The argument with the tool's name.
        tool: String,
        /// The argument with the tool's arguments, an object.
        arguments: String,
    },
    /// It finds some.
    Finds {
        /// Where its results have the list: the JSON pointer of an array of objects with a `name`.
        tools: String,
    },
}

impl MetaTool {
    /// What is wrong with it.
    pub(crate) fn fault(&self) -> Option<&'static str> {
        match self {
            Self::Finds { tools } if !tools.is_empty() && !tools.starts_with('/') => {
                Some("`tools` is a JSON pointer: it begins with `/`, or is empty for the whole result")
            }
            Self::Calls { tool, arguments } if tool == arguments => {
                Some("`tool` and `arguments` are the same argument")
            }
            Self::Calls { .. } | Self::Finds { .. } => None,
        }
    }
}

/// The call in the arguments of another one, under the server's own name for its tool. The error is for the model.
pub(crate) fn inner(
    call: &CallToolRequestParams,
    tool: &str,
    arguments: &str,
) -> Result<CallToolRequestParams, String> {
    let argument = |name: &str| call.arguments.as_ref().and_then(|arguments| arguments.get(name));
    let Some(Value::String(name)) = argument(tool) else {
        return Err(format!("the argument `{tool}` must be the name of a tool"));
    };
    // Servers may read other names generously, as that of another tool.
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/');
    if name.is_empty() || name.len() > LONGEST_NAME || !name.chars().all(is_plain) {
        return Err(format!("the argument `{tool}` must be the name of a tool, exactly as it was found"));
    }
    let mut inner = CallToolRequestParams::new(name.clone());
    inner.arguments = match argument(arguments) {
        None => None,
        Some(Value::Object(arguments)) => Some(arguments.clone()),
        Some(_) => return Err(format!("the argument `{arguments}` must be an object")),
    };
    Ok(inner)
}

/// The names of the tools in a result.
pub(crate) fn found(result: &CallToolResult, pointer: &str) -> BTreeSet<String> {
    let texts = result.content.iter().filter_map(read);
    let names = |value: Value| {
        let tools = value.pointer(pointer).and_then(Value::as_array).into_iter().flatten();
        tools.filter_map(name).map(str::to_owned).collect::<Vec<_>>()
    };
    result.structured_content.iter().cloned().chain(texts).flat_map(names).collect()
}

/// Leaves only tools in a result that may be seen, and nothing that cannot be read.
pub(crate) fn filter(result: &mut CallToolResult, pointer: &str, is_seen: impl Fn(&str) -> bool) {
    // What went wrong is not a list.
    if result.is_error == Some(true) {
        return;
    }
    let keep = |value: &mut Value| match value.pointer_mut(pointer) {
        Some(Value::Array(tools)) => {
            tools.retain(|tool| name(tool).is_some_and(&is_seen));
            true
        }
        _ => false,
    };
    let is_readable = result.structured_content.as_mut().is_none_or(keep);
    let content = std::mem::take(&mut result.content).into_iter().filter_map(|block| {
        let mut value = read(&block)?;
        keep(&mut value).then(|| ContentBlock::text(value.to_string()))
    });
    result.content = content.collect();
    if !is_readable || (result.content.is_empty() && result.structured_content.is_none()) {
        *result = CallToolResult::error(vec![ContentBlock::text(UNREADABLE)]);
    }
}

/// The JSON in a block of content.
fn read(block: &ContentBlock) -> Option<Value> {
    serde_json::from_str(&block.as_text()?.text).ok()
}

fn name(tool: &Value) -> Option<&str> {
    tool.get("name")?.as_str()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "it is a test")]
mod tests {
    use super::*;
    use serde_json::json;

    fn call(arguments: Value) -> Result<CallToolRequestParams, String> {
        let mut call = CallToolRequestParams::new("call_tool");
        call.arguments = arguments.as_object().cloned();
        inner(&call, "tool_name", "parameters")
    }

    #[test]
    fn the_call_inside_is_read() {
        let inner = call(json!({ "tool_name": "pay", "parameters": { "amount": 800 }, "more": 1 })).unwrap();
        assert_eq!((&*inner.name, Value::from(inner.arguments.unwrap())), ("pay", json!({ "amount": 800 })));
        assert_eq!(call(json!({ "tool_name": "pay" })).unwrap().arguments, None);
    }

    #[test]
    fn what_a_server_could_read_otherwise_is_no_call() {
        for (arguments, words) in [
            (json!({}), "must be the name of a tool"),
            (json!({ "tool_name": 7 }), "must be the name of a tool"),
            (json!({ "tool_name": ["pay"] }), "must be the name of a tool"),
            (json!({ "tool_name": "" }), "exactly as it was found"),
            (json!({ "tool_name": " pay" }), "exactly as it was found"),
            (json!({ "tool_name": "pay\u{0}" }), "exactly as it was found"),
            (json!({ "tool_name": "p\u{430}y" }), "exactly as it was found"),
            (json!({ "tool_name": "p".repeat(129) }), "exactly as it was found"),
            (json!({ "tool_name": "pay", "parameters": "{\"amount\":1}" }), "must be an object"),
            (json!({ "tool_name": "pay", "parameters": null }), "must be an object"),
        ] {
            let error = call(arguments.clone()).unwrap_err();
            assert!(error.contains(words), "{arguments}: {error}");
        }
    }

    fn filtered(mut result: CallToolResult) -> CallToolResult {
        filter(&mut result, "/tools", |name| name == "look");
        result
    }

    #[test]
    fn what_may_not_be_seen_is_left_out() {
        let both = json!({ "tools": [{ "name": "look" }, { "name": "pay" }, { "title": "look" }, "look"], "total": 4 });
        let one = json!({ "tools": [{ "name": "look" }], "total": 4 });
        let mut result = CallToolResult::structured(both.clone());
        result.content.push(ContentBlock::text("pay is a tool"));
        assert!(found(&result, "/tools").iter().eq(["look", "pay"]));
        let result = filtered(result);
        assert_eq!(result.structured_content, Some(one.clone()));
        assert_eq!(result.content, [ContentBlock::text(one.to_string())]);
        let result = filtered(CallToolResult::success(vec![ContentBlock::text(both.to_string())]));
        assert_eq!(result.content, [ContentBlock::text(one.to_string())]);
    }

    #[test]
    fn what_cannot_be_read_is_withheld() {
        for result in [
            CallToolResult::success(vec![]),
            CallToolResult::success(vec![ContentBlock::text("pay: pays")]),
            CallToolResult::success(vec![ContentBlock::text(r#"{"found":[{"name":"look"}]}"#)]),
            CallToolResult::structured(json!({ "tools": { "pay": {} } })),
        ] {
            let result = filtered(result);
            assert_eq!((result.is_error, result.structured_content), (Some(true), None));
            assert_eq!(result.content, [ContentBlock::text(UNREADABLE)]);
        }
        let failed = CallToolResult::error(vec![ContentBlock::text("no index yet")]);
        assert_eq!(filtered(failed.clone()), failed);
    }
}
