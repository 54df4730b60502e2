//! Legacy policies (`"version": "perso-1.0.0"`), converted to the current form before they are checked.
//!
//! This goes from syntax tree to syntax tree. What is made keeps the place of what it was made from, so that all that is
//! found later is shown in the document as it was written.

mod condition;
mod ids;
mod overlap;
mod presence;
mod replaced;
mod tree;

use std::borrow::Cow;

use self::condition::Conditions;
use self::presence::Fields;
use self::tree::{list, member, string};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, quoted};
use crate::policy::Effect;
use crate::span::Span;
use crate::syntax::document::{Reader, first_of};
use crate::syntax::json::{self, Kind, Member, Node};
use crate::syntax::{Spanned, did_you_mean, write};

/// The version that these documents name.
const VERSION: &str = "perso-1.0.0";
const DOCUMENT_KEYS: [&str; 5] = ["version", "default_action", "tools", "roles", "rules"];
const RULE_KEYS: [&str; 8] = ["tool_name", "roles", "condition", "effect", "action", "id", "name", "reason"];

/// A rule as it is written, but for its condition.
#[derive(Debug)]
struct Rule<'n> {
    tool: Spanned<&'n str>,
    /// `None` for any caller.
    roles: Option<Vec<Spanned<&'n str>>>,
    /// Where the list of roles stands.
    roles_place: Span,
    effect: Effect,
    id: Option<Spanned<&'n str>>,
    reason: Option<Spanned<&'n str>>,
    condition: Option<&'n Node<'n>>,
    span: Span,
}

/// Whether a document declares itself a legacy policy.
pub(super) fn is_first(root: &Node<'_>) -> bool {
    let Kind::Object(members) = &root.kind else { return false };
    let is_version = |member: &Member<'_>| match &member.value.kind {
        Kind::String(text) => member.key.value == "version" && text.starts_with("perso-"),
        _ => false,
    };
    members.iter().any(is_version) && members.iter().all(|member| member.key.value != "perso")
}

/// A legacy policy in the current form: JSON text that ends with a newline. `None` for any other document.
///
/// Of one that has errors, what is broken is left out: [`check`](super::check) tells.
///
/// # Errors
///
/// Why the text is not valid JSON, or that it is too long in the current form.
pub(crate) fn rewritten(text: &str) -> Result<Option<String>, Vec<Diagnostic>> {
    let mut diagnostics = Diagnostics::default();
    let Some(root) = json::parse(text, &mut diagnostics) else { return Err(diagnostics.finish()) };
    if !is_first(&root) {
        return Ok(None);
    }
    let today = write::pretty(&rewrite(&root, &mut diagnostics));
    if today.len() > json::MAX_TEXT {
        let message = format!("the migrated policy is longer than {} bytes", json::MAX_TEXT);
        return Err(vec![Diagnostic::new(Code::Limit, first_of(&root), message)]);
    }
    Ok(Some(today))
}

