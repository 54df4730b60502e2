//! The guard in front of any MCP endpoint over HTTP.
//!
//! `message` reads what a client sends; `service` has it judged and passes it on. `answer` filters what comes back,
//! with `list` for JSON and `events` for streams. `response` builds the guard's own answers, and `streams` delivers
//! them in the older transport (HTTP with SSE).

mod answer;
mod body;
mod events;
mod head;
mod layer;
mod list;
mod message;
mod response;
mod service;
mod streams;

pub use body::PersoBody;
pub use layer::PersoLayer;
pub use service::Perso;
