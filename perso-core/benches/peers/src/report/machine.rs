//! Where and with what was measured.

use std::process::Command;

const LOCK: &str = include_str!("../../Cargo.lock");

/// The processor, its cores, the operating system and the compiler.
pub fn describe() -> String {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find(|line| line.starts_with("model name")).and_then(|line| line.split_once(": "));
    let model = model.map_or(std::env::consts::ARCH, |(_, model)| model.trim());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let compiler = Command::new("rustc").arg("--version").output().ok().and_then(|output| {
        let version = String::from_utf8(output.stdout).ok()?;
        version.split(' ').nth(1).map(|version| format!(", Rust {version}"))
    });
    format!("{model}, {cores} cores, {}{}", std::env::consts::OS, compiler.unwrap_or_default())
}

/// The version of a crate, as it is locked.
pub fn version(name: &str) -> &'static str {
    let entry = LOCK.split("[[package]]").find(|entry| entry.trim_start().starts_with(&format!("name = \"{name}\"\n")));
    let version = entry.and_then(|entry| entry.split("version = \"").nth(1)).and_then(|rest| rest.split('"').next());
    version.expect("the crate is locked")
}
