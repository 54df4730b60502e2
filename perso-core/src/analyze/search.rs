//! Whether a formula can be true of some call: a solver chooses facts, and then values are looked for.

use std::collections::{BTreeSet, HashMap};

use batsat::callbacks::Basic;
use batsat::{Lit, Solver as Sat, SolverInterface, SolverOpts, lbool};

use super::formula::{Atom, Fact, Formula, Tested, Writer, reads};
use super::space::{Kind, Kinds, NodeId, Space, Way};
use super::values::{self, Failure, Found, Literals, Memory, Values};
use super::work::Work;
use crate::policy::{Facet, Operand, Operator, Value as Literal};
use crate::reference::Value;

/// The most choices of facts that are tried for one question.
const MOST_CHOICES: usize = 3000;
/// The most choices that may fail without a proof.
const MOST_FAILURES: usize = 48;

/// What comes of a search.
#[derive(Debug)]
pub(super) enum Outcome {
    /// The formula is true of this call.
    Call(Found),
    /// It is true of no call.
    Never,
    /// It is true of no call whose lists have no more elements than are written out.
    Short,
    /// These places are in the way of an answer.
    Unknown(BTreeSet<String>),
}

/// Looks for a call of which a formula is true. `confirm` says whether it is, after all.
pub(super) fn search(writer: &Writer<'_>, formula: &Formula, confirm: &mut dyn FnMut(&Found) -> bool) -> Outcome {
    let memory = Memory::default();
    let mut solver = Solver::new(writer, &memory.work);
    let goal = solver.write(formula);
    solver.assert(vec![goal]);
    let mut unknown = BTreeSet::new();
    let mut failures = 0;
    for _ in 0..MOST_CHOICES {
        let choice = solver.choose();
        if memory.work.is_over() {
            unknown.insert("more work than is done for one question".to_owned());
            return Outcome::Unknown(unknown);
        }
        if choice == lbool::FALSE && unknown.is_empty() {
            return if solver.is_short() { Outcome::Short } else { Outcome::Never };
        }
        if choice != lbool::TRUE {
            return Outcome::Unknown(unknown);
        }
        let facts = solver.needed(formula);
        let kinds = |node: NodeId| solver.kind(node);
        let found = Values::new(writer, &facts, &kinds, &memory).find();
        match found {
            Ok(found) if confirm(&found) => return Outcome::Call(found),
            Err(Failure::Conflict(conflict)) => solver.exclude(&conflict),
            failed => {
                unknown.insert(match failed {
                    Err(Failure::Unknown(place)) => place,
                    _ => "the call as a whole".to_owned(),
                });
                failures += 1;
                if failures > MOST_FAILURES {
                    return Outcome::Unknown(unknown);
                }
                solver.exclude_all(&facts);
            }
        }
    }
    unknown.insert("more ways than are tried".to_owned());
    Outcome::Unknown(unknown)
}

struct Solver<'w> {
    writer: &'w Writer<'w>,
    sat: Sat<Basic>,
    variables: HashMap<Fact, Lit>,
    /// What is always so.
    truth: Lit,
    /// That no elements matter which are not written out: assumed, so that a contradiction says whether it hangs on that.
    no_more: Vec<Lit>,
}

impl<'w> Solver<'w> {
    fn new(writer: &'w Writer<'w>, work: &Work) -> Self {
        let mut stopping = Basic::new();
        let work = work.clone();
        stopping.set_stop(move || {
            work.spend(1);
            work.is_over()
        });
        let mut sat = Sat::new(SolverOpts::default(), stopping);
        let truth = Lit::new(sat.new_var_default(), true);
        sat.add_clause_reuse(&mut vec![truth]);
        let mut solver = Self { writer, sat, variables: HashMap::new(), truth, no_more: Vec::new() };
        for node in 0..writer.space.nodes.len() {
            solver.write_node(node);
        }
        for atom in 0..writer.atoms.len() {
            solver.write_atom(atom);
        }
        for only in 0..writer.only.len() {
            solver.write_only(only);
        }
        solver
    }

    fn assert(&mut self, mut clause: Vec<Lit>) {
        self.sat.add_clause_reuse(&mut clause);
    }

    fn fact(&mut self, fact: Fact) -> Lit {
        if let Fact::Is(node, kind) = fact
            && !self.writer.space.get(node).is_some_and(|node| node.kinds.has(kind))
        {
            return !self.truth;
        }
        // What need not be there is left out, so that calls are short.
        let prefers = if matches!(fact, Fact::Is(_, Kind::Missing)) { lbool::TRUE } else { lbool::FALSE };
        let (sat, no_more) = (&mut self.sat, &mut self.no_more);
        *self.variables.entry(fact).or_insert_with(|| {
            let literal = Lit::new(sat.new_var(prefers, true), true);
            if let Fact::More(_) = fact {
                no_more.push(!literal);
            }
            literal
        })
    }

