//! A strict reader of JSON text (RFC 8259), from front to back, that builds nothing.
//!
//! Stricter than the grammar where readers disagree: UTF-8 only, no lone surrogates, bounded depth.

use crate::error::{Code, Error};
use crate::limits::{DEPTH, INPUT_BYTES};
use crate::number::{self, Number};
use crate::text;

/// Reads JSON text.
#[derive(Debug, Clone)]
pub struct Reader<'j> {
    text: &'j str,
    at: usize,
    depth: u32,
}

/// A string in JSON text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RawString<'j> {
    /// What stands between the quotes.
    pub(crate) raw: &'j str,
    /// Whether there is a backslash in it.
    pub(crate) escaped: bool,
}

/// What a value begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Start {
    Object,
    List,
    String,
    Number,
    True,
    False,
    Null,
}

impl<'j> Reader<'j> {
    /// A reader at the front of the text.
    ///
    /// # Errors
    ///
    /// [`Code::Size`] and [`Code::Encoding`].
    pub fn new(text: &'j [u8]) -> Result<Self, Error> {
        if text.len() > INPUT_BYTES {
            return Err(Code::Size.at(INPUT_BYTES));
        }
        match core::str::from_utf8(text) {
            Ok(text) => Ok(Self { text, at: 0, depth: 0 }),
            Err(error) => Err(Code::Encoding.at(error.valid_up_to())),
        }
    }

    /// A reader of the same text that stands elsewhere, within so many objects and lists.
    pub(crate) const fn rewound(&self, at: usize, depth: u32) -> Self {
        Self { text: self.text, at, depth }
    }

    pub(crate) const fn offset(&self) -> usize {
        self.at
    }

    #[cfg_attr(not(target_arch = "wasm32"), inline(always))]
    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    #[cfg_attr(not(target_arch = "wasm32"), inline(always))]
    fn space(&mut self) {
        while let Some(b' ' | b'\n' | b'\t' | b'\r') = self.byte() {
            self.at += 1;
        }
    }

    #[cold]
    fn unexpected(&self) -> Error {
        if self.at >= self.text.len() {
            Code::End.at(self.at)
        } else {
            Code::Syntax.at(self.at)
        }
    }

    #[cfg_attr(not(target_arch = "wasm32"), inline(always))]
    fn take(&mut self, byte: u8) -> Result<(), Error> {
        if self.byte() != Some(byte) {
            return Err(self.unexpected());
        }
        self.at += 1;
        Ok(())
    }

    /// Makes sure that nothing but space is left.
    pub(crate) fn finish(&mut self) -> Result<(), Error> {
        self.space();
        if self.at < self.text.len() {
            Err(Code::Trailing.at(self.at))
        } else {
            Ok(())
        }
    }

    /// Looks at what comes next.
    #[cfg_attr(not(target_arch = "wasm32"), inline(always))]
    pub(crate) fn peek(&mut self) -> Result<Start, Error> {
        self.space();
        match self.byte() {
            Some(b'"') => Ok(Start::String),
            Some(b'-' | b'0'..=b'9') => Ok(Start::Number),
            Some(b'{') => Ok(Start::Object),
            Some(b'[') => Ok(Start::List),
            Some(b't') => Ok(Start::True),
            Some(b'f') => Ok(Start::False),
            Some(b'n') => Ok(Start::Null),
            _ => Err(self.unexpected()),
        }
    }

    fn open(&mut self) -> Result<(), Error> {
        if self.depth >= DEPTH {
            return Err(Code::Depth.at(self.at));
        }
        self.depth += 1;
        self.at += 1;
        Ok(())
    }

    fn close(&mut self) {
        self.depth -= 1;
        self.at += 1;
    }

    /// Behind a value in an object or list that `end` closes: whether another one follows.
    #[cfg_attr(not(target_arch = "wasm32"), inline(always))]
    fn more(&mut self, end: u8) -> Result<bool, Error> {
        self.space();
        match self.byte() {
            Some(b',') => {
                self.at += 1;
                Ok(true)
            }
            Some(byte) if byte == end => {
                self.close();
                Ok(false)
            }
            _ => Err(self.unexpected()),
        }
    }

