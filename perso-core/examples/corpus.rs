//! Writes the corpus (`policies/`) for hosts in other engines: each policy as a module, and `corpus.json` with the
//! calls and the decisions that perso-core's own engine gives.
//!
//! `cargo run --profile checked -p perso-core --example corpus -- target/hosts/corpus`

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a tool for tests may stop, and tells what it did"
)]

#[path = "../tests/support/mod.rs"]
mod support;

use perso_core::limits;
use perso_core::module::{abi, sha256};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use support::corpus::{self, Case, File};
use wasm_encoder::{
    BlockType, CodeSection, ConstExpr, CustomSection, DataSection, ExportKind, ExportSection, Function,
    FunctionSection, MemArg, MemArgTarget, MemorySection, MemoryType, Module, TypeSection, ValType,
};

fn main() {
    let to = PathBuf::from(std::env::args_os().nth(1).expect("the folder to write to"));
    fs::create_dir_all(&to).unwrap();
    let files = corpus::files().into_iter().chain(corpus::hostile_files());
    let mut modules: Vec<Value> = files.filter_map(|path| module(&path, &to)).collect();
    modules.push(trap(&to));
    let cases: usize = modules.iter().map(|module| module["cases"].as_array().unwrap().len()).sum();
    fs::write(to.join("corpus.json"), json!({ "modules": modules }).to_string()).unwrap();
    println!("{} modules, {cases} cases", modules.len());
}

/// Writes the module of a file, and tells of it; `None` if the file has no cases.
fn module(path: &Path, to: &Path) -> Option<Value> {
    let file = File::read(path);
    if file.cases.is_empty() {
        return None;
    }
    let folder = path.parent()?.file_name()?.to_string_lossy();
    let module = format!("{folder}-{}", file.name).replace(".json", ".wasm");
    let both = file.judges().both;
    fs::write(to.join(&module), both.policy.module()).unwrap();
    let case = |case: &Case| {
        let text = case.text();
        let decision = case.record(&both, &text);
        // Nobody reads further into a call that is too long.
        let text = &text[..text.len().min(limits::INPUT_BYTES + 1)];
        let (form, call) = match std::str::from_utf8(text) {
            Ok(text) => ("text", text.to_owned()),
            Err(_) => ("hex", text.iter().map(|byte| format!("{byte:02x}")).collect()),
        };
        json!({ "name": case.name, form: call, "unknown": case.unknown(), "decision": decision })
    };
    Some(json!({ "module": module, "cases": file.cases.iter().map(case).collect::<Vec<_>>() }))
}

/// Writes a module, made by hand, that stops at some calls, and at every call to an instance that has stopped once: a
/// host that goes on with one gets the next call wrong.
fn trap(to: &Path) -> Value {
    const STOPPED: i32 = 8;
    const INPUT: i32 = 1024;
    let reason = "no rule allows this tool";
    let record = [0, u32::MAX, 2, u32::MAX, 64, reason.len() as u32, u32::MAX];
    let byte = MemArg { offset: 0, align: 0, target: MemArgTarget::Memory(0), ordering: None };

    let mut types = TypeSection::new();
    types.ty().function([], [ValType::I32]);
    types.ty().function([ValType::I32], [ValType::I32]);
    types.ty().function([ValType::I32; 2], [ValType::I32]);
    types.ty().function([ValType::I32; 3], [ValType::I32]);
    let (mut functions, mut exports, mut code) = (FunctionSection::new(), ExportSection::new(), CodeSection::new());
    functions.function(0).function(1).function(2).function(3);
    exports.export("memory", ExportKind::Memory, 0);
    exports.export("perso_abi", ExportKind::Func, 0);
    exports.export("perso_input", ExportKind::Func, 1);
    exports.export("perso_evaluate", ExportKind::Func, 2);
    exports.export("perso_evaluate_partial", ExportKind::Func, 3);
    for constant in [abi::VERSION as i32, INPUT] {
        let mut function = Function::new([]);
        function.instructions().i32_const(constant).end();
        code.function(&function);
    }
    let mut evaluate = Function::new([]);
    evaluate.instructions().i32_const(STOPPED).i32_load8_u(byte).if_(BlockType::Empty).unreachable().end();
    evaluate.instructions().i32_const(STOPPED).local_get(0).i32_load8_u(byte).i32_const(i32::from(b'!')).i32_eq();
    evaluate.instructions().i32_store8(byte);
    evaluate.instructions().i32_const(STOPPED).i32_load8_u(byte).if_(BlockType::Empty).unreachable().end();
    evaluate.instructions().i32_const(32).end();
    code.function(&evaluate).function(&evaluate);
    let mut memories = MemorySection::new();
    memories.memory(MemoryType { minimum: 1, maximum: Some(1), memory64: false, shared: false, page_size_log2: None });
    let mut data = DataSection::new();
    data.active(0, &ConstExpr::i32_const(32), record.map(u32::to_le_bytes).concat());
    data.active(0, &ConstExpr::i32_const(64), reason.bytes());

    let mut module = Module::new();
    module.section(&types).section(&functions).section(&memories).section(&exports).section(&code).section(&data);
    let manifest = json!({ "abi": abi::VERSION, "rules": [], "attributes": [] }).to_string();
    module.section(&CustomSection { name: "perso".into(), data: manifest.as_bytes().into() });
    let hash = sha256(module.as_slice());
    module.section(&CustomSection { name: "perso.sha256".into(), data: hash[..].into() });
    fs::write(to.join("trap.wasm"), module.finish()).unwrap();

    let denied =
        |reason, cause| json!({ "decision": "deny", "rule": null, "reason": reason, "hint": null, "cause": cause });
    let stopped = json!({ "kind": "engine", "detail": "the module stopped before it answered" });
    let stopped = denied("the call cannot be judged", stopped);
    let judged = denied(reason, json!({ "kind": "no_rule" }));
    let cases = [("a trap", "!", &stopped), ("a trap again", "!", &stopped), ("after a trap", "?", &judged)];
    let case = |(name, text, decision)| json!({ "name": name, "text": text, "unknown": 0, "decision": decision });
    json!({ "module": "trap.wasm", "cases": cases.map(case) })
}
