//! Casbin, in two forms: the whole policy in the model's matcher, and a row for each rule.
//!
//! A call is handed over as the few values that the matcher asks for. Casbin's expressions know whole numbers of 32 bits,
//! so amounts are cents, and what has no such form is denied. What they have no function for is written in Rust: roles that
//! include one another, and e-mail addresses.

use super::json::Json;
use super::{Engine, Peer, Source, setup};
use crate::limits::Limit;
use casbin::rhai::{Array, Dynamic};
use casbin::{CoreApi, DefaultModel, Enforcer, StringAdapter, function_map::OperatorFunction};
use std::sync::LazyLock;
use tokio::runtime::{Builder, Runtime};

pub fn peers() -> Vec<Peer> {
    let rows = include_str!("../../policies/support-desk.rows.conf");
    vec![
        Peer {
            name: "Casbin",
            form: "matcher inline",
            key: "casbin_inline",
            desk: setup::<Desk>(Source::of(include_str!("../../policies/support-desk.inline.conf"))),
            limits: None,
        },
        Peer {
            name: "Casbin",
            form: "rows",
            key: "casbin_rows",
            desk: setup::<Desk>(Source::with_data(rows, include_str!("../../policies/support-desk.rows.csv"))),
            limits: Some(|limits| {
                let rows = limits.iter().map(|Limit { tool, most, currencies }| {
                    format!("p, {tool}, agent, {}, {}\n", u32::from(*most) * 100, currencies.join(" "))
                });
                let model = include_str!("../../policies/limits.rows.conf");
                setup::<Limits>(Source::with_data(model, rows.collect::<String>()))
            }),
        },
    ]
}

/// Casbin's loading is asynchronous.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Builder::new_current_thread().build().expect("a runtime starts"));

fn load(source: &Source) -> Enforcer {
    let mut enforcer = RUNTIME.block_on(async {
        let model = DefaultModel::from_str(source.policy()).await.expect("the model is one");
        Enforcer::new(model, StringAdapter::new(source.data())).await.expect("the policy loads")
    });
    enforcer.add_function("has_role", OperatorFunction::Arg2(|roles, role| has_role(&roles, &role).into()));
    enforcer.add_function("all_inside", OperatorFunction::Arg1(|to| all_inside(&to).into()));
    enforcer.add_function("at_most", OperatorFunction::Arg2(|amount, most| at_most(&amount, &most).into()));
    enforcer.add_function("is_one_of", OperatorFunction::Arg2(|text, list| is_one_of(&text, &list).into()));
    enforcer
}

/// Whether one of the roles is this one, or includes it.
fn has_role(roles: &Dynamic, role: &Dynamic) -> bool {
    let (Ok(roles), Ok(wanted)) = (roles.as_array_ref(), role.as_immutable_string_ref()) else { return false };
    roles.iter().filter_map(|role| role.as_immutable_string_ref().ok()).any(|role| match role.as_str() {
        "admin" => matches!(wanted.as_str(), "admin" | "manager" | "agent"),
        "manager" => matches!(wanted.as_str(), "manager" | "agent"),
        role => role == wanted.as_str(),
    })
}

fn all_inside(to: &Dynamic) -> bool {
    let Ok(to) = to.as_array_ref() else { return false };
    let is_inside = |address: &str| {
        let parts = address.split_once('@');
        parts.is_some_and(|(local, domain)| !local.is_empty() && domain.eq_ignore_ascii_case("acme.com"))
    };
    !to.is_empty()
        && to.iter().all(|address| address.as_immutable_string_ref().is_ok_and(|address| is_inside(&address)))
}

fn at_most(amount: &Dynamic, most: &Dynamic) -> bool {
    let most = most.as_immutable_string_ref().ok().and_then(|most| most.parse::<i32>().ok());
    amount.as_int().ok().zip(most).is_some_and(|(amount, most)| amount <= most)
}

fn is_one_of(text: &Dynamic, list: &Dynamic) -> bool {
    let (Ok(text), Ok(list)) = (text.as_immutable_string_ref(), list.as_immutable_string_ref()) else { return false };
    list.split(' ').any(|known| known == text.as_str())
}

/// A value that Casbin's expressions have. What a call lacks is `()`, as null is.
fn dynamic(value: &Json) -> Option<Dynamic> {
    Some(match value {
        Json::Null => Dynamic::UNIT,
        Json::Bool(value) => (*value).into(),
        Json::String(text) => text.as_str().into(),
        Json::Number(number) => i32::try_from(number.as_i64()?).ok()?.into(),
        Json::Array(values) => values.iter().map(dynamic).collect::<Option<Array>>()?.into(),
        Json::Object(_) => return None,
    })
}

/// Whole cents, of a number; anything else as it is.
fn cents(value: &Json) -> Option<Dynamic> {
    let Json::Number(number) = value else { return dynamic(value) };
    let cents = number.as_f64()? * 100.0;
    // What an amount like 129.95 is off by is far less, and a fraction of a cent far more.
    let is_whole = (cents - cents.round()).abs() < 1e-6 && cents.abs() < f64::from(i32::MAX);
    is_whole.then(|| Dynamic::from(cents.round() as i32))
}

struct Desk(Enforcer);

impl Engine for Desk {
    type Call<'c> = Vec<Dynamic>;

    fn load(source: &Source) -> Self {
        Self(load(source))
    }

    fn read(&self, json: &[u8]) -> Option<Vec<Dynamic>> {
        let call: Json = serde_json::from_slice(json).ok()?;
        let (args, agent) = (&call["args"], &call["agent"]);
        Some(vec![
            call["tool"].as_str()?.into(),
            dynamic(&agent["roles"])?,
            cents(&args["amount"])?,
            dynamic(&args["to"])?,
            dynamic(&agent["id"])?,
            dynamic(&call["resource"]["owner_id"])?,
            dynamic(&agent["mfa_verified"])?,
        ])
    }

    fn judge(&mut self, call: &Vec<Dynamic>) -> bool {
        self.0.enforce(call.clone()).unwrap_or(false)
    }
}

struct Limits(Enforcer);

impl Engine for Limits {
    type Call<'c> = Vec<Dynamic>;

    fn load(source: &Source) -> Self {
        Self(load(source))
    }

    fn read(&self, json: &[u8]) -> Option<Vec<Dynamic>> {
        let call: Json = serde_json::from_slice(json).ok()?;
        let (args, agent) = (&call["args"], &call["agent"]);
        let (roles, currency) = (dynamic(&agent["roles"])?, dynamic(&args["currency"])?);
        Some(vec![call["tool"].as_str()?.into(), roles, cents(&args["amount"])?, currency])
    }

    fn judge(&mut self, call: &Vec<Dynamic>) -> bool {
        self.0.enforce(call.clone()).unwrap_or(false)
    }
}
