//! A strict reader of JSON text (RFC 8259), from front to back, that builds nothing.
//!
//! Stricter than the grammar where readers disagree: UTF-8 only, no lone surrogates, bounded depth.
//!
//! A reader that meets a fault remembers it, and goes on as if the text ended there: whatever still asks it for something
//! gets nothing, and comes to an end by itself. So there is one place to look for faults, behind the last value.
//!
//! Whoever reads many tokens in a row keeps the place in the text for himself, and passes it on: on wasm32 what a
//! function keeps for itself costs nothing, and what stands in memory costs an operation each time.

use crate::error::{Code, Error};
use crate::limits::INPUT_BYTES;
use crate::number;
use crate::text::{self, byte};

/// Reads JSON text.
#[derive(Debug)]
pub(crate) struct Reader<'j> {
    pub(crate) text: &'j [u8],
    pub(crate) at: usize,
    /// In how many objects and lists it stands.
    pub(crate) depth: u32,
    /// Whether there is a backslash in the string or key that was read last.
    pub(crate) is_escaped: bool,
    /// The first fault.
    fault: Option<Error>,
    /// Where the block begins that was looked at last.
    #[cfg(not(target_arch = "wasm32"))]
    block: usize,
    /// Which of its bytes may need care in a string: a bit each, the lowest for the first.
    #[cfg(not(target_arch = "wasm32"))]
    care: u64,
}

/// Whether a byte is one of those that may stand between tokens.
#[inline(always)]
pub(crate) fn is_space(byte: u8) -> bool {
    // Nearly always that is enough.
    byte <= b' ' && is_blank(byte)
}

#[cfg_attr(target_arch = "wasm32", inline(never))]
const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\n' | b'\t' | b'\r')
}

/// Where the next token begins.
#[inline(always)]
pub(crate) fn next(text: &[u8], at: usize) -> usize {
    // Nearly always that is enough.
    if byte(text, at) > b' ' {
        at
    } else {
        behind_space(text, at)
    }
}

/// Goes to the next token; whether it is this byte.
#[inline(always)]
pub(crate) fn is_next(text: &[u8], at: &mut usize, token: u8) -> bool {
    byte(text, *at) == token || {
        *at = next(text, *at);
        byte(text, *at) == token
    }
}

#[cold]
#[inline(never)]
fn behind_space(text: &[u8], mut at: usize) -> usize {
    while is_space(byte(text, at)) {
        at += 1;
    }
    at
}

/// The fault that no token begins at a byte that the grammar takes.
#[cold]
#[cfg_attr(target_arch = "wasm32", inline(never))]
pub(crate) fn unexpected(text: &[u8], at: usize) -> Error {
    if at >= text.len() { Code::End } else { Code::Syntax }.at(at)
}

/// A fault that is about values of the wrong kind, if there is a value at the byte.
#[cold]
#[cfg_attr(target_arch = "wasm32", inline(never))]
pub(crate) fn wrong(text: &[u8], at: usize, code: Code) -> Error {
    match byte(text, at) {
        b'"' | b'{' | b'[' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n' => code.at(at),
        _ => unexpected(text, at),
    }
}

impl<'j> Reader<'j> {
    /// A reader at the front of the text, within so many objects.
    ///
    /// # Errors
    ///
    /// [`Code::Size`].
    pub(crate) fn new(text: &'j [u8], depth: u32) -> Result<Self, Error> {
        if text.len() > INPUT_BYTES {
            return Err(Code::Size.at(INPUT_BYTES));
        }
        Ok(Self::over(text, depth))
    }

    const fn over(text: &'j [u8], depth: u32) -> Self {
        Self {
            text,
            at: 0,
            depth,
            is_escaped: false,
            fault: None,
            #[cfg(not(target_arch = "wasm32"))]
            block: usize::MAX / 2,
            #[cfg(not(target_arch = "wasm32"))]
            care: 0,
        }
    }

    /// Ends the text because of a fault.
    #[cold]
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    pub(crate) fn fail(&mut self, fault: Error) {
        if self.fault.is_none() {
            self.fault = Some(fault);
            // Beyond the end, so that there is no part of the text from anywhere to here.
            self.at = self.text.len() + 1;
            self.text = &[];
        }
    }

