//! JSON text to a tree with places.
//!
//! `jsonc-parser` does the reading, with everything that is not JSON switched off. What it stays lax about (white space
//! that JSON does not have, control characters in strings), or leaves to its caller (size, depth, duplicate keys), is
//! looked at here, before it recurses.

use std::borrow::Cow;
use std::collections::HashMap;

use jsonc_parser::ast::{ObjectPropName, Value};
use jsonc_parser::common::Range;
use jsonc_parser::errors::ParseErrorKind;
use jsonc_parser::{CollectOptions, ParseOptions, ParseStringErrorKind};

use super::Spanned;
use crate::diagnostic::{Code, Diagnostic, Diagnostics, quoted};
use crate::span::Span;

/// The longest policy text, in bytes.
pub(crate) const MAX_TEXT: usize = 32 << 20;
/// How deep lists and objects may be nested in a policy text.
pub(crate) const MAX_DEPTH: usize = 128;
/// The most values in a policy text.
pub(crate) const MAX_VALUES: usize = 4_000_000;

/// A JSON value.
#[derive(Debug, Clone)]
pub(crate) struct Node<'t> {
    pub(crate) span: Span,
    pub(crate) kind: Kind<'t>,
}

#[derive(Debug, Clone)]
pub(crate) enum Kind<'t> {
    Null,
    Bool(bool),
    /// As it is written.
    Number(&'t str),
    String(Cow<'t, str>),
    List(Vec<Node<'t>>),
    Object(Vec<Member<'t>>),
}

/// One key of an object; no two are equal.
#[derive(Debug, Clone)]
pub(crate) struct Member<'t> {
    pub(crate) key: Spanned<Cow<'t, str>>,
    pub(crate) value: Node<'t>,
}

impl Node<'_> {
    /// Whether it means the same as another value: places and the order of keys do not count. Numbers count as written.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        match (&self.kind, &other.kind) {
            (Kind::Null, Kind::Null) => true,
            (Kind::Bool(one), Kind::Bool(other)) => one == other,
            (Kind::Number(one), Kind::Number(other)) => one == other,
            (Kind::String(one), Kind::String(other)) => one == other,
            (Kind::List(one), Kind::List(other)) => {
                one.len() == other.len() && one.iter().zip(other).all(|(one, other)| one.is_same(other))
            }
            (Kind::Object(one), Kind::Object(other)) => {
                let values: HashMap<&str, &Node<'_>> =
                    other.iter().map(|member| (member.key.value.as_ref(), &member.value)).collect();
                let has = |member: &Member<'_>| {
                    values.get(member.key.value.as_ref()).is_some_and(|value| member.value.is_same(value))
                };
                one.len() == other.len() && one.iter().all(has)
            }
            _ => false,
        }
    }

    /// How many values it consists of.
    pub(crate) fn count(&self) -> usize {
        1 + match &self.kind {
            Kind::List(elements) => elements.iter().map(Node::count).sum(),
            Kind::Object(members) => members.iter().map(|member| member.value.count()).sum(),
            _ => 0_usize,
        }
    }

    /// Moves every place in it.
    fn shift(&mut self, by: usize) {
        self.span = self.span.shifted(by);
        match &mut self.kind {
            Kind::List(elements) => elements.iter_mut().for_each(|element| element.shift(by)),
            Kind::Object(members) => {
                for member in members {
                    member.key.span = member.key.span.shifted(by);
                    member.value.shift(by);
                }
            }
            _ => {}
        }
    }

    /// What it is, for messages.
    pub(crate) fn describe(&self) -> &'static str {
        match self.kind {
            Kind::Null => "null",
            Kind::Bool(_) => "a boolean",
            Kind::Number(_) => "a number",
            Kind::String(_) => "a string",
            Kind::List(_) => "a list",
            Kind::Object(_) => "an object",
        }
    }
}

