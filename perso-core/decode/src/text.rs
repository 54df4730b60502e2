//! Text, by the byte, by the word and by the character.

const LOW: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

/// The byte at `at`; 0, which no token begins with, at the end.
#[inline(always)]
pub(crate) fn byte(text: &[u8], at: usize) -> u8 {
    text.get(at).copied().unwrap_or(0)
}

/// How many bytes are looked at together.
pub(crate) const BLOCK: usize = if cfg!(target_arch = "wasm32") { 8 } else { 64 };

/// Which bytes of a block may need care in a string: a quote, a backslash, a control character, or a part of a character
/// beyond ASCII. A bit each, the lowest for the first.
#[cfg(not(target_arch = "wasm32"))]
#[inline(always)]
pub(crate) fn care(block: &[u8; BLOCK]) -> u64 {
    use wide::i8x16;
    let mut care = 0;
    for (index, bytes) in block.as_chunks::<16>().0.iter().enumerate() {
        let bytes = i8x16::new(bytes.map(|byte| byte as i8));
        // With one bit turned the quote is the next after the control characters, and as signed numbers the bytes beyond
        // ASCII come before them.
        let other = (bytes ^ i8x16::splat(2)).simd_lt(i8x16::splat(b' ' as i8 + 1));
        let those = bytes.simd_eq(i8x16::splat(b'\\' as i8)) | other;
        care |= u64::from(those.to_bitmask()) << (16 * index);
    }
    care
}

/// How many bytes of the block come before the first one that may need care in a string; 8 if there is none.
#[cfg(target_arch = "wasm32")]
#[inline(always)]
pub(crate) const fn plain(block: &[u8; BLOCK]) -> usize {
    let word = u64::from_le_bytes(*block);
    // With one bit turned the quote is the next after the control characters.
    let quote = (word ^ (LOW * 2)).wrapping_sub(LOW * 0x21);
    let slash = (word ^ (LOW * b'\\' as u64)).wrapping_sub(LOW);
    // Each difference has the high bit of every byte that it is about; a borrow can set wrong bits only above a right one.
    // It also has it where the byte itself does: that is what needs care, too.
    ((quote | slash | word) & HIGH).trailing_zeros() as usize / 8
}

/// A text of less than eight bytes as the front of a word whose other bytes are zero.
#[cfg(not(target_arch = "wasm32"))]
#[inline(always)]
fn short(text: &[u8]) -> u64 {
    // Two numbers that overlap, or three: where they do, they agree.
    let number = |chunk: &[u8; 4]| u64::from(u32::from_le_bytes(*chunk));
    let length = text.len();
    match (text.first_chunk(), text.last_chunk()) {
        (Some(first), Some(last)) => number(first) | number(last) << (8 * (length & 7) - 32),
        _ => {
            let byte = |at: usize| u64::from(text.get(at).copied().unwrap_or(0)) << (8 * at);
            byte(0) | byte(length / 2) | byte(length.saturating_sub(1))
        }
    }
}

/// The same; to copy bytes takes one operation here.
#[cfg(target_arch = "wasm32")]
#[inline(never)]
fn short(text: &[u8]) -> u64 {
    let mut word = [0; 8];
    if let Some(front) = word.get_mut(..text.len()) {
        front.copy_from_slice(text);
    }
    u64::from_le_bytes(word)
}

/// A key of at most eight bytes as a word, with the byte 255, which is in no UTF-8, behind it; another word for all that
/// are longer.
#[inline(always)]
pub(crate) fn word(key: &[u8]) -> u64 {
    match key.len() {
        length @ 0..8 => short(key) | u64::MAX << (8 * length),
        8 => key.first_chunk().map_or(0, |word| u64::from_le_bytes(*word)),
        _ => 0,
    }
}

/// Whether two texts are the same.
#[cfg_attr(not(target_arch = "wasm32"), inline(always))]
#[cfg_attr(target_arch = "wasm32", inline(never))]
pub(crate) fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    match (a.last_chunk::<8>(), b.last_chunk::<8>()) {
        // The last eight bytes, and those before in words of eight, the last of which may reach into them.
        (Some(last_a), Some(last_b)) => {
            let words = a.as_chunks::<8>().0.iter().zip(b.as_chunks::<8>().0);
            last_a == last_b && words.into_iter().all(|(a, b)| a == b)
        }
        _ => short(a) == short(b),
    }
}

/// The character at the front of the text; `None` if there is none that is UTF-8.
#[cfg_attr(target_arch = "wasm32", inline(never))]
pub(crate) fn character(text: &[u8]) -> Option<char> {
    let first = *text.first()?;
    if first < 0x80 {
        return Some(char::from(first));
    }
    // As many ones at the front of the first byte as there are bytes; each other byte brings six bits.
    let length = first.leading_ones() as usize;
    let mut point = u32::from(first) & (0x7f >> length);
    for byte in text.get(1..length)? {
        if byte & 0xc0 != 0x80 {
            return None;
        }
        point = point << 6 | u32::from(byte & 0x3f);
    }
    // No surrogate, nothing beyond Unicode, and no more bytes than it takes.
    char::from_u32(point).filter(|c| length > 1 && c.len_utf8() == length)
}

/// A hash in which ASCII letters of both cases are equal.
#[inline]
pub fn hash(text: &[u8]) -> u32 {
    hash_and_bits(text) as u32
}

