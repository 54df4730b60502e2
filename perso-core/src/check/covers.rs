//! What a policy covers besides tools, and the rules about the requests for it.

use std::collections::HashMap;

use crate::covers::{Covers, PROMPTS, RESOURCES, TOOLS};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, quoted};
use crate::policy::{Policy, ToolPattern};
use crate::span::Span;
use crate::syntax::{Spanned, did_you_mean};

const WORDS: [&str; 3] = [TOOLS, RESOURCES, PROMPTS];

/// What the words of `covers` stand for, and where they are.
pub(super) fn listed(words: &[Spanned<&str>], diagnostics: &mut Diagnostics) -> (Covers, Vec<(String, Span)>) {
    let mut covers = Covers::NOTHING;
    let mut seen: HashMap<&str, Span> = HashMap::new();
    for word in words {
        if !covers.add(word.value) {
            let message = format!("a policy cannot cover {}", quoted(word.value));
            let help = did_you_mean(word.value, WORDS)
                .unwrap_or_else(|| format!("expected one of {}", WORDS.map(quoted).join(", ")));
            diagnostics.push(Diagnostic::new(Code::Covers, word.span, message).help(help));
        } else if let Some(first) = seen.insert(word.value, word.span) {
            let message = format!("duplicate {} in `covers`", quoted(word.value));
            diagnostics.push(Diagnostic::new(Code::Duplicate, word.span, message).label(first, "first listed here"));
        }
    }
    (covers, words.iter().map(|word| (word.value.to_owned(), word.span)).collect())
}

/// Reports patterns for requests that the policy does not cover, and tools that have the name of one.
pub(super) fn check(policy: &Policy, diagnostics: &mut Diagnostics) {
    for pattern in policy.scopes().flat_map(|rule| &rule.tools).filter(|pattern| pattern.is_request()) {
        if !matches_one(pattern, policy.covers) {
            pattern_without_request(pattern, policy.covers, diagnostics);
        }
    }
    for (tool, span) in policy.tools.iter().flatten().zip(&policy.places.tools) {
        if policy.covers.reserves(tool) {
            let message = format!("no tool of a policy with `covers` can be named {}", quoted(tool));
            let help = "remove it: names that begin with `mcp:` are those of requests, which `covers` adds";
            diagnostics.push(Diagnostic::new(Code::UncoveredRequest, *span, message).help(help));
        }
    }
}

/// Whether a pattern that matches nothing has been reported here.
pub(super) fn is_reported(pattern: &ToolPattern, covers: Covers) -> bool {
    pattern.is_request() && (!covers.is_nothing() || uncovered(pattern).is_some())
}

/// What a policy must cover so that a pattern matches a request.
fn uncovered(pattern: &ToolPattern) -> Option<&'static str> {
    [RESOURCES, PROMPTS].into_iter().find(|word| {
        let mut covers = Covers::NOTHING;
        covers.add(word) && matches_one(pattern, covers)
    })
}

fn matches_one(pattern: &ToolPattern, covers: Covers) -> bool {
    covers.requests().any(|request| pattern.matches(request))
}

fn pattern_without_request(pattern: &ToolPattern, covers: Covers, diagnostics: &mut Diagnostics) {
    let (message, help) = if let Some(word) = uncovered(pattern) {
        let message = format!("{} is judged only in a policy that covers {word}", quoted(&pattern.text));
        let words = covers.words().into_iter().filter(|word| *word != TOOLS).chain([word]);
        let words = [TOOLS].into_iter().chain(words).map(|word| format!("\"{word}\"")).collect::<Vec<_>>();
        (message, format!("cover them: `\"covers\": [{}]`", words.join(", ")))
    } else if !covers.is_nothing() {
        let message = format!("{} matches no request that the policy covers", quoted(&pattern.text));
        let help = did_you_mean(&pattern.text, covers.requests());
        let listed = || covers.requests().map(quoted).collect::<Vec<_>>().join(", ");
        (message, help.unwrap_or_else(|| format!("expected one of {}", listed())))
    } else {
        // Without `covers`, it is the name of a tool like any other.
        return;
    };
    diagnostics.push(Diagnostic::new(Code::UncoveredRequest, pattern.span, message).help(help));
}
