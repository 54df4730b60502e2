//! `perso-gateway approve`: looks at the servers' tools, and approves them as they are.

use super::{Failure, block_on};
use crate::config::{self, SEPARATOR};
use crate::gateway::{Caller, Gateway, Memory, Session};
use crate::pins::Pins;
use clap::Args;
use perso_tower::{Agent, Policy, PolicyHandle, ledger};
use rmcp::ServiceExt;
use rmcp::model::Tool;
use std::fs;
use std::io::{self, IsTerminal};
use std::path::PathBuf;

/// Approve the servers' tools as they are now
///
/// Shows each tool that is new or has changed, and asks before it writes.
#[derive(Debug, Args)]
pub(super) struct Approve {
    /// The servers: a file with `mcpServers`
    #[arg(long, value_name = "FILE")]
    servers: PathBuf,
    /// The file of approved tools, for `perso-gateway --pins`
    #[arg(long, value_name = "FILE")]
    pins: PathBuf,
    /// Write without asking
    #[arg(long)]
    yes: bool,
}

impl Approve {
    pub(super) fn run(&self) -> Result<(), Failure> {
        let servers = config::servers(&self.servers)?;
        let before = Pins::read(&self.pins)?;
        let tools = block_on(tools(servers))??;
        let mut after = Pins::default();
        for tool in &tools {
            after.approve(tool)?;
        }
        for tool in tools.iter().filter(|tool| !before.approves(tool)) {
            let what = if before.has(&tool.name) { "changed" } else { "new" };
            anstream::println!("{what} {}", perso_core::visible(&tool.name));
            for line in tool.description.as_deref().unwrap_or_default().lines() {
                anstream::println!("    {}", perso_core::visible(line));
            }
            anstream::println!("    {}", perso_core::visible(&serde_json::to_string(&tool.input_schema)?));
        }
        for gone in before.names().filter(|name| !after.has(name)) {
            anstream::println!("gone {}", perso_core::visible(gone));
        }
        if before == after {
            anstream::eprintln!("nothing has changed");
            return Ok(());
        }
        if !self.yes {
            if !io::stdin().is_terminal() {
                return Err("nothing was approved; `--yes` approves without asking".into());
            }
            anstream::eprint!("Approve this? [y/N] ");
            let mut answer = String::new();
            io::stdin().read_line(&mut answer)?;
            if !matches!(answer.trim(), "y" | "Y" | "yes") {
                return Err("nothing was approved".into());
            }
        }
        fs::write(&self.pins, after.text())?;
        anstream::eprintln!("written {}", self.pins.display());
        Ok(())
    }
}

/// The tools of all servers, as clients see them, without a guard in between.
async fn tools(servers: Vec<config::Server>) -> Result<Vec<Tool>, Failure> {
    let names: Vec<String> = servers.iter().map(|server| server.name.clone()).collect();
    // Lists show what a rule is about; here everything has to be seen.
    let all = Policy::compile(r#"{ "perso": 1, "default": "allow", "rules": [] }"#)
        .map_err(|_| "the policy does not compile")?;
    let caller = Caller::Fixed(Agent::anonymous());
    let memory = Memory {
        ledger: ledger::open("memory:")?,
        session: Session::Mcp,
        approval_wait: None,
        journal: None,
        elicits: false,
    };
    let gateway = Gateway::new(servers, PolicyHandle::from(all), caller, memory, None, 1);
    let (client, server) = tokio::io::duplex(1 << 16);
    let service = gateway.service();
    tokio::spawn(async move {
        if let Ok(running) = service.serve(server).await {
            let _ = running.waiting().await;
        }
    });
    let client = ().serve(client).await?;
    let tools = client.list_all_tools().await?;
    if names.len() > 1 {
        for name in names {
            if !tools.iter().any(|tool| tool.name.starts_with(&format!("{name}{SEPARATOR}"))) {
                return Err(
                    format!("the server `{name}` cannot be reached or has no tools: nothing was approved").into()
                );
            }
        }
    }
    Ok(tools)
}
