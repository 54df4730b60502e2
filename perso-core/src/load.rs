//! A policy from a file, whichever of its two forms is in it.

#[cfg(feature = "compile")]
mod folder;

#[cfg(feature = "compile")]
pub use folder::Folder;

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::engine::{ModuleError, Policy};
use crate::module::signatures;

/// The most bytes of a file that are read.
const MAX_BYTES: u64 = 1 << 28;

/// What WebAssembly begins with. No JSON does.
const WASM: &[u8] = b"\0asm";

/// Why a file is not a policy that can be loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The file cannot be read.
    #[error("`{}` cannot be read: {error}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        error: io::Error,
    },
    /// The file is larger than any policy.
    #[error("`{}` has more than {MAX_BYTES} bytes", .0.display())]
    Size(PathBuf),
    /// The file is neither a module nor text.
    #[error("`{}` is neither a module nor a policy: byte {at} is not valid UTF-8", path.display())]
    Encoding {
        /// The file.
        path: PathBuf,
        /// The first byte that is not UTF-8.
        at: usize,
    },
    /// The file is a module that does not load.
    #[error("`{}`: {error}", path.display())]
    Module {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        error: ModuleError,
    },
    /// The file is a policy's text with errors.
    #[cfg(feature = "compile")]
    #[error("`{}` cannot be compiled:\n{error}", path.display())]
    Policy {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        error: crate::error::CompileError,
    },
    /// The file is a policy's text, and this build has no compiler.
    #[cfg(not(feature = "compile"))]
    #[error("`{}` is a policy, but perso-core was built without the feature `compile`; compile it with `perso compile`", .0.display())]
    NoCompiler(PathBuf),
}

/// What is in a policy's file.
#[derive(Debug)]
pub(crate) enum Document {
    /// A policy's JSON text.
    Text(String),
    /// A module.
    Module(Vec<u8>),
}

impl Document {
    pub(crate) fn read(path: &Path) -> Result<Self, LoadError> {
        let unreadable = |error| LoadError::Read { path: path.to_owned(), error };
        let file = File::open(path).map_err(unreadable)?;
        // The length of a file in `/proc` is 0, and that of a pipe unknown: it is where to begin, and no more.
        let length = file.metadata().map_or(0, |file| file.len().min(MAX_BYTES));
        let mut bytes = Vec::with_capacity(length as usize);
        file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
        Self::of(path, bytes)
    }

    /// The policy as it is checked: of a module, the one that it was made of.
    ///
    /// # Errors
    ///
    /// [`ReadError`](crate::module::ReadError) if the policy cannot be read from the module.
    #[cfg(feature = "compile")]
    pub(crate) fn checked(
        &self,
        resolver: &dyn crate::documents::Resolver,
    ) -> Result<crate::check::Checked, crate::module::ReadError> {
        match self {
            Self::Text(text) => Ok(crate::check::check_with(text, resolver)),
            Self::Module(bytes) => crate::check::check_module(bytes),
        }
    }

    /// What the bytes are that were read from a file.
    fn of(path: &Path, bytes: Vec<u8>) -> Result<Self, LoadError> {
        if bytes.len() as u64 > MAX_BYTES {
            return Err(LoadError::Size(path.to_owned()));
        }
        if bytes.starts_with(WASM) {
            return Ok(Self::Module(signatures::without(bytes)));
        }
        String::from_utf8(bytes).map(Self::Text).map_err(|error| {
            let at = error.utf8_error().valid_up_to();
            LoadError::Encoding { path: path.to_owned(), at }
        })
    }
}

/// The files that [`Policy::load`] reads, so that a host can watch them: first the policy, then each document that it
/// extends, including those that cannot be read.
#[doc(hidden)]
#[must_use]
pub fn files(path: impl AsRef<Path>) -> Vec<PathBuf> {
    let path = path.as_ref();
    let files = vec![path.to_owned()];
    #[cfg(feature = "compile")]
    let files = files.into_iter().chain(extended(path)).collect();
    files
}

#[cfg(feature = "compile")]
fn extended(path: &Path) -> Vec<PathBuf> {
    // A module can be large, and extends nothing.
    let mut start = Vec::new();
    let is_module = File::open(path)
        .and_then(|file| file.take(WASM.len() as u64).read_to_end(&mut start))
        .is_ok_and(|_| start == WASM);
    let folder = Folder::of(path);
    if !is_module && let Ok(Document::Text(text)) = Document::read(path) {
        crate::check::ask(&text, &folder);
    }
    folder.asked()
}

impl Policy {
    /// Loads a policy from a file: a module that `perso compile` made, or a policy's JSON text, which is compiled. The
    /// first bytes tell which it is. Documents that the text extends are read from the file's folder and the folders below
    /// it; for others, use a [`Folder`] and [`Policy::compile_with`]. Warnings of the compiler are dropped;
    /// [`compile`](crate::compile()) has them.
    ///
    /// # Errors
    ///
    /// [`LoadError`] where the file cannot be read, or is not a policy.
    ///
    /// ```no_run
    /// let policy = perso_core::Policy::load("support-desk.json")?;
    /// # Ok::<(), perso_core::LoadError>(())
    /// ```
    pub fn load(path: impl AsRef<Path>) -> Result<Self, LoadError> {
        let path = path.as_ref();
        Self::from_document(path, Document::read(path)?)
    }

    /// What [`load`](Self::load) does with bytes that were read from a file before.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load).
    #[doc(hidden)]
    pub fn load_bytes(path: &Path, bytes: Vec<u8>) -> Result<Self, LoadError> {
        Self::from_document(path, Document::of(path, bytes)?)
    }

    fn from_document(path: &Path, document: Document) -> Result<Self, LoadError> {
        match document {
            Document::Module(bytes) => {
                Self::from_module(bytes).map_err(|error| LoadError::Module { path: path.to_owned(), error })
            }
            #[cfg(feature = "compile")]
            Document::Text(text) => Self::compile_with(&text, &Folder::of(path))
                .map_err(|error| LoadError::Policy { path: path.to_owned(), error }),
            #[cfg(not(feature = "compile"))]
            Document::Text(text) => {
                drop(text);
                Err(LoadError::NoCompiler(path.to_owned()))
            }
        }
    }
}
