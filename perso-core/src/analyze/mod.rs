//! Which calls a policy lets through: questions with exact answers.
//!
//! [`Rules`] are what questions are about: [whether a policy keeps what it guarantees](Rules::prove), and [what a new version of it decides
//! differently](Rules::diff). Answers are about every call that there can be, not about some that were tried. An answer is a call, or
//! that there is none, or, rarely, that it is not decided, with what is in the way. A call that is an
//! answer has been judged before it is given, by an evaluator that shares no code with the search.
//!
//! ```
//! use perso_core::Policy;
//! use perso_core::analyze::Rules;
//!
//! let policy = Policy::compile(r#"{
//!     "perso": 1,
//!     "rules": [{ "id": "small", "allow": "refund", "when": { "args.amount": { "lte": 500 } } }]
//! }"#)?;
//! let rules = Rules::of(&policy)?;
//! assert!(rules.diff(&rules).changes.is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # How it works
//!
//! ```text
//! policies ─→ joint ─→ formula (per tool) ─→ search ⇄ values ─→ call ─→ confirmed
//! ```
//!
//! - `joint`: several policies over one set of attributes.
//! - `tools`: for which tools a question has to be asked.
//! - `space`: the places of a call, and what can be at each.
//! - `formula`: what must be true of a call.
//! - `search`: a solver (SAT) chooses facts that make the formula true.
//! - `values`: values of which these facts are true; `numbers`, `language` and `build` find numbers, strings, and texts off which
//!   something can be read.
//! - `work`: how much is done for one question, so that each ends.
//!
//! Source: the division of work between `search` and `values` is that of lazy SMT solvers, as in Nieuwenhuis, Oliveras and Tinelli,
//! *Solving SAT and SAT Modulo Theories* (2006).

mod build;
mod claim;
mod diff;
mod formula;
mod joint;
mod language;
mod numbers;
mod prove;
mod rules;
mod search;
mod space;
mod tools;
mod values;
mod work;

#[doc(hidden)]
pub use claim::{Answer, Witness};
pub use diff::{Change, Decided, Differences, Kind, UndecidedTool};
#[doc(hidden)]
pub use diff::{conclusion, diff, difference};
#[doc(hidden)]
pub use prove::{prove, prove_with};
pub use rules::{Promise, Proof, Proved, Rules, RulesError};
