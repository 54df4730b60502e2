//! The reference evaluator: what a policy decides, told as slowly and plainly as the language page tells it.
//!
//! It shares nothing with the decoder, the plan or the emitter, so that it can vouch for them: a property test asks
//! both for the same calls. It is also what `explain` shows, because it can tell every test and every value.
//!
//! [`decide`] judges a [`Call`]; [`judge`] reads the call from JSON text first; [`explain`] tells the whole [`Trace`].

pub(crate) mod alone;
pub(crate) mod arithmetic;
mod attribute;
mod call;
mod evaluate;
pub mod facet;
mod obligations;
mod operator;
mod roles;
mod show;
pub(crate) mod tool;
mod trace;
mod value;

pub use call::{Call, Part, Unreadable};
pub use evaluate::{Verdict, decide, effect, judge, outcome};
pub use obligations::{Name, Owed, obligations, obliged, unremembered};
pub(crate) use trace::each_truth;
pub use trace::{Conclusion, ElementTrace, RoleTrace, RuleTrace, Seen, Step, TestTrace, Trace, Truth, explain, trace};
pub use value::{Number, Value};
