//! Words: quotes, escapes, expansions.

use super::found::{Found, Value};
use super::grammar::Reader;
use super::redirection::NO_END;
use super::source::{ends_word, is_name, is_name_part, is_name_start};
use super::{Read, Stop, refuse_if};

const BACKQUOTES: &str = "backquotes: write `$(…)`";

/// How much of a word is known before it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Known,
    /// One word whose text is only known when it runs.
    Unknown,
    /// What may become any number of words.
    Several,
}

pub(super) struct Word<'t> {
    /// Where it begins in the line.
    pub(super) at: usize,
    /// As written.
    pub(super) raw: &'t str,
    /// What quotes and escapes leave, without what `$` stands for.
    text: String,
    kind: Kind,
    /// How long the text is in front of the first expansion.
    expands_at: Option<usize>,
    /// In `$(…)`.
    pub(super) found: Found,
}

impl Word<'_> {
    /// The text, if the word is known.
    pub(super) fn known(&self) -> Option<&str> {
        (self.kind == Kind::Known).then_some(&self.text)
    }

    /// What is known of the text, also of a word that is not known.
    pub(super) fn known_text(&self) -> &str {
        &self.text
    }

    /// The text in front of the first expansion, which is all of it in a known word.
    pub(super) fn known_begin(&self) -> &str {
        self.text.get(..self.expands_at.unwrap_or(self.text.len())).unwrap_or_default()
    }

    /// Whether a byte stands for itself somewhere in the word.
    pub(super) fn has(&self, c: char) -> bool {
        self.text.contains(c)
    }

    pub(super) fn is_several(&self) -> bool {
        self.kind == Kind::Several
    }

    pub(super) fn value(&self) -> Value {
        match self.kind {
            Kind::Known => Value::Known(self.text.clone()),
            Kind::Unknown => Value::Unknown,
            Kind::Several => Value::Several,
        }
    }

    /// Something follows that makes the word `kind`.
    fn expand(&mut self, kind: Kind) {
        self.kind = self.kind.max(kind);
        self.expands_at.get_or_insert(self.text.len());
    }
}

impl<'t> Reader<'t> {
    /// Whether a word begins here.
    pub(super) fn is_word(&self) -> bool {
        self.source.peek().is_some_and(|c| !ends_word(c))
    }

