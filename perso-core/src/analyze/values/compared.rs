//! Places that are compared with each other.

use std::collections::{BTreeSet, HashMap};

use super::super::build;
use super::super::formula::{Asked, Atom, AtomId, Fact, Tested};
use super::super::numbers;
use super::super::space::{Kind, NodeId, Way};
use super::text::texts;
use super::{
    Contradiction, Failure, Literals, MOST_PARTS, MOST_TRIED, MOST_VALUES, Values, kind_of, number_of, text_of,
};
use crate::policy::{Facet, Operand, Operator, Value as Literal, fold};
use crate::reference::Value;
use crate::reference::alone::{self, Read};

/// The ranks of values that are tried.
const RANKS: usize = 3;

impl<'w> Values<'w> {
    /// Values for the places that are compared with each other.
    pub(super) fn settle_compared(&mut self) -> Result<(), Failure> {
        let compared: Vec<AtomId> = self.may.keys().copied().filter(|atom| self.is_comparison(*atom)).collect();
        let readable = |node: &NodeId| matches!(self.kind(*node), Kind::Bool | Kind::Number | Kind::String);
        let mut order: Vec<NodeId> = Vec::new();
        for atom in &compared {
            // What others are compared with comes first.
            for side in self.writer.atoms.get(*atom).into_iter().flat_map(|atom| atom.sides.iter().rev()) {
                if readable(side) && !order.contains(side) && !self.fixed.contains_key(side) {
                    order.push(*side);
                }
            }
        }
        // Those that are compared with each other, also by way of others, are settled together.
        while let Some(first) = order.first().copied() {
            let mut group = BTreeSet::from([first]);
            let sides = |atom: &AtomId| self.writer.atoms.get(*atom).map(|atom| atom.sides.clone()).unwrap_or_default();
            loop {
                let before = group.len();
                for sides in compared.iter().map(sides) {
                    if sides.iter().any(|side| group.contains(side)) {
                        group.extend(sides.into_iter().filter(|side| order.contains(side)));
                    }
                }
                // What is read off the same text has to go together.
                let texts: Vec<NodeId> = group.iter().filter_map(|node| self.text(*node)).collect();
                let is_of = |node: &&NodeId| {
                    texts.contains(node)
                        || self.text(**node).is_some_and(|of| texts.contains(&of) || group.contains(&of))
                };
                let more: Vec<NodeId> = order.iter().filter(is_of).copied().collect();
                group.extend(more);
                if group.len() == before {
                    break;
                }
            }
            let (own, others): (Vec<NodeId>, Vec<NodeId>) = order.into_iter().partition(|node| group.contains(node));
            let compared: Vec<AtomId> =
                compared.iter().copied().filter(|atom| sides(atom).iter().any(|side| group.contains(side))).collect();
            // A text says all that is read off it. Where no text is found, what is read off it is looked for first.
            let mut with_texts: Vec<NodeId> = Vec::new();
            for node in own.iter().flat_map(|node| self.text(*node).into_iter().chain([*node])) {
                if !with_texts.contains(&node) {
                    with_texts.push(node);
                }
            }
            match self.settle(&with_texts, &compared) {
                Err(Failure::Unknown(_)) if with_texts != own => self.settle(&own, &compared)?,
                settled => settled?,
            }
            order = others;
        }
        Ok(())
    }

    /// Values for places that are compared with each other, those first that others are compared with.
    pub(super) fn settle(&mut self, order: &[NodeId], compared: &[AtomId]) -> Result<(), Failure> {
        let ranked = self.ranked(order, compared)?;
        let mut tried = 0;
        for most in 0..RANKS {
            tried = 0;
            let of_rank = |ranked: &Vec<(usize, Value)>| {
                ranked.iter().filter(|(rank, _)| *rank <= most).map(|(_, value)| value.clone()).collect()
            };
            let candidates: Vec<Vec<Value>> = ranked.iter().map(of_rank).collect();
            let mut chosen = HashMap::new();
            if self.choose(order, &candidates, compared, &mut chosen, &mut tried) {
                self.fixed.extend(chosen);
                return Ok(());
            }
        }
        // Numbers and booleans that are only compared have been tried in every order, unless one of them was settled before.
        let mut sides = compared.iter().filter_map(|atom| self.writer.atoms.get(*atom)).flat_map(|atom| &atom.sides);
        let is_exact = tried <= MOST_TRIED
            && !self.memory.work.is_over()
            && !sides.any(|side| self.fixed.contains_key(side))
            && order.iter().all(|node| {
                let is_plain = !matches!(self.way(*node), Some(Way::Facet(_))) && self.facets(*node).is_empty();
                is_plain && matches!(self.kind(*node), Kind::Number | Kind::Bool)
            });
        if is_exact {
            let mut facts: Literals = order
                .iter()
                .flat_map(|node| {
                    let atoms: Vec<AtomId> = self.atoms(*node).into_iter().map(|(atom, _)| atom).collect();
                    self.conflict(*node, &atoms)
                })
                .collect();
            let about = |fact: &Fact| matches!(fact, Fact::True(atom) | Fact::False(atom) if compared.contains(atom));
            facts.extend(self.facts.iter().filter(|(fact, _)| about(fact)));
            return Err(Failure::Conflict(facts));
        }
        Err(self.unknown(order.first().copied().unwrap_or_default()))
    }

