//! Expressions.

use super::parser::Parser;
use super::scan::Token;
use super::words::{WordKind, is_type, kind_of};
use super::{Node, Part, Read, UNREAD};
use crate::policy::Dialect;

impl Parser {
    pub(super) fn expressions(&mut self) -> Read<Vec<Node>> {
        Ok(self.several(|parser| Ok(parser.expression()?.0))?.concat())
    }

    pub(super) fn list(&mut self) -> Read<Vec<Node>> {
        self.in_brackets(Self::expressions)
    }

    pub(super) fn group(&mut self) -> Read<Vec<Node>> {
        self.in_brackets(|parser| {
            if parser.sees_one(&["select", "with"]) { Ok(vec![parser.query()?]) } else { parser.expressions() }
        })
    }

    /// What the expression reads, and whether it ends in a bare name.
    pub(super) fn expression(&mut self) -> Read<(Vec<Node>, bool)> {
        let mut nodes = Vec::new();
        let mut compared = false;
        loop {
            let (operand, mut bare) = if compared && self.servers() && self.takes_one(&["any", "some", "all"]) {
                (self.group()?, false)
            } else {
                self.operand()?
            };
            nodes.extend(operand);
            while let Some(suffix) = self.suffix()? {
                nodes.extend(suffix);
                bare = false;
            }
            if bare && self.sees("escape") {
                return Ok((nodes, bare));
            }
            compared = self.compares();
            match self.infix()? {
                Some(infix) => nodes.extend(infix),
                None => return Ok((nodes, bare)),
            }
        }
    }

    /// Whether an infix is next that ANY may follow.
    fn compares(&mut self) -> bool {
        let start = self.at;
        self.takes("not");
        let compares = match self.peek() {
            Some(Token::Operator(operator)) => !["+", "-", "*"].contains(&operator.as_str()),
            _ => {
                self.sees("like")
                    || self.sqlite() && self.sees("glob")
                    || self.postgres() && self.sees("ilike")
                    || self.mysql() && self.sees_one(&["rlike", "div", "mod", "xor"])
            }
        };
        self.at = start;
        compares
    }

    fn suffix(&mut self) -> Read<Option<Vec<Node>>> {
        let start = self.at;
        self.takes("not");
        if self.takes("in") && self.sees_sign("(") {
            return Ok(Some(self.group()?));
        }
        self.at = start;
        if self.takes("collate") {
            self.name1()?;
            return Ok(Some(Vec::new()));
        }
        if self.takes_sign("::") {
            self.type_name()?;
            return Ok(Some(Vec::new()));
        }
        if self.sees_sign("[") {
            return Ok(Some(self.index()?));
        }
        Ok(None)
    }

    fn index(&mut self) -> Read<Vec<Node>> {
        self.expect_sign("[")?;
        let nodes = self.deeper(|parser| if parser.sees_sign("]") { Ok(Vec::new()) } else { parser.expressions() })?;
        self.expect_sign("]")?;
        Ok(nodes)
    }

    fn infix(&mut self) -> Read<Option<Vec<Node>>> {
        let nothing = Ok(Some(Vec::new()));
        if let Some(Token::Operator(operator)) = self.peek() {
            if operator == "~" && !self.postgres() {
                return Ok(None);
            }
            self.at += 1;
            return nothing;
        }
        if self.takes_one(&["and", "or", "escape"]) {
            return nothing;
        }
        if self.takes("is") {
            self.takes("not");
            if self.takes("distinct") {
                self.expect("from")?;
            }
            return nothing;
        }
        if self.postgres() && self.takes("at") {
            self.expect("time")?;
            self.expect("zone")?;
            return nothing;
        }
        let negated = self.takes("not");
        if self.takes_one(&["like", "between"]) {
            return nothing;
        }
        if self.sqlite() && self.takes("glob") {
            return nothing;
        }
        if self.sqlite() && self.sees_one(&["match", "regexp"]) {
            let name = self.see_name().ok_or(UNREAD)?;
            self.at += 1;
            return Ok(Some(vec![Node::Function(name)]));
        }
        if self.postgres() && self.takes("ilike") {
            return nothing;
        }
        if self.postgres() && self.takes("similar") {
            self.expect("to")?;
            return nothing;
        }
        if self.mysql() && self.takes_one(&["rlike", "regexp", "div", "mod", "xor"]) {
            return nothing;
        }
        if self.servers() && self.takes("in") {
            return nothing;
        }
        if negated || self.sees("in") {
            return Err(UNREAD);
        }
        Ok(None)
    }

    /// What an operand reads, and whether it is a bare name.
    fn operand(&mut self) -> Read<(Vec<Node>, bool)> {
        while self.takes_operator(&["+", "-", "~"]) || self.takes("not") {}
        if self.sees_sign("(") {
            return Ok((self.group()?, false));
        }
        if self.takes_string() || self.number().is_ok() {
            return Ok((Vec::new(), false));
        }
        if self.peek() == Some(&Token::Star) {
            self.at += 1;
            return Ok((vec![Node::Everything], false));
        }
        if let Some(nodes) = self.special()? {
            return Ok((nodes, false));
        }
        if matches!(self.behind(), Some(Token::Sign("("))) {
            return Ok((self.call()?, false));
        }
        let parts = self.see_name().ok_or(UNREAD)?;
        if self.servers() && self.sees_one(&["date", "time", "timestamp"]) && self.behind() == Some(&Token::String) {
            self.at += 2;
            return Ok((Vec::new(), false));
        }
        self.at += 1;
        let last = parts.last().ok_or(UNREAD)?.clone();
        let bare = parts.len() == 1 && !last.quoted;
        Ok((vec![Node::Operand(last, parts.len() == 1)], bare))
    }

