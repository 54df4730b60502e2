//! From a call's JSON text to its frame.

use crate::error::{Code, Error};
use crate::frame::{Frame, Outcome, Place};
use crate::json::Reader;
use crate::limits::LIST_LENGTH;
use crate::table::Table;

/// Which parts of a call are open or withheld, whatever its text says of them. The default is none.
///
/// The bits are part of the module's ABI: 0 to 3 for `args`, `agent`, `resource` and `context` being open (they may be
/// anything), 4 to 7 for the same being withheld (nothing may be concluded from them).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Unknown(u32);

impl Unknown {
    /// Takes the bits.
    ///
    /// # Errors
    ///
    /// [`Code::Unknown`] where a bit has no meaning, or a part is both.
    pub fn from_bits(bits: u32) -> Result<Self, Error> {
        if bits > 0xff || bits & bits >> 4 != 0 {
            return Err(Code::Unknown.anywhere());
        }
        Ok(Self(bits))
    }

    /// Whether the part is open (`Some(true)`), withheld (`Some(false)`), or as its text says.
    const fn of(self, part: usize) -> Option<bool> {
        match self.0 >> part & 0x11 {
            0 => None,
            state => Some(state == 1),
        }
    }
}

/// Reads a call from JSON text into a frame at the front of `memory`.
///
/// # Errors
///
/// Any [`Code`], with the byte at which it was noticed.
pub fn read(table: Table<'_>, memory: &mut [u8], text: &[u8], unknown: Unknown) -> Result<Outcome, Error> {
    let mut reader = Reader::new(text, 0)?;
    let mut call = Call { frame: Frame::new(table, memory), tool: Tool::Unread, seen: [0; 4], unknown };
    if reader.peek() == b'{' {
        reader.open();
        while reader.key() {
            if let Err(error) = call.field(&mut reader) {
                reader.fail(error);
            }
        }
    } else {
        reader.wrong(Code::Call);
    }
    reader.finish()?;
    match call.tool {
        Tool::Unread => Err(Code::NoTool.at(reader.offset())),
        Tool::Unknown => Ok(Outcome::UnknownTool),
        Tool::Known => call.frame.finish()?.settle(memory),
    }
}

/// Reads one part of a call from JSON text of its own.
///
/// # Errors
///
/// Any [`Code`], with the byte at which it was noticed.
pub fn read_part(frame: &mut Frame<'_, '_>, part: Place, text: &[u8]) -> Result<(), Error> {
    let mut reader = part_reader(text)?;
    value(frame, part, &mut reader);
    reader.finish()
}

/// Reads one part of a call from JSON text of its own for nothing but its form.
///
/// # Errors
///
/// Any [`Code`], with the byte at which it was noticed.
pub fn check_part(text: &[u8]) -> Result<(), Error> {
    let mut reader = part_reader(text)?;
    reader.skip();
    reader.finish()
}

/// A reader of a part: as deep as it would be in a whole call, so that the limit is the same.
fn part_reader(text: &[u8]) -> Result<Reader<'_>, Error> {
    let mut reader = Reader::new(text, 1)?;
    if !matches!(reader.peek(), b'{' | b'n') {
        reader.wrong(Code::Part);
    }
    Ok(reader)
}

