//! Which rules are about a tool.

use crate::check::{Policy, Rule};

/// Whether the policy lists its tools and this is none of them.
pub(super) fn is_unknown(policy: &Policy, name: &str) -> bool {
    policy.tools.as_ref().is_some_and(|tools| !tools.iter().any(|tool| tool == name))
}

/// Whether one of the rule's patterns matches.
pub(super) fn rule_matches(rule: &Rule, name: &str) -> bool {
    rule.tools.iter().any(|pattern| matches(&pattern.text, name))
}

/// Whether `pattern` matches the whole name: each `*` is any run of characters, also none.
pub(super) fn matches(pattern: &str, name: &str) -> bool {
    let Some((literal, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(name) = name.strip_prefix(literal) else { return false };
    // The shortest run that lets the next literal match leaves the most for what follows.
    let mut name = name;
    let mut rest = rest;
    while let Some((literal, after)) = rest.split_once('*') {
        let Some(at) = name.find(literal) else { return false };
        name = &name[at + literal.len()..];
        rest = after;
    }
    name.ends_with(rest)
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