/// Reads a text. One that is not JSON gives one error; duplicate keys give one each, and the first is kept.
pub(crate) fn parse<'t>(text: &'t str, diagnostics: &mut Diagnostics) -> Option<Node<'t>> {
    match scan(text).and_then(|()| read(text)) {
        Ok(value) => Some(convert(value, diagnostics)),
        Err(error) => {
            diagnostics.push(*error);
            None
        }
    }
}

/// Reads a text that is a part of a longer one, and begins at `start` in it: places are those in the longer text.
pub(crate) fn parse_at<'t>(text: &'t str, start: usize, diagnostics: &mut Diagnostics) -> Option<Node<'t>> {
    if start == 0 {
        return parse(text, diagnostics);
    }
    let mut own = Diagnostics::default();
    let mut root = parse(text, &mut own);
    if let Some(root) = &mut root {
        root.shift(start);
    }
    own.finish().into_iter().for_each(|finding| diagnostics.push(finding.shifted(start)));
    root
}

type Scan<T> = Result<T, Box<Diagnostic>>;

fn error<T>(span: Span, message: impl Into<String>, help: Option<&str>) -> Scan<T> {
    Err(Box::new(Diagnostic::new(Code::Json, span, message).maybe_help(help.map(str::to_owned))))
}

fn limit<T>(span: Span, message: String) -> Scan<T> {
    Err(Box::new(Diagnostic::new(Code::Limit, span, message)))
}

