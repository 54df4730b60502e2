//! Values for the places of a call of which some facts are true.
//!
//! Each place is looked at by itself, with the facts about it: where no value fits, these facts contradict each other, whatever the
//! rest of the call is. Where the places have values but these do not go together, nothing is known.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::build;
use super::formula::{Asked, Atom, AtomId, Fact, Tested, Writer};
use super::language::{self, Strings};
use super::numbers;
use super::space::{Kind, NodeId, Way};
use crate::limits::LIST_LENGTH;
use crate::policy::{Facet, Operand, Operator, Pattern, Policy, Root, Value as Literal, fold};
use crate::reference::alone::{self, Read};
use crate::reference::{Number, Value};

/// The most values that are tried at a place.
const MOST_VALUES: usize = 24;
/// The most values that are tried for places that are compared with each other.
const MOST_TRIED: usize = 3_000;
/// The most presents that are tried.
const MOST_PRESENTS: usize = 4;
/// The most texts that are tried as a part of a path.
const MOST_PARTS: usize = 6;
/// The present of a call in which it does not matter: 2026-01-01T00:00:00Z.
const NOW: &str = "1767225600";

/// A fact, and whether it is so.
pub(super) type Literals = Vec<(Fact, bool)>;

/// What was found out about places, for searches that choose other facts about other places.
pub(super) type Memory = RefCell<HashMap<(NodeId, Kind, usize, Vec<(AtomId, u8)>), Result<Vec<Value>, Contradiction>>>;

/// Why a place has no value.
#[derive(Debug, Clone)]
pub(super) enum Contradiction {
    /// What these tests come to is impossible.
    Of(Vec<AtomId>),
    /// Not known.
    Unknown,
}

/// Why there is no call.
#[derive(Debug)]
pub(super) enum Failure {
    /// These facts cannot be true together.
    Conflict(Literals),
    /// No values were found, but there may be some. The test is one that is in the way.
    Unknown(String),
}

/// A call.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) tool: String,
    pub(super) parts: Parts,
}

/// The parts of a call.
pub(super) type Parts = BTreeMap<Root, Value>;

/// What a test may come to.
#[derive(Debug, Clone, Copy)]
struct May {
    be_true: bool,
    be_false: bool,
    be_unknown: bool,
}

impl May {
    const ANYTHING: Self = Self { be_true: true, be_false: true, be_unknown: true };

    fn bits(self) -> u8 {
        u8::from(self.be_true) | u8::from(self.be_false) << 1 | u8::from(self.be_unknown) << 2
    }

    fn be(self, outcome: Option<bool>) -> bool {
        match outcome {
            Some(true) => self.be_true,
            Some(false) => self.be_false,
            None => self.be_unknown,
        }
    }
}

/// What a string must match, or must not, because of what is read off it.
struct Lifted {
    /// What is read off it.
    facet: NodeId,
    /// The test of that; `None` if it need only be there.
    atom: Option<AtomId>,
    expression: String,
    want: bool,
}

/// The present of a call.
struct Present {
    /// The value that it has in the call, if it is asked about.
    place: Option<(NodeId, Value)>,
    instant: Value,
}

/// Finds values.
#[derive(Clone)]
pub(super) struct Values<'w> {
    shared: &'w Policy,
    writer: &'w Writer<'w>,
    facts: &'w [(Fact, bool)],
    kinds: &'w dyn Fn(NodeId) -> Kind,
    /// What the tests that facts are about may come to.
    may: BTreeMap<AtomId, May>,
    /// The tests of a place that are not compared with others.
    own: HashMap<NodeId, Vec<AtomId>>,
    relevant: BTreeSet<NodeId>,
    /// Values that are settled because others depend on them.
    fixed: HashMap<NodeId, Value>,
    now: Value,
    memory: &'w Memory,
}

impl<'w> Values<'w> {
    pub(super) fn new(
        writer: &'w Writer<'w>,
        facts: &'w [(Fact, bool)],
        kinds: &'w dyn Fn(NodeId) -> Kind,
        memory: &'w Memory,
    ) -> Self {
        let shared = writer.shared();
        let mut may = BTreeMap::new();
        let mut relevant = BTreeSet::new();
        for (fact, is) in facts {
            let sides: Vec<NodeId> = match fact {
                Fact::True(atom) | Fact::False(atom) => {
                    let may: &mut May = may.entry(*atom).or_insert(May::ANYTHING);
                    match (matches!(fact, Fact::True(_)), is) {
                        (true, true) => *may = May { be_true: may.be_true, be_false: false, be_unknown: false },
                        (false, true) => *may = May { be_true: false, be_false: may.be_false, be_unknown: false },
                        (true, false) => may.be_true = false,
                        (false, false) => may.be_false = false,
                    }
                    writer.atoms.get(*atom).map(|atom| atom.sides.clone()).unwrap_or_default()
                }
                Fact::Is(node, _) | Fact::Extra(node) | Fact::More(node) => vec![*node],
                Fact::Only(only) => writer.only.get(*only).map(|only| only.object).into_iter().collect(),
            };
            sides.into_iter().for_each(|side| relevant.extend(writer.space.line(side)));
        }
        let mut own: HashMap<NodeId, Vec<AtomId>> = HashMap::new();
        for atom in may.keys() {
            if let Some(Atom { test: Tested::Value(_), sides }) = writer.atoms.get(*atom)
                && let [side] = sides.as_slice()
            {
                own.entry(*side).or_default().push(*atom);
            }
        }
        // What must not be anywhere in a part must not be at any place of it.
        for atom in may.iter().filter(|(_, may)| !may.be_true).map(|(atom, _)| *atom) {
            if let Some(Atom { test: Tested::Anywhere(_), sides }) = writer.atoms.get(atom)
                && let [part, side] = sides.as_slice()
                && matches!(writer.space.way(*side), Some(Way::Facet(_)))
            {
                let is_text = |node: &NodeId| {
                    let line = writer.space.line(*node);
                    line.first() == Some(part)
                        && !line.iter().any(|node| matches!(writer.space.way(*node), Some(Way::Facet(_))))
                        && kinds(*node) == Kind::String
                };
                relevant.iter().filter(|node| is_text(node)).for_each(|node| own.entry(*node).or_default().push(atom));
            }
        }
        let now = Value::Number(Number::new(NOW));
        Self { shared, writer, facts, kinds, may, own, relevant, fixed: HashMap::new(), now, memory }
    }

    /// A call of which all the facts are true, if nothing is in the way.
    pub(super) fn find(mut self) -> Result<Found, Failure> {
        let roles = self.roles()?;
        let tool = self.settle_tool()?;
        let mut failure = None;
        for Present { place, instant } in self.presents()? {
            let mut values = self.clone();
            values.now = instant;
            values.fixed.extend(place);
            match values.build(&tool, roles.clone()) {
                Err(Failure::Unknown(place)) => failure = failure.or(Some(Failure::Unknown(place))),
                found => return found,
            }
        }
        Err(failure.unwrap_or_else(|| Failure::Unknown("context.now".to_owned())))
    }

