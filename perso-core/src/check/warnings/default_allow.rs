//! `"default": "allow"`: a tool that nobody thought of may be called.

use super::super::policy::{Effect, Policy};
use super::Places;
use crate::diagnostic::{Code, Diagnostic, Diagnostics};

pub(super) fn warn(policy: &Policy, places: &Places<'_>, diagnostics: &mut Diagnostics) {
    if policy.default == Effect::Allow {
        let span = places.default.unwrap_or_default();
        let warning = Diagnostic::new(Code::DefaultAllow, span, "a call that no rule is about is allowed");
        diagnostics.push(warning.help("leave `default` out, and allow what is meant to be allowed"));
    }
}
