//! Words separated by single spaces, as OAuth 2.0 writes scopes (RFC 6749, 3.3).

/// The words of a text; `None` if it is not what it must be. The empty text has no words.
pub(crate) fn words(text: &[u8]) -> Option<impl Iterator<Item = &[u8]> + Clone> {
    // `split` makes one empty word of the empty text.
    let empty_words = usize::from(text.is_empty());
    let words = text.split(|byte| *byte == b' ').skip(empty_words);
    let is_good = |word: &[u8]| !word.is_empty() && word.iter().all(|byte| is_of_a_word(*byte));
    words.clone().all(is_good).then_some(words)
}

/// `scope-token = 1*( %x21 / %x23-5B / %x5D-7E )`
fn is_of_a_word(byte: u8) -> bool {
    matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_separated_by_single_spaces() {
        let read = |text: &str| words(text.as_bytes()).map(|words| words.count());
        assert_eq!(read(""), Some(0));
        assert_eq!(read("files:read"), Some(1));
        assert_eq!(read("a b c"), Some(3));
        for text in [" ", " a", "a ", "a  b", "a\tb", "a\nb", "a\u{a0}b", "\u{e9}", "a\"b", "a\\b", "a\0b", "a\x7f"] {
            assert_eq!(read(text), None, "{text:?}");
        }
    }
}
