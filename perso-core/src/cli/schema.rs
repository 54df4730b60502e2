//! `perso schema`

use super::DONE;
use super::failure::Failure;
use clap::Args;
use std::io::{self, Write};

/// Print the JSON Schema of policies, for completion and checks in editors
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  perso schema > policy.schema.json
Then start a policy with { \"$schema\": \"policy.schema.json\", \"perso\": 1, … }.")]
pub(crate) struct Schema {}

impl Schema {
    pub(crate) fn run(&self) -> Result<u8, Failure> {
        let mut out = io::stdout().lock();
        writeln!(out, "{}", crate::schema().trim_end())?;
        Ok(DONE)
    }
}
