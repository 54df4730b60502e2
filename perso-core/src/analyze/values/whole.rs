//! Lists and objects, made of what is in them.

use std::collections::BTreeMap;

use super::super::build;
use super::super::formula::{AtomId, Fact};
use super::super::numbers;
use super::super::space::{Kind, NodeId, Way};
use super::{Failure, MOST_VALUES, Values, proven};
use crate::limits::LIST_LENGTH;
use crate::policy::Facet;
use crate::reference::{Number, Value};

impl<'w> Values<'w> {
    pub(super) fn list(&self, node: NodeId) -> Result<Value, Failure> {
        let sum = self.facets(node).into_iter().find_map(|(facet, _)| match facet {
            Facet::Sum(sum) => self.shared.sums.get(sum),
            _ => None,
        });
        let other = || sum.map_or_else(|| build::element(self.way(node)), build::zero);
        let elements = self.elements(node);
        let mut list = Vec::new();
        for (index, element) in &elements {
            // Those that are there come first, and one that has to be there needs those before it.
            if self.kind(*element) != Kind::Missing {
                // What is asked of every element is true of the others.
                while list.len() < *index {
                    list.push(list.last().cloned().unwrap_or_else(other));
                }
                list.extend(self.value(*element)?);
            }
        }
        let facets = self.facets(node);
        let most = self.most_elements(&elements);
        if let Some((_, count)) = facets.iter().find(|(facet, _)| *facet == Facet::Count)
            && self.kind(*count) == Kind::Number
        {
            let atoms: Vec<AtomId> = self.atoms(*count).into_iter().map(|(atom, _)| atom).collect();
            // No number of elements at all is found out there.
            self.values(*count, 1)?;
            let fixed = self.fixed.get(count);
            let fits = |length: &usize| {
                fixed.is_none_or(|fixed| numbers::whole(fixed) == Some(*length))
                    && self.passes(&atoms, &Value::Number(Number::new(&length.to_string())))
            };
            let Some(length) = (list.len()..=most).find(fits) else {
                if fixed.is_some() {
                    return Err(self.unknown(*count));
                }
                let mut facts = self.conflict(*count, &atoms);
                let present = elements.values().map(|node| {
                    let is_missing = self.kind(*node) == Kind::Missing;
                    (Fact::Is(*node, Kind::Missing), is_missing)
                });
                facts.extend(present);
                return Err(Failure::Conflict(facts));
            };
            while list.len() < length {
                list.push(list.last().cloned().unwrap_or_else(other));
            }
        }
        let sums: Vec<_> = facets.iter().filter(|(facet, _)| matches!(facet, Facet::Sum(_))).copied().collect();
        for (facet, below) in sums {
            let totals = self.values(below, MOST_VALUES)?;
            let Facet::Sum(sum) = facet else { continue };
            let Some(sum) = self.shared.sums.get(sum) else { continue };
            let fitting = totals.iter().flatten().find_map(|total| {
                let tried = build::summing(sum, total, &list);
                tried.into_iter().find(|list| self.fits(node, &Value::List(list.clone())))
            });
            match fitting {
                Some(fitting) => list = fitting,
                None if self.kind(below) == Kind::NoFacet => list.push(Value::String("x".to_owned())),
                None if self.kind(below) != Kind::Number => return Err(self.unknown(below)),
                // Whatever else is in the list, it has no number as its sum.
                None => {
                    self.sum_of_none(&facets, below)?;
                    let summed = if sum.of.is_empty() { Kind::Number } else { Kind::Object };
                    let cannot =
                        |node: &&NodeId| ![summed, Kind::OutOfRange, Kind::Missing].contains(&self.kind(**node));
                    let Some(element) = elements.values().find(cannot) else { return Err(self.unknown(below)) };
                    let facts = [node, *element, below].map(|node| (Fact::Is(node, self.kind(node)), true));
                    return Err(Failure::Conflict(facts.to_vec()));
                }
            }
        }
        let list = Value::List(list);
        // What is read off a text is checked against the text that is made of it.
        if facets.is_empty() || self.fits(node, &list) { Ok(list) } else { Err(self.unknown(node)) }
    }

    /// The elements of a list that matter.
    fn elements(&self, list: NodeId) -> BTreeMap<usize, NodeId> {
        let index = |below| if let Some(Way::Index(index)) = self.way(below) { Some((*index, below)) } else { None };
        self.below(list).into_iter().filter_map(index).collect()
    }

    fn most_elements(&self, elements: &BTreeMap<usize, NodeId>) -> usize {
        let missing = elements.iter().find(|(_, node)| self.facts.contains(&(Fact::Is(**node, Kind::Missing), true)));
        missing.map_or(LIST_LENGTH as usize, |(index, _)| *index)
    }

    /// Whether a list with the elements that matter can have so many.
    pub(super) fn can_count(&self, list: NodeId, count: &Value) -> bool {
        let elements = self.elements(list);
        let least = elements.iter().filter(|(_, node)| self.kind(**node) != Kind::Missing).map(|(index, _)| index + 1);
        let range = least.max().unwrap_or(0)..=self.most_elements(&elements);
        numbers::whole(count).is_some_and(|count| range.contains(&count))
    }

    /// That a list that has to be empty can have the sum that is asked for.
    fn sum_of_none(&self, facets: &[(Facet, NodeId)], sum: NodeId) -> Result<(), Failure> {
        let ids = |node: NodeId| self.atoms(node).into_iter().map(|(atom, _)| atom).collect::<Vec<_>>();
        let zero = build::instant_number(0);
        let count = facets.iter().find(|(facet, node)| *facet == Facet::Count && self.kind(*node) == Kind::Number);
        let Some((_, count)) = count.filter(|_| !self.passes(&ids(sum), &zero)) else { return Ok(()) };
        let is_empty = self.values(*count, MOST_VALUES)?.iter().flatten().all(|count| numbers::whole(count) == Some(0));
        if !is_empty || self.fixed.contains_key(count) {
            return Ok(());
        }
        Err(Failure::Conflict([self.conflict(*count, &ids(*count)), self.conflict(sum, &ids(sum))].concat()))
    }

    pub(super) fn object(&self, node: NodeId) -> Result<Value, Failure> {
        let key = |below: &NodeId| match self.way(*below) {
            Some(Way::Key(key)) => Some(key.clone()),
            Some(Way::Facet(Facet::Command(field))) => Some(field.name().to_owned()),
            Some(Way::Facet(Facet::Statement(field))) => Some(field.name().to_owned()),
            _ => None,
        };
        let keys: Vec<(String, NodeId)> =
            self.below(node).into_iter().filter_map(|below| Some((key(&below)?, below))).collect();
        let values = proven(keys.iter().map(|(_, below)| self.value(*below)))?;
        let mut members: Vec<(String, Value)> =
            keys.into_iter().zip(values).filter_map(|((key, _), value)| Some((key, value?))).collect();
        if self.facts.contains(&(Fact::Extra(node), true)) {
            let free = (0..8).flat_map(|number| [format!("other{number}"), number.to_string(), "_".repeat(number + 1)]);
            let free = std::iter::once("other".to_owned()).chain(free);
            let is_free = |key: &String| members.iter().all(|(known, _)| known != key) && !self.is_forbidden(node, key);
            let key = free.into_iter().find(is_free);
            members.extend(key.map(|key| (key, Value::Bool(true))));
        }
        Ok(Value::Object(members))
    }
}
