//! Records of decisions, in a [`Journal`] that shows whether it was tampered with.
//!
//! A [`Recorder`] writes a line for each decision, before the call runs, and another for what became of the call, where the host
//! knows that:
//!
//! ```
//! # #[cfg(feature = "compile")] {
//! use perso_core::journal::{self, Arguments, Decided, Recorder};
//! use perso_core::Policy;
//! use serde_json::json;
//!
//! let policy = Policy::compile(r#"{
//!     "perso": 1,
//!     "rules": [{ "id": "refund", "allow": "process_refund", "when": { "args.amount": { "lte": 500 } } }]
//! }"#).unwrap();
//! let folder = tempfile::tempdir().unwrap();
//! let mut settings = journal::Settings::default();
//! settings.args = Arguments::Read;
//! settings.agent = vec!["id".to_owned()];
//! let recorder = Recorder::open(folder.path(), settings).unwrap();
//!
//! let call = json!({
//!     "tool": "process_refund",
//!     "args": { "amount": 800, "note": "for Ann" },
//!     "agent": { "id": "agent-7", "email": "agent-7@example.com" },
//! });
//! let decision = policy.decide_value(&call);
//! let decided = Decided::new(&policy, "process_refund", &call["args"], &call["agent"], &decision);
//! recorder.record(&decided).unwrap().wait().unwrap();
//!
//! let lines: Vec<_> = perso_core::journal::entries(folder.path()).unwrap().collect();
//! let line: serde_json::Value = serde_json::from_slice(&lines.last().unwrap().as_ref().unwrap().text).unwrap();
//! assert_eq!(line["decision"], "deny");
//! // Nothing is recorded that the policy does not read, and that was not asked for.
//! assert_eq!(line["args"], json!({ "amount": 800 }));
//! assert_eq!(line["agent"], json!({ "id": "agent-7" }));
//! # }
//! ```

mod args;
#[cfg(feature = "clap")]
mod options;

#[cfg(feature = "clap")]
#[doc(hidden)]
pub use options::Options;

#[doc(no_inline)]
pub use perso_journal::{
    Appended, Checkpoint, Counts, Entries, Entry, Finding, Journal, JournalError, Settings as Writing, Signer,
    Verified, Verifier, Wanted, entries, verify,
};

use crate::decision::{Cause, Decision, Hint, Outcome};
use crate::engine::Policy;
use jiff::Timestamp;
use serde::{Serialize, Serializer};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;
use uuid::Uuid;

/// What is recorded of a call's arguments.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Arguments {
    /// Nothing.
    None,
    /// The SHA-256 of their canonical form: JSON with keys in the order of their bytes, without spaces. Who knows the arguments of a
    /// call can find it, but who reads the journal cannot find out the arguments, unless there are few that they could be.
    #[default]
    Digest,
    /// Those that the policy reads.
    Read,
    /// All of them.
    All,
}

/// What is recorded, and how.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Settings {
    /// What is recorded of the arguments.
    pub args: Arguments,
    /// Paths in the arguments whose values are replaced by `"[masked]"` before anything is recorded, also before their digest is
    /// made: keys with points between them, such as `card.number`. In lists, the path goes on in each element.
    pub mask: Vec<String>,
    /// The attributes of the caller that are recorded.
    pub agent: Vec<String>,
    /// Whether a call is denied whose decision cannot be recorded. Otherwise it is counted, and goes on.
    pub required: bool,
    /// How the journal is written.
    pub writing: Writing,
}

/// Records decisions.
#[derive(Debug)]
pub struct Recorder {
    journal: Journal,
    args: Arguments,
    mask: Vec<Vec<String>>,
    agent: Vec<String>,
    required: bool,
}

/// A decision to record.
#[derive(Debug)]
#[non_exhaustive]
pub struct Decided<'d> {
    /// The id of the decision.
    pub id: Uuid,
    /// The policy that made it.
    pub policy: &'d Policy,
    /// The tool.
    pub tool: &'d str,
    /// The arguments, as the tool gets them.
    pub args: &'d Value,
    /// The caller's attributes.
    pub agent: &'d Value,
    /// The id of the session.
    pub session: Option<&'d str>,
    /// The decision.
    pub decision: &'d Decision<'d>,
    /// Who has approved the call, if a person had to.
    pub approved_by: Option<&'d str>,
    /// Whether a denied call does not run.
    pub enforced: bool,
    /// How long the decision took.
    pub duration: Duration,
}

