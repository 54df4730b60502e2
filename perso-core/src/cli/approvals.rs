//! `perso approvals`

use super::DONE;
use super::failure::Failure;
use super::ledger::Opened;
use super::output::{self, Format};
use crate::enforce::ledger::{Approval, ApprovalId, State, Verdict};
use crate::visible;
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::io::{self, Write};

/// The most characters of arguments in a list.
const SHORT: usize = 80;

/// Decide calls that wait for the approval of a person
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  perso approvals list --ledger file:/var/lib/perso/ledger
  perso approvals show 7k2m9qxw4t --ledger file:/var/lib/perso/ledger
  perso approvals approve 7k2m9qxw4t --by ann --ledger file:/var/lib/perso/ledger

An approval is for one run of exactly this call, by this caller, in this session, under this policy. It expires.

Exit codes: 0 done, 1 error (no such approval, or it is decided or has expired).")]
pub(crate) struct Approvals {
    /// The ledger: `file:PATH`, `valkey://HOST` or `rediss://HOST` [env: PERSO_LEDGER]
    #[arg(long, global = true, value_name = "ADDRESS")]
    ledger: Option<String>,
    /// The output format
    #[arg(long, global = true, value_enum, default_value = "human")]
    format: Format,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the calls that wait, the oldest first
    List,
    /// Show a call with all of its arguments
    Show {
        /// Its id, as `list` shows it
        id: String,
    },
    /// Approve a call
    Approve(Decide),
    /// Deny a call
    Deny(Decide),
}

#[derive(Debug, Args)]
struct Decide {
    /// The call's id, as `list` shows it
    id: String,
    /// Who decides, for the record [default: the name of the user]
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
}

impl Approvals {
    pub(crate) fn run(&self) -> Result<u8, Failure> {
        let address = self.ledger.clone().or_else(|| std::env::var("PERSO_LEDGER").ok());
        let address = address.ok_or_else(|| {
            Failure::because(
                "which ledger? Write `--ledger ADDRESS`, for example `--ledger file:/var/lib/perso/ledger`",
            )
        })?;
        if address.starts_with("memory:") {
            return Err(Failure::because(
                "a ledger in memory is known only to its own process; use `file:` or `valkey:`",
            ));
        }
        let ledger = Opened::open(&address)?;
        match &self.command {
            Command::List => self.list(&ledger),
            Command::Show { id } => self.show(&ledger, id),
            Command::Approve(decide) => self.decide(&ledger, decide, Verdict::Approve),
            Command::Deny(decide) => self.decide(&ledger, decide, Verdict::Deny),
        }
    }

    fn list(&self, ledger: &Opened) -> Result<u8, Failure> {
        let pending = ledger.ask(async |ledger| ledger.pending().await)?;
        let mut out = io::stdout().lock();
        match self.format {
            Format::Json => pending.iter().try_for_each(|approval| output::json(&mut out, &record(approval)))?,
            Format::Human if pending.is_empty() => writeln!(out, "no calls wait for an approval")?,
            Format::Human => {
                for approval in &pending {
                    let call = Call::of(approval);
                    let args = shortened(&call.args.to_string());
                    writeln!(out, "{}  {}", approval.id, visible(&format!("{} {args}", call.tool)))?;
                    let by = format!("by {}, until {}: {}", call.agent, approval.expires_at, call.reason);
                    writeln!(out, "            {}", visible(&by))?;
                }
            }
        }
        Ok(DONE)
    }

    fn show(&self, ledger: &Opened, id: &str) -> Result<u8, Failure> {
        let id = parsed(id)?;
        let approval = ledger.ask(async |ledger| ledger.show(id).await)?;
        let approval = approval.ok_or_else(|| unknown(id))?;
        let mut out = io::stdout().lock();
        if self.format == Format::Json {
            output::json(&mut out, &record(&approval))?;
            return Ok(DONE);
        }
        let call = Call::of(&approval);
        let mut line = |name: &str, text: &str| writeln!(out, "{name:<10}{}", visible(text));
        line("tool", &call.tool)?;
        line("agent", &call.agent)?;
        if let Some(session) = call.session {
            line("session", &session)?;
        }
        line("why", &call.reason)?;
        for (name, id) in [("rule", call.rule), ("limit", call.limit)] {
            if let Some(id) = id {
                line(name, &id)?;
            }
        }
        line("asked", &approval.requested_at.to_string())?;
        line("until", &approval.expires_at.to_string())?;
        line("state", &state(&approval.state))?;
        let args = serde_json::to_string_pretty(&call.args).unwrap_or_default();
        writeln!(out, "arguments")?;
        for text in args.lines() {
            writeln!(out, "  {}", visible(text))?;
        }
        Ok(DONE)
    }

    fn decide(&self, ledger: &Opened, decide: &Decide, verdict: Verdict) -> Result<u8, Failure> {
        let id = parsed(&decide.id)?;
        let user = || ["USER", "LOGNAME", "USERNAME"].iter().find_map(|name| std::env::var(name).ok());
        let by = decide.by.clone().or_else(user).filter(|by| !by.is_empty());
        let by = by.ok_or_else(|| Failure::because("who decides? Write `--by NAME`"))?;
        ledger.ask(async |ledger| ledger.decide(id, verdict, &by).await)?;
        let mut out = io::stdout().lock();
        let verdict = if verdict == Verdict::Approve { "approved" } else { "denied" };
        match self.format {
            Format::Human => writeln!(out, "{verdict}")?,
            Format::Json => output::json(&mut out, &json!({ "id": id.to_string(), "state": verdict, "by": by }))?,
        }
        Ok(DONE)
    }
}

/// What an approver is shown.
struct Call {
    tool: String,
    agent: String,
    session: Option<String>,
    rule: Option<String>,
    limit: Option<String>,
    reason: String,
    args: Value,
}

impl Call {
    fn of(approval: &Approval) -> Self {
        let mut shown: Value = serde_json::from_str(&approval.shown).unwrap_or_default();
        let args = shown.get_mut("args").map(Value::take).unwrap_or_default();
        let text = |name: &str| shown.get(name).and_then(Value::as_str).map(str::to_owned);
        let agent = Some(approval.agent.clone()).filter(|agent| !agent.is_empty());
        Self {
            tool: text("tool").unwrap_or_default(),
            agent: agent.unwrap_or_else(|| "someone unknown".to_owned()),
            session: text("session"),
            rule: text("rule"),
            limit: text("limit"),
            reason: text("reason").unwrap_or_default(),
            args,
        }
    }
}

fn record(approval: &Approval) -> Value {
    json!({
        "id": approval.id.to_string(),
        "state": state(&approval.state),
        "requested_at": approval.requested_at.to_string(),
        "expires_at": approval.expires_at.to_string(),
        "call": serde_json::from_str::<Value>(&approval.shown).unwrap_or_default(),
    })
}

fn state(state: &State) -> String {
    match state {
        State::Pending => "pending".to_owned(),
        State::Approved { by } => format!("approved by {by}"),
        State::Denied { by } => format!("denied by {by}"),
        State::Used { by } => format!("approved by {by}, and used"),
    }
}

fn parsed(id: &str) -> Result<ApprovalId, Failure> {
    id.parse().map_err(|_| {
        Failure::because(format!("`{id}` is not the id of an approval; `perso approvals list` shows them"))
    })
}

fn unknown(id: ApprovalId) -> Failure {
    Failure::because(format!("there is no approval `{id}`, or it has expired"))
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(SHORT) {
        Some((at, _)) => format!("{}\u{2026}", text.get(..at).unwrap_or_default()),
        None => text.to_owned(),
    }
}
