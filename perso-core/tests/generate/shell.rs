//! Random lines for shells: mostly of the grammar that perso reads, mixed with all that shells could read in another
//! way.
//!
//! The lines are to be run, so they name nothing that is outside of the folder that they run in, but `/dev/null`.

use std::collections::BTreeSet;
use std::fmt::Write;

use arbitrary::{Result, Unstructured};

/// What the generator wrote.
pub(crate) struct Generated {
    pub(crate) line: String,
    /// The constructs in it, by name.
    pub(crate) parts: BTreeSet<&'static str>,
}

/// Programs that do nothing but log.
const PROGRAMS: [&str; 18] = [
    "git", "npm", "ls", "cat", "cp", "python3", "node", "make", "cargo", "rm", "tee", "sudo", "xargs", "find", "g++",
    "x", "sed", "grep",
];

/// Programs that run another one.
const WRAPPERS: [&str; 12] =
    ["env", "nohup", "nice", "timeout", "setsid", "stdbuf", "time", "command", "sh", "bash", "zsh", "dash"];

/// What some shell reads as something else than the name of a program, or what it has as a command of its own. Some are
/// programs too.
const ODD_PROGRAMS: [&str; 118] = [
    "{}",
    "!",
    "!x",
    "+x",
    "a:b",
    "@",
    "^",
    "%x",
    "%1",
    "]",
    "[",
    "-",
    "--",
    "-x",
    "-i",
    "a~b",
    "a#b",
    "1",
    "22",
    "_",
    ",",
    "=",
    "==",
    "a=b",
    "if",
    "then",
    "else",
    "elif",
    "fi",
    "do",
    "done",
    "while",
    "until",
    "for",
    "in",
    "case",
    "esac",
    "select",
    "function",
    "coproc",
    "end",
    "foreach",
    "repeat",
    "nocorrect",
    "noglob",
    "[[",
    "]]",
    "((",
    "{",
    "}",
    "time",
    "exec",
    "eval",
    "builtin",
    "command",
    "alias",
    "trap",
    "source",
    ".",
    "let",
    "declare",
    "typeset",
    "local",
    "integer",
    "float",
    "readonly",
    "private",
    "run-help",
    "which-command",
    "man",
    "more",
    "bye",
    "logout",
    "r",
    "getln",
    "pushln",
    "zregexparse",
    "zstyle",
    "sched",
    "chdir",
    "pushd",
    "popd",
    "dirs",
    "fg",
    "bg",
    "disown",
    "suspend",
    "kill",
    "type",
    "which",
    "where",
    "whence",
    "umask",
    "limit",
    "unlimit",
    "log",
    "ttyctl",
    "echotc",
    "echoti",
    "compctl",
    "compcall",
    "comparguments",
    "compopt",
    "caller",
    "help",
    "bind",
    "enable",
    "hash",
    "rehash",
    "jobs",
    "fc",
    "history",
    "getopts",
    "mapfile",
    "readarray",
    "shopt",
    "setopt",
    "stty",
];

/// Commands of the shells that are also programs, and those that perso reads more closely.
const BUILTINS: [&str; 24] = [
    "echo", "printf", "cd", "export", "read", "set", "exit", "return", "break", "continue", "shift", "unset", "wait",
    "ulimit", "[", "test", ":", "true", "false", "pwd", "kill", "umask", "type", "times",
];

/// Names of variables. Those behind the sixth mean something to a shell.
const NAMES: [&str; 78] = [
    "A",
    "B",
    "C",
    "x",
    "_a",
    "GIT_DIR",
    "E",
    "P",
    "O",
    "S",
    "F",
    "PATH",
    "path",
    "IFS",
    "LD_PRELOAD",
    "CDPATH",
    "cdpath",
    "fpath",
    "FPATH",
    "manpath",
    "MANPATH",
    "mailpath",
    "MAILPATH",
    "module_path",
    "MODULE_PATH",
    "fignore",
    "psvar",
    "watch",
    "REPLY",
    "reply",
    "RANDOM",
    "SECONDS",
    "OPTIND",
    "OPTARG",
    "LINENO",
    "SRANDOM",
    "COLUMNS",
    "LINES",
    "HISTSIZE",
    "SHLVL",
    "PS4",
    "PROMPT4",
    "PS1",
    "prompt",
    "HISTCHARS",
    "histchars",
    "ARGV0",
    "STTY",
    "UID",
    "GID",
    "USERNAME",
    "argv",
    "status",
    "pipestatus",
    "options",
    "commands",
    "functions",
    "aliases",
    "signals",
    "PWD",
    "OLDPWD",
    "HOME",
    "LANG",
    "LC_ALL",
    "POSIXLY_CORRECT",
    "BASH_ENV",
    "ENV",
    "ZDOTDIR",
    "NULLCMD",
    "TMOUT",
    "FUNCNEST",
    "KEYBOARD_HACK",
    "GLOBIGNORE",
    "BASH_COMPAT",
    "MATCH",
    "in",
    "do",
    "if",
];

/// Every name that a program in the sandbox must have.
pub(crate) fn programs() -> BTreeSet<&'static str> {
    let mut names: BTreeSet<_> = PROGRAMS.into_iter().chain(WRAPPERS).chain(ODD_PROGRAMS).chain(BUILTINS).collect();
    names.extend([
        "pwned", "a", "b", "b.c", "f", "less", "vi", "A=1", "-t", "-u", "-c", "-p", "-n", "&", "|", ";", "<", ">",
    ]);
    names.remove(".");
    names
}

