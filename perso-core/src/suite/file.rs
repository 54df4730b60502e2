//! Test files: where they are, and what is in them.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::case::{Case, Expected, ExpectedCause, Texts};
use crate::check::Checked;
use crate::documents::Documents;
use crate::engine::Policy;
use crate::load::{Document, Folder, LoadError};
use crate::module::ReadError;
use crate::policy::{self, Effect};

/// How many folders below the first one are searched.
const MAX_DEPTH: usize = 32;

/// How the name of a test file ends.
const ENDING: &str = ".tests.json";

/// Why a test file cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SuiteError {
    /// A file cannot be read, or is no policy that can be loaded.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// A folder cannot be read.
    #[error("`{}` cannot be read: {error}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why not.
        #[source]
        error: io::Error,
    },
    /// The file is a compiled module.
    #[error("`{}` is a compiled module, and not a test file", .0.display())]
    Compiled(PathBuf),
    /// The text is not that of a test file.
    #[error("`{}`: {error}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong, with line and column.
        #[source]
        error: serde_json::Error,
    },
    /// A case is not one.
    #[error("`{}`: the case {name:?} {problem}", path.display())]
    Case {
        /// The file.
        path: PathBuf,
        /// The case.
        name: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The policy is a module from which its text cannot be read.
    #[error("`{}`: {error}", path.display())]
    Text {
        /// The policy.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        error: ReadError,
    },
}

/// The file as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(rename = "$schema")]
    _schema: Option<Box<RawValue>>,
    #[serde(rename = "description")]
    _description: Option<String>,
    policy: Box<RawValue>,
    cases: Vec<WrittenCase>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenCase {
    name: String,
    call: Option<Box<RawValue>>,
    raw: Option<String>,
    #[serde(default)]
    open: Vec<String>,
    #[serde(default)]
    withheld: Vec<String>,
    decision: Decision,
    /// `null` is not the same as nothing.
    #[serde(default, deserialize_with = "some")]
    rule: Option<Option<String>>,
    cause: Option<ExpectedCause>,
    hint: Option<String>,
    reason: Option<String>,
    charges: Option<BTreeMap<String, Box<RawValue>>>,
    labels: Option<BTreeSet<String>>,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum Decision {
    Allow,
    Ask,
    Deny,
}

fn some<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Deserialize::deserialize(deserializer).map(Some)
}

/// A test file and the policy that it is about.
#[derive(Debug)]
pub struct Suite {
    pub(super) cases: Vec<Case>,
    pub(super) compiled: Policy,
    pub(super) checked: policy::Policy,
    documents: Documents,
    policy: PathBuf,
}

impl Suite {
    /// Reads a test file and compiles its policy, which is in the file or in a file of its own.
    ///
    /// # Errors
    ///
    /// [`SuiteError`] if a file cannot be read, or is not what it should be.
    ///
    /// ```no_run
    /// use perso_core::suite::Suite;
    ///
    /// let suite = Suite::load("policies/payments.tests.json")?;
    /// for ran in suite.run() {
    ///     println!("{}: {}", ran.name, if ran.failed.is_none() { "passed" } else { "failed" });
    /// }
    /// # Ok::<(), perso_core::suite::SuiteError>(())
    /// ```
    pub fn load(path: impl AsRef<Path>) -> Result<Self, SuiteError> {
        Self::load_with(path, None, &[])
    }

