//! What can be read of a module without running it.

#[cfg(feature = "compile")]
use super::{Document, hex, sha256};
use super::{Manifest, Reasons, abi};
#[cfg(feature = "compile")]
use std::collections::BTreeMap;
use std::ops::Range;
use wasmparser::{BinaryReaderError, Parser, Payload};

/// Why a module's own words cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Not WebAssembly, or cut short, or damaged.
    #[error("not a WebAssembly module: {0}")]
    Wasm(#[from] BinaryReaderError),
    /// WebAssembly, but not made by perso.
    #[error("not a policy module: it has no manifest")]
    NoManifest,
    /// The manifest is not what it must be.
    #[error("the module's manifest cannot be read: {0}")]
    Manifest(#[from] serde_json::Error),
    /// The policy's text is not there, or not what it must be.
    #[cfg(feature = "compile")]
    #[error("the policy in the module cannot be read")]
    Policy,
    /// The reasons are not what they must be.
    #[error("the module's reasons cannot be read")]
    Reasons,
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
        let manifest = custom(module, abi::SECTION)?.ok_or(ReadError::NoManifest)?;
        Ok(serde_json::from_slice(manifest)?)
    }

    /// What a caller of a module with this manifest is told.
    ///
    /// # Errors
    ///
    /// [`ReadError`].
    pub fn reasons(&self, module: &[u8]) -> Result<Reasons, ReadError> {
        for payload in Parser::new(0).parse_all(module) {
            if let Payload::DataSection(segments) = payload? {
                let segment = segments.into_iter().nth(1).transpose()?;
                return segment.and_then(|it| Reasons::read(it.data, self.rules.len())).ok_or(ReadError::Reasons);
            }
        }
        Err(ReadError::Reasons)
    }
}

#[cfg(feature = "compile")]
impl Manifest {
    /// Splits a module's policy text into the main document and those that it extends, by path.
    ///
    /// # Errors
    ///
    /// [`ReadError::Policy`] if the text does not consist of the documents of this manifest.
    pub fn split<'t>(&self, text: &'t str) -> Result<(&'t str, BTreeMap<String, String>), ReadError> {
        let Some((main, others)) = self.documents.split_last() else { return Ok((text, BTreeMap::new())) };
        let (mut rest, mut by_path) = (text, BTreeMap::new());
        let is_it = |text: &str, document: &Document| hex(&sha256(text.as_bytes())) == document.sha256;
        for document in others {
            let cut = usize::try_from(document.bytes).map_err(|_| ReadError::Policy)?;
            let (own, behind) = rest.split_at_checked(cut).ok_or(ReadError::Policy)?;
            rest = behind.strip_prefix('\n').ok_or(ReadError::Policy)?;
            let path = document.path.clone().filter(|_| is_it(own, document)).ok_or(ReadError::Policy)?;
            by_path.insert(path, own.to_owned());
        }
        if is_it(rest, main) { Ok((rest, by_path)) } else { Err(ReadError::Policy) }
    }
}

/// The custom section of that name.
fn custom<'m>(module: &'m [u8], name: &str) -> Result<Option<&'m [u8]>, ReadError> {
    for payload in Parser::new(0).parse_all(module) {
        if let Payload::CustomSection(section) = payload?
            && section.name() == name
        {
            return Ok(Some(section.data()));
        }
    }
    Ok(None)
}

/// The most bytes of a policy's text: as many as the compiler takes.
#[cfg(feature = "compile")]
const MAX_POLICY: usize = 32 << 20;

/// The text of the policy that a module was made from, as the module has it: of one that extends others, all of them, which
/// [`Manifest::split`] takes apart. Whether the module does what it says,
/// compiling it again tells.
///
/// # Errors
///
/// [`ReadError`].
#[cfg(feature = "compile")]
pub fn policy(module: &[u8]) -> Result<String, ReadError> {
    let packed = custom(module, abi::POLICY_SECTION)?.ok_or(ReadError::Policy)?;
    let text = miniz_oxide::inflate::decompress_to_vec_with_limit(packed, MAX_POLICY);
    text.ok().and_then(|text| String::from_utf8(text).ok()).ok_or(ReadError::Policy)
}
