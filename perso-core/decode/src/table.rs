//! Lookups in the table that a module brings with it. See [`layout`] for its form.
//!
//! A damaged table gives wrong answers or [`Code::Table`], never a panic and never an endless loop.

use crate::error::{Code, Error};
use crate::layout::{self, AUTOMATON, ENTRY, FACET, FEW, HEADER, MAGIC, PAIR, PLACE, TEST, VIEW};
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
    /// Whether there are pair tests here or in the view of an element below.
    pub(crate) has_pairs: bool,
}

/// A place in a view: an attribute, or something on the way to one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PlaceInfo<'t>(&'t [u8; PLACE]);

impl PlaceInfo<'_> {
    #[inline(always)]
    fn word<const AT: usize>(self) -> u32 {
        word(self.0, AT).unwrap_or(0)
    }

    #[inline(always)]
    pub(crate) fn keys(self) -> u32 {
        self.word::<0>()
    }

    #[inline(always)]
    pub(crate) fn constants(self) -> u32 {
        self.word::<4>()
    }

    #[inline(always)]
    pub(crate) fn facet_count(self) -> u32 {
        self.word::<20>() >> 16
    }

    #[inline(always)]
    pub(crate) fn test_count(self) -> u32 {
        self.word::<20>() & 0xffff
    }

    #[inline(always)]
    pub(crate) fn element(self) -> u32 {
        self.word::<16>()
    }

    /// The first place below it.
    pub(crate) fn below(self) -> u32 {
        self.word::<24>() & 0xffff
    }

    /// The place behind the last one below it.
    pub(crate) fn end(self) -> u32 {
        self.word::<24>() >> 16
    }

    #[inline(always)]
    pub(crate) fn flags(self) -> u32 {
        self.word::<28>()
    }
}

/// A test between two strings of a call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PairInfo {
    pub(crate) op: u32,
    pub(crate) left: u32,
    pub(crate) right: u32,
    pub(crate) outward: u32,
    pub(crate) answer: u32,
}

/// An automaton: which strings match which patterns.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Automaton<'t> {
    first: u32,
    classes: &'t [u8; 256],
    class_count: usize,
    answers: &'t [u8],
    accepts: &'t [u8],
    next: &'t [u8],
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

/// What an intact table has.
pub(crate) trait Intact<T> {
    /// The value, or the error that the table is damaged. In a module, whose table is part of it, that is a trap: to
    /// carry an error that cannot be would take a third of the code.
    fn intact(self) -> Result<T, Error>;
}

impl<T> Intact<T> for Option<T> {
    #[inline(always)]
    fn intact(self) -> Result<T, Error> {
        #[cfg(target_arch = "wasm32")]
        if self.is_none() {
            core::arch::wasm32::unreachable();
        }
        self.ok_or(DAMAGED)
    }
}

