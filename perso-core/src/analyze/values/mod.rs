//! Values for the places of a call of which some facts are true.
//!
//! Each place is looked at by itself, with the facts about it: where no value fits, these facts contradict each other, whatever the
//! rest of the call is. Where the places have values but these do not go together, nothing is known.
//!
//! What can be at a place depends on its kind: `text` finds strings, `times` instants, `whole` lists and objects, `tool` the name of the
//! tool, and `caller` roles. `compared` settles places that are compared with each other before the others.

mod anywhere;
mod caller;
mod compared;
mod text;
mod times;
mod tool;
mod whole;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};

pub(super) use self::anywhere::is_somewhere;
use self::times::Present;
use super::build;
use super::formula::{Asked, Atom, AtomId, Fact, Tested, Writer};
use super::numbers;
use super::space::{Kind, NodeId, Way};
use super::work::Work;
use crate::limits::LIST_LENGTH;
use crate::policy::{Decimal, Facet, Policy, Root};
use crate::reference::alone::{self, Read};
use crate::reference::{Number, Value};

/// The most values that are tried at a place.
const MOST_VALUES: usize = 24;
/// The most values that are tried for places that are compared with each other.
const MOST_TRIED: usize = 3_000;
/// The most presents that are tried.
const MOST_PRESENTS: usize = 8;
/// The most texts that are tried as a part of a path.
const MOST_PARTS: usize = 6;
/// The present of a call in which it does not matter: 2026-01-01T00:00:00Z.
const NOW: &str = "1767225600";

/// A fact, and whether it is so.
pub(super) type Literals = Vec<(Fact, bool)>;

/// What was found out about places, for searches that choose other facts about other places, and what is left of the work.
#[derive(Debug, Default)]
pub(super) struct Memory {
    found: RefCell<HashMap<Key, Result<Vec<Value>, Contradiction>>>,
    pub(super) work: Work,
}

