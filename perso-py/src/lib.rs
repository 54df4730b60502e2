//! The native half of the Python package `perso`: policies, and how Python's values get into a frame.
//!
//! - `policy`: a policy that judges calls, and a call whose values have been read.
//! - `value`: from Python's values to what is told a frame: each is read once, and only what the policy reads.
//! - `decision`: what comes out.
//! - `error`: why a policy does not compile or load.

mod command;
mod compile;
mod decision;
mod error;
mod policy;
mod value;

/// The module `perso._perso`; the package `perso` says what of it is for users.
#[pyo3::pymodule]
mod _perso {
    #[pymodule_export]
    use super::command::command;
    #[pymodule_export]
    use super::compile::compile;
    #[pymodule_export]
    use super::decision::{Cause, Decision, not_judged};
    #[pymodule_export]
    use super::error::{LoadError, NotOwned, PolicyError};
    #[pymodule_export]
    use super::policy::{Policy, Reading};
    #[pymodule_export]
    use super::value::own::{is_flat, own};
    #[pymodule_export]
    use super::value::{Json, Unknown};

    #[pymodule_export]
    const MOST_VALUES: usize = super::value::own::MOST_VALUES;
}
