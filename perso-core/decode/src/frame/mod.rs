//! Writes the frame of a call, attribute by attribute.
//!
//! Whoever has a call as JSON text uses [`call`](crate::call); whoever has it as values of a programming language
//! walks them and tells a [`Frame`] of each key and value that the policy reads.
//!
//! The functions that have a name of their own on wasm32 are those that few policies need: the compiler leaves out of a
//! module what its policy does not use. See `perso-core/src/emit/prelude.rs`. The plain prelude lacks those that the
//! language has got last, and the lean one besides those that bring much along; they are for policies that need none of them.

mod derive;
mod facets;
mod inside;
mod settle;
#[cfg(not(plain_prelude))]
mod shell;
#[cfg(not(plain_prelude))]
mod sql;
mod strings;

use facets::Value;
use settle::{holds, Finished, KEPT};

use crate::error::{Code, Error};
use crate::json::{self, Reader};
use crate::layout::{self, flag, kind, op, part};
use crate::limits::{INPUT_BYTES, LIST_LENGTH, TOOL_BYTES};
use crate::number::Number;
use crate::table::{number, Intact, PlaceInfo, Table, View, Word, NOTHING, VARIANT};

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

/// The record of a number.
#[inline(always)]
fn record_of(Number { head, high, low }: Number) -> [[u8; 8]; 4] {
    [u64::from(kind::NUMBER).to_le_bytes(), head.to_le_bytes(), high.to_le_bytes(), low.to_le_bytes()]
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
    /// What the host remembers of earlier calls.
    pub const SESSION: Self = Self(part::SESSION as u32);
    /// Where values belong that the policy does not read. No view has as many places, nor as the next three say.
    pub(crate) const NOWHERE: Self = Self(NOTHING);
    /// The call itself.
    pub(crate) const CALL: Self = Self(VARIANT - 1);
    /// The name of the tool that is called.
    pub(crate) const CALLED: Self = Self(VARIANT - 2);
    /// An element of a list of roles.
    pub(crate) const ROLE: Self = Self(VARIANT - 3);
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

// What stands for no place is distinct from one another, and from what [`Table::key`] answers.
const _: () = assert!(
    Place::ROLE.0 < Place::CALLED.0 && Place::CALLED.0 < Place::CALL.0 && Place::CALL.0 < VARIANT && VARIANT < NOTHING
);

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
            NOTHING => Ok(self.info(object)?.rest().map_or(Place::NOWHERE, Place)),
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

    /// A number; `None` if it is out of range.
    ///
    /// # Errors
    ///
    /// [`Code::Table`].
    #[inline]
    pub fn number(&mut self, place: Place, value: Option<Number>) -> Result<(), Error> {
        if let Some(value) = value {
            *self.scope.record(place)? = record_of(value);
        } else {
            self.scope.set_kind(place, kind::RANGE)?;
        }
        #[cfg(not(plain_prelude))]
        {
            let info = self.scope.info(place)?;
            if info.facet_count() != 0 {
                self.facets(place, info, Value::Number(value))?;
            }
            self.role_state(info, kind::OBJECT);
            Ok(())
        }
        // It reads nothing off a number.
        #[cfg(plain_prelude)]
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

    /// A value from which nothing may be concluded, nor from what would be below it: one that cannot be read.
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

    /// The time of the call, `context.now`, if the context has been told without one. A `now` that the context has stands, and
    /// so does a context that is open or withheld.
    ///
    /// # Errors
    ///
    /// Like [`key`](Self::key) and [`string`](Self::string).
    #[cfg(not(target_arch = "wasm32"))]
    pub fn time(&mut self, now: &str) -> Result<(), Error> {
        match self.untold_time()? {
            Some(place) => self.string(place, now),
            None => Ok(()),
        }
    }

    /// The same for a time that is open: it may be anything.
    ///
    /// # Errors
    ///
    /// Like [`key`](Self::key).
    #[cfg_attr(all(target_arch = "wasm32", not(plain_prelude)), no_mangle, inline(never))]
    pub fn open_time(&mut self) -> Result<(), Error> {
        match self.untold_time()? {
            // The place that all keys share which are not allowed says that there is one. A time that is open need not be there.
            Some(place) if self.scope.info(Place::CONTEXT)?.rest() != Some(place.0) => self.unknown(place, true),
            _ => Ok(()),
        }
    }

    /// Whether the policy reads `context.now`.
    pub(crate) fn has_time(&self) -> bool {
        self.scope.view.has_time()
    }

    /// The place of `context.now`, if the policy reads it and nothing has been told of it.
    fn untold_time(&mut self) -> Result<Option<Place>, Error> {
        let place = match self.scope.key(self.table, Place::CONTEXT, b"now") {
            Ok(place) => place,
            Err(error) if error.is(Code::Duplicate) => Place::NOWHERE,
            Err(error) => return Err(error),
        };
        if place == Place::NOWHERE {
            return Ok(None);
        }
        let context = u64::from_le_bytes(self.scope.record(Place::CONTEXT)?[0]);
        if context == 0 || context == u64::from(kind::NULL) {
            self.object(Place::CONTEXT)?;
        }
        Ok(Some(place))
    }

    /// Ends the frame.
    #[inline]
    pub(crate) fn finish(&mut self) -> Result<Finished<'t>, Error> {
        let roles = self.roles.checked_ilog2().map_or(kind::MISSING, |highest| 1 << highest);
        // Roles that cannot be trusted as a whole count for nothing.
        if roles & (kind::LIST | kind::OPEN) == 0 {
            self.role_words()?.fill(0);
        }
        put(self.head, layout::ROLES, roles.to_le_bytes())?;
        let Self { table, front, back, keeps, .. } = *self;
        Ok(Finished { table, view: self.scope.view, head: self.head.len(), front, back, keeps })
    }
}
