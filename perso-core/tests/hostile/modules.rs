//! A module is data from somewhere else until it is checked.

use allocation_counter::measure;
use perso_core::module::{Answer, Label, Limit, Manifest, Obligation, Window, abi, sections, sha256};
use perso_core::{CauseKind, Decision, Expected, LoadError, ModuleError, Outcome, Policy, compile};
use std::sync::atomic::{AtomicBool, Ordering};
use wasm_encoder::{
    BlockType, CodeSection, ConstExpr, CustomSection, DataSection, EntityType, ExportKind, ExportSection, Function,
    FunctionSection, GlobalSection, GlobalType, HeapType, ImportSection, MemArg, MemArgTarget, MemorySection,
    MemoryType, Module, RefType, Section as _, StartSection, TableSection, TableType, TypeSection, ValType,
};

const POLICY: &str = r#"{"perso":1,"rules":[
    {"id":"small","allow":"refund","roles":["agent"],"when":{"args.amount":{"lte":500}}},
    {"id":"held","deny":"refund","when":{"resource.held":true}}
]}"#;

const CALL: &[u8] = br#"{"tool":"refund","args":{"amount":800},"agent":{"roles":["agent"]},"resource":{"held":false}}"#;

fn module() -> Vec<u8> {
    compile(POLICY).expect("the policy compiles").module
}

#[track_caller]
fn refused(bytes: impl Into<Vec<u8>>) -> ModuleError {
    Policy::from_module(bytes).expect_err("the module must not load")
}

#[test]
fn the_same_policy_compiles_to_the_same_bytes() {
    assert_eq!(module(), module());
}

#[test]
fn a_fresh_module_loads_and_decides() {
    let policy = Policy::from_module(module()).unwrap();
    assert_eq!(policy.decide_json(CALL).cause.rule, Some("small"));
    assert_eq!(policy.module(), module());
}

#[test]
fn a_truncated_module_does_not_load() {
    let module = module();
    for length in 0..module.len() {
        refused(&module[..length]);
    }
}

/// Each way to flip a bit that is tried of a module. Most of a compiled one is the prelude: of each of its bytes one bit.
fn flips(module: &[u8]) -> impl Iterator<Item = (usize, u8)> {
    let bits = if module.len() < 1 << 13 { 8 } else { 1 };
    (0..module.len()).flat_map(move |at| (0..bits).map(move |bit| (at, 1 << ((at + bit) % 8))))
}

#[test]
fn a_module_with_a_flipped_bit_does_not_load() {
    for module in [module(), Made::default().bytes()] {
        for (at, bit) in flips(&module) {
            let mut bytes = module.clone();
            bytes[at] ^= bit;
            if let Ok(policy) = Policy::from_module(bytes) {
                panic!("byte {at}, bit {bit} loads, and decides {:?}", policy.decide_json(CALL));
            }
        }
    }
}

/// A module with a fresh hash: altered by someone who knows of it.
fn hashed_anew(mut module: Vec<u8>, sections_end: usize) -> Vec<u8> {
    module.truncate(sections_end);
    let hash = sha256(&module);
    let section = CustomSection { name: "perso.sha256".into(), data: (&hash[..]).into() };
    section.append_to(&mut module);
    module
}

/// Calls that reach different code of [`POLICY`]'s module.
const CALLS: [&[u8]; 4] = [
    CALL,
    br#"{"args":{"amount":5e2},"agent":{"roles":["x","agent"]},"resource":{"held":false},"tool":"refund"}"#,
    br#"{"tool":"refund","args":{"amount":"\u0035"},"agent":{"role":"agent"},"resource":{"held":null}}"#,
    br#"{"tool":"nothing"}"#,
];

/// What a decision must be whatever the module says.
#[track_caller]
fn assert_sound(decision: Decision<'_>, what: &str) {
    let by_module = matches!(decision.cause.kind, CauseKind::Rule | CauseKind::Default);
    assert!(by_module || !decision.is_allowed(), "{what}: {decision:?}");
    assert_eq!(decision.rule.is_some(), decision.cause.kind == CauseKind::Rule, "{what}: {decision:?}");
}

