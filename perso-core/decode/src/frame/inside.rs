//! Whether a path is another one or below it, where one of them is made of several values of a call.
//!
//! The paths are compared part by part and never put together in memory.

use super::settle::{kept_text, Base, Finished};
use super::DAMAGED;
use crate::error::Error;
use crate::layout::{self, PART};
use crate::table::{number, Word};

/// The most parts of a path.
const MOST: usize = 16;

impl<'t> Finished<'t> {
    /// Whether the path at `left` is the one at `right` or below it. Where a part is no text it is not, which the test
    /// itself finds out.
    #[cfg_attr(all(target_arch = "wasm32", not(plain_prelude)), no_mangle, inline(never))]
    pub(super) fn inside(
        &self,
        frame: &[u8],
        kept: &[u8],
        bases: &[Base<'t>],
        left: u32,
        right: u32,
    ) -> Result<bool, Error> {
        let mut parts: [[&[u8]; MOST]; 2] = [[&[]; MOST]; 2];
        for (parts, at) in parts.iter_mut().zip([left, right]) {
            let [count] = self.table.rows::<1>(at, 1)? else { return Err(DAMAGED) };
            let rows = self.table.rows::<{ PART / 4 }>(at.saturating_add(4), number(count[0]))?;
            if rows.len() > MOST {
                return Err(DAMAGED);
            }
            for (part, row) in parts.iter_mut().zip(rows) {
                match self.part(frame, kept, bases, row)? {
                    Some(text) => *part = text,
                    None => return Ok(false),
                }
            }
        }
        let [[base, path, ..], right] = &mut parts;
        // What is read from a base may be absolute.
        if path.first() == Some(&b'/') {
            *base = &[];
        }
        let left = [*base, *path];
        let mut left = joined(&left);
        let is_front = joined(right).all(|byte| left.next() == Some(byte));
        Ok(is_front && matches!(left.next(), None | Some(b'/')))
    }

    fn part<'k>(
        &self,
        frame: &[u8],
        kept: &'k [u8],
        bases: &[Base<'t>],
        [kind, first, second]: &[Word; PART / 4],
    ) -> Result<Option<&'k [u8]>, Error>
    where
        't: 'k,
    {
        if number(*kind) == 0 {
            return self.table.text(*first, *second).map(Some);
        }
        let outer = bases.len().checked_sub(1 + number(*second) as usize).and_then(|at| bases.get(at));
        let Some(outer) = outer else { return Err(DAMAGED) };
        kept_text(frame, kept, outer.at + layout::RECORD * number(*first) as usize)
    }
}

/// The bytes of a path that parts make up, without the slash that is the root.
fn joined<'p>(parts: &'p [&'p [u8]]) -> impl Iterator<Item = u8> + 'p {
    parts.iter().filter(|part| !part.is_empty()).flat_map(|part| {
        let (separator, rest) = match *part {
            b"/" => (&[][..], &[][..]),
            [b'/', ..] => (&[][..], *part),
            part => (&b"/"[..], part),
        };
        separator.iter().chain(rest).copied()
    })
}
