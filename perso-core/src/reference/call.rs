//! A call: the tool, and the parts that a policy reads.

use std::collections::HashMap;

use super::value::Value;
use super::{roles, show, tool};
use crate::limits;
use crate::policy::{Facet, Policy, Root, Rule, Step, Type};

/// A call to judge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The tool's name.
    pub tool: String,
    args: Part,
    agent: Part,
    resource: Part,
    context: Part,
    session: Part,
}

/// What is known of one part of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// The call does not have it.
    Absent,
    /// The call has this. An object, or null, which is as good as absent; anything else is malformed.
    Known(Value),
    /// Not known yet, may be anything: every test on it can be true and can be false.
    Open,
    /// Nothing may be concluded from it: no test on it is true or false.
    Withheld,
}

/// Why a call cannot be judged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// It is not what a call must be.
    #[error("{0}")]
    Malformed(String),
    /// It is over a limit.
    #[error("{0}")]
    Limit(String),
}

impl Unreadable {
    pub(super) fn malformed(what: impl Into<String>) -> Self {
        Self::Malformed(what.into())
    }

    fn limit(what: &str, limit: usize) -> Self {
        Self::Limit(format!("more than {limit} {what}"))
    }
}

impl Call {
    /// A call without any part.
    #[must_use]
    pub fn new(tool: impl Into<String>) -> Self {
        let tool = tool.into();
        let [args, agent, resource, context, session] = [const { Part::Absent }; 5];
        Self { tool, args, agent, resource, context, session }
    }

    /// Reads the JSON text of a call.
    ///
    /// # Errors
    /// [`Unreadable`] where it is no JSON, is no object of a call's keys, each at most once, or has no tool's name.
    ///
    /// ```
    /// use perso_core::reference::Call;
    /// assert!(Call::read(br#"{"tool": "send_email", "args": {"to": "a@b.example"}}"#).is_ok());
    /// assert!(Call::read(br#"{"tool": "send_email", "params": {}}"#).is_err());
    /// ```
    pub fn read(json: &[u8]) -> Result<Self, Unreadable> {
        if json.len() > limits::INPUT_BYTES {
            return Err(Unreadable::limit("bytes of a call", limits::INPUT_BYTES));
        }
        let text = std::str::from_utf8(json).map_err(|_| Unreadable::malformed("the text is not UTF-8"))?;
        let value = Value::read(text)?;
        if value.depth() > limits::DEPTH as usize {
            return Err(Unreadable::limit("levels of nesting", limits::DEPTH as usize));
        }
        Self::from_value(value)
    }

    /// Takes a call that Rust code built.
    ///
    /// # Errors
    /// [`Unreadable`], as [`Call::read`].
    pub fn from_json(call: &serde_json::Value) -> Result<Self, Unreadable> {
        Self::from_value(Value::from_json(call)?)
    }

    fn from_value(value: Value) -> Result<Self, Unreadable> {
        let Value::Object(members) = value else { return Err(Unreadable::malformed("a call must be an object")) };
        let mut tool = None;
        let mut call = Self::new("");
        let mut seen = std::collections::HashSet::new();
        for (key, value) in members {
            if !seen.insert(key.clone()) {
                return Err(Unreadable::malformed(format!("the call has the key `{}` twice", show::name(&key))));
            }
            match key.as_str() {
                "tool" => tool = Some(value),
                "args" => call.args = Part::Known(value),
                "agent" => call.agent = Part::Known(value),
                "resource" => call.resource = Part::Known(value),
                "context" => call.context = Part::Known(value),
                "session" => call.session = Part::Known(value),
                _ => return Err(Unreadable::malformed(format!("a call has no key `{}`", show::name(&key)))),
            }
        }
        match tool {
            Some(Value::String(tool)) if tool.len() > limits::TOOL_BYTES => {
                return Err(Unreadable::limit("bytes of a tool's name", limits::TOOL_BYTES));
            }
            Some(Value::String(tool)) => call.tool = tool,
            Some(_) => return Err(Unreadable::malformed("`tool` must be a string")),
            None => return Err(Unreadable::malformed("a call needs `tool`")),
        }
        for (root, part) in call.parts() {
            if let Some(problem) = wrong_shape(root, part) {
                return Err(problem);
            }
        }
        Ok(call)
    }

