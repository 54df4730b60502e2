//! What is kept of a line: records of four numbers that are linked to lists, and behind them the texts that are not
//! in the line as they are.
//!
//! | record | | | | |
//! | --- | --- | --- | --- | --- |
//! | command | first record | its program's | next command | |
//! | word, name, target | next record | [`flag`]s | where its text begins | how long it is |
//!
//! Record 0 is for all commands: its first record is the first that all of them have.

use super::MOST;
use core::num::NonZeroU32;

/// What a record is, and what is known of its text.
pub mod flag {
    /// A word of a command, the program first.
    pub const WORD: u32 = 1;
    /// The name of a variable that is assigned to.
    pub const ENV: u32 = 1 << 1;
    /// What is written to.
    pub const WRITES: u32 = 1 << 2;
    /// What is read from.
    pub const READS: u32 = 1 << 3;
    /// All that a command's programs share.
    pub const AROUND: u32 = ENV | WRITES | READS;
    /// All commands have it.
    pub const SHARED: u32 = 1 << 4;
    /// Its text is only known when the shell runs it: the text here is what comes before that.
    pub const UNKNOWN: u32 = 1 << 5;
    /// It may become any number of words; unknown as well.
    pub const SEVERAL: u32 = 1 << 6;
    /// The text is part of the line.
    pub const IN_LINE: u32 = 1 << 7;
    /// There is a `$` or a backquote in its text.
    pub const DOLLAR: u32 = 1 << 8;
    /// There is a `[` in its text.
    pub const BRACKET: u32 = 1 << 9;
    /// It is `$?`, a number.
    pub const NUMBER: u32 = 1 << 10;
}

/// The parts of a record.
pub(super) mod part {
    pub const NEXT: usize = 0;
    pub const FLAGS: usize = 1;
    pub const START: usize = 2;
    pub const LENGTH: usize = 3;
    /// Of a command.
    pub const PROGRAM: usize = FLAGS;
    /// Of a command.
    pub const NEXT_COMMAND: usize = START;
}

type Record = [[u8; 4]; 4];

/// The number of a record that has been added; none is 0.
type Added = NonZeroU32;

/// The most records that all commands share.
const MOST_SHARED: u32 = 32;

/// The records that a line can need: each has a byte of its own in it, but the one for all commands, and those that are
/// shared after all.
const fn most(line: usize) -> usize {
    line + 2 + MOST_SHARED as usize
}

/// The memory that the records and texts of a line take; none if it is too long to be read.
pub const fn memory(line: usize) -> usize {
    if line > MOST {
        return 0;
    }
    most(line) * size_of::<Record>() + line
}

/// What is kept of a line.
#[derive(Debug)]
pub struct Records<'l> {
    line: &'l [u8],
    records: &'l mut [Record],
    count: u32,
    /// Texts that are not in the line as they are.
    texts: &'l mut [u8],
    pub(super) length: u32,
    last_command: u32,
    last_shared: u32,
    shared: u32,
}

impl<'l> Records<'l> {
    pub(super) fn new(line: &'l [u8], memory: &'l mut [u8]) -> Option<Self> {
        let (records, texts) = memory.split_at_mut_checked(most(line.len()) * size_of::<Record>())?;
        let records = records.as_chunks_mut().0.as_chunks_mut().0;
        *records.first_mut()? = Record::default();
        Some(Self { line, records, count: 1, texts, length: 0, last_command: 0, last_shared: 0, shared: 0 })
    }

    /// A part of a record.
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    pub(super) fn get(&self, record: u32, part: usize) -> u32 {
        match self.records.get(record as usize).and_then(|record| record.get(part)) {
            Some(part) => u32::from_le_bytes(*part),
            None => 0,
        }
    }

    #[cfg_attr(target_arch = "wasm32", inline(never))]
    pub(super) fn set(&mut self, record: u32, part: usize, value: u32) {
        if let Some(part) = self.records.get_mut(record as usize).and_then(|record| record.get_mut(part)) {
            *part = value.to_le_bytes();
        }
    }

    #[cfg_attr(target_arch = "wasm32", inline(never))]
    fn push(&mut self, record: [u32; 4]) -> Option<Added> {
        let number = self.count;
        *self.records.get_mut(number as usize)? = record.map(u32::to_le_bytes);
        self.count += 1;
        Added::new(number)
    }

    /// A new command behind all that there are; without a program, it is none yet.
    pub(super) fn command(&mut self, first: u32, program: u32) -> Option<Added> {
        let command = self.push([first, program, 0, 0])?;
        self.set(self.last_command, part::NEXT_COMMAND, command.get());
        self.last_command = command.get();
        Some(command)
    }

    /// A new record behind another one.
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    pub(super) fn add(&mut self, last: u32, flags: u32, start: u32, length: u32) -> Option<Added> {
        let record = self.push([0, flags, start, length])?;
        self.set(last, part::NEXT, record.get());
        Some(record)
    }

    /// Gives what stands around words, in the records behind one, to all commands.
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    pub(super) fn share(&mut self, mut record: u32) -> Option<()> {
        loop {
            record = self.next(record, flag::AROUND);
            if record == 0 {
                return (self.shared <= MOST_SHARED).then_some(());
            }
            let flags = self.flags(record) | flag::SHARED;
            let start = self.get(record, part::START);
            self.last_shared = self.add(self.last_shared, flags, start, self.get(record, part::LENGTH))?.get();
            self.shared += 1;
            self.set(record, part::FLAGS, 0);
        }
    }

    /// Adds a byte to the texts.
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    pub(super) fn push_text(&mut self, byte: u8) -> Option<()> {
        *self.texts.get_mut(self.length as usize)? = byte;
        self.length += 1;
        Some(())
    }

    /// What is known of a record's text.
    pub fn flags(&self, record: u32) -> u32 {
        self.get(record, part::FLAGS)
    }

    /// The text of a record.
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    pub fn text(&self, record: u32) -> &[u8] {
        let texts = if self.flags(record) & flag::IN_LINE != 0 { self.line } else { &*self.texts };
        let text = texts.get(self.get(record, part::START) as usize..);
        text.and_then(|text| text.get(..self.get(record, part::LENGTH) as usize)).unwrap_or_default()
    }

    /// The next record of a kind behind one; 0 if there is none.
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    pub fn next(&self, mut record: u32, kind: u32) -> u32 {
        loop {
            record = self.get(record, part::NEXT);
            if record == 0 || self.flags(record) & kind != 0 {
                return record;
            }
        }
    }

    /// The first record of a kind of those of a command, and then of those that all commands have; 0 if there is none.
    pub fn first(&self, command: u32, kind: u32) -> u32 {
        match self.next(command, kind) {
            0 => self.next(0, kind),
            first => first,
        }
    }

    /// The next of them behind a record.
    pub fn following(&self, record: u32, kind: u32) -> u32 {
        match self.next(record, kind) {
            // Words are never shared.
            0 if self.flags(record) & flag::SHARED == 0 => self.next(0, kind),
            next => next,
        }
    }

    /// The next command behind one, or the first behind 0; 0 if there is none.
    pub fn next_command(&self, mut command: u32) -> u32 {
        loop {
            command = self.get(command, part::NEXT_COMMAND);
            if command == 0 || self.program(command) != 0 {
                return command;
            }
        }
    }

    /// The record of a command's program.
    pub fn program(&self, command: u32) -> u32 {
        self.get(command, part::PROGRAM)
    }
}
