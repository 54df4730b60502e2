//! Writes the frame of a call, attribute by attribute.
//!
//! Whoever has a call as JSON text uses [`call`](crate::call); whoever has it as values of a programming language
//! walks them and tells a [`Frame`] of each key and value that the policy reads.

use crate::error::{Code, Error};
use crate::facet::address::Address;
use crate::facet::command::Command;
use crate::facet::url::Url;
use crate::facet::{email, path, Writer};
use crate::json::RawString;
use crate::layout::{self, facet, flag, kind, op, part};
use crate::limits::{INPUT_BYTES, LIST_LENGTH, TOOL_BYTES};
use crate::number::Number;
use crate::table::{Found, Intact, PlaceInfo, Table, View};
use crate::text;

/// What reading a call came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// A frame of so many bytes at the front of the memory.
    Frame(usize),
    /// A good call, but to a tool that the policy does not know.
    UnknownTool,
}

/// Writes the frame of a call to `tool` to the front of `memory`; `fill` tells the frame of the call's parts.
///
/// # Errors
///
/// What `fill` fails with, and [`Code::ToolSize`], [`Code::Heap`] where `memory` is too small, [`Code::Table`].
pub fn write<'t>(
    table: Table<'t>,
    memory: &mut [u8],
    tool: &str,
    fill: impl FnOnce(&mut Frame<'t, '_>) -> Result<(), Error>,
) -> Result<Outcome, Error> {
    let Some(mut frame) = Frame::begin(table, memory, tool)? else { return Ok(Outcome::UnknownTool) };
    fill(&mut frame)?;
    frame.finish()?.settle(memory)
}

/// A frame that is being written.
///
/// It takes the front of the memory that it is given for records, and the memory's end for strings that it keeps.
#[derive(Debug)]
pub struct Frame<'t, 'f> {
    table: Table<'t>,
    role_words: usize,
    /// Where values are written now.
    scope: Scope<'t, 'f>,
    /// What is not taken yet.
    free: &'f mut [u8],
    /// Bytes that are taken at the front.
    front: usize,
    /// Bytes that are taken at the end.
    back: usize,
    /// Elements so far of each list that is looked into, a `u16` each; empty until there is one.
    lists: &'f mut [u8],
    /// How many facets of facets deep this is.
    depth: u8,
}

/// The records of a view.
#[derive(Debug)]
struct Scope<'t, 'f> {
    view: View<'t>,
    records: &'f mut [u8],
    /// Where the first record is: behind the roles in the call's view, at 0 in an element's.
    head: usize,
    /// Where the records are in the frame.
    base: usize,
}

/// The elements of a list that is looked into.
#[derive(Debug)]
pub struct Elements<'t, 'f> {
    view: View<'t>,
    size: usize,
    /// The elements that are still to come.
    rest: &'f mut [u8],
    /// Where they are in the frame.
    base: usize,
    /// Where values were written before.
    outer: Scope<'t, 'f>,
}

/// Where in a view a value belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place(u32);

impl Place {
    /// The tool's name.
    pub const TOOL: Self = Self(part::TOOL as u32);
    /// The arguments.
    pub const ARGS: Self = Self(part::ARGS as u32);
    /// The caller.
    pub const AGENT: Self = Self(part::AGENT as u32);
    /// What the call is about.
    pub const RESOURCE: Self = Self(part::RESOURCE as u32);
    /// Everything else that the host knows.
    pub const CONTEXT: Self = Self(part::CONTEXT as u32);
    /// The element of a list that [`Frame::element`] has begun.
    pub const ELEMENT: Self = Self(0);
}

/// Bytes behind each string that is kept: its size, the record that has it, its hash, the next string of that hash.
const KEPT: usize = 16;
/// A string that no record has: it was only in the way.
const NO_RECORD: u32 = u32::MAX;

const DAMAGED: Error = Code::Table.anywhere();
const FULL: Error = Code::Heap.anywhere();

