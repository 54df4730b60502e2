//! A line of a shell: every command that it runs, as `sh -c`, `bash -c` and `zsh -c` alike read it. A line that they read
//! in different ways, or with a part that is not described here, is refused.
//!
//! | where | what |
//! | --- | --- |
//! | `source.rs` | the bytes that a line may have, blanks, comments, names |
//! | `grammar.rs` | lists, pipelines, compound commands |
//! | `simple.rs` | simple commands: their parts, assignments, and what they contribute |
//! | `word.rs` | words: quotes, escapes, expansions |
//! | `redirection.rs` | redirections and here-documents |
//! | `program.rs` | what may be run as a program |
//! | `builtin.rs` | builtins that are read more closely |
//! | `wrapper.rs` | programs that run the program among their words |
//! | `found.rs` | what a command has of its own, and what the whole line shares |

mod builtin;
mod found;
mod grammar;
mod program;
mod redirection;
mod simple;
mod source;
mod word;
mod wrapper;

use super::Stop;

/// The most bytes of a line.
const LENGTH: usize = 65_536;

/// How deep subshells, groups, `if`, loops, `$(…)` and scripts may be in each other. The line itself is not counted.
const DEPTH: usize = 8;

const TOO_DEEP: &str = "more than 8 groups, loops, `$(…)` and scripts in one another";

/// The most programs that one simple command runs by wrappers, each of which has most of the words.
const WRAPPED: usize = 8;

/// The most names and targets that all commands of a line share.
const SHARED: usize = 32;

/// The commands of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// In order of appearance. A command is before the commands of `$(…)` within it, and the program that a wrapper runs
    /// is behind all of those.
    pub commands: Vec<Command>,
}

/// A command, or the program that a wrapper such as `nohup` runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// The text of the first word.
    pub program: String,
    /// All words.
    pub words: Words,
    /// The words behind the first.
    pub args: Words,
    /// The names that are set for the command: in front of it, by `env`, and those that the line shares.
    pub env: Words,
    /// The files that redirections write: its own, and those that the line shares.
    pub writes: Words,
    /// The files that redirections read: its own, and those that the line shares.
    pub reads: Words,
}

/// A list of texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    /// `None` for a text that is only known when the shell runs the line.
    pub texts: Vec<Option<String>>,
    /// Whether there are as many texts as here. If not, all are `None` from the first on that may be any number of texts.
    pub exact: bool,
}

type Read<T> = Result<T, Stop>;

fn refuse_if(condition: bool, at: usize, why: &'static str) -> Read<()> {
    if condition { Err(Stop { at, why }) } else { Ok(()) }
}

/// The commands of a line.
///
/// # Errors
/// Where and why the line is refused.
pub fn read(line: &str) -> Read<Line> {
    read_script(line, 0, 0)?.line()
}

/// What is found in a text of its own: the line, or a script that is `depth` deep in it and begins `at` a byte of it.
fn read_script(text: &str, at: usize, depth: usize) -> Read<found::Found> {
    refuse_if(text.len() > LENGTH, at + LENGTH, "more than 65 536 bytes")?;
    refuse_if(depth > DEPTH, at, TOO_DEEP)?;
    if let Some((offset, _)) = text.char_indices().find(|(_, c)| !source::is_readable(*c)) {
        return Err(Stop { at: at + offset, why: "a control character" });
    }
    grammar::Reader::new(text, at, depth).script()
}

#[cfg(test)]
mod tests {
    use super::{Line, Stop, Words, read};

    /// Shows words as `a b`, an unknown one as `?`, and behind an unknown number of them `…`.
    pub(super) fn show(words: &Words) -> String {
        let texts = words.texts.iter().map(|text| text.as_deref().unwrap_or("?"));
        let more = (!words.exact).then_some("…");
        texts.chain(more).collect::<Vec<_>>().join(" ")
    }

    pub(super) fn line(text: &str) -> Line {
        read(text).unwrap_or_else(|stop| panic!("refused: {text:?}, {stop:?}"))
    }

    /// The words of every command, with `;` between the commands.
    pub(super) fn commands(text: &str) -> String {
        line(text).commands.iter().map(|command| show(&command.words)).collect::<Vec<_>>().join("; ")
    }

