//! Roles, tools and definitions that no rule is about.

use crate::diagnostic::{Code, Diagnostic, Diagnostics, quoted};
use crate::policy::{Effect, Policy, RoleId, ToolIndex};

pub(super) fn warn(policy: &Policy, diagnostics: &mut Diagnostics) {
    roles(policy, diagnostics);
    for (name, span) in &policy.places.unused_definitions {
        let message = format!("no rule uses the definition {}", quoted(name));
        diagnostics
            .push(Diagnostic::new(Code::UnusedDefinition, *span, message).help("use it in a rule, or remove it"));
    }
    // With the other default, a tool without a rule is simply allowed.
    if policy.default == Effect::Deny {
        tools(policy, diagnostics);
    }
}

/// A role is used if a rule names it, if it inherits from one that a rule names, or if such a one inherits from it.
fn roles(policy: &Policy, diagnostics: &mut Diagnostics) {
    let mut named = vec![false; policy.roles.len()];
    let mut name = |role: RoleId| {
        if let Some(named) = named.get_mut(role) {
            *named = true;
        }
    };
    for rule in policy.scopes() {
        rule.roles.iter().flatten().for_each(|role| name(*role));
        rule.condition.each_role(&mut name);
    }
    let mut used = named.clone();
    for (id, role) in policy.roles.iter().enumerate() {
        if role.closure.iter().any(|other| named.get(*other) == Some(&true)) {
            for other in role.closure.iter().chain([&id]) {
                if let Some(used) = used.get_mut(*other) {
                    *used = true;
                }
            }
        }
    }
    for (id, role) in policy.roles.iter().enumerate() {
        if used.get(id) == Some(&false) {
            let span = policy.places.roles.get(id).copied().unwrap_or_default();
            let message = format!("no rule uses the role {}", quoted(&role.name));
            diagnostics.push(Diagnostic::new(Code::UnusedRole, span, message).help("use it in a rule, or remove it"));
        }
    }
}

fn tools(policy: &Policy, diagnostics: &mut Diagnostics) {
    let mut index = ToolIndex::default();
    for pattern in policy.scopes().flat_map(|rule| &rule.tools) {
        index.insert(&pattern.text);
    }
    for (tool, span) in policy.tools.iter().flatten().zip(&policy.places.tools) {
        if index.matching(tool).next().is_none() {
            let message = format!("no rule applies to the tool {}, so every call to it is denied", quoted(tool));
            diagnostics.push(Diagnostic::new(Code::UnusedTool, *span, message).help("allow it, or remove it"));
        }
    }
}
