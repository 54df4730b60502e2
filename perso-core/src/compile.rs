//! The whole compiler: from a policy's text to a module.

mod examples;
mod guarantees;
mod migrate;

pub(crate) use guarantees::Guarantees;
pub use migrate::{Migrated, migrate};

use crate::check::{self, Checked};
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::documents::{Documents, Resolver};
use crate::engine::Policy;
use crate::error::CompileError;
use crate::span::Span;
use crate::{emit, lint, plan, policy as checked};

/// What a policy was compiled to.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Compiled {
    /// The module's bytes: the same for the same texts and compiler.
    pub module: Vec<u8>,
    /// What is legal but likely wrong.
    pub warnings: Vec<Diagnostic>,
    /// The texts that the warnings are about. [`Source::of`](crate::diagnostic::Source::of) shows them.
    pub documents: Documents,
}

/// Compiles a policy that extends no other documents. For one that does, use [`compile_with`], or
/// [`Policy::load`] for a file.
///
/// # Errors
///
/// [`CompileError`] with everything that is wrong with the text, failing examples included. `extends` is an error.
pub fn compile(text: &str) -> Result<Compiled, CompileError> {
    finish(check::check(text), &Guarantees::Prove(&|_, _| {}))
}

/// Compiles a policy that may extend other documents, which the resolver finds.
///
/// # Errors
///
/// [`CompileError`] with everything that is wrong with the texts, failing examples included, and what the resolver does not
/// find.
///
/// ```
/// use perso_core::{Call, Policy, compile_with};
/// use std::collections::HashMap;
///
/// let documents = HashMap::from([(
///     "org.json".to_owned(),
///     r#"{ "perso": 1, "rules": [{ "id": "no-secrets", "deny": "read_secrets" }] }"#.to_owned(),
/// )]);
/// let team = r#"{ "perso": 1, "extends": "org.json", "rules": [{ "id": "read", "allow": "read_*" }] }"#;
/// let policy = Policy::from_module(compile_with(team, &documents)?.module)?;
/// assert!(policy.decide(&Call::new("read_mail")).is_allowed());
/// assert_eq!(policy.decide(&Call::new("read_secrets")).rule, Some("no-secrets"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn compile_with(text: &str, resolver: &dyn Resolver) -> Result<Compiled, CompileError> {
    compile_as(text, resolver, &Guarantees::Prove(&|_, _| {}))
}

/// As [`compile_with`], with a choice of what is done with the guarantees.
pub(crate) fn compile_as(
    text: &str,
    resolver: &dyn Resolver,
    guarantees: &Guarantees<'_>,
) -> Result<Compiled, CompileError> {
    finish(check::check_with(text, resolver), guarantees)
}

/// The module of a checked policy.
fn finish(checked: Checked, proofs: &Guarantees<'_>) -> Result<Compiled, CompileError> {
    let Checked { policy, examples: own, guarantees, extended, mut diagnostics, documents } = checked;
    let Some(policy) = policy else { return Err(CompileError { diagnostics, documents }) };
    diagnostics.extend(warnings(&policy, &documents));
    diagnostics.extend(examples::run(&policy, &own));
    diagnostics.extend(extended.iter().flat_map(|(policy, own)| examples::run(policy, own)));
    diagnostics.extend(guarantees.iter().flat_map(|guarantees| proofs.findings(&policy, guarantees)));
    diagnostics.sort_by_key(|diagnostic| (diagnostic.span, diagnostic.code));
    if diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error) {
        return Err(CompileError { diagnostics, documents });
    }
    let plan = match plan::build(&policy) {
        Ok(plan) => plan,
        Err(errors) => {
            diagnostics.extend(errors);
            return Err(CompileError { diagnostics, documents });
        }
    };
    let module = emit::module(&policy, &plan, &documents);
    Ok(Compiled { module, warnings: diagnostics, documents })
}

/// The module of a policy that is not as its documents say; `None` if it cannot have one.
pub(crate) fn policy(policy: &checked::Policy, documents: &Documents) -> Option<Policy> {
    let plan = plan::build(policy).ok()?;
    Policy::from_module(emit::module(policy, &plan, documents)).ok()
}

/// The warnings about a policy. What is unused in a document that it extends, or has no effect because of a rule in another
/// document, is left out: other policies extend that document, too.
fn warnings(policy: &checked::Policy, documents: &Documents) -> Vec<Diagnostic> {
    let place = |span: Span| documents.at(span.start);
    let is_for_others = |warning: &Diagnostic| match warning.code {
        Code::UnusedRole
        | Code::UnusedTool
        | Code::UnusedDefinition
        | Code::UnallowedRequest
        | Code::UnallowedLimit => true,
        Code::Covered | Code::Overridden => warning.labels.iter().any(|label| place(label.span) != place(warning.span)),
        _ => false,
    };
    let mut warnings = lint::warnings(policy);
    warnings.retain(|warning| place(warning.span) == documents.main() || !is_for_others(warning));
    warnings
}

impl Policy {
    /// Compiles a policy that extends no other documents, and loads it. Warnings are dropped; [`compile`] has them.
    ///
    /// # Errors
    ///
    /// [`CompileError`].
    pub fn compile(text: &str) -> Result<Self, CompileError> {
        Self::from_compiled(compile(text)?)
    }

    /// Compiles a policy that may extend other documents, and loads it. Warnings are dropped; [`compile_with`] has them.
    ///
    /// # Errors
    ///
    /// [`CompileError`].
    ///
    /// ```no_run
    /// use perso_core::{Folder, Policy};
    ///
    /// let text = std::fs::read_to_string("teams/mail.json")?;
    /// let policy = Policy::compile_with(&text, &Folder::of("teams/mail.json").include("shared"))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn compile_with(text: &str, resolver: &dyn Resolver) -> Result<Self, CompileError> {
        Self::from_compiled(compile_with(text, resolver)?)
    }

    fn from_compiled(compiled: Compiled) -> Result<Self, CompileError> {
        let Compiled { module, documents, .. } = compiled;
        Self::from_module(module).map_err(|failure| {
            let place = Span { start: documents.get(documents.main()).0, end: documents.get(documents.main()).0 };
            let diagnostics = vec![Diagnostic::new(Code::Module, place, failure.to_string())];
            CompileError { diagnostics, documents }
        })
    }
}
