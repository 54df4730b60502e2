//! What shells run of random lines is what perso reads in them: each line is run by each shell, with programs that log
//! what they are given, and every program that ran must be one of the commands that were read, word for word; so must
//! every file that was written and every variable that was set for it.
//!
//! A fault in what is read may be one that a shell acts on: the lines run only in `shells/lines.sh`.
//!
//! `PERSO_LINES` is the number of lines that each shell runs, `PERSO_SEED` where the random lines begin.

#![cfg(feature = "compile")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "it is a test")]

mod generate;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use arbitrary::Unstructured;
use generate::shell;
use perso_core::policy::Facet;
use perso_core::reference::{Value, facet};
use tempfile::TempDir;

/// Each reads a line behind `-c`. `PERSO_SHELLS` names others, as `bash --posix,mksh`.
const SHELLS: &str = "bash,dash,zsh";

/// How many lines each shell runs, unless `PERSO_LINES` says it.
const LINES: usize = 2000;

/// How many lines the sandbox runs before it is set up anew.
const BATCH: usize = 4000;

/// How many differences are made small before the test ends.
const MOST_SHOWN: usize = 8;

/// How long a difference is made smaller.
const MOST_SHRINKING: Duration = Duration::from_secs(20);

// ---- What is read ----

/// A command that perso reads in a line.
struct Read {
    words: Texts,
    env: Texts,
    writes: Texts,
}

/// Texts, of which some are only known when the line runs.
struct Texts {
    texts: Vec<Option<String>>,
    /// Whether there are as many as here.
    exact: bool,
}

impl Texts {
    fn new(value: &Value) -> Self {
        let Value::List(texts) = value else { panic!("no list: {value:?}") };
        let text = |value: &Value| match value {
            Value::String(text) => Some(text.clone()),
            Value::Unknown { .. } => None,
            other => panic!("no text: {other:?}"),
        };
        let exact = !texts.contains(&Value::Unknown { several: true });
        Self { texts: texts.iter().map(text).collect(), exact }
    }

    /// Whether they may be these, when the line runs.
    fn may_be(&self, these: &[String]) -> bool {
        let is = |(text, this): (&Option<String>, &String)| text.as_ref().is_none_or(|text| text == this);
        if self.exact {
            return self.texts.len() == these.len() && self.texts.iter().zip(these).all(is);
        }
        // From some point on, even the number is unknown.
        let known = self.texts.iter().rposition(Option::is_some).map_or(0, |last| last + 1);
        known <= these.len() && self.texts[..known].iter().zip(these).all(is)
    }

    /// Whether one of them may be a text that this is true of.
    fn has(&self, is: impl Fn(&str) -> bool) -> bool {
        !self.exact || self.texts.iter().any(|text| text.as_ref().is_none_or(|text| is(text)))
    }
}

/// What perso reads in a line, or nothing where it refuses the line.
fn read(line: &str) -> Option<Vec<Read>> {
    let Value::List(commands) = facet::read(Facet::Shell, line).ok()? else {
        panic!("{line:?} is no list of commands")
    };
    let command = |command: &Value| {
        let field = |name| command.member(name).unwrap_or_else(|| panic!("{line:?}: no `{name}` in {command:?}"));
        let (Value::List(words), Value::List(args)) = (field("words"), field("args")) else { panic!("{line:?}") };
        assert!(words.split_first() == Some((field("program"), args)), "{line:?}: the words are others in {command:?}");
        let [words, env, writes] = ["words", "env", "writes"].map(|name| Texts::new(field(name)));
        Read { words, env, writes }
    };
    Some(commands.iter().map(command).collect())
}

// ---- The sandbox ----

/// A program that ran.
struct Ran {
    words: Vec<String>,
    /// Variables that were not as they were at the beginning.
    env: Vec<String>,
}

/// What a line did.
struct Outcome {
    ran: Vec<Ran>,
    /// Files that are new or changed.
    files: Vec<String>,
    late: bool,
}

/// Where one shell runs lines.
struct Sandbox {
    root: TempDir,
    /// The shell and its arguments.
    shell: Vec<String>,
}

