//! Writes the frame of a call, attribute by attribute.
//!
//! Whoever has a call as JSON text uses [`call`](crate::call); whoever has it as values of a programming language
//! walks them and tells a [`Frame`] of each key and value that the policy reads.

use crate::error::{Code, Error};
use crate::layout::{self, flag, kind, op, part};
use crate::limits::{INPUT_BYTES, LIST_LENGTH, TOOL_BYTES};
use crate::number::Number;
use crate::table::{Found, PlaceInfo, Table, View};
use crate::text;

/// A frame that is being written.
#[derive(Debug)]
pub struct Frame<'t, 'f> {
    table: Table<'t>,
    view: View<'t>,
    role_words: usize,
    /// The frame itself.
    records: &'f mut [u8],
    /// Behind it: the strings that are kept.
    heap: &'f mut [u8],
    /// Bytes of the heap that are taken.
    kept: usize,
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
}

impl<'t, 'f> Frame<'t, 'f> {
    /// Begins the frame of a call to `tool`; `None` if the policy does not know the tool.
    ///
    /// # Errors
    ///
    /// [`Code::ToolSize`], [`Code::Heap`] where `memory` is too small, [`Code::Table`].
    pub fn begin(table: Table<'t>, memory: &'f mut [u8], tool: &str) -> Result<Option<Self>, Error> {
        if tool.len() > TOOL_BYTES {
            return Err(Code::ToolSize.anywhere());
        }
        let Some(view) = table.view(tool)? else { return Ok(None) };
        let role_words = table.role_words()?;
        let length = view.frame_length(role_words).ok_or(Code::Table.anywhere())?;
        if length > memory.len() {
            return Err(Code::Heap.anywhere());
        }
        let (records, heap) = memory.split_at_mut(length);
        records.fill(0);
        let mut frame = Self { table, view, role_words, records, heap, kept: 0 };
        frame.put(0, &view.function.to_le_bytes())?;
        frame.string(Place::TOOL, tool)?;
        Ok(Some(frame))
    }

    #[inline(always)]
    fn put(&mut self, at: usize, bytes: &[u8]) -> Result<(), Error> {
        self.records.get_mut(at..at + bytes.len()).map(|to| to.copy_from_slice(bytes)).ok_or(Code::Table.anywhere())
    }

    #[inline(always)]
    fn get<const N: usize>(&self, at: usize) -> Result<[u8; N], Error> {
        self.records.get(at..at + N).and_then(|bytes| bytes.try_into().ok()).ok_or(Code::Table.anywhere())
    }

    #[inline(always)]
    fn at(&self, place: Place) -> usize {
        layout::record(self.role_words, place.0 as usize)
    }

    #[inline(always)]
    fn kind(&self, place: Place) -> Result<u32, Error> {
        Ok(u32::from_le_bytes(self.get(self.at(place))?))
    }

    #[inline(always)]
    fn set_kind(&mut self, place: Place, kind: u32) -> Result<(), Error> {
        self.put(self.at(place), &kind.to_le_bytes())
    }

    /// The place of a key below `object`; `None` if the policy does not read it.
    ///
    /// # Errors
    ///
    /// [`Code::Duplicate`] where the key has a value already, [`Code::Variant`] where it differs only by case from one
    /// that the policy reads, [`Code::Table`].
    #[inline]
    pub fn key(&self, object: Place, key: &str) -> Result<Option<Place>, Error> {
        let keys = self.view.place(object.0 as usize)?.keys;
        match self.table.key(keys, key)? {
            Found::Nothing => Ok(None),
            Found::Variant => Err(Code::Variant.anywhere()),
            Found::Exact(place) => {
                let place = Place(place);
                if self.kind(place)? != kind::MISSING {
                    return Err(Code::Duplicate.anywhere());
                }
                Ok(Some(place))
            }
        }
    }

    /// Whether the policy reads anything below the object at a place.
    #[inline]
    pub(crate) fn reads_below(&self, object: Place) -> Result<bool, Error> {
        Ok(self.view.place(object.0 as usize)?.keys != 0)
    }

