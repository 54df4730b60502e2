//! A log of calls, one a line: one thread reads it in chunks, and others work on them.

use super::failure::Failure;
use super::input;
use crate::Outcome;
use crate::limits;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Read};
use std::num::NonZero;
use std::path::Path;
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread;

/// Bytes of a chunk, without the rest of its last line.
const CHUNK: u64 = 1 << 18;

/// The most bytes of a line: a call, and what is recorded about it.
const LINE: usize = 2 * limits::INPUT_BYTES;

/// A log that is being read.
pub(crate) struct Log {
    reader: BufReader<Box<dyn Read>>,
    /// How many lines have been read.
    lines: u64,
}

impl Log {
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        let file = input::open(path).map_err(|error| Failure::unreadable(path, &error))?;
        Ok(Self { reader: BufReader::with_capacity(1 << 16, file), lines: 0 })
    }

    /// The next lines, about as many as a chunk holds; of one that is too long, enough to find that out.
    fn next(&mut self) -> io::Result<Option<Chunk>> {
        let mut text = Vec::with_capacity(CHUNK as usize + (1 << 12));
        self.reader.by_ref().take(CHUNK).read_to_end(&mut text)?;
        if text.is_empty() {
            return Ok(None);
        }
        if !text.ends_with(b"\n") {
            let most = LINE + 1;
            let rest = self.reader.by_ref().take(most as u64).read_until(b'\n', &mut text)?;
            if rest == most && !text.ends_with(b"\n") {
                self.reader.skip_until(b'\n')?;
            }
        }
        let chunk = Chunk { text, before: self.lines };
        self.lines += chunk.text.iter().filter(|byte| **byte == b'\n').count() as u64;
        self.lines += u64::from(!chunk.text.ends_with(b"\n"));
        Ok(Some(chunk))
    }

    /// Works on all chunks with several threads, and hands over what comes out in the order of the log: it does not depend on
    /// how many threads there are.
    pub(crate) fn each<R: Send>(
        mut self,
        threads: usize,
        work: impl Fn(&Chunk) -> R + Sync,
        mut done: impl FnMut(R),
    ) -> io::Result<()> {
        let (jobs, queue) = mpsc::sync_channel::<(Chunk, mpsc::SyncSender<R>)>(threads);
        let queue = Mutex::new(queue);
        let worker = || {
            let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
            while let Ok((chunk, answer)) = next() {
                // Nobody waits for it where reading has failed.
                let _ = answer.send(work(&chunk));
            }
        };
        let stopped = |_| io::Error::other("a thread has stopped");
        thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(worker);
            }
            // Dropped at the end, so that the threads stop.
            let jobs = jobs;
            let mut answers = VecDeque::new();
            while let Some(chunk) = self.next()? {
                if answers.len() == 2 * threads
                    && let Some(answer) = answers.pop_front()
                {
                    done(mpsc::Receiver::recv(&answer).map_err(stopped)?);
                }
                let (answer, result) = mpsc::sync_channel(1);
                jobs.send((chunk, answer)).map_err(|_| io::Error::other("a thread has stopped"))?;
                answers.push_back(result);
            }
            answers.iter().try_for_each(|answer| answer.recv().map(&mut done).map_err(stopped))
        })
    }
}

/// How many threads there are for work on a log, unless the user says.
pub(crate) fn threads(asked: Option<NonZero<u16>>) -> usize {
    asked.map_or_else(|| thread::available_parallelism().map_or(1, NonZero::get), |threads| threads.get().into())
}

/// Some lines of a log.
pub(crate) struct Chunk {
    text: Vec<u8>,
    /// How many lines stand before them.
    before: u64,
}

impl Chunk {
    /// The lines that are not blank, with their numbers.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (u64, &[u8])> {
        let lines = self.text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
        (self.before + 1..).zip(lines).filter(|(_, line)| !line.is_empty())
    }
}

/// A recorded call.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Record<'l> {
    /// The call as it is written.
    pub(crate) call: Cow<'l, [u8]>,
    /// What was decided about it, and by which rule, where that is recorded.
    pub(crate) decided: Option<(Outcome, Option<Cow<'l, str>>)>,
}

