//! The caller's roles.

use std::collections::BTreeMap;

use super::super::formula::{Fact, Tested};
use super::super::space::{Kind, NodeId, Way};
use super::{Failure, May, Values, text_of};
use crate::policy::Root;
use crate::reference::Value;

impl<'w> Values<'w> {
    /// The names of roles that the caller has; `None` if they do not matter, or cannot be read.
    pub(super) fn roles(&mut self) -> Result<Option<Vec<String>>, Failure> {
        let mut asked = Vec::new();
        for (atom, may) in &self.may {
            if let Some(Tested::Roles(roles)) = self.writer.atoms.get(*atom).map(|atom| &atom.test) {
                asked.push((*atom, roles, *may));
            }
        }
        if asked.is_empty() || asked.iter().all(|(_, _, may)| may.be_unknown) {
            return Ok(None);
        }
        let has = |name: &str, needed: &[usize]| {
            let named = self.shared.roles.iter().filter(|role| role.name == name);
            named.into_iter().any(|role| role.closure.iter().any(|role| needed.contains(role)))
        };
        // Without a list there is one role.
        let [role, list] = ["role", "roles"].map(|key| self.of_agent(key));
        let list = list.filter(|list| self.relevant.contains(list) && self.kind(*list) != Kind::List);
        if let Some(list) = list
            && asked.iter().any(|(_, _, may)| !may.be_false)
        {
            let is_fit = |name: &&String| {
                asked.iter().all(|(_, roles, may)| may.be(Some(has(name, roles))))
                    && role.is_none_or(|role| self.fits(role, &Value::String((*name).clone())))
            };
            if let Some(name) = self.shared.roles.iter().map(|role| &role.name).find(is_fit).cloned() {
                self.fixed.extend(role.map(|role| (role, Value::String(name.clone()))));
                return Ok(Some(vec![name]));
            }
            if let Some(role) = role.filter(|role| self.is_settled_below(*role)) {
                return Err(self.unknown(role));
            }
            let is_asked = |(fact, _): &&(Fact, bool)| match fact {
                Fact::True(atom) | Fact::False(atom) => asked.iter().any(|(asked, ..)| asked == atom),
                _ => false,
            };
            let asked = self.facts.iter().filter(is_asked).copied();
            let kinds = [(Fact::Is(list, self.kind(list)), true)];
            let own = role.map(|role| self.facts_from(role)).unwrap_or_default();
            return Err(Failure::Conflict(asked.chain(own).chain(kinds).collect()));
        }
        // All roles but those that must not be there; then as few of them as do.
        let must_not = |name: &str| asked.iter().any(|(_, roles, may)| !may.be_true && has(name, roles));
        let mut names: Vec<String> = Vec::new();
        for role in &self.shared.roles {
            if !must_not(&role.name) && !names.contains(&role.name) {
                names.push(role.name.clone());
            }
        }
        for (atom, roles, may) in &asked {
            // None is unknown, as one is not.
            if !may.be_false && !names.iter().any(|name| has(name, roles)) {
                let is_against = |may: &May| !may.be_true || !may.be_unknown;
                let about = |(fact, _): &&(Fact, bool)| match fact {
                    Fact::True(other) | Fact::False(other) => {
                        other == atom || asked.iter().any(|(asked, _, may)| asked == other && is_against(may))
                    }
                    _ => false,
                };
                return Err(Failure::Conflict(self.facts.iter().filter(about).copied().collect()));
            }
        }
        let needed = |names: &[String]| {
            asked.iter().all(|(_, roles, may)| may.be_false || names.iter().any(|name| has(name, roles)))
        };
        // The first ones are those that inherit least, as policies are mostly written.
        for at in (0..names.len()).rev() {
            let mut fewer = names.clone();
            fewer.remove(at);
            if needed(&fewer) {
                names = fewer;
            }
        }
        Ok(Some(names))
    }

    fn of_agent(&self, key: &str) -> Option<NodeId> {
        let is_key = |node: &NodeId| self.way(*node) == Some(&Way::Key(key.to_owned()));
        let agent = self.writer.space.nodes.iter().position(|node| node.way == Way::Part(Root::Agent));
        self.writer.space.get(agent?)?.below.iter().copied().find(is_key)
    }

    pub(super) fn add_roles(&self, parts: &mut BTreeMap<Root, Value>, roles: Option<Vec<String>>) {
        let Some(roles) = roles else { return };
        let agent = parts.entry(Root::Agent).or_insert_with(|| Value::Object(Vec::new()));
        let Value::Object(members) = agent else { return };
        let role = members.iter().find(|(key, _)| key == "role").and_then(|(_, role)| text_of(role));
        let is_other = |name: &String| role.as_ref() != Some(name);
        let mut more: Vec<Value> = roles.into_iter().filter(is_other).map(Value::String).collect();
        if let Some((_, Value::List(list))) = members.iter_mut().find(|(key, _)| key == "roles") {
            more.retain(|name| !list.contains(name));
            list.extend(more);
        } else if more.is_empty() && role.is_some() {
            // The call has them anyway.
        } else if self.is_free(members, "roles") {
            members.push(("roles".to_owned(), Value::List(more)));
        } else if self.is_free(members, "role") {
            members.extend(more.pop().map(|name| ("role".to_owned(), name)));
        }
    }

    /// Whether nothing is asked of a member of `agent` that is not there.
    pub(super) fn is_free(&self, members: &[(String, Value)], key: &str) -> bool {
        let is_asked = |node: &NodeId| {
            self.way(*node) == Some(&Way::Key(key.to_owned()))
                && self.above(*node).is_some_and(|above| self.way(above) == Some(&Way::Part(Root::Agent)))
        };
        members.iter().all(|(known, _)| known != key) && !self.relevant.iter().any(is_asked)
    }
}
