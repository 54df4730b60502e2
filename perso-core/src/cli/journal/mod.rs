//! `perso log`: reads what a journal has of decisions, and verifies it.

mod line;
mod ocsf;
mod show;
mod summary;
mod verify;

use super::failure::Failure;
use crate::journal::JournalError;
use clap::Subcommand;

/// Read the decisions in a journal, and verify it
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  perso log show /var/lib/perso/journal --decision deny --follow
  perso log summary /var/lib/perso/journal --since 2026-11-30
  perso log verify /var/lib/perso/journal --keys journal-key.pub")]
pub(crate) enum Log {
    Show(show::Show),
    Summary(summary::Summary),
    Verify(verify::Verify),
}

impl Log {
    pub(crate) fn run(&self) -> Result<u8, Failure> {
        match self {
            Self::Show(show) => show.run(),
            Self::Summary(summary) => summary.run(),
            Self::Verify(verify) => verify.run(),
        }
    }
}

impl From<JournalError> for Failure {
    fn from(error: JournalError) -> Self {
        Self::because(error.to_string())
    }
}
