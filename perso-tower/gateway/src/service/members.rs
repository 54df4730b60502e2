//! JSON objects whose members are kept as they are written, so that no number is rounded.

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::collections::HashSet;
use std::fmt;

/// The members of a JSON object, each key once.
#[derive(Debug, Default)]
pub(super) struct Members<'t>(Vec<(String, &'t RawValue)>);

impl<'t> Members<'t> {
    /// Returns a member.
    pub(super) fn get(&self, key: &str) -> Option<&'t RawValue> {
        self.0.iter().find(|(known, _)| known == key).map(|(_, value)| *value)
    }

    /// Writes an object with `first`, and then the members of each of `rest` whose keys are not there yet.
    pub(super) fn join(first: &[(&str, &str)], rest: &[&Members<'_>]) -> String {
        let mut keys = HashSet::new();
        let mut text = String::from("{");
        let mut add = |key: &str, value: &str| {
            if text.len() > 1 {
                text.push(',');
            }
            text.push_str(&quoted(key));
            text.push(':');
            text.push_str(value);
        };
        for (key, value) in first {
            keys.insert(*key);
            add(key, &quoted(value));
        }
        for (key, value) in rest.iter().flat_map(|members| &members.0) {
            if keys.insert(key) {
                add(key, value.get());
            }
        }
        text.push('}');
        text
    }
}

/// Reads an object. By itself, serde also takes a list of the members' values for one.
///
/// # Errors
///
/// If it is not such an object.
pub(super) fn object<'t, T: Deserialize<'t>>(text: &'t [u8]) -> serde_json::Result<T> {
    if text.trim_ascii_start().first() == Some(&b'[') {
        return Err(serde_json::Error::custom("a list is not an object"));
    }
    serde_json::from_slice(text)
}

/// A string as JSON.
pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

impl<'de: 't, 't> Deserialize<'de> for Members<'t> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let (mut members, mut keys) = (Vec::new(), HashSet::new());
                while let Some((key, value)) = map.next_entry::<String, &'de RawValue>()? {
                    if !keys.insert(key.clone()) {
                        return Err(A::Error::custom("an object has a key twice"));
                    }
                    members.push((key, value));
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Object)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "it is a test")]
mod tests {
    use super::*;

    #[test]
    fn members_are_kept_as_they_are_written() {
        let members: Members<'_> =
            serde_json::from_str(r#"{ "a": 0.10000000000000000555, "id": 1, "b\u0022": [1e400] }"#).unwrap();
        let known: Members<'_> = serde_json::from_str(r#"{ "a": 1 }"#).unwrap();
        assert_eq!(
            Members::join(&[("id", "x\"y")], &[&members]),
            r#"{"id":"x\"y","a":0.10000000000000000555,"b\"":[1e400]}"#
        );
        assert_eq!(Members::join(&[], &[&known, &members]), r#"{"a":1,"id":1,"b\"":[1e400]}"#);
        assert_eq!(Members::join(&[], &[]), "{}");
    }

    #[test]
    fn a_key_that_is_there_twice_is_an_error() {
        assert!(serde_json::from_str::<Members<'_>>(r#"{ "a": 1, "\u0061": 2 }"#).is_err());
    }
}
