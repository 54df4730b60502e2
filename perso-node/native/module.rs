//! A module that judges calls.

use napi::bindgen_prelude::{Buffer, Either};
use napi::{Error, Result};
use napi_derive::napi;
use perso_core::{Cause, CauseKind, Decision, Policy, Problem};
use std::cell::RefCell;
use std::collections::HashMap;

/// A module, ready to judge calls.
#[napi]
pub struct Module {
    policy: Policy,
    told: RefCell<HashMap<Told, u32>>,
}

/// What tells one decision from another. The texts are the policy's own, one of each, so that where they are says which
/// they are.
#[derive(PartialEq, Eq, Hash)]
struct Told {
    allowed: bool,
    kind: CauseKind,
    problem: Option<Problem>,
    texts: [*const u8; 4],
}

impl Told {
    /// Of a decision that names nothing of its call, so that a policy has only so many of them.
    fn of(decision: &Decision<'_>) -> Option<Self> {
        let Decision { allowed, rule, reason, cause } = *decision;
        let Cause { kind, rule: nearest, attribute, problem, detail: None, offset: None } = cause else { return None };
        let at = |text: Option<&str>| text.map_or(std::ptr::null(), str::as_ptr);
        Some(Self { allowed, kind, problem, texts: [at(rule), at(Some(reason)), at(nearest), at(attribute)] })
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

    /// Judges a call's text. A decision that came before is its number, as they are counted from 0; another one is its
    /// record as JSON. Numbered is whatever names nothing of the call itself.
    #[napi]
    pub fn decide(&self, call: String, unknown: u32) -> Either<u32, String> {
        self.tell(&self.policy.decide_json_partial(call.as_bytes(), unknown))
    }

    /// Judges a call's text that is UTF-8, or is to be told that it is not.
    #[napi]
    pub fn decide_bytes(&self, call: &[u8], unknown: u32) -> Either<u32, String> {
        self.tell(&self.policy.decide_json_partial(call, unknown))
    }

    fn tell(&self, decision: &Decision<'_>) -> Either<u32, String> {
        if let Some(told) = Told::of(decision) {
            let mut all = self.told.borrow_mut();
            if let Some(number) = all.get(&told) {
                return Either::A(*number);
            }
            let number = all.len() as u32;
            all.insert(told, number);
        }
        Either::B(serde_json::to_string(decision).unwrap_or_default())
    }
}
