//! What is recorded of a call's arguments.

use super::Arguments;
use crate::canonical;
use crate::engine::Policy;
use crate::module::{hex, sha256};
use perso_decode::{Place, Reads};
use serde_json::{Map, Value, json};

/// In place of a value that is not recorded.
const MASKED: &str = "[masked]";

/// What is recorded of arguments; `None` if nothing is.
pub(super) fn recorded(
    policy: &Policy,
    tool: &str,
    args: &Value,
    what: Arguments,
    mask: &[Vec<String>],
) -> Option<Value> {
    let masked = |args: &Value| {
        let mut args = args.clone();
        mask.iter().for_each(|path| hide(&mut args, path));
        args
    };
    match what {
        Arguments::None => None,
        _ if args.is_null() => None,
        Arguments::Digest if mask.is_empty() => Some(digest(args)),
        Arguments::Digest => Some(digest(&masked(args))),
        Arguments::Read => {
            let reads = policy.reads(tool).ok().flatten().map(|reads| reads.part(Place::ARGS));
            Some(masked(&reads.map_or_else(|| Value::Object(Map::new()), |reads| read(args, reads))))
        }
        Arguments::All => Some(masked(args)),
    }
}

fn digest(args: &Value) -> Value {
    json!({ "sha256": hex(&sha256(canonical::text(args).as_bytes())) })
}

/// Replaces the value at a path, if there is one.
fn hide(value: &mut Value, path: &[String]) {
    match (path.split_first(), value) {
        (None, value) => *value = MASKED.into(),
        (Some(_), Value::Array(elements)) => elements.iter_mut().for_each(|element| hide(element, path)),
        (Some((key, rest)), value) => value.get_mut(key).into_iter().for_each(|value| hide(value, rest)),
    }
}

/// What a policy reads of a value: of objects and lists only what it reads in them.
fn read(value: &Value, reads: Reads<'_>) -> Value {
    match value {
        Value::Object(_) | Value::Array(_) if reads.strings().unwrap_or_default() => value.clone(),
        Value::Object(members) => {
            let below = |(key, value): (&String, &Value)| {
                let child = reads.key(key).ok().flatten()?;
                // Of keys that are only counted, the policy knows no values.
                (!reads.is_rest(child).unwrap_or(true)).then(|| (key.clone(), read(value, child)))
            };
            Value::Object(members.iter().filter_map(below).collect())
        }
        Value::Array(elements) => match reads.elements() {
            Ok(Some(reads)) => elements.iter().map(|element| read(element, reads)).collect(),
            // A list that is compared as a whole; of objects in it, nothing is read.
            _ => elements.iter().filter(|element| !element.is_object() && !element.is_array()).cloned().collect(),
        },
        scalar => scalar.clone(),
    }
}
