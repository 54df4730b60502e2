//! Selections: their items, tables, order and windows.

use super::{dialect, token, Reader};

impl Reader<'_, '_> {
    pub(super) fn select(&mut self) {
        self.selects = self.span();
        self.expect(token::SELECT);
        if !self.takes(token::ALL)
            && self.takes(token::DISTINCT)
            && self.dialect == dialect::POSTGRES
            && self.takes(token::ON)
        {
            self.bracketed();
        }
        // PostgreSQL has selections of no columns, where only the rows matter.
        if self.token != token::FROM || self.dialect != dialect::POSTGRES {
            self.items();
        }
        if self.takes(token::FROM) {
            self.reference();
            while self.joins() {}
        }
        if self.takes(token::WHERE) {
            self.expression();
        }
        if self.takes(token::GROUP) {
            self.expect(token::BY);
            self.list();
            if self.dialect == dialect::MYSQL && self.takes(token::WITH) {
                self.expect(token::ROLLUP);
            }
        }
        if self.takes(token::HAVING) {
            self.expression();
        }
        if self.takes(token::WINDOW) {
            loop {
                self.name();
                self.expect(token::AS);
                self.window();
                if !self.takes(token::COMMA) {
                    break;
                }
            }
        }
    }

    #[cfg_attr(target_arch = "wasm32", inline(never))]
    pub(super) fn items(&mut self) {
        loop {
            if self.takes(token::ALL_COLUMNS) {
                self.all = true;
            } else {
                let is_bare = self.expression();
                if self.takes(token::AS) {
                    let is_alias = match self.token {
                        token::STRING => self.dialect & dialect::POSTGRES == 0,
                        token => token == token::TITLE || token >= token::NAME && self.parts == 1,
                    };
                    if !is_alias {
                        self.fail();
                    }
                    self.next();
                } else if !is_bare {
                    self.takes_name();
                }
            }
            if !self.takes(token::COMMA) {
                return;
            }
        }
    }

    /// Takes a further table, and tells whether there was one.
    fn joins(&mut self) -> bool {
        if self.takes(token::COMMA) {
            self.reference();
            return true;
        }
        let natural = self.takes(token::NATURAL);
        self.all |= natural;
        let side = matches!(self.token, token::LEFT | token::FULL);
        let joins = natural | side | (self.token == token::CROSS);
        if side {
            self.next();
            self.takes(token::OUTER);
        } else {
            self.takes(token::CROSS);
        }
        if !self.takes(token::JOIN) {
            if joins {
                self.fail();
            }
            return false;
        }
        self.reference();
        if self.takes(token::ON) {
            self.expression();
        } else if self.takes(token::USING) {
            self.columns(true);
        }
        true
    }

    /// A table, or a query in its place, and its alias.
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    fn reference(&mut self) {
        let is_query = self.takes(token::LATERAL) || self.token == token::OPEN;
        let is_table = if is_query {
            self.subquery();
            false
        } else {
            let is_table = self.table();
            // A function that gives a table.
            if self.token == token::OPEN {
                self.fail();
            }
            is_table
        };
        if self.takes(token::AS) || self.is_name() {
            let alias = self.name();
            if is_table {
                self.row(alias);
            }
        }
    }

    #[cfg_attr(target_arch = "wasm32", inline(never))]
    pub(super) fn order(&mut self) {
        self.expect(token::ORDER);
        self.expect(token::BY);
        loop {
            self.expression();
            self.takes(token::ASC);
            if self.takes(token::NULLS) {
                self.expect(token::FIRST);
            }
            if !self.takes(token::COMMA) {
                return;
            }
        }
    }

    #[cfg_attr(target_arch = "wasm32", inline(never))]
    pub(super) fn window(&mut self) {
        self.open();
        if self.takes(token::PARTITION) {
            self.expect(token::BY);
            self.list();
        }
        if self.token == token::ORDER {
            self.order();
        }
        if self.takes(token::ROWS) {
            let both = self.takes(token::BETWEEN);
            self.bound();
            if both {
                self.expect(token::AND);
                self.bound();
            }
        }
        self.close();
    }
}