    /// A null.
    ///
    /// # Errors
    ///
    /// [`Code::Table`], like all that write a value.
    pub fn null(&mut self, place: Place) -> Result<(), Error> {
        let info = self.view.place(place.0 as usize)?;
        self.set_kind(place, kind::NULL)?;
        self.length(&info, kind::NULL, None)?;
        self.role_state(&info, kind::NULL)
    }

    /// `true` or `false`.
    ///
    /// # Errors
    ///
    /// [`Code::Table`].
    pub fn boolean(&mut self, place: Place, value: bool) -> Result<(), Error> {
        let info = self.view.place(place.0 as usize)?;
        self.set_kind(place, if value { kind::TRUE } else { kind::FALSE })?;
        self.no_length(&info)
    }

    /// A number; `None` if it is out of range.
    ///
    /// # Errors
    ///
    /// [`Code::Table`].
    #[inline]
    pub fn number(&mut self, place: Place, value: Option<Number>) -> Result<(), Error> {
        let info = self.view.place(place.0 as usize)?;
        self.write_number(place, value)?;
        self.no_length(&info)
    }

    #[inline]
    fn write_number(&mut self, place: Place, value: Option<Number>) -> Result<(), Error> {
        let Some(number) = value else { return self.set_kind(place, kind::RANGE) };
        let mut record = [0; layout::RECORD];
        let (first, rest) = record.split_at_mut(8);
        let (head, limbs) = rest.split_at_mut(8);
        let (high, low) = limbs.split_at_mut(8);
        first.copy_from_slice(&u64::from(kind::NUMBER).to_le_bytes());
        head.copy_from_slice(&number.head.to_le_bytes());
        high.copy_from_slice(&number.high.to_le_bytes());
        low.copy_from_slice(&number.low.to_le_bytes());
        self.put(self.at(place), &record)
    }

    /// An object; its keys follow.
    ///
    /// # Errors
    ///
    /// [`Code::Table`].
    pub fn object(&mut self, place: Place) -> Result<(), Error> {
        let info = self.view.place(place.0 as usize)?;
        self.set_kind(place, kind::OBJECT)?;
        self.no_length(&info)
    }

    /// A list of so many elements.
    ///
    /// # Errors
    ///
    /// [`Code::Table`].
    pub fn list(&mut self, place: Place, length: u64) -> Result<(), Error> {
        let info = self.view.place(place.0 as usize)?;
        let long = length > LIST_LENGTH;
        self.set_kind(place, if long { kind::LONG_LIST } else { kind::LIST })?;
        let number = if long { None } else { Some(Number::from(length)) };
        self.length(&info, kind::NUMBER, number)?;
        if info.flags & flag::ROLES != 0 {
            // The elements have been, or are still to come: `role` tells if one is no role.
            self.role_state(&info, if long { kind::RANGE } else { kind::LIST })
        } else {
            self.role_state(&info, kind::OBJECT)
        }
    }

    /// A string.
    ///
    /// # Errors
    ///
    /// [`Code::Size`], [`Code::Heap`], [`Code::Table`].
    #[inline]
    pub fn string(&mut self, place: Place, value: &str) -> Result<(), Error> {
        let info = self.view.place(place.0 as usize)?;
        if value.len() > INPUT_BYTES {
            return Err(Code::Size.anywhere());
        }
        let kept = if info.flags & flag::KEEP == 0 {
            None
        } else {
            let to = self.heap.get_mut(self.kept..self.kept + value.len()).ok_or(Code::Heap.anywhere())?;
            to.copy_from_slice(value.as_bytes());
            Some(value.len())
        };
        self.write_string(place, &info, value, kept)
    }

    /// A string in JSON text.
    #[inline]
    pub(crate) fn raw_string(&mut self, place: Place, value: crate::json::RawString<'_>) -> Result<(), Error> {
        if !value.escaped {
            return self.string(place, value.raw);
        }
        // The heap is lent out, so that the text can lie in it while the rest of the frame is written.
        let heap = core::mem::take(&mut self.heap);
        let result = self.escaped_string(place, value, heap.get_mut(self.kept..).unwrap_or_default());
        self.heap = heap;
        result
    }

