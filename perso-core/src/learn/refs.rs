//! Attributes of a call that always equal one of the caller: `resource.owner_id` is `agent.id`.

use std::collections::BTreeMap;

use super::ENOUGH;
use super::json::{Members, member, text};
use crate::policy::Root;
use crate::reference::{Call, Part, Value};

/// Keys of the caller that are no identity.
const ROLES: [&str; 2] = ["role", "roles"];
/// More keys of a part are not compared.
const MOST_KEYS: usize = 32;

/// Which attributes were the same in every call.
#[derive(Debug, Clone)]
pub(super) struct Refs {
    calls: u64,
    /// An attribute, the one of the caller, and the value in the first call, with whether there was another one since.
    pairs: BTreeMap<(String, String), (String, bool)>,
}

impl Refs {
    pub(super) fn of(call: &Call) -> Self {
        let members = |root: Root| match call.part(root) {
            Some(Part::Known(Value::Object(members))) => members.as_slice(),
            _ => &[],
        };
        let scalars = |root: Root| {
            let scalar = |(key, value): &'_ (String, Value)| Some((word(key)?.to_owned(), scalar(value)?));
            members(root).iter().take(MOST_KEYS).filter_map(scalar).collect::<Vec<_>>()
        };
        let agent = scalars(Root::Agent);
        let mut pairs = BTreeMap::new();
        for root in [Root::Args, Root::Resource] {
            for (key, value) in scalars(root) {
                for (own, same) in agent.iter().filter(|(own, _)| !ROLES.contains(&own.as_str())) {
                    if *same == value {
                        let names = (format!("{}.{key}", root.name()), format!("agent.{own}"));
                        pairs.insert(names, (value.clone(), false));
                    }
                }
            }
        }
        Self { calls: 1, pairs }
    }

    pub(super) fn append(&mut self, later: &Self) {
        self.calls += later.calls;
        self.pairs.retain(|names, (first, varies)| match later.pairs.get(names) {
            Some((value, later_varies)) => {
                *varies |= *later_varies || value != first;
                true
            }
            None => false,
        });
    }

    /// The tests, one for each attribute, if there are enough calls.
    pub(super) fn tests(&self) -> Members {
        let mut found = Members::new();
        for ((name, own), (_, varies)) in &self.pairs {
            if *varies && self.calls >= ENOUGH as u64 && found.iter().all(|(other, _)| other != name) {
                found.push(member(name, format!(r#"{{"eq":{{"ref":{}}}}}"#, text(own))));
            }
        }
        found
    }
}

/// A key that needs no brackets.
fn word(key: &str) -> Option<&str> {
    let is_word = key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    is_word.then_some(key)
}

/// A value that another can equal.
fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(value) => Some(text(value)),
        Value::Number(number) => Some(number.text.clone()),
        _ => None,
    }
}