    /// Whether all is well so far. Whoever has let someone else read, and goes on at a place of his own, must ask.
    ///
    /// # Errors
    ///
    /// The first fault.
    #[inline(always)]
    pub(crate) fn sound(&self) -> Result<(), Error> {
        match self.fault {
            None => Ok(()),
            Some(fault) => Err(fault),
        }
    }

    /// Fails at a byte where no token begins that the grammar takes.
    #[cold]
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    fn unexpected(&mut self, at: usize) {
        self.fail(unexpected(self.text, at));
    }

    /// The byte that the next token begins with.
    pub(crate) fn peek(&mut self) -> u8 {
        self.at = next(self.text, self.at);
        byte(self.text, self.at)
    }

    /// Makes sure that nothing but space is left.
    ///
    /// # Errors
    ///
    /// [`Code::Trailing`], or the fault that the text had before.
    pub(crate) fn finish(&mut self) -> Result<(), Error> {
        self.peek();
        if self.at < self.text.len() {
            self.fail(Code::Trailing.at(self.at));
        }
        self.sound()
    }

    /// Where the quote is that ends the string whose first character is at `start`; beyond the text's end,
    /// if there is none.
    #[cfg_attr(not(target_arch = "wasm32"), inline(always))]
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    pub(crate) fn end_of_string(&mut self, text: &[u8], start: usize) -> usize {
        self.is_escaped = false;
        let end = self.end_of_plain(text, start);
        if byte(text, end) == b'"' {
            return end;
        }
        self.careful_string(end)
    }

    /// Where the first byte is from `at` on that may need care in a string; at the text's end, perhaps any byte.
    #[cfg(target_arch = "wasm32")]
    #[inline(always)]
    fn end_of_plain(&mut self, text: &[u8], at: usize) -> usize {
        let mut end = at;
        while let Some(block) = text.get(end..).and_then(<[u8]>::first_chunk) {
            let plain = text::plain(block);
            end += plain;
            if plain < text::BLOCK {
                break;
            }
        }
        end
    }

    /// The same. Mostly the block that was looked at last has the answer: one look at many bytes serves many strings.
    #[cfg(not(target_arch = "wasm32"))]
    #[inline(always)]
    fn end_of_plain(&mut self, text: &[u8], at: usize) -> usize {
        let offset = at.wrapping_sub(self.block);
        if offset < text::BLOCK {
            let care = self.care >> offset;
            if care != 0 {
                return at + care.trailing_zeros() as usize;
            }
            return self.end_in_next_blocks(text, self.block + text::BLOCK);
        }
        self.end_in_next_blocks(text, at)
    }

    /// The same, where the block that was looked at last has no answer.
    #[cfg(not(target_arch = "wasm32"))]
    #[inline(never)]
    fn end_in_next_blocks(&mut self, text: &[u8], at: usize) -> usize {
        let mut at = at;
        loop {
            let start = at.min(text.len().saturating_sub(text::BLOCK));
            let Some(block) = text.get(start..).and_then(<[u8]>::first_chunk) else { return at };
            self.block = start;
            self.care = text::care(block);
            let care = self.care.checked_shr((at - start) as u32).unwrap_or(0);
            if care != 0 {
                return at + care.trailing_zeros() as usize;
            }
            at = start + text::BLOCK;
            if at >= text.len() {
                return text.len();
            }
        }
    }

    /// The same for a string in which something needs care at `at`, and nothing before.
    #[cold]
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    fn careful_string(&mut self, at: usize) -> usize {
        self.at = at;
        loop {
            match byte(self.text, self.at) {
                b'"' => return self.at,
                b'\\' => {
                    self.is_escaped = true;
                    self.escape();
                }
                0..=0x1f => {
                    let code = if self.at >= self.text.len() { Code::End } else { Code::Control };
                    self.fail(code.at(self.at));
                    return self.at;
                }
                #[cfg(target_arch = "wasm32")]
                0x20..=0x7f => self.at += 1,
                #[cfg(not(target_arch = "wasm32"))]
                0x20..=0x7f => self.at = self.end_of_plain(self.text, self.at + 1),
                first => match self.text.get(self.at..).and_then(text::character) {
                    // As many ones at its front as the character has bytes.
                    Some(_) => self.at += first.leading_ones() as usize,
                    None => self.fail(Code::Encoding.at(self.at)),
                },
            }
        }
    }

