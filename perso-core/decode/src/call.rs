//! From a call's JSON text to its frame.

use crate::error::{Code, Error};
use crate::frame::{Finished, Frame, Outcome, Place};
use crate::json::{RawString, Reader, Start};
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
    let mut reader = Reader::new(text)?;
    let mut call = Call { table, memory: Some(&mut *memory), tool: Tool::Unread, later: [0; 4], unknown };
    if reader.peek()? != Start::Object {
        return Err(Code::Call.at(reader.offset()));
    }
    reader.object(|reader, key, offset| call.field(reader, key, offset))?;
    reader.finish()?;
    match call.finish(&reader)? {
        Some(finished) => finished.settle(memory),
        None => Ok(Outcome::UnknownTool),
    }
}

/// Reads one part of a call from JSON text of its own.
///
/// # Errors
///
/// Any [`Code`], with the byte at which it was noticed.
pub fn read_part(frame: &mut Frame<'_, '_>, part: Place, text: &[u8]) -> Result<(), Error> {
    let reader = Reader::new(text)?;
    // As deep as it would be in a whole call, so that the limit is the same.
    let mut reader = reader.rewound(0, 1);
    fill(frame, part, &mut reader)?;
    reader.finish()
}

/// A call whose text is being read.
struct Call<'t, 'f> {
    table: Table<'t>,
    /// Until the frame has it.
    memory: Option<&'f mut [u8]>,
    tool: Tool<'t, 'f>,
    /// Where the parts stand that came before the tool, so that what to read in them was not known yet.
    later: [usize; 4],
    unknown: Unknown,
}

enum Tool<'t, 'f> {
    Unread,
    Unknown,
    Known(Frame<'t, 'f>),
}

const PARTS: [(&str, Place); 4] =
    [("args", Place::ARGS), ("agent", Place::AGENT), ("resource", Place::RESOURCE), ("context", Place::CONTEXT)];

impl<'t, 'f> Call<'t, 'f> {
    fn field(&mut self, reader: &mut Reader<'_>, key: RawString<'_>, offset: usize) -> Result<(), Error> {
        let mut buffer = [0; 16];
        let key = if key.escaped { key.unescape(&mut buffer).ok_or(Code::Key.at(offset))? } else { key.raw };
        if key == "tool" {
            return self.read_tool(reader, offset);
        }
        let (index, place) = PARTS
            .iter()
            .enumerate()
            .find_map(|(index, (name, place))| (*name == key).then_some((index, *place)))
            .ok_or(Code::Key.at(offset))?;
        let object = match reader.peek()? {
            Start::Object => true,
            Start::Null => false,
            _ => return Err(Code::Part.at(reader.offset())),
        };
        let later = self.later.get_mut(index).ok_or(Code::Key.at(offset))?;
        if *later != 0 {
            return Err(Code::Duplicate.at(offset));
        }
        *later = reader.offset();
        match &mut self.tool {
            Tool::Known(frame) if self.unknown.of(index).is_none() => fill(frame, place, reader),
            _ if object => reader.skip(),
            _ => reader.literal("null"),
        }
    }

    fn read_tool(&mut self, reader: &mut Reader<'_>, offset: usize) -> Result<(), Error> {
        if reader.peek()? != Start::String {
            return Err(Code::Tool.at(reader.offset()));
        }
        let start = reader.offset();
        let name = reader.string()?;
        let Some(memory) = self.memory.take() else { return Err(Code::Duplicate.at(offset)) };
        let mut buffer = [0; crate::limits::TOOL_BYTES];
        let name = if name.escaped { name.unescape(&mut buffer).ok_or(Code::ToolSize.at(start))? } else { name.raw };
        let frame = Frame::begin(self.table, memory, name).map_err(|error| error.moved(start))?;
        self.tool = frame.map_or(Tool::Unknown, Tool::Known);
        // The parts that need no text, and those that came before.
        if let Tool::Known(frame) = &mut self.tool {
            for (index, ((_, place), at)) in PARTS.iter().zip(self.later).enumerate() {
                match self.unknown.of(index) {
                    Some(open) => frame.unknown(*place, open)?,
                    None if at != 0 => fill(frame, *place, &mut reader.rewound(at, 1))?,
                    None => {}
                }
            }
        }
        Ok(())
    }

