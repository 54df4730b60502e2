//! Reads a tool call into a **frame**: the attributes that a policy reads, typed and interned, ready to be judged by
//! the code that the policy was compiled to.
//!
//! ```text
//! call (JSON text, or values pushed one by one) ─┐
//!                                                ├─→ frame
//! table (what this policy reads, from its module) ─┘
//! ```
//!
//! One source, built twice: natively into `perso-core`, and for wasm32 as the prelude of every module. Hence: no
//! allocation, no `unsafe`, no panics, and the same bytes for the same call everywhere.
//!
//! - [`limits`]: every bound on a call, in one place.
//! - [`layout`]: what stands where in a table and in a frame; the compiler writes by it, modules read by it.
//! - `json`: a strict reader of JSON text.
//! - [`packed`]: the table as it is in a module's bytes.
//! - [`number`]: exact decimals as three integers.
//! - [`facet`]: what can be read off a string.
//! - [`table`]: lookups in the table.
//! - [`frame`]: writes the frame.
//! - [`call`]: from a call's JSON text to the frame.
//! - `reads`: what a policy reads, for hosts that take values before they write the frame. Native only.

#![no_std]

pub mod call;
pub mod error;
pub mod facet;
pub mod frame;
mod json;
pub mod layout;
pub mod limits;
pub mod number;
pub mod packed;
#[cfg(not(target_arch = "wasm32"))]
mod reads;
pub mod table;
mod text;

pub use error::{Code, Error};
pub use frame::{Elements, Frame, Outcome, Place};
pub use number::Number;
#[cfg(not(target_arch = "wasm32"))]
pub use reads::Reads;
pub use table::Table;
pub use text::{hash, key_hash};
