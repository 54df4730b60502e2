//! The reasons that the compiler writes where a rule has none of its own.
//!
//! They are for the caller: a sentence that says what would be needed, with attributes, roles and literals of the
//! policy, and never a value of a call.

mod leaf;
mod sentence;
mod text;

use self::sentence::Sentence;
use self::text::{cut, joined};
use crate::policy::{Attribute, Condition, Effect, Limit, Obligation, Policy, Rule, Window};
use crate::visible::visible;

/// The longest text, in bytes.
pub const MAX_TEXT: usize = 400;

/// What a rule asks for, or forbids, as the reason of a denied call. At most [`MAX_TEXT`] bytes.
///
/// ```
/// use perso_core::{check::check, describe};
///
/// let policy = check(r#"{ "perso": 1, "rules": [{
///     "id": "refund-small", "allow": "process_refund",
///     "when": { "args.amount": { "gt": 0, "lte": 500 } }
/// }] }"#).policy.unwrap();
/// assert_eq!(
///     describe::requirement(&policy, &policy.rules[0]),
///     "process_refund is allowed only if args.amount is more than 0 and at most 500 (rule `refund-small`)",
/// );
/// ```
#[must_use]
pub fn requirement(policy: &Policy, rule: &Rule) -> String {
    let (subject, is) = subject(rule);
    let whom = roles(policy, rule);
    let circumstances = circumstances(policy, rule, rule.effect != Effect::Deny);
    let text = match (rule.effect, whom, circumstances) {
        (Effect::Allow, None, None) => format!("{subject} {is} allowed"),
        (Effect::Allow, None, Some(if_so)) => format!("{subject} {is} allowed only {if_so}"),
        (Effect::Allow, Some(whom), None) => format!("{subject} {is} allowed only for {whom}"),
        (Effect::Allow, Some(whom), Some(if_so)) => format!("{subject} {is} allowed only for {whom}, {if_so}"),
        (Effect::Ask, None, None) => format!("{subject} {is} allowed only with the approval of a person"),
        (Effect::Ask, None, Some(if_so)) => {
            format!("{subject} {is} allowed only with the approval of a person, {if_so}")
        }
        (Effect::Ask, Some(whom), None) => {
            format!("{subject} {is} allowed only for {whom}, with the approval of a person")
        }
        (Effect::Ask, Some(whom), Some(if_so)) => {
            format!("{subject} {is} allowed only for {whom}, with the approval of a person, {if_so}")
        }
        (Effect::Deny, None, None) => format!("{subject} {is} denied"),
        (Effect::Deny, None, Some(if_so)) => format!("{subject} {is} denied {if_so}"),
        (Effect::Deny, Some(whom), None) => format!("{subject} {is} denied for {whom}"),
        (Effect::Deny, Some(whom), Some(if_so)) => format!("{subject} {is} denied for {whom} {if_so}"),
    };
    with_rule(&text, rule)
}

/// The reason of a call that a rule allows. At most [`MAX_TEXT`] bytes.
#[must_use]
pub fn allowance(rule: &Rule) -> String {
    let (subject, is) = subject(rule);
    with_rule(&format!("{subject} {is} allowed"), rule)
}

/// What an ask rule asks about, as the reason of a call that it asks about. At most [`MAX_TEXT`] bytes.
#[must_use]
pub fn approval(policy: &Policy, rule: &Rule) -> String {
    let (subject, is) = subject(rule);
    let needs = if is == "are" { "need" } else { "needs" };
    let whom = roles(policy, rule).map_or_else(String::new, |whom| format!(" for {whom}"));
    let if_so = circumstances(policy, rule, false).map_or_else(String::new, |if_so| format!(" {if_so}"));
    with_rule(&format!("{subject} {needs} the approval of a person{whom}{if_so}"), rule)
}

