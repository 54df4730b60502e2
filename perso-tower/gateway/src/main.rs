//! The `perso-gateway` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    perso_gateway::cli::run()
}
