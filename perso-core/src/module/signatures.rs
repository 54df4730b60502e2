//! The section of a module with its signatures.

use super::sections;
use wasm_encoder::{CustomSection, Encode, Section};

/// The name of the section.
const SECTION: &str = "perso.signatures";

/// Why a module cannot be taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Damaged {
    /// It is no module.
    NoModule,
    /// The section is not what it must be.
    Section(&'static str),
}

/// A module with the section at its end.
#[must_use]
pub fn join(module: &[u8], content: &[u8]) -> Vec<u8> {
    let mut joined = module.to_vec();
    CustomSection { name: SECTION.into(), data: content.into() }.append_to(&mut joined);
    joined
}

/// A module without the section, and the section's content if it is there.
///
/// # Errors
///
/// If it is no module, or the section is there twice, is not at the end, or is not written as [`join`] does.
pub fn split(module: &[u8]) -> Result<(&[u8], Option<&[u8]>), Damaged> {
    let sections = sections(module).map_err(|_| Damaged::NoModule)?;
    let mut signed = sections.iter().filter(|section| section.name == SECTION);
    let Some(section) = signed.next() else { return Ok((module, None)) };
    if signed.next().is_some() {
        return Err(Damaged::Section("they are there twice"));
    }
    if section.range.end != module.len() {
        return Err(Damaged::Section("they are not at the end of the module"));
    }
    // The content is behind the name, which has a length of one byte.
    let whole = module.get(section.range.clone()).unwrap_or_default();
    let content = whole.get(1 + SECTION.len()..).ok_or(Damaged::Section("they are cut off"))?;
    let mut length = Vec::new();
    whole.len().encode(&mut length);
    let begin = section.range.start.checked_sub(1 + length.len());
    let unsigned = begin.and_then(|begin| module.get(..begin)).ok_or(Damaged::NoModule)?;
    // What is before the section is then the same, however its length is written.
    if join(unsigned, content) != module {
        return Err(Damaged::Section("they are not where `perso sign` puts them"));
    }
    Ok((unsigned, Some(content)))
}

/// A module without its signatures, which only those look at who have keys.
#[must_use]
pub fn without(mut module: Vec<u8>) -> Vec<u8> {
    let length = split(&module).map_or(module.len(), |(unsigned, _)| unsigned.len());
    module.truncate(length);
    module
}
