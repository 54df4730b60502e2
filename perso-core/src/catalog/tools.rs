//! Tools that rules forget, and rules about tools that are not there.

use std::collections::HashSet;

use super::scope::{Scope, names};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, quoted};
use crate::policy::{Effect, Rule};
use crate::span::Span;
use crate::syntax::did_you_mean;

/// For so many names that are not there, a similar one is looked for.
const MAX_GUESSES: usize = 100;

pub(super) fn find(scope: &Scope<'_>, diagnostics: &mut Diagnostics) {
    missing(scope, diagnostics);
    if scope.is_policy {
        forgotten(scope, diagnostics);
        left_out(scope, diagnostics);
    }
}

/// Names and patterns for which the server has no tool.
fn missing(scope: &Scope<'_>, diagnostics: &mut Diagnostics) {
    let policy = scope.policy;
    let mut guesses = MAX_GUESSES;
    let mut report = |name: &str, span: Span| {
        if !scope.is_own(span) || scope.catalog.tools.contains_key(name) {
            return;
        }
        guesses = guesses.saturating_sub(1);
        let help = if guesses > 0 { similar(scope, name) } else { None };
        let message = format!("the server has no tool {}", quoted(name));
        diagnostics.push(Diagnostic::new(Code::MissingTool, span, message).maybe_help(help));
    };
    // With a list of tools, each pattern matches one of them.
    if let Some(listed) = &policy.tools {
        if scope.is_policy {
            listed.iter().zip(&policy.places.tools).for_each(|(tool, span)| report(tool, *span));
        }
        return;
    }
    for pattern in policy.rules.iter().flat_map(|rule| &rule.tools).filter(|pattern| !pattern.is_request()) {
        if !pattern.is_wildcard() {
            report(&pattern.text, pattern.span);
        }
    }
    for pattern in policy.rules.iter().flat_map(|rule| &rule.tools).filter(|pattern| !pattern.is_request()) {
        if pattern.is_wildcard() && scope.is_own(pattern.span) && !scope.matching.contains(pattern.text.as_str()) {
            let message = format!("no tool of the server matches {}", quoted(&pattern.text));
            let help = format!("the server has {}", names(scope.tools.iter().map(|(name, _)| *name)));
            diagnostics.push(Diagnostic::new(Code::IdlePattern, pattern.span, message).help(help));
        }
    }
}

/// What to do about a tool that is not there.
fn similar(scope: &Scope<'_>, name: &str) -> Option<String> {
    let tools = || scope.tools.iter().map(|(name, _)| *name);
    if let Some((server, own)) = name.split_once("__").filter(|(_, own)| scope.catalog.tools.contains_key(*own)) {
        return Some(format!("it has {}: give its list as `--tools {server}=FILE`", quoted(own)));
    }
    let prefixed = tools().find(|tool| tool.split_once("__").is_some_and(|(_, own)| own == name));
    let guess = prefixed.map(|tool| format!("did you mean {}?", quoted(tool))).or_else(|| did_you_mean(name, tools()));
    guess.or_else(|| Some(format!("the server has {}", names(tools()))).filter(|_| !scope.tools.is_empty()))
}

/// Tools that no rule is about.
fn forgotten(scope: &Scope<'_>, diagnostics: &mut Diagnostics) {
    let policy = scope.policy;
    let left_out: HashSet<&str> = scope.catalog.left_out.iter().map(String::as_str).collect();
    // A rule about all tools is about none in particular.
    let names_it = |rule: &Rule| rule.effect == Effect::Allow || rule.tools.iter().any(|pattern| pattern.text != "*");
    let forgotten: Vec<&str> = (scope.tools.iter().enumerate())
        .filter(|(tool, (name, _))| !left_out.contains(name) && !scope.rules(*tool).any(|(_, rule)| names_it(rule)))
        .map(|(_, (name, _))| *name)
        .collect();
    if forgotten.is_empty() {
        return;
    }
    let shown = names(forgotten.iter().copied());
    let (these, them) = match forgotten.len() {
        1 => (format!("the tool {shown}"), "it"),
        _ => (format!("the tools {shown}"), "them"),
    };
    let is_allowed = policy.default == Effect::Allow && policy.tools.is_none();
    let (code, outcome, help) = if is_allowed {
        (Code::UnjudgedTool, "allows", format!("write rules for {them}, or deny by default"))
    } else {
        let help = format!("write rules for {them}, or leave {them} out on purpose with `--left-out NAME`");
        (Code::DeniedTool, "denies", help)
    };
    let message = format!("no rule is about {these}, so the policy {outcome} {them}");
    let span = policy.places.default.unwrap_or_else(|| scope.start());
    diagnostics.push(Diagnostic::new(code, span, message).help(help));
}

/// Tools that are left out on purpose, and are not there or not left out.
fn left_out(scope: &Scope<'_>, diagnostics: &mut Diagnostics) {
    for name in &scope.catalog.left_out {
        let shown = quoted(name);
        let Some(tool) = scope.tools.iter().position(|(tool, _)| tool == name) else {
            let message = format!("the tool {shown} is left out on purpose, but the server does not have it");
            diagnostics.push(Diagnostic::new(Code::LeftOut, scope.start(), message).maybe_help(similar(scope, name)));
            continue;
        };
        let is_known = scope.policy.tools.as_ref().is_none_or(|tools| tools.contains(name));
        if let Some(rule) = scope.lets_through(tool) {
            let span = super::scope::pattern(rule, name).map_or(rule.span, |pattern| pattern.span);
            let message =
                format!("the tool {shown} is left out on purpose, but the rule {} is about it", quoted(&rule.id));
            let help = "remove it from the rule, or do not leave it out";
            diagnostics.push(Diagnostic::new(Code::LeftOut, span, message).help(help));
        } else if scope.policy.default == Effect::Allow && is_known && !scope.is_held_back(tool) {
            let span = scope.policy.places.default.unwrap_or_else(|| scope.start());
            let message = format!("the tool {shown} is left out on purpose, but the policy allows it by default");
            diagnostics.push(Diagnostic::new(Code::LeftOut, span, message).help("deny it, or deny by default"));
        }
    }
}
