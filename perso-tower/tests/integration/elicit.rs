//! Approvals by elicitation: the person at the client, in both eras of MCP.

use crate::support::server::Server;
use crate::support::wire::{Client as Wire, MODERN};
use crate::support::{Claims, Ran, authenticate, compiled, router, server, tcp};
use axum::{Router, middleware};
use perso_tower::{
    Agent, Answer, Approval, Event, FromExtension, Guard, GuardService, PersoLayer, Policy, PolicyHandle, Question,
    RouterLayer, elicit, ledger,
};
use rmcp::model::*;
use rmcp::service::{
    ClientLifecycleMode, PeerRequestOptions, RequestContext, RunningService, serve_client_with_lifecycle,
};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use rmcp::{ClientHandler, ErrorData, RoleClient, RoleServer, ServerHandler, ServiceExt};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Notify;

const LARGE: &str = "Large payments need approval.";
const REFUSED: &str = "Large payments need approval. Hint: a person has denied this call: do not repeat it.";
const LATE: &str =
    "Large payments need approval. Hint: nobody has decided in time: repeat the same call later to ask again.";
const UNASKED: &str =
    "Large payments need approval. Hint: nobody could be asked: repeat the same call later to try again.";
const VOID: &str =
    "Large payments need approval. Hint: the approval has expired or was used: repeat the same call to ask again.";

const LEGACY: ClientLifecycleMode = ClientLifecycleMode::Initialize;

fn modern() -> ClientLifecycleMode {
    ClientLifecycleMode::Discover { preferred_versions: vec![ProtocolVersion::V_2026_07_28] }
}

fn policy() -> Policy {
    compiled(&json!({ "perso": 1, "rules": [
        { "id": "small", "allow": "pay", "when": { "args.amount": { "lte": 500 } } },
        { "id": "large", "ask": ["pay", "ask"], "when": { "args.amount": { "gt": 500 } }, "reason": LARGE }
    ] }))
}

/// What the user of a client does when they are asked.
#[derive(Clone)]
enum User {
    Says(Value),
    /// Never answers.
    Waits,
}

/// A client with a user.
#[derive(Clone)]
struct Side {
    has_forms: bool,
    user: Arc<Mutex<User>>,
    asked: Arc<Mutex<Vec<String>>>,
    is_asked: Arc<Notify>,
    /// A question was withdrawn.
    withdrawn: Arc<Notify>,
}

impl Side {
    fn new(has_forms: bool) -> Self {
        let user = Arc::new(Mutex::new(User::Waits));
        Self { has_forms, user, asked: Arc::default(), is_asked: Arc::default(), withdrawn: Arc::default() }
    }

    fn will(&self, user: User) {
        *self.user.lock().unwrap() = user;
    }
}

impl ClientHandler for Side {
    fn get_info(&self) -> ClientConfig {
        let capabilities = match self.has_forms {
            true => ClientCapabilities::builder().enable_elicitation().build(),
            false => ClientCapabilities::default(),
        };
        ClientConfig::new(capabilities, Implementation::new("test", "1"))
    }

    async fn create_elicitation(
        &self,
        asked: ElicitRequestParams,
        context: RequestContext<RoleClient>,
    ) -> Result<ElicitResult, ErrorData> {
        let ElicitRequestParams::FormElicitationParams { message, requested_schema, .. } = asked else {
            panic!("no form")
        };
        assert_eq!(requested_schema.required, Some(vec!["approve".to_owned()]));
        self.asked.lock().unwrap().push(message);
        self.is_asked.notify_one();
        let user = self.user.lock().unwrap().clone();
        match user {
            User::Says(said) => Ok(serde_json::from_value(said).unwrap()),
            User::Waits => {
                context.ct.cancelled().await;
                self.withdrawn.notify_one();
                Ok(ElicitResult::new(ElicitationAction::Cancel))
            }
        }
    }
}

fn yes() -> Value {
    json!({ "action": "accept", "content": { "approve": true } })
}

type Client = RunningService<RoleClient, Side>;