    fn is(&mut self, node: NodeId, kind: Kind) -> Lit {
        self.fact(Fact::Is(node, kind))
    }

    fn literal(&mut self, fact: Fact, is: bool) -> Lit {
        if let (Fact::More(_), false) = (fact, is) {
            return self.truth;
        }
        let literal = self.fact(fact);
        if is { literal } else { !literal }
    }

    /// A literal that implies the formula.
    fn write(&mut self, formula: &Formula) -> Lit {
        match formula {
            Formula::Fact(fact, is) => self.literal(*fact, *is),
            Formula::All(parts) if parts.is_empty() => self.truth,
            Formula::Any(parts) if parts.is_empty() => !self.truth,
            Formula::All(parts) | Formula::Any(parts) if parts.len() == 1 => {
                parts.first().map_or(self.truth, |part| self.write(part))
            }
            Formula::All(parts) => {
                let whole = Lit::new(self.sat.new_var_default(), true);
                for part in parts {
                    let part = self.write(part);
                    self.assert(vec![!whole, part]);
                }
                whole
            }
            Formula::Any(parts) => {
                let whole = Lit::new(self.sat.new_var_default(), true);
                let mut clause = vec![!whole];
                clause.extend(parts.iter().map(|part| self.write(part)).collect::<Vec<_>>());
                self.assert(clause);
                whole
            }
        }
    }

    /// A place is of one kind, which depends on what is above it.
    fn write_node(&mut self, id: NodeId) {
        let writer = self.writer;
        let Some(node) = writer.space.get(id) else { return };
        let kinds: Vec<Lit> = node.kinds.each().map(|kind| self.is(id, kind)).collect();
        for (at, one) in kinds.iter().enumerate() {
            for other in kinds.iter().skip(at + 1) {
                self.assert(vec![!*one, !*other]);
            }
        }
        self.assert(kinds);
        let Some(above) = node.above else { return };
        match &node.way {
            Way::Key(_) => {
                let clause = vec![self.is(id, Kind::Missing), self.is(above, Kind::Object)];
                self.assert(clause);
            }
            Way::Index(index) => {
                let missing = self.is(id, Kind::Missing);
                let clause = vec![missing, self.is(above, Kind::List)];
                self.assert(clause);
                // One that is there comes after the others that are written out.
                let before = writer.space.get(above).into_iter().flat_map(|above| &above.below);
                let index_of = |node: &NodeId| match writer.space.way(*node) {
                    Some(Way::Index(before)) if before < index => Some((*before, *node)),
                    _ => None,
                };
                let before = before.filter_map(index_of).max().map(|(_, node)| node);
                if let Some(before) = before {
                    let clause = vec![missing, !self.is(before, Kind::Missing)];
                    self.assert(clause);
                }
            }
            Way::Facet(facet) => {
                if let (Facet::Age, Some(present)) = (facet, writer.space.known_present()) {
                    let (has_age, is_present) = (self.is(id, Kind::Number), self.is(present, Kind::Number));
                    self.assert(vec![!has_age, is_present]);
                    // The present itself has one.
                    if writer.space.get(present).and_then(|present| present.above) == Some(above) {
                        self.assert(vec![!is_present, has_age]);
                    }
                }
                let of = writer.space.get(above).map_or(Kinds::of(&[]), |above| above.kinds);
                for kind in of.each() {
                    let mut clause = vec![!self.is(above, kind)];
                    // A command may have any number of words that only a shell knows.
                    if *facet == Facet::Count && matches!(writer.space.way(above), Some(Way::Facet(Facet::Command(_))))
                    {
                        clause.push(self.is(id, Kind::Unknown));
                    }
                    clause
                        .extend(Space::facet_of(*facet, kind).each().map(|kind| self.is(id, kind)).collect::<Vec<_>>());
                    self.assert(clause);
                }
            }
            Way::Part(_) => {}
        }
    }

