//! What can be read off a string: strict readers of what tools take, each with one canonical form.
//!
//! A reader accepts only what every tool understands alike. What it does not accept has no facet, and every test on
//! the facet is unknown. Each reader's page of documentation says what it refuses.

pub mod address;
pub mod command;
pub mod email;
pub mod path;
pub mod url;

/// Writes text into memory that was lent for it, as far as it goes.
#[derive(Debug)]
pub(crate) struct Writer<'b> {
    to: &'b mut [u8],
    length: usize,
}

impl<'b> Writer<'b> {
    pub(crate) fn new(to: &'b mut [u8]) -> Self {
        Self { to, length: 0 }
    }

    /// Adds a byte of ASCII; `None` if there is no room.
    pub(crate) fn byte(&mut self, byte: u8) -> Option<()> {
        *self.to.get_mut(self.length)? = byte;
        self.length += 1;
        Some(())
    }

    pub(crate) fn text(&mut self, text: &str) -> Option<()> {
        text.bytes().try_for_each(|byte| self.byte(byte))
    }

    pub(crate) fn lower(&mut self, text: &str) -> Option<()> {
        text.bytes().try_for_each(|byte| self.byte(byte.to_ascii_lowercase()))
    }

    pub(crate) fn finish(self) -> Option<&'b str> {
        let Self { to, length } = self;
        core::str::from_utf8(to.get(..length)?).ok()
    }
}

/// Whether there is a `%` with two hexadecimal digits: something that a tool may take for another character.
pub(crate) fn has_percent_escape(text: &str) -> bool {
    text.as_bytes().windows(3).any(|w| matches!(w, [b'%', a, b] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit()))
}

/// Whether a label can be one of a host's name: letters, digits, `-` inside, and `_` where `underscore` says so.
pub(crate) fn is_label(label: &str, underscore: bool) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || (underscore && byte == b'_');
    (1..=63).contains(&label.len()) && label.bytes().all(inner) && !label.starts_with('-') && !label.ends_with('-')
}