impl Sandbox {
    /// One for each shell.
    fn all() -> Vec<Self> {
        let shells = std::env::var("PERSO_SHELLS").unwrap_or_else(|_| SHELLS.to_owned());
        shells.split(',').map(|shell| Self::new(shell.split(' ').map(str::to_owned).collect())).collect()
    }

    fn new(shell: Vec<String>) -> Self {
        static INSTALLED: OnceLock<()> = OnceLock::new();
        INSTALLED.get_or_init(|| succeed(&mut Command::new(folder().join("install.sh"))));
        let root = tempfile::tempdir().unwrap();
        fs::set_permissions(root.path(), Permissions::from_mode(0o755)).unwrap();
        let mut compiler = Command::new("cc");
        compiler.args(["-O2", "-static", "-Wall", "-Wextra", "-Werror", "-o"]);
        succeed(compiler.arg(root.path().join("sandbox")).arg(folder().join("sandbox.c")));
        let mut programs: BTreeSet<_> = shell::programs().into_iter().map(str::to_owned).collect();
        let ordinary = ordinary().into_iter().filter_map(|line| read(&line)).flatten();
        let names = ordinary.filter_map(|command| command.words.texts.into_iter().next().flatten());
        programs.extend(names.filter(|name| !name.contains('/') && name != "."));
        let programs: String = programs.iter().map(|name| format!("{name}\n")).collect();
        fs::write(root.path().join("programs"), programs).unwrap();
        Self { root, shell }
    }

    fn run<'l>(&self, lines: impl IntoIterator<Item = &'l str>) -> Vec<Outcome> {
        let (log, file) = (self.root.path().join("log"), self.root.path().join("lines"));
        let mut text = Vec::new();
        let mut count = 0;
        for line in lines {
            text.extend_from_slice(line.as_bytes());
            text.push(0);
            count += 1;
        }
        fs::write(&file, text).unwrap();
        fs::write(&log, "").unwrap();
        fs::set_permissions(&log, Permissions::from_mode(0o666)).unwrap();
        succeed(Command::new(folder().join("lines.sh")).arg(self.root.path()).args(&self.shell));
        let log = fs::read(&log).unwrap();
        let mut fields = log.split(|byte| *byte == 0).map(|field| String::from_utf8_lossy(field).into_owned());
        let mut outcomes = Vec::new();
        let mut ran = Vec::new();
        loop {
            let kind = fields.next().unwrap_or_default();
            match kind.as_str() {
                "R" => ran.push(Ran { words: several(&mut fields), env: several(&mut fields) }),
                "E" => {
                    let late = fields.next().unwrap() == "timeout";
                    outcomes.push(Outcome { ran: std::mem::take(&mut ran), files: several(&mut fields), late });
                }
                _ => break,
            }
        }
        assert_eq!(outcomes.len(), count, "{:?} has not run each line", self.shell);
        outcomes
    }
}

/// A number, and as many fields.
fn several(fields: &mut impl Iterator<Item = String>) -> Vec<String> {
    let count = fields.next().unwrap().parse().unwrap();
    fields.take(count).collect()
}

fn succeed(command: &mut Command) {
    let output = command.output().expect("it starts");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/shells")
}

// ---- The comparison ----

/// What a shell did that is not in what was read, if anything.
fn difference(read: &[Read], outcome: &Outcome) -> Option<String> {
    for Ran { words, env } in &outcome.ran {
        let mut called = read.iter().filter(|command| command.words.may_be(words)).peekable();
        if called.peek().is_none() {
            return Some(format!("runs {words:?}"));
        }
        let sets_all = |texts: &Texts| env.iter().all(|name| texts.has(|text| text == name));
        if !called.any(|command| sets_all(&command.env)) {
            return Some(format!("runs {words:?} with {env:?}"));
        }
    }
    for file in &outcome.files {
        // A folder that `cd` went to is not in the text of the target.
        let is_it = |text: &str| {
            let text = text.strip_prefix("./").unwrap_or(text);
            file == text || file.strip_suffix(text).is_some_and(|folder| folder.ends_with('/'))
        };
        if !read.iter().any(|command| command.writes.has(is_it)) {
            return Some(format!("writes {file:?}"));
        }
    }
    None
}

