//! Removes tools that the caller could never call from the answers to `tools/list`, and from other lists what the policy
//! covers and the caller could not read or get.
//!
//! A list may also arrive as the answer to another request: servers mix up requests that have the same id. So the
//! filter checks every answer.

use crate::shallow::Shallow;
use crate::tasks::{TaskCall, Tasks};
use crate::visibility::{Entry, Visibility};
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

/// The text may be a message, but it cannot be read unambiguously.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unreadable;

/// The keys of lists in results.
const LISTS: [&str; 5] = ["tools", "resources", "resourceTemplates", "skills", "prompts"];

/// Filters the answers to one request.
#[derive(Debug)]
pub(super) struct Filter {
    pub(super) visibility: Visibility,
    /// The key of the list that the request asks for, if it does.
    pub(super) asked: Option<&'static str>,
    /// The call, if the request is one. Its answer may turn it into a task.
    pub(super) call: Option<(Tasks, TaskCall)>,
}

impl Filter {
    /// Returns whether answers stay unchanged.
    pub(super) const fn is_off(&self) -> bool {
        self.visibility.is_whole()
    }

    /// Returns whether the bytes may have a list that is filtered, or a task for the call. The key of every list has one of
    /// these words, in any case for parsers that ignore case (for which `ſ` is an `s` and the sign for kelvin a `k`), or with
    /// an escape in it. Bytes with a NUL count too: a parser might take them for UTF-16.
    pub(super) fn is_suspect(&self, bytes: &[u8]) -> bool {
        let has = |word: &[u8], first: [u8; 2]| {
            let is_it =
                |at: usize| bytes.get(at..at + word.len()).is_some_and(|found| found.eq_ignore_ascii_case(word));
            memchr::memchr2_iter(first[0], first[1], bytes).any(is_it)
        };
        self.asked.is_some()
            || memchr::memchr(0, bytes).is_some()
            || ["\\u", "\u{17f}", "\u{212a}"].iter().any(|text| memchr::memmem::find(bytes, text.as_bytes()).is_some())
            || has(b"tool", *b"tT")
            || (self.visibility.filters("resources") && (has(b"resource", *b"rR") || has(b"skill", *b"sS")))
            || (self.visibility.filters("prompts") && has(b"prompt", *b"pP"))
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
        let lists: Vec<&str> = LISTS.into_iter().filter(|list| self.visibility.filters(list)).collect();
        if result.is_ambiguous(&lists) {
            return Err(Unreadable);
        }
        if let Some(task) = task(&result)
            && let Some((tasks, call)) = self.call.take()
        {
            tasks.insert(&task, call);
        }
        let mut texts = Vec::new();
        for list in lists {
            let Some(entries) = result.get(list) else { continue };
            let entries = match serde_json::from_str::<Vec<&RawValue>>(entries.get()) {
                Ok(entries) => entries.into_iter().map(RawValue::get),
                Err(_) if self.asked.is_some() => return Err(Unreadable),
                Err(_) => continue,
            };
            let shown: Vec<&str> = entries.filter(|entry| is_shown(&self.visibility, list, entry)).collect();
            texts.push((list, serde_json::from_str::<Box<RawValue>>(&format!("[{}]", shown.join(",")))));
        }
        if texts.is_empty() {
            return Ok(None);
        }
        // From revision 2026-07-28 on, clients and proxies may cache and share a list unless it says otherwise.
        let private: &RawValue = serde_json::from_str(r#""private""#).map_err(|_| Unreadable)?;
        if ["cacheScope", "ttlMs", "resultType"].into_iter().any(|key| result.get(key).is_some()) {
            result.set("cacheScope", private);
        }
        for (list, text) in &texts {
            result.replace(list, text.as_ref().map_err(|_| Unreadable)?);
        }
        Ok(Some(message.text_with("result", &result.text())))
    }

    /// Returns the outcome for a result that is not a list: an error if the request was for one.
    const fn other(&self) -> Result<Option<String>, Unreadable> {
        if self.asked.is_some() { Err(Unreadable) } else { Ok(None) }
    }
}

/// Returns the id of the task that a call has become, in the form of revision 2026-07-28 or 2025-11-25.
fn task(result: &Shallow<'_>) -> Option<String> {
    if result.string("resultType").as_deref() == Some("task") {
        return result.string("taskId");
    }
    result.object("task")?.string("taskId")
}

fn is_shown(visibility: &Visibility, list: &str, entry: &str) -> bool {
    let key = match list {
        "resources" | "skills" => "uri",
        "resourceTemplates" => "uriTemplate",
        _ => "name",
    };
    let entry = Shallow::read(entry).filter(|entry| !entry.is_ambiguous(&[key]));
    entry.and_then(|entry| entry.string(key)).is_some_and(|name| {
        visibility.shows(match list {
            "tools" => Entry::Tool(&name),
            "prompts" => Entry::Prompt(&name),
            _ => Entry::Resource(&name),
        })
    })
}
