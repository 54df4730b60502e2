//! What a module is: the one thing that the compiler and the engine share.

pub mod abi;
mod hash;
mod manifest;
mod read;
pub mod reason;
pub mod signatures;

pub use abi::Answer;
pub use hash::{hex, sha256};
pub use manifest::{Document, Label, Limit, Limits, Manifest, Names, Obligation, Role, Rule, Tool, Window};
#[cfg(feature = "compile")]
pub use read::policy;
pub use read::{ReadError, Section, sections};
pub use reason::Reasons;
