//! Names of hosts and of domains, and patterns of them.

use super::super::scope::{Scope, Subject, any_of};
use crate::diagnostic::{Code, quoted};
use crate::policy::{self, Condition, Operand, Pattern, Value};
use crate::syntax::Spanned;

/// Why a text cannot stand here, and what to write.
pub(super) type Refusal = (String, Option<String>);

/// What kind of names.
pub(super) struct Names {
    /// What one of them is: `a host`.
    pub(super) what: &'static str,
    /// The longest, in bytes.
    pub(super) max: usize,
    /// Whether `_` may be in them.
    pub(super) underscore: bool,
    /// The canonical form of one without wildcards.
    pub(super) exact: fn(&Names, &str) -> Result<String, Refusal>,
}

/// The name is one of some, or like one of some patterns.
pub(super) fn like(
    scope: &mut Scope<'_>,
    names: &Names,
    subject: &Subject,
    texts: &[Spanned<&str>],
) -> Option<Condition> {
    let first = texts.first()?.span;
    let (mut exact, mut tests, mut broken) = (Vec::new(), Vec::new(), false);
    for text in texts {
        let read = if is_pattern(text.value) {
            names.pattern(text.value).map(|glob| {
                let pattern = Pattern::Glob { text: glob, separator: '.' };
                tests.push(scope.test(subject, policy::Operator::Matches(pattern), text.span));
            })
        } else {
            (names.exact)(names, text.value).map(|name| exact.push(Value::String(name)))
        };
        if let Err((why, help)) = read {
            let message = format!("{} is not a valid {}: {why}", quoted(text.value), names.what);
            scope.error(Code::Operand, text.span, message, help);
            broken = true;
        }
    }
    if broken {
        return None;
    }
    if let Some(operator) = one_of(exact) {
        tests.insert(0, scope.test(subject, operator, first));
    }
    Some(any_of(tests))
}

/// `eq` for one value, `in` for several.
pub(super) fn one_of(mut values: Vec<Value>) -> Option<policy::Operator> {
    match values.len() {
        0 => None,
        1 => values.pop().map(|only| policy::Operator::Eq(Operand::Literal(only))),
        _ => Some(policy::Operator::In(values)),
    }
}

fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?'])
}

impl Names {
    /// The canonical form of a name.
    pub(super) fn name(&self, text: &str) -> Result<String, Refusal> {
        self.labels(text, false)?;
        let last = text.rsplit('.').next().unwrap_or_default();
        if last.bytes().all(|byte| byte.is_ascii_digit()) || last.starts_with("0x") || last.starts_with("0X") {
            return Err(("a name cannot end in a number".to_owned(), None));
        }
        Ok(text.to_ascii_lowercase())
    }

    /// The canonical form of a pattern of names.
    fn pattern(&self, text: &str) -> Result<String, Refusal> {
        if text == "**" {
            return Ok(text.to_owned());
        }
        self.labels(text, true)?;
        let mut labels = text.rsplit('.');
        let (last, before) = (labels.next().unwrap_or_default(), labels.next());
        if last.bytes().all(|byte| byte.is_ascii_digit())
            || text.starts_with(|c: char| c.is_ascii_digit()) && !text.contains(|c: char| c.is_ascii_alphabetic())
        {
            return Err(("patterns match names, not addresses".to_owned(), None));
        }
        if is_pattern(last) {
            return Err((
                "anyone can register a name with another ending".to_owned(),
                Some("write the last label without a wildcard, as in `*.acme.com`; `**` matches every name".to_owned()),
            ));
        }
        if let (Some(label), None) = (before, labels.next())
            && label.starts_with('*')
            && !label.ends_with('*')
        {
            let name = format!("{}.{last}", label.trim_start_matches('*').trim_start_matches('-'));
            let help = format!("use `**.{name}` for subdomains, and `{name}` for the domain itself");
            return Err((format!("it also matches `evil{}.{last}`", label.trim_start_matches('*')), Some(help)));
        }
        Ok(text.to_ascii_lowercase())
    }

    /// What is refused in names and in patterns.
    fn labels(&self, text: &str, wildcards: bool) -> Result<(), Refusal> {
        let plain = |why: &str| Err((why.to_owned(), None));
        if text.is_empty() {
            return plain("it is empty");
        }
        if text.len() > self.max {
            return Err((format!("it is longer than {} bytes", self.max), None));
        }
        if !text.is_ascii() {
            let help = "write the ASCII form of the name, which starts with `xn--`".to_owned();
            return Err(("it contains a non-ASCII character".to_owned(), Some(help)));
        }
        if text.contains("***") {
            return plain("it contains three `*` in a row");
        }
        let is_of_name = |c: char| {
            c.is_ascii_alphanumeric()
                || matches!(c, '-' | '.')
                || c == '_' && self.underscore
                || wildcards && is_pattern_char(c)
        };
        if let Some(c) = text.chars().find(|c| !is_of_name(*c)) {
            let c = if c.is_ascii_control() { '\u{fffd}' } else { c };
            return Err((format!("a name cannot contain `{c}`"), None));
        }
        for label in text.split('.') {
            if label.is_empty() {
                return plain("it has an empty label");
            }
            if label.len() > 63 {
                return plain("it has a label longer than 63 bytes");
            }
            if label.starts_with('-') || label.ends_with('-') {
                return plain("it has a label that starts or ends with `-`");
            }
        }
        Ok(())
    }
}

fn is_pattern_char(c: char) -> bool {
    matches!(c, '*' | '?')
}
