//! Text that is safe to show.

use std::borrow::Cow;

/// A text with the characters escaped that a terminal or a log would act on, or that hide or reorder text: control and
/// format characters, line ends, invisible and bidirectional characters. The escapes are those of JSON, so in JSON text,
/// where such characters stand only in strings, the result means the same.
///
/// ```
/// assert_eq!(perso_core::visible("red \u{1b}[31m\u{202e}"), r"red \u001b[31m\u202e");
/// assert_eq!(perso_core::visible("Zoë 😀"), "Zoë 😀");
/// ```
#[must_use]
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(is_deceptive) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_deceptive(c) { shown.push_str(&escape(c)) } else { shown.push(c) }
    }
    Cow::Owned(shown)
}

/// A character's JSON escape.
pub(crate) fn escape(c: char) -> String {
    c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect()
}

/// Whether a character acts on a terminal or a log, or is invisible, or changes the direction of writing.
#[must_use]
pub fn is_deceptive(c: char) -> bool {
    // Nearly every text is printable ASCII.
    !matches!(c, ' '..='~')
        && DECEPTIVE
            .binary_search_by(|(first, last)| match c {
                _ if *last < c => std::cmp::Ordering::Less,
                _ if *first > c => std::cmp::Ordering::Greater,
                _ => std::cmp::Ordering::Equal,
            })
            .is_ok()
}

/// Controls, format characters, line and paragraph separators, what is ignorable by default and what controls the
/// direction of writing, by Unicode's own properties: ranges, ascending. A test compares them with Unicode's tables.
#[rustfmt::skip]
const DECEPTIVE: &[(char, char)] = &[
    ('\u{0}', '\u{1f}'), ('\u{7f}', '\u{9f}'), ('\u{ad}', '\u{ad}'), ('\u{34f}', '\u{34f}'), ('\u{600}', '\u{605}'),
    ('\u{61c}', '\u{61c}'), ('\u{6dd}', '\u{6dd}'), ('\u{70f}', '\u{70f}'), ('\u{890}', '\u{891}'),
    ('\u{8e2}', '\u{8e2}'), ('\u{115f}', '\u{1160}'), ('\u{17b4}', '\u{17b5}'), ('\u{180b}', '\u{180f}'),
    ('\u{200b}', '\u{200f}'), ('\u{2028}', '\u{202e}'), ('\u{2060}', '\u{206f}'), ('\u{3164}', '\u{3164}'),
    ('\u{fe00}', '\u{fe0f}'), ('\u{feff}', '\u{feff}'), ('\u{ffa0}', '\u{ffa0}'), ('\u{fff0}', '\u{fffb}'),
    ('\u{110bd}', '\u{110bd}'), ('\u{110cd}', '\u{110cd}'), ('\u{13430}', '\u{1343f}'), ('\u{1bca0}', '\u{1bca3}'),
    ('\u{1d173}', '\u{1d17a}'), ('\u{e0000}', '\u{e0fff}'),
];

#[cfg(all(test, feature = "compile"))]
mod tests {
    use super::*;

    /// What Unicode calls controls, format characters, line and paragraph separators, ignorable, or bidirectional controls.
    const PROPERTIES: &str = r"[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\p{Bidi_Control}]";

    #[test]
    fn the_list_is_that_of_unicodes_properties() {
        let class = regex_syntax::Parser::new().parse(PROPERTIES).unwrap();
        let regex_syntax::hir::HirKind::Class(regex_syntax::hir::Class::Unicode(class)) = class.kind() else {
            panic!("not a class: {class:?}")
        };
        let ranges: Vec<(char, char)> = class.iter().map(|range| (range.start(), range.end())).collect();
        assert_eq!(DECEPTIVE, ranges);
        for c in '\0'..=char::MAX {
            assert_eq!(is_deceptive(c), ranges.iter().any(|(first, last)| (*first..=*last).contains(&c)), "{c:?}");
        }
    }
}
