//! `extends`: finds the documents of a policy. `join` then makes one policy of them.

use std::collections::HashMap;

use super::legacy;
use crate::diagnostic::{Code, Diagnostic, Diagnostics, quoted};
use crate::documents::{Documents, Loaded, ResolveError, Resolver};
use crate::span::Span;
use crate::syntax::Spanned;
use crate::syntax::document::first_of;
use crate::syntax::json::{self, Kind, MAX_TEXT, MAX_VALUES, Node};
use crate::visible::visible;

/// The most documents of a policy, the main document included.
pub(super) const MAX_DOCUMENTS: usize = 64;
/// The most documents that extend one another in a row.
const MAX_CHAIN: usize = 16;
/// The longest path, in bytes.
const MAX_PATH: usize = 1024;
/// How much is shown of what a resolver says, in characters.
const MAX_SHOWN: usize = 400;

/// Finds nothing: for a policy of which there is only the text.
#[derive(Debug)]
pub struct Nothing;

impl Resolver for Nothing {
    fn resolve(&self, _: &str) -> Result<String, ResolveError> {
        Err(ResolveError::new("the compiler was given only the text of this policy").help(
            "load the policy from its file, or pass a resolver for the other documents (Python and Node: `resolve`, \
             Rust: `compile_with`)",
        ))
    }
}

/// Loads the documents that a text extends, directly or not, each of them once. Returns as well what is wrong with
/// `extends`; the documents are not all there then.
pub(super) fn load(text: &str, resolver: &dyn Resolver) -> (Documents, Vec<Diagnostic>) {
    if !may_extend(text) {
        return (Documents::one(text), Vec::new());
    }
    let mut loader = Loader {
        resolver,
        states: HashMap::new(),
        chain: Vec::new(),
        loaded: Vec::new(),
        count: 1,
        bytes: text.len(),
        values: 0,
        problems: Vec::new(),
    };
    if let Some(main) = resolver.main() {
        loader.states.insert(main.to_owned(), State::Open);
    }
    let main = loader.read(None, text.to_owned());
    loader.visit(main);
    let Loader { loaded, problems, .. } = loader;
    let documents = Documents::join(loaded);
    let shifted = problems.into_iter().map(|(document, problem)| problem.shifted(documents.get(document).0));
    let problems = shifted.collect();
    (documents, problems)
}

/// Whether a text can have the key: only then is it parsed to find out. A key in which a letter is escaped counts.
fn may_extend(text: &str) -> bool {
    text.contains("extends") || text.contains("\\u")
}

struct Loader<'r> {
    resolver: &'r dyn Resolver,
    /// What is known of a path.
    states: HashMap<String, State>,
    /// The paths of the documents around the one that is being looked at; `None` for the main document.
    chain: Vec<Option<String>>,
    /// The documents that are complete, in order.
    loaded: Vec<Loaded>,
    /// How many documents there are, those included that are not complete.
    count: usize,
    bytes: usize,
    values: usize,
    /// What is wrong, with the number of the document that it is in, and places in that document.
    problems: Vec<(usize, Diagnostic)>,
}

enum State {
    /// Its own `extends` is being followed.
    Open,
    /// Its place in the order.
    Done(usize),
    /// Why it cannot be extended.
    Failed(ResolveError),
}

/// A document, before the documents that it extends are known.
struct Opened {
    path: Option<String>,
    text: String,
    /// The paths that it extends, as written.
    names: Vec<Spanned<String>>,
    is_legacy: bool,
    values: usize,
    /// What is wrong with the value of `extends`.
    problems: Vec<Diagnostic>,
}