#[cfg_attr(not(target_arch = "wasm32"), inline(always))]
fn put(to: &mut [u8], at: usize, bytes: &[u8]) -> Result<(), Error> {
    to.get_mut(at..at + bytes.len()).map(|to| to.copy_from_slice(bytes)).intact()
}

#[cfg_attr(not(target_arch = "wasm32"), inline(always))]
fn get<const N: usize>(from: &[u8], at: usize) -> Result<[u8; N], Error> {
    from.get(at..at.saturating_add(N)).and_then(|bytes| bytes.try_into().ok()).intact()
}

impl<'t> Scope<'t, '_> {
    #[cfg_attr(not(target_arch = "wasm32"), inline(always))]
    fn at(&self, place: Place) -> usize {
        self.head + layout::RECORD * place.0 as usize
    }

    #[cfg_attr(not(target_arch = "wasm32"), inline(always))]
    fn info(&self, place: Place) -> Result<PlaceInfo<'t>, Error> {
        self.view.place(place.0 as usize)
    }

    #[cfg_attr(not(target_arch = "wasm32"), inline(always))]
    fn kind(&self, place: Place) -> Result<u32, Error> {
        Ok(u32::from_le_bytes(get(self.records, self.at(place))?))
    }

    #[cfg_attr(not(target_arch = "wasm32"), inline(always))]
    fn set_kind(&mut self, place: Place, kind: u32) -> Result<(), Error> {
        let at = self.at(place);
        put(self.records, at, &kind.to_le_bytes())
    }

    fn set_answer(&mut self, bit: u32) -> Result<(), Error> {
        let at = self.head + layout::RECORD * self.view.place_count() + (bit / 8) as usize;
        let byte = self.records.get_mut(at).intact()?;
        *byte |= 1 << (bit % 8);
        Ok(())
    }
}

impl<'t, 'f> Frame<'t, 'f> {
    /// Begins the frame of a call to `tool`; `None` if the policy does not know the tool.
    pub(crate) fn begin(table: Table<'t>, memory: &'f mut [u8], tool: &str) -> Result<Option<Self>, Error> {
        if tool.len() > TOOL_BYTES {
            return Err(Code::ToolSize.anywhere());
        }
        let Some(view) = table.view(tool)? else { return Ok(None) };
        let role_words = table.role_words()?;
        let front = view.frame_length(role_words).intact()?;
        let (records, free) = memory.split_at_mut_checked(front).ok_or(FULL)?;
        records.fill(0);
        put(records, 0, &view.function.to_le_bytes())?;
        let scope = Scope { view, records, head: layout::record(role_words, 0), base: 0 };
        let mut frame = Self { table, role_words, scope, free, front, back: 0, lists: &mut [], depth: 0 };
        frame.string(Place::TOOL, tool)?;
        Ok(Some(frame))
    }

    /// The place of a key below `object`; `None` if the policy does not read it.
    ///
    /// # Errors
    ///
    /// [`Code::Duplicate`] where the key has a value already, [`Code::Variant`] where it differs only by case from one
    /// that the policy reads, [`Code::Table`].
    #[inline]
    pub fn key(&self, object: Place, key: &str) -> Result<Option<Place>, Error> {
        let keys = self.scope.info(object)?.keys();
        match self.table.key(keys, key)? {
            Found::Nothing => Ok(None),
            Found::Variant => Err(Code::Variant.anywhere()),
            Found::Exact(place) => {
                let place = Place(place);
                if self.scope.kind(place)? != kind::MISSING {
                    return Err(Code::Duplicate.anywhere());
                }
                Ok(Some(place))
            }
        }
    }

    /// Whether the policy reads anything below the object at a place.
    #[inline]
    pub(crate) fn reads_below(&self, object: Place) -> Result<bool, Error> {
        Ok(self.scope.info(object)?.keys() != 0)
    }

