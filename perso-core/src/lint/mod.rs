//! What can be found out about a checked policy without a call.

pub(crate) mod facts;
mod grants;
mod warnings;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::policy::Policy;

/// What is legal in a policy but likely wrong, in the order of its text.
///
/// ```
/// use perso_core::{lint::warnings, check::check};
///
/// let policy = check(r#"{ "perso": 1, "rules": [{
///     "id": "refund", "allow": "refund", "when": { "args.amount": { "gt": 500, "lt": 100 } }
/// }] }"#).policy.unwrap();
/// assert_eq!(
///     warnings(&policy)[0].message,
///     "the rule `refund` can never apply: no value of `args.amount` passes these tests",
/// );
/// ```
#[must_use]
pub fn warnings(policy: &Policy) -> Vec<Diagnostic> {
    let mut diagnostics = Diagnostics::default();
    warnings::warn(policy, &mut diagnostics);
    diagnostics.finish()
}
