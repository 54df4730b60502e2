//! What a string argument looks like, by its name, its description and its format: what most attacks on servers use.

use super::Tool;
use super::json::Json;
use super::schema::{Schema, Way, listed, states};
use crate::policy::{Step, Type};

/// How deep arguments are looked into, and how many places of a tool.
const MAX_DEPTH: usize = 3;
const MAX_PLACES: usize = 64;

/// What a string looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    Command,
    Sql,
    Path,
    Url,
    Address,
}

impl Look {
    /// What it is called.
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Command => "a command",
            Self::Sql => "a statement of SQL",
            Self::Path => "a path",
            Self::Url => "a URL",
            Self::Address => "an e-mail address",
        }
    }

    /// A test that reads it.
    pub(super) const fn test(self) -> &'static str {
        match self {
            Self::Command => {
                r#"{"shell": {"every": {".program": {"in": ["ls", "cat"]}, ".env": {"count": 0}, ".writes": {"count": 0}}}}"#
            }
            Self::Sql => {
                r#"{"sql": {"dialect": "sqlite", "statement": "select", "tables": {"every": {"in": ["orders"]}}, "functions": {"count": 0}}}"#
            }
            Self::Path => r#"{"within": "/srv/share"}"#,
            Self::Url => r#"{"url": {"scheme": "https", "host": "example.com"}}"#,
            Self::Address => r#"{"email_domain": "acme.com"}"#,
        }
    }
}

/// The strings of a tool's arguments that look dangerous, and where they are.
pub(super) fn dangerous(name: &str, tool: &Tool) -> Vec<(Vec<Step>, Look)> {
    let schema = tool.schema();
    let mut found = Found {
        schema,
        tool_words: words(name),
        tool: tool.description().to_lowercase(),
        places: Vec::new(),
        left: MAX_PLACES,
    };
    found.object(&mut Vec::new(), &schema.whole(), MAX_DEPTH);
    found.places
}

struct Found<'c> {
    schema: Schema<'c>,
    tool_words: Vec<String>,
    /// The tool's description.
    tool: String,
    places: Vec<(Vec<Step>, Look)>,
    left: usize,
}

impl<'c> Found<'c> {
    fn object(&mut self, path: &mut Vec<Step>, ways: &[Way<'c>], depth: usize) {
        let mut keys: Vec<&str> = ways.iter().flat_map(super::schema::properties).collect();
        keys.sort_unstable();
        keys.dedup();
        for key in keys {
            path.push(Step::Key(key.to_owned()));
            let values = self.schema.below(ways, path);
            self.value(path, key, &values, depth);
            path.pop();
        }
    }

    fn value(&mut self, path: &mut Vec<Step>, key: &str, ways: &[Way<'c>], depth: usize) {
        let (Some(depth), Some(left)) = (depth.checked_sub(1), self.left.checked_sub(1)) else { return };
        self.left = left;
        let is_text = |way: &&Way<'c>| {
            let states = states(way);
            states.has(Type::String) && !states.has(Type::Object) && listed(way).is_none()
        };
        if let Some(look) = ways.iter().filter(is_text).find_map(|way| self.look(key, way)) {
            self.places.push((path.clone(), look));
        }
        let lists: Vec<Way<'c>> = ways.iter().filter(|way| says(way, Type::List)).cloned().collect();
        if !lists.is_empty() {
            path.push(Step::Element);
            let elements = self.schema.below(&lists, path);
            self.value(path, key, &elements, depth);
            path.pop();
        }
        let objects: Vec<Way<'c>> = ways.iter().filter(|way| says(way, Type::Object)).cloned().collect();
        self.object(path, &objects, depth);
    }

    fn look(&self, key: &str, way: &Way<'c>) -> Option<Look> {
        let words = words(key);
        let last = words.last().map(String::as_str).unwrap_or_default();
        let texts = |name| way.iter().filter_map(move |part| part.get(name).and_then(Json::text));
        let description = texts("description").collect::<Vec<_>>().join(" ").to_lowercase();
        let format = texts("format").next().unwrap_or_default();
        let describes = |phrases: &[&str]| phrases.iter().any(|phrase| description.contains(phrase));
        let is = |names: &[&str]| names.contains(&last);
        let tool_has = |names: &[&str]| self.tool_words.iter().any(|word| names.contains(&word.as_str()));
        match format {
            "uri" | "url" | "iri" | "uri-reference" | "iri-reference" => return Some(Look::Url),
            "email" | "idn-email" if tool_has(SENDS) => return Some(Look::Address),
            "" => {}
            _ => return None,
        }
        if is(&["command", "commands", "cmd", "shell", "bash", "cmdline"])
            || describes(&["shell command", "bash command", "command to run", "command to execute", "command line to"])
        {
            return Some(Look::Command);
        }
        let mentions_sql = || has_word(&description, "sql") || has_word(&self.tool, "sql") || tool_has(&["sql"]);
        if words.iter().any(|word| word == "sql")
            || is(&["query", "queries", "statement", "statements"]) && mentions_sql()
        {
            return Some(Look::Sql);
        }
        if is(&["url", "urls", "uri", "uris", "href"]) || describes(&["the url", "url to", "url of"]) {
            return Some(Look::Url);
        }
        let is_named_file = words.ends_with(&["file".to_owned(), "name".to_owned()]);
        let moves_files = is(&["source", "destination", "src", "dest", "dst"])
            && tool_has(&["file", "files", "directory", "folder", "path"]);
        if is(PATHS)
            || is_named_file
            || moves_files
            || describes(&["file path", "path to ", "path of ", "absolute path", "relative path"])
        {
            return Some(Look::Path);
        }
        let is_address = is(&["email", "emails"]) && tool_has(SENDS);
        let is_recipient = is(&["to", "cc", "bcc", "recipient", "recipients"])
            && (tool_has(SENDS) || tool_has(&["mail", "email", "emails"]));
        (is_address || is_recipient).then_some(Look::Address)
    }
}

const PATHS: &[&str] = &[
    "path",
    "paths",
    "file",
    "files",
    "filename",
    "filenames",
    "filepath",
    "filepaths",
    "pathname",
    "dir",
    "dirs",
    "directory",
    "directories",
    "folder",
    "folders",
    "cwd",
];

/// What tools do that reach other people.
const SENDS: &[&str] = &["send", "invite", "share", "forward", "reply", "draft", "compose", "notify"];

/// Whether a way to be valid names a type.
fn says(way: &Way<'_>, of: Type) -> bool {
    // Without a type, it could be anything.
    states(way).has(of) && !(states(way).has(Type::List) && states(way).has(Type::Object))
}

fn has_word(text: &str, word: &str) -> bool {
    text.split(|c: char| !c.is_alphanumeric()).any(|one| one == word)
}

/// The words of a name, in lower case: `read`, `text` and `file` of `readTextFile` and `read_text_file`.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut after_lower = false;
    for c in name.chars() {
        if !c.is_alphanumeric() || c.is_uppercase() && after_lower {
            words.push(String::new());
        }
        if c.is_alphanumeric() {
            words.last_mut().into_iter().for_each(|word| word.extend(c.to_lowercase()));
        }
        after_lower = c.is_lowercase() || c.is_numeric();
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn names_have_words() {
        for name in ["read_text_file", "readTextFile", "files__read-text.file", "ReadTextFile"] {
            let words = words(name);
            assert!(words.ends_with(&["read", "text", "file"].map(str::to_owned)), "{name}: {words:?}");
        }
        assert_eq!(words("URL"), ["url"]);
    }
}
