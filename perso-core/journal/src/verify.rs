//! Whether a journal was tampered with.

use crate::checkpoint::Checkpoint;
use crate::error::JournalError;
use crate::limits::CHECKPOINT_LINES;
use crate::line::{self, Place, Read, hex};
use crate::read::{Entry, entries};
use perso_signing::Verifier;
use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

/// What a journal is verified with.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Wanted {
    /// The keys of those who may sign. Without it, signatures are not looked at: then only accidents are found.
    pub keys: Option<Verifier>,
    /// The file with copies of the checkpoints, which shows what was cut off at the end.
    pub checkpoints: Option<PathBuf>,
    /// Whether the journal has to be there from its first line on. Otherwise its oldest files may have been removed.
    pub is_whole: bool,
}

/// What was found out about a journal.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verified {
    /// How many lines there are.
    pub lines: u64,
    /// The numbers of the first and the last line.
    pub first: u64,
    /// The number of the last line.
    pub last: u64,
    /// How many checkpoints there are with a signature by one of the keys.
    pub checkpoints: u64,
    /// The last line that such a checkpoint is about. Who can write the files could have changed those after it.
    pub signed: Option<u64>,
    /// Whether the last line is unfinished: a process was killed while it wrote, or is writing.
    pub is_unfinished: bool,
    /// What is wrong, in the order of the lines. Nothing, if the journal is as it was written.
    pub findings: Vec<Finding>,
}

/// Something that is wrong with a journal.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// The file.
    pub file: PathBuf,
    /// The line there, from 1 on.
    pub line: u64,
    /// What is wrong.
    pub problem: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file.display(), self.line, self.problem)
    }
}

/// The most findings that are collected. A journal with more has been changed throughout.
const FINDINGS: usize = 100;

/// Checks that a journal is as it was written.
///
/// # Errors
///
/// If a file cannot be read, or is no file of a journal.
pub fn verify(folder: impl AsRef<Path>, wanted: &Wanted) -> Result<Verified, JournalError> {
    let folder = folder.as_ref();
    let mut walk = Walk::new(wanted)?;
    for entry in entries(folder)? {
        walk.line(&entry?);
    }
    Ok(walk.end())
}

struct Walk<'w> {
    wanted: &'w Wanted,
    /// Copies of checkpoints by the lines that they are about.
    copies: BTreeMap<u64, Checkpoint>,
    journal: Option<String>,
    /// After the last line; `None` before the first.
    place: Option<Place>,
    at: (PathBuf, u64),
    /// The line after which there is no checkpoint yet.
    unsigned: u64,
    found: Verified,
}

impl<'w> Walk<'w> {
    fn new(wanted: &'w Wanted) -> Result<Self, JournalError> {
        let copies = wanted.checkpoints.as_deref().map(copies).transpose()?.unwrap_or_default();
        let found = Verified {
            lines: 0,
            first: 0,
            last: 0,
            checkpoints: 0,
            signed: None,
            is_unfinished: false,
            findings: Vec::new(),
        };
        Ok(Self { wanted, copies, journal: None, place: None, at: (PathBuf::new(), 0), unsigned: 0, found })
    }

    fn problem(&mut self, problem: impl Into<String>) {
        if self.found.findings.len() < FINDINGS {
            let (file, line) = self.at.clone();
            self.found.findings.push(Finding { file, line, problem: problem.into() });
        }
    }

