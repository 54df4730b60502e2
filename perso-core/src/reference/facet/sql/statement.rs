//! Statements, queries and selections.

use super::parser::Parser;
use super::scan::Token;
use super::{Node, Part, Read, Refused, UNREAD};

impl Parser {
    pub(super) fn text(&mut self) -> Read<(&'static str, Vec<Node>)> {
        let (statement, nodes) = if self.sees("insert") {
            ("insert", self.insert()?)
        } else if self.sees("update") {
            ("update", self.update()?)
        } else if self.sees("delete") {
            ("delete", self.delete()?)
        } else if self.sees_one(&["select", "with"]) || self.sees_sign("(") {
            ("select", vec![self.query()?])
        } else {
            return Err(Refused("a statement that is not read"));
        };
        let ends = self.takes_sign(";");
        match self.is_at_end() {
            true => Ok((statement, nodes)),
            false if ends => Err(Refused("a second statement")),
            false => Err(UNREAD),
        }
    }

    fn insert(&mut self) -> Read<Vec<Node>> {
        self.expect("insert")?;
        self.expect("into")?;
        let mut nodes = vec![Node::Target(self.name2()?)];
        if self.sees_sign("(") {
            let columns = self.in_brackets(|parser| parser.several(Self::name1))?;
            nodes.extend(columns.into_iter().map(Node::Column));
        } else {
            nodes.push(Node::Everything);
        }
        if self.sees("select") {
            nodes.push(self.query()?);
        } else {
            self.expect("values")?;
            nodes.extend(self.several(Self::list)?.concat());
        }
        nodes.extend(self.returning()?);
        Ok(nodes)
    }

    fn update(&mut self) -> Read<Vec<Node>> {
        self.expect("update")?;
        let mut nodes = vec![Node::Target(self.name2()?)];
        self.expect("set")?;
        let sets = self.several(|parser| {
            let column = parser.name1()?;
            if !parser.takes_operator(&["="]) {
                return Err(UNREAD);
            }
            let mut nodes = vec![Node::Column(column)];
            nodes.extend(parser.expression()?.0);
            Ok(nodes)
        })?;
        nodes.extend(sets.concat());
        nodes.extend(self.which()?);
        Ok(nodes)
    }

    fn delete(&mut self) -> Read<Vec<Node>> {
        self.expect("delete")?;
        self.expect("from")?;
        let mut nodes = vec![Node::Target(self.name2()?)];
        nodes.extend(self.which()?);
        Ok(nodes)
    }

    fn which(&mut self) -> Read<Vec<Node>> {
        let mut nodes = Vec::new();
        if self.takes("where") {
            nodes.extend(self.expression()?.0);
        }
        if self.mysql() {
            nodes.extend(self.tail()?);
        }
        nodes.extend(self.returning()?);
        Ok(nodes)
    }

    fn returning(&mut self) -> Read<Vec<Node>> {
        if (self.sqlite() || self.postgres()) && self.takes("returning") {
            return self.items();
        }
        Ok(Vec::new())
    }

    pub(super) fn query(&mut self) -> Read<Node> {
        let (mut recursive, mut ctes) = (false, Vec::new());
        if self.takes("with") {
            recursive = self.takes("recursive");
            ctes = self.several(Self::common_table)?;
        }
        let mut body = self.part()?;
        while self.takes_one(&["union", "intersect", "except"]) {
            self.takes_one(&["all", "distinct"]);
            body.extend(self.part()?);
        }
        body.extend(self.tail()?);
        Ok(Node::Query { recursive: recursive || self.sqlite(), ctes, body })
    }

    fn common_table(&mut self) -> Read<(Part, Vec<Node>)> {
        let name = self.name1()?;
        if self.sees_sign("(") {
            self.in_brackets(|parser| parser.several(Self::name1))?;
        }
        self.expect("as")?;
        if self.sqlite() || self.postgres() {
            if self.takes("not") {
                self.expect("materialized")?;
            } else {
                self.takes("materialized");
            }
        }
        Ok((name, self.subquery()?))
    }

    pub(super) fn subquery(&mut self) -> Read<Vec<Node>> {
        self.in_brackets(|parser| Ok(vec![parser.query()?]))
    }

    fn part(&mut self) -> Read<Vec<Node>> {
        if self.servers() && self.sees_sign("(") { self.subquery() } else { self.select() }
    }

    fn tail(&mut self) -> Read<Vec<Node>> {
        let nodes = if self.sees("order") { self.order()? } else { Vec::new() };
        if self.takes("limit") {
            let mut limit = self.integer()?;
            if (self.sqlite() || self.mysql()) && self.takes_sign(",") {
                limit = self.integer()?;
            } else if self.takes("offset") {
                self.integer()?;
            }
            if self.depth == 0 {
                self.limit = Some(limit);
            }
        }
        Ok(nodes)
    }

    fn integer(&mut self) -> Read<u64> {
        let number = self.number()?;
        if number.len() > 18 {
            self.at -= 1;
            return Err(Refused("a limit of more than 18 digits"));
        }
        number.parse().map_err(|_| UNREAD)
    }

