//! Guards the tools of Rust MCP servers with perso policies.
//!
//! A guard judges each call before its tool runs:
//!
//! ```no_run
//! use perso_tower::{Agent, PersoLayer, Policy};
//!
//! # fn verified(parts: &http::request::Parts) -> Option<Agent> { None }
//! let layer = PersoLayer::new(Policy::load("support.wasm")?).agent(|parts| verified(parts));
//! # Ok::<(), perso_core::LoadError>(())
//! ```
//!
//! Choose the guard for your server:
//!
//! - [`PersoLayer`]: a tower layer in front of any MCP endpoint over HTTP. In a reverse proxy, it guards a server in
//!   any language.
//! - `Guarded` (feature `rmcp`, on by default): wraps the handler of an rmcp server, over every transport.
//!   `GuardedService` wraps rmcp's `Router`.
//! - `RouterLayer` (feature `tower-mcp`): wraps the router of a tower-mcp server.
//!
//! You tell the guard who the caller of each request is ([`AgentSource`]) and, if your policy needs it, what resource
//! the call acts on ([`ResourceSource`]). The model gets the reason for a denial as text. A call that cannot be judged
//! is denied.
//!
//! If the policy covers resources and prompts, requests for these are judged like calls. Otherwise they pass the guard, unless
//! you turn them off with `deny_prompts` and `deny_resources`.

mod agent;
mod args;
mod ask;
mod caught;
mod closed;
mod context;
mod covered;
mod denial;
mod elicit;
mod event;
mod exact;
mod fold;
mod guard;
mod http;
mod policy;
mod record;
mod resource;
#[cfg(feature = "rmcp")]
mod rmcp;
mod settings;
mod shallow;
mod tasks;
#[cfg(feature = "tower-mcp")]
mod tower_mcp;
mod visibility;
#[cfg(feature = "watch")]
mod watch;

pub use agent::{Agent, AgentSource, BoxError, Carries, FromExtension, IntoAgent, StaticAgent};
pub use async_trait::async_trait;
pub use context::ContextSource;
pub use denial::{Denial, Denied, META};
pub use elicit::{Elicit, elicit};
pub use event::{Event, Observer};
#[doc(hidden)]
pub use exact::exact;
pub use http::{Perso, PersoBody, PersoLayer};
pub use perso_core::Policy;
pub use perso_core::enforce::{Answer, Approval, Approver, Question, Queue, ledger};
pub use policy::PolicyHandle;
pub use resource::{ResourceQuery, ResourceSource};
#[cfg(feature = "rmcp")]
#[doc(hidden)] // for perso-gateway
pub use rmcp::check_headers;
#[cfg(feature = "rmcp")]
pub use rmcp::{Guard, GuardService, Guarded, GuardedService};
#[cfg(feature = "tower-mcp")]
pub use tower_mcp::{GuardedRouter, RouterLayer};
#[cfg(feature = "watch")]
pub use watch::{Watch, WatchError};

/// Runs the Rust examples of these pages as doctests.
#[cfg(all(doctest, feature = "rmcp", feature = "tower-mcp", feature = "watch"))]
mod pages {
    #[doc = include_str!("../README.md")]
    struct Readme;
    #[doc = include_str!("../../docs/rust-servers.md")]
    struct Guide;
}
