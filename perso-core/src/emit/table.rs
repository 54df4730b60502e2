//! Writes the table: what of a call each view reads. Its form is [`perso_decode::layout`]'s.

use crate::plan::{Matches, Pair, PathPart, Place, Places, Plan, zone};
use perso_decode::layout::{FEW, HEADER, MAGIC, MOST_FEW, facet, flag, op};
use perso_decode::packed;
use std::collections::HashMap;

/// The table's bytes.
pub(super) fn write(plan: &Plan) -> Vec<u8> {
    let mut writer = Writer { bytes: vec![0; HEADER], known: HashMap::new() };
    let views: Vec<u32> =
        plan.views.iter().enumerate().map(|(number, view)| writer.view(number as u32, &view.places)).collect();
    let view = |index: usize| views.get(index).copied().unwrap_or(0);

    let tools = plan.tools.iter().map(|(name, index)| (name.as_str(), view(*index)));
    let tools = writer.map(tools, |name| perso_decode::hash(name.as_bytes()));
    let other = plan.other.map_or(0, view);
    let roles: Vec<(&str, u32)> = plan
        .role_names
        .iter()
        .zip(&plan.roles)
        .map(|(name, words)| {
            let at = writer.at();
            words.iter().for_each(|word| writer.bytes.extend(word.to_le_bytes()));
            (name.as_str(), at)
        })
        .collect();
    let roles = writer.map(roles, |name| perso_decode::hash(name.as_bytes()));

    let header = [MAGIC, tools, other, roles, plan.role_words as u32];
    let header: Vec<u8> = header.iter().flat_map(|word| word.to_le_bytes()).collect();
    writer.bytes.splice(..HEADER, header);
    let rest = writer.bytes.len() - size_of::<u32>();
    writer.bytes.resize(size_of::<u32>() + rest.next_multiple_of(packed::GROUP), 0);
    writer.bytes
}

/// Packs a table: see [`packed`].
pub(super) fn pack(table: &[u8]) -> Vec<u8> {
    let (magic, rest) = table.split_at(size_of::<u32>().min(table.len()));
    let mut packed = magic.to_vec();
    for group in rest.chunks(packed::GROUP) {
        let bit = |(index, byte): (usize, &u8)| u8::from(*byte != 0) << index;
        packed.push(group.iter().enumerate().map(bit).sum());
        packed.extend(group.iter().filter(|byte| **byte != 0));
    }
    packed
}

struct Writer {
    bytes: Vec<u8>,
    /// Where strings, maps and tests that stand in the table already are: views often share them.
    known: HashMap<Vec<u8>, u32>,
}

impl Writer {
    fn at(&self) -> u32 {
        self.bytes.len() as u32
    }

    /// Where these bytes stand.
    fn shared(&mut self, bytes: Vec<u8>) -> u32 {
        if let Some(at) = self.known.get(&bytes) {
            return *at;
        }
        let at = self.at();
        self.bytes.extend(&bytes);
        self.known.insert(bytes, at);
        at
    }

