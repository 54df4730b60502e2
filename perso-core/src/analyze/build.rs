//! Texts off which something can be read: URLs, paths, commands, statements, times. What is made here is only tried: that it reads
//! as it should is found out by reading it.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::numbers::number_value;
use super::space::{Kind, Way};
use crate::policy::{CommandField, Decimal, Facet, Policy, StatementField, Sum, Zone};
use crate::reference::alone::{self, Read};
use crate::reference::arithmetic::{floor, minus, plus};
use crate::reference::{Number, Value};

/// The most texts that are tried.
const MOST: usize = 1500;
/// The most ones that are added up.
const MOST_ONES: usize = 64;
/// Seconds of a day.
const DAY: i64 = 86_400;

/// What a facet that is a string can be, as an expression: at least all that it is of some text.
pub(super) fn grammar(facet: Facet) -> Option<&'static str> {
    Some(match facet {
        Facet::Scheme => "https?|wss?|ftp",
        Facet::Host => r"[a-z0-9_-]+(\.[a-z0-9_-]+)*\.?|\[[0-9a-f:.]+\]",
        Facet::Domain => r"[a-z0-9-]+(\.[a-z0-9-]+)*|\[.*\]",
        Facet::UrlPath | Facet::Path => r"/|(/[^/\x00-\x1f\\]+)+/?",
        Facet::WindowsPath => r"[a-z]:(/|(/[^/\x00-\x1f\\]+)*)|//[^/]+/[^/]+(/[^/]+)*",
        Facet::AnyPath => r"/?|/?[^/\x00-\x1f\\]+(/[^/\x00-\x1f\\]+)*/?",
        Facet::Segment => r"[^/\x00-\x1f\\]+",
        Facet::Program => "[A-Za-z0-9_@%+:,./-]+",
        Facet::Address => "4:[01]{32}|6:[01]{128}",
        Facet::Folded => "[^a-z]*",
        Facet::Statement(StatementField::Statement) => "select|insert|update|delete",
        _ => return None,
    })
}

/// What an element of a list of a command can be, as an expression.
pub(super) fn grammar_of_element(field: CommandField) -> Option<&'static str> {
    match field {
        CommandField::Env => Some("[A-Za-z_][A-Za-z0-9_]*"),
        _ => None,
    }
}

/// What a text matches off which a facet can be read, at least.
pub(super) fn form(facet: Facet) -> Option<&'static str> {
    Some(match facet {
        Facet::Scheme | Facet::Host | Facet::UrlPath | Facet::Port | Facet::Query | Facet::Private => {
            "(?i:https?|wss?|ftp)://[!-~]+"
        }
        Facet::Instant | Facet::Age | Facet::Weekday(_) | Facet::TimeOfDay(_) | Facet::Date(_) => {
            r"[0-9]{4}(-[0-9]{2}){2}T[0-9]{2}(:[0-9]{2}){2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})"
        }
        Facet::Domain => "[A-Za-z0-9_+][A-Za-z0-9#'+/=_.-]*@[A-Za-z0-9.-]+",
        Facet::Path => r"/[^\x00-\x1f\\]*",
        // One that is relative does not begin with a drive or a scheme.
        Facet::AnyPath => r"/[^\x00-\x1f\\]*|(\./)?[^/:\x00-\x1f\\]*(/[^\x00-\x1f\\]*)?",
        Facet::WindowsPath => r"[A-Za-z]:[/\\][ -~]*",
        Facet::Address => "[0-9A-Fa-f:.]+",
        Facet::Segment => r"[^/\x00-\x1f\\]+",
        Facet::Program | Facet::Words => "[A-Za-z0-9_@%+:,./-]+( [ -~]*)?",
        Facet::Scope => "([!-~]+( [!-~]+)*)?",
        // A word of a statement is followed by nothing that is part of it.
        Facet::Sql(_) => {
            r"[ \t\r\n(]*(?i:select|insert|update|delete|with)([^A-Za-z0-9_:.\x00-\x1f\x7f]|[ \t\r\n])[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*"
        }
        _ => return None,
    })
}

