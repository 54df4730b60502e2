//! What a loaded policy takes of memory: by how much a process of its own grows while it loads many, each of which judges
//! the calls. The size that is resident, so that allocators and mapped memory count as well; Linux only.

use crate::desk;
use crate::engine::Peer;
use std::process::Command;

/// The first argument of the process that loads.
pub const ARGUMENT: &str = "--memory";
const COPIES: usize = 200;

/// Bytes per policy of the support desk, where that can be told.
pub fn of_each(peer: &Peer) -> Option<f64> {
    let program = std::env::current_exe().ok()?;
    let output = Command::new(program).args([ARGUMENT, peer.key]).output().ok()?;
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}

/// The process's work: prints the bytes per policy.
pub fn measure(peer: &Peer) {
    // What comes with the first policy stays: code that is read in, tables made once.
    let first = peer.desk.hold(1, desk::calls());
    let Some(before) = resident() else { return };
    let policies = peer.desk.hold(COPIES, desk::calls());
    let Some(after) = resident() else { return };
    println!("{}", (after - before) / COPIES as f64);
    drop((first, policies));
}

fn resident() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.parse::<f64>().ok().map(|kilobytes| kilobytes * 1024.0)
}
