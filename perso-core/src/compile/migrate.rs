//! From a document of the first perso to today's form.

use super::{CompileError, compile};
use crate::check;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::span::Span;

/// A document of the first perso in today's form.
#[derive(Debug, Clone)]
pub struct Migrated {
    /// The policy as JSON text, which compiles to the same decisions: the same for the same document.
    pub text: String,
    /// What is legal but likely wrong, and where today's meaning is stricter. Places are in the document as it was.
    pub warnings: Vec<Diagnostic>,
}

/// Puts a document of the first perso (`"version": "perso-1.0.0"`) in today's form. `None` for another document.
///
/// # Errors
///
/// [`CompileError`] with everything that keeps the document from being compiled, or that is over a limit only in today's
/// form.
///
/// ```
/// let old = r#"{
///     "version": "perso-1.0.0",
///     "default_action": "Deny",
///     "rules": [
///         { "tool_name": "process_refund", "roles": ["agent"],
///           "condition": { "NumericCheck": { "source": "Arguments", "field": "amount", "op": "Lte", "value": 500 } } }
///     ]
/// }"#;
/// let migrated = perso_core::migrate(old)?.expect("a document of the first perso");
/// assert!(migrated.text.contains(r#""when": { "args.amount": { "lte": 500 } }"#));
/// assert!(perso_core::migrate(&migrated.text)?.is_none());
/// # Ok::<(), perso_core::CompileError>(())
/// ```
pub fn migrate(text: &str) -> Result<Option<Migrated>, CompileError> {
    let error = |diagnostics| CompileError { diagnostics, text: text.to_owned() };
    let Some(today) = check::legacy::rewritten(text).map_err(error)? else { return Ok(None) };
    let warnings = compile(text)?.warnings;
    // It has the same rules, but could have more values than a document may.
    let wrong = check::check(&today).diagnostics.into_iter().find(|finding| finding.severity == Severity::Error);
    match wrong {
        None => Ok(Some(Migrated { text: today, warnings })),
        Some(wrong) => {
            let message = format!("in today's form: {}", wrong.message);
            Err(error(vec![Diagnostic::new(Code::Limit, Span::default(), message)]))
        }
    }
}
