//! Writes the frame of a call, attribute by attribute.
//!
//! Whoever has a call as JSON text uses [`call`](crate::call); whoever has it as values of a programming language
//! walks them and tells a [`Frame`] of each key and value that the policy reads.
//!
//! The functions that have a name of their own on wasm32 are those that few policies need: the compiler leaves out of a
//! module what its policy does not use. See `perso-core/src/emit/prelude.rs`. The lean prelude lacks those that bring
//! much along; it is for policies that need none of them.

use crate::error::{Code, Error};
use crate::facet::address::Address;
use crate::facet::command::Command;
use crate::facet::url::Url;
use crate::facet::{email, path, Writer};
use crate::json::{self, Reader};
use crate::layout::{self, facet, flag, kind, op, part};
use crate::limits::{INPUT_BYTES, LIST_LENGTH, TOOL_BYTES};
use crate::number::Number;
use crate::table::{number, Intact, PlaceInfo, Table, View, Word, NOTHING, VARIANT};
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
    let mut frame = Frame::new(table, memory);
    if !frame.begin(tool.as_bytes())? {
        return Ok(Outcome::UnknownTool);
    }
    fill(&mut frame)?;
    frame.finish()?.settle(memory)
}

/// A frame that is being written.
///
/// It takes the front of the memory that it is given for records, and the memory's end for strings that it keeps.
#[derive(Debug)]
pub struct Frame<'t, 'f> {
    table: Table<'t>,
    /// What stands before the records: the caller's roles.
    head: &'f mut [u8],
    /// What there was of the caller's roles: a set of [`kind`]s, of which the worst, the highest, counts.
    roles: u32,
    /// Where values are written now.
    scope: Scope<'t, 'f>,
    /// What is not taken yet.
    free: &'f mut [u8],
    /// What has just been taken.
    taken: &'f mut [u8],
    /// Bytes that are taken at the front.
    front: usize,
    /// Bytes that are taken at the end.
    back: usize,
    /// Whether a string is kept there.
    keeps: bool,
    /// Elements so far of each list that is looked into.
    lists: [u16; layout::LISTS],
    /// How many facets of facets deep this is.
    depth: u8,
}

/// The records of a view, and behind them the answers to its tests.
#[derive(Debug)]
struct Scope<'t, 'f> {
    view: View<'t>,
    records: &'f mut [u8],
    /// Where they are in the frame.
    base: usize,
}

/// The elements of a list that is looked into.
#[derive(Debug)]
pub struct Elements<'t, 'f> {
    size: usize,
    /// The elements that are still to come.
    rest: &'f mut [u8],
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
    /// Where values belong that the policy does not read. No view has as many places, nor as the next three say.
    pub(crate) const NOWHERE: Self = Self(NOTHING);
    /// The call itself.
    pub(crate) const CALL: Self = Self(NOTHING - 1);
    /// The name of the tool that is called.
    pub(crate) const CALLED: Self = Self(NOTHING - 2);
    /// An element of a list of roles.
    pub(crate) const ROLE: Self = Self(NOTHING - 3);
    /// The element of a list that [`Frame::element`] has begun.
    pub const ELEMENT: Self = Self(0);

    /// The place of a part of the call.
    pub(crate) const fn part(part: usize) -> Self {
        Self(part as u32)
    }

    /// Its number in the view.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) const fn number(self) -> u32 {
        self.0
    }
}

/// What facets are read off.
#[derive(Clone, Copy)]
enum Value<'v> {
    String(&'v [u8]),
    /// A list of so many elements.
    List(u64),
    /// Something that has none; they are all in this state.
    Other(u32),
}

/// Bytes behind each string that is kept: its size, the record that has it, its hash, the next string of that hash.
const KEPT: usize = 16;
/// A string that no record has: it was only in the way.
const NO_RECORD: u32 = u32::MAX;

const DAMAGED: Error = Code::Table.anywhere();
const FULL: Error = Code::Heap.anywhere();

/// A record: its state and constant, and three parts.
type Record = [[u8; 8]; 4];

