//! Resources or prompts that are covered, and that no rule lets anyone read or get.

use crate::covers::{RESOURCES, request};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, quoted};
use crate::policy::{Effect, Policy};

pub(super) fn warn(policy: &Policy, diagnostics: &mut Diagnostics) {
    // With the other default, a request without a rule is simply allowed.
    if policy.default == Effect::Allow {
        return;
    }
    for (word, span) in &policy.places.covers {
        let request = if word == RESOURCES { request::READ } else { request::GET };
        let mut rules = policy.rules.iter().filter(|rule| rule.effect != Effect::Deny);
        if policy.covers.requests().all(|covered| covered != request)
            || rules.any(|rule| rule.is_about_request(request))
        {
            continue;
        }
        let message = format!("no rule allows {}, so every request for {word} is denied", quoted(request));
        let help = format!(
            "allow it, such as by `{{ \"id\": \"{word}\", \"allow\": \"{request}\", \"when\": … }}`; `*` does not"
        );
        diagnostics.push(Diagnostic::new(Code::UnallowedRequest, *span, message).help(help));
    }
}
