//! Tests of all adapters, one file per subject. `support` is shared.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

mod answers;
mod closed;
mod concurrent;
mod covered;
mod denials;
mod elicit;
mod forwarding;
mod hidden;
mod hostile;
mod identity;
mod inside;
mod inventory;
mod lists;
mod memory;
mod messages;
mod older;
mod reload;
mod revisions;
mod shown;
mod support;
mod time;
mod ways;
