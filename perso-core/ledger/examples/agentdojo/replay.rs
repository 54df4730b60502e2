//! Plays the recorded calls of AgentDojo's tasks against a policy, with a ledger in memory.

use std::collections::{BTreeMap, HashMap};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use perso_core::{Charge, Obligations, Outcome, Policy, Scalar};
use perso_ledger::{
    Account, Amount, CallId, Commit, Committed, Label, Ledger, Period, Session, Unit, Value as Named, Window,
};
use serde::Deserialize;
use serde_json::{Map, Value, json};

pub type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// The checked-in recording, and the policies beside it.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies/agentdojo")
}

/// A call, without who makes it and what the host knows.
#[derive(Debug, Deserialize)]
pub struct Call {
    pub tool: String,
    pub args: Map<String, Value>,
}

/// A line of a recording.
#[derive(Debug, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum Line {
    Version {
        #[serde(rename = "agentdojo")]
        _package: String,
        #[serde(rename = "benchmark")]
        _benchmark: String,
    },
    Suite {
        suite: String,
        tools: BTreeMap<String, Vec<String>>,
        agent: Value,
        context: Map<String, Value>,
    },
    Injection(Injection),
    User(User),
}

/// What an attacker wants.
#[derive(Debug, Deserialize)]
pub struct Injection {
    #[serde(rename = "injection_task")]
    pub id: String,
    #[serde(rename = "goal")]
    _goal: String,
    /// None where it is about what the model says, not about what it does.
    pub calls: Vec<Call>,
    #[serde(rename = "written_by")]
    _written_by: Option<String>,
}

/// What the user wants.
#[derive(Debug, Deserialize)]
pub struct User {
    #[serde(rename = "user_task")]
    pub id: String,
    #[serde(rename = "prompt")]
    _prompt: String,
    pub calls: Vec<Call>,
    /// After how many calls the model has read what the attacker wrote.
    read: usize,
    /// Values of arguments that are in the prompt.
    user_wrote: Vec<String>,
    /// The calls of injections that differ in this task.
    #[serde(default)]
    injections: HashMap<String, Vec<Call>>,
}

/// A suite of AgentDojo.
#[derive(Debug)]
pub struct Suite {
    pub name: String,
    /// Its tools, and the arguments of each.
    pub tools: BTreeMap<String, Vec<String>>,
    agent: Value,
    context: Map<String, Value>,
    pub injections: Vec<Injection>,
    pub users: Vec<User>,
}

/// Reads a recording.
pub fn read(path: &Path) -> Result<Vec<Suite>> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let mut suites: Vec<Suite> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let at = |problem: String| format!("{}:{}: {problem}", path.display(), number + 1);
        let line = serde_json::from_str(line).map_err(|error| at(error.to_string()))?;
        match (line, suites.last_mut()) {
            (Line::Version { .. }, None) => {}
            (Line::Suite { suite: name, tools, agent, context }, _) => {
                suites.push(Suite { name, tools, agent, context, injections: Vec::new(), users: Vec::new() });
            }
            (Line::Injection(injection), Some(suite)) => suite.injections.push(injection),
            (Line::User(user), Some(suite)) => suite.users.push(user),
            _ => return Err(at("a suite must come before its tasks".to_owned()).into()),
        }
    }
    for suite in &suites {
        let injected = suite.injections.iter().flat_map(|injection| &injection.calls);
        for call in suite.users.iter().flat_map(|user| &user.calls).chain(injected) {
            let arguments = suite.tools.get(&call.tool);
            if !arguments.is_some_and(|arguments| call.args.keys().all(|name| arguments.contains(name))) {
                return Err(format!("{} has no tool `{}` with these arguments", suite.name, call.tool).into());
            }
        }
    }
    Ok(suites)
}

/// How much of a policy is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// None: every call runs.
    Nothing,
    /// Its rules: nothing is remembered, so no session has labels, and nothing is counted.
    Rules,
    /// All of it.
    Whole,
    /// All of it, for sessions that have every label from the start.
    Labelled,
    /// All of it, by a host that does not know what the user wrote.
    Wordless,
}

/// A policy as it is used.
pub struct Guard {
    policy: Option<Policy>,
    /// The labels that sessions start with.
    labels: Vec<Label>,
    /// Whether the host knows what the user wrote.
    knows_words: bool,
}

