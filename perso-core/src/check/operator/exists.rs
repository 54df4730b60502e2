//! `exists`: present and not null, or with `false` the opposite. Never unknown.

use super::{Operator, not};
use crate::diagnostic::Code;
use crate::policy;
use crate::syntax::document::first_of;
use crate::syntax::json::Kind;

pub(super) const OPERATORS: &[Operator] = &[Operator {
    name: "exists",
    takes_roles: true,
    meaning: |scope, used| {
        let Kind::Bool(wanted) = used.operand.kind else {
            let message = format!("`exists` expects `true` or `false`, found {}", used.operand.describe());
            scope.error(Code::Operand, first_of(used.operand), message, None);
            return None;
        };
        let test = scope.test(used.subject, policy::Operator::Exists, used.span);
        Some(if wanted { test } else { not(test) })
    },
}];
