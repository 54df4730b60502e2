//! The text of a line: which bytes it may have, blanks, comments, names.

use super::{Read, refuse_if};

/// Variables whose value some shell evaluates, or in which it keeps that of another one.
const EVALUATED: &str = "ARGC ARGV0 BASHPID COLUMNS EGID EUID FUNCNEST GID HISTCMD HISTSIZE KEYTIMEOUT LINENO LINES \
    LISTMAX MAILCHECK OPTIND PPID PROMPT4 PS4 RANDOM SAVEHIST SECONDS SHLVL SRANDOM STTY TRY_BLOCK_ERROR \
    TRY_BLOCK_INTERRUPT TTYIDLE UID ZSH_SUBSHELL cdpath fignore fpath mailpath manpath module_path path psvar status \
    watch";

/// What a line may have: tab, newline, printable ASCII, and what is not ASCII.
pub(super) fn is_readable(c: char) -> bool {
    matches!(c, '\t' | '\n' | ' '..='~' | '\u{80}'..)
}

/// `[A-Za-z_][A-Za-z0-9_]*`
pub(super) fn is_name(text: &str) -> bool {
    text.starts_with(is_name_start) && text.chars().all(is_name_part)
}

/// What is refused if [`is_evaluated`].
pub(super) const EVALUATES: &str = "a variable that a shell evaluates or keeps for itself";

/// Whether some shell does more with the variable than to keep its value, so that no line may set it.
pub(super) fn is_evaluated(name: &str) -> bool {
    EVALUATED.split_whitespace().any(|evaluated| evaluated == name)
}

pub(super) fn is_name_start(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_'
}

pub(super) fn is_name_part(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// Where a word ends that is not in quotes.
pub(super) fn ends_word(c: char) -> bool {
    " \t\n;&|<>()".contains(c)
}

/// A text that is read from its begin to its end.
pub(super) struct Source<'t> {
    /// Where it ends in the line.
    end: usize,
    rest: &'t str,
    last: Option<char>,
}

impl<'t> Source<'t> {
    /// A text that begins `at` a byte of the line.
    pub(super) fn new(text: &'t str, at: usize) -> Self {
        Self { end: at + text.len(), rest: text, last: None }
    }

    /// Where the next character is in the line.
    pub(super) fn at(&self) -> usize {
        self.end - self.rest.len()
    }

    /// Refuses the line here.
    pub(super) fn refuse_if(&self, condition: bool, why: &'static str) -> Read<()> {
        refuse_if(condition, self.at(), why)
    }