/// Calls `pay`. Returns the text.
async fn pay(client: &Client, args: Value) -> String {
    let call = CallToolRequestParams::new("pay").with_arguments(args.as_object().cloned().unwrap());
    let result = client.call_tool(call).await.unwrap();
    result.content.first().and_then(|content| content.as_text()).unwrap().text.clone()
}

async fn over_http(app: Router, side: Side, era: ClientLifecycleMode) -> Client {
    let address = tcp::serve(app).await;
    // A second one is not chosen.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let config = StreamableHttpClientTransportConfig::with_uri(format!("http://{address}/mcp"));
    serve_client_with_lifecycle(side, StreamableHttpClientTransport::from_config(config), era).await.unwrap()
}

async fn over_lines(service: impl rmcp::Service<RoleServer>, side: Side, era: ClientLifecycleMode) -> Client {
    let (near, far) = tokio::io::duplex(1 << 16);
    tokio::spawn(async move { service.serve(far).await.unwrap().waiting().await });
    serve_client_with_lifecycle(side, near, era).await.unwrap()
}

/// Sets the same things on each guard.
macro_rules! ann {
    ($guard:expr) => {
        $guard.agent(|_: &_| Agent::new("ann"))
    };
}

/// A client of a server behind each adapter that can ask it, and what the server runs.
async fn each(side: &Side, time: Duration) -> Vec<(&'static str, Client, Ran)> {
    let mut all = Vec::new();
    let served = |handler| Router::new().nest_service("/mcp", server::http(handler));
    for (era, is_modern) in [(LEGACY, false), (modern(), true)] {
        let guarded =
            |ran: &Ran| ann!(Server { ran: ran.clone() }.guarded(policy())).approver(elicit()).approval_time(time);
        let ran = Ran::default();
        all.push(("lines", over_lines(guarded(&ran), side.clone(), era.clone()).await, ran));
        let ran = Ran::default();
        let service =
            ann!(Server { ran: ran.clone() }.guarded_service(policy())).approver(elicit()).approval_time(time);
        all.push(("service", over_lines(service, side.clone(), era.clone()).await, ran));
        let ran = Ran::default();
        let app = Router::new().nest_service("/mcp", server::http(guarded(&ran)));
        all.push(("http", over_http(app, side.clone(), era.clone()).await, ran));
        if is_modern {
            let ran = Ran::default();
            let layer = ann!(RouterLayer::new(policy())).approver(elicit()).approval_time(time);
            let app = Router::new().nest_service("/mcp", router::http(&ran).layer(layer).into_router());
            all.push(("tower-mcp", over_http(app, side.clone(), era.clone()).await, ran));
            let ran = Ran::default();
            let layer = ann!(PersoLayer::new(policy())).approver(elicit()).approval_time(time);
            let app = served(Server { ran: ran.clone() }).layer(layer);
            all.push(("layer", over_http(app, side.clone(), era).await, ran));
        }
    }
    all
}

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn the_person_at_the_client_decides() {
    let side = Side::new(true);
    for (name, client, ran) in each(&side, MINUTE).await {
        for (said, expected) in [
            (yes(), "pay ran with"),
            (json!({ "action": "accept", "content": { "approve": false } }), REFUSED),
            (json!({ "action": "decline" }), REFUSED),
            (json!({ "action": "cancel" }), LATE),
        ] {
            side.will(User::Says(said.clone()));
            let text = pay(&client, json!({ "amount": 501, "note": "a\u{202e}b" })).await;
            assert!(text.starts_with(expected), "{name}, {said}: {text}");
        }
        let asked = std::mem::take(&mut *side.asked.lock().unwrap());
        assert_eq!(asked.len(), 4, "{name}");
        let shown = r#"Arguments: {"amount":501,"note":"a\u202eb"}"#;
        assert_eq!(asked[0], format!("{LARGE}\n\nTool: \"pay\"\n{shown}"), "{name}");
        // What needs no approval is not asked about, and what is too large is not shown.
        assert!(pay(&client, json!({ "amount": 5 })).await.starts_with("pay ran"), "{name}");
        let text = pay(&client, json!({ "amount": 501, "note": "x".repeat(1 << 16) })).await;
        assert!(text.contains("the call is too large for a person to be shown"), "{name}: {text}");
        assert_eq!(side.asked.lock().unwrap().len(), 0, "{name}");
        assert_eq!(ran.take().len(), 2, "{name}");
    }
}

