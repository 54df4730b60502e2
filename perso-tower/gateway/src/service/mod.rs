//! A service that makes decisions for hosts in other languages, and for gateways that exist.
//!
//! ```text
//! host ─→ listen ─→ access ─→ router ─→ native, authzen, envoy or ext_mcp ─→ decider
//! ```
//!
//! - `listen`: addresses, Unix sockets and TLS. `access`: who may ask.
//! - `native`: calls as JSON, one or many.
//! - `authzen`: OpenID AuthZEN 1.0. `entities` are the subjects and resources that its requests name.
//! - `envoy`: `ext_authz` of Envoy, over gRPC and HTTP. It judges MCP messages with a [`PersoLayer`](perso_tower::PersoLayer).
//! - `ext_mcp`: the external authorization of agentgateway.
//! - `decider`: judges, enforces and records one call.

mod access;
mod authzen;
mod decider;
mod entities;
mod envoy;
mod ext_mcp;
mod grpc;
mod listen;
mod mcp;
mod members;
mod native;
mod router;

pub(crate) use access::Access;
pub(crate) use decider::Decider;
pub(crate) use entities::Entities;
pub(crate) use envoy::{Callers, Checker, Setup};
pub(crate) use listen::{Address, Listener, Tls};
pub(crate) use router::{Service, Settings};