/// What was looked for: all that the answer depends on.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Key {
    node: NodeId,
    kind: Kind,
    /// How many values.
    count: usize,
    /// What the tests of the place may come to.
    tests: Vec<(AtomId, u8)>,
    /// What has to be read off it.
    read: Vec<NodeId>,
}

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
        // What is asked of the present has to be asked of an instant, if there is an age.
        let is_age = |node: &NodeId| {
            matches!(writer.space.way(*node), Some(Way::Facet(Facet::Age))) && kinds(*node) == Kind::Number
        };
        let present = writer.space.known_present().filter(|_| relevant.iter().any(is_age));
        let now = present.and_then(|present| writer.space.get(present)?.above);
        relevant.extend(present.filter(|_| now.is_some_and(|now| relevant.contains(&now))));
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
        let settled = self.settle_compared();
        let values = Root::PARTS.map(|root| {
            let node = self.relevant.iter().copied().find(|node| self.way(*node) == Some(&Way::Part(root)));
            node.map_or(Ok(None), |node| self.value(node))
        });
        let values = proven(std::iter::once(settled.map(|()| None)).chain(values))?.into_iter().skip(1);
        let mut parts: Parts =
            Root::PARTS.into_iter().zip(values).filter_map(|(root, value)| Some((root, value?))).collect();
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
        read: Vec<NodeId>,
        find: impl FnOnce() -> Result<Vec<Value>, Contradiction>,
    ) -> Result<Vec<Value>, Failure> {
        let tests = atoms.iter().map(|atom| (*atom, self.may(*atom).bits())).collect();
        let key = Key { node, kind: self.kind(node), count, tests, read };
        let known = self.memory.found.borrow().get(&key).cloned();
        let found = known.unwrap_or_else(|| {
            let found = find();
            self.memory.found.borrow_mut().insert(key, found.clone());
            found
        });
        found.map_err(|why| match why {
            Contradiction::Of(atoms) => Failure::Conflict(self.conflict(node, &atoms)),
            Contradiction::Unknown => self.unknown(node),
        })
    }

    fn passes(&self, atoms: &[AtomId], value: &Value) -> bool {
        self.memory.work.spend(atoms.len());
        atoms.iter().all(|atom| match self.writer.atoms.get(*atom).map(|atom| &atom.test) {
            Some(Tested::Value(asked)) => self.may(*atom).be(alone::test(&asked.0, &[Some(value)])),
            Some(Tested::Anywhere(_)) => self.may(*atom).be_true == is_somewhere(self.writer, *atom, value),
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
        if self.memory.work.is_over() {
            return Err(self.unknown(node));
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

    fn booleans(&self, node: NodeId) -> Result<Vec<Value>, Failure> {
        let atoms: Vec<AtomId> = self.atoms(node).into_iter().map(|(atom, _)| atom).collect();
        let fitting = |atoms: &[AtomId]| {
            [true, false].map(Value::Bool).into_iter().filter(|value| self.passes(atoms, value)).collect::<Vec<_>>()
        };
        self.remembered(node, 1, &atoms, Vec::new(), || match fitting(&atoms) {
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
        // Nothing is shown by a clock long ago or far ahead, and no age is less than none.
        let is_shown = |(facet, below): &&(Facet, NodeId)| facet.zone().is_some() && self.kind(*below) == Kind::Number;
        let shown: Vec<NodeId> = facets.iter().filter(is_shown).map(|(_, below)| *below).collect();
        let ends = match self.way(node) {
            Some(Way::Facet(Facet::Age)) => Decimal::parse("0").map(|least| (least, None)),
            _ => build::shown().filter(|_| !shown.is_empty()).map(|[least, most]| (least, Some(most))),
        };
        let is_within = |value: &Value| match (&ends, value) {
            (Some((least, most)), Value::Number(Number { value: Some(number), .. })) => {
                number >= least && most.as_ref().is_none_or(|most| number <= most)
            }
            _ => true,
        };
        let bounds = |atoms: &[AtomId]| {
            let own = own.iter().filter(|(atom, _)| atoms.contains(atom));
            let ends = ends.iter().flat_map(|(least, most)| [Some(least.clone()), most.clone()]).flatten();
            own.flat_map(|(_, asked)| numbers::literals(&asked.0)).chain(ends).collect::<Vec<_>>()
        };
        let fitting = |atoms: &[AtomId], points: usize| {
            let candidates = numbers::candidates(&bounds(atoms), range, points).into_iter();
            candidates.filter(|value| is_within(value) && self.passes(atoms, value)).collect::<Vec<_>>()
        };
        let found = self.remembered(node, count, &atoms, shown.clone(), || match fitting(&atoms, count) {
            found if found.is_empty() => Err(Self::least(&atoms, &mut |atoms| Some(!fitting(atoms, 1).is_empty()))),
            found => Ok(found),
        });
        let are_shown = shown.iter().map(|below| (Fact::Is(*below, Kind::Number), true)).collect();
        let found = found.map_err(|failure| with(failure, are_shown))?;
        if facets.is_empty() {
            return Ok(found);
        }
        self.dates(node, &own)?;
        let near: Vec<i64> = found.iter().filter_map(build::whole).collect();
        let mut candidates = self.instants(&facets, &near)?.into_iter().map(build::instant_number).collect::<Vec<_>>();
        candidates.extend(found);
        let listed = self.listed(node);
        candidates.extend(listed.iter().flatten().cloned());
        match self.fitting(node, candidates, count) {
            Err(Failure::Unknown(_)) if listed.is_some() && !self.is_settled_below(node) => {
                Err(Failure::Conflict(self.facts_from(node)))
            }
            found => found,
        }
    }

    /// Of some values those that all facts about the place and what is below it are true of.
    fn fitting(&self, node: NodeId, candidates: Vec<Value>, count: usize) -> Result<Vec<Value>, Failure> {
        let mut found = Vec::new();
        for candidate in candidates {
            if self.memory.work.is_over() {
                break;
            }
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
            self.memory.work.spend(1);
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
        own && !self.fixed.contains_key(&node)
            && self.below(node).into_iter().all(|below| {
                let is_so = |(fact, is): &(Fact, bool)| match fact {
                    Fact::Is(of, wanted) if *of == below => matches!(wanted, Kind::Missing | Kind::NoFacet) == *is,
                    _ => true,
                };
                self.facts.iter().all(is_so) && self.fits_nothing(below)
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

/// All of these, or what is known of why there are none: a contradiction rather than what is not known.
fn proven<V>(values: impl IntoIterator<Item = Result<V, Failure>>) -> Result<Vec<V>, Failure> {
    let (mut found, mut unknown) = (Vec::new(), None);
    for value in values {
        match value {
            Ok(value) => found.push(value),
            Err(conflict @ Failure::Conflict(_)) => return Err(conflict),
            Err(failure) => unknown = unknown.or(Some(failure)),
        }
    }
    unknown.map_or(Ok(found), Err)
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

fn number_of(value: &Value) -> Option<Decimal> {
    match value {
        Value::Number(number) => number.value.clone(),
        _ => None,
    }
}
