//! Strings: of their own tests, and of what is read off them.

use std::collections::HashSet;

use super::super::build;
use super::super::formula::{Asked, Atom, AtomId, Tested, reads};
use super::super::language::{self, Strings};
use super::super::numbers;
use super::super::space::{Kind, NodeId, Way};
use super::{Contradiction, Failure, MOST_VALUES, Values, text_of, with};
use crate::policy::{Facet, Operand, Operator, Pattern, Value as Literal};
use crate::reference::alone::{self, Read};
use crate::reference::{Number, Value};

/// What a string must match, or must not, because of what is read off it.
pub(super) struct Lifted {
    /// What is read off it.
    pub(super) facet: NodeId,
    /// The test of that; `None` if it need only be there.
    pub(super) atom: Option<AtomId>,
    pub(super) expression: String,
    pub(super) want: bool,
}

impl<'w> Values<'w> {
    /// What strings a test of a place takes, as a regular expression.
    pub(super) fn expression(&self, atom: AtomId, asked: &Asked) -> Option<String> {
        let expression = language::expression(&asked.0)?;
        match self.writer.atoms.get(atom).map(|atom| &atom.test) {
            Some(Tested::Anywhere(_)) if self.is_folded(atom) => build::lift(Facet::Folded, &expression),
            _ => Some(expression),
        }
    }

    /// A length from which on the tests of it come out alike.
    pub(super) fn alike(&self, length: NodeId) -> usize {
        let literals = self.atoms(length).into_iter().flat_map(|(_, asked)| numbers::literals(&asked.0));
        let fixed = self.fixed.get(&length).and_then(numbers::whole);
        let last = literals.filter_map(|bound| numbers::whole(&numbers::number_value(bound))).chain(fixed).max();
        last.map_or(0, |last| last.saturating_add(2))
    }

    pub(super) fn strings(&self, node: NodeId, count: usize) -> Result<Vec<Value>, Failure> {
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
        let found = self.fitting(node, candidates.into_iter().map(Value::String).chain(own).collect(), count);
        if found.is_err() && !self.is_settled_below(node) {
            self.private(&facets)?;
            if let Some(all) = self.all(node) {
                let fitting: Vec<Value> = all.into_iter().filter(|value| self.fits(node, value)).take(count).collect();
                return if fitting.is_empty() { Err(Failure::Conflict(self.facts_from(node))) } else { Ok(fitting) };
            }
        }
        found
    }

    /// The values at a place if tests list all that there can be.
    pub(super) fn listed(&self, node: NodeId) -> Option<Vec<Value>> {
        let kind = self.kind(node);
        self.atoms(node).into_iter().find_map(|(atom, asked)| {
            let lists = matches!(asked.0, Operator::Eq(_) | Operator::In(_) | Operator::Presumed(_));
            let is_needed = self.wanted(atom, asked) == Some(true);
            (lists && is_needed).then(|| match kind {
                Kind::String => texts(&asked.0).into_iter().map(Value::String).collect(),
                _ => numbers::literals(&asked.0).into_iter().map(numbers::number_value).collect(),
            })
        })
    }

    /// All strings that pass the tests of a place, if they are few.
    fn all(&self, node: NodeId) -> Option<Vec<Value>> {
        let own = self.atoms(node).into_iter();
        let own = own.filter_map(|(atom, asked)| Some((self.expression(atom, asked)?, self.wanted(atom, asked)?)));
        let grammar = match self.way(node) {
            Some(Way::Facet(facet)) => build::grammar(*facet),
            _ => None,
        };
        let expressions: Vec<(String, bool)> = own.chain(grammar.map(|grammar| (grammar.to_owned(), true))).collect();
        let none = HashSet::new();
        match language::strings(&expressions, &|_| true, None, MOST_VALUES, &none, &self.memory.work) {
            Strings::These(all) if all.len() < MOST_VALUES => Some(all.into_iter().map(Value::String).collect()),
            _ => None,
        }
    }

    /// That one of the hosts that a URL can have is private, or is not, as is asked.
    fn private(&self, facets: &[(Facet, NodeId)]) -> Result<(), Failure> {
        let of = |wanted: Facet, kind: Kind| {
            let mut of = facets.iter().filter(|(facet, node)| *facet == wanted && self.kind(*node) == kind);
            of.next().map(|(_, node)| *node)
        };
        let (Some(host), Some(private)) = (of(Facet::Host, Kind::String), of(Facet::Private, Kind::Bool)) else {
            return Ok(());
        };
        let ids = |node: NodeId| self.atoms(node).into_iter().map(|(atom, _)| atom).collect::<Vec<_>>();
        let is_fine = |host: &Value| {
            let url = Value::String(format!("https://{}/", text_of(host).unwrap_or_default()));
            match alone::facet(Facet::Private, &url, self.shared, None) {
                Read::Value(read) => self.passes(&ids(private), &read),
                _ => false,
            }
        };
        match self.all(host) {
            Some(hosts) if !hosts.iter().any(is_fine) => {
                let facts = self.conflict(host, &ids(host)).into_iter().chain(self.conflict(private, &ids(private)));
                Err(Failure::Conflict(facts.collect()))
            }
            _ => Ok(()),
        }
    }

    /// Strings that pass the tests of the place itself.
    pub(super) fn plain_strings(&self, node: NodeId, count: usize, is_measured: bool) -> Result<Vec<Value>, Failure> {
        let own = self.atoms(node);
        let atoms: Vec<AtomId> = own.iter().map(|(atom, _)| *atom).collect();
        let grammar = match (self.way(node), self.above(node).and_then(|list| self.way(list))) {
            (Some(Way::Facet(facet)), _) => build::grammar(*facet),
            (Some(Way::Index(_)), Some(Way::Facet(Facet::Command(field)))) => build::grammar_of_element(*field),
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
        let read = lifted.iter().map(|lifted| lifted.facet).collect();
        let found = self.remembered(node, count, &all, read, find);
        let others = lifted.iter().flat_map(|lifted| self.conflict(lifted.facet, lifted.atom.as_slice())).collect();
        found.map_err(|failure| with(self.with_length(failure, measured), others))
    }

    /// What is read off a string says something about the string.
    pub(super) fn lifted(&self, node: NodeId) -> Vec<Lifted> {
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

    /// Whether a value has to match what a test of it matches; `None` if it may and may not, or if the test does not read such values.
    pub(super) fn wanted(&self, atom: AtomId, asked: &Asked) -> Option<bool> {
        let may = self.may(atom);
        let kind = match self.writer.atoms.get(atom) {
            Some(Atom { test: Tested::Value(_), sides }) => sides.first().map_or(Kind::String, |side| self.kind(*side)),
            _ => Kind::String,
        };
        if may.be_unknown && !reads(&asked.0).has(kind) {
            return None;
        }
        let may_fail = if matches!(asked.0, Operator::Presumed(_)) { may.be_unknown } else { may.be_false };
        (may.be_true != may_fail).then_some(may.be_true)
    }

    /// Strings that fit, of the words that tests compare with, and others.
    pub(super) fn find_strings(
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
            (language::strings(&expressions, fits_length, alike, count, &taken, &self.memory.work), is_whole)
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
    pub(super) fn with_length(&self, failure: Failure, length: Option<NodeId>) -> Failure {
        let about = |node: NodeId| {
            let atoms: Vec<AtomId> = self.atoms(node).into_iter().map(|(atom, _)| atom).collect();
            self.conflict(node, &atoms)
        };
        with(failure, length.map(about).unwrap_or_default())
    }
}

/// The texts that an operator compares with.
pub(super) fn texts(operator: &Operator) -> Vec<String> {
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
