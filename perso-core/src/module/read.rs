//! What can be read of a module without running it.

use super::Manifest;
use super::abi;
use std::ops::Range;
use wasmparser::{BinaryReaderError, Parser, Payload};

/// Why a module's own words can't be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Not WebAssembly, or cut short, or damaged.
    #[error("not a WebAssembly module: {0}")]
    Wasm(#[from] BinaryReaderError),
    /// WebAssembly, but not made by perso.
    #[error("not a policy module: it has no manifest")]
    NoManifest,
    /// The manifest is not what it must be.
    #[error("the module's manifest can not be read: {0}")]
    Manifest(#[from] serde_json::Error),
}

/// One section of a module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// `type`, `code` and so on; a custom section by its own name.
    pub name: String,
    /// Where its content is in the module.
    pub range: Range<usize>,
}

/// A module's sections, in order.
///
/// # Errors
///
/// [`ReadError::Wasm`].
pub fn sections(module: &[u8]) -> Result<Vec<Section>, ReadError> {
    let mut sections = Vec::new();
    for payload in Parser::new(0).parse_all(module) {
        let payload = payload?;
        if let Some((id, range)) = payload.as_section() {
            let name = match &payload {
                Payload::CustomSection(section) => section.name(),
                _ => section_name(id),
            };
            sections.push(Section { name: name.to_owned(), range: range.start as usize..range.end as usize });
        }
    }
    Ok(sections)
}

/// The names that the WebAssembly specification gives.
fn section_name(id: u8) -> &'static str {
    const NAMES: [&str; 13] = [
        "custom",
        "type",
        "import",
        "function",
        "table",
        "memory",
        "global",
        "export",
        "start",
        "element",
        "code",
        "data",
        "data count",
    ];
    NAMES.get(usize::from(id)).copied().unwrap_or("unknown")
}

impl Manifest {
    /// Reads the manifest of a module. Whether the module is as its manifest says, only
    /// [`Policy::from_module`](crate::Policy::from_module) checks.
    ///
    /// # Errors
    ///
    /// [`ReadError`].
    pub fn read(module: &[u8]) -> Result<Self, ReadError> {
        for payload in Parser::new(0).parse_all(module) {
            if let Payload::CustomSection(section) = payload?
                && section.name() == abi::SECTION
            {
                return Ok(serde_json::from_slice(section.data())?);
            }
        }
        Err(ReadError::NoManifest)
    }
}
