//! perso: the module is compiled beforehand, and is what is deployed.

use super::{Engine, Peer, Source, setup};
use crate::desk;
use crate::limits::Limit;
use perso_core::{Policy, compile};
use serde_json::Value;

struct Perso(Policy);

pub fn peer() -> Peer {
    Peer {
        name: "perso",
        form: "",
        key: "perso",
        desk: setup::<Perso>(module(desk::POLICY)),
        limits: Some(|limits| setup::<Perso>(module(&policy_of(limits)))),
    }
}

fn module(policy: &str) -> Source {
    Source::of(compile(policy).expect("the policy compiles").module)
}

impl Engine for Perso {
    type Call<'c> = Value;

    fn load(source: &Source) -> Self {
        Self(Policy::from_module(source.policy.clone()).expect("the module loads"))
    }

    fn read(&self, json: &[u8]) -> Option<Value> {
        serde_json::from_slice(json).ok()
    }

    fn judge(&mut self, call: &Value) -> bool {
        self.0.decide_value(call).is_allowed()
    }

    fn decide(&mut self, json: &[u8]) -> bool {
        self.0.decide_json(json).is_allowed()
    }
}

/// A rule for each tool.
pub fn policy_of(limits: &[Limit]) -> String {
    let rules: Vec<String> = limits
        .iter()
        .map(|Limit { tool, most, currencies: [a, b, c] }| {
            format!(
                r#"{{"id":"{tool}","allow":"{tool}","roles":["agent"],"when":{{"args.amount":{{"gt":0,"lte":{most}}},"args.currency":{{"in":["{a}","{b}","{c}"]}}}}}}"#
            )
        })
        .collect();
    format!(r#"{{"perso":1,"rules":[{}]}}"#, rules.join(","))
}
