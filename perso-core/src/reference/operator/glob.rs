//! `glob`: `?` is one character and `*` any run of characters, both but for the separator; `**` is any run of
//! characters.

use std::collections::HashSet;

/// Whether the glob matches the whole text.
pub(super) fn matches(glob: &str, separator: char, text: &str) -> bool {
    let glob: Vec<char> = glob.chars().collect();
    let text: Vec<char> = text.chars().collect();
    Matcher { separator, failed: HashSet::new() }.matches(&glob, &text)
}

struct Matcher {
    separator: char,
    /// How much was left of the glob and of the text where they turned out not to match: no pair is tried twice.
    failed: HashSet<(usize, usize)>,
}

impl Matcher {
    fn matches(&mut self, glob: &[char], text: &[char]) -> bool {
        let at = (glob.len(), text.len());
        if self.failed.contains(&at) {
            return false;
        }
        let separator = self.separator;
        let is_match = match (glob, text) {
            ([], _) => text.is_empty(),
            (['*', '*', rest @ ..], [_, shorter @ ..]) => self.matches(rest, text) || self.matches(glob, shorter),
            (['*', '*', rest @ ..], []) => self.matches(rest, text),
            (['*', rest @ ..], [c, shorter @ ..]) if *c != separator => {
                self.matches(rest, text) || self.matches(glob, shorter)
            }
            (['*', rest @ ..], _) => self.matches(rest, text),
            (['?', rest @ ..], [c, shorter @ ..]) => *c != separator && self.matches(rest, shorter),
            ([wanted, rest @ ..], [c, shorter @ ..]) => wanted == c && self.matches(rest, shorter),
            ([_, ..], []) => false,
        };
        if !is_match {
            self.failed.insert(at);
        }
        is_match
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn stars_stop_at_the_separator_unless_there_are_two() {
        for (glob, text) in [
            ("", ""),
            ("/a/*", "/a/"),
            ("/a/*", "/a/b.c"),
            ("/a/**", "/a/b/c"),
            ("/a/**/z", "/a/b/c/z"),
            ("/a**", "/abc/d"),
            ("**", "a\n/é"),
            ("*.txt", ".txt"),
            ("?", "😀"),
            ("a?c", "a\u{301}c"),
            ("*a*b*", "xaxbx"),
            ("[a]{b}\\", "[a]{b}\\"),
        ] {
            assert!(matches(glob, '/', text), "{glob} {text}");
        }
        for (glob, text) in [
            ("", "a"),
            ("a", ""),
            ("/a/*", "/a/b/c"),
            ("/a/*", "/a"),
            ("/a/**/z", "/a/z"),
            ("?", ""),
            ("?", "/"),
            ("?", "ab"),
            ("a?c", "ac"),
            ("*", "/"),
            ("A", "a"),
            ("*.txt", "a.txt\n"),
            ("[ab]", "a"),
        ] {
            assert!(!matches(glob, '/', text), "{glob} {text}");
        }
        assert!(matches("*.acme.com", '.', "api.acme.com"));
        assert!(!matches("*.acme.com", '.', "a.b.acme.com"));
        assert!(matches("**.acme.com", '.', "a.b.acme.com"));
        assert!(!matches("**.acme.com", '.', "acme.com"));
        assert!(matches("*", '.', "a/b"));
    }

    #[test]
    fn many_stars_take_no_time() {
        assert!(!matches(&"*a".repeat(40), '/', &"a".repeat(39)));
        assert!(!matches(&"**a".repeat(40), '/', &format!("{}b", "a".repeat(200))));
    }
}
