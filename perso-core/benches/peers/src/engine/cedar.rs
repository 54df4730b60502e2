//! Cedar, in two forms. With entities the caller and the resource are entities, made for each call, and a tool's limits
//! are attributes of an entity that is there from the start. With context, all that a call says is in its context, and
//! each rule is a policy.
//!
//! Of a call just what the policies read is handed over. Null is nothing to Cedar, and a number is a `Long`, but amounts are
//! `decimal`s, of at most four places.

use super::json::Json;
use super::{Engine, Peer, Source, setup};
use crate::limits::Limit;
use cedar_policy::{
    Authorizer, Context, Decision, Entities, Entity, EntityId, EntityTypeName, EntityUid, PolicySet, Request,
    RestrictedExpression,
};
use serde_json::Value;
use std::collections::{HashMap, HashSet};

const LIMIT: &str = include_str!("../../policies/limit.cedar");

pub fn peers() -> Vec<Peer> {
    vec![
        Peer {
            name: "Cedar",
            form: "entities",
            key: "cedar_entities",
            desk: setup::<WithEntities>(Source::of(include_str!("../../policies/support-desk.entities.cedar"))),
            limits: Some(|limits| {
                let policy = include_str!("../../policies/limits.cedar");
                setup::<WithTools>(Source::with_data(policy, tools(limits)))
            }),
        },
        Peer {
            name: "Cedar",
            form: "context",
            key: "cedar_context",
            desk: setup::<WithContext>(Source::of(include_str!("../../policies/support-desk.context.cedar"))),
            limits: Some(|limits| {
                let policies = limits.iter().map(|Limit { tool, most, currencies }| {
                    LIMIT
                        .replace("TOOL", tool)
                        .replace("MOST", &most.to_string())
                        .replace("CURRENCIES", &format!("{currencies:?}"))
                });
                setup::<WithContext>(Source::of(policies.collect::<String>()))
            }),
        },
    ]
}

/// Entities as Cedar's JSON has them.
fn tools(limits: &[Limit]) -> Vec<u8> {
    let tools: Vec<Value> = limits
        .iter()
        .map(|Limit { tool, most, currencies }| {
            serde_json::json!({
                "uid": { "type": "Tool", "id": tool },
                "attrs": {
                    "most": { "__extn": { "fn": "decimal", "arg": format!("{most}.0") } },
                    "currencies": currencies,
                },
                "parents": [],
            })
        })
        .collect();
    serde_json::to_vec(&tools).expect("entities have a JSON form")
}

type Attributes = Vec<(String, RestrictedExpression)>;

/// A call, but for the policies.
struct Authorization {
    request: Request,
    /// Those made for the call.
    entities: Option<Entities>,
}

struct Types {
    agent: EntityTypeName,
    action: EntityTypeName,
    resource: EntityTypeName,
    role: EntityTypeName,
    tool: EntityTypeName,
}

impl Types {
    fn new() -> Self {
        let name = |name: &str| name.parse().expect("the type has a name");
        Self {
            agent: name("Agent"),
            action: name("Action"),
            resource: name("Resource"),
            role: name("Role"),
            tool: name("Tool"),
        }
    }
}

fn uid(kind: &EntityTypeName, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(kind.clone(), EntityId::new(id))
}

fn policies(source: &Source) -> PolicySet {
    source.policy().parse().expect("the policies are Cedar")
}

fn is_allowed(request: &Request, policies: &PolicySet, entities: &Entities) -> bool {
    Authorizer::new().is_authorized(request, policies, entities).decision() == Decision::Allow
}

/// An attribute of a value that has one in Cedar.
fn expression(value: &Json) -> Option<RestrictedExpression> {
    Some(match value {
        Json::Null => return None,
        Json::Bool(value) => RestrictedExpression::new_bool(*value),
        Json::Number(number) => RestrictedExpression::new_long(number.as_i64()?),
        Json::String(text) => RestrictedExpression::new_string(text.clone()),
        Json::Array(values) => RestrictedExpression::new_set(values.iter().filter_map(expression)),
        Json::Object(map) => {
            let fields = map.iter().filter_map(|(key, value)| Some((key.clone(), expression(value)?)));
            RestrictedExpression::new_record(fields).ok()?
        }
    })
}

/// Adds the attribute, if the part has it.
fn add(attributes: &mut Attributes, part: &Json, key: &str) {
    if let Some(value) = expression(&part[key]) {
        attributes.push((key.to_owned(), value));
    }
}

fn add_arguments(attributes: &mut Attributes, args: &Json) {
    match &args["amount"] {
        Json::Number(amount) => attributes.push(("amount".to_owned(), decimal(amount))),
        _ => add(attributes, args, "amount"),
    }
    if let Json::Array(to) = &args["to"] {
        attributes.push(("domains".to_owned(), domains(to)));
    }
    add(attributes, args, "currency");
}

/// Cedar wants a point and a digit behind it.
fn decimal(number: &serde_json::Number) -> RestrictedExpression {
    let text = number.to_string();
    RestrictedExpression::new_decimal(if text.contains('.') { text } else { text + ".0" })
}

