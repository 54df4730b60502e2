//! Random policies and calls, as in `tests/agreement.rs`: the module and the reference evaluator agree on each pair.
//!
//! The input is what the random choices begin with; where it ends, they go on with numbers that follow from it.

use crate::{generate, support};
use arbitrary::Unstructured;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};

/// Calls per policy.
const CALLS: u64 = 256;

/// Every so many calls are given as values and as parts as well, and to the portable entry, which takes longer than to
/// judge them.
const BY_VALUE: u64 = 4;
const PORTABLY: u64 = 32;

/// Bytes for the choices in a policy, and in a call.
const POLICY_BYTES: usize = 2048;
const CALL_BYTES: usize = 1024;

/// How many pairs are judged between two reports.
const REPORTED: u64 = 10_000;

static PAIRS: AtomicU64 = AtomicU64::new(0);

pub fn run(data: &[u8]) {
    let mut hasher = DefaultHasher::new();
    data.hash(&mut hasher);
    let mut more = fastrand::Rng::with_seed(hasher.finish());

    let mut choices = data.to_vec();
    choices.resize_with(data.len().max(POLICY_BYTES), || more.u8(..));
    judge(&choices, &mut more).expect("the generators find a choice for any bytes");

    let before = PAIRS.fetch_add(CALLS, Ordering::Relaxed);
    let now = before + CALLS;
    if before / REPORTED != now / REPORTED {
        eprintln!("{} pairs without a difference", now / REPORTED * REPORTED);
    }
}

fn judge(choices: &[u8], more: &mut fastrand::Rng) -> arbitrary::Result<()> {
    let policy = generate::policy(&mut Unstructured::new(choices))?;
    let both = support::compile(&policy.to_string());
    let mut choices = [0; CALL_BYTES];
    for index in 0..CALLS {
        more.fill(&mut choices);
        let u = &mut Unstructured::new(&choices);
        let call = generate::call(u, &policy)?;
        if index % PORTABLY == 0 {
            both.agreed_portably(call.as_bytes());
        }
        if index % BY_VALUE != 0 {
            both.agreed_from_text(call.as_bytes());
            continue;
        }
        let answer = both.agreed(call.as_bytes());
        if answer.kind == "malformed" {
            continue;
        }
        if let Some(value) = support::value(call.as_bytes(), &answer) {
            both.agreed_on_parts(&value, u.arbitrary()?);
        }
    }
    Ok(())
}
