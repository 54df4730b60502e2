//! The corpus under `policies/`: calls as data, and what they must get. `policies/README.md` tells the form.

use super::portable::Portable;
use super::{Answer, Both, PARTS, State, call, compile, is_faithful, reference_call};
use perso_core::{Call, Part, limits};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::BTreeMap;
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

/// The files of the conformance corpus, with the tests of the ready policies.
pub fn files() -> Vec<PathBuf> {
    let mut files = json_files(&folder().join("conformance"));
    files.extend(json_files(&folder()).into_iter().filter(|path| path.to_string_lossy().ends_with(".tests.json")));
    files
}

/// The files of hostile inputs, one a class.
pub fn hostile_files() -> Vec<PathBuf> {
    json_files(&folder().join("hostile"))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// The path, as messages have it.
    #[serde(skip)]
    pub name: String,
    /// The class of hostile inputs.
    pub class: Option<String>,
    #[serde(rename = "description")]
    _description: String,
    /// What the class is about: each example, and what proves it elsewhere.
    #[serde(default)]
    pub examples: BTreeMap<String, Vec<String>>,
    policy: Option<Box<RawValue>>,
    #[serde(default)]
    pub cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    pub name: String,
    /// The example of the class.
    pub example: Option<String>,
    call: Option<Box<RawValue>>,
    raw: Option<String>,
    build: Option<Vec<Piece>>,
    #[serde(default)]
    open: Vec<String>,
    #[serde(default)]
    withheld: Vec<String>,
    decision: String,
    rule: Option<String>,
    cause: Cause,
    /// The hint, where the case says it.
    hint: Option<String>,
    /// What the call gets where it is no text.
    as_value: Option<Expected>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    decision: String,
    rule: Option<String>,
    cause: Cause,
    hint: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cause {
    kind: String,
    rule: Option<String>,
    attribute: Option<String>,
    problem: Option<String>,
}

/// A piece of a text that is too large, or too odd, to be written out.
#[derive(Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum Piece {
    Text(String),
    Repeat {
        repeat: String,
        times: usize,
        #[serde(default)]
        between: String,
    },
    Bytes {
        hex: String,
    },
}

impl File {
    pub fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).unwrap();
        let mut file: Self = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        file.name = path.file_name().unwrap().to_string_lossy().into_owned();
        if let Some(policy) = file.policy.take_if(|policy| policy.get().starts_with('"')) {
            let other: String = serde_json::from_str(policy.get()).unwrap();
            let policy = std::fs::read_to_string(path.parent().unwrap().join(other)).unwrap();
            file.policy = Some(RawValue::from_string(policy.trim().to_owned()).unwrap());
        }
        file
    }

    /// What judges the file's calls.
    pub fn judges(&self) -> Judges {
        let policy = self.policy.as_ref().unwrap_or_else(|| panic!("{} has no policy", self.name));
        let both = compile(policy.get());
        let portable = Portable::new(both.policy.module());
        Judges { both, portable }
    }
}

/// Everything that judges calls by one policy.
pub struct Judges {
    pub both: Both,
    portable: Portable,
}

fn answer(decision: &str, rule: Option<&str>, cause: &Cause, hint: Option<&str>) -> Answer {
    Answer {
        outcome: decision.to_owned(),
        hint: hint.map(str::to_owned),
        rule: rule.map(str::to_owned),
        kind: cause.kind.clone(),
        nearest: cause.rule.clone(),
        attribute: cause.attribute.clone(),
        problem: cause.problem.clone(),
    }
}

