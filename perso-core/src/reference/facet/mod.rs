//! What can be read off a value: one file for each kind of text.
//!
//! Each reader goes through the text by the grammar of its documentation, and refuses what is not in it: so what is
//! read is what every other reader of the same text reads.

mod address;
mod clock;
mod command;
mod count;
mod email;
mod instant;
mod length;
mod name;
mod path;
mod scope;
mod shell;
mod special;
mod sql;
mod stop;
mod strings;
mod url;
mod windows_path;

use std::borrow::Cow;

use self::clock::Hand;
use self::stop::Stop;
use super::value::{Number, Value};
use crate::policy::{CommandField, Facet, StatementField, fold};

/// Why a value does not have a facet.
pub type Why = Cow<'static, str>;

/// The facet of a string.
///
/// # Errors
/// Why the string has none.
///
/// ```
/// use perso_core::policy::Facet;
/// use perso_core::reference::{Value, facet};
/// assert_eq!(facet::read(Facet::Host, "https://Acme.com/"), Ok(Value::String("acme.com".to_owned())));
/// assert!(facet::read(Facet::Host, "https://acme.com@evil.example/").is_err());
/// ```
pub fn read(facet: Facet, text: &str) -> Result<Value, Why> {
    let string = |text: String| Value::String(text);
    let read = match facet {
        Facet::Length => Ok(length::of_string(text)),
        Facet::Count => Err("not a list"),
        Facet::Scheme => url::read(text).map(|url| string(url.scheme)),
        Facet::Host => url::read(text).map(|url| string(url.host.text())),
        Facet::Port => url::read(text).map(|url| Value::Number(Number::new(&url.port.to_string()))),
        Facet::UrlPath => url::read(text).and_then(|url| url.path()).map(|path| string(path.to_owned())),
        Facet::Private => url::read(text).map(|url| Value::Bool(special::is_special(&url.host))),
        Facet::Query => url::read(text).map(|url| Value::Bool(url.has_query)),
        Facet::Domain => email::domain(text).map(string),
        Facet::Path => path::read(text).map(string),
        Facet::WindowsPath => windows_path::read(text).map(string),
        Facet::Address => address::read(text).map(string),
        Facet::Program => command::read(text).map(|(program, _)| string(program)),
        Facet::Instant => instant::read(text),
        Facet::Weekday(zone) => clock::read(Hand::Weekday, zone, &string(text.to_owned())),
        Facet::TimeOfDay(zone) => clock::read(Hand::Time, zone, &string(text.to_owned())),
        Facet::Date(zone) => clock::read(Hand::Date, zone, &string(text.to_owned())),
        Facet::Folded => Ok(string(fold(text))),
        Facet::Segment => path::segment(text).map(string),
        Facet::AnyPath => path::any(text).map(string),
        // They depend on more than the value: see `Env::find`.
        Facet::Age => Err("not a time"),
        Facet::Sum(_) => Err("not a list"),
        Facet::Strings => Err("not an object"),
        Facet::Shell => {
            return shell::read(text).map(|line| commands(&line)).map_err(|stop| {
                let why = stop.show(text);
                Cow::Owned(format!("not a line of shell commands that can be read: {why}"))
            });
        }
        Facet::Command(_) => Err("not a command"),
        Facet::Sql(dialect) => {
            return sql::read(text, dialect).map(statement).map_err(|stop| {
                let why = stop.show(text);
                Cow::Owned(format!("not a statement of SQL that can be read: {why}"))
            });
        }
        Facet::Statement(_) => Err("not a statement"),
        Facet::Scope => scope::read(text).map(|words| Value::List(words.into_iter().map(string).collect())),
        Facet::Words => {
            command::read(text).map(|(_, arguments)| Value::List(arguments.into_iter().map(string).collect()))
        }
    };
    read.map_err(Cow::Borrowed)
}

/// The commands of a line, as objects.
fn commands(line: &shell::Line) -> Value {
    let texts = |words: &shell::Words| {
        let unknown = Value::Unknown { several: !words.exact };
        Value::List(words.texts.iter().map(|text| text.clone().map_or(unknown.clone(), Value::String)).collect())
    };
    let command = |command: &shell::Command| {
        let field = |field: CommandField| match field {
            CommandField::Program => Value::String(command.program.clone()),
            CommandField::Words => texts(&command.words),
            CommandField::Args => texts(&command.args),
            CommandField::Env => texts(&command.env),
            CommandField::Writes => texts(&command.writes),
            CommandField::Reads => texts(&command.reads),
        };
        Value::Object(CommandField::ALL.iter().map(|name| (name.name().to_owned(), field(*name))).collect())
    };
    Value::List(line.commands.iter().map(command).collect())
}

/// A statement, as an object.
fn statement(statement: sql::Statement) -> Value {
    let texts = |texts: Vec<String>| Some(Value::List(texts.into_iter().map(Value::String).collect()));
    let fields = [
        (StatementField::Statement, Some(Value::String(statement.statement.to_owned()))),
        (StatementField::Tables, texts(statement.tables)),
        (StatementField::Functions, texts(statement.functions)),
        (StatementField::Columns, texts(statement.columns)),
        (StatementField::Limit, statement.limit.map(|limit| Value::Number(Number::new(&limit.to_string())))),
    ];
    let member = |(field, value): (StatementField, Option<Value>)| value.map(|value| (field.name().to_owned(), value));
    Value::Object(fields.into_iter().filter_map(member).collect())
}

/// The facet of a value, or why it has none.
pub(super) fn of(facet: Facet, value: &Value) -> Result<Value, Why> {
    let read = match (facet, value) {
        (Facet::Strings, value) => Ok(Value::List(strings::of(value))),
        (_, Value::String(text)) => return read(facet, text),
        (Facet::Count, Value::List(elements)) => Ok(count::of_list(elements)),
        (Facet::Count, _) => Err("not a list"),
        (Facet::Command(field), value) => value.member(field.name()).cloned().ok_or("not a command"),
        (Facet::Instant, Value::Number(_)) => Ok(value.clone()),
        (Facet::Weekday(_) | Facet::TimeOfDay(_) | Facet::Date(_), Value::Number(Number { value: None, .. })) => {
            Ok(value.clone())
        }
        (Facet::Weekday(zone), Value::Number(_)) => clock::read(Hand::Weekday, zone, value),
        (Facet::TimeOfDay(zone), Value::Number(_)) => clock::read(Hand::Time, zone, value),
        (Facet::Date(zone), Value::Number(_)) => clock::read(Hand::Date, zone, value),
        (Facet::Instant | Facet::Weekday(_) | Facet::TimeOfDay(_) | Facet::Date(_), _) => Err("not a time"),
        _ => Err("not a string"),
    };
    read.map_err(Cow::Borrowed)
}

/// A value of [`Facet::Address`], or what some begin with, as an author writes it.
pub(super) fn network(value: &str) -> String {
    address::network(value)
}