    /// The character that the escape which comes next stands for.
    fn escape(&mut self) -> u32 {
        let start = self.at;
        self.at += 2;
        let Some(byte) = self.text.get(start + 1) else {
            self.fail(Code::End.at(self.text.len()));
            return 0;
        };
        if *byte != b'u' {
            let known = SHORT.iter().find(|(short, _)| short == byte);
            if known.is_none() {
                self.fail(Code::Escape.at(start));
            }
            return known.map_or(0, |(_, plain)| u32::from(*plain));
        }
        let first = self.unit(start);
        if first & 0xf800 != 0xd800 {
            return first;
        }
        let mut second = 0;
        if self.text.get(self.at..self.at + 2) == Some(b"\\u") {
            self.at += 2;
            second = self.unit(start);
        }
        if first & 0x400 != 0 || second & 0xfc00 != 0xdc00 {
            self.fail(Code::Surrogate.at(start));
        }
        0x10000 + ((first & 0x3ff) << 10) + (second & 0x3ff)
    }

    /// Four hexadecimal digits of the escape at `start`.
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    fn unit(&mut self, start: usize) -> u32 {
        let mut value = 0;
        for _ in 0..4 {
            let byte = byte(self.text, self.at);
            let digit = match byte {
                b'0'..=b'9' => byte - b'0',
                b'a'..=b'f' | b'A'..=b'F' => (byte | 0x20) - b'a' + 10,
                _ => {
                    self.bad_escape(start);
                    return 0;
                }
            };
            value = value << 4 | u32::from(digit);
            self.at += 1;
        }
        value
    }

    /// Fails at the escape at `start`, unless the text ends before it does.
    fn bad_escape(&mut self, start: usize) {
        let end = self.text.len();
        self.fail(if self.at >= end { Code::End.at(end) } else { Code::Escape.at(start) });
    }

    /// Where the number that begins at `at` ends; beyond the text's end,
    /// if there is none.
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    pub(crate) fn end_of_number(&mut self, text: &[u8], at: usize) -> usize {
        let end = number::end(text, at);
        if end != 0 {
            return end;
        }
        match byte(text, at) {
            b'-' | b'0'..=b'9' => self.fail(Code::Number.at(at)),
            _ => self.unexpected(at),
        }
        self.at
    }

    /// Where the literal that begins at `start` ends, of which the last four bytes are known, and where they stand; the
    /// text's end, if there is none.
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    pub(crate) fn end_of_literal(&mut self, start: usize, at: usize, last: [u8; 4]) -> usize {
        if self.text.get(at..).and_then(<[u8]>::first_chunk) == Some(&last) {
            return at + 4;
        }
        self.unexpected(start);
        self.at
    }
}

/// The escapes of one letter, and what they stand for.
const SHORT: [(u8, u8); 8] =
    [(b'"', b'"'), (b'\\', b'\\'), (b'/', b'/'), (b'b', 8), (b'f', 12), (b'n', b'\n'), (b'r', b'\r'), (b't', b'\t')];

/// Writes a string that a reader has read to the front of `to`, without its escapes; `None` if it does not fit.
#[cold]
#[cfg_attr(target_arch = "wasm32", inline(never))]
pub(crate) fn unescape<'b>(raw: &[u8], to: &'b mut [u8]) -> Option<&'b [u8]> {
    let mut reader = Reader::over(raw, 0);
    let mut length = 0;
    while let Some(byte) = raw.get(reader.at) {
        let mut rest = u32::from(*byte);
        // Bits that other bytes bring after the next one, which has so many ones at its front.
        let mut bits = 0;
        let mut ones = 0;
        if *byte == b'\\' {
            rest = reader.escape();
            bits = 6 * (u32::from(rest >= 0x80) + u32::from(rest >= 0x800) + u32::from(rest >= 0x1_0000));
            ones = if bits == 0 { 0 } else { 0xff80 >> (bits / 6) };
        } else {
            reader.at += 1;
        }
        loop {
            *to.get_mut(length)? = (ones | rest >> bits) as u8;
            length += 1;
            if bits == 0 {
                break;
            }
            rest &= (1 << bits) - 1;
            bits -= 6;
            ones = 0x80;
        }
    }
    to.get(..length)
}
