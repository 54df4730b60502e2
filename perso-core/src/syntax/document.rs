//! The policy as it is written: every key known, every value of the JSON type its key takes, nothing resolved yet.
//!
//! What is broken draws an error and is left out, so that the rest can be checked all the same.

use super::json::{Kind, Member, Node};
use super::{Spanned, did_you_mean};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, quoted};
use crate::span::Span;

/// A policy document.
#[derive(Debug, Default)]
pub(crate) struct Document<'d> {
    pub(crate) description: Option<&'d str>,
    pub(crate) roles: Option<Vec<Role<'d>>>,
    pub(crate) tools: Option<Vec<Spanned<&'d str>>>,
    pub(crate) covers: Option<Vec<Spanned<&'d str>>>,
    pub(crate) rules: Vec<Rule<'d>>,
    /// What must be true of the policy, as rules: `never_allow` is what they deny, and `always_allow` what they allow.
    pub(crate) guarantees: Vec<Rule<'d>>,
    pub(crate) limits: Vec<Limit<'d>>,
    pub(crate) labels: Vec<Label<'d>>,
    pub(crate) default: Option<Spanned<&'d str>>,
}

/// A line of the table of roles.
#[derive(Debug)]
pub(crate) struct Role<'d> {
    pub(crate) name: Spanned<&'d str>,
    pub(crate) inherits: Vec<Spanned<&'d str>>,
}

/// A rule.
#[derive(Debug)]
pub(crate) struct Rule<'d> {
    /// The whole rule.
    pub(crate) span: Span,
    pub(crate) id: Option<Spanned<&'d str>>,
    pub(crate) allow: Option<Tools<'d>>,
    pub(crate) ask: Option<Tools<'d>>,
    pub(crate) deny: Option<Tools<'d>>,
    pub(crate) roles: Option<Vec<Spanned<&'d str>>>,
    pub(crate) when: Option<Condition<'d>>,
    pub(crate) unless: Option<Condition<'d>>,
    pub(crate) reason: Option<Spanned<&'d str>>,
    pub(crate) allows: Vec<Span>,
    pub(crate) asks: Vec<Span>,
    pub(crate) denies: Vec<Span>,
}

impl Rule<'_> {
    /// A rule that has nothing yet.
    const fn empty(span: Span) -> Self {
        Self {
            span,
            id: None,
            allow: None,
            ask: None,
            deny: None,
            roles: None,
            when: None,
            unless: None,
            reason: None,
            allows: Vec::new(),
            asks: Vec::new(),
            denies: Vec::new(),
        }
    }
}

/// A limit. The calls that it is about are those that its scope denies.
#[derive(Debug)]
pub(crate) struct Limit<'d> {
    pub(crate) scope: Rule<'d>,
    pub(crate) per: Vec<Spanned<&'d str>>,
    pub(crate) sum: Option<Spanned<&'d str>>,
    pub(crate) max: Option<&'d Node<'d>>,
    pub(crate) window: Option<Spanned<&'d str>>,
    pub(crate) zone: Option<Spanned<&'d str>>,
    pub(crate) over: Option<Spanned<&'d str>>,
}

/// Labels for the sessions of the calls that its scope denies.
#[derive(Debug)]
pub(crate) struct Label<'d> {
    pub(crate) scope: Rule<'d>,
    pub(crate) add: Vec<Spanned<&'d str>>,
}

/// An effect of a rule: its key, and the tool patterns that are its value.
#[derive(Debug)]
pub(crate) struct Tools<'d> {
    pub(crate) key: Span,
    pub(crate) patterns: Vec<Spanned<&'d str>>,
}

/// A condition: all of its parts; never empty, unless what was in it is broken.
#[derive(Debug)]
pub(crate) struct Condition<'d> {
    pub(crate) parts: Vec<Part<'d>>,
}

