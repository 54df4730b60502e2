//! Many rules: each tool has a highest amount and three currencies of its own.

use crate::engine::Calls;
use serde::{Deserialize, Serialize};

/// So many rules are measured.
pub const COUNTS: [usize; 4] = [10, 100, 1_000, 10_000];

#[derive(Serialize, Deserialize)]
pub struct Limit {
    pub tool: String,
    pub most: u16,
    pub currencies: [String; 3],
}

pub fn limits(count: usize) -> Vec<Limit> {
    (0..count)
        .map(|n| Limit {
            tool: format!("tool_{n}"),
            most: most(n),
            currencies: ["USD".to_owned(), "EUR".to_owned(), format!("C{n}")],
        })
        .collect()
}

/// Half of the tools allow the amount that the calls ask for, however many tools there are.
fn most(n: usize) -> u16 {
    if n % 10 < 5 { 500 } else { 1_000 }
}

/// Sixteen calls to tools from all over the policy, and whether each is allowed.
pub fn calls(count: usize) -> (Calls, Vec<bool>) {
    let tools = (0..16).map(|n| n * count / 16);
    let text = |n| {
        format!(
            r#"{{"tool":"tool_{n}","args":{{"order_id":"ORD-8821","amount":800,"currency":"EUR"}},"agent":{{"id":"agt-099","roles":["agent"],"mfa_verified":true,"team":"tier1"}},"context":{{"server":"crm","ip":"10.0.0.7","session":"s-81f2c0"}}}}"#
        )
    };
    let calls: Vec<&[u8]> = tools.clone().map(|n| &*text(n).into_bytes().leak()).collect();
    (calls.leak(), tools.map(|n| most(n) >= 800).collect())
}
