//! What several test programs need.

#![allow(dead_code, reason = "each test program uses some of it")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test helper may stop the test"
)]

pub mod corpus;
pub mod guarantee;
pub mod portable;
pub mod sql;

use arbitrary::{Arbitrary, Unstructured};
use perso_core::check;
use perso_core::module;
use perso_core::policy::{Decimal, Duty, Policy as Checked};
use perso_core::reference::{self, Verdict};
use perso_core::{Call, CauseKind, Decision, Part, Policy, Scalar, limits};
use portable::Portable;
use serde_json::Value;
use std::sync::Mutex;
use wasmparser::{Validator, WasmFeatures};

/// A policy in both forms: the module, and what the reference evaluator judges by.
pub struct Both {
    pub policy: Policy,
    pub checked: Checked,
    /// An instance that is fed with text, once there was a call for it.
    portable: Mutex<Option<Portable>>,
}

/// Compiles a policy whose module must be valid.
#[track_caller]
pub fn compile(text: &str) -> Both {
    let compiled = perso_core::compile(text).unwrap_or_else(|error| panic!("{text}\n{error}"));
    // No floats, and nothing that an older engine lacks.
    let features = WasmFeatures::MUTABLE_GLOBAL
        | WasmFeatures::BULK_MEMORY
        | WasmFeatures::REFERENCE_TYPES
        | WasmFeatures::GC_TYPES
        | WasmFeatures::SIGN_EXTENSION
        | WasmFeatures::MULTI_VALUE;
    Validator::new_with_features(features).validate_all(&compiled.module).expect("the module is valid WebAssembly");
    let policy = Policy::from_module(compiled.module).expect("a fresh module loads");
    let checked = check::check(text).policy.expect("what compiles has been checked");
    Both { policy, checked, portable: Mutex::default() }
}

/// A decision and a verdict in one form: what tests compare.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    pub outcome: String,
    pub rule: Option<String>,
    pub kind: String,
    pub nearest: Option<String>,
    pub attribute: Option<String>,
    pub problem: Option<String>,
    /// `None` also where a case of the corpus does not say.
    pub hint: Option<String>,
}

fn name(value: impl serde::Serialize) -> String {
    serde_json::to_value(value).unwrap().as_str().unwrap().to_owned()
}

impl From<Decision<'_>> for Answer {
    fn from(decision: Decision<'_>) -> Self {
        let own = |text: Option<&str>| text.map(str::to_owned);
        Self {
            outcome: decision.outcome.name().to_owned(),
            rule: own(decision.rule),
            kind: name(decision.cause.kind),
            nearest: own(decision.cause.rule),
            attribute: own(decision.cause.attribute),
            problem: decision.cause.problem.map(name),
            hint: decision.hint.map(|hint| hint.to_string()),
        }
    }
}

/// Whether a text can be both malformed and over a limit. Such a call is denied for what is noticed first, and the
/// reference evaluator notices all that is no JSON before it asks for limits.
fn has_room_for_two_faults(call: &[u8]) -> bool {
    let brackets = call.iter().filter(|byte| matches!(byte, b'[' | b'{')).count();
    call.len() > limits::TOOL_BYTES || brackets > limits::DEPTH as usize
}

impl Answer {
    pub fn is_allowed(&self) -> bool {
        self.outcome == "allow"
    }

    /// Whether no rule was asked.
    fn is_refused(&self) -> bool {
        self.kind == "malformed" || self.kind == "limit"
    }

    /// From a decision as JSON.
    pub fn from_record(record: &Value) -> Self {
        let cause = &record["cause"];
        let text = |value: &Value| value.as_str().map(str::to_owned);
        Self {
            outcome: text(&record["decision"]).expect("a record has a decision"),
            rule: text(&record["rule"]),
            kind: text(&cause["kind"]).expect("a cause has a kind"),
            nearest: text(&cause["rule"]),
            attribute: text(&cause["attribute"]),
            problem: text(&cause["problem"]),
            hint: text(&record["hint"]),
        }
    }
}

impl Both {
    /// Judges a call's text with the module and with the reference evaluator, and finds that they agree.
    #[track_caller]
    pub fn agreed_from_text(&self, call: &[u8]) -> Answer {
        let expected = self.by_reference_json(call);
        self.same("from text", call, self.policy.decide_json(call), &expected);
        expected
    }

    /// The same in each way that a text can be judged.
    #[track_caller]
    pub fn agreed(&self, call: &[u8]) -> Answer {
        let expected = self.agreed_from_text(call);
        if let Some(value) = value(call, &expected) {
            self.same("from a value", call, self.policy.decide_value(&value), &expected);
        }
        expected
    }

    #[track_caller]
    fn same(&self, way: &str, call: &[u8], decision: Decision<'_>, expected: &Answer) {
        let answer = Answer::from(decision);
        let is_same = answer == *expected;
        let is_either = has_room_for_two_faults(call) && answer.is_refused() && expected.is_refused();
        assert!(is_same || is_either, "{way}\n{answer:?}, not\n{expected:?}\n{}", self.pair(call));
    }

