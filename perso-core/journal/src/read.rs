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

/// The lines of a journal, in order. At the end, it can be asked again later, and goes on with what was written meanwhile.
#[derive(Debug)]
pub struct Entries {
    folder: PathBuf,
    files: VecDeque<u64>,
    open: Option<Open>,
}

/// A file that is being read.
#[derive(Debug)]
struct Open {
    number: u64,
    path: PathBuf,
    file: BufReader<File>,
    /// How many lines have been read.
    line: u64,
    /// The beginning of a line that is not finished.
    begun: Vec<u8>,
}

/// The lines of a journal, in order.
///
/// # Errors
///
/// If the directory cannot be read, or has no file of a journal.
pub fn entries(folder: impl AsRef<Path>) -> Result<Entries, JournalError> {
    let folder = folder.as_ref().to_owned();
    let files: VecDeque<u64> = folder::numbers(&folder)?.into();
    if files.is_empty() {
        return Err(JournalError::NotAJournal { path: folder, reason: "it has no file such as 000001.jsonl" });
    }
    Ok(Entries { folder, files, open: None })
}

impl Entries {
    /// The next line.
    fn entry(&mut self) -> Result<Option<Entry>, JournalError> {
        loop {
            if let Some(open) = &mut self.open {
                if let Some(entry) = open.entry()? {
                    return Ok(Some(entry));
                }
                if self.files.is_empty() {
                    let numbers = folder::numbers(&self.folder)?;
                    self.files.extend(numbers.into_iter().filter(|number| *number > open.number));
                }
            }
            let Some(number) = self.files.pop_front() else { return Ok(None) };
            let path = folder::file(&self.folder, number);
            let file = BufReader::with_capacity(1 << 16, File::open(&path).map_err(JournalError::file(&path))?);
            self.open = Some(Open { number, path, file, line: 0, begun: Vec::new() });
        }
    }
}

impl Open {
    fn entry(&mut self) -> Result<Option<Entry>, JournalError> {
        let most = LINE_BYTES + 1 - self.begun.len();
        let read = self.file.by_ref().take(most as u64).read_until(b'\n', &mut self.begun);
        if read.map_err(JournalError::file(&self.path))? == 0 {
            return Ok(None);
        }
        let mut text = self.begun.clone();
        let is_finished = text.ends_with(b"\n");
        if is_finished {
            text.pop();
            self.begun.clear();
            self.line += 1;
        } else if text.len() > LINE_BYTES {
            return Err(JournalError::NotAJournal { path: self.path.clone(), reason: "a line has more than 1 MiB" });
        }
        let line = if is_finished { self.line } else { self.line + 1 };
        Ok(Some(Entry { file: self.path.clone(), line, text, is_finished }))
    }
}

impl Iterator for Entries {
    type Item = Result<Entry, JournalError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.entry().transpose()
    }
}
