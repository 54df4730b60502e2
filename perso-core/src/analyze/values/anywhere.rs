//! Strings that are somewhere in a part of the call, or nowhere.

use std::collections::{BTreeMap, HashSet};

use super::super::formula::{Asked, Atom, AtomId, Fact, Tested};
use super::super::language::{self, Strings};
use super::super::space::{NodeId, Way};
use super::{Failure, Values};
use crate::policy::{Facet, Operator, Root, fold};
use crate::reference::Value;
use crate::reference::alone;

impl<'w> Values<'w> {
    /// Whether a test is about texts without the difference of upper and lower case.
    pub(super) fn is_folded(&self, atom: AtomId) -> bool {
        let sides = self.writer.atoms.get(atom).map(|atom| atom.sides.as_slice()).unwrap_or_default();
        sides.iter().any(|side| self.way(*side) == Some(&Way::Facet(Facet::Folded)))
    }

    /// Strings that have to be somewhere in a part of the call.
    pub(super) fn add_anywhere(&self, parts: &mut BTreeMap<Root, Value>) -> Result<(), Failure> {
        let mut asked: BTreeMap<NodeId, Vec<(AtomId, &Asked, bool)>> = BTreeMap::new();
        for (atom, may) in &self.may {
            if let Some(Atom { test: Tested::Anywhere(test), sides }) = self.writer.atoms.get(*atom)
                && let [part, _] = sides.as_slice()
            {
                asked.entry(*part).or_default().push((*atom, test, may.be_true));
            }
        }
        for (part, asked) in asked {
            let Some(Way::Part(root)) = self.way(part) else { continue };
            let forbidden: Vec<(String, bool)> = asked
                .iter()
                .filter(|(_, _, want)| !want)
                .filter_map(|(atom, test, _)| Some((self.expression(*atom, test)?, false)))
                .collect();
            for (number, (atom, test, _)) in asked.iter().filter(|(_, _, want)| *want).enumerate() {
                if parts.get(root).is_some_and(|part| has_text(part, &test.0, self.is_folded(*atom))) {
                    continue;
                }
                // Without keys there are no texts.
                let is_empty = |only: &usize| {
                    self.writer.only.get(*only).is_some_and(|only| only.object == part && only.keys.is_empty())
                };
                let empty =
                    self.facts.iter().find(|(fact, is)| matches!(fact, Fact::Only(only) if *is && is_empty(only)));
                if let Some(empty) = empty {
                    let about = |fact: &Fact| matches!(fact, Fact::True(other) | Fact::False(other) if other == atom);
                    let facts = self.facts.iter().filter(|(fact, _)| about(fact));
                    return Err(Failure::Conflict(facts.copied().chain([*empty]).collect()));
                }
                let Some(expression) = self.expression(*atom, test) else { return Err(self.unknown(part)) };
                let expressions: Vec<_> = forbidden.iter().cloned().chain([(expression, true)]).collect();
                let Strings::These(found) =
                    language::strings(&expressions, &|_| true, None, 1, &HashSet::new(), &self.memory.work)
                else {
                    return Err(self.unknown(part));
                };
                // The same text may be read in other letters.
                let Some(text) = found.into_iter().next() else { return Err(self.unknown(part)) };
                let limits = self.facts.iter().filter_map(|(fact, is)| match fact {
                    Fact::Only(only) if *is => self.writer.only.get(*only).filter(|only| only.object == part),
                    _ => None,
                });
                let limits: Vec<_> = limits.collect();
                if let Value::Object(members) = parts.entry(*root).or_insert_with(|| Value::Object(Vec::new())) {
                    let is_asked = |key: &String| {
                        let is_key = |node: &NodeId| self.way(*node) == Some(&Way::Key(key.clone()));
                        self.below(part).iter().any(is_key) || members.iter().any(|(known, _)| known == key)
                    };
                    // One of the keys that it may have, about which nothing else is asked.
                    let allowed = limits.first().map(|only| only.keys.clone());
                    let free = allowed
                        .unwrap_or_else(|| vec![format!("text{number}")])
                        .into_iter()
                        .find(|key| !is_asked(key) && limits.iter().all(|only| only.keys.contains(key)));
                    let Some(free) = free else { return Err(self.unknown(part)) };
                    members.push((free, Value::String(text)));
                }
            }
        }
        Ok(())
    }
}

/// Whether a text in a value passes.
pub(super) fn has_text(value: &Value, operator: &Operator, is_folded: bool) -> bool {
    match value {
        Value::String(text) if is_folded => alone::test(operator, &[Some(&Value::String(fold(text)))]) == Some(true),
        Value::String(_) => alone::test(operator, &[Some(value)]) == Some(true),
        Value::List(elements) => elements.iter().any(|element| has_text(element, operator, is_folded)),
        Value::Object(members) => members.iter().any(|(_, member)| has_text(member, operator, is_folded)),
        _ => false,
    }
}
