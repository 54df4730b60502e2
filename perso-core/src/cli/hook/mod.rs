//! `perso hook`: what a coding agent runs before each tool call.
//!
//! ```text
//! agent ─→ event ─→ call ─→ decision ─→ verdict ─→ answer ─→ agent
//! ```
//!
//! - a file for each agent (`claude`, `codex`, `gemini`, `copilot`, `cursor`, `opencode`): how it writes an event and reads an answer.
//! - `docker`: the same for Docker's MCP gateway, which is no agent, and has its settings on its command line.
//! - `event`: what an agent says about a tool call.
//! - `call`: the calls that the policy judges, one for each file of a patch.
//! - `patch`: the files of a patch.
//! - `answer`: a verdict, and the answer that an agent takes for it.
//! - `setup`: `install`, `uninstall` and `doctor`.
//! - `deadline`: the hook ends before an agent loses its patience.
//!
//! Agents take silence, an unknown exit code and JSON that is not quite theirs for leave to run the call. So whatever goes
//! wrong here ends as a denial does: exit code 2, and words on standard error.

mod answer;
mod call;
mod claude;
mod codex;
mod copilot;
mod cursor;
mod deadline;
mod docker;
mod event;
mod gemini;
mod opencode;
mod patch;
mod setup;

use super::failure::Failure;
use super::input::{Document, Extended};
use super::ledger::Opened;
use super::now::Now;
use crate::journal::{Decided, Options};
use crate::{CauseKind, Decision, Outcome, PartName, Policy, Unknown, limits};
use answer::{Answer, Verdict};
use clap::{Args, Subcommand, ValueEnum};
use event::Event;
use serde_json::Value;
use setup::{SetUp, Settings};
use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The exit code of a denial.
pub(super) const BLOCKED: u8 = 2;
/// How every reason begins that is not one of the policy.
const UNJUDGED: &str = "perso cannot judge this call";

/// Judge the tool calls of coding agents
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  perso hook install claude --policy coding-agent.json
  perso hook doctor claude
  perso hook claude --policy coding-agent.json < event.json

An agent runs `perso hook AGENT` before each tool call, with an event on standard input. Whatever goes wrong, the call is
denied.")]
pub(crate) enum Hook {
    /// Judge a tool call of Claude Code
    Claude(Judge),
    /// Judge a tool call of Codex CLI
    Codex(Judge),
    /// Judge a tool call of Gemini CLI
    Gemini(Judge),
    /// Judge a tool call of GitHub Copilot CLI
    Copilot(Judge),
    /// Judge a tool call of Cursor
    Cursor(Judge),
    /// Judge a tool call of OpenCode
    #[command(name = "opencode")]
    OpenCode(Judge),
    /// Judge a tool call in Docker's MCP gateway
    Docker(Judge),
    #[command(flatten)]
    SetUp(SetUp),
}

#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes: 0 the answer, if there is one, is on standard output; 2 the call is denied, for the reason on standard error.")]
pub(crate) struct Judge {
    #[command(flatten)]
    choices: Choices,
    /// Print the call that the policy judges, and do not judge it
    #[arg(long)]
    print_call: bool,
}

/// How calls are judged.
#[derive(Debug, Args)]
struct Choices {
    /// The policy (JSON) or its module
    #[arg(long, value_name = "POLICY")]
    policy: PathBuf,
    #[command(flatten)]
    extended: Extended,
    /// What becomes of a call that no rule is about
    #[arg(long, value_name = "VERDICT", default_value = "deny")]
    undecided: Undecided,
    /// Allow what a rule allows without asking the agent's own permissions
    #[arg(long)]
    grant: bool,
    /// Who runs the agent: `agent.id` of every call
    #[arg(long, value_name = "ID")]
    user: Option<String>,
    /// A role of who runs the agent (repeatable)
    #[arg(long = "role", value_name = "ROLE")]
    roles: Vec<String>,
    /// Remember in this ledger what limits and labels need: `file:PATH`, `valkey://HOST` or `rediss://HOST`. Without it, calls
    /// that a limit or a label is about are denied
    #[arg(long, value_name = "ADDRESS")]
    ledger: Option<String>,
    #[command(flatten)]
    recording: Options,
}