/// Text that some shell understands in its own way, for any place.
const TRICKS: [&str; 112] = [
    "'",
    "\"",
    "\\",
    "`",
    "$",
    "#",
    "~",
    "=",
    "!",
    "{",
    "}",
    "[",
    "]",
    "(",
    ")",
    "<",
    ">",
    "&",
    "|",
    ";",
    "*",
    "?",
    "^",
    "%",
    "-",
    "+",
    "@",
    ":",
    ",",
    "1",
    "0",
    " ",
    "\n",
    "\t",
    "\\\n",
    " #",
    "#\n",
    "\n\n",
    ";;",
    "&&",
    "||",
    "|&",
    "&|",
    "&!",
    "&>",
    "&>>",
    ">&",
    "<&",
    ">|",
    ">!",
    ">>|",
    ">>!",
    "<>",
    "<<",
    "<<<",
    "<<-",
    ">&2",
    "2>&1",
    "2>",
    "1>",
    "<&-",
    ">&-",
    "{fd}>",
    "22>",
    "<1-9>",
    "<->",
    "=git",
    " =git",
    "=(git a)",
    "<(git a)",
    ">(git a)",
    "(N)",
    "(e:pwned:)",
    "a(b)",
    "()",
    "((1))",
    "$((1))",
    "$((E))",
    "$[E]",
    "[[ a ]]",
    "`git a`",
    "$'a'",
    "$\"a\"",
    "${",
    "${A",
    "${A[E]}",
    "$A[E]",
    "$#A[E]",
    "$+A",
    "$~A",
    "$=A",
    "$^A",
    "${#A}",
    "${!A}",
    "${(e)P}",
    "${A:=x}",
    "${A/a/b}",
    "$A:h",
    "$A:F:E:h",
    "!!",
    "!$",
    "^a^b",
    "{a,b}",
    "{1..3}",
    "é",
    "\"é\"",
    "''",
    "\"\"",
    "; pwned",
    " always ",
    " exec ",
    " time ",
];

/// Words as they are written in any line.
const WORDS: [&str; 62] = [
    "a",
    "-x",
    "--all",
    "b.c",
    "d/x",
    "HEAD~3",
    "a@b",
    "k=v",
    "--k=v",
    "1",
    "22",
    "-",
    "--",
    "{}",
    "\\;",
    "+",
    "HEAD^",
    "a:b",
    "-la",
    ":x",
    "x:",
    "%s",
    "@",
    "a,b",
    "a#b",
    "a%",
    "]",
    "[",
    "a]",
    "!",
    "a!",
    "!x",
    "^x",
    "in",
    "do",
    "then",
    "fi",
    "done",
    "if",
    "E",
    "GIT_DIR=5",
    "-t",
    "-eq",
    "-c",
    "-n",
    "a~",
    "a/~b",
    "x=y=z",
    "-D_x=1",
    "a==b",
    "2",
    "-2",
    "+%s",
    "~",
    "~x",
    "a=~",
    "a:~",
    "-~",
    "_~",
    "/dev/null",
    "e:pwned:",
    "1-9",
];

/// Words and parts of words in quotes.
const QUOTED: [&str; 46] = [
    "'a b'",
    "\"a b\"",
    "''",
    "\"\"",
    "'$A'",
    "'$(pwned)'",
    "'`pwned`'",
    "\"\\$(pwned)\"",
    "\"\\`pwned\\`\"",
    "'\"'",
    "\"'\"",
    "\"\\\"\"",
    "\"\\\\\"",
    "\"a\\b\"",
    "\"\\n\"",
    "'a\\'",
    "a\\ b",
    "\\'",
    "\\\"",
    "\\\\",
    "\\$A",
    "\\#a",
    "\\~",
    "\\{a,b}",
    "\\*",
    "'*'",
    "'{a,b}'",
    "\"~\"",
    "'a\nb'",
    "\"a\nb\"",
    "'é'",
    "\"é\"",
    "'it'\\''s'",
    "\"$\"",
    "\"a$ b\"",
    "\"a$|b\"",
    "\"(a$)\"",
    "\"$\\\"\"",
    "\"!x\"",
    "'!'",
    "'#'a",
    "\"#\"",
    "'='x",
    "\"a;b&c|d\"",
    "'(a)'",
    "\"{a}\"",
];

/// What is only known when it runs.
const EXPANSIONS: [&str; 52] = [
    "$A",
    "\"$A\"",
    "${A}",
    "\"${A}\"",
    "$E",
    "\"$E\"",
    "\"$O\"",
    "$O",
    "\"$S\"",
    "$?",
    "\"$?\"",
    "$#",
    "\"$#\"",
    "$@",
    "\"$@\"",
    "$*",
    "\"$*\"",
    "$$",
    "$!",
    "$-",
    "$1",
    "\"$1\"",
    "$0",
    "${A:-x}",
    "\"${A:-x}\"",
    "${A:+x}",
    "${A-}",
    "${A%.*}",
    "${A#*/}",
    "\"${A%%/*}\"",
    "\"${A##*.}\"",
    "${1:-a}",
    "${A:-*}",
    "\"${A:-E}\"",
    "$A.c",
    "\"$A-$B\"",
    "\"a $A b\"",
    "$A$B",
    "\"$A:x\"",
    "$A:h",
    "\"$A\"b",
    "a\"$A\"",
    "*",
    "*.c",
    "?",
    "[ab]",
    "a[b]",
    "{a,b}",
    "{1..3}",
    "a{b,c}d",
    "{}{a}",
    "${A:-1,2}",
];

