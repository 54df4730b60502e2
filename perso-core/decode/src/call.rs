//! From a call's JSON text to its frame.

use crate::error::{Code, Error};
use crate::frame::{Frame, Outcome, Place};
use crate::json::{self, is_next, is_space, unexpected, wrong, Reader};
use crate::layout;
use crate::limits::{DEPTH, LIST_LENGTH};
use crate::number::Number;
use crate::table::Table;
use crate::text::{self, byte};

/// A part of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PartName {
    /// The arguments.
    Args,
    /// The caller.
    Agent,
    /// What the call is about.
    Resource,
    /// Everything else that the host knows.
    Context,
    /// What the host remembers of earlier calls.
    Session,
}

/// Which parts of a call are open (they may be anything) or withheld (nothing may be concluded from them), whatever the
/// call's text says of them. The default is none.
///
/// ```
/// use perso_decode::call::{PartName, Unknown};
///
/// let unknown = Unknown::default().open(PartName::Args).withheld(PartName::Resource);
/// assert_eq!(unknown.bits(), 0b100_0000_0001);
/// assert_eq!(Unknown::from_bits(0b100_0000_0001), Ok(unknown));
/// assert_eq!(unknown.open_time().bits(), 1 << 16 | 0b100_0000_0001);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Unknown(u32);

impl Unknown {
    /// Sets a part open: a denial is final.
    #[must_use]
    pub const fn open(self, part: PartName) -> Self {
        let bit = 1 << part as u32;
        Self(self.0 & !(bit << WITHHELD) | bit)
    }

    /// Withholds a part: an allow is final.
    #[must_use]
    pub const fn withheld(self, part: PartName) -> Self {
        let bit = 1 << part as u32;
        Self(self.0 & !bit | bit << WITHHELD)
    }

    /// Sets the time open: `context.now` may be anything, unless the call's text says what it is.
    #[must_use]
    pub const fn open_time(self) -> Self {
        Self(self.0 | TIME)
    }

    /// The bits of the module's ABI (`perso_evaluate_partial`): 0 to 4 for `args`, `agent`, `resource`, `context` and `session`
    /// being open, 8 to 12 for the same being withheld, 16 for the time being open.
    #[must_use]
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// Reads the bits.
    ///
    /// # Errors
    ///
    /// [`Code::Unknown`] where a bit has no meaning, or a part is both.
    pub fn from_bits(bits: u32) -> Result<Self, Error> {
        let parts = (1 << PARTS) - 1;
        if bits & !(parts | parts << WITHHELD | TIME) != 0 || bits & bits >> WITHHELD & parts != 0 {
            return Err(Code::Unknown.anywhere());
        }
        Ok(Self(bits))
    }

    /// Whether the part is open (`Some(true)`), withheld (`Some(false)`), or as its text says.
    const fn of(self, part: usize) -> Option<bool> {
        match self.0 >> part & (1 | 1 << WITHHELD) {
            0 => None,
            state => Some(state == 1),
        }
    }
}

/// How far above the bit for a part being open that for it being withheld is.
const WITHHELD: u32 = 8;
/// The bit for the time being open.
const TIME: u32 = 1 << 16;

/// How many parts a call has besides its tool.
const PARTS: usize = layout::part::COUNT - 1;

/// Reads a call from JSON text into a frame at the front of `memory`.
///
/// # Errors
///
/// Any [`Code`], with the byte at which it was noticed.
pub fn read(table: Table<'_>, memory: &mut [u8], text: &[u8], unknown: Unknown) -> Result<Outcome, Error> {
    let mut frame = Frame::new(table, memory);
    let mut walk = Walk::new(&mut frame, Reader::new(text, 0)?, unknown);
    if walk.reader.peek() != b'{' {
        return Err(wrong(text, walk.reader.at, Code::Call));
    }
    walk.value(Place::CALL)?;
    walk.reader.finish()?;
    match walk.tool {
        Tool::Unread => Err(Code::NoTool.at(walk.reader.at)),
        Tool::Unknown => Ok(Outcome::UnknownTool),
        Tool::Known => {
            if !cfg!(plain_prelude) && walk.frame.has_strings() {
                strings(&mut walk, text)?;
            }
            if !cfg!(plain_prelude) && unknown.0 & TIME != 0 && frame.has_time() {
                frame.open_time()?;
            }
            frame.finish()?.settle(memory)
        }
    }
}

