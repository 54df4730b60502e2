//! The subjects, resources and actions that requests of AuthZEN name: what is known of them, and what searches find.

use super::members::{Members, object};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::Path;

/// The largest file, in bytes.
const MOST_BYTES: u64 = 64 << 20;

/// Subjects, resources and actions.
#[derive(Debug, Default)]
pub(crate) struct Entities {
    pub(super) subjects: Kind,
    pub(super) resources: Kind,
    pub(super) actions: Vec<String>,
}

/// Entities with their properties, as JSON.
#[derive(Debug, Default)]
pub(super) struct Kind {
    known: HashMap<(String, String), String>,
    /// In the order of the file.
    order: Vec<(String, String)>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File<'t> {
    #[serde(borrow, default)]
    subjects: Vec<Entity<'t>>,
    #[serde(borrow, default)]
    resources: Vec<Entity<'t>>,
    #[serde(default)]
    actions: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entity<'t> {
    r#type: String,
    id: String,
    #[serde(borrow)]
    properties: Option<&'t RawValue>,
}

impl Kind {
    fn read(entities: Vec<Entity<'_>>) -> Result<Self, String> {
        let mut kind = Self::default();
        for Entity { r#type, id, properties } in entities {
            let properties = properties.map_or("{}", RawValue::get);
            serde_json::from_str::<Members<'_>>(properties)
                .map_err(|error| format!("the properties of the {type} {id:?}: {error}"))?;
            let key = (r#type, id);
            kind.order.push(key.clone());
            if let Some(_before) = kind.known.insert(key.clone(), properties.to_owned()) {
                return Err(format!("the {} {:?} is there twice", key.0, key.1));
            }
        }
        Ok(kind)
    }

    /// What is known of an entity.
    pub(super) fn properties(&self, kind: &str, id: &str) -> Members<'_> {
        let known = self.known.get(&(kind.to_owned(), id.to_owned()));
        // It was checked when the file was read.
        known.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    }

    /// The ids of all entities of a type.
    pub(super) fn ids(&self, kind: &str) -> impl Iterator<Item = &str> {
        self.order.iter().filter(move |(known, _)| known == kind).map(|(_, id)| id.as_str())
    }
}

impl Entities {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// Returns an error if the file cannot be read, or has not the form that the documentation shows.
    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        let wrong = |why: String| format!("{}: {why}", path.display());
        let size = fs::metadata(path).map_err(|error| wrong(error.to_string()))?.len();
        if size > MOST_BYTES {
            return Err(wrong(format!("it has {size} bytes, and at most {MOST_BYTES} can be read")));
        }
        let text = fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
        Self::of(&text).map_err(wrong)
    }

    fn of(text: &str) -> Result<Self, String> {
        let File { subjects, resources, actions } = object(text.as_bytes()).map_err(|error| error.to_string())?;
        let mut names = HashSet::new();
        if let Some(twice) = actions.iter().find(|name| !names.insert(name.as_str())) {
            return Err(format!("the action {twice:?} is there twice"));
        }
        Ok(Self { subjects: Kind::read(subjects)?, resources: Kind::read(resources)?, actions })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "it is a test")]
mod tests {
    use super::*;

    #[test]
    fn files_are_checked() {
        let wrong = |text: &str| Entities::of(text).unwrap_err();
        assert_eq!(wrong("[]"), "a list is not an object");
        assert!(wrong(r#"{ "users": [] }"#).contains("unknown field `users`"));
        assert_eq!(
            wrong(r#"{ "subjects": [{ "type": "user", "id": "ann" }, { "type": "user", "id": "ann" }] }"#),
            r#"the user "ann" is there twice"#
        );
        assert!(
            wrong(r#"{ "resources": [{ "type": "doc", "id": "1", "properties": [] }] }"#).contains("the doc \"1\"")
        );
        assert_eq!(wrong(r#"{ "actions": ["read", "read"] }"#), r#"the action "read" is there twice"#);
        let read = Entities::of(
            r#"{ "subjects": [{ "type": "user", "id": "bob" }, { "type": "bot", "id": "bob" }, { "type": "user", "id": "ann" }] }"#,
        );
        assert_eq!(read.unwrap().subjects.ids("user").collect::<Vec<_>>(), ["bob", "ann"]);
    }
}
