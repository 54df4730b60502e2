//! Permission that any string of a call gives, also one that no tool reads.

use super::super::grants::granting;
use crate::diagnostic::{Code, Diagnostic, Diagnostics, quoted};
use crate::policy::{Effect, Policy};

pub(super) fn warn(policy: &Policy, diagnostics: &mut Diagnostics) {
    for rule in policy.rules.iter().filter(|rule| rule.effect != Effect::Deny) {
        for test in granting(rule) {
            let Some(attribute) = policy.attributes.get(test.attribute).filter(|one| one.is_every_string()) else {
                continue;
            };
            let part = quoted(attribute.root.name());
            let message = format!("any string in {part} can pass this test, also one that the tool ignores");
            let help = "test the attribute that the tool reads; `anywhere` is for deny rules";
            diagnostics.push(Diagnostic::new(Code::AnyString, test.span, message).help(help));
        }
    }
}
