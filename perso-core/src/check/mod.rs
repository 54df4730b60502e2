//! Stage 2: from the syntax tree to the checked policy. Names, operators and limits are resolved here.

mod covers;
mod define;
mod extends;
mod join;
pub(crate) mod legacy;
mod names;
mod obligations;
mod operator;
mod path;
mod roles;
mod rules;
mod scope;
mod tools;

pub use self::extends::Nothing;

use self::roles::Roles;
use self::scope::Scope;
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Severity, quoted};
use crate::documents::{Documents, Resolver};
use crate::module::{Manifest, ReadError};
use crate::policy::{Effect, Places, Policy};
use crate::span::Span;
use crate::syntax::{did_you_mean, document, json};
use std::collections::{HashMap, HashSet};

/// A policy text, checked.
#[derive(Debug)]
pub struct Checked {
    /// The policy; `None` if, and only if, there is an error among the diagnostics.
    pub policy: Option<Policy>,
    /// The examples of the policy's rules, to be run; empty where there is no policy. Those in documents that it extends are
    /// not among them.
    pub examples: Vec<Example>,
    /// What the policy guarantees, to be proved: the rules of a policy of their own. One that denies says that no such call is
    /// allowed, and one that allows that every such call is. Without rules where there is no policy.
    pub guarantees: Option<Policy>,
    /// Each document that the policy extends and that has examples, as a policy of its own, with those examples. Empty if
    /// there is an error among the diagnostics.
    pub extended: Vec<(Policy, Vec<Example>)>,
    /// Every error, and what a legacy document no longer means, in the order of the text. What else is likely wrong is
    /// said by [`lint::warnings`](crate::lint::warnings).
    pub diagnostics: Vec<Diagnostic>,
    /// The texts, in which all places are.
    pub documents: Documents,
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
    check_with(text, &Nothing)
}

/// Checks a policy text that may extend other documents.
///
/// Each document is checked by itself first, with those that it extends: it must compile without the documents that extend
/// it, and they cannot change what it means.
#[must_use]
pub fn check_with(text: &str, resolver: &dyn Resolver) -> Checked {
    let (documents, problems) = extends::load(text, resolver);
    let (whole, extended, diagnostics) = if !problems.is_empty() {
        (None, Vec::new(), incomplete(&documents, problems))
    } else if documents.main() == 0 {
        let (whole, diagnostics) = check_one(&documents, 0);
        (whole, Vec::new(), diagnostics)
    } else {
        check_all(&documents)
    };
    let refused = diagnostics.iter().any(|finding| finding.severity == Severity::Error);
    match whole {
        Some(Resolved { policy, examples, guarantees }) if !refused => {
            let extended = extended.into_iter().map(|alone| (alone.policy, alone.examples)).collect();
            let guarantees = Some(guarantees).filter(|guarantees| !guarantees.rules.is_empty());
            Checked { policy: Some(policy), examples, guarantees, extended, diagnostics, documents }
        }
        _ => {
            let (examples, extended) = (Vec::new(), Vec::new());
            Checked { policy: None, examples, guarantees: None, extended, diagnostics, documents }
        }
    }
}

/// Checks the policy that a module was made of.
///
/// # Errors
///
/// [`ReadError`] if the policy cannot be read from the module.
pub fn check_module(module: &[u8]) -> Result<Checked, ReadError> {
    let text = crate::module::policy(module)?;
    let manifest = Manifest::read(module)?;
    let (main, documents) = manifest.split(&text)?;
    Ok(check_with(main, &documents))
}

/// What a document means.
struct Resolved {
    policy: Policy,
    examples: Vec<Example>,
    guarantees: Policy,
}

/// What is wrong if not all documents are there: what would follow from that is not reported.
fn incomplete(documents: &Documents, problems: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let mut findings = Findings::default();
    findings.add(problems);
    for (start, document) in documents.places() {
        let mut diagnostics = Diagnostics::default();
        let _ = json::parse_at(document.text, start, &mut diagnostics);
        findings.add(diagnostics.finish());
    }
    findings.diagnostics.finish()
}

/// Checks several documents: each by itself, and then all of them together.
fn check_all(documents: &Documents) -> (Option<Resolved>, Vec<Resolved>, Vec<Diagnostic>) {
    let mut findings = Findings::default();
    let mut alone = Vec::with_capacity(documents.main());
    for document in 0..documents.main() {
        let (checked, found) = check_one(documents, document);
        findings.add(found.into_iter().filter(|finding| finding.severity == Severity::Error));
        alone.extend(checked);
    }
    let (whole, found) = check_one(documents, documents.main());
    findings.add(found);
    if let Some(Resolved { policy, .. }) = &whole {
        let mut diagnostics = Diagnostics::default();
        alone.iter().for_each(|alone| join::heirs(&alone.policy, policy, &mut diagnostics));
        findings.add(diagnostics.finish());
    }
    alone.retain(|alone| !alone.examples.is_empty());
    (whole, alone, findings.diagnostics.finish())
}

