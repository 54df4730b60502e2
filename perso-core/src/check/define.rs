//! `define` and `use`: conditions and operands with a name. Each use is replaced by what its definition says, before
//! anything else looks at the conditions, so the rest of the compiler never meets one.
//!
//! An object whose only key is `use` with one name becomes the definition's value, whatever that is. Among other keys, or
//! with a list of names, `use` becomes the keys of the definitions, which must be objects then. Nodes keep their places, so
//! findings point at the definition.

use std::borrow::Cow;
use std::collections::HashMap;

use super::names;
use crate::diagnostic::{Code, Diagnostic, Diagnostics, quoted};
use crate::span::Span;
use crate::syntax::document::first_of;
use crate::syntax::json::{Kind, MAX_DEPTH, Member, Node};
use crate::syntax::{Spanned, did_you_mean};

/// The most definitions.
const MAX_DEFINITIONS: usize = 1024;
/// The most values that all uses together may become, and bytes of text in them.
const MAX_VALUES: usize = 1_000_000;
const MAX_BYTES: usize = 32 << 20;

/// A definition, once the document is expanded.
#[derive(Debug)]
pub(super) struct Definition {
    pub(super) name: String,
    /// Where the name is.
    pub(super) span: Span,
    /// Where the value is.
    value: Span,
    /// The first use of it in a rule, by itself or through other definitions.
    pub(super) used: Option<Span>,
}

/// Replaces every use in the conditions of a document's rules. Where that fails, it is reported and the condition is left
/// out, so that what follows from it is not reported as well.
pub(super) fn expand(root: &mut Node<'_>, diagnostics: &mut Diagnostics) -> Vec<Definition> {
    let Kind::Object(members) = &mut root.kind else { return Vec::new() };
    let mut expansion = Expansion {
        entries: Vec::new(),
        by_name: HashMap::new(),
        user: None,
        left: Size { values: MAX_VALUES, bytes: MAX_BYTES },
        diagnostics,
    };
    for member in members.iter_mut().filter(|member| member.key.value == "define") {
        expansion.define(&mut member.value);
    }
    for member in members.iter_mut().filter(|member| matches!(member.key.value.as_ref(), "rules" | "guarantees")) {
        let Kind::List(rules) = &mut member.value.kind else { continue };
        for rule in rules {
            let Kind::Object(members) = &mut rule.kind else { continue };
            members.retain_mut(|member| {
                !matches!(member.key.value.as_ref(), "when" | "unless")
                    || expansion.node(&mut member.value, 0).is_some()
            });
        }
    }
    expansion.entries.into_iter().map(|entry| entry.definition).collect()
}

/// Says who uses the definition that a finding is in.
pub(super) fn name_user(definitions: &[Definition], finding: Diagnostic) -> Diagnostic {
    let is_within = |span: Span| finding.span.start >= span.start && finding.span.end <= span.end;
    match definitions.iter().find(|definition| is_within(definition.value)).and_then(|definition| definition.used) {
        Some(user) => finding.label(user, "used here"),
        None => finding,
    }
}

struct Expansion<'t, 'd> {
    entries: Vec<Entry<'t>>,
    by_name: HashMap<Cow<'t, str>, usize>,
    /// The use in a rule that is being replaced.
    user: Option<Span>,
    /// How much may still be made.
    left: Size,
    diagnostics: &'d mut Diagnostics,
}

/// How large values are.
#[derive(Clone, Copy, Default)]
struct Size {
    values: usize,
    bytes: usize,
}

struct Entry<'t> {
    definition: Definition,
    state: State<'t>,
}

