//! Redirections and here-documents.

use super::found::{Belongings, Found, Value};
use super::grammar::Reader;
use super::source::{Source, ends_word};
use super::word::Word;
use super::{Read, Stop, refuse_if};

const DIFFERENT: &str = "a redirection that shells read differently";

/// What is refused directly behind a digit that may belong to it.
const NEXT: &str = "a redirection directly behind another one";

/// What is refused if nothing ends a here-document.
pub(super) const NO_END: &str = "a here-document without an end";

/// What is written to is nothing.
const NOWHERE: &str = "/dev/null";

/// A redirection to or from a file.
pub(super) struct Redirection<'t> {
    way: Way,
    target: Option<Word<'t>>,
    /// `&>` or `&>>`, in which `sh` sees the end of a command and the begin of another.
    pub(super) ends_command: bool,
}

#[derive(PartialEq, Eq)]
enum Way {
    Writes,
    Reads,
    /// A here-string or here-document, or the copy of a descriptor.
    Nothing,
}

impl Redirection<'_> {
    /// Records the file.
    pub(super) fn add_to(&self, belongings: &mut Belongings) {
        let Some(target) = self.target.as_ref().map(Word::value) else {
            return;
        };
        if target == Value::Known(NOWHERE.to_owned()) {
            return;
        }
        match self.way {
            Way::Writes => belongings.writes.push(target),
            Way::Reads => belongings.reads.push(target),
            Way::Nothing => {}
        }
    }

    /// What is in the `$(…)` of the target.
    pub(super) fn found(self) -> Found {
        self.target.map(|target| target.found).unwrap_or_default()
    }

    /// Makes it one of a compound command, of which all share it.
    pub(super) fn share(self, found: &mut Found) {
        let mut own = Belongings::default();
        self.add_to(&mut own);
        found.append(self.found());
        found.shared.append(own);
    }
}

/// A here-document whose body is not yet read.
pub(super) struct HereDocument<'t> {
    delimiter: &'t str,
    is_quoted: bool,
    /// `<<-`: the line that ends it may begin with tabs.
    has_tabs: bool,
    is_in_substitution: bool,
}

impl HereDocument<'_> {
    /// Skips the lines of the body and the delimiter's.
    pub(super) fn skip_body(self, source: &mut Source) -> Read<()> {
        loop {
            let at = source.at();
            let line = source.take_while(|c| c != '\n');
            let is_continued = source.eat("\n");
            let end = if self.has_tabs { line.trim_start_matches('\t') } else { line };
            if end == self.delimiter {
                return Ok(());
            }
            // In `$(…)`, bash may end the body at a line that only begins like its end.
            let is_like_end = self.is_in_substitution && end.starts_with(self.delimiter);
            refuse_if(is_like_end, at, "in `$(…)`, a line of a here-document that begins like its end")?;
            let is_evaluated = !self.is_quoted && line.contains(['$', '`', '\\']);
            refuse_if(is_evaluated, at, "`$`, a backquote or `\\` in a here-document: quote the word behind `<<`")?;
            refuse_if(!is_continued, source.at(), NO_END)?;
        }
    }
}

impl<'t> Reader<'t> {
    /// Whether a redirection begins here.
    pub(super) fn is_redirection(&self) -> bool {
        let rest = self.source.rest();
        let behind_digit = rest.strip_prefix(|c: char| c.is_ascii_digit()).unwrap_or(rest);
        rest.starts_with("&>") || behind_digit.starts_with(['<', '>'])
    }

