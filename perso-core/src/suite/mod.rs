//! Tests of policies: calls, each with what the policy must decide about it.
//!
//! A test file is JSON; its name ends with `.tests.json`:
//!
//! ```json
//! {
//!   "policy": "refunds.json",
//!   "cases": [
//!     { "name": "a small refund", "decision": "allow",
//!       "call": { "tool": "process_refund", "args": { "amount": 20 }, "agent": { "role": "agent" } } }
//!   ]
//! }
//! ```
//!
//! A [`Suite`] is such a file with its policy. It says which cases [fail](Suite::run), which parts of the policy no case
//! [covers](Suite::coverage), and which changes of the policy no case [notices](Suite::mutate). A [`Report`] has it all as JSON.
//!
//! Source: mutation analysis is that of DeMillo, Lipton and Sayward, *Hints on Test Data Selection* (1978).

mod case;
mod coverage;
mod edit;
mod file;
mod mutate;
mod near;
mod report;

pub use case::{Failed, Ran};
pub use coverage::Coverage;
pub use file::{Suite, SuiteError, find};
pub use mutate::{Mutant, Mutation};
pub use report::Report;

/// A part in percent of a whole; all of it where that is nothing.
fn percent(part: usize, whole: usize) -> f64 {
    if whole == 0 { 100.0 } else { 100.0 * part as f64 / whole as f64 }
}