/// A coding agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Agent {
    /// Claude Code
    Claude,
    /// Codex CLI
    Codex,
    /// Gemini CLI
    Gemini,
    /// GitHub Copilot CLI
    Copilot,
    /// Cursor
    Cursor,
    /// OpenCode
    #[value(name = "opencode")]
    OpenCode,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Undecided {
    /// It is denied
    Deny,
    /// A person is asked
    Ask,
    /// The agent's own permissions decide
    Pass,
}

/// Why an event cannot be judged.
type Unread = String;

/// How an agent speaks.
struct Dialect {
    /// `context.agent_kind`.
    name: &'static str,
    /// Reads an event.
    read: for<'e> fn(&'e [u8]) -> Result<Event<'e>, Unread>,
    /// What to say about an event, or to one that cannot be read.
    answer: fn(&Verdict, Option<&Event<'_>>) -> Answer,
    /// Whether the agent asks a person about the event if it gets that answer.
    asks: fn(&Event<'_>) -> bool,
}

impl Agent {
    const fn dialect(self) -> &'static Dialect {
        match self {
            Self::Claude => &claude::DIALECT,
            Self::Codex => &codex::DIALECT,
            Self::Gemini => &gemini::DIALECT,
            Self::Copilot => &copilot::DIALECT,
            Self::Cursor => &cursor::DIALECT,
            Self::OpenCode => &opencode::DIALECT,
        }
    }

    /// Where the agent finds its hooks.
    const fn settings(self) -> &'static Settings {
        match self {
            Self::Claude => &claude::SETTINGS,
            Self::Codex => &codex::SETTINGS,
            Self::Gemini => &gemini::SETTINGS,
            Self::Copilot => &copilot::SETTINGS,
            Self::Cursor => &cursor::SETTINGS,
            Self::OpenCode => &opencode::SETTINGS,
        }
    }
}

impl Hook {
    /// Judges a call, or sets a hook up.
    pub(crate) fn run(&self) -> Result<u8, Failure> {
        let (dialect, judge) = match self {
            Self::Claude(judge) => (Agent::Claude.dialect(), judge),
            Self::Codex(judge) => (Agent::Codex.dialect(), judge),
            Self::Gemini(judge) => (Agent::Gemini.dialect(), judge),
            Self::Copilot(judge) => (Agent::Copilot.dialect(), judge),
            Self::Cursor(judge) => (Agent::Cursor.dialect(), judge),
            Self::OpenCode(judge) => (Agent::OpenCode.dialect(), judge),
            Self::Docker(judge) => (&docker::DIALECT, judge),
            Self::SetUp(set_up) => return set_up.run(),
        };
        Ok(judge.run(dialect))
    }
}

impl Judge {
    /// Judges the event on standard input. There is no other way out than by an answer.
    fn run(&self, dialect: &Dialect) -> u8 {
        std::panic::set_hook(Box::new(|_| deadline::leave("perso failed while it judged this call")));
        deadline::start();
        let bytes = input();
        let event = match &bytes {
            Ok(bytes) => (dialect.read)(bytes).map_err(|why| format!("{UNJUDGED}: {why}")),
            Err(why) => Err(why.clone()),
        };
        let calls =
            |event: &Event<'_>| call::of(event, dialect.name, self.choices.user.as_deref(), &self.choices.roles);
        let answer = match &event {
            Ok(event) if self.print_call => {
                let calls = calls(event);
                let lines: Vec<_> = calls.iter().map(|call| String::from_utf8_lossy(call)).collect();
                Answer { json: Some(lines.join("\n")), blocked: None }
            }
            Ok(event) => {
                let verdict = self.choices.verdict(&event.tool, &calls(event), (dialect.asks)(event));
                let verdict = verdict.unwrap_or_else(Verdict::Deny);
                (dialect.answer)(&verdict, Some(event))
            }
            Err(why) => (dialect.answer)(&Verdict::Deny(why.clone()), None),
        };
        answer.give(&mut io::stdout().lock(), &mut io::stderr().lock())
    }
}

