//! The portable entry in wasmi: a host that knows nothing but the page on the module, and uses nothing of perso-core's
//! engine.

use perso_core::{Expected, Hint, Problem};
use perso_decode::Code;
use serde_json::{Map, Value, json};
use wasmi::{Config, Engine, Extern, Instance, Memory, Module, Store, TypedFunc};

/// An instance of a module, fed with JSON text.
pub struct Portable {
    store: Store<()>,
    memory: Memory,
    input: TypedFunc<i32, i32>,
    evaluate: TypedFunc<(i32, i32), i32>,
    partial: TypedFunc<(i32, i32, i32), i32>,
    manifest: Value,
    /// Where calls go.
    at: usize,
}

const KINDS: [&str; 8] = ["rule", "default", "no_rule", "unknown_tool", "malformed", "limit", "engine", "ledger"];
const PROBLEMS: [&str; 6] = ["missing", "null", "type", "out_of_range", "value", "withheld"];
const ALL_PROBLEMS: [Problem; 6] =
    [Problem::Missing, Problem::Null, Problem::Type, Problem::OutOfRange, Problem::Value, Problem::Withheld];

impl Portable {
    pub fn new(module: &[u8]) -> Self {
        Self::within(&Engine::default(), module)
    }

    /// In an engine that counts fuel; there is as much as can be.
    #[allow(dead_code, reason = "not every test stops a module")]
    pub fn metered(module: &[u8]) -> Self {
        let mut portable = Self::within(&Engine::new(Config::default().consume_fuel(true)), module);
        portable.store.set_fuel(u64::MAX).unwrap();
        portable
    }

    fn within(engine: &Engine, module: &[u8]) -> Self {
        let mut store = Store::new(engine, ());
        let compiled = Module::new(engine, module).expect("the module is valid");
        let instance = Instance::new(&mut store, &compiled, &[]).expect("the module starts");
        let manifest = compiled.custom_sections().find(|section| section.name() == "perso").expect("it has a manifest");
        let manifest = serde_json::from_slice(manifest.data()).expect("the manifest is JSON");
        let memory = instance.get_export(&store, "memory").and_then(Extern::into_memory).expect("it has a memory");
        let input = instance.get_typed_func(&store, "perso_input").unwrap();
        let evaluate = instance.get_typed_func(&store, "perso_evaluate").unwrap();
        let partial = instance.get_typed_func(&store, "perso_evaluate_partial").unwrap();
        Self { store, memory, input, evaluate, partial, manifest, at: 0 }
    }

    /// Writes the call's text into the module's memory.
    fn write(&mut self, call: &[u8]) -> i32 {
        let at = self.input.call(&mut self.store, call.len() as i32).expect("room for a call");
        if at != 0 {
            self.memory.write(&mut self.store, at as usize, call).expect("the room is in the memory");
            self.at = at as usize;
        }
        at
    }

    /// The module's memory.
    pub fn memory(&self) -> &[u8] {
        self.memory.data(&self.store)
    }

    /// Where the module works on a text of so many bytes, once it has judged one.
    pub fn work(&self, len: usize) -> usize {
        (self.at + len + 15) & !15
    }

    /// The decision about a text that the host says is there, but has not put there.
    pub fn decide_at(&mut self, at: u32, len: u32) -> Value {
        let record = self.evaluate.call(&mut self.store, (at as i32, len as i32)).expect("the module answers");
        self.decision(record as usize)
    }

    /// The decision, in the form of `Decision`'s own JSON.
    pub fn decide_json(&mut self, call: &[u8]) -> Value {
        let at = self.write(call);
        let record = self.evaluate.call(&mut self.store, (at, call.len() as i32)).expect("the module answers");
        self.decision(record as usize)
    }

    /// Judges a call with so much fuel; whether that is too little.
    #[allow(dead_code, reason = "not every test stops a module")]
    pub fn is_stopped(&mut self, call: &[u8], fuel: u64) -> bool {
        let at = self.write(call);
        self.store.set_fuel(fuel).unwrap();
        let is_stopped = self.evaluate.call(&mut self.store, (at, call.len() as i32)).is_err();
        self.store.set_fuel(u64::MAX).unwrap();
        is_stopped
    }

    /// Whether the call is allowed: what a host does that only wants to know that.
    pub fn allows(&mut self, call: &[u8]) -> bool {
        let at = self.write(call);
        let record = self.evaluate.call(&mut self.store, (at, call.len() as i32)).expect("the module answers") as usize;
        self.memory()[record..record + 4] == [1, 0, 0, 0]
    }

    /// The same, with parts of the call that are not known.
    pub fn decide_partial(&mut self, call: &[u8], unknown: u32) -> Value {
        let at = self.write(call);
        let arguments = (at, call.len() as i32, unknown as i32);
        let record = self.partial.call(&mut self.store, arguments).expect("the module answers");
        self.decision(record as usize)
    }

    fn decision(&self, record: usize) -> Value {
        let memory = self.memory.data(&self.store);
        let field = |at: usize| u32::from_le_bytes(memory[record + at..record + at + 4].try_into().unwrap());
        let known = |number: u32| (number != u32::MAX).then_some(number as usize);
        let (cause, rule) = (field(8), known(field(4)));
        let id = rule.map(|rule| self.manifest["rules"][rule]["id"].clone());
        let kind = KINDS[(cause & 0xff) as usize];
        let decided = kind == "rule";
        let mut said = Map::from_iter([("kind".to_owned(), json!(kind))]);
        if let Some(id) = id.clone().filter(|_| !decided) {
            said.insert("rule".to_owned(), id);
        }
        if let Some(slot) = known(field(12)) {
            said.insert("attribute".to_owned(), self.manifest["attributes"][slot].clone());
        }
        if let Some(problem) = (cause >> 8 & 0xff).checked_sub(1) {
            said.insert("problem".to_owned(), json!(PROBLEMS[problem as usize]));
        }
        if let Some(detail) = Code::ALL.iter().find(|code| **code as u32 == cause >> 16 & 0xff) {
            said.insert("detail".to_owned(), json!(detail.message()));
        }
        if let Some(offset) = known(field(24)) {
            said.insert("offset".to_owned(), json!(offset));
        }
        let hint = match (field(0), said.get("attribute"), cause >> 8 & 0xff) {
            (0 | 2, Some(Value::String(attribute)), problem) if problem > 0 => {
                let expected = Expected::from_bits((cause >> 24) as u8);
                Hint::new(attribute, ALL_PROBLEMS[problem as usize - 1], expected).map(|hint| hint.to_string())
            }
            _ => None,
        };
        let decision = ["deny", "allow", "ask"][field(0) as usize];
        let (at, length) = (field(16) as usize, field(20) as usize);
        json!({
            "decision": decision,
            "rule": id.filter(|_| decided),
            "reason": std::str::from_utf8(&memory[at..at + length]).expect("the reason is UTF-8"),
            "hint": hint,
            "cause": said,
        })
    }
}
