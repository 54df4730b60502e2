//! Stage 4: from the plan to the module's bytes.

mod code;
mod table;

use crate::check::{Effect, Policy, describe};
use crate::module::{self, Limits, Manifest, abi, hex, sha256};
use crate::plan::{Plan, View};
use perso_decode::layout;
use std::borrow::Cow;
use wasm_encoder::{
    CodeSection, ConstExpr, CustomSection, DataSection, ElementSection, Elements, ExportKind, ExportSection, Function,
    FunctionSection, GlobalSection, GlobalType, MemorySection, MemoryType, Module, NameMap, NameSection, RefType,
    TableSection, TableType, TypeSection, ValType,
};

/// Bytes of a page of memory.
const PAGE: usize = 1 << 16;

/// The functions before the views'.
const ABI: u32 = 0;
const DECIDE: u32 = 1;
const BLAME: u32 = 2;
const VIEWS: u32 = 3;

/// The function types.
const TYPE_ABI: u32 = 0;
const TYPE_VIEW: u32 = 1;
const TYPE_BLAME: u32 = 2;

/// Where in memory the frame goes.
const FRAME: u32 = 0;

/// Makes the module of a policy. `text` is the policy as it was written; the manifest keeps it.
#[must_use]
pub fn module(policy: &Policy, plan: &Plan, text: &str) -> Vec<u8> {
    let mut module = Module::new();
    module.section(&types());
    module.section(&functions(plan));
    module.section(&function_table(plan));
    module.section(&memory(plan));
    module.section(&globals());
    module.section(&exports());
    module.section(&elements(plan));
    let code = code(plan);
    module.section(&code);
    let mut data = DataSection::new();
    data.passive(table::write(plan));
    module.section(&data);
    module.section(&names(policy, plan));
    // A manifest is plain data: it always has a JSON form.
    let manifest = serde_json::to_vec(&manifest(policy, plan, text)).unwrap_or_default();
    module.section(&custom(abi::SECTION, &manifest));
    let hash = sha256(module.as_slice());
    module.section(&custom(abi::HASH_SECTION, &hash));
    module.finish()
}

fn custom<'s>(name: &'s str, data: &'s [u8]) -> CustomSection<'s> {
    CustomSection { name: Cow::Borrowed(name), data: Cow::Borrowed(data) }
}

fn types() -> TypeSection {
    let mut types = TypeSection::new();
    types.ty().function([], [ValType::I32]);
    types.ty().function([ValType::I32], [ValType::I64]);
    types.ty().function([ValType::I32, ValType::I64], [ValType::I64]);
    types
}

fn functions(plan: &Plan) -> FunctionSection {
    let mut functions = FunctionSection::new();
    functions.function(TYPE_ABI).function(TYPE_VIEW).function(TYPE_BLAME);
    for _ in &plan.views {
        functions.function(TYPE_VIEW);
    }
    functions
}

fn function_table(plan: &Plan) -> TableSection {
    let size = plan.views.len() as u64;
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

fn elements(plan: &Plan) -> ElementSection {
    let views: Vec<u32> = (VIEWS..).take(plan.views.len()).collect();
    let mut elements = ElementSection::new();
    elements.active(None, &ConstExpr::i32_const(0), Elements::Functions(views.into()));
    elements
}

fn memory(plan: &Plan) -> MemorySection {
    // What every frame has, and what the largest can have: the elements of full lists.
    let fixed = |view: &View| layout::frame(plan.role_words, view.places.places.len(), view.places.answer_words());
    let pages = |bytes: Option<usize>| (FRAME as usize + bytes.unwrap_or(0)).div_ceil(PAGE).max(1) as u64;
    let minimum = pages(plan.views.iter().map(fixed).max());
    let largest = pages(plan.views.iter().map(|view| fixed(view) + view.places.elements_size()).max());
    // A call that needs more is denied.
    let maximum = largest.min(abi::MAX_PAGES).max(minimum);
    let mut memories = MemorySection::new();
    memories.memory(MemoryType {
        minimum,
        maximum: Some(maximum),
        memory64: false,
        shared: false,
        page_size_log2: None,
    });
    memories
}

fn globals() -> GlobalSection {
    let mut globals = GlobalSection::new();
    let frame = GlobalType { val_type: ValType::I32, mutable: false, shared: false };
    globals.global(frame, &ConstExpr::i32_const(FRAME as i32));
    globals
}

fn exports() -> ExportSection {
    let mut exports = ExportSection::new();
    exports.export(abi::MEMORY, ExportKind::Memory, 0);
    exports.export(abi::FRAME, ExportKind::Global, 0);
    exports.export(abi::ABI, ExportKind::Func, ABI);
    exports.export(abi::DECIDE, ExportKind::Func, DECIDE);
    exports
}

fn code(plan: &Plan) -> CodeSection {
    let mut code = CodeSection::new();
    let mut version = Function::new([]);
    version.instructions().i32_const(abi::VERSION as i32).end();
    code.function(&version);
    // The frame begins with the number of the view's function.
    let mut decide = Function::new([]);
    decide.instructions().local_get(0).local_get(0).i32_load(code::at(0, 2)).call_indirect(0, TYPE_VIEW).end();
    code.function(&decide);
    code.function(&code::blame());
    for view in &plan.views {
        code.function(&code::view(plan, view, BLAME));
    }
    code
}

/// Names the functions after the rules that they judge.
fn names(policy: &Policy, plan: &Plan) -> NameSection {
    let mut functions = NameMap::new();
    for (index, name) in [(ABI, abi::ABI), (DECIDE, abi::DECIDE), (BLAME, "blame")] {
        functions.append(index, name);
    }
    for (index, view) in (VIEWS..).zip(&plan.views) {
        let ids: Vec<&str> = view.rules.iter().take(4).filter_map(|r| policy.rules.get(*r)).map(|r| &*r.id).collect();
        let more = if view.rules.len() > ids.len() { "…" } else { "" };
        functions.append(index, &format!("rules:{}{more}", ids.join(",")));
    }
    let mut names = NameSection::new();
    names.functions(&functions);
    names
}

const fn effect(effect: Effect) -> &'static str {
    match effect {
        Effect::Allow => "allow",
        Effect::Deny => "deny",
    }
}

fn manifest(policy: &Policy, plan: &Plan, text: &str) -> Manifest {
    let rules = policy.rules.iter().map(|rule| {
        let needs = || describe::requirement(policy, rule);
        let (reason, needs) = match (&rule.reason, rule.effect) {
            (Some(reason), _) => (reason.clone(), None),
            (None, Effect::Deny) => (needs(), None),
            (None, Effect::Allow) => (describe::allowance(rule), Some(needs())),
        };
        module::Rule { id: rule.id.clone(), effect: effect(rule.effect).to_owned(), reason, needs }
    });
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
    Manifest {
        abi: abi::VERSION,
        compiler: concat!("perso ", env!("CARGO_PKG_VERSION")).to_owned(),
        policy_sha256: hex(&sha256(text.as_bytes())),
        description: policy.description.clone(),
        default: effect(policy.default).to_owned(),
        limits: Limits::current(),
        attributes: plan.attributes.clone(),
        rules: rules.collect(),
        roles: roles.collect(),
        closed: policy.tools.is_some(),
        tools: tools.collect(),
        policy: text.to_owned(),
    }
}
