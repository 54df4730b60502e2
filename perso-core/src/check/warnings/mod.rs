//! What is legal but likely wrong. A file for each family of warnings; all of them take time about linear in the policy.

mod allows_nothing;
mod any_host;
mod any_order;
mod case_variant;
mod contradiction;
mod coverage;
mod default_allow;
mod denies_without;
mod deny_list;
mod facts;
mod grants;
mod loose_text;
mod unchecked_arguments;
mod unused;

use super::policy::Policy;
use crate::diagnostic::Diagnostics;
use crate::span::Span;
use crate::syntax::Spanned;

/// Where things stand that the checked policy holds no place of.
#[derive(Debug)]
pub(super) struct Places<'d> {
    /// The value of `default`.
    pub(super) default: Option<Span>,
    /// Each role's first mention.
    pub(super) roles: Vec<Span>,
    /// Each attribute's first mention.
    pub(super) attributes: Vec<Span>,
    /// The table of tools.
    pub(super) tools: &'d [Spanned<&'d str>],
}

/// Looks for everything. The policy has no errors.
pub(super) fn warn(policy: &Policy, places: &Places<'_>, diagnostics: &mut Diagnostics) {
    default_allow::warn(policy, places, diagnostics);
    allows_nothing::warn(policy, diagnostics);
    unused::warn(policy, places, diagnostics);
    case_variant::warn(policy, places, diagnostics);
    deny_list::warn(policy, diagnostics);
    denies_without::warn(policy, diagnostics);
    unchecked_arguments::warn(policy, diagnostics);
    any_order::warn(policy, diagnostics);
    any_host::warn(policy, diagnostics);
    loose_text::warn(policy, diagnostics);
    let never = contradiction::warn(policy, diagnostics);
    coverage::warn(policy, &never, diagnostics);
}