impl Case {
    /// The call's text, which need not be UTF-8.
    pub fn text(&self) -> Cow<'_, [u8]> {
        match (&self.call, &self.raw, &self.build) {
            (Some(call), None, None) => Cow::Borrowed(call.get().as_bytes()),
            (None, Some(raw), None) => Cow::Borrowed(raw.as_bytes()),
            (None, None, Some(pieces)) => Cow::Owned(pieces.iter().map(Piece::bytes).collect::<Vec<_>>().concat()),
            _ => panic!("{}: one of `call`, `raw` and `build`", self.name),
        }
    }

    fn states(&self) -> [State; PARTS.len()] {
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
            State::Withheld => bits | 256 << part,
        })
    }

    /// The whole decision, as the fast entry gives it.
    pub fn record(&self, both: &Both, text: &[u8]) -> Value {
        let record = if self.unknown() == 0 {
            serde_json::to_value(both.policy.decide_json(text))
        } else {
            let value = serde_json::from_slice(text).expect("a call with unknown parts is JSON");
            serde_json::to_value(both.policy.decide(&call(&value, self.states())))
        };
        record.expect("a decision has a JSON form")
    }

    /// What each way of judging answers, where it is not what is expected.
    pub fn failures(&self, judges: &mut Judges, text: &[u8]) -> Vec<String> {
        let Judges { both, portable } = judges;
        let record = self.record(both, text);
        let expected = answer(&self.decision, self.rule.as_deref(), &self.cause, self.hint.as_deref());
        let (mut answers, portable) = match self.unknown() {
            0 => {
                let mut answers = vec![
                    ("module, from text", Answer::from_record(&record), &expected),
                    ("reference", both.by_reference_json(text), &expected),
                ];
                let parts = parts(text, expected.kind == "malformed").map(|call| both.policy.decide(&call).into());
                answers.extend(parts.map(|answer| ("module, from parts of text", answer, &expected)));
                (answers, portable.decide_json(text))
            }
            unknown => {
                let value: Value = serde_json::from_slice(text).expect("a call with unknown parts is JSON");
                let answers = vec![
                    ("module", Answer::from_record(&record), &expected),
                    ("reference", both.by_reference(&reference_call(&value, self.states())), &expected),
                ];
                (answers, portable.decide_partial(text, unknown))
            }
        };
        let by_value = self.as_value.as_ref().map(|as_value| {
            answer(&as_value.decision, as_value.rule.as_deref(), &as_value.cause, as_value.hint.as_deref())
        });
        let by_value = by_value.as_ref().unwrap_or(&expected);
        let values = self.by_value(both, text, by_value.kind == "malformed").into_iter();
        answers.extend(values.map(|(way, answer)| (way, answer, by_value)));

        // A case need not say the hint.
        for (_, answer, expected) in &mut answers {
            if expected.hint.is_none() {
                answer.hint = None;
            }
        }
        let wrong = answers.iter().filter(|(_, answer, expected)| answer != *expected);
        let mut failures: Vec<String> = wrong
            .map(|(way, answer, expected)| format!("{way}\n  expected {expected:?}\n  got      {answer:?}"))
            .collect();
        // The whole record is the same, the reason included.
        if record != portable {
            failures.push(format!("portable\n  module   {record}\n  portable {portable}"));
        }
        failures
    }

    /// What each way answers that takes a value, if a value can say what the text does.
    fn by_value(&self, both: &Both, text: &[u8], malformed: bool) -> Vec<(&'static str, Answer)> {
        if self.unknown() != 0 {
            return Vec::new();
        }
        let Ok(text) = std::str::from_utf8(text) else { return Vec::new() };
        let Some(value) = serde_json::from_str(text).ok().filter(|value| is_faithful(text, value)) else {
            assert!(self.as_value.is_none(), "{}: no value says what the text does", self.name);
            return Vec::new();
        };
        let mut answers = vec![("module, from a value", Answer::from(both.policy.decide_value(&value)))];
        if value["tool"].is_string() && !malformed {
            answers.push(("module, from parts", both.policy.decide(&call(&value, [State::Known; PARTS.len()])).into()));
        }
        answers
    }
}

impl Piece {
    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Text(text) => text.as_bytes().to_vec(),
            Self::Repeat { repeat, times, between } if between.is_empty() && !repeat.contains('#') => {
                repeat.repeat(*times).into_bytes()
            }
            Self::Repeat { repeat, times, between } => {
                let all: Vec<String> = (0..*times).map(|number| repeat.replace('#', &number.to_string())).collect();
                all.join(between).into_bytes()
            }
            Self::Bytes { hex } => {
                let digits = hex.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
                digits.map(|pair| u8::from_str_radix(pair, 16).expect("`hex` is pairs of digits")).collect()
            }
        }
    }
}

/// The texts of a call's parts.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Texts<'t> {
    tool: String,
    #[serde(borrow)]
    args: Option<&'t RawValue>,
    #[serde(borrow)]
    agent: Option<&'t RawValue>,
    #[serde(borrow)]
    resource: Option<&'t RawValue>,
    #[serde(borrow)]
    context: Option<&'t RawValue>,
}

/// The same call put together from the texts of its parts. One that is malformed is taken apart by its bytes, so that
/// what is wrong with it is in a part.
fn parts(text: &[u8], malformed: bool) -> Option<Call<'_>> {
    let call = if malformed {
        let rest = text.strip_prefix(br#"{"tool": ""#)?;
        let (tool, rest) = rest.split_at(rest.iter().position(|byte| *byte == b'"')?);
        let tool = std::str::from_utf8(tool).ok().filter(|tool| !tool.contains('\\'))?;
        let rest = rest.strip_prefix(br#"", "args": "#)?.strip_suffix(b"}")?;
        let agent = &br#"{"roles": ["agent"]}"#[..];
        match rest.strip_suffix(agent).and_then(|rest| rest.strip_suffix(br#", "agent": "#)) {
            Some(args) => Call::new(tool).args(Part::Json(args)).agent(Part::Json(agent)),
            None => Call::new(tool).args(Part::Json(rest)),
        }
    } else {
        let Texts { tool, args, agent, resource, context } = serde_json::from_slice(text).ok()?;
        let parts = [args, agent, resource, context].map(|part| part.map_or("null", RawValue::get).as_bytes());
        // Where only the whole is too large, its parts are not.
        let largest = parts.iter().map(|part| part.len()).max()?.max(tool.len());
        if text.len() > limits::INPUT_BYTES && largest <= limits::INPUT_BYTES {
            return None;
        }
        let [args, agent, resource, context] = parts.map(Part::Json);
        Call::new(tool).args(args).agent(agent).resource(resource).context(context)
    };
    Some(call)
}