    /// A null.
    ///
    /// # Errors
    ///
    /// [`Code::Table`], like all that write a value.
    pub fn null(&mut self, place: Place) -> Result<(), Error> {
        self.state(place, kind::NULL, kind::NULL)
    }

    /// `true` or `false`.
    ///
    /// # Errors
    ///
    /// [`Code::Table`].
    pub fn boolean(&mut self, place: Place, value: bool) -> Result<(), Error> {
        self.state(place, if value { kind::TRUE } else { kind::FALSE }, kind::OBJECT)
    }

    /// An object; its keys follow.
    ///
    /// # Errors
    ///
    /// [`Code::Table`].
    pub fn object(&mut self, place: Place) -> Result<(), Error> {
        self.state(place, kind::OBJECT, kind::OBJECT)
    }

    /// A state, and the state of everything that would be read off the value.
    fn state(&mut self, place: Place, state: u32, facets: u32) -> Result<(), Error> {
        let info = self.scope.info(place)?;
        self.scope.set_kind(place, state)?;
        self.no_facets(place, info, facets, None)?;
        self.role_state(info, facets)
    }

    /// Gives every facet of a place, but for one, a state: there is none.
    #[inline]
    fn no_facets(&mut self, place: Place, info: PlaceInfo<'_>, state: u32, but: Option<u32>) -> Result<(), Error> {
        if info.facet_count() == 0 {
            return Ok(());
        }
        for (kind, at) in self.table.facets(info)? {
            if Some(kind) != but {
                self.facet(place, at, |frame, at| frame.state(at, state, state))?;
            }
        }
        Ok(())
    }

    /// Writes a facet, which may have facets.
    fn facet(
        &mut self,
        of: Place,
        at: u32,
        write: impl FnOnce(&mut Self, Place) -> Result<(), Error>,
    ) -> Result<(), Error> {
        // A table in which facets went round in a circle would never end.
        if at <= of.0 || self.depth > 3 {
            return Err(DAMAGED);
        }
        self.depth += 1;
        write(self, Place(at))?;
        self.depth -= 1;
        Ok(())
    }

    /// A number; `None` if it is out of range.
    ///
    /// # Errors
    ///
    /// [`Code::Table`].
    #[inline]
    pub fn number(&mut self, place: Place, value: Option<Number>) -> Result<(), Error> {
        let info = self.scope.info(place)?;
        if let Some(number) = value {
            let mut record = [0; layout::RECORD];
            let parts = [u64::from(kind::NUMBER), number.head as u64, number.high, number.low];
            for (to, part) in record.chunks_exact_mut(8).zip(parts) {
                to.copy_from_slice(&part.to_le_bytes());
            }
            let at = self.scope.at(place);
            put(self.scope.records, at, &record)?;
        } else {
            self.scope.set_kind(place, kind::RANGE)?;
        }
        self.no_facets(place, info, kind::OBJECT, None)?;
        self.role_state(info, kind::OBJECT)
    }

