//! Eight bytes of text at a time.

const LOW: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

/// Eight bytes from `at` on, if there are as many.
#[cfg_attr(not(target_arch = "wasm32"), inline(always))]
pub(crate) fn word(text: &[u8], at: usize) -> Option<u64> {
    let bytes = text.get(at..at.checked_add(8)?)?;
    Some(u64::from_le_bytes(bytes.try_into().ok()?))
}

/// How many bytes of the word come before the first quote, backslash or control character; 8 if there is none.
#[cfg_attr(not(target_arch = "wasm32"), inline(always))]
pub(crate) const fn plain(word: u64) -> usize {
    let quote = word ^ (LOW * b'"' as u64);
    let slash = word ^ (LOW * b'\\' as u64);
    // Each term has the high bit of every byte that is zero, or below 0x20; a borrow can set wrong bits only above a
    // right one.
    let stop = (quote.wrapping_sub(LOW) & !quote)
        | (slash.wrapping_sub(LOW) & !slash)
        | (word.wrapping_sub(LOW * 0x20) & !word);
    (stop & HIGH).trailing_zeros() as usize / 8
}

/// A hash in which ASCII letters of both cases are equal.
#[inline]
pub fn hash(text: &[u8]) -> u32 {
    hash_and_bits(text).0
}

/// The hash, and all bits that are set in some byte, in the byte's place in its word.
#[inline]
fn hash_and_bits(text: &[u8]) -> (u32, u64) {
    const FOLD: u64 = LOW * 0x20;
    const MIX: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut hash = (text.len() as u64).wrapping_mul(MIX);
    let mut at = 0;
    let mut bits = 0;
    while let Some(next) = word(text, at) {
        bits |= next;
        hash = (hash ^ (next | FOLD)).wrapping_mul(MIX);
        hash ^= hash >> 32;
        at += 8;
    }
    let mut rest = 0;
    for byte in text.get(at..).unwrap_or_default() {
        rest = rest << 8 | u64::from(*byte);
    }
    bits |= rest;
    hash = (hash ^ (rest | FOLD)).wrapping_mul(MIX);
    ((hash ^ (hash >> 32)) as u32, bits)
}

/// Whether a character can be of one case. Whole blocks, so that a character and its other case are always both in or
/// both out; a few characters without case are in as well.
const fn cased(c: char) -> bool {
    matches!(c as u32,
        0xaa..=0x24f | 0x250..=0x2af | 0x345 | 0x370..=0x58f | 0x10a0..=0x10ff | 0x13a0..=0x13ff | 0x1c80..=0x1cbf
        | 0x1d00..=0x1fff | 0x2100..=0x218f | 0x24b0..=0x24ef | 0x2c00..=0x2dff | 0xa640..=0xa69f | 0xa720..=0xa7ff
        | 0xab30..=0xabbf | 0xfb00..=0xfb1f | 0xff21..=0xff5a | 0x10400..=0x105ff | 0x10c80..=0x10cff
        | 0x10d50..=0x10d8f | 0x118a0..=0x118df | 0x16e40..=0x16e9f | 0x1e900..=0x1e943)
}

/// A character folded for comparison: ASCII letters, and the others that some reader folds to them, in lower case.
const fn fold(c: char) -> char {
    match c {
        '\u{130}' | '\u{131}' => 'i',
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        c => c.to_ascii_lowercase(),
    }
}

/// Whether two keys could be taken for the same by a reader that ignores case. Beyond ASCII that is judged by whole
/// blocks of characters: it may say so of two keys that differ by more than case, never the other way round.
pub(crate) fn variant(a: &str, b: &str) -> bool {
    let mut left = a.chars().map(fold);
    let mut right = b.chars().map(fold);
    loop {
        match (left.next(), right.next()) {
            (None, None) => return true,
            (Some(l), Some(r)) if l == r || (cased(l) && cased(r)) => {}
            _ => return false,
        }
    }
}

/// The hash of a key: that of its ASCII characters (after folding), so that every variant of a key has its hash.
#[inline]
pub fn key_hash(key: &str) -> u32 {
    let (hash, bits) = hash_and_bits(key.as_bytes());
    if bits & HIGH == 0 {
        hash
    } else {
        skeleton_hash(key)
    }
}

#[cold]
fn skeleton_hash(key: &str) -> u32 {
    let mut skeleton = [0; crate::limits::KEY_BYTES];
    let mut length = 0;
    for c in key.chars().map(fold).filter(char::is_ascii) {
        if let Some(byte) = skeleton.get_mut(length) {
            *byte = c as u8;
        }
        length += 1;
    }
    // A longer skeleton is of no key that a policy reads: any hash will do.
    hash(skeleton.get(..length).unwrap_or_default())
}

/// How many code points the text has.
pub(crate) fn code_points(text: &str) -> u64 {
    text.bytes().filter(|b| (*b as i8) >= -0x40).count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_counts_up_to_what_needs_care() {
        let count = |text: &[u8; 8]| plain(u64::from_le_bytes(*text));
        assert_eq!(count(b"abcdefgh"), 8);
        assert_eq!(count(b"abc\"efgh"), 3);
        assert_eq!(count(b"abcdef\\h"), 6);
        assert_eq!(count(b"\nbcdefgh"), 0);
        assert_eq!(count(b"abcdefg\x1f"), 7);
        assert_eq!(count(b"ab \x7f\xff\x80\x21\x23"), 8);
    }

    #[track_caller]
    fn assert_variants(a: &str, b: &str) {
        assert!(variant(a, b), "{a} {b}");
        assert_eq!(key_hash(a), key_hash(b), "{a} {b}");
    }

    #[test]
    fn variants_share_a_hash() {
        assert_variants("amount", "Amount");
        assert_variants("size", "\u{17f}ize");
        assert_variants("key", "\u{212a}EY");
        assert_variants("id", "\u{131}D");
        assert_variants("größe", "GRÖßE");
        assert_variants("ключ", "КЛЮЧ");
        for (a, b) in [("amount", "amounts"), ("数量", "价格"), ("a_b", "a\u{7f}b"), ("a", "")] {
            assert!(!variant(a, b), "{a} {b}");
        }
    }

    #[test]
    fn characters_that_differ_by_case_are_variants() {
        fn only(mut chars: impl Iterator<Item = char>) -> Option<char> {
            chars.next().filter(|_| chars.next().is_none())
        }
        for c in '\0'..=char::MAX {
            for other in [only(c.to_lowercase()), only(c.to_uppercase())].into_iter().flatten() {
                assert_variants(c.encode_utf8(&mut [0; 4]), other.encode_utf8(&mut [0; 4]));
            }
        }
    }
}
