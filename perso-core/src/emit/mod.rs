//! Stage 4: from the plan to the module's bytes.

mod code;
mod entry;
mod memory;
mod needs;
mod obligations;
mod prelude;
mod reasons;
mod table;

use crate::documents::{self, Documents};
use crate::module::{self, Limits, Manifest, abi, hex, sha256};
use crate::plan::Plan;
use crate::policy::{Attribute, Policy, Zone};
use memory::Memory;
use miniz_oxide::deflate::{CompressionLevel, compress_to_vec};
use prelude::{Placed, Prelude};
use reasons::Reasons;
use std::borrow::Cow;
use std::collections::BTreeMap;
use wasm_encoder::{
    CodeSection, ConstExpr, CustomSection, DataCountSection, DataSection, ElementSection, Elements, ExportKind,
    ExportSection, FuncType, Function, FunctionSection, GlobalSection, GlobalType, Module, NameMap, NameSection,
    RefType, TableSection, TableType, TypeSection, ValType,
};

/// The functions before the prelude's.
const ABI: u32 = 0;
const DECIDE: u32 = 1;
const BLAME: u32 = 2;
const INPUT: u32 = 3;
const EVALUATE: u32 = 4;
const EVALUATE_PARTIAL: u32 = 5;
const LOAD_TABLE: u32 = 6;
const LOAD_REASON: u32 = 7;
/// Behind those, if the policy has obligations.
const OBLIGATIONS: u32 = 8;
const UNREMEMBERED: u32 = 9;

/// The function types, but for those of the prelude.
const TYPE_ABI: u32 = 0;
const TYPE_VIEW: u32 = 1;
const TYPE_BLAME: u32 = 2;
const TYPE_INPUT: u32 = 3;
const TYPE_EVALUATE: u32 = 4;
const TYPE_EVALUATE_PARTIAL: u32 = 5;

/// The globals.
const STACK: u32 = 0;
const FRAME: u32 = 1;

/// The data segments; the prelude's follow.
const TABLE: u32 = 0;
const REASONS: u32 = 1;

/// Makes the module of a policy. The documents are the policy as it was written; the module keeps them.
#[must_use]
pub fn module(policy: &Policy, plan: &Plan, documents: &Documents) -> Vec<u8> {
    let table = table::write(plan);
    let packed = table::pack(&table);
    let reasons = Reasons::new(policy);
    let needed = needs::of(plan);
    let prelude = Prelude::new(&needed);
    let memory = Memory::new(&prelude, plan, &table, &packed, &reasons);
    let obliges = !policy.obligations.is_empty();
    let decide = if obliges { UNREMEMBERED } else { DECIDE };
    let supplied = BTreeMap::from([("decide", decide), ("load_table", LOAD_TABLE), ("load_reason", LOAD_REASON)]);
    let first = if obliges { UNREMEMBERED + 1 } else { LOAD_REASON + 1 };
    let mut prelude_code = prelude.place(first, &supplied, &needed);
    let views = first + prelude_code.len();

    let mut module = Module::new();
    module.section(&types(&mut prelude_code));
    module.section(&functions(plan, obliges, &prelude_code));
    module.section(&function_table(plan, obliges));
    module.section(&memory.section(plan));
    module.section(&globals(&memory));
    module.section(&exports(obliges));
    module.section(&elements(plan, obliges, views));
    let mut data = DataSection::new();
    data.passive(packed);
    data.passive(reasons.bytes.iter().copied());
    prelude.write_data(&needed, &mut data);
    module.section(&DataCountSection { count: data.len() });
    module.section(&code(policy, plan, &memory, &mut prelude_code));
    module.section(&data);
    module.section(&names(policy, plan, views));
    module.section(&custom(
        abi::POLICY_SECTION,
        &compress_to_vec(documents.text().as_bytes(), CompressionLevel::BestCompression as u8),
    ));
    // A manifest is plain data: it always has a JSON form.
    let manifest = serde_json::to_vec(&manifest(policy, plan, documents)).unwrap_or_default();
    module.section(&custom(abi::SECTION, &manifest));
    let hash = sha256(module.as_slice());
    module.section(&custom(abi::HASH_SECTION, &hash));
    module.finish()
}