/// Reads one part of a call from JSON text of its own.
///
/// # Errors
///
/// Any [`Code`], with the byte at which it was noticed.
pub fn read_part(frame: &mut Frame<'_, '_>, part: Place, text: &[u8]) -> Result<(), Error> {
    // As deep as it would be in a whole call, so that the limit is the same.
    let mut walk = Walk::new(frame, Reader::new(text, 1)?, Unknown::default());
    if !matches!(walk.reader.peek(), b'{' | b'n') {
        return Err(wrong(text, walk.reader.at, Code::Part));
    }
    walk.value(part)?;
    walk.reader.finish()?;
    match part {
        Place::NOWHERE => Ok(()),
        part => frame.strings_of(part)?.map_or(Ok(()), |place| frame.strings(place, text)),
    }
}

/// Reads one part of a call from JSON text of its own for nothing but its form.
///
/// # Errors
///
/// Any [`Code`], with the byte at which it was noticed.
pub fn check_part(text: &[u8]) -> Result<(), Error> {
    read_part(&mut Frame::new(Table::EMPTY, &mut []), Place::NOWHERE, text)
}

/// A part of the text, which there is as long as there has been no fault.
#[inline(always)]
fn part(text: &[u8], start: usize, end: usize) -> Result<&[u8], Error> {
    text.get(start..end).ok_or(Code::End.anywhere())
}

/// A walk through the text of a call, or of a part of one.
struct Walk<'w, 't, 'f, 'r> {
    frame: &'w mut Frame<'t, 'f>,
    reader: Reader<'r>,
    tool: Tool,
    /// Where the parts stand that there have been.
    seen: [usize; PARTS],
    unknown: Unknown,
    /// What is read in the objects that are open around the innermost one, by depth.
    objects: [Place; DEPTH as usize],
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Tool {
    Unread,
    Unknown,
    Known,
}

/// The keys of a call, as [`text::word`] makes them: that of the tool, and those of the parts by the number that their
/// places have.
const KEYS: [u64; 1 + PARTS] = [
    u64::from_le_bytes(*b"tool\xff\xff\xff\xff"),
    u64::from_le_bytes(*b"args\xff\xff\xff\xff"),
    u64::from_le_bytes(*b"agent\xff\xff\xff"),
    u64::from_le_bytes(*b"resource"),
    u64::from_le_bytes(*b"context\xff"),
    u64::from_le_bytes(*b"session\xff"),
];

impl<'w, 't, 'f: 'r, 'r> Walk<'w, 't, 'f, 'r> {
    fn new(frame: &'w mut Frame<'t, 'f>, reader: Reader<'r>, unknown: Unknown) -> Self {
        let objects = [Place::NOWHERE; DEPTH as usize];
        Self { frame, reader, tool: Tool::Unread, seen: [0; PARTS], unknown, objects }
    }

    /// Reads the value that comes next: what the policy reads of it goes to its place in the frame, if it has one. Of the
    /// rest only the form is looked at. Calls itself for lists that are read, so not more often than [`DEPTH`].
    ///
    /// # Errors
    ///
    /// The first fault that the text has had.
    fn value(&mut self, place: Place) -> Result<(), Error> {
        if let Err(error) = self.walk::<true>(place) {
            self.reader.fail(error);
        }
        self.reader.sound()
    }

    /// Reads a value for nothing but its form. It is the same walk, compiled once more without all that has to do with
    /// places: where code may be large, that is faster.
    #[inline(never)]
    fn skip(&mut self) {
        if let Err(error) = self.walk::<false>(Place::NOWHERE) {
            self.reader.fail(error);
        }
    }

