//! Tokens: names, strings, numbers, operators and signs.

use super::words::{self, class, is};
use super::{dialect, token, Reader, Span, DEPTH, PART};

impl Reader<'_, '_> {
    /// The next byte; 0 at the end.
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    pub(super) fn peek(&self) -> u8 {
        self.text.get(self.at).copied().unwrap_or_default()
    }

    /// Whether the next byte is in a class.
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    pub(super) fn sees(&self, class: u8) -> bool {
        is(self.peek(), class)
    }

    /// Goes behind the bytes of a class, and tells how many there were.
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    fn skip(&mut self, class: u8) -> usize {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let length = rest.iter().take_while(|byte| is(**byte, class)).count();
        self.at += length;
        length
    }

    pub(super) fn slice(&self, (start, end): Span) -> &[u8] {
        self.text.get(start..end).unwrap_or_default()
    }

    /// The token, as it is written.
    pub(super) fn span(&self) -> Span {
        (self.start, self.at)
    }

    /// Refuses the text.
    pub(super) fn fail(&mut self) {
        self.token = token::BAD;
    }

    /// Goes to the next token.
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    pub(super) fn next(&mut self) {
        if self.token == token::BAD {
            return;
        }
        self.skip(class::BLANK);
        self.start = self.at;
        self.parts = 0;
        let byte = self.peek();
        self.token = match byte {
            _ if self.at == self.text.len() => token::END,
            b'\'' => self.string(),
            b'.' | b'0'..=b'9' => self.number(),
            b'(' | b')' | b',' | b';' => self.sign(byte),
            b'[' | b']' if self.dialect == dialect::POSTGRES => self.sign(byte),
            b':' if self.dialect == dialect::POSTGRES => {
                self.at += 1;
                if self.peek() == b':' {
                    self.sign(byte)
                } else {
                    token::BAD
                }
            }
            _ if self.begins_name() => self.path(),
            _ if is(byte, class::OPERATOR) => self.operator(),
            _ => token::BAD,
        };
    }

    fn sign(&mut self, sign: u8) -> u32 {
        self.at += 1;
        sign.into()
    }

    /// Whether a part of a name comes next, perhaps in quotes.
    fn begins_name(&self) -> bool {
        let quote = match self.dialect {
            dialect::MYSQL => b'`',
            dialect::SQLITE | dialect::POSTGRES => b'"',
            _ => b'_',
        };
        self.peek() == quote || self.sees(class::LETTER)
    }

    fn string(&mut self) -> u32 {
        let mut before = 0;
        loop {
            self.at += 1;
            let byte = self.peek();
            if byte == b'\'' {
                // Where the server takes `\` for an escape after all, the string goes on.
                if before == b'\\' && self.dialect == dialect::POSTGRES {
                    return token::BAD;
                }
                self.at += 1;
                if self.peek() != b'\'' {
                    return token::STRING;
                }
            } else if byte == b'\\' && self.dialect & dialect::MYSQL != 0
                || byte < 0x80 && !is(byte, class::PRINTABLE | class::BLANK)
            {
                return token::BAD;
            }
            before = byte;
        }
    }

    fn number(&mut self) -> u32 {
        let mut digits = self.skip(class::DIGIT);
        if self.peek() == b'.' {
            self.at += 1;
            digits += self.skip(class::DIGIT);
        }
        if self.peek() | 0x20 == b'e' && digits > 0 {
            self.at += 1;
            if matches!(self.peek(), b'+' | b'-') {
                self.at += 1;
            }
            digits = self.skip(class::DIGIT);
        }
        if digits == 0 || self.sees(class::WORD | class::QUOTE) || self.peek() == b'.' {
            return token::BAD;
        }
        token::NUMBER
    }

