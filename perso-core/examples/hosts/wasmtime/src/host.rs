//! A policy in wasmtime, by nothing but what the page on the module tells.

use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use wasmparser::{Parser, Payload};
use wasmtime::{Engine, Error, Instance, Memory, Module, Result, Store, TypedFunc};

/// A policy.
pub struct Policy {
    module: Module,
    manifest: Manifest,
    names: Names,
    running: Option<Running>,
}

/// What the record's numbers stand for, in this policy.
#[derive(Deserialize)]
struct Manifest {
    rules: Vec<Rule>,
    attributes: Vec<String>,
}

#[derive(Deserialize)]
struct Rule {
    id: String,
}

/// What they stand for in all.
#[derive(Deserialize)]
struct Names {
    kinds: Vec<String>,
    problems: Vec<Option<String>>,
    details: Vec<Option<String>>,
    decisions: Vec<String>,
    hints: HashMap<String, String>,
    types: Vec<(u32, String)>,
    facets: HashMap<String, String>,
}

struct Running {
    store: Store<()>,
    memory: Memory,
    input: TypedFunc<u32, u32>,
    evaluate: TypedFunc<(u32, u32, u32), u32>,
}

/// The record.
pub struct Record {
    decision: u32,
    rule: u32,
    cause: u32,
    slot: u32,
    reason: String,
    offset: u32,
}

impl Policy {
    /// Loads a module.
    pub fn new(bytes: &[u8]) -> Result<Self> {
        let manifest = Parser::new(0).parse_all(bytes).find_map(|payload| match payload {
            Ok(Payload::CustomSection(section)) if section.name() == "perso" => Some(section.data()),
            _ => None,
        });
        let manifest = manifest.ok_or_else(|| Error::msg("the module is no policy"))?;
        Ok(Self {
            module: Module::new(&Engine::default(), bytes)?,
            manifest: serde_json::from_slice(manifest)?,
            names: serde_json::from_str(include_str!("../../names.json"))?,
            running: None,
        })
    }

    /// Judges a call's text. `unknown` has bits for the parts that are open (from 1) and withheld (from 16).
    pub fn decide(&mut self, call: &[u8], unknown: u32) -> Value {
        match self.judge(call, unknown) {
            Ok(record) => self.decision(&record),
            // A trap.
            Err(_) => json!({
                "decision": "deny",
                "rule": null,
                "reason": "the call cannot be judged",
                "hint": null,
                "cause": { "kind": "engine", "detail": "the module stopped before it answered" },
            }),
        }
    }

    /// The record that the module gives; an instance that traps does not go on.
    pub fn judge(&mut self, call: &[u8], unknown: u32) -> Result<Record> {
        let mut running = match self.running.take() {
            Some(running) => running,
            None => Running::new(&self.module)?,
        };
        let record = running.judge(call, unknown)?;
        self.running = Some(running);
        Ok(record)
    }

    fn decision(&self, record: &Record) -> Value {
        let part = |shift: u32| (record.cause >> shift & 0xff) as usize;
        let kind = &*self.names.kinds[part(0)];
        let id = self.manifest.rules.get(record.rule as usize).map(|rule| &*rule.id);
        let (rule, nearest) = if kind == "rule" { (id, None) } else { (None, id) };
        let mut cause = Map::from_iter([("kind".to_owned(), json!(kind))]);
        let mut note = |key: &str, value: Option<&str>| {
            if let Some(value) = value {
                cause.insert(key.to_owned(), json!(value));
            }
        };
        note("rule", nearest);
        note("attribute", self.manifest.attributes.get(record.slot as usize).map(String::as_str));
        note("problem", self.names.problems[part(8)].as_deref());
        note("detail", self.names.details[part(16)].as_deref());
        if record.offset != u32::MAX {
            cause.insert("offset".to_owned(), json!(record.offset));
        }
        let decision = &*self.names.decisions[record.decision as usize];
        let problem = self.names.problems[part(8)].as_deref();
        let attribute = self.manifest.attributes.get(record.slot as usize);
        let hint = attribute.zip(problem).filter(|_| decision != "allow");
        let hint = hint.and_then(|(attribute, problem)| self.hint(attribute, problem, record.cause >> 24));
        json!({ "decision": decision, "rule": rule, "reason": record.reason, "hint": hint, "cause": cause })
    }

    /// What the caller can correct about an argument. `expected` has a bit for each type that the rule's test takes.
    fn hint(&self, attribute: &str, problem: &str, expected: u32) -> Option<String> {
        let (facets, argument) = match attribute.split_once(" of args") {
            Some((facets, _)) if !facets.contains(['.', '[']) => (Some(facets), &attribute[facets.len() + 4..]),
            _ => (None, attribute),
        };
        if !argument.starts_with("args") {
            return None;
        }
        let facet = facets.and_then(|facets| facets.rsplit(" of ").next());
        let hints = &self.names.hints;
        let of_facet = facet.and_then(|facet| hints.get(&format!("{facet} {problem}")));
        if let Some(words) = of_facet.or_else(|| hints.get(problem)) {
            return Some(format!("{argument}{words}"));
        }
        // What is read off the argument is there: it is what it was compared with that has another type.
        if problem != "type" || facet.is_some() && expected == 0 {
            return None;
        }
        let types = self.names.types.iter().filter(|(bits, _)| expected & bits != 0).map(|(_, name)| name.as_str());
        let what = match facet {
            Some(facet) => self.names.facets.get(facet)?.clone(),
            None => types.collect::<Vec<_>>().join(" or "),
        };
        Some(if what.is_empty() {
            format!("{argument} has the wrong type")
        } else {
            format!("{argument} must be {what}")
        })
    }
}

impl Running {
    fn new(module: &Module) -> Result<Self> {
        let mut store = Store::new(module.engine(), ());
        let instance = Instance::new(&mut store, module, &[])?;
        let memory = instance.get_memory(&mut store, "memory").ok_or_else(|| Error::msg("no memory"))?;
        let input = instance.get_typed_func(&mut store, "perso_input")?;
        let evaluate = instance.get_typed_func(&mut store, "perso_evaluate_partial")?;
        Ok(Self { store, memory, input, evaluate })
    }

    fn judge(&mut self, call: &[u8], unknown: u32) -> Result<Record> {
        let length = u32::try_from(call.len())?;
        let at = self.input.call(&mut self.store, length)?;
        if at != 0 {
            self.memory.write(&mut self.store, at as usize, call)?;
        }
        let record = self.evaluate.call(&mut self.store, (at, length, unknown))? as usize;
        let mut bytes = [0; 28];
        self.memory.read(&self.store, record, &mut bytes)?;
        let field = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        let (at, length) = (field(16) as usize, field(20) as usize);
        let reason = self.memory.data(&self.store).get(at..).and_then(|bytes| bytes.get(..length));
        let reason = reason.ok_or_else(|| Error::msg("a reason outside of the memory"))?;
        Ok(Record {
            decision: field(0),
            rule: field(4),
            cause: field(8),
            slot: field(12),
            reason: String::from_utf8(reason.to_vec())?,
            offset: field(24),
        })
    }
}
