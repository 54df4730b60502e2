//! `anywhere`: some string at any depth of a part of the call, or some key, passes a test.

use super::super::scope::{Scope, Subject};
use super::{Operator, Use, find, goes_with, ignore_case, members};
use crate::diagnostic::{Code, quoted};
use crate::policy::{Condition, Facet};
use crate::syntax::did_you_mean;
use crate::syntax::document::first_of;
use crate::syntax::json::Kind;

pub(super) const OPERATORS: &[Operator] = &[Operator { name: "anywhere", takes_roles: false, meaning }];

/// What a string can be tested with.
const TESTS: [&str; 5] = ["contains", "starts_with", "ends_with", "glob", "matches"];

const EXAMPLE: &str = r#"{"args": {"anywhere": {"contains": "BEGIN PRIVATE KEY"}}}"#;

fn meaning(scope: &mut Scope<'_>, used: &Use<'_>) -> Option<Condition> {
    if !used.subject.attribute.steps.is_empty() || used.subject.attribute.root == crate::policy::Root::Tool {
        let message = "`anywhere` is for a part of the call as a whole";
        scope.error(Code::Operand, used.span, message, Some(format!("for example, `{EXAMPLE}`")));
        return None;
    }
    let members = members(scope, used, "a test of a string", EXAMPLE)?;
    let mut tests = members.iter().filter(|member| !goes_with(&member.key.value, members));
    let Some(test) = tests.next() else {
        scope.error(
            Code::Empty,
            used.operand.span,
            "`anywhere` tests nothing",
            Some(format!("for example, `{EXAMPLE}`")),
        );
        return None;
    };
    if let Some(second) = tests.next() {
        let help = "different strings could pass each of them: use one `anywhere` under `all` for each".to_owned();
        scope.error(Code::Operand, second.key.span, "`anywhere` takes one test", Some(help));
        return None;
    }
    let name = test.key.value.as_ref();
    let Some(operator) = find(name).filter(|operator| TESTS.contains(&operator.name)) else {
        let listed = || format!("expected one of {}", TESTS.map(|name| format!("`{name}`")).join(", "));
        let help = did_you_mean(name, TESTS).unwrap_or_else(listed);
        scope.error(
            Code::UnknownOperator,
            test.key.span,
            format!("{} cannot be used in `anywhere`", quoted(name)),
            Some(help),
        );
        return None;
    };
    if matches!(test.value.kind, Kind::Object(_)) {
        let message = format!("`{name}` in `anywhere` expects a string, found {}", test.value.describe());
        scope.error(Code::Operand, first_of(&test.value), message, None);
        return None;
    }
    let ignores = ignore_case::read(scope, members)?;
    let subject: Subject = used.subject.facet(Facet::Strings);
    let used =
        Use { name: operator.name, subject: &subject, operand: &test.value, span: test.key.span, beside: members };
    ignore_case::applied(scope, operator, &used, ignores)
}
