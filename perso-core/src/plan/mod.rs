//! Stage 3: from the checked policy to the plan, what the module will do and read, tool by tool.
//!
//! - [`build`] groups tools that have the same rules: each group is a [`View`].
//! - `place` lays out what a view reads of a call.
//! - `pattern` turns patterns into automata.
//! - `lower` turns conditions into atoms over places.

mod lower;
mod pattern;
mod place;
pub(crate) mod zone;

pub use lower::{Among, Atom, Check, Compare, Elements, Goal, Has, List, OneOf, Only, SCALAR, Side, What, Which};
pub use place::{Matches, Pair, PathPart, Place, Places};

use crate::covers::request;
use crate::diagnostic::{Code, Diagnostic};
use crate::policy::{About, Effect, Policy, RoleId, Rule, RuleIndex};
use lower::{Lowering, Patterns};
use perso_decode::limits;
use std::collections::HashMap;

/// What a module will do.
#[derive(Debug)]
pub struct Plan {
    /// The attributes that causes can name, by the number that stands for them in verdicts: those of the policy, then
    /// [`Self::roles_attribute`] if they don't have it.
    pub attributes: Vec<String>,
    /// `agent.roles`, among them.
    pub roles_attribute: u32,
    /// The policy's roles.
    pub role_names: Vec<String>,
    /// For each of them, the bits that a caller with the role has.
    pub roles: Vec<RoleSet>,
    /// How many words a role set takes.
    pub role_words: usize,
    /// One for each set of rules that applies to some tool.
    pub views: Vec<View>,
    /// The tools that the policy names, with the view of each.
    pub tools: Vec<(String, usize)>,
    /// The view for all other tools; `None` if they are unknown.
    pub other: Option<usize>,
    /// What to answer when no rule applies.
    pub default: Effect,
}

/// A set of roles, a bit each.
pub type RoleSet = Vec<u64>;

/// What is done for the tools that have the same rules.
#[derive(Debug)]
pub struct View {
    /// The rules, by their index in the policy, in order.
    pub rules: Vec<usize>,
    /// What has to be remembered of calls, in order.
    pub obligations: Vec<Obliged>,
    /// What is read of a call.
    pub places: Places,
    /// The deny rules, in order.
    pub deny: Vec<Step>,
    /// The ask rules, in order.
    pub ask: Vec<Step>,
    /// The allow rules, in order.
    pub allow: Vec<Step>,
    /// The attributes that the rules read, by their number, ascending.
    pub reads: Vec<u32>,
}

impl View {
    /// The rules that can grant, in the order in which they are tried.
    pub fn grants(&self) -> impl Iterator<Item = &Step> {
        self.allow.iter().chain(&self.ask)
    }
}

/// A rule, as a step of a view's function.
#[derive(Debug)]
pub struct Step {
    /// The rule's index in the policy.
    pub rule: u32,
    /// Answer bits of which one must be set for the rule to be about the tool at all. Empty if it always is.
    pub about: Vec<u32>,
    /// The caller needs one of these.
    pub roles: Option<RoleSet>,
    /// The rest.
    pub condition: Goal,
}

/// An obligation, as a step of a view's second function.
#[derive(Debug)]
pub struct Obliged {
    /// Its index in the policy, and when there is something to remember: unless the condition is false.
    pub step: Step,
    /// What it reads of the call besides: what names the account, and what is charged.
    pub reads: Vec<Side>,
}

/// Plans a policy.
///
/// # Errors
///
/// What is over a limit that only the plan knows of: patterns, and what is read for one tool.
pub fn build(policy: &Policy) -> Result<Plan, Vec<Diagnostic>> {
    let mut attributes: Vec<String> = policy.attributes.iter().map(ToString::to_string).collect();
    let roles_attribute = attributes.iter().position(|name| name == "agent.roles").unwrap_or_else(|| {
        attributes.push("agent.roles".to_owned());
        attributes.len() - 1
    }) as u32;
    let roles = policy.roles.iter().map(|role| role_set(policy, &role.closure)).collect();

    let mut views =
        Views { policy, roles_attribute, known: HashMap::new(), views: Vec::new(), patterns: Patterns::default() };
    let rules = RuleIndex::new(policy);
    let tools: Vec<(String, usize)> = rules
        .tools()
        .into_iter()
        .map(|tool| (tool.to_owned(), views.get(rules.all_about(tool), kind(policy, tool))))
        .collect();
    let other = policy.tools.is_none().then(|| views.get(rules.about_others(), Kind::Others));
    let Views { views, patterns, .. } = views;
    if !patterns.errors.is_empty() {
        return Err(patterns.errors);
    }
    let role_names = policy.roles.iter().map(|role| role.name.clone()).collect();
    Ok(Plan {
        attributes,
        roles_attribute,
        role_names,
        roles,
        role_words: role_words(policy),
        views,
        tools,
        other,
        default: policy.default,
    })
}

