//! `sum`: the exact sum of a list's numbers, or of fields of its elements, each multiplied by another one if so asked.

use super::super::scope::Scope;
use super::{Operator, Use, members, operators, refuse_on_text, refuse_on_tool};
use crate::diagnostic::{Code, quoted};
use crate::policy::{Condition, Facet, Step, Sum};
use crate::syntax::document::first_of;
use crate::syntax::json::{Kind, Member, Node};
use crate::syntax::{Spanned, did_you_mean};

pub(super) const OPERATORS: &[Operator] = &[Operator { name: "sum", takes_roles: false, meaning }];

const EXAMPLE: &str = r#"{"sum": {"of": ".price", "times": ".quantity", "lte": 1000}}"#;

/// What a sum can be tested with.
const COMPARISONS: [&str; 8] = ["eq", "ne", "in", "not_in", "lt", "lte", "gt", "gte"];

fn meaning(scope: &mut Scope<'_>, used: &Use<'_>) -> Option<Condition> {
    if refuse_on_tool(scope, used) || refuse_on_text(scope, used, "length") {
        return None;
    }
    let members = members(scope, used, "comparisons of a sum", EXAMPLE)?;
    let known = || COMPARISONS.into_iter().chain(["of", "times"]);
    let unknown: Vec<&Member<'_>> =
        members.iter().filter(|member| !known().any(|name| name == member.key.value)).collect();
    for Member { key, .. } in &unknown {
        let help = did_you_mean(&key.value, known()).unwrap_or_else(|| {
            format!("expected one of {}", known().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "))
        });
        scope.error(Code::UnknownKey, key.span, format!("unknown key {} in `sum`", quoted(&key.value)), Some(help));
    }
    if !unknown.is_empty() {
        return None;
    }
    let of = field(scope, members, "of");
    let times = field(scope, members, "times");
    let (Ok(of), Ok(times)) = (of, times) else { return None };
    if of.is_none() && times.is_some() {
        let help = Some(format!("for example, `{EXAMPLE}`"));
        scope.error(Code::MissingKey, used.operand.span, "`times` needs `of`", help);
        return None;
    }
    let comparisons: Vec<Member<'_>> =
        members.iter().filter(|member| !matches!(member.key.value.as_ref(), "of" | "times")).cloned().collect();
    if comparisons.is_empty() {
        let help = Some(format!("for example, `{EXAMPLE}`"));
        scope.error(Code::Empty, used.operand.span, "`sum` compares with nothing", help);
        return None;
    }
    let sum = Sum { of: of.unwrap_or_default(), times };
    let id = scope.sums.iter().position(|known| *known == sum).unwrap_or_else(|| {
        scope.sums.push(sum);
        scope.sums.len() - 1
    });
    let subject = used.subject.facet(Facet::Sum(id));
    operators(scope, &subject, used.operand, &comparisons, Some(&COMPARISONS))
}

/// The field of an element that a key of the operand names, if it is there; an error where that is broken.
fn field(scope: &mut Scope<'_>, members: &[Member<'_>], name: &str) -> Result<Option<Vec<String>>, ()> {
    let Some(Member { value, .. }) = members.iter().find(|member| member.key.value == name) else { return Ok(None) };
    let Node { kind: Kind::String(text), span, .. } = value else {
        let message = format!("`{name}` expects a field of an element, found {}", value.describe());
        scope.error(Code::Operand, first_of(value), message, Some("for example, `.price`".to_owned()));
        return Err(());
    };
    let steps = scope.field(Spanned { value: text, span: *span }).ok_or(())?;
    let keys = steps.into_iter().filter_map(|step| match step {
        Step::Key(key) => Some(key),
        Step::Element | Step::Facet(_) => None,
    });
    Ok(Some(keys.collect()))
}
