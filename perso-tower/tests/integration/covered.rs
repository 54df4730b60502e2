//! Requests for resources and prompts that the policy covers. With each adapter, over each transport and in both eras, the
//! guard judges each request by its caller, and what it denies does not reach the server, which records what runs.

use crate::support::notes::{self, NOTES, Notes, PROMPTS, SKILLS, TEMPLATES};
use crate::support::peer::{Era, Peer};
use crate::support::wire::{Client, MODERN};
use crate::support::{Claims, Ran, compiled, server, tcp};
use crate::ways::{authenticated, each_tower_mcp, json_config, of_token, over_lines};
use axum::Router;
use perso_tower::{
    BoxError, Event, FromExtension, Guard, GuardService, META, PersoLayer, Policy, PolicyHandle, ResourceQuery,
    RouterLayer,
};
use serde_json::{Map, Value, json};
use std::sync::{Arc, Mutex};

const READ: &str = "mcp:resources/read";
const SUBSCRIBE: &str = "mcp:resources/subscribe";
const GET: &str = "mcp:prompts/get";
const COMPLETE: &str = "mcp:completion/complete";

const REASON: &str = "Agents may read public notes.";

/// Agents read public notes, admins all notes.
fn policy() -> Policy {
    compiled(&json!({
        "perso": 1,
        "covers": ["tools", "resources", "prompts"],
        "rules": [
            { "id": "tools", "allow": "*" },
            { "id": "public", "allow": "mcp:resources/*", "roles": ["agent"],
              "when": { "args.uri": { "starts_with": "note://public/" } }, "reason": REASON },
            { "id": "all", "allow": "mcp:resources/*", "roles": ["admin"] },
            { "id": "greet", "allow": "mcp:prompts/get", "when": { "args.name": "greet" } },
            { "id": "report", "allow": "mcp:prompts/get", "when": { "args.name": "report", "args.arguments.team": "sales" } },
            { "id": "complete", "allow": "mcp:completion/complete" }
        ]
    }))
}

/// Requests, each with its caller, the call that it is, and whether it is allowed.
fn requests() -> Vec<(&'static str, &'static str, Value, &'static str, bool)> {
    let (public, private) = (json!({ "uri": NOTES[0] }), json!({ "uri": NOTES[1] }));
    let skill = |at: usize| json!({ "uri": SKILLS[at] });
    let prompt = |name: &str, args: Value| json!({ "name": name, "arguments": args });
    let complete = |reference: Value| json!({ "ref": reference, "argument": { "name": "team", "value": "" } });
    let for_prompt = |name: &str| complete(json!({ "type": "ref/prompt", "name": name }));
    let for_template = |text: &str| complete(json!({ "type": "ref/resource", "uri": text }));
    vec![
        ("agent", "resources/read", public.clone(), READ, true),
        ("agent", "resources/read", private.clone(), READ, false),
        ("agent", "resources/read", json!({ "uri": "note://nowhere/1" }), READ, false),
        ("admin", "resources/read", private.clone(), READ, true),
        ("nobody", "resources/read", public.clone(), READ, false),
        ("agent", "resources/subscribe", public.clone(), SUBSCRIBE, true),
        ("agent", "resources/subscribe", private.clone(), SUBSCRIBE, false),
        ("agent", "resources/unsubscribe", public, SUBSCRIBE, true),
        ("agent", "resources/unsubscribe", private, SUBSCRIBE, false),
        ("agent", "skills/get", skill(0), READ, true),
        ("agent", "skills/get", skill(1), READ, false),
        ("admin", "skills/get", skill(1), READ, true),
        ("agent", "prompts/get", prompt("greet", json!({})), GET, true),
        ("agent", "prompts/get", prompt("report", json!({ "team": "sales" })), GET, true),
        ("agent", "prompts/get", prompt("report", json!({ "team": "board" })), GET, false),
        ("agent", "prompts/get", prompt("payroll", json!({})), GET, false),
        ("agent", "completion/complete", for_prompt("greet"), COMPLETE, true),
        ("agent", "completion/complete", for_prompt("report"), COMPLETE, true),
        ("agent", "completion/complete", for_prompt("payroll"), COMPLETE, false),
        ("agent", "completion/complete", for_template(TEMPLATES[0]), COMPLETE, true),
        ("agent", "completion/complete", for_template(TEMPLATES[1]), COMPLETE, false),
        ("admin", "completion/complete", for_template(TEMPLATES[1]), COMPLETE, true),
    ]
}

