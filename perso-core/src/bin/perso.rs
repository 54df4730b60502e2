//! The `perso` command. What it does is in [`perso_core::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(perso_core::cli::run(std::env::args_os()))
}
