//! `perso-gateway serve`, over the network.

#![cfg(target_os = "linux")]
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]
#![allow(clippy::indexing_slicing, reason = "these are tests")]

mod access;
mod authzen;
mod check;
#[expect(dead_code, reason = "the clients of the gateway's tests can do more")]
#[path = "../gateway/support.rs"]
mod clients;
#[expect(dead_code, reason = "the settings of cases are for guards")]
#[path = "../../../tests/integration/support/corpus.rs"]
mod corpus;
mod envoy;
mod ext_mcp;
mod markers;
mod native;
mod source;
mod support;