/// Lines that are read, in whose every place each trick is tried.
const SEEDS: [&str; 24] = [
    "git log --oneline | cat >a 2>&1",
    "A=1 B=\"$A\" git x; npm y",
    "if git a; then npm b; else x c; fi",
    "for f in a b; do git \"$f\"; done",
    "while read -r A; do git $A; done < a",
    "(git a; npm b) > g",
    "{ git a; npm b; } 2>/dev/null",
    "git \"$(npm a 'b c')\" d",
    "git $(npm a; x)b c",
    "cat <<E | x\nbody\nE\ngit a",
    "cat <<'E' > g && npm\nit's $A\nE\n",
    "git -m \"$(cat <<'E'\nit's (a)\nE\n)\" b",
    "cat <<-E a; git\n\tb\n\tE\nnpm",
    "env -i A=1 nice -n 5 git a",
    "timeout 5 sh -c 'git a; npm b' x",
    "git a && npm b || x c & git d",
    "! git a | x b # c\ngit d",
    "[ -n \"$A\" ] && git a",
    "export A=1 B='b c'; printf '%s\\n' a; git",
    "git a \\\n  b; npm",
    "git HEAD~3 {} a=b --c='d e' \\;",
    "git <<< \"a $A\" 2> g; npm",
    "set -e; read x; cd d; git ${A:-x}.c *.c",
    "nohup git a > g & wait; npm",
];

const DELIMITERS: [&str; 8] = ["E", "EOF", "'EOF'", "\"E\"", "'E'", "E1", "1", "_"];

/// Lines in the bodies of here-documents.
const BODIES: [&str; 31] = [
    "text",
    "it's",
    "\"",
    "a (b",
    ")",
    "E)",
    "E;",
    " E",
    "E ",
    "EE",
    "\tE",
    "EOF)",
    " EOF",
    "EOF;",
    "# it's",
    "git pwned",
    "`",
    "}",
    "done",
    "fi",
    "$A",
    "$(pwned)",
    "`pwned`",
    "\\",
    "a\\",
    "\\E",
    "<<E",
    "<<'X'",
    "é",
    "",
    "1 ",
];

const OPERATORS: [&str; 8] = [">", ">>", "<", ">|", "&>", "&>>", "<<<", ">>"];

/// How deep compounds, substitutions and scripts are nested, mostly.
const DEPTH: u32 = 3;

/// A random line.
pub(crate) fn line(u: &mut Unstructured<'_>) -> Result<Generated> {
    let odds = *u.choose(&[0, 0, 60, 20, 8])?;
    let mut writer = Writer { u, text: String::new(), waiting: None, parts: BTreeSet::new(), odds };
    if writer.one_in(60)? {
        writer.nested()?;
    } else {
        writer.list(DEPTH, false)?;
    }
    if writer.waiting.is_some() {
        writer.newline()?;
    }
    let Writer { u, mut text, mut parts, .. } = writer;
    if u.ratio(1, 5)? {
        parts.insert("mutated");
        for _ in 0..u.int_in_range(1..=2)? {
            mutate(u, &mut text)?;
        }
    }
    Ok(Generated { line: text, parts })
}

/// Every trick in every place of each of the seeds: between two characters, and instead of one. Then every character
/// that can be printed, in each kind of place.
pub(crate) fn each() -> impl Iterator<Item = String> {
    let tricked = SEEDS.into_iter().flat_map(|seed| {
        let places = seed.char_indices().map(|(at, c)| (at, c.len_utf8())).chain([(seed.len(), 0)]);
        places.flat_map(move |(at, length)| {
            let (before, behind) = seed.split_at(at);
            let shorter = &behind[length..];
            TRICKS
                .into_iter()
                .flat_map(move |trick| [format!("{before}{trick}{behind}"), format!("{before}{trick}{shorter}")])
        })
    });
    let places = |c: char| {
        let patterns = [
            "git C",
            "git Ca",
            "git aCb",
            "git aC",
            "git =aCb",
            "git a=Cb",
            "git a:Cb",
            "git aCCb",
            "git ''Cb",
            "git 'a'C",
            "git \"a\"Cb",
            "git 'aCb'",
            "git \"aCb\"",
            "git \\C",
            "git \"\\C\"",
            "git $C",
            "git \"$C\"",
            "git \"$Ca\"",
            "git $AC",
            "git \"$ACb\"",
            "git ${A}C",
            "git ${AC}",
            "git ${AC-b}",
            "git ${A:-C}",
            "git $(x)C",
            "git C>a",
            "git aC>b",
            "git >C",
            "git >Ca",
            "git > C a",
            "git <C",
            "git <Ca",
            "git a 2C b",
            "git 2>C",
            "git 2>&C",
            "git <<C\nC\n",
            "git <<E C\nE\n",
            "git <<E\nC\nE\n",
            "git <<E\nE\nC",
            "Cgit a",
            "C git a",
            "gitC a",
            "git;C",
            "git C; x",
            "git &C",
            "git & C",
            "git |C x",
            "git && C x",
            "(C git)",
            "{C git; }",
            "{ git;C}",
            "if Cgit; then x; fi",
            "if git;C then x; fi",
            "if git; thenC x; fi",
            "for C in a; do git; done",
            "for a in C; do git \"$a\"; done",
            "for a in b; doC git; done",
            "A=C git",
            "A=Ca git",
            "AC=a git",
            "C=a git",
            "A=C; git $A",
            "git #C\nx",
            "git C#a",
            "git a\\\nC",
            "git \\\nC",
            "git $(C)",
            "git $(Cx)",
            "git $(x C)",
            "git \"$(x 'C')\"",
            "export AC=a; git",
            "printf %C a",
            "printf '%sC' a; git",
            "[ a C b ] && git",
            "set -C; git",
            "exit C",
            "env C git",
            "env A=C git",
            "nohup Cgit",
            "sh -c 'git C'",
            "sh -C 'git a'",
            "! Cgit",
            "!C git",
        ];
        patterns.into_iter().map(move |pattern| pattern.replace('C', &c.to_string()))
    };
    tricked.chain((' '..='~').chain(['\n', '\t', 'é']).flat_map(places))
}

