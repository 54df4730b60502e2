//! `clock`: the weekday, the time of day and the date of an instant in a time zone.

use super::super::scope::{Scope, Subject, all_of, any_of};
use super::{Operator, Use, members, not, refuse_on_name};
use crate::diagnostic::{Code, quoted};
use crate::policy::{self, Condition, Decimal, Facet, Operand, Value, Zone, time};
use crate::syntax::document::first_of;
use crate::syntax::json::{Kind, Member, Node};
use crate::syntax::{Spanned, did_you_mean};

pub(super) const OPERATORS: &[Operator] = &[Operator { name: "clock", takes_roles: false, meaning }];

const EXAMPLE: &str = r#"{"clock": {"zone": "Europe/Berlin", "time": {"gte": "09:00", "lt": "17:30"}}}"#;

const KEYS: [&str; 4] = ["zone", "weekday", "time", "date"];

/// The orders that a time or a date can be tested with.
const ORDERS: [&str; 4] = ["lt", "lte", "gt", "gte"];

/// What a clock shows, and how an author writes it.
struct Hand {
    facet: fn(Zone) -> Facet,
    read: fn(&str) -> Option<Decimal>,
    /// What it is, with an article, and how to write it.
    what: &'static str,
    help: &'static str,
    /// Whether it has an order.
    is_ordered: bool,
}

const WEEKDAY: Hand = Hand {
    facet: Facet::Weekday,
    read: time::weekday,
    what: "a weekday",
    help: "write a weekday as one of `mon`, `tue`, `wed`, `thu`, `fri`, `sat`, `sun`; several as `{\"in\": [\"mon\", \"tue\"]}`",
    is_ordered: false,
};

const TIME: Hand = Hand {
    facet: Facet::TimeOfDay,
    read: time::time_of_day,
    what: "a time of day",
    help: "write a time of day from `00:00` to `23:59:59`, such as `09:00`",
    is_ordered: true,
};

const DATE: Hand = Hand {
    facet: Facet::Date,
    read: time::date,
    what: "a date",
    help: "write a date such as `2026-12-01`",
    is_ordered: true,
};

fn meaning(scope: &mut Scope<'_>, used: &Use<'_>) -> Option<Condition> {
    if refuse_on_name(scope, used) {
        return None;
    }
    let members = members(scope, used, "a zone and tests of a clock in it", EXAMPLE)?;
    let mut zone = None;
    let mut tests = Vec::new();
    let mut is_broken = false;
    for Member { key, value } in members {
        let hand = match key.value.as_ref() {
            "zone" => {
                zone = find_zone(scope, value);
                is_broken |= zone.is_none();
                continue;
            }
            "weekday" => WEEKDAY,
            "time" => TIME,
            "date" => DATE,
            other => {
                let help = did_you_mean(other, KEYS);
                let help = help.unwrap_or_else(|| "expected `zone`, `weekday`, `time` or `date`".to_owned());
                scope.error(
                    Code::UnknownKey,
                    key.span,
                    format!("unknown key {} in `clock`", quoted(other)),
                    Some(help),
                );
                is_broken = true;
                continue;
            }
        };
        tests.push((hand, key.value.as_ref(), value));
    }
    let example = Some(format!("for example, `{EXAMPLE}`"));
    if !members.iter().any(|member| member.key.value == "zone") {
        scope.error(Code::MissingKey, used.operand.span, "`clock` needs a `zone`", example);
        return None;
    }
    if tests.is_empty() && !is_broken {
        scope.error(Code::Empty, used.operand.span, "`clock` tests nothing", example);
        return None;
    }
    // What is wrong with the tests is said even where the zone is wrong.
    let parts: Vec<Option<Condition>> = tests
        .into_iter()
        .map(|(hand, name, node)| tested(scope, used.subject, zone.unwrap_or(Zone::UTC), &hand, name, node))
        .collect();
    let parts: Vec<Condition> = parts.into_iter().collect::<Option<_>>()?;
    (!is_broken).then(|| all_of(parts))
}

fn find_zone(scope: &mut Scope<'_>, node: &Node<'_>) -> Option<Zone> {
    let Kind::String(name) = &node.kind else {
        let message = format!("`zone` expects the name of a time zone, found {}", node.describe());
        scope.error(Code::Operand, first_of(node), message, Some("for example, `Europe/Berlin`".to_owned()));
        return None;
    };
    scope.zone(Spanned { value: name, span: node.span })
}

