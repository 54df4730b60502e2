//! An addon that returns its string: what passing one costs.

use napi_derive::napi;

/// The same string.
#[napi]
pub fn echo(text: String) -> String {
    text
}