    /// What is not yet read.
    pub(super) fn rest(&self) -> &'t str {
        self.rest
    }

    /// The next character, which stays.
    pub(super) fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    /// The character that was taken last.
    pub(super) fn last(&self) -> Option<char> {
        self.last
    }

    /// Takes the next character.
    pub(super) fn take(&mut self) -> Option<char> {
        let mut characters = self.rest.chars();
        let next = characters.next()?;
        self.rest = characters.as_str();
        self.last = Some(next);
        Some(next)
    }

    /// Takes `text` if it is next.
    pub(super) fn eat(&mut self, text: &str) -> bool {
        match self.rest.strip_prefix(text) {
            None => false,
            Some(rest) => {
                self.rest = rest;
                self.last = text.chars().last().or(self.last);
                true
            }
        }
    }

    /// Takes characters while they are such.
    pub(super) fn take_while(&mut self, is: impl Fn(char) -> bool) -> &'t str {
        let begin = self.rest;
        while self.peek().is_some_and(&is) {
            self.take();
        }
        self.taken_since(begin)
    }

    /// What was taken since `begin` was the rest.
    pub(super) fn taken_since(&self, begin: &'t str) -> &'t str {
        begin.strip_suffix(self.rest).unwrap_or(begin)
    }

    /// What is written up to where a word would end, if it had no quotes. It stays.
    pub(super) fn plain_word(&self) -> &'t str {
        self.rest.split(ends_word).next().unwrap_or_default()
    }

    /// Whether `:` and a letter follow, which zsh takes for a change of what is in front of it.
    pub(super) fn begins_modifier(&self) -> bool {
        self.rest.strip_prefix(':').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphabetic()))
    }

    /// Skips blanks, and behind a blank or a newline also each backslash with a newline.
    pub(super) fn skip_blanks(&mut self) {
        // Directly behind something else, the newline could join two operators.
        let is_gap = |last: Option<char>| matches!(last, Some(' ' | '\t' | '\n'));
        while self.eat(" ") || self.eat("\t") || (is_gap(self.last) && self.eat("\\\n")) {}
    }

    /// Skips what may be in front of a token: blanks, and a comment, which ends before its newline.
    pub(super) fn skip_gap(&mut self) {
        self.skip_blanks();
        if self.peek() == Some('#') {
            self.take_while(|c| c != '\n');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{assert_belongings, assert_commands, assert_refused};
    use super::{Source, is_name};

    #[test]
    fn bytes_that_no_line_has_are_refused() {
        for byte in 0..=0xffu8 {
            let c = char::from(byte);
            let is_read = matches!(c, '\t' | '\n' | ' '..='~') || byte >= 0x80;
            assert_eq!(super::super::read(&format!("a 'b{c}c'")).is_ok(), is_read && c != '\'', "{byte:#x}");
        }
        assert_refused(&["a\rb", "a\r\nb", "a \0", "a '\u{7f}'", "a # \u{1b}", "a <<b\n\u{8}\nb"]);
    }

    #[test]
    fn what_is_not_ascii_stands_in_quotes_here_documents_and_comments() {
        assert_commands(&[
            ("a 'é' \"ü\"", "a é ü"),
            ("a <<b\né\nb", "a"),
            ("a # é", "a"),
            ("sh -c 'a \"é\"'", "sh -c a \"é\"; a é"),
        ]);
        assert_refused(&[
            "a é",
            "é",
            "a b\u{a0}c",
            "a \\é",
            "é=b",
            "a > é",
            "a <<é\né",
            "a <<'é'\né",
            "a $é",
            "a ${é}",
            "a ${b:-é}",
            "a \"$é\"",
            "a \"$(b é)\"",
            "sh -c 'a é'",
        ]);
    }

    #[test]
    fn blanks_and_continued_lines_are_between_tokens() {
        assert_commands(&[
            (" \t a \t b \t ", "a b"),
            (" \\\na \\\n b \\\n\\\nc", "a b c"),
            ("a\t\\\nb\n\\\nc", "a b; c"),
            ("a \\\n#b", "a"),
            ("a; \\\nb", "a; b"),
            ("a && \\\nb \\\n| \\\n c", "a; b; c"),
            ("a > \\\nb", "a"),
            ("( \\\na\\ )", "a "),
            ("a 'b\\\nc'", "a b\\\nc"),
        ]);
        assert_refused(&[
            "\\\na",
            "a;\\\nb",
            "a &&\\\nb",
            "a &\\\n>b c",
            "a >\\\nb",
            "(\\\na)",
            "a $(\\\nb)",
            "a 'b'\\\n",
            "a\\\n",
            "a\\\nb",
            "a b\\\nc",
            "a \"b\\\nc\"",
            "a 2\\\n>b",
            "(a\\\n)",
            "a \\",
            "a \\ \\\n\\",
            "a &\\\n& b",
            "a |\\\n| b",
            "a |\\\n& b",
            "a >\\\n&1",
            "a >\\\n> b",
            "a <\\\n< b\nb",
            "a $\\\nb",
        ]);
    }

    #[test]
    fn comments_end_with_their_line() {
        assert_commands(&[
            ("# a\nb", "b"),
            ("a #b", "a"),
            ("a # b; c \\\n d", "a; d"),
            ("a # 'b", "a"),
            ("a;#b\nc", "a; c"),
            ("a b#c 'd'#e", "a b#c d#e"),
            ("a && # b\n c", "a; c"),
            ("(a)#b\n", "a"),
            ("(#b\na # )\n)", "a"),
            ("a $(#b )\nc)", "a ? …; c"),
            ("a &#b", "a"),
            ("if # b\na; then # c\nd; fi #e", "a; d"),
        ]);
        assert_refused(&["a && # b", "(a # )", "a $(b #)", "! # a\nb"]);
    }

    #[test]
    fn names_begin_with_no_digit() {
        for (text, expected) in [("a", true), ("_", true), ("A_1", true), ("", false), ("1", false), ("a-", false)] {
            assert_eq!(is_name(text), expected, "{text}");
        }
    }

    #[test]
    fn variables_that_a_shell_evaluates_are_not_set() {
        for name in super::EVALUATED.split_whitespace() {
            assert_refused(&[
                &format!("{name}=1"),
                &format!("{name}=1 a"),
                &format!("A=1 {name}= a"),
                &format!("export {name}"),
                &format!("export A {name}=1"),
                &format!("read {name}"),
                &format!("for {name} in a; do b; done"),
                &format!("env {name}=1 a"),
            ]);
            assert_commands(&[(&format!("a {name}=1"), &format!("a {name}=1"))]);
            assert_belongings(&[(&format!("{name}_=1 a"), &format!("a[{name}_] >[] <[]"))]);
        }
        assert_belongings(&[("PATH=/b IFS= a", "a[PATH IFS] >[] <[]")]);
    }

    #[test]
    fn a_source_knows_what_is_taken() {
        let mut source = Source::new("ab;c", 3);
        assert_eq!(source.plain_word(), "ab");
        let begin = source.rest();
        assert_eq!(source.take(), Some('a'));
        assert!(!source.eat("c") && source.eat("b;"));
        assert_eq!((source.last(), source.taken_since(begin), source.rest()), (Some(';'), "ab;", "c"));
    }
}