    fn operator(&mut self) -> u32 {
        self.skip(class::OPERATOR);
        let run = self.slice(self.span());
        let comments = |pair: &[u8]| pair == b"--" || pair == b"/*";
        if run.windows(2).any(comments) || run.ends_with(b"&") && self.sees(class::QUOTE) {
            return token::BAD;
        }
        let known = self.known_operator(run);
        if known != token::BAD {
            return known;
        }
        // PostgreSQL ends an operator so, and the others have none that go on.
        match run {
            [rest @ .., b'+' | b'-'] if rest.iter().all(|byte| is(*byte, class::PLAIN)) => {
                let known = self.known_operator(rest);
                self.at -= 1;
                known
            }
            _ => token::BAD,
        }
    }

    #[cfg_attr(target_arch = "wasm32", inline(never))]
    fn known_operator(&self, run: &[u8]) -> u32 {
        match run {
            b"+" | b"-" => token::SIGN,
            [b'*' | b'=' | b'~'] => run.first().copied().unwrap_or_default().into(),
            _ if words::is_operator(run, self.dialect) => token::INFIX,
            _ => token::BAD,
        }
    }

    /// A name, or a word with a token of its own.
    fn path(&mut self) -> u32 {
        loop {
            self.part = self.at;
            self.parts += 1;
            let quote = self.peek();
            self.quoted = is(quote, class::QUOTE);
            if self.quoted {
                self.at += 1;
            }
            let is_part = self.sees(class::LETTER);
            let length = self.skip(class::WORD);
            if self.quoted {
                if self.peek() != quote || !is_part {
                    return self.title(quote);
                }
                self.at += 1;
            }
            if length > PART || self.parts > 3 || self.sees(class::QUOTE) {
                return token::BAD;
            }
            if self.peek() != b'.' {
                break;
            }
            if self.parts == 1 && self.word() >= token::HARD {
                return token::BAD;
            }
            self.at += 1;
            if self.peek() == b'*' {
                self.at += 1;
                return token::STAR;
            }
            if !self.begins_name() {
                return token::BAD;
            }
        }
        if self.parts > 1 {
            return token::NAME;
        }
        self.word()
    }

    /// The token of the first part of a name.
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    fn word(&self) -> u32 {
        if self.quoted {
            return token::NAME;
        }
        words::token(self.slice(self.span()), self.dialect)
    }

    /// A quoted text that is no name, from somewhere inside on.
    fn title(&mut self, quote: u8) -> u32 {
        while self.peek() != quote && self.peek() != b'\\' && self.sees(class::PRINTABLE) {
            self.at += 1;
        }
        let is_title = self.peek() == quote && self.parts == 1 && self.at > self.start + 1;
        self.at += 1;
        if !is_title || self.peek() == b'.' || self.sees(class::QUOTE) {
            return token::BAD;
        }
        token::TITLE
    }

    /// Whether that comes next; then it goes on.
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    pub(super) fn takes(&mut self, token: u32) -> bool {
        let takes = self.token == token;
        if takes {
            self.next();
        }
        takes
    }

    /// Goes on if that comes next, and fails if it does not.
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    pub(super) fn expect(&mut self, token: u32) {
        if !self.takes(token) {
            self.fail();
        }
    }

    /// Whether a name of one part comes next.
    pub(super) fn is_name(&self) -> bool {
        self.parts == 1 && (token::NAME..token::HARD).contains(&self.token)
    }

    /// Takes a name of one part.
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    pub(super) fn name(&mut self) -> Span {
        if !self.is_name() {
            self.fail();
        }
        let name = self.span();
        self.next();
        name
    }

    /// Goes on behind a name of one part, if there is one.
    pub(super) fn takes_name(&mut self) {
        if self.is_name() {
            self.next();
        }
    }

    #[cfg_attr(target_arch = "wasm32", inline(never))]
    pub(super) fn deeper(&mut self) {
        self.depth += 1;
        if self.depth > DEPTH {
            self.fail();
        }
    }

    #[cfg_attr(target_arch = "wasm32", inline(never))]
    pub(super) fn open(&mut self) {
        self.deeper();
        self.expect(token::OPEN);
    }

    #[cfg_attr(target_arch = "wasm32", inline(never))]
    pub(super) fn close(&mut self) {
        self.depth -= 1;
        self.expect(token::CLOSE);
    }
}