    fn special(&mut self) -> Read<Option<Vec<Node>>> {
        if self.takes("case") {
            let nodes = self.deeper(|parser| {
                let mut nodes = Vec::new();
                if !parser.sees("when") {
                    nodes.extend(parser.expression()?.0);
                }
                parser.expect("when")?;
                loop {
                    nodes.extend(parser.expression()?.0);
                    parser.expect("then")?;
                    nodes.extend(parser.expression()?.0);
                    if !parser.takes("when") {
                        break;
                    }
                }
                if parser.takes("else") {
                    nodes.extend(parser.expression()?.0);
                }
                Ok(nodes)
            })?;
            self.expect("end")?;
            return Ok(Some(nodes));
        }
        if self.takes("cast") {
            return Ok(Some(self.in_brackets(|parser| {
                let (nodes, _) = parser.expression()?;
                parser.expect("as")?;
                parser.type_name()?;
                Ok(nodes)
            })?));
        }
        if self.takes("exists") {
            return Ok(Some(self.subquery()?));
        }
        if self.takes_one(&["null", "true", "false"]) || self.servers() && self.takes("default") {
            return Ok(Some(Vec::new()));
        }
        let word = self.word().unwrap_or_default();
        let is_now = match word.as_str() {
            "current_role" | "session_user" | "system_user" | "user" => self.postgres(),
            _ => ["current_", "localtime", "utc_"].iter().any(|front| word.starts_with(front)),
        };
        if is_now && kind_of(&word, self.dialect) == WordKind::Hard {
            self.at += 1;
            if self.sees_sign("(") {
                self.in_brackets(|parser| Ok(parser.number().is_ok()))?;
            }
            return Ok(Some(vec![Node::Function(vec![Part { text: word, quoted: false }])]));
        }
        if self.servers() && self.takes("interval") {
            self.interval()?;
            return Ok(Some(Vec::new()));
        }
        if self.postgres() && self.takes("array") {
            return Ok(Some(if self.sees_sign("[") { self.index()? } else { self.subquery()? }));
        }
        Ok(None)
    }

    fn call(&mut self) -> Read<Vec<Node>> {
        let Some(Token::Path(name)) = self.peek().cloned() else { return Err(UNREAD) };
        let word = self.word().unwrap_or_default();
        let mut words = vec!["left", "right", "like", "between"];
        match self.dialect {
            Dialect::Sqlite => words.push("glob"),
            Dialect::Postgres => words.push("ilike"),
            Dialect::Mysql => words.extend(["rlike", "div", "mod", "xor"]),
            Dialect::Any => {}
        }
        let is_function = match self.see_name() {
            Some(parts) => parts.len() == 1 || self.postgres() && parts.len() == 2,
            None => words.contains(&word.as_str()) || kind_of(&word, self.dialect) == WordKind::Partial,
        };
        if !is_function {
            return Err(UNREAD);
        }
        self.at += 1;
        let is_unit = match word.as_str() {
            "extract" => self.servers(),
            "timestampdiff" | "timestampadd" => self.mysql(),
            _ => false,
        };
        let has_parts = is_unit
            || match word.as_str() {
                "substring" | "trim" => self.servers(),
                "substr" => self.mysql(),
                "overlay" => self.postgres(),
                _ => false,
            };
        let mut nodes = vec![Node::Function(name)];
        nodes.extend(self.in_brackets(|parser| parser.arguments(is_unit, has_parts))?);
        if self.postgres() && self.takes("within") {
            self.expect("group")?;
            nodes.extend(self.in_brackets(Self::order)?);
        }
        if (self.sqlite() || self.postgres()) && self.takes("filter") {
            nodes.extend(self.in_brackets(|parser| {
                parser.expect("where")?;
                Ok(parser.expression()?.0)
            })?);
        }
        if self.takes("over") {
            if self.sees_sign("(") {
                nodes.extend(self.window()?);
            } else {
                self.name1()?;
            }
        }
        Ok(nodes)
    }

    fn arguments(&mut self, is_unit: bool, has_parts: bool) -> Read<Vec<Node>> {
        if self.sees_sign(")") || self.takes_operator(&["*"]) {
            return Ok(Vec::new());
        }
        if is_unit {
            self.name1()?;
            if !self.takes("from") {
                self.expect_sign(",")?;
            }
        } else if self.servers() && self.takes_one(&["both", "leading", "trailing"]) {
            self.takes("from");
        } else {
            self.takes_one(&["all", "distinct"]);
        }
        let (mut nodes, _) = self.expression()?;
        while self.takes_sign(",") || has_parts && self.takes_one(&["from", "for"]) {
            nodes.extend(self.expression()?.0);
        }
        if self.sees("order") {
            nodes.extend(self.order()?);
        }
        if self.mysql() && self.takes("separator") && !self.takes_string() {
            return Err(UNREAD);
        }
        Ok(nodes)
    }

    fn sees_type_word(&self) -> bool {
        self.word().is_some_and(|word| is_type(&word, self.dialect))
    }

    fn type_name(&mut self) -> Read<()> {
        if !self.sees_type_word() {
            return Err(UNREAD);
        }
        while self.sees_type_word() {
            self.at += 1;
        }
        if self.sees_sign("(") {
            self.in_brackets(|parser| {
                parser.number()?;
                if parser.takes_sign(",") {
                    parser.number()?;
                }
                Ok(())
            })?;
        }
        if self.takes_one(&["with", "without"]) {
            self.expect("time")?;
            self.expect("zone")?;
        }
        while self.takes_sign("[") {
            self.expect_sign("]")?;
        }
        Ok(())
    }
}
