//! Commands: one simple command (POSIX.1-2024, Shell Command Language 2.9.1) without anything that a shell expands, of
//! words that every shell of that kind reads alike.

use super::Writer;

/// The most bytes of a command.
pub const MOST: usize = 8192;
/// The most words of a command.
pub const MOST_WORDS: usize = 256;

/// What a shell reads as its grammar or runs itself, and does more with than to pass its arguments on: none of these is
/// a program that is just run.
pub const OF_THE_SHELL: &str =
    "- . : ! [ [[ { } alias bind break builtin case command compgen complete continue coproc \
    declare do done elif else emulate enable end esac eval exec exit export fc fi float for foreach function getopts \
    if in integer jobs let local mapfile nameref namespace nocorrect noglob print printf read readarray readonly \
    repeat return select set shift source test then time trap typeset unset until wait while";

/// A command with one meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Command<'c> {
    program: &'c str,
    arguments: &'c str,
}

impl<'c> Command<'c> {
    /// Reads a command.
    #[must_use]
    pub fn read(text: &'c str) -> Option<Self> {
        if text.len() > MOST || !text.bytes().all(|byte| matches!(byte, 0x20..=0x7e)) || text.ends_with(' ') {
            return None;
        }
        let (program, arguments) = text.split_once(' ').unwrap_or((text, ""));
        let good = !program.is_empty() && program.bytes().all(is_plain) && !is_of_the_shell(program);
        let mut words = 1;
        let mut rest = Words { rest: arguments };
        loop {
            match rest.word() {
                Some(Ok(_)) => words += 1,
                Some(Err(())) => return None,
                None => break,
            }
        }
        (good && words <= MOST_WORDS).then_some(Self { program, arguments })
    }

    /// The program, as it is written.
    #[must_use]
    pub const fn program(&self) -> &'c str {
        self.program
    }

    /// The arguments.
    pub fn arguments(&self) -> impl Iterator<Item = Word<'c>> + use<'c> {
        let mut words = Words { rest: self.arguments };
        core::iter::from_fn(move || words.word()?.ok())
    }
}

/// Whether the program is in [`OF_THE_SHELL`].
fn is_of_the_shell(program: &str) -> bool {
    // Bytes: to split a text at a character takes four times as long.
    OF_THE_SHELL.as_bytes().split(|byte| *byte == b' ').any(|word| word == program.as_bytes())
}

/// What no shell acts on, wherever it stands in a word.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_@%+:,./-".contains(&byte)
}

/// Whether no shell acts on a byte where it stands: some act on `=` and `^` at the front of a word, on `#` there, and on
/// `~` there and in what looks like an assignment.
fn is_bare(byte: u8, before: u8) -> bool {
    match byte {
        b'=' | b'^' | b'#' => !matches!(before, b' ' | b'\'' | b'"'),
        b'~' => !matches!(before, b' ' | b'\'' | b'"' | b'=' | b':'),
        _ => is_plain(byte),
    }
}

/// A word as it is written, with its quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Word<'c>(&'c str);

impl<'c> Word<'c> {
    /// The word itself, where it has no quotes.
    pub(crate) fn unquoted(self) -> Option<&'c str> {
        (!self.0.contains(['\'', '"'])).then_some(self.0)
    }

    /// How many bytes it is written in.
    pub(crate) const fn len(self) -> usize {
        self.0.len()
    }

    /// Writes the word without its quotes.
    pub(crate) fn write(self, to: &mut Writer<'_>) -> Option<()> {
        let mut open = None;
        for byte in self.0.bytes() {
            match (open, byte) {
                (None, b'\'' | b'"') => open = Some(byte),
                (Some(quote), byte) if byte == quote => open = None,
                _ => to.byte(byte)?,
            }
        }
        Some(())
    }
}

struct Words<'c> {
    rest: &'c str,
}

impl<'c> Words<'c> {
    /// The next word; an error where a shell acts on something in it.
    fn word(&mut self) -> Option<Result<Word<'c>, ()>> {
        let text = self.rest.trim_start_matches(' ');
        if text.is_empty() {
            return None;
        }
        // What is being read: nothing in quotes, or what one of them has begun.
        let (mut open, mut before) = (None, b' ');
        let mut length = text.len();
        for (at, byte) in text.bytes().enumerate() {
            let good = match (open, byte) {
                (None, b' ') => {
                    length = at;
                    break;
                }
                (None, b'\'' | b'"') => {
                    open = Some(byte);
                    true
                }
                (None, byte) => is_bare(byte, before),
                (Some(quote), byte) if byte == quote => {
                    open = None;
                    true
                }
                (Some(quote), byte) => quote == b'\'' || !matches!(byte, b'\\' | b'$' | b'`' | b'!'),
            };
            if !good {
                return Some(Err(()));
            }
            before = byte;
        }
        if open.is_some() {
            return Some(Err(()));
        }
        let (word, rest) = text.split_at_checked(length)?;
        self.rest = rest;
        Some(Ok(Word(word)))
    }
}
