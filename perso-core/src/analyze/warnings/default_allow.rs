//! `"default": "allow"`: a tool that nobody thought of may be called.

use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::policy::{Effect, Policy};

pub(super) fn warn(policy: &Policy, diagnostics: &mut Diagnostics) {
    if policy.default == Effect::Allow {
        let span = policy.places.default.unwrap_or_default();
        let warning = Diagnostic::new(Code::DefaultAllow, span, "a call that no rule is about is allowed");
        diagnostics.push(warning.help("leave `default` out, and allow what is meant to be allowed"));
    }
}