    pub(super) fn redirection(&mut self) -> Read<Redirection<'t>> {
        let has_digit = self.source.peek().is_some_and(|c| c.is_ascii_digit());
        if has_digit {
            self.source.take();
        }
        // The longest first.
        const OPERATORS: [&str; 12] = ["&>>", "&>", "<<<", "<<-", "<<", "<&", "<>", "<", ">>", ">|", ">&", ">"];
        let at = self.source.at();
        let Some(operator) = OPERATORS.into_iter().find(|operator| self.source.eat(operator)) else {
            return Err(Stop { at, why: DIFFERENT });
        };
        match operator {
            "<>" => Err(Stop { at, why: "`<>`" }),
            ">&" | "<&" => self.copy(at),
            "<<" | "<<-" => self.here_document(operator == "<<-"),
            "<<<" => self.target(Way::Nothing, |begin| "(#&<".contains(begin)),
            "<" => {
                let redirection = self.target(Way::Reads, |begin| "(!#&-".contains(begin) || begin.is_ascii_digit())?;
                redirection.refuse_empty(at)
            }
            _ => {
                let redirection = self.target(Way::Writes, |begin| "(!#&".contains(begin))?.refuse_empty(at)?;
                Ok(Redirection { ends_command: operator.starts_with('&'), ..redirection })
            }
        }
    }

    /// The word behind the operator.
    fn target(&mut self, way: Way, is_refused: impl Fn(char) -> bool) -> Read<Redirection<'t>> {
        self.source.skip_blanks();
        self.source.refuse_if(self.source.peek() == Some('('), "`<(…)` or `>(…)`")?;
        let is_special = self.source.peek().is_some_and(is_refused);
        self.source.refuse_if(is_special, DIFFERENT)?;
        let target = self.word()?;
        Ok(Redirection { way, target: Some(target), ends_command: false })
    }

    /// What is behind `>&` or `<&`, which is `at` a byte of the line: a descriptor, or `-`.
    fn copy(&mut self, at: usize) -> Read<Redirection<'t>> {
        let is_descriptor = self.source.take().is_some_and(|begin| begin.is_ascii_digit() || begin == '-');
        refuse_if(!is_descriptor || self.is_word(), at, "`>&` or `<&` with more than one digit or `-`")?;
        // `>&1>`: the digit could belong to the second.
        refuse_if(matches!(self.source.peek(), Some('<' | '>' | '(')), at, NEXT)?;
        Ok(Redirection { way: Way::Nothing, target: None, ends_command: false })
    }

    /// What is behind `<<` or `<<-`. The body is read where the line ends.
    fn here_document(&mut self, has_tabs: bool) -> Read<Redirection<'t>> {
        self.source.refuse_if(self.waiting.is_some(), "a second here-document on the same line")?;
        if let Some(substitution) = self.substitution {
            self.source.refuse_if(substitution != self.depth, "a here-document in a group in `$(…)`")?;
            self.must_end = true;
        }
        self.source.skip_blanks();
        let at = self.source.at();
        let quote = ["'", "\""].into_iter().find(|quote| self.source.eat(quote));
        let delimiter = self.source.take_while(|c| c.is_ascii_alphanumeric() || c == '_');
        let is_closed = quote.is_none_or(|quote| self.source.eat(quote));
        let is_plain = !delimiter.is_empty() && is_closed && self.source.peek().is_none_or(ends_word);
        refuse_if(!is_plain, at, "a here-document whose end is no plain word")?;
        // `<<1>`: the digit could belong to the second.
        refuse_if(matches!(self.source.peek(), Some('<' | '>' | '(')), at, NEXT)?;
        let is_in_substitution = self.substitution.is_some();
        self.waiting = Some(HereDocument { delimiter, is_quoted: quote.is_some(), has_tabs, is_in_substitution });
        Ok(Redirection { way: Way::Nothing, target: None, ends_command: false })
    }
}

