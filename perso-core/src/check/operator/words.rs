//! `words`: the string is words separated by single spaces, as OAuth writes scopes, which are tested as a list.

use super::super::scope::Scope;
use super::{Operator, Use, members, operators, refuse_on_name};
use crate::policy::{Condition, Facet};

pub(super) const OPERATORS: &[Operator] = &[Operator { name: "words", takes_roles: false, meaning }];

/// What the words can be tested with.
const LIST_OPERATORS: [&str; 7] = ["every", "some", "has", "count", "first", "at", "begins"];

const EXAMPLE: &str = r#"{"words": {"has": "files:read"}}"#;

fn meaning(scope: &mut Scope<'_>, used: &Use<'_>) -> Option<Condition> {
    if refuse_on_name(scope, used) {
        return None;
    }
    let members = members(scope, used, "tests of a list", EXAMPLE)?;
    operators(scope, &used.subject.facet(Facet::Scope), used.operand, members, Some(&LIST_OPERATORS))
}
