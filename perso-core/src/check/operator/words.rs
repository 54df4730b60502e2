//! `words`: the string is words separated by single spaces, as OAuth writes scopes, which are tested as a list.

use super::super::scope::Scope;
use super::{Operator, Use, operators, refuse_on_name};
use crate::diagnostic::Code;
use crate::policy::{Condition, Facet};
use crate::syntax::document::first_of;
use crate::syntax::json::Kind;

pub(super) const OPERATORS: &[Operator] = &[Operator { name: "words", takes_roles: false, meaning }];

/// What the words can be tested with.
const LIST_OPERATORS: [&str; 4] = ["every", "some", "has", "count"];

fn meaning(scope: &mut Scope<'_>, used: &Use<'_>) -> Option<Condition> {
    if refuse_on_name(scope, used) {
        return None;
    }
    let Kind::Object(members) = &used.operand.kind else {
        let message = format!("`words` expects tests of a list, found {}", used.operand.describe());
        let help = "for example, `{\"words\": {\"has\": \"files:read\"}}`".to_owned();
        scope.error(Code::Operand, first_of(used.operand), message, Some(help));
        return None;
    };
    if members.is_empty() {
        let help = "for example, `{\"words\": {\"has\": \"files:read\"}}`".to_owned();
        scope.error(Code::Empty, used.operand.span, "`words` is empty", Some(help));
        return None;
    }
    operators(scope, &used.subject.facet(Facet::Scope), used.operand, members, Some(&LIST_OPERATORS))
}
