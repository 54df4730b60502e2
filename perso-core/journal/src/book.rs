//! Writes lines into the files of a journal, in turn with other processes.
//!
//! The file `lock` is locked while a process writes. It also has the state of the journal, so that a process need not read what
//! others have written. What a process that was killed has left undone is mended by the next one.

use crate::checkpoint::{self, Checkpoint, Line, Signed};
use crate::error::JournalError;
use crate::folder;
use crate::journal::Settings;
use crate::limits;
use crate::line::{self, Header, Lost, Place, Read};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufRead, BufReader, Read as _, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// The name of the file that is locked.
const LOCK: &str = "lock";
/// Bytes of the state as it is written.
const STATE_BYTES: usize = 512;
/// Why a file is not gone on with.
const TOO_LONG: &str = "a line has more than 1 MiB; move the journal's directory away";
/// Between two attempts to get the lock.
const PAUSE: Duration = Duration::from_millis(1);

/// Where a journal ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct State {
    /// The id of the journal.
    journal: String,
    /// The last file, and how many bytes it has.
    file: u64,
    bytes: u64,
    /// The last line.
    seq: u64,
    hash: String,
    /// When the file began, in milliseconds since 1970.
    began: i64,
    /// The last line that is a checkpoint, and when it was made.
    signed: u64,
    signed_at: i64,
}

impl State {
    /// The state that is written; `None` if it is none.
    fn read(written: &[u8]) -> Option<Self> {
        let state: Self = serde_json::from_slice(written).ok()?;
        let Self { file, seq, began, signed, signed_at, .. } = state;
        let is_time = |millis| Timestamp::from_millisecond(millis).is_ok();
        (file < line::MOST && seq < line::MOST && signed <= seq && is_time(began) && is_time(signed_at))
            .then_some(state)
    }
}

/// The last file of a journal, and what this process knows of it.
struct Last {
    state: State,
    place: Place,
    file: File,
    path: PathBuf,
    /// The state as it is written.
    written: Vec<u8>,
}

pub(crate) struct Book {
    folder: PathBuf,
    settings: Settings,
    lock: File,
    last: Option<Last>,
    /// How many checkpoints could not be copied.
    uncopied: u64,
}

/// Unlocks at the end.
struct Locked(File);

impl Drop for Locked {
    fn drop(&mut self) {
        // The lock goes with the file if this fails.
        let _ = self.0.unlock();
    }
}

impl Book {
    /// Opens a journal, and makes it if there is none.
    pub(crate) fn open(folder: &Path, settings: Settings) -> Result<Self, JournalError> {
        folder::create(folder).map_err(JournalError::file(folder))?;
        let path = folder.join(LOCK);
        let lock = folder::private().read(true).write(true).create(true).truncate(false).open(&path);
        let lock = lock.map_err(JournalError::file(&path))?;
        let mut book = Self { folder: folder.to_owned(), settings, lock, last: None, uncopied: 0 };
        book.append(&[], 0)?;
        Ok(book)
    }

    /// Adds lines, which are JSON objects, after a line that says how many are missing. Either all of them are added, or none.
    pub(crate) fn append(&mut self, objects: &[Vec<u8>], lost: u64) -> Result<(), JournalError> {
        let _locked = self.lock()?;
        let now = Timestamp::now();
        let last = self.last(now)?;
        let mut lines = Vec::new();
        if lost > 0 {
            lines.push(line::object(&Lost { time: now.to_string(), lost })?);
        }
        let mut last = self.room(last, now)?;
        let mut text = Vec::with_capacity(objects.iter().map(|object| object.len() + 128).sum());
        let mut place = last.place;
        lines.iter().chain(objects).for_each(|object| place.write(object, &mut text));
        let is_due = place.seq - last.state.signed >= limits::CHECKPOINT_LINES
            || last.state.signed_at + limits::CHECKPOINT_AGE.as_millis() as i64 <= now.as_millisecond()
            // The clock has been set back.
            || now.as_millisecond() < last.state.signed_at;
        self.write(&mut last, place, text, is_due, now)?;
        self.last = Some(last);
        Ok(())
    }

    /// Adds a checkpoint if there is anything that none has signed yet.
    pub(crate) fn checkpoint(&mut self) -> Result<(), JournalError> {
        let _locked = self.lock()?;
        let now = Timestamp::now();
        let mut last = self.last(now)?;
        let place = last.place;
        self.write(&mut last, place, Vec::new(), true, now)?;
        self.last = Some(last);
        Ok(())
    }

    /// How many checkpoints could not be copied.
    pub(crate) const fn uncopied(&self) -> u64 {
        self.uncopied
    }

