//! Reads the sources of the crates that these tests are built with.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

static METADATA: LazyLock<Value> = LazyLock::new(|| {
    let rustc = Command::new("rustc").arg("-vV").output().unwrap().stdout;
    let host = String::from_utf8(rustc).unwrap().lines().find_map(|line| Some(line.strip_prefix("host: ")?.to_owned()));
    // For this platform only: otherwise Cargo needs the crates for all platforms.
    let cargo = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--filter-platform", &host.unwrap(), "--manifest-path"])
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))
        .output()
        .unwrap();
    assert!(cargo.status.success(), "{}", String::from_utf8_lossy(&cargo.stderr));
    serde_json::from_slice(&cargo.stdout).unwrap()
});

/// Returns the folder with a crate's sources.
pub fn source(name: &str) -> PathBuf {
    let packages = METADATA["packages"].as_array().unwrap();
    let package = packages.iter().find(|package| package["name"] == name).unwrap();
    Path::new(package["manifest_path"].as_str().unwrap()).with_file_name("src")
}

/// Returns the path and text of each file of a crate, without its tests.
pub fn files(name: &str) -> Vec<(String, String)> {
    let root = source(name);
    let (mut files, mut folders) = (Vec::new(), vec![root.clone()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let file = path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
            if path.is_dir() {
                folders.push(path);
            } else if file.ends_with(".rs") && !file.contains("test") {
                let text = std::fs::read_to_string(path).unwrap();
                files.push((file, without_tests(&text)));
            }
        }
    }
    files.sort();
    files
}

/// Removes test modules, each of which ends with a brace at the start of a line.
fn without_tests(text: &str) -> String {
    let mut modules = text.split("\n#[cfg(test)]\nmod ");
    let first = modules.next().unwrap().to_owned();
    modules.fold(first, |kept, module| kept + module.split_once("\n}\n").map_or("", |(_, rest)| rest))
}