impl Choices {
    /// The options that choose the same, with absolute paths.
    fn words(&self) -> io::Result<Vec<String>> {
        let path = |path: &Path| Ok::<_, io::Error>(path.canonicalize()?.display().to_string());
        let mut words = vec!["--policy".to_owned(), path(&self.policy)?];
        for include in self.extended.includes() {
            words.extend(["--include".to_owned(), path(include)?]);
        }
        if let Some(undecided) = self.undecided.to_possible_value().filter(|_| self.undecided != Undecided::Deny) {
            words.extend(["--undecided".to_owned(), undecided.get_name().to_owned()]);
        }
        words.extend(self.grant.then(|| "--grant".to_owned()));
        if let Some(user) = &self.user {
            words.extend(["--user".to_owned(), user.clone()]);
        }
        for role in &self.roles {
            words.extend(["--role".to_owned(), role.clone()]);
        }
        if let Some(ledger) = &self.ledger {
            let address = match ledger.strip_prefix("file:") {
                Some(file) => format!("file:{}", std::path::absolute(file)?.display()),
                None => ledger.clone(),
            };
            words.extend(["--ledger".to_owned(), address]);
        }
        words.extend(self.recording.words()?);
        Ok(words)
    }

    /// The verdict on the calls of an agent's tool: of the verdicts on each, the one that gives the least leave. `asks` says whether the
    /// agent asks a person if that is the verdict.
    fn verdict(&self, tool: &str, calls: &[Vec<u8>], asks: bool) -> Result<Verdict, Unread> {
        let unjudged = |failure: &Failure| format!("{UNJUDGED}: {}", failure.words());
        let begin = Instant::now();
        let policy = self.load().map_err(|failure| unjudged(&failure))?;
        if policy.covers().reserves(tool) {
            return Err(format!(
                "{UNJUDGED}: the policy uses names that begin with `mcp:` for requests, not for tools"
            ));
        }
        let now = Now::default();
        // A policy that remembers nothing needs no ledger.
        let address = self.ledger.as_deref().filter(|_| policy.needs_ledger() || policy.reads_session());
        let Some(address) = address else {
            // Without a ledger, nobody knows what the session has seen.
            let known = Unknown::default();
            let unknown = if policy.reads_labels() { known.withheld(PartName::Session) } else { known };
            let decide = |call: &Vec<u8>| policy.decide_json_partial(&now.told(&policy, call), unknown);
            let decisions: Vec<_> = calls.iter().map(decide).collect();
            self.record(&policy, calls.iter().zip(&decisions), begin.elapsed())?;
            return least(decisions.iter().map(|decision| self.verdict_on(decision)));
        };
        let ledger = Opened::open(address).map_err(|failure| unjudged(&failure))?;
        let mut settled = Vec::new();
        for call in calls {
            let call = now.told(&policy, call);
            let one = ledger.settle(&policy, &call, asks).map_err(|failure| unjudged(&failure));
            settled.push(one?);
        }
        let decisions = settled.iter().map(|settled| &settled.decision);
        let verdict = self.record(&policy, calls.iter().zip(decisions.clone()), begin.elapsed());
        let verdict = verdict.and_then(|()| least(decisions.map(|decision| self.verdict_on(decision))));
        if !matches!(verdict, Ok(Verdict::Pass | Verdict::Grant(_) | Verdict::Ask(_))) {
            // A patch whose other files would have been written: nothing of it runs.
            settled.iter().filter_map(|settled| settled.receipt).for_each(|receipt| ledger.undo(receipt));
        }
        verdict
    }