#[test]
fn a_module_that_was_altered_and_hashed_anew_is_refused_or_judges() {
    let (mut refused, mut engine, mut others) = (0, 0, 0);
    for module in [module(), Made::default().bytes()] {
        let sections = sections(&module).unwrap();
        let end = sections[sections.len() - 2].range.end;
        let code = sections.iter().find(|section| section.name == "code").unwrap().range.clone();
        // The policy's own code is at both ends of the code; little of the rest runs here.
        let runs =
            |at: &usize| !code.contains(at) || at.is_multiple_of(64) || at - code.start < 512 || code.end - at < 512;
        for (at, bit) in flips(&module).filter(|(at, _)| *at < end && runs(at)) {
            let mut bytes = module.clone();
            bytes[at] ^= bit;
            let Ok(policy) = Policy::from_module(hashed_anew(bytes, end)) else {
                refused += 1;
                continue;
            };
            for call in CALLS {
                let decision = policy.decide_json(call);
                assert_sound(decision, &format!("byte {at}, bit {bit}"));
                match decision.cause.kind {
                    CauseKind::Engine => engine += 1,
                    _ => others += 1,
                }
            }
        }
    }
    println!("{refused} modules refused, {engine} calls that the engine gives up, {others} judged");
    assert!(refused > 0 && engine > 0 && others > 0);
}

#[test]
fn what_is_no_policy_is_named() {
    assert!(matches!(refused([]), ModuleError::Wasm(_)));
    assert!(matches!(refused(*b"{\"perso\":1}"), ModuleError::Wasm(_)));
    assert!(matches!(refused(Module::new().finish()), ModuleError::NotAPolicy(_)));
    assert!(matches!(Policy::load("/no/such/file.wasm"), Err(LoadError::Read { .. })));
}

/// Writes the body of a function.
type Write = Box<dyn Fn(&mut Function)>;

/// A module made by hand: good, but for what a test changes.
struct Made {
    import: bool,
    start: bool,
    pages: (u64, Option<u64>),
    mutable: bool,
    /// Where a frame goes.
    frame: i32,
    /// Elements of a table that nothing uses.
    elements: u64,
    abi: fn(&mut Function),
    body: fn(&mut Function),
    /// What lists the obligations of a call, if anything does.
    obligations: Option<Write>,
    table: fn(&mut Vec<u8>),
    reasons: fn(&mut Vec<u8>),
    /// What its manifest says.
    manifest: fn(&mut Manifest),
    manifests: usize,
    trailing: bool,
    hash: fn(&mut [u8]),
}

impl Default for Made {
    fn default() -> Self {
        Self {
            import: false,
            start: false,
            pages: (1, Some(1)),
            mutable: false,
            frame: 0,
            elements: 0,
            abi: |f| {
                f.instructions().i32_const(abi::VERSION as i32).end();
            },
            body: |f| {
                f.instructions().i64_const(0).end();
            },
            obligations: None,
            table: |_| {},
            reasons: |_| {},
            manifest: |_| {},
            manifests: 1,
            trailing: false,
            hash: |_| {},
        }
    }
}

