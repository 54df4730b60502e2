//! Commands: one simple command (POSIX.1-2024, Shell Command Language 2.9.1) without anything that a shell expands.

/// The most bytes of a command.
pub const MOST: usize = 8192;
/// The most words of a command.
pub const MOST_WORDS: usize = 256;

/// What a shell runs itself, or reads as its grammar: none of these is a program that is just run.
const OF_THE_SHELL: &str = ". : ! [ [[ { } alias builtin case command coproc declare do done elif else esac eval exec exit \
    export fi for function if in local readonly return select set shift source then time trap typeset unset until while";

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
        let good = !program.is_empty()
            && program.bytes().all(|byte| is_bare(byte) && byte != b'=')
            && OF_THE_SHELL.split(' ').all(|word| word != program);
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

    /// The arguments, without their quotes.
    pub fn arguments(&self) -> impl Iterator<Item = &'c str> + use<'c> {
        let mut words = Words { rest: self.arguments };
        core::iter::from_fn(move || words.word()?.ok())
    }
}

fn is_bare(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_@%+=:,./-".contains(&byte)
}

struct Words<'c> {
    rest: &'c str,
}

impl<'c> Words<'c> {
    /// The next word; an error where something is no plain word.
    fn word(&mut self) -> Option<Result<&'c str, ()>> {
        let text = self.rest.trim_start_matches(' ');
        let first = text.bytes().next()?;
        let (word, rest) = match first {
            quote @ (b'\'' | b'"') => {
                let inner = text.get(1..)?;
                let Some((word, rest)) = inner.split_once(char::from(quote)) else { return Some(Err(())) };
                if quote == b'"' && word.contains(['\\', '$', '`', '!']) {
                    return Some(Err(()));
                }
                (word, rest)
            }
            _ => {
                let (word, rest) = text.split_at_checked(text.find(' ').unwrap_or(text.len()))?;
                if !word.bytes().all(is_bare) {
                    return Some(Err(()));
                }
                (word, rest)
            }
        };
        if !(rest.is_empty() || rest.starts_with(' ')) {
            return Some(Err(()));
        }
        self.rest = rest;
        Some(Ok(word))
    }
}
