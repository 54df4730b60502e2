//! `matches`: a regular expression of the whole string.

use std::cell::RefCell;
use std::collections::HashMap;

use regex::{Regex, RegexBuilder};

/// How many expressions are kept.
const KEPT: usize = 256;

/// How large an expression may become, in bytes: more than any that the check lets pass.
const SIZE: usize = 1 << 26;

thread_local! {
    /// Reading an expression takes much longer than matching a short text.
    static READ: RefCell<HashMap<String, Option<Regex>>> = RefCell::new(HashMap::new());
}

/// Whether the expression matches the whole text. What is no expression matches nothing.
pub(super) fn matches(expression: &str, text: &str) -> bool {
    READ.with_borrow_mut(|read| {
        if read.len() > KEPT {
            read.clear();
        }
        let regex = read.entry(expression.to_owned()).or_insert_with(|| whole(expression));
        regex.as_ref().is_some_and(|regex| regex.is_match(text))
    })
}

/// Anchors an expression. One in verbose mode may end in a comment, which only a new line ends; in the other modes a
/// new line would be part of the expression.
fn whole(expression: &str) -> Option<Regex> {
    let read = |text: String| RegexBuilder::new(&text).dot_matches_new_line(true).size_limit(SIZE).build();
    read(expression.to_owned()).ok()?;
    read(format!(r"\A(?:{expression})\z")).or_else(|_| read(format!("\\A(?:{expression}\n)\\z"))).ok()
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn an_expression_matches_the_whole_text_or_not() {
        for (expression, text) in [
            ("a|ab", "ab"),
            ("a*?", "aaa"),
            ("(?i)ABC", "aBc"),
            ("^a$", "a"),
            (r"\p{L}+", "éß"),
            (".", "😀"),
            (".*", "a\nb"),
            ("a.b", "a\nb"),
            ("a.b", "a\rb"),
            ("(?R)a.b", "a\nb"),
            ("(?x) a . b # .", "a\nb"),
            ("", ""),
            ("(?x) a # comment )", "a"),
            ("(?x) a # )", "a"),
            ("(?m)^a$\n^b$", "a\nb"),
        ] {
            assert!(matches(expression, text), "{expression} {text:?}");
        }
        for (expression, text) in [
            ("a", "ab"),
            ("b", "ab"),
            ("a|ab", "abc"),
            ("a$", "a\n"),
            ("(?m)a$", "a\nb"),
            ("(?-s).*", "a\nb"),
            ("(?-s:a.).", "a\nb"),
            ("(?R-s)a.b", "a\rb"),
            ("(?m)^a$", "b\na\nb"),
            ("a)(b", "ab"),
            ("abc", "ABC"),
            ("(", "("),
        ] {
            assert!(!matches(expression, text), "{expression} {text:?}");
        }
    }

    #[test]
    fn what_explodes_elsewhere_takes_no_time() {
        assert!(!matches("(a+)+$", &format!("{}b", "a".repeat(100_000))));
    }
}
