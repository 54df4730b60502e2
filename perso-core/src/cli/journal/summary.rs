//! `perso log summary`

use super::line::{Decided, Wanted};
use crate::cli::DONE;
use crate::cli::failure::Failure;
use crate::cli::output::{self, BOLD, Format, count};
use crate::visible;
use clap::Args;
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::{self, Write};

/// How many reasons of denials are shown.
const MOST: usize = 20;

/// Count the decisions in a journal by tool, rule and decision, and show why calls were denied
#[derive(Debug, Args)]
pub(crate) struct Summary {
    #[command(flatten)]
    wanted: Wanted,
    /// The output format
    #[arg(long, value_enum, default_value = "human")]
    format: Format,
}

/// How many decisions there are, by what they were.
#[derive(Default)]
struct Counts {
    decisions: BTreeMap<String, u64>,
    tools: BTreeMap<String, BTreeMap<String, u64>>,
    rules: BTreeMap<String, u64>,
    /// By tool, why, and hint.
    denials: BTreeMap<(String, String, String), u64>,
    lost: u64,
}

impl Summary {
    pub(crate) fn run(&self) -> Result<u8, Failure> {
        let mut counts = Counts::default();
        for entry in self.wanted.entries()? {
            let entry = entry?;
            match Decided::read(&entry) {
                Some(decided) if self.wanted.is_wanted(&decided) => counts.add(&decided),
                Some(_) => {}
                None => counts.lost += lost(&entry.text),
            }
        }
        match self.format {
            Format::Human => counts.human()?,
            Format::Json => counts.json()?,
        }
        Ok(DONE)
    }
}

/// How many lines are missing before one.
fn lost(text: &[u8]) -> u64 {
    #[derive(serde::Deserialize)]
    struct Lost {
        lost: u64,
    }
    serde_json::from_slice::<Lost>(text).map_or(0, |line| line.lost)
}

impl Counts {
    fn add(&mut self, decided: &Decided<'_>) {
        let (tool, decision) = (decided.tool.to_string(), decided.decision.to_string());
        *self.decisions.entry(decision.clone()).or_default() += 1;
        if let Some(rule) = &decided.rule {
            *self.rules.entry(rule.to_string()).or_default() += 1;
        }
        if decision == "deny" {
            let hint = decided.hint.as_deref().unwrap_or_default().to_owned();
            *self.denials.entry((tool.clone(), decided.why(), hint)).or_default() += 1;
        }
        *self.tools.entry(tool).or_default().entry(decision).or_default() += 1;
    }

    /// The denials, the most frequent first.
    fn frequent(&self) -> Vec<(&(String, String, String), u64)> {
        let mut denials: Vec<_> = self.denials.iter().map(|(key, count)| (key, *count)).collect();
        denials.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        denials
    }

    fn human(&self) -> io::Result<()> {
        let mut out = anstream::stdout().lock();
        let list = |counts: &BTreeMap<String, u64>| {
            let all: Vec<String> = counts.iter().map(|(name, count)| format!("{count} {}", visible(name))).collect();
            all.join(", ")
        };
        let decisions: u64 = self.decisions.values().sum();
        writeln!(
            out,
            "{}{}{}",
            count(decisions as usize, "decision"),
            if decisions > 0 { ": " } else { "" },
            list(&self.decisions)
        )?;
        if self.lost > 0 {
            writeln!(out, "{BOLD}{} could not be written{BOLD:#}", count(self.lost as usize, "line"))?;
        }
        if !self.tools.is_empty() {
            writeln!(out, "\n{BOLD}by tool{BOLD:#}")?;
        }
        for (tool, counts) in &self.tools {
            writeln!(out, "  {}: {}", visible(tool), list(counts))?;
        }
        if !self.rules.is_empty() {
            writeln!(out, "\n{BOLD}by rule{BOLD:#}")?;
        }
        for (rule, count) in &self.rules {
            writeln!(out, "  {}: {count}", visible(rule))?;
        }
        let denials = self.frequent();
        if !denials.is_empty() {
            writeln!(out, "\n{BOLD}why calls were denied{BOLD:#}")?;
        }
        for ((tool, why, hint), count) in denials.iter().take(MOST) {
            writeln!(out, "  {count} {}: {why}", visible(tool))?;
            if !hint.is_empty() {
                writeln!(out, "    {}", visible(hint))?;
            }
        }
        match denials.len().checked_sub(MOST) {
            Some(more @ 1..) => writeln!(out, "  and {more} more kinds"),
            _ => Ok(()),
        }
    }

    fn json(&self) -> io::Result<()> {
        let denials = self.frequent().into_iter().map(|((tool, why, hint), count)| {
            let hint = Some(hint.as_str()).filter(|hint| !hint.is_empty());
            Denials { tool, why, hint, count }
        });
        let written = Written {
            decisions: &self.decisions,
            tools: &self.tools,
            rules: &self.rules,
            denials: denials.collect(),
            lost: self.lost,
        };
        output::json(&mut io::stdout().lock(), &written)
    }
}

/// The counts, as they are written.
#[derive(Serialize)]
struct Written<'c> {
    decisions: &'c BTreeMap<String, u64>,
    tools: &'c BTreeMap<String, BTreeMap<String, u64>>,
    rules: &'c BTreeMap<String, u64>,
    denials: Vec<Denials<'c>>,
    lost: u64,
}

#[derive(Serialize)]
struct Denials<'c> {
    tool: &'c str,
    why: &'c str,
    hint: Option<&'c str>,
    count: u64,
}
