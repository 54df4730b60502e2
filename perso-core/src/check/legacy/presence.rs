//! `FieldPresent` on what is likely a boolean.

use std::collections::HashSet;

use crate::diagnostic::{Code, Diagnostic, Diagnostics, quoted};
use crate::span::Span;

/// What the rules tell of attributes.
#[derive(Debug, Default)]
pub(super) struct Fields {
    /// Those tested for presence, and where.
    present: Vec<(String, Span)>,
    /// Those compared with each other.
    equal: Vec<(String, String)>,
    /// Those compared with `true` or `false` as a string.
    boolean: HashSet<String>,
}

/// What the name of a boolean begins with.
const FIRST_WORDS: [&str; 10] = ["is", "has", "can", "may", "must", "should", "was", "allow", "enable", "needs"];
/// What the name of a boolean ends with.
const LAST_WORDS: [&str; 34] = [
    "accepted",
    "active",
    "admin",
    "allowed",
    "approved",
    "archived",
    "authenticated",
    "authorized",
    "banned",
    "blocked",
    "certified",
    "closed",
    "completed",
    "confirmed",
    "deleted",
    "disabled",
    "enabled",
    "encrypted",
    "expired",
    "external",
    "flag",
    "frozen",
    "granted",
    "internal",
    "locked",
    "passed",
    "public",
    "required",
    "restricted",
    "signed",
    "suspended",
    "trusted",
    "valid",
    "verified",
];

impl Fields {
    pub(super) fn present(&mut self, path: &str, place: Span) {
        self.present.push((path.to_owned(), place));
    }

    pub(super) fn equal(&mut self, one: &str, other: &str) {
        self.equal.push((one.to_owned(), other.to_owned()));
    }

    pub(super) fn boolean(&mut self, path: &str) {
        self.boolean.insert(path.to_owned());
    }

    pub(super) fn warn(&self, diagnostics: &mut Diagnostics) {
        let known = |path: &str| self.boolean.contains(path) || is_boolean_by_name(path);
        let mut boolean: HashSet<&str> = self.boolean.iter().map(String::as_str).collect();
        for (one, other) in &self.equal {
            if known(one) || known(other) {
                boolean.extend([one.as_str(), other.as_str()]);
            }
        }
        for (path, place) in &self.present {
            if boolean.contains(path.as_str()) || is_boolean_by_name(path) {
                let message = format!("{} is likely a boolean, and `false` counts as present", quoted(path));
                let test = serde_json::Value::from(path.as_str());
                let help =
                    format!("`perso migrate` turns this into `exists`; test for `true` instead: `{{{test}: true}}`");
                diagnostics.push(Diagnostic::new(Code::Presence, *place, message).help(help));
            }
        }
    }
}

/// Whether the last key of a path reads like a boolean: `mfa_verified`, `isAdmin`.
fn is_boolean_by_name(path: &str) -> bool {
    let key = path.trim_end_matches(['"', ']']).rsplit(['.', '"']).next().unwrap_or_default();
    let mut words: Vec<String> = vec![String::new()];
    let mut was_lower = false;
    for c in key.chars() {
        if !c.is_alphanumeric() || (c.is_uppercase() && was_lower) {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| c.is_alphanumeric()) {
            word.extend(c.to_lowercase());
        }
        was_lower = c.is_lowercase();
    }
    words.retain(|word| !word.is_empty());
    let (first, last) = (words.first().map(String::as_str), words.last().map(String::as_str));
    (words.len() > 1 && first.is_some_and(|word| FIRST_WORDS.contains(&word)))
        || last.is_some_and(|word| LAST_WORDS.contains(&word))
}

#[cfg(test)]
mod tests {
    use super::is_boolean_by_name;

    #[test]
    fn names_tell_booleans() {
        for path in
            ["agent.mfa_verified", "args.isAdmin", "resource.a[\"is-open\"]", "agent.verified", "agent.mfaEnabled"]
        {
            assert!(is_boolean_by_name(path), "{path}");
        }
        for path in ["agent.id", "resource.approved_by", "agent.verified_at", "args.island", "args.is", "agent.email"] {
            assert!(!is_boolean_by_name(path), "{path}");
        }
    }
}