/// Asks a resolver for every document that a text extends, and checks nothing.
pub(crate) fn ask(text: &str, resolver: &dyn Resolver) {
    let _ = extends::load(text, resolver);
}

/// What was found in several checks: what several of them find in one place counts once.
#[derive(Default)]
struct Findings {
    seen: HashSet<(Span, Code)>,
    diagnostics: Diagnostics,
}

impl Findings {
    /// Adds what one check has found.
    fn add(&mut self, found: impl IntoIterator<Item = Diagnostic>) {
        let new: Vec<Diagnostic> =
            found.into_iter().filter(|finding| !self.seen.contains(&(finding.span, finding.code))).collect();
        self.seen.extend(new.iter().map(|finding| (finding.span, finding.code)));
        new.into_iter().for_each(|finding| self.diagnostics.push(finding));
    }
}

/// Checks one of the documents together with those that it extends. The examples are its own.
fn check_one(documents: &Documents, main: usize) -> (Option<Resolved>, Vec<Diagnostic>) {
    let text = documents.text();
    let mut diagnostics = Diagnostics::default();
    let mut definitions = Vec::new();
    let resolved = join::joined(documents, main, &mut diagnostics).and_then(|mut root| {
        if legacy::is_first(&root) {
            let root = legacy::rewrite(&root, &mut diagnostics);
            let document = document::document(&root, &mut diagnostics)?;
            return Some(resolve(text, &document, &mut diagnostics));
        }
        definitions = define::expand(&mut root, &mut diagnostics);
        let document = document::document(&root, &mut diagnostics)?;
        let Resolved { mut policy, mut examples, guarantees } = resolve(text, &document, &mut diagnostics);
        examples.retain(|example| documents.at(example.span.start) == main);
        // Another policy that extends the same documents may use those of theirs.
        let unused = definitions
            .iter()
            .filter(|definition| definition.used.is_none() && documents.at(definition.span.start) == main);
        policy.places.unused_definitions =
            unused.map(|definition| (definition.name.clone(), definition.span)).collect();
        Some(Resolved { policy, examples, guarantees })
    });
    let refused = diagnostics.has_errors();
    let diagnostics =
        diagnostics.finish().into_iter().map(|finding| define::name_user(&definitions, finding)).collect();
    (resolved.filter(|_| !refused), diagnostics)
}

/// The policy that a document means. Where it is broken, what cannot be resolved is left out and reported.
fn resolve(text: &str, document: &document::Document<'_>, diagnostics: &mut Diagnostics) -> Resolved {
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
    let (covers, covered) = covers::listed(document.covers.as_deref().unwrap_or_default(), diagnostics);
    let roles = Roles::new(document.roles.as_deref(), diagnostics);
    let mut scope = Scope::new(text, roles, diagnostics);
    let mut ids = HashMap::new();
    let (rules, examples) = rules::resolve(&document.rules, &mut ids, &mut scope);
    let obligations = obligations::resolve(document, &mut ids, &mut scope);
    // What only guarantees read is no part of the policy.
    let (attribute_count, sum_count, role_count) = (scope.attributes.len(), scope.sums.len(), scope.roles.count());
    let guaranteed = rules::guarantees(&document.guarantees, &mut scope);
    let Scope { attributes, sums, places, roles, .. } = scope;
    let mut policy = Policy {
        description: document.description.map(str::to_owned),
        default,
        places: Places {
            default: document.default.map(|default| default.span),
            roles: roles.spans(),
            attributes: places,
            unused_definitions: Vec::new(),
            tools: tools.iter().flatten().map(|tool| tool.span).collect(),
            covers: covered,
        },
        roles: roles.finish(),
        tools: tools.map(|tools| tools.into_iter().map(|tool| tool.value.to_owned()).collect()),
        covers,
        rules,
        obligations,
        attributes,
        sums,
    };
    let obligations = Vec::new();
    let guarantees =
        Policy { rules: guaranteed, obligations, default: Effect::Deny, description: None, ..policy.clone() };
    policy.attributes.truncate(attribute_count);
    policy.places.attributes.truncate(attribute_count);
    policy.sums.truncate(sum_count);
    policy.roles.truncate(role_count);
    policy.places.roles.truncate(role_count);
    covers::check(&policy, diagnostics);
    tools::check(&policy, document.tools.as_deref(), diagnostics);
    if !guarantees.rules.is_empty() {
        covers::check(&Policy { tools: None, ..guarantees.clone() }, diagnostics);
        tools::check(&guarantees, document.tools.as_deref(), diagnostics);
    }
    Resolved { policy, examples, guarantees }
}
