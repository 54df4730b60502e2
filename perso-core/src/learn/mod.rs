//! From recorded calls to the narrowest policy that allows them and is worth reading.
//!
//! What is kept of the calls is bounded, however many there are: counts, bounds, and values as long as they are few. What is
//! learned of parts of a log can be put together.
//!
//! ```text
//! calls ─→ groups (by tool and roles) ─→ shapes of their arguments ─→ conditions ─→ policy, compiled ─→ judges the calls
//! ```
//!
//! - `shape`: values at one place, and the tests that all of them pass; `strings` and `few` for strings.
//! - `format`: paths, URLs, addresses, SQL and shell lines.
//! - `refs`: attributes that equal one of the caller.
//! - `json`: conditions as text.

mod few;
mod format;
mod json;
mod refs;
mod shape;
mod strings;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use self::json::{Members, list, member, object, text};
use self::refs::Refs;
use self::shape::{Objects, Place};
use crate::catalog::{Catalog, Json};
use crate::compile::compile;
use crate::covers::request;
use crate::diagnostic::Diagnostics;
use crate::engine::Policy;
use crate::error::CompileError;
use crate::policy::Root;
use crate::reference::{Call, Part, Value};
use crate::syntax::{self, json::Kind};

/// So many values are enough to tell what the others will be like.
const ENOUGH: usize = 8;
/// The most tools.
const MOST_TOOLS: usize = 4096;
/// More sets of roles that call a tool are not told apart.
const MOST_CALLERS: usize = 64;
/// How many calls a rule gets as examples, and how long they may be.
const EXAMPLES: usize = 2;
const EXAMPLE_BYTES: usize = 400;
/// How many rules the description of a policy names.
const NAMED: usize = 12;

/// The most bytes of an id, without the number behind it.
const LONGEST_ID: usize = 100;

/// How a policy is written.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// What the policy's description begins with.
    pub name: Option<String>,
    /// The tools, whose input schemas say what arguments can be.
    pub tools: Catalog,
    /// Leave out examples, and strings of arguments, but for those that a schema lists and the parts of paths, URLs,
    /// addresses, shell lines and statements.
    pub without_values: bool,
}

/// What is known about the calls so far.
#[derive(Debug, Default)]
pub struct Learner {
    tools: BTreeMap<String, BTreeMap<Vec<String>, Group>>,
    calls: u64,
    /// Whether there were more tools than are kept.
    is_full: bool,
}

/// Calls of a tool by callers with the same roles.
#[derive(Debug, Clone)]
struct Group {
    calls: u64,
    args: Objects,
    refs: Refs,
    /// The smallest calls.
    examples: BTreeSet<(usize, String)>,
}

/// A policy that allows all calls from which it was learned.
#[derive(Debug)]
pub struct Learned {
    /// Its text.
    pub text: String,
    /// How many warnings the compiler has about it.
    pub warnings: usize,
    /// Its rules, with the number of calls behind each.
    pub rules: Vec<(String, u64)>,
    /// Tools about whose calls less is tested than was seen, because a test denied one of them.
    pub widened: Vec<String>,
}

/// Why there is no policy.
#[derive(Debug, thiserror::Error)]
pub enum Unlearnable {
    /// There are no calls.
    #[error("there are no calls to learn from")]
    Nothing,
    /// There are more tools than a policy is for.
    #[error("there are more than {MOST_TOOLS} tools")]
    Tools,
    /// A tool cannot be named in a policy.
    #[error("no rule can be about the tool {0:?}: {1}")]
    Tool(String, String),
    /// A call is denied whatever the rules are.
    #[error("a call of the tool {0:?} cannot be allowed by any rule")]
    Denied(String),
}

/// How much is tested of the calls of a tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
enum Tested {
    #[default]
    Everything,
    Keys,
    Roles,
    Nothing,
}

impl Tested {
    fn less(self) -> Option<Self> {
        match self {
            Self::Everything => Some(Self::Keys),
            Self::Keys => Some(Self::Roles),
            Self::Roles => Some(Self::Nothing),
            Self::Nothing => None,
        }
    }
}

/// A rule that is written.
#[derive(Debug)]
struct Rule {
    tool: String,
    roles: Option<Vec<String>>,
    when: Members,
    calls: u64,
    examples: BTreeSet<(usize, String)>,
}

impl Learner {
    /// Learns from a call, unless it is one that no policy can read.
    pub fn see(&mut self, call: &str) -> bool {
        let Ok(read) = Call::read(call.as_bytes()) else { return false };
        if self.tools.len() == MOST_TOOLS && !self.tools.contains_key(&read.tool) {
            self.is_full = true;
            return true;
        }
        self.calls += 1;
        let mut group = Group { calls: 1, args: Objects::default(), refs: Refs::of(&read), examples: BTreeSet::new() };
        let args = match read.part(Root::Args) {
            Some(Part::Known(args)) => args,
            _ => &Value::Null,
        };
        group.args.see(args, 0);
        if call.len() <= EXAMPLE_BYTES {
            group.examples.insert((call.len(), call.to_owned()));
        }
        self.add(read.tool.clone(), roles(&read), group);
        true
    }