fn custom<'s>(name: &'s str, data: &'s [u8]) -> CustomSection<'s> {
    CustomSection { name: Cow::Borrowed(name), data: Cow::Borrowed(data) }
}

fn types(prelude: &mut Placed<'_>) -> TypeSection {
    use ValType::{I32, I64};
    let own: [(&[ValType], &[ValType]); 6] = [
        (&[], &[I32]),
        (&[I32], &[I64]),
        (&[I32, I64], &[I64]),
        (&[I32], &[I32]),
        (&[I32; 2], &[I32]),
        (&[I32; 3], &[I32]),
    ];
    let mut types: Vec<FuncType> =
        own.iter().map(|(parameters, results)| FuncType::new(parameters.to_vec(), results.to_vec())).collect();
    prelude.add_types(&mut types);
    let mut section = TypeSection::new();
    for ty in &types {
        section.ty().func_type(ty);
    }
    section
}

fn functions(plan: &Plan, obliges: bool, prelude: &Placed<'_>) -> FunctionSection {
    let mut functions = FunctionSection::new();
    functions.function(TYPE_ABI).function(TYPE_VIEW).function(TYPE_BLAME);
    functions.function(TYPE_INPUT).function(TYPE_EVALUATE).function(TYPE_EVALUATE_PARTIAL);
    functions.function(TYPE_INPUT).function(TYPE_EVALUATE);
    if obliges {
        functions.function(TYPE_INPUT).function(TYPE_VIEW);
    }
    for ty in prelude.function_types() {
        functions.function(ty);
    }
    for _ in &plan.views {
        functions.function(TYPE_VIEW);
    }
    for _ in plan.views.iter().filter(|_| obliges) {
        functions.function(TYPE_INPUT);
    }
    functions
}

/// The function of each view, and then, if the policy has obligations, the second function of each.
fn function_table(plan: &Plan, obliges: bool) -> TableSection {
    let size = (plan.views.len() * if obliges { 2 } else { 1 }) as u64;
    let mut tables = TableSection::new();
    tables.table(TableType {
        element_type: RefType::FUNCREF,
        table64: false,
        minimum: size,
        maximum: Some(size),
        shared: false,
    });
    tables
}

fn elements(plan: &Plan, obliges: bool, views: u32) -> ElementSection {
    let count = plan.views.len() * if obliges { 2 } else { 1 };
    let views: Vec<u32> = (views..).take(count).collect();
    let mut elements = ElementSection::new();
    elements.active(None, &ConstExpr::i32_const(0), Elements::Functions(views.into()));
    elements
}

fn globals(memory: &Memory) -> GlobalSection {
    let mut globals = GlobalSection::new();
    let global = |mutable| GlobalType { val_type: ValType::I32, mutable, shared: false };
    globals.global(global(true), &ConstExpr::i32_const(memory.stack as i32));
    globals.global(global(false), &ConstExpr::i32_const(memory.frame as i32));
    globals
}

fn exports(obliges: bool) -> ExportSection {
    let mut exports = ExportSection::new();
    exports.export(abi::MEMORY, ExportKind::Memory, 0);
    exports.export(abi::FRAME, ExportKind::Global, FRAME);
    exports.export(abi::ABI, ExportKind::Func, ABI);
    exports.export(abi::DECIDE, ExportKind::Func, DECIDE);
    exports.export(abi::INPUT, ExportKind::Func, INPUT);
    exports.export(abi::EVALUATE, ExportKind::Func, EVALUATE);
    exports.export(abi::EVALUATE_PARTIAL, ExportKind::Func, EVALUATE_PARTIAL);
    if obliges {
        exports.export(abi::OBLIGATIONS, ExportKind::Func, OBLIGATIONS);
    }
    exports
}