    #[cold]
    fn escaped_string(&mut self, place: Place, value: crate::json::RawString<'_>, to: &mut [u8]) -> Result<(), Error> {
        let text = value.unescape(to).ok_or(Code::Heap.anywhere())?;
        let info = self.view.place(place.0 as usize)?;
        let kept = (info.flags & flag::KEEP != 0).then_some(text.len());
        self.write_string(place, &info, text, kept)
    }

    /// Writes a string's record, answers its tests, and counts it as kept if it lies in the heap already.
    #[inline]
    fn write_string(&mut self, place: Place, info: &PlaceInfo, value: &str, kept: Option<usize>) -> Result<(), Error> {
        let constant = match info.constants {
            0 => 0,
            map => self.table.find(map, value.as_bytes())?.unwrap_or(0),
        };
        let at = self.at(place);
        self.put(at, &(u64::from(constant) << 32 | u64::from(kind::STRING)).to_le_bytes())?;
        if let Some(length) = kept {
            self.put(at + 8, &(self.kept as u64).to_le_bytes())?;
            self.put(at + 16, &(length as u64).to_le_bytes())?;
            self.kept += length;
        }
        if info.test_count != 0 {
            for test in self.table.tests(info)? {
                let operand = self.table.text(test.first, test.second)?;
                if answer(test.op, value, operand)? {
                    self.set_answer(test.answer)?;
                }
            }
        }
        if info.length != 0 {
            self.length(info, kind::NUMBER, Some(Number::from(text::code_points(value))))?;
        }
        if info.flags & flag::ROLE != 0 {
            self.role_state(info, kind::LIST)?;
            self.add_role(value)
        } else {
            self.role_state(info, kind::OBJECT)
        }
    }

    fn set_answer(&mut self, bit: u32) -> Result<(), Error> {
        let at = layout::answers(self.role_words, self.view.place_count()) + (bit / 8) as usize;
        let byte = self.records.get_mut(at).ok_or(Code::Table.anywhere())?;
        *byte |= 1 << (bit % 8);
        Ok(())
    }

    /// What a boolean, number or object means for the place's length and for the caller's roles: nothing good.
    #[inline(always)]
    fn no_length(&mut self, info: &PlaceInfo) -> Result<(), Error> {
        self.length(info, kind::OBJECT, None)?;
        self.role_state(info, kind::OBJECT)
    }

    #[inline(always)]
    fn length(&mut self, info: &PlaceInfo, kind: u32, number: Option<Number>) -> Result<(), Error> {
        if info.length == 0 {
            return Ok(());
        }
        let place = Place(info.length);
        if kind == kind::NUMBER {
            self.write_number(place, number)
        } else {
            self.set_kind(place, kind)
        }
    }

    /// Takes what a place says about the caller's roles, if it is one of the two that do: the worst state counts.
    #[inline(always)]
    fn role_state(&mut self, info: &PlaceInfo, state: u32) -> Result<(), Error> {
        if info.flags & (flag::ROLE | flag::ROLES) == 0 {
            return Ok(());
        }
        let now = u32::from_le_bytes(self.get(layout::ROLES)?);
        self.put(layout::ROLES, &now.max(state).to_le_bytes())
    }

    /// Whether the elements of the list at a place are the caller's roles, to be told with [`role`](Self::role).
    ///
    /// # Errors
    ///
    /// [`Code::Table`].
    #[inline]
    pub fn takes_roles(&self, list: Place) -> Result<bool, Error> {
        Ok(self.view.place(list.0 as usize)?.flags & flag::ROLES != 0)
    }

    /// One of the caller's roles, out of a list that [takes roles](Self::takes_roles); `None` for an element that is no
    /// string.
    ///
    /// # Errors
    ///
    /// [`Code::Table`].
    pub fn role(&mut self, name: Option<&str>) -> Result<(), Error> {
        match name {
            Some(name) => self.add_role(name),
            None => {
                let now = u32::from_le_bytes(self.get(layout::ROLES)?);
                self.put(layout::ROLES, &now.max(kind::OBJECT).to_le_bytes())
            }
        }
    }

