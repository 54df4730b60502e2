//! In front of any MCP endpoint over HTTP.
//!
//! `message` reads what a client sends, `service` has it judged and passes it on, `answer` has `list` and `events` filter what
//! comes back, `response` is what is answered without the endpoint, and `streams` is where that goes in the older transport.

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