    /// The call, now that the tool and the present are settled.
    fn build(mut self, tool: &str, roles: Option<Vec<String>>) -> Result<Found, Failure> {
        self.settle_compared()?;
        let mut parts = BTreeMap::new();
        for root in [Root::Args, Root::Agent, Root::Resource, Root::Context] {
            let node = self.writer.space.nodes.iter().position(|node| node.way == Way::Part(root));
            let value = match node.filter(|node| self.relevant.contains(node)) {
                Some(node) => self.value(node)?,
                None => None,
            };
            parts.extend(value.map(|value| (root, value)));
        }
        self.add_present(&mut parts);
        self.add_roles(&mut parts, roles);
        self.add_anywhere(&mut parts)?;
        Ok(Found { tool: tool.to_owned(), parts })
    }

    fn way(&self, node: NodeId) -> Option<&'w Way> {
        self.writer.space.way(node)
    }

    fn above(&self, node: NodeId) -> Option<NodeId> {
        self.writer.space.get(node)?.above
    }

    /// Whether a place is that of the present, `context.now`.
    fn is_present(&self, node: Option<NodeId>) -> bool {
        let is_now = |node: NodeId| self.way(node) == Some(&Way::Key("now".to_owned()));
        let context = node.filter(|node| is_now(*node)).and_then(|node| self.above(node));
        context.is_some_and(|context| self.way(context) == Some(&Way::Part(Root::Context)))
    }

    fn below(&self, node: NodeId) -> Vec<NodeId> {
        let below = self.writer.space.get(node).map(|node| node.below.as_slice()).unwrap_or_default();
        below.iter().copied().filter(|node| self.relevant.contains(node)).collect()
    }

    fn facets(&self, node: NodeId) -> Vec<(Facet, NodeId)> {
        let below = self.below(node).into_iter();
        below
            .filter_map(|node| if let Some(Way::Facet(facet)) = self.way(node) { Some((*facet, node)) } else { None })
            .collect()
    }

    fn kind(&self, node: NodeId) -> Kind {
        (self.kinds)(node)
    }

    fn atoms(&self, node: NodeId) -> Vec<(AtomId, &'w Asked)> {
        let own = self.own.get(&node).map(Vec::as_slice).unwrap_or_default();
        let asked = |atom: &AtomId| match self.writer.atoms.get(*atom).map(|atom| &atom.test) {
            Some(Tested::Value(asked) | Tested::Anywhere(asked)) => Some((*atom, asked)),
            _ => None,
        };
        own.iter().filter_map(asked).collect()
    }

    fn may(&self, atom: AtomId) -> May {
        self.may.get(&atom).copied().unwrap_or(May::ANYTHING)
    }

    /// The facts that are about these tests, and that the place is what it is.
    fn conflict(&self, node: NodeId, atoms: &[AtomId]) -> Literals {
        let about = |fact: &Fact| matches!(fact, Fact::True(atom) | Fact::False(atom) if atoms.contains(atom));
        let facts = self.facts.iter().filter(|(fact, _)| about(fact)).copied();
        facts.chain([(Fact::Is(node, self.kind(node)), true)]).collect()
    }

    /// What is in the way at a place, in words.
    fn unknown(&self, node: NodeId) -> Failure {
        Failure::Unknown(self.name(node))
    }

    /// A place, about as an author writes it.
    fn name(&self, node: NodeId) -> String {
        let mut name = String::new();
        for node in self.writer.space.line(node) {
            match self.way(node) {
                Some(Way::Part(root)) => name.push_str(root.name()),
                Some(Way::Key(key)) => name = format!("{name}.{key}"),
                Some(Way::Index(index)) => name = format!("{name}[{index}]"),
                Some(Way::Facet(facet)) => name = format!("{} of {name}", facet.name()),
                None => {}
            }
        }
        name
    }

    /// The least of some tests of a place for which `fits` finds no value.
    fn least(atoms: &[AtomId], fits: &mut dyn FnMut(&[AtomId]) -> Option<bool>) -> Contradiction {
        let mut least = atoms.to_vec();
        let mut at = 0;
        while at < least.len() && least.len() <= 64 {
            let mut fewer = least.clone();
            fewer.remove(at);
            // Still none without it: it does not matter.
            if fits(&fewer) == Some(false) { least = fewer } else { at += 1 }
        }
        Contradiction::Of(least)
    }

    /// What is remembered of a place, or else what is found out now.
    fn remembered(
        &self,
        node: NodeId,
        count: usize,
        atoms: &[AtomId],
        find: impl FnOnce() -> Result<Vec<Value>, Contradiction>,
    ) -> Result<Vec<Value>, Failure> {
        let key = (
            node,
            self.kind(node),
            count,
            atoms.iter().map(|atom| (*atom, self.may(*atom).bits())).collect::<Vec<_>>(),
        );
        let known = self.memory.borrow().get(&key).cloned();
        let found = known.unwrap_or_else(|| {
            let found = find();
            self.memory.borrow_mut().insert(key, found.clone());
            found
        });
        found.map_err(|why| match why {
            Contradiction::Of(atoms) => Failure::Conflict(self.conflict(node, &atoms)),
            Contradiction::Unknown => self.unknown(node),
        })
    }

    /// Whether a test is about texts without the difference of upper and lower case.
    fn is_folded(&self, atom: AtomId) -> bool {
        let sides = self.writer.atoms.get(atom).map(|atom| atom.sides.as_slice()).unwrap_or_default();
        sides.iter().any(|side| self.way(*side) == Some(&Way::Facet(Facet::Folded)))
    }

    /// What strings a test of a place takes, as a regular expression.
    fn expression(&self, atom: AtomId, asked: &Asked) -> Option<String> {
        let expression = language::expression(&asked.0)?;
        match self.writer.atoms.get(atom).map(|atom| &atom.test) {
            Some(Tested::Anywhere(_)) if self.is_folded(atom) => build::lift(Facet::Folded, &expression),
            _ => Some(expression),
        }
    }

    fn passes(&self, atoms: &[AtomId], value: &Value) -> bool {
        atoms.iter().all(|atom| match self.writer.atoms.get(*atom).map(|atom| &atom.test) {
            Some(Tested::Value(asked)) => self.may(*atom).be(alone::test(&asked.0, &[Some(value)])),
            // That it is somewhere need not be here.
            Some(Tested::Anywhere(asked)) => {
                self.may(*atom).be_true || !has_text(value, &asked.0, self.is_folded(*atom))
            }
            _ => true,
        })
    }

    /// The value at a place; `None` if there is none.
    fn value(&self, node: NodeId) -> Result<Option<Value>, Failure> {
        Ok(self.values(node, 1)?.into_iter().next().flatten())
    }

    /// Some values that fit at a place, the simplest first.
    fn values(&self, node: NodeId, count: usize) -> Result<Vec<Option<Value>>, Failure> {
        if let Some(fixed) = self.fixed.get(&node) {
            return Ok(vec![Some(fixed.clone())]);
        }
        let some = |value: Value| Ok(vec![Some(value)]);
        if let Some(name) = self.tool_of(node) {
            return self.of_tool(node, &name);
        }
        if self.way(node) == Some(&Way::Part(Root::Tool)) {
            return self.tool(node).map(|name| vec![Some(name)]);
        }
        match self.kind(node) {
            Kind::Missing | Kind::NoFacet => Ok(vec![None]),
            Kind::Null => some(Value::Null),
            Kind::OutOfRange => some(Value::Number(Number::new("1e9999"))),
            Kind::LongList => some(Value::List(vec![Value::Null; LIST_LENGTH as usize + 1])),
            Kind::Unknown => some(Value::Unknown { several: false }),
            Kind::Bool => self.booleans(node).map(all),
            Kind::Number => self.numbers(node, count).map(all),
            Kind::String => self.strings(node, count).map(all),
            Kind::List => self.list(node).map(|list| vec![Some(list)]),
            Kind::Object => self.object(node).map(|object| vec![Some(object)]),
        }
    }

    /// The name of the tool that a place is read off, if it can have no other.
    fn tool_of(&self, node: NodeId) -> Option<Value> {
        let above = self.above(node).filter(|above| self.way(*above) == Some(&Way::Part(Root::Tool)))?;
        let fixed = self.fixed.get(&above).cloned();
        fixed.or_else(|| self.writer.tool.others.is_none().then(|| Value::String(self.writer.tool.name.clone())))
    }

    /// What is read off the tool's name.
    fn of_tool(&self, node: NodeId, name: &Value) -> Result<Vec<Option<Value>>, Failure> {
        let Some(Way::Facet(facet)) = self.way(node) else { return Err(self.unknown(node)) };
        let read = alone::facet(*facet, name, self.shared, Some(&self.now));
        let atoms: Vec<AtomId> = self.atoms(node).into_iter().map(|(atom, _)| atom).collect();
        match read {
            Read::Value(value)
                if kind_of(&Read::Value(value.clone())) == self.kind(node) && self.passes(&atoms, &value) =>
            {
                Ok(vec![Some(value)])
            }
            _ if self.writer.tool.others.is_none() => Err(Failure::Conflict(self.conflict(node, &atoms))),
            _ => Err(self.unknown(node)),
        }
    }

    /// A length from which on the tests of it come out alike.
    fn alike(&self, length: NodeId) -> usize {
        let literals = self.atoms(length).into_iter().flat_map(|(_, asked)| numbers::literals(&asked.0));
        let fixed = self.fixed.get(&length).and_then(numbers::whole);
        let last = literals.filter_map(|bound| numbers::whole(&numbers::number_value(bound))).chain(fixed).max();
        last.map_or(0, |last| last.saturating_add(2))
    }

    /// The tool's name, which is what it is, unless it may be that of others.
    fn tool(&self, node: NodeId) -> Result<Value, Failure> {
        let tool = self.writer.tool;
        let name = Value::String(tool.name.clone());
        let own = self.atoms(node);
        let atoms: Vec<AtomId> = own.iter().map(|(atom, _)| *atom).collect();
        let wrong = atoms.iter().find(|atom| !self.passes(&[**atom], &name));
        if wrong.is_none() && self.fits(node, &name) {
            return Ok(name);
        }
        let Some(others) = &tool.others else {
            return Err(match wrong {
                Some(wrong) => Failure::Conflict(self.conflict(node, &[*wrong])),
                None if self.is_settled_below(node) => self.unknown(node),
                None => Failure::Conflict(self.facts_from(node)),
            });
        };
        let tested =
            own.iter().filter_map(|(atom, asked)| Some((language::expression(&asked.0)?, self.wanted(*atom, asked)?)));
        let lifted = self.lifted(node);
        let read = lifted.iter().map(|lifted| (lifted.expression.clone(), lifted.want));
        let expressions: Vec<_> = others.patterns.iter().cloned().chain(tested).chain(read).collect();
        let taken = others.taken.iter().cloned().collect();
        let measured = self.facets(node).into_iter().find(|(facet, _)| *facet == Facet::Length).map(|(_, node)| node);
        let of_length: Vec<AtomId> =
            measured.map(|node| self.atoms(node)).unwrap_or_default().into_iter().map(|(atom, _)| atom).collect();
        let alike = measured.map(|length| self.alike(length));
        let fits = |length: usize| self.passes(&of_length, &Value::Number(Number::new(&length.to_string())));
        match language::strings(&expressions, &fits, alike, MOST_VALUES, &taken) {
            Strings::These(names) if names.is_empty() => {
                let of_length = measured.map(|length| self.conflict(length, &of_length)).unwrap_or_default();
                let read = lifted.iter().flat_map(|lifted| self.conflict(lifted.facet, lifted.atom.as_slice()));
                Err(Failure::Conflict(self.conflict(node, &atoms).into_iter().chain(read).chain(of_length).collect()))
            }
            Strings::These(names) => {
                let names = names.into_iter().map(Value::String);
                Ok(self.fitting(node, names.collect(), 1)?.into_iter().next().unwrap_or(name))
            }
            Strings::Unfinished => Err(self.unknown(node)),
        }
    }

    fn booleans(&self, node: NodeId) -> Result<Vec<Value>, Failure> {
        let atoms: Vec<AtomId> = self.atoms(node).into_iter().map(|(atom, _)| atom).collect();
        let fitting = |atoms: &[AtomId]| {
            [true, false].map(Value::Bool).into_iter().filter(|value| self.passes(atoms, value)).collect::<Vec<_>>()
        };
        self.remembered(node, 1, &atoms, || match fitting(&atoms) {
            found if found.is_empty() => Err(Self::least(&atoms, &mut |atoms| Some(!fitting(atoms).is_empty()))),
            found => Ok(found),
        })
    }

    fn numbers(&self, node: NodeId, count: usize) -> Result<Vec<Value>, Failure> {
        let mut own = self.atoms(node);
        let facets = self.facets(node);
        // A number is the instant that it stands for.
        own.extend(
            facets.iter().filter(|(facet, _)| *facet == Facet::Instant).flat_map(|(_, below)| self.atoms(*below)),
        );
        let atoms: Vec<AtomId> = own.iter().map(|(atom, _)| *atom).collect();
        let range = match self.way(node) {
            // The present has no age.
            Some(Way::Facet(Facet::Age)) if self.is_present(self.above(node)) => Some((0, 0)),
            Some(Way::Facet(facet)) => numbers::range(*facet),
            _ => None,
        };
        let literals = |atoms: &[AtomId]| {
            let own = own.iter().filter(|(atom, _)| atoms.contains(atom));
            own.flat_map(|(_, asked)| numbers::literals(&asked.0)).collect::<Vec<_>>()
        };
        let fitting = |atoms: &[AtomId], points: usize| {
            let candidates = numbers::candidates(&literals(atoms), range, points).into_iter();
            candidates.filter(|value| self.passes(atoms, value)).collect::<Vec<_>>()
        };
        let found = self.remembered(node, count, &atoms, || match fitting(&atoms, count) {
            found if found.is_empty() => Err(Self::least(&atoms, &mut |atoms| Some(!fitting(atoms, 1).is_empty()))),
            found => Ok(found),
        })?;
        if facets.is_empty() {
            return Ok(found);
        }
        self.dates(node, &own)?;
        let near: Vec<i64> = found.iter().filter_map(build::whole).collect();
        let mut candidates = self.instants(&facets, &near)?.into_iter().map(build::instant_number).collect::<Vec<_>>();
        candidates.extend(found);
        self.fitting(node, candidates, count)
    }

    /// That an instant can have the dates and weekdays that are asked for, with these tests of the instant.
    fn dates(&self, node: NodeId, of_instant: &[(AtomId, &Asked)]) -> Result<(), Failure> {
        let facets = self.facets(node);
        let ids = |node: NodeId| self.atoms(node).into_iter().map(|(atom, _)| atom).collect::<Vec<_>>();
        let literals = |own: &[(AtomId, &Asked)]| {
            own.iter().flat_map(|(_, asked)| numbers::literals(&asked.0)).collect::<Vec<_>>()
        };
        for (facet, date) in facets.iter().filter(|(_, node)| self.kind(*node) == Kind::Number) {
            let Facet::Date(zone) = facet else { continue };
            let of_date = ids(*date);
            let days = numbers::candidates(&literals(&self.atoms(*date)), numbers::range(*facet), 1);
            let days = days.iter().filter(|day| self.passes(&of_date, day)).filter_map(build::whole);
            let days: Vec<i64> = days.collect();
            let (Some(first), Some(last)) = (days.iter().min(), days.iter().max()) else { continue };
            // No clock is more than 16 hours from that of UTC.
            let (Some(from), Some(to)) = (build::hours_into(*first, -16), build::hours_into(last + 1, 16)) else {
                continue;
            };
            let bounds: Vec<_> = literals(of_instant).into_iter().chain([from.clone(), to.clone()]).collect();
            let atoms: Vec<AtomId> = of_instant.iter().map(|(atom, _)| *atom).collect();
            let fits = |value: &Value| match value {
                Value::Number(Number { value: Some(number), .. }) => {
                    from <= *number && *number <= to && self.passes(&atoms, value)
                }
                _ => false,
            };
            if !numbers::candidates(&bounds, None, 1).iter().any(fits) {
                let instants = facets.iter().filter(|(facet, _)| *facet == Facet::Instant);
                let mut facts = self.conflict(node, &atoms);
                facts.extend(instants.map(|(_, node)| (Fact::Is(*node, self.kind(*node)), true)));
                facts.extend(self.conflict(*date, &of_date));
                return Err(Failure::Conflict(facts));
            }
            let is_of_date =
                |(facet, node): &&(Facet, NodeId)| *facet == Facet::Weekday(*zone) && self.kind(*node) == Kind::Number;
            let Some((_, weekday)) = facets.iter().find(is_of_date).filter(|_| last - first < 7) else { continue };
            let of_weekday = ids(*weekday);
            // The first day of 1970 was a Thursday.
            let is_fine = |day: i64| {
                self.passes(&of_date, &build::instant_number(day))
                    && self.passes(&of_weekday, &build::instant_number((day + 3).rem_euclid(7) + 1))
            };
            if !(*first..=*last).any(is_fine) {
                let facts = self.conflict(*date, &of_date).into_iter().chain(self.conflict(*weekday, &of_weekday));
                return Err(Failure::Conflict(facts.collect()));
            }
        }
        Ok(())
    }

    /// Of some values those that all facts about the place and what is below it are true of.
    fn fitting(&self, node: NodeId, candidates: Vec<Value>, count: usize) -> Result<Vec<Value>, Failure> {
        let mut found = Vec::new();
        for candidate in candidates {
            if !found.contains(&candidate) && self.fits(node, &candidate) {
                found.push(candidate);
                if found.len() >= count {
                    break;
                }
            }
        }
        if found.is_empty() { Err(self.unknown(node)) } else { Ok(found) }
    }

    /// Whether all facts about a place and what is below it are true of a value, but for comparisons.
    fn fits(&self, node: NodeId, value: &Value) -> bool {
        let atoms: Vec<AtomId> = self.atoms(node).into_iter().map(|(atom, _)| atom).collect();
        if !self.passes(&atoms, value) {
            return false;
        }
        self.below(node).into_iter().all(|below| {
            let read = match self.way(below) {
                Some(Way::Facet(facet)) => {
                    let now = if self.is_present(Some(node)) { value } else { &self.now };
                    alone::facet(*facet, value, self.shared, Some(now))
                }
                Some(Way::Key(key)) => value.member(key).cloned().map_or(Read::Missing, Read::Value),
                Some(Way::Index(index)) => match value {
                    Value::List(elements) => elements.get(*index).cloned().map_or(Read::Missing, Read::Value),
                    _ => Read::Missing,
                },
                _ => Read::Missing,
            };
            if self.fixed.get(&below).is_some_and(|fixed| !is_same(&read, fixed)) {
                return false;
            }
            let kind = kind_of(&read);
            let is_so = |(fact, is): &(Fact, bool)| match fact {
                Fact::Is(of, wanted) if *of == below => (kind == *wanted) == *is,
                _ => true,
            };
            if !self.facts.iter().all(is_so) {
                return false;
            }
            match read {
                Read::Value(value) => self.fits(below, &value),
                Read::Missing | Read::NoFacet => self.fits_nothing(below),
            }
        })
    }

    /// Whether all facts about a place are true if there is no value.
    fn fits_nothing(&self, node: NodeId) -> bool {
        let own = self.atoms(node).into_iter().all(|(atom, _)| self.may(atom).be_unknown);
        own && self.below(node).into_iter().all(|below| {
            let is_so = |(fact, is): &(Fact, bool)| match fact {
                Fact::Is(of, wanted) if *of == below => matches!(wanted, Kind::Missing | Kind::NoFacet) == *is,
                _ => true,
            };
            self.facts.iter().all(is_so) && self.fits_nothing(below)
        })
    }

    fn strings(&self, node: NodeId, count: usize) -> Result<Vec<Value>, Failure> {
        let facets = self.facets(node);
        let is_measured = facets.iter().any(|(facet, _)| *facet == Facet::Length);
        let others: Vec<_> = facets.iter().filter(|(facet, _)| *facet != Facet::Length).copied().collect();
        let own = self.plain_strings(node, if others.is_empty() { count } else { MOST_VALUES }, is_measured)?;
        if others.is_empty() {
            return if is_measured { self.fitting(node, own, count) } else { Ok(own) };
        }
        if let Some(listed) = self.listed(node) {
            let found: Vec<Value> = listed.into_iter().filter(|value| self.fits(node, value)).take(count).collect();
            return match found.is_empty() {
                false => Ok(found),
                true if self.is_settled_below(node) => Err(self.unknown(node)),
                true => Err(Failure::Conflict(self.facts_from(node))),
            };
        }
        let mut read = Vec::new();
        for (facet, below) in others {
            read.push((facet, self.kind(below), self.values(below, MOST_VALUES)?));
        }
        let of_instant = facets.iter().filter(|(facet, _)| *facet == Facet::Instant);
        let of_instant: Vec<_> = of_instant.flat_map(|(_, below)| self.atoms(*below)).collect();
        self.dates(node, &of_instant)?;
        let instants = if facets.iter().any(|(facet, _)| build::is_time(*facet)) {
            self.instants(&facets, &[])?
        } else {
            Vec::new()
        };
        let literals: Vec<String> = self.atoms(node).iter().flat_map(|(_, asked)| texts(&asked.0)).collect();
        let candidates = build::strings(&read, &instants, &literals);
        self.fitting(node, candidates.into_iter().map(Value::String).chain(own).collect(), count)
    }

    /// The strings at a place if tests list all that there can be.
    fn listed(&self, node: NodeId) -> Option<Vec<Value>> {
        self.atoms(node).into_iter().find_map(|(atom, asked)| {
            let lists = matches!(asked.0, Operator::Eq(_) | Operator::In(_) | Operator::Presumed(_));
            let is_needed = self.wanted(atom, asked) == Some(true);
            (lists && is_needed).then(|| texts(&asked.0).into_iter().map(Value::String).collect())
        })
    }

    /// A place and all that are below it.
    fn from(&self, node: NodeId) -> Vec<NodeId> {
        let mut nodes = vec![node];
        let mut at = 0;
        while let Some(node) = nodes.get(at).copied() {
            nodes.extend(self.below(node));
            at += 1;
        }
        nodes
    }

    /// Whether something below a place depends on what was chosen elsewhere: for a comparison, or as the present.
    fn is_settled_below(&self, node: NodeId) -> bool {
        let depends =
            |node: &NodeId| self.fixed.contains_key(node) || matches!(self.way(*node), Some(Way::Facet(Facet::Age)));
        self.from(node).iter().any(depends)
    }

    /// The facts about a place and what is below it, but for comparisons.
    fn facts_from(&self, node: NodeId) -> Literals {
        let nodes = self.from(node);
        let is_about = |fact: &Fact| match fact {
            Fact::True(atom) | Fact::False(atom) => {
                nodes.iter().any(|node| self.own.get(node).is_some_and(|own| own.contains(atom)))
            }
            Fact::Is(of, _) => nodes.contains(of),
            Fact::Only(_) | Fact::Extra(_) | Fact::More(_) => false,
        };
        let facts = self.facts.iter().filter(|(fact, _)| is_about(fact)).copied();
        facts.chain([(Fact::Is(node, self.kind(node)), true)]).collect()
    }

    /// Strings that pass the tests of the place itself.
    fn plain_strings(&self, node: NodeId, count: usize, is_measured: bool) -> Result<Vec<Value>, Failure> {
        let own = self.atoms(node);
        let atoms: Vec<AtomId> = own.iter().map(|(atom, _)| *atom).collect();
        let grammar = match self.way(node) {
            Some(Way::Facet(facet)) => build::grammar(*facet),
            _ => None,
        };
        let lengths = self.facets(node).into_iter().find(|(facet, _)| *facet == Facet::Length).map(|(_, node)| node);
        let measured = lengths.filter(|_| is_measured);
        // The length is a number of its own: that no length passes is found out there.
        measured.map(|length| self.values(length, 1)).transpose()?;
        let settled = measured.and_then(|length| self.fixed.get(&length)).map(numbers::whole);
        let of_length: Vec<AtomId> =
            measured.map(|length| self.atoms(length)).unwrap_or_default().into_iter().map(|(atom, _)| atom).collect();
        let fits_length = |length: usize| {
            settled.is_none_or(|settled| settled == Some(length))
                && self.passes(&of_length, &Value::Number(Number::new(&length.to_string())))
        };
        let alike = measured.map(|length| self.alike(length));
        let lifted = self.lifted(node);
        let of_lifted = lifted.iter().filter_map(|lifted| lifted.atom);
        let all: Vec<AtomId> = atoms.iter().chain(&of_length).copied().chain(of_lifted).collect();
        let whole: Vec<(String, bool)> = lifted
            .iter()
            .map(|lifted| (lifted.expression.clone(), lifted.want))
            .chain(grammar.map(|grammar| (grammar.to_owned(), true)))
            .collect();
        let find = || {
            let fits = |text: &str| {
                fits_length(text.chars().count())
                    && self.passes(&atoms, &Value::String(text.to_owned()))
                    && whole.iter().all(|(expression, want)| build::is_in(expression, text) == *want)
            };
            self.find_strings(&own, &whole, count, (&fits_length, alike), &fits)
        };
        if settled.is_some() {
            return find().map_err(|_| self.unknown(node));
        }
        let found = self.remembered(node, count, &all, find);
        let others = lifted.iter().flat_map(|lifted| self.conflict(lifted.facet, lifted.atom.as_slice())).collect();
        found.map_err(|failure| with(self.with_length(failure, measured), others))
    }

    /// What is read off a string says something about the string.
    fn lifted(&self, node: NodeId) -> Vec<Lifted> {
        let mut lifted = Vec::new();
        for (facet, below) in self.facets(node) {
            let kind = self.kind(below);
            if let Some(form) = build::form(facet)
                && matches!(kind, Kind::Bool | Kind::Number | Kind::String | Kind::List | Kind::Object)
            {
                lifted.push(Lifted { facet: below, atom: None, expression: form.to_owned(), want: true });
            }
            for (atom, asked) in self.atoms(below).into_iter().filter(|_| kind == Kind::String) {
                // Of a text that is folded, the expression says all that there is to say.
                let want = self.wanted(atom, asked).filter(|want| *want || facet == Facet::Folded);
                if let Some(want) = want
                    && let Some(expression) = language::expression(&asked.0)
                    && let Some(expression) = build::lift(facet, &expression)
                {
                    lifted.push(Lifted { facet: below, atom: Some(atom), expression, want });
                }
            }
        }
        lifted
    }

    /// Whether a string has to match what a test of it matches; `None` if it may and may not.
    fn wanted(&self, atom: AtomId, asked: &Asked) -> Option<bool> {
        let may = self.may(atom);
        let may_fail = if matches!(asked.0, Operator::Presumed(_)) { may.be_unknown } else { may.be_false };
        (may.be_true != may_fail).then_some(may.be_true)
    }

    /// Strings that fit, of the words that tests compare with, and others.
    fn find_strings(
        &self,
        own: &[(AtomId, &Asked)],
        whole: &[(String, bool)],
        count: usize,
        (fits_length, alike): (&dyn Fn(usize) -> bool, Option<usize>),
        fits: &dyn Fn(&str) -> bool,
    ) -> Result<Vec<Value>, Contradiction> {
        let strings = |found: Vec<String>| Ok(found.into_iter().map(Value::String).collect());
        // Values that stand in the policy say most to its author.
        let words = own.iter().flat_map(|(_, asked)| texts(&asked.0)).collect::<Vec<_>>();
        let mut found: Vec<String> = Vec::new();
        for word in build::from_words(&words, !whole.is_empty()) {
            if found.len() < count && !found.contains(&word) && fits(&word) {
                found.push(word);
            }
        }
        if found.len() >= count.min(3) {
            return strings(found);
        }
        let taken: HashSet<String> = found.iter().cloned().collect();
        let search = |atoms: &[AtomId], count: usize| {
            let mut expressions = Vec::new();
            let mut is_whole = true;
            for (atom, asked) in own.iter().filter(|(atom, _)| atoms.contains(atom)) {
                match (self.wanted(*atom, asked), self.expression(*atom, asked)) {
                    (None, _) => {}
                    (Some(want), Some(expression)) => expressions.push((expression, want)),
                    (Some(_), None) => is_whole = false,
                }
            }
            expressions.extend(whole.iter().cloned());
            (language::strings(&expressions, fits_length, alike, count, &taken), is_whole)
        };
        let atoms: Vec<AtomId> = own.iter().map(|(atom, _)| *atom).collect();
        // Whether there is one at all is found out sooner than several.
        let counts = if found.is_empty() { [1, count.min(4)] } else { [count.min(4); 2] };
        let mut is_whole = false;
        for count in counts {
            if found.len() >= count {
                continue;
            }
            match search(&atoms, count) {
                (Strings::These(more), whole) => {
                    is_whole = whole && more.is_empty();
                    found.extend(more.into_iter().filter(|text| fits(text)));
                }
                (Strings::Unfinished, _) => is_whole = false,
            }
            if found.is_empty() {
                break;
            }
        }
        found.dedup();
        if !found.is_empty() {
            return strings(found);
        }
        if !is_whole {
            return Err(Contradiction::Unknown);
        }
        Err(Self::least(&atoms, &mut |atoms| match search(atoms, 1) {
            (Strings::These(found), true) => Some(!found.is_empty()),
            _ => None,
        }))
    }

    /// The conflict also depends on what is asked of the length.
    fn with_length(&self, failure: Failure, length: Option<NodeId>) -> Failure {
        let about = |node: NodeId| {
            let atoms: Vec<AtomId> = self.atoms(node).into_iter().map(|(atom, _)| atom).collect();
            self.conflict(node, &atoms)
        };
        with(failure, length.map(about).unwrap_or_default())
    }

    fn list(&self, node: NodeId) -> Result<Value, Failure> {
        let sum = self.facets(node).into_iter().find_map(|(facet, _)| match facet {
            Facet::Sum(sum) => self.shared.sums.get(sum),
            _ => None,
        });
        let other = || sum.map_or_else(|| build::element(self.way(node)), build::zero);
        let elements = self.below(node).into_iter();
        let elements: BTreeMap<usize, NodeId> = elements
            .filter_map(
                |below| if let Some(Way::Index(index)) = self.way(below) { Some((*index, below)) } else { None },
            )
            .collect();
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
        let most = elements.iter().find(|(_, node)| self.facts.contains(&(Fact::Is(**node, Kind::Missing), true)));
        let most = most.map_or(LIST_LENGTH as usize, |(index, _)| *index);
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
                None => {
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

    fn object(&self, node: NodeId) -> Result<Value, Failure> {
        let mut members = Vec::new();
        for below in self.below(node) {
            let key = match self.way(below) {
                Some(Way::Key(key)) => key.clone(),
                Some(Way::Facet(Facet::Command(field))) => field.name().to_owned(),
                Some(Way::Facet(Facet::Statement(field))) => field.name().to_owned(),
                _ => continue,
            };
            members.extend(self.value(below)?.map(|value| (key, value)));
        }
        if self.facts.contains(&(Fact::Extra(node), true)) {
            let free = (0..).map(|number| format!("other{number}"));
            let free = free.map(|key| if key == "other0" { "other".to_owned() } else { key });
            let key = free.into_iter().find(|key| members.iter().all(|(known, _)| known != key));
            members.extend(key.map(|key| (key, Value::Bool(true))));
        }
        Ok(Value::Object(members))
    }

    /// Times for clocks and dates: every combination of what they ask, also on the days of these instants.
    fn instants(&self, facets: &[(Facet, NodeId)], near: &[i64]) -> Result<Vec<i64>, Failure> {
        let mut asked = Vec::new();
        for (facet, node) in facets.iter().filter(|(facet, _)| build::is_time(*facet)) {
            let values = if self.kind(*node) == Kind::Number { self.values(*node, MOST_VALUES)? } else { Vec::new() };
            asked.push((*facet, values.into_iter().flatten().collect::<Vec<_>>()));
        }
        Ok(build::instants(&asked, near, self.now_seconds()))
    }

    fn now_seconds(&self) -> i64 {
        match &self.now {
            Value::Number(number) => {
                number.value.as_ref().and_then(crate::reference::arithmetic::floor).unwrap_or_default()
            }
            _ => 0,
        }
    }

    fn settle_tool(&mut self) -> Result<String, Failure> {
        let tool = self.writer.space.nodes.iter().position(|node| node.way == Way::Part(Root::Tool));
        let mut chosen = self.writer.tool.name.clone();
        if let Some(node) = tool.filter(|node| self.relevant.contains(node)) {
            let name = self.tool(node)?;
            chosen = text_of(&name).unwrap_or(chosen);
            self.fixed.insert(node, name);
        }
        Ok(chosen)
    }

    /// Presents to try, which ages depend on.
    fn presents(&self) -> Result<Vec<Present>, Failure> {
        if !self.asks_age() {
            return Ok(vec![Present { place: None, instant: self.now.clone() }]);
        }
        let mut instants = vec![self.now_seconds()];
        let ages = self.relevant.iter().copied().filter(|node| self.way(*node) == Some(&Way::Facet(Facet::Age)));
        for age in ages.filter(|age| self.kind(*age) == Kind::Number && !self.is_present(self.above(*age))) {
            let facets = self.above(age).map(|of| self.facets(of)).unwrap_or_default();
            let others: Vec<_> = facets.into_iter().filter(|(facet, _)| *facet != Facet::Age).collect();
            let values = self.values(age, MOST_PARTS)?;
            let lengths: Vec<i64> = values.iter().flatten().filter_map(build::whole).collect();
            for instant in self.instants(&others, &[])?.into_iter().take(MOST_PRESENTS) {
                instants.extend(lengths.iter().map(|length| instant.saturating_add(*length)));
            }
        }
        instants.dedup();
        instants.truncate(MOST_PRESENTS);
        let place = self.relevant.iter().copied().find(|node| self.is_present(Some(*node)));
        let Some(place) = place else {
            return Ok(instants
                .into_iter()
                .map(|instant| Present { place: None, instant: build::instant_number(instant) })
                .collect());
        };
        let own = self.values(place, 1)?.into_iter().flatten();
        let other = |instant: i64| match self.kind(place) {
            Kind::Number => Some(build::instant_number(instant)),
            Kind::String => build::written(instant).map(Value::String),
            _ => None,
        };
        let others = instants.into_iter().filter_map(other).filter(|value| self.fits(place, value));
        let mut presents: Vec<_> = own
            .chain(others)
            .map(|value| {
                let read = alone::facet(Facet::Instant, &value, self.shared, None);
                let now = if let Read::Value(instant) = read { instant } else { self.now.clone() };
                Present { place: Some((place, value)), instant: now }
            })
            .collect();
        if presents.is_empty() {
            presents.push(Present { place: None, instant: self.now.clone() });
        }
        Ok(presents)
    }

    fn asks_age(&self) -> bool {
        self.relevant.iter().any(|node| matches!(self.way(*node), Some(Way::Facet(Facet::Age))))
    }

    fn add_present(&self, parts: &mut BTreeMap<Root, Value>) {
        if !self.asks_age() || self.relevant.iter().any(|node| self.is_present(Some(*node))) {
            return;
        }
        if let Value::Object(members) = parts.entry(Root::Context).or_insert_with(|| Value::Object(Vec::new()))
            && members.iter().all(|(key, _)| key != "now")
        {
            members.push(("now".to_owned(), self.now.clone()));
        }
    }

    /// Values for the places that are compared with each other.
    fn settle_compared(&mut self) -> Result<(), Failure> {
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
                if group.len() == before {
                    break;
                }
            }
            let (own, others): (Vec<NodeId>, Vec<NodeId>) = order.into_iter().partition(|node| group.contains(node));
            let compared: Vec<AtomId> =
                compared.iter().copied().filter(|atom| sides(atom).iter().any(|side| group.contains(side))).collect();
            self.settle(&own, &compared)?;
            order = others;
        }
        Ok(())
    }

    /// Values for places that are compared with each other, those first that others are compared with.
    fn settle(&mut self, order: &[NodeId], compared: &[AtomId]) -> Result<(), Failure> {
        let mut words: Vec<String> = Vec::new();
        let mut candidates = Vec::new();
        let numbers: Vec<_> = order
            .iter()
            .flat_map(|node| self.atoms(*node))
            .flat_map(|(_, asked)| numbers::literals(&asked.0))
            .collect();
        let same = self.same(order, compared);
        for node in order {
            let class: Vec<NodeId> = order.iter().copied().filter(|other| same.get(other) == same.get(node)).collect();
            let own: Vec<Value> = match class.len() {
                1 => self.values(*node, MOST_VALUES)?.into_iter().flatten().collect(),
                _ => self.values_of_all(&class, compared)?,
            };
            words.extend(own.iter().filter_map(text_of));
            candidates.push(own);
        }
        let sides = compared.iter().filter_map(|atom| self.writer.atoms.get(*atom)).flat_map(|atom| &atom.sides);
        words.extend(sides.filter_map(|side| self.fixed.get(side)).filter_map(text_of));
        words.sort_by_key(|word| (word.len(), word.clone()));
        words.dedup();
        words.truncate(MOST_VALUES);
        let directories = self.directories(order, &candidates, compared);
        for (node, own) in order.iter().zip(&mut candidates) {
            let more: Vec<Value> = match self.kind(*node) {
                Kind::String => {
                    let is_folded = self.way(*node) == Some(&Way::Facet(Facet::Folded));
                    let texts = directories.iter().cloned().chain(build::related(&words));
                    texts.map(|text| Value::String(if is_folded { fold(&text) } else { text })).collect()
                }
                Kind::Number => {
                    let facets = self.above(*node).map(|of| self.facets(of)).unwrap_or_default();
                    let is_instant = self.way(*node) == Some(&Way::Facet(Facet::Instant));
                    let instants = if is_instant { self.instants(&facets, &[])? } else { Vec::new() };
                    let instants = instants.into_iter().map(build::instant_number);
                    instants.take(MOST_VALUES).chain(numbers::candidates(&numbers, None, order.len() + 1)).collect()
                }
                _ => Vec::new(),
            };
            let grammar = match self.way(*node) {
                Some(Way::Facet(facet)) => build::grammar(*facet),
                _ => None,
            };
            let is_text = |value: &Value| {
                grammar.is_none_or(|grammar| text_of(value).is_none_or(|text| build::is_in(grammar, &text)))
            };
            for value in more {
                if !own.contains(&value) && is_text(&value) && self.fits(*node, &value) {
                    own.push(value);
                }
            }
            own.sort_by_cached_key(|value| !self.is_likely(*node, value));
        }
        let mut tried = 0;
        let mut chosen = HashMap::new();
        if self.choose(order, &candidates, compared, &mut chosen, &mut tried) {
            self.fixed.extend(chosen);
            return Ok(());
        }
        // Numbers and booleans that are only compared have been tried in every order, unless one of them was settled before.
        let mut sides = compared.iter().filter_map(|atom| self.writer.atoms.get(*atom)).flat_map(|atom| &atom.sides);
        let is_exact = tried <= MOST_TRIED
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

    /// Whether what a value is read off may have it, as far as that is quickly seen.
    fn is_likely(&self, node: NodeId, value: &Value) -> bool {
        let (Some(Way::Facet(facet)), Some(of)) = (self.way(node), self.above(node)) else { return true };
        match facet {
            // The text itself.
            Facet::Path | Facet::AnyPath | Facet::Segment | Facet::Folded => {
                let atoms: Vec<AtomId> = self.atoms(of).into_iter().map(|(atom, _)| atom).collect();
                self.passes(&atoms, value)
            }
            Facet::Instant => self.facets(of).into_iter().all(|(facet, other)| {
                let atoms: Vec<AtomId> = self.atoms(other).into_iter().map(|(atom, _)| atom).collect();
                match alone::facet(facet, value, self.shared, Some(&self.now)) {
                    Read::Value(read) => self.passes(&atoms, &read),
                    _ => atoms.is_empty(),
                }
            }),
            _ => true,
        }
    }

    /// The directories that places are compared with, and paths below them.
    fn directories(&self, order: &[NodeId], candidates: &[Vec<Value>], compared: &[AtomId]) -> Vec<String> {
        let texts_at = |node: NodeId| -> Vec<String> {
            let fixed = self.fixed.get(&node).and_then(text_of);
            let own = order.iter().position(|other| *other == node).and_then(|at| candidates.get(at));
            fixed.into_iter().chain(own.into_iter().flatten().filter_map(text_of)).take(MOST_PARTS).collect()
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
                let join = |path: &String, part: &String| match path.as_str() {
                    "" => part.clone(),
                    path => format!("{}/{part}", path.trim_end_matches('/')),
                };
                let joined = paths.iter().flat_map(|path| parts.iter().map(move |part| join(path, part)));
                paths = joined.take(MOST_VALUES).collect();
            }
            let of = atom.sides.first().and_then(|side| self.above(*side));
            let ends: Vec<String> = of
                .map(|of| self.atoms(of))
                .unwrap_or_default()
                .iter()
                .flat_map(|(_, asked)| texts(&asked.0))
                .chain(["x".to_owned()])
                .collect();
            for path in paths {
                let path = path.trim_end_matches('/');
                found.extend(ends.iter().map(|end| format!("{path}/{}", end.trim_start_matches('/'))));
                found.push(if path.is_empty() { "/".to_owned() } else { path.to_owned() });
            }
        }
        found
    }

    /// For each place, the first of those that have to have the same value as it.
    fn same(&self, places: &[NodeId], compared: &[AtomId]) -> HashMap<NodeId, NodeId> {
        let mut first: HashMap<NodeId, NodeId> = places.iter().map(|place| (*place, *place)).collect();
        for sides in compared.iter().filter_map(|atom| self.equal(*atom)) {
            let [Some(one), Some(other)] = sides.map(|side| first.get(&side).copied()) else { continue };
            first.values_mut().filter(|first| **first == other).for_each(|first| *first = one);
        }
        first
    }

    /// The two places of a comparison that says that they have the same value.
    fn equal(&self, atom: AtomId) -> Option<[NodeId; 2]> {
        let may = self.may(atom);
        match self.writer.atoms.get(atom) {
            Some(Atom { test: Tested::Value(Asked(Operator::Eq(_))), sides }) if !may.be_false && !may.be_unknown => {
                <[NodeId; 2]>::try_from(sides.as_slice()).ok()
            }
            _ => None,
        }
    }

    /// Values for places that have to have the same.
    fn values_of_all(&self, places: &[NodeId], compared: &[AtomId]) -> Result<Vec<Value>, Failure> {
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

    fn is_comparison(&self, atom: AtomId) -> bool {
        self.writer.atoms.get(atom).is_some_and(|atom| matches!(atom.test, Tested::Value(_)) && atom.sides.len() > 1)
    }

    fn choose(
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
        for value in own {
            *tried += 1;
            if *tried > MOST_TRIED {
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
    fn is_one_path(&self, node: NodeId, chosen: &HashMap<NodeId, Value>) -> bool {
        let is_path = |node: NodeId| matches!(self.way(node), Some(Way::Facet(Facet::Path | Facet::AnyPath)));
        let mut others = chosen.iter().filter(|(other, _)| self.above(**other) == self.above(node) && is_path(**other));
        !is_path(node) || others.all(|(_, other)| chosen.get(&node) == Some(other))
    }

    /// Whether a comparison comes out as it may, as far as its sides have values.
    fn compares(&self, atom: AtomId, chosen: &HashMap<NodeId, Value>) -> bool {
        let Some(Atom { test: Tested::Value(asked), sides }) = self.writer.atoms.get(atom) else { return true };
        let mut values = Vec::new();
        for side in sides {
            match (chosen.get(side).or_else(|| self.fixed.get(side)), self.kind(*side)) {
                (Some(value), _) => values.push(Some(value)),
                (None, Kind::Bool | Kind::Number | Kind::String) => return true,
                (None, _) => return self.may(atom).be_unknown,
            }
        }
        self.may(atom).be(alone::test(&asked.0, &values))
    }

    /// The names of roles that the caller has; `None` if they do not matter, or cannot be read.
    fn roles(&self) -> Result<Option<Vec<String>>, Failure> {
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

    fn add_roles(&self, parts: &mut BTreeMap<Root, Value>, roles: Option<Vec<String>>) {
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
    fn is_free(&self, members: &[(String, Value)], key: &str) -> bool {
        let is_asked = |node: &NodeId| {
            self.way(*node) == Some(&Way::Key(key.to_owned()))
                && self.above(*node).is_some_and(|above| self.way(above) == Some(&Way::Part(Root::Agent)))
        };
        members.iter().all(|(known, _)| known != key) && !self.relevant.iter().any(is_asked)
    }

    /// Strings that have to be somewhere in a part of the call.
    fn add_anywhere(&self, parts: &mut BTreeMap<Root, Value>) -> Result<(), Failure> {
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
                let Strings::These(found) = language::strings(&expressions, &|_| true, None, 1, &HashSet::new()) else {
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

/// The failure, which also depends on other facts.
fn with(failure: Failure, others: Literals) -> Failure {
    match failure {
        Failure::Conflict(mut facts) => {
            facts.extend(others);
            Failure::Conflict(facts)
        }
        Failure::Unknown(_) => failure,
    }
}

fn all(values: Vec<Value>) -> Vec<Option<Value>> {
    values.into_iter().map(Some).collect()
}

/// The kind of what was read.
pub(super) fn kind_of(read: &Read) -> Kind {
    match read {
        Read::Missing => Kind::Missing,
        Read::NoFacet => Kind::NoFacet,
        Read::Value(value) => match value {
            Value::Null => Kind::Null,
            Value::Bool(_) => Kind::Bool,
            Value::Number(Number { value: Some(_), .. }) => Kind::Number,
            Value::Number(_) => Kind::OutOfRange,
            Value::String(_) => Kind::String,
            Value::List(elements) if elements.len() as u64 > LIST_LENGTH => Kind::LongList,
            Value::List(_) => Kind::List,
            Value::Object(_) => Kind::Object,
            Value::Unknown { .. } => Kind::Unknown,
        },
    }
}

/// Whether what was read is this value, however a number is written.
fn is_same(read: &Read, fixed: &Value) -> bool {
    match (read, fixed) {
        (Read::Value(Value::Number(one)), Value::Number(other)) => one.value == other.value,
        (Read::Value(value), fixed) => value == fixed,
        _ => false,
    }
}

fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        _ => None,
    }
}

/// Whether a text in a value passes.
fn has_text(value: &Value, operator: &Operator, is_folded: bool) -> bool {
    match value {
        Value::String(text) if is_folded => alone::test(operator, &[Some(&Value::String(fold(text)))]) == Some(true),
        Value::String(_) => alone::test(operator, &[Some(value)]) == Some(true),
        Value::List(elements) => elements.iter().any(|element| has_text(element, operator, is_folded)),
        Value::Object(members) => members.iter().any(|(_, member)| has_text(member, operator, is_folded)),
        _ => false,
    }
}

/// The texts that an operator compares with.
fn texts(operator: &Operator) -> Vec<String> {
    let of = |value: &Literal| match value {
        Literal::String(text) => Some(text.clone()),
        _ => None,
    };
    let operand = |operand: &Operand| match operand {
        Operand::Literal(value) => of(value),
        Operand::Ref(_) => None,
    };
    match operator {
        Operator::In(values) | Operator::Presumed(values) => values.iter().filter_map(of).collect(),
        Operator::Eq(with) | Operator::StartsWith(with) | Operator::EndsWith(with) | Operator::Contains(with) => {
            operand(with).into_iter().collect()
        }
        Operator::Inside { directory, .. } => directory.iter().filter_map(operand).collect(),
        Operator::Matches(Pattern::Glob { text, .. }) => vec![text.replace("**", "x").replace(['*', '?'], "x")],
        _ => Vec::new(),
    }
}
