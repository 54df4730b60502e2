//! Loads a module: data from somewhere else until it is checked.

use super::obligations;
use super::reach::{self, Code};
use super::worker::Seed;
use crate::covers::Covers;
use crate::module::{Names, Reasons, abi, sha256};
use perso_decode::{Error, Table, packed};
use std::ops::Range;
use wasmi::Config;
use wasmparser::{DataKind, ExternalKind, Parser, Payload, ValType};

/// The most steps of a call that goes through lists.
const MOST_FUEL: u64 = 1 << 27;

/// The most bytes that a module may have.
const MAX_BYTES: usize = 1 << 28;

/// Why a module cannot be trusted to judge calls.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModuleError {
    /// Not WebAssembly, or cut short, or damaged.
    #[error("not a WebAssembly module: {0}")]
    Wasm(String),
    /// WebAssembly, but not made by perso.
    #[error("not a policy module: {0}")]
    NotAPolicy(&'static str),
    /// A policy module, but with something that none has: it has been tampered with.
    #[error("not a module that perso compiled: {0}")]
    Untrusted(&'static str),
    /// Made for another ABI.
    #[error(
        "the module has ABI {found}, but this version of perso supports ABI {} to {}; compile the policy again",
        abi::VERSION,
        abi::COVERING + abi::OBLIGING
    )]
    Abi {
        /// The module's ABI.
        found: u32,
    },
    /// The manifest cannot be read.
    #[error("the module's manifest cannot be read: {0}")]
    Manifest(#[source] serde_json::Error),
    /// The bytes are not those that the compiler made.
    #[error("the module is damaged: its SHA-256 does not match the one at its end")]
    Hash,
    /// The module cannot be started.
    #[error("the module cannot be started: {0}")]
    Start(String),
}

/// A checked module.
pub(super) struct Loaded {
    pub(super) bytes: Vec<u8>,
    table: Box<[u8]>,
    pub(super) names: Names,
    pub(super) reasons: Reasons,
    pub(super) covers: Covers,
    pub(super) obligations: Vec<obligations::Obligation>,
    pub(super) seed: Seed,
}

impl Loaded {
    /// What the policy reads of a call.
    pub(super) fn table(&self) -> Result<Table<'_>, Error> {
        Table::new(&self.table)
    }
}

/// Checks a module.
pub(super) fn load(bytes: Vec<u8>) -> Result<Loaded, ModuleError> {
    if bytes.len() > MAX_BYTES {
        return Err(ModuleError::Untrusted("it has more than 268435456 bytes"));
    }
    let sections = Sections::read(&bytes)?;
    let manifest = sections.manifest.ok_or(ModuleError::NotAPolicy("it has no manifest"))?;
    let hash = sections.hash.ok_or(ModuleError::NotAPolicy("it has no hash"))?;
    let hashed = sha256(bytes.get(..hash.start).unwrap_or_default());
    if bytes.get(hash.data) != Some(&hashed) {
        return Err(ModuleError::Hash);
    }
    let names: Names =
        serde_json::from_slice(bytes.get(manifest).unwrap_or_default()).map_err(ModuleError::Manifest)?;
    if !(abi::VERSION..=abi::COVERING + abi::OBLIGING).contains(&names.abi) {
        return Err(ModuleError::Abi { found: names.abi });
    }
    let covers =
        names.covered().ok_or(ModuleError::Untrusted("it covers or limits something else than its ABI has"))?;
    let obligations = obligations::load(&names).ok_or(ModuleError::Untrusted("its limits or labels are damaged"))?;
    let table = sections.table.ok_or(ModuleError::NotAPolicy("it has no table"))?;
    let table = expand(bytes.get(table).unwrap_or_default()).ok_or(ModuleError::Untrusted("its table is damaged"))?;
    let reasons = sections.reasons.ok_or(ModuleError::NotAPolicy("it has no reasons"))?;
    let reasons = Reasons::read(bytes.get(reasons).unwrap_or_default(), names.rules.len())
        .ok_or(ModuleError::Untrusted("its reasons are damaged"))?;

    // A policy's code goes through its bytes once, but for the elements of lists. The factors are for those, and for
    // what an interpreter counts besides: translating a function at its first call for one.
    let once = 100_000 + 32 * bytes.len() as u64;
    let fuel = once.max((once * 64).min(MOST_FUEL));
    let obliges = !obligations.is_empty();
    let seed = Seed { module: sections.run.into(), config: config(), fuel, abi: names.abi, obliges };
    Ok(Loaded { bytes, table, names, reasons, covers, obligations, seed })
}

/// The table that is packed: no larger than a module may be.
fn expand(packed: &[u8]) -> Option<Box<[u8]>> {
    let length = packed::length(packed).filter(|length| *length <= MAX_BYTES)?;
    let mut table = vec![0; length].into_boxed_slice();
    packed::expand(packed, &mut table)?;
    Table::new(&table).ok()?;
    Some(table)
}

fn config() -> Config {
    let mut config = Config::default();
    config
        .consume_fuel(true)
        .floats(false)
        .allow_start_fn(false)
        .ignore_custom_sections(true)
        .wasm_multi_memory(false)
        .wasm_tail_call(false)
        .wasm_extended_const(false)
        .wasm_saturating_float_to_int(false)
        .set_max_recursion_depth(16)
        .set_min_stack_height(1 << 12)
        .set_max_stack_height(1 << 16);
    config
}