/// The shortest line that is made of it by leaving parts out and that still shows a difference.
fn shrink(sandbox: &Sandbox, line: &str) -> (String, String) {
    let mut line = line.to_owned();
    let mut shown = String::from("not again");
    let begin = Instant::now();
    loop {
        let places: Vec<usize> = line.char_indices().map(|(at, _)| at).chain([line.len()]).collect();
        let count = places.len() - 1;
        let mut shorter = BTreeSet::from([line.clone()]);
        let mut size = count / 2;
        while size > 0 {
            let step = size.div_ceil(2);
            for first in (0..=count - size).step_by(step) {
                shorter.insert(format!("{}{}", &line[..places[first]], &line[places[first + size]..]));
            }
            size = if size > 4 { size / 2 } else { size - 1 };
        }
        let read: Vec<_> = shorter.iter().filter_map(|line| read(line).map(|read| (line, read))).collect();
        let outcomes = sandbox.run(read.iter().map(|(line, _)| line.as_str()));
        let failed =
            read.iter().zip(&outcomes).filter_map(|((line, read), outcome)| Some((*line, difference(read, outcome)?)));
        match failed.min_by_key(|(line, _)| line.chars().count()) {
            Some((least, what)) => {
                shown = what;
                if least.len() >= line.len() || begin.elapsed() > MOST_SHRINKING {
                    return (line, shown);
                }
                line = least.clone();
            }
            None => return (line, shown),
        }
    }
}

// ---- The lines ----

/// Random numbers by a seed.
struct Noise(u64);

impl Noise {
    fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut next = || {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            (mixed ^ (mixed >> 31)).to_le_bytes()
        };
        (0..count.div_ceil(8)).flat_map(|_| next()).collect()
    }
}

/// How often each construct was written, and how often the line was read.
#[derive(Default)]
struct Shares {
    lines: [usize; 2],
    parts: BTreeMap<&'static str, [usize; 2]>,
}

impl Shares {
    fn add(&mut self, parts: &BTreeSet<&'static str>, is_read: bool) {
        let add = |counts: &mut [usize; 2]| {
            counts[0] += 1;
            counts[1] += usize::from(is_read);
        };
        add(&mut self.lines);
        parts.iter().for_each(|part| add(self.parts.entry(part).or_default()));
    }
}

impl std::fmt::Display for Shares {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut share = |name: &str, [written, read]: [usize; 2]| {
            writeln!(f, "{name:22} {written:8} written, {:3} % read", 100 * read / written.max(1))
        };
        share("lines", self.lines)?;
        self.parts.iter().try_for_each(|(name, counts)| share(name, *counts))
    }
}

/// At most so many of the lines with a trick in each place that are read, from all over the list: others for each seed.
fn tricked(most: usize, seed: u64) -> Vec<(String, Vec<Read>)> {
    let inside = shell::each().filter(|line| !shell::leads_out(line)).collect::<BTreeSet<_>>();
    let read: Vec<_> = inside.into_iter().filter_map(|line| read(&line).map(|read| (line, read))).collect();
    assert!(read.len() > LINES, "hardly any line is read: {}", read.len());
    let step = read.len().div_ceil(most.max(1));
    read.into_iter().skip(seed as usize % step).step_by(step).collect()
}

/// Random lines that are read, with what is read in them.
fn lines(noise: &mut Noise, count: usize, shares: &mut Shares) -> Vec<(String, Vec<Read>)> {
    let mut lines = Vec::new();
    while lines.len() < count {
        let bytes = noise.bytes(1024);
        let generated = shell::line(&mut Unstructured::new(&bytes)).expect("there is a line");
        if shell::leads_out(&generated.line) {
            continue;
        }
        let read = read(&generated.line);
        shares.add(&generated.parts, read.is_some());
        lines.extend(read.filter(|read| !read.is_empty()).map(|read| (generated.line, read)));
    }
    lines
}

fn number(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).map_or(otherwise, |text| {
        let hexadecimal = text.strip_prefix("0x").map(|digits| u64::from_str_radix(digits, 16));
        hexadecimal.unwrap_or_else(|| text.parse()).unwrap_or_else(|_| panic!("{variable} is no number: `{text}`"))
    })
}