    /// A test is true or false where its sides can be read, and neither where they cannot.
    fn write_atom(&mut self, id: usize) {
        let writer = self.writer;
        let Some(Atom { test, sides }) = writer.atoms.get(id) else { return };
        let (is_true, is_false) = (self.fact(Fact::True(id)), self.fact(Fact::False(id)));
        self.assert(vec![!is_true, !is_false]);
        match test {
            Tested::Roles(_) => {
                let Some(agent) = sides.first() else { return };
                let missing = self.is(*agent, Kind::Missing);
                self.assert(vec![!missing, !is_true]);
                self.assert(vec![!missing, !is_false]);
                self.write_roles(*agent, [is_true, is_false]);
            }
            Tested::Anywhere(_) => {
                self.assert(vec![is_true, is_false]);
                if let Some(part) = sides.first() {
                    let missing = self.is(*part, Kind::Missing);
                    self.assert(vec![!missing, !is_true]);
                    self.write_anywhere(id, *part, is_true);
                }
            }
            Tested::Value(asked) => {
                let reads = reads(&asked.0);
                let is_presumed = matches!(asked.0, Operator::Presumed(_));
                let mut readable = Vec::new();
                for side in sides {
                    let kinds = writer.space.get(*side).map_or(Kinds::of(&[]), |node| node.kinds);
                    for kind in kinds.each() {
                        let is = self.is(*side, kind);
                        if reads.has(kind) {
                            readable.push((*side, kind, is));
                        } else {
                            self.assert(vec![!is, !is_true]);
                            self.assert(vec![!is, !is_false]);
                        }
                    }
                }
                if is_presumed {
                    self.assert(vec![!is_false]);
                    return;
                }
                // Every path is below the root.
                if let Operator::Inside { directory, .. } = &asked.0
                    && let [Operand::Literal(Literal::String(root))] = directory.as_slice()
                    && root == "/"
                {
                    self.assert(vec![!is_false]);
                }
                // Whatever it is, a value is neither less nor more than itself, and a path is in itself, but in nothing below it.
                if let [first, second, ..] = sides.as_slice()
                    && first == second
                {
                    let never = match &asked.0 {
                        Operator::Lt(_) | Operator::Gt(_) => Some(is_true),
                        Operator::Inside { base: None, directory } => match directory.as_slice() {
                            [Operand::Ref(1)] => Some(is_false),
                            [Operand::Ref(1), ..] => Some(is_true),
                            _ => None,
                        },
                        Operator::Inside { .. } => None,
                        _ => Some(is_false),
                    };
                    if let Some(never) = never {
                        self.assert(vec![!never]);
                    }
                }
                // With one side, or two of the same type, there is an answer.
                if let [first, second] = sides.as_slice()
                    && matches!(asked.0, Operator::Eq(_))
                {
                    for kind in Kinds::SCALAR.each() {
                        let (one, other) = (self.is(*first, kind), self.is(*second, kind));
                        self.assert(vec![!one, !other, is_true, is_false]);
                        self.assert(vec![!one, other, !is_true]);
                        self.assert(vec![!one, other, !is_false]);
                    }
                    return;
                }
                // All sides are readable, or one of them is not.
                let mut clause = vec![is_true, is_false];
                for side in sides {
                    let own: Vec<Lit> = readable.iter().filter(|(of, ..)| of == side).map(|(.., is)| *is).collect();
                    let unreadable = Lit::new(self.sat.new_var_default(), true);
                    for is in own {
                        self.assert(vec![!unreadable, !is]);
                    }
                    clause.push(unreadable);
                }
                self.assert(clause);
            }
        }
    }

    /// A text is somewhere in a part that has a key that passes. Where only some keys may be there, the text is one of them, or at one.
    fn write_anywhere(&mut self, atom: usize, part: NodeId, is_true: Lit) {
        let writer = self.writer;
        let is_text = |key: &str| values::is_somewhere(writer, atom, &Value::String(key.to_owned()));
        for (node, key) in writer.space.keys(part) {
            if is_text(key) {
                let missing = self.is(node, Kind::Missing);
                self.assert(vec![missing, is_true]);
            }
        }
        for (id, only) in writer.only.iter().enumerate().filter(|(_, only)| only.object == part) {
            let mut clause = vec![!self.fact(Fact::Only(id)), !is_true];
            for (node, key) in writer.space.keys(part) {
                let is_member = writer.space.get(node).is_some_and(|node| node.above == Some(part));
                if is_member && is_text(key) {
                    clause.push(!self.is(node, Kind::Missing));
                } else if is_member && only.keys.contains(key) {
                    let holding = [Kind::String, Kind::List, Kind::LongList, Kind::Object];
                    clause.extend(holding.map(|kind| self.is(node, kind)));
                }
            }
            self.assert(clause);
        }
    }

    /// Roles can be read if `role` is a string and `roles` a list, as far as they are there, and one of them is.
    fn write_roles(&mut self, agent: NodeId, are_read: [Lit; 2]) {
        let writer = self.writer;
        let mut named = Vec::new();
        for (key, kind) in [("role", Kind::String), ("roles", Kind::List)] {
            let below = writer.space.get(agent).map(|agent| agent.below.as_slice()).unwrap_or_default();
            let is_key = |node: &&NodeId| matches!(writer.space.way(**node), Some(Way::Key(own)) if own == key);
            let Some(node) = below.iter().find(is_key).copied() else { continue };
            let kinds = writer.space.get(node).map_or(Kinds::of(&[]), |node| node.kinds);
            for other in kinds.but(Kinds::of(&[kind, Kind::Missing, Kind::Null])).each() {
                let is = self.is(node, other);
                are_read.iter().for_each(|is_read| self.assert(vec![!is, !*is_read]));
            }
            named.push(self.is(node, kind));
        }
        if named.len() == 2 {
            are_read.iter().for_each(|is_read| self.assert([!*is_read].into_iter().chain(named.clone()).collect()));
        }
    }

