//! Before anything is timed: each engine decides all calls rightly.

use crate::engine::Peer;
use crate::{desk, limits, probes};

/// What is wrong, a line each.
pub fn mistakes(peers: &[Peer]) -> Vec<String> {
    let mut mistakes = Vec::new();
    for peer in peers {
        let mut check = |policy: &str, decisions: Vec<bool>, allowed: &[bool]| {
            let wrong: Vec<usize> = (0..allowed.len()).filter(|&n| decisions[n] != allowed[n]).collect();
            if !wrong.is_empty() {
                mistakes.push(format!("{}, {policy}: wrong on calls {wrong:?}, counted from 0", peer.title()));
            }
        };
        check("support desk", peer.desk.decisions(desk::calls()), &desk::ALLOWED);
        for count in limits::COUNTS {
            if let Some(policy) = peer.limits {
                let (calls, allowed) = limits::calls(count);
                check(&format!("{count} rules"), policy(&limits::limits(count)).decisions(calls), &allowed);
            }
        }
    }
    // The probes' answers are what the language says, so perso has them all.
    let probes = probes::probes();
    for (right, probe) in probes::answers(&*peers[0].desk, &probes).into_iter().zip(&probes) {
        if !right {
            mistakes.push(format!("perso is wrong on the probe `{}`", probe.name));
        }
    }
    mistakes
}
