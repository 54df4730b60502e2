//! Tokens.

use super::super::Stop;
use super::words::{WordKind, kind_of};
use super::{Part, Read, Refused, UNREAD};
use crate::policy::Dialect;

/// Some databases take it for an escape.
const BACKSLASH: &str = "a backslash in a string";

/// A token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// A name, or a word.
    Path(Vec<Part>),
    /// A name and `.*`.
    Star,
    /// A quoted text that is no name.
    Title,
    String,
    Number(String),
    Operator(String),
    Sign(&'static str),
}

pub(super) struct Scanner<'t> {
    text: &'t [u8],
    at: usize,
    dialect: Dialect,
}

impl<'t> Scanner<'t> {
    pub(super) fn new(text: &'t str, dialect: Dialect) -> Self {
        Self { text: text.as_bytes(), at: 0, dialect }
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.text.get(self.at + ahead).copied()
    }

    /// The tokens, each with the byte that it begins at.
    pub(super) fn tokens(mut self) -> Result<Vec<(usize, Token)>, Stop> {
        let mut tokens = Vec::new();
        while let Some(byte) = self.peek(0) {
            if matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
                self.at += 1;
            } else {
                let at = self.at;
                let token = self.token(byte).map_err(|Refused(why)| Stop { at, why })?;
                tokens.push((at, token));
            }
        }
        Ok(tokens)
    }

    fn token(&mut self, byte: u8) -> Read<Token> {
        if byte.is_ascii_alphabetic() || byte == b'_' || Some(byte) == self.name_quote() {
            return self.path();
        }
        if byte == b'\'' {
            return self.string();
        }
        if byte.is_ascii_digit() || byte == b'.' {
            return self.number();
        }
        if b"+-*/<>=~!@#%^&|?".contains(&byte) {
            return self.operator();
        }
        let postgres = self.dialect == Dialect::Postgres;
        let sign = match byte {
            b'(' => "(",
            b')' => ")",
            b',' => ",",
            b';' => ";",
            b'[' if postgres => "[",
            b']' if postgres => "]",
            b':' if postgres && self.peek(1) == Some(b':') => "::",
            b'"' | b'`' | b'[' => return Err(Refused("quotes that not every database of the dialect reads alike")),
            b'$' | b':' => return Err(Refused("a placeholder, or dollar quotes")),
            0x80.. => return Err(Refused("a name with other characters than letters of ASCII, digits and `_`")),
            _ => return Err(Refused("a character that no part of a statement has")),
        };
        self.at += sign.len();
        Ok(Token::Sign(sign))
    }

    fn name_quote(&self) -> Option<u8> {
        match self.dialect {
            Dialect::Sqlite | Dialect::Postgres => Some(b'"'),
            Dialect::Mysql => Some(b'`'),
            Dialect::Any => None,
        }
    }

    /// Nothing that is quoted follows directly.
    fn no_quote(&self) -> Read<()> {
        match self.peek(0) {
            Some(b'\'' | b'"' | b'`') => Err(Refused("quotes directly behind something else")),
            _ => Ok(()),
        }
    }

    fn path(&mut self) -> Read<Token> {
        let mut parts = Vec::new();
        loop {
            let first = self.peek(0).ok_or(UNREAD)?;
            let quoted = Some(first) == self.name_quote();
            let mut text = String::new();
            if quoted {
                self.at += 1;
                loop {
                    let byte = self.peek(0).ok_or(Refused("a quoted name without its end"))?;
                    self.at += 1;
                    if byte == first {
                        break;
                    }
                    if !(0x20..=0x7e).contains(&byte) || byte == b'\\' {
                        return Err(UNREAD);
                    }
                    text.push(byte.into());
                }
            } else {
                while let Some(byte) = self.peek(0).filter(|byte| byte.is_ascii_alphanumeric() || *byte == b'_') {
                    self.at += 1;
                    text.push(byte.into());
                }
            }
            self.no_quote()?;
            if !is_part(&text) {
                let lone = quoted && parts.is_empty() && !text.is_empty() && self.peek(0) != Some(b'.');
                return if lone { Ok(Token::Title) } else { Err(UNREAD) };
            }
            if text.len() > 63 {
                return Err(Refused("a name of more than 63 bytes"));
            }
            let is_name = quoted || kind_of(&text.to_ascii_lowercase(), self.dialect) == WordKind::Name;
            parts.push(Part { text, quoted });
            if parts.len() > 3 {
                return Err(UNREAD);
            }
            if self.peek(0) != Some(b'.') {
                return Ok(Token::Path(parts));
            }
            if parts.len() == 1 && !is_name {
                return Err(UNREAD);
            }
            self.at += 1;
            if self.peek(0) == Some(b'*') {
                self.at += 1;
                return Ok(Token::Star);
            }
        }
    }

    fn string(&mut self) -> Read<Token> {
        self.at += 1;
        loop {
            let byte = self.peek(0).ok_or(Refused("a string without its end"))?;
            let next = self.peek(1);
            self.at += 1;
            match byte {
                b'\'' if next == Some(b'\'') => self.at += 1,
                b'\'' => return Ok(Token::String),
                b'\\' => match self.dialect {
                    Dialect::Mysql | Dialect::Any => return Err(Refused(BACKSLASH)),
                    Dialect::Postgres if next == Some(b'\'') => return Err(Refused(BACKSLASH)),
                    _ => {}
                },
                b'\t' | b'\n' | b'\r' => {}
                0..=0x1f | 0x7f => return Err(Refused("a control character in a string")),
                _ => {}
            }
        }
    }

    fn digits(&mut self) -> String {
        let mut digits = String::new();
        while let Some(byte) = self.peek(0).filter(u8::is_ascii_digit) {
            self.at += 1;
            digits.push(byte.into());
        }
        digits
    }

    fn number(&mut self) -> Read<Token> {
        let mut number = self.digits();
        if self.peek(0) == Some(b'.') {
            self.at += 1;
            let behind = self.digits();
            if number.is_empty() && behind.is_empty() {
                return Err(UNREAD);
            }
            number = format!("{number}.{behind}");
        }
        if let Some(b'e' | b'E') = self.peek(0) {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek(0) {
                self.at += 1;
            }
            let exponent = self.digits();
            if exponent.is_empty() {
                return Err(UNREAD);
            }
            number = format!("{number}e{exponent}");
        }
        self.no_quote()?;
        match self.peek(0) {
            Some(byte) if byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.' => {
                Err(Refused("something directly behind a number"))
            }
            _ => Ok(Token::Number(number)),
        }
    }

    fn operator(&mut self) -> Read<Token> {
        let mut run = String::new();
        while let Some(byte) = self.peek(0).filter(|byte| b"+-*/<>=~!@#%^&|?".contains(byte)) {
            self.at += 1;
            run.push(byte.into());
        }
        if run.contains("--") || run.contains("/*") {
            return Err(Refused("a comment"));
        }
        if run.ends_with('&') {
            self.no_quote()?;
        }
        let mut known: Vec<&str> = "= < > <= >= <> != || + - * / % & | << >> ~ -> ->>".split(' ').collect();
        match self.dialect {
            Dialect::Sqlite => known.extend(["=="]),
            Dialect::Postgres => known.extend("^ && ~* !~ !~* @> <@ #> #>> @@".split(' ')),
            Dialect::Mysql => known.extend(["^", "&&", "<=>"]),
            Dialect::Any => {}
        }
        if known.contains(&run.as_str()) {
            return Ok(Token::Operator(run));
        }
        let sign = run.pop();
        let plain = run.chars().all(|c| "+-*/<>=".contains(c));
        if matches!(sign, Some('+' | '-')) && plain && known.contains(&run.as_str()) {
            self.at -= 1;
            return Ok(Token::Operator(run));
        }
        Err(Refused("an operator that is not read, a placeholder or a variable"))
    }
}

fn is_part(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with(|c: char| c.is_ascii_digit())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}