    fn select(&mut self) -> Read<Vec<Node>> {
        let mut nodes = Vec::new();
        self.expect("select")?;
        if !self.takes("all") && self.takes("distinct") && self.postgres() && self.takes("on") {
            nodes.extend(self.list()?);
        }
        if !(self.postgres() && self.sees("from")) {
            nodes.extend(self.items()?);
        }
        if self.takes("from") {
            nodes.extend(self.reference()?);
            loop {
                if self.takes_sign(",") {
                    nodes.extend(self.reference()?);
                } else if self.sees_one(&["natural", "cross", "inner", "left", "right", "join"]) || self.sees_full() {
                    nodes.extend(self.join()?);
                } else {
                    break;
                }
            }
        }
        if self.takes("where") {
            nodes.extend(self.expression()?.0);
        }
        if self.takes("group") {
            self.expect("by")?;
            nodes.extend(self.expressions()?);
            if self.mysql() && self.takes("with") {
                self.expect("rollup")?;
            }
        }
        if self.takes("having") {
            nodes.extend(self.expression()?.0);
        }
        if self.takes("window") {
            let windows = self.several(|parser| {
                parser.name1()?;
                parser.expect("as")?;
                parser.window()
            })?;
            nodes.extend(windows.concat());
        }
        Ok(nodes)
    }

    fn items(&mut self) -> Read<Vec<Node>> {
        Ok(self
            .several(|parser| {
                if parser.takes_operator(&["*"]) {
                    return Ok(vec![Node::Everything]);
                }
                let (nodes, bare) = parser.expression()?;
                if parser.takes("as") {
                    match parser.peek() {
                        Some(Token::Path(parts)) if parts.len() == 1 => {}
                        Some(Token::Title) => {}
                        Some(Token::String) if parser.sqlite() || parser.mysql() => {}
                        _ => return Err(UNREAD),
                    }
                    parser.at += 1;
                } else if !bare && parser.see_name1().is_some() {
                    parser.at += 1;
                }
                Ok(nodes)
            })?
            .concat())
    }

    fn reference(&mut self) -> Read<Vec<Node>> {
        let mut table = None;
        let mut nodes = Vec::new();
        if self.sees_sign("(") || self.servers() && self.takes("lateral") {
            nodes = self.subquery()?;
        } else {
            table = Some(self.name2()?);
            if self.sees_sign("(") {
                return Err(Refused("a function in place of a table"));
            }
        }
        let alias = if self.takes("as") || self.see_name1().is_some() { Some(self.name1()?) } else { None };
        if let Some(table) = table {
            nodes.push(Node::Reference(table, alias));
        }
        Ok(nodes)
    }

    fn sees_full(&self) -> bool {
        (self.sqlite() || self.postgres()) && self.sees("full")
    }

    fn join(&mut self) -> Read<Vec<Node>> {
        let mut nodes = Vec::new();
        if self.takes("natural") {
            nodes.push(Node::Everything);
        }
        if self.sees_one(&["left", "right"]) || self.sees_full() {
            self.at += 1;
            self.takes("outer");
        } else {
            self.takes_one(&["cross", "inner"]);
        }
        self.expect("join")?;
        nodes.extend(self.reference()?);
        if self.takes("on") {
            nodes.extend(self.expression()?.0);
        } else if self.takes("using") {
            let columns = self.in_brackets(|parser| parser.several(Self::name1))?;
            nodes.extend(columns.into_iter().map(Node::Column));
        }
        Ok(nodes)
    }

    pub(super) fn order(&mut self) -> Read<Vec<Node>> {
        self.expect("order")?;
        self.expect("by")?;
        let keys = self.several(|parser| {
            let (nodes, _) = parser.expression()?;
            parser.takes_one(&["asc", "desc"]);
            if (parser.sqlite() || parser.postgres()) && parser.takes("nulls") && !parser.takes_one(&["first", "last"])
            {
                return Err(UNREAD);
            }
            Ok(nodes)
        })?;
        Ok(keys.concat())
    }

    pub(super) fn window(&mut self) -> Read<Vec<Node>> {
        self.in_brackets(|parser| {
            let mut nodes = Vec::new();
            if parser.takes("partition") {
                parser.expect("by")?;
                nodes.extend(parser.expressions()?);
            }
            if parser.sees("order") {
                nodes.extend(parser.order()?);
            }
            if parser.takes_one(&["rows", "range", "groups"]) {
                let both = parser.takes("between");
                parser.bound()?;
                if both {
                    parser.expect("and")?;
                    parser.bound()?;
                }
            }
            Ok(nodes)
        })
    }

    fn bound(&mut self) -> Read<()> {
        if self.takes("current") {
            return self.expect("row");
        }
        if self.servers() && self.takes("interval") {
            self.interval()?;
        } else if !self.takes("unbounded") {
            self.number()?;
        }
        if self.takes_one(&["preceding", "following"]) { Ok(()) } else { Err(UNREAD) }
    }

    /// What follows INTERVAL.
    pub(super) fn interval(&mut self) -> Read<()> {
        if self.mysql() {
            self.takes_operator(&["+", "-"]);
        }
        let is_number = self.mysql() && self.number().is_ok();
        if !is_number && !self.takes_string() {
            return Err(UNREAD);
        }
        if self.see_name1().is_some() && !self.sees_one(&["preceding", "following"]) {
            self.at += 1;
        }
        Ok(())
    }
}
