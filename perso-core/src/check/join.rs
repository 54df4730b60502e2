//! One document out of several: the main one, with the rules, roles, tools and definitions of those that it extends in front
//! of its own. Nodes keep their places, so findings point into the document where they are.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};

use crate::diagnostic::{Code, Diagnostic, Diagnostics, quoted};
use crate::documents::Documents;
use crate::policy::{Effect, Policy};
use crate::span::Span;
use crate::syntax::json::{self, Kind, Member, Node};

/// Parses a document and those that it extends, and joins them. `None` if one of them is not JSON; of those that it extends,
/// the check of each by itself reports it.
pub(super) fn joined<'t>(documents: &'t Documents, main: usize, diagnostics: &mut Diagnostics) -> Option<Node<'t>> {
    let (start, text) = documents.get(main);
    let mut root = json::parse_at(text, start, diagnostics)?;
    let below = documents.below(main);
    let mut others = Vec::with_capacity(below.len());
    let mut reported = Diagnostics::default();
    for document in below {
        let (start, text) = documents.get(document);
        others.push(json::parse_at(text, start, &mut reported)?);
    }
    if let Kind::Object(members) = &mut root.kind {
        let brace = Span { start: root.span.start, end: root.span.start + 1 };
        let others = others.into_iter().filter_map(|other| match other.kind {
            Kind::Object(members) => Some(members),
            _ => None,
        });
        Join { others: others.collect(), brace, diagnostics }.into(members);
    }
    Some(root)
}

struct Join<'t, 'd> {
    /// The keys of the documents that are extended.
    others: Vec<Vec<Member<'t>>>,
    /// The first character of the main document.
    brace: Span,
    diagnostics: &'d mut Diagnostics,
}

impl<'t> Join<'t, '_> {
    fn into(mut self, main: &mut Vec<Member<'t>>) {
        if self.others.is_empty() {
            return;
        }
        self.default(main);
        // A main document without rules is reported as such.
        if main.iter().any(|member| member.key.value == "rules") {
            self.lists("rules", main, |_| {});
        }
        // What a document guarantees holds for every policy that extends it.
        self.lists("guarantees", main, |_| {});
        self.lists("limits", main, |_| {});
        self.lists("labels", main, |_| {});
        let mut seen = HashSet::new();
        self.lists("tools", main, |tools| {
            // Several documents may list a tool. One that lists it twice is reported.
            let own: Vec<Cow<'t, str>> = tools.iter().filter_map(|tool| text(tool).cloned()).collect();
            tools.retain(|tool| text(tool).is_none_or(|name| !seen.contains(name)));
            seen.extend(own);
        });
        let mut seen = HashSet::new();
        self.lists("covers", main, |words| {
            // What one of the documents covers, all of them cover. One that lists a word twice is reported.
            let own: Vec<Cow<'t, str>> = words.iter().filter_map(|word| text(word).cloned()).collect();
            words.retain(|word| text(word).is_none_or(|name| !seen.contains(name)));
            seen.extend(own);
        });
        self.objects("roles", main, same_names, |name| Clash {
            message: format!("another document lists the role {} with other roles", quoted(name)),
            label: "listed here",
            help: "list the role in one of the documents, or with the same roles in both",
        });
        self.objects("define", main, Node::is_same, |name| Clash {
            message: format!("another document defines {} differently", quoted(name)),
            label: "defined here",
            help: "use the other definition, or choose another name",
        });
    }

    /// The default is that of the main document. The others must say the same, or nothing.
    fn default(&mut self, main: &[Member<'t>]) {
        let find = |members: &[Member<'t>]| {
            let member = members.iter().find(|member| member.key.value == "default")?;
            Some((text(&member.value)?.clone(), member.value.span))
        };
        let own = find(main);
        let effect = own.as_ref().map_or("deny", |(effect, _)| effect.as_ref());
        for (other, span) in self.others.iter().filter_map(|members| find(members)) {
            if other == effect {
                continue;
            }
            let message = format!("another document has the default {}", quoted(&other));
            let error = match &own {
                Some((_, place)) => Diagnostic::new(Code::Conflict, *place, message),
                None => Diagnostic::new(
                    Code::Conflict,
                    self.brace,
                    format!("{message}, and this one has none, which means `deny`"),
                ),
            };
            let help = "the default of the main document counts: a document that it extends must have the same or none";
            self.diagnostics.push(error.label(span, "the other default").help(help));
        }
    }

    /// The values of a key in the documents that are extended, and the one of the main document, as far as they are of the
    /// kind. Nothing where there is nothing to join: the main document stays as it is then.
    fn take(
        &mut self,
        key: &str,
        main: &mut Vec<Member<'t>>,
        is_kind: fn(&Kind<'t>) -> bool,
    ) -> Option<(Vec<Member<'t>>, Option<Member<'t>>)> {
        let mut found: Vec<Member<'t>> = self.others.iter_mut().filter_map(|members| take(members, key)).collect();
        found.retain(|member| is_kind(&member.value.kind));
        let own = main.iter().find(|member| member.key.value == key);
        if found.is_empty() || own.is_some_and(|own| !is_kind(&own.value.kind)) {
            return None;
        }
        Some((found, take(main, key)))
    }

    /// Joins lists. `look` sees each of them, in order.
    fn lists(&mut self, key: &str, main: &mut Vec<Member<'t>>, mut look: impl FnMut(&mut Vec<Node<'t>>)) {
        let Some((mut found, own)) = self.take(key, main, |kind| matches!(kind, Kind::List(_))) else { return };
        found.extend(own);
        let mut all = Vec::new();
        let mut place = None;
        for Member { key, value } in found {
            // That of the main document, if it has one.
            place = Some((key, value.span));
            if let Kind::List(mut elements) = value.kind {
                look(&mut elements);
                all.append(&mut elements);
            }
        }
        if let Some((key, span)) = place {
            main.push(Member { key, value: Node { span, kind: Kind::List(all) } });
        }
    }

    /// Joins objects. A key may be in two of them if its values are the same; otherwise `clash` says what is wrong.
    fn objects(
        &mut self,
        key: &str,
        main: &mut Vec<Member<'t>>,
        is_same: fn(&Node<'t>, &Node<'t>) -> bool,
        clash: impl Fn(&str) -> Clash,
    ) {
        let Some((mut found, own)) = self.take(key, main, |kind| matches!(kind, Kind::Object(_))) else { return };
        found.extend(own);
        let mut all: Vec<Member<'t>> = Vec::new();
        let mut places: HashMap<Cow<'t, str>, usize> = HashMap::new();
        let mut place = None;
        for Member { key, value } in found {
            place = Some((key, value.span));
            let Kind::Object(members) = value.kind else { continue };
            for member in members {
                let Some(first) = places.get(&member.key.value).and_then(|at| all.get(*at)) else {
                    places.insert(member.key.value.clone(), all.len());
                    all.push(member);
                    continue;
                };
                if !is_same(&first.value, &member.value) {
                    let Clash { message, label, help } = clash(&member.key.value);
                    let error = Diagnostic::new(Code::Conflict, member.key.span, message);
                    self.diagnostics.push(error.label(first.key.span, label).help(help));
                }
            }
        }
        if let Some((key, span)) = place {
            main.push(Member { key, value: Node { span, kind: Kind::Object(all) } });
        }
    }
}

