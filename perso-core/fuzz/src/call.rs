//! Any bytes as a call, to fixed policies: they are judged as the reference evaluator judges them, by both entries, and
//! only what is JSON is allowed.

use crate::support::{self, Both};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use serde_json::value::RawValue;
use std::sync::LazyLock;

/// A file of the conformance corpus, as far as it matters here.
#[derive(Deserialize)]
struct File<'a> {
    #[serde(borrow)]
    policy: &'a RawValue,
}

static POLICIES: LazyLock<Vec<Both>> = LazyLock::new(|| {
    let every_operator = include_str!("../../../policies/conformance/every-operator.json");
    let every_operator: File = serde_json::from_str(every_operator).expect("a file of the conformance corpus");
    [
        every_operator.policy.get(),
        include_str!("../../../policies/support-desk.json"),
        include_str!("../../../policies/filesystem.json"),
        include_str!("../../../policies/mail-own-domain.json"),
    ]
    .map(support::compile)
    .into()
});

pub fn run(call: &[u8]) {
    for both in &*POLICIES {
        both.agreed_portably(call);
        if both.agreed(call).is_allowed() {
            assert!(is_json(call), "allowed, but no JSON: {}", String::from_utf8_lossy(call));
        }
    }
}

/// Whether serde_json accepts the bytes. It has no values for numbers beyond those of `f64`, but reads over them.
fn is_json(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let is_value = match serde_json::from_str::<Value>(text) {
        Ok(_) => true,
        Err(error) => error.to_string().starts_with("number out of range"),
    };
    is_value && serde_json::from_str::<IgnoredAny>(text).is_ok()
}
