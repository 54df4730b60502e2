//! `glob`: the whole string is like one of some patterns. `?` is one character and `*` any run of characters, both but
//! for `/`; `**` is any run of characters. Every other character stands for itself.

use super::super::scope::{Scope, any_of};
use super::{Operator, Use};
use crate::diagnostic::{Code, quoted};
use crate::policy::{self, Condition, Pattern};
use crate::syntax::Spanned;

pub(super) const OPERATORS: &[Operator] = &[Operator { name: "glob", takes_roles: false, meaning }];

/// The longest pattern, in bytes.
const MAX_PATTERN: usize = 1024;

fn meaning(scope: &mut Scope<'_>, used: &Use<'_>) -> Option<Condition> {
    let globs = scope.texts(used.name, "a pattern", used.operand)?;
    let mut tests = Vec::with_capacity(globs.len());
    for glob in &globs {
        if is_pattern(scope, *glob) {
            let pattern = Pattern::Glob { text: glob.value.to_owned(), separator: '/' };
            tests.push(scope.test(used.subject, policy::Operator::Matches(pattern), glob.span));
        }
    }
    (tests.len() == globs.len()).then(|| any_of(tests))
}

/// Whether a text is a pattern; reports it where it is not.
pub(super) fn is_pattern(scope: &mut Scope<'_>, text: Spanned<&str>) -> bool {
    if !is_short(scope, text) {
        return false;
    }
    let Some(at) = text.value.find("***") else { return true };
    let help = "`*` matches within a segment, `**` across segments".to_owned();
    let message = format!("{} is not a valid pattern: it contains three `*` in a row", quoted(text.value));
    scope.error(Code::Operand, scope.inside(text, at), message, Some(help));
    false
}

/// Whether a pattern is not too long; reports it where it is.
pub(super) fn is_short(scope: &mut Scope<'_>, text: Spanned<&str>) -> bool {
    let short = text.value.len() <= MAX_PATTERN;
    if !short {
        let message = format!("a pattern is {} bytes long; at most {MAX_PATTERN} are allowed", text.value.len());
        scope.error(Code::Limit, text.span, message, None);
    }
    short
}
