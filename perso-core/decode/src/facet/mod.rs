//! What can be read off a string: strict readers of what tools take, each with one canonical form.
//!
//! A reader accepts only what every tool understands alike. What it does not accept has no facet, and every test on
//! the facet is unknown. Each reader's page of documentation says what it refuses.

pub mod address;
pub mod clock;
pub mod command;
pub mod email;
pub mod fold;
pub mod instant;
pub mod path;
pub(crate) mod scope;
#[cfg(not(plain_prelude))]
pub mod shell;
pub mod special;
#[cfg(not(plain_prelude))]
pub mod sql;
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

    pub(crate) fn lower(&mut self, text: &[u8]) -> Option<()> {
        text.iter().try_for_each(|byte| self.byte(byte.to_ascii_lowercase()))
    }

    pub(crate) fn finish(self) -> Option<&'b [u8]> {
        let Self { to, length } = self;
        to.get(..length)
    }
}

/// Whether there is a `%` with two hexadecimal digits: something that a tool may take for another character.
pub(crate) fn has_percent_escape(text: &str) -> bool {
    text.as_bytes().windows(3).any(|w| matches!(w, [b'%', a, b] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit()))
}

/// Whether a label can be one of a host's name: letters, digits, `_`, and `-` inside.
pub(crate) fn is_label(label: &[u8]) -> bool {
    let inner = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=63).contains(&label.len())
        && label.iter().all(inner)
        && label.first() != Some(&b'-')
        && label.last() != Some(&b'-')
}