/// The document in the current form, with the places of the one as it was written. What is broken is reported and left out.
pub(super) fn rewrite<'n>(root: &'n Node<'n>, diagnostics: &mut Diagnostics) -> Node<'n> {
    let mut reader = Reader { diagnostics };
    let brace = first_of(root);
    let (mut perso, mut default, mut roles, mut tools, mut rules) = (None, None, None, None, None);
    for Member { key, value } in reader.object(root, "a policy").unwrap_or_default() {
        match key.value.as_ref() {
            "version" => {
                version(&mut reader, value);
                perso = Some(member("perso", key.span, Node { span: value.span, kind: Kind::Number("1") }));
            }
            "default_action" => {
                let effect = effect(&mut reader, value, "`default_action`").unwrap_or(Effect::Deny);
                default = Some(member("default", key.span, string(effect.name(), value.span)));
            }
            "tools" | "roles" if matches!(value.kind, Kind::Null) => {}
            "tools" => tools = Some(member("tools", key.span, distinct(value))),
            "roles" => roles = Some(member("roles", key.span, table(&mut reader, value))),
            "rules" => {
                let elements = reader.list(value, "`rules`").unwrap_or_default();
                let read: Vec<Rule<'n>> = elements.iter().filter_map(|element| rule(&mut reader, element)).collect();
                rules = Some(member("rules", key.span, list(value.span, rewrite_rules(read, &mut reader))));
            }
            "extends" => {
                let error = Diagnostic::new(Code::Extends, key.span, "a legacy policy cannot extend other documents");
                reader.error(error.help("remove `extends`, and add it again to what `perso migrate` writes"));
            }
            _ => reader.unknown_key(&key.value, key.span, &DOCUMENT_KEYS),
        }
    }
    let rules = rules.unwrap_or_else(|| {
        reader.error(Diagnostic::new(Code::MissingKey, brace, "missing key `rules`"));
        member("rules", brace, list(brace, Vec::new()))
    });
    let members = [perso, default, roles, tools].into_iter().flatten().chain([rules]).collect();
    Node { span: root.span, kind: Kind::Object(members) }
}

fn version<'n>(reader: &mut Reader<'_>, node: &'n Node<'n>) {
    let Some(version) = reader.string(node, "`version`") else { return };
    if version.value != VERSION {
        let message = format!("`version` of a legacy policy must be `{VERSION}`, found {}", quoted(version.value));
        let help = "a policy in the current form has `\"perso\": 1` instead";
        reader.error(Diagnostic::new(Code::Version, version.span, message).help(help));
    }
}

/// An effect, whose letter case does not count.
fn effect<'n>(reader: &mut Reader<'_>, node: &'n Node<'n>, what: &str) -> Option<Effect> {
    let text = reader.string(node, what)?;
    match text.value.to_ascii_lowercase().as_str() {
        "deny" => Some(Effect::Deny),
        "allow" => Some(Effect::Allow),
        _ => {
            let message = format!("{what} must be `\"Allow\"` or `\"Deny\"`, found {}", quoted(text.value));
            let help = did_you_mean(text.value, ["Allow", "Deny"]);
            reader.error(Diagnostic::new(Code::Effect, text.span, message).maybe_help(help));
            None
        }
    }
}

/// The table of roles, which may also be a list of names.
fn table<'n>(reader: &mut Reader<'_>, node: &'n Node<'n>) -> Node<'n> {
    let members = match &node.kind {
        Kind::List(_) => {
            let names = distinct_names(reader.strings(node, "`roles`").unwrap_or_default());
            names.into_iter().map(|name| member(name.value, name.span, list(name.span, Vec::new()))).collect()
        }
        Kind::Object(members) => {
            members.iter().map(|role| member(&*role.key.value, role.key.span, distinct(&role.value))).collect()
        }
        _ => return node.clone(),
    };
    Node { span: node.span, kind: Kind::Object(members) }
}

