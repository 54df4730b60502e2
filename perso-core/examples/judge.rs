//! A policy, a call, a decision.

#![expect(clippy::print_stdout, reason = "an example that prints its answer")]

use perso_core::{Call, CompileError, Policy};

fn main() -> Result<(), CompileError> {
    let policy = Policy::compile(include_str!("../../policies/support-desk.json"))?;
    // The arguments come from the model; who calls is known to the host.
    let call = Call::new("process_refund")
        .arg("order_id", "ORD-8821")
        .arg("amount", 800)
        .agent_attribute("roles", ["agent"].as_slice());
    let decision = policy.decide(&call);
    println!("{}: {}", if decision.is_allowed() { "allow" } else { "deny" }, decision.reason);
    Ok(())
}