enum State<'t> {
    /// Not expanded yet.
    Written(Node<'t>),
    /// Its own uses are being replaced.
    Open,
    Expanded(Node<'t>),
    /// It cannot be expanded, which has been reported.
    Broken,
}

impl<'t> Expansion<'t, '_> {
    fn error(&mut self, code: Code, span: Span, message: String, help: Option<String>) {
        self.diagnostics.push(Diagnostic::new(code, span, message).maybe_help(help));
    }

    /// Takes the definitions out of the value of `define`.
    fn define(&mut self, node: &mut Node<'t>) {
        let Kind::Object(members) = &mut node.kind else {
            let message = format!("`define` must be an object, found {}", node.describe());
            let help = "name each condition or operand: `{\"verified\": {\"agent.mfa_verified\": true}}`";
            self.error(Code::WrongType, first_of(node), message, Some(help.to_owned()));
            return;
        };
        if let Some(over) = members.get(MAX_DEFINITIONS) {
            let (span, message) = (over.key.span, format!("the policy has more than {MAX_DEFINITIONS} definitions"));
            self.error(Code::Limit, span, message, None);
            return;
        }
        for Member { key, value } in std::mem::take(members) {
            let name = Spanned { value: key.value.as_ref(), span: key.span };
            let is_named = names::check("the name of a definition", name, names::MAX_ID, self.diagnostics);
            let definition = Definition { name: key.value.to_string(), span: key.span, value: value.span, used: None };
            self.by_name.insert(key.value, self.entries.len());
            self.entries
                .push(Entry { definition, state: if is_named { State::Written(value) } else { State::Broken } });
        }
    }

    /// Replaces the uses in a value; `None` if one cannot be. Goes no deeper than values may be nested: the definitions that
    /// are being expanded around it count.
    fn node(&mut self, node: &mut Node<'t>, depth: usize) -> Option<()> {
        if depth > MAX_DEPTH {
            self.too_deep(first_of(node));
            return None;
        }
        match &mut node.kind {
            Kind::List(elements) => {
                // Each of them, so that all that is wrong is reported.
                let done: Vec<_> = elements.iter_mut().map(|element| self.node(element, depth + 1)).collect();
                done.into_iter().collect()
            }
            Kind::Object(members) => match members.as_slice() {
                [Member { key, value: Node { kind: Kind::String(name), span } }] if key.value == "use" => {
                    let name = Spanned { value: name.clone(), span: *span };
                    *node = self.value(&name, depth)?;
                    Some(())
                }
                _ => self.members(members, depth),
            },
            _ => Some(()),
        }
    }

    fn too_deep(&mut self, span: Span) {
        let message = format!("with its definitions, the condition is nested more than {MAX_DEPTH} levels deep");
        self.error(Code::Limit, span, message, None);
    }

    /// Replaces the uses among the keys of an object, and in their values.
    fn members(&mut self, members: &mut Vec<Member<'t>>, depth: usize) -> Option<()> {
        let mut is_whole = true;
        if members.iter().any(|member| member.key.value == "use") {
            for mut member in std::mem::take(members) {
                if member.key.value != "use" {
                    is_whole &= self.node(&mut member.value, depth + 1).is_some();
                    members.push(member);
                } else if let Some(spliced) = self.spliced(&member.value, depth) {
                    members.extend(spliced);
                } else {
                    is_whole = false;
                }
            }
        } else {
            for member in members {
                is_whole &= self.node(&mut member.value, depth + 1).is_some();
            }
        }
        is_whole.then_some(())
    }

    /// The keys of the definitions that a `use` beside other keys names.
    fn spliced(&mut self, names: &Node<'t>, depth: usize) -> Option<Vec<Member<'t>>> {
        let span = names.span;
        let names = match &names.kind {
            Kind::List(names) if names.is_empty() => {
                self.error(Code::Empty, span, "`use` is an empty list".to_owned(), None);
                return None;
            }
            Kind::List(names) => names.as_slice(),
            _ => std::slice::from_ref(names),
        };
        let mut members = Vec::new();
        for node in names {
            let Kind::String(name) = &node.kind else {
                let message =
                    format!("`use` expects the name of a definition or a list of names, found {}", node.describe());
                self.error(Code::WrongType, first_of(node), message, None);
                return None;
            };
            let value = self.value(&Spanned { value: name.clone(), span: node.span }, depth)?;
            let what = value.describe();
            let Kind::Object(spliced) = value.kind else {
                let message =
                    format!("the definition {} is {what}, so it cannot be combined with others", quoted(name));
                let help = "only objects can; use any other as a whole operand: `{\"in\": {\"use\": \"names\"}}`";
                self.error(Code::WrongType, node.span, message, Some(help.to_owned()));
                return None;
            };
            members.extend(spliced);
        }
        Some(members)
    }

    /// What a definition stands for, with its own uses replaced.
    fn value(&mut self, name: &Spanned<Cow<'t, str>>, depth: usize) -> Option<Node<'t>> {
        let Some(index) = self.by_name.get(&name.value).copied() else {
            let near = || did_you_mean(&name.value, self.by_name.keys().map(AsRef::as_ref));
            let help = if self.diagnostics.is_full_of_errors() { None } else { near() };
            let help = help.unwrap_or_else(|| "definitions are under the key `define` of the policy".to_owned());
            let message = format!("unknown definition {}", quoted(&name.value));
            self.error(Code::UnknownDefinition, name.span, message, Some(help));
            return None;
        };
        let is_of_rule = self.user.is_none();
        let user = *self.user.get_or_insert(name.span);
        let value = self.expanded(index, name, user, depth);
        if is_of_rule {
            self.user = None;
        }
        let value = value?;
        let (size, levels) = measure(&value);
        if depth + levels > MAX_DEPTH {
            self.too_deep(name.span);
            return None;
        }
        if size.values > self.left.values || size.bytes > self.left.bytes {
            let message =
                format!("the uses of definitions stand for more than {MAX_VALUES} values or {MAX_BYTES} bytes");
            self.error(Code::Limit, name.span, message, None);
            return None;
        }
        self.left.values -= size.values;
        self.left.bytes -= size.bytes;
        Some(value)
    }

    fn expanded(&mut self, index: usize, name: &Spanned<Cow<'t, str>>, user: Span, depth: usize) -> Option<Node<'t>> {
        let entry = self.entries.get_mut(index)?;
        entry.definition.used.get_or_insert(user);
        match std::mem::replace(&mut entry.state, State::Open) {
            State::Expanded(value) => {
                entry.state = State::Expanded(value.clone());
                Some(value)
            }
            State::Broken => {
                entry.state = State::Broken;
                None
            }
            State::Open => {
                let span = entry.definition.span;
                let message = format!("the definition {} uses itself", quoted(&name.value));
                self.diagnostics
                    .push(Diagnostic::new(Code::DefinitionCycle, name.span, message).label(span, "defined here"));
                None
            }
            State::Written(mut value) => {
                let is_whole = self.node(&mut value, depth + 1).is_some();
                let entry = self.entries.get_mut(index)?;
                entry.state = if is_whole { State::Expanded(value.clone()) } else { State::Broken };
                is_whole.then_some(value)
            }
        }
    }
}

/// How large a value is, and how many levels it has.
fn measure(node: &Node<'_>) -> (Size, usize) {
    let (mut size, mut levels) = (Size { values: 1, bytes: 0 }, 0);
    let mut add = |inner: &Node<'_>| {
        let (more, deep) = measure(inner);
        size = Size { values: size.values + more.values, bytes: size.bytes + more.bytes };
        levels = levels.max(deep + 1);
    };
    match &node.kind {
        Kind::List(elements) => elements.iter().for_each(add),
        Kind::Object(members) => {
            members.iter().for_each(|member| add(&member.value));
            size.bytes += members.iter().map(|member| member.key.value.len()).sum::<usize>();
        }
        Kind::String(text) => size.bytes = text.len(),
        Kind::Number(text) => size.bytes = text.len(),
        Kind::Null | Kind::Bool(_) => {}
    }
    (size, levels)
}