    /// One pass over one value, in a loop instead of a recursion: the nesting is kept in `objects` and `self.objects`.
    ///
    /// At the head of the loop, `at` is where a value is to begin, and `place` is where it belongs. All that is open has
    /// been entered: `depth - outside` objects and lists, `objects` has a bit for each, and `object` is the innermost one
    /// if something in it is read. The body reads the value, or enters it where it is an object or a list that is not
    /// empty (`goes_on`). If it did not enter one, a value has ended, and with it perhaps what is open around it; the
    /// inner loop leaves all that ends. What follows then is the next element, or a key, which says where the next value
    /// belongs, and the loop begins again. It ends where all has been left.
    ///
    /// `at` and `depth` are the reader's, kept in locals; they are handed back (`self.reader.at = at`) before somebody
    /// else reads, and at the end.
    #[inline(always)]
    fn walk<const READS: bool>(&mut self, outermost: Place) -> Result<(), Error> {
        let text = self.reader.text;
        let mut at = self.reader.at;
        let outside = self.reader.depth;
        let mut depth = outside;
        // Which of the objects and lists that are open here are objects: a bit each, the lowest for the innermost.
        let mut objects = 0_u64;
        let mut place = outermost;
        // The innermost object, if something in it is read.
        let mut object = Place::NOWHERE;
        // The outermost list, if it is read, and where its elements belong.
        let mut list = Place::NOWHERE;
        let mut element = Place::NOWHERE;
        let mut list_at = 0;
        let mut length = 0_u64;
        loop {
            let first = byte(text, at);
            let start = at;
            let is_read = READS && place != Place::NOWHERE;
            // Whether a key or an element comes next.
            let mut goes_on = false;
            let result = if first == b'"' {
                at = self.reader.end_of_string(text, start + 1);
                let taken = if is_read { self.string(place, part(text, start + 1, at)?) } else { Ok(()) };
                at += 1;
                taken
            } else if is_space(first) {
                at += 1;
                continue;
            } else if READS && place == Place::ROLE {
                self.frame.no_role();
                place = Place::NOWHERE;
                continue;
            } else if READS && !is_read && cfg!(not(target_arch = "wasm32")) {
                self.reader.at = at;
                self.reader.depth = depth;
                self.skip();
                at = self.reader.at;
                Ok(())
            } else {
                match first {
                    b'[' if is_read && depth != outside => {
                        self.reader.at = at;
                        self.reader.depth = depth;
                        let taken = self.value(place);
                        at = self.reader.at;
                        taken
                    }
                    b'{' | b'[' => {
                        let is_object = first == b'{';
                        if depth >= DEPTH {
                            return Err(Code::Depth.at(start));
                        }
                        at += 1;
                        goes_on = !is_next(text, &mut at, if is_object { b'}' } else { b']' });
                        if goes_on {
                            objects = objects << 1 | u64::from(is_object);
                            if READS {
                                if let Some(outer) = self.objects.get_mut(depth as usize) {
                                    *outer = object;
                                }
                                object = Place::NOWHERE;
                            }
                            depth += 1;
                        } else {
                            at += 1;
                        }
                        if !is_read {
                            Ok(())
                        } else if !is_object {
                            list = place;
                            list_at = start;
                            self.frame.element_place(list).map(|found| element = found)
                        } else if place == Place::CALL {
                            if goes_on {
                                object = place;
                            }
                            Ok(())
                        } else {
                            self.frame.object(place).and_then(|()| {
                                if goes_on && self.frame.reads_below(place)? {
                                    object = place;
                                }
                                Ok(())
                            })
                        }
                    }
                    b't' | b'f' => {
                        let is_true = first == b't';
                        let last = *if is_true { b"true" } else { b"alse" };
                        at = self.reader.end_of_literal(start, start + usize::from(!is_true), last);
                        if is_read {
                            self.frame.boolean(place, is_true)
                        } else {
                            Ok(())
                        }
                    }
                    b'n' => {
                        at = self.reader.end_of_literal(start, start, *b"null");
                        if is_read {
                            self.frame.null(place)
                        } else {
                            Ok(())
                        }
                    }
                    _ => {
                        at = self.reader.end_of_number(text, start);
                        if is_read {
                            self.frame.number(place, Number::of(part(text, start, at)?))
                        } else {
                            Ok(())
                        }
                    }
                }
            };
            result.map_err(|error| error.at(start))?;
            // Leaves what ends here.
            while !goes_on {
                if depth == outside {
                    self.reader.at = at;
                    self.reader.depth = depth;
                    if READS && list != Place::NOWHERE {
                        self.list(list, list_at, length).map_err(|error| error.at(list_at))?;
                    }
                    return Ok(());
                }
                let end = byte(text, at);
                if end == b',' {
                    goes_on = true;
                } else if end == if objects & 1 == 0 { b']' } else { b'}' } {
                    objects >>= 1;
                    depth -= 1;
                    if READS {
                        // It is below that limit; to say so saves the check.
                        let outer = self.objects.get((depth % DEPTH) as usize);
                        object = outer.copied().unwrap_or(Place::NOWHERE);
                    }
                } else if !is_space(end) {
                    return Err(unexpected(text, at));
                }
                at += 1;
            }
            place = Place::NOWHERE;
            if objects & 1 == 0 {
                if READS && depth == outside + 1 {
                    length += 1;
                    if length <= LIST_LENGTH {
                        place = element;
                    }
                }
                continue;
            }
            if !is_next(text, &mut at, b'"') {
                return Err(unexpected(text, at));
            }
            let key_start = at;
            let key_end = self.reader.end_of_string(text, key_start + 1);
            at = key_end + 1;
            if !is_next(text, &mut at, b':') {
                return Err(unexpected(text, at));
            }
            at += 1;
            if READS && object != Place::NOWHERE {
                let raw = part(text, key_start + 1, key_end)?;
                let key = self.frame.plain(&self.reader, raw).map_err(|error| error.at(key_start))?;
                place = if object == Place::CALL {
                    at = json::next(text, at);
                    self.field(key, key_start, byte(text, at), at)?
                } else {
                    self.frame.below(object, key).map_err(|error| error.at(key_start))?
                };
            }
        }
    }

