//! Keys, and changes of a journal's text.

use perso_journal::{Settings, Signer, Verifier, Wanted};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// A number of the environment, or else this.
pub fn wanted(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |count| count.parse().expect("it is a number"))
}

/// The lines of all files of a journal.
pub fn lines(folder: &Path) -> Vec<String> {
    let entries = perso_journal::entries(folder).unwrap();
    entries.map(|entry| String::from_utf8(entry.unwrap().text).unwrap()).collect()
}

/// A pair of keys that `ssh-keygen` has made.
pub struct Keys(TempDir);

impl Keys {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let made = Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-f", "key"])
            .current_dir(folder.path())
            .status()
            .expect("ssh-keygen of OpenSSH is installed");
        assert!(made.success());
        Self(folder)
    }

    pub fn private(&self) -> PathBuf {
        self.0.path().join("key")
    }

    pub fn public(&self) -> PathBuf {
        self.0.path().join("key.pub")
    }

    pub fn settings(&self) -> Settings {
        let mut settings = Settings::default();
        settings.signer = Some(Signer::read(&self.private()).unwrap());
        settings
    }

    pub fn wanted(&self) -> Wanted {
        let mut wanted = Wanted::default();
        wanted.keys = Some(Verifier::read(&self.public()).unwrap());
        wanted
    }
}

/// A line with another character in it.
pub fn changed(line: &str, random: &mut fastrand::Rng) -> String {
    let mut bytes = line.as_bytes().to_vec();
    let at = random.usize(..bytes.len());
    bytes[at] = loop {
        let byte = random.u8(b' '..=b'~');
        if byte != bytes[at] {
            break byte;
        }
    };
    String::from_utf8(bytes).unwrap()
}

/// Gives every line the number and the hash that it should have after the line before, as far as it is JSON.
pub fn rehash(lines: &mut [String]) {
    let mut prev = "0".repeat(64);
    for (at, line) in lines.iter_mut().enumerate() {
        if let Ok(Value::Object(members)) = serde_json::from_str::<Value>(line) {
            let rest = members.iter().filter(|(key, _)| !["seq", "prev"].contains(&key.as_str()));
            let rest: Vec<String> = rest.map(|(key, value)| format!("{}:{value}", Value::from(key.as_str()))).collect();
            let head = format!("\"seq\":{},\"prev\":\"{prev}\"", at + 1);
            *line = format!("{{{}}}", [vec![head], rest].concat().join(","));
        }
        prev = Sha256::digest(line.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    }
}
