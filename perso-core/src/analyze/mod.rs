//! Which calls a policy lets through: questions with exact answers.
//!
//! A question is whether there is a call for which something holds, for example that one policy allows it and another does not.
//! The answer is such a call, or that there is none, or, rarely, that it is not decided, with the places in the way. A call that is
//! an answer has been judged by the [reference evaluator](crate::reference) before it is given.
//!
//! ```text
//! policies ─→ joint ─→ formula (per tool) ─→ search ⇄ values ─→ call ─→ confirmed
//! ```
//!
//! - `joint`: several policies over one set of attributes.
//! - `tools`: for which tools a question has to be asked.
//! - `space`: the places of a call, and what can be at each.
//! - `formula`: what must be true of a call.
//! - `search`: a solver chooses facts that make the formula true.
//! - `values`: values of which these facts are true; `numbers`, `language` and `build` find numbers, strings, and texts off which
//!   something can be read.

mod build;
mod claim;
mod diff;
mod formula;
mod joint;
mod language;
mod numbers;
mod prove;
mod search;
mod space;
mod tools;
mod values;

pub use claim::{Answer, Witness};
pub use diff::{Change, Decided, Differences, Kind, conclusion, diff, difference};
pub use prove::prove;