    /// A list of so many elements. If the policy looks into it, the elements follow: [`element`](Self::element) before
    /// each, [`end`](Self::end) behind the last.
    ///
    /// # Errors
    ///
    /// [`Code::Heap`], [`Code::Table`].
    pub fn list(&mut self, place: Place, length: u64) -> Result<Option<Elements<'t, 'f>>, Error> {
        let info = self.scope.info(place)?;
        if info.flags() & flag::ROLES != 0 {
            // The elements have been, or are still to come: `role` tells if one is no role.
            self.role_state(info, if length > LIST_LENGTH { kind::RANGE } else { kind::LIST })?;
        } else {
            self.role_state(info, kind::OBJECT)?;
        }
        self.no_facets(place, info, kind::OBJECT, Some(facet::LENGTH))?;
        self.length(place, info, length)?;
        if info.element() == 0 {
            self.scope.set_kind(place, if length > LIST_LENGTH { kind::LONG_LIST } else { kind::LIST })?;
            return Ok(None);
        }
        let view = self.table.view_at(info.element())?;
        if self.lists.is_empty() {
            self.lists = self.take(2 * layout::LISTS, NO_RECORD)?.0;
            self.lists.fill(0);
        }
        let at = 2 * view.function as usize;
        let before = u16::from_le_bytes(get(self.lists, at)?);
        let count = before.saturating_add(u16::try_from(length).unwrap_or(u16::MAX));
        put(self.lists, at, &count.to_le_bytes())?;
        if u64::from(count) > LIST_LENGTH {
            self.scope.set_kind(place, kind::LONG_LIST)?;
            return Ok(None);
        }
        let size = view.element_length().intact()?;
        let bytes = size.checked_mul(length as usize).intact()?;
        let (rest, free) = core::mem::take(&mut self.free).split_at_mut_checked(bytes).ok_or(FULL)?;
        rest.fill(0);
        self.free = free;
        let base = self.front;
        self.front += bytes;
        let at = self.scope.at(place);
        self.scope.set_kind(place, kind::LIST)?;
        put(self.scope.records, at + 8, &(base as u64).to_le_bytes())?;
        put(self.scope.records, at + 16, &length.to_le_bytes())?;
        let inner = Scope { view, records: &mut [], head: 0, base };
        let outer = core::mem::replace(&mut self.scope, inner);
        Ok(Some(Elements { view, size, rest, base, outer }))
    }

    /// Goes to the next element, whose value belongs to [`Place::ELEMENT`].
    ///
    /// # Errors
    ///
    /// [`Code::Table`] where there are no more.
    pub fn element(&mut self, elements: &mut Elements<'t, 'f>) -> Result<(), Error> {
        let rest = core::mem::take(&mut elements.rest);
        let (records, rest) = rest.split_at_mut_checked(elements.size).intact()?;
        elements.rest = rest;
        self.scope = Scope { view: elements.view, records, head: 0, base: elements.base };
        elements.base += elements.size;
        Ok(())
    }

    /// Ends a list.
    pub fn end(&mut self, elements: Elements<'t, 'f>) {
        self.scope = elements.outer;
    }

    /// Takes memory at the end for a string: where to write it, and how far from the memory's end it begins.
    fn take(&mut self, length: usize, record: u32) -> Result<(&'f mut [u8], usize), Error> {
        let free = core::mem::take(&mut self.free);
        let size = length + KEPT;
        let (free, taken) = match free.len().checked_sub(size) {
            Some(left) => free.split_at_mut(left),
            None => return Err(FULL),
        };
        self.free = free;
        self.back += size;
        let (text, header) = taken.split_at_mut(length);
        put(header, 0, &(length as u32).to_le_bytes())?;
        put(header, 4, &record.to_le_bytes())?;
        Ok((text, self.back))
    }

    /// A string.
    ///
    /// # Errors
    ///
    /// [`Code::Size`], [`Code::Heap`], [`Code::Table`].
    #[inline]
    pub fn string(&mut self, place: Place, value: &str) -> Result<(), Error> {
        if value.len() > INPUT_BYTES {
            return Err(Code::Size.anywhere());
        }
        let info = self.scope.info(place)?;
        let constant = match info.constants() {
            0 => 0,
            map => self.table.find(map, value.as_bytes())?.unwrap_or(0),
        };
        let at = self.scope.at(place);
        put(self.scope.records, at, &(u64::from(constant) << 32 | u64::from(kind::STRING)).to_le_bytes())?;
        if info.flags() & flag::KEEP != 0 {
            let (to, distance) = self.take(value.len(), (self.scope.base + at) as u32)?;
            to.copy_from_slice(value.as_bytes());
            put(self.scope.records, at + 8, &(distance as u64).to_le_bytes())?;
            put(self.scope.records, at + 16, &(value.len() as u64).to_le_bytes())?;
        }
        if info.test_count() != 0 {
            self.answer_tests(info, value)?;
        }
        if info.facet_count() != 0 {
            self.facets(place, info, value)?;
        }
        if info.flags() & flag::ROLE != 0 {
            self.role_state(info, kind::LIST)?;
            self.role(Some(value))
        } else {
            self.role_state(info, kind::OBJECT)
        }
    }

