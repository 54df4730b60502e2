//! Lookups in the table that a module brings with it. See [`layout`] for its form.
//!
//! A damaged table gives wrong answers or [`Code::Table`], never a panic and never an endless loop.

use crate::error::{Code, Error};
use crate::layout::{self, ENTRY, HEADER, MAGIC, PLACE, TEST, VIEW};
use crate::text;

/// A table: what a policy reads.
#[derive(Debug, Clone, Copy)]
pub struct Table<'t> {
    bytes: &'t [u8],
}

/// What of a call the rules for one tool read.
#[derive(Debug, Clone, Copy)]
pub struct View<'t> {
    places: &'t [u8],
    pub(crate) function: u32,
    pub(crate) answer_words: usize,
    pairs: &'t [u8],
}

/// A place in a view: an attribute, or something on the way to one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PlaceInfo {
    pub(crate) keys: u32,
    pub(crate) constants: u32,
    pub(crate) tests: u32,
    pub(crate) test_count: u32,
    pub(crate) flags: u32,
    pub(crate) length: u32,
    pub(crate) below: u32,
    pub(crate) end: u32,
}

/// A test: what it asks, two operands, and which bit its answer is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TestInfo {
    pub(crate) op: u32,
    pub(crate) first: u32,
    pub(crate) second: u32,
    pub(crate) answer: u32,
}

/// What a map has for a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// Just this key.
    Exact(u32),
    /// Only one that differs by case.
    Variant,
    /// Neither.
    Nothing,
}

const DAMAGED: Error = Code::Table.anywhere();

#[inline(always)]
fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_le_bytes(bytes.try_into().ok()?))
}

impl<'t> Table<'t> {
    /// Takes the bytes for a table, if they begin like one.
    ///
    /// # Errors
    ///
    /// [`Code::Table`] where they don't.
    pub fn new(bytes: &'t [u8]) -> Result<Self, Error> {
        if bytes.len() < HEADER || word(bytes, 0) != Some(MAGIC) {
            return Err(DAMAGED);
        }
        Ok(Self { bytes })
    }

    #[inline(always)]
    fn word(self, at: usize) -> Result<u32, Error> {
        word(self.bytes, at).ok_or(DAMAGED)
    }