#[test]
fn shells_run_only_what_is_read() {
    let (mut left, seed) = (number("PERSO_LINES", LINES as u64) as usize, number("PERSO_SEED", 1));
    let mut noise = Noise(seed);
    let sandboxes = Sandbox::all();
    let mut shares = Shares::default();
    let (mut count, mut programs, mut late) = (0, 0, 0);
    let mut report = String::new();
    let mut shown = 0;
    let mut tricked = tricked(left / 2, seed);
    while left > 0 && shown < MOST_SHOWN {
        let mut lines = lines(&mut noise, left.min(BATCH) / 2, &mut shares);
        lines.extend(tricked.drain(..tricked.len().min(BATCH / 2)));
        left = left.saturating_sub(lines.len().max(1));
        count += lines.len();
        let run = |sandbox: &Sandbox| sandbox.run(lines.iter().map(|(line, _)| line.as_str()));
        let outcomes: Vec<_> = std::thread::scope(|scope| {
            let shells: Vec<_> = sandboxes.iter().map(|sandbox| scope.spawn(|| run(sandbox))).collect();
            shells.into_iter().map(|shell| shell.join().expect("the sandbox works")).collect()
        });
        for (sandbox, outcomes) in sandboxes.iter().zip(outcomes) {
            for ((line, read), outcome) in lines.iter().zip(outcomes) {
                programs += outcome.ran.len();
                late += usize::from(outcome.late);
                let Some(what) = difference(read, &outcome) else { continue };
                shown += 1;
                if shown > MOST_SHOWN {
                    break;
                }
                let (small, still) = shrink(sandbox, line);
                println!("{:?} {what} of {line:?}; {still} of {small:?}", sandbox.shell);
                writeln!(report, "{:?} {what}\n  of {line:?}\n  small: {still}\n  of {small:?}", sandbox.shell)
                    .unwrap();
            }
        }
    }
    println!(
        "{shares}{programs} programs ran of {count} lines in {} shells; {late} lines were stopped",
        sandboxes.len()
    );
    assert!(report.is_empty(), "seed {seed:#x}:\n{report}");
    assert!(programs > count * sandboxes.len() / 2, "hardly any program ran: {programs}");
}

/// That the comparison sees what a shell does with a line that is refused, where somebody could read words in it.
#[test]
fn what_is_refused_is_something_else_to_some_shell() {
    let sandboxes = Sandbox::all();
    for (line, words) in REFUSED {
        assert!(read(line).is_none(), "{line:?} is read");
        let naive = [words.split(' ').map(str::to_owned).collect::<Vec<_>>()];
        let differs = |sandbox: &Sandbox| {
            let [outcome] = &sandbox.run([line])[..] else { panic!("one line, one outcome") };
            let mut ran: Vec<_> = outcome.ran.iter().map(|ran| &ran.words).collect();
            ran.sort();
            ran != naive.iter().collect::<Vec<_>>() || !outcome.files.is_empty()
        };
        assert!(sandboxes.iter().any(differs), "{line:?} is the same to every shell");
    }
}

/// Lines that are refused, and the words that a careless reader would find.
const REFUSED: [(&str, &str); 29] = [
    ("git =git", "git =git"),
    ("git `x`", "git `x`"),
    ("git $'a'", "git $a"),
    ("git $((1))", "git $((1))"),
    ("git {a", "git {a b}"),
    ("git <(x)", "git <(x)"),
    ("git a |& cat", "git a"),
    ("git a &! b", "git a"),
    ("git >!a", "git"),
    ("git <1-9>", "git"),
    ("git 22>a", "git"),
    ("git {fd}>a", "git {fd}"),
    ("git $A[x]", "git [x]"),
    ("git a\\\nb", "git a"),
    ("x=(git); git", "git"),
    ("source a", "source a"),
    ("exec git", "exec git"),
    ("eval 'git a'", "eval git a"),
    ("noglob git", "noglob git"),
    ("- git", "- git"),
    ("builtin cd; git", "git a"),
    ("[ 'path[$(x)]' -eq 1 ]", "["),
    ("A=1 export B; git", "git a"),
    ("time -p git", "time -p git"),
    ("env -S 'git a'", "env -S git a"),
    ("bash -s", "bash -s"),
    ("sh -c \"git \\$1\" a b", "sh -c git $1 a b"),
    ("trap git EXIT", "trap git EXIT"),
    ("f() { git; }; f", "f"),
];

