//! Decisions as events of the [Open Cybersecurity Schema Framework](https://schema.ocsf.io/1.8.0/classes/api_activity), for those who
//! feed a SIEM.

use super::line::Decided;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};

/// An event of the class API Activity, with the profile Security Control.
#[derive(Serialize)]
pub(super) struct Event<'l> {
    class_uid: u32,
    class_name: &'static str,
    category_uid: u32,
    category_name: &'static str,
    activity_id: u32,
    activity_name: &'static str,
    type_uid: u32,
    type_name: &'static str,
    severity_id: u32,
    severity: &'static str,
    time: i64,
    status_id: u32,
    status: &'static str,
    action_id: u32,
    action: &'static str,
    disposition_id: u32,
    disposition: &'static str,
    message: String,
    metadata: Metadata<'l>,
    api: Api<'l>,
    actor: Actor<'l>,
    src_endpoint: Endpoint,
    #[serde(skip_serializing_if = "Option::is_none")]
    firewall_rule: Option<Uid<'l>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<Uid<'l>>,
    unmapped: Unmapped<'l>,
}

#[derive(Serialize)]
struct Metadata<'l> {
    version: &'static str,
    product: Product,
    profiles: [&'static str; 1],
    uid: &'l str,
    log_name: &'static str,
    sequence: u64,
}

#[derive(Serialize)]
struct Product {
    name: &'static str,
    vendor_name: &'static str,
}

#[derive(Serialize)]
struct Api<'l> {
    operation: &'l str,
    request: Uid<'l>,
}

#[derive(Serialize)]
struct Actor<'l> {
    app_name: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<Uid<'l>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<Uid<'l>>,
}

/// Where a call came from: perso does not know that.
#[derive(Serialize)]
struct Endpoint {
    name: &'static str,
}

#[derive(Serialize)]
struct Uid<'l> {
    uid: &'l str,
}

/// What the class has no place for.
#[derive(Serialize)]
struct Unmapped<'l> {
    decision: &'l str,
    cause: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'l str>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    agent: &'l Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    args: Option<&'l Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    approved_by: Option<&'l str>,
    enforced: bool,
    duration_us: u64,
}

impl<'l> Event<'l> {
    /// The event of a decision.
    pub(super) fn new(decided: &'l Decided<'_>) -> Self {
        // A denied call runs if the guard only observes.
        let is_blocked = decided.decision != "allow" && decided.enforced;
        let (action_id, action) = if is_blocked { (2, "Denied") } else { (1, "Allowed") };
        let (disposition_id, disposition) = if is_blocked { (2, "Blocked") } else { (1, "Allowed") };
        let (status_id, status) = if is_blocked { (2, "Failure") } else { (1, "Success") };
        let (severity_id, severity) = if decided.decision == "allow" { (1, "Informational") } else { (2, "Low") };
        let rule = decided.rule.as_deref().or(decided.cause.rule.as_deref());
        Self {
            class_uid: 6003,
            class_name: "API Activity",
            category_uid: 6,
            category_name: "Application Activity",
            activity_id: 99,
            activity_name: "Call a tool",
            type_uid: 600_399,
            type_name: "API Activity: Other",
            severity_id,
            severity,
            time: decided.time.parse::<Timestamp>().map_or(0, |time| time.as_millisecond()),
            status_id,
            status,
            action_id,
            action,
            disposition_id,
            disposition,
            message: format!("{} {}: {}", decided.decision, decided.tool, decided.why()),
            metadata: Metadata {
                version: "1.8.0",
                product: Product { name: "perso", vendor_name: "perso" },
                profiles: ["security_control"],
                uid: &decided.id,
                log_name: "perso journal",
                sequence: decided.seq,
            },
            api: Api { operation: &decided.tool, request: Uid { uid: &decided.id } },
            actor: Actor {
                app_name: "agent",
                user: decided.agent.get("id").and_then(Value::as_str).map(|uid| Uid { uid }),
                session: decided.session.as_deref().map(|uid| Uid { uid }),
            },
            src_endpoint: Endpoint { name: "unknown" },
            firewall_rule: rule.map(|uid| Uid { uid }),
            policy: decided.policy.as_deref().map(|uid| Uid { uid }),
            unmapped: Unmapped {
                decision: &decided.decision,
                cause: decided.why(),
                hint: decided.hint.as_deref(),
                agent: &decided.agent,
                args: decided.args.as_ref(),
                approved_by: decided.approved_by.as_deref(),
                enforced: decided.enforced,
                duration_us: decided.duration_us,
            },
        }
    }
}
