//! Limits and labels.

use std::collections::{BTreeSet, HashMap};

use super::scope::Scope;
use super::{names, rules};
use crate::diagnostic::{Code, quoted};
use crate::limits::ACCOUNT_NAMES;
use crate::policy::{
    Attribute, AttributeId, Decimal, Duty, Effect, Limit, Obligation, Period, Root, Step, Window, time,
};
use crate::span::Span;
use crate::syntax::did_you_mean;
use crate::syntax::document::{self, first_of};
use crate::syntax::json::Kind;

/// The most limits and labels in a policy.
const MAX_OBLIGATIONS: usize = 1000;
/// The most different labels in a policy: a ledger keeps no more for a session.
const MAX_LABELS: usize = 64;
/// The longest window, in seconds: 366 days.
const MAX_WINDOW: u64 = 366 * 86_400;
/// Digits before and after the point of what is charged: a ledger adds up no others.
const MAX_DIGITS: i64 = 18;

/// What a document's limits and labels mean.
pub(super) fn resolve<'d>(
    document: &document::Document<'d>,
    ids: &mut HashMap<&'d str, Span>,
    scope: &mut Scope<'_>,
) -> Vec<Obligation> {
    let scopes =
        document.limits.iter().map(|limit| &limit.scope).chain(document.labels.iter().map(|label| &label.scope));
    if let Some(over) = scopes.clone().nth(MAX_OBLIGATIONS) {
        let message = format!("the policy has more than {MAX_OBLIGATIONS} limits and labels");
        scope.error(Code::Limit, rules::start_of(over.span), message, None);
        return Vec::new();
    }
    let mut obligations = Vec::new();
    for written in &document.limits {
        rules::check_id(&written.scope, "limit", ids, scope);
        let rule = rules::resolve_one(&written.scope, scope);
        let limit = limit(written, scope);
        obligations.extend(rule.zip(limit).map(|(scope, limit)| Obligation { scope, duty: Duty::Charge(limit) }));
    }
    let mut labels = BTreeSet::new();
    for written in &document.labels {
        rules::check_id(&written.scope, "label", ids, scope);
        let rule = rules::resolve_one(&written.scope, scope);
        let mut added = Vec::new();
        for label in &written.add {
            if !names::check("a label", *label, names::MAX_LABEL, scope.diagnostics) {
                continue;
            }
            if labels.insert(label.value) && labels.len() == MAX_LABELS + 1 {
                let message = format!("the policy has more than {MAX_LABELS} different labels");
                scope.error(Code::Limit, label.span, message, None);
            }
            if added.iter().any(|known| known == label.value) {
                let message = format!("duplicate label {}", quoted(label.value));
                scope.error(Code::Duplicate, label.span, message, None);
            } else {
                added.push(label.value.to_owned());
            }
        }
        let session = session(scope, written.scope.span);
        let duty = Duty::Label { session, add: added };
        obligations.extend(rule.map(|scope| Obligation { scope, duty }));
    }
    obligations
}

/// The attribute `session.id`.
fn session(scope: &mut Scope<'_>, span: Span) -> AttributeId {
    let id = Attribute { root: Root::Session, steps: vec![Step::Key("id".to_owned())] };
    scope.intern(&id, span)
}

/// `None` only where something that a limit must have is missing or broken, which has been reported.
fn limit(written: &document::Limit<'_>, scope: &mut Scope<'_>) -> Option<Limit> {
    let window = window(written, scope);
    let mut per: Vec<usize> = Vec::new();
    if let Some(over) = written.per.get(ACCOUNT_NAMES) {
        scope.error(Code::Limit, over.span, format!("`per` has more than {ACCOUNT_NAMES} attributes"), None);
    }
    for path in written.per.iter().take(ACCOUNT_NAMES) {
        let Some(attribute) = scope.path(*path) else { continue };
        let id = scope.intern(&attribute, path.span);
        if per.contains(&id) {
            let message = format!("duplicate attribute {} in `per`", quoted(path.value));
            scope.error(Code::Duplicate, path.span, message, None);
        } else {
            per.push(id);
        }
    }
    // A session has accounts of its own.
    if window == Some(Window::Session) {
        let id = session(scope, written.window.map_or(written.scope.span, |window| window.span));
        if !per.contains(&id) {
            per.push(id);
        }
    }
    let sum = match written.sum {
        Some(path) => {
            let attribute = scope.path(path)?;
            if attribute.root == Root::Tool {
                let message = "`sum` expects the attribute of a number, and `tool` is a name";
                scope.error(Code::Operand, path.span, message, None);
                return None;
            }
            Some(scope.intern(&attribute, path.span))
        }
        None => None,
    };
    let max = max(written, scope);
    let over = over(written, scope);
    Some(Limit { per, sum, max: max?, window: window?, over })
}

