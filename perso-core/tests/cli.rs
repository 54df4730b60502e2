//! The `perso` command, by transcripts: each file in `tests/cli/` has commands and exactly what they print.
//!
//! A line that begins with `$ ` is a command for `sh`, run in a folder with what is in `tests/cli/files/`, the support
//! desk, and the modules of [`prepare`]. Below it stand its standard output, its standard error with `! ` before each
//! line, and its exit code after `? `. Lines that begin with `# ` say what is shown. Hashes and sizes of modules are
//! left out. `BLESS=1 cargo test -p perso-core --features cli --test cli` writes what the commands print.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

use perso_core::module::{abi, sections, sha256};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn transcripts() -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(here().join("tests/cli")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "txt"));
    files.sort();
    files
}

/// Copies what is in a folder.
fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let copied = to.join(path.file_name().unwrap());
        if path.is_dir() {
            fs::create_dir(&copied).unwrap();
            copy(&path, &copied);
        } else {
            fs::copy(&path, copied).unwrap();
        }
    }
}

/// Fills the folder in which commands run.
fn prepare(folder: &Path) {
    let policies = here().join("../policies");
    copy(&here().join("tests/cli/files"), folder);
    for name in ["support-desk.json", "support-desk.calls.jsonl"] {
        fs::copy(policies.join(name), folder.join(name)).unwrap();
    }
    let text = fs::read_to_string(policies.join("support-desk.json")).unwrap();
    let module = perso_core::compile(&text).unwrap().module;
    let other = perso_core::compile(&text.replace("500", "900").replace("\"amount\": 800", "\"amount\": 901")).unwrap();
    fs::write(folder.join("support.wasm"), &module).unwrap();
    fs::write(folder.join("damaged.wasm"), replaced(&module, b"amount", b"Amount")).unwrap();
    // Altered by someone who knows of the hash: these load.
    let [code, _, manifest] = parts(&module);
    let [_, other_text, other_manifest] = parts(&other.module);
    fs::write(folder.join("other-policy.wasm"), hashed(&[code, other_text, other_manifest].concat())).unwrap();
    fs::write(folder.join("other-text.wasm"), hashed(&[code, other_text, manifest].concat())).unwrap();
}

/// The bytes of a module before its policy's text, those of the text, and those of its manifest.
fn parts(module: &[u8]) -> [&[u8]; 3] {
    let sections = sections(module).unwrap();
    let [.., code, policy, manifest, _] = &sections[..] else { panic!("a module has a policy, a manifest and a hash") };
    let [from, middle, to] = [code.range.end, policy.range.end, manifest.range.end];
    [&module[..from], &module[from..middle], &module[middle..to]]
}

/// A module with a fresh hash.
fn hashed(module: &[u8]) -> Vec<u8> {
    let name = abi::HASH_SECTION.as_bytes();
    let size = 1 + name.len() + 32;
    [module, &[0, size as u8, name.len() as u8], name, &sha256(module)].concat()
}

/// The bytes with the first `from` in them replaced.
fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let at = bytes.windows(from.len()).position(|window| window == from).unwrap();
    [&bytes[..at], to, &bytes[at + from.len()..]].concat()
}

/// Runs the commands of a transcript and writes it anew.
fn run(transcript: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    prepare(folder.path());
    let perso = Path::new(env!("CARGO_BIN_EXE_perso")).parent().unwrap();
    let path = format!("{}:{}", perso.display(), std::env::var("PATH").unwrap_or_default());
    let mut blocks = Vec::new();
    let mut comment = String::new();
    for line in transcript.lines() {
        if line.starts_with('#') {
            comment.push_str(line);
            comment.push('\n');
        }
        let Some(command) = line.strip_prefix("$ ") else { continue };
        let output = Command::new("sh")
            .args(["-c", command])
            .current_dir(folder.path())
            .env("PATH", &path)
            .env_remove("CLICOLOR_FORCE")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let mut block = format!("{}$ {command}\n", std::mem::take(&mut comment));
        for line in shown(&output.stdout) {
            block.push_str(&line);
            block.push('\n');
        }
        for line in shown(&output.stderr) {
            block.push_str(format!("! {line}").trim_end());
            block.push('\n');
        }
        block.push_str(&format!("? {}\n", output.status.code().map_or("killed".to_owned(), |code| code.to_string())));
        blocks.push(block);
    }
    blocks.join("\n")
}

/// The lines of an output, without what changes with every change of the compiler. No byte of a control character may
/// be in them.
fn shown(output: &[u8]) -> Vec<String> {
    let text = String::from_utf8(output.to_vec()).unwrap();
    assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "a control character: {text:?}");
    text.lines().map(|line| untimed(&constant(line))).collect()
}

/// A line without times and ids.
fn untimed(line: &str) -> String {
    let word = |word: &str| match word {
        _ if word.len() == 24 && word.parse::<jiff::Timestamp>().is_ok() => "TIME".to_owned(),
        _ if word.len() == 36 && word.matches('-').count() == 4 => "UUID".to_owned(),
        _ => word.to_owned(),
    };
    line.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

fn constant(line: &str) -> String {
    let mut shown = String::new();
    let mut rest = line;
    while let Some(start) = rest.find(|c: char| c.is_ascii_hexdigit()) {
        let length = rest[start..].find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(rest.len() - start);
        let (before, word) = (&rest[..start], &rest[start..start + length]);
        shown.push_str(before);
        let is_number = word.bytes().all(|byte| byte.is_ascii_digit());
        let is_size = line.starts_with("size ")
            || shown.ends_with("\"bytes\":")
            || line.starts_with("compiled ") && shown.ends_with(": ");
        shown.push_str(match word {
            _ if length == 64 => "SHA256",
            _ if is_number && is_size => "N",
            word => word,
        });
        rest = &rest[start + length..];
    }
    shown + rest
}

/// A page's blocks of `console` are transcripts without exit codes, run in one folder.
#[test]
fn the_command_prints_what_the_documentation_shows() {
    for (page, count) in [("replay.md", 3), ("journal.md", 1)] {
        prints_what_it_shows(page, count);
    }
}

/// The page has at least so many blocks.
fn prints_what_it_shows(page: &str, count: usize) {
    let page = fs::read_to_string(here().join("../docs").join(page)).unwrap();
    let blocks: Vec<&str> =
        page.split("```console\n").skip(1).map(|rest| rest.split("\n```").next().unwrap()).collect();
    assert!(blocks.len() >= count);
    let is_shown = |line: &&str| !line.starts_with("? ") && !line.is_empty();
    let actual = run(&blocks.join("\n"));
    let actual: Vec<&str> =
        actual.lines().map(|line| line.strip_prefix("! ").unwrap_or(line)).filter(is_shown).collect();
    let lines = blocks.iter().flat_map(|block| block.lines()).filter(|line| !line.is_empty());
    let expected: Vec<String> = lines.map(untimed).collect();
    assert_eq!(actual.join("\n"), expected.join("\n"));
}

#[test]
fn the_command_prints_what_the_transcripts_say() {
    let mut wrong = Vec::new();
    for path in transcripts() {
        let expected = fs::read_to_string(&path).unwrap();
        let actual = run(&expected);
        if std::env::var_os("BLESS").is_some() {
            fs::write(&path, actual).unwrap();
        } else if expected != actual {
            wrong.push(format!("{}\n{actual}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "not as recorded:\n{}", wrong.join("\n"));
}