    /// Learns what was learned from later calls.
    pub fn append(&mut self, later: Self) {
        self.calls += later.calls;
        self.is_full |= later.is_full;
        for (tool, callers) in later.tools {
            for (roles, group) in callers {
                self.add(tool.clone(), roles, group);
            }
        }
        self.is_full |= self.tools.len() > MOST_TOOLS;
    }

    /// How many calls there were.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.calls
    }

    /// The tools that were called.
    pub fn tools(&self) -> impl Iterator<Item = &str> {
        self.tools.keys().map(String::as_str)
    }

    fn add(&mut self, tool: String, mut roles: Vec<String>, group: Group) {
        let callers = self.tools.entry(tool).or_default();
        if callers.len() == MOST_CALLERS && !callers.contains_key(&roles) {
            roles.clear();
        }
        match callers.get_mut(&roles) {
            Some(same) => same.append(&group),
            None => drop(callers.insert(roles, group)),
        }
    }

    /// Writes the policy. `denied` tells of which tools a policy denies one of the calls: less is then tested of these.
    ///
    /// # Errors
    /// [`Unlearnable`].
    pub fn policy(
        &self,
        options: &Options,
        mut denied: impl FnMut(&Policy) -> BTreeSet<String>,
    ) -> Result<Learned, Unlearnable> {
        if self.is_full {
            return Err(Unlearnable::Tools);
        }
        if self.calls == 0 {
            return Err(Unlearnable::Nothing);
        }
        let mut tested: BTreeMap<&str, Tested> = BTreeMap::new();
        loop {
            let rules = self.rules(options, &tested);
            let (draft, ids) = write(options, &rules, self.calls);
            let (wrong, why) = match compile(&draft) {
                Ok(compiled) => {
                    let policy = Policy::from_module(compiled.module)
                        .map_err(|error| Unlearnable::Tool(String::new(), error.to_string()))?;
                    let wrong = denied(&policy);
                    if wrong.is_empty() {
                        let rules = ids.into_iter().zip(rules.iter().map(|rule| rule.calls)).collect();
                        let widened = tested.keys().map(|tool| (*tool).to_owned()).collect();
                        return Ok(Learned { text: draft, warnings: compiled.warnings.len(), rules, widened });
                    }
                    (wrong, None)
                }
                Err(error) => (uncompilable(options, &rules), Some(error)),
            };
            // Where each tool's rules compile by themselves, but not all together, all have to be shorter. A rule about a tool
            // with a `*` in its name reads calls of others, too.
            let is_wrong =
                |tool: &String| wrong.is_empty() || wrong.contains(tool) || why.is_none() && tool.contains('*');
            let mut is_changed = false;
            for tool in self.tools.keys().filter(|tool| is_wrong(tool)) {
                let entry = tested.entry(tool).or_default();
                if let Some(less) = entry.less() {
                    (*entry, is_changed) = (less, true);
                }
            }
            if !is_changed {
                let tool = wrong.into_iter().next().unwrap_or_default();
                return Err(match why {
                    Some(error) => Unlearnable::Tool(tool, first(&error)),
                    None => Unlearnable::Denied(tool),
                });
            }
        }
    }

    fn rules(&self, options: &Options, tested: &BTreeMap<&str, Tested>) -> Vec<Rule> {
        let mut rules: Vec<Rule> = Vec::new();
        for (tool, callers) in &self.tools {
            let first = rules.len();
            let tested = tested.get(tool.as_str()).copied().unwrap_or_default();
            for (role, group) in by_role(callers, tested) {
                let when = group.condition(options.tools.input(tool), tested, !options.without_values);
                let same = rules
                    .iter_mut()
                    .skip(first)
                    .find(|rule| rule.roles.is_some() == role.is_some() && rule.when == when);
                let Group { calls, examples, .. } = group;
                match same {
                    Some(same) => {
                        same.calls += calls;
                        same.roles.iter_mut().for_each(|roles| roles.extend(role.clone()));
                        same.examples = smallest(same.examples.iter().chain(&examples));
                    }
                    None => rules.push(Rule {
                        tool: tool.clone(),
                        roles: role.map(|role| vec![role]),
                        when,
                        calls,
                        examples,
                    }),
                }
            }
        }
        rules
    }
}

