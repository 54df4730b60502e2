//! What to say of a pattern that needs too large a table.

use super::policy::Pattern;
use crate::diagnostic::{Code, Diagnostic, quoted};
use crate::span::Span;

/// The error about a pattern whose table would take `bytes`, where at most `most` are allowed. `span` is that of its
/// test.
#[must_use]
pub fn pattern_too_large(pattern: &Pattern, span: Span, bytes: usize, most: usize) -> Diagnostic {
    let (text, help) = match pattern {
        Pattern::Glob { text, .. } => (text, "write fewer wildcards"),
        Pattern::Regex(text) => {
            (text, "write `[0-9]` for `\\d`, `(?-u:\\w)` for `\\w`, and fewer or smaller counted repetitions")
        }
    };
    let message = format!("the pattern {} needs a table of {bytes} bytes; at most {most} are allowed", quoted(text));
    Diagnostic::new(Code::Limit, span, message).help(help)
}
