//! What a journal can hold.

use std::time::Duration;

/// Bytes of a line, with its end.
pub const LINE_BYTES: usize = 1 << 20;

/// Bytes of a file after which the next one begins, unless [`Settings`](crate::Settings) says otherwise.
pub const FILE_BYTES: u64 = 64 << 20;

/// The time after which the next file begins, unless [`Settings`](crate::Settings) says otherwise.
pub const FILE_AGE: Duration = Duration::from_secs(24 * 60 * 60);

/// Lines after which there is a checkpoint. A batch of as many lines may come in between, so two checkpoints are less than twice as
/// many lines apart.
pub const CHECKPOINT_LINES: u64 = 1_000;

/// The time after which there is a checkpoint if lines have been added, at the latest.
pub const CHECKPOINT_AGE: Duration = Duration::from_secs(60);

/// Lines that wait to be written.
pub const QUEUE: usize = 8_192;

/// How long to wait for other processes that write.
pub const LOCK: Duration = Duration::from_secs(5);
