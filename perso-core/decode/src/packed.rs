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
    let (magic, mut packed) = packed.split_first_chunk::<MAGIC>()?;
    let (first, rest) = to.split_first_chunk_mut()?;
    for group in rest.chunks_exact_mut(GROUP) {
        let (bits, behind) = packed.split_first()?;
        let mut bits = u32::from(*bits);
        let (kept, behind) = behind.split_at_checked(bits.count_ones() as usize)?;
        group.fill(0);
        for byte in kept {
            *group.get_mut(bits.trailing_zeros() as usize)? = *byte;
            bits &= bits.wrapping_sub(1);
        }
        packed = behind;
    }
    compiler_fence(Ordering::SeqCst);
    *first = *magic;
    Some(())
}
