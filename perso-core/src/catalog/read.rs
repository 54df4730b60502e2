//! From the text of a list of tools to the tools.

use std::collections::BTreeMap;

use super::json::Json;
use super::{Catalog, CatalogError, Tool};
use crate::diagnostic::{Diagnostics, Source, quoted};
use crate::syntax::json;

/// The most tools of all lists together.
const MAX_TOOLS: usize = 10_000;
/// What stands between the name of a server and that of its tool, where a gateway has several servers.
const SEPARATOR: &str = "__";

impl Catalog {
    /// The longest text of a list or a file of pins, in bytes.
    pub const MAX_BYTES: usize = json::MAX_TEXT;

    /// Adds the tools of a list: the answer to `tools/list`, its `result`, or the list itself. With a `server`, the tools
    /// are named as `perso-gateway` names those of several servers: `files__read_file`.
    ///
    /// # Errors
    ///
    /// [`CatalogError`] if the text is no list of tools, or if two tools have the same name. Nothing is added then.
    pub fn add(&mut self, text: &str, server: Option<&str>) -> Result<(), CatalogError> {
        let root = parse(text)?;
        let mut added = BTreeMap::new();
        for (at, listed) in tools(&root)?.iter().enumerate() {
            let name = name(at, listed)?;
            let name = server.map_or_else(|| name.to_owned(), |server| format!("{server}{SEPARATOR}{name}"));
            let duplicate = self.tools.contains_key(&name);
            if duplicate || added.insert(name.clone(), Tool { definition: listed.clone() }).is_some() {
                return Err(CatalogError::Duplicate { tool: name });
            }
            if self.tools.len() + added.len() > MAX_TOOLS {
                return Err(CatalogError::Malformed(format!("there are more than {MAX_TOOLS} tools")));
            }
        }
        self.tools.extend(added);
        Ok(())
    }
}

/// JSON without duplicate keys, which readers could understand differently.
pub(super) fn parse(text: &str) -> Result<Json, CatalogError> {
    let mut diagnostics = Diagnostics::default();
    let root = json::parse(text, &mut diagnostics);
    match (root, diagnostics.finish().first()) {
        (Some(root), None) => Ok(Json::from(&root)),
        (_, Some(first)) => {
            let (line, column) = Source::new("", text).position(first.span.start);
            Err(CatalogError::Malformed(format!("{}, at line {line}, column {column}", first.message)))
        }
        (None, None) => Err(CatalogError::Malformed("it is empty".to_owned())),
    }
}

/// The list of tools, in whichever form.
fn tools(root: &Json) -> Result<&[Json], CatalogError> {
    let malformed = |why: String| Err(CatalogError::Malformed(why));
    let result = root.get("result").unwrap_or(root);
    if let Some(message) = root.get("error").and_then(|error| error.get("message")).and_then(Json::text) {
        return malformed(format!("the server answered with an error: {}", quoted(message)));
    }
    if result.get("nextCursor").is_some_and(|cursor| *cursor != Json::Null) {
        return malformed(
            "it is one page of several (`nextCursor`): put the tools of all pages into one list".to_owned(),
        );
    }
    match result.list().or_else(|| result.get("tools")?.list()) {
        Some(tools) => Ok(tools),
        None => malformed("expected the answer to `tools/list`, its `result`, or a list of tools".to_owned()),
    }
}

fn name(at: usize, tool: &Json) -> Result<&str, CatalogError> {
    let malformed = |why: String| Err(CatalogError::Malformed(why));
    let place = at + 1;
    let Some(name) = tool.get("name").and_then(Json::text).filter(|name| !name.is_empty()) else {
        return malformed(format!("tool {place} of the list has no `name`"));
    };
    let shown = quoted(name);
    match tool.get("inputSchema") {
        Some(Json::Object(_)) => {}
        Some(_) => return malformed(format!("the `inputSchema` of {shown} is not an object")),
        None => return malformed(format!("the tool {shown} has no `inputSchema`")),
    }
    for key in ["title", "description"] {
        if tool.get(key).is_some_and(|value| *value != Json::Null && value.text().is_none()) {
            return malformed(format!("the `{key}` of {shown} is not a string"));
        }
    }
    Ok(name)
}
