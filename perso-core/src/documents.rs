//! The texts of a policy: the main document, and the documents that it extends.

use std::collections::{BTreeMap, HashMap};
use std::hash::BuildHasher;
use std::ops::Range;

/// Finds the documents that a policy extends.
///
/// Functions and maps are resolvers. [`Folder`](crate::Folder) reads files.
///
/// ```
/// use perso_core::{ResolveError, compile_with};
///
/// let team = r#"{ "perso": 1, "extends": "shared/org.json", "rules": [{ "id": "read", "allow": "read_*" }] }"#;
/// let resolver = |path: &str| match path {
///     "shared/org.json" => Ok(r#"{ "perso": 1, "rules": [{ "id": "no-secrets", "deny": "read_secrets" }] }"#.to_owned()),
///     _ => Err(ResolveError::new("there is no such document")),
/// };
/// assert!(compile_with(team, &resolver).is_ok());
/// ```
pub trait Resolver {
    /// The text of a document.
    ///
    /// The path has been checked and is relative to the main document, whichever document names it. It has `/` between its
    /// segments and no `.`; `..` occurs only at its start. Each path is resolved at most once.
    ///
    /// # Errors
    ///
    /// Why there is no text. The compiler reports it where the path is written.
    fn resolve(&self, path: &str) -> Result<String, ResolveError>;

    /// The path of the main document, if it has one. A document that extends this path is reported as a cycle without being
    /// resolved. The default is `None`.
    fn main(&self) -> Option<&str> {
        None
    }
}

impl<F: Fn(&str) -> Result<String, ResolveError>> Resolver for F {
    fn resolve(&self, path: &str) -> Result<String, ResolveError> {
        self(path)
    }
}

impl<S: BuildHasher> Resolver for HashMap<String, String, S> {
    fn resolve(&self, path: &str) -> Result<String, ResolveError> {
        self.get(path).cloned().ok_or_else(ResolveError::missing)
    }
}

impl Resolver for BTreeMap<String, String> {
    fn resolve(&self, path: &str) -> Result<String, ResolveError> {
        self.get(path).cloned().ok_or_else(ResolveError::missing)
    }
}

/// Why a [`Resolver`] does not find a document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ResolveError {
    message: String,
    help: Option<String>,
}

impl ResolveError {
    /// An error with one line of text, which is shown behind the path: `` `org.json` cannot be extended: there is no such
    /// document ``.
    ///
    /// ```
    /// let error = perso_core::ResolveError::new("there is no such document").help("add it to the archive");
    /// assert_eq!(error.to_string(), "there is no such document");
    /// ```
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), help: None }
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub(crate) fn missing() -> Self {
        Self::new("there is no such document")
            .help("paths are relative to the document that names them, with `/` between folders")
    }

    pub(crate) fn into_help(self) -> Option<String> {
        self.help
    }
}

/// The documents of a policy, one after another: those that a document extends come before it, and the main document is the
/// last. [`Span`](crate::span::Span)s are places in [`text`](Self::text).
///
/// ```
/// use std::collections::HashMap;
///
/// let org = r#"{ "perso": 1, "rules": [] }"#;
/// let team = r#"{ "perso": 1, "extends": "org.json", "rules": [{ "id": "read", "allow": "read" }] }"#;
/// let resolver = HashMap::from([("org.json".to_owned(), org.to_owned())]);
/// let documents = perso_core::compile_with(team, &resolver)?.documents;
/// let paths: Vec<Option<&str>> = documents.iter().map(|document| document.path).collect();
/// assert_eq!(paths, [Some("org.json"), None]);
/// assert_eq!(documents.text(), format!("{org}\n{team}"));
/// # Ok::<(), perso_core::CompileError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Documents {
    text: String,
    /// In the order of the text.
    parts: Vec<Part>,
}

/// A document of a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Document<'d> {
    /// Its path, relative to the main document. `None` for the main document.
    pub path: Option<&'d str>,
    /// Its text.
    pub text: &'d str,
}

/// Where a document is.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Part {
    path: Option<String>,
    range: Range<usize>,
    /// The documents that it extends, all of them before it.
    extends: Vec<usize>,
}

/// A document that is to be joined with others.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) path: Option<String>,
    pub(crate) text: String,
    /// The places of the documents that it extends in the list of all.
    pub(crate) extends: Vec<usize>,
}

impl Documents {
    /// A policy that extends nothing.
    pub(crate) fn one(text: &str) -> Self {
        Self::join(vec![Loaded { path: None, text: text.to_owned(), extends: Vec::new() }])
    }

    /// The documents, the main one last. There is a line end between two of them, so that the end of one is another place
    /// than the start of the next.
    pub(crate) fn join(documents: Vec<Loaded>) -> Self {
        let (mut text, mut parts) = (String::new(), Vec::with_capacity(documents.len()));
        for Loaded { path, text: own, extends } in documents {
            if parts.is_empty() {
                text = own;
                parts.push(Part { path, range: 0..text.len(), extends });
            } else {
                text.push('\n');
                let start = text.len();
                text.push_str(&own);
                parts.push(Part { path, range: start..text.len(), extends });
            }
        }
        Self { text, parts }
    }

    /// The texts of all documents, with a line end between two of them.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The documents in the order of the text, the main document last.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Document<'_>> {
        self.places().map(|(_, document)| document)
    }

    /// The documents, with the place where each begins.
    pub(crate) fn places(&self) -> impl ExactSizeIterator<Item = (usize, Document<'_>)> {
        self.parts.iter().map(|part| {
            let document = Document { path: part.path.as_deref(), text: self.of(part) };
            (part.range.start, document)
        })
    }

    fn of(&self, part: &Part) -> &str {
        self.text.get(part.range.clone()).unwrap_or_default()
    }

    /// The number of the main document, which is the last.
    pub(crate) fn main(&self) -> usize {
        self.parts.len().saturating_sub(1)
    }

    /// The number of the document that a byte is in.
    pub(crate) fn at(&self, offset: usize) -> usize {
        self.parts.partition_point(|part| part.range.start <= offset).saturating_sub(1)
    }

    /// Where a document begins, and its text.
    pub(crate) fn get(&self, document: usize) -> (usize, &str) {
        self.parts.get(document).map(|part| (part.range.start, self.of(part))).unwrap_or_default()
    }

    /// The documents that a document extends, directly or not, in the order of the text.
    pub(crate) fn below(&self, document: usize) -> Vec<usize> {
        let mut wanted = vec![false; self.parts.len()];
        let mut open = vec![document];
        while let Some(next) = open.pop() {
            for extended in self.parts.get(next).into_iter().flat_map(|part| &part.extends) {
                if let Some(wanted) = wanted.get_mut(*extended).filter(|wanted| !**wanted) {
                    *wanted = true;
                    open.push(*extended);
                }
            }
        }
        wanted.iter().enumerate().filter(|(_, wanted)| **wanted).map(|(document, _)| document).collect()
    }
}