/// What a text matches if a facet of it matches this expression, at least.
pub(super) fn lift(facet: Facet, of: &str) -> Option<String> {
    // The comment of a verbose expression would not end.
    if of.contains("(?") && of.contains('#') {
        return None;
    }
    Some(match facet {
        Facet::Scheme => format!("(?i:{of})://.*"),
        // An IPv6 address has several notations.
        Facet::Host => format!(r"[^:]*://((?i:{of})(:[0-9]*)?([/?#].*)?|\[.*)"),
        Facet::UrlPath => format!("[^:]*://[^/?#]*((?:{of})|)([?#].*)?"),
        Facet::Domain => format!("[^@]*@(?i:{of})"),
        Facet::Path => format!("(?:{of})/?"),
        Facet::AnyPath => format!(r"(\./)?(?:{of})/?|\./?"),
        Facet::Program => format!("(?:{of})( .*)?"),
        // Exactly what has such a facet.
        Facet::Folded => format!("(?i:{of})"),
        _ => return None,
    })
}

/// A path and the next part of it, with one slash between them, as `within` joins them.
pub(super) fn join(path: &str, part: &str) -> String {
    let slash = if path.is_empty() || part.is_empty() || path.ends_with('/') { "" } else { "/" };
    format!("{path}{slash}{part}")
}

/// Whether a text is in a grammar.
pub(super) fn is_in(grammar: &str, text: &str) -> bool {
    alone::test(
        &crate::policy::Operator::Matches(crate::policy::Pattern::Regex(grammar.to_owned())),
        &[Some(&Value::String(text.to_owned()))],
    ) == Some(true)
}

/// Texts to try, made of the words that tests compare with.
pub(super) fn from_words(words: &[String], has_form: bool) -> Vec<String> {
    let mut texts: Vec<String> = words.to_vec();
    for word in words {
        for end in ["x", "/x", ".x", " x"] {
            texts.push(format!("{word}{end}"));
        }
        texts.push(format!("x{word}"));
        texts.push(format!("x{word}x"));
    }
    if words.len() <= 6 {
        for first in words {
            texts.extend(words.iter().filter(|other| *other != first).map(|second| format!("{first}{second}")));
        }
    }
    let plain: &[&str] = if has_form {
        &["x", "/x", "example.com", "https", "/", "select", "4:00000000000000000000000000000000", "someone@example.com"]
    } else {
        &["x", "", "y", "value"]
    };
    texts.extend(plain.iter().map(|text| (*text).to_owned()));
    texts
}

/// Texts that may be related as tests of two places ask: the same, longer and shorter.
pub(super) fn related(words: &[String]) -> Vec<String> {
    let mut texts: Vec<String> = words.to_vec();
    for word in words {
        texts.extend([format!("{word}x"), format!("{word}/x"), format!("x{word}"), format!("{word}y")]);
        texts.extend(words.iter().map(|other| format!("{word}{other}")));
    }
    texts.extend(["x", "y", "z", "/x", "/y", "/x/y", ""].map(str::to_owned));
    texts
}

pub(super) const fn is_time(facet: Facet) -> bool {
    matches!(facet, Facet::Instant | Facet::Age | Facet::Weekday(_) | Facet::TimeOfDay(_) | Facet::Date(_))
}

pub(super) fn whole(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => floor(number.value.as_ref()?),
        _ => None,
    }
}

/// Instants at which clocks and dates show what is asked, also on the days of these instants. Each zone has another midnight.
pub(super) fn instants(asked: &[(Facet, Vec<Value>)], near: &[i64], now: i64) -> Vec<i64> {
    let values = |is: fn(&Facet) -> bool| {
        let asked = asked.iter().filter(move |(facet, _)| is(facet));
        asked.flat_map(|(_, values)| values.iter().filter_map(whole)).collect::<Vec<i64>>()
    };
    let mut found = values(|facet| *facet == Facet::Instant);
    found.extend(values(|facet| *facet == Facet::Age).into_iter().map(|age| now.saturating_sub(age)));
    let mut days = values(|facet| matches!(facet, Facet::Date(_)));
    days.extend(found.iter().chain(near).map(|instant| instant.div_euclid(DAY)));
    days.push(now.div_euclid(DAY));
    days.dedup();
    days.truncate(16);
    let mut times = values(|facet| matches!(facet, Facet::TimeOfDay(_)));
    times.extend([0, DAY / 2, DAY - 1]);
    times.truncate(16);
    let mut zones: Vec<Zone> = asked.iter().filter_map(|(facet, _)| facet.zone()).collect();
    zones.sort_unstable();
    zones.dedup();
    let has_days =
        asked.iter().any(|(facet, _)| matches!(facet, Facet::Weekday(_) | Facet::TimeOfDay(_) | Facet::Date(_)));
    if has_days {
        for day in days.iter().flat_map(|day| (-2..7).map(move |step| day + step)) {
            let noon = day.saturating_mul(DAY).saturating_add(DAY / 2);
            let offsets = zones.iter().filter_map(|zone| offset(*zone, noon));
            for offset in offsets.collect::<BTreeSet<_>>() {
                found.extend(times.iter().map(|time| noon - DAY / 2 + time - offset));
            }
        }
    }
    found.truncate(MOST);
    if found.is_empty() {
        found.push(now);
    }
    found
}