/// What a view is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    /// Tools that the policy names.
    Named,
    /// Prompts in a list, whose arguments may be anything.
    Listed,
    /// Tools that the policy does not name.
    Others,
}

fn kind(policy: &Policy, tool: &str) -> Kind {
    if policy.covers.prompts && tool == request::LISTED { Kind::Listed } else { Kind::Named }
}

/// How many words a set of the policy's roles has.
fn role_words(policy: &Policy) -> usize {
    policy.roles.len().div_ceil(64)
}

/// A set of roles.
fn role_set(policy: &Policy, ids: &[RoleId]) -> RoleSet {
    let mut words = vec![0_u64; role_words(policy)];
    for id in ids {
        if let Some(word) = words.get_mut(id / 64) {
            *word |= 1 << (id % 64);
        }
    }
    words
}

/// The views so far.
struct Views<'p> {
    policy: &'p Policy,
    roles_attribute: u32,
    /// By the rules and what they are for.
    known: HashMap<(About, Kind), usize>,
    views: Vec<View>,
    patterns: Patterns,
}

impl Views<'_> {
    fn get(&mut self, mut about: About, kind: Kind) -> usize {
        if kind == Kind::Listed {
            // To list a prompt is no call of it.
            about.obligations.clear();
        }
        if let Some(known) = self.known.get(&(about.clone(), kind)) {
            return *known;
        }
        let view = self.view(&about, kind);
        self.views.push(view);
        self.known.insert((about, kind), self.views.len() - 1);
        self.views.len() - 1
    }

    fn view(&mut self, about: &About, kind: Kind) -> View {
        let indices = &about.rules;
        let rules: Vec<(usize, &Rule)> =
            indices.iter().filter_map(|index| Some((*index, self.policy.rules.get(*index)?))).collect();
        if let Some(over) =
            about.obligations.get(limits::OBLIGATIONS).and_then(|over| self.policy.obligations.get(*over))
        {
            let message = format!("more than {} limits and labels are about one tool", limits::OBLIGATIONS);
            self.patterns.errors.push(Diagnostic::new(Code::Limit, over.scope.span, message));
        }
        let mut lowering = Lowering::new(self.policy, kind == Kind::Listed, &mut self.patterns);
        let (mut deny, mut ask, mut allow) = (Vec::new(), Vec::new(), Vec::new());
        let step = |lowering: &mut Lowering<'_, '_>, index: usize, rule: &Rule| Step {
            rule: index as u32,
            about: if kind == Kind::Others { lowering.about(&rule.tools) } else { Vec::new() },
            roles: rule.roles.as_ref().map(|roles| role_set(self.policy, roles)),
            condition: lowering.condition(&rule.condition),
        };
        for (index, rule) in &rules {
            let step = step(&mut lowering, *index, rule);
            match rule.effect {
                Effect::Deny => deny.push(step),
                Effect::Ask => ask.push(step),
                Effect::Allow => allow.push(step),
            }
        }
        let mut obligations = Vec::new();
        for index in &about.obligations {
            let Some(obligation) = self.policy.obligations.get(*index) else { continue };
            let step = step(&mut lowering, *index, &obligation.scope);
            let reads = obligation.reads().map(|attribute| lowering.kept(attribute)).collect();
            obligations.push(Obliged { step, reads });
        }
        let ask_roles = |step: &Step| step.roles.is_some();
        let roles = lowering.asks_roles
            || rules.iter().any(|(_, rule)| rule.roles.is_some())
            || obligations.iter().any(|obliged| ask_roles(&obliged.step));
        let over = lowering.over();
        let (places, settled, mut reads) = lowering.finish(roles);
        for step in deny.iter_mut().chain(&mut ask).chain(&mut allow) {
            step.condition.settle(&settled);
        }
        for obliged in &mut obligations {
            obliged.step.condition.settle(&settled);
            obliged.reads.iter_mut().for_each(|side| side.settle(&settled));
        }
        let last = rules.last().map(|(_, rule)| *rule);
        let last = last.or_else(|| Some(&self.policy.obligations.get(*about.obligations.first()?)?.scope));
        if let (Some((what, limit)), Some(rule)) = (over, last) {
            let message = format!("the rules for one tool read more than {limit} {what}");
            self.patterns.errors.push(Diagnostic::new(Code::Limit, rule.span, message));
        }
        if roles {
            reads.push(self.roles_attribute);
        }
        reads.sort_unstable();
        reads.dedup();
        View { rules: indices.clone(), obligations, places, deny, ask, allow, reads }
    }
}