#[tokio::test]
async fn a_client_that_cannot_ask_its_user_is_not_asked() {
    let side = Side::new(false);
    for (name, client, ran) in each(&side, MINUTE).await {
        assert_eq!(pay(&client, json!({ "amount": 501 })).await, UNASKED, "{name}");
        ran.assert_nothing(name);
    }
    assert_eq!(side.asked.lock().unwrap().len(), 0);
}

#[tokio::test]
async fn somebody_else_is_asked_if_the_client_cannot() {
    let approve = |_: Question| async { Ok(Answer::Approved(Approval::by("max"))) };
    for (has_forms, by) in [(false, "max"), (true, "ann")] {
        for era in [LEGACY, modern()] {
            let (side, ran, seen) = (Side::new(has_forms), Ran::default(), Arc::new(Mutex::new(Vec::new())));
            side.will(User::Says(yes()));
            let noted = seen.clone();
            let guarded = ann!(Server { ran: ran.clone() }.guarded(policy()))
                .approver(elicit().otherwise(approve))
                .on_decision(move |event: &Event<'_>, _: &Value| {
                    noted.lock().unwrap().extend(event.approved_by.map(str::to_owned));
                });
            let client = over_lines(guarded, side, era).await;
            assert!(pay(&client, json!({ "amount": 501 })).await.starts_with("pay ran"));
            assert_eq!(ran.take().len(), 1);
            assert_eq!(*seen.lock().unwrap(), [by]);
        }
    }
}

/// In the newer era, the guard is not waiting: see `an_approval_between_rounds_expires`.
#[tokio::test]
async fn a_question_that_is_not_answered_in_time_is_withdrawn() {
    let side = Side::new(true);
    for (name, client, ran) in each(&side, Duration::from_millis(50)).await {
        if client.peer_info().unwrap().protocol_version >= ProtocolVersion::V_2026_07_28 {
            continue;
        }
        assert_eq!(pay(&client, json!({ "amount": 501 })).await, LATE, "{name}");
        tokio::time::timeout(MINUTE, side.withdrawn.notified()).await.unwrap();
        ran.assert_nothing(name);
    }
}

#[tokio::test]
async fn a_call_that_is_cancelled_meanwhile_does_not_run() {
    let (side, ran) = (Side::new(true), Ran::default());
    let guarded = ann!(Server { ran: ran.clone() }.guarded(policy())).approver(elicit());
    let client = over_lines(guarded, side.clone(), LEGACY).await;
    let call = CallToolRequestParams::new("pay").with_arguments(json!({ "amount": 501 }).as_object().cloned().unwrap());
    let options = PeerRequestOptions::no_options();
    let handle = client.send_cancellable_request(CallToolRequest::new(call).into(), options).await.unwrap();
    side.is_asked.notified().await;
    handle.cancel(None).await.unwrap();
    tokio::time::timeout(MINUTE, side.withdrawn.notified()).await.unwrap();
    ran.assert_nothing("it was cancelled");
}

