//! Redirections and here-documents.

use super::records::{flag, part};
use super::{is_end, is_of_name, Line};
use crate::text;

/// A here-document whose body is still to come.
#[derive(Debug, Clone, Copy)]
pub(super) struct Waiting {
    /// Where the line is written that ends it, and how long that is.
    start: usize,
    length: usize,
    /// Whether tabs in front of its lines do not count.
    tabs: bool,
    /// Whether its body is data, whatever it holds.
    is_quoted: bool,
}

/// What a redirection says of the words behind it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    /// Nothing.
    Words,
    /// There must be none: to dash, they are the next command (`a &> b c`).
    NoWords,
}

impl Line<'_> {
    /// Whether a redirection begins here.
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    pub(super) fn is_redirection(&self) -> bool {
        match self.peek() {
            b'<' | b'>' => true,
            b'0'..=b'9' => matches!(self.peek_second(), b'<' | b'>'),
            b'&' => self.peek_second() == b'>',
            _ => false,
        }
    }

    /// Reads a redirection, and records what is written to or read from.
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    pub(super) fn redirection(&mut self) -> Option<Then> {
        let is_both = self.peek() == b'&';
        if !matches!(self.peek(), b'<' | b'>') {
            self.step();
        }
        let mut kind = if self.peek() == b'<' { flag::READS } else { flag::WRITES };
        self.step();
        let next = self.peek();
        if next == b'&' {
            // A copy, `>&1`, which is of no file. To bash, `&>&1` is something else.
            let descriptor = self.peek_second();
            self.at += 2;
            let is_good = (descriptor.is_ascii_digit() || descriptor == b'-') && !is_both;
            return (is_good && self.is_behind()).then_some(Then::Words);
        }
        if kind == flag::READS {
            if next == b'<' {
                self.step();
                if self.peek() != b'<' {
                    return self.here_document();
                }
                self.step();
                kind = 0;
            }
        } else if next == b'>' || next == b'|' && !is_both {
            self.step();
        }
        self.blanks();
        match self.peek() {
            b'!' if kind != 0 => return None,
            // A range of numbers is a pattern of zsh: `<1-9>`.
            b'0'..=b'9' | b'-' if kind == flag::READS => return None,
            b'#' => return None,
            byte if is_end(byte) => return None,
            _ => {}
        }
        self.word(kind)?;
        if kind != 0 && self.records.flags(self.last) & flag::UNKNOWN == 0 {
            let target = self.records.text(self.last);
            if target.is_empty() {
                return None;
            }
            if text::same(target, b"/dev/null") {
                self.records.set(self.last, part::FLAGS, 0);
            }
        }
        Some(if is_both { Then::NoWords } else { Then::Words })
    }

    /// `<<EOF`, behind the `<<`.
    fn here_document(&mut self) -> Option<Then> {
        let tabs = self.peek() == b'-';
        self.at += usize::from(tabs);
        self.blanks();
        let quote = self.peek();
        let is_quoted = matches!(quote, b'\'' | b'"');
        self.at += usize::from(is_quoted);
        let start = self.at;
        while is_of_name(self.peek()) {
            self.step();
        }
        let length = self.at - start;
        if is_quoted && self.peek() != quote || length == 0 {
            return None;
        }
        self.at += usize::from(is_quoted);
        if self.substitution != 0 {
            if self.substitution != self.depth {
                return None;
            }
            self.must_end = true;
        }
        let is_only = self.waiting.replace(Waiting { start, length, tabs, is_quoted }).is_none();
        (is_only && self.is_behind()).then_some(Then::Words)
    }

    /// Whether what has just been read ends here, and no other redirection could take a part of it.
    fn is_behind(&self) -> bool {
        is_end(self.peek()) && !matches!(self.peek(), b'<' | b'>' | b'(')
    }

    /// Goes behind the body of the here-document that waits for it, if one does. A line has just ended.
    pub(super) fn body(&mut self) -> Option<()> {
        let Some(waiting) = self.waiting.take() else { return Some(()) };
        let end = self.text.get(waiting.start..)?.get(..waiting.length)?;
        loop {
            while waiting.tabs && self.peek() == b'\t' {
                self.step();
            }
            let start = self.at;
            loop {
                match self.peek() {
                    b'\n' | 0 => break,
                    b'$' | b'`' | b'\\' if !waiting.is_quoted => return None,
                    _ => self.step(),
                }
            }
            let line = self.text.get(start..self.at)?;
            let begins = line.get(..end.len()).is_some_and(|front| text::same(front, end));
            let is_end = begins && line.len() == end.len();
            // In `$(…)`, bash may end the body at a line that only begins like that one.
            if begins && !is_end && self.substitution != 0 {
                return None;
            }
            let is_last = self.peek() == 0;
            self.at += usize::from(!is_last);
            if is_end || is_last {
                return is_end.then_some(());
            }
        }
    }
}
