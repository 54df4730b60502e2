//! Claims about calls of a tool, and how they are decided.

use std::collections::BTreeSet;

use super::formula::{Formula, Needs, Writer};
use super::joint::Joint;
use super::search::{self, Outcome};
use super::tools::Tool;
use super::values::Found;
use crate::covers::request;
use crate::policy::{Condition, Effect, Policy, RoleId, Root, Rule};
use crate::reference::{self, Call, Part, Value, tool};

/// The most elements of a list that are written out, in turn.
const MOST_ELEMENTS: [usize; 3] = [2, 6, 40];

/// What comes of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// There is a call.
    Call(Box<Witness>),
    /// There is none.
    Never,
    /// It is not known whether there is one. These places of a call are in the way.
    Undecided(Vec<String>),
}

/// A call that is an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witness {
    /// The call as JSON text.
    pub call: String,
}

/// Something that is so or not of a call.
pub(super) enum Claim<'j> {
    All(Vec<Claim<'j>>),
    Any(Vec<Claim<'j>>),
    /// A condition is true, or false; or, where `is` is false, it is not.
    Condition {
        condition: &'j Condition,
        want: bool,
        is: bool,
    },
    /// The caller has one of these roles, or none; or it is not so.
    Roles {
        roles: &'j [RoleId],
        want: bool,
        is: bool,
    },
}

impl<'j> Claim<'j> {
    const ALWAYS: Self = Self::All(Vec::new());
    const NEVER: Self = Self::Any(Vec::new());

    pub(super) fn not(self) -> Self {
        match self {
            Self::All(parts) => Self::Any(parts.into_iter().map(Self::not).collect()),
            Self::Any(parts) => Self::All(parts.into_iter().map(Self::not).collect()),
            Self::Condition { condition, want, is } => Self::Condition { condition, want, is: !is },
            Self::Roles { roles, want, is } => Self::Roles { roles, want, is: !is },
        }
    }

    /// A rule's roles and condition are true.
    pub(super) fn is_true(rule: &'j Rule) -> Self {
        let roles = rule.roles.as_deref().map(|roles| Self::Roles { roles, want: true, is: true });
        let condition = Self::Condition { condition: &rule.condition, want: true, is: true };
        Self::All(roles.into_iter().chain([condition]).collect())
    }

    /// A rule's roles or condition are false.
    pub(super) fn is_false(rule: &'j Rule) -> Self {
        let roles = rule.roles.as_deref().map(|roles| Self::Roles { roles, want: false, is: true });
        let condition = Self::Condition { condition: &rule.condition, want: false, is: true };
        Self::Any(roles.into_iter().chain([condition]).collect())
    }

    /// A rule applies unless it is false.
    pub(super) fn is_not_false(rule: &'j Rule) -> Self {
        Self::is_false(rule).not()
    }

    /// One of the policies decides this about a call of a tool.
    pub(super) fn decides(joint: &'j Joint<'_>, part: usize, name: &str, effect: Effect) -> Self {
        let Some(policy) = joint.parts.get(part) else { return Self::NEVER };
        if tool::is_unknown(policy, name) {
            return if effect == Effect::Deny { Self::ALWAYS } else { Self::NEVER };
        }
        let about = joint.about(part, name);
        let of = |effect: Effect| about.iter().map(|(_, rule)| *rule).filter(move |rule| rule.effect == effect);
        let is_open = || Self::All(of(Effect::Deny).map(Self::is_false).collect());
        let is_allowed = || match policy.default {
            Effect::Allow => Self::ALWAYS,
            _ => Self::Any(of(Effect::Allow).map(Self::is_true).collect()),
        };
        let is_granted = || match policy.default {
            Effect::Allow => Self::ALWAYS,
            _ => Self::Any(of(Effect::Allow).chain(of(Effect::Ask)).map(Self::is_true).collect()),
        };
        match effect {
            Effect::Allow => {
                let is_not_asked = Self::All(of(Effect::Ask).map(Self::is_false).collect());
                Self::All(vec![is_open(), is_allowed(), is_not_asked])
            }
            Effect::Ask => {
                let is_asked = Self::Any(of(Effect::Ask).map(Self::is_not_false).collect());
                Self::All(vec![is_open(), is_granted(), is_asked])
            }
            Effect::Deny => Self::Any(vec![is_open().not(), is_granted().not()]),
        }
    }

    /// One of the policies decides about a call of a tool by this rule; without one, by no rule.
    pub(super) fn decided_by(joint: &'j Joint<'_>, part: usize, name: &str, rule: Option<usize>) -> Self {
        let about = joint.about(part, name);
        let of = |effect: Effect| about.iter().copied().filter(move |(_, rule)| rule.effect == effect);
        let before =
            |effect: Effect, rule: usize| of(effect).take_while(move |(at, _)| *at < rule).map(|(_, rule)| rule);
        let Some(at) = rule else {
            // None denies or allows. An ask rule may be unknown where nothing lets the call through.
            let denying = of(Effect::Deny).map(|(_, rule)| Self::is_false(rule));
            let allowing = of(Effect::Allow).map(|(_, rule)| Self::is_true(rule).not());
            return Self::All(denying.chain(allowing).collect());
        };
        let Some((_, rule)) = about.iter().find(|(place, _)| *place == at) else { return Self::NEVER };
        let mut claims: Vec<Self> = match rule.effect {
            Effect::Deny | Effect::Ask => before(rule.effect, at).map(Self::is_false).collect(),
            Effect::Allow => before(Effect::Allow, at).map(|rule| Self::is_true(rule).not()).collect(),
        };
        claims.push(match rule.effect {
            Effect::Allow => Self::is_true(rule),
            Effect::Deny | Effect::Ask => Self::is_not_false(rule),
        });
        Self::All(claims)
    }

    fn needs(&self, shared: &Policy) -> Needs {
        match self {
            Self::All(parts) => Needs::all(parts.iter().map(|part| part.needs(shared))),
            Self::Any(parts) => Needs::any(parts.iter().map(|part| part.needs(shared))),
            Self::Condition { condition, want, is } => Needs::of(shared, condition, *want, *is),
            Self::Roles { .. } => Needs::default(),
        }
    }

    fn write(&self, writer: &mut Writer<'_>) -> Formula {
        match self {
            Self::All(parts) => Formula::All(parts.iter().map(|part| part.write(writer)).collect()),
            Self::Any(parts) => Formula::Any(parts.iter().map(|part| part.write(writer)).collect()),
            Self::Condition { condition, want, is } => {
                let holds = writer.holds(condition, *want);
                if *is { holds } else { holds.not() }
            }
            Self::Roles { roles, want, is } => {
                let holds = writer.roles(roles, *want);
                if *is { holds } else { holds.not() }
            }
        }
    }

    /// Whether there is a call of the tool of which the claim is true. `confirm` says whether it is of a call that was found.
    pub(super) fn decide(&self, joint: &Joint<'_>, tool: &Tool, confirm: &dyn Fn(&Call) -> bool) -> Answer {
        let is_listed = tool.name == request::LISTED && joint.parts.iter().any(|policy| policy.covers.prompts);
        let mut places = BTreeSet::new();
        // Few elements of each list are enough for most answers, and take much less time.
        for most in MOST_ELEMENTS {
            let mut writer = Writer::new(&joint.shared, tool, is_listed, most);
            writer.need(self.needs(&joint.shared));
            let formula = self.write(&mut writer);
            if writer.is_too_large {
                places.insert("more tests than are tried".to_owned());
                break;
            }
            let mut is_confirmed = |found: &Found| confirm(&call(found));
            match search::search(&writer, &formula, &mut is_confirmed) {
                Outcome::Call(found) => return Answer::Call(Box::new(Witness { call: text(&found) })),
                Outcome::Never => return Answer::Never,
                Outcome::Short => places.clone_from(&writer.longer.iter().cloned().collect()),
                Outcome::Unknown(unknown) => {
                    places = unknown;
                    if writer.longer.is_none() {
                        break;
                    }
                }
            }
        }
        Answer::Undecided(places.into_iter().collect())
    }
}

/// Puts answers together: a call is one of any of them.
pub(super) fn any(answers: impl IntoIterator<Item = Answer>) -> Answer {
    let mut places = BTreeSet::new();
    for answer in answers {
        match answer {
            Answer::Call(_) => return answer,
            Answer::Undecided(more) => places.extend(more),
            Answer::Never => {}
        }
    }
    if places.is_empty() { Answer::Never } else { Answer::Undecided(places.into_iter().collect()) }
}

/// What a policy decides about a call.
pub(super) fn effect(policy: &Policy, call: &Call) -> Effect {
    reference::effect(reference::decide(policy, call).outcome)
}

fn call(found: &Found) -> Call {
    let add = |call: Call, (root, value): (&Root, &Value)| call.with(*root, Part::Known(value.clone()));
    found.parts.iter().fold(Call::new(&found.tool), add)
}

/// The call as JSON text.
fn text(found: &Found) -> String {
    let mut text = format!(r#"{{"tool": {}"#, string(&found.tool));
    for (root, value) in &found.parts {
        text.push_str(&format!(r#", "{}": "#, root.name()));
        write(value, &mut text);
    }
    text.push('}');
    text
}

fn string(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn write(value: &Value, text: &mut String) {
    match value {
        Value::Null | Value::Unknown { .. } => text.push_str("null"),
        Value::Bool(value) => text.push_str(if *value { "true" } else { "false" }),
        Value::Number(number) => text.push_str(&number.text),
        Value::String(value) => text.push_str(&string(value)),
        Value::List(elements) => {
            text.push('[');
            for (at, element) in elements.iter().enumerate() {
                text.push_str(if at > 0 { ", " } else { "" });
                write(element, text);
            }
            text.push(']');
        }
        Value::Object(members) => {
            text.push('{');
            for (at, (key, member)) in members.iter().enumerate() {
                text.push_str(if at > 0 { ", " } else { "" });
                text.push_str(&format!("{}: ", string(key)));
                write(member, text);
            }
            text.push('}');
        }
    }
}
