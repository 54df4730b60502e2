//! An addon that returns its argument, to measure the cost of passing a string.

use napi_derive::napi;

/// Returns the string.
#[napi]
pub fn echo(text: String) -> String {
    text
}
