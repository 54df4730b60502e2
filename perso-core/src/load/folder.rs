//! The documents that a policy extends, read from files.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::WASM;
use crate::documents::{ResolveError, Resolver};

/// The most bytes of a document: as many as the compiler takes.
const MAX_BYTES: usize = 32 << 20;

/// Reads the documents that a policy extends from files. It reads only files below the folder of the policy, and below
/// folders that you [`include`](Self::include); symbolic links do not lead out of them.
///
/// [`Policy::load`](crate::Policy::load) uses one by itself.
///
/// ```no_run
/// use perso_core::{Folder, compile_with};
///
/// let text = std::fs::read_to_string("teams/mail.json")?;
/// let module = compile_with(&text, &Folder::of("teams/mail.json").include("shared"))?.module;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Folder {
    folder: PathBuf,
    main: Option<String>,
    includes: Vec<PathBuf>,
    asked: Mutex<Vec<PathBuf>>,
}

impl Folder {
    /// For the policy in this file. The file itself is not read.
    #[must_use]
    pub fn of(policy: impl AsRef<Path>) -> Self {
        let policy = policy.as_ref();
        Self {
            folder: folder_of(policy).to_owned(),
            main: policy.file_name().and_then(|name| name.to_str()).map(str::to_owned),
            includes: Vec::new(),
            asked: Mutex::default(),
        }
    }

    /// Allows files below another folder, too. Paths in `extends` stay relative to the document that they are in: with
    /// `include("..")`, a policy can extend `../org.json`. A folder that does not exist allows nothing.
    #[must_use]
    pub fn include(mut self, folder: impl Into<PathBuf>) -> Self {
        self.includes.push(folder.into());
        self
    }

    /// The files that were asked for, also those that could not be read.
    pub(crate) fn asked(self) -> Vec<PathBuf> {
        self.asked.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    fn find(&self, path: &str) -> Result<PathBuf, ResolveError> {
        let file = self.folder.join(path);
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).push(file.clone());
        let found = file.canonicalize().map_err(|error| unreadable(&error))?;
        let folders = std::iter::once(&self.folder).chain(&self.includes);
        let is_allowed =
            folders.filter_map(|folder| folder.canonicalize().ok()).any(|folder| found.starts_with(folder));
        if !is_allowed {
            let error = ResolveError::new("it is outside of the policy's folder");
            return Err(error.help("allow the folder that it is in with `--include DIR` (Rust: `Folder::include`)"));
        }
        // A pipe would block, and a device would never end.
        if !found.metadata().map_err(|error| unreadable(&error))?.is_file() {
            return Err(ResolveError::new("it is not a file"));
        }
        Ok(found)
    }
}

/// The folder that a file is in.
pub(crate) fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn unreadable(error: &io::Error) -> ResolveError {
    match error.kind() {
        io::ErrorKind::NotFound => ResolveError::missing(),
        _ => ResolveError::new(error.to_string()),
    }
}

impl Resolver for Folder {
    fn resolve(&self, path: &str) -> Result<String, ResolveError> {
        let mut bytes = Vec::new();
        let file = File::open(self.find(path)?);
        let read = file.and_then(|file| file.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes));
        read.map_err(|error| unreadable(&error))?;
        if bytes.starts_with(WASM) {
            let error = ResolveError::new("it is a compiled module");
            return Err(error.help("extend the policy that the module was compiled from"));
        }
        if bytes.len() > MAX_BYTES {
            return Err(ResolveError::new(format!("it has more than {MAX_BYTES} bytes")));
        }
        String::from_utf8(bytes).map_err(|error| {
            let at = error.utf8_error().valid_up_to();
            ResolveError::new(format!("its byte {at} is not valid UTF-8"))
        })
    }

    fn main(&self) -> Option<&str> {
        self.main.as_deref()
    }
}
