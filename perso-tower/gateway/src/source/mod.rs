//! Where the policy comes from: a file, an HTTP server, an object store or an OCI registry.
//!
//! ```text
//! fetch (file, HTTP, store or registry) ─→ accept (keys, name, number) ─→ cache ─→ PolicyHandle
//! ```
//!
//! A policy is taken over only as a whole, after it has been verified and loaded. Until then, and if anything fails, the one before
//! decides.

mod accept;
mod cache;
mod fetch;
mod follow;

pub(crate) use accept::Accept;
pub(crate) use fetch::{Place, Registry};
pub(crate) use follow::{Followed, Settings, State, follow};

/// The largest policy, in bytes.
const MOST_BYTES: usize = 64 << 20;