fn rule<'n>(reader: &mut Reader<'_>, node: &'n Node<'n>) -> Option<Rule<'n>> {
    let members = reader.object(node, "a rule")?;
    let (mut tool, mut roles, mut condition, mut reason) = (None, None, None, None);
    let mut roles_place = Span::default();
    let (mut effects, mut ids): (Vec<(Span, Effect)>, Vec<Spanned<&str>>) = (Vec::new(), Vec::new());
    for Member { key, value } in members {
        match key.value.as_ref() {
            "tool_name" => tool = reader.string(value, "`tool_name`"),
            "roles" | "condition" | "effect" | "action" | "id" | "name" | "reason"
                if matches!(value.kind, Kind::Null) => {}
            "roles" => {
                let names = reader.strings(value, "`roles` of a rule").map(distinct_names);
                // A list of nothing but errors needs no other for being empty.
                let is_empty = matches!(&value.kind, Kind::List(elements) if elements.is_empty());
                (roles, roles_place) = (names.filter(|names| is_empty || !names.is_empty()), value.span);
            }
            "condition" => condition = Some(value),
            name @ ("effect" | "action") => {
                effects.extend(effect(reader, value, &format!("`{name}`")).map(|effect| (key.span, effect)));
            }
            name @ ("id" | "name") => ids.extend(reader.string(value, &format!("`{name}`"))),
            "reason" => reason = reader.string(value, "`reason`"),
            _ => reader.unknown_key(&key.value, key.span, &RULE_KEYS),
        }
    }
    if let [first, second] = effects[..] {
        let error = Diagnostic::new(Code::Effect, second.0, "a rule cannot have both `effect` and `action`");
        reader.error(error.label(first.0, "the other key").help("remove one of them"));
    }
    if let [first, second] = ids[..] {
        let error = Diagnostic::new(Code::Duplicate, second.span, "a rule cannot have both `id` and `name`");
        reader.error(error.label(first.span, "the other key").help("remove one of them"));
    }
    if members.iter().all(|member| member.key.value != "tool_name") {
        let error = Diagnostic::new(Code::MissingKey, first_of(node), "missing key `tool_name` in a rule");
        reader.error(error.help("name the tool that the rule applies to; `*` matches any characters"));
    }
    let effect = effects.first().map_or(Effect::Allow, |(_, effect)| *effect);
    Some(Rule { tool: tool?, roles, roles_place, effect, id: ids.first().copied(), reason, condition, span: node.span })
}

/// The rules that are left, in the current form and in the same order.
fn rewrite_rules<'n>(mut rules: Vec<Rule<'n>>, reader: &mut Reader<'_>) -> Vec<Node<'n>> {
    let left = replaced::drop_replaced(&mut rules, reader.diagnostics);
    overlap::warn(&rules, &left, reader.diagnostics);
    let ids = ids::all(&rules, &left);
    let mut fields = Fields::default();
    let mut written = Vec::with_capacity(rules.len());
    for ((rule, is_left), id) in rules.into_iter().zip(left).zip(ids) {
        // The condition of a rule that is replaced may have errors too.
        let condition = rule.condition.and_then(|condition| {
            let fields = is_left.then_some(&mut fields);
            Conditions::new(reader, rule.effect, fields).rewrite(condition)
        });
        if is_left {
            written.push(rewrite_rule(rule, id, condition));
        }
    }
    fields.warn(reader.diagnostics);
    written
}

fn rewrite_rule<'n>(rule: Rule<'n>, id: Cow<'n, str>, condition: Option<Node<'n>>) -> Node<'n> {
    let Rule { tool, roles, roles_place, effect, id: own, reason, span, .. } = rule;
    let place = own.map_or(tool.span, |own| own.span);
    let mut members =
        vec![member("id", place, string(id, place)), member(effect.name(), tool.span, string(tool.value, tool.span))];
    if let Some(roles) = roles {
        let names = roles.into_iter().map(|role| string(role.value, role.span)).collect();
        members.push(member("roles", roles_place, list(roles_place, names)));
    }
    members.extend(condition.map(|condition| member("when", condition.span, condition)));
    members.extend(reason.map(|reason| member("reason", reason.span, string(reason.value, reason.span))));
    Node { span, kind: Kind::Object(members) }
}

/// A list without duplicate strings, which legacy policies allow. Any other value unchanged.
fn distinct<'n>(node: &'n Node<'n>) -> Node<'n> {
    let Kind::List(elements) = &node.kind else { return node.clone() };
    let mut seen = std::collections::HashSet::new();
    let is_new = |element: &&Node<'n>| match &element.kind {
        Kind::String(text) => seen.insert(text.clone()),
        _ => true,
    };
    list(node.span, elements.iter().filter(is_new).cloned().collect())
}

fn distinct_names(mut names: Vec<Spanned<&str>>) -> Vec<Spanned<&str>> {
    let mut seen = std::collections::HashSet::new();
    names.retain(|name| seen.insert(name.value));
    names
}
