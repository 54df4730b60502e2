//! `length`: the number of code points of a string; a number, or tests on one. For lists there is `count`.

use super::super::scope::Scope;
use super::{Operator, Use, operators, scalar};
use crate::diagnostic::Code;
use crate::policy::{Condition, Facet};
use crate::syntax::document::first_of;
use crate::syntax::json::Kind;

pub(super) const OPERATORS: &[Operator] =
    &[Operator { name: "length", takes_roles: false, meaning: |scope, used| of(scope, used, Facet::Length) }];

/// What a length or a count can be tested with.
const INNER: [&str; 8] = ["eq", "ne", "in", "not_in", "lt", "lte", "gt", "gte"];

/// Tests on a facet that is a whole number.
pub(super) fn of(scope: &mut Scope<'_>, used: &Use<'_>, facet: Facet) -> Option<Condition> {
    let subject = used.subject.facet(facet);
    match &used.operand.kind {
        Kind::Object(members) => operators(scope, &subject, used.operand, members, Some(&INNER)),
        Kind::Number(_) => scalar(scope, &subject, used.operand),
        _ => {
            let message =
                format!("`{}` expects a number or tests of a number, found {}", used.name, used.operand.describe());
            let help = format!("for example, `{{\"{}\": {{\"lte\": 100}}}}`", used.name);
            scope.error(Code::Operand, first_of(used.operand), message, Some(help));
            None
        }
    }
}
