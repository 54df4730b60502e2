//! The options of commands that record decisions.

use super::{Arguments, JournalError, Recorder, Settings, Signer, Writing};
use clap::{Args, ValueEnum};
use std::io;
use std::path::{Path, PathBuf, absolute};

/// The options of commands that record decisions: `--journal` and others.
#[derive(Debug, Args)]
#[command(next_help_heading = "The journal")]
pub struct Options {
    /// Record each decision in the journal in this directory; `perso log` reads it
    #[arg(long, value_name = "DIRECTORY")]
    journal: Option<PathBuf>,
    /// Sign checkpoints of the journal with this Ed25519 key, made by `ssh-keygen -t ed25519 -N ''`
    #[arg(long, value_name = "FILE", requires = "journal")]
    journal_key: Option<PathBuf>,
    /// Copy checkpoints to this file
    #[arg(long, value_name = "FILE", requires = "journal_key")]
    journal_checkpoints: Option<PathBuf>,
    /// What to record of the arguments: nothing, their SHA-256, those that the policy reads, or all
    #[arg(long, value_enum, default_value = "digest", requires = "journal")]
    journal_args: Kept,
    /// Never record this argument: keys with points between them, such as `card.number` (repeatable)
    #[arg(long, value_name = "PATH", requires = "journal")]
    journal_mask: Vec<String>,
    /// Record this attribute of the caller (repeatable)
    #[arg(long, value_name = "NAME", default_values = ["id"], requires = "journal")]
    journal_agent: Vec<String>,
    /// Deny calls whose decision cannot be recorded
    #[arg(long, requires = "journal")]
    journal_required: bool,
    /// Have each decision on the disk before the call runs
    #[arg(long, requires = "journal")]
    journal_durable: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kept {
    None,
    Digest,
    Read,
    All,
}

impl Options {
    /// Whether calls are denied whose decision cannot be recorded.
    #[must_use]
    pub const fn is_required(&self) -> bool {
        self.journal_required
    }

    /// The journal, if there is to be one. `brief` says whether the process ends after a few lines.
    ///
    /// # Errors
    ///
    /// If the journal or its key cannot be used.
    pub fn open(&self, brief: bool) -> Result<Option<Recorder>, JournalError> {
        let Some(folder) = &self.journal else { return Ok(None) };
        let mut writing = Writing::default();
        writing.signer = self.journal_key.as_deref().map(Signer::read).transpose()?;
        writing.checkpoints.clone_from(&self.journal_checkpoints);
        writing.durable = self.journal_durable;
        writing.brief = brief;
        let args = match self.journal_args {
            Kept::None => Arguments::None,
            Kept::Digest => Arguments::Digest,
            Kept::Read => Arguments::Read,
            Kept::All => Arguments::All,
        };
        let settings = Settings {
            args,
            mask: self.journal_mask.clone(),
            agent: self.journal_agent.clone(),
            required: self.journal_required,
            writing,
        };
        Ok(Some(Recorder::open(folder, settings)?))
    }

    /// The words of a command that records the same, with absolute paths.
    ///
    /// # Errors
    ///
    /// If a path cannot be made absolute.
    pub fn words(&self) -> io::Result<Vec<String>> {
        let mut words = Vec::new();
        let mut add = |option: &str, value: String| words.extend([format!("--journal{option}"), value]);
        let path = |path: &Path| absolute(path).map(|path| path.display().to_string());
        let Some(folder) = &self.journal else { return Ok(words) };
        add("", path(folder)?);
        for (option, file) in [("-key", &self.journal_key), ("-checkpoints", &self.journal_checkpoints)] {
            if let Some(file) = file {
                add(option, path(file)?);
            }
        }
        if let Some(kept) = self.journal_args.to_possible_value().filter(|_| self.journal_args != Kept::Digest) {
            add("-args", kept.get_name().to_owned());
        }
        self.journal_mask.iter().for_each(|mask| add("-mask", mask.clone()));
        if self.journal_agent != ["id"] {
            self.journal_agent.iter().for_each(|name| add("-agent", name.clone()));
        }
        words.extend(self.journal_required.then(|| "--journal-required".to_owned()));
        words.extend(self.journal_durable.then(|| "--journal-durable".to_owned()));
        Ok(words)
    }
}