    /// For each place values that it may have, each with its rank: the first ones come before the others, and last those that are not
    /// likely to fit.
    fn ranked(&self, order: &[NodeId], compared: &[AtomId]) -> Result<Vec<Vec<(usize, Value)>>, Failure> {
        let mut words: Vec<String> = Vec::new();
        let mut candidates = Vec::new();
        let mut numbers: Vec<_> = order
            .iter()
            .flat_map(|node| self.atoms(*node))
            .flat_map(|(_, asked)| numbers::literals(&asked.0))
            .collect();
        let same = self.same(order, compared);
        for node in order {
            let class: Vec<NodeId> = order.iter().copied().filter(|other| same.get(other) == same.get(node)).collect();
            let mut read = Vec::new();
            for node in &class {
                read.extend(self.read_off(*node)?);
            }
            let is_read = self.text(*node).is_some_and(|text| order.contains(&text)) || self.is_fixed_above(*node);
            let own = match class.len() {
                _ if is_read => Ok(Vec::new()),
                1 => self.values(*node, MOST_VALUES).map(|own| own.into_iter().flatten().collect()),
                _ => self.values_of_all(&class, compared),
            };
            let own: Vec<Value> = match own {
                Err(Failure::Unknown(_)) if !read.is_empty() => Vec::new(),
                own => own?,
            };
            words.extend(read.iter().chain(&own).filter_map(text_of));
            numbers.extend(read.iter().take(MOST_PARTS).filter_map(number_of));
            candidates.push([read, own]);
        }
        let sides = compared.iter().filter_map(|atom| self.writer.atoms.get(*atom)).flat_map(|atom| &atom.sides);
        let settled: Vec<&Value> = sides.filter_map(|side| self.fixed.get(side)).collect();
        words.extend(settled.iter().copied().filter_map(text_of));
        numbers.extend(settled.into_iter().filter_map(number_of));
        words.sort_by_key(|word| (word.len(), word.clone()));
        words.dedup();
        words.truncate(MOST_VALUES);
        let directories = self.directories(order, &candidates, compared);
        let of_texts = order
            .iter()
            .zip(&candidates)
            .filter(|(node, _)| order.iter().any(|below| self.text(*below) == Some(**node)));
        let texts = of_texts.flat_map(|(_, [_, own])| own.iter().cloned());
        let texts: Vec<Value> = directories.into_iter().map(Value::String).chain(texts).collect();
        let mut all = Vec::with_capacity(order.len());
        for (node, [read, own]) in order.iter().zip(candidates) {
            let more: Vec<Value> = match self.kind(*node) {
                Kind::String => build::related(&words).into_iter().map(Value::String).collect(),
                Kind::Number => {
                    let facets = self.above(*node).map(|of| self.facets(of)).unwrap_or_default();
                    let is_instant = self.way(*node) == Some(&Way::Facet(Facet::Instant));
                    let instants = if is_instant { self.instants(&facets, &[])? } else { Vec::new() };
                    let instants = instants.into_iter().map(build::instant_number);
                    instants.take(MOST_VALUES).chain(numbers::candidates(&numbers, None, order.len() + 1)).collect()
                }
                _ => Vec::new(),
            };
            let others = [texts.clone(), more].concat();
            let others = others.into_iter().filter(|value| self.is_of_facet(*node, value)).map(|value| match value {
                Value::String(text) if self.way(*node) == Some(&Way::Facet(Facet::Folded)) => {
                    Value::String(fold(&text))
                }
                value => value,
            });
            let mut ranked: Vec<(usize, Value)> = Vec::new();
            let found = [read, own].into_iter().flat_map(|own| own.into_iter().enumerate());
            for (number, value) in found.chain(others.enumerate()) {
                if ranked.iter().all(|(_, known)| *known != value) && self.fits(*node, &value) {
                    let rank = match self.is_likely(*node, &value) {
                        true => usize::from(number >= MOST_PARTS),
                        false => RANKS - 1,
                    };
                    ranked.push((rank, value));
                }
            }
            ranked.sort_by_key(|(rank, _)| *rank);
            all.push(ranked);
        }
        Ok(all)
    }

