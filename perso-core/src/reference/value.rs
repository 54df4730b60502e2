//! The values of a call.

use jsonc_parser::ast;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};

use super::call::Unreadable;
use crate::policy::{Decimal, Type};

/// How deep values may nest; what the JSON reader allows too.
const DEPTH: usize = 512;

/// A JSON value, exactly as the call says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Number(Number),
    /// A string.
    String(String),
    /// A list.
    List(Vec<Value>),
    /// An object: its members in order, a key that occurs twice included twice.
    Object(Vec<(String, Value)>),
    /// What is only known later, and no call says: an element of what is read off a shell line.
    Unknown {
        /// Whether it may be any number of elements.
        several: bool,
    },
}

/// A number as written, and what it is worth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Number {
    /// As written.
    pub text: String,
    /// The exact value; `None` where it is out of range.
    pub value: Option<Decimal>,
}

impl Number {
    /// Takes the text of a JSON number.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self { text: text.to_owned(), value: Decimal::parse(text) }
    }
}

impl Value {
    /// Reads strict JSON.
    ///
    /// # Errors
    /// [`Unreadable::Malformed`] where the text is no JSON, [`Unreadable::Limit`] where it nests too deep.
    ///
    /// ```
    /// use perso_core::reference::Value;
    /// assert!(Value::read("[1, 2]").is_ok());
    /// assert!(Value::read("[1, 2,]").is_err());
    /// ```
    pub fn read(text: &str) -> Result<Self, Unreadable> {
        only_json_characters(text)?;
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
        match parse_to_ast(text, &CollectOptions::default(), &strict) {
            Ok(parsed) => parsed.value.map(Self::from_ast).ok_or_else(|| Unreadable::malformed("the text is empty")),
            Err(error) if matches!(error.kind(), jsonc_parser::errors::ParseErrorKind::NestingDepthExceeded) => {
                Err(too_deep())
            }
            Err(error) => Err(Unreadable::malformed(error.to_string().to_lowercase())),
        }
    }

    /// Takes a value that Rust code built. A number is what its text says.
    ///
    /// # Errors
    /// [`Unreadable::Limit`] where it nests too deep.
    pub fn from_json(value: &serde_json::Value) -> Result<Self, Unreadable> {
        Self::from_json_at(value, 0)
    }

    fn from_json_at(value: &serde_json::Value, depth: usize) -> Result<Self, Unreadable> {
        if depth > DEPTH {
            return Err(too_deep());
        }
        Ok(match value {
            serde_json::Value::Null => Self::Null,
            serde_json::Value::Bool(value) => Self::Bool(*value),
            serde_json::Value::Number(number) => Self::Number(Number::new(&number.to_string())),
            serde_json::Value::String(text) => Self::String(text.clone()),
            serde_json::Value::Array(elements) => {
                let elements = elements.iter().map(|element| Self::from_json_at(element, depth + 1));
                Self::List(elements.collect::<Result<_, _>>()?)
            }
            serde_json::Value::Object(members) => {
                let members =
                    members.iter().map(|(key, value)| Ok((key.clone(), Self::from_json_at(value, depth + 1)?)));
                Self::Object(members.collect::<Result<_, _>>()?)
            }
        })
    }

    fn from_ast(value: ast::Value<'_>) -> Self {
        match value {
            ast::Value::NullKeyword(_) => Self::Null,
            ast::Value::BooleanLit(literal) => Self::Bool(literal.value),
            ast::Value::NumberLit(literal) => Self::Number(Number::new(literal.value)),
            ast::Value::StringLit(literal) => Self::String(literal.value.into_owned()),
            ast::Value::Array(list) => Self::List(list.elements.into_iter().map(Self::from_ast).collect()),
            ast::Value::Object(object) => {
                let members = object.properties.into_iter();
                Self::Object(members.map(|member| (member.name.into_string(), Self::from_ast(member.value))).collect())
            }
        }
    }

    /// How many levels of lists and objects there are.
    pub(super) fn depth(&self) -> usize {
        match self {
            Self::List(elements) => 1 + elements.iter().map(Self::depth).max().unwrap_or(0),
            Self::Object(members) => 1 + members.iter().map(|(_, value)| value.depth()).max().unwrap_or(0),
            _ => 0,
        }
    }

    /// The type that the `type` operator names.
    #[must_use]
    pub fn kind(&self) -> Type {
        match self {
            Self::Null => Type::Null,
            Self::Bool(_) => Type::Boolean,
            Self::Number(_) => Type::Number,
            // It is a text that is not known yet.
            Self::String(_) | Self::Unknown { .. } => Type::String,
            Self::List(_) => Type::List,
            Self::Object(_) => Type::Object,
        }
    }

    /// The first member of an object that has this key; `None` also for what is no object.
    #[must_use]
    pub fn member(&self, key: &str) -> Option<&Value> {
        match self {
            Self::Object(members) => members.iter().find(|(name, _)| name == key).map(|(_, value)| value),
            _ => None,
        }
    }
}

fn too_deep() -> Unreadable {
    Unreadable::Limit(format!("values nest deeper than {DEPTH}"))
}

/// The JSON reader takes white space that is not JSON's, and control characters in strings: those are refused here.
fn only_json_characters(text: &str) -> Result<(), Unreadable> {
    let mut in_string = false;
    let mut escaped = false;
    for c in text.chars() {
        if in_string {
            if c < ' ' {
                return Err(Unreadable::malformed("a control character in a string must be escaped"));
            }
            in_string = escaped || c != '"';
            escaped = !escaped && c == '\\';
        } else if c == '"' {
            in_string = true;
        } else if !c.is_ascii() || (c < ' ' && !matches!(c, '\t' | '\n' | '\r')) {
            return Err(Unreadable::malformed("a character outside of strings is none of JSON's"));
        }
    }
    Ok(())
}
