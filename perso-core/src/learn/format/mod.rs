//! What strings are, if all of an argument are of one kind: a file for each kind.

mod mail;
mod path;
mod shell;
mod sql;
mod url;

use super::json::Members;

/// Kinds of strings. Each is there as long as every string that was seen is of the kind.
#[derive(Debug, Clone, Default)]
pub(super) struct Formats {
    /// Whether a string was seen: after the first one, no kind is added.
    is_begun: bool,
    paths: Option<path::Paths>,
    urls: Option<url::Urls>,
    mail: Option<mail::Mail>,
    statements: Option<sql::Statements>,
    lines: Option<shell::Lines>,
}

impl Formats {
    /// `is_command` says that the argument's name is that of a shell line: any text could be one.
    pub(super) fn see(&mut self, text: &str, is_command: bool) {
        if !std::mem::replace(&mut self.is_begun, true) {
            self.paths = Some(path::Paths::default());
            self.urls = Some(url::Urls::new());
            self.mail = Some(mail::Mail::new());
            self.statements = Some(sql::Statements::new());
            self.lines = is_command.then(shell::Lines::new);
        }
        keep(&mut self.paths, |paths| paths.see(text));
        keep(&mut self.urls, |urls| urls.see(text));
        keep(&mut self.mail, |mail| mail.see(text));
        keep(&mut self.statements, |statements| statements.see(text));
        keep(&mut self.lines, |lines| lines.see(text));
    }

    pub(super) fn append(&mut self, later: &Self) {
        if !later.is_begun {
            return;
        }
        if !self.is_begun {
            self.clone_from(later);
            return;
        }
        both(&mut self.paths, later.paths.as_ref(), path::Paths::append);
        both(&mut self.urls, later.urls.as_ref(), url::Urls::append);
        both(&mut self.mail, later.mail.as_ref(), mail::Mail::append);
        both(&mut self.statements, later.statements.as_ref(), sql::Statements::append);
        both(&mut self.lines, later.lines.as_ref(), shell::Lines::append);
    }

    /// The tests of the kind that all strings are of.
    pub(super) fn tests(&self, values: bool) -> Option<Members> {
        let lines = || self.lines.as_ref().map(|lines| lines.tests(values));
        let paths = || self.paths.as_ref().and_then(path::Paths::tests);
        let urls = || self.urls.as_ref().and_then(url::Urls::tests);
        let mail = || self.mail.as_ref().and_then(mail::Mail::tests);
        let statements = || self.statements.as_ref().and_then(sql::Statements::tests);
        lines().or_else(paths).or_else(urls).or_else(mail).or_else(statements)
    }
}

/// Keeps a kind if one more string is of it.
fn keep<K>(kind: &mut Option<K>, see: impl FnOnce(&mut K) -> Option<()>) {
    if kind.as_mut().and_then(see).is_none() {
        *kind = None;
    }
}

/// Keeps a kind if the later strings are of it, too.
fn both<K>(kind: &mut Option<K>, later: Option<&K>, append: impl FnOnce(&mut K, &K) -> Option<()>) {
    keep(kind, |kind| append(kind, later?));
}