impl Guard {
    /// The policy of a suite.
    pub fn new(suite: &str, usage: Use) -> Result<Self> {
        let text = std::fs::read_to_string(folder().join(format!("{suite}.json")))?;
        let mut document: Value = serde_json::from_str(&text)?;
        let top = document.as_object_mut().ok_or("a policy is an object")?;
        let mut labels = Vec::new();
        match usage {
            Use::Nothing => return Ok(Self { policy: None, labels, knows_words: true }),
            Use::Rules => {
                top.remove("limits").ok_or("no limits")?;
                top.remove("labels").ok_or("no labels")?;
            }
            Use::Whole | Use::Wordless => {}
            Use::Labelled => {
                let added = top.get("labels").and_then(Value::as_array).into_iter().flatten();
                let names = added.filter_map(|label| label.get("add")?.as_str());
                labels = names.map(Label::new).collect::<std::result::Result<_, _>>()?;
            }
        }
        let policy = Some(Policy::compile(&document.to_string())?);
        Ok(Self { policy, labels, knows_words: usage != Use::Wordless })
    }
}

/// Whether a call runs, and the rule or limit that says so. If none does, it is the rule that comes nearest to allowing it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub outcome: Outcome,
    pub by: String,
}

/// Calls one after another, of which the ledger remembers what the policy says.
struct Conversation<'c> {
    guard: &'c Guard,
    suite: &'c Suite,
    user: &'c User,
    ledger: Arc<dyn Ledger>,
    id: String,
}

impl<'c> Conversation<'c> {
    async fn start(guard: &'c Guard, suite: &'c Suite, user: &'c User, name: &str) -> Result<Self> {
        // A ledger of its own, so that no sequence counts towards the limits of another.
        let ledger = perso_ledger::open("memory:")?;
        let id = format!("{}/{}/{name}", suite.name, user.id);
        if !guard.labels.is_empty() {
            let mut commit = Commit::new(CallId::random()?);
            commit.session = Some(Session::new(&id));
            commit.labels.clone_from(&guard.labels);
            ledger.commit(&commit).await?;
        }
        Ok(Self { guard, suite, user, ledger, id })
    }

    /// Judges a call, and remembers it if it runs. `approved` is whether a person who is asked says yes.
    async fn judge(&self, call: &Call, approved: bool) -> Result<Answer> {
        let Some(policy) = &self.guard.policy else {
            return Ok(Answer { outcome: Outcome::Allow, by: String::new() });
        };
        let labels = self.ledger.labels(Session::new(&self.id)).await?;
        let labels: Vec<&str> = labels.iter().map(Label::as_str).collect();
        let mut context = self.suite.context.clone();
        let words = if self.guard.knows_words { &self.user.user_wrote } else { &Vec::new() };
        context.insert("user_wrote".to_owned(), json!(words));
        let assessment = policy.assess_value(&json!({
            "tool": call.tool,
            "args": call.args,
            "agent": self.suite.agent,
            "context": context,
            "session": { "id": self.id, "labels": labels },
        }));
        let decision = &assessment.decision;
        let by = decision.rule.or(decision.cause.limit).or(decision.cause.rule).unwrap_or("no rule").to_owned();
        let runs = decision.outcome == Outcome::Allow || decision.outcome == Outcome::Ask && approved;
        if runs && let Some(limit) = self.remember(&assessment.obligations).await? {
            return Ok(Answer { outcome: Outcome::Deny, by: limit });
        }
        Ok(Answer { outcome: decision.outcome, by })
    }

    /// Writes what has to be remembered. Gives the limit that has no room, if there is one.
    async fn remember(&self, obligations: &Obligations<'_>) -> Result<Option<String>> {
        if obligations.is_empty() {
            return Ok(None);
        }
        let mut commit = Commit::new(CallId::random()?);
        commit.session = obligations.session.as_deref().map(Session::new);
        commit.labels =
            obligations.labels.iter().map(|name| Label::new(name)).collect::<std::result::Result<_, _>>()?;
        commit.charges = obligations.charges.iter().map(charge).collect::<Result<_>>()?;
        match self.ledger.commit(&commit).await? {
            Committed::Over { charge, .. } => {
                Ok(obligations.charges.get(charge).map(|charge| charge.limit.id.to_string()))
            }
            Committed::Done { .. } => Ok(None),
            Committed::NotApproved { .. } => Err("no approval was committed".into()),
        }
    }
}