    /// Reads an object: `field` gets each key, with the reader at the value, and must read the value.
    #[cfg_attr(not(target_arch = "wasm32"), inline(always))]
    pub(crate) fn object(
        &mut self,
        mut field: impl FnMut(&mut Self, RawString<'j>, usize) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.open()?;
        self.space();
        if self.byte() == Some(b'}') {
            self.close();
            return Ok(());
        }
        loop {
            self.space();
            let offset = self.at;
            let key = self.string()?;
            self.space();
            self.take(b':')?;
            field(self, key, offset)?;
            if !self.more(b'}')? {
                return Ok(());
            }
        }
    }

    /// Reads a list: `element` is called with the reader at each element and must read it.
    #[cfg_attr(not(target_arch = "wasm32"), inline(always))]
    pub(crate) fn list(&mut self, mut element: impl FnMut(&mut Self) -> Result<(), Error>) -> Result<(), Error> {
        self.open()?;
        self.space();
        if self.byte() == Some(b']') {
            self.close();
            return Ok(());
        }
        loop {
            element(self)?;
            if !self.more(b']')? {
                return Ok(());
            }
        }
    }

    /// Reads a string.
    #[cfg_attr(not(target_arch = "wasm32"), inline(always))]
    pub(crate) fn string(&mut self) -> Result<RawString<'j>, Error> {
        self.take(b'"')?;
        let start = self.at;
        let bytes = self.text.as_bytes();
        let mut at = start;
        loop {
            match text::word(bytes, at).map(text::plain) {
                Some(8) => at += 8,
                Some(plain) => {
                    at += plain;
                    break;
                }
                None => {
                    while bytes.get(at).is_some_and(|b| !matches!(b, b'"' | b'\\' | 0..=0x1f)) {
                        at += 1;
                    }
                    break;
                }
            }
        }
        self.at = at;
        if bytes.get(at) == Some(&b'"') {
            self.at += 1;
            return Ok(RawString { raw: self.text.get(start..at).unwrap_or_default(), escaped: false });
        }
        self.escaped(start)
    }

    /// Reads the rest of a string in which something needs care.
    #[cold]
    fn escaped(&mut self, start: usize) -> Result<RawString<'j>, Error> {
        loop {
            match self.byte() {
                None => return Err(Code::End.at(self.at)),
                Some(b'"') => {
                    let raw = self.text.get(start..self.at).unwrap_or_default();
                    self.at += 1;
                    return Ok(RawString { raw, escaped: true });
                }
                Some(b'\\') => {
                    let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
                    match escape(rest) {
                        Ok((_, length)) => self.at += length,
                        Err(Code::End) => return Err(Code::End.at(self.text.len())),
                        Err(code) => return Err(code.at(self.at)),
                    }
                }
                Some(0..=0x1f) => return Err(Code::Control.at(self.at)),
                Some(_) => self.at += 1,
            }
        }
    }

    /// Reads a number; `None` where it is out of range.
    #[inline]
    pub(crate) fn number(&mut self) -> Result<Option<Number>, Error> {
        let (number, end) = number::scan(self.text.as_bytes(), self.at).ok_or(Code::Number.at(self.at))?;
        self.at = end;
        Ok(number)
    }

    #[inline]
    pub(crate) fn literal(&mut self, literal: &str) -> Result<(), Error> {
        let end = self.at + literal.len();
        if self.text.as_bytes().get(self.at..end) != Some(literal.as_bytes()) {
            return Err(self.unexpected());
        }
        self.at = end;
        Ok(())
    }

    /// Reads a value of any kind for nothing but its grammar.
    pub(crate) fn skip(&mut self) -> Result<(), Error> {
        // One bit a level that this value opens: 1 for an object.
        let mut objects: u64 = 0;
        let outside = self.depth;
        loop {
            match self.peek()? {
                Start::String => {
                    self.string()?;
                }
                Start::Number => self.skip_number()?,
                Start::True => self.literal("true")?,
                Start::False => self.literal("false")?,
                Start::Null => self.literal("null")?,
                start => {
                    let object = start == Start::Object;
                    self.open()?;
                    self.space();
                    if self.byte() == Some(if object { b'}' } else { b']' }) {
                        self.close();
                    } else {
                        objects = objects << 1 | u64::from(object);
                        if object {
                            self.skip_key()?;
                        }
                        continue;
                    }
                }
            }
            // Behind a value: up to the next one, or out.
            loop {
                if self.depth == outside {
                    return Ok(());
                }
                let object = objects & 1 == 1;
                if self.more(if object { b'}' } else { b']' })? {
                    if object {
                        self.skip_key()?;
                    }
                    break;
                }
                objects >>= 1;
            }
        }
    }

    #[cfg_attr(not(target_arch = "wasm32"), inline(always))]
    fn skip_key(&mut self) -> Result<(), Error> {
        self.space();
        self.string()?;
        self.space();
        self.take(b':')
    }

    fn skip_number(&mut self) -> Result<(), Error> {
        self.number().map(|_| ())
    }
}

