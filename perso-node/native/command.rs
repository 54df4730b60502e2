//! The `perso` command.

use napi_derive::napi;
use std::ffi::OsString;

/// Runs the `perso` command and returns its exit code. The first argument is the program's name.
#[napi]
pub fn command(arguments: Vec<String>) -> u8 {
    perso_core::cli::run(arguments.into_iter().map(OsString::from))
}