/// How much calls may come to, as the reason of a call that does not fit. At most [`MAX_TEXT`] bytes.
///
/// ```
/// use perso_core::{check::check, describe, policy::Duty};
///
/// let policy = check(r#"{ "perso": 1, "rules": [], "limits": [{
///     "id": "refunds-a-day", "of": "process_refund", "per": "agent.id",
///     "sum": "args.amount", "max": 2000, "window": "24h"
/// }] }"#).policy.unwrap();
/// let obligation = &policy.obligations[0];
/// let Duty::Charge(limit) = &obligation.duty else { unreachable!() };
/// assert_eq!(
///     describe::limit(&policy, obligation, limit),
///     "args.amount of process_refund may come to at most 2000 in 24 hours for each agent.id (limit `refunds-a-day`)",
/// );
/// ```
#[must_use]
pub fn limit(policy: &Policy, obligation: &Obligation, limit: &Limit) -> String {
    let name = |id: usize| policy.attributes.get(id).map(Attribute::to_string).unwrap_or_default();
    let (subject, is) = subject(&obligation.scope);
    let max = limit.max.to_string();
    let what = match limit.sum {
        Some(sum) => format!("{} of {subject} may come to at most {max}", name(sum)),
        None if max == "1" => format!("{subject} {is} allowed once"),
        None => format!("{subject} {is} allowed at most {max} times"),
    };
    let window = match limit.window {
        Window::Last(seconds) => format!(" in {}", duration(seconds)),
        Window::Calendar(period, _) => format!(" in one {}", period.name()),
        Window::Session => " in one session".to_owned(),
    };
    let per =
        limit.per.iter().map(|id| name(*id)).filter(|name| name != "session.id" || limit.window != Window::Session);
    let per: Vec<String> = per.collect();
    let whom = if per.is_empty() { String::new() } else { format!(" for each {}", joined(per.into_iter(), "and")) };
    let suffix = format!(" (limit `{}`)", visible(&obligation.scope.id));
    format!("{}{suffix}", cut(&format!("{what}{window}{whom}"), MAX_TEXT - suffix.len().min(MAX_TEXT)))
}

/// `24 hours`, `1 minute`
fn duration(seconds: u64) -> String {
    let units = [(86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second")];
    let unit =
        units.into_iter().find(|(size, _)| seconds.is_multiple_of(*size) && (*size < 86_400 || seconds > 86_400));
    let (size, name) = unit.unwrap_or((1, "second"));
    let count = seconds / size;
    format!("{count} {name}{}", if count == 1 { "" } else { "s" })
}

/// `if …`, `unless …`, or both, as the rule was written; `None` where it has no condition. `grants` says whether the caller
/// needs the condition to be true.
fn circumstances(policy: &Policy, rule: &Rule, grants: bool) -> Option<String> {
    let needed = |condition: &Condition| Sentence::new(policy, true).words(condition, true);
    let say = |condition: &Condition| Sentence::new(policy, grants).words(condition, true);
    // What a caller needs is said as a whole: "only if … unless …" is hard to follow.
    let is_deny = !grants;
    match &rule.condition {
        Condition::All(parts) if parts.is_empty() => None,
        Condition::Not(inner) if is_deny => match &**inner {
            // "Unless it is not" is "if it is".
            Condition::Not(inner) => Some(format!("if {}", say(inner))),
            inner => Some(format!("unless {}", needed(inner))),
        },
        Condition::All(parts) => match parts.as_slice() {
            [when, Condition::Not(inner)] if is_deny => Some(format!("if {}, unless {}", say(when), needed(inner))),
            _ => Some(format!("if {}", say(&rule.condition))),
        },
        condition => Some(format!("if {}", say(condition))),
    }
}

fn with_rule(text: &str, rule: &Rule) -> String {
    let suffix = format!(" (rule `{}`)", visible(&rule.id));
    format!("{}{suffix}", cut(text, MAX_TEXT - suffix.len().min(MAX_TEXT)))
}

/// What the rule is about, and its verb: `a is`, `a and b are`; `every call is` and `this tool is` where it is about any or
/// many.
fn subject(rule: &Rule) -> (String, &'static str) {
    let tools: Vec<&str> = rule.tools.iter().map(|tool| tool.text.as_str()).collect();
    match tools.as_slice() {
        all if all.contains(&"*") && rule.effect != Effect::Allow => ("every call".to_owned(), "is"),
        all if all.contains(&"*") => ("a call".to_owned(), "is"),
        [only] => ((*only).to_owned(), "is"),
        several if several.len() <= 3 => (joined(several.iter().map(|&tool| tool.to_owned()), "and"), "are"),
        _ => ("this tool".to_owned(), "is"),
    }
}

/// `the role a`, `the roles a and b`.
fn roles(policy: &Policy, rule: &Rule) -> Option<String> {
    let roles = rule.roles.as_ref()?;
    let names = roles.iter().map(|id| policy.roles.get(*id).map_or("?", |role| role.name.as_str()).to_owned());
    Some(format!("the role{} {}", if roles.len() == 1 { "" } else { "s" }, joined(names, "and")))
}
