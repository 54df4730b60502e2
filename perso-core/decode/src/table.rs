//! Lookups in the table that a module brings with it. See [`layout`] for its form.
//!
//! A damaged table gives wrong answers or [`Code::Table`], never a panic and never an endless loop.

use crate::error::{Code, Error};
use crate::layout::{self, flag, has, AUTOMATON, FEW, HEADER, MAGIC, VIEW};
use crate::text;

/// A word of a table, and of what is kept beside a frame.
pub(crate) type Word = [u8; 4];

/// A table: what a policy reads.
#[derive(Debug, Clone, Copy)]
pub struct Table<'t> {
    bytes: &'t [u8],
}

/// What of a call the rules for one tool read.
#[derive(Debug, Clone, Copy)]
pub struct View<'t> {
    head: &'t [Word; VIEW / 4],
    places: &'t [[Word; layout::PLACE / 4]],
}

/// A place in a view: an attribute, or something on the way to one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PlaceInfo<'t>(&'t [Word; layout::PLACE / 4]);

impl PlaceInfo<'_> {
    #[inline(always)]
    pub(crate) fn keys(self) -> u32 {
        number(self.0[0])
    }

    #[inline(always)]
    pub(crate) fn constants(self) -> u32 {
        number(self.0[1])
    }

    #[inline(always)]
    pub(crate) fn element(self) -> u32 {
        number(self.0[4])
    }

    #[inline(always)]
    pub(crate) fn test_count(self) -> u32 {
        number(self.0[5]) & 0xffff
    }

    #[inline(always)]
    pub(crate) fn facet_count(self) -> u32 {
        number(self.0[5]) >> 16
    }

    /// The first place below it.
    #[inline(always)]
    pub(crate) fn below(self) -> u32 {
        number(self.0[6]) & 0xffff
    }

    /// The place behind the last one below it.
    #[inline(always)]
    pub(crate) fn end(self) -> u32 {
        number(self.0[6]) >> 16
    }

    #[inline(always)]
    pub(crate) fn flags(self) -> u32 {
        number(self.0[7])
    }

    /// The place of all keys that have none of their own, if there is one.
    #[inline(always)]
    pub(crate) fn rest(self) -> Option<u32> {
        if self.flags() & flag::REST == 0 {
            return None;
        }
        self.end().checked_sub(1)
    }
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

/// What [`Table::find`] tells of a text that the map does not have. No value is as large.
pub(crate) const NOTHING: u32 = u32::MAX;
/// What it tells of a key of which the map has only a variant.
pub(crate) const VARIANT: u32 = u32::MAX - 1;
/// What it tells where the map is damaged.
const BROKEN: u32 = u32::MAX - 2;

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

/// The number that a word is.
#[inline(always)]
pub(crate) const fn number(word: Word) -> u32 {
    u32::from_le_bytes(word)
}

/// What a map tells, unless it is damaged: in a module that has been a trap.
#[inline(always)]
const fn found(value: u32) -> Result<u32, Error> {
    if value == BROKEN && !cfg!(target_arch = "wasm32") {
        return Err(DAMAGED);
    }
    Ok(value)
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().copied().map(number)
}

/// Whether two texts are the same. Apart from the loop that asks it: what it needs is not worked out before each loop.
#[cfg_attr(target_arch = "wasm32", inline(always))]
#[cfg_attr(not(target_arch = "wasm32"), inline(never))]
fn is(known: &[u8], text: &[u8]) -> bool {
    text::same(known, text)
}

impl<'t> Table<'t> {
    /// A table in which there is nothing.
    pub(crate) const EMPTY: Self = Self { bytes: &[] };

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

    /// The header behind the magic: the offsets of the tools, of the view for others and of the roles, and the number
    /// of role words.
    #[inline(always)]
    fn header(self) -> Result<[u32; 4], Error> {
        let [_, tools, others, roles, role_words] = *self.words(0)?;
        Ok([number(tools), number(others), number(roles), number(role_words)])
    }

