//! The form that a table has in a module's bytes: most of a table is zeros.
//!
//! | at | what |
//! | --- | --- |
//! | 0 | the table's magic |
//! | 4 | for each eight bytes of the rest a byte with a bit for each of them, the lowest for the first; then those of the eight whose bit is set. The others are zero |
//!
//! So a table's length is 4 and a multiple of [`GROUP`].

use crate::table::Word;
use core::sync::atomic::{compiler_fence, Ordering};

/// How many bytes share a byte of bits.
pub const GROUP: usize = 8;

const MAGIC: usize = size_of::<Word>();

/// How long the table is; `None` if that is no table.
#[must_use]
pub fn length(packed: &[u8]) -> Option<usize> {
    let mut length = MAGIC;
    let mut at = MAGIC;
    while at < packed.len() {
        at += 1 + packed.get(at)?.count_ones() as usize;
        length += GROUP;
    }
    (at == packed.len()).then_some(length)
}

/// Writes the table that is packed to `to`, which is as long as the table; `None` if that is no table.
///
/// The magic comes last: who stops in between has no table.
pub fn expand(packed: &[u8], to: &mut [u8]) -> Option<()> {
    let (magic, packed) = packed.split_first_chunk::<MAGIC>()?;
    let (first, rest) = to.split_first_chunk_mut()?;
    let mut packed = packed.iter();
    // The bits of the bytes that are to come, with one above them that says where they end.
    let mut bits = 1;
    for to in rest {
        if bits == 1 {
            bits = 0x100 | u32::from(*packed.next()?);
        }
        *to = if bits & 1 == 1 { *packed.next()? } else { 0 };
        bits >>= 1;
    }
    compiler_fence(Ordering::SeqCst);
    *first = *magic;
    Some(())
}
