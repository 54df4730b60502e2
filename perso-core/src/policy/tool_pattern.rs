//! Which tool names a pattern matches.

use super::{Effect, Rule, ToolPattern};
use crate::covers::request;

impl ToolPattern {
    /// Whether the whole of a tool's name matches. Letter case counts; `*` is any run of characters, also none, and
    /// `/` is a character like any other. Takes time linear in the name for each `*`.
    ///
    /// ```
    /// use perso_core::policy::ToolPattern;
    ///
    /// let pattern = ToolPattern { text: "crm_*_read".into(), span: Default::default() };
    /// assert!(pattern.matches("crm_customer_read"));
    /// assert!(!pattern.matches("crm_read"));
    /// ```
    #[must_use]
    pub fn matches(&self, tool: &str) -> bool {
        matches(&self.text, tool)
    }

    /// Whether there is a `*` in it.
    #[must_use]
    pub fn is_wildcard(&self) -> bool {
        self.text.contains('*')
    }

    /// Whether it begins like the name of a request.
    pub(crate) fn is_request(&self) -> bool {
        self.text.starts_with(request::PREFIX)
    }

    /// Whether a rule with this effect is about a request that the policy covers. An allow rule is only if it names
    /// requests: `*` allows all tools, and no resource.
    pub(crate) fn matches_request(&self, effect: Effect, request: &str) -> bool {
        (effect != Effect::Allow || self.is_request()) && self.matches(request)
    }

    /// Whether it matches everything that the other one matches.
    ///
    /// A pattern that matches another's text covers it: what stands against a `*` of the other can only be a `*`.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        self.matches(&other.text)
    }
}

impl Rule {
    /// Whether the rule is about a request that the policy covers.
    pub(crate) fn is_about_request(&self, request: &str) -> bool {
        self.tools.iter().any(|pattern| pattern.matches_request(self.effect, request))
    }
}

/// The pieces between the `*` must stand in the name in order, the first at its beginning and the last at its end;
/// taking each at its first place is enough.
pub(super) fn matches(pattern: &str, tool: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == tool };
    let (middle, last) = rest.rsplit_once('*').map_or(("", rest), |(middle, last)| (middle, last));
    let Some(mut between) = tool.strip_prefix(first).and_then(|tool| tool.strip_suffix(last)) else { return false };
    for piece in middle.split('*') {
        match between.split_once(piece) {
            _ if piece.is_empty() => {}
            Some((_, after)) => between = after,
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn names_match_as_a_whole() {
        for (pattern, yes, no) in [
            ("a", vec!["a"], vec!["", "A", "aa", "a ", "a*"]),
            ("*", vec!["", "a", "a/b", "ä\n"], vec![]),
            ("a*", vec!["a", "ab", "a*"], vec!["", "ba"]),
            ("*a", vec!["a", "ba", "aa"], vec!["", "ab"]),
            ("a*a", vec!["aa", "aba", "aaa"], vec!["a", "ab"]),
            ("ab*ba", vec!["abba", "abxba"], vec!["aba", "ab", "abb"]),
            ("a*b*c", vec!["abc", "axbyc", "abbc", "abcbc"], vec!["ac", "acb", "abcx"]),
            ("a**b", vec!["ab", "axb"], vec!["a", "b"]),
            ("**", vec!["", "x"], vec![]),
            ("*ab*ab*", vec!["abab", "xabyabz"], vec!["ab", "aba"]),
            ("a?b", vec!["a?b"], vec!["axb"]),
        ] {
            for tool in yes {
                assert!(matches(pattern, tool), "{pattern} {tool}");
            }
            for tool in no {
                assert!(!matches(pattern, tool), "{pattern} {tool}");
            }
        }
    }

    #[test]
    fn hostile_patterns_take_no_time() {
        assert!(!matches(&"a*".repeat(128), &"a".repeat(1 << 20).replace('a', "b")));
        assert!(!matches(&format!("{}b", "a*".repeat(128)), &"a".repeat(1 << 20)));
    }

    #[test]
    fn covering_is_matching_the_text() {
        let covers = |outer: &str, inner: &str| matches(outer, inner);
        assert!(covers("*", "a*") && covers("a*", "ab*") && covers("a*", "a*") && covers("a*c", "a*b*c"));
        assert!(!covers("ab*", "a*") && !covers("a", "a*") && !covers("a*b", "a*") && !covers("*a", "*"));
    }
}
