//! Limits, labels and approvals: what comes of calls that depend on earlier ones.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use perso_core::enforce::{Answer, Approval, Approvals, Approver, Asked, Enforced, Enforcer, Queue, Step, ledger};
use perso_core::{Call, Outcome, Policy};
use perso_ledger::{
    Account, Amount, ApprovalId, CallId, Commit, Committed, Label, Ledger, LedgerError, Request, Session, Verdict,
    Window,
};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// A host with one policy.
struct Host {
    policy: Policy,
    enforcer: Enforcer,
    approver: Option<Arc<dyn Approver>>,
}

/// What the host reports of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Report {
    outcome: Outcome,
    cause: &'static str,
    message: String,
    approved_by: Option<String>,
}

impl Host {
    fn new(policy: &Value) -> Self {
        let policy = Policy::compile(&policy.to_string()).unwrap();
        Self { policy, enforcer: Enforcer::new(memory()), approver: None }
    }

    fn queue(mut self, wait: Duration, expires_in: Duration) -> Self {
        let ledger = self.enforcer.ledger().unwrap().clone();
        self.approver = Some(Arc::new(Queue::new(ledger).wait(wait).expires_in(expires_in)));
        self
    }

    /// Decides a call, as a host does.
    async fn enforce<'p>(&'p self, tool: &str, args: &Value, id: &str, session: Option<&str>) -> Enforced<'p> {
        let agent = json!({ "id": id });
        let mut approvals = Approvals::default();
        loop {
            let mut call = Call::new(tool).args(args).agent(&agent);
            if let Some(session) = session {
                call = call.session(self.enforcer.session(&self.policy, session).await);
            }
            match self.enforcer.step(self.policy.assess(&call), &approvals).await {
                Step::Done(enforced) => return enforced,
                Step::Ask(pending) => {
                    let asked = Asked { tool, args, agent: &agent, session };
                    let question = pending.question(&self.policy, asked, &approvals);
                    let Some(approver) = &self.approver else { return pending.unasked().into() };
                    match approver.ask(&question, &()).await {
                        Ok(Answer::Approved(approval)) => approvals.add(&question, approval),
                        Ok(answer) => return pending.answered(&answer).unwrap().into(),
                        Err(_) => return pending.failed("nobody can be asked").into(),
                    }
                }
            }
        }
    }

    async fn call(&self, tool: &str, args: Value, id: &str) -> Report {
        report(&self.enforce(tool, &args, id, None).await)
    }

    async fn in_session(&self, tool: &str, session: &str) -> Report {
        report(&self.enforce(tool, &json!({}), "ann", Some(session)).await)
    }
}

fn report(enforced: &Enforced<'_>) -> Report {
    let decision = enforced.decision;
    Report {
        outcome: decision.outcome,
        cause: decision.cause.kind.name(),
        message: decision.message().to_string(),
        approved_by: enforced.approved_by.clone(),
    }
}

fn memory() -> Arc<dyn Ledger> {
    ledger::open("memory:").unwrap()
}

fn refunds(over: &str) -> Value {
    json!({
        "perso": 1,
        "rules": [{ "id": "refund", "allow": "refund", "when": { "args.amount": { "gt": 0 } } }],
        "limits": [{ "id": "refunds-a-day", "of": "refund", "per": "agent.id", "sum": "args.amount", "max": 1000, "window": "24h",
                     "over": over, "reason": "At most $1000 a day." }],
    })
}

fn large() -> Value {
    json!({
        "perso": 1,
        "rules": [
            { "id": "small", "allow": "refund", "when": { "args.amount": { "lte": 100 } } },
            { "id": "large", "ask": "refund", "when": { "args.amount": { "gt": 100, "lte": 500 } }, "reason": "Large refunds need approval." },
        ],
    })
}

#[tokio::test]
async fn a_limit_is_reached_and_not_passed() {
    let host = Host::new(&refunds("deny"));
    assert_eq!(host.call("refund", json!({ "amount": 999.5 }), "ann").await.outcome, Outcome::Allow);
    let over = host.call("refund", json!({ "amount": 0.51 }), "ann").await;
    assert_eq!((over.outcome, over.cause), (Outcome::Deny, "over_limit"));
    assert_eq!(over.message, "At most $1000 a day. Hint: there is room again in about 24 hours.");
    assert_eq!(host.call("refund", json!({ "amount": 0.5 }), "ann").await.outcome, Outcome::Allow);
    assert_eq!(host.call("refund", json!({ "amount": 1 }), "bob").await.outcome, Outcome::Allow);
    // Another way to write the name is the same person.
    assert_eq!(host.call("refund", json!({ "amount": 1 }), "ANN").await.cause, "over_limit");
    let never = host.call("refund", json!({ "amount": 1001 }), "eve").await;
    assert_eq!(never.message, "At most $1000 a day. Hint: this call will not fit later either: do not repeat it.");
}