    #[cfg_attr(not(target_arch = "wasm32"), inline(always))]
    fn slice(self, at: u32, length: u32) -> Result<&'t [u8], Error> {
        self.bytes.get(at as usize..).and_then(|bytes| bytes.get(..length as usize)).intact()
    }

    /// So many rows of `N` words.
    #[inline(always)]
    pub(crate) fn rows<const N: usize>(self, at: u32, count: u32) -> Result<&'t [[Word; N]], Error> {
        let words = self.bytes.get(at as usize..).intact()?.as_chunks().0;
        words.as_chunks().0.get(..count as usize).intact()
    }

    /// `N` words.
    #[inline(always)]
    fn words<const N: usize>(self, at: u32) -> Result<&'t [Word; N], Error> {
        self.bytes.get(at as usize..).and_then(|bytes| bytes.as_chunks().0.first_chunk()).intact()
    }

    /// How many words the caller's roles take.
    pub(crate) fn role_words(self) -> Result<usize, Error> {
        Ok(self.header()?[3] as usize)
    }

    /// The view for a tool; `None` if the policy does not know the tool.
    ///
    /// # Errors
    ///
    /// [`Code::Table`].
    #[inline]
    pub fn view(self, tool: &[u8]) -> Result<Option<View<'t>>, Error> {
        let [tools, others, ..] = self.header()?;
        let offset = match self.find(tools, tool)? {
            NOTHING => others,
            view => view,
        };
        if offset == 0 {
            return Ok(None);
        }
        self.view_at(offset).map(Some)
    }

    /// The view at an offset.
    #[cfg_attr(not(target_arch = "wasm32"), inline(always))]
    pub(crate) fn view_at(self, offset: u32) -> Result<View<'t>, Error> {
        let head = self.words(offset)?;
        let places = self.rows(offset.saturating_add(VIEW as u32), number(head[1]))?;
        Ok(View { head, places })
    }

    /// The words of a role and all it inherits, as bytes; `None` if the policy does not know the role.
    pub(crate) fn role(self, name: &[u8]) -> Result<Option<&'t [u8]>, Error> {
        let [.., roles, words] = self.header()?;
        match self.find(roles, name)? {
            NOTHING => Ok(None),
            at => Ok(Some(self.slice(at, words.saturating_mul(8))?)),
        }
    }

    /// What the map at `map` has for exactly this text, or [`NOTHING`].
    #[inline]
    pub(crate) fn find(self, map: u32, text: &[u8]) -> Result<u32, Error> {
        found(self.probe(map, text::hash(text), text, false))
    }

    /// What the map at `map` has for this key, or [`NOTHING`], or [`VARIANT`] where it has one that differs only by case.
    #[inline]
    pub(crate) fn key(self, map: u32, key: &[u8]) -> Result<u32, Error> {
        found(self.probe(map, text::key_hash(key), key, true))
    }

    #[cfg_attr(not(target_arch = "wasm32"), inline(always))]
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    fn probe(self, map: u32, hash: u32, text: &[u8], variants: bool) -> u32 {
        self.try_probe(map, hash, text, variants).unwrap_or(BROKEN)
    }

    #[inline(always)]
    fn try_probe(self, map: u32, hash: u32, text: &[u8], variants: bool) -> Result<u32, Error> {
        if map == 0 {
            return Ok(NOTHING);
        }
        let words = self.bytes.get(map as usize..).intact()?.as_chunks().0;
        let (head, entries) = words.split_first().intact()?;
        let head = number(*head);
        // Few entries are searched from front to back, many from where the hash says.
        let (count, first) = match head & FEW {
            0 => (head + 1, hash & head),
            _ => (head & !FEW, 0),
        };
        let entries = entries.as_chunks::<4>().0.get(..count as usize).intact()?;
        let (mut before, mut entries) = entries.split_at_checked(first as usize).intact()?;
        let mut found = NOTHING;
        loop {
            for [entry_hash, at, length, value] in entries {
                if number(*at) == 0 {
                    return Ok(found);
                }
                if number(*entry_hash) == hash {
                    let known = self.slice(number(*at), number(*length))?;
                    if is(known, text) {
                        return Ok(number(*value));
                    }
                    if variants && text::variant(known, text) {
                        found = VARIANT;
                    }
                }
            }
            if before.is_empty() {
                return Ok(found);
            }
            entries = core::mem::take(&mut before);
        }
    }

    /// The tests that a place's strings are put to: what is asked, two operands, and which bit the answer is.
    pub(crate) fn tests(self, place: PlaceInfo<'_>) -> Result<&'t [[Word; 4]], Error> {
        self.rows(number(place.0[2]), place.test_count())
    }

    /// The facets of a place that are read: each with its place.
    pub(crate) fn facets(self, place: PlaceInfo<'_>) -> Result<&'t [[Word; 2]], Error> {
        self.rows(number(place.0[3]), place.facet_count())
    }

    /// A view's tests between two strings of a call: what is asked, the two places, how many views further out the
    /// second one is, and which bit the answer is.
    pub(crate) fn pairs(self, view: View<'_>) -> Result<&'t [[Word; 5]], Error> {
        self.rows(number(view.head[3]), number(view.head[4]))
    }

    /// The automaton at an offset.
    pub(crate) fn automaton(self, at: u32) -> Result<Automaton<'t>, Error> {
        let [first, class_count, states, patterns] = *self.words(at)?;
        let [class_count, states, patterns] = [class_count, states, patterns].map(|word| number(word) as usize);
        if class_count > 256 || states > 1 << 16 || patterns > 32 {
            return Err(DAMAGED);
        }
        let (head, rest) =
            self.bytes.get(at as usize..).and_then(|bytes| bytes.split_at_checked(AUTOMATON)).intact()?;
        let (answers, rest) = rest.split_at_checked(4 * patterns).intact()?;
        let (accepts, rest) = rest.split_at_checked(4 * states).intact()?;
        let next = rest.get(..2 * states * class_count).intact()?;
        let classes = head.last_chunk().intact()?;
        Ok(Automaton { first: number(first), classes, class_count, answers, accepts, next })
    }

    /// A string of the table.
    pub(crate) fn text(self, at: Word, length: Word) -> Result<&'t [u8], Error> {
        self.slice(number(at), number(length))
    }
}

