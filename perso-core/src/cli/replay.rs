//! `perso replay`

use super::change::{self, FailOn, Shape};
use super::failure::Failure;
use super::input::{self, Extended};
use super::log::{self, Log, Record, Unreadable};
use super::now::Now;
use super::output;
use super::progress::Progress;
use crate::analyze::{Decided, Kind, Rules};
use crate::{CauseKind, Outcome, Policy, visible};
use clap::Args;
use serde::Serialize;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;
use std::io::{self, Write};
use std::num::NonZero;
use std::path::{Path, PathBuf};

/// The most kinds of calls that are listed.
const MOST_KINDS: usize = 4096;

/// The most bytes of a call that is shown as an example.
const EXAMPLE_BYTES: usize = 4096;

/// Judge recorded calls and show which decisions change
///
/// Groups the calls that are decided differently by tool, decisions and rules, with an example of each group. The calls
/// that the policy gives more leave come first.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  perso replay new.json decisions.jsonl
  perso replay new.json calls.jsonl --against support.wasm    # compares two policies on recorded calls
  zcat week/*.gz | perso replay new.json - --format markdown --fail-on wider

A line of the log is a call, {\"tool\", \"args\", …}, or a record of a decision, an object with
  {\"call\": the call or its text, \"decision\": \"allow\"|\"ask\"|\"deny\", \"rule\": id|null}
whose other keys are ignored. Blank lines are skipped. A line that is neither is an error, after all others have been judged.

With --format json, standard output has one JSON object per line: one for each group
  {\"tool\", \"wider\", \"old\": {\"effect\", \"rule\"}, \"new\": {\"effect\", \"rule\"}, \"calls\", \"line\", \"call\"}
and a last one
  {\"judged\", \"same\", \"wider\", \"narrower\", \"unlisted\", \"uncompared\", \"malformed\", \"unreadable\"}.

Exit codes: 0 every call is decided as before; 3 some are not; 1 an error.")]
pub(crate) struct Replay {
    /// The policy (JSON) or its module
    policy: PathBuf,
    /// The log, one call or record per line; `-` is standard input
    log: PathBuf,
    /// Compare with what this policy or module decides, not with what is recorded
    #[arg(long, value_name = "POLICY")]
    against: Option<PathBuf>,
    /// The output format
    #[arg(long, value_enum, default_value = "human")]
    format: Shape,
    /// For which differences the exit code is 3
    #[arg(long, value_enum, default_value = "any")]
    fail_on: FailOn,
    /// Count lines that are neither calls nor records, without an error
    #[arg(long)]
    skip_unreadable: bool,
    /// How many threads judge calls [default: one for each processor]
    #[arg(long, value_name = "N")]
    threads: Option<NonZero<u16>>,
    #[command(flatten)]
    extended: Extended,
    #[command(flatten)]
    now: Now,
}

/// What a log comes to, or a part of it.
#[derive(Debug, Default)]
struct Tally {
    counts: Counts,
    unreadable: Unreadable,
    /// The kinds of calls that are decided differently.
    kinds: BTreeMap<Kind, Group>,
}

#[derive(Debug, Default, Clone, Copy, Serialize)]
struct Counts {
    judged: u64,
    same: u64,
    wider: u64,
    narrower: u64,
    /// Calls that are decided differently, and are in none of the listed groups.
    unlisted: u64,
    /// Calls with nothing to compare their decisions with.
    uncompared: u64,
    /// Calls that are denied because the policy cannot read them.
    malformed: u64,
    unreadable: u64,
}

/// Calls of a kind.
#[derive(Debug)]
struct Group {
    calls: u64,
    /// The smallest of the calls, the first one of these, and its line. `None` if it is too large to be shown.
    call: Option<Vec<u8>>,
    line: u64,
}

/// A group for programs.
#[derive(Serialize)]
struct Listed<'a> {
    #[serde(flatten)]
    kind: &'a Kind,
    calls: u64,
    line: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    call: Option<&'a str>,
}

impl Group {
    fn new(line: u64, call: &[u8]) -> Self {
        Self { calls: 1, call: (call.len() <= EXAMPLE_BYTES).then(|| call.to_vec()), line }
    }

    /// Adds later calls of the same kind.
    fn append(&mut self, later: Self) {
        self.calls += later.calls;
        let size = |group: &Self| group.call.as_ref().map_or(usize::MAX, Vec::len);
        if size(&later) < size(self) {
            (self.call, self.line) = (later.call, later.line);
        }
    }

    fn example(&self) -> Option<&str> {
        str::from_utf8(self.call.as_deref()?).ok()
    }
}

impl Counts {
    fn append(&mut self, later: Self) {
        let Self { judged, same, wider, narrower, unlisted, uncompared, malformed, unreadable } = later;
        self.judged += judged;
        self.same += same;
        self.wider += wider;
        self.narrower += narrower;
        self.unlisted += unlisted;
        self.uncompared += uncompared;
        self.malformed += malformed;
        self.unreadable += unreadable;
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { judged, same, wider, narrower, unlisted, uncompared, malformed, unreadable } = *self;
        write!(f, "{} judged: {same} as before, {wider} wider, {narrower} narrower", log::calls(judged))?;
        for (count, what) in [
            (unlisted, "in no listed group"),
            (uncompared, "without a recorded decision"),
            (malformed, "denied as malformed or over a limit"),
        ] {
            if count > 0 {
                write!(f, ", {count} {what}")?;
            }
        }
        match unreadable {
            0 => Ok(()),
            1 => f.write_str("; 1 line is not a recorded call"),
            lines => write!(f, "; {lines} lines are not recorded calls"),
        }
    }
}

impl Tally {
    fn add(&mut self, kind: Kind, group: Group) {
        let is_full = self.kinds.len() >= MOST_KINDS;
        match self.kinds.entry(kind) {
            Entry::Occupied(same) => same.into_mut().append(group),
            Entry::Vacant(_) if is_full => self.counts.unlisted += group.calls,
            Entry::Vacant(new) => drop(new.insert(group)),
        }
    }

    /// Adds what a later part of the log comes to.
    fn append(&mut self, later: Self) {
        self.counts.append(later.counts);
        self.unreadable.append(later.unreadable);
        later.kinds.into_iter().for_each(|(kind, group)| self.add(kind, group));
    }

    /// The groups, those with the most calls first among the wider ones, and then among the others.
    fn groups(&self) -> Vec<(&Kind, &Group)> {
        let mut groups: Vec<_> = self.kinds.iter().collect();
        groups.sort_by_key(|(kind, group)| (!kind.is_wider(), std::cmp::Reverse(group.calls)));
        groups
    }
}

impl Replay {
    pub(crate) fn run(&self) -> Result<u8, Failure> {
        let policy = input::policy(&self.policy, &self.extended)?;
        let old = self.against.as_ref().map(|path| input::policy(path, &self.extended)).transpose()?;
        let mut tally = Tally::default();
        let work = |chunk: &log::Chunk| self.judge(&policy, old.as_ref(), chunk);
        let threads = log::threads(self.threads);
        let name = self.log.display();
        let progress = Progress::of(format!("judging the calls in {name}"));
        let read = Log::open(&self.log)?.each(threads, work, |part| {
            tally.append(part);
            progress.now(|| format!("judging the calls in {name}: {}", tally.counts.judged));
        });
        drop(progress);
        read.map_err(|error| Failure::unreadable(&self.log, &error))?;
        tally.counts.unreadable = tally.unreadable.count;
        match self.format {
            Shape::Human => self.human(&policy, old.as_ref(), &tally)?,
            Shape::Json => json(&tally)?,
            Shape::Markdown => markdown(&tally)?,
        }
        if !self.skip_unreadable
            && let Some(failure) = tally.unreadable.failure(&self.log)
        {
            return Err(failure);
        }
        let Counts { judged, wider, narrower, uncompared, .. } = tally.counts;
        if judged > 0 && uncompared == judged {
            let why = "records no decisions to compare with; name the policy that judged before with `--against`";
            return Err(Failure::file(&self.log, why));
        }
        Ok(self.fail_on.code(wider + narrower > 0, wider > 0))
    }

    /// Judges some lines.
    fn judge(&self, policy: &Policy, old: Option<&Policy>, chunk: &log::Chunk) -> Tally {
        let mut tally = Tally::default();
        for (line, text) in chunk.lines() {
            let record = match Record::read(text) {
                Ok(record) => record,
                Err(why) => {
                    tally.unreadable.add(line, why);
                    continue;
                }
            };
            let call = &record.call;
            let told = self.now.told(policy, call);
            let decision = policy.assess_json(&told).decision;
            let counts = &mut tally.counts;
            counts.judged += 1;
            counts.malformed += u64::from(matches!(decision.cause.kind, CauseKind::Malformed | CauseKind::Limit));
            let new = decision.outcome;
            let decided = |outcome, rule: Option<&str>| Decided { outcome, rule: rule.map(str::to_owned) };
            let kind = |old: Outcome, rule: Option<&str>| Kind {
                tool: log::tool(call).unwrap_or_default(),
                old: decided(old, rule),
                new: decided(new, decision.rule),
            };
            let differs = match old {
                Some(old) => {
                    let told = self.now.told(old, call);
                    let before = old.assess_json(&told).decision;
                    (before.outcome != new).then(|| kind(before.outcome, before.rule))
                }
                None => match &record.decided {
                    Some((before, rule)) => (*before != new).then(|| kind(*before, rule.as_deref())),
                    None => {
                        counts.uncompared += 1;
                        continue;
                    }
                },
            };
            match differs {
                None => counts.same += 1,
                Some(kind) => {
                    let count = if kind.is_wider() { &mut counts.wider } else { &mut counts.narrower };
                    *count += 1;
                    tally.add(kind, Group::new(line, call));
                }
            }
        }
        tally
    }

    fn human(&self, policy: &Policy, old: Option<&Policy>, tally: &Tally) -> Result<(), Failure> {
        let mut out = anstream::stdout().lock();
        let groups = tally.groups();
        if !groups.is_empty() {
            let new = Reasons::of(&self.policy, &self.extended, policy)?;
            let old = match (&self.against, old) {
                (Some(path), Some(old)) => Some(Reasons::of(path, &self.extended, old)?),
                _ => None,
            };
            for (kind, group) in groups {
                writeln!(out, "{} ({})", change::heading(kind), log::calls(group.calls))?;
                let reason = |reasons: Option<&Reasons<'_>>, decided: &Decided| {
                    let reason = reasons.and_then(|reasons| reasons.about(&self.now, group.call.as_deref()?));
                    reason.unwrap_or_else(|| decided.to_string())
                };
                writeln!(out, "          before: {}", visible(&reason(old.as_ref(), &kind.old)))?;
                writeln!(out, "          after:  {}", visible(&reason(Some(&new), &kind.new)))?;
                let example = group.example().unwrap_or("a call that is too large to be shown");
                writeln!(out, "          line {}: {}", group.line, visible(example))?;
            }
        }
        writeln!(out, "{}", tally.counts)?;
        Ok(())
    }
}

/// What is needed to say why a policy decides as it does.
struct Reasons<'p> {
    policy: &'p Policy,
    rules: Rules,
}

impl<'p> Reasons<'p> {
    fn of(path: &Path, extended: &Extended, policy: &'p Policy) -> Result<Self, Failure> {
        Ok(Self { policy, rules: input::rules(path, extended)? })
    }

    /// Why the policy decides about a call as it does.
    fn about(&self, now: &Now, call: &[u8]) -> Option<String> {
        let told = now.told(self.policy, call);
        Some(self.rules.decision(str::from_utf8(&told).ok()?)).filter(|words| !words.is_empty())
    }
}

fn json(tally: &Tally) -> io::Result<()> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    for (kind, group) in tally.groups() {
        let Group { calls, line, .. } = *group;
        output::json(&mut out, &Listed { kind, calls, line, call: group.example() })?;
    }
    output::json(&mut out, &tally.counts)?;
    out.flush()
}

fn markdown(tally: &Tally) -> io::Result<()> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    if !tally.kinds.is_empty() {
        writeln!(out, "| | tool | before | after | calls | example |\n| --- | --- | --- | --- | --- | --- |")?;
        for (kind, group) in tally.groups() {
            let example = group.example().map(change::code).unwrap_or_default();
            writeln!(out, "| {} | {} | {example} |", change::cells(kind), group.calls)?;
        }
        writeln!(out)?;
    }
    writeln!(out, "{}.", tally.counts)?;
    out.flush()
}