/// From when to when clocks show something, at least.
pub(super) fn shown() -> Option<[Decimal; 2]> {
    Some([hours_into(-719_530, 0)?, hours_into(2_932_900, 0)?])
}

/// When a day begins by UTC, and so many hours later.
pub(super) fn hours_into(day: i64, hours: i64) -> Option<Decimal> {
    Decimal::parse(&day.saturating_mul(DAY).saturating_add(hours * 3600).to_string())
}

/// How many seconds the clock of a zone is ahead of that of UTC.
fn offset(zone: Zone, instant: i64) -> Option<i64> {
    let read = alone::facet(Facet::TimeOfDay(zone), &instant_number(instant), &Policy::empty(), None);
    let Read::Value(time) = read else { return None };
    let ahead = whole(&time)? - instant.rem_euclid(DAY);
    Some(if ahead > 14 * 3600 {
        ahead - DAY
    } else if ahead < -12 * 3600 {
        ahead + DAY
    } else {
        ahead
    })
}

/// An instant as a number.
pub(super) fn instant_number(seconds: i64) -> Value {
    Value::Number(Number::new(&seconds.to_string()))
}

/// What is read off a text: each facet with its kind, and with values that it may have.
pub(super) type Wanted = [(Facet, Kind, Vec<Option<Value>>)];

/// Texts to try, for what should be read off them.
pub(super) fn strings(wanted: &Wanted, instants: &[i64], literals: &[String]) -> Vec<String> {
    let mut texts = Vec::new();
    let of = |is: fn(&Facet) -> bool| -> Vec<&Value> {
        let wanted = wanted.iter().filter(|(facet, kind, _)| is(facet) && *kind != Kind::NoFacet);
        wanted.flat_map(|(_, _, values)| values.iter().flatten()).collect()
    };
    let has = |is: fn(&Facet) -> bool| wanted.iter().any(|(facet, kind, _)| is(facet) && *kind != Kind::NoFacet);
    let words = |values: &[&Value]| values.iter().filter_map(|value| text(value)).collect::<Vec<_>>();

    // What is read off these is the text itself, or nearly.
    let same = |facet: &Facet| {
        matches!(
            facet,
            Facet::Path | Facet::AnyPath | Facet::Segment | Facet::WindowsPath | Facet::Folded | Facet::Program
        )
    };
    texts.extend(words(&of(same)));
    if has(is_url) {
        texts.extend(urls(
            &words(&of(|facet| *facet == Facet::Scheme)),
            &of,
            &words(&of(|facet| *facet == Facet::Host)),
            literals,
        ));
    }
    if has(|facet| *facet == Facet::Domain) {
        let domains = words(&of(|facet| *facet == Facet::Domain));
        texts.extend(domains.iter().map(|domain| format!("someone@{domain}")));
        texts.extend(literals.iter().flat_map(|text| [format!("someone@{text}"), format!("someone{text}")]));
        let locals = literals.iter().filter_map(|text| text.split('@').next()).filter(|text| !text.is_empty());
        texts.extend(locals.flat_map(|local| domains.iter().map(move |domain| format!("{local}@{domain}"))));
    }
    if has(|facet| *facet == Facet::Address) {
        texts.extend(words(&of(|facet| *facet == Facet::Address)).iter().filter_map(|bits| address(bits)));
    }
    if has(|facet| *facet == Facet::Scope) {
        texts.extend(of(|facet| *facet == Facet::Scope).into_iter().map(|list| elements(list).join(" ")));
    }
    if has(|facet| matches!(facet, Facet::Words | Facet::Program)) {
        let mut programs = words(&of(|facet| *facet == Facet::Program));
        programs.extend(literals.iter().filter_map(|text| text.split(' ').next()).map(str::to_owned));
        programs.push("ls".to_owned());
        let lists = of(|facet| *facet == Facet::Words);
        let none = Value::List(Vec::new());
        let lists = if lists.is_empty() { vec![&none] } else { lists };
        for program in &programs {
            texts.extend(lists.iter().map(|list| line(program, &elements(list))));
        }
    }
    for list in of(|facet| *facet == Facet::Shell) {
        let programs = literals.iter().filter_map(|text| text.split(' ').next()).chain(["ls"]);
        texts.extend(programs.map(|program| shell(list, program)));
    }
    for statement in of(|facet| matches!(facet, Facet::Sql(_))) {
        texts.extend(sql(statement));
    }
    if wanted.iter().any(|(facet, kind, _)| is_time(*facet) && *kind == Kind::Number) {
        texts.extend(instants.iter().filter_map(|instant| written(*instant)));
    }
    // For those that must not have it.
    texts.extend(["x", "", "not that", "\u{1}", "..", "x y"].map(str::to_owned));
    texts.truncate(MOST * 2);
    texts
}