impl<'t> View<'t> {
    /// A view in which there is nothing.
    pub(crate) const fn empty() -> Self {
        Self { head: &[[0; 4]; VIEW / 4], places: &[] }
    }

    /// The number of its function; of an element view, that of the list's budget.
    pub(crate) const fn function(&self) -> Word {
        self.head[0]
    }

    /// Whether there are pair tests here or in the view of an element below.
    pub(crate) fn has_pairs(&self) -> bool {
        number(self.head[5]) & has::PAIRS != 0
    }

    /// Whether every string of some part of the call is looked at.
    pub(crate) fn has_strings(&self) -> bool {
        number(self.head[5]) & has::STRINGS != 0
    }

    /// Whether `context.now` is read.
    pub(crate) fn has_time(&self) -> bool {
        number(self.head[5]) & has::TIME != 0
    }

    pub(crate) const fn place_count(&self) -> usize {
        self.places.len()
    }

    #[inline(always)]
    pub(crate) fn place(&self, place: u32) -> Result<PlaceInfo<'t>, Error> {
        self.places.get(place as usize).map(PlaceInfo).intact()
    }

    /// Bytes of its records and answers.
    #[inline(always)]
    pub(crate) fn length(&self) -> Result<usize, Error> {
        let words = number(self.head[2]) as usize;
        if words > 1 << 20 {
            return Err(DAMAGED);
        }
        Ok(layout::element(self.place_count(), words))
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
