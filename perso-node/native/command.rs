//! The `perso` command, as the package brings it along.

use napi_derive::napi;
use std::ffi::OsString;

/// Does what the command's arguments say, the first of which is the program's name, and returns the exit code.
#[napi]
pub fn command(arguments: Vec<String>) -> u8 {
    perso_core::cli::run(arguments.into_iter().map(OsString::from))
}