    pub(super) fn word(&mut self) -> Read<Word<'t>> {
        let begin = self.source.rest();
        let mut word = Word {
            at: self.source.at(),
            raw: "",
            text: String::new(),
            kind: Kind::Known,
            expands_at: None,
            found: Found::default(),
        };
        let mut braces: usize = 0;
        let mut before = None;
        while self.is_word() {
            let at = self.source.at();
            let Some(next) = self.source.take() else { break };
            match next {
                c if c.is_ascii_alphanumeric() || "_@%+:,./-]!^#".contains(c) => word.text.push(c),
                '=' => {
                    // Zsh takes `=name` for a path.
                    refuse_if(word.text.is_empty() && self.is_word(), at, "a word that begins with `=`")?;
                    word.text.push('=');
                }
                '~' => {
                    if !before.is_some_and(keeps_tilde) {
                        word.expand(Kind::Unknown);
                    }
                    word.text.push('~');
                }
                '{' if self.source.eat("}") => word.text.push_str("{}"),
                '{' => {
                    word.expand(Kind::Several);
                    word.text.push('{');
                    braces += 1;
                }
                '}' => {
                    refuse_if(braces == 0, at, "`}` without `{`")?;
                    braces -= 1;
                    word.text.push('}');
                }
                c @ ('*' | '?' | '[') => {
                    word.expand(Kind::Several);
                    word.text.push(c);
                }
                '\\' => {
                    let escaped = self.source.take().filter(|c| matches!(c, ' '..='~'));
                    refuse_if(escaped.is_none(), at, "`\\` without printable ASCII behind it")?;
                    word.text.extend(escaped);
                }
                '\'' => {
                    word.text.push_str(self.source.take_while(|c| c != '\''));
                    refuse_if(!self.source.eat("'"), at, "a quote without an end")?;
                }
                '"' => self.double_quoted(&mut word, at)?,
                '$' => self.expansion(&mut word, at, false)?,
                '`' => return Err(Stop { at, why: BACKQUOTES }),
                _ => return Err(Stop { at, why: "a character other than ASCII outside of quotes" }),
            }
            before = self.source.last();
        }
        word.raw = self.source.taken_since(begin);
        refuse_if(word.raw.is_empty(), word.at, "a word is missing")?;
        refuse_if(braces > 0, word.at, "`{` without `}`")?;
        if word.raw == "[" {
            word.kind = Kind::Known;
            word.expands_at = None;
        }
        if self.is_redirection() {
            // `12>` and `{a}>` could be file descriptors, and zsh takes the digit of `1&>` for one. `1>` is one where a
            // redirection may stand.
            let is_name = word.raw.starts_with('{') && word.raw.ends_with('}');
            let is_descriptor = is_name || word.raw.chars().all(|c| c.is_ascii_digit());
            refuse_if(is_descriptor, word.at, "what may be a file descriptor in front of a redirection")?;
        }
        Ok(word)
    }

    /// The rest of `"…"`, behind the first quote, which is at `begin`.
    fn double_quoted(&mut self, word: &mut Word, begin: usize) -> Read<()> {
        loop {
            let at = self.source.at();
            let Some(next) = self.source.take() else {
                return Err(Stop { at: begin, why: "a quote without an end" });
            };
            match next {
                '"' => return Ok(()),
                '`' => return Err(Stop { at, why: BACKQUOTES }),
                '$' => self.expansion(word, at, true)?,
                '\\' => match self.source.peek() {
                    Some(c @ ('$' | '`' | '"' | '\\')) => {
                        self.source.take();
                        word.text.push(c);
                    }
                    Some('\n') => return Err(Stop { at, why: "`\\` at the end of a line in quotes" }),
                    _ => word.text.push('\\'),
                },
                c => word.text.push(c),
            }
        }
    }

    /// What is behind a `$`, which is `at` a byte of the line.
    fn expansion(&mut self, word: &mut Word, at: usize, is_quoted: bool) -> Read<()> {
        let kind = if is_quoted { Kind::Unknown } else { Kind::Several };
        let other = "a `$` that shells read differently";
        let Some(next) = self.source.peek() else { return Err(Stop { at, why: other }) };
        match next {
            '"' | ' ' | '|' | ')' | '\\' if is_quoted => {
                word.text.push('$');
                return Ok(());
            }
            '(' => {
                word.expand(kind);
                self.source.take();
                let found = self.substitution(at)?;
                word.found.append(found);
                return Ok(());
            }
            '{' => {
                word.expand(kind);
                self.source.take();
                return self.braced(at);
            }
            '@' => {
                word.expand(Kind::Several);
                self.source.take();
            }
            c if is_name_start(c) => {
                word.expand(kind);
                self.source.take_while(is_name_part);
            }
            '#' => {
                word.expand(kind);
                self.source.take();
                // To zsh, the length of what follows.
                let is_length = self.source.peek().is_some_and(|c| is_name_part(c) || "*@#?!-${".contains(c));
                refuse_if(is_length, at, other)?;
            }
            c if c.is_ascii_digit() || "*?!-".contains(c) => {
                word.expand(kind);
                self.source.take();
            }
            '\'' if !is_quoted => return Err(Stop { at, why: "`$'…'`" }),
            '$' => return Err(Stop { at, why: "`$$`" }),
            _ => return Err(Stop { at, why: other }),
        }
        // An element of an array, which zsh evaluates, or what zsh takes for a change of the value.
        let is_more = self.source.peek() == Some('[') || self.source.begins_modifier();
        refuse_if(is_more, at, "`$` and a name directly in front of `[`, or of `:` and a letter")
    }

    /// The rest of `$(…)`, behind its `(`. The `$` is `at` a byte of the line.
    fn substitution(&mut self, at: usize) -> Read<Found> {
        refuse_if(self.source.peek() == Some('('), at, "arithmetic")?;
        refuse_if(self.waiting.is_some(), at, "`$(…)` behind a here-document on the same line")?;
        let outer = (self.substitution.replace(self.depth + 1), std::mem::take(&mut self.must_end));
        let found = self.bracketed()?;
        (self.substitution, self.must_end) = outer;
        refuse_if(self.waiting.is_some(), at, NO_END)?;
        Ok(found)
    }

    /// The rest of `${…}`, behind its `{`. The `$` is `at` a byte of the line.
    fn braced(&mut self, at: usize) -> Read<()> {
        let why = "`${…}` with more than a name, an operator and plain text";
        if self.source.peek().is_some_and(|c| c.is_ascii_digit()) {
            self.source.take();
        } else {
            refuse_if(!is_name(self.source.take_while(is_name_part)), at, why)?;
        }
        if [":-", ":+", "-", "+", "%", "#"].into_iter().any(|operator| self.source.eat(operator)) {
            self.source.take_while(|c| c.is_ascii_alphanumeric() || "_./:,@%#*+-".contains(c));
        }
        refuse_if(!self.source.eat("}"), at, why)
    }
}