#[tokio::test]
async fn what_is_denied_or_does_not_run_is_not_charged() {
    let host = Host::new(&refunds("deny"));
    for amount in [json!(-1), json!("900"), json!(1e300), json!(null), json!([900])] {
        assert_eq!(host.call("refund", json!({ "amount": amount }), "ann").await.outcome, Outcome::Deny, "{amount}");
    }
    let args = json!({ "amount": 1000 });
    let enforced = host.enforce("refund", &args, "ann", None).await;
    host.enforcer.undo(enforced.receipt.unwrap()).await.unwrap();
    assert_eq!(host.call("refund", args.clone(), "ann").await.outcome, Outcome::Allow);
    assert_eq!(host.call("refund", args, "ann").await.outcome, Outcome::Deny);
}

#[tokio::test]
async fn without_a_ledger_nothing_passes_that_one_is_needed_for() {
    let mut host = Host::new(&refunds("deny"));
    host.enforcer = Enforcer::default();
    let denied = host.call("refund", json!({ "amount": 1 }), "ann").await;
    assert_eq!((denied.outcome, denied.cause), (Outcome::Deny, "ledger"));
}

#[tokio::test]
async fn labels_are_seen_by_the_next_call_of_the_session() {
    let host = Host::new(&json!({
        "perso": 1,
        "rules": [
            { "id": "read", "allow": "fetch" },
            { "id": "send", "allow": "send_mail" },
            { "id": "no-leak", "deny": "send_mail", "when": { "session.labels": { "has": "untrusted" } } },
        ],
        "labels": [{ "id": "strangers", "of": "fetch", "add": "untrusted" }],
    }));
    assert_eq!(host.in_session("send_mail", "a").await.outcome, Outcome::Allow);
    assert_eq!(host.in_session("fetch", "a").await.outcome, Outcome::Allow);
    assert_eq!(host.in_session("send_mail", "a").await.outcome, Outcome::Deny);
    assert_eq!(host.in_session("send_mail", "b").await.outcome, Outcome::Allow);
    // Nobody knows what a call without a session has seen, and nothing can be remembered of it.
    assert_eq!(host.call("send_mail", json!({}), "ann").await.outcome, Outcome::Deny);
    assert_eq!(host.call("fetch", json!({}), "ann").await.cause, "ledger");
}

#[tokio::test]
async fn a_limit_can_count_by_session() {
    let host = Host::new(&json!({
        "perso": 1,
        "rules": [{ "id": "search", "allow": "search" }],
        "limits": [{ "id": "searches", "of": "search", "max": 2, "window": "session" }],
    }));
    for (session, outcome) in [
        ("a", Outcome::Allow),
        ("a", Outcome::Allow),
        ("a", Outcome::Deny),
        ("b", Outcome::Allow),
        ("A", Outcome::Allow),
    ] {
        // The ids of accounts fold case, those of sessions do not.
        assert_eq!(host.in_session("search", session).await.outcome, outcome, "{session}");
    }
    assert_eq!(host.call("search", json!({}), "ann").await.cause, "over_limit");
}

/// A limit of many tools, by a wildcard: no choice among them, and no other writing of their names, passes it.
#[tokio::test]
async fn a_limit_with_a_wildcard_counts_its_tools_together() {
    let host = Host::new(&json!({
        "perso": 1,
        "rules": [{ "id": "pay", "allow": "pay_*", "when": { "args.amount": { "gt": 0, "lte": 500 } } }],
        "limits": [{ "id": "a-day", "of": "pay_*", "per": "agent.id", "sum": "args.amount", "max": 1000, "window": "24h" }],
    }));
    let pay = async |tool: &str, id: &str| host.call(tool, json!({ "amount": 400 }), id).await;
    assert_eq!(pay("pay_card", "ann").await.outcome, Outcome::Allow);
    assert_eq!(pay("pay_by_wire", "ann").await.outcome, Outcome::Allow);
    // Tools of which nobody has thought, too.
    for tool in
        ["pay_card", "pay_by_wire", "pay_", "pay_cash", "pay_card ", "pay_CARD", "pay_\u{200b}card", "pay_ｃａｒｄ"]
    {
        let over = pay(tool, "ann").await;
        assert_eq!((over.outcome, over.cause), (Outcome::Deny, "over_limit"), "{tool:?}");
    }
    // What the limit is not about, no rule allows.
    for tool in ["PAY_CARD", "Pay_card", "pay", "p\u{430}y_card", " pay_card", "pay\u{200b}_card"] {
        let other = pay(tool, "ann").await;
        assert_eq!((other.outcome, other.cause), (Outcome::Deny, "no_rule"), "{tool:?}");
    }
    // Another writing of the same name is the same account; another name is not.
    for id in ["ANN", "a\u{200b}nn", "ａｎｎ"] {
        assert_eq!(pay("pay_card", id).await.cause, "over_limit", "{id:?}");
    }
    assert_eq!(pay("pay_card", "bob").await.outcome, Outcome::Allow);
}

