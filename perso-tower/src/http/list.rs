//! The tools in an answer to `tools/list`, without those that the caller could never call.
//!
//! A list may come where nobody asked for one: servers mix up answers to requests that have the same id. So every answer is
//! looked at.

use crate::shallow::Shallow;
use crate::tasks::{TaskCall, Tasks};
use crate::visibility::Visibility;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

/// Something that looks like a message, but cannot be read as one.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unreadable;

/// Leaves out of answers what a caller could never call.
#[derive(Debug)]
pub(super) struct Filter {
    pub(super) visibility: Visibility,
    /// Whether what is answered is `tools/list`.
    pub(super) is_asked: bool,
    /// The call that is answered, which the answer may say to be a task from now on.
    pub(super) call: Option<(Tasks, TaskCall)>,
}

impl Filter {
    /// Whether answers come out as they went in.
    pub(super) const fn is_off(&self) -> bool {
        self.visibility.is_whole()
    }

    /// Whether there may be a list in it: every list has the word `tools`, in some case to readers that ignore it, or has an
    /// escape in the word. What has a NUL in it is not UTF-8 to every reader.
    pub(super) fn is_suspect(&self, bytes: &[u8]) -> bool {
        let is_tool = |at: usize| bytes.get(at..at + 4).is_some_and(|word| word.eq_ignore_ascii_case(b"tool"));
        self.is_asked
            || memchr::memchr(0, bytes).is_some()
            || memchr::memmem::find(bytes, b"\\u").is_some()
            || memchr::memchr2_iter(b't', b'T', bytes).any(is_tool)
            || (self.call.is_some() && memchr::memmem::find(bytes, b"taskId").is_some())
    }

    /// The message, or the batch of them, as the caller may see it; `None` if there is no list of tools in it.
    pub(super) fn shown(&mut self, text: &str) -> Result<Option<String>, Unreadable> {
        // Some readers skip a byte order mark.
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
            // No message, but JSON.
            _ if serde_json::from_str::<IgnoredAny>(text).is_ok() => Ok(None),
            _ => Err(Unreadable),
        }
    }

    fn one(&mut self, text: &str) -> Result<Option<String>, Unreadable> {
        let message = Shallow::read(text).filter(|message| !message.is_ambiguous(&["result"])).ok_or(Unreadable)?;
        // An error, or something that the server asks.
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
        // From the revision 2026-07-28 on lists can be cached, and may be shared unless they say otherwise.
        let private: &RawValue = serde_json::from_str(r#""private""#).map_err(|_| Unreadable)?;
        if ["cacheScope", "ttlMs", "resultType"].into_iter().any(|key| result.get(key).is_some()) {
            result.set("cacheScope", private);
        }
        Ok(Some(message.text_with("result", &result.text_with("tools", &format!("[{}]", shown.join(","))))))
    }

    /// A result that is no list, which only other methods have.
    const fn other(&self) -> Result<Option<String>, Unreadable> {
        if self.is_asked { Err(Unreadable) } else { Ok(None) }
    }
}

/// The id of the task that a call has become, as the revision 2026-07-28 or that of 2025-11-25 says it.
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