    fn line(&mut self, entry: &Entry) {
        let is_other_file = self.at.0 != entry.file;
        if self.found.is_unfinished {
            self.problem("the line is unfinished, but lines follow it");
        }
        self.at = (entry.file.clone(), entry.line);
        self.found.is_unfinished = !entry.is_finished;
        if !entry.is_finished {
            return;
        }
        self.found.lines += 1;
        let place = self.place;
        let hash = line::hash(&entry.text);
        let Some(read) = Read::of(&entry.text) else {
            self.problem("this is no line of a journal");
            self.place = place.map(|place| Place { seq: place.seq + 1, hash });
            return;
        };
        match place {
            None => {
                self.found.first = read.seq;
                self.unsigned = read.seq.saturating_sub(1);
                if read.seq != 1 && self.wanted.is_whole {
                    self.problem(format!("the journal begins with line {}: those before it are missing", read.seq));
                }
                if read.seq == 1 && read.prev != hex(&line::NONE) {
                    self.problem("this is not the first line of a journal");
                }
            }
            Some(place) if read.seq != place.seq + 1 => {
                let (is, expected) = (read.seq, place.seq + 1);
                self.problem(if is > expected {
                    format!("lines {expected} to {} are missing before this one", is - 1)
                } else {
                    format!("this is line {is}, where line {expected} should be")
                });
            }
            Some(place) if read.prev != hex(&place.hash) => {
                self.problem(format!("line {} was changed, or this one: their hashes do not fit", place.seq));
            }
            Some(_) => {}
        }
        if is_other_file {
            match (&read.journal, &self.journal) {
                (None, _) => {
                    self.problem("the file does not begin with the line that says which journal it belongs to")
                }
                (Some(journal), Some(known)) if journal != known => self.problem("the file belongs to another journal"),
                _ => {}
            }
            self.journal = self.journal.take().or(read.journal);
        }
        if let (Some(signed), Some(place)) = (read.checkpoint, place) {
            let journal = self.journal.clone().unwrap_or_default();
            self.checkpoint(Checkpoint {
                journal,
                seq: place.seq,
                hash: hex(&place.hash),
                signature: signed.signature,
            });
        }
        self.copied(Place { seq: read.seq, hash });
        if self.wanted.keys.is_some() && read.seq.saturating_sub(self.unsigned) >= 2 * CHECKPOINT_LINES {
            self.problem(format!(
                "there is no checkpoint in the {} lines before this one",
                read.seq.saturating_sub(self.unsigned)
            ));
            self.unsigned = read.seq;
        }
        self.found.last = read.seq;
        self.place = Some(Place { seq: read.seq, hash });
    }

    fn checkpoint(&mut self, checkpoint: Checkpoint) {
        let Some(keys) = &self.wanted.keys else { return };
        if checkpoint.is_signed_by(keys) {
            self.found.checkpoints += 1;
            self.unsigned = checkpoint.seq;
            self.found.signed = Some(checkpoint.seq);
        } else {
            self.problem("none of the keys has signed what is before this checkpoint");
        }
    }

    /// Compares a line with the copy of a checkpoint that is about it.
    fn copied(&mut self, place: Place) {
        if let Some(copy) = self.copies.remove(&place.seq) {
            if !self.wanted.keys.as_ref().is_none_or(|keys| copy.is_signed_by(keys)) {
                self.problem(format!("none of the keys has signed the copy of the checkpoint about line {}", copy.seq));
            } else if copy.hash != hex(&place.hash) || self.journal.as_ref() != Some(&copy.journal) {
                self.problem("this is not the line that the copy of a checkpoint is about");
            } else {
                self.found.signed = self.found.signed.max(Some(copy.seq));
            }
        }
    }

    fn end(mut self) -> Verified {
        let last = self.found.last;
        if let Some((seq, _)) = self.copies.last_key_value()
            && *seq > last
        {
            self.problem(format!("lines {} to {seq} are missing at the end: a checkpoint is about them", last + 1));
        }
        self.found
    }
}

/// The copies of checkpoints in a file, by the lines that they are about.
fn copies(path: &Path) -> Result<BTreeMap<u64, Checkpoint>, JournalError> {
    let text = fs::read_to_string(path).map_err(JournalError::file(path))?;
    // A process may have been killed while it wrote the last one.
    let lines = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
    let copy = |line| {
        let copy: Checkpoint = serde_json::from_str(line)
            .map_err(|_| JournalError::NotAJournal { path: path.to_owned(), reason: "a line is no checkpoint" })?;
        Ok((copy.seq, copy))
    };
    lines.map(copy).collect()
}
