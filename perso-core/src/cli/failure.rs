//! Why a command could not do what it was asked.

use super::output::count;
use crate::diagnostic::{Diagnostic, Severity};
use crate::module::ReadError;
use crate::suite::SuiteError;
use crate::{LoadError, ModuleError};
use std::fmt::Display;
use std::io;
use std::path::Path;

/// Why a command failed. It exits with 1.
#[derive(Debug)]
pub(crate) enum Failure {
    /// To be said.
    Because(String),
    /// The reader of the output has gone, so there is no one to report to.
    Closed,
}

impl Failure {
    pub(crate) fn because(why: impl Into<String>) -> Self {
        Self::Because(why.into())
    }

    /// What is to be said.
    pub(crate) fn words(&self) -> &str {
        match self {
            Self::Because(why) => why,
            Self::Closed => "the output was closed",
        }
    }

    /// Something is wrong with a file.
    pub(crate) fn file(path: &Path, what: impl Display) -> Self {
        Self::Because(format!("`{}` {what}", path.display()))
    }

    /// A file cannot be read.
    pub(crate) fn unreadable(path: &Path, error: &io::Error) -> Self {
        Self::file(path, format_args!("cannot be read: {error}"))
    }

    /// A file cannot be written.
    pub(crate) fn unwritable(path: &Path, error: &io::Error) -> Self {
        Self::file(path, format_args!("cannot be written: {error}"))
    }

    /// A policy has errors, and so is not `done`. They have been shown.
    pub(crate) fn refused(policy: &Path, done: &str, findings: &[Diagnostic]) -> Self {
        let errors = findings.iter().filter(|finding| finding.severity == Severity::Error).count();
        let mut counts = count(errors, "error");
        if findings.len() > errors {
            counts = format!("{counts}, {}", count(findings.len() - errors, "warning"));
        }
        Self::file(policy, format_args!("was not {done}: {counts}"))
    }

    /// A file is no module that can be loaded.
    pub(crate) fn module(path: &Path, error: &ModuleError) -> Self {
        Self::file(path, format_args!("cannot be loaded: {error}"))
    }
}

/// From writing output.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::Closed,
            _ => Self::Because(format!("the output cannot be written: {error}")),
        }
    }
}

impl From<LoadError> for Failure {
    fn from(error: LoadError) -> Self {
        Self::Because(error.to_string())
    }
}

impl From<SuiteError> for Failure {
    fn from(error: SuiteError) -> Self {
        Self::Because(error.to_string())
    }
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        Self::Because(error.to_string())
    }
}
