//! `perso learn`

use super::DONE;
use super::failure::Failure;
use super::input;
use super::log::{self, Chunk, Log, Record, Unreadable};
use super::output::{self, BOLD, GOOD, count};
use super::progress::Progress;
use super::tools;
use crate::Outcome;
use crate::learn::{Learned, Learner, Options};
use crate::{Policy, visible};
use clap::Args;
use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::num::NonZero;
use std::path::{Path, PathBuf};

/// Write the narrowest policy worth reading that allows recorded calls
///
/// Learns from the calls that are recorded as allowed, and from those without a recorded decision. Each tool gets rules for
/// the roles that called it, with the arguments, values, ranges, folders, hosts, domains, programs and tables that were
/// seen. The policy is compiled, and has allowed each of these calls, before it is written.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  perso learn decisions.jsonl -o policy.json
  perso learn calls.jsonl --tools tools.json --name \"Support desk\" > policy.json
  perso replay policy.json decisions.jsonl    # what the policy would have decided

A line of the log is a call, {\"tool\", \"args\", …}, or a record of a decision, an object with
  {\"call\": the call or its text, \"decision\": \"allow\"|\"ask\"|\"deny\"}
whose other keys are ignored.

The policy has values of arguments in it, and some of the calls as examples. If there are secrets in a log, they get into the
policy: read it before you pass it on, or use --no-values.

Exit codes: 0 the policy was written; 1 an error.")]
pub(crate) struct Learn {
    /// The log, one call or record per line; `-` is standard input
    log: PathBuf,
    /// Where to write the policy [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// What a server says about its tools: its answer to `tools/list`, its result, or the list (repeatable). With SERVER=, the
    /// tools are named as perso-gateway names those of several servers: SERVER__TOOL
    #[arg(long, value_name = "[SERVER=]FILE")]
    tools: Vec<String>,
    /// What the policy is for: its description begins with this
    #[arg(long)]
    name: Option<String>,
    /// Leave out examples, and the values of strings but for folders, hosts, domains, programs and tables
    #[arg(long)]
    no_values: bool,
    /// Count lines that are neither calls nor records, without an error
    #[arg(long)]
    skip_unreadable: bool,
    /// How many threads read the log [default: one for each processor]
    #[arg(long, value_name = "N")]
    threads: Option<NonZero<u16>>,
}

/// What a log comes to, or a part of it.
#[derive(Default)]
struct Part {
    learner: Learner,
    denied: u64,
    asked: u64,
    /// Calls that no policy can read.
    malformed: u64,
    unreadable: Unreadable,
}

impl Part {
    fn of(chunk: &Chunk) -> Self {
        let mut part = Self::default();
        for (line, text) in chunk.lines() {
            let record = match Record::read(text) {
                Ok(record) => record,
                Err(why) => {
                    part.unreadable.add(line, why);
                    continue;
                }
            };
            match record.decided {
                Some((Outcome::Deny, _)) => part.denied += 1,
                Some((Outcome::Ask, _)) => part.asked += 1,
                Some((Outcome::Allow, _)) | None => {
                    let is_read = str::from_utf8(&record.call).is_ok_and(|call| part.learner.see(call));
                    part.malformed += u64::from(!is_read);
                }
            }
        }
        part
    }

    fn append(&mut self, later: Self) {
        self.learner.append(later.learner);
        self.denied += later.denied;
        self.asked += later.asked;
        self.malformed += later.malformed;
        self.unreadable.append(later.unreadable);
    }
}

impl Learn {
    pub(crate) fn run(&self) -> Result<u8, Failure> {
        let tools = tools::catalog(&self.tools)?;
        let name = self.log.display();
        let progress = Progress::of(format!("reading {name}"));
        let log = Twice::of(&self.log)?;
        let threads = log::threads(self.threads);
        let unreadable = |error| Failure::unreadable(&self.log, &error);
        let mut all = Part::default();
        let read = log.open()?.each(threads, Part::of, |part| {
            all.append(part);
            progress.now(|| format!("reading {name}: {}", log::calls(all.learner.calls())));
        });
        read.map_err(unreadable)?;
        progress.now(|| format!("learning from {}", log::calls(all.learner.calls())));
        if !self.skip_unreadable
            && let Some(failure) = all.unreadable.failure(&self.log)
        {
            return Err(failure);
        }
        let called: BTreeSet<&str> = all.learner.tools().collect();
        let uncalled: Vec<String> = tools.names().filter(|tool| !called.contains(tool)).map(str::to_owned).collect();
        let options = Options { name: self.name.clone(), tools, without_values: self.no_values };
        let mut failed = None;
        let learned = all.learner.policy(&options, |policy| {
            let judged = log.denied(policy, threads);
            judged
                .and_then(|(allowed, denied)| match allowed == all.learner.calls() || !denied.is_empty() {
                    true => Ok(denied),
                    false => Err(Failure::file(&self.log, "has changed while it was read")),
                })
                .unwrap_or_else(|failure| {
                    failed = Some(failure);
                    BTreeSet::new()
                })
        });
        drop(progress);
        if let Some(failure) = failed {
            return Err(failure);
        }
        let learned = learned.map_err(|why| Failure::file(&self.log, format_args!("gives no policy: {why}")))?;
        match &self.output {
            Some(path) => {
                output::file(path, learned.text.as_bytes()).map_err(|error| Failure::unwritable(path, &error))?
            }
            None => io::stdout().lock().write_all(learned.text.as_bytes())?,
        }
        report(&learned, &all, &uncalled)?;
        Ok(DONE)
    }
}

/// What was learned, for people.
fn report(learned: &Learned, all: &Part, uncalled: &[String]) -> io::Result<()> {
    let mut out = anstream::stderr().lock();
    let calls = all.learner.calls();
    let rules = count(learned.rules.len(), "rule");
    writeln!(out, "{GOOD}learned{GOOD:#} {rules} from {}, {}", log::calls(calls), count(learned.warnings, "warning"))?;
    for (id, calls) in &learned.rules {
        writeln!(out, "  {calls:>9}  {BOLD}{}{BOLD:#}", visible(id))?;
    }
    for (count, what) in [
        (all.denied, "recorded as denied"),
        (all.asked, "recorded as asked"),
        (all.malformed, "that no policy can read"),
    ] {
        if count > 0 {
            writeln!(out, "left out: calls {what}: {count}")?;
        }
    }
    if all.unreadable.count > 0 {
        writeln!(out, "left out: lines that are not recorded calls: {}", all.unreadable.count)?;
    }
    if !learned.widened.is_empty() {
        writeln!(out, "less is tested than was seen for: {}", visible(&learned.widened.join(", ")))?;
    }
    if !uncalled.is_empty() {
        writeln!(out, "never called, and so denied: {}", visible(&uncalled.join(", ")))?;
    }
    Ok(())
}

/// A log that can be read more than once.
struct Twice {
    path: PathBuf,
    /// Whether it is a copy, which is removed at the end.
    is_copy: bool,
}

impl Twice {
    fn of(path: &Path) -> Result<Self, Failure> {
        if !input::is_stdin(path) && path.metadata().is_ok_and(|there| there.is_file()) {
            return Ok(Self { path: path.to_owned(), is_copy: false });
        }
        let unreadable = |error| Failure::unreadable(path, &error);
        let mut from = input::open(path).map_err(unreadable)?;
        let name = format!("perso-learn-{}.jsonl", std::process::id());
        let path_of_copy = std::env::temp_dir().join(name);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        // Nobody else reads what is in the calls.
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut to = options.open(&path_of_copy).map_err(|error| Failure::unwritable(&path_of_copy, &error))?;
        let copy = Self { path: path_of_copy, is_copy: true };
        io::copy(&mut from, &mut to).map_err(unreadable)?;
        Ok(copy)
    }

    fn open(&self) -> Result<Log, Failure> {
        Log::open(&self.path)
    }

    /// How many of the calls to learn from a policy allows, and the tools of those that it denies.
    fn denied(&self, policy: &Policy, threads: usize) -> Result<(u64, BTreeSet<String>), Failure> {
        let judge = |chunk: &Chunk| {
            let (mut allowed, mut denied) = (0, BTreeSet::new());
            let records = chunk.lines().filter_map(|(_, line)| Record::read(line).ok());
            for Record { call, decided } in records {
                if !matches!(decided, Some((Outcome::Allow, _)) | None) {
                    continue;
                }
                if policy.assess_json(&call).decision.is_allowed() {
                    allowed += 1;
                } else if let Ok(read) = crate::reference::Call::read(&call) {
                    denied.insert(read.tool);
                }
            }
            (allowed, denied)
        };
        let (mut allowed, mut denied) = (0, BTreeSet::new());
        let read = self.open()?.each(threads, judge, |(more, tools)| {
            allowed += more;
            denied.extend(tools);
        });
        read.map_err(|error| Failure::unreadable(&self.path, &error))?;
        Ok((allowed, denied))
    }
}

impl Drop for Twice {
    fn drop(&mut self) {
        if self.is_copy {
            // Where it cannot be removed, nothing more can be done.
            let _ = fs::remove_file(&self.path);
        }
    }
}
