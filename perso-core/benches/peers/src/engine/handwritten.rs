//! The check that a careful engineer writes by hand: the call is read into types of just what is looked at, and what
//! has another type is no call. It is the bar, so nothing here is slower than it has to be: text is borrowed, tools and
//! roles are enums, and an amount is an `f64`, as most would have it. Tuned, it reads the roles by code of its own, which
//! keeps the highest and needs no list.

use super::{Engine, Peer, Source, setup};
use crate::limits::Limit;
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, SeqAccess, Visitor};
use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::marker::PhantomData;

pub fn peers() -> Vec<Peer> {
    vec![
        Peer {
            name: "Rust by hand",
            form: "",
            key: "handwritten",
            desk: setup::<Desk<Vec<Role>>>(Source::of("")),
            limits: Some(|limits| {
                setup::<Limits>(Source::of(serde_json::to_vec(limits).expect("limits have a JSON form")))
            }),
        },
        Peer {
            name: "Rust by hand",
            form: "tuned",
            key: "handwritten_tuned",
            desk: setup::<Desk<Highest>>(Source::of("")),
            limits: None,
        },
    ]
}

#[derive(Deserialize)]
#[serde(bound = "R: Roles")]
struct Call<'c, R> {
    tool: Tool,
    #[serde(borrow)]
    args: Option<Args<'c>>,
    #[serde(borrow)]
    agent: Option<Agent<'c, R>>,
    #[serde(borrow)]
    resource: Option<Resource<'c>>,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum Tool {
    ViewCustomer,
    UpdateCustomer,
    ProcessRefund,
    DeleteRecord,
    SendEmail,
    AccessPii,
}

#[derive(Deserialize)]
struct Args<'c> {
    amount: Option<f64>,
    #[serde(borrow)]
    to: Option<Vec<Text<'c>>>,
}

#[derive(Deserialize)]
#[serde(bound = "R: Roles")]
struct Agent<'c, R> {
    #[serde(borrow)]
    id: Option<Text<'c>>,
    roles: Option<R>,
    mfa_verified: Option<bool>,
}

/// From the highest down: each includes those that follow.
#[derive(Deserialize, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "snake_case")]
enum Role {
    Admin,
    Manager,
    Agent,
    #[serde(other)]
    Other,
}

/// The caller's roles, however they are read.
trait Roles: DeserializeOwned {
    fn highest(&self) -> Role;
}

impl Roles for Vec<Role> {
    fn highest(&self) -> Role {
        self.iter().copied().min().unwrap_or(Role::Other)
    }
}

/// The highest role of a list.
struct Highest(Role);

impl Roles for Highest {
    fn highest(&self) -> Role {
        self.0
    }
}

impl<'de> Deserialize<'de> for Highest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(RolesVisitor)
    }
}

struct RolesVisitor;

impl<'de> Visitor<'de> for RolesVisitor {
    type Value = Highest;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list of roles")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut roles: A) -> Result<Highest, A::Error> {
        let mut highest = Role::Other;
        while let Some(role) = roles.next_element()? {
            highest = highest.min(role);
        }
        Ok(Highest(highest))
    }
}

#[derive(Deserialize)]
struct Resource<'c> {
    #[serde(borrow)]
    owner_id: Option<Text<'c>>,
}

/// Borrowed, unless it has escapes: within an option or a list, serde would otherwise copy it.
#[derive(Deserialize, PartialEq)]
#[serde(transparent)]
struct Text<'c>(#[serde(borrow)] Cow<'c, str>);

