//! `length`: the number of code points of a string, or of elements of a list; a number, or tests on one.

use super::super::policy::{Condition, Facet};
use super::super::scope::Scope;
use super::{Operator, Use, operators, scalar};
use crate::diagnostic::Code;
use crate::syntax::document::first_of;
use crate::syntax::json::Kind;

pub(super) const OPERATORS: &[Operator] = &[Operator { name: "length", total: false, meaning }];

/// What a length can be tested with.
const INNER: [&str; 8] = ["eq", "ne", "in", "not_in", "lt", "lte", "gt", "gte"];

fn meaning(scope: &mut Scope<'_>, used: &Use<'_>) -> Option<Condition> {
    let subject = used.subject.facet(Facet::Length);
    match &used.operand.kind {
        Kind::Object(members) => operators(scope, &subject, used.operand, members, Some(&INNER)),
        Kind::Number(_) => scalar(scope, &subject, used.operand),
        _ => {
            let message = format!("`length` takes a number or tests on one, not {}", used.operand.describe());
            let help = "as in `{\"length\": {\"lte\": 100}}`".to_owned();
            scope.error(Code::Operand, first_of(used.operand), message, Some(help));
            None
        }
    }
}
