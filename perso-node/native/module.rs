//! A module that judges calls.

use napi::bindgen_prelude::{Buffer, Either};
use napi::{Error, Result};
use napi_derive::napi;
use perso_core::{Cause, CauseKind, Decision, Outcome, Policy, Problem, Unknown};
use std::cell::RefCell;
use std::collections::HashMap;

/// A module, ready to judge calls.
#[napi]
pub struct Module {
    policy: Policy,
    told: RefCell<Numbered>,
}

/// The decisions that have been told, by number: what each is, is asked for once.
#[derive(Default)]
struct Numbered {
    numbers: HashMap<Told, u32>,
    records: Vec<String>,
}

/// What tells one decision from another. The texts are the policy's own, one of each, so that where they are says which
/// they are.
#[derive(PartialEq, Eq, Hash)]
struct Told {
    outcome: Outcome,
    kind: CauseKind,
    problem: Option<Problem>,
    texts: [*const u8; 4],
}

impl Told {
    /// Of a decision that names nothing of its call, so that a policy has only so many of them.
    fn of(decision: &Decision<'_>) -> Option<Self> {
        let Decision { outcome, rule, reason, cause, .. } = *decision;
        let Cause { kind, rule: nearest, attribute, problem, detail: None, offset: None, .. } = cause else {
            return None;
        };
        let at = |text: Option<&str>| text.map_or(std::ptr::null(), str::as_ptr);
        Some(Self { outcome, kind, problem, texts: [at(rule), at(Some(reason)), at(nearest), at(attribute)] })
    }
}

#[napi]
impl Module {
    /// Loads a module; what is wrong with it is the error's message.
    #[napi(constructor)]
    pub fn new(bytes: &[u8]) -> Result<Self> {
        let policy = Policy::from_module(bytes).map_err(|error| Error::from_reason(error.to_string()))?;
        Ok(Self { policy, told: RefCell::default() })
    }

    /// The module's bytes.
    #[napi(getter)]
    pub fn bytes(&self) -> Buffer {
        self.policy.module().into()
    }

    /// Judges a call's text. What came out is the number of a decision, or where it names something of the call itself,
    /// its record as JSON.
    #[napi]
    pub fn decide(&self, call: String, unknown: u32) -> Either<u32, String> {
        self.decide_bytes(call.as_bytes(), unknown)
    }

    /// Judges a call's text that is UTF-8, or is to be told that it is not.
    #[napi]
    pub fn decide_bytes(&self, call: &[u8], unknown: u32) -> Either<u32, String> {
        self.answer(&match Unknown::from_bits(unknown) {
            Ok(unknown) => self.policy.decide_json_partial(call, unknown),
            Err(error) => Decision::not_judged("the call cannot be judged", error.code().message()),
        })
    }

    /// The record, as JSON, of the decision that has a number.
    #[napi]
    pub fn record(&self, number: u32) -> Option<String> {
        self.told.borrow().records.get(number as usize).cloned()
    }

    fn answer(&self, decision: &Decision<'_>) -> Either<u32, String> {
        let record = || serde_json::to_string(decision).unwrap_or_default();
        let Some(told) = Told::of(decision) else { return Either::B(record()) };
        let mut all = self.told.borrow_mut();
        if let Some(number) = all.numbers.get(&told) {
            return Either::A(*number);
        }
        let number = all.records.len() as u32;
        all.records.push(record());
        all.numbers.insert(told, number);
        Either::A(number)
    }
}
