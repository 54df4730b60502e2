//! Server-sent events (HTML, 9.2), one after the other, while they come in.

use super::list;
use super::streams::{Stream, Streams};
use crate::sight::Sight;
use bytes::Bytes;
use std::task::{Context, Poll};

/// The most bytes of one event.
pub(super) const MOST: usize = 1 << 24;

/// Filters a stream of events.
#[derive(Debug)]
pub(super) struct Events {
    sight: Sight,
    /// What has come in of the next event.
    pending: Vec<u8>,
    /// How much of that is known to be no end of an event.
    seen: usize,
    /// Where to say that the stream is one of the older transport, should it be.
    streams: Option<Streams>,
    stream: Option<Stream>,
}

/// An event that is larger than [`MOST`].
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooLarge;

/// Where the line that begins at the front ends, and where the next one begins; `None` if that is not known yet.
fn line(bytes: &[u8]) -> Option<(usize, usize)> {
    let end = memchr::memchr2(b'\n', b'\r', bytes)?;
    match (bytes.get(end), bytes.get(end + 1)) {
        (Some(b'\r'), Some(b'\n')) => Some((end, end + 2)),
        // A line feed may follow.
        (Some(b'\r'), None) => None,
        _ => Some((end, end + 1)),
    }
}

/// The value of a line, if it is of this field.
fn value<'l>(line: &'l [u8], field: &[u8]) -> Option<&'l [u8]> {
    match line.strip_prefix(field)? {
        [] => Some(&[]),
        [b':', b' ', value @ ..] | [b':', value @ ..] => Some(value),
        _ => None,
    }
}

impl Events {
    /// Filters a stream, which may be one that `streams` have to know of.
    pub(super) const fn new(sight: Sight, streams: Option<Streams>) -> Self {
        Self { sight, pending: Vec::new(), seen: 0, streams, stream: None }
    }

    /// Takes bytes in, and gives out the events that are whole now.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<Vec<u8>, TooLarge> {
        self.pending.extend_from_slice(bytes);
        let mut out = Vec::new();
        while let Some((end, next)) = line(self.pending.get(self.seen..).unwrap_or_default()) {
            self.seen += next;
            if end == 0 {
                let rest = self.pending.split_off(self.seen);
                let event = std::mem::replace(&mut self.pending, rest);
                self.seen = 0;
                out.extend(self.event(event));
            }
        }
        if self.pending.len() > MOST { Err(TooLarge) } else { Ok(out) }
    }

    /// An event of the guard's own, to be sent between those of the server.
    pub(super) fn poll_own(&mut self, cx: &mut Context<'_>) -> Poll<Bytes> {
        match self.stream.as_mut().map(|stream| stream.poll(cx)) {
            Some(Poll::Ready(Some(event))) => Poll::Ready(event),
            _ => Poll::Pending,
        }
    }

    /// The event as the caller may see it.
    fn event(&mut self, event: Vec<u8>) -> Vec<u8> {
        // Every list of tools has this word, or one with an escape in it; only the first event has an address.
        let is_first = self.streams.is_some();
        let has = |word: &[u8]| memchr::memmem::find(&event, word).is_some();
        if !is_first && !has(b"tools") && !has(b"\\u") {
            return event;
        }
        let (mut kind, mut data, mut rest) = (&b""[..], Vec::new(), Vec::new());
        let mut at = 0;
        while let Some((end, next)) = line(event.get(at..).unwrap_or_default()) {
            let text = event.get(at..at + end).unwrap_or_default();
            // A mark of the order of bytes may be at the front of a stream.
            let text = if is_first && at == 0 { text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text) } else { text };
            match value(text, b"data") {
                Some(value) => data.push(value),
                None if end > 0 => rest.extend_from_slice(event.get(at..at + next).unwrap_or_default()),
                None => {}
            }
            kind = value(text, b"event").unwrap_or(kind);
            at += next;
        }
        let data = data.join(&b'\n');
        let Ok(data) = std::str::from_utf8(&data) else { return Vec::new() };
        if let Some(streams) = self.streams.take_if(|_| !kind.is_empty() || !data.is_empty())
            && kind == b"endpoint"
        {
            self.stream = Some(streams.open(data));
            return event;
        }
        match list::filtered(&self.sight, data) {
            Ok(Some(data)) => {
                // Every line of it is one of the event's.
                let data: String = data.lines().map(|line| format!("data: {line}\n")).collect();
                [&rest, data.as_bytes(), b"\n"].concat()
            }
            Ok(None) => event,
            Err(list::Unreadable) => Vec::new(),
        }
    }
}
