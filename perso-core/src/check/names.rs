//! What names, ids and reasons may hold, and how long they may be.

use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::syntax::Spanned;

/// The longest id of a rule, in bytes.
pub(super) const MAX_ID: usize = 128;
/// The longest reason, in bytes.
pub(super) const MAX_REASON: usize = 1024;
/// The longest tool name or pattern, in bytes.
pub(super) const MAX_TOOL: usize = 256;
/// The longest label, in bytes.
pub(super) const MAX_LABEL: usize = 128;
/// The longest name of a role, in bytes.
pub(super) const MAX_ROLE: usize = 256;

/// Reports what is wrong with a text that will be shown or compared; whether it is in order.
pub(super) fn check(what: &str, text: Spanned<&str>, max: usize, diagnostics: &mut Diagnostics) -> bool {
    let error = if text.value.is_empty() {
        Diagnostic::new(Code::Empty, text.span, format!("{what} is empty"))
    } else if text.value.len() > max {
        let message = format!("{what} is {} bytes long; at most {max} are allowed", text.value.len());
        Diagnostic::new(Code::Limit, text.span, message)
    } else if let Some(control) = text.value.chars().find(|c| c.is_control()) {
        let message = format!("{what} contains a control character (U+{:04X})", u32::from(control));
        Diagnostic::new(Code::Name, text.span, message)
    } else {
        return true;
    };
    diagnostics.push(error);
    false
}