/// A call whose text is being read.
struct Call<'t, 'f> {
    frame: Frame<'t, 'f>,
    tool: Tool,
    /// Where the parts stand that there have been.
    seen: [usize; 4],
    unknown: Unknown,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Tool {
    Unread,
    Unknown,
    Known,
}

/// The parts, by the number that their places have, less one.
const PARTS: [&[u8]; 4] = [b"args", b"agent", b"resource", b"context"];

impl<'f> Call<'_, 'f> {
    fn field<'r>(&mut self, reader: &mut Reader<'r>) -> Result<(), Error>
    where
        'f: 'r,
    {
        let key_at = reader.key_at;
        self.frame.unescape(reader)?;
        let key = reader.raw;
        let first = reader.peek();
        if key == b"tool" {
            if first != b'"' {
                reader.wrong(Code::Tool);
            } else if self.tool != Tool::Unread {
                return Err(Code::Duplicate.at(key_at));
            } else {
                let start = reader.offset();
                self.read_tool(reader).map_err(|error| error.at(start))?;
            }
            return Ok(());
        }
        let index = PARTS.iter().position(|name| *name == key).ok_or(Code::Key.at(key_at))?;
        if !matches!(first, b'{' | b'n') {
            reader.wrong(Code::Part);
            return Ok(());
        }
        let seen = self.seen.get_mut(index).ok_or(Code::Key.at(key_at))?;
        if *seen != 0 {
            return Err(Code::Duplicate.at(key_at));
        }
        *seen = reader.offset();
        if self.tool == Tool::Known && self.unknown.of(index).is_none() {
            value(&mut self.frame, Place::part(index + 1), reader);
        } else {
            reader.skip();
        }
        Ok(())
    }

    fn read_tool<'r>(&mut self, reader: &mut Reader<'r>) -> Result<(), Error>
    where
        'f: 'r,
    {
        reader.string();
        self.frame.unescape(reader)?;
        self.tool = if self.frame.begin(reader.raw)? { Tool::Known } else { Tool::Unknown };
        if self.tool == Tool::Unknown {
            return Ok(());
        }
        // The parts that need no text, and those that came before, so that what to read in them was not known yet.
        for (index, seen) in self.seen.into_iter().enumerate() {
            let place = Place::part(index + 1);
            if let Some(open) = self.unknown.of(index) {
                self.frame.unknown(place, open)?;
            } else if seen != 0 {
                let here = reader.go(seen);
                value(&mut self.frame, place, reader);
                reader.go(here);
            }
        }
        Ok(())
    }
}

/// Reads a value that the policy reads.
fn value<'r, 'f: 'r>(frame: &mut Frame<'_, 'f>, place: Place, reader: &mut Reader<'r>) {
    let first = reader.peek();
    let at = reader.offset();
    let result = match first {
        b'{' => object(frame, place, reader),
        b'[' => list(frame, place, reader),
        b'"' => {
            reader.string();
            frame.unescape(reader).and_then(|()| frame.text(place, reader.raw))
        }
        b't' => {
            reader.literal(b"true");
            frame.boolean(place, true)
        }
        b'f' => {
            reader.literal(b"false");
            frame.boolean(place, false)
        }
        b'n' => {
            reader.literal(b"null");
            frame.null(place)
        }
        _ => {
            let number = reader.number();
            frame.number(place, number)
        }
    };
    if let Err(error) = result {
        reader.fail(error.at(at));
    }
}

fn object<'r, 'f: 'r>(frame: &mut Frame<'_, 'f>, place: Place, reader: &mut Reader<'r>) -> Result<(), Error> {
    frame.object(place)?;
    if !frame.reads_below(place)? {
        reader.skip();
        return Ok(());
    }
    reader.open();
    while reader.key() {
        frame.unescape(reader)?;
        match frame.raw_key(place, reader.raw) {
            Ok(Some(child)) => value(frame, child, reader),
            Ok(None) => reader.skip(),
            Err(error) => reader.fail(error.at(reader.key_at)),
        }
    }
    Ok(())
}

fn list<'r, 'f: 'r>(frame: &mut Frame<'_, 'f>, place: Place, reader: &mut Reader<'r>) -> Result<(), Error> {
    let takes_roles = frame.takes_roles(place)?;
    let start = reader.offset();
    let mut length: u64 = 0;
    reader.open();
    while reader.more(b']') {
        length += 1;
        if !takes_roles || length > LIST_LENGTH {
            reader.skip();
        } else if reader.peek() == b'"' {
            reader.string();
            frame.unescape(reader)?;
            frame.known_role(reader.raw)?;
        } else {
            reader.skip();
            frame.no_role();
        }
    }
    frame.list(place, length)?;
    if frame.looks_into(place)? {
        elements(frame, place, reader, start, length)?;
    }
    Ok(())
}

/// Reads the elements of the list at `start`, now that it is known how many there are.
#[cfg_attr(target_arch = "wasm32", no_mangle)]
fn elements<'r, 'f: 'r>(
    frame: &mut Frame<'_, 'f>,
    place: Place,
    reader: &mut Reader<'r>,
    start: usize,
    length: u64,
) -> Result<(), Error> {
    let Some(mut elements) = frame.elements(place, length)? else { return Ok(()) };
    reader.go(start);
    reader.open();
    while reader.more(b']') {
        frame.element(&mut elements)?;
        value(frame, Place::ELEMENT, reader);
    }
    frame.end(elements);
    Ok(())
}