    fn answer_tests(&mut self, info: PlaceInfo<'_>, value: &str) -> Result<(), Error> {
        for test in self.table.tests(info)? {
            if test.op == op::MATCHES {
                for answer in self.table.automaton(test.first)?.run(value.as_bytes())? {
                    self.scope.set_answer(answer)?;
                }
            } else if holds(test.op, value, self.table.text(test.first, test.second)?)? {
                self.scope.set_answer(test.answer)?;
            }
        }
        Ok(())
    }

    /// Reads the facets of a string.
    fn facets(&mut self, place: Place, info: PlaceInfo<'_>, value: &str) -> Result<(), Error> {
        let mut url = None;
        let mut command = None;
        for (kind, at) in self.table.facets(info)? {
            self.facet(place, at, |frame, at| {
                let mut url = || *url.get_or_insert_with(|| Url::read(value));
                let mut command = || *command.get_or_insert_with(|| Command::read(value));
                match kind {
                    facet::LENGTH => frame.number(at, Some(Number::from(text::code_points(value)))),
                    facet::SCHEME => frame.canonical::<_, 8>(at, url(), |url, to| url.write_scheme(to)),
                    facet::HOST => frame.canonical::<_, 256>(at, url(), |url, to| url.write_host(to)),
                    facet::PORT => match url() {
                        Some(url) => frame.number(at, Some(Number::from(u64::from(url.port())))),
                        None => frame.none(at),
                    },
                    facet::URL_PATH => frame.plain(at, url().and_then(|url| url.path())),
                    facet::PRIVATE => match url() {
                        Some(url) => frame.boolean(at, url.is_private()),
                        None => frame.none(at),
                    },
                    facet::DOMAIN => frame.canonical::<_, 256>(at, email::domain(value), |domain, to| to.lower(domain)),
                    facet::PATH => frame.plain(at, path::posix(value)),
                    facet::WINDOWS_PATH => frame.windows_path(at, value),
                    facet::ADDRESS => {
                        frame.canonical::<_, 130>(at, Address::read(value), |address, to| address.write(to))
                    }
                    facet::WORDS => frame.words(at, command()),
                    facet::PROGRAM => frame.plain(at, command().map(|command| command.program())),
                    _ => Err(DAMAGED),
                }
            })?;
        }
        Ok(())
    }

    /// There is no such facet.
    fn none(&mut self, at: Place) -> Result<(), Error> {
        self.state(at, kind::OBJECT, kind::OBJECT)
    }

    fn plain(&mut self, at: Place, value: Option<&str>) -> Result<(), Error> {
        match value {
            Some(value) => self.string(at, value),
            None => self.none(at),
        }
    }

