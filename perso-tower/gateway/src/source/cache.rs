//! The last policy that was taken, on disk: for a start without its source, and so that none older is taken after that.

use perso_core::release::Release;
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// A directory with the last policy.
#[derive(Debug, Clone)]
pub(super) struct Cache {
    folder: PathBuf,
}

/// What was taken last.
#[derive(Serialize, Deserialize)]
struct Last {
    name: String,
    number: u64,
}

const POLICY: &str = "policy";
const LAST: &str = "release.json";

impl Cache {
    pub(super) fn open(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        Ok(Self { folder: folder.to_owned() })
    }

    /// The last policy, and the newest release that was ever taken.
    pub(super) fn read(&self) -> io::Result<(Option<Vec<u8>>, Option<Release>)> {
        let optional = |name: &str| match fs::read(self.folder.join(name)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        };
        let last = match optional(LAST)? {
            Some(text) => {
                let Last { name, number } = serde_json::from_slice(&text)?;
                Some(Release { name, number })
            }
            None => None,
        };
        Ok((optional(POLICY)?, last))
    }

    /// Keeps a policy that was taken. Its release is written first: if the process ends between, none older is taken.
    pub(super) fn write(&self, bytes: &[u8], newest: Option<&Release>) -> io::Result<()> {
        if let Some(Release { name, number }) = newest {
            let last = Last { name: name.clone(), number: *number };
            self.replace(LAST, &serde_json::to_vec(&last)?)?;
        }
        self.replace(POLICY, bytes)
    }

    /// Writes a file as a whole, or not at all.
    fn replace(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let draft = self.folder.join(format!("{name}.{}", std::process::id()));
        let mut file = fs::File::create(&draft)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&draft, self.folder.join(name))
    }
}