#[cfg_attr(not(target_arch = "wasm32"), inline(always))]
fn put<const N: usize>(to: &mut [u8], at: usize, bytes: [u8; N]) -> Result<(), Error> {
    *to.get_mut(at..).and_then(<[u8]>::first_chunk_mut).intact()? = bytes;
    Ok(())
}

#[cfg_attr(not(target_arch = "wasm32"), inline(always))]
fn get<const N: usize>(from: &[u8], at: usize) -> Result<[u8; N], Error> {
    from.get(at..).and_then(<[u8]>::first_chunk).copied().intact()
}

impl<'t> Scope<'t, '_> {
    #[inline(always)]
    fn info(&self, place: Place) -> Result<PlaceInfo<'t>, Error> {
        self.view.place(place.0)
    }

    #[cfg_attr(not(target_arch = "wasm32"), inline(always))]
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    fn record(&mut self, place: Place) -> Result<&mut Record, Error> {
        self.records.as_chunks_mut().0.as_chunks_mut().0.get_mut(place.0 as usize).intact()
    }

    #[cfg_attr(not(target_arch = "wasm32"), inline(always))]
    fn set_kind(&mut self, place: Place, kind: u32) -> Result<(), Error> {
        self.record(place)?[0] = u64::from(kind).to_le_bytes();
        Ok(())
    }

    fn set_answer(&mut self, bit: u32) -> Result<(), Error> {
        let at = layout::RECORD * self.view.place_count() + (bit / 8) as usize;
        *self.records.get_mut(at).intact()? |= 1 << (bit % 8);
        Ok(())
    }

    /// See [`Frame::key`].
    #[cfg_attr(not(target_arch = "wasm32"), inline(never))]
    fn key(&mut self, table: Table<'t>, object: Place, key: &[u8]) -> Result<Place, Error> {
        match table.key(self.info(object)?.keys(), key)? {
            NOTHING => Ok(Place::NOWHERE),
            VARIANT => Err(Code::Variant.anywhere()),
            place => {
                let place = Place(place);
                if self.record(place)?[0] != [0; 8] {
                    return Err(Code::Duplicate.anywhere());
                }
                Ok(place)
            }
        }
    }
}

impl<'t, 'f> Frame<'t, 'f> {
    /// A frame that may take all of the memory.
    pub(crate) const fn new(table: Table<'t>, memory: &'f mut [u8]) -> Self {
        let scope = Scope { view: View::empty(), records: &mut [], base: 0 };
        Self {
            table,
            head: &mut [],
            roles: 0,
            scope,
            free: memory,
            taken: &mut [],
            front: 0,
            back: 0,
            keeps: false,
            lists: [0; layout::LISTS],
            depth: 0,
        }
    }

    /// Begins the frame of a call to `tool`; `false` if the policy does not know the tool.
    pub(crate) fn begin(&mut self, tool: &[u8]) -> Result<bool, Error> {
        if tool.len() > TOOL_BYTES {
            return Err(Code::ToolSize.anywhere());
        }
        let Some(view) = self.table.view(tool)? else { return Ok(false) };
        let role_words = self.table.role_words()?;
        // The parts of a call are always there.
        if view.place_count() < part::COUNT || role_words > 1 << 10 {
            return Err(DAMAGED);
        }
        let base = layout::record(role_words, 0);
        self.take_front(base + view.length()?)?;
        let (head, records) = core::mem::take(&mut self.taken).split_at_mut_checked(base).intact()?;
        put(head, 0, view.function())?;
        self.head = head;
        self.scope = Scope { view, records, base };
        self.text(Place::TOOL, tool)?;
        Ok(true)
    }

    /// The place of a key below `object`; `None` if the policy does not read it.
    ///
    /// # Errors
    ///
    /// [`Code::Duplicate`] where the key has a value already, [`Code::Variant`] where it differs only by case from one
    /// that the policy reads, [`Code::Table`].
    #[inline]
    pub fn key(&mut self, object: Place, key: &str) -> Result<Option<Place>, Error> {
        let place = self.scope.key(self.table, object, key.as_bytes())?;
        Ok((place != Place::NOWHERE).then_some(place))
    }

