//! What depends on two strings of a call is settled when all of them are known.
//!
//! Strings that are compared with other strings of the call are kept behind one another at the end of the memory, each
//! with a header of [`KEPT`] bytes behind it. When the frame is written, each gets a number, the same for equal strings,
//! so that a module compares numbers and never text. Tests between two strings (`starts_with` of a reference) are
//! answered here too, because only now are both there.

use super::{get, put, Outcome, DAMAGED, NO_RECORD};
use crate::error::Error;
use crate::layout::{self, kind, op};
use crate::limits::LIST_LENGTH;
use crate::table::{number, Intact, Table, View, Word};
use crate::text;

/// Bytes behind each string that is kept: its size, the record that has it, its hash, the next string of that hash.
pub(super) const KEPT: usize = 16;

/// A frame that is written but for what depends on two strings of the call.
#[derive(Debug)]
pub(crate) struct Finished<'t> {
    pub(super) table: Table<'t>,
    pub(super) view: View<'t>,
    pub(super) head: usize,
    pub(super) front: usize,
    pub(super) back: usize,
    pub(super) keeps: bool,
}

/// The records of a view, in a frame that is written.
#[derive(Clone, Copy)]
pub(super) struct Base<'t> {
    pub(super) view: View<'t>,
    /// Where the first record is.
    pub(super) at: usize,
}

impl<'t> Finished<'t> {
    /// Compares the strings that are kept: numbers them, and answers the tests between two.
    #[inline]
    pub(crate) fn settle(self, memory: &mut [u8]) -> Result<Outcome, Error> {
        // The plain prelude has nothing that depends on values other than strings.
        if self.keeps || !cfg!(plain_prelude) && self.view.has_pairs() {
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
            // What is made of other values than two strings.
            if !cfg!(plain_prelude) && number(op) & op::MASK >= op::INSIDE {
                self.derive(frame, kept, bases, pair)?;
                continue;
            }
            let left = kept_text(frame, kept, inner.at + layout::RECORD * left)?;
            let right = kept_text(frame, kept, outer.at + layout::RECORD * right)?;
            let (Some(left), Some(right)) = (left, right) else { continue };
            if holds(op, left, right)? {
                set_answer(frame, answers, answer)?;
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

#[inline(always)]
pub(super) fn set_answer(frame: &mut [u8], answers: usize, answer: usize) -> Result<(), Error> {
    *frame.get_mut(answers + answer / 8).intact()? |= 1 << (answer % 8);
    Ok(())
}

/// The string whose record is at `at`, if there is one.
pub(super) fn kept_text<'k>(frame: &[u8], kept: &'k [u8], at: usize) -> Result<Option<&'k [u8]>, Error> {
    if u32::from_le_bytes(get(frame, at)?) != kind::STRING {
        return Ok(None);
    }
    let distance = u64::from_le_bytes(get(frame, at + 8)?) as usize;
    let length = u64::from_le_bytes(get(frame, at + 16)?) as usize;
    let start = kept.len().checked_sub(distance).intact()?;
    kept.get(start..).and_then(|text| text.get(..length)).map(Some).intact()
}

/// The answer of a string test.
pub(super) fn holds(test: Word, value: &[u8], operand: &[u8]) -> Result<bool, Error> {
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
