//! Guards the tools of Rust MCP servers with perso policies.
//!
//! Each call is judged before its tool runs:
//!
//! - [`PersoLayer`]: a tower layer in front of any MCP endpoint over HTTP, in any language if it is a reverse proxy.
//! - `Guarded` (feature `rmcp`, default): around the handler of an rmcp server, over every transport; `GuardedService` around
//!   rmcp's `Router`.
//! - `RouterLayer` (feature `tower-mcp`): around the router of a tower-mcp server.
//!
//! The host says who calls, for each request ([`AgentSource`]). What a call is about is looked up if the policy needs it
//! ([`ResourceSource`]). What cannot be judged is denied. A denial reaches the model as text. Prompts and resources pass, unless
//! the host turns them off: `deny_prompts`, `deny_resources`.

mod agent;
mod args;
mod caught;
mod closed;
mod denial;
mod event;
mod exact;
mod fold;
mod guard;
mod http;
mod policy;
mod resource;
#[cfg(feature = "rmcp")]
mod rmcp;
mod shallow;
mod tasks;
#[cfg(feature = "tower-mcp")]
mod tower_mcp;
mod visibility;
#[cfg(feature = "watch")]
mod watch;

pub use agent::{Agent, AgentSource, BoxError, Carries, FromExtension, IntoAgent, StaticAgent};
pub use async_trait::async_trait;
pub use denial::{Denial, Denied, META};
pub use event::{Event, Observer};
pub use http::{Perso, PersoBody, PersoLayer};
pub use perso_core::Policy;
pub use policy::PolicyHandle;
pub use resource::{ResourceQuery, ResourceSource};
#[cfg(feature = "rmcp")]
pub use rmcp::{Guard, GuardService, Guarded, GuardedService};
#[cfg(feature = "tower-mcp")]
pub use tower_mcp::{GuardedRouter, RouterLayer};
#[cfg(feature = "watch")]
pub use watch::{Watch, WatchError};

/// The Rust of these pages is run like any other example.
#[cfg(all(doctest, feature = "rmcp", feature = "tower-mcp", feature = "watch"))]
mod pages {
    #[doc = include_str!("../README.md")]
    struct Readme;
    #[doc = include_str!("../../docs/rust-servers.md")]
    struct Guide;
}