    /// The same, for a key in JSON text; [`Place::NOWHERE`] if the policy does not read it.
    #[inline(always)]
    pub(crate) fn below(&mut self, object: Place, key: &[u8]) -> Result<Place, Error> {
        self.scope.key(self.table, object, key)
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
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    fn state(&mut self, place: Place, state: u32, facets: u32) -> Result<(), Error> {
        self.scope.set_kind(place, state)?;
        self.rest(place, facets)
    }

    /// What follows from a value of which there are no facets: their state, and that of the caller's roles.
    #[cfg_attr(not(target_arch = "wasm32"), inline(always))]
    fn rest(&mut self, place: Place, state: u32) -> Result<(), Error> {
        let info = self.scope.info(place)?;
        if info.facet_count() != 0 {
            self.facets(place, info, Value::Other(state))?;
        }
        self.role_state(info, state);
        Ok(())
    }

    /// Goes to a facet, which may have facets.
    fn enter(&mut self, of: Place, at: Word) -> Result<Place, Error> {
        let at = number(at);
        // A table in which facets went round in a circle would never end.
        if at <= of.0 || self.depth > 3 {
            return Err(DAMAGED);
        }
        self.depth += 1;
        Ok(Place(at))
    }

    /// The length of a string.
    #[cfg_attr(target_arch = "wasm32", no_mangle)]
    fn length(&mut self, at: Place, length: u64) -> Result<(), Error> {
        self.number(at, Some(Number::from(length)))
    }

    /// The number of a list's elements.
    #[cfg_attr(target_arch = "wasm32", no_mangle)]
    fn count(&mut self, at: Place, count: u64) -> Result<(), Error> {
        self.number(at, (count <= LIST_LENGTH).then(|| Number::from(count)))
    }

    /// A number; `None` if it is out of range.
    ///
    /// # Errors
    ///
    /// [`Code::Table`].
    #[inline]
    pub fn number(&mut self, place: Place, value: Option<Number>) -> Result<(), Error> {
        if let Some(Number { head, high, low }) = value {
            let kind = u64::from(kind::NUMBER).to_le_bytes();
            *self.scope.record(place)? = [kind, head.to_le_bytes(), high.to_le_bytes(), low.to_le_bytes()];
        } else {
            self.scope.set_kind(place, kind::RANGE)?;
        }
        self.rest(place, kind::OBJECT)
    }

    /// A list of so many elements. If the policy looks into it, [`elements`](Self::elements) follow.
    ///
    /// # Errors
    ///
    /// [`Code::Table`].
    pub fn list(&mut self, place: Place, length: u64) -> Result<(), Error> {
        let info = self.scope.info(place)?;
        let is_long = length > LIST_LENGTH;
        self.scope.set_kind(place, if is_long { kind::LONG_LIST } else { kind::LIST })?;
        // The roles in it have been, or are still to come: `role` tells if one is no role.
        let roles = match info.flags() & flag::ROLES {
            0 => kind::OBJECT,
            _ if is_long => kind::RANGE,
            _ => kind::LIST,
        };
        self.role_state(info, roles);
        if info.facet_count() != 0 {
            self.facets(place, info, Value::List(length))?;
        }
        Ok(())
    }

    /// Whether the policy looks into the list at a place.
    #[inline]
    pub(crate) fn looks_into(&self, list: Place) -> Result<bool, Error> {
        Ok(self.scope.info(list)?.element() != 0)
    }

    /// The elements of the [`list`](Self::list) at a place: [`element`](Self::element) before each, [`end`](Self::end)
    /// behind the last. `None` if the policy does not look into it.
    ///
    /// # Errors
    ///
    /// [`Code::Heap`], [`Code::Table`].
    pub fn elements(&mut self, place: Place, length: u64) -> Result<Option<Elements<'t, 'f>>, Error> {
        let element = self.scope.info(place)?.element();
        if element == 0 {
            return Ok(None);
        }
        let view = self.table.view_at(element)?;
        let count = self.lists.get_mut(number(view.function()) as usize).intact()?;
        *count = count.saturating_add(u16::try_from(length).unwrap_or(u16::MAX));
        if u64::from(*count) > LIST_LENGTH {
            self.scope.set_kind(place, kind::LONG_LIST)?;
            return Ok(None);
        }
        let size = view.length()?;
        let base = self.front;
        self.take_front(size.checked_mul(length as usize).intact()?)?;
        let rest = core::mem::take(&mut self.taken);
        let [_, at, count, _] = self.scope.record(place)?;
        *at = (base as u64).to_le_bytes();
        *count = length.to_le_bytes();
        // The first element is as far behind this as the others are from each other.
        let before = Scope { view, records: &mut [], base: base.wrapping_sub(size) };
        Ok(Some(Elements { size, rest, outer: core::mem::replace(&mut self.scope, before) }))
    }

    /// Goes to the next element, whose value belongs to [`Place::ELEMENT`].
    ///
    /// # Errors
    ///
    /// [`Code::Table`] where there are no more.
    #[inline]
    pub fn element(&mut self, elements: &mut Elements<'t, 'f>) -> Result<(), Error> {
        let rest = core::mem::take(&mut elements.rest);
        let (records, rest) = rest.split_at_mut_checked(elements.size).intact()?;
        elements.rest = rest;
        self.scope.records = records;
        self.scope.base = self.scope.base.wrapping_add(elements.size);
        Ok(())
    }

    /// Ends a list.
    #[inline]
    pub fn end(&mut self, elements: Elements<'t, 'f>) {
        self.scope = elements.outer;
    }

    /// Takes memory at the front for records, all zero.
    fn take_front(&mut self, length: usize) -> Result<(), Error> {
        let (taken, free) = core::mem::take(&mut self.free).split_at_mut_checked(length).ok_or(FULL)?;
        taken.fill(0);
        self.taken = taken;
        self.free = free;
        self.front += length;
        Ok(())
    }

    /// Takes memory at the end for a string; its first byte is as far from the memory's end as `back` says then.
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    fn take_back(&mut self, length: usize, record: u32) -> Result<(), Error> {
        let free = core::mem::take(&mut self.free);
        let left = free.len().checked_sub(length + KEPT).ok_or(FULL)?;
        let (free, taken) = free.split_at_mut_checked(left).ok_or(FULL)?;
        self.free = free;
        self.back += length + KEPT;
        let (text, header) = taken.split_at_mut_checked(length).intact()?;
        put(header, 0, (length as u64 | u64::from(record) << 32).to_le_bytes())?;
        self.taken = text;
        Ok(())
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
        self.text(place, value.as_bytes())
    }

    /// A string, as its UTF-8.
    #[cfg_attr(not(target_arch = "wasm32"), inline)]
    pub(crate) fn text(&mut self, place: Place, value: &[u8]) -> Result<(), Error> {
        let info = self.scope.info(place)?;
        let constant = match info.constants() {
            0 => 0,
            map => match self.table.find(map, value)? {
                NOTHING => 0,
                constant => constant,
            },
        };
        let flags = info.flags();
        if flags & flag::KEEP != 0 {
            let at = self.scope.base + layout::RECORD * place.0 as usize;
            self.take_back(value.len(), at as u32)?;
            self.taken.copy_from_slice(value);
            self.keeps = true;
            let [_, at, length, _] = self.scope.record(place)?;
            *at = (self.back as u64).to_le_bytes();
            *length = (value.len() as u64).to_le_bytes();
        }
        self.scope.record(place)?[0] = (u64::from(constant) << 32 | u64::from(kind::STRING)).to_le_bytes();
        if info.test_count() != 0 {
            self.tests(info, value)?;
        }
        if info.facet_count() != 0 {
            self.facets(place, info, Value::String(value))?;
        }
        let is_role = flags & flag::ROLE != 0;
        self.role_state(info, if is_role { kind::LIST } else { kind::OBJECT });
        if is_role {
            self.known_role(value)?;
        }
        Ok(())
    }

    /// What a string or key is that a reader of JSON text has just read: without its escapes.
    #[inline(always)]
    pub(crate) fn plain<'r>(&mut self, reader: &Reader<'r>, raw: &'r [u8]) -> Result<&'r [u8], Error>
    where
        'f: 'r,
    {
        if reader.is_escaped {
            return self.unescaped(raw);
        }
        Ok(raw)
    }

    #[cold]
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    fn unescaped(&mut self, raw: &[u8]) -> Result<&'f [u8], Error> {
        self.take_back(raw.len(), NO_RECORD)?;
        json::unescape(raw, core::mem::take(&mut self.taken)).intact()
    }

