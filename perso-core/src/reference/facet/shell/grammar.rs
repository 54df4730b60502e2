//! Lists, pipelines and compound commands.
//!
//! ```text
//! list     = [newlines] pipeline { sep pipeline } [sep]
//! sep      = ';' | '&' | newline, each followed by any newlines
//!          | '&&' | '||' | '|', each followed by any newlines; a command must follow
//! pipeline = ['!'] command
//! command  = simple | compound { redirection }
//! compound = '(' list ')' | '{' list '}'
//!          | 'if' list 'then' list { 'elif' list 'then' list } [ 'else' list ] 'fi'
//!          | ('while' | 'until') list 'do' list 'done'
//!          | 'for' NAME 'in' { word } (';' | newline) [newlines] 'do' list 'done'
//! ```

use super::found::{Found, Value};
use super::redirection::{HereDocument, NO_END};
use super::source::{EVALUATES, Source, ends_word, is_evaluated, is_name};
use super::{DEPTH, Read, TOO_DEEP};

/// What has its meaning only where a command begins, and is no program.
pub(super) const WORDS: [&str; 14] =
    ["!", "{", "}", "if", "then", "elif", "else", "fi", "while", "until", "do", "done", "for", "in"];

/// What a list ends with, besides words of the grammar: `)`, or the end of the text.
const CLOSE: &str = ")";
const END: &str = "";

/// What is behind a pipeline.
#[derive(PartialEq, Eq)]
enum Separator {
    Nothing,
    /// `;`, `&` or a newline: the list may end behind it.
    Ends,
    /// `&&`, `||` or `|`: a command follows.
    Joins,
}

/// Reads a text of its own: a line, or a script.
pub(super) struct Reader<'t> {
    pub(super) source: Source<'t>,
    pub(super) depth: usize,
    /// The here-document whose body begins behind the next newline.
    pub(super) waiting: Option<HereDocument<'t>>,
    /// How deep the innermost `$(…)` is, if there is one around what is read.
    pub(super) substitution: Option<usize>,
    /// Whether that one has had a here-document, behind which bash loses what separates commands.
    pub(super) must_end: bool,
}

impl<'t> Reader<'t> {
    pub(super) fn new(text: &'t str, at: usize, depth: usize) -> Self {
        Self { source: Source::new(text, at), depth, waiting: None, substitution: None, must_end: false }
    }

    /// The whole text.
    pub(super) fn script(mut self) -> Read<Found> {
        let (found, _) = self.list(&[END])?;
        self.source.refuse_if(self.waiting.is_some(), NO_END)?;
        Ok(found)
    }

    /// A list, up to one of `ends`, which is taken and returned.
    fn list(&mut self, ends: &[&'static str]) -> Read<(Found, &'static str)> {
        let mut found = Found::default();
        self.newlines()?;
        loop {
            found.append(self.pipeline()?);
            let separator = self.separator()?;
            if separator == Separator::Joins {
                continue;
            }
            if let Some(end) = self.end(ends, &separator)? {
                return Ok((found, end));
            }
            self.source.refuse_if(separator == Separator::Nothing, self.instead_of_separator())?;
            self.source.refuse_if(self.must_end, "in `$(…)`, a command behind a here-document")?;
        }
    }

    /// Why nothing separates what is next from the command in front of it.
    fn instead_of_separator(&self) -> &'static str {
        match self.source.peek() {
            None => "`)`, `}`, `fi` or `done` is missing",
            Some('(') => "a function, an array or a pattern with `(…)`",
            Some(')') => "`)` without `(`",
            Some(_) => "a `;` or a newline is missing",
        }
    }

