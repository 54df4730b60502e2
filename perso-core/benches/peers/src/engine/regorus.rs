//! Rego in regorus: the compiled policy, which its interpreter walks, and the program of its virtual machine.

use super::{Engine, Peer, Source, setup};
use crate::limits::Limit;
use regorus::languages::rego::compiler::Compiler;
use regorus::rvm::RegoVM;
use regorus::{CompiledPolicy, PolicyModule, Value, compile_policy_with_entrypoint};
use serde_json::{Map, json};

const DESK: &str = include_str!("../../policies/support-desk.rego");
const LIMITS: &str = include_str!("../../policies/limits.rego");

pub fn peers() -> Vec<Peer> {
    vec![
        Peer {
            name: "Rego in regorus",
            form: "compiled",
            key: "regorus_compiled",
            desk: setup::<Compiled>(Source::of(DESK)),
            limits: Some(|limits| setup::<Compiled>(Source::with_data(LIMITS, by_tool(limits)))),
        },
        Peer {
            name: "Rego in regorus",
            form: "its VM",
            key: "regorus_vm",
            desk: setup::<Machine>(Source::of(DESK)),
            limits: Some(|limits| setup::<Machine>(Source::with_data(LIMITS, by_tool(limits)))),
        },
    ]
}

fn by_tool(limits: &[Limit]) -> Vec<u8> {
    let limits: Map<String, serde_json::Value> = limits
        .iter()
        .map(|limit| (limit.tool.clone(), json!({ "most": limit.most, "currencies": limit.currencies })))
        .collect();
    serde_json::to_vec(&json!({ "limits": limits })).expect("limits have a JSON form")
}

fn rule(source: &Source) -> String {
    let package = source.policy().lines().find_map(|line| line.strip_prefix("package "));
    format!("data.{}.allow", package.expect("the policy names its package"))
}

fn data(source: &Source) -> Value {
    match source.data() {
        "" => Value::new_object(),
        data => Value::from_json_str(data).expect("the data is JSON"),
    }
}

fn compile(source: &Source) -> CompiledPolicy {
    let module = PolicyModule { id: "policy.rego".into(), content: source.policy().into() };
    compile_policy_with_entrypoint(data(source), &[module], rule(source).into()).expect("the policy compiles")
}

fn read(json: &[u8]) -> Option<Value> {
    Value::from_json_str(str::from_utf8(json).ok()?).ok()
}

struct Compiled(CompiledPolicy);

impl Engine for Compiled {
    type Call<'c> = Value;

    fn load(source: &Source) -> Self {
        Self(compile(source))
    }

    fn read(&self, json: &[u8]) -> Option<Value> {
        read(json)
    }

    fn judge(&mut self, call: &Value) -> bool {
        self.0.eval_with_input(call.clone()).is_ok_and(|answer| answer == Value::from(true))
    }
}

struct Machine(RegoVM);

impl Engine for Machine {
    type Call<'c> = Value;

    fn load(source: &Source) -> Self {
        let program = Compiler::compile_from_policy(&compile(source), &[&rule(source)]).expect("the policy compiles");
        let mut machine = RegoVM::new();
        machine.load_program(program);
        machine.set_data(data(source)).expect("no rule has the name of the data");
        Self(machine)
    }

    fn read(&self, json: &[u8]) -> Option<Value> {
        read(json)
    }

    fn judge(&mut self, call: &Value) -> bool {
        self.0.set_input(call.clone());
        self.0.execute().is_ok_and(|answer| answer == Value::from(true))
    }
}
