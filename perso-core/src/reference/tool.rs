//! Which rules are about a tool.

use crate::policy::{Policy, Rule};

/// Whether the policy lists its tools and this is none of them.
pub(super) fn is_unknown(policy: &Policy, name: &str) -> bool {
    policy.tools.as_ref().is_some_and(|tools| !tools.iter().any(|tool| tool == name))
}

/// Whether one of the rule's patterns matches.
pub(super) fn rule_matches(rule: &Rule, name: &str) -> bool {
    rule.tools.iter().any(|pattern| matches(&pattern.text, name))
}

/// Whether the rule is asked at all. For a tool that the policy names: a rule that matches. For any other: every rule
/// with a `*`, also one that turns out not to match.
pub(super) fn rule_is_asked(policy: &Policy, rule: &Rule, name: &str) -> bool {
    if is_unknown(policy, name) {
        return false;
    }
    let mut patterns = policy.rules.iter().flat_map(|rule| &rule.tools);
    if policy.tools.is_some() || patterns.any(|pattern| pattern.text == name && !name.contains('*')) {
        rule_matches(rule, name)
    } else {
        rule.tools.iter().any(|pattern| pattern.text.contains('*'))
    }
}

/// Whether `pattern` matches the whole name: each `*` is any run of characters, also none.
pub(super) fn matches(pattern: &str, name: &str) -> bool {
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