    /// What a command has besides its words: names, `>` and the files it writes, `<` and the files it reads.
    pub(super) fn belongings(text: &str) -> String {
        let show = |command: &super::Command| {
            let [env, writes, reads] = [&command.env, &command.writes, &command.reads].map(show);
            format!("{}[{env}] >[{writes}] <[{reads}]", command.program)
        };
        line(text).commands.iter().map(show).collect::<Vec<_>>().join("; ")
    }

    pub(super) fn assert_commands(table: &[(&str, &str)]) {
        for (text, expected) in table {
            assert_eq!(commands(text), *expected, "{text:?}");
        }
    }

    pub(super) fn assert_belongings(table: &[(&str, &str)]) {
        for (text, expected) in table {
            assert_eq!(belongings(text), *expected, "{text:?}");
        }
    }

    pub(super) fn assert_refused(table: &[&str]) {
        for text in table {
            assert!(read(text).is_err(), "{text:?}");
        }
    }

    /// `text` within itself: in place of `_`, as often as `depth` says.
    fn nest(text: &str, depth: usize) -> String {
        (0..depth).fold("a".to_owned(), |inner, _| text.replace('_', &inner))
    }

    #[test]
    fn a_line_has_at_most_so_many_bytes() {
        let line = format!("a {}", "b".repeat(65_534));
        assert!(read(&line).is_ok());
        assert!(read(&format!("{line}b")).is_err());
        let line = format!("a 'b{}'", "\u{e9}".repeat(32_766));
        assert_eq!(line.len(), 65_537);
        assert!(read(&line).is_err());
    }

    #[test]
    fn nesting_has_a_limit() {
        for text in [
            "{ _; }",
            "if _; then b; fi",
            "if b; then _; fi",
            "if b; then b; elif _; then b; else b; fi",
            "if b; then b; else _; fi",
            "while _; do b; done",
            "until b; do _; done",
            "for x in b; do _; done",
            "b $(_)",
            "b \"$(_)\"",
            "b ${y}$(_)",
            "(b; _)",
        ] {
            assert!(read(&nest(text, 8)).is_ok(), "{text}");
            assert!(read(&nest(text, 9)).is_err(), "{text}");
        }
        let mixed = |inner| format!("(b $(if c; then {{ d; sh -c \"{inner}\"; }}; fi))");
        assert!(read(&mixed("e;(f;(g;(h)))")).is_ok());
        assert!(read(&mixed("e;(f;(g;(h;(i))))")).is_err());
        let shells = |inner| format!("{{ {{ {{ {{ {{ {{ {{ sh -c \"{inner}\"; }}; }}; }}; }}; }}; }}; }}");
        assert!(read(&shells("a")).is_ok());
        assert!(read(&shells("sh -c 'a'")).is_err());
        assert!(read(&shells("(a)")).is_err());
        // The target is behind what is closed.
        assert!(read(&format!("{} > x$(b)", nest("{ _; }", 8))).is_ok());
    }

    #[test]
    fn what_is_run_by_wrappers_and_what_is_shared_have_limits() {
        // Commands have none here: a call does.
        assert_eq!(line(&"a;".repeat(5000)).commands.len(), 5000);
        assert_eq!(line(&format!("sh -c '{}'", "a;".repeat(5000))).commands.len(), 5001);
        assert!(read(&format!("{}a", "nohup ".repeat(8))).is_ok());
        assert!(read(&format!("{}a", "nohup ".repeat(9))).is_err());
        assert!(read(&format!("{}a", "env A=1 ".repeat(8))).is_ok());
        assert!(read(&format!("{}a", "env A=1 ".repeat(9))).is_err());
        assert!(read(&format!("{}sh -c '{}a'", "nohup ".repeat(8), "nohup ".repeat(8))).is_ok());
        assert!(read(&"a=b;".repeat(32)).is_ok());
        assert!(read(&"a=b;".repeat(33)).is_err());
        assert!(read(&format!("(a){};{}", ">b<c".repeat(10), "read d;".repeat(12))).is_ok());
        assert!(read(&format!("(a){};{}", ">b<c".repeat(10), "read d;".repeat(13))).is_err());
        assert!(read(&format!("(a){}", ">/dev/null".repeat(40))).is_ok());
    }