/// Learns a policy from calls, and checks that it allows them.
///
/// # Errors
/// [`Unlearnable`].
pub fn learn<'c>(calls: impl Iterator<Item = &'c str> + Clone, options: &Options) -> Result<Learned, Unlearnable> {
    let mut learner = Learner::default();
    for call in calls.clone() {
        learner.see(call);
    }
    learner.policy(options, |policy| {
        let readable = calls.clone().filter_map(|call| Some((call, Call::read(call.as_bytes()).ok()?.tool)));
        readable
            .filter(|(call, _)| !policy.assess_json(call.as_bytes()).decision.is_allowed())
            .map(|(_, tool)| tool)
            .collect()
    })
}

impl Group {
    fn append(&mut self, later: &Self) {
        self.calls += later.calls;
        self.args.append(&later.args);
        self.refs.append(&later.refs);
        self.examples = smallest(self.examples.iter().chain(&later.examples));
    }

    /// What is true of all calls.
    fn condition(&self, schema: Option<&Json>, tested: Tested, values: bool) -> Members {
        let place = Place::args(schema, values);
        match tested {
            Tested::Everything => {
                let mut all = self.args.tests(&place);
                for (name, equal) in self.refs.tests() {
                    match all.members.iter_mut().find(|(other, _)| *other == name) {
                        Some(same) => same.1 = equal,
                        None => all.members.push((name, equal)),
                    }
                }
                all.into_members()
            }
            Tested::Keys if self.args.is_closed() => self.args.only(&place),
            _ => Members::new(),
        }
    }
}

/// The smallest of some calls.
fn smallest<'e>(examples: impl Iterator<Item = &'e (usize, String)>) -> BTreeSet<(usize, String)> {
    let all: BTreeSet<_> = examples.collect();
    all.into_iter().take(EXAMPLES).cloned().collect()
}

/// The roles of the caller, in order.
fn roles(call: &Call) -> Vec<String> {
    let Some(Part::Known(agent)) = call.part(Root::Agent) else { return Vec::new() };
    let several = match agent.member("roles") {
        Some(Value::List(roles)) => roles.as_slice(),
        _ => &[],
    };
    let all = several.iter().chain(agent.member("role"));
    let texts = all.filter_map(|role| match role {
        Value::String(role) => Some(role.clone()),
        _ => None,
    });
    texts.collect::<BTreeSet<_>>().into_iter().collect()
}

/// The groups put together by one role that their callers have; `None` for callers without roles. A role is taken before
/// others if more calls were made with it.
fn by_role(callers: &BTreeMap<Vec<String>, Group>, tested: Tested) -> Vec<(Option<String>, Group)> {
    let mut found: BTreeMap<Option<String>, Group> = BTreeMap::new();
    let mut add = |role: Option<String>, group: &Group| match found.get_mut(&role) {
        Some(same) => same.append(group),
        None => drop(found.insert(role, group.clone())),
    };
    let mut left: Vec<(&Vec<String>, &Group)> = callers.iter().collect();
    while !left.is_empty() {
        let mut counts: BTreeMap<&String, u64> = BTreeMap::new();
        for (roles, group) in &left {
            roles.iter().for_each(|role| *counts.entry(role).or_default() += group.calls);
        }
        let most = counts.iter().max_by_key(|(role, calls)| (**calls, std::cmp::Reverse(**role)));
        let role = most.map(|(role, _)| (*role).clone()).filter(|_| tested < Tested::Nothing);
        left.retain(|(roles, group)| {
            let is_in = role.as_ref().is_none_or(|role| roles.contains(role));
            if is_in {
                add(role.clone(), group);
            }
            !is_in
        });
    }
    found.into_iter().collect()
}

/// The tools whose rules do not compile by themselves.
fn uncompilable(options: &Options, rules: &[Rule]) -> BTreeSet<String> {
    let tools: BTreeSet<&String> = rules.iter().map(|rule| &rule.tool).collect();
    let compiles = |tool: &str| {
        let own: Vec<Rule> = rules.iter().filter(|rule| rule.tool == tool).map(Rule::copy).collect();
        compile(&write(options, &own, 0).0).is_ok()
    };
    tools.into_iter().filter(|tool| !compiles(tool)).cloned().collect()
}

/// The first error.
fn first(error: &CompileError) -> String {
    error.diagnostics.first().map(|finding| finding.message.clone()).unwrap_or_default()
}

impl Rule {
    fn copy(&self) -> Self {
        let Self { tool, roles, when, calls, examples } = self;
        let (tool, roles, when) = (tool.clone(), roles.clone(), when.clone());
        Self { tool, roles, when, calls: *calls, examples: examples.clone() }
    }

