//! Parses only the top level of a JSON object and writes it again; the values stay text.

use crate::fold::is_read_as;
use serde::Deserializer;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;

/// An object whose values are unparsed text, in their original order.
#[derive(Debug, Default)]
pub(crate) struct Shallow<'m>(Vec<(String, &'m RawValue)>);

impl<'m> Shallow<'m> {
    /// Parses an object. Returns `None` if the text is not JSON or not an object.
    pub(crate) fn read(text: &'m str) -> Option<Self> {
        let mut reader = serde_json::Deserializer::from_str(text);
        let object = reader.deserialize_map(Fields).ok()?;
        reader.end().ok()?;
        Some(object)
    }

    /// Returns the value of a key; for a duplicate key, the first value.
    pub(crate) fn get(&self, key: &str) -> Option<&'m RawValue> {
        self.0.iter().find(|(name, _)| name == key).map(|(_, value)| *value)
    }

    /// Returns the value of a key if it is a string.
    pub(crate) fn string(&self, key: &str) -> Option<String> {
        serde_json::from_str(self.get(key)?.get()).ok()
    }

    /// Returns the value of a key if it is an object.
    pub(crate) fn object(&self, key: &str) -> Option<Self> {
        Self::read(self.get(key)?.get())
    }

    /// Returns whether the object has one of these keys more than once, or in a spelling that only some parsers accept
    /// as the key.
    pub(crate) fn is_ambiguous(&self, keys: &[&str]) -> bool {
        let alike = |name: &str| keys.iter().any(|key| is_read_as(name, key));
        self.0.iter().enumerate().any(|(at, (name, _))| {
            if keys.contains(&&**name) { self.0.iter().take(at).any(|(other, _)| other == name) } else { alike(name) }
        })
    }

    /// Returns the object as text.
    pub(crate) fn text(&self) -> String {
        self.text_with("", "")
    }

    /// Returns the object as text, with each value of the key replaced.
    pub(crate) fn text_with(&self, key: &str, value: &str) -> String {
        let mut text = String::from("{");
        for (name, old) in &self.0 {
            if text.len() > 1 {
                text.push(',');
            }
            let is_it = !key.is_empty() && name == key;
            // Writing a `Value` cannot fail.
            text.push_str(&serde_json::Value::from(&**name).to_string());
            text.push(':');
            text.push_str(if is_it { value } else { old.get() });
        }
        text.push('}');
        text
    }

    /// Removes the keys for which `is_kept` returns false.
    pub(crate) fn retain(&mut self, is_kept: impl Fn(&str) -> bool) {
        self.0.retain(|(name, _)| is_kept(name));
    }

    /// Replaces the value of a key.
    pub(crate) fn replace(&mut self, key: &str, value: &'m RawValue) {
        self.0.iter_mut().filter(|(name, _)| name == key).for_each(|(_, old)| *old = value);
    }

    /// Sets a key's value, and adds the key if it is missing.
    pub(crate) fn set(&mut self, key: &str, value: &'m RawValue) {
        self.retain(|name| name != key);
        self.0.push((key.to_owned(), value));
    }
}

struct Fields;

impl<'de> Visitor<'de> for Fields {
    type Value = Shallow<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = map.next_entry()? {
            fields.push(field);
        }
        Ok(Shallow(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::Shallow;

    #[test]
    fn an_object_is_written_as_it_was_read() {
        let text = r#" { "a\u0062" : 1.50, "c":{"d": [ ]}, "" :"\u00e9" } "#;
        let object = Shallow::read(text).unwrap();
        assert_eq!(object.text(), r#"{"ab":1.50,"c":{"d": [ ]},"":"\u00e9"}"#);
        assert_eq!(object.text_with("c", "2"), r#"{"ab":1.50,"c":2,"":"\u00e9"}"#);
        for text in ["", "1", "[]", "{", "{}{}", "{} x", "\u{feff}{}", r#"{"a":}"#, r#"{"\ud800":1}"#, "{'a':1}"] {
            assert!(Shallow::read(text).is_none(), "{text}");
        }
    }

    #[test]
    fn ambiguous_keys_are_noticed() {
        let is_ambiguous = |text| Shallow::read(text).unwrap().is_ambiguous(&["name", "inputResponses"]);
        for text in [
            r#"{"name":1,"name":1}"#,
            r#"{"name":1,"n\u0061me":2}"#,
            r#"{"Name":1}"#,
            r#"{"name":1,"NAME":1}"#,
            r#"{" name":1}"#,
            r#"{"name\u0000":1}"#,
            r#"{"na me":1}"#,
            r#"{"\uff4eame":1}"#,
            r#"{"INPUTRESPONSES":1}"#,
            r#"{"input\u0052e\u017fponses":1}"#,
        ] {
            assert!(is_ambiguous(text), "{text}");
        }
        for text in [r#"{"name":1,"inputResponses":2,"x":3,"x":3}"#, r#"{"names":1}"#, "{}"] {
            assert!(!is_ambiguous(text), "{text}");
        }
    }
}
