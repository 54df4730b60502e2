//! perso decides what AI agents may do with tools.
//!
//! A policy is plain JSON. It is compiled into one small WebAssembly module, and the module answers, for every tool
//! call, allow or deny with a reason that a person can read.
//!
//! ```
//! # #[cfg(feature = "compile")] {
//! use perso_core::{Call, Policy};
//!
//! let policy = Policy::compile(r#"{
//!     "perso": 1,
//!     "rules": [
//!         { "id": "refund-small", "allow": "process_refund", "roles": ["agent"],
//!           "when": { "args.amount": { "gt": 0, "lte": 500 } },
//!           "reason": "Agents may refund up to $500." }
//!     ]
//! }"#).unwrap();
//!
//! let call = Call::new("process_refund").arg("amount", 800).agent_attribute("roles", ["agent"].as_slice());
//! let decision = policy.decide(&call);
//! assert!(!decision.is_allowed());
//! assert_eq!(decision.reason, "Agents may refund up to $500.");
//! # }
//! ```
//!
//! # Layers
//!
//! Two one-way streams that meet in what a module is:
//!
//! ```text
//! policy JSON → syntax → check → policy → plan → emit ──→ module (bytes and manifest)
//!                                                            │
//!          call (JSON text or values) → frame ──→ engine → Decision
//! ```
//!
//! The engine never needs the compiler: without the feature `compile` this crate only runs modules.
//!
//! # Features
//!
//! - `compile` (default): the compiler, its diagnostics and the reference evaluator.
//! - `cli` (default): the `perso` command.
//! - `portable-dispatch`: for programs that are built optimised but with debug assertions, or with `lto = "off"` and
//!   several codegen units. There the compiler does not make the tail calls by which the interpreter is fastest, and a
//!   module that runs for long could exhaust the native stack. Cargo's own `dev` and `release` profiles don't need it.

#[cfg(feature = "compile")]
pub mod analyze;
#[cfg(feature = "compile")]
pub mod check;
#[cfg(feature = "cli")]
pub mod cli;
#[cfg(feature = "compile")]
mod compile;
mod decision;
#[cfg(feature = "compile")]
pub mod describe;
#[cfg(feature = "compile")]
pub mod diagnostic;
#[cfg(feature = "compile")]
mod emit;
mod engine;
mod frame;
pub mod module;
#[cfg(feature = "compile")]
mod plan;
#[cfg(feature = "compile")]
pub mod policy;
#[cfg(feature = "compile")]
pub mod reference;
#[cfg(feature = "compile")]
mod schema;
#[cfg(feature = "compile")]
pub mod span;
#[cfg(feature = "compile")]
mod syntax;
mod visible;

#[cfg(feature = "compile")]
pub use compile::{CompileError, Compiled, Migrated, compile, migrate};
pub use decision::{Cause, CauseKind, Decision, Problem};
pub use engine::{LoadError, Policy};
pub use frame::{Call, Part};

/// For hosts whose values are those of another programming language: how such a value becomes a part of a call.
pub mod source {
    pub use crate::frame::Source;
    pub use perso_decode::{Code, Error, Frame, Number, Place, Reads};
}

pub use perso_decode::limits;
#[cfg(feature = "compile")]
pub use schema::schema;
pub use visible::visible;

/// The README's Rust is run like any other example.
#[cfg(all(doctest, feature = "compile"))]
#[doc = include_str!("../../README.md")]
struct Readme;
