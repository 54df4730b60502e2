//! What perso reads as a command, real shells split into the same words: each line is run by each of them, with programs
//! that log what they are given.
//!
//! The lines are nearly commands of every kind, so a fault in what is read may be one that a shell acts on: they run only
//! in `shells/sandbox.sh`.

#![cfg(feature = "compile")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "it is a test")]

mod generate;

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use arbitrary::Unstructured;
use generate::tricks;
use perso_core::policy::Facet;
use perso_core::reference::{Value, facet};

/// The shells, as they are called with a file of lines.
const SHELLS: [&[&str]; 6] =
    [&["bash", "--norc"], &["bash", "--posix"], &["dash"], &["zsh", "-f"], &["mksh"], &["busybox", "sh"]];

/// The programs that are there. No shell has a command of its own by these names.
const PROGRAMS: [&str; 3] = ["git", "npm", "g++"];

/// Logs how many arguments it has, and each of them.
const LOGGER: &str = "#!/bin/dash\nprintf '%s\\0' \"${0##*/}\" \"$#\" \"$@\" >> \"$LOG\"\n";

/// Lines in whose every place each trick is tried.
const LINES: [&str; 7] = [
    "git log --oneline",
    "git show HEAD~3 HEAD^ .#x",
    "git --x='a b'c \"d'e\"f ''",
    "npm run a==b a/~b 'x'",
    "g++ -DA=\"a b\" '-o' a.c",
    "git a:b,c@d%e+f_g=h",
    "git \"a;b|c&d\" '$(id)' '`id`' 'a\\b'",
];

/// How many lines of each kind each shell runs.
const MOST: usize = 1000;

/// The words of a line, as perso reads it.
fn words(line: &str) -> Option<Vec<String>> {
    let program = facet::read(Facet::Program, line).ok()?;
    let Ok(Value::List(arguments)) = facet::read(Facet::Words, line) else { panic!("{line:?} has no arguments") };
    let text = |value: Value| match value {
        Value::String(text) => text,
        other => panic!("{line:?}: {other:?}"),
    };
    Some(std::iter::once(program).chain(arguments).map(text).collect())
}

/// At most so many of the lines that are read, from all over the list.
fn some(lines: BTreeSet<String>) -> Vec<(String, Vec<String>)> {
    let read = lines.into_iter().filter_map(|line| words(&line).map(|words| (line, words)));
    let read: Vec<_> = read.filter(|(_, words)| PROGRAMS.contains(&words[0].as_str())).collect();
    assert!(read.len() > MOST / 2, "hardly any line is read: {}", read.len());
    let step = read.len().div_ceil(MOST);
    read.into_iter().step_by(step).collect()
}

fn lines() -> Vec<(String, Vec<String>)> {
    let tricked = LINES.iter().flat_map(|line| tricks::each(line, &tricks::COMMAND_TRICKS));
    let mut lines = some(tricked.collect());
    let mut noise = generate::noise(0);
    let random = (0..20_000).map(|_| {
        let noise: Vec<u8> = (0..32).flat_map(|_| noise()).collect();
        let mut u = Unstructured::new(&noise);
        let program = u.choose(&PROGRAMS).expect("there is one");
        tricks::command(&mut u, program).expect("noise never ends")
    });
    lines.extend(some(random.collect()));
    // Every character that can be printed, at the front, in and at the end of a word, and in quotes.
    let places = |c: char| {
        [
            format!("git {c}"),
            format!("git {c}a"),
            format!("git a{c}b"),
            format!("git a{c}"),
            format!("git =a{c}b"),
            format!("git a={c}b"),
            format!("git a:{c}b"),
            format!("git a{c}{c}b"),
            format!("git ''{c}b"),
            format!("git 'a'{c}"),
            format!("git \"a\"{c}b"),
            format!("git 'a{c}b'"),
            format!("git \"a{c}b\""),
            format!("git x'{c}'\"{c}\"y"),
            format!("git{c} a"),
            format!("{c}git a"),
        ]
    };
    let each = (' '..='~').flat_map(places).filter_map(|line| words(&line).map(|words| (line, words)));
    lines.extend(each.filter(|(_, words)| PROGRAMS.contains(&words[0].as_str())));
    lines
}

/// Installs missing shells, once.
fn install() {
    static INSTALLED: OnceLock<()> = OnceLock::new();
    INSTALLED.get_or_init(|| {
        let output = Command::new(folder().join("install.sh")).output().expect("it starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    });
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/shells")
}

fn write(path: &Path, text: &str, mode: u32) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// What the programs have logged of the words of each line.
fn run(shell: &[&str], lines: &[(String, Vec<String>)]) -> Vec<Vec<String>> {
    let root = tempfile::tempdir().unwrap();
    fs::set_permissions(root.path(), Permissions::from_mode(0o755)).unwrap();
    let bin = root.path().join("bin");
    fs::create_dir(&bin).unwrap();
    PROGRAMS.iter().for_each(|program| write(&bin.join(program), LOGGER, 0o755));
    let (log, file) = (root.path().join("log"), root.path().join("lines"));
    write(&log, "", 0o666);
    let text: String = lines.iter().map(|(line, _)| format!("{line}\n")).collect();
    write(&file, &text, 0o644);
    let output =
        Command::new(folder().join("sandbox.sh")).args([&bin, &log, &file]).args(shell).output().expect("it starts");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && said.is_empty(), "{shell:?}: {}\n{said}", output.status);
    let log = fs::read_to_string(&log).unwrap();
    let mut entries = log.split_terminator('\0');
    let mut ran = Vec::new();
    while let Some(program) = entries.next() {
        let count: usize = entries.next().unwrap().parse().unwrap();
        ran.push(std::iter::once(program).chain(entries.by_ref().take(count)).map(str::to_owned).collect());
    }
    ran
}

#[test]
fn shells_split_a_command_into_the_words_that_perso_reads() {
    install();
    let lines = lines();
    println!("{} lines", lines.len());
    let compare = |shell: &[&str]| {
        let ran = run(shell, &lines);
        for ((line, words), ran) in lines.iter().zip(&ran) {
            assert_eq!(words, ran, "{shell:?} runs {line:?} as something else");
        }
        assert_eq!(ran.len(), lines.len(), "{shell:?} runs something else");
    };
    std::thread::scope(|scope| {
        let compare = &compare;
        let shells: Vec<_> = SHELLS.iter().map(|shell| scope.spawn(move || compare(shell))).collect();
        shells.into_iter().for_each(|shell| shell.join().expect("the shell agrees"));
    });
}

/// That the comparison sees what a shell does with a line that perso refuses.
#[test]
fn what_is_refused_is_something_else_to_some_shell() {
    install();
    for (line, literally) in [
        ("git ~", "~"),
        ("git a=~", "a=~"),
        ("git =git", "=git"),
        ("git {a,b}", "{a,b}"),
        ("git #x", "#x"),
        ("git $HOME", "$HOME"),
        ("git \"$HOME\"", "$HOME"),
        ("git a\\b", "a\\b"),
        ("git \"a\\\\b\"", "a\\\\b"),
    ] {
        assert_eq!(words(line), None, "{line:?}");
        let line = (line.to_owned(), Vec::new());
        let differs = |shell: &[&str]| run(shell, std::slice::from_ref(&line)) != [["git", literally]];
        assert!(SHELLS.iter().any(|shell| differs(shell)), "{line:?} is the same to every shell");
    }
}