    /// Like [`role`](Self::role), for a role in JSON text.
    pub(crate) fn raw_role(&mut self, name: crate::json::RawString<'_>) -> Result<(), Error> {
        if !name.escaped {
            return self.add_role(name.raw);
        }
        let heap = core::mem::take(&mut self.heap);
        let to = heap.get_mut(self.kept..).unwrap_or_default();
        let result = name.unescape(to).ok_or(Code::Heap.anywhere()).and_then(|name| self.add_role(name));
        self.heap = heap;
        result
    }

    fn add_role(&mut self, name: &str) -> Result<(), Error> {
        let Some(words) = self.table.role(name)? else { return Ok(()) };
        let mine =
            self.records.get_mut(layout::ROLE_WORDS..layout::ROLE_WORDS + words.len()).ok_or(Code::Table.anywhere())?;
        for (mine, role) in mine.iter_mut().zip(words) {
            *mine |= role;
        }
        Ok(())
    }

    /// Sets every attribute of a part of the call open (it may be anything) or withheld (nothing follows from it).
    ///
    /// # Errors
    ///
    /// [`Code::Table`].
    pub fn unknown(&mut self, part: Place, open: bool) -> Result<(), Error> {
        let state = if open { kind::OPEN } else { kind::WITHHELD };
        let info = self.view.place(part.0 as usize)?;
        let below = info.below..info.end.min(self.view.place_count() as u32);
        for place in core::iter::once(part.0).chain(below) {
            self.set_kind(Place(place), state)?;
        }
        if part == Place::AGENT {
            self.put(layout::ROLES, &state.to_le_bytes())?;
            self.fill_roles(if open { 0xff } else { 0 });
        }
        Ok(())
    }

    fn fill_roles(&mut self, byte: u8) {
        let end = layout::record(self.role_words, 0);
        self.records.get_mut(layout::ROLE_WORDS..end).unwrap_or_default().fill(byte);
    }

    /// Ends the frame: answers the tests between two attributes. Returns the frame's length in bytes.
    ///
    /// # Errors
    ///
    /// [`Code::Table`].
    #[inline]
    pub fn finish(mut self) -> Result<usize, Error> {
        for pair in self.view.pairs() {
            let (Some(left), Some(right)) = (self.kept_text(pair.first)?, self.kept_text(pair.second)?) else {
                continue;
            };
            if answer(pair.op, left, right)? {
                self.set_answer(pair.answer)?;
            }
        }
        // Roles that can't be trusted as a whole count for nothing.
        if u32::from_le_bytes(self.get(layout::ROLES)?) & (kind::LIST | kind::OPEN) == 0 {
            self.fill_roles(0);
        }
        Ok(self.records.len())
    }

    /// The string at a place, if there is one.
    fn kept_text(&self, place: u32) -> Result<Option<&str>, Error> {
        let place = Place(place);
        if self.kind(place)? != kind::STRING {
            return Ok(None);
        }
        let at = self.at(place);
        let start = u64::from_le_bytes(self.get(at + 8)?) as usize;
        let length = u64::from_le_bytes(self.get(at + 16)?) as usize;
        let bytes = start.checked_add(length).and_then(|end| self.heap.get(start..end));
        bytes.and_then(|bytes| core::str::from_utf8(bytes).ok()).map(Some).ok_or(Code::Table.anywhere())
    }
}

/// The answer of a string test.
fn answer(test: u32, value: &str, operand: &str) -> Result<bool, Error> {
    Ok(match test {
        op::EQUAL => value == operand,
        op::STARTS_WITH => value.as_bytes().starts_with(operand.as_bytes()),
        op::ENDS_WITH => value.as_bytes().ends_with(operand.as_bytes()),
        op::CONTAINS => value.contains(operand),
        op::WILDCARD => text::wildcard(operand.as_bytes(), value.as_bytes()),
        _ => return Err(Code::Table.anywhere()),
    })
}