    /// An object has only some keys if it has none of the others that policies name, and none that they do not.
    fn write_only(&mut self, id: usize) {
        let writer = self.writer;
        let Some(only) = writer.only.get(id) else { return };
        let is = self.fact(Fact::Only(id));
        let extra = self.fact(Fact::Extra(only.object));
        let object = self.is(only.object, Kind::Object);
        self.assert(vec![!extra, object]);
        self.assert(vec![!is, !extra]);
        let mut clause = vec![is, extra, !object];
        let below = writer.space.get(only.object).map(|node| node.below.clone()).unwrap_or_default();
        for below in below {
            if let Some(Way::Key(key)) = writer.space.way(below)
                && !only.keys.contains(key)
            {
                let missing = self.is(below, Kind::Missing);
                self.assert(vec![!is, missing]);
                clause.push(!missing);
            }
        }
        self.assert(clause);
    }

    fn choose(&mut self) -> lbool {
        let assumed = std::mem::take(&mut self.no_more);
        let choice = self.sat.solve_limited(&assumed);
        self.no_more = assumed;
        choice
    }

    /// Whether there may be a choice if lists have more elements.
    fn is_short(&self) -> bool {
        self.no_more.iter().any(|literal| self.sat.unsat_core_contains_var(literal.var()))
    }

    fn holds(&self, fact: Fact) -> bool {
        self.variables.get(&fact).is_some_and(|literal| self.sat.value_lit(*literal) == lbool::TRUE)
    }

    fn kind(&self, node: NodeId) -> Kind {
        let kinds = self.writer.space.get(node).map_or(Kinds::of(&[]), |node| node.kinds);
        kinds.each().find(|kind| self.holds(Fact::Is(node, *kind))).unwrap_or(Kind::Missing)
    }

    /// Enough of the chosen facts for the formula to be true.
    fn needed(&self, formula: &Formula) -> Literals {
        let mut facts = BTreeSet::new();
        self.need(formula, &mut facts);
        facts.into_iter().collect()
    }

    fn is_true(&self, formula: &Formula) -> bool {
        match formula {
            Formula::Fact(fact, is) => self.holds(*fact) == *is,
            Formula::All(parts) => parts.iter().all(|part| self.is_true(part)),
            Formula::Any(parts) => parts.iter().any(|part| self.is_true(part)),
        }
    }

    fn need(&self, formula: &Formula, facts: &mut BTreeSet<(Fact, bool)>) {
        match formula {
            Formula::Fact(Fact::More(_), _) => {}
            Formula::Fact(fact, is) => {
                facts.insert((*fact, *is));
                // That an object has other keys, or which of them, is what its keys are for.
                if let Fact::Only(only) = fact
                    && let Some(only) = self.writer.only.get(*only)
                {
                    let extra = Fact::Extra(only.object);
                    facts.insert((extra, self.holds(extra)));
                    let below =
                        self.writer.space.get(only.object).map(|node| node.below.as_slice()).unwrap_or_default();
                    for below in below {
                        facts.insert((Fact::Is(*below, Kind::Missing), self.holds(Fact::Is(*below, Kind::Missing))));
                    }
                }
            }
            Formula::All(parts) => parts.iter().for_each(|part| self.need(part, facts)),
            Formula::Any(parts) => {
                let chosen = parts.iter().find(|part| self.is_true(part));
                chosen.into_iter().for_each(|part| self.need(part, facts));
            }
        }
    }

    /// These facts are not true together.
    fn exclude(&mut self, facts: &[(Fact, bool)]) {
        let clause = facts.iter().map(|(fact, is)| !self.literal(*fact, *is)).collect();
        self.assert(clause);
    }

    /// Not these facts again, with the kinds that places have now.
    fn exclude_all(&mut self, facts: &[(Fact, bool)]) {
        let mut nodes = BTreeSet::new();
        for (fact, _) in facts {
            if let Fact::True(atom) | Fact::False(atom) = fact {
                nodes.extend(self.writer.atoms.get(*atom).into_iter().flat_map(|atom| atom.sides.iter().copied()));
            }
        }
        let kinds = nodes.into_iter().map(|node| (Fact::Is(node, self.kind(node)), true)).collect::<Vec<_>>();
        let all: Vec<_> = facts.iter().copied().chain(kinds).collect();
        self.exclude(&all);
    }
}