    /// Where the value at `at` belongs, which begins with `first`, and which the call has for a key.
    #[cfg_attr(not(target_arch = "wasm32"), inline(never))]
    fn field(&mut self, key: &[u8], key_at: usize, first: u8, at: usize) -> Result<Place, Error> {
        let word = text::word(key);
        let index = KEYS.iter().position(|name| *name == word).ok_or(Code::Key.at(key_at))?;
        let Some(part) = index.checked_sub(1) else {
            if first != b'"' {
                return Err(wrong(self.reader.text, at, Code::Tool));
            }
            return if self.tool == Tool::Unread { Ok(Place::CALLED) } else { Err(Code::Duplicate.at(key_at)) };
        };
        if !matches!(first, b'{' | b'n') {
            return Err(wrong(self.reader.text, at, Code::Part));
        }
        let seen = self.seen.get_mut(part).ok_or(Code::Key.at(key_at))?;
        if *seen != 0 {
            return Err(Code::Duplicate.at(key_at));
        }
        *seen = at;
        let is_read = self.tool == Tool::Known && self.unknown.of(part).is_none();
        Ok(if is_read { Place::part(index) } else { Place::NOWHERE })
    }

    /// Takes a string for what it is where it stands.
    #[inline(always)]
    fn string(&mut self, place: Place, raw: &'r [u8]) -> Result<(), Error> {
        let string = self.frame.plain(&self.reader, raw)?;
        match place {
            Place::CALLED => self.tool(string),
            Place::ROLE => self.frame.known_role(string),
            _ => self.frame.text(place, string),
        }
    }

    #[cfg_attr(not(target_arch = "wasm32"), inline(never))]
    fn tool(&mut self, tool: &[u8]) -> Result<(), Error> {
        if !self.frame.begin(tool)? {
            self.tool = Tool::Unknown;
            return Ok(());
        }
        self.tool = Tool::Known;
        // The parts that need no text, and those that came before, so that what to read in them was not known yet.
        for index in 0..self.seen.len() {
            let place = Place::part(index + 1);
            let seen = self.seen.get(index).copied().filter(|seen| *seen != 0);
            if let Some(open) = self.unknown.of(index) {
                self.frame.unknown(place, open)?;
            } else if let Some(seen) = seen {
                self.reader.at = seen;
                // Nothing is read around the call, so that it does no harm to `objects` to begin at the front.
                self.value(place)?;
            }
        }
        Ok(())
    }

    /// Takes the list at `start`.
    #[cfg_attr(not(target_arch = "wasm32"), inline(never))]
    fn list(&mut self, place: Place, start: usize, length: u64) -> Result<(), Error> {
        self.frame.list(place, length)?;
        if self.frame.looks_into(place)? {
            elements(self, place, start, length)?;
        }
        Ok(())
    }
}

/// Looks through each part whose strings are all looked at.
#[cfg_attr(all(target_arch = "wasm32", not(plain_prelude)), no_mangle, inline(never))]
fn strings(walk: &mut Walk<'_, '_, '_, '_>, text: &[u8]) -> Result<(), Error> {
    for index in 0..walk.seen.len() {
        let seen = walk.seen.get(index).copied().filter(|seen| *seen != 0);
        let (Some(seen), None) = (seen, walk.unknown.of(index)) else { continue };
        if let Some(place) = walk.frame.strings_of(Place::part(index + 1))? {
            let part = text.get(seen..).unwrap_or_default();
            walk.frame.strings(place, part).map_err(|error| error.at(seen))?;
        }
    }
    Ok(())
}

/// Reads the elements of the list at `start`, now that it is known how many there are, and that they are JSON.
#[cfg_attr(target_arch = "wasm32", no_mangle)]
fn elements<'f: 'r, 'r>(walk: &mut Walk<'_, '_, 'f, 'r>, place: Place, start: usize, length: u64) -> Result<(), Error> {
    let Some(mut elements) = walk.frame.elements(place, length)? else { return Ok(()) };
    let end = core::mem::replace(&mut walk.reader.at, start + 1);
    for _ in 0..length {
        walk.frame.element(&mut elements)?;
        walk.value(Place::ELEMENT)?;
        // A comma or the list's end.
        walk.reader.peek();
        walk.reader.at += 1;
    }
    walk.reader.at = end;
    walk.frame.end(elements);
    Ok(())
}