/// Whether a line leads out of its folder, as mutations do by chance.
pub(crate) fn leads_out(line: &str) -> bool {
    let inside = line.replace("/dev/null", "");
    let mut before = ' ';
    let is_outside = |c: char| {
        let is_first = c == '/' && !before.is_ascii_alphanumeric() && !"*.)_~}#%".contains(before);
        before = c;
        is_first
    };
    inside.contains("..") && !inside.contains("{1..3}") || inside.chars().any(is_outside)
}

/// Changes one place of a line.
pub(crate) fn mutate(u: &mut Unstructured<'_>, text: &mut String) -> Result<()> {
    let places: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
    let at = *u.choose(&places)?;
    let next = places.iter().copied().find(|place| *place > at).unwrap_or(at);
    match u.int_in_range(0..=5)? {
        0 => text.replace_range(at..next, ""),
        1 => {
            let again = text[at..next].to_owned();
            text.insert_str(at, &again);
        }
        2 => text.replace_range(at..next, u.choose(&TRICKS)?),
        3 => {
            let to = *u.choose(&places)?;
            let moved = text[at.min(to)..at.max(to)].chars().take(12).collect::<String>();
            text.insert_str(at, &moved);
        }
        _ => text.insert_str(at, u.choose(&TRICKS)?),
    }
    Ok(())
}

struct Writer<'u, 'd> {
    u: &'u mut Unstructured<'d>,
    text: String,
    /// The body of a here-document that the next newline begins.
    waiting: Option<String>,
    parts: BTreeSet<&'static str>,
    /// How many choices there are to one that is odd; none is if there are none.
    odds: u32,
}

impl Writer<'_, '_> {
    fn one_in(&mut self, count: u32) -> Result<bool> {
        // The least numbers are what is drawn when the choices are used up.
        Ok(self.u.int_in_range(1..=count)? == count)
    }

    /// Whether to write what is likely to be refused.
    fn odd(&mut self) -> Result<bool> {
        if self.odds == 0 { Ok(false) } else { self.one_in(self.odds) }
    }

    /// One of the texts, or an odd one.
    fn put_of(&mut self, texts: &[&str], odd: &[&str]) -> Result<()> {
        if self.odd()? { self.put_one(odd) } else { self.put_one(texts) }
    }

    fn put(&mut self, text: &str) {
        self.text.push_str(text);
    }

    fn part(&mut self, name: &'static str) {
        self.parts.insert(name);
    }

