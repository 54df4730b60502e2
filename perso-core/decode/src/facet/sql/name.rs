//! Names: what is kept of a text, each name once for each of what it is.

use super::{dialect, token, Reader, Span, MOST_NAMES, MOST_TABLES};

/// What a name is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A table that is read or written.
    Table = 0,
    /// A function that is called.
    Function = 1,
    /// A column.
    Column = 2,
    /// What a row of a table is called: the table's name or its alias.
    Row = 3,
}

/// A name, as it is written: parts with dots, some of them in quotes.
#[derive(Debug, Clone, Copy)]
pub struct Name<'t> {
    pub(super) text: &'t [u8],
    pub(super) keep: Keep,
}

/// Whether the case of a name's letters matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    Nothing,
    Quoted,
    Everything,
}

/// A name in the memory that was lent: where it begins (16 bits), how long it is (8), whether it is a [`BARE`] column
/// (1), its [`Kind`] (7), and a hash of it (32).
pub(super) type Record = [u8; 8];

/// What a name is, besides the [`Kind`]s, where it is looked for among the common table expressions. MySQL tells them apart
/// by the case of their letters on some systems: there, a name that is not quite the same is a table.
const COMMON_TABLE: u32 = 4;

/// The bit of a record for a column that is written without the table.
pub(super) const BARE: u64 = 1 << 24;

pub(super) const fn span(record: u64) -> (usize, usize) {
    let start = (record & 0xffff) as usize;
    (start, start + (record >> 16 & 0xff) as usize)
}

pub(super) const fn kind(record: u64) -> u32 {
    (record >> 25 & 0x7f) as u32
}

pub(super) fn name(text: &[u8], dialect: u32, kind: u32, (start, end): (usize, usize)) -> Name<'_> {
    let keep = match dialect {
        dialect::POSTGRES => Keep::Quoted,
        _ if dialect & dialect::MYSQL != 0 && kind == COMMON_TABLE => Keep::Everything,
        _ => Keep::Nothing,
    };
    Name { text: text.get(start..end).unwrap_or_default(), keep }
}

impl<'t> Name<'t> {
    /// The bytes of the name: without quotes, in lower case where case does not matter.
    #[must_use]
    pub const fn bytes(self) -> Bytes<'t> {
        Bytes { rest: self.text, keep: self.keep, quoted: false }
    }

    /// Whether two names are the same.
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    fn is(self, other: Self) -> bool {
        let (mut these, mut those) = (self.bytes(), other.bytes());
        loop {
            let byte = these.next();
            if byte != those.next() {
                return false;
            }
            if byte.is_none() {
                return true;
            }
        }
    }

    /// How many bytes the name is at most.
    #[must_use]
    pub const fn len(self) -> usize {
        self.text.len()
    }

    /// Whether there is nothing in it; no name is empty.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.text.is_empty()
    }
}

/// The bytes of a name.
#[derive(Debug, Clone)]
pub struct Bytes<'t> {
    rest: &'t [u8],
    keep: Keep,
    quoted: bool,
}

impl Iterator for Bytes<'_> {
    type Item = u8;

    #[cfg_attr(target_arch = "wasm32", inline(never))]
    fn next(&mut self) -> Option<u8> {
        loop {
            let (byte, rest) = self.rest.split_first()?;
            self.rest = rest;
            if matches!(byte, b'"' | b'`') {
                self.quoted = !self.quoted;
                continue;
            }
            let keeps = self.keep == Keep::Everything || self.quoted && self.keep == Keep::Quoted;
            return Some(if keeps { *byte } else { byte.to_ascii_lowercase() });
        }
    }
}

impl Reader<'_, '_> {
    /// Records a name, unless it is there.
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    pub(super) fn record(&mut self, kind: Kind, (start, end): Span, bare: u64) {
        self.written += 1;
        if self.written > MOST_NAMES {
            self.fail();
            return;
        }
        let of = |span| name(self.text, self.dialect, kind as u32, span);
        let this = of((start, end));
        let hash = this.bytes().fold(kind as u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
        let new = start as u64 | ((end - start) as u64) << 16 | (kind as u64) << 25 | u64::from(hash) << 32 | bare;
        for record in self.names.iter_mut().take(self.count) {
            let known = u64::from_le_bytes(*record);
            // The hash and the kind, and then the name itself.
            if (known ^ new) >> 25 == 0 && of(span(known)).is(this) {
                *record = (known | bare).to_le_bytes();
                return;
            }
        }
        self.tables += u32::from(kind == Kind::Table);
        match self.names.get_mut(self.count) {
            Some(record) if self.tables <= MOST_TABLES => *record = new.to_le_bytes(),
            _ => self.fail(),
        }
        self.count += 1;
    }

    /// Takes the name of a table, and tells whether it is one and no common table expression.
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    pub(super) fn table(&mut self) -> bool {
        let (name, last, parts) = (self.span(), (self.part, self.at), self.parts);
        if !(token::NAME..token::HARD).contains(&self.token) || parts > 2 {
            self.fail();
        }
        self.next();
        if parts == 1 && self.is_visible(name) {
            return false;
        }
        self.record(Kind::Table, name, 0);
        self.row(last);
        true
    }

    fn is_visible(&self, name: Span) -> bool {
        let of = |span| self::name(self.text, self.dialect, COMMON_TABLE, span);
        self.ctes.iter().take(self.visible).any(|cte| of(*cte).is(of(name)))
    }

    /// Records what a row of a table is called, where that is a value.
    pub(super) fn row(&mut self, name: Span) {
        if self.dialect & dialect::POSTGRES != 0 {
            self.record(Kind::Row, name, 0);
        }
    }

    /// Whether a row of a table may be taken for a value somewhere.
    pub(super) fn reads_row(&self) -> bool {
        let records = || self.names.iter().take(self.count).map(|record| u64::from_le_bytes(*record));
        let of = |record| name(self.text, self.dialect, Kind::Column as u32, span(record));
        let mut rows = records().filter(|record| kind(*record) == Kind::Row as u32);
        rows.any(|row| records().any(|column| column & BARE != 0 && of(row).is(of(column))))
    }

    /// Takes names in brackets, which are columns of a table if `records` says so.
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    pub(super) fn columns(&mut self, records: bool) {
        self.open();
        loop {
            let name = self.name();
            if records {
                self.record(Kind::Column, name, 0);
            }
            if !self.takes(token::COMMA) {
                break;
            }
        }
        self.close();
    }
}
