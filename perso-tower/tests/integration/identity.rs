//! The caller and the resource: determined for each request, the resource only where it matters; a failure never grants
//! permission.

use crate::support::server::Server;
use crate::support::wire::{Client, MODERN, assert_denied, text};
use crate::support::{Claims, Ran, allow_all, authenticate, policy, server};
use axum::{Router, middleware};
use http::request::Parts;
use perso_tower::{
    Agent, AgentSource, BoxError, ContextSource, FromExtension, Guard, PersoLayer, ResourceQuery, ResourceSource,
    StaticAgent, async_trait,
};
use rmcp::{RoleServer, ServerHandler, service::RequestContext};
use serde_json::{Map, Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const OWN: &str = "Managers may wipe what they own.";
const UNKNOWN: &str = "the call cannot be judged";

fn layered(layer: PersoLayer) -> (Router, Ran) {
    let ran = Ran::default();
    let app = Router::new().nest_service("/mcp", server::http(Server { ran: ran.clone() })).layer(layer);
    (app.layer(middleware::from_fn(authenticate)), ran)
}

fn served<H: ServerHandler + Clone>(guarded: H) -> Router {
    Router::new().nest_service("/mcp", server::http(guarded)).layer(middleware::from_fn(authenticate))
}

/// Looks up owners and counts the lookups.
#[derive(Clone, Default)]
struct Owners(Arc<AtomicUsize>);

#[async_trait]
impl ResourceSource for Owners {
    async fn resource(&self, query: ResourceQuery) -> Result<Map<String, Value>, BoxError> {
        self.0.fetch_add(1, Ordering::SeqCst);
        assert_eq!(query.tool, "wipe");
        assert_eq!(query.agent.attributes()["roles"], json!(["manager"]));
        match query.args["id"].as_str() {
            Some("slow") => Ok(std::future::pending().await),
            Some("gone") => Err("there is no such record".into()),
            Some(id) => Ok(Map::from_iter([("owner_id".to_owned(), json!(format!("owner of {id}")))])),
            None => Ok(Map::new()),
        }
    }
}

#[tokio::test]
async fn the_resource_is_looked_up_where_it_matters() {
    let owners = Owners::default();
    let who = FromExtension::<Claims>::new;
    let (layered, layered_ran) = layered(
        PersoLayer::new(policy()).agent_source(who()).resource(owners.clone()).resource_time(Duration::from_millis(50)),
    );
    let guarded = Server::default();
    let guarded_ran = guarded.ran.clone();
    let guarded =
        guarded.guarded(policy()).agent_source(who()).resource(owners.clone()).resource_time(Duration::from_millis(50));
    for (app, ran) in [(layered, layered_ran), (served(guarded), guarded_ran)] {
        let asked = || owners.0.swap(0, Ordering::SeqCst);
        let client = Client::connect(&app, MODERN, "agent").await;

        let answer = client.call("manager:owner of a", "wipe", json!({ "id": "a" }), Value::Null).await;
        assert!(text(&answer).starts_with("wipe ran"), "{answer}");
        assert_eq!((ran.take().len(), asked()), (1, 1));

        for id in ["b", "gone", "slow"] {
            let answer = client.call("manager:owner of a", "wipe", json!({ "id": id }), Value::Null).await;
            assert_denied(&answer, OWN, MODERN);
            assert_eq!(asked(), 1, "{id}");
        }
        // A caller who may in any case, one who may not in any case, and a tool whose rules use no resource.
        client.call("admin", "wipe", json!({ "id": "a" }), Value::Null).await;
        assert_eq!(ran.take().len(), 1);
        client.call("agent", "wipe", json!({ "id": "a" }), Value::Null).await;
        client.call("agent", "pay", json!({ "amount": 501 }), Value::Null).await;
        // Arguments that are not an object.
        client.call("manager:owner of a", "wipe", json!([1]), Value::Null).await;
        ran.assert_nothing("denied");
        assert_eq!(asked(), 0);
    }
}

#[tokio::test]
async fn a_resource_may_be_looked_up_by_a_function() {
    let owner = |query: ResourceQuery| async move {
        let id = query.args["id"].as_str().ok_or("no id")?.to_owned();
        Ok::<_, BoxError>(Map::from_iter([("owner_id".to_owned(), json!(id))]))
    };
    let (app, ran) = layered(PersoLayer::new(policy()).agent_source(FromExtension::<Claims>::new()).resource(owner));
    let client = Client::connect(&app, MODERN, "agent").await;
    client.call("manager:me", "wipe", json!({ "id": "me" }), Value::Null).await;
    assert_eq!(ran.take().len(), 1);
    client.call("manager:me", "wipe", json!({}), Value::Null).await;
    ran.assert_nothing("denied");
}

#[tokio::test]
async fn nobody_in_particular_has_no_roles() {
    // Without an agent source, and with a source but without claims.
    for layer in [PersoLayer::new(policy()), PersoLayer::new(policy()).agent_source(FromExtension::<Claims>::new())] {
        let ran = Ran::default();
        let app = Router::new().nest_service("/mcp", server::http(Server { ran: ran.clone() })).layer(layer);
        let client = Client::connect(&app, MODERN, "admin").await;
        assert_denied(&client.call("admin", "wipe", json!({}), Value::Null).await, OWN, MODERN);
        assert!(client.list("admin").await.0.is_empty());
        ran.assert_nothing("denied");
    }
}

#[tokio::test]
async fn functions_may_tell_who_calls() {
    let sources = [
        PersoLayer::new(policy()).agent(|parts| parts.extensions.get::<Claims>().map(Claims::agent)),
        PersoLayer::new(policy()).agent(|parts| parts.extensions.get::<Claims>().unwrap().agent()),
        PersoLayer::new(policy()).agent(|parts| parts.extensions.get::<Claims>().map(Claims::agent).ok_or("nobody")),
    ];
    for layer in sources {
        let (app, ran) = layered(layer);
        let client = Client::connect(&app, MODERN, "agent").await;
        client.call("admin", "wipe", json!({}), Value::Null).await;
        assert_eq!(ran.take().len(), 1);
        assert_denied(&client.call("agent", "wipe", json!({}), Value::Null).await, OWN, MODERN);
        ran.assert_nothing("denied");
    }
}

struct Broken;

#[async_trait]
impl<R: Sync> AgentSource<R> for Broken {
    async fn agent(&self, _: &R) -> Result<Agent, BoxError> {
        Err("the directory is down".into())
    }
}

#[tokio::test]
async fn who_can_not_be_told_may_nothing() {
    // Even if the policy allows everything.
    let (app, ran) = layered(PersoLayer::new(allow_all()).agent_source(Broken));
    let guarded = Server::default();
    let guarded_ran = guarded.ran.clone();
    for (app, ran) in [(app, ran), (served(guarded.guarded(allow_all()).agent_source(Broken)), guarded_ran)] {
        let client = Client::connect(&app, MODERN, "admin").await;
        assert_denied(&client.call("admin", "pay", json!({}), Value::Null).await, UNKNOWN, MODERN);
        assert!(client.list("admin").await.0.is_empty());
        ran.assert_nothing("denied");
    }
}

/// Claims that do not serialize to an object.
#[derive(Clone, serde::Serialize)]
struct Name(String);

#[tokio::test]
async fn claims_must_be_an_object() {
    let (app, ran) = layered(PersoLayer::new(allow_all()).agent_source(FromExtension::<Name>::new()));
    let app = app.layer(axum::Extension(Name("root".to_owned())));
    let client = Client::connect(&app, MODERN, "admin").await;
    assert_denied(&client.call("admin", "pay", json!({}), Value::Null).await, UNKNOWN, MODERN);
    ran.assert_nothing("denied");
}

#[tokio::test]
async fn roles_are_what_the_host_says_and_no_more() {
    // No roles, an unknown role, roles that only look like `admin`, and roles that are not a list.
    for roles in
        [json!([]), json!(["root"]), json!(["Admin"]), json!(["admin "]), json!("admin"), json!({ "admin": true })]
    {
        let agent = Agent::new("a").attribute("roles", roles.clone());
        let (app, ran) = layered(PersoLayer::new(policy()).agent_source(StaticAgent(agent)));
        let client = Client::connect(&app, MODERN, "admin").await;
        assert_denied(&client.call("admin", "wipe", json!({}), Value::Null).await, OWN, MODERN);
        ran.assert_nothing(&roles.to_string());
    }
}

#[tokio::test]
async fn context_is_the_hosts() {
    let policy = || {
        crate::support::compiled(&json!({ "perso": 1, "rules": [
            { "id": "here", "allow": "pay", "when": { "context.server": "crm" } }
        ] }))
    };
    let crm = || Map::from_iter([("server".to_owned(), json!("crm"))]);
    let (app, ran) = layered(PersoLayer::new(policy()).context(crm()));
    let client = Client::connect(&app, MODERN, "x").await;
    assert_eq!(client.list("x").await.0, ["pay"]);
    client.call("x", "pay", json!({}), Value::Null).await;
    assert_eq!(ran.take().len(), 1);
    let (app, ran) = layered(PersoLayer::new(policy()));
    let client = Client::connect(&app, MODERN, "x").await;
    assert!(client.list("x").await.0.is_empty());
    client.call("x", "pay", json!({}), json!({ "context": { "server": "crm" } })).await;
    ran.assert_nothing("denied");
}

/// Knows whether a tool is closed, but not of `wipe`.
struct Opening;

#[async_trait]
impl ContextSource for Opening {
    async fn context(&self, tool: &str) -> Result<Map<String, Value>, BoxError> {
        match tool {
            "wipe" => Err("nobody knows".into()),
            _ => Ok(Map::from_iter([("closed".to_owned(), json!(tool == "ask"))])),
        }
    }
}

#[tokio::test]
async fn context_can_depend_on_the_tool() {
    let policy = || {
        crate::support::compiled(&json!({ "perso": 1, "rules": [
            { "id": "all", "allow": "*" },
            { "id": "closed", "deny": "*", "when": { "context.closed": true }, "reason": "It is closed." }
        ] }))
    };
    let (layered, layered_ran) = layered(PersoLayer::new(policy()).context_source(Opening));
    let guarded = Server::default();
    let guarded_ran = guarded.ran.clone();
    let guarded = served(guarded.guarded(policy()).context_source(Opening));
    for (app, ran) in [(layered, layered_ran), (guarded, guarded_ran)] {
        let client = Client::connect(&app, MODERN, "x").await;
        assert_eq!(client.list("x").await.0.len(), server::TOOLS.len(), "lists show what some context could allow");
        assert_denied(&client.call("x", "ask", json!({}), Value::Null).await, "It is closed.", MODERN);
        assert_denied(&client.call("x", "wipe", json!({}), Value::Null).await, "It is closed.", MODERN);
        ran.assert_nothing("denied");
        client.call("x", "pay", json!({}), Value::Null).await;
        assert_eq!(ran.take().len(), 1);
    }
}

/// Inside a guarded handler, as in a layer, the agent source can read the HTTP request that carried the call.
#[tokio::test]
async fn rmcp_knows_the_request_that_brought_the_call() {
    let server = Server::default();
    let ran = server.ran.clone();
    let guarded = server.guarded(policy()).agent(|context: &RequestContext<RoleServer>| {
        context.extensions.get::<Parts>().and_then(|parts| parts.extensions.get::<Claims>()).map(Claims::agent)
    });
    let client = Client::connect(&served(guarded), "2025-11-25", "agent").await;
    client.call("admin", "wipe", json!({}), Value::Null).await;
    assert_eq!(ran.take().len(), 1);
    client.call("agent", "wipe", json!({}), Value::Null).await;
    ran.assert_nothing("denied");
}
