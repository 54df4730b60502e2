//! From a legacy policy to the current form.

use super::compile;
use crate::check;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::documents::Documents;
use crate::error::CompileError;
use crate::span::Span;

/// A legacy policy in the current form.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Migrated {
    /// The policy as JSON text, which compiles to the same decisions. The same document always gives the same text.
    pub text: String,
    /// Likely mistakes, and places where the current form is stricter. Spans refer to the legacy document.
    pub warnings: Vec<Diagnostic>,
}

/// Converts a legacy policy (`"version": "perso-1.0.0"`) to the current form. Returns `None` for any other document.
///
/// # Errors
///
/// [`CompileError`] with everything that keeps the document from compiling, or that exceeds a limit only after the
/// conversion.
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
/// let migrated = perso_core::migrate(old)?.expect("a legacy policy");
/// assert!(migrated.text.contains(r#""when": { "args.amount": { "lte": 500 } }"#));
/// assert!(perso_core::migrate(&migrated.text)?.is_none());
/// # Ok::<(), perso_core::CompileError>(())
/// ```
pub fn migrate(text: &str) -> Result<Option<Migrated>, CompileError> {
    let error = |diagnostics| CompileError { diagnostics, documents: Documents::one(text) };
    let Some(today) = check::legacy::rewritten(text).map_err(error)? else { return Ok(None) };
    let warnings = compile(text)?.warnings;
    // It has the same rules, but could have more values than a document may.
    let wrong = check::check(&today).diagnostics.into_iter().find(|finding| finding.severity == Severity::Error);
    match wrong {
        None => Ok(Some(Migrated { text: today, warnings })),
        Some(wrong) => {
            let message = format!("in the migrated policy: {}", wrong.message);
            Err(error(vec![Diagnostic::new(Code::Limit, Span::default(), message)]))
        }
    }
}
