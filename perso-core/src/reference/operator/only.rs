//! `only`: no other keys than these.

use super::{Outcome, Side};
use crate::decision::Expected;
use crate::policy::{Attribute, AttributeId};
use crate::reference::attribute::{Env, Found, State};
use crate::reference::value::Value;

pub(super) fn only(env: &Env<'_>, left: Side<'_>, attribute: &Attribute, keys: &[AttributeId]) -> Outcome {
    // A part of the call that is not there has no keys.
    let is_part = attribute.steps.is_empty();
    match (&left.state, env.find(attribute)) {
        (State::Open, _) => Outcome::Open,
        (State::Missing | State::Null, _) if is_part => Outcome::True,
        (State::Object, Found::Value(value)) => {
            let Value::Object(members) = &*value else { return left.unreadable(Expected::default()) };
            let keys = keys.iter().filter_map(|id| env.policy.attributes.get(*id));
            let names: Vec<&str> =
                keys.filter(|key| env.root(key) == env.root(attribute)).filter_map(Attribute::last_key).collect();
            Outcome::known(members.iter().all(|(key, _)| names.contains(&key.as_str())))
        }
        _ => left.unreadable(Expected::default()),
    }
}