    /// The same with another policy than the file names, if one is given, and with folders in which documents are that the
    /// policy [extends](Folder).
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load).
    pub fn load_with(path: impl AsRef<Path>, policy: Option<&Path>, includes: &[PathBuf]) -> Result<Self, SuiteError> {
        let path = path.as_ref();
        let failed = |error| SuiteError::Format { path: path.to_owned(), error };
        let written = written(path)?;
        let other: Option<PathBuf> = match (policy, written.policy.get().starts_with('"')) {
            (Some(other), _) => Some(other.to_owned()),
            (None, true) => {
                let name: PathBuf = serde_json::from_str(written.policy.get()).map_err(failed)?;
                Some(path.parent().unwrap_or(Path::new("")).join(name))
            }
            (None, false) => None,
        };
        let (document, policy) = match other {
            Some(other) => (Document::read(&other)?, other),
            None => (Document::Text(written.policy.get().to_owned()), path.to_owned()),
        };
        let folder = includes.iter().fold(Folder::of(&policy), |folder, include| folder.include(include));
        let cases = cases(path, written.cases)?;
        Self::new(document, &folder, policy, cases)
    }

    /// The same with a policy that is loaded, instead of the one that the file names. Findings are in the file `policy`.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load).
    ///
    /// ```no_run
    /// use perso_core::{Policy, suite::Suite};
    ///
    /// let policy = Policy::load("payments.wasm")?;
    /// let suite = Suite::load_for("payments.tests.json", &policy)?;
    /// assert!(suite.run().iter().all(|ran| ran.failed.is_none()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn load_for(path: impl AsRef<Path>, policy: &Policy) -> Result<Self, SuiteError> {
        let path = path.as_ref();
        let cases = cases(path, written(path)?.cases)?;
        Self::new(Document::Module(policy.module().to_vec()), &Folder::of(path), PathBuf::from("policy"), cases)
    }

    fn new(document: Document, folder: &Folder, policy: PathBuf, cases: Vec<Case>) -> Result<Self, SuiteError> {
        let unreadable = |error| SuiteError::Text { path: policy.clone(), error };
        let Checked { policy: checked, documents, .. } = document.checked(folder).map_err(unreadable)?;
        // Errors of the policy are those of compiling it.
        let compiled = match document {
            Document::Module(module) => {
                Policy::from_module(module).map_err(|error| LoadError::Module { path: policy.clone(), error })?
            }
            Document::Text(text) => Policy::compile_with(&text, folder)
                .map_err(|error| LoadError::Policy { path: policy.clone(), error })?,
        };
        Ok(Self { cases, compiled, checked: checked.unwrap_or_else(policy::Policy::empty), documents, policy })
    }

    /// The texts of the policy, for [showing](crate::diagnostic::Source::of) where something is.
    #[must_use]
    pub fn documents(&self) -> &Documents {
        &self.documents
    }

    /// The file that the policy is in; `policy` for one that was loaded before.
    #[must_use]
    pub fn policy(&self) -> &Path {
        &self.policy
    }
}

fn written(path: &Path) -> Result<Written, SuiteError> {
    let Document::Text(text) = Document::read(path)? else { return Err(SuiteError::Compiled(path.to_owned())) };
    serde_json::from_str(&text).map_err(|error| SuiteError::Format { path: path.to_owned(), error })
}

fn cases(path: &Path, written: Vec<WrittenCase>) -> Result<Vec<Case>, SuiteError> {
    let mut names = HashSet::new();
    let mut cases = Vec::with_capacity(written.len());
    for case in written {
        let name = case.name.clone();
        let wrong = |problem| SuiteError::Case { path: path.to_owned(), name: name.clone(), problem };
        if !names.insert(case.name.clone()) {
            return Err(wrong("is there twice; give one of them another name"));
        }
        let text = match (case.call, case.raw) {
            (Some(call), None) => call.get().to_owned(),
            (None, Some(raw)) => raw,
            _ => return Err(wrong("needs either `call`, a call as JSON, or `raw`, the text of a call")),
        };
        let unknown = case.open.iter().map(|part| (part, true)).chain(case.withheld.iter().map(|part| (part, false)));
        let mut texts = None;
        for (part, is_open) in unknown {
            let known = texts.map_or_else(|| Texts::of(&text), Some);
            let Some(known) = known.and_then(|texts| texts.without(part, is_open)) else {
                return Err(wrong(
                    "has `open` or `withheld`, so its call must be JSON, and they may name `args`, `agent`, `resource`, `context` and `session`",
                ));
            };
            texts = Some(known);
        }
        let decision = match case.decision {
            Decision::Allow => Effect::Allow,
            Decision::Ask => Effect::Ask,
            Decision::Deny => Effect::Deny,
        };
        let WrittenCase { name, rule, cause, hint, reason, charges, labels, .. } = case;
        let expected = Expected { decision, rule, cause, hint, reason, charges, labels };
        cases.push(Case { name, text, parts: texts, expected });
    }
    Ok(cases)
}

/// The test files in a folder and the folders below it, in the order of their names; a file is its own. Folders whose names
/// begin with a dot, and `node_modules`, are passed over.
///
/// # Errors
///
/// [`SuiteError::Folder`] if a folder cannot be read.
pub fn find(path: impl AsRef<Path>) -> Result<Vec<PathBuf>, SuiteError> {
    let mut found = Vec::new();
    search(path.as_ref(), MAX_DEPTH, &mut found)?;
    Ok(found)
}

fn search(path: &Path, depth: usize, found: &mut Vec<PathBuf>) -> Result<(), SuiteError> {
    let failed = |error| SuiteError::Folder { path: path.to_owned(), error };
    if !fs::metadata(path).map_err(failed)?.is_dir() {
        found.push(path.to_owned());
        return Ok(());
    }
    let entries = fs::read_dir(path).map_err(failed)?;
    let mut entries = entries.collect::<Result<Vec<_>, _>>().map_err(failed)?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_folder && depth > 0 && !name.starts_with('.') && name != "node_modules" {
            search(&entry.path(), depth - 1, found)?;
        } else if !is_folder && name.ends_with(ENDING) {
            found.push(entry.path());
        }
    }
    Ok(())
}