    /// The frame; `None` if the policy does not know the tool.
    fn finish(self, reader: &Reader<'_>) -> Result<Option<Finished<'t>>, Error> {
        match self.tool {
            Tool::Unread => Err(Code::NoTool.at(reader.offset())),
            Tool::Unknown => Ok(None),
            Tool::Known(frame) => frame.finish().map(Some),
        }
    }
}

/// Reads a part of the call: an object or null.
fn fill(frame: &mut Frame<'_, '_>, part: Place, reader: &mut Reader<'_>) -> Result<(), Error> {
    match reader.peek()? {
        Start::Object | Start::Null => value(frame, part, reader),
        _ => Err(Code::Part.at(reader.offset())),
    }
}

/// Reads a value that the policy reads.
fn value(frame: &mut Frame<'_, '_>, place: Place, reader: &mut Reader<'_>) -> Result<(), Error> {
    let start = reader.peek()?;
    let offset = reader.offset();
    let result = match start {
        Start::String => {
            let string = reader.string()?;
            frame.raw_string(place, string)
        }
        Start::Number => {
            let number = reader.number()?;
            frame.number(place, number)
        }
        Start::True => {
            reader.literal("true")?;
            frame.boolean(place, true)
        }
        Start::False => {
            reader.literal("false")?;
            frame.boolean(place, false)
        }
        Start::Null => {
            reader.literal("null")?;
            frame.null(place)
        }
        Start::Object => return object(frame, place, reader),
        Start::List => return list(frame, place, reader),
    };
    result.map_err(|error| error.moved(offset))
}

fn object(frame: &mut Frame<'_, '_>, place: Place, reader: &mut Reader<'_>) -> Result<(), Error> {
    frame.object(place)?;
    if !frame.reads_below(place)? {
        return reader.skip();
    }
    reader.object(|reader, name, offset| {
        let child = if name.escaped { escaped_key(frame, place, name) } else { frame.key(place, name.raw) };
        match child.map_err(|error| error.moved(offset))? {
            Some(child) => value(frame, child, reader),
            None => reader.skip(),
        }
    })
}

#[cold]
fn escaped_key(frame: &Frame<'_, '_>, place: Place, name: RawString<'_>) -> Result<Option<Place>, Error> {
    // Folding can shorten a character to a third, so only a key of three times the limit is surely none that is read.
    let mut buffer = [0; 3 * crate::limits::KEY_BYTES];
    match name.unescape(&mut buffer) {
        Some(name) => frame.key(place, name),
        None => Ok(None),
    }
}

fn list(frame: &mut Frame<'_, '_>, place: Place, reader: &mut Reader<'_>) -> Result<(), Error> {
    let roles = frame.takes_roles(place)?;
    let start = reader.clone();
    let mut length: u64 = 0;
    reader.list(|reader| {
        length += 1;
        if !roles || length > LIST_LENGTH {
            return reader.skip();
        }
        if reader.peek()? == Start::String {
            let name = reader.string()?;
            frame.raw_role(name)
        } else {
            reader.skip()?;
            frame.role(None)
        }
    })?;
    // Now that it is known how many elements there are, they are read.
    if let Some(mut elements) = frame.list(place, length)? {
        start.clone().list(|reader| {
            frame.element(&mut elements)?;
            value(frame, Place::ELEMENT, reader)
        })?;
        frame.end(elements);
    }
    Ok(())
}

/// Reads one part of a call from JSON text of its own for nothing but its form.
///
/// # Errors
///
/// Any [`Code`], with the byte at which it was noticed.
pub fn check_part(text: &[u8]) -> Result<(), Error> {
    let mut reader = Reader::new(text)?.rewound(0, 1);
    match reader.peek()? {
        Start::Object | Start::Null => reader.skip()?,
        _ => return Err(Code::Part.at(reader.offset())),
    }
    reader.finish()
}
