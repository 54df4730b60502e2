//! Writes the table: what of a call each view reads. Its form is [`perso_decode::layout`]'s.

use crate::plan::{Place, Plan, View};
use perso_decode::layout::{HEADER, MAGIC};
use std::collections::HashMap;

/// The table's bytes.
pub(super) fn write(plan: &Plan) -> Vec<u8> {
    let mut writer = Writer { bytes: vec![0; HEADER], known: HashMap::new() };
    let views: Vec<u32> =
        plan.views.iter().enumerate().map(|(number, view)| writer.view(number as u32, view)).collect();
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
    writer.bytes
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

    fn words(&mut self, words: &[u32]) {
        self.bytes.extend(words.iter().flat_map(|word| word.to_le_bytes()));
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

    fn view(&mut self, function: u32, view: &View) -> u32 {
        let places: Vec<[u32; 8]> = view.places.places.iter().map(|place| self.place(place)).collect();
        let pairs: Vec<[u32; 4]> =
            view.places.pairs.iter().map(|pair| [pair.op, pair.left, pair.right, pair.answer]).collect();
        let pairs = self.shared_words(pairs.iter().flatten());
        let at = self.at();
        let answer_words = view.places.answers.div_ceil(64);
        self.words(&[function, places.len() as u32, answer_words, pairs, view.places.pairs.len() as u32]);
        places.iter().for_each(|place| self.words(place));
        at
    }

    fn place(&mut self, place: &Place) -> [u32; 8] {
        let keys = place.keys.iter().map(|(key, place)| (key.as_str(), *place));
        let keys = self.map(keys, perso_decode::key_hash);
        let constants = place.constants.iter().zip(1..).map(|(text, number)| (text.as_str(), number));
        let constants = self.map(constants, |text| perso_decode::hash(text.as_bytes()));
        let tests: Vec<[u32; 4]> = place
            .tests
            .iter()
            .map(|test| [test.op, self.string(&test.text), test.text.len() as u32, test.answer])
            .collect();
        let at = if tests.is_empty() { 0 } else { self.shared_words(tests.iter().flatten()) };
        [keys, constants, at, tests.len() as u32, place.flags, place.length, place.below, place.end]
    }
}