#[tokio::test]
async fn an_approval_is_void_if_the_policy_has_changed_while_the_person_decided() {
    let (side, ran) = (Side::new(true), Ran::default());
    let handle = PolicyHandle::from(policy());
    let guarded = ann!(Server { ran: ran.clone() }.guarded(handle.clone())).approver(elicit());
    /// Changes the policy before they answer.
    struct Changes(Side, PolicyHandle);
    impl ClientHandler for Changes {
        fn get_info(&self) -> ClientConfig {
            self.0.get_info()
        }

        async fn create_elicitation(
            &self,
            asked: ElicitRequestParams,
            context: RequestContext<RoleClient>,
        ) -> Result<ElicitResult, ErrorData> {
            self.1.swap(crate::support::allow_all());
            self.0.create_elicitation(asked, context).await
        }
    }
    side.will(User::Says(yes()));
    let (near, far) = tokio::io::duplex(1 << 16);
    tokio::spawn(async move { guarded.serve(far).await.unwrap().waiting().await });
    let client = serve_client_with_lifecycle(Changes(side, handle), near, LEGACY).await.unwrap();
    let call = CallToolRequestParams::new("pay").with_arguments(json!({ "amount": 501 }).as_object().cloned().unwrap());
    let result = client.call_tool(call.clone()).await.unwrap();
    assert_eq!(result.content[0].as_text().unwrap().text, VOID);
    ran.assert_nothing("the policy has changed");
    assert_ne!(client.call_tool(call).await.unwrap().is_error, Some(true));
}

/// A server of revision 2026-07-28 behind each adapter, for messages that no client sends, and what it runs.
fn lines(policy: &PolicyHandle, time: Duration) -> Vec<(&'static str, Router, Ran)> {
    macro_rules! set {
        ($guard:expr) => {
            $guard
                .agent_source(FromExtension::<Claims>::new())
                .ledger(ledger::open("memory:").unwrap())
                .approver(elicit())
                .approval_time(time)
        };
    }
    let (of_rmcp, of_router, of_layer) = (Ran::default(), Ran::default(), Ran::default());
    let guarded = set!(Server { ran: of_rmcp.clone() }.guarded(policy.clone()));
    let layer = set!(RouterLayer::new(policy.clone()));
    let apps = [
        ("rmcp", Router::new().nest_service("/mcp", server::http(guarded)), of_rmcp),
        (
            "tower-mcp",
            Router::new().nest_service("/mcp", router::http(&of_router).layer(layer).into_router()),
            of_router,
        ),
        (
            "layer",
            {
                let layer = set!(PersoLayer::new(policy.clone()));
                Router::new().nest_service("/mcp", server::http(Server { ran: of_layer.clone() })).layer(layer)
            },
            of_layer,
        ),
    ];
    apps.into_iter().map(|(name, app, ran)| (name, app.layer(middleware::from_fn(authenticate)), ran)).collect()
}

/// A round of a call of `pay`: its result.
async fn round(wire: &Wire, token: &str, amount: u32, more: Value) -> Value {
    wire.call(token, "pay", json!({ "amount": amount }), more).await["result"].clone()
}

/// What a client sends in the next round, with its user's answer to each question.
fn next(required: &Value, said: &Value) -> Value {
    let keys = required["inputRequests"].as_object().unwrap().keys();
    let responses: serde_json::Map<String, Value> = keys.map(|key| (key.clone(), said.clone())).collect();
    json!({ "requestState": required["requestState"], "inputResponses": responses })
}

#[track_caller]
fn assert_asked(result: &Value, name: &str) {
    assert_eq!(result["resultType"], "input_required", "{name}: {result}");
    let requests = result["inputRequests"].as_object().unwrap();
    assert_eq!(requests.len(), 1);
    let (key, request) = requests.iter().next().unwrap();
    assert!(key.starts_with("perso-approval-"), "{name}: {result}");
    assert_eq!(request["method"], "elicitation/create");
    assert!(result["requestState"].as_str().unwrap().starts_with(key), "{name}: {result}");
}

