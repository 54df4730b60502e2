//! See `src/module.rs`. Most inputs are a good module with changes.
//!
//! The good modules are not among the seeds: they are compiled here, so that they are those of today's compiler.

#![no_main]

#[path = "../src/module.rs"]
mod module;

use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};
use module::HASH;
use perso_core::module::{abi, sha256};
use std::sync::LazyLock;
use wasm_encoder::{CodeSection, ConstExpr, CustomSection, DataSection, Encode, Module, RawSection};
use wasmparser::{DataKind, Operator, Parser, Payload};

static GOOD: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    [
        include_str!("../seeds/policy/small.json"),
        include_str!("../seeds/policy/lists.json"),
        include_str!("../seeds/policy/limits.json"),
        include_str!("../seeds/policy/every-operator.json"),
        include_str!("../../../policies/support-desk.json"),
    ]
    .map(|policy| perso_core::compile(policy).expect("the policy compiles").module)
    .into()
});

fuzz_target!(|bytes: &[u8]| module::run(bytes));

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    let mut choose = fastrand::Rng::with_seed(seed.into());
    let module = match choose.choice(&*GOOD) {
        Some(good) if choose.u8(..16) == 0 => good,
        _ => &data[..size],
    };
    let mutated = match choose.u8(..8) {
        // As it comes: with a wrong hash.
        0 => mutated(module),
        // Anywhere, but with a good hash.
        1 => sealed(mutated(without_hash(module))),
        // In one part of the module, with all lengths right.
        _ => match in_one_part(without_hash(module), &mut choose) {
            Some(changed) => sealed(changed),
            None => mutated(module),
        },
    };
    let size = mutated.len().min(max_size);
    data[..size].copy_from_slice(&mutated[..size]);
    size
});

/// The module without its last section, if that is the hash.
fn without_hash(module: &[u8]) -> &[u8] {
    // Its header as the compiler writes it: the id, and two lengths of one byte.
    let section = 3 + abi::HASH_SECTION.len() + HASH;
    match module.len().checked_sub(section).map(|end| module.split_at(end)) {
        Some((before, hash)) if hash[3..].starts_with(abi::HASH_SECTION.as_bytes()) => before,
        _ => module,
    }
}

/// The module with its hash behind it.
fn sealed(mut module: Vec<u8>) -> Vec<u8> {
    let hash = sha256(&module);
    let section = CustomSection { name: abi::HASH_SECTION.into(), data: hash.as_slice().into() };
    module.push(0);
    section.encode(&mut module);
    module
}

/// A change in one section; in the code, in one function, and in the data, in one segment. `None` if the module can't be
/// read so far.
fn in_one_part(module: &[u8], choose: &mut fastrand::Rng) -> Option<Vec<u8>> {
    let payloads = Parser::new(0).parse_all(module).collect::<Result<Vec<_>, _>>().ok()?;
    let all = payloads.iter().filter(|payload| payload.as_section().is_some()).count();
    let chosen = choose.usize(..all.max(1));
    let mut changed = Module::new();
    let mut index = 0;
    for payload in &payloads {
        let Some((id, range)) = payload.as_section() else { continue };
        let content = module.get(range.start as usize..range.end as usize)?;
        if index == chosen {
            change(&mut changed, payload, id, content, &payloads, choose)?;
        } else {
            changed.section(&RawSection { id, data: content });
        }
        index += 1;
    }
    Some(changed.finish())
}

/// Adds a section with a change in it.
fn change(
    module: &mut Module,
    section: &Payload<'_>,
    id: u8,
    content: &[u8],
    payloads: &[Payload<'_>],
    choose: &mut fastrand::Rng,
) -> Option<()> {
    match section {
        Payload::CodeSectionStart { count, .. } if *count > 0 => {
            let chosen = choose.u32(..count);
            let mut code = CodeSection::new();
            let bodies = payloads.iter().filter_map(|payload| match payload {
                Payload::CodeSectionEntry(body) => Some(body.as_bytes()),
                _ => None,
            });
            for (index, body) in bodies.enumerate() {
                let changed = (index == chosen as usize).then(|| mutated(body));
                code.raw(changed.as_deref().unwrap_or(body));
            }
            module.section(&code);
        }
        Payload::DataSection(segments) if segments.count() > 0 => {
            let chosen = choose.u32(..segments.count());
            let mut data = DataSection::new();
            for (index, segment) in segments.clone().into_iter().enumerate() {
                let segment = segment.ok()?;
                let changed = (index == chosen as usize).then(|| mutated(segment.data));
                let bytes = changed.unwrap_or_else(|| segment.data.to_vec());
                match segment.kind {
                    DataKind::Passive => data.passive(bytes),
                    DataKind::Active { offset_expr, .. } => match offset_expr.get_operators_reader().read().ok()? {
                        Operator::I32Const { value } => data.active(0, &ConstExpr::i32_const(value), bytes),
                        _ => return None,
                    },
                };
            }
            module.section(&data);
        }
        Payload::CustomSection(custom) => {
            module.section(&CustomSection { name: custom.name().into(), data: mutated(custom.data()).into() });
        }
        _ => {
            module.section(&RawSection { id, data: &mutated(content) });
        }
    }
    Some(())
}

/// What the fuzzer makes of some bytes.
fn mutated(bytes: &[u8]) -> Vec<u8> {
    let most = bytes.len() + 64;
    let mut bytes = bytes.to_vec();
    let size = bytes.len();
    bytes.resize(most, 0);
    let size = fuzzer_mutate(&mut bytes, size, most);
    bytes.truncate(size);
    bytes
}
