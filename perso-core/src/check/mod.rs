//! Stage 2: from the syntax tree to the checked policy. Names, operators and limits are resolved here.

mod define;
pub(crate) mod legacy;
mod names;
mod operator;
mod path;
mod roles;
mod rules;
mod scope;
mod tools;

use self::roles::Roles;
use self::scope::Scope;
use crate::diagnostic::{Code, Diagnostic, Diagnostics, quoted};
use crate::policy::{Effect, Places, Policy};
use crate::span::Span;
use crate::syntax::{did_you_mean, document, json};

/// A policy text, checked.
#[derive(Debug)]
pub struct Checked {
    /// The policy; `None` if, and only if, there is an error among the diagnostics.
    pub policy: Option<Policy>,
    /// The examples of the policy's rules, to be run; empty where there is no policy.
    pub examples: Vec<Example>,
    /// Every error, and what a legacy document no longer means, in the order of the text. What else is likely wrong is
    /// said by [`analyze::warnings`](crate::analyze::warnings).
    pub diagnostics: Vec<Diagnostic>,
}

/// A call that a rule gives as an example.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// The rule that gives it, an index into [`Policy::rules`].
    pub rule: usize,
    /// What the policy must decide for it.
    pub expected: Effect,
    /// The call as it is written, a JSON object.
    pub call: String,
    /// Where it stands.
    pub span: Span,
}

/// Checks a policy text, or a legacy one (`perso-1.0.0`). Every error is reported at once: one mistake does not keep the
/// rest from being checked.
///
/// ```
/// use perso_core::check::check;
///
/// let checked = check(r#"{
///     "perso": 1,
///     "rules": [{ "id": "small", "allow": "refund", "when": { "args.amount": { "lte": 500 } } }]
/// }"#);
/// assert!(checked.policy.is_some() && checked.diagnostics.is_empty());
///
/// let checked = check(r#"{ "perso": 1, "rules": [{ "id": "small", "alow": "refund" }] }"#);
/// assert!(checked.policy.is_none());
/// assert_eq!(checked.diagnostics[1].message, "unknown key `alow`");
/// assert_eq!(checked.diagnostics[1].help.as_deref(), Some("did you mean `allow`?"));
/// ```
#[must_use]
pub fn check(text: &str) -> Checked {
    let mut diagnostics = Diagnostics::default();
    let mut definitions = Vec::new();
    let resolved = json::parse(text, &mut diagnostics).and_then(|mut root| {
        if legacy::is_first(&root) {
            let root = legacy::rewrite(&root, &mut diagnostics);
            let document = document::document(&root, &mut diagnostics)?;
            return Some(resolve(text, &document, &mut diagnostics));
        }
        definitions = define::expand(&mut root, &mut diagnostics);
        let document = document::document(&root, &mut diagnostics)?;
        let (mut policy, examples) = resolve(text, &document, &mut diagnostics);
        let unused = definitions.iter().filter(|definition| definition.used.is_none());
        policy.places.unused_definitions =
            unused.map(|definition| (definition.name.clone(), definition.span)).collect();
        Some((policy, examples))
    });
    let refused = diagnostics.has_errors();
    let diagnostics =
        diagnostics.finish().into_iter().map(|finding| define::name_user(&definitions, finding)).collect();
    match resolved {
        Some((policy, examples)) if !refused => Checked { policy: Some(policy), examples, diagnostics },
        _ => Checked { policy: None, examples: Vec::new(), diagnostics },
    }
}

/// The policy that a document means. Where it is broken, what cannot be resolved is left out and reported.
fn resolve(text: &str, document: &document::Document<'_>, diagnostics: &mut Diagnostics) -> (Policy, Vec<Example>) {
    let default = match &document.default {
        Some(effect) if effect.value == "allow" => Effect::Allow,
        Some(effect) if effect.value != "deny" => {
            let message = format!("`default` must be `\"deny\"` or `\"allow\"`, found {}", quoted(effect.value));
            let help = did_you_mean(effect.value, ["deny", "allow"]);
            diagnostics.push(Diagnostic::new(Code::Effect, effect.span, message).maybe_help(help));
            Effect::Deny
        }
        _ => Effect::Deny,
    };
    let tools = document.tools.as_deref().map(|tools| tools::listed(tools, diagnostics));
    let roles = Roles::new(document.roles.as_deref(), diagnostics);
    let mut scope = Scope::new(text, roles, diagnostics);
    let (rules, examples) = rules::resolve(&document.rules, &mut scope);
    let Scope { attributes, sums, places, roles, .. } = scope;
    let policy = Policy {
        description: document.description.map(str::to_owned),
        default,
        places: Places {
            default: document.default.map(|default| default.span),
            roles: roles.spans(),
            attributes: places,
            unused_definitions: Vec::new(),
            tools: tools.iter().flatten().map(|tool| tool.span).collect(),
        },
        roles: roles.finish(),
        tools: tools.map(|tools| tools.into_iter().map(|tool| tool.value.to_owned()).collect()),
        rules,
        attributes,
        sums,
    };
    tools::check(&policy, document.tools.as_deref(), diagnostics);
    (policy, examples)
}
