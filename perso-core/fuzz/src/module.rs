//! Any bytes as a module, most of them a good module with changes: it does not load, or it decides. It never panics,
//! never runs on, and never loads with a hash that is not its own.

use perso_core::Policy;
use perso_core::module::{Manifest, abi, sections, sha256};

const CALLS: [&[u8]; 4] = [
    br#"{"tool":"process_refund","args":{"amount":200,"currency":"usd"},"agent":{"id":"u1","roles":["agent"]}}"#,
    br#"{"tool":"all","args":{"a":["x",{"p":5}],"b":"/srv/a.txt","c":"x"},"agent":{"roles":["agent"]}}"#,
    br#"{"tool":"send","args":{"to":["ann@corp.example","bob@evil.example"]},"context":{"ip":"10.0.0.1"}}"#,
    br#"{"tool":"#,
];

/// Bytes of a hash.
pub const HASH: usize = 32;

pub fn run(bytes: &[u8]) {
    // What `inspect` reads without loading.
    let _ = sections(bytes);
    let _ = Manifest::read(bytes);
    let Ok(policy) = Policy::from_module(bytes) else { return };
    assert!(is_sealed(bytes), "it loads with a wrong hash");
    for call in CALLS {
        let decision = policy.decide_json(call);
        let _ = policy.assess_json(call);
        assert!(!decision.is_allowed() || decision.cause.kind != perso_core::CauseKind::Malformed);
    }
}

/// Whether the bytes end in the hash of what stands before the last section. Its header is not parsed, but tried in
/// each length that it could have, so that the loader's own way to find it is not trusted.
fn is_sealed(bytes: &[u8]) -> bool {
    let Some((before, hash)) = bytes.split_last_chunk::<HASH>() else { return false };
    let Some(before) = before.strip_suffix(abi::HASH_SECTION.as_bytes()) else { return false };
    // The section's id, its length and that of its name, each in one to five bytes.
    (3..=11).any(|header| before.len().checked_sub(header).is_some_and(|end| sha256(&before[..end]) == *hash))
}
