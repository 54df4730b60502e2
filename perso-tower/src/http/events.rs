//! Filters a stream of server-sent events (HTML, 9.2) as it arrives.

use super::list::{Filter, Unreadable};
use super::streams::{self, Opening, Stream};
use crate::shallow::Shallow;

/// Filters a stream of events.
#[derive(Debug)]
pub(super) struct Events {
    filter: Filter,
    /// The maximum size of an event in bytes.
    most: usize,
    /// The part of the next event that has arrived.
    pending: Vec<u8>,
    /// The length of the complete lines in `pending`, none of which ends the event.
    seen: usize,
    /// Present until the first event shows whether this is a stream of the older transport.
    opening: Option<Opening>,
    stream: Option<Stream>,
}

/// An event is larger than this many bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooLarge(pub(super) usize);

/// Returns where the first line ends and where the next one begins, or `None` if more bytes are needed.
fn line(bytes: &[u8]) -> Option<(usize, usize)> {
    let end = memchr::memchr2(b'\n', b'\r', bytes)?;
    match (bytes.get(end), bytes.get(end + 1)) {
        (Some(b'\r'), Some(b'\n')) => Some((end, end + 2)),
        // The next byte may be the line feed of a CRLF.
        (Some(b'\r'), None) => None,
        _ => Some((end, end + 1)),
    }
}

/// Returns the value of a line, if the line has this field.
fn value<'l>(line: &'l str, field: &str) -> Option<&'l str> {
    match line.strip_prefix(field)? {
        "" => Some(""),
        rest => rest.strip_prefix(':').map(|value| value.strip_prefix(' ').unwrap_or(value)),
    }
}

impl Events {
    /// Creates a filter for a stream. Pass `opening` if it may be a stream of the older transport.
    pub(super) const fn new(filter: Filter, opening: Option<Opening>, most: usize) -> Self {
        Self { filter, most, pending: Vec::new(), seen: 0, opening, stream: None }
    }

    /// Takes bytes and returns the filtered events that are now complete.
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
        if self.pending.len() > self.most { Err(TooLarge(self.most)) } else { Ok(out) }
    }

    /// Returns the event as the caller may see it; empty if it cannot be read.
    fn event(&mut self, event: Vec<u8>) -> Vec<u8> {
        // Only the first event can carry the address for POSTs.
        let is_first = self.opening.is_some();
        if !is_first && !self.filter.is_suspect(&event) && !streams::may_be_own(&event) {
            return event;
        }
        let Ok(text) = std::str::from_utf8(&event) else { return Vec::new() };
        let fields = Fields::of(text, is_first);
        let data = fields.data.join("\n");
        if let Some(opening) = self.opening.take_if(|_| !fields.kind.is_empty() || !data.is_empty())
            && fields.kind == "endpoint"
        {
            self.stream = Some(opening.open(&data));
            return event;
        }
        if let Some(id) = own_id(&data) {
            let denial = self.stream.as_ref().and_then(|stream| stream.denial(&id));
            return denial.map_or_else(Vec::new, |denial| fields.text(&denial));
        }
        // Clients ignore an event without data.
        let shown = if data.is_empty() { Ok(None) } else { self.filter.shown(&data) };
        match shown {
            Ok(None) if fields.is_plain => event,
            Ok(shown) => fields.text(shown.as_deref().unwrap_or(&data)),
            Err(Unreadable) => Vec::new(),
        }
    }
}

/// Returns the message's id if it answers one of the guard's own pings.
fn own_id(data: &str) -> Option<String> {
    let id = Shallow::read(data).filter(|message| message.get("method").is_none())?.string("id")?;
    streams::is_own(&id).then_some(id)
}

/// The lines of an event.
struct Fields<'e> {
    kind: &'e str,
    /// The values of its data lines.
    data: Vec<&'e str>,
    /// Its other lines.
    rest: Vec<&'e str>,
    /// Whether every parser splits the event into the same lines, each with a known field.
    is_plain: bool,
}

impl<'e> Fields<'e> {
    fn of(event: &'e str, is_first: bool) -> Self {
        let mut fields = Self { kind: "", data: Vec::new(), rest: Vec::new(), is_plain: true };
        // A stream may begin with a byte order mark.
        let mut event = if is_first { event.strip_prefix('\u{feff}').unwrap_or(event) } else { event };
        while let Some((end, next)) = line(event.as_bytes()) {
            let (text, rest) = (event.get(..end).unwrap_or_default(), event.get(next..).unwrap_or_default());
            event = rest;
            fields.kind = value(text, "event").unwrap_or(fields.kind);
            match value(text, "data") {
                Some(value) => fields.data.push(value),
                None if text.is_empty() => {}
                None if is_plain(text) => fields.rest.push(text),
                None => fields.is_plain = false,
            }
        }
        fields
    }

    /// Returns the event with its data replaced.
    fn text(&self, data: &str) -> Vec<u8> {
        let rest = self.rest.iter().flat_map(|line| [line, "\n"]);
        // Each line of the data needs a field of its own.
        let data = data.lines().flat_map(|line| ["data: ", line, "\n"]);
        rest.chain(data).chain(["\n"]).collect::<String>().into()
    }
}

/// Returns whether the line is a comment or a known field other than data, and has no character that a lenient parser
/// might take for a line end.
fn is_plain(line: &str) -> bool {
    let is_field = line.starts_with(':') || ["event", "id", "retry"].iter().any(|name| value(line, name).is_some());
    let ends_line = |c: char| (c.is_control() && c != '\t') || matches!(c, '\u{2028}' | '\u{2029}');
    is_field && !line.contains(ends_line)
}
