//! Guards the tools of Rust MCP servers with perso policies.
//!
//! Whatever way a tool can be run is judged first:
//!
//! - [`PersoLayer`]: a tower layer in front of any MCP endpoint over HTTP, also one that is not Rust (as a reverse proxy).
//! - `Guarded` (feature `rmcp`, default): inside an rmcp server, over HTTP and stdio alike.
//! - `RouterLayer` (feature `tower-mcp`): inside a tower-mcp server.
//!
//! Who calls comes from the host ([`AgentSource`]), for each request anew; what a call is about is looked up where the
//! policy needs it ([`ResourceSource`]). What can't be judged is denied. A denial reaches the model as text.

mod agent;
mod args;
mod caught;
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
mod sight;
mod tasks;
#[cfg(feature = "tower-mcp")]
mod tower_mcp;
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
