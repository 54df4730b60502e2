//! Texts without the difference of upper and lower case.

use regex_syntax::hir::{ClassUnicode, ClassUnicodeRange};

/// The text with each character as the first of those that differ from it only by case, by Unicode's simple case folding.
pub(crate) fn fold(text: &str) -> String {
    text.chars().map(first).collect()
}

/// A text that is folded, in lower case where that is the same but for case: how it is shown.
pub(crate) fn unfolded(folded: &str) -> String {
    let lower = folded.to_lowercase();
    if fold(&lower) == folded { lower } else { folded.to_owned() }
}

/// The first of the characters that the regular expression `(?i)c` matches.
fn first(c: char) -> char {
    if c.is_ascii() {
        return c.to_ascii_uppercase();
    }
    let mut class = ClassUnicode::new([ClassUnicodeRange::new(c, c)]);
    match class.try_case_fold_simple() {
        Ok(()) => class.ranges().first().map_or(c, ClassUnicodeRange::start),
        Err(_) => c,
    }
}
