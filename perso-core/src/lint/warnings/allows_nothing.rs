//! A policy without allow rules: it denies every call.

use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::policy::{Effect, Policy};

pub(super) fn warn(policy: &Policy, diagnostics: &mut Diagnostics) {
    let Some(first) = policy.rules.first() else { return };
    if policy.default == Effect::Deny && policy.rules.iter().all(|rule| rule.effect == Effect::Deny) {
        let message = "no rule allows anything, so every call is denied";
        let help = "write `allow` rules for the calls that may run";
        diagnostics.push(Diagnostic::new(Code::AllowsNothing, first.span, message).help(help));
    }
}