/// What is read of a line. Other keys are ignored.
#[derive(Deserialize)]
struct Line<'l> {
    #[serde(borrow)]
    call: Option<&'l RawValue>,
    #[serde(borrow)]
    decision: Option<Text<'l>>,
    #[serde(borrow)]
    rule: Option<Text<'l>>,
    #[serde(borrow)]
    tool: Option<Text<'l>>,
}

/// Why a line is JSON and no record.
const WRONG: &str =
    "its `decision` is not allow, ask or deny, its `rule` or `tool` is not a string, or one of its keys is there twice";

/// A string, borrowed if it has no escapes.
#[derive(Deserialize)]
struct Text<'l>(#[serde(borrow)] Cow<'l, str>);

impl<'l> Record<'l> {
    /// Reads a line: a call, or an object with the call under `call`, as an object or as its text.
    ///
    /// # Errors
    /// Why the line is neither.
    pub(crate) fn read(line: &'l [u8]) -> Result<Self, &'static str> {
        if line.len() > LINE {
            return Err("it is longer than 2 MiB");
        }
        if !line.starts_with(b"{") {
            return Err("it is not a JSON object");
        }
        let read: Line<'_> = serde_json::from_slice(line).map_err(|error| match error.classify() {
            serde_json::error::Category::Data => WRONG,
            _ => "it is not JSON",
        })?;
        let outcome = match read.decision.as_ref().map(|decision| &*decision.0) {
            None => None,
            Some("allow") => Some(Outcome::Allow),
            Some("ask") => Some(Outcome::Ask),
            Some("deny") => Some(Outcome::Deny),
            Some(_) => return Err(WRONG),
        };
        let decided = outcome.map(|outcome| (outcome, read.rule.map(|rule| rule.0)));
        match (read.call, read.tool) {
            (Some(call), _) if call.get().starts_with('"') => {
                let text: String = serde_json::from_str(call.get()).map_err(|_| "it is not JSON")?;
                Ok(Self { call: Cow::Owned(text.into_bytes()), decided })
            }
            (Some(call), _) => Ok(Self { call: Cow::Borrowed(call.get().as_bytes()), decided }),
            (None, Some(_)) if decided.is_none() => Ok(Self { call: Cow::Borrowed(line), decided }),
            (None, Some(_)) => Err("it has a `decision`, but no `call`"),
            (None, None) => Err("it has neither `call` nor `tool`"),
        }
    }
}

/// `1 call`, `2 calls`.
pub(crate) fn calls(number: u64) -> String {
    if number == 1 { "1 call".to_owned() } else { format!("{number} calls") }
}

/// The tool of a call, if that can be read.
pub(crate) fn tool(call: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Named {
        tool: String,
    }
    serde_json::from_slice(call).ok().map(|named: Named| named.tool)
}

/// Lines that cannot be read, for a message.
#[derive(Debug, Default)]
pub(crate) struct Unreadable {
    pub(crate) count: u64,
    /// The first of them, and why they cannot be read.
    first: Vec<(u64, &'static str)>,
}

impl Unreadable {
    /// How many are named.
    const NAMED: usize = 5;

    pub(crate) fn add(&mut self, line: u64, why: &'static str) {
        self.count += 1;
        if self.first.len() < Self::NAMED {
            self.first.push((line, why));
        }
    }

    /// Adds those of a later part of the log.
    pub(crate) fn append(&mut self, later: Self) {
        self.count += later.count;
        let room = Self::NAMED.saturating_sub(self.first.len());
        self.first.extend(later.first.into_iter().take(room));
    }