impl Loader<'_> {
    /// Reads which documents a text extends. One that is not JSON extends nothing: checking it reports why.
    fn read(&self, path: Option<String>, text: String) -> Opened {
        let mut ignored = Diagnostics::default();
        let (mut names, mut is_legacy, mut values, mut problems) = (Vec::new(), false, 0, Vec::new());
        if let Some(root) = json::parse(&text, &mut ignored) {
            values = root.count();
            is_legacy = legacy::is_first(&root);
            if let (false, Kind::Object(members)) = (is_legacy, &root.kind) {
                let extends = members.iter().find(|member| member.key.value == "extends");
                names = extends.map(|member| paths(&member.value, &mut problems)).unwrap_or_default();
            }
        }
        Opened { path, text, names, is_legacy, values, problems }
    }

    /// Loads what a document extends, and then gives the document its place.
    fn visit(&mut self, document: Opened) -> usize {
        let Opened { path, text, names, mut problems, values, .. } = document;
        self.values += values;
        self.chain.push(path.clone());
        let mut extends = Vec::new();
        for name in names {
            match self.follow(path.as_deref(), &name.value) {
                Ok(place) if extends.contains(&place) => {
                    let message = format!("duplicate path {} in `extends`", quoted(&name.value));
                    problems.push(Diagnostic::new(Code::Duplicate, name.span, message));
                }
                Ok(place) => extends.push(place),
                Err(error) => problems.push(error.at(name.span)),
            }
        }
        self.chain.pop();
        let place = self.loaded.len();
        self.loaded.push(Loaded { path, text, extends });
        self.problems.extend(problems.into_iter().map(|problem| (place, problem)));
        place
    }

    /// The place of a document that is extended by the one at `from`.
    fn follow(&mut self, from: Option<&str>, written: &str) -> Result<usize, Problem> {
        let path = relative(from, written)?;
        match self.states.get(&path) {
            Some(State::Done(place)) => return Ok(*place),
            Some(State::Open) => return Err(self.cycle(&path)),
            Some(State::Failed(error)) => return Err(unresolved(written, error.clone())),
            None => {}
        }
        if self.count == MAX_DOCUMENTS {
            return Err(limit(format!("the policy consists of more than {MAX_DOCUMENTS} documents")));
        }
        if self.chain.len() == MAX_CHAIN {
            return Err(limit(format!("more than {MAX_CHAIN} documents extend one another in a row")));
        }
        let document = match self.resolver.resolve(&path) {
            Ok(text) => self.opened(&path, text)?,
            Err(error) => {
                self.states.insert(path, State::Failed(error.clone()));
                return Err(unresolved(written, error));
            }
        };
        if document.is_legacy {
            let error = ResolveError::new("it is a legacy policy").help("convert it with `perso migrate`");
            self.states.insert(path, State::Failed(error.clone()));
            return Err(unresolved(written, error));
        }
        self.count += 1;
        self.states.insert(path.clone(), State::Open);
        let place = self.visit(document);
        self.states.insert(path, State::Done(place));
        Ok(place)
    }

    /// Reads a document if the policy does not become too large by it.
    fn opened(&mut self, path: &str, text: String) -> Result<Opened, Problem> {
        // One for the line end before it.
        let bytes = self.bytes.saturating_add(text.len()).saturating_add(1);
        if bytes > MAX_TEXT {
            return Err(limit(format!("the documents of the policy have more than {MAX_TEXT} bytes together")));
        }
        let document = self.read(Some(path.to_owned()), text);
        if self.values + document.values > MAX_VALUES {
            return Err(limit(format!("the documents of the policy have more than {MAX_VALUES} values together")));
        }
        self.bytes = bytes;
        Ok(document)
    }

    fn cycle(&self, path: &str) -> Problem {
        let main = self.resolver.main();
        let names = || self.chain.iter().map(|path| path.as_deref().or(main).unwrap_or("the policy"));
        let from = names().position(|name| name == path).unwrap_or_default();
        let shown = |name: &str| if name == "the policy" { name.to_owned() } else { quoted(name) };
        let cycle: Vec<String> = names().skip(from).chain([path]).map(shown).collect();
        let message = format!("a document extends itself: {}", cycle.join(" → "));
        Problem { code: Code::ExtendsCycle, message, help: None }
    }
}

/// What is wrong with a path, before it has a place.
#[derive(Debug)]
struct Problem {
    code: Code,
    message: String,
    help: Option<String>,
}

impl Problem {
    fn at(self, span: Span) -> Diagnostic {
        Diagnostic::new(self.code, span, self.message).maybe_help(self.help)
    }
}

fn limit(message: String) -> Problem {
    Problem { code: Code::Limit, message, help: None }
}

fn unresolved(written: &str, error: ResolveError) -> Problem {
    let said = error.to_string();
    let said = match said.char_indices().nth(MAX_SHOWN) {
        Some((cut, _)) => format!("{}…", visible(said.get(..cut).unwrap_or_default())),
        None => visible(&said).into_owned(),
    };
    let message = format!("{} cannot be extended: {said}", quoted(written));
    Problem { code: Code::Extends, message, help: error.into_help() }
}

