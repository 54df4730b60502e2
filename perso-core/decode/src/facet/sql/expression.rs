//! Expressions. There is no tree and no precedence: only what each name is matters.

use super::name::{Kind, BARE};
use super::{dialect, token, words, Reader};

/// What is behind an operand.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Behind {
    /// Something that makes another operand of it.
    Suffix,
    /// Something that another operand must follow.
    Infix,
    Nothing,
}

impl Reader<'_, '_> {
    /// Where the rows of a window begin or end.
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    pub(super) fn bound(&mut self) {
        if self.takes(token::CURRENT) {
            self.expect(token::ROW);
            return;
        }
        if self.takes(token::INTERVAL) {
            self.interval();
        } else if !self.takes(token::UNBOUNDED) {
            self.expect(token::NUMBER);
        }
        self.expect(token::PRECEDING);
    }

    /// What follows `INTERVAL`.
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    pub(super) fn interval(&mut self) {
        // In PostgreSQL, where no string follows, the word before was a column.
        let is_number = self.dialect == dialect::MYSQL && {
            self.takes(token::SIGN);
            self.takes(token::NUMBER)
        };
        if !is_number {
            self.expect(token::STRING);
        }
        if self.token != token::PRECEDING {
            self.takes_name();
        }
    }

    /// Expressions with commas between them.
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    pub(super) fn list(&mut self) {
        loop {
            self.expression();
            if !self.takes(token::COMMA) {
                return;
            }
        }
    }

    /// A list of expressions in brackets.
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    pub(super) fn bracketed(&mut self) {
        self.open();
        self.list();
        self.close();
    }

    /// A query, or a list of expressions, in brackets.
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    fn group(&mut self) {
        self.open();
        if matches!(self.token, token::SELECT | token::WITH) {
            self.query();
        } else {
            self.list();
        }
        self.close();
    }

    /// An expression; whether it ends with a name that might be a keyword.
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    pub(super) fn expression(&mut self) -> bool {
        loop {
            let mut is_bare = self.operand();
            loop {
                match self.behind(is_bare) {
                    Behind::Suffix => is_bare = false,
                    Behind::Infix => break,
                    Behind::Nothing => return is_bare,
                }
            }
        }
    }

    /// Takes what is behind an operand and belongs to the expression.
    fn behind(&mut self, is_bare: bool) -> Behind {
        let negated = self.takes(token::NOT);
        let what = self.token;
        match what {
            token::LIKE | token::BETWEEN | token::REGEXP | token::SIMILAR | token::IN => {}
            _ if negated => self.fail(),
            token::INFIX | token::SIGN | token::ALL_COLUMNS | token::EQUAL | token::AND | token::OR => {}
            token::IS | token::AT | token::COLLATE | token::TYPED => {}
            // MySQL may take `ESCAPE` for a name.
            token::ESCAPE if !is_bare => {}
            token::TILDE if self.dialect == dialect::POSTGRES => {}
            token::OPEN_INDEX => {
                self.index();
                return Behind::Suffix;
            }
            _ => return Behind::Nothing,
        }
        let word = self.span();
        self.next();
        match what {
            token::REGEXP if self.dialect == dialect::SQLITE => self.record(Kind::Function, word, 0),
            token::SIMILAR => self.expect(token::TO),
            token::IN if self.token == token::OPEN => {
                self.group();
                return Behind::Suffix;
            }
            // In SQLite a table. The others have it only in `POSITION(x IN y)`.
            token::IN if self.dialect & dialect::SQLITE != 0 => self.fail(),
            token::IS => {
                self.takes(token::NOT);
                if self.takes(token::DISTINCT) {
                    self.expect(token::FROM);
                }
            }
            token::AT => {
                self.expect(token::TIME);
                self.expect(token::ZONE);
            }
            token::INFIX | token::EQUAL | token::LIKE | token::TILDE
                if matches!(self.token, token::ANY | token::ALL) && self.dialect & dialect::SQLITE == 0 =>
            {
                self.next();
                self.group();
                return Behind::Suffix;
            }
            token::COLLATE => {
                self.name();
                return Behind::Suffix;
            }
            token::TYPED => {
                self.type_name();
                return Behind::Suffix;
            }
            _ => {}
        }
        Behind::Infix
    }

