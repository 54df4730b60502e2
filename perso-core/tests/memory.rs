//! What judging takes of memory.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "it is a test")]

use allocation_counter::measure;
use perso_core::Policy;

const POLICY: &str = include_str!("../../policies/support-desk.json");
const CALLS: &str = include_str!("../../policies/support-desk.calls.jsonl");

fn policy() -> Policy {
    Policy::compile(POLICY).expect("the support desk policy compiles")
}

/// Calls of every outcome: allowed, denied, malformed, over a limit.
fn calls() -> Vec<Vec<u8>> {
    let mut calls: Vec<Vec<u8>> = CALLS.lines().map(|call| call.as_bytes().to_vec()).collect();
    calls.push(br#"{"tool":"process_refund","args":{"amount":1,"amount":2}}"#.to_vec());
    calls.push(br#"{"tool":"delete_record","agent":{"id":"\u0061\"b"},"resource":{"owner_id":"a\"b"}}"#.to_vec());
    calls.push(b"{".to_vec());
    calls.push(format!(r#"{{"tool":"process_refund","args":{}1{}}}"#, "[".repeat(70), "]".repeat(70)).into_bytes());
    calls
}

#[test]
fn judging_text_allocates_nothing_once_warm() {
    let policy = policy();
    let calls = calls();
    let judge_all = || calls.iter().filter(|call| policy.decide_json(call).is_allowed()).count();
    let allowed = judge_all();
    assert!(allowed > 0);
    let mut again = 0;
    let counted = measure(|| again = judge_all());
    assert_eq!(again, allowed);
    assert_eq!(counted.count_total, 0, "{counted:?}");
}

#[test]
fn an_instance_at_rest_takes_at_most_128_kib() {
    let policy = policy();
    let calls = calls();
    // This thread has the policy's first instance. A large call leaves nothing behind either.
    let large = format!(r#"{{"tool":"delete_record","agent":{{"id":"{}"}}}}"#, "x".repeat(1 << 19));
    let _ = policy.decide_json(large.as_bytes());
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // A second instance, because the first is not this thread's.
            let counted = measure(|| {
                for call in &calls {
                    let _ = policy.decide_json(call);
                }
                let _ = policy.decide_json(large.as_bytes());
            });
            println!("an instance takes {} bytes", counted.bytes_current);
            assert!(counted.bytes_current > 0, "no second instance was made");
            assert!(counted.bytes_current <= 128 << 10, "{counted:?}");
        });
    });
}
