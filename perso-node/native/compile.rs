//! The compiler.

use napi::bindgen_prelude::Buffer;
use napi_derive::napi;
use perso_core::diagnostic::{Diagnostic, Source};

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

/// Compiles a policy's JSON text.
#[napi]
pub fn compile(text: String) -> Compiled {
    match perso_core::compile(&text) {
        Ok(compiled) => Compiled {
            module: Some(compiled.module.into()),
            message: None,
            diagnostics: records(&text, &compiled.warnings),
        },
        Err(error) => {
            Compiled { module: None, message: Some(error.to_string()), diagnostics: records(&text, &error.diagnostics) }
        }
    }
}

fn records(text: &str, found: &[Diagnostic]) -> String {
    let source = Source::new("policy", text);
    let records: Vec<_> = found.iter().map(|finding| source.record(finding)).collect();
    serde_json::to_string(&records).unwrap_or_else(|_| "[]".to_owned())
}