impl Made {
    fn bytes(&self) -> Vec<u8> {
        let good = module();
        let parser = wasmparser::Parser::new(0);
        let (mut segments, mut manifest) = (Vec::new(), None);
        for payload in parser.parse_all(&good) {
            match payload.unwrap() {
                wasmparser::Payload::DataSection(data) => {
                    segments = data.into_iter().take(2).map(|segment| segment.unwrap().data.to_vec()).collect();
                }
                wasmparser::Payload::CustomSection(section) if section.name() == "perso" => {
                    manifest = Some(serde_json::from_slice::<Manifest>(section.data()).unwrap());
                }
                _ => {}
            }
        }
        let mut manifest = manifest.unwrap();

        let mut types = TypeSection::new();
        types.ty().function([], [ValType::I32]);
        types.ty().function([ValType::I32], [ValType::I64]);
        types.ty().function([], []);
        types.ty().function([ValType::I32], [ValType::I32]);
        let mut imports = ImportSection::new();
        imports.import("env", "f", EntityType::Function(2));
        let first = u32::from(self.import);
        let mut functions = FunctionSection::new();
        functions.function(0).function(1).function(2).function(2);
        if self.obligations.is_some() {
            functions.function(3);
        }
        let mut memories = MemorySection::new();
        memories.memory(MemoryType {
            minimum: self.pages.0,
            maximum: self.pages.1,
            memory64: false,
            shared: false,
            page_size_log2: None,
        });
        let mut globals = GlobalSection::new();
        let global = |mutable| GlobalType { val_type: ValType::I32, mutable, shared: false };
        globals.global(global(true), &ConstExpr::i32_const(0));
        globals.global(global(self.mutable), &ConstExpr::i32_const(self.frame));
        let mut exports = ExportSection::new();
        exports.export("memory", ExportKind::Memory, 0);
        exports.export("perso_frame", ExportKind::Global, 1);
        exports.export("perso_abi", ExportKind::Func, first);
        exports.export("perso_decide", ExportKind::Func, first + 1);
        for portable in ["perso_input", "perso_evaluate", "perso_evaluate_partial"] {
            exports.export(portable, ExportKind::Func, first + 2);
        }
        if self.obligations.is_some() {
            exports.export(abi::OBLIGATIONS, ExportKind::Func, first + 4);
        }
        let mut code = CodeSection::new();
        let mut abi = Function::new([]);
        (self.abi)(&mut abi);
        let mut decide = Function::new([]);
        (self.body)(&mut decide);
        let mut nothing = Function::new([]);
        nothing.instructions().end();
        let mut grow = Function::new([]);
        grow.instructions().i32_const(1).memory_grow(0).drop().end();
        code.function(&abi).function(&decide).function(&nothing).function(&grow);
        if let Some(write) = &self.obligations {
            let mut obligations = Function::new([]);
            write(&mut obligations);
            code.function(&obligations);
        }
        let mut data = DataSection::new();
        let [mut table, mut reasons] = <[Vec<u8>; 2]>::try_from(segments).unwrap();
        (self.table)(&mut table);
        (self.reasons)(&mut reasons);
        data.passive(table).passive(reasons);

        let mut module = Module::new();
        module.section(&types);
        if self.import {
            module.section(&imports);
        }
        module.section(&functions);
        if self.elements > 0 {
            let mut tables = TableSection::new();
            tables.table(TableType {
                element_type: RefType::FUNCREF,
                minimum: self.elements,
                maximum: Some(self.elements),
                table64: false,
                shared: false,
            });
            module.section(&tables);
        }
        module.section(&memories).section(&globals).section(&exports);
        if self.start {
            module.section(&StartSection { function_index: first + 2 });
        }
        module.section(&code).section(&data);
        (self.manifest)(&mut manifest);
        let manifest = serde_json::to_vec(&manifest).unwrap();
        for _ in 0..self.manifests {
            module.section(&CustomSection { name: "perso".into(), data: (&manifest[..]).into() });
        }
        let mut hash = sha256(module.as_slice());
        (self.hash)(&mut hash);
        module.section(&CustomSection { name: "perso.sha256".into(), data: (&hash[..]).into() });
        if self.trailing {
            module.section(&CustomSection { name: "more".into(), data: (&[][..]).into() });
        }
        module.finish()
    }
}

#[test]
fn a_module_made_by_hand_loads_if_nothing_is_wrong_with_it() {
    let policy = Policy::from_module(Made::default().bytes()).unwrap();
    // Its code answers that a rule which it does not name has decided: that has no meaning, so the call is denied.
    let decision = policy.decide_json(CALL);
    assert!(!decision.is_allowed());
}

#[test]
fn what_no_policy_has_is_refused() {
    let untrusted = [
        Made { import: true, ..Made::default() },
        Made { start: true, ..Made::default() },
        Made { pages: (1, None), ..Made::default() },
        Made { pages: (1, Some(4097)), ..Made::default() },
        Made { mutable: true, ..Made::default() },
        Made { manifests: 2, ..Made::default() },
        Made { trailing: true, ..Made::default() },
        Made { table: Vec::clear, ..Made::default() },
        Made { table: |packed| packed.push(1), ..Made::default() },
        Made { table: |packed| packed[0] ^= 1, ..Made::default() },
        // Zeros without end.
        Made { table: |packed| packed.resize(packed.len() + (1 << 26), 0), ..Made::default() },
        Made { reasons: Vec::clear, ..Made::default() },
        Made { reasons: |reasons| reasons.truncate(reasons.len() - 1), ..Made::default() },
        Made { reasons: |reasons| reasons[0] = 0, ..Made::default() },
        Made { reasons: |reasons| reasons[4] -= 1, ..Made::default() },
        Made { reasons: |reasons| *reasons.last_mut().unwrap() = 0xff, ..Made::default() },
        // Nothing that a policy needs, and gigabytes of it.
        Made { elements: u32::MAX.into(), ..Made::default() },
    ];
    for made in untrusted {
        let error = refused(made.bytes());
        assert!(matches!(error, ModuleError::Untrusted(_)), "{error}");
    }
}

