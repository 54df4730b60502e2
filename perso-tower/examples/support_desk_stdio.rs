//! The same support desk over stdio, where one process serves one caller. You name the caller on the command line.
//!
//! ```sh
//! perso compile policies/support-desk.json -o support.wasm
//! cargo run -p perso-tower --example support_desk_stdio -- support.wasm agt-099 agent
//! ```

#[path = "common/desk.rs"]
mod desk;

use desk::Desk;
use perso_tower::{Agent, Guard, Policy, StaticAgent};
use rmcp::ServiceExt;
use rmcp::transport::stdio;
use std::error::Error;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let mut args = std::env::args().skip(1);
    let usage = "usage: support_desk_stdio MODULE AGENT [ROLE ...]";
    let policy = Policy::load(args.next().ok_or(usage)?)?;
    let agent = Agent::new(args.next().ok_or(usage)?).roles(args);

    let desk = Desk::new();
    let service = desk.clone().guarded(policy).agent_source(StaticAgent(agent)).resource(desk).serve(stdio()).await?;
    service.waiting().await?;
    Ok(())
}
