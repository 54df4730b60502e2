//! What is legal but likely wrong. A file for each family of warnings; all of them take time about linear in the policy.

mod allows_nothing;
mod any_host;
mod any_order;
mod any_string;
mod case_variant;
mod contradiction;
mod coverage;
mod default_allow;
mod denies_without;
mod deny_list;
mod loose_text;
mod never_on;
mod obligations;
mod unallowed_request;
mod unchecked_arguments;
mod unchecked_shell;
mod unchecked_sql;
mod unlisted_key;
mod unused;

use crate::diagnostic::Diagnostics;
use crate::policy::Policy;

/// Looks for everything.
pub(super) fn warn(policy: &Policy, diagnostics: &mut Diagnostics) {
    default_allow::warn(policy, diagnostics);
    allows_nothing::warn(policy, diagnostics);
    unused::warn(policy, diagnostics);
    unallowed_request::warn(policy, diagnostics);
    case_variant::warn(policy, diagnostics);
    deny_list::warn(policy, diagnostics);
    denies_without::warn(policy, diagnostics);
    unchecked_arguments::warn(policy, diagnostics);
    unchecked_sql::warn(policy, diagnostics);
    unchecked_shell::warn(policy, diagnostics);
    any_order::warn(policy, diagnostics);
    unlisted_key::warn(policy, diagnostics);
    any_host::warn(policy, diagnostics);
    any_string::warn(policy, diagnostics);
    never_on::warn(policy, diagnostics);
    loose_text::warn(policy, diagnostics);
    obligations::warn(policy, diagnostics);
    let never = contradiction::warn(policy, diagnostics);
    coverage::warn(policy, &never, diagnostics);
}
