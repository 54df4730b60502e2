//! `only`: the object has no other keys than these. Of a part of the call that is absent: it has no keys.

use super::super::path::MAX_KEY;
use super::super::scope::Scope;
use super::{Operator, Use};
use crate::diagnostic::{Code, quoted};
use crate::policy::{self, Condition, Step};
use crate::syntax::document::first_of;
use crate::syntax::json::Kind;

pub(super) const OPERATORS: &[Operator] = &[Operator { name: "only", takes_roles: false, meaning }];

/// The most names in a list.
const MAX_NAMES: usize = 1024;

fn meaning(scope: &mut Scope<'_>, used: &Use<'_>) -> Option<Condition> {
    if let Some((_, why)) = used.subject.fixed_type() {
        scope.error(Code::Operand, used.span, format!("`only` is for objects, but {why}"), None);
        return None;
    }
    let Kind::List(nodes) = &used.operand.kind else {
        let message = format!("`only` expects a list of keys, found {}", used.operand.describe());
        scope.error(Code::Operand, first_of(used.operand), message, None);
        return None;
    };
    if nodes.len() > MAX_NAMES {
        scope.error(Code::Limit, first_of(used.operand), format!("a list has more than {MAX_NAMES} keys"), None);
        return None;
    }
    let (mut keys, mut is_broken) = (Vec::with_capacity(nodes.len()), false);
    for node in nodes {
        let Kind::String(key) = &node.kind else {
            let message = format!("an element of `only` must be a key, a string, found {}", node.describe());
            scope.error(Code::Operand, first_of(node), message, None);
            is_broken = true;
            continue;
        };
        if key.len() > MAX_KEY {
            scope.error(Code::Limit, node.span, format!("a key is longer than {MAX_KEY} bytes"), None);
            is_broken = true;
            continue;
        }
        let attribute = used.subject.below([Step::Key(key.clone().into_owned())], node.span);
        let id = scope.intern(&attribute.attribute, node.span);
        if keys.contains(&id) {
            scope.error(Code::Duplicate, node.span, format!("duplicate key {}", quoted(key)), None);
            is_broken = true;
        }
        keys.push(id);
    }
    if is_broken {
        return None;
    }
    Some(scope.test(used.subject, policy::Operator::Only(keys), used.span))
}
