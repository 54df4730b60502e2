//! Loads modules and judges calls.

use napi::bindgen_prelude::{Buffer, Either};
use napi::{Error, Result};
use napi_derive::napi;
use perso_core::{Cause, CauseKind, Decision, Outcome, Policy, Problem, Unknown};
use std::cell::RefCell;
use std::collections::HashMap;

/// A loaded module that is ready to judge calls.
#[napi]
pub struct Module {
    pub(crate) policy: Policy,
    returned: RefCell<Numbered>,
}

/// The decisions that have been returned, by number. JavaScript asks for the record of each number once.
#[derive(Default)]
struct Numbered {
    numbers: HashMap<Identity, u32>,
    records: Vec<String>,
}

/// Identifies a decision. The policy stores each of its texts once, so comparing their addresses is enough. It does not store
/// hints, which also depend on the types that the test takes.
#[derive(PartialEq, Eq, Hash)]
struct Identity {
    outcome: Outcome,
    kind: CauseKind,
    problem: Option<Problem>,
    texts: [*const u8; 4],
    hint: Option<String>,
}

impl Identity {
    /// The identity of a decision without details of its call. The number of such decisions is bounded by the policy.
    fn of(decision: &Decision<'_>) -> Option<Self> {
        let Decision { outcome, rule, reason, hint, cause, .. } = *decision;
        let Cause { kind, rule: nearest, attribute, problem, detail: None, offset: None, .. } = cause else {
            return None;
        };
        let at = |text: Option<&str>| text.map_or(std::ptr::null(), str::as_ptr);
        let texts = [at(rule), at(Some(reason)), at(nearest), at(attribute)];
        Some(Self { outcome, kind, problem, texts, hint: hint.map(|hint| hint.to_string()) })
    }
}

#[napi]
impl Module {
    /// Loads a module. Throws an error if the module is invalid.
    #[napi(constructor)]
    pub fn new(bytes: &[u8]) -> Result<Self> {
        let policy = Policy::from_module(bytes).map_err(|error| Error::from_reason(error.to_string()))?;
        Ok(Self { policy, returned: RefCell::default() })
    }

    /// The module's bytes.
    #[napi(getter)]
    pub fn bytes(&self) -> Buffer {
        self.policy.module().into()
    }

    /// Judges a call's JSON text. Returns the number of the decision, or its record as JSON if it has details of the call.
    #[napi]
    pub fn decide(&self, call: String, unknown: u32) -> Either<u32, String> {
        self.decide_bytes(call.as_bytes(), unknown)
    }

    /// Judges a call's JSON text as bytes. A call that is not valid UTF-8 is denied.
    #[napi]
    pub fn decide_bytes(&self, call: &[u8], unknown: u32) -> Either<u32, String> {
        self.answer(&match Unknown::from_bits(unknown) {
            Ok(unknown) => self.policy.decide_json_partial(call, unknown),
            Err(error) => Decision::not_judged("the call cannot be judged", error.code().message()),
        })
    }

    /// Returns what the rules alone decide of a call's JSON text, whatever has to be remembered of it: 0 to allow, 1 to ask, 2 to
    /// deny.
    #[napi]
    pub fn outcome(&self, call: String, unknown: u32) -> u32 {
        let outcome =
            Unknown::from_bits(unknown).map(|unknown| self.policy.outcome_json_partial(call.as_bytes(), unknown));
        match outcome {
            Ok(Outcome::Allow) => 0,
            Ok(Outcome::Ask) => 1,
            _ => 2,
        }
    }

    /// Returns the record of the decision with this number, as JSON.
    #[napi]
    pub fn record(&self, number: u32) -> Option<String> {
        self.returned.borrow().records.get(number as usize).cloned()
    }

    fn answer(&self, decision: &Decision<'_>) -> Either<u32, String> {
        let record = || serde_json::to_string(decision).unwrap_or_default();
        let Some(identity) = Identity::of(decision) else { return Either::B(record()) };
        let mut all = self.returned.borrow_mut();
        if let Some(number) = all.numbers.get(&identity) {
            return Either::A(*number);
        }
        let number = all.records.len() as u32;
        all.records.push(record());
        all.numbers.insert(identity, number);
        Either::A(number)
    }
}
