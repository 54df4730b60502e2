//! Words: quotes, escapes, and what the shell replaces when it runs the line.

use super::records::flag;
use super::{is_end, is_of_name, Line};

/// A word that is being read.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Draft {
    flags: u32,
    /// How many bytes stand for themselves, before anything that is unknown.
    length: u32,
    /// Whether any byte stands for itself.
    has_text: bool,
}

impl Line<'_> {
    /// Reads a word into a record of a kind.
    pub(super) fn word(&mut self, kind: u32) -> Option<()> {
        let start = self.at;
        let text = self.records.length;
        self.word = Draft { flags: kind, ..Draft::default() };
        let mut braces = 0_u32;
        loop {
            let byte = self.peek();
            match byte {
                b'\'' => {
                    self.step();
                    while self.peek() != b'\'' {
                        self.literal()?;
                    }
                    self.step();
                    continue;
                }
                b'"' => {
                    self.double_quotes()?;
                    continue;
                }
                b'$' => {
                    self.dollar(flag::SEVERAL)?;
                    continue;
                }
                b'\\' => {
                    self.step();
                    if !matches!(self.peek(), 0x20..=0x7e) {
                        return None;
                    }
                }
                b'=' => {
                    // zsh takes `=name` for a path.
                    if !self.word.has_text && !is_end(self.peek_second()) {
                        return None;
                    }
                }
                b'~' => {
                    let before = self.before();
                    if self.at == start || !is_path(before) || before == b':' {
                        self.word.flags |= flag::UNKNOWN;
                    }
                }
                b'{' if self.peek_second() == b'}' => {
                    self.literal()?;
                }
                b'[' if self.at == start && is_end(self.peek_second()) => {}
                b'{' | b'}' | b'*' | b'?' | b'[' => {
                    match byte {
                        b'{' => braces += 1,
                        b'}' => braces = braces.checked_sub(1)?,
                        _ => {}
                    }
                    self.word.flags |= flag::UNKNOWN | flag::SEVERAL;
                }
                b']' | b'!' | b'^' | b'#' => {}
                _ if is_path(byte) => {}
                _ if braces == 0 && is_end(byte) => break,
                _ => return None,
            }
            self.literal()?;
        }
        let written = self.text.get(start..self.at)?;
        // What is directly before a redirection may be the number of what it redirects.
        if self.is_redirection() {
            let is_number = written.iter().all(u8::is_ascii_digit);
            if is_number || written.first() == Some(&b'{') && written.last() == Some(&b'}') {
                return None;
            }
        }
        if written == b"$?" {
            self.word.flags |= flag::NUMBER;
        }
        let mut text = text;
        let quote = self.byte(start);
        // One pair of quotes around just the text: it is in the line, where a script can be read.
        if matches!(quote, b'\'' | b'"')
            && quote == self.before()
            && self.at - start == self.word.length as usize + 2
            && self.word.flags & flag::UNKNOWN == 0
        {
            self.word.flags |= flag::IN_LINE;
            self.records.length = text;
            text = start as u32 + 1;
        }
        self.last = self.records.add(self.last, self.word.flags, text, self.word.length)?.get();
        Some(())
    }

    /// Takes the next byte as itself, and the bytes behind it that always stand for themselves.
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    fn literal(&mut self) -> Option<()> {
        let mut byte = self.peek();
        match byte {
            0 => return None,
            b'$' | b'`' => self.word.flags |= flag::DOLLAR,
            b'[' => self.word.flags |= flag::BRACKET,
            _ => {}
        }
        self.word.has_text = true;
        loop {
            if self.word.flags & flag::UNKNOWN == 0 {
                self.word.length += 1;
                self.records.push_text(byte)?;
            }
            self.step();
            byte = self.peek();
            if !is_path(byte) {
                return Some(());
            }
        }
    }

    fn double_quotes(&mut self) -> Option<()> {
        self.step();
        loop {
            match self.peek() {
                b'"' => {
                    self.step();
                    return Some(());
                }
                b'`' => return None,
                b'$' => {
                    self.dollar(0)?;
                    continue;
                }
                b'\\' => match self.peek_second() {
                    b'\n' => return None,
                    b'$' | b'`' | b'"' | b'\\' => self.step(),
                    // The backslash is a byte like any other.
                    _ => {}
                },
                _ => {}
            }
            self.literal()?;
        }
    }

    /// Reads what a `$` begins. `several` is what becomes of the word by a value without quotes around it.
    fn dollar(&mut self, mut several: u32) -> Option<()> {
        let start = self.at + 1;
        let byte = self.byte(start);
        let name_end = self.name_end(start);
        self.at = name_end.max(start + 1);
        let mut is_in_braces = false;
        match byte {
            _ if name_end != start => {}
            b'0'..=b'9' | b'*' | b'?' | b'!' | b'-' => {}
            b'@' => several = flag::SEVERAL,
            // To zsh, the length of what follows.
            b'#' => {
                if is_of_name(self.peek())
                    || matches!(self.peek(), b'*' | b'@' | b'#' | b'?' | b'!' | b'-' | b'$' | b'{')
                {
                    return None;
                }
            }
            b'{' => {
                self.braces()?;
                is_in_braces = true;
            }
            b'(' => {
                self.word.flags |= flag::UNKNOWN | several;
                return self.substitution();
            }
            b'"' | b' ' | b'|' | b')' | b'\\' if several == 0 => {
                self.at = start - 1;
                return self.literal();
            }
            _ => return None,
        }
        self.word.flags |= flag::UNKNOWN | several;
        // zsh evaluates what is in brackets, and what comes behind some `:` and letters.
        let is_evaluated = self.peek() == b'[' || self.peek() == b':' && self.peek_second().is_ascii_alphabetic();
        (is_in_braces || !is_evaluated).then_some(())
    }

    /// `${NAME}`, or with an operator.
    fn braces(&mut self) -> Option<()> {
        let start = self.at;
        let is_digit = self.peek().is_ascii_digit();
        self.at = self.name_end(start) + usize::from(is_digit);
        if self.at == start {
            return None;
        }
        if self.peek() == b':' && matches!(self.peek_second(), b'-' | b'+') {
            self.step();
        }
        if matches!(self.peek(), b'-' | b'+' | b'%' | b'#') {
            while is_path(self.peek()) || matches!(self.peek(), b'#' | b'*') {
                self.step();
            }
        }
        self.step();
        (self.before() == b'}').then_some(())
    }

    /// `$(…)`, behind the bracket.
    fn substitution(&mut self) -> Option<()> {
        if self.peek() == b'(' || self.waiting.is_some() {
            return None;
        }
        let outer = (self.last, self.word, self.substitution, self.must_end);
        self.enter()?;
        self.substitution = self.depth;
        self.must_end = false;
        self.list(super::names::BRACKET)?;
        self.depth -= 1;
        (self.last, self.word, self.substitution, self.must_end) = outer;
        self.waiting.is_none().then_some(())
    }
}

/// Whether a byte stands for itself wherever it is in a word.
#[inline(always)]
fn is_path(byte: u8) -> bool {
    // Natively a table is faster than branches, which a processor often guesses wrong.
    if cfg!(target_arch = "wasm32") {
        is_in_path(byte)
    } else {
        PATH.get(usize::from(byte)) == Some(&true)
    }
}

/// What [`is_in_path`] says of each byte.
#[allow(clippy::indexing_slicing, reason = "it is worked out when it is compiled")]
static PATH: [bool; 1 << 8] = {
    let mut table = [false; 1 << 8];
    let mut byte = 0;
    while byte < table.len() {
        table[byte] = is_in_path(byte as u8);
        byte += 1;
    }
    table
};

/// [`is_path`], without the table.
#[cfg_attr(target_arch = "wasm32", inline(never))]
const fn is_in_path(byte: u8) -> bool {
    is_of_name(byte) || matches!(byte, b'@' | b'%' | b'+' | b':' | b',' | b'.' | b'/' | b'-')
}
