//! Absolute paths: the deepest common directories.

use std::collections::BTreeMap;

use super::super::json::{Members, member, texts};
use crate::policy::Facet;
use crate::reference::{Value, facet};

/// More directories directly below the root are too many.
const MOST_TOPS: usize = 8;

/// The deepest common directory of the paths below each directory that is directly below the root, or below a drive.
#[derive(Debug, Clone, Default)]
pub(in crate::learn) struct Paths {
    common: BTreeMap<String, String>,
    windows: bool,
}

impl Paths {
    pub(super) fn see(&mut self, text: &str) -> Option<()> {
        let windows = !text.starts_with('/');
        let facet = if windows { Facet::WindowsPath } else { Facet::Path };
        let Ok(Value::String(path)) = facet::read(facet, text) else { return None };
        if !self.common.is_empty() && self.windows != windows {
            return None;
        }
        self.windows = windows;
        self.add(path)
    }

    fn add(&mut self, path: String) -> Option<()> {
        let top = path.split('/').take(2).collect::<Vec<_>>().join("/");
        match self.common.get_mut(&top) {
            Some(common) => common.truncate(common_directory(common, &path)),
            None => drop(self.common.insert(top, path)),
        }
        (self.common.len() <= MOST_TOPS).then_some(())
    }

    pub(super) fn append(&mut self, later: &Self) -> Option<()> {
        (self.windows == later.windows).then_some(())?;
        later.common.values().try_for_each(|path| self.add(path.clone()))
    }

    pub(super) fn tests(&self) -> Option<Members> {
        Some(vec![member("within", texts(self.common.values()))])
    }
}

/// The length of the longest path that leads to both.
fn common_directory(one: &str, other: &str) -> usize {
    let is_in = |end: usize| {
        let within = |path: &str| path.len() == end || path.as_bytes().get(end) == Some(&b'/');
        one.get(..end) == other.get(..end) && within(one) && within(other)
    };
    let ends = one.match_indices('/').map(|(at, _)| at).chain([one.len()]);
    ends.filter(|end| *end > 0 && is_in(*end)).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directories(paths: &[&str]) -> Option<String> {
        let mut seen = Paths::default();
        paths.iter().try_for_each(|path| seen.see(path))?;
        seen.tests().map(|tests| tests.into_iter().map(|(_, value)| value).collect())
    }

    #[test]
    fn directories_are_the_deepest_common_ones() {
        for (paths, expected) in [
            (["/srv/a/x", "/srv/a/y", "/srv/ab"].as_slice(), r#""/srv""#),
            (&["/srv/a/x", "/srv/a/y/", "/srv/a"], r#""/srv/a""#),
            (&["/srv/share/a/b", "/srv/share/a/c"], r#""/srv/share/a""#),
            (&["/srv/a", "/tmp/x", "/tmp/y"], r#"["/srv/a","/tmp"]"#),
            (&["/", "/srv/a"], r#"["/","/srv/a"]"#),
            (&["C:\\Data\\a", "c:/data/b"], r#""c:/data""#),
        ] {
            assert_eq!(directories(paths).as_deref(), Some(expected), "{paths:?}");
        }
        for paths in [["/srv/../a"].as_slice(), &["a"], &["/srv/a", "C:/a"], &["/srv/a", "x"]] {
            assert_eq!(directories(paths), None, "{paths:?}");
        }
    }
}