    /// The failure that there are any.
    pub(crate) fn failure(&self, log: &Path) -> Option<Failure> {
        let (_, why) = self.first.first()?;
        let lines: Vec<String> = self.first.iter().map(|(line, _)| line.to_string()).collect();
        let lines = lines.join(", ");
        let more = if self.count > Self::NAMED as u64 { ", …" } else { "" };
        let what = match self.count {
            1 => format!("has a line that is not a recorded call, line {lines}: {why}"),
            count => format!("has {count} lines that are not recorded calls, lines {lines}{more}: of the first, {why}"),
        };
        Some(Failure::file(log, what))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunks(text: &str, threads: usize) -> Vec<(u64, String)> {
        let text: Box<dyn Read> = Box::new(io::Cursor::new(text.as_bytes().to_vec()));
        let log = Log { reader: BufReader::new(text), lines: 0 };
        let mut lines = Vec::new();
        let text = |(number, line): (u64, &[u8])| (number, String::from_utf8_lossy(line).into_owned());
        log.each(threads, |chunk| chunk.lines().map(text).collect::<Vec<_>>(), |some| lines.extend(some)).unwrap();
        lines
    }

    #[test]
    fn lines_keep_their_numbers_and_order() {
        let text: String =
            (1..=40_000).map(|n| if n % 7 == 0 { "\r\n".to_owned() } else { format!(" {n}{n}\n") }).collect();
        assert!(text.len() as u64 > CHUNK);
        for threads in [1, 2, 7] {
            let lines = chunks(&text, threads);
            assert_eq!(lines.len(), 40_000 - 40_000 / 7);
            assert!(lines.iter().all(|(number, line)| *line == format!("{number}{number}")));
        }
        assert_eq!(chunks("a\n\nb", 2), [(1, "a".to_owned()), (3, "b".to_owned())]);
        assert_eq!(chunks("", 2), []);
    }

    #[test]
    fn a_long_line_is_one_line() {
        let text = format!("a\n{}\nb\n{}", "x".repeat(3 * LINE), "y".repeat(LINE + 1));
        let lines = chunks(&text, 2);
        assert_eq!(lines.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [1, 2, 3, 4]);
        let unreadable: Vec<u64> = lines
            .iter()
            .filter(|(_, line)| Record::read(line.as_bytes()) == Err("it is longer than 2 MiB"))
            .map(|(number, _)| *number)
            .collect();
        assert_eq!(unreadable, [2, 4]);
        assert_eq!(lines.get(2).map(|(_, line)| line.as_str()), Some("b"));
    }

    #[test]
    fn a_record_has_its_call_as_it_is_written() {
        let read = |line: &'static str| Record::read(line.as_bytes());
        let call = r#"{ "tool" : "t\u0020", "args": {"a": 1.50e3, "a": 2} }"#;
        let line =
            format!(r#"{{"time": [1, {{"call": 5}}], "decision": "ask", "rule": "r", "call": {call}, "tool": "x"}}"#);
        let record = Record::read(line.as_bytes()).unwrap();
        assert_eq!(record.call, Cow::Borrowed(call.as_bytes()));
        assert!(matches!(record.call, Cow::Borrowed(_)));
        assert_eq!(record.decided, Some((Outcome::Ask, Some(Cow::Borrowed("r")))));
        let bare = r#"{"tool": "t", "other": 5}"#;
        assert_eq!(read(bare), Ok(Record { call: Cow::Borrowed(bare.as_bytes()), decided: None }));
        let text = read(r#"{"call": "{\"tool\": \"t\"}", "decision": "deny", "rule": null}"#).unwrap();
        assert_eq!((&*text.call, text.decided), (br#"{"tool": "t"}"#.as_slice(), Some((Outcome::Deny, None))));
        for (line, why) in [
            ("", "it is not a JSON object"),
            ("5", "it is not a JSON object"),
            (r#"[{}, "allow"]"#, "it is not a JSON object"),
            ("{", "it is not JSON"),
            (r#"{"tool": "t"} x"#, "it is not JSON"),
            (r#"{"tool": "t", "decision": "allow"}"#, "it has a `decision`, but no `call`"),
            (r#"{"message": "started"}"#, "it has neither `call` nor `tool`"),
        ] {
            assert_eq!(read(line), Err(why), "{line}");
        }
        for line in [
            r#"{"call": {}, "decision": "maybe"}"#,
            r#"{"call": {}, "decision": 1}"#,
            r#"{"call": {}, "call": {}}"#,
            r#"{"call": {}, "decision": "allow", "decision": "deny"}"#,
            r#"{"call": {}, "rule": 5}"#,
            r#"{"tool": 5}"#,
        ] {
            assert_eq!(read(line), Err(WRONG), "{line}");
        }
    }
}