    /// Records decisions in the journal, if there is one.
    ///
    /// # Errors
    ///
    /// Why the calls are denied, if they have to be recorded and are not.
    fn record<'c>(
        &self,
        policy: &Policy,
        decided: impl Iterator<Item = (&'c Vec<u8>, &'c Decision<'c>)>,
        duration: Duration,
    ) -> Result<(), Unread> {
        let recorded = || {
            let Some(recorder) = self.recording.open(true)? else { return Ok(()) };
            for (call, decision) in decided {
                let call: Value = serde_json::from_slice(call).unwrap_or_default();
                let part = |name: &str| call.get(name).unwrap_or(&Value::Null);
                let tool = part("tool").as_str().unwrap_or_default();
                let mut decided = Decided::new(policy, tool, part("args"), part("agent"), decision);
                decided.session = part("session").get("id").and_then(Value::as_str);
                // The agent's own permissions decide.
                decided.enforced = decision.is_allowed() || !matches!(self.verdict_on(decision), Verdict::Pass);
                decided.duration = duration;
                recorder.record(&decided)?.wait()?;
            }
            Ok(())
        };
        match recorded() {
            Err::<(), Failure>(failure) if self.recording.is_required() => {
                Err(format!("{}: {}", Decision::not_recorded("").reason, failure.words()))
            }
            _ => Ok(()),
        }
    }

    /// Loads the policy. What is wrong in one is for its author, not for the model that reads what is said here.
    fn load(&self) -> Result<Policy, Failure> {
        let module = match Document::read(&self.policy)? {
            Document::Module(bytes) => bytes,
            Document::Text(text) => match self.extended.compile(&self.policy, &text)? {
                Ok(compiled) => compiled.module,
                Err(_) => return Err(Failure::file(&self.policy, "has errors, which `perso compile` shows")),
            },
        };
        Policy::from_module(module).map_err(|error| Failure::module(&self.policy, &error))
    }

    fn verdict_on(&self, decision: &Decision<'_>) -> Verdict {
        let words = || match decision.hint {
            Some(hint) => format!("{} ({hint})", decision.reason),
            None => decision.reason.to_string(),
        };
        // No rule is about the tool, not even one that does not apply.
        let is_undecided = match decision.cause.kind {
            CauseKind::UnknownTool => true,
            CauseKind::NoRule => decision.cause.rule.is_none(),
            _ => false,
        };
        match decision.outcome {
            Outcome::Deny if is_undecided => match self.undecided {
                Undecided::Deny => Verdict::Deny(words()),
                Undecided::Ask => Verdict::Ask(words()),
                Undecided::Pass => Verdict::Pass,
            },
            Outcome::Deny => Verdict::Deny(words()),
            Outcome::Ask => Verdict::Ask(words()),
            Outcome::Allow if self.grant => Verdict::Grant(words()),
            Outcome::Allow => Verdict::Pass,
        }
    }
}

/// The verdict that gives the least leave.
fn least(verdicts: impl Iterator<Item = Verdict>) -> Result<Verdict, Unread> {
    verdicts.min_by_key(Verdict::leave).ok_or_else(|| format!("{UNJUDGED}: there is none"))
}

/// Whether arguments are those of a hook that an agent runs, and not those of a person who sets one up.
pub(super) fn is_judging(arguments: &[OsString]) -> bool {
    let is_set_up = |command: &OsString| ["install", "uninstall", "doctor"].iter().any(|known| command == known);
    arguments.get(1).is_some_and(|command| command == "hook") && !arguments.get(2).is_some_and(is_set_up)
}

/// What is on standard input.
fn input() -> Result<Vec<u8>, Unread> {
    let mut bytes = Vec::new();
    let most = limits::INPUT_BYTES as u64;
    let read = io::stdin().lock().take(most + 1).read_to_end(&mut bytes);
    read.map_err(|error| format!("{UNJUDGED}: standard input cannot be read: {error}"))?;
    if bytes.len() as u64 > most {
        return Err(format!("{UNJUDGED}: the event has more than {most} bytes"));
    }
    Ok(bytes)
}

/// What the command says about wrong usage: an agent must not take it for leave.
pub(super) fn misused(usage: &str) -> u8 {
    // Where this cannot be written, the exit code still says it to most agents.
    let _ = writeln!(io::stderr(), "{UNJUDGED}: {usage}");
    BLOCKED
}
