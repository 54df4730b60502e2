//! `email_domain`: the string is one e-mail address, with nothing around it, of one of some domains.

use super::name::{self, Names};
use super::{Operator, refuse_on_name};
use crate::policy::Facet;

pub(super) const OPERATORS: &[Operator] = &[Operator {
    name: "email_domain",
    takes_roles: false,
    meaning: |scope, used| {
        if refuse_on_name(scope, used) {
            return None;
        }
        let domains = scope.texts(used.name, "a domain", used.operand)?;
        name::like(scope, &DOMAINS, &used.subject.facet(Facet::Domain), &domains)
    },
}];

/// What may stand behind the `@` of an address that is at most 254 bytes long.
const DOMAINS: Names = Names { what: "email domain", max: 252, underscore: false, exact };

fn exact(names: &Names, text: &str) -> Result<String, name::Refusal> {
    if let Some((_, domain)) = text.rsplit_once('@') {
        let help = (!domain.is_empty()).then(|| format!("write only the part after the `@`: `{domain}`"));
        return Err(("it contains an `@`".to_owned(), help));
    }
    let domain = names.name(text)?;
    if !domain.contains('.') {
        return Err(("it has only one label".to_owned(), None));
    }
    Ok(domain)
}
