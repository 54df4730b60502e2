//! Roles and what they inherit.

use std::collections::HashMap;

use super::names;
use crate::diagnostic::{Code, Diagnostic, Diagnostics, quoted};
use crate::policy::{Role, RoleId};
use crate::span::Span;
use crate::syntax::{Spanned, did_you_mean, document};

/// The most roles in a policy.
pub(super) const MAX_ROLES: usize = 1024;

/// The roles of a policy: those of its table, or those that its rules and conditions name.
#[derive(Debug, Default)]
pub(super) struct Roles {
    names: Vec<Spanned<String>>,
    ids: HashMap<String, RoleId>,
    inherits: Vec<Vec<RoleId>>,
    has_table: bool,
    reported_limit: bool,
}

impl Roles {
    pub(super) fn new(table: Option<&[document::Role<'_>]>, diagnostics: &mut Diagnostics) -> Self {
        let mut roles = Self::default();
        for role in table.unwrap_or_default() {
            roles.add(role.name, diagnostics);
        }
        roles.has_table = table.is_some();
        for (id, role) in table.unwrap_or_default().iter().enumerate() {
            let mut inherits = Vec::with_capacity(role.inherits.len());
            for parent in &role.inherits {
                if let Some(parent_id) = roles.find(*parent, diagnostics) {
                    if inherits.contains(&parent_id) {
                        let message = format!("duplicate role {}", quoted(parent.value));
                        diagnostics.push(Diagnostic::new(Code::Duplicate, parent.span, message));
                    } else {
                        inherits.push(parent_id);
                    }
                }
            }
            if let Some(slot) = roles.inherits.get_mut(id) {
                *slot = inherits;
            }
        }
        roles.report_cycles(diagnostics);
        roles
    }

    /// The role of a name. Without a table, every name is a role.
    pub(super) fn find(&mut self, name: Spanned<&str>, diagnostics: &mut Diagnostics) -> Option<RoleId> {
        if let Some(id) = self.ids.get(name.value) {
            return Some(*id);
        }
        if !self.has_table {
            return self.add(name, diagnostics);
        }
        let message = format!("unknown role {}", quoted(name.value));
        let known = self.names.iter().map(|known| known.value.as_str());
        let help = did_you_mean(name.value, known).unwrap_or_else(|| "add it to `roles`".to_owned());
        diagnostics.push(Diagnostic::new(Code::UnknownRole, name.span, message).help(help));
        None
    }

    fn add(&mut self, name: Spanned<&str>, diagnostics: &mut Diagnostics) -> Option<RoleId> {
        // A role with a bad name keeps its place, so that ids stay those of the table.
        names::check("a role", name, names::MAX_ROLE, diagnostics);
        if self.names.len() == MAX_ROLES {
            if !self.reported_limit {
                let message = format!("the policy has more than {MAX_ROLES} roles");
                diagnostics.push(Diagnostic::new(Code::Limit, name.span, message));
            }
            self.reported_limit = true;
            return None;
        }
        let id = self.names.len();
        self.names.push(Spanned { value: name.value.to_owned(), span: name.span });
        self.inherits.push(Vec::new());
        self.ids.insert(name.value.to_owned(), id);
        Some(id)
    }

    fn report_cycles(&self, diagnostics: &mut Diagnostics) {
        // 0: not seen, 1: on the path, 2: done.
        let mut state = vec![0_u8; self.names.len()];
        for start in 0..self.names.len() {
            let mut path: Vec<(RoleId, usize)> = Vec::new();
            if state.get(start) == Some(&0) {
                path.push((start, 0));
            }
            while let Some((role, next)) = path.last_mut() {
                let role = *role;
                mark(&mut state, role, 1);
                let Some(parent) = self.inherits.get(role).and_then(|parents| parents.get(*next)).copied() else {
                    mark(&mut state, role, 2);
                    path.pop();
                    continue;
                };
                *next += 1;
                match state.get(parent) {
                    Some(0) => path.push((parent, 0)),
                    Some(1) => {
                        let cycle = path.iter().map(|(role, _)| *role).skip_while(|role| *role != parent);
                        let cycle: Vec<RoleId> = cycle.chain([parent]).collect();
                        self.report_cycle(&cycle, diagnostics);
                    }
                    _ => {}
                }
            }
        }
    }

    fn report_cycle(&self, cycle: &[RoleId], diagnostics: &mut Diagnostics) {
        const SHOWN: usize = 10;
        let name = |id: &RoleId| self.names.get(*id).map_or_else(String::new, |name| quoted(&name.value));
        let mut shown: Vec<String> = cycle.iter().take(SHOWN).map(name).collect();
        if cycle.len() > SHOWN {
            shown.push("…".to_owned());
            shown.extend(cycle.last().map(name));
        }
        let span = cycle.first().and_then(|id| self.names.get(*id)).map(|name| name.span).unwrap_or_default();
        let message = format!("a role inherits from itself: {}", shown.join(" → "));
        diagnostics.push(Diagnostic::new(Code::RoleCycle, span, message));
    }

    /// How many roles have been named so far.
    pub(super) fn count(&self) -> usize {
        self.names.len()
    }

    /// Where each role is first named.
    pub(super) fn spans(&self) -> Vec<Span> {
        self.names.iter().map(|name| name.span).collect()
    }

    /// The roles with their closures. Terminates on cycles too.
    pub(super) fn finish(self) -> Vec<Role> {
        let closure = |start: RoleId| {
            let mut seen = vec![false; self.names.len()];
            let mut open = vec![start];
            while let Some(role) = open.pop() {
                if let Some(seen) = seen.get_mut(role).filter(|seen| !**seen) {
                    *seen = true;
                    open.extend(self.inherits.get(role).into_iter().flatten());
                }
            }
            seen.iter().enumerate().filter(|(_, seen)| **seen).map(|(id, _)| id).collect()
        };
        let role = |(id, name): (RoleId, &Spanned<String>)| Role { name: name.value.clone(), closure: closure(id) };
        self.names.iter().enumerate().map(role).collect()
    }
}

fn mark(state: &mut [u8], role: RoleId, value: u8) {
    if let Some(state) = state.get_mut(role) {
        *state = value;
    }
}
