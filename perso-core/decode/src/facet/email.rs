//! E-mail addresses: one plain address (RFC 5321's dot-string, of the characters that real addresses have and that no
//! program on the way acts on), ASCII only.

/// The domain of an address, as it is written.
#[must_use]
pub fn domain(text: &[u8]) -> Option<&[u8]> {
    if text.len() > 254 {
        return None;
    }
    let at = text.iter().position(|byte| *byte == b'@')?;
    let (local, domain) = (text.get(..at)?, text.get(at + 1..)?);
    (is_local(local) && is_domain(domain)).then_some(domain)
}

/// Whether nothing acts on the local part: no shell, and no mail program. Some of them take `-` in front for an option,
/// `/` for a file, `|` for a program, `%` and `!` for a route, and decode what begins with `=?` (RFC 2047).
fn is_local(local: &[u8]) -> bool {
    let mut before = b'.';
    for (at, byte) in local.iter().enumerate() {
        let good = match byte {
            b'.' => before != b'.',
            b'+' | b'_' => true,
            b'#' | b'\'' | b'-' | b'/' | b'=' => at > 0,
            byte => byte.is_ascii_alphanumeric(),
        };
        if !good {
            return false;
        }
        before = *byte;
    }
    before != b'.' && local.len() <= 64
}

/// Whether there are two labels at least, each of letters, digits and `-` inside, the last one no number.
fn is_domain(domain: &[u8]) -> bool {
    let (mut labels, mut length, mut is_number) = (0, 0, true);
    let mut before = b'.';
    for byte in domain {
        let inside = before != b'.';
        match byte {
            b'.' if inside && before != b'-' => (labels, length, is_number) = (labels + 1, 0, true),
            b'-' if inside => (length, is_number) = (length + 1, false),
            b'0'..=b'9' => length += 1,
            b'a'..=b'z' | b'A'..=b'Z' => (length, is_number) = (length + 1, false),
            _ => return false,
        }
        if length > 63 {
            return false;
        }
        before = *byte;
    }
    labels >= 1 && before != b'.' && before != b'-' && !is_number && domain.len() <= 253
}