    fn choose<'t>(&mut self, texts: &[&'t str]) -> Result<&'t str> {
        self.u.choose(texts).copied()
    }

    fn put_one(&mut self, texts: &[&str]) -> Result<()> {
        let text = self.choose(texts)?;
        self.put(text);
        Ok(())
    }

    fn blank(&mut self) -> Result<()> {
        match self.u.int_in_range(0..=80)? {
            0..=76 => self.put(" "),
            77 => self.put("  "),
            78 => self.put("\t"),
            79 => {
                self.part("continuation");
                self.put(" \\\n");
            }
            _ => {
                self.part("continuation");
                self.put(" \\\n  ");
            }
        }
        Ok(())
    }

    /// A newline, and what must follow it.
    fn newline(&mut self) -> Result<()> {
        if self.one_in(16)? {
            self.part("comment");
            self.put_one(&[" # it's", " #", "\t# a \\", " # $(pwned) `", " # <<E", "# (", " #é"])?;
        }
        self.put("\n");
        if let Some(body) = self.waiting.take() {
            self.put(&body);
            // Its last line may end the text, else there is a newline.
            self.put("\n");
        }
        if self.one_in(10)? {
            self.part("comment");
            self.put_one(&["# it's\n", "  # \"\n", "#\n", "\n", "  \n", "\t\n", "  "])?;
        }
        Ok(())
    }

    /// Commands with separators between them; `closed` if a word is to follow that closes it.
    fn list(&mut self, depth: u32, closed: bool) -> Result<()> {
        if self.one_in(25)? {
            self.newline()?;
        }
        loop {
            self.pipeline(depth)?;
            if self.u.is_empty() || !self.one_in(3)? {
                break;
            }
            self.separator()?;
        }
        if closed {
            match self.u.int_in_range(0..=11)? {
                0..=6 => self.put("; "),
                7..=9 => self.newline()?,
                10 => self.put(" & "),
                _ if self.odd()? => self.put(" "),
                _ => self.put(";\n"),
            }
        } else if self.one_in(12)? {
            match self.u.int_in_range(0..=3)? {
                0 => self.put(";"),
                1 => self.put(" &"),
                2 => self.newline()?,
                _ => self.put(" ;"),
            }
        }
        Ok(())
    }

    fn separator(&mut self) -> Result<()> {
        match self.u.int_in_range(0..=19)? {
            0..=3 => {
                self.part("&&");
                self.put(" && ");
            }
            4..=7 => {
                self.part(";");
                self.put("; ");
            }
            8..=10 => {
                self.part("|");
                self.put(" | ");
            }
            11..=12 => {
                self.part("||");
                self.put(" || ");
            }
            13..=15 => {
                self.part("newline");
                self.newline()?;
            }
            16 => {
                self.part("&");
                self.put(" & ");
            }
            17 => {
                self.part("newline");
                self.put_one(&["&&", "||", "|", ";", "&", " ;", " &"])?;
                self.newline()?;
            }
            18 => self.put_one(&["&&", "||", "|", ";", "&"])?,
            _ if !self.odd()? => self.put("; "),
            _ => self.put_one(&[
                " |& ", " &| ", " &! ", ";;", " ;& ", "; ; ", " & ; ", "&&&", " &> ", " >& ", ";\\\n", "&&\\\n",
            ])?,
        }
        Ok(())
    }

    fn pipeline(&mut self, depth: u32) -> Result<()> {
        if self.one_in(16)? {
            self.part("!");
            self.put_of(&["! ", "! ", "!\t", "! \\\n"], &["!", "! ! ", "!\n"])?;
        }
        self.command(depth)
    }

    fn command(&mut self, depth: u32) -> Result<()> {
        let compound = depth > 0 && self.one_in(6)?;
        if !compound {
            return self.simple(depth);
        }
        match self.u.int_in_range(0..=12)? {
            0..=2 => {
                self.part("if");
                self.put_of(&["if ", "if ", "if\n", "if\t"], &["if"])?;
                self.list(depth - 1, true)?;
                self.put_of(&["then ", "then ", "then\n"], &["then"])?;
                self.list(depth - 1, true)?;
                if self.one_in(6)? {
                    self.part("elif");
                    self.put("elif ");
                    self.list(depth - 1, true)?;
                    self.put("then ");
                    self.list(depth - 1, true)?;
                }
                if self.one_in(3)? {
                    self.put_of(&["else ", "else ", "else\n"], &["else"])?;
                    self.list(depth - 1, true)?;
                }
                self.put("fi");
            }
            3..=5 => {
                self.part("for");
                self.put("for ");
                let name = if self.one_in(4)? { self.choose(&NAMES)? } else { self.choose(&["x", "A", "i", "f"])? };
                self.put(name);
                self.put_of(&[" in", " in", " in ", " in\t", " \\\nin"], &["\nin", " 'in'"])?;
                for _ in 0..self.u.int_in_range(0..=3)? {
                    self.blank()?;
                    self.word(depth - 1)?;
                }
                self.put_of(
                    &["; do ", "; do ", ";do ", "\ndo ", ";\ndo ", "; do\n", "\n\ndo ", " ; do "],
                    &[" & do ", " do "],
                )?;
                self.list(depth - 1, true)?;
                self.put("done");
            }
            6..=7 => {
                self.part("while");
                self.put_one(&["while ", "until "])?;
                self.condition(depth - 1)?;
                self.put_of(&["do ", "do ", "do\n"], &["do"])?;
                self.list(depth - 1, true)?;
                if self.one_in(2)? {
                    self.put("break; ");
                }
                self.put("done");
            }
            8..=9 => {
                self.part("(");
                self.put_of(&["(", "( ", "(\n", "(\\\n"], &["(("])?;
                self.list(depth - 1, false)?;
                self.put_one(&[")", " )", "\n)", ";)"])?;
            }
            10..=11 => {
                self.part("{");
                self.put_of(&["{ ", "{ ", "{\n", "{\t"], &["{", "{("])?;
                self.list(depth - 1, true)?;
                self.put("}");
            }
            _ if !self.odd()? => self.put("git a"),
            _ => self.put_one(&[
                "case a in a) git;; esac",
                "[[ a ]]",
                "((1))",
                "function f { git; }",
                "f() { git; }",
                "select x in a; do git; done",
                "coproc git",
                "repeat 2 git",
                "for ((;;)); do break; done",
                "for x; do git; done",
                "for x (a b) git",
                "foreach x (a b); git; end",
                "{ git; } always { git a; }",
                "if [ a ] { git; }",
                "for x in a b; git",
                "while git; { git; }",
                "for x y in a b; do git; done",
                "- git",
                "noglob git",
                "time { git; }",
                "time (git)",
                "! { git; }",
            ])?,
        }
        while self.one_in(6)? {
            self.part("compound redirected");
            self.put(" ");
            self.redirection(depth - 1)?;
        }
        if self.odd()? {
            self.put_one(&[" a", "a", " { git; }", " (git)", " git", ">a", "2>a", ">&2"])?;
        }
        Ok(())
    }

    /// What a loop asks, so that it ends.
    fn condition(&mut self, depth: u32) -> Result<()> {
        if self.one_in(2)? {
            self.part("read");
            self.put_one(&["read -r A; ", "read x; ", "read -r A x\n", "IFS= read -r A; "])?;
            return Ok(());
        }
        self.list(depth, true)
    }

    fn simple(&mut self, depth: u32) -> Result<()> {
        while self.one_in(7)? {
            self.part("assignment");
            self.assignment(depth)?;
            self.blank()?;
        }
        if self.one_in(30)? {
            // Assignments alone.
            self.part("assignment alone");
            return self.assignment(depth);
        }
        if self.one_in(30)? {
            self.redirection(depth)?;
            self.blank()?;
        }
        self.called(depth)
    }

    /// A program and its words.
    fn called(&mut self, depth: u32) -> Result<()> {
        match self.u.int_in_range(0..=39)? {
            0..=21 => {
                let name = self.choose(&PROGRAMS)?;
                self.put(name);
            }
            22..=28 => return self.wrapper(depth),
            29..=35 => return self.builtin(depth),
            36 if self.odds > 0 && (self.odd()? || self.odd()? || self.odd()?) => {
                self.part("odd program");
                let name = self.choose(&ODD_PROGRAMS)?;
                self.put(name);
            }
            37 => {
                self.part("quoted program");
                let name = match self.u.int_in_range(0..=3)? {
                    3 if self.odd()? => self.choose(&ODD_PROGRAMS)?,
                    1 => self.choose(&BUILTINS)?,
                    _ => self.choose(&PROGRAMS)?,
                };
                match self.u.int_in_range(0..=4)? {
                    0 => write!(self.text, "'{name}'").unwrap_or_default(),
                    1 => write!(self.text, "\"{name}\"").unwrap_or_default(),
                    2 => write!(self.text, "\\{name}").unwrap_or_default(),
                    3 => write!(self.text, "{name}''").unwrap_or_default(),
                    _ => write!(self.text, "''{name}").unwrap_or_default(),
                }
            }
            38 if self.odd()? => self.word(depth)?,
            _ => self.put_one(&["git", "x"])?,
        }
        self.words(depth)
    }

    fn words(&mut self, depth: u32) -> Result<()> {
        let mut documents = 0;
        loop {
            match self.u.int_in_range(0..=16)? {
                _ if self.u.is_empty() => return Ok(()),
                0..=8 => {
                    self.blank()?;
                    self.word(depth)?;
                }
                9 => {
                    if self.one_in(4)? {
                        self.put_one(&["", "\t"])?;
                    } else {
                        self.blank()?;
                    }
                    self.redirection(depth)?;
                }
                10 if documents == 0 && self.one_in(3)? && (self.waiting.is_none() || self.odd()?) => {
                    documents = 1;
                    self.blank()?;
                    self.document()?;
                }
                _ => return Ok(()),
            }
        }
    }

    fn assignment(&mut self, depth: u32) -> Result<()> {
        let name = if self.one_in(4)? { self.choose(&NAMES)? } else { self.choose(&["A", "B", "C", "x"])? };
        self.put(name);
        if self.odd()? {
            self.put_one(&["+=", "[1]=", " =", "= ", "\\=", "'='", ":="])?;
        } else {
            self.put("=");
        }
        match self.u.int_in_range(0..=9)? {
            0 => Ok(()),
            1 => self.put_one(&[
                "~",
                "a:~",
                "=git",
                "x:=git",
                "(a b)",
                "{a,b}",
                "*",
                "E",
                "GIT_DIR=5",
                "/dev/null",
                ".",
                "!^x",
                "C",
            ]),
            _ => self.word(depth),
        }
    }

    fn redirection(&mut self, depth: u32) -> Result<()> {
        self.part("redirection");
        if self.one_in(3)? {
            let kinds = if self.odd()? { 4..=5 } else { 0..=3 };
            return match self.u.int_in_range(kinds)? {
                0..=1 => self.put_one(&["2>&1", ">&2", "1>&2", "2>&-", "<&-", "<&0", "3>&1"]),
                2..=3 => self.put_one(&[">/dev/null", "2>/dev/null", "&>/dev/null", "> /dev/null 2>&1", "</dev/null"]),
                4 => self.put_one(&[
                    ">&a", ">& 2", "2>&1-", ">&22", "<&a", ">&1x", ">&1>a", "{fd}>a", "22>a", "a2>b", "'2'>a", "\\2>a",
                    "{a}>b",
                ]),
                _ => self.put_one(&[
                    ">!a", ">! a", ">>!a", ">#a", "> (a)", "<1-9>", "<->", "< 1-9>", "<>a", ">=git", ">''", ">&!",
                    "<(git)", ">(git)", "&>|a", "<<<<a", "<<<(a)", "<<<=git",
                ]),
            };
        }
        if self.one_in(5)? {
            self.put_one(&["2", "1", "0", "3", "9"])?;
        }
        let operator = match self.u.int_in_range(0..=9)? {
            0..=4 => ">",
            5..=6 => "<",
            _ => self.choose(&OPERATORS)?,
        };
        let operator = if self.odd()? { "<>" } else { operator };
        self.put(operator);
        if operator.starts_with('&') {
            self.part("&>");
        }
        if operator == "<<<" {
            self.part("<<<");
        }
        if self.one_in(2)? {
            self.blank()?;
        }
        match self.u.int_in_range(0..=7)? {
            0..=5 => self.put_one(&["a", "f", "g", "h.c", "d/y", "'a b'", "\"c\""]),
            _ => self.word(depth),
        }
    }

    fn document(&mut self) -> Result<()> {
        self.part("here-document");
        let stripped = self.one_in(4)?;
        if self.one_in(20)? {
            self.put_one(&["0", "3"])?;
        }
        self.put(if stripped { "<<-" } else { "<<" });
        if self.one_in(4)? {
            self.put(" ");
        }
        let written = if self.odd()? {
            self.choose(&["E''", "\\E", "$E", "\"E\"x", "E-F", "'E F'", "E\\\nF", "{E}", "~"])?
        } else {
            self.choose(&DELIMITERS)?
        };
        self.put(written);
        let delimiter: String = written.chars().filter(|c| !"'\"\\".contains(*c)).collect();
        let mut body = String::new();
        for _ in 0..self.u.int_in_range(0..=3)? {
            let plain = written == delimiter && !self.odd()?;
            let line = self.choose(&BODIES)?;
            if plain && line.contains(['`', '$', '\\']) {
                continue;
            }
            body.push_str(line);
            body.push('\n');
        }
        if stripped && self.one_in(2)? {
            body.push_str("\t\t");
        }
        body.push_str(&delimiter);
        if self.odd()? {
            let end = self.choose(&[" ", ";", ")", "\\", "x"])?;
            body.push_str(end);
        }
        if self.waiting.is_none() || self.one_in(2)? {
            self.waiting = Some(body);
        }
        Ok(())
    }

    fn word(&mut self, depth: u32) -> Result<()> {
        let mut before = None;
        loop {
            let kind = self.u.int_in_range(0..=19)?;
            match kind {
                0..=7 => {
                    self.put_of(
                        &WORDS,
                        &["=x", "==", "=", "a}", "}", "{", "{a", "$", "$/", "`", "#x", "a(b)", "<1-9>", "=git", "!("],
                    )?;
                }
                8..=11 => {
                    self.part("quotes");
                    let word = self.choose(&QUOTED)?;
                    self.put(word);
                }
                12..=15 => {
                    self.part("expansion");
                    let word = self.choose(&EXPANSIONS)?;
                    self.put(word);
                }
                16..=17 if depth > 0 && (self.waiting.is_none() || self.odd()?) => self.substitution(depth - 1)?,
                18 if self.odd()? => {
                    self.part("trick");
                    let word = self.choose(&TRICKS)?;
                    self.put(word);
                }
                _ => {
                    let word = self.choose(&WORDS[..9])?;
                    self.put(word);
                }
            }
            if before == Some(kind) || !self.one_in(5)? {
                return Ok(());
            }
            before = Some(kind);
        }
    }

    /// `$(…)`, in quotes or not.
    fn substitution(&mut self, depth: u32) -> Result<()> {
        self.part("$(");
        let quoted = self.u.arbitrary()?;
        self.put(if quoted { "\"" } else { "" });
        if self.one_in(4)? {
            self.put_one(&["a ", "a", "-", "x="])?;
        }
        self.put_one(&["$(", "$(", "$(", "$( ", "$(\n", "$(\\\n"])?;
        let outer = self.waiting.take();
        self.list(depth, false)?;
        if self.waiting.is_some() {
            if self.odd()? {
                let body = self.waiting.take().unwrap_or_default();
                self.put("\n");
                self.put(&body);
            } else {
                self.newline()?;
            }
        }
        self.put_one(&[")", ")", " )", "\n)"])?;
        self.waiting = outer;
        self.put(if quoted { "\"" } else { "" });
        Ok(())
    }

    fn wrapper(&mut self, depth: u32) -> Result<()> {
        let name = self.choose(&WRAPPERS)?;
        self.part(name);
        self.put(name);
        let mut options: Vec<&str> = Vec::new();
        for _ in 0..self.u.int_in_range(0..=2)? {
            let (good, odd): (&[&str], &[&str]) = match name {
                "env" => (
                    &["-i", "-u A", "A=1", "B=\"$A\"", "-u E", "PATH=/bin", "'C=1 2'", "GIT_DIR=x"],
                    &["A=$A", "-", "-S", "--", "-C d", "1A=x", "A-B=1", "-uA", "-0", "E=$E", "PS4=\"$P\"", "-iu A"],
                ),
                "nice" => (&["-n 5", "-n -5"], &["-5", "-n5", "--adjustment=1", "-n \"$A\"", "-n '' ", "-n", "--"]),
                "timeout" => (
                    &["-k 1", "-s 9", "-s KILL", "-k 1 -s TERM"],
                    &["--foreground", "-k1", "-v", "-k \"$A\"", "--", "-s"],
                ),
                "stdbuf" => {
                    (&["-oL", "-o0", "-i0", "-e0", "-oL -eL"], &["-o L", "-o", "--output=L", "-x", "--", "-oLx"])
                }
                "time" => (&["time"], &["-p", "!", "--", "A=1"]),
                "command" => (&["-v", "-V", "command"], &["-p", "-vp", "--"]),
                "nohup" | "setsid" => (&["nohup"], &["--", "-w", "--help", "A=1"]),
                _ => (
                    &["-c", "-ec", "-lc", "--version", "-x", "-n", "-eu"],
                    &["+x", "+c", "-v", "-o pipefail", "-s", "-", "--", "--norc", "-cc"],
                ),
            };
            options.push(if self.odd()? { self.choose(odd)? } else { self.choose(good)? });
        }
        if ["sh", "bash", "zsh", "dash"].contains(&name) && self.one_in(2)? {
            options =
                vec![self.choose(&["-c", "-c", "-c", "-ec", "-lc", "-xc", "-ce", "-euxc", "-e -c", "-x -eu -c"])?];
            if self.odd()? {
                options = vec![self.choose(&["+c", "+x -c", "-c -x", "-c -- ", "-O x -c", "--posix -c", "-i -c"])?];
            }
        }
        for option in &options {
            self.blank()?;
            self.put(option);
        }
        match name {
            "timeout" if !self.odd()? => {
                self.blank()?;
                self.put_of(&["5", "5", "5", "1m", "'5'", "''"], &["-5", "\"$A\"", "$A"])?;
            }
            "sh" | "bash" | "zsh" | "dash" if options.last().is_some_and(|option| option.contains('c')) => {
                return self.script(depth);
            }
            _ => {}
        }
        self.blank()?;
        if self.one_in(12)? { self.words(depth) } else { self.called(depth.saturating_sub(1)) }
    }

    /// What `-c` is followed by.
    fn script(&mut self, depth: u32) -> Result<()> {
        self.part("-c");
        self.blank()?;
        let outer = (std::mem::take(&mut self.text), self.waiting.take());
        if depth > 0 {
            self.list(depth - 1, false)?;
        } else {
            self.put_of(
                &["git a", "git $1", "git a | cat", "x; git"],
                &["git 'a'", "-x", "+x", "", "#", "\"$@\"", "exit E"],
            )?;
        }
        if self.waiting.is_some() {
            self.newline()?;
        }
        let script = std::mem::replace(&mut self.text, outer.0);
        self.waiting = outer.1;
        match script.contains('\'') {
            false if !self.one_in(4)? => {
                self.put("'");
                self.put(&script);
                self.put("'");
            }
            true if self.odd()? => self.put(&script),
            _ => {
                let script = if self.odd()? { script } else { script.replace(['"', '\\', '$', '`'], "") };
                self.put("\"");
                self.put(&script);
                self.put("\"");
            }
        }
        if self.one_in(10)? { self.words(depth) } else { Ok(()) }
    }

    fn builtin(&mut self, depth: u32) -> Result<()> {
        let name = self.choose(&BUILTINS)?;
        self.part(match name {
            "[" | "test" => "[",
            "export" | "read" | "set" | "printf" | "cd" | "echo" => name,
            _ => "builtin",
        });
        self.put(name);
        let variable = if self.one_in(3)? { self.choose(&NAMES)? } else { self.choose(&["A", "B", "C", "E"])? };
        for count in 0..self.u.int_in_range(0..=3)? {
            self.blank()?;
            if self.odd()? {
                self.word(depth)?;
                continue;
            }
            match name {
                "export" => {
                    self.put(variable);
                    match self.u.int_in_range(0..=5)? {
                        0 => {}
                        1 => {
                            self.put("=");
                            self.word(depth)?;
                        }
                        2 => self.put_of(
                            &[
                                "=1",
                                "=\"$A\"",
                                "=$E",
                                "=$(git a)",
                                "=~",
                                "=",
                                "='a b'",
                                "=~:~",
                                "==git",
                                "=a{b,c}",
                                "=$A$B",
                            ],
                            &["+=1", "[1]=2", "={a,b}=c", "{B,C}=1", "\"$A\"=1", "-n", "$A", "=a{B,C}=1"],
                        )?,
                        _ => self.put("=1"),
                    }
                }
                "read" => match self.u.int_in_range(0..=3)? {
                    0 => self.put("-r"),
                    1 if self.odd()? => {
                        self.put_one(&["-p", "-a", "-k", "-n 1", "A?x", "-A", "a[1]", "'B'", "-er", "--"])?
                    }
                    _ => self.put(variable),
                },
                "set" => self.put_of(
                    &[
                        "-e",
                        "-u",
                        "-x",
                        "-eu",
                        "-o",
                        "pipefail",
                        "-o pipefail",
                        "-euo pipefail",
                        "+x",
                        "+o",
                        "-ox",
                        "-eo",
                    ],
                    &["-a", "-k", "--", "-", "a", "-o xtrace", "-n", "-f", "$A", "-"],
                )?,
                "exit" | "return" | "break" | "continue" | "shift" | "wait" | "ulimit" => {
                    self.put_of(
                        &["1", "0", "2", "-1", "-n"],
                        &[
                            "E",
                            "x",
                            "-p",
                            "PATH",
                            "A",
                            "-v",
                            "unlimited",
                            "-c",
                            "--",
                            "_",
                            "RANDOM",
                            "$E",
                            "\"$E\"",
                            "$?",
                            "$!",
                            "%1",
                        ],
                    )?;
                }
                "unset" => self.put_of(
                    &["A", "B", "PATH", "-v", "-f", "E", "path", "-", "IFS", "_"],
                    &["'a[1]'", "a[$(git)]", "$A", "\"$E\""],
                )?,
                "printf" if count == 0 => self.put_of(
                    &["'%s\\n'", "\"%s\"", "%s", "a", "'%b%%'", "'\\044(pwned)'", "'%%%s'", "'%%'"],
                    &["'%d'", "-v", "--", "'%q'", "'%5s'", "'%*d'", "\"$E\"", "'%'", "'%s%'"],
                )?,
                "[" | "test" => self.test()?,
                "kill" => self.put_one(&["-0", "$$", "$!", "%1", "-9", "-l", "E", "1"])?,
                "cd" => self.put_one(&["d", ".", "-", "\"$A\"", "$(git a)", "+1", "-E", "--", "~", "d/"])?,
                _ => self.word(depth)?,
            }
        }
        if name == "[" && !self.odd()? {
            self.put(" ]");
        }
        while self.one_in(8)? {
            self.put(" ");
            self.redirection(depth)?;
        }
        Ok(())
    }

    fn test(&mut self) -> Result<()> {
        if !self.odd()? {
            self.put_one(&[
                "-f a",
                "-d d",
                "-n \"$A\"",
                "-z \"$A\"",
                "\"$A\" = b",
                "1 -eq 1",
                "-e f",
                "a = a",
                "a != b",
                "! -f a",
            ])
        } else {
            self.put_one(&[
                "E",
                "1",
                "\"$E\"",
                "$E",
                "-eq",
                "-t",
                "-v",
                "-R",
                "-o",
                "-a",
                "!",
                "(",
                ")",
                "'('",
                "=",
                "==",
                "=~",
                "-nt",
                "-ef",
                "a",
                "-n",
                "-z",
                "-f",
                "\"$O\"",
                "\"$A\"",
                "$A",
                "$?",
                "-lt",
                "GIT_DIR=5",
                "'a[1]'",
                "\\<",
                "'>'",
                "A",
                "-k",
                "\"$S\"",
                "]",
            ])
        }
    }

    /// More levels than others have.
    fn nested(&mut self) -> Result<()> {
        self.part("nested");
        let levels: Vec<u32> =
            (0..self.u.int_in_range(3..=10)?).map(|_| self.u.int_in_range(0..=3)).collect::<Result<_>>()?;
        for level in &levels {
            self.put(["{ ", "( ", "git $(", "if git; then "][*level as usize]);
        }
        self.simple(0)?;
        if self.waiting.is_some() {
            self.newline()?;
        }
        for level in levels.iter().rev() {
            self.put(["; }", " )", ")", "; fi"][*level as usize]);
        }
        Ok(())
    }
}
