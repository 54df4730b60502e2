//! What a view reads of a call: places, laid out so that what is below a place follows it.

use crate::check::Attribute;
use perso_decode::layout::{flag, op, part};
use std::collections::HashMap;

/// Everything that a view reads.
#[derive(Debug, Default)]
pub struct Places {
    /// The places; the first five are the parts of a call.
    pub places: Vec<Place>,
    /// How many answer bits there are.
    pub answers: u32,
    /// Tests between two strings.
    pub pairs: Vec<Pair>,
}

/// A place.
#[derive(Debug, Default, Clone)]
pub struct Place {
    /// The keys below it, with their places.
    pub keys: Vec<(String, u32)>,
    /// The strings that it is compared with; a string's number is its index plus 1.
    pub constants: Vec<String>,
    /// The other tests of its string.
    pub tests: Vec<TextTest>,
    /// [`flag`]s.
    pub flags: u32,
    /// The place for its length, 0 if nobody asks.
    pub length: u32,
    /// The first place below it.
    pub below: u32,
    /// Behind the last place below it.
    pub end: u32,
}

/// A test of a string with a string of the policy.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TextTest {
    /// One of [`op`].
    pub op: u32,
    /// The policy's string.
    pub text: String,
    /// The answer's bit.
    pub answer: u32,
}

/// A test of a string with another of the same call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Pair {
    /// One of [`op`].
    pub op: u32,
    /// The place of the tested string.
    pub left: u32,
    /// The place of the other one.
    pub right: u32,
    /// The answer's bit.
    pub answer: u32,
}

/// Collects what a view reads, before it is known what stands where.
///
/// Until [`finish`](Self::finish), places are numbered in order of first use: these numbers are [`Draft`]s.
#[derive(Debug)]
pub(super) struct Builder {
    nodes: Vec<Node>,
    answers: u32,
    texts: HashMap<(usize, u32, String), u32>,
    pairs: HashMap<(u32, usize, usize), u32>,
}

/// The number of a place that has not found its place yet.
pub(super) type Draft = usize;

#[derive(Debug, Default)]
struct Node {
    children: Vec<(String, Draft)>,
    length: Option<Draft>,
    constants: Vec<String>,
    numbers: HashMap<String, u32>,
    tests: Vec<TextTest>,
    flags: u32,
}

impl Builder {
    pub(super) fn new() -> Self {
        let nodes = (0..part::COUNT).map(|_| Node::default()).collect();
        Self { nodes, answers: 0, texts: HashMap::new(), pairs: HashMap::new() }
    }

    fn add(&mut self) -> Draft {
        self.nodes.push(Node::default());
        self.nodes.len() - 1
    }

    fn node(&mut self, draft: Draft) -> &mut Node {
        #[expect(clippy::indexing_slicing, reason = "drafts are given out by this builder and never taken back")]
        &mut self.nodes[draft]
    }

    /// The place of an attribute.
    pub(super) fn attribute(&mut self, attribute: &Attribute) -> Draft {
        let keys: Vec<String> = attribute.keys().map(str::to_owned).collect();
        let place = self.path(attribute.root as usize, &keys);
        match attribute.facet() {
            None => place,
            Some(_) => self.node(place).length.unwrap_or_else(|| {
                let length = self.add();
                self.node(place).length = Some(length);
                length
            }),
        }
    }

    fn path(&mut self, root: Draft, keys: &[String]) -> Draft {
        keys.iter().fold(root, |at, key| {
            let known = self.node(at).children.iter().find(|(name, _)| name == key).map(|(_, child)| *child);
            known.unwrap_or_else(|| {
                let child = self.add();
                self.node(at).children.push((key.clone(), child));
                child
            })
        })
    }

    /// The number of a string that the place is compared with.
    pub(super) fn constant(&mut self, place: Draft, text: &str) -> u32 {
        let node = self.node(place);
        if let Some(number) = node.numbers.get(text) {
            return *number;
        }
        node.constants.push(text.to_owned());
        let number = node.constants.len() as u32;
        node.numbers.insert(text.to_owned(), number);
        number
    }

    fn answer(&mut self) -> u32 {
        self.answers += 1;
        self.answers - 1
    }

    /// The bit that answers a test of the string at a place.
    pub(super) fn text(&mut self, place: Draft, op: u32, text: &str) -> u32 {
        let key = (place, op, text.to_owned());
        if let Some(answer) = self.texts.get(&key) {
            return *answer;
        }
        let answer = self.answer();
        self.texts.insert(key, answer);
        self.node(place).tests.push(TextTest { op, text: text.to_owned(), answer });
        answer
    }

    /// The bit that answers a test between the strings at two places.
    pub(super) fn pair(&mut self, op: u32, left: Draft, right: Draft) -> u32 {
        if let Some(answer) = self.pairs.get(&(op, left, right)) {
            return *answer;
        }
        let answer = self.answer();
        self.pairs.insert((op, left, right), answer);
        self.node(left).flags |= flag::KEEP;
        self.node(right).flags |= flag::KEEP;
        answer
    }

    /// The bit that tells whether the tool's name matches a pattern.
    pub(super) fn tool_pattern(&mut self, pattern: &str) -> u32 {
        self.text(part::TOOL, op::WILDCARD, pattern)
    }

    /// Has the caller's roles read.
    pub(super) fn roles(&mut self) {
        for (key, flag) in [("role", flag::ROLE), ("roles", flag::ROLES)] {
            let place = self.path(part::AGENT, &[key.to_owned()]);
            self.node(place).flags |= flag;
        }
    }

    /// Gives every place its number. The second list has the number of each draft.
    pub(super) fn finish(mut self) -> (Places, Vec<u32>) {
        // The parts come first, then what is below each of them.
        let mut order: Vec<Draft> = (0..part::COUNT).collect();
        let mut spans = vec![(0_u32, 0_u32); self.nodes.len()];
        for root in 0..part::COUNT {
            self.walk(root, &mut order, &mut spans);
        }
        let mut numbers = vec![0_u32; self.nodes.len()];
        for (number, draft) in order.iter().enumerate() {
            if let Some(slot) = numbers.get_mut(*draft) {
                *slot = number as u32;
            }
        }
        let number = |draft: Draft| numbers.get(draft).copied().unwrap_or(0);
        let places = order
            .iter()
            .map(|draft| {
                let node = std::mem::take(self.node(*draft));
                let span = spans.get(*draft).copied().unwrap_or_default();
                Place {
                    keys: node.children.into_iter().map(|(key, child)| (key, number(child))).collect(),
                    constants: node.constants,
                    tests: node.tests,
                    flags: node.flags,
                    length: node.length.map_or(0, number),
                    below: span.0,
                    end: span.1,
                }
            })
            .collect();
        let mut pairs: Vec<Pair> = self
            .pairs
            .iter()
            .map(|((op, left, right), answer)| Pair {
                op: *op,
                left: number(*left),
                right: number(*right),
                answer: *answer,
            })
            .collect();
        pairs.sort_unstable_by_key(|pair| pair.answer);
        (Places { places, answers: self.answers, pairs }, numbers)
    }

    /// Orders what is below a place.
    fn walk(&mut self, draft: Draft, order: &mut Vec<Draft>, spans: &mut [(u32, u32)]) {
        let start = order.len() as u32;
        let node = self.node(draft);
        let below: Vec<Draft> = node.length.into_iter().chain(node.children.iter().map(|(_, child)| *child)).collect();
        for child in below {
            order.push(child);
            self.walk(child, order, spans);
        }
        if let Some(span) = spans.get_mut(draft) {
            *span = (start, order.len() as u32);
        }
    }
}