#[test]
fn another_abi_is_refused_by_its_number() {
    let error = refused(Made { manifest: |manifest| manifest.abi = 1, ..Made::default() }.bytes());
    assert!(matches!(error, ModuleError::Abi { found: 1 }), "{error}");
    assert!(error.to_string().contains("compile the policy again"), "{error}");
    let another = |f: &mut Function| {
        f.instructions().i32_const(1).end();
    };
    let error = refused(Made { abi: another, ..Made::default() }.bytes());
    assert!(matches!(error, ModuleError::Start(_)), "{error}");
}

/// A module that allows each call, and lists its obligations so.
fn obliging(list: impl Fn(&mut Function) + 'static) -> Made {
    Made {
        abi: |f| {
            f.instructions().i32_const((abi::VERSION + abi::OBLIGING) as i32).end();
        },
        body: |f| {
            let (outcome, kind, expected) = (Outcome::Allow, CauseKind::Rule, Expected::default());
            let answer = Answer { outcome, expected, kind, problem: None, rule: Some(0), attribute: None };
            f.instructions().i64_const(answer.pack()).end();
        },
        obligations: Some(Box::new(list)),
        manifest: |manifest| {
            manifest.abi = abi::VERSION + abi::OBLIGING;
            let (max, reason) = ("5".into(), "At most 5.".into());
            let limit = Limit { per: vec![0], sum: None, max, window: Window::Last(60), asks: false, reason };
            manifest.obligations = vec![Obligation { id: "l".into(), limit: Some(limit), label: None }];
        },
        ..Made::default()
    }
}

/// Writes words to the middle of the memory, and returns where.
fn list(words: Vec<u32>) -> impl Fn(&mut Function) {
    const AT: u32 = 1 << 15;
    move |f| {
        let mut code = f.instructions();
        for (index, word) in words.iter().enumerate() {
            let at = MemArg { offset: 4 * index as u64, align: 2, target: MemArgTarget::Memory(0), ordering: None };
            code.i32_const(AT as i32).i32_const(*word as i32).i32_store(at);
        }
        code.i32_const(AT as i32).end();
    }
}

#[test]
fn obligations_that_make_no_sense_are_denied() {
    const AT: u32 = 1 << 15;
    // A list that ends where it begins.
    let free = Policy::from_module(obliging(list(vec![AT + 4])).bytes()).unwrap();
    assert!(free.decide_json(CALL).is_allowed() && free.assess_json(CALL).obligations.is_empty());

    // A record of a string that is longer than the memory, and one of a number.
    let long = vec![AT + 12, 0, AT + 64, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1 << 4, 0, 8, 0, 1 << 30, 0, 0, 0];
    let many: Vec<u32> = std::iter::once(AT + 4 + 8 * 65).chain((0..65).flat_map(|_| [0, 0])).collect();
    let wrong: Vec<(&str, Made)> = vec![
        ("a list outside of the memory", obliging(|f| _ = f.instructions().i32_const(-8).end())),
        ("an end outside of the memory", obliging(list(vec![u32::MAX]))),
        ("an obligation that there is not", obliging(list(vec![AT + 12, 1, 0]))),
        ("a record outside of the memory", obliging(list(vec![AT + 12, 0, u32::MAX - 3]))),
        ("a string that is longer than the memory", obliging(list(long))),
        ("more obligations than one call has", obliging(list(many))),
        ("no end", obliging(|f| _ = f.instructions().loop_(BlockType::Empty).br(0).end().i32_const(0).end())),
        ("a trap", obliging(|f| _ = f.instructions().unreachable().end())),
    ];
    for (what, made) in wrong {
        let policy = Policy::from_module(made.bytes()).unwrap();
        for decision in [policy.decide_json(CALL), policy.assess_json(CALL).decision] {
            assert_eq!((decision.outcome, decision.cause.kind), (Outcome::Deny, CauseKind::Engine), "{what}");
        }
    }
}

