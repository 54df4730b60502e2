//! `perso explain`

use super::DONE;
use super::failure::Failure;
use super::input::{self, Extended};
use super::now::Now;
use super::output::{self, BAD, BOLD, Format, GOOD};
use crate::check::check_with;
use crate::compile::{Guarantees, compile_as};
use crate::module::{Manifest, hex, sha256};
use crate::policy::{self, Decimal};
use crate::reference::{self, Conclusion, RuleTrace, Trace};
use crate::{
    Assessment, Cause, CauseKind, Charge, Decision, Obligations, Outcome, Policy, Problem, Resolver, Scalar, visible,
};
use clap::Args;
use serde::Serialize;
use std::io::{self, Write};
use std::path::PathBuf;

/// Explain a decision: each rule, each test, the values seen
///
/// Judges the call twice: with the module, and rule by rule from the policy's text that the module contains.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  perso explain support.wasm --call call.json
  perso explain support-desk.json --call - < call.json

With --format json: the decision as `perso eval` prints it, with `tool`, `rules` (those for the tool)
and `other_rules` (the number of other rules).

Exit codes: 0 the decision was explained; 1 an error, or the two judgments differ.")]
pub(crate) struct Explain {
    /// The policy (JSON) or its module
    policy: PathBuf,
    /// The call, a JSON object; `-` is standard input
    #[arg(long, value_name = "FILE")]
    call: PathBuf,
    #[command(flatten)]
    now: Now,
    /// The output format
    #[arg(long, value_enum, default_value = "human")]
    format: Format,
    #[command(flatten)]
    extended: Extended,
}

/// An explanation for programs.
#[derive(Serialize)]
struct Explanation<'a> {
    tool: Option<&'a str>,
    rules: &'a [RuleTrace],
    other_rules: usize,
    #[serde(flatten)]
    decision: Decision<'a>,
    /// Where the module says otherwise: what it says.
    #[serde(skip_serializing_if = "Option::is_none")]
    module: Option<Decision<'a>>,
    /// What the call counts towards.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    charges: Vec<Owed<'a>>,
    /// The labels that its session gets.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    labels: Vec<&'a str>,
}

/// What a call counts towards.
#[derive(Serialize)]
struct Owed<'a> {
    limit: &'a str,
    amount: String,
    max: String,
}

impl Explain {
    pub(crate) fn run(&self) -> Result<u8, Failure> {
        let policy = input::policy(&self.policy, &self.extended)?;
        let text = crate::module::policy(policy.module())?;
        let manifest = Manifest::read(policy.module())?;
        if hex(&sha256(text.as_bytes())) != manifest.policy_sha256 {
            return Err(Failure::file(
                &self.policy,
                "was altered: it contains another policy than it was compiled from",
            ));
        }
        let (main, documents) = manifest.split(&text)?;
        let Some(checked) = check_with(main, &documents).policy else {
            return Err(Failure::file(&self.policy, "contains a policy that this version of perso cannot compile"));
        };
        let call = input::call(&self.call)?;
        let call = self.now.told(&policy, &call);
        let trace = reference::explain(&checked, &call);
        let Assessment { decision, obligations } = policy.assess_json(&call);
        let agreed = agree(&decision, &trace.conclusion) || is_not_counted(&checked, &call, &decision);
        match self.format {
            Format::Human => self.print(&trace, &decision, &obligations, &call)?,
            Format::Json => {
                output::json(&mut io::stdout().lock(), &explanation(&trace, decision, agreed, &obligations))?
            }
        }
        if agreed {
            return Ok(DONE);
        }
        let said = serde_json::to_string(&decision).unwrap_or_default();
        Err(Failure::because(match is_reproducible(&policy, main, &documents) {
            true => format!("the module decides differently, which is a bug in perso; please report it: {said}"),
            false => format!(
                "the module decides differently: {said}; it is not what this version of perso compiles from the policy \
                 in it: it was altered, or another version compiled it"
            ),
        }))
    }

    fn print(
        &self,
        trace: &Trace,
        decision: &Decision<'_>,
        obligations: &Obligations<'_>,
        call: &[u8],
    ) -> io::Result<()> {
        let mut out = anstream::stdout().lock();
        let (text, conclusion) = (trace.to_string(), trace.conclusion.to_string());
        let style = match trace.conclusion.outcome {
            Outcome::Allow => GOOD,
            Outcome::Ask => BOLD,
            Outcome::Deny => BAD,
        };
        let rules = text.strip_suffix(&conclusion).unwrap_or_default().trim_start();
        writeln!(out, "{rules}{style}{conclusion}{style:#}")?;
        if let Some(at) = decision.cause.offset {
            let name =
                if input::is_stdin(&self.call) { "the call".to_owned() } else { self.call.display().to_string() };
            write!(out, "{}", place(&name, call, at))?;
        }
        writeln!(out, "reason: {}", visible(decision.reason))?;
        if let Some(hint) = &decision.hint {
            writeln!(out, "hint: {}", visible(&hint.to_string()))?;
        }
        // The rules let it through, but it cannot be counted.
        if let Some(limit) = decision.cause.limit {
            writeln!(
                out,
                "{BAD}denied{BAD:#}: it cannot be counted towards `{}`{}",
                visible(limit),
                because(decision)
            )?;
        } else if decision.cause.kind == CauseKind::Ledger {
            writeln!(out, "{BAD}denied{BAD:#}: its session cannot get labels{}", because(decision))?;
        }
        for charge in &obligations.charges {
            let (id, amount, max) = (visible(&charge.limit.id), charge.amount_text(), charge.limit.max_text());
            writeln!(out, "limit `{id}`: adds {amount} to {}, which takes at most {max}", account(charge))?;
        }
        if let Some(session) = &obligations.session {
            let labels: Vec<String> = obligations.labels.iter().map(|label| visible(label).to_string()).collect();
            writeln!(out, "labels: the session \"{}\" gets {}", visible(session), labels.join(", "))?;
        }
        Ok(())
    }
}

