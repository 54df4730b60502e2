//! Which rules are about a tool.

use crate::covers::request;
use crate::policy::{Attribute, Effect, Obligation, Policy, Root, Rule};

/// Whether the name is that of a prompt in a list.
fn is_listed(policy: &Policy, name: &str) -> bool {
    policy.covers.prompts && name == request::LISTED
}

/// The request that a name stands for, if the policy covers it.
fn request<'n>(policy: &Policy, name: &'n str) -> Option<&'n str> {
    if is_listed(policy, name) {
        return Some(request::GET);
    }
    policy.covers.requests().any(|request| request == name).then_some(name)
}

/// The part of the call that an attribute is in. For a prompt in a list, its arguments are in the resource.
pub(crate) fn root(policy: &Policy, attribute: &Attribute, name: &str) -> Root {
    if is_listed(policy, name) && attribute.is_of_prompt() { Root::Resource } else { attribute.root }
}

/// Whether the policy lists its tools and this is none of them.
pub(crate) fn is_unknown(policy: &Policy, name: &str) -> bool {
    let is_listed = |tools: &Vec<String>| tools.iter().any(|tool| tool == name);
    policy.tools.as_ref().is_some_and(|tools| !is_listed(tools)) && request(policy, name).is_none()
}

/// Whether one of the rule's patterns matches. Those of an allow rule match a request only if they begin like one.
pub(crate) fn rule_matches(policy: &Policy, rule: &Rule, name: &str) -> bool {
    let mut patterns = rule.tools.iter().map(|pattern| pattern.text.as_str());
    match request(policy, name) {
        Some(request) if rule.effect == Effect::Allow => {
            patterns.any(|pattern| pattern.starts_with("mcp:") && matches(pattern, request))
        }
        Some(request) => patterns.any(|pattern| matches(pattern, request)),
        None => patterns.any(|pattern| matches(pattern, name)),
    }
}

/// The obligations that calls of this name can have. To list a prompt is no call of it.
pub(crate) fn obligations<'p>(policy: &'p Policy, name: &str) -> impl Iterator<Item = (usize, &'p Obligation)> {
    let is_call = !is_listed(policy, name);
    policy.obligations.iter().enumerate().filter(move |_| is_call)
}

/// Whether the rule is asked at all. For a tool that the policy names: a rule that matches. For any other: every rule
/// with a `*`, also one that turns out not to match.
pub(crate) fn rule_is_asked(policy: &Policy, rule: &Rule, name: &str) -> bool {
    if is_unknown(policy, name) {
        return false;
    }
    let mut patterns = policy.scopes().flat_map(|rule| &rule.tools);
    let mut is_named = || patterns.any(|pattern| pattern.text == name && !name.contains('*'));
    if policy.tools.is_some() || request(policy, name).is_some() || is_named() {
        rule_matches(policy, rule, name)
    } else {
        rule.tools.iter().any(|pattern| pattern.text.contains('*'))
    }
}

/// Whether `pattern` matches the whole name: each `*` is any run of characters, also none.
pub(crate) fn matches(pattern: &str, name: &str) -> bool {
    let name: Vec<char> = name.chars().collect();
    // Which beginnings of the name, by length, the pattern so far matches: at first only the empty one.
    let mut matched: Vec<bool> = (0..=name.len()).map(|length| length == 0).collect();
    for c in pattern.chars() {
        matched = if c == '*' {
            let shortest = matched.iter().position(|is_match| *is_match);
            (0..=name.len()).map(|length| shortest.is_some_and(|shortest| length >= shortest)).collect()
        } else {
            let longer = matched.iter().zip(&name).map(|(is_match, next)| *is_match && *next == c);
            std::iter::once(false).chain(longer).collect()
        };
    }
    matched.last().copied().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn a_star_is_any_run_of_characters() {
        for (pattern, name) in [
            ("read", "read"),
            ("*", ""),
            ("*", "a/b\n"),
            ("**", "x"),
            ("db*", "db"),
            ("db*", "db.read"),
            ("*read", "db.read"),
            ("*read", "readread"),
            ("a*b*c", "aXbbYc"),
            ("a*b*c", "abc"),
            ("*a*", "bab"),
            ("a*a", "aa"),
            ("é*", "éé"),
        ] {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
    }

    #[test]
    fn all_else_is_itself() {
        for (pattern, name) in [
            ("read", "Read"),
            ("read", "read "),
            ("read", "reads"),
            ("", "a"),
            ("db*", "d"),
            ("a*a", "a"),
            ("a*b*c", "acb"),
            ("a?c", "abc"),
            ("[ab]", "a"),
            ("*ab*ab", "xab"),
        ] {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
    }
}