    /// What can be read at a place off the values that fit above it.
    fn read_off(&self, node: NodeId) -> Result<Vec<Value>, Failure> {
        let (Some(Way::Facet(facet)), Some(of)) = (self.way(node), self.above(node)) else { return Ok(Vec::new()) };
        if !matches!(self.kind(of), Kind::String | Kind::Number | Kind::List) {
            return Ok(Vec::new());
        }
        let values = match self.values(of, MOST_VALUES) {
            Err(Failure::Unknown(_)) => return Ok(Vec::new()),
            values => values?,
        };
        let atoms: Vec<AtomId> = self.atoms(node).into_iter().map(|(atom, _)| atom).collect();
        let mut found = Vec::new();
        for value in values.iter().flatten() {
            if let Read::Value(value) = alone::facet(*facet, value, self.shared, Some(&self.now))
                && kind_of(&Read::Value(value.clone())) == self.kind(node)
                && self.passes(&atoms, &value)
                && !found.contains(&value)
            {
                found.push(value);
            }
        }
        Ok(found)
    }

    /// The text that is not settled yet off which a place is read.
    fn text(&self, node: NodeId) -> Option<NodeId> {
        let is_text = |of: &NodeId| self.kind(*of) == Kind::String && !self.fixed.contains_key(of);
        self.above(node).filter(is_text).filter(|_| matches!(self.way(node), Some(Way::Facet(_))))
    }

    /// What is read at a place off the value that was chosen above it, if one was.
    fn read_chosen(&self, node: NodeId, chosen: &HashMap<NodeId, Value>) -> Option<Vec<Value>> {
        let Some(Way::Facet(facet)) = self.way(node) else { return None };
        let of = self.above(node)?;
        let of = chosen.get(&of).or_else(|| self.fixed.get(&of))?;
        Some(match alone::facet(*facet, of, self.shared, Some(&self.now)) {
            Read::Value(value) if self.fits(node, &value) => vec![value],
            _ => Vec::new(),
        })
    }

    fn is_fixed_above(&self, node: NodeId) -> bool {
        self.above(node).is_some_and(|of| self.fixed.contains_key(&of))
    }

    /// Whether a text is one of those that what is read at a place can be.
    fn is_of_facet(&self, node: NodeId, value: &Value) -> bool {
        let grammar = match self.way(node) {
            // One that is folded is made of any text.
            Some(Way::Facet(facet)) if *facet != Facet::Folded => build::grammar(*facet),
            _ => None,
        };
        grammar.is_none_or(|grammar| text_of(value).is_none_or(|text| build::is_in(grammar, &text)))
    }

    /// Whether what a value is read off may have it, as far as that is quickly seen.
    pub(super) fn is_likely(&self, node: NodeId, value: &Value) -> bool {
        let (Some(Way::Facet(facet)), Some(of)) = (self.way(node), self.above(node)) else { return true };
        match facet {
            // The text itself.
            Facet::Path | Facet::AnyPath | Facet::Segment | Facet::Folded => self.fits(of, value),
            Facet::Instant => self.facets(of).into_iter().all(|(facet, other)| {
                let atoms: Vec<AtomId> = self.atoms(other).into_iter().map(|(atom, _)| atom).collect();
                match alone::facet(facet, value, self.shared, Some(&self.now)) {
                    Read::Value(read) => self.passes(&atoms, &read),
                    _ => atoms.is_empty(),
                }
            }),
            Facet::Count if self.kind(of) == Kind::List => self.can_count(of, value),
            _ => true,
        }
    }