/// What is wrong with a key that has different values in two documents.
struct Clash {
    message: String,
    label: &'static str,
    help: &'static str,
}

/// Whether two lists have the same names, in any order.
fn same_names(one: &Node<'_>, other: &Node<'_>) -> bool {
    let (Kind::List(one_list), Kind::List(other_list)) = (&one.kind, &other.kind) else { return one.is_same(other) };
    let names =
        |list: &[Node<'_>]| list.iter().map(|node| text(node).cloned().unwrap_or_default().into_owned()).collect();
    let [one_set, other_set]: [HashSet<String>; 2] = [names(one_list), names(other_list)];
    one_set == other_set
}

fn text<'n, 't>(node: &'n Node<'t>) -> Option<&'n Cow<'t, str>> {
    match &node.kind {
        Kind::String(text) => Some(text),
        _ => None,
    }
}

fn take<'t>(members: &mut Vec<Member<'t>>, key: &str) -> Option<Member<'t>> {
    let at = members.iter().position(|member| member.key.value == key)?;
    Some(members.remove(at))
}

/// Reports roles that inherit in `whole` from a role that a deny or ask rule, a limit or a label of `alone` tests, but not in `alone`: who has
/// that role decides whom the rule exempts, so only the rule's own document, and those that it extends, may say so.
pub(super) fn heirs(alone: &Policy, whole: &Policy, diagnostics: &mut Diagnostics) {
    let mut tested = BTreeMap::new();
    for rule in alone.scopes().filter(|rule| rule.effect != Effect::Allow) {
        rule.condition.each_role(&mut |role| _ = tested.entry(role).or_insert(rule));
    }
    for (role, rule) in tested {
        let Some(name) = alone.roles.get(role).map(|role| &role.name) else { continue };
        let Some(in_whole) = whole.roles.iter().position(|role| role.name == *name) else { continue };
        let known: HashSet<&str> =
            alone.roles.iter().filter(|heir| heir.closure.contains(&role)).map(|heir| heir.name.as_str()).collect();
        for (heir, place) in whole.roles.iter().zip(&whole.places.roles) {
            if heir.name == *name || !heir.closure.contains(&in_whole) || known.contains(heir.name.as_str()) {
                continue;
            }
            let message = format!("{} cannot inherit from {} here", quoted(&heir.name), quoted(name));
            let is_rule = alone.rules.iter().any(|known| known.span == rule.span);
            let what = if is_rule { format!("{} rule", rule.effect.name()) } else { "limit or label".to_owned() };
            let label = format!("this {what} of another document tests {}", quoted(name));
            let error = Diagnostic::new(Code::Conflict, *place, message).label(rule.span, label);
            let help =
                "list the role in the document of that test, or in one that it extends: there, it says who passes";
            diagnostics.push(error.help(help));
        }
    }
}