/// `: args.amount, missing`
fn because(decision: &Decision<'_>) -> String {
    let problem = decision.cause.problem.map(Problem::name);
    decision.cause.attribute.zip(problem).map_or_else(String::new, |(name, problem)| format!(": {name} ({problem})"))
}

/// `the account of "ann"`
fn account(charge: &Charge<'_>) -> String {
    let names = charge.account.iter().map(|value| match value {
        Scalar::Boolean(value) => value.to_string(),
        Scalar::Number(number) => Decimal::parse(number).map_or_else(|| number.clone(), |number| number.to_string()),
        Scalar::Text(text) => format!("\"{}\"", visible(text)),
    });
    let names: Vec<String> = names.collect();
    if names.is_empty() { "the one account".to_owned() } else { format!("the account of {}", names.join(", ")) }
}

/// Whether the rules let a call through that cannot be counted, as the reference evaluator finds, too.
fn is_not_counted(policy: &policy::Policy, call: &[u8], decision: &Decision<'_>) -> bool {
    let Ok(call) = reference::Call::read(call) else { return false };
    let refused = reference::obligations(policy, &call).err();
    refused.is_some_and(|(_, denied)| denied.cause == decision.cause.kind && denied.problem == decision.cause.problem)
}

fn explanation<'a>(
    trace: &'a Trace,
    module: Decision<'a>,
    agreed: bool,
    obligations: &Obligations<'a>,
) -> Explanation<'a> {
    let owed = obligations.charges.iter().map(|charge| Owed {
        limit: &charge.limit.id,
        amount: charge.amount_text(),
        max: charge.limit.max_text(),
    });
    let Conclusion { outcome, rule, kind, nearest, attribute, problem, detail, .. } = &trace.conclusion;
    let cause = Cause {
        rule: nearest.as_deref(),
        attribute: attribute.as_deref(),
        problem: *problem,
        detail: detail.as_deref(),
        offset: module.cause.offset,
        ..Cause::of(*kind)
    };
    Explanation {
        tool: trace.tool.as_deref(),
        rules: &trace.rules,
        other_rules: trace.other_rules,
        decision: match module.cause.kind {
            // The rules let it through, but it cannot be counted.
            CauseKind::OverLimit | CauseKind::Ledger if agreed => module,
            _ => Decision::new(*outcome, rule.as_deref(), module.reason, module.hint, cause),
        },
        module: (!agreed).then_some(module),
        charges: owed.collect(),
        labels: obligations.labels.clone(),
    }
}

/// Whether the module decides as the policy's text says, for the same cause.
fn agree(decision: &Decision<'_>, conclusion: &Conclusion) -> bool {
    decision.outcome == conclusion.outcome
        && decision.hint.map(|hint| hint.to_string()) == conclusion.hint
        && decision.rule == conclusion.rule.as_deref()
        && decision.cause.kind == conclusion.kind
        && decision.cause.rule == conclusion.nearest.as_deref()
        && decision.cause.attribute == conclusion.attribute.as_deref()
        && decision.cause.problem == conclusion.problem
}

/// Whether the module is what this compiler makes of its policy.
fn is_reproducible(policy: &Policy, main: &str, documents: &dyn Resolver) -> bool {
    compile_as(main, documents, &Guarantees::Skip).is_ok_and(|compiled| compiled.module == policy.module())
}

/// How much of the call is shown before and behind a byte.
const BEFORE: usize = 48;
const BEHIND: usize = 24;

/// The text around a byte of a call, on one line, with the byte marked; nothing where the call is blank.
fn place(name: &str, call: &[u8], at: usize) -> String {
    let call = call.trim_ascii_end();
    if call.is_empty() {
        return String::new();
    }
    let at = at.min(call.len());
    let line = call.iter().take(at).filter(|byte| **byte == b'\n').count() + 1;
    let shown = |range: &[u8]| visible(&String::from_utf8_lossy(range)).into_owned();
    let before = call.get(at.saturating_sub(BEFORE)..at).map(shown).unwrap_or_default();
    let behind = call.get(at..call.len().min(at + BEHIND)).map(shown).unwrap_or_default();
    let mark = " ".repeat(before.chars().count());
    format!("  at byte {at}, in line {line} of {}:\n    {before}{behind}\n    {mark}^\n", visible(name))
}