    /// The directories that places are compared with, and paths below them.
    pub(super) fn directories(
        &self,
        order: &[NodeId],
        candidates: &[[Vec<Value>; 2]],
        compared: &[AtomId],
    ) -> Vec<String> {
        let texts_at = |node: NodeId| -> Vec<String> {
            let fixed = self.fixed.get(&node).and_then(text_of);
            let own = order.iter().position(|other| *other == node).and_then(|at| candidates.get(at));
            fixed.into_iter().chain(own.into_iter().flatten().flatten().filter_map(text_of)).take(MOST_PARTS).collect()
        };
        let mut found = Vec::new();
        for atom in compared.iter().filter_map(|atom| self.writer.atoms.get(*atom)) {
            let Tested::Value(Asked(Operator::Inside { directory, .. })) = &atom.test else { continue };
            let mut paths = vec![String::new()];
            for part in directory {
                let parts = match part {
                    Operand::Literal(Literal::String(text)) => vec![text.clone()],
                    Operand::Literal(_) => Vec::new(),
                    Operand::Ref(side) => atom.sides.get(*side).map(|node| texts_at(*node)).unwrap_or_default(),
                };
                let joined = paths.iter().flat_map(|path| parts.iter().map(move |part| build::join(path, part)));
                paths = joined.take(MOST_VALUES).collect();
            }
            let of = atom.sides.first().and_then(|side| self.above(*side));
            let of =
                of.into_iter().flat_map(|of| [of].into_iter().chain(self.facets(of).into_iter().map(|(_, node)| node)));
            let ends = of.flat_map(|node| self.atoms(node)).flat_map(|(_, asked)| texts(&asked.0));
            let ends: Vec<String> = ends.chain(["x".to_owned()]).collect();
            for path in paths {
                found.extend(ends.iter().map(|end| build::join(&path, end.trim_start_matches('/'))));
                found.push(path);
            }
        }
        found
    }

    /// For each place, the first of those that have to have the same value as it.
    pub(super) fn same(&self, places: &[NodeId], compared: &[AtomId]) -> HashMap<NodeId, NodeId> {
        let mut first: HashMap<NodeId, NodeId> = places.iter().map(|place| (*place, *place)).collect();
        for sides in compared.iter().filter_map(|atom| self.equal(*atom)) {
            let [Some(one), Some(other)] = sides.map(|side| first.get(&side).copied()) else { continue };
            first.values_mut().filter(|first| **first == other).for_each(|first| *first = one);
        }
        first
    }

    /// The two places of a comparison that says that they have the same value.
    pub(super) fn equal(&self, atom: AtomId) -> Option<[NodeId; 2]> {
        let may = self.may(atom);
        match self.writer.atoms.get(atom) {
            Some(Atom { test: Tested::Value(Asked(Operator::Eq(_))), sides }) if !may.be_false && !may.be_unknown => {
                <[NodeId; 2]>::try_from(sides.as_slice()).ok()
            }
            _ => None,
        }
    }

