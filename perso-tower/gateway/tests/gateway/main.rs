//! The gateway as users run it, with real servers behind it, in both eras and over both transports.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "it is a test"
)]
#![cfg(target_os = "linux")]

mod approvals;
#[expect(dead_code, reason = "the settings of cases are for guards")]
#[path = "../../../tests/integration/support/corpus.rs"]
mod corpus;
mod elicit;
mod faults;
mod files;
mod hostile;
mod load;
mod many;
mod memory;
mod messages;
mod meta;
mod pages;
mod support;
mod tokens;
