//! A gateway in front of MCP servers that are not changed: it judges each tool call with a perso policy.
//!
//! ```text
//! client ─→ http or stdio ─→ oauth ─→ guard ─→ proxy ─→ link ─→ server
//! ```
//!
//! - `config`: the servers, from the `mcp.json` that clients have.
//! - `http`, and standard input and output in `cli`: how clients reach the gateway. `http/direct` is a shorter way, past
//!   `proxy` and `link`, for calls that pass as they are.
//! - `oauth`: who calls, by an access token.
//! - The guard is `perso_tower::Guarded`.
//! - `proxy`: one MCP server that is all of them. `tools` checks arguments and approvals, `pins` are the approvals, `meta`
//!   reads calls inside of calls.
//! - `approvals`: a page on which people approve calls.
//! - `links` and `link`: the connections to the servers.
//! - `source`: where the policy comes from, and whether it is signed.
//! - `service`: decisions for hosts in other languages and for gateways that exist, without servers behind it.
//! - `cli`: the command; `wrap` puts it into a client's file.

mod approvals;
pub mod cli;
pub mod config;
mod gateway;
mod http;
mod link;
mod links;
mod meta;
mod metrics;
mod oauth;
mod pins;
mod proxy;
mod service;
mod source;
mod tools;
mod wrap;

pub use approvals::Page;
pub use gateway::{Caller, Gateway, Memory, Session};
pub use http::{Endpoint, Limits};
pub use meta::MetaTool;
pub use oauth::{Principal, Refused, Settings as TokenSettings, Verifier};
pub use pins::Pins;
