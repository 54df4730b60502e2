//! `within` a directory of several parts, or of a path that is read from a base.

use super::{Outcome, Side, string};
use crate::decision::Expected;

/// Whether the path is inside. The parts are the path itself, the base if there is one, and those of the directory.
pub(super) fn inside(path: Side<'_>, base: Option<Side<'_>>, directory: Vec<Side<'_>>) -> Outcome {
    let mut texts = Vec::new();
    let mut is_open = false;
    let count = directory.len();
    for side in std::iter::once(path).chain(base).chain(directory) {
        match string(&side.state) {
            Some(text) => texts.push(text.into_owned()),
            None if side.state == super::State::Open => is_open = true,
            None => return side.unreadable(Expected::STRING),
        }
    }
    if is_open {
        return Outcome::Open;
    }
    let directory = texts.split_off(texts.len().saturating_sub(count));
    let path = match texts.as_slice() {
        [path, base] if !path.starts_with('/') => join(&[base.clone(), path.clone()]),
        [path, ..] => path.clone(),
        [] => String::new(),
    };
    let directory = join(&directory);
    let below = if directory.ends_with('/') { directory.clone() } else { format!("{directory}/") };
    Outcome::known(path == directory || path.starts_with(&below))
}

/// Parts of a path, with one slash between two of them.
fn join(parts: &[String]) -> String {
    let parts = parts.iter().filter(|part| !part.is_empty());
    parts.fold(String::new(), |path, part| {
        let slash = if path.is_empty() || path.ends_with('/') { "" } else { "/" };
        format!("{path}{slash}{part}")
    })
}
