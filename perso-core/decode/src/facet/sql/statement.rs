//! Statements, queries and common table expressions.

use super::name::Kind;
use super::{dialect, token, Reader, Span, LIMIT_DIGITS};

impl Reader<'_, '_> {
    /// The whole text; the word that says what it does.
    pub(super) fn statement(&mut self) -> Span {
        self.next();
        let mut statement = self.span();
        match self.token {
            token::INSERT => self.insert(),
            token::UPDATE => {
                self.next();
                self.table();
                self.expect(token::SET);
                loop {
                    let name = self.name();
                    self.record(Kind::Column, name, 0);
                    self.expect(token::EQUAL);
                    self.expression();
                    if !self.takes(token::COMMA) {
                        break;
                    }
                }
                self.condition();
            }
            token::DELETE => {
                self.next();
                self.expect(token::FROM);
                self.table();
                self.condition();
            }
            _ => {
                self.query();
                statement = self.selects;
            }
        }
        self.takes(token::END_OF_STATEMENT);
        self.all |= self.reads_row();
        statement
    }

    fn insert(&mut self) {
        self.next();
        self.expect(token::INTO);
        self.table();
        if self.token == token::OPEN {
            self.columns(true);
        } else {
            self.all = true;
        }
        if self.token == token::SELECT {
            self.query();
        } else {
            self.expect(token::VALUES);
            loop {
                self.bracketed();
                if !self.takes(token::COMMA) {
                    break;
                }
            }
        }
        self.returning();
    }

    /// The end of a statement that changes rows: which, and what is read of them.
    fn condition(&mut self) {
        if self.takes(token::WHERE) {
            self.expression();
        }
        if self.dialect == dialect::MYSQL {
            self.tail();
        }
        self.returning();
    }

    #[cfg_attr(target_arch = "wasm32", inline(never))]
    pub(super) fn returning(&mut self) {
        if self.takes(token::RETURNING) {
            self.items();
        }
    }

    #[cfg_attr(target_arch = "wasm32", inline(never))]
    pub(super) fn query(&mut self) {
        let outer = self.visible;
        if self.takes(token::WITH) {
            let recursive = self.takes(token::RECURSIVE) || self.dialect == dialect::SQLITE;
            loop {
                self.common_table(recursive);
                if !self.takes(token::COMMA) {
                    break;
                }
            }
        }
        loop {
            if self.token == token::OPEN && self.dialect & dialect::SQLITE == 0 {
                self.subquery();
            } else {
                self.select();
            }
            if !self.takes(token::UNION) {
                break;
            }
            if !self.takes(token::ALL) {
                self.takes(token::DISTINCT);
            }
        }
        self.tail();
        self.visible = outer;
    }

    /// The order of the rows, and how many there are at most.
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    pub(super) fn tail(&mut self) {
        if self.token == token::ORDER {
            self.order();
        }
        if self.takes(token::LIMIT) {
            let mut limit = self.integer();
            if self.dialect & dialect::POSTGRES == 0 && self.takes(token::COMMA) {
                limit = self.integer();
            } else if self.takes(token::OFFSET) {
                self.integer();
            }
            if self.depth == 0 {
                self.limit = Some(limit);
            }
        }
    }

    /// A query in brackets.
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    pub(super) fn subquery(&mut self) {
        self.open();
        self.query();
        self.close();
    }

    fn common_table(&mut self, recursive: bool) {
        let name = self.name();
        if self.token == token::OPEN {
            self.columns(false);
        }
        self.expect(token::AS);
        if self.takes(token::NOT) && self.token != token::MATERIALIZED {
            self.fail();
        }
        self.takes(token::MATERIALIZED);
        if recursive {
            self.show(name);
        }
        self.subquery();
        if !recursive {
            self.show(name);
        }
    }

    /// Makes a common table expression visible.
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    fn show(&mut self, name: Span) {
        match self.ctes.get_mut(self.visible) {
            Some(cte) => *cte = name,
            None => self.fail(),
        }
        self.visible += 1;
    }

    fn integer(&mut self) -> u64 {
        let digits = self.slice(self.span());
        let mut number = 0;
        let mut is_good = self.token == token::NUMBER && digits.len() <= LIMIT_DIGITS;
        for digit in digits {
            is_good &= digit.is_ascii_digit();
            number = u64::wrapping_add(u64::wrapping_mul(number, 10), u64::from(digit & 15));
        }
        if !is_good {
            self.fail();
        }
        self.next();
        number
    }
}