/// Whether a `~` behind it is no home directory.
fn keeps_tilde(before: char) -> bool {
    before.is_ascii_alphanumeric() || "_@%+,./-".contains(before)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{assert_commands, assert_refused};
    use super::super::{LENGTH, read};

    #[test]
    fn plain_bytes_are_themselves() {
        assert_commands(&[
            ("a aZ09_@%+:,./-]!^#", "a aZ09_@%+:,./-]!^#"),
            ("a b=c d== -e=f", "a b=c d== -e=f"),
            ("a = ''= \"\"= = b", "a = = = = b"),
            ("a =;b", "a =; b"),
            ("a ]b !c ^d %e @f +g", "a ]b !c ^d %e @f +g"),
            ("a ''#b c#", "a #b c#"),
            ("a;b", "a; b"),
            ("a\tb", "a b"),
        ]);
        assert_refused(&[
            "a =b",
            "a ==",
            "a =''",
            "a ''=b",
            "= a",
            "a $b=c",
            "a \"$b\"=c",
            "a `b`",
            "a b`c`",
            "a \u{e9}",
        ]);
    }

    #[test]
    fn a_tilde_is_itself_behind_some_bytes() {
        assert_commands(&[
            ("a b~ Z~ 0~ _~ @~ %~ +~ ,~ .~ /~ -~", "a b~ Z~ 0~ _~ @~ %~ +~ ,~ .~ /~ -~"),
            ("a HEAD~2 b~~", "a HEAD~2 ?"),
            ("a ~ c", "a ? c"),
            ("a ~/b ~b", "a ? ?"),
            ("a b=~ c:~ ]~ !~ ^~ b#~", "a ? ? ? ? ? ?"),
            ("a ''~ 'b'~ \"b\"~ {}~", "a ? ? ? ?"),
            ("a \\b~", "a b~"),
            ("a \\:~", "a ?"),
            ("a '~' \"~\" \\~", "a ~ ~ ~"),
            ("a \"$b\"c~", "a ?"),
            ("b=~ a", "a"),
        ]);
    }

    #[test]
    fn braces_make_several_words() {
        assert_commands(&[
            ("a {}", "a {}"),
            ("a b{}c{}", "a b{}c{}"),
            ("a {b,c} d", "a ? ? …"),
            ("a {b} d", "a ? ? …"),
            ("a b{c{d,e},{}}", "a ? …"),
            ("a {b'}'}", "a ? …"),
            ("a '{' \\{ \"}\" \\}", "a { { } }"),
            ("a {${b},c}", "a ? …"),
        ]);
        assert_refused(&[
            "a {", "a }", "a {b", "a b}", "a {b c}", "a {b{c}", "a {}}", "a {'}'", "a {\\}", "a }{", "a {b;c}",
            "a {b}}",
        ]);
    }

    #[test]
    fn patterns_make_several_words() {
        assert_commands(&[
            ("a *", "a ? …"),
            ("a b*c d", "a ? ? …"),
            ("a b?", "a ? …"),
            ("a [", "a ["),
            ("a [ b", "a [ b"),
            ("a [b", "a ? …"),
            ("a ''[", "a ? …"),
            ("a [b]", "a ? …"),
            ("a '*' \\* \"?\" \\[ '['", "a * * ? [ ["),
        ]);
    }

    #[test]
    fn a_backslash_escapes_printable_ascii() {
        assert_commands(&[("a \\b\\ c\\;\\\\\\'\\\"\\$\\`\\~\\(\\)", "a b c;\\'\"$`~()"), ("\\a b", "a b")]);
        assert_refused(&["a \\", "a \\\t", "a b\\\n", "a \\\u{e9}"]);
    }

    #[test]
    fn quotes_leave_their_text() {
        assert_commands(&[
            ("a 'b \"c\" $d `e` \\f\n; &' g", "a b \"c\" $d `e` \\f\n; & g"),
            ("a \"b 'c' ;\n~*[{=}\"", "a b 'c' ;\n~*[{=}"),
            ("a \"\\$ \\` \\\" \\\\\"", "a $ ` \" \\"),
            ("a \"\\a\\'\\!\\ \\\t\"", "a \\a\\'\\!\\ \\\t"),
            ("a b'c'd\"e\"f", "a bcdef"),
            ("a '' \"\" ''\"\" b", "a    b"),
            ("a 'b'c'd'", "a bcd"),
            ("'a' \"b\"", "a b"),
            ("a \"!\"", "a !"),
        ]);
        assert_refused(&[
            "a 'b",
            "a b'",
            "a \"b",
            "a \"b\\\"",
            "a \"`b`\"",
            "a \"b\\\nc\"",
            "a \"b\\",
            "a '\\''",
            "a \"'",
        ]);
    }

    #[test]
    fn a_dollar_sign_makes_unknown_words() {
        assert_commands(&[
            ("a $b \"$b\"", "a ? ? …"),
            ("a \"$b\" \"c${d}e\" f", "a ? ? f"),
            ("a b$c_1.d e", "a ? ? …"),
            ("a \"$1\" \"$10\" \"$*\" \"$#\" \"$?\" \"$!\" \"$-\" \"$_\" b", "a ? ? ? ? ? ? ? ? b"),
            ("a $1", "a ? …"),
            ("a $* b", "a ? ? …"),
            ("a $#", "a ? …"),
            ("a $?", "a ? …"),
            ("a $!", "a ? …"),
            ("a $-", "a ? …"),
            ("a $@", "a ? …"),
            ("a \"$@\" b", "a ? ? …"),
            ("a \"$(b)\" c", "a ? c; b"),
            ("a $(b) c", "a ? ? …; b"),
            ("a $( (b))", "a ? …; b"),
            ("a \"$#\"b \"$#.\" \"$# c\" d", "a ? ? ? d"),
            ("a \"$b:\" \"$b:/c\" \"$b:1\" \"$b:$c\" \"${b}:c\" \"$(d):e\" f", "a ? ? ? ? ? ? f; d"),
            ("a \"$(b \"$(c)\")\"", "a ?; b ?; c"),
            ("a x\"$b\"~", "a ?"),
            ("a ~$b", "a ? …"),
        ]);
        assert_refused(&[
            "a $",
            "a $ b",
            "a $'b'",
            "a $\"b\"",
            "a $[1]",
            "a $((1))",
            "a $(\\\n(b))",
            "a $(b",
            "a $()",
            "a $(b;;)",
            "a $b[1]",
            "a \"$b[1]\"",
            "a $1[",
            "a \"$1[\"",
            "a $*[1]",
            "a $#[",
            "a $?[1]",
            "a $![",
            "a $-[",
            "a $$",
            "a \"$$\"",
            "a \"b $$\" c",
            "a $$[",
            "a \"$$(\" b",
            "a \"$$(b)\"",
            "a \"$$('\"'$(b))\" '",
            "a \"$${'\"'}$(b)\" '",
            "a $${b,c}",
            "a $$$$(b)",
            "a $@[1]",
            "a \"$@[1]\"",
            "a $+b",
            "a $=b",
            "a $~b",
            "a $^b",
            "a $.",
            "a $/",
            "a $%",
            "a $]",
            "a $|",
            "a $)",
            "a $\\",
            "a \"$(b\"",
            "a $;b",
            "a b$",
        ]);
    }

    #[test]
    fn what_zsh_evaluates_behind_an_expansion_is_refused() {
        assert_refused(&[
            "a $b:c",
            "a \"$b:c\"",
            "a \"$b:F:c:h\"",
            "a \"$b$c:d\"",
            "a $?:c",
            "a $1:c",
            "a $*:c",
            "a $@:c",
            "a $#:c",
            "a $!:c",
            "a $-:c",
            "b=$c:d a",
            "a > $b:c",
            "a $#b",
            "a \"$#b[c]\"",
            "a $#1",
            "a $#_",
            "a $#*",
            "a $#@",
            "a $##",
            "a $#?",
            "a $#!",
            "a $#-",
            "a $#$",
            "a $#{b}",
            "a \"$#[b]\"",
        ]);
    }

    #[test]
    fn a_dollar_sign_in_double_quotes_may_be_itself() {
        assert_commands(&[("a \"$\" \"b$ c\" \"$|\" \"^b$)\" \"$\\\\\" \"$\\\"\"", "a $ b$ c $| ^b$) $\\ $\"")]);
        assert_refused(&[
            "a \"$'b'\"",
            "a \"$.\"",
            "a \"$[1]\"",
            "a \"$/\"",
            "a \"$\n\"",
            "a \"$;\"",
            "a \"$`b`\"",
            "a \"$",
        ]);
    }

    #[test]
    fn braces_behind_a_dollar_sign_hold_a_name_and_plain_text() {
        assert_commands(&[
            ("a \"${b}\" \"${B_1}\" \"${1}\" c", "a ? ? ? c"),
            ("a \"${b:-c}\" \"${b:+c}\" \"${b-c}\" \"${b+c}\" \"${b%c}\" \"${b#c}\" d", "a ? ? ? ? ? ? d"),
            ("a \"${b%%.*}\" \"${b##*/}\" \"${b:-}\" \"${b:--}\" \"${b-_./:,@%#*+-}\" d", "a ? ? ? ? ? d"),
            ("a ${b:-c}", "a ? …"),
            ("a ${b}[c]", "a ? …"),
        ]);
        assert_refused(&[
            "a ${}",
            "a ${b",
            "a ${b:}",
            "a ${b:c}",
            "a ${b:=c}",
            "a ${b=c}",
            "a ${b:?c}",
            "a ${b?}",
            "a ${b:1:2}",
            "a ${10}",
            "a ${1b}",
            "a ${@}",
            "a ${*}",
            "a ${#b}",
            "a ${#}",
            "a ${!b}",
            "a ${?}",
            "a ${b[1]}",
            "a ${b/c/d}",
            "a ${b^}",
            "a ${b,}",
            "a ${b@Q}",
            "a ${b:-$(c)}",
            "a ${b:-$c}",
            "a ${b:-`c`}",
            "a ${b:-c d}",
            "a ${b:-'c'}",
            "a ${b:-\"c\"}",
            "a ${b:-~}",
            "a ${b:-\\c}",
            "a ${b:-{}}",
            "a ${ b}",
            "a ${b }",
            "a ${(e)b}",
            "a ${=b}",
            "a \"${b:-\"c\"}\"",
            "a ${-}",
            "a ${b:-c!}",
            "a ${b:-c=}",
        ]);
    }

    #[test]
    fn some_words_have_no_redirection_directly_behind_them() {
        assert_commands(&[
            ("a b>c", "a b"),
            ("a 'b'>c", "a b"),
            ("a \\2>c", "a 2"),
            ("a '12'>c", "a 12"),
            ("a 12 >c", "a 12"),
            ("a {} >c", "a {}"),
            ("a \"${b}\">c", "a ?"),
            ("a '}'>c", "a }"),
            ("a x1>c", "a x1"),
            ("a \\}>c", "a }"),
            ("a ${b}>c", "a ? …"),
            ("a b{}>c", "a b{}"),
        ]);
        assert_refused(&[
            "a 12>b",
            "a 1&>b",
            "a 12&>>b",
            "a 12<b",
            "a 012>>b",
            "12>b a",
            "a {}>b",
            "a {b,c}>d",
            "a {b,c}<d",
            "a {b}>c",
            "2&>b",
            "a 2&>b",
            "a > {}> c",
            "a > 12> c",
        ]);
    }

    #[test]
    fn long_words_are_read_soon() {
        let fill = |piece: &str| format!("a {}", piece.repeat((LENGTH - 2) / piece.len()));
        for piece in
            ["b", "'b'", "{}", "\\b", "$b", "\"$b\"", "b=", "b~", "[", "b ", "$b ", "{b}", ">b ", "b;b=", "#\n\n"]
        {
            let _ = read(&fill(piece));
        }
        assert_refused(&[&fill("{"), &fill("$(b "), &fill("(b;"), &fill("$((")]);
    }
}