/// The paths in the value of `extends`.
fn paths(node: &Node<'_>, problems: &mut Vec<Diagnostic>) -> Vec<Spanned<String>> {
    let elements = match &node.kind {
        Kind::String(_) => std::slice::from_ref(node),
        Kind::List(elements) if elements.is_empty() => {
            let error = Diagnostic::new(Code::Empty, node.span, "`extends` is an empty list");
            problems.push(error.help("remove it, or name a document: `\"extends\": \"org.json\"`"));
            return Vec::new();
        }
        Kind::List(elements) => elements,
        _ => {
            let message = format!("`extends` must be a path or a list of paths, found {}", node.describe());
            problems.push(Diagnostic::new(Code::WrongType, first_of(node), message));
            return Vec::new();
        }
    };
    if let Some(over) = elements.get(MAX_DOCUMENTS) {
        let message = format!("`extends` has more than {MAX_DOCUMENTS} paths");
        problems.push(Diagnostic::new(Code::Limit, first_of(over), message));
        return Vec::new();
    }
    let mut paths = Vec::with_capacity(elements.len());
    for element in elements {
        match &element.kind {
            Kind::String(path) => paths.push(Spanned { value: path.to_string(), span: element.span }),
            _ => {
                let message = format!("an element of `extends` must be a string, found {}", element.describe());
                problems.push(Diagnostic::new(Code::WrongType, first_of(element), message));
            }
        }
    }
    paths
}

/// The path relative to the main document that is written in the document at `from`. Only the text counts, so that it is
/// the same on every machine: `a/../b` is `b`, also where `a` is a symbolic link.
fn relative(from: Option<&str>, written: &str) -> Result<String, Problem> {
    let refused = |what: &str, help: &str| {
        let message = format!("{} is not a path that `extends` takes: {what}", quoted(written));
        Err(Problem { code: Code::Extends, message, help: Some(help.to_owned()) })
    };
    const RELATIVE: &str = "write a path relative to this document, with `/` between folders";
    if written.len() > MAX_PATH {
        let message = format!("a path is {} bytes long; at most {MAX_PATH} are allowed", written.len());
        return Err(limit(message));
    }
    if written.is_empty() {
        return refused("it is empty", RELATIVE);
    }
    if written.contains("://") {
        return refused("it is a URL", "save a copy of the document, and name its path");
    }
    if let Some(control) = written.chars().find(|c| c.is_control()) {
        return refused(&format!("it contains a control character (U+{:04X})", u32::from(control)), "remove it");
    }
    if written.contains('\\') {
        return refused("it contains a `\\`", "use `/` between folders, on every system");
    }
    if written.contains(':') {
        let is_drive = written.starts_with(|c: char| c.is_ascii_alphabetic()) && written.get(1..2) == Some(":");
        return match is_drive {
            true => refused("it begins with a drive letter", RELATIVE),
            false => refused("it contains a `:`", "rename the file: not every system allows a `:` in names"),
        };
    }
    if written.starts_with('/') {
        return refused("it is absolute", RELATIVE);
    }
    let mut segments: Vec<&str> = from.map(|from| from.split('/').collect()).unwrap_or_default();
    segments.pop();
    let mut is_folder = true;
    for segment in written.split('/') {
        is_folder = false;
        match segment {
            "" => return refused("a name in it is empty", RELATIVE),
            "." => is_folder = true,
            ".." => {
                is_folder = true;
                if segments.last().is_none_or(|last| *last == "..") {
                    segments.push("..");
                } else {
                    segments.pop();
                }
            }
            name => segments.push(name),
        }
    }
    if is_folder {
        return refused("it leads to a folder", "name a document in the folder");
    }
    let path = segments.join("/");
    if path.len() > MAX_PATH {
        return Err(limit(format!("relative to the main document, a path has more than {MAX_PATH} bytes")));
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_relative_to_the_document_that_has_them() {
        let path = |from: Option<&str>, written: &str| relative(from, written).map_err(|problem| problem.message);
        assert_eq!(path(None, "org.json").as_deref(), Ok("org.json"));
        assert_eq!(path(None, "./a/./b.json").as_deref(), Ok("a/b.json"));
        assert_eq!(path(Some("a/b.json"), "c.json").as_deref(), Ok("a/c.json"));
        assert_eq!(path(Some("a/b.json"), "../c.json").as_deref(), Ok("c.json"));
        assert_eq!(path(Some("a/b.json"), "../../../c.json").as_deref(), Ok("../../c.json"));
        assert_eq!(path(Some("../b.json"), "../c.json").as_deref(), Ok("../../c.json"));
        assert_eq!(path(Some("../a/b.json"), "../c.json").as_deref(), Ok("../c.json"));
        for folder in [".", "..", "a/..", "a/.", "./"] {
            assert!(path(None, folder).is_err(), "{folder}");
        }
        assert!(path(Some(&format!("{}/b.json", "a".repeat(1000))), &"c".repeat(1000)).is_err());
    }
}