fn code(policy: &Policy, plan: &Plan, memory: &Memory, prelude: &mut Placed<'_>) -> CodeSection {
    let mut code = CodeSection::new();
    let mut version = Function::new([]);
    version.instructions().i32_const(abi::version(policy.covers, !policy.obligations.is_empty()) as i32).end();
    code.function(&version);
    // The frame begins with the number of the view's function.
    let mut decide = Function::new([]);
    decide.instructions().local_get(0).local_get(0).i32_load(code::at(0, 2)).call_indirect(0, TYPE_VIEW).end();
    code.function(&decide);
    code.function(&code::blame());
    entry::write(&mut code, memory, prelude);
    if !policy.obligations.is_empty() {
        code.function(&entry::obligations(plan));
        code.function(&entry::unremembered());
    }
    prelude.write_code(&mut code);
    for view in &plan.views {
        code.function(&code::view(plan, view, BLAME));
    }
    if !policy.obligations.is_empty() {
        for view in &plan.views {
            code.function(&code::obligations(plan, view, BLAME, memory.obligations));
        }
    }
    code
}

/// Names the functions after the rules that they judge.
fn names(policy: &Policy, plan: &Plan, views: u32) -> NameSection {
    let mut functions = NameMap::new();
    for (index, view) in (views..).zip(&plan.views) {
        let ids: Vec<&str> = view.rules.iter().take(4).filter_map(|r| policy.rules.get(*r)).map(|r| &*r.id).collect();
        let more = if view.rules.len() > ids.len() { "…" } else { "" };
        functions.append(index, &format!("{}{more}", ids.join(",")));
    }
    let mut names = NameSection::new();
    names.functions(&functions);
    names
}

fn manifest(policy: &Policy, plan: &Plan, documents: &Documents) -> Manifest {
    let rules =
        policy.rules.iter().map(|rule| module::Rule { id: rule.id.clone(), effect: rule.effect.name().to_owned() });
    let name = |id: &usize| policy.roles.get(*id).map(|role| role.name.clone());
    let roles = policy
        .roles
        .iter()
        .map(|role| module::Role { name: role.name.clone(), includes: role.closure.iter().filter_map(name).collect() });
    let tools = plan.tools.iter().filter_map(|(name, view)| {
        let view = plan.views.get(*view)?;
        let rules = view.rules.iter().map(|rule| *rule as u32).collect();
        Some(module::Tool { name: name.clone(), rules, reads: view.reads.clone() })
    });
    let shows_clocks = policy.attributes.iter().filter_map(Attribute::facet).any(|facet| facet.zone().is_some());
    Manifest {
        abi: abi::version(policy.covers, !policy.obligations.is_empty()),
        compiler: concat!("perso ", env!("CARGO_PKG_VERSION")).to_owned(),
        policy_sha256: hex(&sha256(documents.text().as_bytes())),
        documents: listed(documents),
        description: policy.description.clone(),
        default: policy.default.name().to_owned(),
        limits: Limits::current(),
        time_zones: shows_clocks.then(|| Zone::VERSION.to_owned()),
        attributes: plan.attributes.clone(),
        rules: rules.collect(),
        obligations: policy.obligations.iter().map(|obligation| obligations::of(policy, obligation)).collect(),
        roles: roles.collect(),
        closed: policy.tools.is_some(),
        covers: policy.covers.words().into_iter().map(str::to_owned).collect(),
        tools: tools.collect(),
    }
}

/// The documents of a policy that extends others; nothing for any other.
fn listed(documents: &Documents) -> Vec<module::Document> {
    if documents.iter().len() == 1 {
        return Vec::new();
    }
    let document = |document: documents::Document<'_>| module::Document {
        path: document.path.map(str::to_owned),
        bytes: document.text.len() as u64,
        sha256: hex(&sha256(document.text.as_bytes())),
    };
    documents.iter().map(document).collect()
}
