//! The native half of the npm package `perso`. The other half is TypeScript (`../ts`), which reads JavaScript's values.
//!
//! - `module`: a module that judges calls.
//! - `compile`: from a policy's text to a module.
//! - `command`: the `perso` command.
//!
//! A call comes over the boundary as one string, and a decision goes back as a number: looking at objects from here takes
//! far longer than judging.

mod command;
mod compile;
mod module;