fn max(written: &document::Limit<'_>, scope: &mut Scope<'_>) -> Option<Decimal> {
    let node = written.max?;
    let Kind::Number(text) = node.kind else {
        let message = format!("`max` must be a number, found {}", node.describe());
        scope.error(Code::WrongType, first_of(node), message, None);
        return None;
    };
    let (message, help) = match Decimal::parse(text) {
        Some(max) if max < zero() => ("`max` cannot be negative", "use `0` to let nothing through"),
        Some(max) if written.sum.is_none() && !max.is_whole() => (
            "`max` must be a whole number, because this limit counts calls",
            "to add up an attribute, name it in `sum`",
        ),
        Some(max) if is_chargeable(&max) => return Some(max),
        _ => ("`max` is out of range", "use a number below 10^18 with at most 18 digits after the point"),
    };
    scope.error(Code::Operand, node.span, message, Some(help.to_owned()));
    None
}

fn zero() -> Decimal {
    Decimal::parse("0").unwrap_or_else(|| unreachable!("zero is in range"))
}

/// Whether a ledger can add up the number.
fn is_chargeable(number: &Decimal) -> bool {
    let (_, digits, power) = number.parts();
    power >= -MAX_DIGITS && i64::try_from(digits.len()).is_ok_and(|count| count + power <= MAX_DIGITS)
}

fn window(written: &document::Limit<'_>, scope: &mut Scope<'_>) -> Option<Window> {
    let window = written.window?;
    let period = Period::ALL.into_iter().find(|period| period.name() == window.value);
    if let Some(period) = period {
        let Some(zone) = written.zone else {
            let message = format!("the window {} needs a time zone", quoted(window.value));
            let help = "add the `zone` in which it begins, such as `\"zone\": \"Europe/Berlin\"`, or use the last hours: `24h`";
            scope.error(Code::MissingKey, window.span, message, Some(help.to_owned()));
            return None;
        };
        return scope.zone(zone).map(|zone| Window::Calendar(period, zone));
    }
    if let Some(zone) = written.zone {
        let message = "`zone` is for the windows `hour`, `day`, `week` and `month`";
        scope.error(Code::Operand, zone.span, message, Some("remove it".to_owned()));
    }
    if window.value == "session" {
        return Some(Window::Session);
    }
    let seconds: Option<u64> = time::duration(window.value).and_then(|seconds| seconds.to_string().parse().ok());
    match seconds {
        Some(1..=MAX_WINDOW) => seconds.map(Window::Last),
        Some(_) => {
            let message = format!("the window {} is not between 1 second and 366 days", quoted(window.value));
            scope.error(Code::Limit, window.span, message, None);
            None
        }
        None => {
            let message = format!("{} is not a window", quoted(window.value));
            let names = Period::ALL.map(Period::name).into_iter().chain(["session"]);
            let help = did_you_mean(window.value, names).unwrap_or_else(|| {
                "write a duration such as `15m`, `24h` or `7d`, or `hour`, `day`, `week`, `month` or `session`"
                    .to_owned()
            });
            scope.error(Code::Operand, window.span, message, Some(help));
            None
        }
    }
}

fn over(written: &document::Limit<'_>, scope: &mut Scope<'_>) -> Effect {
    match written.over {
        None => Effect::Deny,
        Some(over) if over.value == "deny" => Effect::Deny,
        Some(over) if over.value == "ask" => Effect::Ask,
        Some(over) => {
            let message = format!("`over` must be `\"deny\"` or `\"ask\"`, found {}", quoted(over.value));
            scope.error(Code::Effect, over.span, message, did_you_mean(over.value, ["deny", "ask"]));
            Effect::Deny
        }
    }
}