    #[test]
    fn a_refusal_says_where_and_why() {
        let deep = format!("{}a{}", "(".repeat(9).replace('(', "( "), ")".repeat(9));
        for (text, at, why) in [
            ("a `b`", 2, "backquotes: write `$(…)`"),
            ("a \"`b`\"", 3, "backquotes: write `$(…)`"),
            ("a -n $((1 + 1))", 5, "arithmetic"),
            ("((a))", 1, "`((`"),
            ("[[ a ]]", 0, "`[[`"),
            ("a; eval b", 3, "a builtin or keyword that may change what the rest does"),
            ("f() { a; }", 1, "a function, an array or a pattern with `(…)`"),
            ("a=(b)", 2, "a function, an array or a pattern with `(…)`"),
            ("a <(b)", 3, "`<(…)` or `>(…)`"),
            ("a $'b'", 2, "`$'…'`"),
            ("a $$", 2, "`$$`"),
            ("a \"$'\"", 3, "a `$` that shells read differently"),
            ("a; $b c", 3, "a program that is only known when the line runs"),
            ("nohup $a", 6, "a word in front of the program that is only known when the line runs"),
            ("a=b; RANDOM=1", 5, "a variable that a shell evaluates or keeps for itself"),
            ("> a", 0, "a redirection without a command"),
            ("a <> b", 2, "`<>`"),
            ("a >&b", 2, "`>&` or `<&` with more than one digit or `-`"),
            ("a |& b", 3, "`&` behind `;`, `|` or `&`"),
            ("a <<b\nc\n", 8, "a here-document without an end"),
            ("a <<b", 5, "a here-document without an end"),
            ("a <<b\n$c\nb", 6, "`$`, a backquote or `\\` in a here-document: quote the word behind `<<`"),
            ("a <<b <<c\nb\nc", 8, "a second here-document on the same line"),
            ("$(a <<b\nb\nc)", 10, "in `$(…)`, a command behind a here-document"),
            ("a $(b <<c\ncd\nc\n)", 10, "in `$(…)`, a line of a here-document that begins like its end"),
            ("a $b[1]", 2, "`$` and a name directly in front of `[`, or of `:` and a letter"),
            ("a 'b", 2, "a quote without an end"),
            ("a b\"c", 3, "a quote without an end"),
            ("a \u{7}", 2, "a control character"),
            ("a \u{e9}", 2, "a character other than ASCII outside of quotes"),
            ("%a", 0, "a program that begins with `%`, `!` or `{`"),
            ("a && ", 5, "a command is missing"),
            ("(a", 2, "`)`, `}`, `fi` or `done` is missing"),
            ("a; fi", 3, "a word of the grammar in a place that is not its own"),
            ("nice -x a", 5, "an option that is not known"),
            ("sh -c a$b", 6, "a script that is only known when the line runs"),
            ("sh -c a", 6, "a script that is not in one pair of quotes"),
            // In a script, at its place in the whole line.
            ("\u{e9}=1", 0, "a character other than ASCII outside of quotes"),
            (
                "a '\u{e9}'; sh -c 'b; bash -c \"c; eval d\"'",
                30,
                "a builtin or keyword that may change what the rest does",
            ),
            ("sh -c 'a\u{7}'", 8, "a control character"),
            (&deep, 17, "more than 8 groups, loops, `$(…)` and scripts in one another"),
            (&"a".repeat(65_537), 65_536, "more than 65 536 bytes"),
            (&"a=b;".repeat(33), 0, "more than 32 names and files that all commands have"),
        ] {
            assert_eq!(read(text), Err(Stop { at, why }), "{text:?}");
        }
    }

    #[test]
    fn a_line_without_any_command_or_assignment_is_refused() {
        assert_refused(&["", " ", "\t", "\n", "# a", " \n # a\n", "\\\n", ";", "&"]);
        assert_commands(&[("a=b", ""), ("a=", ""), ("a=b c=d", ""), ("(a=b)", "")]);
    }
}