#[tokio::test]
async fn an_approval_between_rounds_is_for_the_same_call_once() {
    for (name, app, ran) in lines(&policy().into(), MINUTE) {
        let wire = Wire::connect(&app, MODERN, "agent:ann").await;
        let round = async |token: &str, amount: u32, more: Value| round(&wire, token, amount, more).await;
        let first = round("agent:ann", 501, json!({})).await;
        assert_asked(&first, name);
        // Other arguments: the person is asked about them.
        assert_asked(&round("agent:ann", 502, next(&first, &yes())).await, name);
        // The answer was used up by that.
        let again = round("agent:ann", 501, next(&first, &yes())).await;
        assert_asked(&again, name);
        // Another caller.
        assert_asked(&round("agent:bob", 501, next(&again, &yes())).await, name);
        // Answers to no question.
        let state = first["requestState"].as_str().unwrap();
        let key = first["inputRequests"].as_object().unwrap().keys().next().unwrap();
        let forged = format!("{key}-{}", "0".repeat(32));
        for more in [
            json!({ "inputResponses": { key: yes() } }),
            json!({ "inputResponses": { key: yes() }, "requestState": "made up" }),
            json!({ "inputResponses": { key: yes() }, "requestState": forged }),
            json!({ "inputResponses": { key: yes() }, "requestState": format!("{state}0") }),
            json!({ "inputResponses": { "perso-approval": yes() }, "requestState": "perso-approval" }),
        ] {
            assert_asked(&round("agent:ann", 501, more).await, name);
        }
        ran.assert_nothing(name);
        // The right one, without the answer and then with it.
        let right = round("agent:ann", 501, json!({})).await;
        let lacking = json!({ "requestState": right["requestState"], "inputResponses": {} });
        assert_asked(&round("agent:ann", 501, lacking).await, name);
        let right = round("agent:ann", 501, json!({})).await;
        let done = round("agent:ann", 501, next(&right, &yes())).await;
        assert!(done["content"][0]["text"].as_str().unwrap().starts_with("pay ran"), "{name}: {done}");
        assert_eq!(ran.take().len(), 1, "{name}");
        // Replayed.
        assert_asked(&round("agent:ann", 501, next(&right, &yes())).await, name);
        // Denied.
        let asked = round("agent:ann", 501, json!({})).await;
        let denied = round("agent:ann", 501, next(&asked, &json!({ "action": "decline" }))).await;
        assert_eq!(denied["content"][0]["text"], REFUSED, "{name}");
        ran.assert_nothing(name);
    }
}

#[tokio::test]
async fn of_answers_that_come_at_once_one_counts() {
    for (name, app, ran) in lines(&policy().into(), MINUTE) {
        let wire = Wire::connect(&app, MODERN, "agent:ann").await;
        for amount in 501..506 {
            let asked = round(&wire, "agent:ann", amount, json!({})).await;
            let answers = (0..8).map(|_| round(&wire, "agent:ann", amount, next(&asked, &yes())));
            let done = futures::future::join_all(answers).await;
            assert_eq!(done.iter().filter(|result| result["resultType"] == "input_required").count(), 7, "{name}");
            assert_eq!(ran.take().len(), 1, "{name}");
        }
    }
}

#[tokio::test]
async fn an_approval_between_rounds_expires() {
    for (name, app, ran) in lines(&policy().into(), Duration::from_millis(30)) {
        let wire = Wire::connect(&app, MODERN, "agent:ann").await;
        let asked = round(&wire, "agent:ann", 501, json!({})).await;
        tokio::time::sleep(Duration::from_millis(60)).await;
        assert_asked(&round(&wire, "agent:ann", 501, next(&asked, &yes())).await, name);
        ran.assert_nothing(name);
    }
}

#[tokio::test]
async fn an_approval_between_rounds_is_for_the_policy_that_asked() {
    let rules = |rules: Value| compiled(&json!({ "perso": 1, "rules": rules }));
    let handle = PolicyHandle::from(policy());
    for (name, app, ran) in lines(&handle, MINUTE) {
        let wire = Wire::connect(&app, MODERN, "agent:ann").await;
        let asked = round(&wire, "agent:ann", 501, json!({})).await;
        // Another policy with the same rule: the person is asked about it.
        handle.swap(rules(json!([
            { "id": "large", "ask": "pay", "when": { "args.amount": { "gt": 500 } }, "reason": LARGE }
        ])));
        let again = round(&wire, "agent:ann", 501, next(&asked, &yes())).await;
        assert_asked(&again, name);
        // One that denies the call.
        handle.swap(rules(json!([])));
        let denied = round(&wire, "agent:ann", 501, next(&again, &yes())).await;
        assert_eq!(denied["isError"], true, "{name}: {denied}");
        ran.assert_nothing(name);
        handle.swap(policy());
    }
}

