//! The messages under `policies/messages/` with their expected outcomes. `policies/README.md` documents the format.

use serde_json::Value;
use std::path::{Path, PathBuf};

/// A message and its expected outcome.
#[derive(Debug)]
pub struct Case {
    /// Its file and name.
    pub name: String,
    pub bytes: Vec<u8>,
    pub settings: Value,
    /// The name of the policy's file.
    policy: String,
    /// The expected outcome: `does` and its details.
    pub expected: Value,
}

impl Case {
    pub fn does(&self) -> &str {
        self.expected["does"].as_str().unwrap()
    }

    /// Returns whether the message is a call that is judged and may run.
    pub fn is_allowed(&self) -> bool {
        self.expected["decision"] == "allow"
    }

    /// Returns the text of the policy that judges it.
    pub fn policy(&self) -> String {
        std::fs::read_to_string(folder().join("policies").join(&self.policy)).unwrap()
    }

    /// Returns whether the policy covers resources and prompts.
    pub fn is_covered(&self) -> bool {
        self.policy != PAY
    }

    /// Returns whether the case's settings turn this off.
    pub fn denies(&self, kind: &str) -> bool {
        self.settings[kind] == "deny"
    }
}

fn folder() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().map(|folder| folder.join("policies/messages")).find(|folder| folder.is_dir()).unwrap()
}

/// The policy of files that name no other.
const PAY: &str = "pay.json";

/// Returns all messages, with the outcomes expected of this runner.
pub fn messages(runner: &str) -> Vec<Case> {
    let mut found = Vec::new();
    let mut lines = 0;
    for entry in std::fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        lines += text.lines().filter(|line| line.trim_start().starts_with("{\"name\"")).count();
        let file: Value = serde_json::from_str(&text).unwrap();
        let stem = path.file_stem().unwrap().to_str().unwrap();
        let policy = file["policy"].as_str().unwrap_or(PAY);
        found.extend(file["cases"].as_array().unwrap().iter().map(|case| read(stem, policy, case, runner)));
    }
    assert!(lines > 0 && found.len() == lines, "{} cases were read, but there are {lines}", found.len());
    found
}

fn read(file: &str, policy: &str, case: &Value, runner: &str) -> Case {
    let exceptions = case["except"].as_object();
    let exception =
        exceptions.and_then(|all| all.iter().find(|(names, _)| names.split(' ').any(|name| name == runner)));
    Case {
        name: format!("{file}: {}", case["name"].as_str().unwrap()),
        bytes: case["raw"].as_str().map_or_else(|| built(&case["build"]), |raw| raw.as_bytes().to_vec()),
        settings: case["settings"].clone(),
        policy: policy.to_owned(),
        expected: exception.map_or(case, |(_, expected)| expected).clone(),
    }
}

fn built(pieces: &Value) -> Vec<u8> {
    pieces.as_array().unwrap().iter().flat_map(piece).collect()
}

fn piece(piece: &Value) -> Vec<u8> {
    if let Some(text) = piece.as_str() {
        return text.into();
    }
    if let Some(hex) = piece["hex"].as_str() {
        let digits = (0..hex.len()).step_by(2);
        return digits.map(|at| u8::from_str_radix(hex.get(at..at + 2).unwrap(), 16).unwrap()).collect();
    }
    let times = piece["times"].as_u64().unwrap();
    piece["repeat"].as_str().unwrap().repeat(usize::try_from(times).unwrap()).into()
}