#[cfg_attr(not(target_arch = "wasm32"), inline(always))]
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

    #[cfg_attr(not(target_arch = "wasm32"), inline(always))]
    fn word(self, at: usize) -> Result<u32, Error> {
        word(self.bytes, at).intact()
    }

    fn slice(self, at: u32, length: usize) -> Result<&'t [u8], Error> {
        let at = at as usize;
        at.checked_add(length).and_then(|end| self.bytes.get(at..end)).intact()
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
        self.view_at(offset).map(Some)
    }

    /// The view at an offset.
    pub(crate) fn view_at(self, offset: u32) -> Result<View<'t>, Error> {
        let head = self.slice(offset, VIEW)?;
        let field = |at| word(head, at).intact();
        let places = field(4)? as usize;
        let places = places.checked_mul(PLACE).intact()?;
        let pairs = (field(16)? as usize).checked_mul(PAIR).intact()?;
        Ok(View {
            function: field(0)?,
            places: self.slice(offset.checked_add(VIEW as u32).intact()?, places)?,
            answer_words: field(8)? as usize,
            has_pairs: field(20)? != 0,
            pairs: if pairs == 0 { &[] } else { self.slice(field(12)?, pairs)? },
        })
    }

    /// The words of a role and all it inherits, as bytes; `None` if the policy does not know the role.
    pub(crate) fn role(self, name: &str) -> Result<Option<&'t [u8]>, Error> {
        match self.find(self.word(12)?, name.as_bytes())? {
            Some(at) => Ok(Some(self.slice(at, self.role_words()?.checked_mul(8).intact()?)?)),
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
    #[cfg_attr(not(target_arch = "wasm32"), inline(always))]
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
        let entries = self.bytes.get(map as usize + 4..).intact()?;
        if mask & FEW != 0 {
            let length = ((mask & !FEW) as usize).checked_mul(ENTRY).intact()?;
            for entry in entries.get(..length).intact()?.chunks_exact(ENTRY) {
                let field = |at| word(entry, at).intact();
                if field(0)? == hash && visit(field(8)?, field(4)?, field(12)?)? {
                    break;
                }
            }
            return Ok(());
        }
        let mut slot = hash & mask;
        for _ in 0..=mask {
            let at = (slot as usize).checked_mul(ENTRY).intact()?;
            let entry = at.checked_add(ENTRY).and_then(|end| entries.get(at..end)).intact()?;
            let field = |at| word(entry, at).intact();
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
    pub(crate) fn tests(self, place: PlaceInfo<'_>) -> Result<impl Iterator<Item = TestInfo> + 't, Error> {
        let length = (place.test_count() as usize).checked_mul(TEST).intact()?;
        Ok(self.slice(place.word::<8>(), length)?.chunks_exact(TEST).filter_map(test))
    }

    /// The facets of a place that are read: each with its place.
    pub(crate) fn facets(self, place: PlaceInfo<'_>) -> Result<impl Iterator<Item = (u32, u32)> + 't, Error> {
        let length = (place.facet_count() as usize).checked_mul(FACET).intact()?;
        Ok(self
            .slice(place.word::<12>(), length)?
            .chunks_exact(FACET)
            .filter_map(|bytes| Some((word(bytes, 0)?, word(bytes, 4)?))))
    }

    /// The automaton at an offset.
    pub(crate) fn automaton(self, at: u32) -> Result<Automaton<'t>, Error> {
        let head = self.slice(at, AUTOMATON)?;
        let field = |at| word(head, at).map(|field| field as usize).intact();
        let (first, class_count, states, patterns) = (word(head, 0).intact()?, field(4)?, field(8)?, field(12)?);
        if class_count > 256 || states > 1 << 16 || patterns > 32 {
            return Err(DAMAGED);
        }
        let rest = self.bytes.get(at as usize + AUTOMATON..).intact()?;
        let (answers, rest) = rest.split_at_checked(4 * patterns).intact()?;
        let (accepts, rest) = rest.split_at_checked(4 * states).intact()?;
        let next = rest.get(..2 * states * class_count).intact()?;
        let classes = head.get(16..).and_then(|bytes| bytes.try_into().ok()).intact()?;
        Ok(Automaton { first, classes, class_count, answers, accepts, next })
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

    #[cfg_attr(not(target_arch = "wasm32"), inline(always))]
    pub(crate) fn place(&self, place: usize) -> Result<PlaceInfo<'t>, Error> {
        self.places.as_chunks().0.get(place).map(PlaceInfo).intact()
    }

    pub(crate) fn pairs(&self) -> impl Iterator<Item = PairInfo> + 't {
        self.pairs.chunks_exact(PAIR).filter_map(|bytes| {
            let field = |at| word(bytes, at);
            Some(PairInfo { op: field(0)?, left: field(4)?, right: field(8)?, outward: field(12)?, answer: field(16)? })
        })
    }

    /// Bytes of the view's frame without its heap; `None` if the table is damaged.
    pub(crate) fn frame_length(&self, role_words: usize) -> Option<usize> {
        // The parts of a call are always there.
        if self.place_count() < layout::part::COUNT || role_words > 1 << 10 || self.answer_words > 1 << 20 {
            return None;
        }
        Some(layout::frame(role_words, self.place_count(), self.answer_words))
    }

    /// Bytes of an element, where this is the view of one; `None` if the table is damaged.
    pub(crate) fn element_length(&self) -> Option<usize> {
        if self.place_count() == 0 || self.answer_words > 1 << 20 {
            return None;
        }
        Some(layout::element(self.place_count(), self.answer_words))
    }
}

impl<'t> Automaton<'t> {
    /// The answer bits of the patterns that the whole text matches. Linear in the text.
    pub(crate) fn run(&self, text: &[u8]) -> Result<impl Iterator<Item = u32> + use<'t>, Error> {
        let mut state = self.first as usize;
        for byte in text {
            #[expect(clippy::indexing_slicing, reason = "there is a class for each byte")]
            let class = usize::from(self.classes[usize::from(*byte)]);
            let at = 2 * (state * self.class_count + class);
            let next = self.next.get(at..at + 2).and_then(|bytes| bytes.try_into().ok()).intact()?;
            state = usize::from(u16::from_le_bytes(next));
            if state == 0 {
                break;
            }
        }
        let accepted = word(self.accepts, 4 * state).intact()?;
        let answers = self.answers;
        Ok((0..32)
            .filter(move |pattern| accepted >> pattern & 1 == 1)
            .filter_map(move |p| word(answers, 4 * p as usize)))
    }
}
