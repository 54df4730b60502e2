//! `glob`: `?` is one character and `*` any run of characters, both but for the separator; `**` is any run of
//! characters.

/// Whether the glob matches the whole text.
#[expect(clippy::indexing_slicing, reason = "both lists have a place for each place in the text")]
pub(super) fn matches(glob: &str, separator: char, text: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    // Whether what there is of the glob so far matches the text up to each place in it.
    let mut reached = vec![false; text.len() + 1];
    reached[0] = true;
    let mut glob = glob.chars().peekable();
    while let Some(c) = glob.next() {
        let any = c == '*' && glob.next_if_eq(&'*').is_some();
        let mut next = vec![false; reached.len()];
        for at in 0..reached.len() {
            let before = at.checked_sub(1).and_then(|before| Some((before, *text.get(before)?)));
            next[at] = match (c, before) {
                // A run of characters may be empty, or be one longer than it was.
                ('*', None) => reached[at],
                ('*', Some((before, it))) => reached[at] || (next[before] && (any || it != separator)),
                (_, None) => false,
                ('?', Some((before, it))) => reached[before] && it != separator,
                (wanted, Some((before, it))) => reached[before] && it == wanted,
            };
        }
        reached = next;
    }
    reached.last() == Some(&true)
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