    /// A facet that is written in its canonical form, of `N` bytes at most.
    fn canonical<T, const N: usize>(
        &mut self,
        at: Place,
        value: Option<T>,
        write: impl FnOnce(T, &mut Writer<'_>) -> Option<()>,
    ) -> Result<(), Error> {
        let mut buffer = [0; N];
        let mut writer = Writer::new(&mut buffer);
        let written = value.and_then(|value| write(value, &mut writer));
        match written.and_then(|()| writer.finish()) {
            Some(text) => self.string(at, text),
            None => self.none(at),
        }
    }

    fn windows_path(&mut self, at: Place, value: &str) -> Result<(), Error> {
        if value.len() > path::MOST {
            return self.none(at);
        }
        let (to, _) = self.take(value.len(), NO_RECORD)?;
        let mut writer = Writer::new(to);
        match path::write_windows(value, &mut writer).and_then(|()| writer.finish()) {
            Some(path) => self.string(at, path),
            None => self.none(at),
        }
    }

    fn words(&mut self, at: Place, command: Option<Command<'_>>) -> Result<(), Error> {
        let Some(command) = command else { return self.none(at) };
        let Some(mut elements) = self.list(at, command.arguments().count() as u64)? else { return Ok(()) };
        for word in command.arguments() {
            self.element(&mut elements)?;
            self.string(Place::ELEMENT, word)?;
        }
        self.end(elements);
        Ok(())
    }

    fn length(&mut self, place: Place, info: PlaceInfo<'_>, length: u64) -> Result<(), Error> {
        if info.facet_count() == 0 {
            return Ok(());
        }
        let number = (length <= LIST_LENGTH).then(|| Number::from(length));
        for (_, at) in self.table.facets(info)?.filter(|(kind, _)| *kind == facet::LENGTH) {
            self.facet(place, at, |frame, at| frame.number(at, number))?;
        }
        Ok(())
    }

    /// A string in JSON text.
    #[inline]
    pub(crate) fn raw_string(&mut self, place: Place, value: RawString<'_>) -> Result<(), Error> {
        if value.escaped {
            let value = self.unescaped(value)?;
            self.string(place, value)
        } else {
            self.string(place, value.raw)
        }
    }

    #[cold]
    fn unescaped(&mut self, value: RawString<'_>) -> Result<&'f str, Error> {
        let (to, _) = self.take(value.raw.len(), NO_RECORD)?;
        value.unescape(to).intact()
    }

    /// Takes what a place says about the caller's roles, if it is one of the two that do: the worst state counts.
    #[cfg_attr(not(target_arch = "wasm32"), inline(always))]
    fn role_state(&mut self, info: PlaceInfo<'_>, state: u32) -> Result<(), Error> {
        if info.flags() & (flag::ROLE | flag::ROLES) == 0 {
            return Ok(());
        }
        let now = u32::from_le_bytes(get(self.scope.records, layout::ROLES)?);
        put(self.scope.records, layout::ROLES, &now.max(state).to_le_bytes())
    }

    /// Whether the elements of the list at a place are the caller's roles, to be told with [`role`](Self::role).
    ///
    /// # Errors
    ///
    /// [`Code::Table`].
    #[inline]
    pub fn takes_roles(&self, list: Place) -> Result<bool, Error> {
        Ok(self.scope.info(list)?.flags() & flag::ROLES != 0)
    }

    /// One of the caller's roles, out of a list that [takes roles](Self::takes_roles); `None` for an element that is no
    /// string.
    ///
    /// # Errors
    ///
    /// [`Code::Table`].
    pub fn role(&mut self, name: Option<&str>) -> Result<(), Error> {
        let Some(name) = name else {
            let now = u32::from_le_bytes(get(self.scope.records, layout::ROLES)?);
            return put(self.scope.records, layout::ROLES, &now.max(kind::OBJECT).to_le_bytes());
        };
        let Some(words) = self.table.role(name)? else { return Ok(()) };
        let to = layout::ROLE_WORDS..layout::ROLE_WORDS + words.len();
        let mine = self.scope.records.get_mut(to).intact()?;
        for (mine, role) in mine.iter_mut().zip(words) {
            *mine |= role;
        }
        Ok(())
    }

    /// Like [`role`](Self::role), for a role in JSON text.
    pub(crate) fn raw_role(&mut self, name: RawString<'_>) -> Result<(), Error> {
        let name = if name.escaped { self.unescaped(name)? } else { name.raw };
        self.role(Some(name))
    }

    /// Sets every attribute of a part of the call open (it may be anything) or withheld (nothing follows from it).
    ///
    /// # Errors
    ///
    /// [`Code::Table`].
    pub fn unknown(&mut self, part: Place, open: bool) -> Result<(), Error> {
        let state = if open { kind::OPEN } else { kind::WITHHELD };
        let info = self.scope.info(part)?;
        let below = info.below()..info.end().min(self.scope.view.place_count() as u32);
        for place in core::iter::once(part.0).chain(below) {
            self.scope.set_kind(Place(place), state)?;
        }
        if part == Place::AGENT {
            put(self.scope.records, layout::ROLES, &state.to_le_bytes())?;
            self.fill_roles(if open { 0xff } else { 0 });
        }
        Ok(())
    }

    fn fill_roles(&mut self, byte: u8) {
        let end = layout::record(self.role_words, 0);
        self.scope.records.get_mut(layout::ROLE_WORDS..end).unwrap_or_default().fill(byte);
    }

    /// Ends the frame.
    #[inline]
    pub(crate) fn finish(mut self) -> Result<Finished<'t>, Error> {
        // Roles that can't be trusted as a whole count for nothing.
        if u32::from_le_bytes(get(self.scope.records, layout::ROLES)?) & (kind::LIST | kind::OPEN) == 0 {
            self.fill_roles(0);
        }
        let Self { table, scope, front, back, .. } = self;
        Ok(Finished { table, view: scope.view, head: scope.head, front, back })
    }
}

/// A frame that is written but for what depends on two strings of the call.
#[derive(Debug)]
pub(crate) struct Finished<'t> {
    table: Table<'t>,
    view: View<'t>,
    head: usize,
    front: usize,
    back: usize,
}

