//! The corpus under `policies/`: calls as data, and what they must get. `policies/README.md` tells the form.

use super::{Answer, Both, PARTS, State, call, compile};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::path::{Path, PathBuf};

/// The corpus' folder.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../policies")
}

/// The JSON files in a folder of the corpus, in order.
pub fn json_files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("the corpus is there");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    files
}

/// The files with cases for every runner.
pub fn files() -> Vec<PathBuf> {
    let mut files = json_files(&folder().join("conformance"));
    files.extend(json_files(&folder()).into_iter().filter(|path| path.to_string_lossy().ends_with(".tests.json")));
    files
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// The path, as messages have it.
    #[serde(skip)]
    pub name: String,
    #[serde(rename = "description")]
    _description: String,
    policy: Box<RawValue>,
    pub cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    pub name: String,
    call: Option<Box<RawValue>>,
    raw: Option<String>,
    #[serde(default)]
    open: Vec<String>,
    #[serde(default)]
    withheld: Vec<String>,
    decision: String,
    rule: Option<String>,
    pub cause: Cause,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cause {
    pub kind: String,
    rule: Option<String>,
    attribute: Option<String>,
    problem: Option<String>,
}

impl File {
    pub fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).unwrap();
        let mut file: Self = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        file.name = path.file_name().unwrap().to_string_lossy().into_owned();
        if let Ok(other) = serde_json::from_str::<String>(file.policy.get()) {
            let policy = std::fs::read_to_string(path.parent().unwrap().join(other)).unwrap();
            file.policy = RawValue::from_string(policy.trim().to_owned()).unwrap();
        }
        file
    }

    /// What judges the file's calls.
    pub fn judges(&self) -> Both {
        compile(self.policy.get())
    }
}

impl Case {
    /// The call's text, which need not be UTF-8.
    pub fn text(&self) -> Cow<'_, [u8]> {
        let text = self.raw.as_deref().or(self.call.as_deref().map(RawValue::get));
        Cow::Borrowed(text.unwrap_or_else(|| panic!("{}: `call` or `raw`", self.name)).as_bytes())
    }

    pub fn expected(&self) -> Answer {
        Answer {
            allowed: self.decision == "allow",
            rule: self.rule.clone(),
            kind: self.cause.kind.clone(),
            nearest: self.cause.rule.clone(),
            attribute: self.cause.attribute.clone(),
            problem: self.cause.problem.clone(),
        }
    }

    pub fn states(&self) -> [State; 4] {
        PARTS.map(|part| {
            if self.open.iter().any(|open| open == part) {
                State::Open
            } else if self.withheld.iter().any(|withheld| withheld == part) {
                State::Withheld
            } else {
                State::Known
            }
        })
    }

    /// What of the call is not known, as the portable entry is told.
    pub fn unknown(&self) -> u32 {
        self.states().iter().zip(0..).fold(0, |bits, (state, part)| match state {
            State::Known => bits,
            State::Open => bits | 1 << part,
            State::Withheld => bits | 16 << part,
        })
    }

    /// The whole decision, as the fast entry gives it.
    pub fn record(&self, judges: &Both) -> Value {
        let text = self.text();
        let record = if self.unknown() == 0 {
            serde_json::to_value(judges.policy.decide_json(&text))
        } else {
            let value = serde_json::from_slice(&text).expect("a call with open or withheld parts is JSON");
            serde_json::to_value(judges.policy.decide(&call(&value, self.states())))
        };
        record.expect("a decision is JSON")
    }
}
