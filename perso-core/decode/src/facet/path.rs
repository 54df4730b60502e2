//! Paths: absolute, with nothing in them that a tool would resolve, decode or trim.

use super::{has_percent_escape, Writer};
use crate::text::character;

/// The most bytes of a path.
pub const MOST: usize = 4096;

/// A POSIX path without its trailing slash.
#[must_use]
pub fn posix(text: &str) -> Option<&str> {
    let good = |c: char| {
        !matches!(c,
            '\0'..='\u{1f}' | '\u{7f}' | '\\' | '\u{85}' | '\u{2028}' | '\u{2029}'
            // What normalisation turns into dots and slashes.
            | '\u{2024}'..='\u{2026}' | '\u{ff0e}' | '\u{ff0f}' | '\u{2044}' | '\u{2215}' | '\u{29f8}' | '\u{ff3c}')
    };
    if text.len() > MOST || has_percent_escape(text) || !text.chars().all(good) {
        return None;
    }
    let inner = text.strip_prefix('/')?;
    if inner.is_empty() {
        return Some(text);
    }
    let inner = inner.strip_suffix('/').unwrap_or(inner);
    if inner.split('/').all(|segment| !is_dots(segment)) {
        text.get(..=inner.len())
    } else {
        None
    }
}

/// Whether a segment is empty, `.` or `..`, or would be if a tool dropped what cannot be seen, spaces and quotes.
fn is_dots(segment: &str) -> bool {
    let mut dots = 0;
    for c in segment.chars().filter(|c| !is_dropped(*c)) {
        if c != '.' {
            return false;
        }
        dots += 1;
    }
    dots <= 2
}

/// Whether a tool may drop a character: what cannot be seen, spaces and quotes.
#[inline(always)]
const fn is_dropped(c: char) -> bool {
    matches!(c,
            ' ' | '\'' | '"' | '`' | '\u{80}'..='\u{a0}' | '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}'
            | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{1680}' | '\u{2000}'..='\u{200f}'
            | '\u{2028}'..='\u{202f}' | '\u{205f}'..='\u{206f}' | '\u{3000}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}' | '\u{ffa0}' | '\u{e0000}'..='\u{e0fff}')
}

/// Writes a relative path below the root, as an absolute one, without the `./` that it may begin with; `None` if something
/// may read it from elsewhere. Where it is nothing but `.`, that is the root.
pub(crate) fn write_below_root(text: &str, to: &mut Writer<'_>) -> Option<()> {
    // Bytes and a loop: what texts can do besides would be a part of every module that reads URLs.
    let inner = match text.as_bytes() {
        b"." | b"./" => &[],
        [] => return None,
        [b'.', b'/', inner @ ..] => inner,
        inner => inner,
    };
    let mut first = inner.iter().take_while(|byte| **byte != b'/');
    // Drives and schemes.
    if first.any(|byte| *byte == b':') {
        return None;
    }
    // Home directories and variables.
    let mut rest = inner;
    while let Some(c) = character(rest).filter(|c| is_dropped(*c)) {
        rest = rest.get(c.len_utf8()..)?;
    }
    if matches!(rest.first(), Some(b'~' | b'$' | b'%')) {
        return None;
    }
    to.byte(b'/')?;
    inner.iter().try_for_each(|byte| to.byte(*byte))
}

/// Writes a Windows path in lower case, with `/` as the separator and without a trailing one; `None` if it is none.
pub(crate) fn write_windows(text: &str, to: &mut Writer<'_>) -> Option<()> {
    let bytes = text.as_bytes();
    let separator = |byte: u8| byte == b'\\' || byte == b'/';
    let plain = |byte: u8| matches!(byte, 0x20..=0x7e) && !b"<>\"|?*".contains(&byte);
    let [drive, b':', first, ..] = bytes else { return None };
    if bytes.len() > MOST
        || !drive.is_ascii_alphabetic()
        || !separator(*first)
        || !bytes.iter().all(|byte| plain(*byte))
        || has_percent_escape(text)
    {
        return None;
    }
    let inner = text.get(3..)?;
    let inner = inner.strip_suffix(['\\', '/']).unwrap_or(inner);
    to.byte(drive.to_ascii_lowercase())?;
    to.text(":/")?;
    if text.len() == 3 {
        return Some(());
    }
    if !inner.split(['\\', '/']).all(is_windows_segment) {
        return None;
    }
    inner.bytes().try_for_each(|byte| to.byte(if separator(byte) { b'/' } else { byte.to_ascii_lowercase() }))
}

fn is_windows_segment(segment: &str) -> bool {
    // A name with `~` and a digit can be the short form of another one.
    let short = segment.as_bytes().windows(2).any(|w| matches!(w, [b'~', b'0'..=b'9']));
    !segment.is_empty()
        && !segment.ends_with(['.', ' '])
        && !segment.starts_with(' ')
        && !segment.contains(':')
        && !short
        && !is_device(segment)
}

/// The devices of Windows, but for those that have numbers.
pub const DEVICES: &str = "con prn aux nul conin$ conout$ clock$";

/// Whether Windows takes the name for a device, whatever its extension.
fn is_device(segment: &str) -> bool {
    let stem = segment.split('.').next().unwrap_or_default().trim_end_matches(' ');
    let is = |name: &str| stem.eq_ignore_ascii_case(name);
    if DEVICES.split(' ').any(is) {
        return true;
    }
    let (name, number) = stem.split_at_checked(3).unwrap_or_default();
    (name.eq_ignore_ascii_case("com") || name.eq_ignore_ascii_case("lpt")) && matches!(number.as_bytes(), [b'0'..=b'9'])
}
