//! The whole compiler: from a policy's text to a module.

mod examples;
mod migrate;

pub use migrate::{Migrated, migrate};

use crate::check;
use crate::diagnostic::{Diagnostic, Severity, Source};
use crate::engine::Policy;
use crate::{analyze, emit, plan};
use std::fmt;

/// What a policy was compiled to.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Compiled {
    /// The module's bytes: the same for the same text and compiler.
    pub module: Vec<u8>,
    /// What is legal but likely wrong.
    pub warnings: Vec<Diagnostic>,
}

/// Why a policy cannot be compiled: every error of it, and its warnings.
///
/// Displays as the diagnostics with the policy's lines underlined.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CompileError {
    /// The findings, in the order of the text; at least one is an error.
    pub diagnostics: Vec<Diagnostic>,
    text: String,
}

impl fmt::Display for CompileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let source = Source::new("policy", &self.text);
        let rendered = self.diagnostics.iter().map(|diagnostic| source.render(diagnostic, false));
        f.write_str(rendered.collect::<Vec<_>>().join("\n").trim_end())
    }
}

impl std::error::Error for CompileError {}

/// Compiles a policy.
///
/// # Errors
///
/// [`CompileError`] with everything that is wrong with the text, failing examples included.
pub fn compile(text: &str) -> Result<Compiled, CompileError> {
    let checked = check::check(text);
    let error = |diagnostics| CompileError { diagnostics, text: text.to_owned() };
    let Some(policy) = checked.policy else { return Err(error(checked.diagnostics)) };
    let mut diagnostics = checked.diagnostics;
    diagnostics.extend(analyze::warnings(&policy));
    diagnostics.extend(examples::run(&policy, &checked.examples));
    diagnostics.sort_by_key(|diagnostic| (diagnostic.span, diagnostic.code));
    if diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error) {
        return Err(error(diagnostics));
    }
    let plan = match plan::build(&policy) {
        Ok(plan) => plan,
        Err(errors) => {
            let mut diagnostics = diagnostics;
            diagnostics.extend(errors);
            return Err(error(diagnostics));
        }
    };
    let module = emit::module(&policy, &plan, text);
    Ok(Compiled { module, warnings: diagnostics })
}

impl Policy {
    /// Compiles a policy and loads it. Warnings are dropped; [`compile`] has them.
    ///
    /// # Errors
    ///
    /// [`CompileError`].
    pub fn compile(text: &str) -> Result<Self, CompileError> {
        let compiled = compile(text)?;
        Self::from_module(compiled.module).map_err(|failure| CompileError {
            diagnostics: vec![Diagnostic::new(
                crate::diagnostic::Code::Module,
                crate::span::Span::default(),
                failure.to_string(),
            )],
            text: text.to_owned(),
        })
    }
}