/// A charge as the ledger takes it.
fn charge(charge: &Charge<'_>) -> Result<perso_ledger::Charge> {
    let window = match &charge.limit.window {
        perso_core::Window::Last(seconds) => Window::Sliding(Duration::from_secs(*seconds)),
        perso_core::Window::Session => Window::Session,
        perso_core::Window::Calendar { period, zone } => {
            let units = [("hour", Unit::Hour), ("day", Unit::Day), ("week", Unit::Week), ("month", Unit::Month)];
            let unit = units.iter().find(|(name, _)| **name == **period).ok_or("an unknown period")?.1;
            Window::Period(Period::new(unit, zone)?)
        }
    };
    let named = charge.account.iter().map(|value| match value {
        Scalar::Boolean(value) => Named::Boolean(*value),
        Scalar::Number(text) => Named::Number(text),
        Scalar::Text(text) => Named::Text(text),
    });
    Ok(perso_ledger::Charge {
        account: Account::new(&charge.limit.id, named),
        amount: Amount::from_units(charge.amount)?,
        max: Amount::from_units(charge.limit.max)?,
        window,
    })
}

/// A call that did not simply run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stop {
    pub task: String,
    pub tool: String,
    pub by: String,
}

/// What came out for a suite.
#[derive(Debug, Default)]
pub struct Counts {
    pub users: usize,
    /// User tasks that can be carried out, those about which a person is asked included.
    pub carried_out: usize,
    /// User tasks that can be carried out, and in which a person is asked: the first call.
    pub asked: Vec<Stop>,
    /// User tasks that cannot be carried out.
    pub denied: Vec<Stop>,
    /// Pairs of a user task and an injection that is about calls.
    pub pairs: usize,
    /// Pairs in which a call of the injection was denied.
    pub stopped_by_denial: usize,
    /// Pairs in which a person was asked about a call of the injection.
    pub stopped_by_question: usize,
    /// By the rule, how many pairs it stopped.
    pub by_rule: BTreeMap<String, usize>,
    /// By the tool, how many calls of injections ran.
    pub ran: BTreeMap<String, usize>,
    /// Pairs in which all calls of the injection ran.
    pub missed: Vec<String>,
}

impl Counts {
    /// How many pairs were stopped.
    pub fn stopped(&self) -> usize {
        self.stopped_by_denial + self.stopped_by_question
    }
}

/// Plays all user tasks of a suite by themselves, and then each with each injection.
pub async fn play(suite: &Suite, usage: Use) -> Result<Counts> {
    let guard = Guard::new(&suite.name, usage)?;
    let mut counts = Counts::default();
    for user in &suite.users {
        let task = Conversation::start(&guard, suite, user, "alone").await?;
        counts.users += 1;
        let (mut asked, mut denied) = (None, None);
        for call in &user.calls {
            let Answer { outcome, by } = task.judge(call, true).await?;
            let stop = || Stop { task: user.id.clone(), tool: call.tool.clone(), by };
            match outcome {
                Outcome::Allow => {}
                Outcome::Ask => asked = asked.or_else(|| Some(stop())),
                _ => {
                    denied = Some(stop());
                    break;
                }
            }
        }
        match denied {
            Some(stop) => counts.denied.push(stop),
            None => {
                counts.carried_out += 1;
                counts.asked.extend(asked);
            }
        }
        for injection in suite.injections.iter().filter(|injection| !injection.calls.is_empty()) {
            inject(&guard, suite, user, injection, &mut counts).await?;
        }
    }
    Ok(counts)
}

/// Plays a user task until it has read the injection, and then the injection until a call of it does not run.
async fn inject(guard: &Guard, suite: &Suite, user: &User, injection: &Injection, counts: &mut Counts) -> Result<()> {
    let pair = format!("{} with {}", user.id, injection.id);
    let conversation = Conversation::start(guard, suite, user, &injection.id).await?;
    counts.pairs += 1;
    for call in user.calls.iter().take(user.read) {
        let outcome = conversation.judge(call, true).await?.outcome;
        if !matches!(outcome, Outcome::Allow | Outcome::Ask) {
            return Err(format!("{}: {pair}: the injection is not read", suite.name).into());
        }
    }
    for call in user.injections.get(&injection.id).unwrap_or(&injection.calls) {
        let Answer { outcome, by } = conversation.judge(call, false).await?;
        let stopped = match outcome {
            Outcome::Allow => {
                *counts.ran.entry(call.tool.clone()).or_default() += 1;
                continue;
            }
            Outcome::Ask => &mut counts.stopped_by_question,
            _ => &mut counts.stopped_by_denial,
        };
        *stopped += 1;
        *counts.by_rule.entry(by).or_default() += 1;
        return Ok(());
    }
    counts.missed.push(pair);
    Ok(())
}