    /// Answers the tests of a string.
    #[cfg_attr(target_arch = "wasm32", no_mangle)]
    fn tests(&mut self, info: PlaceInfo<'_>, value: &[u8]) -> Result<(), Error> {
        for [op, first, second, answer] in self.table.tests(info)? {
            if number(*op) == op::MATCHES {
                self.matches(*first, value)?;
            } else if holds(*op, value, self.table.text(*first, *second)?)? {
                self.scope.set_answer(number(*answer))?;
            }
        }
        Ok(())
    }

    #[cfg_attr(target_arch = "wasm32", no_mangle)]
    fn matches(&mut self, automaton: Word, value: &[u8]) -> Result<(), Error> {
        for answer in self.table.automaton(number(automaton))?.run(value)? {
            self.scope.set_answer(answer)?;
        }
        Ok(())
    }

    /// Reads the facets of a value.
    #[cfg_attr(target_arch = "wasm32", no_mangle)]
    fn facets(&mut self, place: Place, info: PlaceInfo<'_>, value: Value<'_>) -> Result<(), Error> {
        let mut url = None;
        let mut command = None;
        for [kind, at] in self.table.facets(info)? {
            let at = self.enter(place, *at)?;
            match (value, number(*kind)) {
                (Value::Other(state), _) => self.state(at, state, state),
                (Value::List(count), facet::COUNT) => self.count(at, count),
                (Value::List(_), _) | (_, facet::COUNT) => self.none(at),
                (Value::String(value), kind) => match kind {
                    facet::LENGTH => self.length(at, text::code_points(value)),
                    facet::DOMAIN => self.domain(at, value),
                    _ if cfg!(lean_prelude) => Err(DAMAGED),
                    facet::SCHEME..=facet::PRIVATE | facet::QUERY => self.url(at, kind, &mut url, value),
                    facet::PATH => self.path(at, value),
                    facet::WINDOWS_PATH => self.windows_path(at, value),
                    facet::ADDRESS => self.address(at, value),
                    facet::WORDS => self.words(at, &mut command, value),
                    facet::PROGRAM => self.program(at, &mut command, value),
                    _ => Err(DAMAGED),
                },
            }?;
            self.depth -= 1;
        }
        Ok(())
    }