/// One key of a condition.
#[derive(Debug)]
pub(crate) enum Part<'d> {
    All(Vec<Condition<'d>>),
    Any(Vec<Condition<'d>>),
    Not(Condition<'d>),
    /// An attribute path and what it is tested for: a scalar, or an object of operators.
    Test {
        path: Spanned<&'d str>,
        test: &'d Node<'d>,
    },
}

/// How deep `all`, `any` and `not` may be nested in one another.
pub(crate) const MAX_CONDITION_DEPTH: usize = 32;

const DOCUMENT_KEYS: [&str; 13] = [
    "perso",
    "$schema",
    "description",
    "extends",
    "roles",
    "tools",
    "covers",
    "define",
    "rules",
    "limits",
    "labels",
    "guarantees",
    "default",
];
const RULE_KEYS: [&str; 9] = ["id", "allow", "ask", "deny", "roles", "when", "unless", "reason", "examples"];
const LIMIT_KEYS: [&str; 12] =
    ["id", "of", "roles", "when", "unless", "per", "sum", "max", "window", "zone", "over", "reason"];
const LABEL_KEYS: [&str; 6] = ["id", "of", "roles", "when", "unless", "add"];
const GUARANTEE_KEYS: [&str; 6] = ["id", "never_allow", "always_allow", "roles", "when", "unless"];

/// Finds the policy in a JSON value. `None` only where nothing in it can be looked at.
pub(crate) fn document<'d>(root: &'d Node<'d>, diagnostics: &mut Diagnostics) -> Option<Document<'d>> {
    let mut reader = Reader { diagnostics };
    let members = reader.object(root, "a policy")?;
    let mut document = Document::default();
    let (mut has_version, mut has_rules) = (false, false);
    for Member { key, value } in members {
        match key.value.as_ref() {
            "perso" => {
                has_version = true;
                reader.version(value);
            }
            "$schema" => drop(reader.string(value, "`$schema`")),
            "description" => document.description = reader.string(value, "`description`").map(|text| text.value),
            "roles" => document.roles = reader.roles_table(value),
            "tools" => document.tools = reader.strings(value, "`tools`"),
            "covers" => document.covers = reader.covers(value),
            // Those documents have been joined with this one, and what uses definitions has been replaced.
            "extends" | "define" => {}
            "rules" => {
                has_rules = true;
                if let Some(rules) = reader.list(value, "`rules`") {
                    document.rules = rules.iter().filter_map(|rule| reader.rule(rule)).collect();
                }
            }
            "guarantees" => {
                if let Some(guarantees) = reader.list(value, "`guarantees`") {
                    document.guarantees = guarantees.iter().filter_map(|node| reader.guarantee(node)).collect();
                }
            }
            "limits" => {
                if let Some(limits) = reader.list(value, "`limits`") {
                    document.limits = limits.iter().filter_map(|node| reader.limit(node)).collect();
                }
            }
            "labels" => {
                if let Some(labels) = reader.list(value, "`labels`") {
                    document.labels = labels.iter().filter_map(|node| reader.label(node)).collect();
                }
            }
            "default" => document.default = reader.string(value, "`default`"),
            _ => reader.unknown_key(&key.value, key.span, &DOCUMENT_KEYS),
        }
    }
    let brace = Span { start: root.span.start, end: root.span.start + 1 };
    if !has_version {
        let error = Diagnostic::new(Code::MissingKey, brace, "missing key `perso`");
        reader.error(error.help("add the version of the policy language: `\"perso\": 1`"));
    }
    if !has_rules {
        reader.error(Diagnostic::new(Code::MissingKey, brace, "missing key `rules`"));
    }
    Some(document)
}

/// Takes values as what they must be; those that are something else draw an error.
pub(crate) struct Reader<'r> {
    pub(crate) diagnostics: &'r mut Diagnostics,
}

impl Reader<'_> {
    pub(crate) fn error(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    pub(crate) fn wrong_type(&mut self, node: &Node<'_>, what: &str, takes: &str) {
        let message = format!("{what} must be {takes}, found {}", node.describe());
        self.error(Diagnostic::new(Code::WrongType, first_of(node), message));
    }

    pub(crate) fn unknown_key(&mut self, key: &str, span: Span, known: &[&str]) {
        let help =
            did_you_mean(key, known.iter().copied()).unwrap_or_else(|| format!("expected one of {}", listed(known)));
        self.error(Diagnostic::new(Code::UnknownKey, span, format!("unknown key {}", quoted(key))).help(help));
    }

    pub(crate) fn object<'d>(&mut self, node: &'d Node<'d>, what: &str) -> Option<&'d [Member<'d>]> {
        if let Kind::Object(members) = &node.kind {
            return Some(members);
        }
        self.wrong_type(node, what, "an object");
        None
    }

    pub(crate) fn list<'d>(&mut self, node: &'d Node<'d>, what: &str) -> Option<&'d [Node<'d>]> {
        if let Kind::List(elements) = &node.kind {
            return Some(elements);
        }
        self.wrong_type(node, what, "a list");
        None
    }

    pub(crate) fn string<'d>(&mut self, node: &'d Node<'d>, what: &str) -> Option<Spanned<&'d str>> {
        if let Kind::String(text) = &node.kind {
            return Some(Spanned { value: text, span: node.span });
        }
        self.wrong_type(node, what, "a string");
        None
    }

    /// A list of strings; elements that are none draw an error and are left out.
    pub(crate) fn strings<'d>(&mut self, node: &'d Node<'d>, what: &str) -> Option<Vec<Spanned<&'d str>>> {
        let elements = self.list(node, what)?;
        let what = format!("an element of {what}");
        Some(elements.iter().filter_map(|element| self.string(element, &what)).collect())
    }

    fn version(&mut self, node: &Node<'_>) {
        if !matches!(node.kind, Kind::Number("1")) {
            let error = Diagnostic::new(
                Code::Version,
                first_of(node),
                "`perso` must be `1`, the version of the policy language",
            );
            self.error(error);
        }
    }

    fn roles_table<'d>(&mut self, node: &'d Node<'d>) -> Option<Vec<Role<'d>>> {
        let Kind::Object(members) = &node.kind else {
            let message = format!("`roles` must be an object, found {}", node.describe());
            let help = "list each role with the roles it inherits from: `{\"agent\": [], \"manager\": [\"agent\"]}`";
            self.error(Diagnostic::new(Code::WrongType, first_of(node), message).help(help));
            return None;
        };
        let role = |member: &'d Member<'d>| {
            let what = format!("the role {}", quoted(&member.key.value));
            let inherits = self.strings(&member.value, &what).unwrap_or_default();
            Role { name: Spanned { value: &*member.key.value, span: member.key.span }, inherits }
        };
        Some(members.iter().map(role).collect())
    }

    fn covers<'d>(&mut self, node: &'d Node<'d>) -> Option<Vec<Spanned<&'d str>>> {
        if matches!(&node.kind, Kind::List(elements) if elements.is_empty()) {
            let error = Diagnostic::new(Code::Empty, node.span, "`covers` is an empty list");
            self.error(error.help("omit `covers` to judge only tools"));
        }
        self.strings(node, "`covers`")
    }

    fn rule<'d>(&mut self, node: &'d Node<'d>) -> Option<Rule<'d>> {
        let members = self.object(node, "a rule")?;
        let mut rule = Rule::empty(node.span);
        let brace = Span { start: node.span.start, end: node.span.start + 1 };
        for Member { key, value } in members {
            match key.value.as_ref() {
                "id" => rule.id = self.string(value, "`id`"),
                "allow" => rule.allow = self.tools(key.span, value, "`allow`"),
                "ask" => rule.ask = self.tools(key.span, value, "`ask`"),
                "deny" => rule.deny = self.tools(key.span, value, "`deny`"),
                "roles" => rule.roles = self.rule_roles(value),
                "when" => rule.when = self.condition(value, "`when`", 0),
                "unless" => rule.unless = self.condition(value, "`unless`", 0),
                "reason" => rule.reason = self.string(value, "`reason`"),
                "examples" => self.examples(value, &mut rule),
                _ => self.unknown_key(&key.value, key.span, &RULE_KEYS),
            }
        }
        let has = |name: &str| members.iter().any(|member| member.key.value == name);
        if !has("id") {
            self.error(Diagnostic::new(Code::MissingKey, brace, "missing key `id` in a rule"));
        }
        if !["allow", "ask", "deny"].into_iter().any(has) {
            let error = Diagnostic::new(Code::MissingKey, brace, "missing key `allow`, `ask` or `deny` in a rule");
            self.error(error.help("list the tools that the rule applies to under `allow`, `ask` or `deny`"));
        }
        Some(rule)
    }

    fn guarantee<'d>(&mut self, node: &'d Node<'d>) -> Option<Rule<'d>> {
        let members = self.object(node, "a guarantee")?;
        let mut guarantee = Rule::empty(node.span);
        let brace = Span { start: node.span.start, end: node.span.start + 1 };
        for Member { key, value } in members {
            match key.value.as_ref() {
                "id" => guarantee.id = self.string(value, "`id`"),
                "never_allow" => guarantee.deny = self.tools(key.span, value, "`never_allow`"),
                "always_allow" => guarantee.allow = self.tools(key.span, value, "`always_allow`"),
                "roles" => guarantee.roles = self.rule_roles(value),
                "when" => guarantee.when = self.condition(value, "`when`", 0),
                "unless" => guarantee.unless = self.condition(value, "`unless`", 0),
                _ => self.unknown_key(&key.value, key.span, &GUARANTEE_KEYS),
            }
        }
        let key = |name: &str| members.iter().find(|member| member.key.value == name).map(|member| member.key.span);
        if key("id").is_none() {
            self.error(Diagnostic::new(Code::MissingKey, brace, "missing key `id` in a guarantee"));
        }
        match (key("never_allow"), key("always_allow")) {
            (Some(one), Some(other)) => {
                let message = "a guarantee cannot have both `never_allow` and `always_allow`";
                let error = Diagnostic::new(Code::Effect, one.max(other), message);
                self.error(error.label(one.min(other), "the other").help("split it into two guarantees"));
                return None;
            }
            (None, None) => {
                let message = "missing key `never_allow` or `always_allow` in a guarantee";
                let help = "list the tools that are never allowed under `never_allow`, or those that always are under \
                            `always_allow`";
                self.error(Diagnostic::new(Code::MissingKey, brace, message).help(help));
            }
            _ => {}
        }
        Some(guarantee)
    }

    fn limit<'d>(&mut self, node: &'d Node<'d>) -> Option<Limit<'d>> {
        let members = self.object(node, "a limit")?;
        let scope = Rule::empty(node.span);
        let mut limit = Limit { scope, per: Vec::new(), sum: None, max: None, window: None, zone: None, over: None };
        for Member { key, value } in members {
            match key.value.as_ref() {
                "per" => limit.per = self.one_or_more(value, "`per`", "an attribute path").unwrap_or_default(),
                "sum" => limit.sum = self.string(value, "`sum`"),
                "max" => limit.max = Some(value),
                "window" => limit.window = self.string(value, "`window`"),
                "zone" => limit.zone = self.string(value, "`zone`"),
                "over" => limit.over = self.string(value, "`over`"),
                "reason" => limit.scope.reason = self.string(value, "`reason`"),
                _ => self.scope(key, value, &mut limit.scope, &LIMIT_KEYS),
            }
        }
        self.required(node, members, "a limit", &["id", "of", "max", "window"]);
        Some(limit)
    }

    fn label<'d>(&mut self, node: &'d Node<'d>) -> Option<Label<'d>> {
        let members = self.object(node, "a label")?;
        let mut label = Label { scope: Rule::empty(node.span), add: Vec::new() };
        for Member { key, value } in members {
            match key.value.as_ref() {
                "add" => label.add = self.one_or_more(value, "`add`", "a label").unwrap_or_default(),
                _ => self.scope(key, value, &mut label.scope, &LABEL_KEYS),
            }
        }
        self.required(node, members, "a label", &["id", "of", "add"]);
        Some(label)
    }

    /// A key that says which calls a limit or a label is about.
    fn scope<'d>(
        &mut self,
        key: &Spanned<std::borrow::Cow<'d, str>>,
        value: &'d Node<'d>,
        scope: &mut Rule<'d>,
        known: &[&str],
    ) {
        match key.value.as_ref() {
            "id" => scope.id = self.string(value, "`id`"),
            "of" => scope.deny = self.tools(key.span, value, "`of`"),
            "roles" => scope.roles = self.rule_roles(value),
            "when" => scope.when = self.condition(value, "`when`", 0),
            "unless" => scope.unless = self.condition(value, "`unless`", 0),
            _ => self.unknown_key(&key.value, key.span, known),
        }
    }

    fn required<'d>(&mut self, node: &Node<'d>, members: &[Member<'d>], what: &str, keys: &[&str]) {
        let brace = Span { start: node.span.start, end: node.span.start + 1 };
        for key in keys {
            if !members.iter().any(|member| member.key.value == *key) {
                self.error(Diagnostic::new(Code::MissingKey, brace, format!("missing key `{key}` in {what}")));
            }
        }
    }

    /// A string, or a list of them that is not empty.
    fn one_or_more<'d>(&mut self, node: &'d Node<'d>, what: &str, one: &str) -> Option<Vec<Spanned<&'d str>>> {
        match &node.kind {
            Kind::String(text) => Some(vec![Spanned { value: text.as_ref(), span: node.span }]),
            Kind::List(elements) if elements.is_empty() => {
                self.error(Diagnostic::new(Code::Empty, node.span, format!("{what} is an empty list")));
                None
            }
            Kind::List(_) => self.strings(node, what),
            _ => {
                self.wrong_type(node, what, &format!("{one} or a list of them"));
                None
            }
        }
    }

    fn rule_roles<'d>(&mut self, node: &'d Node<'d>) -> Option<Vec<Spanned<&'d str>>> {
        if matches!(&node.kind, Kind::List(elements) if elements.is_empty()) {
            let error = Diagnostic::new(Code::Empty, node.span, "`roles` is an empty list");
            self.error(error.help("omit `roles` to apply the rule to every caller"));
        }
        self.strings(node, "`roles` of a rule")
    }

    /// One tool pattern, or a list of them.
    fn tools<'d>(&mut self, key: Span, node: &'d Node<'d>, what: &str) -> Option<Tools<'d>> {
        let patterns = match &node.kind {
            Kind::String(text) => vec![Spanned { value: text.as_ref(), span: node.span }],
            Kind::List(elements) if elements.is_empty() => {
                let message = format!("{what} is an empty list");
                self.error(Diagnostic::new(Code::Empty, node.span, message).help("use `\"*\"` to match every tool"));
                return None;
            }
            Kind::List(_) => self.strings(node, what)?,
            _ => {
                self.wrong_type(node, what, "a tool name or a list of them");
                return None;
            }
        };
        Some(Tools { key, patterns })
    }

    fn examples<'d>(&mut self, node: &'d Node<'d>, rule: &mut Rule<'d>) {
        for Member { key, value } in self.object(node, "`examples`").unwrap_or_default() {
            let calls = match key.value.as_ref() {
                "allows" => &mut rule.allows,
                "asks" => &mut rule.asks,
                "denies" => &mut rule.denies,
                _ => {
                    self.unknown_key(&key.value, key.span, &["allows", "asks", "denies"]);
                    continue;
                }
            };
            let what = format!("`{}`", key.value);
            for call in self.list(value, &what).unwrap_or_default() {
                if self.object(call, "an example").is_some() {
                    calls.push(call.span);
                }
            }
        }
    }

    fn condition<'d>(&mut self, node: &'d Node<'d>, what: &str, depth: usize) -> Option<Condition<'d>> {
        if depth > MAX_CONDITION_DEPTH {
            let message = format!("`all`, `any` and `not` are nested more than {MAX_CONDITION_DEPTH} levels deep");
            self.error(Diagnostic::new(Code::Limit, first_of(node), message));
            return None;
        }
        let Kind::Object(members) = &node.kind else {
            let message = format!("{what} must be a condition, found {}", node.describe());
            let error = Diagnostic::new(Code::WrongType, first_of(node), message);
            self.error(error.help("a condition is an object: `{\"args.amount\": {\"lte\": 500}}`"));
            return None;
        };
        if members.is_empty() {
            let error = Diagnostic::new(Code::Empty, node.span, "empty condition");
            self.error(error.help("remove it, or add a test such as `{\"args.amount\": {\"lte\": 500}}`"));
            return None;
        }
        Some(Condition { parts: members.iter().filter_map(|member| self.part(member, depth)).collect() })
    }

    fn part<'d>(&mut self, member: &'d Member<'d>, depth: usize) -> Option<Part<'d>> {
        let Member { key, value } = member;
        match key.value.as_ref() {
            "all" | "All" => Some(Part::All(self.conditions(value, "`all`", depth)?)),
            "any" | "Any" => Some(Part::Any(self.conditions(value, "`any`", depth)?)),
            "not" | "Not" => Some(Part::Not(self.condition(value, "`not`", depth + 1)?)),
            path => Some(Part::Test { path: Spanned { value: path, span: key.span }, test: value }),
        }
    }

    fn conditions<'d>(&mut self, node: &'d Node<'d>, what: &str, depth: usize) -> Option<Vec<Condition<'d>>> {
        let Kind::List(elements) = &node.kind else {
            self.wrong_type(node, what, "a list of conditions");
            return None;
        };
        if elements.is_empty() {
            let message = format!("{what} is empty");
            self.error(Diagnostic::new(Code::Empty, node.span, message));
            return None;
        }
        let element = format!("an element of {what}");
        Some(elements.iter().filter_map(|condition| self.condition(condition, &element, depth + 1)).collect())
    }
}

/// The part of a value to underline: all of a scalar, the bracket of a list or object.
pub(crate) fn first_of(node: &Node<'_>) -> Span {
    match node.kind {
        Kind::List(_) | Kind::Object(_) => Span { start: node.span.start, end: node.span.start + 1 },
        _ => node.span,
    }
}

/// `a`, `b`, `c`
pub(crate) fn listed(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