    fn lock(&self) -> Result<Locked, JournalError> {
        let path = || self.folder.join(LOCK);
        let lock = self.lock.try_clone().map_err(JournalError::file(&path()))?;
        let end = Instant::now() + limits::LOCK;
        loop {
            match lock.try_lock() {
                Ok(()) => return Ok(Locked(lock)),
                Err(TryLockError::WouldBlock) if Instant::now() < end => thread::sleep(PAUSE),
                Err(TryLockError::WouldBlock) => return Err(JournalError::Locked(self.folder.clone())),
                Err(TryLockError::Error(error)) => return Err(JournalError::file(&path())(error)),
            }
        }
    }

    /// Where the journal ends now.
    fn last(&mut self, now: Timestamp) -> Result<Last, JournalError> {
        let mut written = Vec::with_capacity(STATE_BYTES);
        let path = self.folder.join(LOCK);
        let mut lock = &self.lock;
        lock.rewind()
            .and_then(|()| lock.take(STATE_BYTES as u64).read_to_end(&mut written))
            .map_err(JournalError::file(&path))?;
        let known = self.last.take().filter(|last| last.written == written);
        let last = match known {
            Some(last) => Some(last),
            None => self.stated(written, now)?,
        };
        let Some(mut last) = last else { return self.found(now) };
        let bytes = fs::metadata(&last.path).map_or(0, |file| file.len());
        if bytes < last.state.bytes {
            // Something was cut off, or the file removed. The next one shows it: it follows a line that is no longer there.
            return self.begin(last.state, now);
        }
        if bytes > last.state.bytes {
            // A process was killed before it could write the state.
            self.catch_up(&mut last)?;
        }
        // Or before it could write that there is another file.
        if folder::file(&self.folder, last.state.file + 1).exists() { self.found(now) } else { Ok(last) }
    }

    /// What the state says that is written, if it can be read.
    fn stated(&mut self, written: Vec<u8>, now: Timestamp) -> Result<Option<Last>, JournalError> {
        let Some(state) = State::read(&written) else { return Ok(None) };
        let Some(hash) = from_hex(&state.hash) else { return Ok(None) };
        let path = folder::file(&self.folder, state.file);
        if !path.exists() {
            return self.begin(state, now).map(Some);
        }
        let file = open(&path)?;
        let place = Place { seq: state.seq, hash };
        Ok(Some(Last { state, place, file, path, written }))
    }

    /// The end of a journal whose state is not known, or the beginning of a new one.
    fn found(&mut self, now: Timestamp) -> Result<Last, JournalError> {
        let mut numbers = folder::numbers(&self.folder)?;
        while let Some(number) = numbers.pop() {
            let path = folder::file(&self.folder, number);
            let file = open(&path)?;
            let mut header = Vec::new();
            BufReader::new(&file)
                .take(limits::LINE_BYTES as u64)
                .read_until(b'\n', &mut header)
                .map_err(JournalError::file(&path))?;
            let not = |reason| JournalError::NotAJournal { path: path.clone(), reason };
            let Some(complete) = header.strip_suffix(b"\n") else {
                if header.len() == limits::LINE_BYTES {
                    return Err(not(TOO_LONG));
                }
                // A process was killed before it could write the first line.
                fs::remove_file(&path).map_err(JournalError::file(&path))?;
                continue;
            };
            let read = Read::of(complete).ok_or_else(|| not("its first line is no line of a journal"))?;
            let journal = read.journal.ok_or_else(|| not("its first line does not have the id of a journal"))?;
            let place = Place { seq: read.seq, hash: line::hash(complete) };
            let state = State {
                journal,
                file: number,
                bytes: header.len() as u64,
                seq: place.seq,
                hash: line::hex(&place.hash),
                began: now.as_millisecond(),
                signed: 0,
                signed_at: 0,
            };
            let mut last = Last { state, place, file, path, written: Vec::new() };
            self.catch_up(&mut last)?;
            return Ok(last);
        }
        let journal = Uuid::new_v4().to_string();
        let hash = line::hex(&line::NONE);
        let now_ms = now.as_millisecond();
        self.begin(State { journal, file: 0, bytes: 0, seq: 0, hash, began: now_ms, signed: 0, signed_at: 0 }, now)
    }

    /// Reads what was written after the state was, and removes a line that is unfinished.
    fn catch_up(&self, last: &mut Last) -> Result<(), JournalError> {
        let failed = |error| JournalError::file(&last.path)(error);
        let mut file = &last.file;
        file.seek(SeekFrom::Start(last.state.bytes)).map_err(failed)?;
        let mut lines = BufReader::new(file);
        let mut text = Vec::new();
        loop {
            text.clear();
            let most = limits::LINE_BYTES as u64 + 1;
            lines.by_ref().take(most).read_until(b'\n', &mut text).map_err(failed)?;
            let Some(complete) = text.strip_suffix(b"\n") else {
                if text.len() as u64 == most {
                    // No process has begun this line. Nothing is removed that somebody may want to see.
                    return Err(JournalError::NotAJournal { path: last.path.clone(), reason: TOO_LONG });
                }
                break;
            };
            last.place = Place { seq: last.place.seq + 1, hash: line::hash(complete) };
            last.state.bytes += text.len() as u64;
            if Read::of(complete).is_some_and(|read| read.checkpoint.is_some()) {
                last.state.signed = last.place.seq;
            }
        }
        last.file.set_len(last.state.bytes).map_err(failed)?;
        last.state.seq = last.place.seq;
        last.state.hash = line::hex(&last.place.hash);
        Ok(())
    }

