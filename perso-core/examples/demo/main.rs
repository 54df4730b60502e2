//! What `make demo` shows: the support desk's policy, compiled, and what it answers to the calls beside it; then calls that
//! depend on earlier ones.

#![expect(clippy::print_stdout, reason = "a program that shows something")]

mod before;

use perso_core::{Policy, compile};
use serde_json::Value;
use std::error::Error;
use std::time::Instant;

const POLICY: &str = include_str!("../../../policies/support-desk.json");
const CALLS: &str = include_str!("../../../policies/support-desk.calls.jsonl");

fn main() -> Result<(), Box<dyn Error>> {
    let begin = Instant::now();
    let module = compile(POLICY)?.module;
    println!("policies/support-desk.json: a module of {} bytes, compiled in {:.1?}", module.len(), begin.elapsed());

    let policy = Policy::from_module(module)?;
    for text in CALLS.lines() {
        let decision = policy.decide_json(text.as_bytes());
        let answer = if decision.is_allowed() { "allow" } else { "DENY " };
        let call: Value = serde_json::from_str(text)?;
        println!("\n{answer}  {}", what(&call));
        println!("       {}", who(&call));
        println!("       {}", decision.reason);
        if !decision.is_allowed() {
            println!("       {}", serde_json::to_string(&decision.cause)?);
        }
    }
    before::show()
}

/// The tool and its arguments, without the prose in them.
fn what(call: &Value) -> String {
    let arguments = call.get("args").and_then(Value::as_object).into_iter().flatten();
    let short = arguments.filter(|(key, _)| !matches!(key.as_str(), "subject" | "body" | "reason"));
    let list: Vec<String> = short.map(|(key, value)| format!("{key}: {value}")).collect();
    format!("{} {{ {} }}", call.get("tool").and_then(Value::as_str).unwrap_or_default(), list.join(", "))
}

/// Who calls, and about whose record.
fn who(call: &Value) -> String {
    let read = |pointer| call.pointer(pointer).map(Value::to_string).unwrap_or_default().replace(['"', '[', ']'], "");
    let mfa = if read("/agent/mfa_verified") == "true" { "with MFA" } else { "without MFA" };
    let owner = match read("/resource/owner_id") {
        owner if owner.is_empty() => String::new(),
        owner => format!(", on a record of {owner}"),
    };
    format!("by {} ({}), {mfa}{owner}", read("/agent/id"), read("/agent/roles").replace(',', ", "))
}