#[test]
fn what_shells_read_in_other_ways_is_refused_or_right() {
    assert_agreed(OTHERWISE);
}

#[test]
fn shells_run_only_what_is_read_of_lines_as_people_write_them() {
    assert_agreed(ordinary().iter().map(String::as_str));
}

/// That no shell does anything that is not read in a line.
fn assert_agreed<'l>(lines: impl IntoIterator<Item = &'l str>) {
    let read: Vec<_> = lines.into_iter().filter_map(|line| read(line).map(|read| (line, read))).collect();
    let mut wrong = String::new();
    for sandbox in Sandbox::all() {
        let outcomes = sandbox.run(read.iter().map(|(line, _)| *line));
        for ((line, read), outcome) in read.iter().zip(&outcomes) {
            if let Some(what) = difference(read, outcome) {
                writeln!(wrong, "{:?} {what} of {line:?}", sandbox.shell).unwrap();
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// Lines as they are written every day, and lines from public reports.
fn ordinary() -> Vec<String> {
    let mut lines = Vec::new();
    for file in ["tests/shells/ordinary.jsonl", "../policies/reported/shell.jsonl"] {
        let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
        for record in text.lines() {
            let record: serde_json::Value = serde_json::from_str(record).unwrap();
            lines.push(record["line"].as_str().unwrap().to_owned());
        }
    }
    lines
}

/// Lines of which some shell runs something that is not easily seen in them.
///
/// In `E`, `P` and `O` is data that runs `pwned` where a shell takes it as code.
const OTHERWISE: [&str; 51] = [
    // bash ends a here-document in `$(…)` at a line that begins like its end and holds a bracket.
    "c $(m <<'E'\nE)\ngit\nE\n)",
    "c \"$(m <<'E'\nEx)\ngit\nE\n)\"",
    "c $(m <<-E\n\tE x)\ngit\nE\n)",
    // An option in the place of a script, and options with a plus.
    "sh -c '-x' 'git a'",
    "bash -c \"--\" 'git a'",
    "bash +x -c 'git a'",
    "sh +",
    // To dash, `&` ends a command here.
    "git a &>g rm b",
    "git a &>g >f rm b",
    "git a &>g <<E b\nE\n",
    // Patterns of zsh.
    "if(git a) then(npm b) fi",
    "!(e:pwned:)",
    // Commands and aliases of zsh.
    "run-help git",
    "which-command git",
    "pushln d; getln GIT_DIR; git",
    "bye E",
    "logout GIT_DIR=5; git",
    // Arithmetic, in which data is code.
    "exit E",
    "shift E",
    "break E",
    "return E",
    "git a & wait -n -p GIT_DIR; npm b",
    "[ -t E ]",
    "[ -t \"$E\" ]",
    "[ -t GIT_DIR=5 ]; git",
    "RANDOM=GIT_DIR=5; git",
    "OPTIND=$E; git",
    "SECONDS=E git",
    "read SECONDS",
    "export LINES=E",
    "for RANDOM in \"$E\"; do git; done",
    // Variables that do more than to hold a text.
    "PS4=$P; set -x; git",
    "env PS4=\"$P\" bash -xc 'git'",
    "path=\"$PATH:d\"; git",
    "ARGV0=rm git a",
    "git \"$#A[E]\"",
    "A=1; git \"$A:F:E:h\"",
    "git \"$1:h:F:E:h\"",
    // What an assignment reaches.
    "A=1 B=$(git a) npm b",
    "env A=1 -u E git",
    // To zsh, the digit belongs to the redirection.
    "git 2&>g",
    // A `;` behind a here-document, which bash loses in a substitution.
    "cat $(git <<E\nE\nnpm; x)",
    "cat $(git <<E; npm; x\nE\n)",
    "cat \"$(git <<'E' | npm; x\nE\n)\"",
    "cat $(if git <<E\nE\nthen npm; x; fi)",
    // Operators that are data.
    "[ \"$O\" E ]",
    "[ x = x -a \"$O\" \"$E\" ]",
    "[ ! \"$O\" E ]",
    // A redirection that is a command to zsh.
    "time >g",
    // A newline that vanishes between the characters of an operator.
    "cat $(\\\n(git \"${E}\"))$(x)",
    "git a &\\\n>g npm b",
];
