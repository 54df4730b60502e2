//! The native module of the Python package `perso`: policies, and how Python values are read into a frame.
//!
//! - `policy`: a policy that judges calls, and a call whose values have been read.
//! - `value`: reads Python values. Each value is read once, and only if the policy reads it.
//! - `decision`: the result.
//! - `enforce`: the steps to a decision that depends on what has happened before, and what a person says.
//! - `ledger`: a ledger, and the runtime that waits for it.
//! - `error`: exceptions.
//! - `compile`: the compiler.
//! - `analyze`: what can be found out about a policy: proofs, differences, findings about tools, tests.
//! - `command`: the `perso` command.

mod analyze;
mod command;
mod compile;
mod decision;
mod enforce;
mod error;
mod ledger;
mod policy;
mod value;

/// The module `perso._perso`. The package `perso` exports the parts that are for users.
#[pyo3::pymodule]
mod _perso {
    #[pymodule_export]
    use super::analyze::{check, diff, pins, prove, test};
    #[pymodule_export]
    use super::command::command;
    #[pymodule_export]
    use super::compile::{compile, files};
    #[pymodule_export]
    use super::decision::{Cause, Decision, not_judged};
    #[pymodule_export]
    use super::enforce::{Answer, Approvals, Question, Receipt, Requested, Step};
    #[pymodule_export]
    use super::error::{LoadError, NotOwned, PolicyError};
    #[pymodule_export]
    use super::ledger::{Ledger, LedgerError, session};
    #[pymodule_export]
    use super::policy::{Policy, Reading};
    #[pymodule_export]
    use super::value::own::{is_flat, own};
    #[pymodule_export]
    use super::value::{Json, Unknown};

    #[pymodule_export]
    const MOST_VALUES: usize = super::value::own::MOST_VALUES;
}