    /// There is no such facet.
    fn none(&mut self, at: Place) -> Result<(), Error> {
        self.state(at, kind::OBJECT, kind::OBJECT)
    }

    fn plain_facet(&mut self, at: Place, value: Option<&str>) -> Result<(), Error> {
        match value {
            Some(value) => self.text(at, value.as_bytes()),
            None => self.none(at),
        }
    }

    /// A facet that is written in its canonical form, of so many bytes at most.
    #[cfg_attr(not(target_arch = "wasm32"), inline)]
    fn canonical(
        &mut self,
        at: Place,
        most: usize,
        write: impl FnOnce(&mut Writer<'_>) -> Option<()>,
    ) -> Result<(), Error> {
        self.take_back(most, NO_RECORD)?;
        let mut writer = Writer::new(core::mem::take(&mut self.taken));
        match write(&mut writer).and_then(|()| writer.finish()) {
            Some(text) => self.text(at, text),
            None => self.none(at),
        }
    }

    #[cfg_attr(all(target_arch = "wasm32", not(lean_prelude)), no_mangle)]
    fn url<'u>(
        &mut self,
        at: Place,
        kind: u32,
        known: &mut Option<Option<Url<'u>>>,
        value: &'u [u8],
    ) -> Result<(), Error> {
        let url = *known.get_or_insert_with(|| core::str::from_utf8(value).ok().and_then(Url::read));
        let Some(url) = url else { return self.none(at) };
        match kind {
            facet::SCHEME => self.canonical(at, 8, |to| url.write_scheme(to)),
            facet::HOST => self.canonical(at, 256, |to| url.write_host(to)),
            facet::PORT => self.number(at, Some(Number::from(u64::from(url.port())))),
            facet::URL_PATH => self.plain_facet(at, url.path()),
            facet::QUERY => self.boolean(at, url.has_query()),
            _ => self.boolean(at, url.is_private()),
        }
    }