/// What the parser would let pass, or would recurse into too deeply, or would spend too much memory on.
fn scan(text: &str) -> Scan<()> {
    if text.len() > MAX_TEXT {
        return limit(
            Span::default(),
            format!("the text is {} bytes long; at most {MAX_TEXT} are allowed", text.len()),
        );
    }
    let (mut depth, mut values, mut in_string, mut escaped) = (0_usize, 0_usize, false, false);
    for (at, byte) in text.bytes().enumerate() {
        let here = Span { start: at, end: at + 1 };
        if in_string {
            match byte {
                _ if byte < 0x20 => {
                    let help =
                        if byte == b'\n' { "is the closing quote missing?" } else { "write it as an escape sequence" };
                    return error(here, format!("control character (U+{byte:04X}) in a string"), Some(help));
                }
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_string = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'{' | b'[' => {
                (depth, values) = (depth + 1, values + 1);
                if depth > MAX_DEPTH {
                    return limit(here, format!("nested more than {MAX_DEPTH} levels deep"));
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            b',' | b':' => values += 1,
            b'/' => {
                return error(here, "comments are not allowed in JSON", Some("use `description` or `reason` instead"));
            }
            b'\'' => return error(here, "strings must be in double quotes", None),
            b' ' | b'\t' | b'\n' | b'\r' | 0x21..0x7f => {}
            _ => {
                let char = text.get(at..).and_then(|rest| rest.chars().next()).unwrap_or('\0');
                let span = Span { start: at, end: at + char.len_utf8() };
                let what = if char == '\u{feff}' { "byte order mark" } else { "character" };
                return error(span, format!("unexpected {what} (U+{:04X})", u32::from(char)), None);
            }
        }
        if values > MAX_VALUES {
            return limit(here, format!("the text has more than {MAX_VALUES} values"));
        }
    }
    Ok(())
}

/// Strict JSON, by `jsonc-parser`.
fn read(text: &str) -> Scan<Value<'_>> {
    let strict = ParseOptions {
        allow_comments: false,
        allow_loose_object_property_names: false,
        allow_trailing_commas: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    };
    match jsonc_parser::parse_to_ast(text, &CollectOptions::default(), &strict) {
        Ok(parsed) => match parsed.value {
            Some(value) => Ok(value),
            None => error(Span { start: text.len(), end: text.len() }, "the text is empty", None),
        },
        Err(problem) => {
            let (message, help) = explain(problem.kind());
            error(span(problem.range()), message, help)
        }
    }
}

/// The parser's errors in this project's words.
fn explain(kind: &ParseErrorKind) -> (&'static str, Option<&'static str>) {
    use ParseErrorKind as Kind;
    match kind {
        Kind::CommentsNotAllowed | Kind::UnterminatedCommentBlock => ("comments are not allowed in JSON", None),
        Kind::TrailingCommasNotAllowed => ("trailing comma", Some("remove it")),
        Kind::ExpectedComma => ("missing comma", None),
        Kind::ExpectedColonAfterObjectKey => ("missing colon after a key", None),
        Kind::ExpectedObjectValue => ("missing value for a key", None),
        Kind::ExpectedStringObjectProperty | Kind::UnexpectedTokenInObject => {
            ("expected a key", Some("keys must be strings in double quotes"))
        }
        Kind::MultipleRootJsonValues => ("unexpected text after the end of the JSON", None),
        Kind::SingleQuotedStringsNotAllowed => ("strings must be in double quotes", None),
        Kind::HexadecimalNumbersNotAllowed
        | Kind::NonFiniteNumbersNotAllowed
        | Kind::UnaryPlusNumbersNotAllowed
        | Kind::BareDecimalPointNumbersNotAllowed
        | Kind::ExpectedDigit
        | Kind::ExpectedDigitFollowingNegativeSign
        | Kind::ExpectedPlusMinusOrDigitInNumberLiteral => ("not a valid JSON number", None),
        Kind::UnterminatedArray => ("unclosed list", Some("add the missing `]`")),
        Kind::UnterminatedObject => ("unclosed object", Some("add the missing `}`")),
        Kind::NestingDepthExceeded => ("nested too deeply", None),
        Kind::UnexpectedWord => ("not a valid JSON value", Some("strings must be in double quotes")),
        Kind::UnexpectedCloseBrace => ("unmatched `}`", None),
        Kind::UnexpectedCloseBracket => ("unmatched `]`", None),
        Kind::UnexpectedComma => ("expected a value, found a comma", None),
        Kind::UnexpectedColon => ("expected a value, found a colon", None),
        Kind::UnexpectedToken => ("not valid JSON", None),
        Kind::String(ParseStringErrorKind::UnterminatedStringLiteral) => ("unterminated string", None),
        Kind::String(ParseStringErrorKind::InvalidUnicodeEscapeSequence(_)) => {
            ("invalid Unicode escape", Some("surrogates must come in pairs"))
        }
        Kind::String(_) => ("invalid escape sequence", None),
    }
}

fn span(range: Range) -> Span {
    Span { start: range.start, end: range.end }
}

/// The parser's tree in this project's form. The nesting is bounded by then.
fn convert<'t>(value: Value<'t>, diagnostics: &mut Diagnostics) -> Node<'t> {
    match value {
        Value::NullKeyword(null) => Node { span: span(null.range), kind: Kind::Null },
        Value::BooleanLit(bool) => Node { span: span(bool.range), kind: Kind::Bool(bool.value) },
        Value::NumberLit(number) => Node { span: span(number.range), kind: Kind::Number(number.value) },
        Value::StringLit(string) => Node { span: span(string.range), kind: Kind::String(string.value) },
        Value::Array(list) => {
            let elements = list.elements.into_iter().map(|element| convert(element, diagnostics)).collect();
            Node { span: span(list.range), kind: Kind::List(elements) }
        }
        Value::Object(object) => {
            let mut seen = HashMap::new();
            let mut members: Vec<Member<'t>> = Vec::with_capacity(object.properties.len());
            for property in object.properties {
                let (key, key_span) = match property.name {
                    ObjectPropName::String(name) => (name.value, span(name.range)),
                    ObjectPropName::Word(name) => (Cow::Borrowed(name.value), span(name.range)),
                };
                let value = convert(property.value, diagnostics);
                if let Some(first) = seen.insert(key.clone(), key_span) {
                    let message = format!("duplicate key {} in an object", quoted(&key));
                    diagnostics
                        .push(Diagnostic::new(Code::Duplicate, key_span, message).label(first, "first used here"));
                    seen.insert(key, first);
                } else {
                    members.push(Member { key: Spanned { value: key, span: key_span }, value });
                }
            }
            Node { span: span(object.range), kind: Kind::Object(members) }
        }
    }
}

#[cfg(test)]
mod tests;
