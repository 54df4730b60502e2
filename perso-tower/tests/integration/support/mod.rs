//! Shared by the tests: a policy, callers, servers that record what runs, and clients.

pub mod corpus;
pub mod lax;
pub mod notes;
pub mod peer;
pub mod router;
pub mod server;
pub mod source;
pub mod tcp;
pub mod verbatim;
pub mod wire;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use perso_tower::{Agent, Policy};
use serde::Serialize;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

/// A policy: agents may pay up to 500, managers may wipe what they own, admins may do anything.
pub fn policy() -> Policy {
    compiled(&json!({
        "perso": 1,
        "rules": [
            { "id": "pay-small", "allow": "pay", "roles": ["agent"], "when": { "args.amount": { "lte": 500 } },
              "reason": "Agents may pay up to 500." },
            { "id": "wipe-own", "allow": "wipe", "roles": ["manager"],
              "when": { "resource.owner_id": { "eq": { "ref": "agent.id" } } },
              "reason": "Managers may wipe what they own." },
            { "id": "anything", "allow": "*", "roles": ["admin"] }
        ]
    }))
}

pub fn compiled(policy: &Value) -> Policy {
    Policy::compile(&policy.to_string()).unwrap()
}

pub fn allow_all() -> Policy {
    compiled(&json!({ "perso": 1, "rules": [{ "id": "all", "allow": "*" }] }))
}

pub const REASON: &str = "Agents may pay up to 500.";

/// Records what ran, in order: each tool with its arguments.
#[derive(Debug, Clone, Default)]
pub struct Ran(Arc<Mutex<Vec<(String, Value)>>>);

impl Ran {
    pub fn note(&self, tool: &str, args: Value) {
        self.0.lock().unwrap().push((tool.to_owned(), args));
    }

    pub fn count(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    /// Returns what ran since the last call of this function.
    pub fn take(&self) -> Vec<(String, Value)> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }

    #[track_caller]
    pub fn assert_nothing(&self, why: &str) {
        assert_eq!(self.take(), [], "{why}");
    }
}

/// The claims that the authentication layer stores in a request's extensions.
#[derive(Debug, Clone, Serialize)]
pub struct Claims {
    pub id: String,
    pub roles: Vec<String>,
}

impl Claims {
    /// Returns the claims of a token `role` or `role:id`. Without an id, the role is the id.
    pub fn of(token: &str) -> Self {
        let (role, id) = token.split_once(':').unwrap_or((token, token));
        Self { id: id.to_owned(), roles: vec![role.to_owned()] }
    }

    pub fn agent(&self) -> Agent {
        Agent::new(&self.id).roles(&self.roles)
    }
}

/// The authentication layer.
pub async fn authenticate(mut request: Request, next: Next) -> Response {
    let token = request.headers().get("authorization").and_then(|token| token.to_str().ok());
    if let Some(claims) = token.map(Claims::of) {
        request.extensions_mut().insert(claims);
    }
    next.run(request).await
}