#[tokio::test]
async fn a_rule_and_a_limit_that_both_ask() {
    let policy = compiled(&json!({
        "perso": 1,
        "rules": [{ "id": "rule", "ask": "pay", "reason": "By rule." }],
        "limits": [{ "id": "limit", "of": "pay", "max": 0, "window": "1h", "over": "ask", "reason": "By limit." }]
    }));
    for (name, app, ran) in lines(&policy.into(), MINUTE) {
        let wire = Wire::connect(&app, MODERN, "agent:ann").await;
        let shows = |result: &Value, why: &str| {
            let request = result["inputRequests"].as_object().unwrap().values().next().unwrap();
            assert!(request["params"]["message"].as_str().unwrap().starts_with(why), "{name}: {result}");
        };
        let rule = round(&wire, "agent:ann", 1, json!({})).await;
        shows(&rule, "By rule.");
        let limit = round(&wire, "agent:ann", 1, next(&rule, &yes())).await;
        shows(&limit, "By limit.");
        ran.assert_nothing(name);
        let done = round(&wire, "agent:ann", 1, next(&limit, &yes())).await;
        assert!(done["content"][0]["text"].as_str().unwrap().starts_with("pay ran"), "{name}: {done}");
        assert_eq!(ran.take().len(), 1, "{name}");
    }
}

/// A server that asks a question of its own, and notes what it gets.
#[derive(Clone, Default)]
struct Asks(Ran);

impl ServerHandler for Asks {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }

    async fn call_tool(
        &self,
        call: CallToolRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        self.0.note(&call.name, json!([call.input_responses, call.request_state]));
        if call.input_responses.is_some() {
            return Ok(CallToolResult::success(vec![ContentBlock::text("done")]).into());
        }
        let ask = json!({ "sure": { "method": "elicitation/create", "params": {
            "mode": "form", "message": "Sure?", "requestedSchema": { "type": "object", "properties": {} }
        } } });
        Ok(InputRequiredResult::new(Some(serde_json::from_value(ask).unwrap()), Some("mine".to_owned())).into())
    }
}

#[tokio::test]
async fn a_server_that_asks_its_own_questions_gets_its_answers() {
    let (of_rmcp, of_layer) = (Asks::default(), Asks::default());
    let guarded = ann!(of_rmcp.clone().guarded(policy())).approver(elicit());
    let layer = ann!(PersoLayer::new(policy())).approver(elicit());
    for (name, app, ran) in [
        ("rmcp", Router::new().nest_service("/mcp", server::http(guarded)), of_rmcp.0),
        ("layer", Router::new().nest_service("/mcp", server::http(of_layer.clone())).layer(layer), of_layer.0),
    ] {
        let wire = Wire::connect(&app, MODERN, "agent:ann").await;
        let approval = round(&wire, "", 501, json!({})).await;
        assert_asked(&approval, name);
        ran.assert_nothing(name);
        let question = round(&wire, "", 501, next(&approval, &yes())).await;
        assert_eq!(question["inputRequests"]["sure"]["method"], "elicitation/create", "{name}: {question}");
        assert_eq!(question["requestState"], "mine", "{name}");
        // Each round is judged, so that the person is asked again.
        let large = json!({ "action": "accept", "content": { "n": 1e300, "text": "\u{e9}" } });
        let second = round(&wire, "", 501, next(&question, &large)).await;
        assert_asked(&second, name);
        let done = round(&wire, "", 501, next(&second, &yes())).await;
        assert_eq!(done["content"][0]["text"], "done", "{name}: {done}");
        let seen = [json!([null, null]), json!([{ "sure": large }, "mine"])];
        assert_eq!(ran.take(), seen.map(|seen| ("pay".to_owned(), seen)), "{name}");
    }
}