    /// A value; whether it is a name that might be a keyword.
    fn operand(&mut self) -> bool {
        while matches!(self.token, token::SIGN | token::TILDE | token::NOT) {
            self.next();
        }
        let (what, whole, last, parts) = (self.token, self.span(), (self.part, self.at), self.parts);
        let quoted = self.quoted;
        match what {
            token::OPEN => {
                self.group();
                return false;
            }
            token::NUMBER.. => self.next(),
            _ => self.fail(),
        }
        match what {
            token::CASE => self.case(),
            token::NUMBER | token::STRING | token::CONSTANT => {}
            token::STAR => self.all = true,
            token::CAST => {
                self.open();
                self.expression();
                self.expect(token::AS);
                self.type_name();
                self.close();
            }
            token::EXISTS => self.subquery(),
            token::NOW => {
                self.record(Kind::Function, whole, 0);
                if self.token == token::OPEN {
                    self.open();
                    self.takes(token::NUMBER);
                    self.close();
                }
            }
            token::INTERVAL => self.interval(),
            token::ARRAY => {
                if self.token == token::OPEN_INDEX {
                    self.index();
                } else {
                    self.subquery();
                }
            }
            token::NAME.. if self.token == token::OPEN => {
                let is_function = match what {
                    token::LEFT | token::LIKE | token::BETWEEN | token::PARTIAL => true,
                    _ => what < token::HARD && (parts == 1 || parts == 2 && self.dialect == dialect::POSTGRES),
                };
                if !is_function {
                    self.fail();
                }
                self.record(Kind::Function, whole, 0);
                self.call(what);
            }
            token::NAME..token::HARD => {
                let is_typed = what == token::DATE || what == token::TIME && self.dialect & dialect::SQLITE == 0;
                if !(is_typed && self.takes(token::STRING)) {
                    let is_bare = parts == 1;
                    self.record(Kind::Column, last, if is_bare { BARE } else { 0 });
                    return is_bare && !quoted;
                }
            }
            _ => self.fail(),
        }
        false
    }

    /// What is in the brackets of a function, and what follows them.
    fn call(&mut self, function: u32) {
        self.open();
        if !self.takes(token::ALL_COLUMNS) && self.token != token::CLOSE {
            if function == token::EXTRACT {
                self.name();
                if !self.takes(token::FROM) {
                    self.expect(token::COMMA);
                }
            } else if self.takes(token::BOTH) {
                self.takes(token::FROM);
            } else if !self.takes(token::ALL) {
                self.takes(token::DISTINCT);
            }
            let has_parts = matches!(function, token::EXTRACT | token::SUBSTRING);
            loop {
                self.expression();
                let parts = has_parts && (self.takes(token::FROM) || self.takes(token::FOR));
                if !parts && !self.takes(token::COMMA) {
                    break;
                }
            }
            if self.token == token::ORDER {
                self.order();
            }
            if self.takes(token::SEPARATOR) {
                self.expect(token::STRING);
            }
        }
        self.close();
        if self.takes(token::WITHIN) {
            self.expect(token::GROUP);
            self.open();
            self.order();
            self.close();
        }
        if self.takes(token::FILTER) {
            self.open();
            self.expect(token::WHERE);
            self.expression();
            self.close();
        }
        if self.takes(token::OVER) {
            if self.token == token::OPEN {
                self.window();
            } else {
                self.name();
            }
        }
    }

    /// What follows `CASE`.
    fn case(&mut self) {
        self.deeper();
        if self.token != token::WHEN {
            self.expression();
        }
        self.expect(token::WHEN);
        loop {
            self.expression();
            self.expect(token::THEN);
            self.expression();
            if !self.takes(token::WHEN) {
                break;
            }
        }
        if self.takes(token::ELSE) {
            self.expression();
        }
        self.depth -= 1;
        self.expect(token::CASE_END);
    }

    /// Expressions in square brackets.
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    fn index(&mut self) {
        self.deeper();
        self.next();
        if self.token != token::CLOSE_INDEX {
            self.list();
        }
        self.depth -= 1;
        self.expect(token::CLOSE_INDEX);
    }

    #[cfg_attr(target_arch = "wasm32", inline(never))]
    fn takes_type_word(&mut self) -> bool {
        let word = self.slice(self.span());
        let is_type = self.token >= token::NAME && words::is_type(word, self.dialect);
        if is_type {
            self.next();
        }
        is_type
    }

    #[cfg_attr(target_arch = "wasm32", inline(never))]
    fn type_name(&mut self) {
        if !self.takes_type_word() {
            self.fail();
        }
        while self.takes_type_word() {}
        if self.token == token::OPEN {
            self.open();
            self.expect(token::NUMBER);
            if self.takes(token::COMMA) {
                self.expect(token::NUMBER);
            }
            self.close();
        }
        if self.takes(token::WITH) || self.takes(token::WITHOUT) {
            self.expect(token::TIME);
            self.expect(token::ZONE);
        }
        while self.takes(token::OPEN_INDEX) {
            self.expect(token::CLOSE_INDEX);
        }
    }
}