    #[cfg_attr(target_arch = "wasm32", no_mangle)]
    fn domain(&mut self, at: Place, value: &[u8]) -> Result<(), Error> {
        let Some(domain) = email::domain(value) else { return self.none(at) };
        self.canonical(at, domain.len(), |to| to.lower(domain))
    }

    #[cfg_attr(all(target_arch = "wasm32", not(lean_prelude)), no_mangle)]
    fn path(&mut self, at: Place, value: &[u8]) -> Result<(), Error> {
        self.plain_facet(at, core::str::from_utf8(value).ok().and_then(path::posix))
    }

    #[cfg_attr(all(target_arch = "wasm32", not(lean_prelude)), no_mangle)]
    fn windows_path(&mut self, at: Place, value: &[u8]) -> Result<(), Error> {
        let Ok(value) = core::str::from_utf8(value) else { return self.none(at) };
        self.canonical(at, value.len().min(path::MOST), |to| path::write_windows(value, to))
    }

    #[cfg_attr(all(target_arch = "wasm32", not(lean_prelude)), no_mangle)]
    fn address(&mut self, at: Place, value: &[u8]) -> Result<(), Error> {
        let Some(address) = core::str::from_utf8(value).ok().and_then(Address::read) else { return self.none(at) };
        self.canonical(at, 130, |to| address.write(to))
    }

    #[cfg_attr(all(target_arch = "wasm32", not(lean_prelude)), no_mangle)]
    fn program<'c>(
        &mut self,
        at: Place,
        known: &mut Option<Option<Command<'c>>>,
        value: &'c [u8],
    ) -> Result<(), Error> {
        self.plain_facet(at, command(known, value).map(|command| command.program()))
    }

    #[cfg_attr(all(target_arch = "wasm32", not(lean_prelude)), no_mangle)]
    fn words<'c>(&mut self, at: Place, known: &mut Option<Option<Command<'c>>>, value: &'c [u8]) -> Result<(), Error> {
        let Some(command) = command(known, value) else { return self.none(at) };
        let count = command.arguments().count() as u64;
        self.list(at, count)?;
        let Some(mut elements) = self.elements(at, count)? else { return Ok(()) };
        for word in command.arguments() {
            self.element(&mut elements)?;
            match word.unquoted() {
                Some(word) => self.text(Place::ELEMENT, word.as_bytes())?,
                None => self.canonical(Place::ELEMENT, word.len(), |to| word.write(to))?,
            }
        }
        self.end(elements);
        Ok(())
    }

    /// Takes what a place says about the caller's roles, if it is one of the two that do: the worst state counts.
    #[cfg_attr(not(target_arch = "wasm32"), inline(always))]
    fn role_state(&mut self, info: PlaceInfo<'_>, state: u32) {
        if info.flags() & (flag::ROLE | flag::ROLES) != 0 {
            self.roles |= state;
        }
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

    /// Where the elements belong of the list at a place, as long as it is not known how many there are.
    #[inline]
    pub(crate) fn element_place(&self, list: Place) -> Result<Place, Error> {
        Ok(if self.takes_roles(list)? { Place::ROLE } else { Place::NOWHERE })
    }

    /// One of the caller's roles, out of a list that [takes roles](Self::takes_roles); `None` for an element that is no
    /// string.
    ///
    /// # Errors
    ///
    /// [`Code::Table`].
    pub fn role(&mut self, name: Option<&str>) -> Result<(), Error> {
        match name {
            Some(name) => self.known_role(name.as_bytes()),
            None => {
                self.no_role();
                Ok(())
            }
        }
    }

    /// An element of a list of roles that is no string.
    #[inline]
    pub(crate) fn no_role(&mut self) {
        self.roles |= kind::OBJECT;
    }

    /// Like [`role`](Self::role), for one in JSON text.
    pub(crate) fn known_role(&mut self, name: &[u8]) -> Result<(), Error> {
        if let Some(words) = self.table.role(name)? {
            let (mine, _) = self.role_words()?.as_chunks_mut::<8>();
            for (mine, role) in mine.iter_mut().zip(words.as_chunks::<8>().0) {
                *mine = (u64::from_le_bytes(*mine) | u64::from_le_bytes(*role)).to_le_bytes();
            }
        }
        Ok(())
    }

    fn role_words(&mut self) -> Result<&mut [u8], Error> {
        self.head.get_mut(layout::ROLE_WORDS..).intact()
    }

    /// Sets every attribute of a part of the call open (it may be anything) or withheld (nothing follows from it).
    ///
    /// # Errors
    ///
    /// [`Code::Table`].
    pub fn unknown(&mut self, part: Place, open: bool) -> Result<(), Error> {
        let state = if open { kind::OPEN } else { kind::WITHHELD };
        let info = self.scope.info(part)?;
        self.scope.set_kind(part, state)?;
        for place in info.below()..info.end() {
            self.scope.set_kind(Place(place), state)?;
        }
        if part == Place::AGENT {
            self.roles = state;
            self.role_words()?.fill(if open { 0xff } else { 0 });
        }
        Ok(())
    }

    /// A value from which nothing may be concluded, nor from what would be below it: one that can not be read.
    ///
    /// # Errors
    ///
    /// [`Code::Table`].
    #[cfg(not(target_arch = "wasm32"))]
    pub fn withheld(&mut self, place: Place) -> Result<(), Error> {
        self.unknown(place, false)?;
        self.role_state(self.scope.info(place)?, kind::WITHHELD);
        Ok(())
    }

    /// Ends the frame.
    #[inline]
    pub(crate) fn finish(&mut self) -> Result<Finished<'t>, Error> {
        let roles = self.roles.checked_ilog2().map_or(kind::MISSING, |highest| 1 << highest);
        // Roles that can't be trusted as a whole count for nothing.
        if roles & (kind::LIST | kind::OPEN) == 0 {
            self.role_words()?.fill(0);
        }
        put(self.head, layout::ROLES, roles.to_le_bytes())?;
        let Self { table, front, back, keeps, .. } = *self;
        Ok(Finished { table, view: self.scope.view, head: self.head.len(), front, back, keeps })
    }
}

