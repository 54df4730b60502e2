//! The compiler.

use napi::bindgen_prelude::{Buffer, Function};
use napi_derive::napi;
use perso_core::check::Nothing;
use perso_core::diagnostic::{Diagnostic, Source};
use perso_core::{Documents, Folder, ResolveError, Resolver};

/// The result of compiling a policy.
#[napi(object)]
pub struct Compiled {
    /// The module; absent if the policy has errors.
    pub module: Option<Buffer>,
    /// The errors as text for people; absent if there are none.
    pub message: Option<String>,
    /// All errors and warnings as JSON, in the format of `perso compile --format json`.
    pub diagnostics: String,
}

/// Compiles a policy's JSON text. `resolve` finds the documents that it extends: it gets a path, returns `=` with the text or `!`
/// with the reason why there is none, and does not throw. With `path`, the policy's file, they are read from files below its
/// folder.
#[napi]
pub fn compile(text: String, resolve: Option<Function<'_, String, String>>, path: Option<String>) -> Compiled {
    match extended(resolve, path, |resolver| perso_core::compile_with(&text, resolver)) {
        Ok(compiled) => Compiled {
            module: Some(compiled.module.into()),
            message: None,
            diagnostics: records(&compiled.documents, &compiled.warnings),
        },
        Err(error) => Compiled {
            module: None,
            message: Some(error.to_string()),
            diagnostics: records(&error.documents, &error.diagnostics),
        },
    }
}

/// Returns the files that the policy in a file consists of: its own, and those that it extends.
#[napi]
pub fn files(path: String) -> Vec<String> {
    perso_core::files(path).into_iter().map(|file| file.to_string_lossy().into_owned()).collect()
}

/// Reads a policy that may extend other documents, which are where the caller says.
pub(crate) fn extended<T>(
    resolve: Option<Function<'_, String, String>>,
    path: Option<String>,
    read: impl FnOnce(&dyn Resolver) -> T,
) -> T {
    match (resolve, path) {
        (Some(resolve), _) => read(&|path: &str| resolved(&resolve, path)),
        (None, Some(path)) => read(&Folder::of(path)),
        (None, None) => read(&Nothing),
    }
}

fn resolved(resolve: &Function<'_, String, String>, path: &str) -> Result<String, ResolveError> {
    let answer = resolve.call(path.to_owned()).map_err(|error| ResolveError::new(error.reason.clone()))?;
    match answer.strip_prefix('=') {
        Some(text) => Ok(text.to_owned()),
        None => Err(ResolveError::new(answer.strip_prefix('!').unwrap_or_default())),
    }
}

/// Findings as JSON, in the format of `perso compile --format json`.
pub(crate) fn records(documents: &Documents, found: &[Diagnostic]) -> String {
    let source = Source::of("policy", documents);
    let records: Vec<_> = found.iter().map(|finding| source.record(finding)).collect();
    serde_json::to_string(&records).unwrap_or_else(|_| "[]".to_owned())
}