#[tokio::test]
async fn a_person_approves_or_denies() {
    let mut host = Host::new(&large());
    let unasked = host.call("refund", json!({ "amount": 300 }), "ann").await;
    assert_eq!(unasked.outcome, Outcome::Ask);
    assert_eq!(unasked.message, "Large refunds need approval. This call needs the approval of a person.");

    let answer = |question: perso_core::enforce::Question| async move {
        assert_eq!((question.tool.as_str(), question.agent.as_str()), ("refund", "ann"));
        assert_eq!((question.rule.as_deref(), question.limit), (Some("large"), None));
        Ok(match question.args["amount"].as_u64() {
            Some(300) => Answer::Approved(Approval::by("max")),
            Some(400) => Answer::Denied { by: "max".into() },
            _ => return Err("no such person".into()),
        })
    };
    host.approver = Some(Arc::new(answer));
    let approved = host.call("refund", json!({ "amount": 300 }), "ann").await;
    assert_eq!((approved.outcome, approved.approved_by.as_deref()), (Outcome::Allow, Some("max")));
    let denied = host.call("refund", json!({ "amount": 400 }), "ann").await;
    assert_eq!((denied.outcome, denied.cause), (Outcome::Deny, "approval"));
    assert_eq!(denied.message, "Large refunds need approval. Hint: a person has denied this call: do not repeat it.");
    let unasked = host.call("refund", json!({ "amount": 301 }), "ann").await;
    assert_eq!(unasked.cause, "approval");
    assert!(unasked.message.ends_with("Hint: nobody could be asked: repeat the same call later to try again."));
    // A person can approve what the rules leave to them, and nothing else.
    assert_eq!(host.call("refund", json!({ "amount": 501 }), "ann").await.cause, "no_rule");
    assert_eq!(host.call("refund", json!({ "amount": 50 }), "ann").await.approved_by, None);
}

#[tokio::test]
async fn an_approved_call_goes_over_a_limit_and_counts() {
    let mut host = Host::new(&refunds("ask"));
    assert_eq!(host.call("refund", json!({ "amount": 900 }), "ann").await.outcome, Outcome::Allow);
    let unasked = host.call("refund", json!({ "amount": 200 }), "ann").await;
    assert_eq!((unasked.outcome, unasked.cause), (Outcome::Ask, "over_limit"));
    host.approver = Some(Arc::new(|question: perso_core::enforce::Question| async move {
        assert_eq!((question.rule.as_deref(), question.limit.as_deref()), (Some("refund"), Some("refunds-a-day")));
        Ok(Answer::Approved(Approval::by("max")))
    }));
    assert_eq!(host.call("refund", json!({ "amount": 200 }), "ann").await.approved_by.as_deref(), Some("max"));
    host.approver = None;
    // 1100 are charged, so that not even the rest of the 1000 is there.
    assert_eq!(host.call("refund", json!({ "amount": 1 }), "ann").await.outcome, Outcome::Ask);
}

#[tokio::test]
async fn a_rule_and_a_limit_ask_one_after_the_other() {
    let mut policy = large();
    policy["limits"] = json!([{ "id": "two", "of": "refund", "max": 1, "window": "1h", "over": "ask" }]);
    let mut host = Host::new(&policy);
    assert_eq!(host.call("refund", json!({ "amount": 1 }), "ann").await.outcome, Outcome::Allow);
    let asked = Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = asked.clone();
    host.approver = Some(Arc::new(move |question: perso_core::enforce::Question| {
        seen.lock().unwrap().push((question.rule, question.limit));
        async { Ok(Answer::Approved(Approval::by("max"))) }
    }));
    assert_eq!(host.call("refund", json!({ "amount": 200 }), "ann").await.outcome, Outcome::Allow);
    let large = Some("large".to_owned());
    assert_eq!(*asked.lock().unwrap(), [(large.clone(), None), (large, Some("two".into()))]);
}