    fn slice(self, at: u32, length: usize) -> Result<&'t [u8], Error> {
        let at = at as usize;
        at.checked_add(length).and_then(|end| self.bytes.get(at..end)).ok_or(DAMAGED)
    }

    /// How many words the caller's roles take.
    pub(crate) fn role_words(self) -> Result<usize, Error> {
        Ok(self.word(16)? as usize)
    }

    /// The view for a tool; `None` if the policy does not know the tool.
    ///
    /// # Errors
    ///
    /// [`Code::Table`].
    pub fn view(self, tool: &str) -> Result<Option<View<'t>>, Error> {
        let offset = match self.find(self.word(4)?, tool.as_bytes())? {
            Some(view) => view,
            None => self.word(8)?,
        };
        if offset == 0 {
            return Ok(None);
        }
        let head = self.slice(offset, VIEW)?;
        let field = |at| word(head, at).ok_or(DAMAGED);
        let places = field(4)? as usize;
        let places = places.checked_mul(PLACE).ok_or(DAMAGED)?;
        let pairs = (field(16)? as usize).checked_mul(TEST).ok_or(DAMAGED)?;
        Ok(Some(View {
            function: field(0)?,
            places: self.slice(offset.checked_add(VIEW as u32).ok_or(DAMAGED)?, places)?,
            answer_words: field(8)? as usize,
            pairs: if pairs == 0 { &[] } else { self.slice(field(12)?, pairs)? },
        }))
    }

    /// The words of a role and all it inherits, as bytes; `None` if the policy does not know the role.
    pub(crate) fn role(self, name: &str) -> Result<Option<&'t [u8]>, Error> {
        match self.find(self.word(12)?, name.as_bytes())? {
            Some(at) => Ok(Some(self.slice(at, self.role_words()?.checked_mul(8).ok_or(DAMAGED)?)?)),
            None => Ok(None),
        }
    }

    /// What the map at `map` has for exactly this text.
    #[inline]
    pub(crate) fn find(self, map: u32, text: &[u8]) -> Result<Option<u32>, Error> {
        let hash = text::hash(text);
        let mut found = None;
        self.probe(map, hash, |length, at, value| {
            if length as usize == text.len() && self.slice(at, text.len())? == text {
                found = Some(value);
            }
            Ok(found.is_some())
        })?;
        Ok(found)
    }

    /// What the map at `map` has for this key or one that differs only by case.
    #[inline]
    pub(crate) fn key(self, map: u32, key: &str) -> Result<Found, Error> {
        let hash = text::key_hash(key);
        let mut found = Found::Nothing;
        self.probe(map, hash, |length, at, value| {
            let known = self.slice(at, length as usize)?;
            if known == key.as_bytes() {
                found = Found::Exact(value);
                return Ok(true);
            }
            if core::str::from_utf8(known).is_ok_and(|known| text::variant(known, key)) {
                found = Found::Variant;
            }
            Ok(false)
        })?;
        Ok(found)
    }

    /// Shows `visit` the string length, string offset and value of each entry with this hash until it says that it is
    /// done.
    #[inline(always)]
    fn probe(
        self,
        map: u32,
        hash: u32,
        mut visit: impl FnMut(u32, u32, u32) -> Result<bool, Error>,
    ) -> Result<(), Error> {
        if map == 0 {
            return Ok(());
        }
        let mask = self.word(map as usize)?;
        let entries = self.bytes.get(map as usize + 4..).ok_or(DAMAGED)?;
        let mut slot = hash & mask;
        for _ in 0..=mask {
            let at = (slot as usize).checked_mul(ENTRY).ok_or(DAMAGED)?;
            let entry = at.checked_add(ENTRY).and_then(|end| entries.get(at..end)).ok_or(DAMAGED)?;
            let field = |at| word(entry, at).ok_or(DAMAGED);
            let offset = field(4)?;
            if offset == 0 {
                return Ok(());
            }
            if field(0)? == hash && visit(field(8)?, offset, field(12)?)? {
                return Ok(());
            }
            slot = (slot + 1) & mask;
        }
        Ok(())
    }

    /// The tests that a place's strings are put to.
    pub(crate) fn tests(self, place: &PlaceInfo) -> Result<impl Iterator<Item = TestInfo> + 't, Error> {
        let length = (place.test_count as usize).checked_mul(TEST).ok_or(DAMAGED)?;
        Ok(self.slice(place.tests, length)?.chunks_exact(TEST).filter_map(test))
    }

    /// A string of the table.
    pub(crate) fn text(self, at: u32, length: u32) -> Result<&'t str, Error> {
        core::str::from_utf8(self.slice(at, length as usize)?).map_err(|_| DAMAGED)
    }
}

fn test(bytes: &[u8]) -> Option<TestInfo> {
    Some(TestInfo { op: word(bytes, 0)?, first: word(bytes, 4)?, second: word(bytes, 8)?, answer: word(bytes, 12)? })
}

impl<'t> View<'t> {
    pub(crate) const fn place_count(&self) -> usize {
        self.places.len() / PLACE
    }

    #[inline(always)]
    pub(crate) fn place(&self, place: usize) -> Result<PlaceInfo, Error> {
        let at = place.checked_mul(PLACE).ok_or(DAMAGED)?;
        let bytes: &[u8; PLACE] =
            self.places.get(at..at + PLACE).and_then(|bytes| bytes.try_into().ok()).ok_or(DAMAGED)?;
        let field = |at| word(bytes, at).ok_or(DAMAGED);
        Ok(PlaceInfo {
            keys: field(0)?,
            constants: field(4)?,
            tests: field(8)?,
            test_count: field(12)?,
            flags: field(16)?,
            length: field(20)?,
            below: field(24)?,
            end: field(28)?,
        })
    }

    pub(crate) fn pairs(&self) -> impl Iterator<Item = TestInfo> + 't {
        self.pairs.chunks_exact(TEST).filter_map(test)
    }

    /// Bytes of the view's frame without its heap; `None` if the table is damaged.
    pub(crate) fn frame_length(&self, role_words: usize) -> Option<usize> {
        // The parts of a call are always there.
        if self.place_count() < layout::part::COUNT || role_words > 1 << 10 || self.answer_words > 1 << 20 {
            return None;
        }
        Some(layout::frame(role_words, self.place_count(), self.answer_words))
    }
}
