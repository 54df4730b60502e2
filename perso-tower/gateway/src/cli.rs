//! The command: `perso-gateway`, `perso-gateway serve`, `perso-gateway approve`, `perso-gateway wrap` and `unwrap`.

mod approve;
mod policy;
mod push;
mod serve;
mod service;

use clap::{Parser, Subcommand};
use serve::Serve;
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;

/// Guards MCP servers as they are: judges each tool call with a policy
#[derive(Debug, Parser)]
#[command(
    name = "perso-gateway",
    version,
    max_term_width = 100,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = "\
Examples:
  perso-gateway --policy policy.json --servers mcp.json
  perso-gateway --policy policy.json --servers mcp.json --listen 127.0.0.1:8000
  perso-gateway wrap mcp.json --policy policy.json

Without --listen, the gateway speaks MCP over standard input and output, so that a client can start it."
)]
struct Gateway {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: Serve,
}

#[derive(Debug, Subcommand)]
enum Command {
    // Boxed, because it is much larger than the others.
    Serve(Box<service::Serve>),
    Push(push::Push),
    Approve(approve::Approve),
    Wrap(crate::wrap::Wrap),
    Unwrap(crate::wrap::Unwrap),
}

/// Why the command could not do what it was asked.
pub(crate) type Failure = Box<dyn std::error::Error>;

/// Does what the arguments of the process say.
#[must_use]
pub fn run() -> ExitCode {
    let gateway = Gateway::parse();
    // A service makes tens of thousands of decisions a second: a journal is the place for them.
    let default =
        if matches!(gateway.command, Some(Command::Serve(_))) { "info,perso=error" } else { "info,rmcp=warn" };
    // Standard output is for MCP.
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let is_json = match &gateway.command {
        Some(Command::Serve(serve)) => serve.logs_json(),
        _ => gateway.serve.logs_json(),
    };
    if is_json {
        log.json().init();
    } else {
        log.init();
    }
    // A second one is not chosen in one process.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let done = match gateway.command {
        Some(Command::Serve(serve)) => serve.run(),
        Some(Command::Push(push)) => push.run(),
        Some(Command::Approve(approve)) => approve.run(),
        Some(Command::Wrap(wrap)) => wrap.run(),
        Some(Command::Unwrap(unwrap)) => unwrap.run(),
        None => gateway.serve.run(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            anstream::eprintln!("error: {}", perso_core::visible(&why.to_string()));
            ExitCode::FAILURE
        }
    }
}

/// Runs something that waits for others.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> Result<T, Failure> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(future))
}
