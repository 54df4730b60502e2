//! The tools in an answer to `tools/list`, without those that the caller could never call.

use crate::shallow::Shallow;
use crate::sight::Sight;
use serde_json::value::RawValue;

/// Something that looks like a message, but can't be read as one.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unreadable;

/// The message, or the batch of them, as the caller may see it; `None` if there is no list of tools in it.
pub(super) fn filtered(sight: &Sight, text: &str) -> Result<Option<String>, Unreadable> {
    // Some readers skip a mark of the order of bytes.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).trim_start();
    if text.starts_with('[') {
        let batch: Vec<&RawValue> = serde_json::from_str(text).map_err(|_| Unreadable)?;
        let shown: Result<Vec<_>, _> = batch
            .into_iter()
            .map(|message| Ok(one(sight, message.get())?.unwrap_or_else(|| message.get().to_owned())))
            .collect();
        return Ok(Some(format!("[{}]", shown?.join(","))));
    }
    // Other things than messages are in streams as well, such as an address.
    if text.starts_with('{') { one(sight, text) } else { Ok(None) }
}

fn one(sight: &Sight, text: &str) -> Result<Option<String>, Unreadable> {
    let message = Shallow::read(text).ok_or(Unreadable)?;
    let Some(mut result) = message.object("result") else { return Ok(None) };
    let Some(tools) = result.get("tools") else { return Ok(None) };
    let Ok(tools) = serde_json::from_str::<Vec<&RawValue>>(tools.get()) else { return Ok(None) };
    let shown: Vec<&str> = tools.into_iter().map(RawValue::get).filter(|tool| is_shown(sight, tool)).collect();
    // From the revision 2026-07-28 on lists can be cached, and may be shared unless they say otherwise.
    let private: &RawValue = serde_json::from_str(r#""private""#).map_err(|_| Unreadable)?;
    if ["cacheScope", "ttlMs", "resultType"].into_iter().any(|key| result.get(key).is_some()) {
        result.set("cacheScope", private);
    }
    Ok(Some(message.text_with("result", &result.text_with("tools", &format!("[{}]", shown.join(","))))))
}

fn is_shown(sight: &Sight, tool: &str) -> bool {
    let tool = Shallow::read(tool).filter(|tool| !tool.is_ambiguous(&["name"]));
    tool.and_then(|tool| tool.string("name")).is_some_and(|name| sight.shows(&name))
}
