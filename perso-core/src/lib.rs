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
//! let call = Call::new("process_refund").arg("amount", 800).roles(["agent"]);
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
//! # Stability
//!
//! What is documented here follows semantic versioning. Modules that are public but hidden from this documentation
//! (`check`, `reference`, `module`, `source` and others) are for perso's own crates and tests, and change at any time.
//!
//! # Features
//!
//! - `compile` (default): the compiler and its diagnostics. Without it, only modules can be loaded.
//! - `ledger`: `enforce`, for limits, labels and approvals.
//! - `journal`: `journal`, which records decisions so that it can be seen if the record was tampered with.
//! - `cli`: the `perso` command.
//! - `portable-dispatch`: for programs that are built optimised but with debug assertions, or with `lto = "off"` and
//!   several codegen units. There the compiler does not make the tail calls by which the interpreter is fastest, and a
//!   module that runs for long could exhaust the native stack. Cargo's own `dev` and `release` profiles don't need it.

#[cfg(feature = "compile")]
pub mod analyze;
#[cfg(any(feature = "ledger", feature = "journal"))]
mod canonical;
#[cfg(feature = "compile")]
mod catalog;
#[cfg(feature = "compile")]
#[doc(hidden)]
pub mod check;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod cli;
#[cfg(feature = "compile")]
mod compile;
mod covers;
mod decision;
#[cfg(feature = "compile")]
#[doc(hidden)]
pub mod describe;
#[cfg(feature = "compile")]
pub mod diagnostic;
#[cfg(feature = "compile")]
mod documents;
#[cfg(feature = "compile")]
mod emit;
#[cfg(feature = "ledger")]
pub mod enforce;
mod engine;
#[cfg(feature = "compile")]
mod error;
mod frame;
#[cfg(feature = "journal")]
pub mod journal;
#[cfg(feature = "compile")]
#[doc(hidden)]
pub mod learn;
#[cfg(feature = "compile")]
#[doc(hidden)]
pub mod lint;
mod load;
#[doc(hidden)]
pub mod module;
#[cfg(feature = "compile")]
mod plan;
#[cfg(feature = "compile")]
#[doc(hidden)]
pub mod policy;
#[cfg(feature = "compile")]
#[doc(hidden)]
pub mod reference;
#[cfg(feature = "release")]
pub mod release;
#[cfg(feature = "compile")]
mod schema;
#[cfg(feature = "compile")]
pub mod span;
#[cfg(feature = "compile")]
pub mod suite;
#[cfg(feature = "compile")]
mod syntax;
mod visible;

#[cfg(feature = "compile")]
pub use catalog::{Catalog, CatalogError, Pins};
#[cfg(feature = "compile")]
pub use compile::{Compiled, Migrated, compile, compile_with, migrate};
pub use covers::{Covers, request};
pub use decision::{Cause, CauseKind, Decision, Hint, Message, Outcome, Problem};
#[doc(hidden)]
pub use decision::{Expected, Record};
#[cfg(feature = "compile")]
pub use documents::{Document, Documents, ResolveError, Resolver};
pub use engine::{Assessment, Charge, Limit, ModuleError, Obligations, Policy, Scalar, Window};
#[cfg(feature = "compile")]
pub use error::CompileError;
pub use frame::{Call, Part};
#[cfg(feature = "compile")]
pub use load::Folder;
pub use load::LoadError;
#[doc(hidden)]
pub use load::files;
pub use perso_decode::call::{PartName, Unknown};

/// For hosts whose values are those of another programming language: how such a value becomes a part of a call.
#[doc(hidden)]
pub mod source {
    pub use crate::frame::Source;
    pub use perso_decode::{Code, Error, Frame, Number, Place, Reads};
}

pub use perso_decode::limits;
#[cfg(feature = "compile")]
pub use schema::schema;
#[doc(hidden)]
pub use visible::is_deceptive;
pub use visible::visible;

/// The README's Rust is run like any other example.
#[cfg(all(doctest, feature = "compile"))]
#[doc = include_str!("../../README.md")]
struct Readme;

/// So is the Rust of this page.
#[cfg(all(doctest, feature = "compile"))]
#[doc = include_str!("../../docs/check.md")]
struct Check;

/// And that of this one.
#[cfg(all(doctest, feature = "compile"))]
#[doc = include_str!("../../docs/test.md")]
struct Test;
