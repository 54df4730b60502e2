//! What is measured, as numbers.

use crate::engine::Peer;
use crate::limits::COUNTS;
use crate::rounds::{Candidate, medians};
use crate::threads::Gains;
use crate::{desk, limits, memory, probes, threads};
use perso_core::{Policy, compile};

/// Times are nanoseconds, sizes bytes.
pub struct Results {
    pub rows: Vec<Row>,
    /// Compiling the support desk's policy by perso, which happens before it is deployed.
    pub compile: f64,
    /// Two threads' decisions over those of one.
    pub threads: Option<Gains>,
}

/// Of one engine in one form.
pub struct Row {
    pub title: String,
    pub key: &'static str,
    pub from_json: f64,
    pub prepared: f64,
    pub load: f64,
    pub memory: Option<f64>,
    pub size: usize,
    /// For each of the probes.
    pub answers: Vec<bool>,
    /// By the number of rules; empty where the form cannot have many.
    pub by_rules: Vec<ByRules>,
}

#[derive(Clone, Copy)]
pub struct ByRules {
    pub from_json: f64,
    pub load: f64,
}

pub fn measure(peers: &[Peer]) -> Results {
    let calls = desk::calls();
    let each = calls.len() as f64;
    let probes = probes::probes();

    println!("decisions");
    let mut decisions: Vec<Candidate<'_>> = peers.iter().map(|peer| peer.desk.unprepared(calls)).collect();
    decisions.extend(peers.iter().map(|peer| peer.desk.prepared(calls)));
    let decisions = medians(101, decisions);
    let (from_json, prepared) = decisions.split_at(peers.len());

    println!("loading");
    let mut loads: Vec<Candidate<'_>> = peers.iter().map(|peer| peer.desk.load()).collect();
    loads.push(Box::new(|| assert!(compile(desk::POLICY).is_ok())));
    let loads = medians(21, loads);

    let by_rules = by_rules(peers);
    let rows = peers.iter().enumerate().map(|(n, peer)| Row {
        title: peer.title(),
        key: peer.key,
        from_json: from_json[n] / each,
        prepared: prepared[n] / each,
        load: loads[n],
        memory: memory::of_each(peer),
        size: peer.desk.size(),
        answers: probes::answers(&*peer.desk, &probes),
        by_rules: by_rules[n].clone(),
    });
    let rows = rows.collect();

    println!("two threads");
    let policy = Policy::compile(desk::POLICY).expect("the support desk policy compiles");
    Results { rows, compile: loads[peers.len()], threads: threads::gains(&policy, calls) }
}

fn by_rules(peers: &[Peer]) -> Vec<Vec<ByRules>> {
    let mut rows = vec![Vec::new(); peers.len()];
    // All counts of all engines take turns: what is compared is one engine with few rules and with many.
    let mut policies = Vec::new();
    for count in COUNTS {
        println!("{count} rules");
        let limits = limits::limits(count);
        policies.extend(peers.iter().enumerate().filter_map(|(n, peer)| Some((n, count, peer.limits?(&limits)))));
    }
    println!("a call by the number of rules");
    let candidates = policies.iter().map(|(_, count, policy)| policy.unprepared(limits::calls(*count).0));
    let times = medians(31, candidates.collect());
    println!("loading by the number of rules");
    let loads = medians(3, policies.iter().map(|(_, _, policy)| policy.load()).collect());
    for (((n, count, _), time), load) in policies.iter().zip(times).zip(loads) {
        rows[*n].push(ByRules { from_json: time / limits::calls(*count).0.len() as f64, load });
    }
    rows
}

impl Results {
    pub fn perso(&self) -> &Row {
        &self.rows[0]
    }

    pub fn handwritten(&self) -> &Row {
        &self.rows[1]
    }

    /// The check by hand, in code that few would write.
    pub fn tuned(&self) -> &Row {
        &self.rows[2]
    }

    /// The other policy engines.
    pub fn peers(&self) -> &[Row] {
        &self.rows[3..]
    }

    pub fn fastest_peer(&self) -> &Row {
        self.peers().iter().min_by(|a, b| a.from_json.total_cmp(&b.from_json)).expect("there are peers")
    }
}
