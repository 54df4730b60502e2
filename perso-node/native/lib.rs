//! The native addon of the npm package `perso`. The TypeScript code (`../ts`) reads JavaScript values and calls it.
//!
//! - `module`: loads modules and judges calls.
//! - `ledger`: opens ledgers, and makes final decisions with them and with what a person says.
//! - `journal`: records decisions.
//! - `compile`: compiles policies to modules.
//! - `analyze`: finds out what policies guarantee and change, how they fit tools, and what their tests say.
//! - `command`: runs the `perso` command.
//!
//! A call is passed as one string, and a decision is returned as a number: accessing JavaScript objects from Rust takes far
//! longer than judging.

mod analyze;
mod command;
mod compile;
mod journal;
mod ledger;
mod module;
