//! Why a policy cannot be compiled.

use crate::diagnostic::{Diagnostic, Source};
use crate::documents::Documents;
use std::fmt;

/// Why a policy cannot be compiled: every error of it, and its warnings.
///
/// Displays as the diagnostics with the policy's lines underlined.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CompileError {
    /// The findings, in the order of the text; at least one is an error.
    pub diagnostics: Vec<Diagnostic>,
    /// The texts that they are about. [`Source::of`] shows them.
    pub documents: Documents,
}

impl fmt::Display for CompileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let source = Source::of("policy", &self.documents);
        let rendered = self.diagnostics.iter().map(|diagnostic| source.render(diagnostic, false));
        f.write_str(rendered.collect::<Vec<_>>().join("\n").trim_end())
    }
}

impl std::error::Error for CompileError {}
