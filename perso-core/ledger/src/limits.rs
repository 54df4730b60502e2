//! How much a ledger takes, in one place. What is beyond is an error, and the call is denied.

use std::time::Duration;

/// Charges of one commit.
pub const CHARGES: usize = 64;
/// Charges that an account with a sliding window keeps at once. Charges of the same millisecond are one.
pub const ENTRIES: usize = 65_536;
/// The longest sliding window.
pub const WINDOW: Duration = Duration::from_secs(8784 * 3_600);
/// Labels of one session.
pub const LABELS: usize = 64;
/// Bytes of a label.
pub const LABEL_BYTES: usize = 128;
/// Accounts that one session keeps.
pub const SESSION_ACCOUNTS: usize = 1_024;
/// Approvals that a ledger keeps at once, pending and decided.
pub const APPROVALS: usize = 1_000;
/// Bytes of what an approver is shown.
pub const SHOWN_BYTES: usize = 65_536;
/// Bytes of a name: of the agent that asks, and of the person who decides.
pub const NAME_BYTES: usize = 256;
/// The longest that an approval may last.
pub const APPROVAL: Duration = Duration::from_secs(168 * 3_600);
/// The longest wait for a decision.
pub const WAIT: Duration = Duration::from_secs(3_600);
/// How long a call is remembered at most, so that it is not charged twice and can be undone. A call whose charges count for less
/// is remembered for as long as they count.
pub const CALL: Duration = Duration::from_secs(24 * 3_600);
/// How long it is remembered that an unknown call was undone, so that its commit charges nothing if it comes late.
pub const LATE: Duration = Duration::from_secs(600);
/// How many charges are looked at for when there is room again. An answer that needs more is when all of them have left.
pub const ROOM_STEPS: usize = 128;