    /// The same call with another part. Nothing changes for [`Root::Tool`], which is no part.
    #[must_use]
    pub fn with(mut self, root: Root, part: Part) -> Self {
        match root {
            Root::Tool => {}
            Root::Args => self.args = part,
            Root::Agent => self.agent = part,
            Root::Resource => self.resource = part,
            Root::Context => self.context = part,
            Root::Session => self.session = part,
        }
        self
    }

    fn parts(&self) -> [(Root, &Part); 5] {
        [
            (Root::Args, &self.args),
            (Root::Agent, &self.agent),
            (Root::Resource, &self.resource),
            (Root::Context, &self.context),
            (Root::Session, &self.session),
        ]
    }

    /// A part; `None` for [`Root::Tool`].
    #[must_use]
    pub fn part(&self, root: Root) -> Option<&Part> {
        self.parts().into_iter().find(|(at, _)| *at == root).map(|(_, part)| part)
    }

    /// What makes the call malformed for this policy: a part of another type than an object, or a key that other
    /// readers of the same text may understand differently than the policy does.
    pub(crate) fn problem(&self, policy: &Policy) -> Option<Unreadable> {
        let paths = paths_read(policy, &self.tool);
        self.parts().into_iter().find_map(|(root, part)| {
            wrong_shape(root, part).or_else(|| {
                let Part::Known(value) = part else { return None };
                let below: Vec<&[Step]> =
                    paths.iter().filter(|path| path.root == root).map(|path| path.steps.as_slice()).collect();
                Confusion { looked_at: HashMap::new() }.find(root.name(), value, &below)
            })
        })
    }
}

fn wrong_shape(root: Root, part: &Part) -> Option<Unreadable> {
    match part {
        Part::Known(value) if !matches!(value.kind(), Type::Object | Type::Null) => {
            Some(Unreadable::malformed(format!("`{}` must be an object", root.name())))
        }
        _ => None,
    }
}

/// A place in a call.
struct Path {
    root: Root,
    /// Keys, and elements of lists.
    steps: Vec<Step>,
}

/// Every place that the policy reads of a call of this tool.
fn paths_read(policy: &Policy, name: &str) -> Vec<Path> {
    let mut paths = Vec::new();
    let asked = |rule: &&Rule| tool::rule_is_asked(policy, rule, name);
    let obligations = || tool::obligations(policy, name).filter(|(_, obligation)| asked(&&obligation.scope));
    for attribute in obligations().flat_map(|(_, obligation)| obligation.reads()) {
        if let Some(attribute) = policy.attributes.get(attribute) {
            paths.push(Path { root: tool::root(policy, attribute, name), steps: attribute.steps.clone() });
        }
    }
    for rule in policy.rules.iter().filter(asked).chain(obligations().map(|(_, obligation)| &obligation.scope)) {
        if roles::are_asked(rule) {
            paths.extend(roles::KEYS.map(|key| Path { root: Root::Agent, steps: vec![Step::Key(key.to_owned())] }));
        }
        rule.condition.each_attribute(&mut |id| {
            if let Some(attribute) = policy.attributes.get(id) {
                let steps = attribute.steps.iter().take_while(|step| !matches!(step, Step::Facet(_)));
                let steps: Vec<Step> = steps.cloned().collect();
                let root = tool::root(policy, attribute, name);
                match attribute.facet() {
                    Some(Facet::Age) => {
                        let steps = vec![Step::Key("now".to_owned())];
                        paths.push(Path { root: Root::Context, steps });
                    }
                    Some(Facet::Sum(sum)) => {
                        let keys =
                            policy.sums.get(sum).into_iter().flat_map(|sum| std::iter::once(&sum.of).chain(&sum.times));
                        paths.extend(keys.map(|keys| {
                            let below = keys.iter().map(|key| Step::Key(key.clone()));
                            let steps = steps.iter().cloned().chain([Step::Element]).chain(below).collect();
                            Path { root, steps }
                        }));
                    }
                    _ => {}
                }
                paths.push(Path { root, steps });
            }
        });
    }
    paths
}