    fn text(&self, id: &str, options: &Options) -> String {
        let mut members = vec![member("id", text(id)), member("allow", text(&self.tool))];
        members.extend(self.roles.iter().map(|roles| member("roles", list(roles.iter().map(|role| text(role))))));
        if !self.when.is_empty() {
            members.push(member("when", object(&self.when)));
        }
        if !self.examples.is_empty() && !options.without_values {
            let calls = list(self.examples.iter().map(|(_, call)| example(call, &self.when)));
            members.push(member("examples", object(&vec![member("allows", calls)])));
        }
        object(&members)
    }
}

/// A call with what a condition can read of it: its arguments, the caller's roles, and what is compared with the caller.
fn example(call: &str, when: &Members) -> String {
    let Some(mut tree) = syntax::json::parse(call, &mut Diagnostics::default()) else { return call.to_owned() };
    let condition = object(when);
    if let Kind::Object(parts) = &mut tree.kind {
        parts.retain_mut(|part| match (part.key.value.as_ref(), &mut part.value.kind) {
            ("tool" | "args", _) => true,
            (root @ ("agent" | "resource"), Kind::Object(members)) => {
                members.retain(|member| {
                    let is_role = root == "agent" && matches!(member.key.value.as_ref(), "role" | "roles");
                    is_role || condition.contains(&text(&format!("{root}.{}", member.key.value)))
                });
                !members.is_empty()
            }
            _ => false,
        });
    }
    syntax::write::compact(&tree)
}

/// The policy's text, and the ids of the rules in it.
fn write(options: &Options, rules: &[Rule], calls: u64) -> (String, Vec<String>) {
    let ids = ids(rules);
    let mut description = options.name.as_ref().map(|name| format!("{name}. ")).unwrap_or_default();
    let plural = if calls == 1 { "" } else { "s" };
    let _ = write!(description, "Learned from {calls} recorded call{plural}:");
    let mut most: Vec<(&String, u64)> = ids.iter().zip(rules.iter().map(|rule| rule.calls)).collect();
    most.sort_by_key(|(_, calls)| std::cmp::Reverse(*calls));
    let named: Vec<String> = most.iter().take(NAMED).map(|(id, calls)| format!("{calls} {id}")).collect();
    let _ = write!(description, " {}", named.join(", "));
    if most.len() > NAMED {
        let _ =
            write!(description, ", {} by other rules", most.iter().skip(NAMED).map(|(_, calls)| calls).sum::<u64>());
    }
    let tools: BTreeSet<&String> = rules.iter().map(|rule| &rule.tool).collect();
    let mut members = vec![member("perso", "1"), member("description", text(&description))];
    let calls_of = |requests: &[&str]| tools.iter().any(|tool| requests.contains(&tool.as_str()));
    let resources = calls_of(&[request::READ, request::SUBSCRIBE, request::COMPLETE]);
    let prompts = calls_of(&[request::GET, request::COMPLETE]);
    if resources || prompts {
        let covered = [(true, "tools"), (resources, "resources"), (prompts, "prompts")];
        let covered = covered.into_iter().filter(|(covers, _)| *covers).map(|(_, what)| text(what));
        members.push(member("covers", list(covered)));
    }
    // A list closes the policy for names that a `*` in the name of a tool would match, too, but cannot have such a name.
    let listed = || tools.iter().filter(|tool| !(resources || prompts) || !tool.starts_with("mcp:"));
    if !tools.iter().any(|tool| tool.contains('*')) && listed().next().is_some() {
        members.push(member("tools", list(listed().map(|tool| text(tool)))));
    }
    members.push(member("rules", list(rules.iter().zip(&ids).map(|(rule, id)| rule.text(id, options)))));
    let compact = object(&members);
    let tree = syntax::json::parse(&compact, &mut Diagnostics::default());
    (tree.map_or_else(|| compact.clone(), |tree| syntax::write::pretty(&tree)), ids)
}

/// An id for each rule: its tool, with its roles if there are several rules about the tool.
fn ids(rules: &[Rule]) -> Vec<String> {
    let mut taken: BTreeSet<String> = BTreeSet::new();
    let mut ids = Vec::new();
    for rule in rules {
        let is_alone = rules.iter().filter(|other| other.tool == rule.tool).count() == 1;
        let mut name = rule.tool.clone();
        for role in rule.roles.iter().flatten().filter(|_| !is_alone) {
            let _ = write!(name, "-{role}");
        }
        let name: String = name.chars().filter(|c| !c.is_control()).collect();
        let cut = name.char_indices().map(|(at, _)| at).take_while(|at| *at <= LONGEST_ID).last().unwrap_or(0);
        let name = if name.len() <= LONGEST_ID { &name } else { name.get(..cut).unwrap_or_default() };
        let numbered = (2..).map(|number| format!("{name}-{number}"));
        let id = std::iter::once(name.to_owned()).chain(numbered).find(|id| !taken.contains(id)).unwrap_or_default();
        taken.insert(id.clone());
        ids.push(id);
    }
    ids
}
