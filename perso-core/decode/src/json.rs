//! A strict reader of JSON text (RFC 8259), from front to back, that builds nothing.
//!
//! Stricter than the grammar where readers disagree: UTF-8 only, no lone surrogates, bounded depth.
//!
//! A reader that meets a fault remembers it, and goes on as if the text ended there: whatever still asks it for something
//! gets nothing, and comes to an end by itself. So there is one place to look for faults, behind the last value.

use crate::error::{Code, Error};
use crate::limits::{DEPTH, INPUT_BYTES};
use crate::number::{self, Number};
use crate::text;

/// Reads JSON text.
#[derive(Debug)]
pub(crate) struct Reader<'j> {
    text: &'j [u8],
    at: usize,
    depth: u32,
    /// Whether an object or list has just been opened.
    is_fresh: bool,
    /// What stands between the quotes of the string or key that was read last.
    pub(crate) raw: &'j [u8],
    /// Whether there is a backslash in it.
    pub(crate) is_escaped: bool,
    /// Where the key that was read last stands.
    pub(crate) key_at: usize,
    /// The first fault.
    fault: Option<Error>,
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
        Self { text, at: 0, depth, is_fresh: false, raw: &[], is_escaped: false, key_at: 0, fault: None }
    }

    /// Where it stands.
    pub(crate) const fn offset(&self) -> usize {
        self.at
    }

    /// Goes to a byte where it has been before, within as many objects and lists as now; tells where it was.
    pub(crate) const fn go(&mut self, at: usize) -> usize {
        core::mem::replace(&mut self.at, at)
    }

    /// Ends the text because of a fault.
    #[cold]
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    pub(crate) fn fail(&mut self, fault: Error) {
        self.fault.get_or_insert(fault);
        self.text = &[];
    }

    /// Fails at the next byte, where no token begins that the grammar takes.
    #[cold]
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    pub(crate) fn unexpected(&mut self) {
        let code = if self.at >= self.text.len() { Code::End } else { Code::Syntax };
        self.fail(code.at(self.at));
    }

    /// Fails at the next byte with a code that is about values of the wrong kind, if there is a value.
    #[cold]
    pub(crate) fn wrong(&mut self, code: Code) {
        match self.byte() {
            b'"' | b'{' | b'[' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n' => self.fail(code.at(self.at)),
            _ => self.unexpected(),
        }
    }

    /// The next byte; 0, which no token begins with, at the end.
    #[cfg_attr(not(target_arch = "wasm32"), inline(always))]
    fn byte(&self) -> u8 {
        self.text.get(self.at).copied().unwrap_or(0)
    }

    /// The byte that the next token begins with.
    #[cfg_attr(not(target_arch = "wasm32"), inline(always))]
    pub(crate) fn peek(&mut self) -> u8 {
        loop {
            match self.byte() {
                b' ' | b'\n' | b'\t' | b'\r' => self.at += 1,
                byte => return byte,
            }
        }
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
        match self.fault {
            None => Ok(()),
            Some(fault) => Err(fault),
        }
    }

    /// Goes into the object or list that comes next; [`key`](Self::key) or [`more`](Self::more) leads on.
    #[cfg_attr(not(target_arch = "wasm32"), inline(always))]
    pub(crate) fn open(&mut self) {
        if self.depth >= DEPTH {
            self.fail(Code::Depth.at(self.at));
        }
        self.depth += 1;
        self.at += 1;
        self.is_fresh = true;
    }

    /// Goes to the next value in the list that `end` closes; `false` if there is none, then the list is left.
    #[cfg_attr(not(target_arch = "wasm32"), inline(always))]
    pub(crate) fn more(&mut self, end: u8) -> bool {
        let byte = self.peek();
        let is_fresh = core::mem::take(&mut self.is_fresh);
        if byte == end {
            self.depth -= 1;
            self.at += 1;
            return false;
        }
        if byte == 0 || !is_fresh && byte != b',' {
            self.unexpected();
            return false;
        }
        self.at += usize::from(!is_fresh);
        true
    }

    /// Reads the next key of an object, and goes to its value; `false` if there is none, then the object is left.
    #[cfg_attr(not(target_arch = "wasm32"), inline(always))]
    pub(crate) fn key(&mut self) -> bool {
        self.next_key::<true>()
    }

    /// The same; what the key is, is only known if it is kept.
    #[cfg_attr(not(target_arch = "wasm32"), inline(always))]
    fn next_key<const KEPT: bool>(&mut self) -> bool {
        if !self.more(b'}') {
            return false;
        }
        if self.peek() == b'"' {
            if KEPT {
                self.key_at = self.at;
                self.string();
            } else {
                self.pass_string();
            }
            if self.peek() == b':' {
                self.at += 1;
                return true;
            }
        }
        self.unexpected();
        false
    }

    /// Reads the string that comes next: then [`raw`](Self::raw) has it.
    #[cfg_attr(not(target_arch = "wasm32"), inline(always))]
    pub(crate) fn string(&mut self) {
        let start = self.at + 1;
        self.end_of_string();
        self.raw = self.text.get(start..self.at).unwrap_or_default();
        self.at += 1;
    }

    /// Goes to the quote that ends the string which comes next.
    #[inline(always)]
    fn end_of_string(&mut self) {
        let mut at = self.at + 1;
        while let Some(word) = text::word(self.text, at) {
            let plain = text::plain(word);
            at += plain;
            if plain < 8 {
                break;
            }
        }
        self.at = at;
        self.is_escaped = false;
        if self.byte() != b'"' {
            self.careful_string();
        }
    }

    /// Goes behind the string that comes next, whatever it is.
    #[cfg_attr(not(target_arch = "wasm32"), inline(always))]
    fn pass_string(&mut self) {
        // The code for strings that are kept is there already, and on wasm32 less code is better.
        if cfg!(target_arch = "wasm32") {
            return self.string();
        }
        self.end_of_string();
        self.at += 1;
    }

    /// Goes to the end of a string in which something needs care.
    #[cold]
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    fn careful_string(&mut self) {
        loop {
            match self.byte() {
                b'"' => return,
                b'\\' => {
                    self.is_escaped = true;
                    self.escape();
                }
                0..=0x1f => {
                    let code = if self.at >= self.text.len() { Code::End } else { Code::Control };
                    return self.fail(code.at(self.at));
                }
                0x20..=0x7f => self.at += 1,
                _ => match self.text.get(self.at..).and_then(text::character) {
                    Some(c) => self.at += c.len_utf8(),
                    None => return self.fail(Code::Encoding.at(self.at)),
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
            let Some(byte) = self.text.get(self.at) else {
                self.fail(Code::End.at(self.text.len()));
                return 0;
            };
            let digit = match byte {
                b'0'..=b'9' => byte - b'0',
                b'a'..=b'f' | b'A'..=b'F' => (byte | 0x20) - b'a' + 10,
                _ => {
                    self.fail(Code::Escape.at(start));
                    return 0;
                }
            };
            value = value << 4 | u32::from(digit);
            self.at += 1;
        }
        value
    }

    /// Reads the number that comes next; `None` where it is out of range.
    pub(crate) fn number(&mut self) -> Option<Number> {
        let start = self.at;
        self.skip_number();
        Number::of(self.text.get(start..self.at).unwrap_or_default())
    }

    #[cfg_attr(target_arch = "wasm32", inline(never))]
    fn skip_number(&mut self) {
        match self.byte() {
            b'-' | b'0'..=b'9' => match number::end(self.text, self.at) {
                Some(end) => self.at = end,
                None => self.fail(Code::Number.at(self.at)),
            },
            _ => self.unexpected(),
        }
    }

    /// Reads one of the three literals.
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    pub(crate) fn literal(&mut self, literal: &[u8]) {
        let end = self.at + literal.len();
        if self.text.get(self.at..end) == Some(literal) {
            self.at = end;
        } else {
            self.unexpected();
        }
    }

    /// Reads a value of any kind for nothing but its grammar. Goes no deeper than [`DEPTH`].
    pub(crate) fn skip(&mut self) {
        match self.peek() {
            b'"' => self.pass_string(),
            b'{' => {
                self.open();
                // As for strings.
                while self.next_key::<{ cfg!(target_arch = "wasm32") }>() {
                    self.skip();
                }
            }
            b'[' => {
                self.open();
                while self.more(b']') {
                    self.skip();
                }
            }
            b't' => self.literal(b"true"),
            b'f' => self.literal(b"false"),
            b'n' => self.literal(b"null"),
            _ => self.skip_number(),
        }
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
    let mut put = |byte: u32| {
        *to.get_mut(length)? = byte as u8;
        length += 1;
        Some(())
    };
    while let Some(byte) = raw.get(reader.at) {
        let mut point = u32::from(*byte);
        let mut more = 0;
        if *byte == b'\\' {
            point = reader.escape();
            more = u32::from(point >= 0x80) + u32::from(point >= 0x800) + u32::from(point >= 0x1_0000);
        } else {
            reader.at += 1;
        }
        if more == 0 {
            put(point)?;
        } else {
            // The first byte tells in ones at its front how many there are.
            put(0xff00 >> (more + 1) | point >> (6 * more))?;
            for more in (0..more).rev() {
                put(0x80 | point >> (6 * more) & 0x3f)?;
            }
        }
    }
    to.get(..length)
}