/// Looks for keys that other readers of the same text may understand differently.
struct Confusion {
    /// How many elements of the lists at each place have been looked at: no more are than a policy looks into.
    looked_at: HashMap<String, u64>,
}

impl Confusion {
    /// The first key that one of `paths` reads and that is there twice, or that differs from a read one only by ASCII
    /// case; then the same in the objects and lists that the paths lead through. Keys that nobody reads confuse nobody.
    fn find(&mut self, place: &str, value: &Value, paths: &[&[Step]]) -> Option<Unreadable> {
        match value {
            Value::Object(members) => self.find_in_object(place, members, paths),
            Value::List(elements) => self.find_in_list(&format!("{place}[]"), elements, paths),
            _ => None,
        }
    }

    fn find_in_list(&mut self, place: &str, elements: &[Value], paths: &[&[Step]]) -> Option<Unreadable> {
        let below: Vec<&[Step]> = paths
            .iter()
            .filter_map(|path| path.split_first())
            .filter(|(step, _)| **step == Step::Element)
            .map(|(_, rest)| rest)
            .collect();
        if below.is_empty() {
            return None;
        }
        // A list that is out of range is not looked into.
        let looked_at = self.looked_at.entry(place.to_owned()).or_default();
        *looked_at += elements.len() as u64;
        if *looked_at > limits::LIST_LENGTH {
            return None;
        }
        elements.iter().find_map(|element| self.find(place, element, &below))
    }

    fn find_in_object(&mut self, place: &str, members: &[(String, Value)], paths: &[&[Step]]) -> Option<Unreadable> {
        let read: Vec<(&String, &[Step])> = paths
            .iter()
            .filter_map(|path| match path.split_first() {
                Some((Step::Key(key), rest)) => Some((key, rest)),
                _ => None,
            })
            .collect();
        for (at, (key, value)) in members.iter().enumerate() {
            let below: Vec<&[Step]> = read.iter().filter(|(other, _)| *other == key).map(|(_, rest)| *rest).collect();
            let is_read = !below.is_empty();
            let variant_of = read.iter().find(|(other, _)| differ_by_case_at_most(other, key));
            if let (false, Some((other, _))) = (is_read, variant_of) {
                return Some(Unreadable::malformed(format!(
                    "the key `{}` in `{}` differs from `{}` only by case",
                    show::name(key),
                    show::name(place),
                    show::name(other),
                )));
            }
            if is_read && members.iter().take(at).any(|(other, _)| other == key) {
                return Some(twice(place, key));
            }
            if let Some(problem) = self.find(&format!("{place}.{key}"), value, &below) {
                return Some(problem);
            }
        }
        None
    }
}

/// Whether two keys are the same to some reader that ignores case, by lower-case letters or by capitals.
fn differ_by_case_at_most(one: &str, other: &str) -> bool {
    // In lower case only `İ` is more than one character; the first of them is what some readers make of it.
    let lower = |c: char| c.to_lowercase().next();
    let same = |(a, b): (char, char)| lower(a) == lower(b) || a.to_uppercase().eq(b.to_uppercase());
    one.chars().count() == other.chars().count() && one.chars().zip(other.chars()).all(same)
}

fn twice(place: &str, key: &str) -> Unreadable {
    Unreadable::malformed(format!("`{}` has the key `{}` twice", show::name(place), show::name(key)))
}