    /// Judges a call's text in both entries, and finds that they say the same.
    #[track_caller]
    pub fn agreed_portably(&self, call: &[u8]) {
        let mut portable = self.portable.lock().expect("nobody has panicked with it");
        let record = portable.get_or_insert_with(|| Portable::new(self.policy.module())).decide_json(call);
        let fast = serde_json::to_value(self.policy.decide_json(call)).expect("a decision has a JSON form");
        assert_eq!(record, fast, "portable\n{}", self.pair(call));
    }

    /// The same for a call that is put together, with some parts open or withheld.
    #[track_caller]
    pub fn agreed_on_parts(&self, value: &Value, states: [State; PARTS.len()]) {
        let expected = self.by_reference(&reference_call(value, states));
        let answer = Answer::from(self.policy.decide(&call(value, states)));
        assert_eq!(answer, expected, "{states:?}\n{}", self.pair(value.to_string().as_bytes()));
    }

    /// Policy and call, for the message of a failure.
    fn pair(&self, call: &[u8]) -> String {
        let policy = module::policy(self.policy.module()).expect("a module has its policy");
        format!("policy {policy}\ncall {}", String::from_utf8_lossy(call))
    }

    pub fn by_reference(&self, call: &reference::Call) -> Answer {
        self.answer(self.without_ledger(reference::decide(&self.checked, call), call))
    }

    pub fn by_reference_json(&self, call: &[u8]) -> Answer {
        match reference::Call::read(call) {
            Ok(call) => self.by_reference(&call),
            Err(_) => self.answer(reference::judge(&self.checked, call)),
        }
    }

    /// Without a ledger, a call that something has to be remembered of is denied.
    fn without_ledger(&self, verdict: Verdict, call: &reference::Call) -> Verdict {
        let runs = verdict.outcome != perso_core::Outcome::Deny;
        match runs && reference::obliged(&self.checked, call).next().is_some() {
            true => reference::unremembered(),
            false => verdict,
        }
    }

    /// What has to be remembered of a call is what the reference evaluator finds, in each way that the call can be judged.
    #[track_caller]
    pub fn agreed_on_obligations(&self, text: &[u8]) {
        let Ok(call) = reference::Call::read(text) else { return };
        let verdict = reference::decide(&self.checked, &call);
        let assessed = self.policy.assess_json(text);
        let refused = verdict.outcome == perso_core::Outcome::Deny;
        let expected = if refused { Ok(Vec::new()) } else { reference::obligations(&self.checked, &call) };
        match expected {
            Err((limit, denied)) => {
                let id = self.checked.obligations[limit].scope.id.as_str();
                assert_eq!(Answer::from(assessed.decision), self.answer(denied.clone()), "{}", self.pair(text));
                let limit = (denied.cause == CauseKind::OverLimit).then_some(id);
                assert_eq!(assessed.decision.cause.limit, limit, "{}", self.pair(text));
                assert!(assessed.obligations.is_empty());
            }
            Ok(owed) => {
                assert_eq!(
                    Answer::from(assessed.decision).outcome,
                    self.answer(verdict).outcome,
                    "{}",
                    self.pair(text)
                );
                let (charges, labels) = self.named(&owed);
                let same = assessed.obligations.charges.iter().map(|charge| {
                    (
                        charge.limit.id.to_string(),
                        charge.account.iter().map(scalar).collect(),
                        charge.amount.to_string(),
                    )
                });
                assert_eq!(same.collect::<Vec<_>>(), charges, "{}", self.pair(text));
                assert_eq!(assessed.obligations.labels, labels, "{}", self.pair(text));
            }
        }
    }

    /// The charges with their limits, accounts and amounts, and the labels.
    fn named<'s>(&'s self, owed: &[reference::Owed]) -> (Vec<Charged>, Vec<&'s str>) {
        let (mut charges, mut labels) = (Vec::new(), Vec::new());
        for reference::Owed { obligation, charge } in owed {
            let obligation = &self.checked.obligations[*obligation];
            match (&obligation.duty, charge) {
                (Duty::Charge(_), Some((account, amount))) => {
                    let account = account.iter().map(name_of).collect();
                    charges.push((obligation.scope.id.clone(), account, in_units(amount)));
                }
                (Duty::Label { add, .. }, None) => {
                    let new = add.iter().map(String::as_str);
                    labels.extend(new.filter(|label| !labels.contains(label)).collect::<Vec<_>>());
                }
                _ => unreachable!("a limit is charged, and a label is not"),
            }
        }
        (charges, labels)
    }

    fn answer(&self, verdict: Verdict) -> Answer {
        let id = |rule: Option<usize>| rule.map(|rule| self.checked.rules[rule].id.clone());
        Answer {
            outcome: verdict.outcome.name().to_owned(),
            hint: verdict.hint().map(|hint| hint.to_string()),
            rule: id(verdict.rule),
            kind: name(verdict.cause),
            nearest: id(verdict.nearest),
            attribute: verdict.attribute,
            problem: verdict.problem.map(name),
        }
    }
}

