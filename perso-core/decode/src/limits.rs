//! Every bound on a call.

/// Bytes of a call's JSON text, or of one string where a call is built from values.
pub const INPUT_BYTES: usize = 1 << 20;

/// Bytes of memory that reading a call may take: the frame, and the strings that are kept beside it.
pub const WORK_BYTES: usize = 1 << 24;

/// Levels of nested objects and lists in a call, the call itself included.
pub const DEPTH: u32 = 64;

/// Elements of a list that a policy looks into. A longer list is out of range.
pub const LIST_LENGTH: u64 = 1024;

/// Bytes of a tool's name.
pub const TOOL_BYTES: usize = 256;

/// Limits and labels that are about one call.
pub const OBLIGATIONS: usize = 64;

/// Attributes that name the account of a limit.
pub const ACCOUNT_NAMES: usize = 8;

/// Bytes of a key that a policy reads.
pub const KEY_BYTES: usize = 256;

/// Significant digits of a number. A number with more is out of range.
pub const NUMBER_DIGITS: u32 = 38;

/// The largest decimal exponent of a number's first digit, and the smallest, negated. Beyond: out of range.
pub const NUMBER_EXPONENT: i64 = 6144;
