//! Calls that depend on earlier ones: a limit is reached, and a person approves a call.

use perso_core::enforce::ledger::{self, Ledger, Verdict};
use perso_core::enforce::{Answer, Approvals, Approver, Asked, Enforced, Enforcer, Queue, Step};
use perso_core::{Call, Policy};
use serde_json::{Value, json};
use std::error::Error;
use std::time::Duration;

const POLICY: &str = include_str!("refunds.json");

/// Shows both, with a ledger in a file.
pub(crate) fn show() -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let folder = tempfile::tempdir()?;
    let address = format!("file:{}", folder.path().join("ledger").display());
    runtime.block_on(async {
        let ledger = ledger::open(&address)?;
        let desk = Desk { policy: Policy::compile(POLICY)?, enforcer: Enforcer::new(ledger.clone()) };

        println!("\nperso-core/examples/demo/refunds.json, with a ledger in a file: $1000 a day for each agent");
        for amount in [500, 400, 200, 100] {
            report("ann", amount, &desk.refund("ann", amount).await?);
        }
        println!("\nA refund above $500 waits for a person, who looks at it and approves:");
        let (enforced, ()) = tokio::join!(desk.refund("bob", 800), person(&*ledger));
        report("bob", 800, &enforced?);
        Ok(())
    })
}

struct Desk {
    policy: Policy,
    enforcer: Enforcer,
}

impl Desk {
    /// Decides a refund, as the guards of MCP servers do.
    async fn refund(&self, id: &str, amount: u32) -> Result<Enforced<'_>, Box<dyn Error>> {
        let (args, agent) = (json!({ "amount": amount }), json!({ "id": id }));
        let mut approvals = Approvals::default();
        loop {
            let call = Call::new("process_refund").args(&args).agent(&agent);
            match self.enforcer.step(self.policy.assess(&call), &approvals).await {
                Step::Done(enforced) => return Ok(enforced),
                Step::Ask(pending) => {
                    let asked = Asked { tool: "process_refund", args: &args, agent: &agent, session: None };
                    let question = pending.question(&self.policy, asked, &approvals);
                    let ledger = self.enforcer.ledger().ok_or("there is no ledger")?;
                    let answer = Queue::new(ledger.clone()).ask(&question, &()).await;
                    match answer.map_err(|error| error.to_string())? {
                        Answer::Approved(approval) => approvals.add(&question, approval),
                        answer => return Ok(pending.answered(&answer).ok_or("the call is approved")?.into()),
                    }
                }
            }
        }
    }
}

/// Approves what waits.
async fn person(ledger: &dyn Ledger) {
    loop {
        for approval in ledger.pending().await.unwrap_or_default() {
            let shown: Value = serde_json::from_str(&approval.shown).unwrap_or_default();
            println!("\nwaits  process_refund {}", shown.get("args").unwrap_or(&Value::Null));
            println!(
                "       by {}: {}",
                approval.agent,
                shown.get("reason").and_then(Value::as_str).unwrap_or_default()
            );
            if ledger.decide(approval.id, Verdict::Approve, "max").await.is_ok() {
                return;
            }
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn report(id: &str, amount: u32, enforced: &Enforced<'_>) {
    let decision = &enforced.decision;
    let answer = if decision.is_allowed() { "allow" } else { "DENY " };
    println!("\n{answer}  process_refund {{ amount: {amount} }}");
    println!(
        "       by {id}{}",
        enforced.approved_by.as_ref().map(|by| format!(", approved by {by}")).unwrap_or_default()
    );
    println!("       {}", decision.message());
}
