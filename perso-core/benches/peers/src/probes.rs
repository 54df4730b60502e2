//! Odd calls to the support desk, each with the decision that the policy's author means, and why: what cannot be read, or
//! lacks the fact that a rule asks for, is denied.

use crate::engine::Bench;
use serde::Deserialize;

const PROBES: &str = include_str!("../probes.jsonl");

#[derive(Deserialize)]
pub struct Probe {
    /// What is odd about the call.
    pub name: String,
    /// The call's text, to the letter.
    pub call: String,
    /// Whether it must be allowed.
    pub allow: bool,
    pub why: String,
}

pub fn probes() -> Vec<Probe> {
    PROBES.lines().map(|line| serde_json::from_str(line).expect("a probe is a line of JSON")).collect()
}

/// For each probe, whether the engine decides it rightly.
pub fn answers(desk: &dyn Bench, probes: &[Probe]) -> Vec<bool> {
    let calls: Vec<&[u8]> = probes.iter().map(|probe| probe.call.as_bytes()).collect();
    desk.decisions(&calls).into_iter().zip(probes).map(|(decision, probe)| decision == probe.allow).collect()
}
