//! Where reading stopped in a text, and why.

use crate::reference::show;

/// What is not read, and where it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stop {
    /// The byte of the text.
    pub at: usize,
    /// What is there, as in "backquotes".
    pub why: &'static str,
}

impl Stop {
    /// For the author of a policy: the reason, the line and column from 1 on, and what is written there.
    pub(super) fn show(self, text: &str) -> String {
        let Self { at, why } = self;
        let before = text.get(..at).unwrap_or(text);
        let rest = text.get(before.len()..).unwrap_or_default();
        if rest.is_empty() {
            return format!("{why} (at the end)");
        }
        let column = 1 + before.rsplit('\n').next().unwrap_or_default().chars().count();
        let rest = show::begin(rest);
        match before.matches('\n').count() {
            0 if !text.contains('\n') => format!("{why} (at column {column}: {rest})"),
            lines => format!("{why} (at line {}, column {column}: {rest})", lines + 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Stop;

    #[test]
    fn a_place_is_shown_with_what_is_there() {
        let show = |text: &str, at| Stop { at, why: "this" }.show(text);
        assert_eq!(show("a b", 2), r#"this (at column 3: "b")"#);
        assert_eq!(show("é\u{1b}b", 2), r#"this (at column 2: "\u001bb")"#);
        assert_eq!(show("a\nb c\n", 4), r#"this (at line 2, column 3: "c\n")"#);
        assert_eq!(show("a\nb", 0), r#"this (at line 1, column 1: "a\nb")"#);
        assert_eq!(show("a", 1), "this (at the end)");
        assert_eq!(show("", 0), "this (at the end)");
        // In the middle of a character, or behind the end.
        assert_eq!(show("é", 1), "this (at the end)");
        assert_eq!(show("a", 9), "this (at the end)");
        assert_eq!(show(&"a".repeat(99), 1), format!("this (at column 2: \"{}…)", "a".repeat(31)));
    }
}