/// Decides the request that is pending, as soon as there is one.
async fn decide(ledger: Arc<dyn Ledger>, verdict: Verdict) -> String {
    loop {
        if let [approval] = ledger.pending().await.unwrap().as_slice() {
            ledger.decide(approval.id, verdict, "max").await.unwrap();
            return approval.shown.clone();
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

const LONG: Duration = Duration::from_secs(60);

#[tokio::test]
async fn the_queue_is_for_one_run_of_one_call() {
    let host = Host::new(&large()).queue(LONG, LONG);
    let ledger = host.enforcer.ledger().unwrap().clone();
    let args = json!({ "amount": 300, "order": "A1" });
    let (approved, shown) =
        tokio::join!(host.call("refund", args.clone(), "ann"), decide(ledger.clone(), Verdict::Approve));
    assert_eq!(approved.approved_by.as_deref(), Some("max"));
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown["args"], args);
    assert_eq!((&shown["tool"], &shown["rule"], &shown["agent"]), (&json!("refund"), &json!("large"), &json!("ann")));

    // It is used up, whatever the order of the keys.
    let host = host.queue(Duration::from_millis(60), LONG);
    let pending = host.call("refund", json!({ "order": "A1", "amount": 300 }), "ann").await;
    assert_eq!((pending.outcome, pending.cause), (Outcome::Deny, "approval"));
    assert!(pending.message.ends_with("Hint: nobody has decided yet: repeat the same call later to use the decision."));

    // The same call joins what is pending and, once approved, runs once. A call that differs by a byte asks by itself.
    decide(ledger.clone(), Verdict::Approve).await;
    assert_eq!(host.call("refund", json!({ "amount": 300, "order": "A2" }), "ann").await.cause, "approval");
    assert_eq!(host.call("refund", json!({ "amount": 300, "order": "A1" }), "bob").await.cause, "approval");
    assert_eq!(host.call("refund", args.clone(), "ann").await.outcome, Outcome::Allow);
    assert_eq!(host.call("refund", args, "ann").await.cause, "approval");
    assert_eq!(ledger.pending().await.unwrap().len(), 3);
}

#[tokio::test]
async fn of_calls_at_once_one_approval_runs_one() {
    let host = Host::new(&large()).queue(LONG, Duration::from_millis(400));
    let ledger = host.enforcer.ledger().unwrap().clone();
    let args = json!({ "amount": 300 });
    let call = || host.call("refund", args.clone(), "ann");
    let (a, b, c, _) = tokio::join!(call(), call(), call(), decide(ledger, Verdict::Approve));
    let allowed = [&a, &b, &c].into_iter().filter(|report| report.outcome == Outcome::Allow).count();
    assert_eq!(allowed, 1, "{a:?} {b:?} {c:?}");
}

#[tokio::test]
async fn an_approval_is_void_when_the_policy_has_changed() {
    let host = Host::new(&large()).queue(Duration::from_millis(60), LONG);
    let ledger = host.enforcer.ledger().unwrap().clone();
    let args = json!({ "amount": 300 });
    assert_eq!(host.call("refund", args.clone(), "ann").await.cause, "approval");
    decide(ledger.clone(), Verdict::Approve).await;
    let mut changed = large();
    changed["rules"][0]["when"]["args.amount"]["lte"] = json!(101);
    let mut other = Host::new(&changed);
    other.enforcer = host.enforcer.clone();
    let other = other.queue(Duration::from_millis(60), LONG);
    assert_eq!(other.call("refund", args.clone(), "ann").await.cause, "approval");
    assert_eq!(host.call("refund", args, "ann").await.outcome, Outcome::Allow);
}

#[tokio::test]
async fn an_approval_expires_while_the_call_waits() {
    let host = Host::new(&large()).queue(LONG, Duration::from_millis(80));
    let late = host.call("refund", json!({ "amount": 300 }), "ann").await;
    assert_eq!((late.outcome, late.cause), (Outcome::Deny, "approval"));
    assert!(
        late.message.ends_with("Hint: nobody has decided in time: repeat the same call later to ask again."),
        "{late:?}"
    );
}

#[tokio::test]
async fn an_approval_that_expires_after_the_answer_is_void() {
    let mut host = Host::new(&large());
    let ledger = host.enforcer.ledger().unwrap().clone();
    /// Sleeps after it was approved.
    struct Slow(Queue);
    #[async_trait::async_trait]
    impl Approver for Slow {
        async fn ask(
            &self,
            question: &perso_core::enforce::Question,
            (): &(),
        ) -> Result<Answer, Box<dyn std::error::Error + Send + Sync>> {
            let answer = self.0.ask(question, &()).await;
            tokio::time::sleep(Duration::from_millis(400)).await;
            answer
        }
    }
    let queue = Queue::new(ledger.clone()).wait(LONG).expires_in(Duration::from_millis(300));
    host.approver = Some(Arc::new(Slow(queue)));
    let (late, _) =
        tokio::join!(host.call("refund", json!({ "amount": 300 }), "ann"), decide(ledger, Verdict::Approve));
    assert_eq!((late.outcome, late.cause), (Outcome::Deny, "approval"));
    assert!(late.message.contains("the approval has expired or was used"), "{late:?}");
}

#[tokio::test]
async fn what_a_person_cannot_be_shown_is_denied() {
    let host = Host::new(&large()).queue(LONG, LONG);
    let denied = host.call("refund", json!({ "amount": 300, "note": "x".repeat(70_000) }), "ann").await;
    assert_eq!((denied.outcome, denied.cause), (Outcome::Deny, "approval"));
    assert!(denied.message.contains("too large"), "{denied:?}");
}

/// A ledger that fails.
struct Broken;

const BROKEN: LedgerError = LedgerError::Unavailable("the disk is full");

#[async_trait::async_trait]
impl Ledger for Broken {
    async fn commit(&self, _: &Commit) -> Result<Committed, LedgerError> {
        Err(BROKEN)
    }
    async fn undo(&self, _: CallId) -> Result<(), LedgerError> {
        Err(BROKEN)
    }
    async fn labels(&self, _: Session) -> Result<Vec<Label>, LedgerError> {
        Err(BROKEN)
    }
    async fn balance(&self, _: Account, _: &Window, _: Option<Session>) -> Result<Amount, LedgerError> {
        Err(BROKEN)
    }
    async fn request(&self, _: &Request) -> Result<ApprovalId, LedgerError> {
        Err(BROKEN)
    }
    async fn pending(&self) -> Result<Vec<perso_ledger::Approval>, LedgerError> {
        Err(BROKEN)
    }
    async fn show(&self, _: ApprovalId) -> Result<Option<perso_ledger::Approval>, LedgerError> {
        Err(BROKEN)
    }
    async fn decide(&self, _: ApprovalId, _: Verdict, _: &str) -> Result<(), LedgerError> {
        Err(BROKEN)
    }
}

#[tokio::test]
async fn a_ledger_that_fails_lets_nothing_through() {
    let mut host = Host::new(&refunds("deny"));
    host.enforcer = Enforcer::new(Arc::new(Broken));
    let enforced = host.enforce("refund", &json!({ "amount": 1 }), "ann", None).await;
    assert_eq!(report(&enforced).cause, "ledger");
    assert_eq!(enforced.decision.cause.detail, Some("the disk is full"));

    let mut host = Host::new(&large());
    host.enforcer = Enforcer::new(Arc::new(Broken));
    let host = host.queue(LONG, LONG);
    let failed = host.call("refund", json!({ "amount": 300 }), "ann").await;
    assert_eq!((failed.outcome, failed.cause), (Outcome::Deny, "approval"));
    // What needs no ledger goes on.
    assert_eq!(host.call("refund", json!({ "amount": 3 }), "ann").await.outcome, Outcome::Allow);

    let mut host = Host::new(&json!({
        "perso": 1,
        "rules": [
            { "id": "send", "allow": "send_mail" },
            { "id": "no-leak", "deny": "send_mail", "when": { "session.labels": { "has": "untrusted" } } },
        ],
    }));
    host.enforcer = Enforcer::new(Arc::new(Broken));
    assert_eq!(host.in_session("send_mail", "a").await.outcome, Outcome::Deny);
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_at_once_never_pass_a_limit() {
    let host = Arc::new(Host::new(&refunds("deny")));
    let calls: Vec<_> = (0..200)
        .map(|_| {
            let host = host.clone();
            tokio::spawn(async move { host.call("refund", json!({ "amount": 7 }), "ann").await.outcome })
        })
        .collect();
    let mut allowed = 0;
    for call in calls {
        allowed += usize::from(call.await.unwrap() == Outcome::Allow);
    }
    assert_eq!(allowed, 142);
}