/// The domain of each address; the whole text of what is none.
fn domains(to: &[Json]) -> RestrictedExpression {
    RestrictedExpression::new_set(to.iter().map(|address| {
        let address = address.as_str().unwrap_or_default();
        let domain = match address.split_once('@') {
            Some((local, domain)) if !local.is_empty() => domain,
            _ => address,
        };
        RestrictedExpression::new_string(domain.to_ascii_lowercase())
    }))
}

fn roles(agent: &Json) -> impl Iterator<Item = &str> {
    let roles = if let Json::Array(roles) = &agent["roles"] { roles.as_slice() } else { &[] };
    roles.iter().filter_map(Json::as_str)
}

struct WithEntities {
    policies: PolicySet,
    types: Types,
    roles: Entities,
}

impl Engine for WithEntities {
    type Call<'c> = Authorization;

    fn load(source: &Source) -> Self {
        let types = Types::new();
        let role = |id, parent: &[&str]| {
            let parents: HashSet<EntityUid> = parent.iter().map(|id| uid(&types.role, id)).collect();
            Entity::new_no_attrs(uid(&types.role, id), parents)
        };
        let roles = [role("agent", &[]), role("manager", &["agent"]), role("admin", &["manager"])];
        let roles = Entities::from_entities(roles, None).expect("the roles are entities");
        Self { policies: policies(source), types, roles }
    }

    fn read(&self, json: &[u8]) -> Option<Authorization> {
        let call: Json = serde_json::from_slice(json).ok()?;
        let (args, agent, resource) = (&call["args"], &call["agent"], &call["resource"]);
        let caller = uid(&self.types.agent, agent["id"].as_str().unwrap_or_default());
        let about = uid(&self.types.resource, "");

        let mut attributes = Attributes::new();
        add(&mut attributes, agent, "id");
        add(&mut attributes, agent, "mfa_verified");
        let parents = roles(agent).map(|role| uid(&self.types.role, role)).collect();
        let caller_entity = Entity::new(caller.clone(), HashMap::from_iter(attributes), parents).ok()?;

        let mut attributes = Attributes::new();
        add(&mut attributes, resource, "owner_id");
        let about_entity = Entity::new(about.clone(), HashMap::from_iter(attributes), HashSet::new()).ok()?;
        let entities = self.roles.clone().add_entities([caller_entity, about_entity], None).ok()?;

        let mut context = Attributes::new();
        add_arguments(&mut context, args);
        let context = Context::from_pairs(context).ok()?;
        let action = uid(&self.types.action, call["tool"].as_str()?);
        let request = Request::new(caller, action, about, context, None).ok()?;
        Some(Authorization { request, entities: Some(entities) })
    }

    fn judge(&mut self, call: &Authorization) -> bool {
        call.entities.as_ref().is_some_and(|entities| is_allowed(&call.request, &self.policies, entities))
    }
}

/// All that a call says.
fn context(call: &Json) -> Option<Context> {
    let mut attributes = Attributes::new();
    let agent = &call["agent"];
    add(&mut attributes, agent, "roles");
    add(&mut attributes, agent, "id");
    add(&mut attributes, agent, "mfa_verified");
    add(&mut attributes, &call["resource"], "owner_id");
    add_arguments(&mut attributes, &call["args"]);
    Context::from_pairs(attributes).ok()
}

struct WithContext {
    policies: PolicySet,
    types: Types,
    none: Entities,
}

impl Engine for WithContext {
    type Call<'c> = Authorization;

    fn load(source: &Source) -> Self {
        Self { policies: policies(source), types: Types::new(), none: Entities::empty() }
    }

    fn read(&self, json: &[u8]) -> Option<Authorization> {
        let call: Json = serde_json::from_slice(json).ok()?;
        let action = uid(&self.types.action, call["tool"].as_str()?);
        let (caller, about) = (uid(&self.types.agent, ""), uid(&self.types.resource, ""));
        let request = Request::new(caller, action, about, context(&call)?, None).ok()?;
        Some(Authorization { request, entities: None })
    }

    fn judge(&mut self, call: &Authorization) -> bool {
        is_allowed(&call.request, &self.policies, &self.none)
    }
}

struct WithTools {
    policies: PolicySet,
    types: Types,
    tools: Entities,
}

impl Engine for WithTools {
    type Call<'c> = Authorization;

    fn load(source: &Source) -> Self {
        let tools = Entities::from_json_str(source.data(), None).expect("the tools are entities");
        Self { policies: policies(source), types: Types::new(), tools }
    }

    fn read(&self, json: &[u8]) -> Option<Authorization> {
        let call: Json = serde_json::from_slice(json).ok()?;
        let tool = uid(&self.types.tool, call["tool"].as_str()?);
        let (caller, action) = (uid(&self.types.agent, ""), uid(&self.types.action, "call"));
        let request = Request::new(caller, action, tool, context(&call)?, None).ok()?;
        Some(Authorization { request, entities: None })
    }

    fn judge(&mut self, call: &Authorization) -> bool {
        is_allowed(&call.request, &self.policies, &self.tools)
    }
}