/// The records of a view, in a frame that is written.
#[derive(Clone, Copy)]
struct Base<'t> {
    view: View<'t>,
    /// Where the first record is.
    at: usize,
}

impl<'t> Finished<'t> {
    /// Compares the strings that are kept: numbers them, and answers the tests between two.
    #[inline]
    pub(crate) fn settle(self, memory: &mut [u8]) -> Result<Outcome, Error> {
        if self.back > 0 {
            self.settle_kept(memory)?;
        }
        Ok(Outcome::Frame(self.front))
    }

    fn settle_kept(&self, memory: &mut [u8]) -> Result<(), Error> {
        let (frame, kept) = memory.split_at_mut_checked(self.front).intact()?;
        self.number(frame, kept)?;
        if self.view.has_pairs {
            self.pairs(frame, kept, &[Base { view: self.view, at: self.head }])?;
        }
        Ok(())
    }

    /// Gives equal strings equal numbers.
    fn number(&self, frame: &mut [u8], kept: &mut [u8]) -> Result<(), Error> {
        // The last string of each hash: see `Kept`; 0 for none.
        let mut last = [0_u32; 64];
        let mut after = 0;
        while after < self.back {
            let string = Kept::at(kept, after)?;
            let Some(text) = string.text(kept) else { return Err(DAMAGED) };
            if string.record != NO_RECORD {
                let hash = text::hash(text);
                let slot = last.get_mut(hash as usize % 64).intact()?;
                let number = match same(kept, *slot, hash, text)? {
                    Some(record) => u64::from_le_bytes(get(frame, record as usize + 24)?),
                    None => after as u64 + 1,
                };
                put(frame, string.record as usize + 24, &number.to_le_bytes())?;
                let next = core::mem::replace(slot, after as u32 + 1);
                let header = string.header;
                put(kept, header + 8, &hash.to_le_bytes())?;
                put(kept, header + 12, &next.to_le_bytes())?;
            }
            after += string.size + KEPT;
        }
        Ok(())
    }