    fn separator(&mut self) -> Read<Separator> {
        self.source.skip_gap();
        if self.newline()? {
            self.newlines()?;
            return Ok(Separator::Ends);
        }
        let is_background = self.source.rest().starts_with('&') && !self.source.rest().starts_with("&&");
        let separator = if self.source.eat("&&") || self.source.eat("||") || self.source.eat("|") {
            Separator::Joins
        } else if self.source.eat(";") || self.source.eat("&") {
            Separator::Ends
        } else {
            return Ok(Separator::Nothing);
        };
        // To zsh, `&!` is one operator.
        self.source.refuse_if(is_background && self.source.peek() == Some('!'), "`&!`")?;
        self.source.skip_blanks();
        // `;&`, `&&&`, `|&`, also where `&>` would be a redirection.
        self.source.refuse_if(self.source.peek() == Some('&'), "`&` behind `;`, `|` or `&`")?;
        self.newlines()?;
        Ok(separator)
    }

    /// Takes the end of a list, if one of `ends` is next.
    fn end(&mut self, ends: &[&'static str], behind: &Separator) -> Read<Option<&'static str>> {
        if ends.contains(&END) && self.source.peek().is_none() {
            return Ok(Some(END));
        }
        if ends.contains(&CLOSE) && self.source.eat(CLOSE) {
            return Ok(Some(CLOSE));
        }
        if *behind == Separator::Nothing { Ok(None) } else { self.keyword(ends) }
    }

    /// Takes a newline, if one is next, and the body of the here-document that waits for it.
    fn newline(&mut self) -> Read<bool> {
        if !self.source.eat("\n") {
            return Ok(false);
        }
        if let Some(document) = self.waiting.take() {
            document.skip_body(&mut self.source)?;
        }
        Ok(true)
    }

    /// Any newlines, and what is in front of the next token.
    fn newlines(&mut self) -> Read<()> {
        self.source.skip_gap();
        while self.newline()? {
            self.source.skip_gap();
        }
        Ok(())
    }

    /// Takes one of `words` of the grammar, if it is next and written plainly.
    fn keyword(&mut self, words: &[&'static str]) -> Read<Option<&'static str>> {
        let plain = self.source.plain_word();
        let Some(word) = words.iter().find(|word| **word == plain && !plain.is_empty()) else {
            return Ok(None);
        };
        self.source.eat(word);
        // Zsh reads `if(a)` as one word.
        self.source.refuse_if(self.source.peek() == Some('('), "`(` directly behind a word of the grammar")?;
        Ok(Some(word))
    }

    /// Takes a word of the grammar, which must be next.
    fn expect(&mut self, word: &'static str, why: &'static str) -> Read<()> {
        let is_next = self.keyword(&[word])?.is_some();
        self.source.refuse_if(!is_next, why)
    }

    fn pipeline(&mut self) -> Read<Found> {
        if self.keyword(&["!"])?.is_some() {
            self.source.skip_gap();
            self.source.refuse_if(self.source.plain_word() == "!", "`!` behind `!`")?;
        }
        self.command()
    }

    fn command(&mut self) -> Read<Found> {
        let Some(mut found) = self.compound()? else {
            return self.simple();
        };
        self.source.skip_gap();
        while self.is_redirection() {
            self.redirection()?.share(&mut found);
            self.source.skip_gap();
        }
        Ok(found)
    }

    /// A compound command without what is behind it, or nothing if a simple command begins here.
    fn compound(&mut self) -> Read<Option<Found>> {
        if self.source.eat("(") {
            return self.parentheses().map(Some);
        }
        let Some(word) = self.keyword(&["{", "if", "while", "until", "for"])? else {
            return Ok(None);
        };
        self.enter()?;
        let found = match word {
            "{" => self.list(&["}"])?.0,
            "if" => self.branches()?,
            "for" => self.each()?,
            _ => self.while_loop()?,
        };
        self.leave();
        Ok(Some(found))
    }

    /// The rest of a subshell, behind its `(`.
    fn parentheses(&mut self) -> Read<Found> {
        // Arithmetic begins with `((`.
        self.source.refuse_if(self.source.peek() == Some('('), "`((`")?;
        self.bracketed()
    }

    /// A list up to `)`.
    pub(super) fn bracketed(&mut self) -> Read<Found> {
        self.enter()?;
        let (found, _) = self.list(&[CLOSE])?;
        self.leave();
        Ok(found)
    }

    fn enter(&mut self) -> Read<()> {
        self.depth += 1;
        self.source.refuse_if(self.depth > DEPTH, TOO_DEEP)
    }

    fn leave(&mut self) {
        self.depth -= 1;
    }

    /// What is behind `if`.
    fn branches(&mut self) -> Read<Found> {
        let (mut found, _) = self.list(&["then"])?;
        loop {
            let (branch, end) = self.list(&["elif", "else", "fi"])?;
            found.append(branch);
            match end {
                "elif" => found.append(self.list(&["then"])?.0),
                "else" => {
                    found.append(self.list(&["fi"])?.0);
                    return Ok(found);
                }
                _ => return Ok(found),
            }
        }
    }

    /// What is behind `while` or `until`.
    fn while_loop(&mut self) -> Read<Found> {
        let (mut found, _) = self.list(&["do"])?;
        found.append(self.list(&["done"])?.0);
        Ok(found)
    }

    /// What is behind `for`.
    fn each(&mut self) -> Read<Found> {
        let mut found = Found::default();
        self.source.skip_blanks();
        let name = self.source.plain_word();
        self.source.refuse_if(!is_name(name), "`for` without a plain name")?;
        self.source.refuse_if(is_evaluated(name), EVALUATES)?;
        self.source.eat(name);
        found.shared.env.push(Value::Known(name.to_owned()));
        self.source.skip_blanks();
        self.expect("in", "`for` without `in`")?;
        self.source.skip_gap();
        while self.source.peek().is_some_and(|c| !ends_word(c)) {
            found.append(self.word()?.found);
            self.source.skip_gap();
        }
        let is_ended = self.source.eat(";") || self.newline()?;
        self.source.refuse_if(!is_ended, "a `;` or a newline is missing")?;
        self.newlines()?;
        self.expect("do", "`for` without `do`")?;
        found.append(self.list(&["done"])?.0);
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{assert_belongings, assert_commands, assert_refused};

    #[test]
    fn lists_are_pipelines_with_something_between_them() {
        assert_commands(&[
            ("a;b", "a; b"),
            ("a ; b ;", "a; b"),
            ("a & b &", "a; b"),
            ("a\nb\n", "a; b"),
            ("\n\n a \n\n b \n \n", "a; b"),
            ("a;\n\nb;\n", "a; b"),
            ("a &\n b", "a; b"),
            ("a && b || c | d", "a; b; c; d"),
            ("a &&\n\n b ||\nc|\n# x\nd", "a; b; c; d"),
            ("a&&b||c|d&e", "a; b; c; d; e"),
        ]);
        assert_refused(&[
            "; a",
            "& a",
            "&& a",
            "| a",
            "a &&",
            "a ||",
            "a |",
            "a && ; b",
            "a &&\n",
            "a ;; b",
            "a ; ; b",
            "a ; & b",
            "a & ; b",
            "a &; b",
            "a & & b",
            "a &&& b",
            "a && & b",
            "a |& b",
            "a | & b",
            "a ||| b",
            "a || | b",
            "a | | b",
            "a ;| b",
            "a & \n ; b",
            "a \n ; b",
            "a \n & b",
            "a \n && b",
            "a \n | b",
            "a ;\n; b",
            "a;&",
            "a;;",
            "a ;& b",
            // Where `&>` would otherwise redirect.
            "a ;&> b c",
            "a ; &> b c",
            "a |&> b c",
            "a && &> b c",
            "a & &> b c",
            "a &\\\n&> b c",
            "a &&&> b c",
        ]);
    }

    #[test]
    fn an_exclamation_mark_is_a_word_of_its_own() {
        assert_commands(&[
            ("! a", "a"),
            ("! a | b; ! (c)", "a; b; c"),
            ("a && ! b", "a; b"),
            ("! \\\n a", "a"),
            ("! { a; }", "a"),
            ("! if a; then b; fi", "a; b"),
            ("! a=b", ""),
            ("! >x a", "a"),
            ("if ! a; then ! b; fi", "a; b"),
            ("a !", "a !"),
            ("a &&! b", "a; b"),
            ("a | ! b", "a; b"),
            ("a |\n! (b)", "a; b"),
        ]);
        assert_refused(&[
            "!",
            "! ",
            "! ;",
            "! \n a",
            "! ! a",
            "!a",
            "!(a)",
            "!! a",
            "'!' a",
            "\\! a",
            "'!a'",
            "a; !b",
            "a &! b",
            "a &!",
            "! '!' a",
            "a=b ! c",
            "a | !",
            "a | ! ! b",
            "! # a",
        ]);
    }

    #[test]
    fn subshells_need_no_separator() {
        assert_commands(&[
            ("(a)", "a"),
            ("( a )", "a"),
            ("(a;b)", "a; b"),
            ("(a;)", "a"),
            ("(a&)", "a"),
            ("(\na\n)", "a"),
            ("a;(b);c", "a; b; c"),
            ("(\n(a)\n)", "a"),
            ("( (a); b)", "a; b"),
            ("( \\\n(a))", "a"),
            ("(a;(b))", "a; b"),
            ("(a)|(b)&&(c)", "a; b; c"),
        ]);
        assert_refused(&[
            "()",
            "( )",
            "(a",
            "a)",
            ")",
            "(a;;)",
            "(a &&)",
            "(a) b",
            "(a)(b)",
            "(a) (b)",
            "a (b)",
            "a(b)",
            "a()",
            "a() { b; }",
            "a () { b; }",
            "a=(b)",
            "a=b (c)",
            "> x (a)",
            "((a))",
            "((a); b)",
            "(\\\n(a))",
            "(a; b))",
            "a '(' (",
            "a b(c)",
            "a *(c)",
            "a ;) b",
            "for x in (a); do b; done",
        ]);
    }

    #[test]
    fn groups_end_with_a_word() {
        assert_commands(&[
            ("{ a; }", "a"),
            ("{ a;}", "a"),
            ("{ a; b & }", "a; b"),
            ("{\na\n}", "a"),
            ("{ a; } | { b; }; c", "a; b; c"),
            ("{ (a); }", "a"),
            ("{ { a; }; }", "a"),
        ]);
        assert_refused(&[
            "{ a }",
            "{ a; } }",
            "{ { a; } }",
            "{ (a) }",
            "{ a; } b",
            "{a; }",
            "{ a; }}",
            "{ }",
            "{ ; }",
            "{ a;",
            "{ a && }",
            "{ a; \\}",
            "{ a; '}'",
            "'{' a; }",
            "\\{ a; }",
            "}",
            "a; }",
            "{ a; ) }",
            "({ a; )",
            "{(a); }",
            "{(a)}",
            "{ a; }(b)",
            "{ a; } (b)",
        ]);
    }

    #[test]
    fn branches_are_all_read() {
        assert_commands(&[
            ("if a; then b; fi", "a; b"),
            ("if a; then b; else c; fi", "a; b; c"),
            ("if a; then b; elif c; then d; elif e; then f; else g; fi; h", "a; b; c; d; e; f; g; h"),
            ("if a\nthen b\nelse c\nfi", "a; b; c"),
            ("if a & then b & fi", "a; b"),
            ("if a; b; then\n c; d; fi | e", "a; b; c; d; e"),
            ("if (a); then { b; }; fi", "a; b"),
            ("if a; then if b; then c; fi; fi", "a; b; c"),
            ("a if then fi", "a if then fi"),
        ]);
        assert_refused(&[
            "if a; then b",
            "if a; b; fi",
            "if a then b; fi",
            "if a; then b fi",
            "if; then b; fi",
            "if a; then fi",
            "if a; then b; else fi",
            "if a; then; b; fi",
            "if a; then b; else c; else d; fi",
            "if a; then b; fi fi",
            "if a; then b; else c; elif d; then e; fi",
            "if a && then b; fi",
            "if a; 'then' b; fi",
            "if a; t\\hen b; fi",
            "if a; then b; 'fi'",
            "\\if a; then b; fi",
            "if (a) then b; fi",
            "if a; then (b) fi",
            "then a",
            "fi",
            "else",
            "elif",
            "a; then",
            "if a; then b; fi c",
            "if(a); then b; fi",
            "if a; then(b); fi",
            "if a; then b; else(c); fi",
            "if a; then b; elif(c); then d; fi",
            "a=b if c; then d; fi",
            "if a; then b; done",
            "if a; do b; fi",
        ]);
    }

    #[test]
    fn loops_have_a_condition_and_a_body() {
        assert_commands(&[
            ("while a; do b; done", "a; b"),
            ("until a; b\ndo\nc\ndone; d", "a; b; c; d"),
            ("while a | b; do c; done | d", "a; b; c; d"),
        ]);
        assert_refused(&[
            "while a; done",
            "while a; do done",
            "while; do a; done",
            "while a do b; done",
            "while a; do b done",
            "while a; then b; done",
            "do a; done",
            "done",
            "while a; do b; fi",
            "while a; do b;",
            "while(a); do b; done",
            "until(a); do b; done",
            "while a; do(b); done",
        ]);
    }

    #[test]
    fn for_sets_a_name_to_each_word() {
        assert_commands(&[
            ("for x in a b; do c; done", "c"),
            ("for x in a b\ndo c\ndone", "c"),
            ("for x in; do c; done", "c"),
            ("for x in ;\n\ndo c; done", "c"),
            ("for x in\ndo c; done", "c"),
            ("for x in a # b\n # d\n do c; done", "c"),
            ("for x \\\n in \\\n a \\\n b; do c; done", "c"),
            ("for x in $(a) \"$(b)\" *; do c; done", "a; b; c"),
            ("for x in do done in if; do c; done", "c"),
            ("for x in = a; do c; done", "c"),
        ]);
        assert_belongings(&[("for x in a; do b; done; c", "b[x] >[] <[]; c[x] >[] <[]")]);
        assert_refused(&[
            "for x; do a; done",
            "for x do a; done",
            "for x\nin a; do b; done",
            "for 'x' in a; do b; done",
            "for x 'in' a; do b; done",
            "for 1 in a; do b; done",
            "for x- in a; do b; done",
            "for $x in a; do b; done",
            "for x in a & do b; done",
            "for x in a && do b; done",
            "for x in a | do b; done",
            "for x in a; ; do b; done",
            "for x in a do b; done",
            "for x in a; b; done",
            "for x in a; do done",
            "for x in a; do b; done c",
            "for x in > a; do b; done",
            "for x in 2>a; do b; done",
            "for x in `a`; do b; done",
            "for in a; do b; done",
            "for x in a; { b; }",
            "for x # a\n in b; do c; done",
            "for ((a;b;c)); do d; done",
            "for",
            "for x in(a); do b; done",
            "for x in a; do(b); done",
            "for x y in a; do b; done",
            "for RANDOM in a; do b; done",
            "for path in a; do b; done",
        ]);
    }

    #[test]
    fn redirections_of_compounds_are_shared() {
        assert_belongings(&[
            ("(a) > x", "a[] >[x] <[]"),
            ("(a)>x 2>&1 <y; b", "a[] >[x] <[y]; b[] >[x] <[y]"),
            ("{ a; } > x", "a[] >[x] <[]"),
            ("if a; then b; fi > x", "a[] >[x] <[]; b[] >[x] <[]"),
            ("while a; do b; done < x", "a[] >[] <[x]; b[] >[] <[x]"),
            ("for x in a; do b; done &> y", "b[x] >[y] <[]"),
            ("(a) > /dev/null", "a[] >[] <[]"),
            ("(a) 2> x", "a[] >[x] <[]"),
            ("(a)2>x", "a[] >[x] <[]"),
            ("{ a; }> x", "a[] >[x] <[]"),
            ("{ a; }< x", "a[] >[] <[x]"),
            ("{ a; } &> \"$x\" > y", "a[] >[? y] <[]"),
        ]);
        assert_refused(&["(a) > x b", "(a) 2 > x", "(a) 12> x", "(a) b=c", "(a) &> x b"]);
    }
}
