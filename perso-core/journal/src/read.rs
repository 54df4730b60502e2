//! The lines of a journal, in order.

use crate::error::JournalError;
use crate::folder;
use crate::limits::LINE_BYTES;
use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

/// A line of a journal.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// Its file.
    pub file: PathBuf,
    /// Its line there, from 1 on.
    pub line: u64,
    /// Its text, without its end.
    pub text: Vec<u8>,
    /// Whether it has an end. The last line may have none, while it is being written or after a process was killed.
    pub is_finished: bool,
}

/// The lines of a journal, in order.
#[derive(Debug)]
pub struct Entries {
    files: VecDeque<PathBuf>,
    open: Option<(PathBuf, BufReader<File>, u64)>,
}

/// The lines of a journal, in order.
///
/// # Errors
///
/// If the directory cannot be read, or has no file of a journal.
pub fn entries(folder: impl AsRef<Path>) -> Result<Entries, JournalError> {
    let folder = folder.as_ref();
    let files: VecDeque<PathBuf> =
        folder::numbers(folder)?.into_iter().map(|number| folder::file(folder, number)).collect();
    if files.is_empty() {
        return Err(JournalError::NotAJournal {
            path: folder.to_owned(),
            reason: "it has no file such as 000001.jsonl",
        });
    }
    Ok(Entries { files, open: None })
}

impl Entries {
    /// The next line.
    fn entry(&mut self) -> Result<Option<Entry>, JournalError> {
        loop {
            let (path, file, line) = match &mut self.open {
                Some(open) => open,
                none => {
                    let Some(path) = self.files.pop_front() else { return Ok(None) };
                    let file = File::open(&path).map_err(JournalError::file(&path))?;
                    none.insert((path, BufReader::with_capacity(1 << 16, file), 0))
                }
            };
            let mut text = Vec::with_capacity(512);
            let most = LINE_BYTES as u64 + 1;
            file.by_ref().take(most).read_until(b'\n', &mut text).map_err(JournalError::file(path))?;
            if text.is_empty() {
                self.open = None;
                continue;
            }
            *line += 1;
            let is_finished = text.ends_with(b"\n");
            if is_finished {
                text.pop();
            } else if text.len() as u64 == most {
                return Err(JournalError::NotAJournal { path: path.clone(), reason: "a line has more than 1 MiB" });
            }
            return Ok(Some(Entry { file: path.clone(), line: *line, text, is_finished }));
        }
    }
}

impl Iterator for Entries {
    type Item = Result<Entry, JournalError>;

    fn next(&mut self) -> Option<Self::Item> {
        let entry = self.entry().transpose();
        if matches!(entry, Some(Err(_))) {
            // Nothing follows what cannot be read.
            *self = Self { files: VecDeque::new(), open: None };
        }
        entry
    }
}