/// The limit, what names the account, and the amount.
type Charged = (String, Vec<String>, String);

/// A value that names an account, as text: equal for equal values.
fn scalar(value: &Scalar) -> String {
    match value {
        Scalar::Boolean(value) => value.to_string(),
        Scalar::Number(text) => format!("number {}", Decimal::parse(text).expect("it is a number")),
        Scalar::Text(text) => format!("text {text}"),
    }
}

fn name_of(name: &reference::Name) -> String {
    match name {
        reference::Name::Boolean(value) => value.to_string(),
        reference::Name::Number(number) => format!("number {number}"),
        reference::Name::Text(text) => format!("text {text}"),
    }
}

/// An amount in 10^-18, exactly.
fn in_units(amount: &Decimal) -> String {
    let text = amount.to_string();
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let places: i64 = 18 + exponent.parse::<i64>().expect("it is a number") - fraction.len() as i64;
    let digits = format!("{whole}{fraction}");
    let digits = match usize::try_from(places) {
        Ok(places) => format!("{digits}{}", "0".repeat(places)),
        Err(_) => digits[..digits.len() - places.unsigned_abs() as usize].to_owned(),
    };
    let digits = digits.trim_start_matches('0');
    if digits.is_empty() { "0".to_owned() } else { digits.to_owned() }
}

/// What a conformance case or a random test says about a part of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Known,
    Open,
    Withheld,
}

impl<'a> Arbitrary<'a> for State {
    fn arbitrary(u: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        Ok(match u.int_in_range(0..=5)? {
            0 => Self::Open,
            1 => Self::Withheld,
            _ => Self::Known,
        })
    }
}

pub const PARTS: [&str; 5] = ["args", "agent", "resource", "context", "session"];

/// The call, with some parts open or withheld, for the module.
pub fn call<'c>(value: &'c Value, states: [State; PARTS.len()]) -> Call<'c> {
    let tool = value["tool"].as_str().expect("a call that is put together has a tool");
    let parts = PARTS.iter().zip(states).map(|(name, state)| match state {
        State::Known => value.get(name).map_or(Part::Absent, Part::from),
        State::Open => Part::Open,
        State::Withheld => Part::Withheld,
    });
    let [args, agent, resource, context, session] = parts.collect::<Vec<_>>().try_into().expect("the parts");
    Call::new(tool).args(args).agent(agent).resource(resource).context(context).session(session)
}

/// The same for the reference evaluator.
pub fn reference_call(value: &Value, states: [State; PARTS.len()]) -> reference::Call {
    use perso_core::policy::Root;
    let mut call = reference::Call::from_json(value).expect("a call that is put together is well formed");
    for (root, state) in Root::PARTS.into_iter().zip(states) {
        match state {
            State::Known => {}
            State::Open => call = call.with(root, reference::Part::Open),
            State::Withheld => call = call.with(root, reference::Part::Withheld),
        }
    }
    call
}

/// The value that a call's text says, where that must be judged as the text is: the limits on size and depth are those of
/// reading text, and not every text has such a value.
pub fn value(text: &[u8], answer: &Answer) -> Option<Value> {
    let text = std::str::from_utf8(text).ok().filter(|_| answer.kind != "limit")?;
    serde_json::from_str(text).ok().filter(|value| is_faithful(text, value))
}

/// Whether a `serde_json::Value` says the same as the text did: where it does not (duplicate keys, floats that lose
/// digits), the two may be judged differently.
pub fn is_faithful(text: &str, value: &Value) -> bool {
    let exact = |text: &str| jsonish(text);
    exact(text).is_some() && exact(text) == exact(&value.to_string())
}

/// The text's tokens with sorted keys and exact numbers; `None` if it has duplicate keys or is not JSON.
fn jsonish(text: &str) -> Option<reference::Value> {
    fn sort(value: reference::Value) -> Option<reference::Value> {
        use reference::Value as V;
        Some(match value {
            V::List(list) => V::List(list.into_iter().map(sort).collect::<Option<_>>()?),
            V::Object(fields) => {
                let mut fields =
                    fields.into_iter().map(|(key, value)| Some((key, sort(value)?))).collect::<Option<Vec<_>>>()?;
                fields.sort_by(|a, b| a.0.cmp(&b.0));
                if fields.windows(2).any(|pair| pair[0].0 == pair[1].0) {
                    return None;
                }
                V::Object(fields)
            }
            other => other,
        })
    }
    sort(reference::Value::read(text).ok()?)
}

/// The kinds of cause with which a call is refused before any rule is asked.
pub fn is_refused(kind: CauseKind) -> bool {
    matches!(kind, CauseKind::Malformed | CauseKind::Limit)
}
