//! Removes tools that the caller could never call from the answers to `tools/list`.
//!
//! A list may also arrive as the answer to another request: servers mix up requests that have the same id. So the
//! filter checks every answer.

use crate::shallow::Shallow;
use crate::tasks::{TaskCall, Tasks};
use crate::visibility::Visibility;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

/// The text may be a message, but it cannot be read unambiguously.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unreadable;

/// Filters the answers to one request.
#[derive(Debug)]
pub(super) struct Filter {
    pub(super) visibility: Visibility,
    /// Whether the request is `tools/list`.
    pub(super) is_asked: bool,
    /// The call, if the request is one. Its answer may turn it into a task.
    pub(super) call: Option<(Tasks, TaskCall)>,
}

impl Filter {
    /// Returns whether answers stay unchanged.
    pub(super) const fn is_off(&self) -> bool {
        self.visibility.is_whole()
    }

    /// Returns whether the bytes may have a list of tools, or a task for the call. Every list has the word `tools`, in
    /// any case for parsers that ignore case, or with an escape in it. Bytes with a NUL count too: a parser might take
    /// them for UTF-16.
    pub(super) fn is_suspect(&self, bytes: &[u8]) -> bool {
        let is_tool = |at: usize| bytes.get(at..at + 4).is_some_and(|word| word.eq_ignore_ascii_case(b"tool"));
        self.is_asked
            || memchr::memchr(0, bytes).is_some()
            || memchr::memmem::find(bytes, b"\\u").is_some()
            || memchr::memchr2_iter(b't', b'T', bytes).any(is_tool)
            || (self.call.is_some() && memchr::memmem::find(bytes, b"taskId").is_some())
    }

    /// Returns the message or batch as the caller may see it, or `None` if it stays unchanged.
    pub(super) fn shown(&mut self, text: &str) -> Result<Option<String>, Unreadable> {
        // Some parsers skip a byte order mark.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text).trim_start();
        match text.as_bytes().first() {
            Some(b'{') => self.one(text),
            Some(b'[') => {
                let batch: Vec<&RawValue> = serde_json::from_str(text).map_err(|_| Unreadable)?;
                let shown: Result<Vec<_>, _> = batch
                    .into_iter()
                    .map(|message| Ok(self.one(message.get())?.unwrap_or_else(|| message.get().to_owned())))
                    .collect();
                Ok(Some(format!("[{}]", shown?.join(","))))
            }
            // JSON, but not a message.
            _ if serde_json::from_str::<IgnoredAny>(text).is_ok() => Ok(None),
            _ => Err(Unreadable),
        }
    }

    fn one(&mut self, text: &str) -> Result<Option<String>, Unreadable> {
        let message = Shallow::read(text).filter(|message| !message.is_ambiguous(&["result"])).ok_or(Unreadable)?;
        // An error, or a request or notification from the server.
        if message.get("result").is_none() {
            return Ok(None);
        }
        let Some(mut result) = message.object("result") else { return self.other() };
        if result.is_ambiguous(&["tools"]) {
            return Err(Unreadable);
        }
        if let Some(task) = task(&result)
            && let Some((tasks, call)) = self.call.take()
        {
            tasks.insert(&task, call);
        }
        let Some(tools) = result.get("tools") else { return Ok(None) };
        let Ok(tools) = serde_json::from_str::<Vec<&RawValue>>(tools.get()) else { return self.other() };
        let shown: Vec<&str> =
            tools.into_iter().map(RawValue::get).filter(|tool| is_shown(&self.visibility, tool)).collect();
        // From revision 2026-07-28 on, clients and proxies may cache and share a list unless it says otherwise.
        let private: &RawValue = serde_json::from_str(r#""private""#).map_err(|_| Unreadable)?;
        if ["cacheScope", "ttlMs", "resultType"].into_iter().any(|key| result.get(key).is_some()) {
            result.set("cacheScope", private);
        }
        Ok(Some(message.text_with("result", &result.text_with("tools", &format!("[{}]", shown.join(","))))))
    }

    /// Returns the outcome for a result that is not a list of tools: an error if the request was `tools/list`.
    const fn other(&self) -> Result<Option<String>, Unreadable> {
        if self.is_asked { Err(Unreadable) } else { Ok(None) }
    }
}

/// Returns the id of the task that a call has become, in the form of revision 2026-07-28 or 2025-11-25.
fn task(result: &Shallow<'_>) -> Option<String> {
    if result.string("resultType").as_deref() == Some("task") {
        return result.string("taskId");
    }
    result.object("task")?.string("taskId")
}

fn is_shown(visibility: &Visibility, tool: &str) -> bool {
    let tool = Shallow::read(tool).filter(|tool| !tool.is_ambiguous(&["name"]));
    tool.and_then(|tool| tool.string("name")).is_some_and(|name| visibility.shows(&name))
}