impl<'d> Decided<'d> {
    /// A decision that is enforced, with a new id.
    #[must_use]
    pub fn new(
        policy: &'d Policy,
        tool: &'d str,
        args: &'d Value,
        agent: &'d Value,
        decision: &'d Decision<'d>,
    ) -> Self {
        Self {
            id: Uuid::now_v7(),
            policy,
            tool,
            args,
            agent,
            session: None,
            decision,
            approved_by: None,
            enforced: true,
            duration: Duration::ZERO,
        }
    }
}

/// What became of a call that was let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ran {
    /// The tool has answered.
    Ok,
    /// The tool has answered with an error.
    Error,
    /// It is not known whether the tool ran: the connection was lost, or the caller did not wait.
    Unknown,
}

impl Ran {
    /// As it is recorded: `"ok"`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Error => "error",
            Self::Unknown => "unknown",
        }
    }
}

/// The line of a decision.
#[derive(Serialize)]
struct Line<'d> {
    id: Uuid,
    #[serde(serialize_with = "now")]
    time: (),
    policy: &'d str,
    tool: &'d str,
    decision: Outcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<&'d str>,
    cause: Cause<'d>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<Hint<'d>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    agent: BTreeMap<&'d str, &'d Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<&'d str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    args: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    approved_by: Option<&'d str>,
    #[serde(skip_serializing_if = "Clone::clone")]
    enforced: bool,
    duration_us: u64,
}

/// The line of what became of a call.
#[derive(Serialize)]
struct After {
    call: Uuid,
    #[serde(serialize_with = "now")]
    time: (),
    ran: &'static str,
    duration_us: u64,
}

fn now<S: Serializer>((): &(), serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{:.3}", Timestamp::now()))
}

impl Recorder {
    /// Opens a journal in a directory, and makes both if they are not there.
    ///
    /// # Errors
    ///
    /// If the directory or its files cannot be written, or are no journal.
    pub fn open(folder: impl AsRef<Path>, settings: Settings) -> Result<Self, JournalError> {
        let Settings { args, mask, agent, required, writing } = settings;
        let mask = mask.iter().map(|path| path.split('.').map(str::to_owned).collect()).collect();
        Ok(Self { journal: Journal::open(folder, writing)?, args, mask, agent, required })
    }

    /// Whether a call is denied whose decision cannot be recorded.
    #[must_use]
    pub const fn is_required(&self) -> bool {
        self.required
    }

    /// How many lines have been written and lost.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.journal.counts()
    }

    /// Waits until all lines are written, as dropping it does, and returns how many have been.
    #[must_use]
    pub fn close(self) -> Counts {
        self.journal.close()
    }

    /// Records a decision. If recording is [required](Self::is_required), wait for what is returned before the call runs.
    ///
    /// # Errors
    ///
    /// If it cannot be recorded: the line would be too long, or too many wait to be written.
    pub fn record(&self, decided: &Decided<'_>) -> Result<Appended, JournalError> {
        let Decision { outcome, rule, hint, cause, .. } = *decided.decision;
        let agent = self.agent.iter().filter_map(|name| Some((name.as_str(), decided.agent.get(name)?)));
        self.journal.append(&Line {
            id: decided.id,
            time: (),
            policy: decided.policy.sha256(),
            tool: decided.tool,
            decision: outcome,
            rule,
            // `offset` is a place in the text of the call, which is not recorded.
            cause: Cause { offset: None, ..cause },
            hint,
            agent: agent.collect(),
            session: decided.session,
            args: args::recorded(decided.policy, decided.tool, decided.args, self.args, &self.mask),
            approved_by: decided.approved_by,
            enforced: decided.enforced,
            duration_us: micros(decided.duration),
        })
    }

    /// Records what became of a call that was let through, by the id of its decision, and how long it ran.
    ///
    /// # Errors
    ///
    /// If it cannot be recorded: too many lines wait to be written.
    pub fn ran(&self, call: Uuid, ran: Ran, duration: Duration) -> Result<Appended, JournalError> {
        self.journal.append(&After { call, time: (), ran: ran.name(), duration_us: micros(duration) })
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
