//! The support desk: its policy, and twelve calls with what they must get.

use crate::engine::Calls;

pub const POLICY: &str = include_str!("../../../../policies/support-desk.json");
const CALLS: &str = include_str!("../../../../policies/support-desk.calls.jsonl");

/// Whether each call is allowed, in their order: an agent views, updates, refunds 129.95 and 800; a manager refunds 500;
/// a refund of `"450"`; a record of one's own, of another's; personal data with MFA and without; mail inside and outside.
pub const ALLOWED: [bool; 12] = [true, true, true, false, true, false, true, false, true, false, true, false];

pub fn calls() -> Calls {
    CALLS.lines().map(str::as_bytes).collect::<Vec<_>>().leak()
}
