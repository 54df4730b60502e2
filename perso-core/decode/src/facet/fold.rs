//! Texts without the difference of upper and lower case: simple case folding as the Unicode Standard has it in section 5.18
//! (`CaseFolding.txt`, statuses C and S).
//!
//! Of the characters that fold to the same one, the first stands for all of them, so that a text never grows.

mod table;

use super::Writer;
pub use table::RUNS;

/// The first of the characters that differ from this one at most by case.
#[must_use]
pub fn fold(c: char) -> char {
    if c.is_ascii() {
        return c.to_ascii_uppercase();
    }
    let of = c as u32;
    let behind = RUNS.partition_point(|[first, ..]| *first <= of);
    let Some([first, last, step, delta]) = behind.checked_sub(1).and_then(|run| RUNS.get(run)) else { return c };
    if of > *last || !(of - first).is_multiple_of(*step) {
        return c;
    }
    char::from_u32(of.wrapping_sub(*delta)).unwrap_or(c)
}

/// Writes the text, folded.
pub(crate) fn write(text: &[u8], to: &mut Writer<'_>) -> Option<()> {
    core::str::from_utf8(text).ok()?.chars().try_for_each(|c| to.text(fold(c).encode_utf8(&mut [0; 4])))
}