    /// Values for places that have to have the same.
    pub(super) fn values_of_all(&self, places: &[NodeId], compared: &[AtomId]) -> Result<Vec<Value>, Failure> {
        let own: Vec<(AtomId, &Asked)> = places.iter().flat_map(|place| self.atoms(*place)).collect();
        let atoms: Vec<AtomId> = own.iter().map(|(atom, _)| *atom).collect();
        let kind = places.first().map_or(Kind::Missing, |place| self.kind(*place));
        let passing = |candidates: Vec<Value>, atoms: &[AtomId]| {
            candidates.into_iter().filter(|value| self.passes(atoms, value)).collect::<Vec<_>>()
        };
        let read: Vec<NodeId> = places.iter().copied().filter(|place| !self.facets(*place).is_empty()).collect();
        if !read.is_empty() {
            // What is read off one of them is read off all.
            let mut candidates = Vec::new();
            for place in read {
                candidates.extend(self.values(place, MOST_VALUES)?.into_iter().flatten());
            }
            candidates.retain(|value| places.iter().all(|place| self.fits(*place, value)));
            return match candidates.is_empty() {
                true => Err(self.unknown(places.first().copied().unwrap_or_default())),
                false => Ok(candidates),
            };
        }
        let found = match kind {
            Kind::String => {
                let grammar = |place: &NodeId| match self.way(*place) {
                    Some(Way::Facet(facet)) => build::grammar(*facet).map(|grammar| (grammar.to_owned(), true)),
                    _ => None,
                };
                let whole: Vec<(String, bool)> = places.iter().filter_map(grammar).collect();
                let fits = |text: &str| {
                    self.passes(&atoms, &Value::String(text.to_owned()))
                        && whole.iter().all(|(expression, _)| build::is_in(expression, text))
                };
                self.find_strings(&own, &whole, MOST_VALUES, (&|_| true, None), &fits)
            }
            Kind::Number => {
                let bounds: Vec<_> = own.iter().flat_map(|(_, asked)| numbers::literals(&asked.0)).collect();
                let find = |atoms: &[AtomId]| passing(numbers::candidates(&bounds, None, 4), atoms);
                match find(&atoms) {
                    found if found.is_empty() => Err(Self::least(&atoms, &mut |atoms| Some(!find(atoms).is_empty()))),
                    found => Ok(found),
                }
            }
            _ => match passing(vec![Value::Bool(true), Value::Bool(false)], &atoms) {
                found if found.is_empty() => Err(Contradiction::Of(atoms.clone())),
                found => Ok(found),
            },
        };
        match found {
            Ok(values) => Ok(values),
            Err(Contradiction::Unknown) => Err(self.unknown(places.first().copied().unwrap_or_default())),
            Err(Contradiction::Of(mut atoms)) => {
                let is_between = |atom: &AtomId| self.equal(*atom).is_some_and(|sides| places.contains(&sides[0]));
                atoms.extend(compared.iter().copied().filter(is_between));
                let about = |fact: &Fact| matches!(fact, Fact::True(atom) | Fact::False(atom) if atoms.contains(atom));
                let facts = self.facts.iter().filter(|(fact, _)| about(fact)).copied();
                let kinds = places.iter().map(|place| (Fact::Is(*place, self.kind(*place)), true));
                Err(Failure::Conflict(facts.chain(kinds).collect()))
            }
        }
    }

    pub(super) fn is_comparison(&self, atom: AtomId) -> bool {
        self.writer.atoms.get(atom).is_some_and(|atom| matches!(atom.test, Tested::Value(_)) && atom.sides.len() > 1)
    }

    pub(super) fn choose(
        &self,
        order: &[NodeId],
        candidates: &[Vec<Value>],
        compared: &[AtomId],
        chosen: &mut HashMap<NodeId, Value>,
        tried: &mut usize,
    ) -> bool {
        let (Some((node, order)), Some((own, candidates))) = (order.split_first(), candidates.split_first()) else {
            return true;
        };
        let read = self.read_chosen(*node, chosen);
        for value in read.as_ref().unwrap_or(own) {
            *tried += 1;
            if *tried > MOST_TRIED || self.memory.work.is_over() {
                return false;
            }
            chosen.insert(*node, value.clone());
            let is_so = compared.iter().all(|atom| self.compares(*atom, chosen)) && self.is_one_path(*node, chosen);
            if is_so && self.choose(order, candidates, compared, chosen, tried) {
                return true;
            }
            chosen.remove(node);
        }
        false
    }

    /// Whether a place is the same as another one, if both are what an absolute path is read as.
    pub(super) fn is_one_path(&self, node: NodeId, chosen: &HashMap<NodeId, Value>) -> bool {
        let is_path = |node: NodeId| matches!(self.way(node), Some(Way::Facet(Facet::Path | Facet::AnyPath)));
        let mut others = chosen.iter().filter(|(other, _)| self.above(**other) == self.above(node) && is_path(**other));
        !is_path(node) || others.all(|(_, other)| chosen.get(&node) == Some(other))
    }

    /// Whether a comparison comes out as it may, as far as its sides have values.
    pub(super) fn compares(&self, atom: AtomId, chosen: &HashMap<NodeId, Value>) -> bool {
        let Some(Atom { test: Tested::Value(asked), sides }) = self.writer.atoms.get(atom) else { return true };
        let mut values = Vec::new();
        for side in sides {
            match (chosen.get(side).or_else(|| self.fixed.get(side)), self.kind(*side)) {
                (Some(value), _) => values.push(Some(value)),
                (None, Kind::Bool | Kind::Number | Kind::String) => return true,
                (None, _) => return self.may(atom).be_unknown,
            }
        }
        self.memory.work.spend(1);
        self.may(atom).be(alone::test(&asked.0, &values))
    }
}