/// The character that an escape at the front stands for, and the escape's length.
fn escape(text: &[u8]) -> Result<(char, usize), Code> {
    let plain = |c| Ok((c, 2));
    match text.get(1) {
        Some(b'"') => plain('"'),
        Some(b'\\') => plain('\\'),
        Some(b'/') => plain('/'),
        Some(b'b') => plain('\u{8}'),
        Some(b'f') => plain('\u{c}'),
        Some(b'n') => plain('\n'),
        Some(b'r') => plain('\r'),
        Some(b't') => plain('\t'),
        Some(b'u') => {
            let first = unit(text, 2)?;
            match first {
                0xdc00..=0xdfff => Err(Code::Surrogate),
                0xd800..=0xdbff => {
                    if text.get(6) != Some(&b'\\') || text.get(7) != Some(&b'u') {
                        return Err(Code::Surrogate);
                    }
                    let second = unit(text, 8)?;
                    if !(0xdc00..=0xdfff).contains(&second) {
                        return Err(Code::Surrogate);
                    }
                    let point = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                    char::from_u32(point).map(|c| (c, 12)).ok_or(Code::Surrogate)
                }
                _ => char::from_u32(first).map(|c| (c, 6)).ok_or(Code::Surrogate),
            }
        }
        Some(_) => Err(Code::Escape),
        None => Err(Code::End),
    }
}

/// Four hexadecimal digits.
fn unit(text: &[u8], at: usize) -> Result<u32, Code> {
    let mut value = 0;
    for at in at..at + 4 {
        let digit = match text.get(at) {
            Some(b @ b'0'..=b'9') => b - b'0',
            Some(b @ b'a'..=b'f') => b - b'a' + 10,
            Some(b @ b'A'..=b'F') => b - b'A' + 10,
            Some(_) => return Err(Code::Escape),
            None => return Err(Code::End),
        };
        value = value << 4 | u32::from(digit);
    }
    Ok(value)
}

impl RawString<'_> {
    /// Writes the string, without its escapes, to the front of `to`; `None` if it does not fit.
    pub(crate) fn unescape<'b>(&self, to: &'b mut [u8]) -> Option<&'b str> {
        let from = self.raw.as_bytes();
        let (mut at, mut length) = (0, 0);
        while let Some(byte) = from.get(at) {
            if *byte == b'\\' {
                // The reader has seen that the escape is good.
                let (c, skipped) = escape(from.get(at..)?).ok()?;
                length += c.encode_utf8(&mut [0; 4]).len();
                let end = length;
                let to = to.get_mut(end - c.len_utf8()..end)?;
                c.encode_utf8(to);
                at += skipped;
            } else {
                *to.get_mut(length)? = *byte;
                length += 1;
                at += 1;
            }
        }
        core::str::from_utf8(to.get(..length)?).ok()
    }
}
