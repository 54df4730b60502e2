//! `matches`: the whole string matches one of some regular expressions.

use regex_syntax::{Error, ast, hir};

use super::super::scope::{Scope, any_of};
use super::glob::is_short;
use super::{Operator, Use};
use crate::diagnostic::{Code, quoted};
use crate::policy::{self, Condition, Pattern};
use crate::syntax::Spanned;

pub(super) const OPERATORS: &[Operator] = &[Operator { name: "matches", takes_roles: false, meaning }];

fn meaning(scope: &mut Scope<'_>, used: &Use<'_>) -> Option<Condition> {
    let expressions = scope.texts(used.name, "a regular expression", used.operand)?;
    let mut tests = Vec::with_capacity(expressions.len());
    for expression in &expressions {
        if is_expression(scope, *expression) {
            let pattern = Pattern::Regex(expression.value.to_owned());
            tests.push(scope.test(used.subject, policy::Operator::Matches(pattern), expression.span));
        }
    }
    (tests.len() == expressions.len()).then(|| any_of(tests))
}

/// Whether a text is a regular expression; reports it where it is not.
fn is_expression(scope: &mut Scope<'_>, text: Spanned<&str>) -> bool {
    if !is_short(scope, text) {
        return false;
    }
    let (at, what, help) = match regex_syntax::parse(text.value) {
        Ok(parsed) if parsed.properties().look_set().contains_word_unicode() => {
            let at = text.value.find("\\b").or_else(|| text.value.find("\\B")).unwrap_or_default();
            (
                at,
                "Unicode word boundaries are not supported".to_owned(),
                Some("use `(?-u:\\b)`, an ASCII word boundary"),
            )
        }
        Ok(_) => return true,
        Err(Error::Parse(error)) => (error.span().start.offset, error.kind().to_string(), parse_help(error.kind())),
        Err(Error::Translate(error)) => {
            (error.span().start.offset, error.kind().to_string(), translate_help(error.kind()))
        }
        Err(_) => (0, "not a valid regular expression".to_owned(), None),
    };
    let message = format!("{}: {what}", quoted(text.value));
    scope.error(Code::Operand, scope.inside(text, at), message, help.map(str::to_owned));
    false
}

fn parse_help(kind: &ast::ErrorKind) -> Option<&'static str> {
    match kind {
        ast::ErrorKind::UnsupportedLookAround => {
            Some("use two tests: `all` of two patterns, or `not` around one of them")
        }
        ast::ErrorKind::UnsupportedBackreference => {
            Some("matching takes linear time, which backreferences do not allow")
        }
        ast::ErrorKind::EscapeUnrecognized => {
            Some("a backslash must come before punctuation, or start a class such as `\\d`")
        }
        ast::ErrorKind::RepetitionMissing => Some("`*` repeats what comes before it; use `.*` to match any characters"),
        _ => None,
    }
}

fn translate_help(kind: &hir::ErrorKind) -> Option<&'static str> {
    match kind {
        hir::ErrorKind::InvalidUtf8 => Some("`(?-u:…)` can only contain what matches ASCII"),
        _ => None,
    }
}
