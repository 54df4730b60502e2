//! Text that is safe to show.

use std::borrow::Cow;

/// A text with the characters escaped that a terminal or a log would act on, or that hide or reorder what stands there:
/// control characters, line ends, zero-width and bidirectional ones. The escapes are those of JSON, so in JSON text,
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

/// Control characters, line ends, and what is invisible or changes the direction of writing.
pub(crate) fn is_deceptive(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{feff}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}')
}
