//! Lists, pipelines, compound and simple commands (POSIX.1-2024, Shell Command Language, 2.9 and 2.10).

use super::names::{self, Name};
use super::records::flag;
use super::redirection::Then;
use super::{is_end, Line};
use core::num::NonZeroU32;

impl Line<'_> {
    /// Reads a list, and what ends it: one of the [names] in a set.
    pub(super) fn list(&mut self, ends: Name) -> Option<NonZeroU32> {
        // Whether the list may end here.
        let mut is_whole = false;
        loop {
            self.lines()?;
            let name = self.beginning();
            if is_whole && (name & names::ENDS != 0 || self.must_end) {
                return NonZeroU32::new(ends & name);
            }
            self.pipeline(name)?;
            self.blanks();
            is_whole = true;
            let next = self.peek_second();
            match self.peek() {
                b'\n' | b')' | 0 => continue,
                b';' => {}
                b'&' if next == b'!' => return None,
                byte @ (b'&' | b'|') => {
                    let is_double = next == byte;
                    is_whole = byte == b'&' && !is_double;
                    self.at += usize::from(is_double);
                }
                _ => return None,
            }
            self.step();
        }
    }

    /// Goes behind what is left of a line, and behind empty lines.
    fn lines(&mut self) -> Option<()> {
        loop {
            self.blanks();
            if self.peek() != b'\n' {
                return Some(());
            }
            self.step();
            self.body()?;
        }
    }

    /// What stands here, if it ends a list, or begins a command that is not simple; goes behind it.
    fn beginning(&mut self) -> Name {
        match self.peek() {
            // A here-document that nothing follows has no body.
            0 if self.waiting.is_none() => names::END,
            bracket @ (b'(' | b')') => {
                self.step();
                if bracket == b'(' {
                    names::OPEN
                } else {
                    names::BRACKET
                }
            }
            _ => self.name(names::ENDS | names::NOT | names::COMPOUND),
        }
    }

    /// The name of the grammar that stands here, if it is one of a set; goes behind it.
    fn name(&mut self, of: Name) -> Name {
        let mut end = self.at;
        while !is_end(self.byte(end)) {
            end += 1;
        }
        let name = match self.text.get(self.at..end) {
            // A bracket directly behind a word is a pattern to zsh.
            Some(text) if self.byte(end) != b'(' => names::of_grammar(text) & of,
            _ => 0,
        };
        if name != 0 {
            self.at = end;
        }
        name
    }

    /// Reads a command of a pipeline, behind what [`beginning`](Self::beginning) has found.
    fn pipeline(&mut self, mut name: Name) -> Option<()> {
        if name == names::NOT {
            self.blanks();
            name = self.beginning();
        }
        if name == 0 {
            return self.simple();
        }
        self.enter()?;
        match name {
            // `((` begins arithmetic.
            names::OPEN if self.peek() != b'(' => drop(self.list(names::BRACKET)?),
            names::GROUP => drop(self.list(names::END_GROUP)?),
            names::IF => loop {
                self.list(names::THEN)?;
                match self.list(names::ELIF | names::ELSE | names::FI)?.get() {
                    names::ELIF => continue,
                    names::ELSE => drop(self.list(names::FI)?),
                    _ => {}
                }
                break;
            },
            names::FOR | names::WHILE => {
                if name == names::FOR {
                    self.values()?;
                } else {
                    self.list(names::DO)?;
                }
                self.list(names::DONE)?;
            }
            _ => return None,
        }
        self.depth -= 1;
        loop {
            self.blanks();
            if !self.is_redirection() {
                return Some(());
            }
            let command = self.records.command(0, 0)?.get();
            self.last = command;
            self.redirection()?;
            self.records.share(command)?;
        }
    }

    /// What `for` goes through, up to `do`.
    fn values(&mut self) -> Option<()> {
        self.blanks();
        let end = self.name_end(self.at);
        self.word(0)?;
        let word = self.last;
        if self.at != end {
            return None;
        }
        self.variable(self.last)?;
        self.records.share(word)?;
        self.blanks();
        if self.name(names::IN) == 0 {
            return None;
        }
        loop {
            self.blanks();
            match self.peek() {
                b';' => {
                    self.step();
                    break;
                }
                b'\n' => break,
                byte if is_end(byte) => return None,
                _ => self.word(0)?,
            }
        }
        self.lines()?;
        (self.name(names::DO) != 0).then_some(())
    }

    /// A simple command: assignments, then words, and redirections anywhere.
    fn simple(&mut self) -> Option<()> {
        let command = self.records.command(0, 0)?.get();
        self.last = command;
        let (mut program, mut then) = (0, Then::Words);
        let (mut is_assigned, mut is_redirected) = (false, false);
        loop {
            self.blanks();
            if self.is_redirection() {
                is_redirected = true;
                let next = self.redirection()?;
                if next == Then::NoWords {
                    then = next;
                }
                continue;
            }
            if is_end(self.peek()) {
                break;
            }
            if then == Then::NoWords {
                return None;
            }
            if program == 0 {
                let name_end = self.name_end(self.at);
                if name_end != self.at && self.byte(name_end) == b'=' {
                    // zsh takes `==name` for a path.
                    if self.byte(name_end + 1) == b'=' {
                        return None;
                    }
                    let commands = self.commands;
                    self.word(0)?;
                    // What is run for its value has what is assigned before it.
                    if is_assigned && self.commands != commands {
                        return None;
                    }
                    is_assigned = true;
                    self.variable(self.last)?;
                    continue;
                }
            }
            self.word(flag::WORD)?;
            if program == 0 {
                program = self.last;
            }
        }
        if program != 0 {
            return self.run(command, program);
        }
        // Only assignments: they are for all commands.
        self.records.share(command)?;
        (!is_redirected && is_assigned).then_some(())
    }
}
