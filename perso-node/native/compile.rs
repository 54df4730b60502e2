//! The compiler.

use napi::bindgen_prelude::Buffer;
use napi_derive::napi;
use perso_core::diagnostic::{Diagnostic, Source};

/// What came of a policy's text.
#[napi(object)]
pub struct Compiled {
    /// The module; nothing, where the text has errors.
    pub module: Option<Buffer>,
    /// The errors, for people to read; nothing, where there are none.
    pub message: Option<String>,
    /// Every finding, warnings among them, as JSON: what `perso compile --format json` prints.
    pub diagnostics: String,
}

/// Compiles a policy's text.
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