    /// Begins another file if the last one is large or old.
    fn room(&mut self, mut last: Last, now: Timestamp) -> Result<Last, JournalError> {
        let age = last.state.began + i64::try_from(self.settings.file_age.as_millis()).unwrap_or(i64::MAX / 2);
        if last.state.bytes < self.settings.file_bytes && now.as_millisecond() < age {
            return Ok(last);
        }
        let place = last.place;
        self.write(&mut last, place, Vec::new(), true, now)?;
        self.begin(last.state, now)
    }

    /// Begins the next file.
    fn begin(&mut self, mut state: State, now: Timestamp) -> Result<Last, JournalError> {
        let mut place = Place { seq: state.seq, hash: from_hex(&state.hash).unwrap_or(line::NONE) };
        state.file = folder::numbers(&self.folder)?.last().copied().unwrap_or_default().max(state.file) + 1;
        let path = folder::file(&self.folder, state.file);
        let file = open_with(folder::private().create_new(true), &path)?;
        let header = Header { time: now.to_string(), journal: &state.journal, file: state.file };
        let mut text = Vec::new();
        place.write(&line::object(&header)?, &mut text);
        state.began = now.as_millisecond();
        state.bytes = 0;
        let mut last = Last { state, place: Place { seq: place.seq - 1, ..place }, file, path, written: Vec::new() };
        self.write(&mut last, place, text, false, now)?;
        Ok(last)
    }

    /// Writes lines that end at a place, a checkpoint after them if it is due, and the state.
    fn write(
        &mut self,
        last: &mut Last,
        mut place: Place,
        mut text: Vec<u8>,
        is_due: bool,
        now: Timestamp,
    ) -> Result<(), JournalError> {
        let mut checkpoint = None;
        if let Some(signer) = &self.settings.signer
            && is_due
            && place.seq > last.state.signed
        {
            let signed = checkpoint::sign(signer, &last.state.journal, place)?;
            let signature = Signed { signature: signed.signature.clone() };
            place.write(&line::object(&Line { time: now.to_string(), checkpoint: signature })?, &mut text);
            checkpoint = Some(signed);
        }
        if !text.is_empty() {
            let mut file = &last.file;
            let mut written = file.write_all(&text);
            if self.settings.durable {
                written = written.and_then(|()| file.sync_data());
            }
            if let Err(error) = written {
                // So that no part of it stays. If this fails too, the next process that writes does it.
                let _ = file.set_len(last.state.bytes);
                return Err(JournalError::file(&last.path)(error));
            }
        }
        last.place = place;
        last.state.bytes += text.len() as u64;
        last.state.seq = place.seq;
        last.state.hash = line::hex(&place.hash);
        if let Some(checkpoint) = checkpoint {
            last.state.signed = place.seq;
            last.state.signed_at = now.as_millisecond();
            // The next one is about these lines too.
            self.uncopied += u64::from(self.copy(&checkpoint).is_err());
        }
        let mut state = serde_json::to_vec(&last.state).map_err(|_| JournalError::Line)?;
        state.resize(STATE_BYTES, b' ');
        let mut lock = &self.lock;
        let path = self.folder.join(LOCK);
        lock.rewind().and_then(|()| lock.write_all(&state)).map_err(JournalError::file(&path))?;
        last.written = state;
        Ok(())
    }

    /// Adds a checkpoint to the file of copies.
    fn copy(&self, checkpoint: &Checkpoint) -> io::Result<()> {
        let Some(path) = &self.settings.checkpoints else { return Ok(()) };
        let mut line = serde_json::to_vec(checkpoint)?;
        line.push(b'\n');
        folder::private().append(true).create(true).open(path)?.write_all(&line)
    }
}

fn open(path: &Path) -> Result<File, JournalError> {
    open_with(&mut OpenOptions::new(), path)
}

fn open_with(options: &mut OpenOptions, path: &Path) -> Result<File, JournalError> {
    options.read(true).append(true).open(path).map_err(JournalError::file(path))
}

/// The hash that is written so.
fn from_hex(text: &str) -> Option<line::Hash> {
    let mut hash = line::NONE;
    if text.len() != 2 * hash.len() {
        return None;
    }
    for (byte, pair) in hash.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(hash)
}
