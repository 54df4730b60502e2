//! `starts_with` and `contains` where they let through more than their author means: `/srv/ann` is also how `/srv/ann2`
//! begins, `note://public/` also `note://public/../private`, and `noread` also contains `read`.

use super::super::grants::granting;
use crate::covers::request;
use crate::diagnostic::{Code, Diagnostic, Diagnostics, quoted};
use crate::policy::{Facet, Operand, Operator, Policy, Root, Rule, Step, Test, Value};

pub(super) fn warn(policy: &Policy, diagnostics: &mut Diagnostics) {
    for rule in &policy.rules {
        let tests = granting(rule);
        for test in &tests {
            let finding = match &test.operator {
                Operator::StartsWith(operand) => {
                    path_prefix(policy, &tests, test, operand).or_else(|| uri_prefix(policy, rule, test, operand))
                }
                Operator::Contains(Operand::Literal(Value::String(text))) => part_of_word(policy, test, text),
                _ => None,
            };
            if let Some(finding) = finding {
                diagnostics.push(finding);
            }
        }
    }
}

/// A directory without a `/` at its end.
fn path_prefix(policy: &Policy, tests: &[&Test], test: &Test, operand: &Operand) -> Option<Diagnostic> {
    let attribute = policy
        .attributes
        .get(test.attribute)
        .filter(|attribute| matches!(attribute.facet(), None | Some(Facet::UrlPath)))?;
    let (shown, help) = match operand {
        Operand::Literal(Value::String(text)) if is_directory(text) => (
            quoted(&format!("{text}2")),
            format!("use `within`, or end it with a slash: {}", quoted(&format!("{text}/"))),
        ),
        Operand::Ref(id) if is_path(policy, tests, &attribute.steps) => {
            let name = policy.attributes.get(*id)?.to_string();
            let help = format!("make the host end {} with a `/`", quoted(&name));
            (quoted(&name), help)
        }
        _ => return None,
    };
    let message = match operand {
        Operand::Literal(_) => format!("`starts_with` also matches {shown}"),
        Operand::Ref(_) => format!("if {shown} is `/srv/ann`, `starts_with` also matches `/srv/ann2`"),
    };
    Some(Diagnostic::new(Code::PathPrefix, test.span, message).help(help))
}

/// The beginning of a resource's URI: servers may follow a `..` behind it.
fn uri_prefix(policy: &Policy, rule: &Rule, test: &Test, operand: &Operand) -> Option<Diagnostic> {
    let Operand::Literal(Value::String(text)) = operand else { return None };
    let attribute = policy.attributes.get(test.attribute)?;
    let is_uri = attribute.root == Root::Args && matches!(&*attribute.steps, [Step::Key(key)] if key == "uri");
    let is_about_resources = [request::READ, request::SUBSCRIBE].iter().any(|request| rule.is_about_request(request));
    let has_place = text.split_once("://").is_some_and(|(_, place)| !place.is_empty());
    if !(policy.covers.resources && is_about_resources && is_uri && has_place) {
        return None;
    }
    let other = quoted(&format!("{}/../private", text.trim_end_matches('/')));
    let message = format!("`starts_with` also matches {other}, which some servers take for another resource");
    let help = "test the whole URI with `matches` or `in`, or one of the web with `url`";
    Some(Diagnostic::new(Code::PathPrefix, test.span, message).help(help))
}

/// Whether a text is an absolute path that does not end with its separator.
fn is_directory(text: &str) -> bool {
    text.len() > 1 && text.starts_with('/') && !text.ends_with('/')
}

/// Whether the tests take an attribute for a path.
fn is_path(policy: &Policy, tests: &[&Test], steps: &[Step]) -> bool {
    tests.iter().any(|test| {
        policy.attributes.get(test.attribute).is_some_and(|attribute| match attribute.steps.split_last() {
            Some((Step::Facet(Facet::Path | Facet::WindowsPath), path)) => path == steps,
            _ => false,
        })
    })
}

/// One word of what the host says of the caller: longer words contain it, too.
fn part_of_word(policy: &Policy, test: &Test, text: &str) -> Option<Diagnostic> {
    let attribute = policy.attributes.get(test.attribute).filter(|attribute| attribute.root == Root::Agent)?;
    let is_word = !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "_-.:".contains(c));
    if !is_word {
        return None;
    }
    let message =
        format!("`contains` also finds {} inside longer words, such as {}", quoted(text), quoted(&format!("no{text}")));
    let help = format!(
        "use `words` with `has` if {} is a list of words, or make the host send a list, and use `has`",
        quoted(&attribute.to_string())
    );
    Some(Diagnostic::new(Code::PartOfWord, test.span, message).help(help))
}
