//! Numbers that are made of several values of a call, when all of them are known.

use super::settle::{set_answer, Base, Finished};
use super::{get, put, record_of, DAMAGED};
use crate::error::Error;
use crate::layout::{self, kind, op, PAIR};
use crate::limits::LIST_LENGTH;
use crate::number::Number;
use crate::table::{number, Intact, Word};

impl<'t> Finished<'t> {
    /// Works out a row of pair tests that is none of two strings.
    #[cfg_attr(all(target_arch = "wasm32", not(plain_prelude)), no_mangle, inline(never))]
    pub(super) fn derive(
        &self,
        frame: &mut [u8],
        kept: &[u8],
        bases: &[Base<'t>],
        [op, left, right, outward, answer]: &[Word; PAIR / 4],
    ) -> Result<(), Error> {
        let Some(inner) = bases.last() else { return Err(DAMAGED) };
        let here = |place: &Word| inner.at + layout::RECORD * number(*place) as usize;
        match number(*op) & op::MASK {
            op::AGE => {
                let outer = bases.len().checked_sub(1 + number(*outward) as usize).and_then(|at| bases.get(at));
                let outer = outer.intact()?.at + layout::RECORD * number(*right) as usize;
                self.age(frame, here(left), outer, here(answer))
            }
            op::SUM => {
                let element = inner.view.place(number(*left))?.element();
                let size = self.table.view_at(element)?.length()?;
                self.sum(frame, number(*op) as usize, here(left), size, here(right))
            }
            _ => {
                if self.inside(frame, kept, bases, number(*left), number(*right))? {
                    let answers = inner.at + layout::RECORD * inner.view.place_count();
                    set_answer(frame, answers, number(*answer) as usize)?;
                }
                Ok(())
            }
        }
    }

    /// How long ago the instant at `instant` was: from there to the present, which is at `now`. Where the one is no
    /// instant, the age has the state of that; where it is in the future, there is none.
    #[cfg_attr(all(target_arch = "wasm32", not(plain_prelude)), no_mangle, inline(never))]
    pub(super) fn age(&self, frame: &mut [u8], instant: usize, now: usize, to: usize) -> Result<(), Error> {
        let state = state(frame, instant)?;
        if state != kind::NUMBER {
            return set(frame, to, state);
        }
        match self::state(frame, now)? {
            kind::NUMBER => {}
            // The test looks at the present itself.
            now => return set(frame, to, if now == kind::OPEN { now } else { kind::OBJECT }),
        }
        match value(frame, now)?.minus(value(frame, instant)?) {
            Some(age) if age >= Number::ZERO => write(frame, to, age),
            Some(_) => set(frame, to, kind::OBJECT),
            None => set(frame, to, kind::RANGE),
        }
    }

    /// The sum of the elements of the list at `list`: of the numbers at one place of theirs, or of the products of those
    /// at two places. `size` is that of an element, and `op` has the places.
    #[cfg_attr(all(target_arch = "wasm32", not(plain_prelude)), no_mangle, inline(never))]
    pub(super) fn sum(&self, frame: &mut [u8], op: usize, list: usize, size: usize, to: usize) -> Result<(), Error> {
        let state = state(frame, list)?;
        match state {
            kind::LIST => {}
            kind::MISSING | kind::NULL | kind::OPEN | kind::WITHHELD => return set(frame, to, state),
            kind::LONG_LIST => return set(frame, to, kind::RANGE),
            _ => return set(frame, to, kind::OBJECT),
        }
        let first = u64::from_le_bytes(get(frame, list + 8)?) as usize;
        let count = u64::from_le_bytes(get(frame, list + 16)?).min(LIST_LENGTH) as usize;
        let no_factor = op::NO_FACTOR as usize;
        let [of, times] = [op::BITS, op::BITS + op::FACTOR_BITS].map(|bit| op >> bit & no_factor);
        let mut sum = Some(Number::ZERO);
        for element in 0..count {
            let mut term = Some(Number::ONE);
            for factor in [of, times].into_iter().filter(|factor| *factor != no_factor) {
                let at = first + size * element + layout::RECORD * factor;
                match self::state(frame, at)? {
                    kind::NUMBER => {}
                    state @ (kind::RANGE | kind::WITHHELD) => return set(frame, to, state),
                    _ => return set(frame, to, kind::OBJECT),
                }
                let factor = value(frame, at)?;
                term = term.and_then(|term| term.times(factor));
            }
            sum = sum.zip(term).and_then(|(sum, term)| sum.plus(term));
        }
        match sum {
            Some(sum) => write(frame, to, sum),
            None => set(frame, to, kind::RANGE),
        }
    }
}

fn state(frame: &[u8], at: usize) -> Result<u32, Error> {
    get(frame, at).map(u32::from_le_bytes)
}

fn set(frame: &mut [u8], at: usize, state: u32) -> Result<(), Error> {
    put(frame, at, state.to_le_bytes())
}

fn value(frame: &[u8], at: usize) -> Result<Number, Error> {
    let [head, high, low] = [get(frame, at + 8)?, get(frame, at + 16)?, get(frame, at + 24)?];
    Ok(Number { head: i64::from_le_bytes(head), high: u64::from_le_bytes(high), low: u64::from_le_bytes(low) })
}

fn write(frame: &mut [u8], at: usize, value: Number) -> Result<(), Error> {
    let record = frame.get_mut(at..).and_then(|frame| frame.as_chunks_mut().0.first_chunk_mut()).intact()?;
    *record = record_of(value);
    Ok(())
}