/// What is asked of one thing that a clock shows: a value, or an object of tests that must all hold.
fn tested(
    scope: &mut Scope<'_>,
    subject: &Subject,
    zone: Zone,
    hand: &Hand,
    name: &str,
    node: &Node<'_>,
) -> Option<Condition> {
    let subject = subject.facet((hand.facet)(zone));
    let Kind::Object(members) = &node.kind else {
        let value = value(scope, hand, node)?;
        return Some(scope.test(&subject, policy::Operator::Eq(Operand::Literal(value)), node.span));
    };
    if members.is_empty() {
        scope.error(Code::Empty, node.span, format!("`{name}` is empty"), None);
        return None;
    }
    let (mut parts, mut from, mut to) = (Vec::new(), Vec::new(), Vec::new());
    for Member { key, value: operand } in members {
        let operator = key.value.as_ref();
        let literal = |value| Operand::Literal(value);
        match operator {
            "eq" => {
                let value = value(scope, hand, operand);
                parts.push(value.map(|value| scope.test(&subject, policy::Operator::Eq(literal(value)), key.span)));
            }
            "ne" => {
                let value = value(scope, hand, operand);
                parts
                    .push(value.map(|value| not(scope.test(&subject, policy::Operator::Eq(literal(value)), key.span))));
            }
            "in" | "not_in" => {
                let values = values(scope, hand, operator, operand);
                let test = values.map(|values| scope.test(&subject, policy::Operator::In(values), key.span));
                parts.push(if operator == "in" { test } else { test.map(not) });
            }
            "gte" | "gt" | "lt" | "lte" if hand.is_ordered => {
                let Some(value) = value(scope, hand, operand) else {
                    parts.push(None);
                    continue;
                };
                let test = match operator {
                    "gte" => policy::Operator::Gte(literal(value.clone())),
                    "gt" => policy::Operator::Gt(literal(value.clone())),
                    "lt" => policy::Operator::Lt(literal(value.clone())),
                    _ => policy::Operator::Lte(literal(value.clone())),
                };
                let test = scope.test(&subject, test, key.span);
                if operator.starts_with('g') {
                    from.push((value, test));
                } else {
                    to.push((value, test));
                }
            }
            other => {
                let known =
                    ["eq", "ne", "in", "not_in"].into_iter().chain(ORDERS.into_iter().filter(|_| hand.is_ordered));
                let help = did_you_mean(other, known.clone()).unwrap_or_else(|| {
                    format!("expected one of {}", known.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "))
                });
                let message = format!("unknown operator {} in `{name}`", quoted(other));
                scope.error(Code::UnknownOperator, key.span, message, Some(help));
                parts.push(None);
            }
        }
    }
    parts.extend(window(hand, from, to).into_iter().map(Some));
    parts.into_iter().collect::<Option<_>>().map(all_of)
}

/// A window from one time to another. One of times of day that ends before it begins goes over midnight.
fn window(hand: &Hand, from: Vec<(Value, Condition)>, to: Vec<(Value, Condition)>) -> Vec<Condition> {
    let is_over_midnight = match (from.as_slice(), to.as_slice()) {
        ([(Value::Number(begin), _)], [(Value::Number(end), _)]) => {
            (hand.facet)(Zone::UTC) == Facet::TimeOfDay(Zone::UTC) && end < begin
        }
        _ => false,
    };
    let bounds: Vec<Condition> = from.into_iter().chain(to).map(|(_, test)| test).collect();
    if is_over_midnight { vec![any_of(bounds)] } else { bounds }
}

fn value(scope: &mut Scope<'_>, hand: &Hand, node: &Node<'_>) -> Option<Value> {
    let message = match &node.kind {
        Kind::String(text) => match (hand.read)(text) {
            Some(number) => return Some(Value::Number(number)),
            None => format!("{} is not {}", quoted(text), hand.what),
        },
        _ => format!("{} must be a string, found {}", hand.what, node.describe()),
    };
    scope.error(Code::Operand, first_of(node), message, Some(hand.help.to_owned()));
    None
}

fn values(scope: &mut Scope<'_>, hand: &Hand, name: &str, node: &Node<'_>) -> Option<Vec<Value>> {
    let nodes = scope.list(name, node)?;
    let values: Vec<Option<Value>> = nodes.iter().map(|node| value(scope, hand, node)).collect();
    values.into_iter().collect()
}
