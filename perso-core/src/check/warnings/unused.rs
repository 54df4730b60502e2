//! Roles and tools that no rule is about.

use super::super::policy::{Condition, Effect, Operator, Policy, RoleId};
use super::super::tool_index::ToolIndex;
use super::Places;
use crate::diagnostic::{Code, Diagnostic, Diagnostics, quoted};

pub(super) fn warn(policy: &Policy, places: &Places<'_>, diagnostics: &mut Diagnostics) {
    roles(policy, places, diagnostics);
    // With the other default, a tool without a rule is simply allowed.
    if policy.default == Effect::Deny {
        tools(policy, places, diagnostics);
    }
}

/// A role is used if a rule names it, if it inherits from one that a rule names, or if such a one inherits from it.
fn roles(policy: &Policy, places: &Places<'_>, diagnostics: &mut Diagnostics) {
    let mut named = vec![false; policy.roles.len()];
    let mut name = |role: RoleId| {
        if let Some(named) = named.get_mut(role) {
            *named = true;
        }
    };
    for rule in &policy.rules {
        rule.roles.iter().flatten().for_each(|role| name(*role));
        asked(&rule.condition, &mut name);
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
            let span = places.roles.get(id).copied().unwrap_or_default();
            let message = format!("no rule is about the role {}", quoted(&role.name));
            diagnostics.push(Diagnostic::new(Code::UnusedRole, span, message).help("name it in a rule, or remove it"));
        }
    }
}

/// The roles that a condition asks for.
fn asked(condition: &Condition, name: &mut impl FnMut(RoleId)) {
    match condition {
        Condition::All(parts) | Condition::Any(parts) => parts.iter().for_each(|part| asked(part, name)),
        Condition::Not(inner) => asked(inner, name),
        Condition::Test(test) => {
            if let Operator::HasRole(role) = test.operator {
                name(role);
            }
        }
    }
}

fn tools(policy: &Policy, places: &Places<'_>, diagnostics: &mut Diagnostics) {
    let mut index = ToolIndex::default();
    for pattern in policy.rules.iter().flat_map(|rule| &rule.tools) {
        index.insert(&pattern.text);
    }
    for tool in places.tools {
        if index.matching(tool.value).next().is_none() {
            let message = format!("no rule is about the tool {}; every call to it is denied", quoted(tool.value));
            diagnostics.push(Diagnostic::new(Code::UnusedTool, tool.span, message).help("allow it, or remove it"));
        }
    }
}