const fn is_url(facet: &Facet) -> bool {
    matches!(facet, Facet::Scheme | Facet::Host | Facet::Port | Facet::UrlPath | Facet::Private | Facet::Query)
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        _ => None,
    }
}

/// The strings of a list; what is not known is something that only a shell knows.
fn elements(list: &Value) -> Vec<String> {
    let Value::List(elements) = list else { return Vec::new() };
    elements.iter().filter_map(text).collect()
}

fn urls<'v>(
    schemes: &[String],
    of: &dyn Fn(fn(&Facet) -> bool) -> Vec<&'v Value>,
    hosts: &[String],
    literals: &[String],
) -> Vec<String> {
    let or = |given: Vec<String>, others: &[&str]| {
        if given.is_empty() { others.iter().map(|text| (*text).to_owned()).collect() } else { given }
    };
    let schemes = or(schemes.to_vec(), &["https", "http"]);
    let hosts = or(hosts.to_vec(), &["example.com", "localhost", "10.0.0.1"]);
    let ports: Vec<String> =
        of(|facet| *facet == Facet::Port).into_iter().filter_map(whole).map(|port| format!(":{port}")).collect();
    let ports = or(ports, &[""]);
    let paths: Vec<String> = of(|facet| *facet == Facet::UrlPath).into_iter().filter_map(text).collect();
    let paths = or(paths, &["/"]);
    let queries = ["", "?q=1"];
    let mut urls = Vec::new();
    for host in hosts.iter().take(12) {
        for scheme in schemes.iter().take(4) {
            for port in ports.iter().take(4) {
                for path in paths.iter().take(8) {
                    urls.extend(queries.iter().map(|query| format!("{scheme}://{host}{port}{path}{query}")));
                }
            }
        }
    }
    // The beginnings of URLs that tests compare with.
    urls.extend(literals.iter().flat_map(|text| hosts.iter().take(4).map(move |host| format!("{text}{host}/"))));
    urls
}

/// `4:` or `6:` and bits, as an author writes an address.
fn address(bits: &str) -> Option<String> {
    let (version, bits) = bits.split_once(':')?;
    let number = u128::from_str_radix(bits, 2).ok()?;
    match version {
        "4" => Some(std::net::Ipv4Addr::from_bits(u32::try_from(number).ok()?).to_string()),
        _ => Some(std::net::Ipv6Addr::from_bits(number).to_string()),
    }
}