    fn shared_words<'w>(&mut self, words: impl IntoIterator<Item = &'w u32>) -> u32 {
        let bytes = words.into_iter().flat_map(|word| word.to_le_bytes()).collect();
        self.shared(bytes)
    }

    fn string(&mut self, text: &str) -> u32 {
        self.shared(text.as_bytes().to_vec())
    }

    /// A map; 0 if there is nothing in it.
    fn map<'s>(&mut self, entries: impl IntoIterator<Item = (&'s str, u32)>, hash: impl Fn(&str) -> u32) -> u32 {
        let entries: Vec<(&str, u32)> = entries.into_iter().collect();
        if entries.is_empty() {
            return 0;
        }
        if entries.len() <= MOST_FEW {
            let first = entries.len() as u32 | FEW;
            let entries: Vec<[u32; 4]> = entries
                .into_iter()
                .map(|(text, value)| [hash(text), self.string(text), text.len() as u32, value])
                .collect();
            return self.shared_words([first].iter().chain(entries.iter().flatten()));
        }
        // At most half full, so that a search soon meets a free entry.
        let size = (entries.len() * 2).next_power_of_two();
        let mask = size as u32 - 1;
        let mut slots = vec![[0_u32; 4]; size];
        for (text, value) in entries {
            let hash = hash(text);
            let entry = [hash, self.string(text), text.len() as u32, value];
            let mut at = hash & mask;
            while let Some(slot) = slots.get_mut(at as usize) {
                // No string stands at 0: the header does.
                if slot[1] == 0 {
                    *slot = entry;
                    break;
                }
                at = (at + 1) & mask;
            }
        }
        self.shared_words([mask].iter().chain(slots.iter().flatten()))
    }

    /// A view; `number` is that of its function, or of its budget.
    fn view(&mut self, number: u32, view: &Places) -> u32 {
        let places: Vec<[u32; 8]> = view.places.iter().map(|place| self.place(place)).collect();
        let pairs: Vec<[u32; 5]> = view.pairs.iter().map(|pair| self.pair(pair)).collect();
        let pairs = self.shared_words(pairs.iter().flatten());
        let head =
            [number, places.len() as u32, view.answer_words() as u32, pairs, view.pairs.len() as u32, view.has()];
        self.shared_words(head.iter().chain(places.iter().flatten()))
    }

    fn pair(&mut self, pair: &Pair) -> [u32; 5] {
        match pair {
            Pair::Text { op, left, right, outward, answer } => [*op, *left, *right, *outward, *answer],
            Pair::Inside { left, right, answer } => [op::INSIDE, self.path(left), self.path(right), 0, *answer],
            Pair::Age { instant, now, outward, age } => [op::AGE, *instant, *now, *outward, *age],
            Pair::Sum { list, factors: (of, times), sum } => {
                let times = times.unwrap_or(op::NO_FACTOR) << (op::BITS + op::FACTOR_BITS);
                [op::SUM | *of << op::BITS | times, *list, *sum, 0, 0]
            }
        }
    }

    fn path(&mut self, parts: &[PathPart]) -> u32 {
        let mut words = vec![parts.len() as u32];
        for part in parts {
            words.extend(match part {
                PathPart::Literal(text) => [0, self.string(text), text.len() as u32],
                PathPart::Place { place, outward } => [1, *place, *outward],
            });
        }
        self.shared_words(&words)
    }

    fn place(&mut self, place: &Place) -> [u32; 8] {
        let keys = place.keys.iter().map(|(key, place)| (key.as_str(), *place));
        let keys = match self.map(keys, |key| perso_decode::key_hash(key.as_bytes())) {
            // A map without entries: every key belongs to the rest.
            0 if place.flags & flag::REST != 0 => self.shared_words([&FEW]),
            keys => keys,
        };
        let constants = place.constants.iter().zip(1..).map(|(text, number)| (text.as_str(), number));
        let constants = self.map(constants, |text| perso_decode::hash(text.as_bytes()));
        let mut tests: Vec<[u32; 4]> = place
            .tests
            .iter()
            .map(|test| [test.op, self.string(&test.text), test.text.len() as u32, test.answer])
            .collect();
        tests.extend(place.automata.iter().map(|test| [op::MATCHES, self.automaton(test), 0, 0]));
        let tests_at = if tests.is_empty() { 0 } else { self.shared_words(tests.iter().flatten()) };
        let facets: Vec<[u32; 2]> = place
            .facets
            .iter()
            .map(|(facet, zone, place)| {
                let zone = zone.and_then(zone::words).map_or(0, |words| self.shared_words(&words));
                [*facet | zone << facet::BITS, *place]
            })
            .collect();
        let facets_at = if facets.is_empty() { 0 } else { self.shared_words(facets.iter().flatten()) };
        let element = place.element.as_ref().map_or(0, |element| self.view(element.budget, element));
        let counts = tests.len() as u32 | (facets.len() as u32) << 16;
        let span = place.below | place.end << 16;
        [keys, constants, tests_at, facets_at, element, counts, span, place.flags]
    }

    fn automaton(&mut self, test: &Matches) -> u32 {
        let automaton = &test.automaton;
        let head = [
            u32::from(automaton.first),
            automaton.class_count as u32,
            automaton.accepts.len() as u32,
            automaton.patterns as u32,
        ];
        let words = |words: &[u32]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>();
        let mut bytes = words(&head);
        bytes.extend(&automaton.classes);
        bytes.extend(words(&test.answers));
        bytes.extend(words(&automaton.accepts));
        bytes.extend(automaton.next.iter().flat_map(|next| next.to_le_bytes()));
        self.shared(bytes)
    }
}