fn judge<R: Roles>(call: &Call<'_, R>) -> bool {
    let Some(agent) = &call.agent else { return false };
    let role = agent.roles.as_ref().map_or(Role::Other, R::highest);
    let (is_agent, is_manager) = (role <= Role::Agent, role <= Role::Manager);
    match call.tool {
        Tool::ViewCustomer | Tool::UpdateCustomer => is_agent,
        Tool::ProcessRefund => {
            let amount = call.args.as_ref().and_then(|args| args.amount);
            is_agent && amount.is_some_and(|amount| amount > 0.0 && amount <= 500.0)
        }
        Tool::DeleteRecord => {
            let owner = call.resource.as_ref().and_then(|resource| resource.owner_id.as_ref());
            is_manager && owner.is_some() && owner == agent.id.as_ref()
        }
        Tool::SendEmail => {
            let to = call.args.as_ref().and_then(|args| args.to.as_deref()).unwrap_or_default();
            is_agent && !to.is_empty() && to.iter().all(|address| is_inside(&address.0))
        }
        Tool::AccessPii => is_agent && agent.mfa_verified == Some(true),
    }
}

/// Whether it is one address at `acme.com`, with nothing around it.
fn is_inside(address: &str) -> bool {
    let plain = |c: u8| c.is_ascii_alphanumeric() || b".+-_'".contains(&c);
    address.split_once('@').is_some_and(|(local, domain)| {
        !local.is_empty() && local.bytes().all(plain) && domain.eq_ignore_ascii_case("acme.com")
    })
}

/// The check, from a call's text.
pub fn decide(json: &[u8]) -> bool {
    decide_by::<Vec<Role>>(json)
}

fn decide_by<R: Roles>(json: &[u8]) -> bool {
    serde_json::from_slice::<Call<'_, R>>(json).is_ok_and(|call| judge(&call))
}

struct Desk<R>(PhantomData<R>);

impl<R: Roles> Engine for Desk<R> {
    type Call<'c> = Call<'c, R>;

    fn load(_: &Source) -> Self {
        Self(PhantomData)
    }

    fn read<'c>(&self, json: &'c [u8]) -> Option<Call<'c, R>> {
        serde_json::from_slice(json).ok()
    }

    fn judge(&mut self, call: &Call<'_, R>) -> bool {
        judge(call)
    }

    // Without a call that is moved about.
    fn decide(&mut self, json: &[u8]) -> bool {
        decide_by::<R>(json)
    }
}

/// Limits looked up by tool.
struct Limits(HashMap<String, Limit>);

#[derive(Deserialize)]
struct LimitedCall<'c> {
    #[serde(borrow)]
    tool: Cow<'c, str>,
    #[serde(borrow)]
    args: Option<LimitedArgs<'c>>,
    #[serde(borrow)]
    agent: Option<Agent<'c, Vec<Role>>>,
}

#[derive(Deserialize)]
struct LimitedArgs<'c> {
    amount: Option<f64>,
    #[serde(borrow)]
    currency: Option<Text<'c>>,
}

impl Engine for Limits {
    type Call<'c> = LimitedCall<'c>;

    fn load(source: &Source) -> Self {
        let limits: Vec<Limit> = serde_json::from_slice(&source.policy).expect("the limits are JSON");
        Self(limits.into_iter().map(|limit| (limit.tool.clone(), limit)).collect())
    }

    fn read<'c>(&self, json: &'c [u8]) -> Option<LimitedCall<'c>> {
        serde_json::from_slice(json).ok()
    }

    fn judge(&mut self, call: &LimitedCall<'_>) -> bool {
        let Some(limit) = self.0.get(&*call.tool) else { return false };
        let (Some(args), Some(agent)) = (&call.args, &call.agent) else { return false };
        let is_agent = agent.roles.as_deref().unwrap_or_default().contains(&Role::Agent);
        is_agent
            && args.amount.is_some_and(|amount| amount > 0.0 && amount <= f64::from(limit.most))
            && args.currency.as_ref().is_some_and(|currency| limit.currencies.iter().any(|known| *known == currency.0))
    }

    fn decide(&mut self, json: &[u8]) -> bool {
        serde_json::from_slice(json).is_ok_and(|call| self.judge(&call))
    }
}
