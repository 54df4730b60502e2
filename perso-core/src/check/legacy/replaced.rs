//! For one tool and role, the later rule replaces the earlier.

use std::collections::HashMap;

use super::Rule;
use crate::diagnostic::{Code, Diagnostic, Diagnostics, quoted};
use crate::syntax::Spanned;

/// How many of the roles that a rule loses are named.
const SHOWN: usize = 3;

/// Takes from each rule the roles for which a later rule of the same `tool_name` replaces it. Says which rules are left:
/// those that keep a role, or that are for any caller and no later such rule of the same `tool_name` replaces.
pub(super) fn drop_replaced<'n>(rules: &mut [Rule<'n>], diagnostics: &mut Diagnostics) -> Vec<bool> {
    let mut last: HashMap<(&'n str, Option<&'n str>), usize> = HashMap::new();
    for (index, rule) in rules.iter().enumerate() {
        for role in roles(rule) {
            last.insert((rule.tool.value, role), index);
        }
    }
    let places: Vec<_> = rules.iter().map(|rule| rule.tool.span).collect();
    let mut left = Vec::with_capacity(rules.len());
    for (index, rule) in rules.iter_mut().enumerate() {
        let later = |role| last.get(&(rule.tool.value, role)).copied().filter(|last| *last != index);
        let first_later = roles(rule).find_map(later);
        let Some(place) = first_later.and_then(|later| places.get(later)) else {
            left.push(true);
            continue;
        };
        let (lost, kept) = match &rule.roles {
            None => (Vec::new(), Vec::new()),
            Some(named) => named.iter().copied().partition(|role| later(Some(role.value)).is_some()),
        };
        let is_left = !kept.is_empty();
        let message = if is_left {
            format!("for {}, a later rule for {} replaces this one", shown(&lost), quoted(rule.tool.value))
        } else {
            format!("later rules for {} replace this one", quoted(rule.tool.value))
        };
        let help = if is_left { "remove those roles" } else { "remove this rule" };
        let warning = Diagnostic::new(Code::Replaced, rule.tool.span, message).label(*place, "the later rule");
        diagnostics.push(warning.help(help));
        if is_left {
            rule.roles = Some(kept);
        }
        left.push(is_left);
    }
    left
}

/// What a rule is for: each of its roles, or any caller.
pub(super) fn roles<'n>(rule: &Rule<'n>) -> impl Iterator<Item = Option<&'n str>> {
    let any = rule.roles.is_none().then_some(None);
    any.into_iter().chain(rule.roles.iter().flatten().map(|role| Some(role.value)))
}

/// ``the role `agent` ``, ``the roles `agent`, `manager` and 7 more``
fn shown(roles: &[Spanned<&str>]) -> String {
    let names: Vec<String> = roles.iter().take(SHOWN).map(|role| quoted(role.value)).collect();
    let more = if roles.len() > SHOWN { format!(" and {} more", roles.len() - SHOWN) } else { String::new() };
    format!("the role{} {}{more}", if roles.len() == 1 { "" } else { "s" }, names.join(", "))
}