impl Redirection<'_> {
    /// Refuses the empty target. The redirection is `at` a byte of the line.
    fn refuse_empty(self, at: usize) -> Read<Self> {
        let is_empty = self.target.as_ref().is_none_or(|target| target.known() == Some(""));
        refuse_if(is_empty, at, "a redirection to or from an empty name")?;
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{assert_belongings, assert_commands, assert_refused};

    #[test]
    fn targets_are_recorded() {
        assert_belongings(&[
            ("a > b", "a[] >[b] <[]"),
            ("a >b >>c >|d &>e &>>f <g", "a[] >[b c d e f] <[g]"),
            ("a>b", "a[] >[b] <[]"),
            ("a 1>b 2>>c 3>|d 0<e", "a[] >[b c d] <[e]"),
            ("a 9> b", "a[] >[b] <[]"),
            ("> b a", "a[] >[b] <[]"),
            ("A=1 >b B=2 <c a", "a[A B] >[b] <[c]"),
            ("a > \\\nb >\t\\\n c", "a[] >[b c] <[]"),
            ("a &>b >c 2>&1 <d", "a[] >[b c] <[d]"),
            ("a > =", "a[] >[=] <[]"),
            ("a > b{}> c", "a[] >[b{} c] <[]"),
            // Which file it is may be unknown.
            ("a > $b", "a[] >[? …] <[]"),
            ("a > \"$b\"", "a[] >[?] <[]"),
            ("a < $(b)", "a[] >[] <[? …]; b[] >[] <[]"),
            ("a >> \"$(b)\" 2> \"$c\" < \"$d\"", "a[] >[? ?] <[?]; b[] >[] <[]"),
            ("a > 'b c' > \"d\" > \\e", "a[] >[b c d e] <[]"),
            ("a > \"$b/c\" > d", "a[] >[? d] <[]"),
            ("a > $b/c > d", "a[] >[? ? …] <[]"),
            ("a > *.b > d", "a[] >[? ? …] <[]"),
            ("a > ~/b", "a[] >[?] <[]"),
            ("a < ~/b", "a[] >[] <[?]"),
            ("a > 1 > -b", "a[] >[1 -b] <[]"),
            ("a > '!' > '&' > \\(", "a[] >[! & (] <[]"),
            ("a < '-' < \\1", "a[] >[] <[- 1]"),
            ("a >/dev/null 2>/dev/null <'/dev/null' &>/dev/null", "a[] >[] <[]"),
            ("a > /dev/nul\\l > /dev//null", "a[] >[/dev//null] <[]"),
            ("a > if", "a[] >[if] <[]"),
            ("a > b{}", "a[] >[b{}] <[]"),
        ]);
        assert_commands(&[
            ("a > b c", "a c"),
            ("a 2>b c", "a c"),
            ("a 2 >b", "a 2"),
            ("a '2'>b", "a 2"),
            ("a x2>b", "a x2"),
            ("a > $(b)x", "a; b"),
            ("a &>b", "a"),
            ("a & >b c", "a; c"),
        ]);
        assert_refused(&[
            "a >",
            "a > ",
            "a > ; b",
            "a >\nb",
            "a > > b",
            "a >>> b",
            "a > | b",
            "a > (b)",
            "a >(b)",
            "a <(b)",
            "a < (b)",
            "a > !b",
            "a >! b",
            "a >>! b",
            "a > # b",
            "a >#b",
            "a > &1",
            "a >>& b",
            "a >>&1",
            "a < 1",
            "a <1",
            "a < -",
            "a < -b",
            "a 0< 5b",
            "a < !b",
            "a < #b",
            "a < &b",
            "a > ''",
            "a < \"\"",
            "a >| ''",
            "a &> ''",
            "a &>&1",
            "a &>| b",
            "a &>",
            "a &>b c",
            "&>b a",
            "A=1 &>b c",
            "A=1 &>b B=2 c",
            "a b &>>c >d e",
            "! &>b a",
            "a >>| b",
            "a <> b",
            "a 1<>b",
            "a > 1> b",
            "a > =b",
            "a >\\\nb",
            "a &>b >c d",
            "a &>b <<c d\nc",
        ]);
    }

    #[test]
    fn copies_of_descriptors_are_not_recorded() {
        assert_belongings(&[
            ("a 2>&1", "a[] >[] <[]"),
            ("a >&2 <&0 2>&- 3<&- >&-", "a[] >[] <[]"),
            ("a 2>&- >b", "a[] >[b] <[]"),
            ("a 2>&1;b", "a[] >[] <[]; b[] >[] <[]"),
            ("a 2>&1|b", "a[] >[] <[]; b[] >[] <[]"),
            ("(a >&2)", "a[] >[] <[]"),
        ]);
        assert_refused(&[
            "a >&b",
            "a >& 1",
            "a >&12",
            "a >&1b",
            "a >&-b",
            "a >&$b",
            "a >&'1'",
            "a <&b",
            "a >&",
            "a >&&1",
            "a >&1-",
            "a >&1#",
            "a >&1>b",
            "a 2>&->b",
            "a >&-<b",
            "a >&\\\n1",
            "a >&(b)",
            "a >&!b",
        ]);
    }

    #[test]
    fn here_strings_are_not_recorded() {
        assert_belongings(&[("a <<< b", "a[] >[] <[]"), ("a <<<b <<<'' <<< $c <<<- <<<1 <<<!b", "a[] >[] <[]")]);
        assert_commands(&[("a <<< \"$(b)\" c", "a c; b"), ("a <<< \\\nb", "a"), ("a 0<<<b", "a")]);
        assert_refused(&[
            "a <<<",
            "a <<< (b)",
            "a <<<#b",
            "a <<< #b",
            "a <<<&1",
            "a <<<<b",
            "a <<< <b",
            "a <<<1>b",
            "a <<<\\\nb",
        ]);
    }

    #[test]
    fn bodies_of_here_documents_are_skipped() {
        assert_commands(&[
            ("a <<b\nb", "a"),
            ("a <<b\nb\n", "a"),
            ("a <<b\nc; d\n b\nb \n\nb\ne", "a; e"),
            ("a << \t b\nb", "a"),
            ("a 0<<b c\nb", "a c"),
            ("a <<'b'\n$c `d` \\e 'f\nb\ng", "a; g"),
            ("a <<\"b\"\n$(c)\nb", "a"),
            ("a <<-b\n\t\tc\n\t\tb\nd", "a; d"),
            ("a <<-'b'\nb", "a"),
            ("a <<-b\n c\n b\n\tb", "a"),
            ("a <<b | c && d # e\nf\nb\ng", "a; c; d; g"),
            ("a <<b; c 'd\ne'\nf\nb\ng", "a; c d\ne; g"),
            ("a <<b \\\nc\nd\nb", "a c"),
            ("a <<B_1\nB_1", "a"),
            ("a <<1\n1", "a"),
            ("a << \\\nb\nb", "a"),
            ("(a <<b)\nc\nb\nd", "a; d"),
            ("(a <<b\nc\nb\n)", "a"),
            ("{ a; } <<b\nc\nb\nd", "a; d"),
            ("while a; do b; done <<c\nd\nc", "a; b"),
            ("if a <<b; then\nc\nb\nd; fi", "a; d"),
            ("a <<b; for x in c\nd\nb\ndo e; done", "a; e"),
            ("a <<b &&\nc\nb\nd", "a; d"),
            ("a <<b\nc\nb\nd <<e\nf\ne", "a; d"),
            ("a \"$(b <<'c'\n$d )\nc\n)\"", "a ?; b"),
            ("a $(b <<c\nc\n) <<d\ne\nd", "a ? …; b"),
            ("a <<b; sh -c 'c <<d\ne\nd\n'\nf\nb", "a; sh -c c <<d\ne\nd\n; c"),
        ]);
        assert_belongings(&[("a <<b >c\nb", "a[] >[c] <[]")]);
        assert_refused(&[
            "a <<b",
            "a <<b\n",
            "a <<b\nc",
            "a <<b\n b",
            "a <<b\nb ",
            "a <<b\n\tb",
            "a <<-b\n b",
            "a <<b c\n",
            "a <<b\n$c\nb",
            "a <<b\n`c`\nb",
            "a <<b\nc\\\nb",
            "a <<b\n\\c\nb",
            "a <<b <<c\nb\nc",
            "a <<b; c <<d\nb\nd",
            "a <<b $(c)\nb",
            "a <<b \"$(c)\"\nb",
            "a $(b <<c)\nc",
            "a $(b <<c)\nc\n)",
            "a <<b; c $(d\n)\nb",
            "a $(b <<c\nc)",
            "(a <<b)",
            "a <<b 'c\nb\n'",
            "a <<b # \\",
            "a <<''\n\n",
            "a <<b'c'\nbc",
            "a <<'b'c\nbc",
            "a <<'b c'\nb c",
            "a <<\\b\nb",
            "a <<$b\n$b",
            "a <<b-c\nb-c",
            "a <<b#\nb#",
            "a <<\\\nb\nb",
            "a <<b>c\nb",
            "a <<b<c\nb",
            "a <<\nb",
            "a <<'b\nb",
            "a <<(b)\nb",
            "a <<1>b\n1",
            "<<b\nb",
            "a=b <<c\nc",
            "sh -c 'a <<b'\nc\nb",
            "a <<'b\"\nb",
            "a <<#b\n#b",
            "a << -b\n-b",
        ]);
    }

    #[test]
    fn a_here_document_is_the_last_of_a_substitution() {
        assert_commands(&[
            ("a $(b; c <<d\nd\n)", "a ? …; b; c"),
            ("a $(b <<c | d && e\nc\n)", "a ? …; b; d; e"),
            ("a $(b <<c > d || ! e\nc\n\n # f\n)", "a ? …; b; e"),
            ("a \"$(b <<'c'\n) ' d\nc\n)\" e", "a ? e; b"),
            ("a $(b <<c;\nc\n)", "a ? …; b"),
            // In that one alone.
            ("a $(b \"$(c <<d\nd\n)\"; e)", "a ? …; b ?; c; e"),
            ("(a $(b <<c\nc\n); d)", "a ? …; b; d"),
            ("if a $(b <<c\nc\n); then d; fi", "a ? …; b; d"),
            ("a $(sh -c 'b <<c\nc\nd'; e)", "a ? …; sh -c b <<c\nc\nd; b; d; e"),
        ]);
        assert_refused(&[
            "a $(b <<c\nc\nd; e)",
            "a $(b <<c\nc\nd)",
            "a $(b <<c; d\nc\n)",
            "a $(b <<c & d\nc\n)",
            "a $(b <<c | d; e\nc\n)",
            "a $(! b <<c; d\nc\n)",
            "a \"$(b <<'c'\nc\nd)\"",
            // Nor in what is within it.
            "a $( (b <<c\nc\n))",
            "a $({ b <<c\nc\n})",
            "a $(if b <<c; then\nc\nd; fi)",
            "a $(for x in b; do c <<d\nd\ndone)",
            "a $({ b; } <<c\nc\nd)",
        ]);
    }

    #[test]
    fn a_simple_command_with_redirections_has_a_word() {
        assert_refused(&["> a", "< a", "a=b > c", "> a b=c", "2>&1", "a; > b", "(> a)", "<<< a", "! > a"]);
        assert_commands(&[("> a b", "b"), ("2>&1 a", "a")]);
    }
}