/// What of a module's sections matters here.
#[derive(Default)]
struct Sections {
    /// Where the manifest's JSON is.
    manifest: Option<Range<usize>>,
    hash: Option<HashSection>,
    /// Where the packed table is.
    table: Option<Range<usize>>,
    /// Where the reasons are.
    reasons: Option<Range<usize>>,
    /// The module as far as it runs here.
    run: Vec<u8>,
}

struct HashSection {
    /// Where the section begins, its header included: what stands before is hashed.
    start: usize,
    /// Where the hash is.
    data: Range<usize>,
}

fn wasm(error: wasmparser::BinaryReaderError) -> ModuleError {
    ModuleError::Wasm(error.to_string())
}

impl Sections {
    /// Looks at every section for what a policy must have and must not.
    fn read(bytes: &[u8]) -> Result<Self, ModuleError> {
        let mut sections = Self::default();
        let mut exports = Vec::new();
        // What is called here.
        let mut called = Vec::new();
        let mut code = Code::default();
        // Behind the last section so far; the header of a module is eight bytes.
        let mut end: u64 = 8;
        for payload in Parser::new(0).parse_all(bytes) {
            let payload = payload.map_err(wasm)?;
            if sections.hash.is_some() && !matches!(payload, Payload::End(_)) {
                return Err(ModuleError::Untrusted("it has data after its hash"));
            }
            match &payload {
                Payload::ImportSection(imports) if imports.count() > 0 => {
                    return Err(ModuleError::Untrusted("it imports something"));
                }
                Payload::StartSection { .. } => return Err(ModuleError::Untrusted("it has a start function")),
                Payload::MemorySection(memories) => {
                    for memory in memories.clone() {
                        let memory = memory.map_err(wasm)?;
                        if memory.maximum.is_none_or(|most| most > abi::MAX_PAGES) || memory.memory64 {
                            return Err(ModuleError::Untrusted("its memory is not bounded"));
                        }
                    }
                }
                Payload::TableSection(tables) => {
                    let mut elements = 0_u64;
                    for table in tables.clone() {
                        let most = table.map_err(wasm)?.ty.maximum.unwrap_or(u64::MAX);
                        elements = elements.saturating_add(most);
                    }
                    // Elements are functions, and each function takes bytes.
                    if elements > bytes.len() as u64 {
                        return Err(ModuleError::Untrusted("its tables have more elements than it has bytes"));
                    }
                }
                Payload::ExportSection(list) => {
                    for export in list.clone() {
                        let export = export.map_err(wasm)?;
                        if [abi::ABI, abi::DECIDE, abi::OBLIGATIONS].contains(&export.name) {
                            called.push(export.index);
                        }
                        exports.push((export.name.to_owned(), export.kind));
                    }
                }
                Payload::GlobalSection(globals) => {
                    for (index, global) in globals.clone().into_iter().enumerate() {
                        let ty = global.map_err(wasm)?.ty;
                        // An instance must hold no state from one call to the next. The first global is the portable
                        // entry's stack pointer, which each call sets before it reads it.
                        if (ty.mutable && index > 0) || ty.content_type != ValType::I32 {
                            return Err(ModuleError::Untrusted("it has a mutable global"));
                        }
                    }
                }
                Payload::ElementSection(elements) => called.extend(reach::in_tables(elements.clone()).map_err(wasm)?),
                Payload::CodeSectionEntry(body) => code.bodies.push(body.clone()),
                Payload::DataSection(segments) => {
                    for (index, segment) in segments.clone().into_iter().enumerate() {
                        let segment = segment.map_err(wasm)?;
                        code.segments.push(segment.clone());
                        let to = segment.range.end as usize;
                        let data = Some(to - segment.data.len()..to);
                        match (index, segment.kind) {
                            (0, DataKind::Passive) => sections.table = data,
                            (1, DataKind::Passive) => sections.reasons = data,
                            _ => {}
                        }
                    }
                }
                Payload::CustomSection(section) => {
                    let from = section.data_offset() as usize;
                    let data = from..from + section.data().len();
                    match section.name() {
                        abi::SECTION if sections.manifest.is_some() => {
                            return Err(ModuleError::Untrusted("it has two manifests"));
                        }
                        abi::SECTION => sections.manifest = Some(data),
                        abi::HASH_SECTION => sections.hash = Some(HashSection { start: end as usize, data }),
                        _ => {}
                    }
                }
                _ => {}
            }
            if let Some((_, range)) = payload.as_section() {
                match payload {
                    Payload::CodeSectionStart { .. } => code.section = end as usize..range.end as usize,
                    Payload::DataSection(_) => code.data_section = end as usize..range.end as usize,
                    _ => {}
                }
                end = range.end;
            }
        }
        let expected = [
            (abi::MEMORY, ExternalKind::Memory),
            (abi::FRAME, ExternalKind::Global),
            (abi::ABI, ExternalKind::Func),
            (abi::DECIDE, ExternalKind::Func),
            (abi::INPUT, ExternalKind::Func),
            (abi::EVALUATE, ExternalKind::Func),
            (abi::EVALUATE_PARTIAL, ExternalKind::Func),
        ];
        for (name, kind) in expected {
            if !exports.iter().any(|(export, is)| export == name && *is == kind) {
                return Err(ModuleError::NotAPolicy("an export is missing"));
            }
        }
        let reached = code.reached(called).map_err(wasm)?;
        if reached.grows {
            return Err(ModuleError::Untrusted("its code can grow memory or a table"));
        }
        sections.run = code.without_the_rest(bytes, &reached);
        Ok(sections)
    }
}
