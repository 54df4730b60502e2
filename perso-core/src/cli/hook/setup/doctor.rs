//! `perso hook doctor`: runs the hooks in an agent's settings as the agent would.

use super::super::super::failure::Failure;
use super::super::super::output::{BAD, BOLD, GOOD};
use super::super::super::{DONE, FAILED};
use super::super::{Agent, BLOCKED, UNJUDGED};
use super::{Settings, Where, shown};
use crate::visible;
use anstream::println;
use clap::Args;
use std::io::{self, Write};
use std::process::{Command, Stdio};

/// A tool that no agent has.
const TOOL: &str = "perso_doctor";

/// Check the hook in an agent's settings
///
/// Runs each hook of perso as the agent would, with an event that has to be denied, and with a call of a tool that does
/// not exist. Whether the agent has read its settings, and trusts them, only the agent can say: the last line says how
/// to find out.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  perso hook doctor claude

Exit codes: 0 there is a hook, and it denies what it has to; 1 it does not, or there is none.")]
pub(crate) struct Doctor {
    /// The agent
    agent: Agent,
}

impl Doctor {
    pub(super) fn run(&self) -> Result<u8, Failure> {
        let (dialect, settings) = (self.agent.dialect(), self.agent.settings());
        let (mut found, mut problems) = (0_usize, 0_usize);
        let mut seen = Vec::new();
        for project in [false, true] {
            let (path, text) = Where { agent: self.agent, project }.read()?;
            if seen.contains(&path) {
                continue;
            }
            let name = shown(&path);
            seen.push(path);
            let Some(text) = text else {
                println!("{BOLD}{name}{BOLD:#} is not there");
                continue;
            };
            let commands = match settings.commands(&text, self.agent) {
                Ok(commands) => commands,
                Err(why) => {
                    println!("{BOLD}{name}{BOLD:#} cannot be read: {}", visible(&why));
                    problems += 1;
                    continue;
                }
            };
            if commands.is_empty() {
                println!("{BOLD}{name}{BOLD:#} has no hook of perso");
                continue;
            }
            println!("{BOLD}{name}{BOLD:#}");
            for event in settings.events {
                if !commands.iter().any(|(for_event, _)| for_event == event) {
                    problems += 1;
                    println!("  {BAD}missing{BAD:#} a hook for {event}: install it again");
                }
            }
            if Settings::is_off(&text) {
                problems += 1;
                println!("  {BAD}off{BAD:#} `disableAllHooks` is true");
            }
            let mut checked: Vec<&str> = Vec::new();
            for (event, command) in &commands {
                found += 1;
                println!("  {event}: {}", visible(command));
                if !checked.contains(&command.as_str()) {
                    checked.push(command);
                    problems += usize::from(!check(command, &(settings.probe)(TOOL).to_string()));
                }
            }
        }
        if found == 0 {
            println!("{BAD}no hook{BAD:#} `perso hook install {} --policy POLICY` writes one", dialect.name);
            return Ok(FAILED);
        }
        if problems > 0 {
            return Ok(FAILED);
        }
        println!("{}", settings.then);
        println!("Then ask the agent for something that your policy denies: the model has to get the rule's reason.");
        Ok(DONE)
    }
}

/// Runs a hook with two events, and shows what it says. Says whether it does what it has to.
fn check(command: &str, probe: &str) -> bool {
    // No agent sends this.
    match run(command, "{}") {
        Ok(Ended { code: Some(BLOCKED), words }) if !words.is_empty() => {
            println!("    {GOOD}denied{GOOD:#} an event that cannot be read");
        }
        ended => return failed(ended),
    }
    match run(command, probe) {
        Ok(Ended { code: Some(BLOCKED), words }) if !words.contains(UNJUDGED) => {
            println!("    {GOOD}denied{GOOD:#} a call of the tool `{TOOL}`: {}", visible(&words));
            true
        }
        Ok(Ended { code: Some(DONE), .. }) => {
            println!("    {BOLD}not denied{BOLD:#} a call of the tool `{TOOL}`, because of `--undecided` or of a rule");
            true
        }
        ended => failed(ended),
    }
}

fn failed(ended: io::Result<Ended>) -> bool {
    let why = match ended {
        Err(error) => format!("the command cannot be run: {error}"),
        Ok(Ended { code: None, .. }) => "the command was killed".to_owned(),
        Ok(Ended { code: Some(BLOCKED), words }) if !words.is_empty() => words,
        Ok(Ended { code: Some(code), words }) => format!("the command ended with exit code {code}: {words}"),
    };
    println!("    {BAD}failed{BAD:#} {}", visible(&why));
    false
}

/// How a hook ended.
struct Ended {
    code: Option<u8>,
    /// What it wrote to standard error.
    words: String,
}

/// Runs a command with an event, as agents do: by a shell.
fn run(command: &str, event: &str) -> io::Result<Ended> {
    let mut shell = if cfg!(windows) { Command::new("cmd") } else { Command::new("sh") };
    shell.arg(if cfg!(windows) { "/C" } else { "-c" }).arg(command);
    let mut child = shell.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // One that ends before it has read the event says why.
        let _ = stdin.write_all(event.as_bytes());
    }
    let output = child.wait_with_output()?;
    let words = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Ok(Ended { code: output.status.code().and_then(|code| u8::try_from(code).ok()), words })
}