#[test]
fn limits_fit_the_abi_and_the_export() {
    for (what, made) in [
        (
            "limits in another ABI",
            Made {
                manifest: |manifest| {
                    manifest.obligations = vec![Obligation {
                        id: "l".into(),
                        limit: None,
                        label: Some(Label { session: 0, add: vec!["a".into()] }),
                    }];
                },
                ..Made::default()
            },
        ),
        (
            "an ABI of limits without any",
            Made { manifest: |manifest| manifest.abi += abi::OBLIGING, ..Made::default() },
        ),
        (
            "an obligation that is nothing",
            Made {
                manifest: |manifest| {
                    manifest.abi += abi::OBLIGING;
                    manifest.obligations = vec![Obligation { id: "l".into(), limit: None, label: None }];
                },
                ..obliging(|_| ())
            },
        ),
        (
            "an attribute that there is not",
            Made {
                manifest: |manifest| {
                    manifest.abi += abi::OBLIGING;
                    manifest.obligations = vec![Obligation {
                        id: "l".into(),
                        limit: None,
                        label: Some(Label { session: 999, add: Vec::new() }),
                    }];
                },
                ..obliging(|_| ())
            },
        ),
        (
            "a limit by session that does not read the session's id",
            Made {
                manifest: |manifest| {
                    manifest.abi += abi::OBLIGING;
                    let (max, reason) = ("5".into(), "At most 5.".into());
                    let limit = Limit { per: vec![0], sum: None, max, window: Window::Session, asks: false, reason };
                    manifest.obligations = vec![Obligation { id: "l".into(), limit: Some(limit), label: None }];
                },
                ..obliging(|_| ())
            },
        ),
    ] {
        let error = refused(made.bytes());
        assert!(matches!(error, ModuleError::Untrusted(_)), "{what}: {error}");
    }
    let error = refused(Made { obligations: None, ..obliging(|_| ()) }.bytes());
    assert!(matches!(error, ModuleError::Start(_)), "{error}");
}

#[test]
fn what_a_module_covers_fits_its_abi() {
    let covering = |f: &mut Function| {
        f.instructions().i32_const(abi::COVERING as i32).end();
    };
    fn covers(manifest: &mut Manifest, abi: u32, words: &[&str]) {
        manifest.abi = abi;
        manifest.covers = words.iter().map(|word| (*word).to_owned()).collect();
    }
    let made = |manifest| Made { manifest, abi: covering, ..Made::default() };
    let good =
        Policy::from_module(made(|manifest| covers(manifest, abi::COVERING, &["tools", "prompts"])).bytes()).unwrap();
    assert!(good.covers().prompts && !good.covers().resources);
    for manifest in [
        // An engine that does not know what is covered would let prompts pass.
        |manifest: &mut Manifest| covers(manifest, abi::VERSION, &["tools", "prompts"]),
        |manifest: &mut Manifest| covers(manifest, abi::COVERING, &[]),
        |manifest: &mut Manifest| covers(manifest, abi::COVERING, &["tools"]),
        |manifest: &mut Manifest| covers(manifest, abi::COVERING, &["tools", "prompts", "skills"]),
    ] {
        let error = refused(made(manifest).bytes());
        assert!(matches!(error, ModuleError::Untrusted(_)), "{error}");
    }
}

#[test]
fn a_hash_that_does_not_fit_is_refused() {
    let error = refused(Made { hash: |hash| hash[0] ^= 1, ..Made::default() }.bytes());
    assert!(matches!(error, ModuleError::Hash), "{error}");
}

/// The denial of a module whose code misbehaves.
#[track_caller]
fn denied_by_engine(body: fn(&mut Function)) -> &'static str {
    let policy = Policy::from_module(Made { body, ..Made::default() }.bytes()).unwrap();
    let mut detail = "";
    // The second call shows that the first one left nothing broken behind.
    for _ in 0..2 {
        let decision = policy.decide_json(CALL);
        assert!(!decision.is_allowed());
        assert_eq!(decision.cause.kind, CauseKind::Engine, "{decision:?}");
        detail = match decision.cause.detail.unwrap() {
            "the module ran for too long" => "fuel",
            "the module stopped before it answered" => "trap",
            "the module's answer is invalid" => "answer",
            other => panic!("{other}"),
        };
    }
    detail
}

#[test]
fn code_that_misbehaves_is_a_denial() {
    let trap = |f: &mut Function| {
        f.instructions().unreachable().end();
    };
    assert_eq!(denied_by_engine(trap), "trap");
    let endless = |f: &mut Function| {
        f.instructions().loop_(BlockType::Empty).br(0).end().i64_const(1).end();
    };
    assert_eq!(denied_by_engine(endless), "fuel");
    let deep = |f: &mut Function| {
        f.instructions().local_get(0).call(1).end();
    };
    assert_eq!(denied_by_engine(deep), "trap");
    let outside = |f: &mut Function| {
        f.instructions().i32_const(-8).i64_load(MemArg {
            offset: 0,
            align: 3,
            target: MemArgTarget::Memory(0),
            ordering: None,
        });
        f.instructions().end();
    };
    assert_eq!(denied_by_engine(outside), "trap");
    // Allowed by a rule that is not there.
    let nonsense = |f: &mut Function| {
        f.instructions().i64_const(1 | 77 << 16 | 0xff_ffff << 40).end();
    };
    assert_eq!(denied_by_engine(nonsense), "answer");
    // Allowed because no rule applies.
    let nonsense = |f: &mut Function| {
        f.instructions().i64_const(1 | 2 << 8 | 0xff_ffff << 16 | 0xff_ffff << 40).end();
    };
    assert_eq!(denied_by_engine(nonsense), "answer");
    let nonsense = |f: &mut Function| {
        f.instructions().i64_const(-1).end();
    };
    assert_eq!(denied_by_engine(nonsense), "answer");
}