/// Requests that the policy cannot judge.
fn unknown() -> Vec<(&'static str, Value)> {
    vec![
        ("resources/directory/read", json!({ "uri": NOTES[0] })),
        ("resources/write", json!({ "uri": NOTES[0] })),
        ("skills/activate", json!({ "uri": SKILLS[0] })),
        ("Resources/Read", json!({ "uri": NOTES[0] })),
        ("prompts/render", json!({ "name": "greet" })),
        ("resources/read", json!({ "uri": [NOTES[0]] })),
        ("prompts/get", json!({ "name": 1 })),
        ("completion/complete", json!({ "ref": { "type": "ref/tool", "name": "pay" } })),
    ]
}

/// The names of a list's entries.
fn listed(answer: &Value, list: &str, key: &str) -> Vec<String> {
    let entries = answer["result"][list].as_array().unwrap_or_else(|| panic!("{answer}"));
    let mut names: Vec<String> = entries.iter().map(|entry| entry[key].as_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

/// Sends every request and checks its outcome. `is_rmcp` is false for tower-mcp, which subscribes by itself and has no skills.
async fn all(peer: &mut Peer, ran: &Ran, era: Era, is_rmcp: bool, at: &str) {
    for (token, method, params, call, is_allowed) in requests() {
        // The stateless era has `subscriptions/listen` instead.
        if call == SUBSCRIBE && era == Era::Stateless {
            continue;
        }
        if method == "skills/get" && !is_rmcp {
            continue;
        }
        let at = format!("{at}: {method} {params} by {token}");
        let answer = peer.ask(token, method, params.clone()).await;
        if !is_allowed {
            ran.assert_nothing(&at);
            let error = &answer["error"];
            assert_eq!((&error["code"], &error["data"][META]["decision"]), (&json!(-32000), &json!("deny")), "{at}");
            if call == READ || call == SUBSCRIBE {
                assert_eq!(error["message"], REASON, "{at}");
            }
            continue;
        }
        assert!(answer.get("result").is_some(), "{at}: {answer}");
        if call != SUBSCRIBE || is_rmcp {
            assert_eq!(ran.take(), [(call.to_owned(), params)], "{at}");
        }
    }
    for (token, notes) in [("agent", &NOTES[..1]), ("admin", &NOTES), ("nobody", &[])] {
        let skills = SKILLS[..notes.len()].to_vec();
        let templates: Vec<&str> = notes.iter().map(|note| TEMPLATES[usize::from(*note == NOTES[1])]).collect();
        for (method, list, key, mut expected) in [
            ("resources/list", "resources", "uri", notes.to_vec()),
            ("resources/templates/list", "resourceTemplates", "uriTemplate", templates),
            ("prompts/list", "prompts", "name", PROMPTS[..2].to_vec()),
            ("skills/list", "skills", "uri", skills),
        ] {
            if list == "skills" && !is_rmcp {
                continue;
            }
            let answer = peer.ask(token, method, json!({})).await;
            expected.sort_unstable();
            assert_eq!(listed(&answer, list, key), expected, "{at}: {method} by {token}");
            // rmcp's router sends no scope.
            let scope = &answer["result"]["cacheScope"];
            assert!(scope.is_null() || scope == "private", "{at}: {method}: {scope}");
        }
    }
    let skills = (!is_rmcp).then(|| [("skills/list", json!({})), ("skills/get", json!({ "uri": SKILLS[0] }))]);
    for (method, params) in unknown().into_iter().chain(skills.into_iter().flatten()) {
        let answer = peer.ask("admin", method, params.clone()).await;
        assert!(answer.get("error").is_some(), "{at}: {method} {params}: {answer}");
        ran.assert_nothing(&format!("{at}: {method} {params}"));
    }
    // No tool has the name of a request.
    let tools = peer.ask("admin", "tools/list", json!({})).await;
    assert!(listed(&tools, "tools", "name").contains(&"pay".to_owned()), "{at}: {tools}");
    assert!(!tools.to_string().contains(READ), "{at}: {tools}");
    let called = peer.call("admin", READ, json!({ "uri": NOTES[0] })).await;
    assert_eq!(called["result"]["isError"], true, "{at}: {called}");
    ran.assert_nothing(at);
    let called = peer.call("admin", "pay", json!({ "amount": 5 })).await;
    assert_eq!((ran.take().len(), called.get("error")), (1, None), "{at}: {called}");

    if era == Era::Stateless {
        let asked = json!({ "toolsListChanged": true, "resourceSubscriptions": [NOTES[0]] });
        assert_eq!(peer.listen(asked).await["resourceSubscriptions"], json!([NOTES[0]]), "{at}");
        let asked = json!({ "notifications": { "resourceSubscriptions": NOTES } });
        let answer = peer.ask("agent", "subscriptions/listen", asked).await;
        assert_eq!((&answer["error"]["code"], &answer["error"]["message"]), (&json!(-32000), &json!(REASON)), "{at}");
    }
}

#[tokio::test]
async fn rmcp_handlers() {
    for era in Era::ALL {
        let peers = over_lines(era, |token| {
            let notes = Notes::default();
            (notes.0.clone(), move || notes.guarded(policy()).agent(of_token(token)))
        });
        let mut peers = peers.await;
        let mut configs = vec![("HTTP", Default::default())];
        if era == Era::Stateless {
            configs.push(("HTTP in JSON", json_config()));
        }
        for (transport, config) in configs {
            let notes = Notes::default();
            let ran = notes.0.clone();
            let guarded = notes.guarded(policy()).agent_source(FromExtension::<Claims>::new());
            let app = Router::new().nest_service("/mcp", server::http_with(guarded, config));
            let address = tcp::serve(authenticated(app)).await;
            peers.push((transport, Peer::http(address, era).await, ran));
        }
        for (transport, mut peer, ran) in peers {
            all(&mut peer, &ran, era, true, &format!("rmcp, {era:?}, {transport}")).await;
        }
    }
}

#[tokio::test]
async fn rmcp_routers() {
    for era in Era::ALL {
        let peers = over_lines(era, |token| {
            let notes = Notes::default();
            let ran = notes.0.clone();
            (ran, move || notes::routed(notes).guarded_service(policy()).agent(of_token(token)))
        });
        for (transport, mut peer, ran) in peers.await {
            all(&mut peer, &ran, era, true, &format!("rmcp's router, {era:?}, {transport}")).await;
        }
    }
}

#[tokio::test]
async fn tower_mcp_routers() {
    for era in Era::ALL {
        each_tower_mcp(
            era,
            notes::tower,
            || RouterLayer::new(policy()),
            async |mut peer, ran, at| {
                all(&mut peer, &ran, era, false, &at).await;
            },
        )
        .await;
    }
}

#[tokio::test]
async fn any_server_over_http() {
    for era in Era::ALL {
        let layer = || PersoLayer::new(policy()).agent_source(FromExtension::<Claims>::new());
        let mut servers = Vec::new();
        let notes = Notes::default();
        servers.push(("rmcp", notes.0.clone(), true, Router::new().nest_service("/mcp", server::http(notes))));
        if era == Era::Stateless {
            let notes = Notes::default();
            let ran = notes.0.clone();
            let app = Router::new().nest_service("/mcp", server::http_with(notes, json_config()));
            servers.push(("rmcp in JSON", ran, true, app));
        }
        let ran = Ran::default();
        let app = tower_mcp::HttpTransport::new(notes::tower(&ran)).into_router_at("/mcp");
        servers.push(("tower-mcp", ran, false, app));
        for (server, ran, subscribes, app) in servers {
            let address = tcp::serve(authenticated(app.layer(layer()))).await;
            let mut peer = Peer::http(address, era).await;
            all(&mut peer, &ran, era, subscribes, &format!("the layer in front of {server}, {era:?}")).await;
        }
    }
}

/// A server behind a layer.
fn layered(layer: PersoLayer) -> (Router, Ran) {
    let notes = Notes::default();
    let ran = notes.0.clone();
    let app = Router::new().nest_service("/mcp", server::http(notes));
    (authenticated(app.layer(layer.agent_source(FromExtension::<Claims>::new()))), ran)
}

async fn ask(client: &Client, token: &str, method: &str, params: Value) -> Value {
    let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
    client.send(token, request).await.answer(1).clone()
}

/// Whether something exists makes no difference to a denial.
#[tokio::test]
async fn a_denial_does_not_tell_what_exists() {
    for hide in [false, true] {
        let layer = PersoLayer::new(policy());
        let (app, ran) = layered(if hide { layer.hide() } else { layer });
        for revision in ["2025-11-25", MODERN] {
            let client = Client::connect(&app, revision, "agent").await;
            let mut errors = Vec::new();
            for uri in [NOTES[1], "note://private/none"] {
                let answer = ask(&client, "agent", "resources/read", json!({ "uri": uri })).await;
                let mut error = answer["error"].clone();
                let data = error.as_object_mut().unwrap().remove("data");
                assert_eq!(data.is_some(), !hide, "{answer}");
                errors.push(error);
            }
            let code = match (hide, revision) {
                (false, _) => -32000,
                (true, MODERN) => -32602,
                (true, _) => -32002,
            };
            let message = if hide { "Resource not found" } else { REASON };
            assert_eq!(errors, vec![json!({ "code": code, "message": message }); 2]);
            ran.assert_nothing("denied");
        }
    }
}

/// A server that answers a request with another list than the one that was asked for.
#[tokio::test]
async fn every_list_is_filtered() {
    let result = json!({ "tools": [{ "name": "pay" }, { "name": READ }],
        "resources": [{ "uri": NOTES[0] }, { "uri": NOTES[1] }, { "name": "no uri" }, { "uri": NOTES[0], "URI": NOTES[1] }],
        "resourceTemplates": [{ "uriTemplate": TEMPLATES[0] }, { "uriTemplate": TEMPLATES[1] }],
        "skills": [{ "uri": SKILLS[1] }], "prompts": 5 });
    let app = Router::new().fallback(move |body: String| {
        let id = serde_json::from_str::<Value>(&body).unwrap()["id"].clone();
        let answer = json!({ "jsonrpc": "2.0", "id": id, "result": result });
        async move { ([("content-type", "application/json")], answer.to_string()) }
    });
    let layer = PersoLayer::new(policy()).agent_source(FromExtension::<Claims>::new());
    let client_app = authenticated(app.layer(layer));
    let client = Client::connect(&client_app, MODERN, "agent").await;
    for method in ["ping", "tools/list", "resources/list"] {
        let reply = client.send("agent", json!({ "jsonrpc": "2.0", "id": 1, "method": method })).await;
        let message = &reply.messages[0];
        if method != "ping" {
            // One of the lists is none.
            assert_eq!(message["error"]["code"], -32603, "{method}: {message}");
            continue;
        }
        let result = &message["result"];
        assert_eq!(result["resources"], json!([{ "uri": NOTES[0] }]), "{method}");
        assert_eq!(result["resourceTemplates"], json!([{ "uriTemplate": TEMPLATES[0] }]), "{method}");
        assert_eq!(result["skills"], json!([]), "{method}");
        assert_eq!((&result["tools"], &result["prompts"]), (&json!([{ "name": "pay" }]), &json!(5)), "{method}");
    }
}

/// Some clients take these keys for those of lists.
#[tokio::test]
async fn lists_under_other_spellings_are_withheld() {
    let long_s = |key: &str| key.replace('s', "\u{17f}");
    for key in [
        "Resources".to_owned(),
        long_s("resources"),
        long_s("skills"),
        "skills".replace('k', "\u{212a}"),
        "PROMPTS".to_owned(),
    ] {
        let result = json!({ &key: [{ "uri": NOTES[1], "name": "payroll" }] });
        let app = Router::new().fallback(move |body: String| {
            let id = serde_json::from_str::<Value>(&body).unwrap()["id"].clone();
            let answer = json!({ "jsonrpc": "2.0", "id": id, "result": result });
            async move { ([("content-type", "application/json")], answer.to_string()) }
        });
        let layer = PersoLayer::new(policy()).agent_source(FromExtension::<Claims>::new());
        let app = authenticated(app.layer(layer));
        let client = Client::connect(&app, MODERN, "agent").await;
        let reply = client.send("agent", json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" })).await;
        assert_eq!(reply.messages[0]["error"]["code"], -32603, "{key}: {:?}", reply.messages);
    }
}

/// Each request is one event, under the name that rules have for it.
#[tokio::test]
async fn decisions_are_reported() {
    for observe in [false, true] {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let events = seen.clone();
        let layer = PersoLayer::new(policy()).on_decision(move |event: &Event<'_>, args: &Value| {
            events.lock().unwrap().push((event.tool.to_owned(), event.decision.is_allowed(), args.clone()));
        });
        let (app, ran) = layered(if observe { layer.observe() } else { layer });
        let client = Client::connect(&app, MODERN, "agent").await;
        let private = json!({ "uri": NOTES[1] });
        let answer = ask(&client, "agent", "resources/read", private.clone()).await;
        assert_eq!(answer.get("error").is_none(), observe, "{answer}");
        let complete =
            json!({ "ref": { "type": "ref/prompt", "name": "payroll" }, "argument": { "name": "a", "value": "" } });
        ask(&client, "agent", "completion/complete", complete.clone()).await;
        ask(&client, "agent", "prompts/render", json!({})).await;
        let list = ask(&client, "agent", "resources/list", json!({})).await;
        assert_eq!(list["result"]["resources"].as_array().unwrap().len(), if observe { 2 } else { 1 });
        // The params without `_meta`.
        let expected = [(READ, private), (COMPLETE, complete), ("", Value::Null)];
        let expected: Vec<_> = expected.into_iter().map(|(tool, args)| (tool.to_owned(), false, args)).collect();
        assert_eq!(*seen.lock().unwrap(), expected);
        assert_eq!(ran.count(), if observe { 3 } else { 0 });
    }
}

/// Rules can test what the host knows about a resource.
#[tokio::test]
async fn a_resource_can_depend_on_what_the_host_knows() {
    let own = compiled(&json!({ "perso": 1, "covers": ["resources"], "rules": [
        { "id": "own", "allow": READ, "when": { "resource.owner": { "eq": { "ref": "agent.id" } } } }
    ] }));
    let source = |query: ResourceQuery| async move {
        let is_public = query.args["uri"].as_str().ok_or("no uri")?.starts_with("note://public/");
        assert_eq!(query.tool, READ);
        let owner = if is_public { query.agent.attributes()["id"].clone() } else { json!("somebody") };
        Ok::<_, BoxError>(Map::from_iter([("owner".to_owned(), owner)]))
    };
    let (app, ran) = layered(PersoLayer::new(own).resource(source));
    let client = Client::connect(&app, MODERN, "agent").await;
    // Each could be the caller's, so both are listed. What the policy does not cover passes.
    let list = ask(&client, "agent", "resources/list", json!({})).await;
    assert_eq!(listed(&list, "resources", "uri").len(), 2);
    assert!(ask(&client, "agent", "resources/read", json!({ "uri": NOTES[0] })).await.get("result").is_some());
    assert!(ask(&client, "agent", "resources/read", json!({ "uri": NOTES[1] })).await.get("error").is_some());
    assert!(ask(&client, "agent", "prompts/get", json!({ "name": "payroll" })).await.get("result").is_some());
    assert_eq!(ran.count(), 2);
}

/// What is covered changes with the policy.
#[tokio::test]
async fn a_policy_can_begin_to_cover() {
    let handle = PolicyHandle::from(crate::support::allow_all());
    let (app, _) = layered(PersoLayer::new(handle.clone()));
    let client = Client::connect(&app, MODERN, "agent").await;
    for is_covered in [false, true, false] {
        handle.swap(if is_covered { policy() } else { crate::support::allow_all() });
        let answer = ask(&client, "agent", "resources/read", json!({ "uri": NOTES[1] })).await;
        assert_eq!(answer.get("error").is_some(), is_covered, "{answer}");
        let list = ask(&client, "agent", "resources/list", json!({})).await;
        assert_eq!(listed(&list, "resources", "uri").len(), if is_covered { 1 } else { 2 });
    }
}

/// What the host has turned off is denied, whatever the policy says.
#[tokio::test]
async fn what_is_turned_off_is_denied() {
    let (app, ran) = layered(PersoLayer::new(policy()).deny_resources());
    let client = Client::connect(&app, MODERN, "admin").await;
    let answer = ask(&client, "admin", "resources/read", json!({ "uri": NOTES[0] })).await;
    assert_eq!(answer["error"]["message"], "resources/read is not allowed: this server's guard denies resources");
    assert_eq!(ask(&client, "admin", "resources/list", json!({})).await["result"]["resources"], json!([]));
    ran.assert_nothing("turned off");
    assert!(ask(&client, "admin", "prompts/get", json!({ "name": "greet" })).await.get("result").is_some());
}
