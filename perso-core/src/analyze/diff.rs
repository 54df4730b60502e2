//! What two policies decide differently.

use std::collections::HashMap;
use std::fmt;

use serde::{Serialize, Serializer};

use super::claim::{self, Answer, Claim};
use super::joint::Joint;
use super::tools::{self, Tool};
use crate::decision::Outcome;
use crate::policy::{Effect, Policy, Rule, RuleIndex};
use crate::reference::{self, Call, Conclusion, tool};

/// The most kinds of calls that are listed for one tool.
const MOST_KINDS: usize = 64;

/// Calls of a tool that two policies decide differently.
///
/// Serializes as `perso diff --format json` prints it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Change {
    /// Which calls.
    #[serde(flatten)]
    pub kind: Kind,
    /// One of the calls as JSON text.
    pub call: String,
}

/// A kind of calls that are decided differently.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Kind {
    /// The tool.
    pub tool: String,
    /// What is decided before.
    pub old: Decided,
    /// What is decided after.
    pub new: Decided,
}

/// What is decided, and by which rule, if by one. Displays as ``allow by `refund` ``, or as `allow`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[non_exhaustive]
pub struct Decided {
    /// What is decided.
    #[serde(rename = "effect")]
    pub outcome: Outcome,
    /// The id of the rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
}

impl fmt::Display for Decided {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.outcome.name())?;
        match &self.rule {
            Some(rule) => write!(f, " by `{rule}`"),
            None => Ok(()),
        }
    }
}

impl Kind {
    /// Whether more is let through: what was asked or denied is allowed, or what was denied is asked.
    #[must_use]
    pub fn is_wider(&self) -> bool {
        self.new.outcome < self.old.outcome
    }
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Written<'k> {
            tool: &'k str,
            wider: bool,
            old: &'k Decided,
            new: &'k Decided,
        }
        let Kind { tool, old, new } = self;
        Written { tool, wider: self.is_wider(), old, new }.serialize(serializer)
    }
}

/// The differences between two policies.
///
/// Serializes as an object with both lists, whose elements are what `perso diff --format json` prints.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct Differences {
    /// Each kind of call that is decided differently, with an example: those that the new policy gives more leave first.
    pub changes: Vec<Change>,
    /// Tools about which it is not known whether there are more differences.
    pub undecided: Vec<UndecidedTool>,
}

/// A tool about which it is not known whether there are more differences.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct UndecidedTool {
    /// The tool; `*` for any.
    pub tool: String,
    /// What is in the way, in words: mostly places of a call, whose tests are not understood.
    #[serde(rename = "undecided")]
    pub places: Vec<String>,
}

/// Compares what two policies decide, for every call.
#[must_use]
pub fn diff(old: &Policy, new: &Policy) -> Differences {
    diff_with(old, new, &|_, _| {})
}

/// As [`diff`]. `progress` hears of each tool which it is, counted from 1, of how many.
#[must_use]
pub fn diff_with(old: &Policy, new: &Policy, progress: &dyn Fn(usize, usize)) -> Differences {
    compare(old, new, &|_| false, progress)
}

/// One of the differences between two policies, if there is one.
#[must_use]
pub fn difference(old: &Policy, new: &Policy) -> Differences {
    compare(old, new, &|found| !found.changes.is_empty(), &|_, _| {})
}

/// Looks for differences until enough have been found.
fn compare(
    old: &Policy,
    new: &Policy,
    is_enough: &dyn Fn(&Differences) -> bool,
    progress: &dyn Fn(usize, usize),
) -> Differences {
    let joint = Joint::new(vec![old, new]);
    let (tools, is_cut) = tools::tools(&joint.parts);
    let mut found = Differences::default();
    let known = Known::new(&joint);
    for (at, tool) in tools.iter().enumerate() {
        progress(at + 1, tools.len());
        if !is_enough(&found) && !known.are_same(tool) {
            differences(&joint, tool, &mut found, is_enough);
        }
    }
    if is_cut {
        let places = vec!["the names of tools".to_owned()];
        found.undecided.push(UndecidedTool { tool: "*".to_owned(), places });
    }
    found.changes.sort_by_key(|change| !change.kind.is_wider());
    found
}

/// What is quickly found out about two policies: for most tools, nothing has changed.
struct Known<'j, 'p> {
    joint: &'j Joint<'p>,
    /// The rules that are the same in both, by their place in each.
    same: HashMap<usize, usize>,
}

impl<'j, 'p> Known<'j, 'p> {
    fn new(joint: &'j Joint<'p>) -> Self {
        let rules = |part: usize| joint.rules.get(part).map(Vec::as_slice).unwrap_or_default();
        // Roles may mean something else, even if they have the same name.
        let has_same_roles = match joint.parts.as_slice() {
            [old, new] => {
                let table = |policy: &Policy| {
                    let name = |id: &usize| policy.roles.get(*id).map(|role| role.name.clone());
                    let role = |role: &crate::policy::Role| {
                        (role.name.clone(), role.closure.iter().map(name).collect::<Vec<_>>())
                    };
                    policy.roles.iter().map(role).collect::<Vec<_>>()
                };
                table(old) == table(new)
            }
            _ => false,
        };
        let mut same = HashMap::new();
        if has_same_roles {
            let texts: HashMap<String, usize> =
                rules(1).iter().enumerate().map(|(at, rule)| (text(joint, 1, rule), at)).collect();
            for (at, rule) in rules(0).iter().enumerate() {
                same.extend(texts.get(&text(joint, 0, rule)).map(|other| (at, *other)));
            }
        }
        Self { joint, same }
    }

