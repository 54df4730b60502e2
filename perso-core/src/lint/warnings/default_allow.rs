//! `"default": "allow"`: a tool that nobody thought of may be called.

use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::policy::{Effect, Policy};

pub(super) fn warn(policy: &Policy, diagnostics: &mut Diagnostics) {
    if policy.default == Effect::Allow {
        let span = policy.places.default.unwrap_or_default();
        let warning = Diagnostic::new(Code::DefaultAllow, span, "calls that no rule applies to are allowed");
        diagnostics.push(warning.help("omit `default`, and write `allow` rules for the calls that may run"));
    }
}
