//! What the gateway and the decision service count, in the text form of Prometheus. No label has a value that a client chooses.

use crate::source::{Followed, State};
use perso_core::journal::Counts;
use perso_tower::Event;
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};
use std::sync::atomic::AtomicU64;
use std::time::Duration;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Of {
    server: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Line {
    line: &'static str,
}

/// The form of the text.
pub(crate) const FORM: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Decisions, and how long they took.
#[derive(Clone)]
pub(crate) struct Decisions {
    count: Family<Outcome, Counter>,
    seconds: Histogram,
}

/// Lines of a journal.
#[derive(Clone)]
struct Journal(Family<Line, Gauge>);

/// What a decision service counts.
pub(crate) struct Service {
    registry: Registry,
    decisions: Decisions,
    journal: Journal,
}

/// What a gateway counts.
pub(crate) struct Metrics {
    registry: Registry,
    decisions: Decisions,
    up: Family<Of, Gauge>,
    sessions: Gauge,
    requests: Gauge,
    tasks: Gauge,
    journal: Journal,
}

impl Decisions {
    fn new(registry: &mut Registry) -> Self {
        let count = Family::default();
        registry.register("decisions", "Decisions on tool calls", count.clone());
        let seconds = Histogram::new(exponential_buckets(1e-6, 4.0, 10));
        registry.register_with_unit("decision", "How long decisions took", Unit::Seconds, seconds.clone());
        Self { count, seconds }
    }

    pub(crate) fn decided(&self, outcome: perso_core::Outcome, duration: Duration) {
        self.count.get_or_create(&Outcome { outcome: outcome.name() }).inc();
        self.seconds.observe(duration.as_secs_f64());
    }
}

impl Journal {
    fn new(registry: &mut Registry) -> Self {
        let lines = Family::default();
        registry.register("journal_lines", "Lines of the journal that were written, and that were lost", lines.clone());
        Self(lines)
    }

    fn set(&self, counts: Option<Counts>) {
        if let Some(Counts { written, lost, .. }) = counts {
            for (line, count) in [("written", written), ("lost", lost)] {
                self.0.get_or_create(&Line { line }).set(i64::try_from(count).unwrap_or(i64::MAX));
            }
        }
    }
}

impl Service {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("perso");
        let (decisions, journal) = (Decisions::new(&mut registry), Journal::new(&mut registry));
        Self { registry, decisions, journal }
    }

    pub(crate) fn decisions(&self) -> Decisions {
        self.decisions.clone()
    }

    pub(crate) fn text(&self, journal: Option<Counts>, policy: Option<&Followed>) -> String {
        self.journal.set(journal);
        written(&self.registry, policy)
    }
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("perso");
        let decisions = Decisions::new(&mut registry);
        let up = Family::default();
        registry.register("server_up", "Whether a shared connection to a server is there", up.clone());
        let sessions = Gauge::default();
        registry.register("sessions_left", "How many more sessions there can be", sessions.clone());
        let requests = Gauge::default();
        registry.register("requests_left", "How many more requests can be in flight", requests.clone());
        let tasks = Gauge::default();
        registry.register("tasks", "Tasks of the gateway that have not ended", tasks.clone());
        let journal = Journal::new(&mut registry);
        Self { registry, decisions, up, sessions, requests, tasks, journal }
    }

    pub(crate) fn decided(&self, event: &Event<'_>) {
        self.decisions.decided(event.decision.outcome, event.duration);
    }

    /// The text, with what the servers and sessions are like now.
    pub(crate) fn text<'s>(
        &self,
        servers: impl Iterator<Item = (&'s str, bool)>,
        sessions: usize,
        requests: usize,
        journal: Option<Counts>,
        policy: Option<&Followed>,
    ) -> String {
        for (server, is_up) in servers {
            self.up.get_or_create(&Of { server: server.to_owned() }).set(i64::from(is_up));
        }
        let number = |number| i64::try_from(number).unwrap_or(i64::MAX);
        self.sessions.set(number(sessions));
        self.requests.set(number(requests));
        self.tasks.set(number(tokio::runtime::Handle::current().metrics().num_alive_tasks()));
        self.journal.set(journal);
        written(&self.registry, policy)
    }
}

fn written(registry: &Registry, policy: Option<&Followed>) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = text::encode_registry(&mut out, registry);
    if let Some(policy) = policy {
        let _ = text::encode_registry(&mut out, &of_policy(&policy.state()));
    }
    let _ = text::encode_eof(&mut out);
    out
}

/// A policy that is followed.
fn of_policy(state: &State) -> Registry {
    let mut registry = Registry::with_prefix("perso");
    if let Some(release) = &state.release {
        let number: Gauge = Gauge::default();
        number.set(i64::try_from(release.number).unwrap_or(i64::MAX));
        registry.register("policy_release", "The number of the policy's release", number);
    }
    let failed: Gauge = Gauge::default();
    failed.set(i64::from(state.error.is_some()));
    registry.register("policy_failed", "Whether the policy could not be confirmed or replaced last", failed);
    if let Some(confirmed) = state.confirmed {
        let age = Gauge::<f64, AtomicU64>::default();
        age.set(confirmed.elapsed().as_secs_f64());
        let help = "How long ago the source last had the policy that decides";
        registry.register_with_unit("policy_confirmed", help, Unit::Seconds, age);
    }
    registry
}