/// A word of a shell, in quotes if it needs them.
fn word(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_@%+:,./-=".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) && !text.starts_with('=') {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

fn line(program: &str, arguments: &[String]) -> String {
    let words = std::iter::once(program.to_owned()).chain(arguments.iter().map(|text| word(text)));
    words.collect::<Vec<_>>().join(" ")
}

/// A line of these commands, which run a program where it does not matter which.
fn shell(commands: &Value, program: &str) -> String {
    let Value::List(commands) = commands else { return String::new() };
    let commands: Vec<String> = commands.iter().map(|one| command(one, program)).collect();
    commands.join(" && ")
}

fn command(command: &Value, other: &str) -> String {
    let list = |field: CommandField| -> Option<Vec<String>> {
        let Some(Value::List(elements)) = command.member(field.name()) else { return None };
        // What only a shell knows.
        Some(
            elements
                .iter()
                .map(|element| text(element).map_or_else(|| "\"$X\"".to_owned(), |text| word(&text)))
                .collect(),
        )
    };
    let words = list(CommandField::Words);
    let program = command.member(CommandField::Program.name()).and_then(text);
    let arguments = list(CommandField::Args).unwrap_or_default();
    let mut parts: Vec<String> =
        list(CommandField::Env).unwrap_or_default().iter().map(|name| format!("{name}=1")).collect();
    match words {
        Some(words) if !words.is_empty() => {
            let more = arguments.into_iter().skip(words.len() - 1);
            parts.extend(words.into_iter().chain(more).collect::<Vec<_>>());
        }
        _ => {
            parts.push(word(program.as_deref().unwrap_or(other)));
            parts.extend(arguments);
        }
    }
    parts.extend(list(CommandField::Writes).unwrap_or_default().iter().map(|file| format!("> {}", word(file))));
    parts.extend(list(CommandField::Reads).unwrap_or_default().iter().map(|file| format!("< {}", word(file))));
    parts.join(" ")
}

/// Statements that read so.
fn sql(statement: &Value) -> Vec<String> {
    let list = |field: StatementField| statement.member(field.name()).map(elements).unwrap_or_default();
    let kind = statement.member(StatementField::Statement.name()).and_then(text);
    let tables = list(StatementField::Tables);
    let functions = list(StatementField::Functions);
    let columns = list(StatementField::Columns);
    let limit = statement.member(StatementField::Limit.name()).and_then(whole);
    let limit = limit.map(|limit| format!(" LIMIT {limit}")).unwrap_or_default();
    let kinds = kind.map_or_else(
        || vec!["select".to_owned(), "insert".to_owned(), "update".to_owned(), "delete".to_owned()],
        |kind| vec![kind],
    );
    let table = tables.first().cloned().unwrap_or_else(|| "t".to_owned());
    let column = columns.first().cloned().unwrap_or_else(|| "c".to_owned());
    let called = functions.iter().map(|function| format!("{function}(1)"));
    let mut asked: Vec<String> = columns.iter().cloned().chain(called).collect();
    if asked.is_empty() {
        asked.push("1".to_owned());
    }
    let asked = asked.join(", ");
    let mut texts = Vec::new();
    for kind in kinds {
        texts.push(match kind.as_str() {
            "select" if tables.is_empty() => format!("SELECT {asked}{limit}"),
            "select" => format!("SELECT {asked} FROM {}{limit}", tables.join(", ")),
            "insert" if !limit.is_empty() => format!("INSERT INTO {table} ({column}) SELECT 1{limit}"),
            "insert" => format!("INSERT INTO {table} ({column}) VALUES (1)"),
            "update" => format!("UPDATE {table} SET {column} = 1{limit}"),
            _ => format!("DELETE FROM {table}{limit}"),
        });
    }
    texts
}

/// An instant in RFC 3339.
pub(super) fn written(seconds: i64) -> Option<String> {
    Timestamp::from_second(seconds).ok().map(|instant| instant.to_string())
}

/// An element of a list about which nothing is asked.
pub(super) fn element(list: Option<&Way>) -> Value {
    match list {
        Some(Way::Facet(Facet::Shell)) => Value::Object(Vec::new()),
        _ => Value::String("x".to_owned()),
    }
}

/// An element of a list that adds nothing to a sum.
pub(super) fn zero(sum: &Sum) -> Value {
    let zero = || instant_number(0);
    let element = put(Value::Null, &sum.of, zero());
    sum.times.as_ref().map_or_else(|| element.clone(), |times| put(element.clone(), times, zero()))
}

/// Lists whose sum is this, made of one.
pub(super) fn summing(sum: &Sum, total: &Value, list: &[Value]) -> Vec<Vec<Value>> {
    let Value::Number(Number { value: Some(total), .. }) = total else { return vec![list.to_vec()] };
    let of = |number: &Decimal| {
        let mut element = put(Value::Null, &sum.of, number_value(number.clone()));
        if let (Some(times), Some(one)) = (&sum.times, Decimal::parse("1")) {
            element = put(element, times, number_value(one));
        }
        element
    };
    let mut tried = vec![list.to_vec(), vec![of(total)]];
    // A number times itself: at least as much, or as many ones.
    if sum.times.as_ref() == Some(&sum.of) {
        let element = |number: &Decimal| put(Value::Null, &sum.of, number_value(number.clone()));
        let ones = floor(total).and_then(|total| usize::try_from(total).ok()).filter(|ones| *ones <= MOST_ONES);
        let ones = ones.zip(Decimal::parse("1")).map(|(ones, one)| vec![element(&one); ones]);
        tried.extend([vec![element(total)]].into_iter().chain(ones));
    }
    // One more element, or another first one.
    let number = |value: &Value, keys: &[String]| match keys.iter().try_fold(value, |value, key| value.member(key)) {
        Some(Value::Number(number)) => number.value.clone(),
        _ => None,
    };
    let sum_of = |list: &[Value]| {
        list.iter().try_fold(Decimal::parse("0")?, |total, element| {
            let factor = match &sum.times {
                Some(keys) => number(element, keys)?,
                None => Decimal::parse("1")?,
            };
            plus(&total, &crate::reference::arithmetic::times(&number(element, &sum.of)?, &factor)?)
        })
    };
    if let Some(rest) = sum_of(list).and_then(|present| minus(total, &present)) {
        tried.push(list.iter().cloned().chain([of(&rest)]).collect());
    }
    for at in 0..list.len() {
        let mut others = list.to_vec();
        others.remove(at);
        if let (Some(rest), Some(own)) = (sum_of(&others).and_then(|present| minus(total, &present)), list.get(at)) {
            let mut changed = put(own.clone(), &sum.of, number_value(rest));
            if let (Some(times), Some(one)) = (&sum.times, Decimal::parse("1")) {
                changed = put(changed, times, number_value(one));
            }
            let mut list = list.to_vec();
            if let Some(place) = list.get_mut(at) {
                *place = changed;
            }
            tried.push(list);
        }
    }
    tried
}

/// The value with another one at the end of these keys.
fn put(value: Value, keys: &[String], inner: Value) -> Value {
    let Some((key, rest)) = keys.split_first() else { return inner };
    let mut members = if let Value::Object(members) = value { members } else { Vec::new() };
    let before = members.iter().position(|(known, _)| known == key).map(|at| members.remove(at).1);
    members.push((key.clone(), put(before.unwrap_or(Value::Null), rest, inner)));
    Value::Object(members)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Dialect;
    use crate::reference::facet;

    /// A proof relies on this: what is said of a facet, and of a text by its facet, is said of every text that has it.
    #[test]
    fn every_facet_is_in_its_grammar_and_its_text_in_what_is_lifted() {
        const FACETS: [Facet; 24] = [
            Facet::Scheme,
            Facet::Host,
            Facet::Port,
            Facet::Query,
            Facet::Private,
            Facet::Words,
            Facet::Scope,
            Facet::Sql(Dialect::Sqlite),
            Facet::Sql(Dialect::Postgres),
            Facet::Sql(Dialect::Mysql),
            Facet::Sql(Dialect::Any),
            Facet::UrlPath,
            Facet::Instant,
            Facet::Weekday(Zone::UTC),
            Facet::TimeOfDay(Zone::UTC),
            Facet::Date(Zone::UTC),
            Facet::Domain,
            Facet::Path,
            Facet::AnyPath,
            Facet::Segment,
            Facet::WindowsPath,
            Facet::Program,
            Facet::Address,
            Facet::Folded,
        ];
        let texts = [
            "https://Acme.com",
            "HTTP://a_b.acme.com:8080/a/b/?q#f",
            "https://[2001:DB8::1]:8443/x",
            "ftp://10.0.0.1/%41/",
            "https://acme.com?x",
            "wss://acme.com#f",
            "https://acme.com//",
            "Ann.B+c@Mail.ACME.com",
            "a@b.c",
            "_x@b-c.de",
            "/",
            "/a",
            "/a/b/",
            "/ä ö/.b",
            "a/b",
            "./a",
            ".",
            "./",
            "a b",
            "é",
            "..a",
            "C:\\A\\B",
            "c:/",
            "c:\\",
            "D:/x y/Z",
            "\\\\Server\\Share\\Dir",
            "//server/share",
            "git log -n 1",
            "/usr/bin/git 'a b'",
            "g++",
            "2026-11-30T12:00:00Z",
            "1969-12-31T23:59:59.123456789-14:00",
            "2026-11-30t12:00:00.5z",
            "2026-11-30 12:00:00+05:45",
            "0001-01-01T00:00:00-00:00",
            "10.0.0.1",
            "::1",
            "2001:db8::",
            "STRASSE",
            "ß",
            "İ",
            "+a.#'/=-x@1.b-c.io",
            "read:all write",
            "select*from t",
            "SELECT'a\u{e9}\t' , \"b\" from \"t\";",
            "select-1",
            "Select(1)",
            "\r\n\t (( select a from t) union select 1 )",
            "with\tx as(select 1)select * from x",
            "insert\ninto t values (1)",
            "update t set a=1",
            "delete from t where a='\u{1F600}' limit 5",
            "SELECT@ 1",
            "select~1",
            "select $1",
            "select.5",
            "select::x",
            "http:select",
        ];
        let (mut read, mut formed) = (0, 0);
        for (facet, text) in FACETS.iter().flat_map(|facet| texts.map(|text| (*facet, text))) {
            let Ok(value) = facet::read(facet, text) else { continue };
            assert!(form(facet).is_none_or(|form| is_in(form, text)), "{facet:?} of {text:?}");
            formed += usize::from(form(facet).is_some());
            let Value::String(value) = value else { continue };
            read += 1;
            assert!(grammar(facet).is_none_or(|grammar| is_in(grammar, &value)), "{facet:?} of {text:?} is {value:?}");
            let lifted = lift(facet, &regex_syntax::escape(&value));
            assert!(lifted.is_none_or(|lifted| is_in(&lifted, text)), "{facet:?} of {text:?} is {value:?}");
        }
        assert!(read > 60 && formed > 100, "{read}, {formed}");
        changed_texts_have_their_form(&FACETS, &texts);
    }

    /// The same of the forms and grammars for texts that differ a little.
    fn changed_texts_have_their_form(facets: &[Facet], texts: &[&str]) {
        let alphabet: Vec<char> =
            "aZz09 \t\r\n\0\u{1f}\u{7f}!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~\u{80}é\u{17f}\u{212a}ß\u{1f600}"
                .chars()
                .collect();
        let whole = |expression: &str| regex::Regex::new(&format!("^(?s:{expression})$")).unwrap();
        let mut random = fastrand::Rng::with_seed(0xf0e5);
        let mut formed = 0;
        for facet in facets {
            let (form, grammar) = (form(*facet).map(whole), grammar(*facet).map(whole));
            for text in texts.iter().cycle().take(4000) {
                let mut changed: Vec<char> = text.chars().collect();
                for _ in 0..random.usize(1..=3) {
                    let at = random.usize(..=changed.len());
                    let other = *random.choice(&alphabet).unwrap();
                    match random.u8(..3) {
                        0 => changed.insert(at, other),
                        1 if at < changed.len() => changed[at] = other,
                        _ if at < changed.len() => _ = changed.remove(at),
                        _ => {}
                    }
                }
                let changed = String::from_iter(changed);
                let Ok(value) = facet::read(*facet, &changed) else { continue };
                formed += 1;
                assert!(form.as_ref().is_none_or(|form| form.is_match(&changed)), "{facet:?} of {changed:?}");
                if let (Value::String(value), Some(grammar)) = (&value, &grammar) {
                    assert!(grammar.is_match(value), "{facet:?} of {changed:?} is {value:?}");
                }
            }
        }
        assert!(formed > 5000, "{formed}");
    }
}
