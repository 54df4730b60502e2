//! Strings that are somewhere in a part of the call, or nowhere.

use std::collections::{BTreeMap, HashSet};

use super::super::formula::{Asked, Atom, AtomId, Fact, Tested, Writer};
use super::super::language::{self, Strings};
use super::super::space::{NodeId, Way};
use super::{Failure, Values};
use crate::policy::{Facet, Operator, Root, fold};
use crate::reference::Value;
use crate::reference::alone;

impl<'w> Values<'w> {
    /// Whether a test is about texts without the difference of upper and lower case.
    pub(super) fn is_folded(&self, atom: AtomId) -> bool {
        is_folded(self.writer, atom)
    }

    /// Strings that have to be somewhere in a part of the call.
    pub(super) fn add_anywhere(&mut self, parts: &mut BTreeMap<Root, Value>) -> Result<(), Failure> {
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
                if parts.get(root).is_some_and(|part| is_somewhere(self.writer, *atom, part)) {
                    continue;
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
                let whole = parts.entry(*root).or_insert_with(|| Value::Object(Vec::new()));
                let is_free = |key: &String| {
                    let is_key = |node: &NodeId| self.way(*node) == Some(&Way::Key(key.clone()));
                    let is_asked = self.below(part).iter().any(is_key) || whole.member(key).is_some();
                    !is_asked && !self.is_forbidden(part, key) && limits.iter().all(|only| only.keys.contains(key))
                };
                // One of the keys that it may have, about which nothing else is asked.
                let allowed = limits.first().map(|only| only.keys.clone());
                let named = || vec![format!("text{number}"), number.to_string(), "_".repeat(number + 1), text.clone()];
                let free = allowed.unwrap_or_else(named).into_iter().find(is_free);
                if let (Some(free), Value::Object(members)) = (free, &mut *whole) {
                    members.push((free, Value::String(text)));
                } else if !self.put(part, *atom, text, whole) {
                    return Err(self.unknown(part));
                }
            }
        }
        Ok(())
    }

    /// Whether a text must not be somewhere in the part of the call that a place is in.
    pub(super) fn is_forbidden(&self, node: NodeId, text: &str) -> bool {
        let part = self.writer.space.line(node).first().copied();
        let is_about = |atom: AtomId| match self.writer.atoms.get(atom) {
            Some(Atom { test: Tested::Anywhere(_), sides }) => sides.first().copied() == part,
            _ => false,
        };
        let text = Value::String(text.to_owned());
        self.may.iter().any(|(atom, may)| !may.be_true && is_about(*atom) && is_somewhere(self.writer, *atom, &text))
    }

    /// Puts a text that passes at a place that can hold one.
    fn put(&mut self, part: NodeId, atom: AtomId, text: String, whole: &mut Value) -> bool {
        for node in self.from(part) {
            let line = self.writer.space.line(node);
            let mut steps = line.iter().skip(1);
            let Some(place) = steps.try_fold(&mut *whole, |value, node| below(value, self.way(*node)?)) else {
                continue;
            };
            match place {
                Value::List(elements) if self.below(node).is_empty() => {
                    elements.push(Value::String(text));
                    return true;
                }
                Value::Object(members) if self.below(node).is_empty() => {
                    members.push(("text".to_owned(), Value::String(text)));
                    return true;
                }
                // Another one that fits, if nothing is compared with it.
                Value::String(_) if !self.is_settled_below(node) => {
                    let before = self.own.get(&node).cloned().unwrap_or_default();
                    self.own.entry(node).or_default().push(atom);
                    if let Ok(Some(found)) = self.value(node) {
                        *place = found;
                        return true;
                    }
                    self.own.insert(node, before);
                }
                _ => {}
            }
        }
        false
    }
}

/// The value at a step from another one.
fn below<'v>(value: &'v mut Value, way: &Way) -> Option<&'v mut Value> {
    match (value, way) {
        (Value::Object(members), Way::Key(key)) => {
            members.iter_mut().find(|(known, _)| known == key).map(|(_, value)| value)
        }
        (Value::List(elements), Way::Index(index)) => elements.get_mut(*index),
        _ => None,
    }
}

fn is_folded(writer: &Writer<'_>, atom: AtomId) -> bool {
    let sides = writer.atoms.get(atom).map(|atom| atom.sides.as_slice()).unwrap_or_default();
    sides.iter().any(|side| writer.space.way(*side) == Some(&Way::Facet(Facet::Folded)))
}

/// Whether a text in a value passes a test of any text, or a key does.
pub(in super::super) fn is_somewhere(writer: &Writer<'_>, atom: AtomId, value: &Value) -> bool {
    let Some(Tested::Anywhere(Asked(operator))) = writer.atoms.get(atom).map(|atom| &atom.test) else { return false };
    has_text(value, operator, is_folded(writer, atom))
}

fn has_text(value: &Value, operator: &Operator, is_folded: bool) -> bool {
    let passes = |text: &str| {
        let text = if is_folded { fold(text) } else { text.to_owned() };
        alone::test(operator, &[Some(&Value::String(text))]) == Some(true)
    };
    match value {
        Value::String(text) => passes(text),
        Value::List(elements) => elements.iter().any(|element| has_text(element, operator, is_folded)),
        Value::Object(members) => {
            members.iter().any(|(key, member)| passes(key) || has_text(member, operator, is_folded))
        }
        _ => false,
    }
}
