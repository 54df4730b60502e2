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
mod faults;
mod files;
mod many;
mod pages;
mod support;
mod tokens;