    /// Answers the pair tests of the innermost view, and of the views of elements in it.
    fn pairs(&self, frame: &mut [u8], kept: &[u8], bases: &[Base<'t>]) -> Result<(), Error> {
        let Some(inner) = bases.last() else { return Ok(()) };
        for pair in inner.view.pairs() {
            let outer = bases.len().checked_sub(1 + pair.outward as usize).and_then(|at| bases.get(at)).intact()?;
            let left = kept_text(frame, kept, inner.at + layout::RECORD * pair.left as usize)?;
            let right = kept_text(frame, kept, outer.at + layout::RECORD * pair.right as usize)?;
            let (Some(left), Some(right)) = (left, right) else { continue };
            if holds(pair.op, left, right)? {
                let at = inner.at + layout::RECORD * inner.view.place_count() + (pair.answer / 8) as usize;
                *frame.get_mut(at).intact()? |= 1 << (pair.answer % 8);
            }
        }
        for place in 0..inner.view.place_count() {
            let info = inner.view.place(place)?;
            if info.element() == 0 {
                continue;
            }
            let view = self.table.view_at(info.element())?;
            let at = inner.at + layout::RECORD * place;
            let is_list = u32::from_le_bytes(get(frame, at)?) == kind::LIST;
            if !view.has_pairs || !is_list {
                continue;
            }
            let size = view.element_length().intact()?;
            let first = u64::from_le_bytes(get(frame, at + 8)?) as usize;
            let count = (u64::from_le_bytes(get(frame, at + 16)?)).min(LIST_LENGTH) as usize;
            for element in 0..count {
                let base = Base { view, at: first + size * element };
                match *bases {
                    [a] => self.pairs(frame, kept, &[a, base])?,
                    [a, b] => self.pairs(frame, kept, &[a, b, base])?,
                    _ => return Err(DAMAGED),
                }
            }
        }
        Ok(())
    }
}

/// A string that is kept. It is known by how many bytes of the memory come after it.
struct Kept {
    header: usize,
    size: usize,
    record: u32,
    hash: u32,
    /// The one before it with the same hash, plus 1; 0 for none.
    next: u32,
}

impl Kept {
    fn at(kept: &[u8], after: usize) -> Result<Self, Error> {
        let header = kept.len().checked_sub(after + KEPT).intact()?;
        let field = |at| get(kept, header + at).map(u32::from_le_bytes);
        Ok(Self { header, size: field(0)? as usize, record: field(4)?, hash: field(8)?, next: field(12)? })
    }

    fn text<'k>(&self, kept: &'k [u8]) -> Option<&'k [u8]> {
        kept.get(self.header.checked_sub(self.size)?..self.header)
    }
}

/// The record of a string that is the same, among those that lead to the one at `last`.
fn same(kept: &[u8], mut last: u32, hash: u32, text: &[u8]) -> Result<Option<u32>, Error> {
    while let Some(after) = last.checked_sub(1) {
        let string = Kept::at(kept, after as usize)?;
        if string.hash == hash && string.text(kept) == Some(text) {
            return Ok(Some(string.record));
        }
        last = string.next;
    }
    Ok(None)
}

/// The string whose record is at `at`, if there is one.
fn kept_text<'k>(frame: &[u8], kept: &'k [u8], at: usize) -> Result<Option<&'k str>, Error> {
    if u32::from_le_bytes(get(frame, at)?) != kind::STRING {
        return Ok(None);
    }
    let distance = u64::from_le_bytes(get(frame, at + 8)?) as usize;
    let length = u64::from_le_bytes(get(frame, at + 16)?) as usize;
    let start = kept.len().checked_sub(distance).intact()?;
    let bytes = start.checked_add(length).and_then(|end| kept.get(start..end));
    bytes.and_then(|bytes| core::str::from_utf8(bytes).ok()).map(Some).intact()
}

/// The answer of a string test.
fn holds(test: u32, value: &str, operand: &str) -> Result<bool, Error> {
    Ok(match test {
        op::STARTS_WITH => value.as_bytes().starts_with(operand.as_bytes()),
        op::ENDS_WITH => value.as_bytes().ends_with(operand.as_bytes()),
        op::CONTAINS => value.contains(operand),
        _ => return Err(DAMAGED),
    })
}