/// The hash in the lower half; the upper half is 1 if there is something in the text beyond ASCII, else 0.
#[inline]
fn hash_and_bits(text: &[u8]) -> u64 {
    const FOLD: u64 = LOW * 0x20;
    const MIX: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut hash = (text.len() as u64).wrapping_mul(MIX);
    let mut bits = 0;
    let mut mix = |word: u64| {
        bits |= word;
        hash = (hash ^ (word | FOLD)).wrapping_mul(MIX);
        hash ^= hash >> 32;
    };
    match text.last_chunk() {
        Some(last) => {
            for word in text.as_chunks().0 {
                mix(u64::from_le_bytes(*word));
            }
            mix(u64::from_le_bytes(*last));
        }
        None => mix(short(text)),
    }
    u64::from(hash as u32) | u64::from(bits & HIGH != 0) << 32
}

/// Whether a character can be of one case. Whole blocks, so that a character and its other case are always both in or
/// both out; a few characters without case are in as well.
#[cfg_attr(target_arch = "wasm32", no_mangle)]
fn cased(c: char) -> bool {
    matches!(c as u32,
        0xaa..=0x24f | 0x250..=0x2af | 0x345 | 0x370..=0x58f | 0x10a0..=0x10ff | 0x13a0..=0x13ff | 0x1c80..=0x1cbf
        | 0x1d00..=0x1fff | 0x2100..=0x218f | 0x24b0..=0x24ef | 0x2c00..=0x2dff | 0xa640..=0xa69f | 0xa720..=0xa7ff
        | 0xab30..=0xabbf | 0xfb00..=0xfb1f | 0xff21..=0xff5a | 0x10400..=0x105ff | 0x10c80..=0x10cff
        | 0x10d50..=0x10d8f | 0x118a0..=0x118df | 0x16e40..=0x16edf | 0x1e900..=0x1e943)
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

/// The character at the front of text that is UTF-8, folded; takes it off the text. `None` at the end.
#[cfg_attr(target_arch = "wasm32", inline(never))]
fn next_folded(text: &mut &[u8]) -> Option<char> {
    let c = character(text)?;
    *text = text.get(c.len_utf8()..)?;
    Some(fold(c))
}

/// Whether two keys could be taken for the same by a reader that ignores case. Beyond ASCII that is judged by whole
/// blocks of characters: it may say so of two keys that differ by more than case, never the other way round.
#[cold]
pub(crate) fn variant(mut a: &[u8], mut b: &[u8]) -> bool {
    loop {
        match (next_folded(&mut a), next_folded(&mut b)) {
            (None, None) => return true,
            (Some(l), Some(r)) if l == r || (!l.is_ascii() && !r.is_ascii() && cased(l) && cased(r)) => {}
            _ => return false,
        }
    }
}

/// The hash of a key: that of its ASCII characters (after folding), so that every variant of a key has its hash.
#[inline]
pub fn key_hash(key: &[u8]) -> u32 {
    let hash = hash_and_bits(key);
    if hash >> 32 == 0 {
        hash as u32
    } else {
        skeleton_hash(key)
    }
}

#[cold]
#[cfg_attr(target_arch = "wasm32", inline(never))]
fn skeleton_hash(mut key: &[u8]) -> u32 {
    let mut skeleton = [0; crate::limits::KEY_BYTES];
    let mut length = 0;
    while let Some(c) = next_folded(&mut key) {
        if c.is_ascii() {
            if let Some(byte) = skeleton.get_mut(length) {
                *byte = c as u8;
            }
            length += 1;
        }
    }
    // A longer skeleton is of no key that a policy reads: any hash will do.
    hash(skeleton.get(..length).unwrap_or_default())
}

/// How many code points the text has.
pub(crate) fn code_points(text: &[u8]) -> u64 {
    text.iter().filter(|b| (**b as i8) >= -0x40).count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_needs_care_is_found_at_every_place() {
        for byte in 0..=u8::MAX {
            let needs = !(b' '..0x80).contains(&byte) || byte == b'"' || byte == b'\\';
            for at in 0..BLOCK {
                let mut block = [b'a'; BLOCK];
                block[at] = byte;
                assert_eq!(care(&block), u64::from(needs) << at, "{byte:#x} at {at}");
            }
        }
    }

    #[test]
    fn words_of_keys_differ() {
        let keys = ["", "a", "a\0", "args", "args\0", "args\0\0\0\0", "context", "context\0", "resource", "Resource"];
        for (index, a) in keys.iter().enumerate() {
            for b in keys.get(index + 1..).unwrap() {
                assert_ne!(word(a.as_bytes()), word(b.as_bytes()), "{a:?} {b:?}");
            }
            assert_ne!(word(a.as_bytes()), word(b"resources"), "{a:?}");
        }
        assert_eq!(word(b"args").to_le_bytes(), *b"args\xff\xff\xff\xff");
    }

    #[test]
    fn characters_are_read_as_the_standard_library_does() {
        // Every first byte with every second one, and third and fourth ones from the borders.
        const BORDERS: [u8; 8] = [0x00, 0x7f, 0x80, 0x8f, 0x9f, 0xbf, 0xc0, 0xff];
        for first in 0..=u8::MAX {
            for second in 0..=u8::MAX {
                for third in BORDERS {
                    for fourth in BORDERS {
                        let text = [first, second, third, fourth];
                        let known = text.utf8_chunks().next().and_then(|chunk| chunk.valid().chars().next());
                        assert_eq!(character(&text), known, "{text:x?}");
                    }
                }
            }
        }
        for cut in 0..4 {
            assert_eq!(character("\u{1f600}".as_bytes().get(..cut).unwrap()), None);
        }
    }

    #[track_caller]
    fn assert_variants(a: &str, b: &str) {
        let (a, b) = (a.as_bytes(), b.as_bytes());
        assert!(variant(a, b), "{a:x?} {b:x?}");
        assert_eq!(key_hash(a), key_hash(b), "{a:x?} {b:x?}");
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
            assert!(!variant(a.as_bytes(), b.as_bytes()), "{a} {b}");
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
