//! Lines of a shell: the commands that POSIX sh (POSIX.1-2024, Shell Command Language), bash and zsh run alike.
//!
//! ```text
//! line ─→ grammar ─→ word, redirection ─→ program ─→ records
//! ```
//!
//! - `grammar`: lists, pipelines, compound and simple commands.
//! - `word`: quotes, escapes and expansions.
//! - `redirection`: redirections and here-documents.
//! - `program`: which programs are read closely, and which run another one.
//! - `names`: the names that a shell does something else with than to run a program or to set a variable.
//! - `records`: what is kept of a line.
//!
//! The page `docs/operators/shell.md` says what is read. Whatever is not there refuses the whole line: nothing in here
//! skips what it does not know.

mod grammar;
#[doc(hidden)]
pub mod names;
mod program;
mod records;
mod redirection;
mod word;

pub use records::{flag, memory, Records};
use redirection::Waiting;
use word::Draft;

/// The most bytes of a line.
pub const MOST: usize = 1 << 16;
/// How deep compound commands, substitutions and scripts may be in one another.
const DEPTH: u32 = 8;

/// A line that is being read, or has been read.
#[derive(Debug)]
pub struct Line<'l> {
    /// The line up to where what is read now ends: the line, or a script in it.
    text: &'l [u8],
    at: usize,
    /// What is kept of the line.
    pub records: Records<'l>,
    /// The record behind which the next one comes.
    last: u32,
    /// The word that is being read.
    word: Draft,
    /// The word that is the program which another program runs; 0 if it runs none.
    runs: u32,
    /// How many commands there are.
    pub commands: u32,
    depth: u32,
    /// The here-document whose body is still to come.
    waiting: Option<Waiting>,
    /// How deep the innermost `$(…)` is; 0 outside of any.
    substitution: u32,
    /// Whether that has had a here-document. bash writes a substitution anew and reads that, and loses the `;` behind it.
    must_end: bool,
}

impl<'l> Line<'l> {
    /// A line that is still to be [read](Self::read), and [memory] of the size that it needs; `None` where that is less, or the line is too long.
    pub fn new(text: &'l [u8], memory: &'l mut [u8]) -> Option<Self> {
        Some(Self {
            text,
            at: 0,
            records: Records::new(text, memory)?,
            last: 0,
            word: Draft::default(),
            runs: 0,
            commands: 0,
            depth: 0,
            waiting: None,
            substitution: 0,
            must_end: false,
        })
    }

    /// Reads the line, and returns what is kept of it; `None` where it is not understood.
    pub fn read(&mut self) -> Option<&Records<'l>> {
        let is_refused = |byte: &u8| *byte < b' ' && byte.wrapping_sub(b'\t') > 1 || *byte == 0x7f;
        // Not `any`, which natively looks at one byte after the other.
        if self.text.iter().fold(false, |any, byte| any | is_refused(byte)) {
            return None;
        }
        self.list(names::END)?;
        Some(&self.records)
    }

    /// The byte at a place; 0, which no line has, at the end.
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    fn byte(&self, at: usize) -> u8 {
        crate::text::byte(self.text, at)
    }

    /// The next byte; 0 at the end.
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    fn peek(&self) -> u8 {
        self.byte(self.at)
    }

    /// Goes behind the next byte.
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    fn step(&mut self) {
        self.at += 1;
    }

    /// The byte in front of the next one.
    fn before(&self) -> u8 {
        self.byte(self.at.wrapping_sub(1))
    }

    /// The byte behind the next one.
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    fn peek_second(&self) -> u8 {
        self.byte(self.at + 1)
    }

    /// Goes behind blanks, lines that are continued, and a comment.
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    fn blanks(&mut self) {
        loop {
            match self.peek() {
                b' ' | b'\t' => {}
                // Directly behind something else it could join two operators.
                b'\\' if self.peek_second() == b'\n' && matches!(self.before(), b' ' | b'\t' | b'\n') => self.step(),
                b'#' => {
                    while !matches!(self.peek(), b'\n' | 0) {
                        self.step();
                    }
                    return;
                }
                _ => return,
            }
            self.step();
        }
    }

    /// The end of the name of a variable that begins at a place; the place itself where none does.
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    fn name_end(&self, start: usize) -> usize {
        let mut at = start;
        while is_of_name(self.byte(at)) && (at != start || !self.byte(at).is_ascii_digit()) {
            at += 1;
        }
        at
    }

    /// Goes one level deeper.
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    fn enter(&mut self) -> Option<()> {
        self.depth += 1;
        (self.depth <= DEPTH).then_some(())
    }
}

/// Whether a byte can stand in the name of a variable.
#[cfg_attr(target_arch = "wasm32", inline(never))]
const fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Whether a byte ends a word: one of the shell's grammar, or the end.
#[cfg_attr(target_arch = "wasm32", inline(never))]
const fn is_end(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b';' | b'&' | b'|' | b'<' | b'>' | b'(' | b')' | 0)
}