    /// Whether both policies have the same rules about a tool.
    fn are_same(&self, tool: &Tool) -> bool {
        let [old, new] = self.joint.parts.as_slice() else { return false };
        let about = |part: usize| {
            let about = self.joint.about(part, &tool.name);
            about.into_iter().map(|(at, _)| at).collect::<Vec<_>>()
        };
        let (olds, news) = (about(0), about(1));
        let of_new: Option<Vec<usize>> = olds.iter().map(|rule| self.same.get(rule).copied()).collect();
        old.default == new.default
            && tool::is_unknown(old, &tool.name) == tool::is_unknown(new, &tool.name)
            && of_new.is_some_and(|mut of_new| {
                of_new.sort_unstable();
                of_new == news
            })
    }
}

/// What a rule says, without where it stands.
fn text(joint: &Joint<'_>, part: usize, rule: &Rule) -> String {
    let tools: Vec<&str> = rule.tools.iter().map(|pattern| pattern.text.as_str()).collect();
    let mut condition = rule.condition.clone();
    condition.each_span(&mut |span| *span = crate::span::Span::default());
    let first = joint.parts.iter().take(part).map(|policy| policy.roles.len()).sum::<usize>();
    let roles = rule.roles.as_ref().map(|roles| roles.iter().map(|role| role - first).collect::<Vec<_>>());
    format!("{:?} {tools:?} {roles:?} {condition:?}", rule.effect)
}

/// Finds the kinds of calls of a tool that are decided differently.
fn differences(joint: &Joint<'_>, tool: &Tool, found: &mut Differences, is_enough: &dyn Fn(&Differences) -> bool) {
    let (Some((old, olds)), Some((new, news))) = (joint.narrow(0, &tool.name), joint.narrow(1, &tool.name)) else {
        return;
    };
    for from in [Effect::Deny, Effect::Ask, Effect::Allow] {
        for to in [Effect::Allow, Effect::Ask, Effect::Deny] {
            if from == to {
                continue;
            }
            let mut seen: Vec<(Option<usize>, Option<usize>)> = Vec::new();
            while !is_enough(found) {
                let decides = |part, effect| Claim::decides(joint, part, &tool.name, effect);
                let mut claims = vec![decides(0, from), decides(1, to)];
                // Others than those that have been found.
                claims.extend(seen.iter().map(|(one, other)| {
                    let by = |part, rule| Claim::decided_by(joint, part, &tool.name, rule);
                    Claim::All(vec![by(0, *one), by(1, *other)]).not()
                }));
                let answer = Claim::All(claims)
                    .decide(joint, tool, &|call| claim::effect(&old, call) == from && claim::effect(&new, call) == to);
                match answer {
                    Answer::Never => break,
                    Answer::Undecided(places) => {
                        found.undecided.push(UndecidedTool { tool: tool.name.clone(), places });
                        break;
                    }
                    Answer::Call(witness) => {
                        let Ok(call) = Call::read(witness.call.as_bytes()) else { break };
                        let (one, other) = (decider(&old, &call), decider(&new, &call));
                        let id = |policy: &Policy, rule: Option<usize>| Some(policy.rules.get(rule?)?.id.clone());
                        let kind = Kind {
                            tool: call.tool.clone(),
                            old: Decided { outcome: reference::outcome(from), rule: id(&old, one) },
                            new: Decided { outcome: reference::outcome(to), rule: id(&new, other) },
                        };
                        found.changes.push(Change { kind, call: witness.call });
                        let place = |places: &[usize], rule: Option<usize>| places.get(rule?).copied();
                        let rules = (place(&olds, one), place(&news, other));
                        if seen.contains(&rules) || seen.len() == MOST_KINDS {
                            let places = vec![format!("more than {MOST_KINDS} kinds of calls")];
                            found.undecided.push(UndecidedTool { tool: tool.name.clone(), places });
                            break;
                        }
                        seen.push(rules);
                    }
                }
            }
        }
    }
}

/// The rule that decides about a call, if one does.
fn decider(policy: &Policy, call: &Call) -> Option<usize> {
    reference::decide(policy, call).rule
}

/// What a policy decides about a call, in words.
#[must_use]
pub fn conclusion(policy: &Policy, call: &str) -> Option<Conclusion> {
    let call = Call::read(call.as_bytes()).ok()?;
    let policy = RuleIndex::new(policy).narrow(&call.tool);
    Some(reference::trace(&policy, &call).conclusion)
}