#[test]
fn a_module_that_never_starts_is_refused() {
    let endless = |f: &mut Function| {
        f.instructions().loop_(BlockType::Empty).br(0).end().i32_const(1).end();
    };
    let deep = |f: &mut Function| {
        f.instructions().call(0).end();
    };
    let trap = |f: &mut Function| {
        f.instructions().unreachable().end();
    };
    for abi in [endless, deep, trap] as [fn(&mut Function); 3] {
        let error = refused(Made { abi, ..Made::default() }.bytes());
        assert!(matches!(error, ModuleError::Start(_)), "{error}");
    }
}

#[test]
fn a_frame_without_room_is_a_denial() {
    for frame in [65_530, 65_536, 1 << 24, i32::MAX, i32::MIN, -1] {
        let made = Made { frame, ..Made::default() };
        let policy = Policy::from_module(made.bytes()).unwrap();
        for _ in 0..2 {
            let decision = policy.decide_json(CALL);
            assert_eq!(
                (decision.is_allowed(), decision.cause.kind),
                (false, CauseKind::Engine),
                "{frame}: {decision:?}"
            );
        }
    }
}

/// Code that makes memory or a table grow, by itself, by a call or through a table.
const GROWTH: [fn(&mut Function); 4] = [
    |f| {
        f.instructions().loop_(BlockType::Empty).i32_const(1).memory_grow(0).drop().br(0).end().i64_const(0).end();
    },
    |f| {
        f.instructions().local_get(0).memory_grow(0).drop().i64_const(0).end();
    },
    |f| {
        f.instructions().ref_null(HeapType::FUNC).i32_const(1).table_grow(0).drop().i64_const(0).end();
    },
    |f| {
        f.instructions().loop_(BlockType::Empty).call(3).br(0).end().i64_const(0).end();
    },
];

#[test]
fn code_that_makes_memory_grow_is_refused() {
    for body in GROWTH {
        let error = refused(Made { body, elements: 1, pages: (1, Some(256)), ..Made::default() }.bytes());
        assert!(matches!(error, ModuleError::Untrusted(_)), "{error}");
    }
}

#[test]
fn memory_stays_within_its_bound() {
    // A frame of more than a megabyte, and one that has no room.
    let policy = Policy::from_module(module()).unwrap();
    let own = Policy::compile(
        r#"{"perso":1,"rules":[{"id":"own","allow":"own","when":{"args.owner":{"eq":{"ref":"agent.id"}}}}]}"#,
    );
    let own = own.unwrap();
    let id = "x".repeat(500_000);
    let large = format!(r#"{{"tool":"own","args":{{"owner":"{id}"}},"agent":{{"id":"{id}"}}}}"#);
    for policy in [policy, own] {
        let counted = measure(|| {
            for _ in 0..20 {
                let _ = policy.decide_json(large.as_bytes());
            }
        });
        assert!(counted.bytes_max < 16 << 20 && counted.bytes_current < 128 << 10, "{counted:?}");
    }
}

#[test]
fn policies_load_while_others_decide() {
    let good = module();
    let policy = Policy::from_module(good.clone()).unwrap();
    let is_done = AtomicBool::new(false);
    let decide = || {
        let mut calls = 0;
        while !is_done.load(Ordering::Relaxed) || calls < 1_000 {
            let decisions = CALLS.map(|call| policy.decide_json(call).cause.rule.or(policy.decide_json(call).rule));
            assert_eq!(decisions, [Some("small"), Some("small"), Some("held"), None]);
            calls += 1;
        }
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(decide)).collect();
        for at in 0..200 {
            let mut bytes = good.clone();
            bytes[at * good.len() / 200] ^= 1;
            refused(bytes);
            let again = Policy::from_module(good.clone()).unwrap();
            assert_eq!(again.decide_json(CALL), policy.decide_json(CALL));
        }
        is_done.store(true, Ordering::Relaxed);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
}