/// The command that a string is, which is read once.
fn command<'c>(known: &mut Option<Option<Command<'c>>>, value: &'c [u8]) -> Option<Command<'c>> {
    *known.get_or_insert_with(|| core::str::from_utf8(value).ok().and_then(Command::read))
}

/// A frame that is written but for what depends on two strings of the call.
#[derive(Debug)]
pub(crate) struct Finished<'t> {
    table: Table<'t>,
    view: View<'t>,
    head: usize,
    front: usize,
    back: usize,
    keeps: bool,
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
        if self.keeps {
            self.settle_kept(memory)?;
        }
        Ok(Outcome::Frame(self.front))
    }

    #[cfg_attr(target_arch = "wasm32", no_mangle)]
    fn settle_kept(&self, memory: &mut [u8]) -> Result<(), Error> {
        let (frame, kept) = memory.split_at_mut_checked(self.front).intact()?;
        self.number(frame, kept)?;
        if self.view.has_pairs() {
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
            if string.record != NO_RECORD {
                let hash = text::hash(string.text);
                let slot = last.get_mut(hash as usize % 64).intact()?;
                let number = match same(kept, *slot, hash, string.text)? {
                    Some(record) => get(frame, record as usize + 24)?,
                    None => (after as u64 + 1).to_le_bytes(),
                };
                put(frame, string.record as usize + 24, number)?;
                let (header, size) = (string.header, string.text.len());
                put(kept, header + 8, (u64::from(hash) | u64::from(*slot) << 32).to_le_bytes())?;
                *slot = after as u32 + 1;
                after += size + KEPT;
            } else {
                after += string.text.len() + KEPT;
            }
        }
        Ok(())
    }

    /// Answers the pair tests of the innermost view, and of the views of elements in it.
    #[cfg_attr(target_arch = "wasm32", no_mangle)]
    fn pairs(&self, frame: &mut [u8], kept: &[u8], bases: &[Base<'t>]) -> Result<(), Error> {
        let Some(inner) = bases.last() else { return Ok(()) };
        let answers = inner.at + layout::RECORD * inner.view.place_count();
        for pair in self.table.pairs(inner.view)? {
            let [op, left, right, outward, answer] = *pair;
            let [left, right, outward, answer] = [left, right, outward, answer].map(|word| number(word) as usize);
            let outer = bases.len().checked_sub(1 + outward).and_then(|at| bases.get(at)).intact()?;
            let left = kept_text(frame, kept, inner.at + layout::RECORD * left)?;
            let right = kept_text(frame, kept, outer.at + layout::RECORD * right)?;
            let (Some(left), Some(right)) = (left, right) else { continue };
            if holds(op, left, right)? {
                *frame.get_mut(answers + answer / 8).intact()? |= 1 << (answer % 8);
            }
        }
        for place in 0..inner.view.place_count() {
            let info = inner.view.place(place as u32)?;
            if info.element() == 0 {
                continue;
            }
            let view = self.table.view_at(info.element())?;
            let at = inner.at + layout::RECORD * place;
            let is_list = u32::from_le_bytes(get(frame, at)?) == kind::LIST;
            if !view.has_pairs() || !is_list {
                continue;
            }
            let size = view.length()?;
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
struct Kept<'k> {
    text: &'k [u8],
    /// Where its header is, behind the text.
    header: usize,
    record: u32,
    hash: u32,
    /// The one before it with the same hash, plus 1; 0 for none.
    next: u32,
}

impl<'k> Kept<'k> {
    fn at(kept: &'k [u8], after: usize) -> Result<Self, Error> {
        let end = kept.len().checked_sub(after).intact()?;
        let (text, header) = kept.get(..end).and_then(<[u8]>::split_last_chunk::<KEPT>).intact()?;
        let [size, record, hash, next] = *header.as_chunks().0.first_chunk().intact()?;
        let header = text.len();
        let start = header.checked_sub(number(size) as usize).intact()?;
        let text = text.get(start..).intact()?;
        Ok(Self { text, header, record: number(record), hash: number(hash), next: number(next) })
    }
}

/// The record of a string that is the same, among those that lead to the one at `last`.
fn same(kept: &[u8], mut last: u32, hash: u32, text: &[u8]) -> Result<Option<u32>, Error> {
    while let Some(after) = last.checked_sub(1) {
        let string = Kept::at(kept, after as usize)?;
        if string.hash == hash && text::same(string.text, text) {
            return Ok(Some(string.record));
        }
        last = string.next;
    }
    Ok(None)
}

/// The string whose record is at `at`, if there is one.
fn kept_text<'k>(frame: &[u8], kept: &'k [u8], at: usize) -> Result<Option<&'k [u8]>, Error> {
    if u32::from_le_bytes(get(frame, at)?) != kind::STRING {
        return Ok(None);
    }
    let distance = u64::from_le_bytes(get(frame, at + 8)?) as usize;
    let length = u64::from_le_bytes(get(frame, at + 16)?) as usize;
    let start = kept.len().checked_sub(distance).intact()?;
    kept.get(start..).and_then(|text| text.get(..length)).map(Some).intact()
}

/// The answer of a string test.
fn holds(test: Word, value: &[u8], operand: &[u8]) -> Result<bool, Error> {
    Ok(match number(test) {
        op::STARTS_WITH => value.get(..operand.len()).is_some_and(|front| text::same(front, operand)),
        op::ENDS_WITH => {
            let front = value.len().checked_sub(operand.len());
            front.and_then(|front| value.get(front..)).is_some_and(|end| text::same(end, operand))
        }
        op::CONTAINS if !cfg!(lean_prelude) => contains(value, operand),
        _ => return Err(DAMAGED),
    })
}

#[cfg_attr(all(target_arch = "wasm32", not(lean_prelude)), no_mangle)]
fn contains(value: &[u8], operand: &[u8]) -> bool {
    match (core::str::from_utf8(value), core::str::from_utf8(operand)) {
        (Ok(value), Ok(operand)) => value.contains(operand),
        _ => false,
    }
}
