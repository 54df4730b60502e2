//! Going through the tokens.

use super::scan::Token;
use super::words::{WordKind, kind_of};
use super::{Part, Read, Refused, UNREAD};
use crate::policy::Dialect;

pub(super) struct Parser {
    tokens: Vec<Token>,
    pub(super) at: usize,
    pub(super) dialect: Dialect,
    pub(super) depth: u32,
    /// The limit outside of all brackets.
    pub(super) limit: Option<u64>,
}

impl Parser {
    pub(super) fn new(tokens: Vec<Token>, dialect: Dialect) -> Self {
        Self { tokens, at: 0, dialect, depth: 0, limit: None }
    }

    pub(super) fn is(&self, dialects: &[Dialect]) -> bool {
        dialects.contains(&self.dialect)
    }

    pub(super) fn sqlite(&self) -> bool {
        self.is(&[Dialect::Sqlite])
    }

    pub(super) fn postgres(&self) -> bool {
        self.is(&[Dialect::Postgres])
    }

    pub(super) fn mysql(&self) -> bool {
        self.is(&[Dialect::Mysql])
    }

    /// PM.
    pub(super) fn servers(&self) -> bool {
        self.postgres() || self.mysql()
    }

    pub(super) fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    pub(super) fn behind(&self) -> Option<&Token> {
        self.tokens.get(self.at + 1)
    }

    /// The word that is next, small.
    pub(super) fn word(&self) -> Option<String> {
        match self.peek()? {
            Token::Path(parts) => match parts.as_slice() {
                [Part { text, quoted: false }] => Some(text.to_ascii_lowercase()),
                _ => None,
            },
            _ => None,
        }
    }

    pub(super) fn sees(&self, word: &str) -> bool {
        self.word().as_deref() == Some(word)
    }

    pub(super) fn sees_one(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.sees(word))
    }

    pub(super) fn takes(&mut self, word: &str) -> bool {
        self.takes_one(&[word])
    }

    pub(super) fn takes_one(&mut self, words: &[&str]) -> bool {
        let sees = self.sees_one(words);
        if sees {
            self.at += 1;
        }
        sees
    }

    pub(super) fn expect(&mut self, word: &str) -> Read<()> {
        if self.takes(word) { Ok(()) } else { Err(UNREAD) }
    }

    pub(super) fn sees_sign(&self, sign: &str) -> bool {
        matches!(self.peek(), Some(Token::Sign(seen)) if *seen == sign)
    }

    pub(super) fn takes_sign(&mut self, sign: &str) -> bool {
        let sees = self.sees_sign(sign);
        if sees {
            self.at += 1;
        }
        sees
    }

    pub(super) fn expect_sign(&mut self, sign: &str) -> Read<()> {
        if self.takes_sign(sign) { Ok(()) } else { Err(UNREAD) }
    }

    pub(super) fn sees_operator(&self, operators: &[&str]) -> bool {
        matches!(self.peek(), Some(Token::Operator(seen)) if operators.contains(&seen.as_str()))
    }

    pub(super) fn takes_operator(&mut self, operators: &[&str]) -> bool {
        let sees = self.sees_operator(operators);
        if sees {
            self.at += 1;
        }
        sees
    }

    /// The parts of the name that is next.
    pub(super) fn see_name(&self) -> Option<Vec<Part>> {
        let Some(Token::Path(parts)) = self.peek() else { return None };
        if let Some(word) = self.word()
            && kind_of(&word, self.dialect) != WordKind::Name
        {
            return None;
        }
        Some(parts.clone())
    }

    pub(super) fn see_name1(&self) -> Option<Part> {
        match self.see_name()?.as_slice() {
            [part] => Some(part.clone()),
            _ => None,
        }
    }

    pub(super) fn name1(&mut self) -> Read<Part> {
        let part = self.see_name1().ok_or(UNREAD)?;
        self.at += 1;
        Ok(part)
    }

    pub(super) fn name2(&mut self) -> Read<Vec<Part>> {
        let parts = self.see_name().filter(|parts| parts.len() <= 2).ok_or(UNREAD)?;
        self.at += 1;
        Ok(parts)
    }

    pub(super) fn number(&mut self) -> Read<String> {
        match self.peek() {
            Some(Token::Number(number)) => {
                let number = number.clone();
                self.at += 1;
                Ok(number)
            }
            _ => Err(UNREAD),
        }
    }

    pub(super) fn takes_string(&mut self) -> bool {
        let sees = self.peek() == Some(&Token::String);
        if sees {
            self.at += 1;
        }
        sees
    }

    pub(super) fn deeper<T>(&mut self, inside: impl FnOnce(&mut Self) -> Read<T>) -> Read<T> {
        self.depth += 1;
        if self.depth > 32 {
            return Err(Refused("more than 32 brackets and `CASE` in one another"));
        }
        let inside = inside(self)?;
        self.depth -= 1;
        Ok(inside)
    }

    pub(super) fn in_brackets<T>(&mut self, inside: impl FnOnce(&mut Self) -> Read<T>) -> Read<T> {
        self.expect_sign("(")?;
        let inside = self.deeper(inside)?;
        self.expect_sign(")")?;
        Ok(inside)
    }

    /// One or more, with commas.
    pub(super) fn several<T>(&mut self, mut one: impl FnMut(&mut Self) -> Read<T>) -> Read<Vec<T>> {
        let mut all = vec![one(self)?];
        while self.takes_sign(",") {
            all.push(one(self)?);
        }
        Ok(all)
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.at == self.tokens.len()
    }
}
