//! Strings that pass some tests and fail others: found by going through the automata of all of them at once.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet, VecDeque};
use std::rc::Rc;

use super::build;
use super::work::Work;
use crate::policy::{Operand, Operator, Pattern, Value};
use regex_automata::Anchored;
use regex_automata::hybrid::LazyStateID;
use regex_automata::hybrid::dfa::{Cache, DFA};
use regex_automata::util::start;
use regex_automata::util::syntax;

/// The most states that a search goes through.
const MOST_STATES: usize = 200_000;
/// The memory of one automaton, in bytes.
const MEMORY: usize = 1 << 25;

/// What comes of a search.
pub(super) enum Strings {
    /// These strings, the shortest first; all of them if it has fewer than were asked for.
    These(Vec<String>),
    /// The search took too long, or a test has no automaton.
    Unfinished,
}

/// What strings a test of them takes, as a regular expression of the whole string; `None` if it is not that simple.
pub(super) fn expression(operator: &Operator) -> Option<String> {
    let literal = |operand: &Operand| match operand {
        Operand::Literal(Value::String(text)) => Some(regex_syntax::escape(text)),
        _ => None,
    };
    Some(match operator {
        Operator::Eq(operand) => literal(operand)?,
        Operator::In(values) | Operator::Presumed(values) => {
            let texts: Vec<String> =
                values.iter().filter_map(|value| literal(&Operand::Literal(value.clone()))).collect();
            // Without any, nothing matches.
            if texts.is_empty() { r"[^\s\S]".to_owned() } else { texts.join("|") }
        }
        Operator::StartsWith(operand) => format!("{}.*", literal(operand)?),
        Operator::EndsWith(operand) => format!(".*{}", literal(operand)?),
        Operator::Contains(operand) => format!(".*{}.*", literal(operand)?),
        Operator::Inside { base: None, directory } => {
            let part = |part: &Operand| match part {
                Operand::Literal(Value::String(text)) => Some(text.clone()),
                _ => None,
            };
            let parts = directory.iter().map(part).collect::<Option<Vec<_>>>()?;
            let directory = parts.iter().fold(String::new(), |path, part| build::join(&path, part));
            let below = if directory.ends_with('/') { directory.clone() } else { format!("{directory}/") };
            format!("{}|{}.*", regex_syntax::escape(&directory), regex_syntax::escape(&below))
        }
        Operator::Matches(Pattern::Regex(text)) => text.clone(),
        Operator::Matches(Pattern::Glob { text, separator }) => {
            let other = format!("[^{}]", regex_syntax::escape(&separator.to_string()));
            let mut source = String::new();
            let mut chars = text.chars().peekable();
            while let Some(c) = chars.next() {
                match c {
                    '*' if chars.next_if_eq(&'*').is_some() => source.push_str(".*"),
                    '*' => source.push_str(&format!("{other}*")),
                    '?' => source.push_str(&other),
                    c => source.push_str(&regex_syntax::escape(&c.to_string())),
                }
            }
            source
        }
        _ => return None,
    })
}

/// How many automata are kept.
const KEPT: usize = 128;

thread_local! {
    /// To build an automaton takes longer than most searches.
    static BUILT: RefCell<HashMap<String, Option<Rc<DFA>>>> = RefCell::default();
}

/// The automaton of an expression of a whole string; `None` if it has none.
fn automaton(expression: &str) -> Option<Rc<DFA>> {
    if let Some(built) = BUILT.with_borrow(|built| built.get(expression).cloned()) {
        return built;
    }
    let build = |text: String| {
        DFA::builder()
            .configure(DFA::config().cache_capacity(MEMORY).skip_cache_capacity_check(true))
            .syntax(syntax::Config::new().dot_matches_new_line(true))
            .build(&text)
            .ok()
    };
    // The comment of a verbose expression ends with its line.
    let dfa = build(format!(r"\A(?:{expression})\z")).or_else(|| build(format!("\\A(?:{expression}\n)\\z")));
    let dfa = dfa.map(Rc::new);
    BUILT.with_borrow_mut(|built| {
        if built.len() >= KEPT {
            built.clear();
        }
        built.insert(expression.to_owned(), dfa.clone());
    });
    dfa
}

/// An automaton that takes whole strings.
struct Automaton {
    dfa: Rc<DFA>,
    cache: Cache,
    want: bool,
}

impl Automaton {
    fn new(expression: &str, want: bool) -> Option<Self> {
        let dfa = automaton(expression)?;
        let cache = dfa.create_cache();
        Some(Self { dfa, cache, want })
    }

    fn start(&mut self) -> Option<LazyStateID> {
        self.dfa.start_state(&mut self.cache, &start::Config::new().anchored(Anchored::Yes)).ok()
    }

    fn next(&mut self, state: LazyStateID, byte: u8) -> Option<LazyStateID> {
        self.dfa.next_state(&mut self.cache, state, byte).ok()
    }

    /// Whether a string that ends here passes.
    fn passes(&mut self, state: LazyStateID) -> Option<bool> {
        let end = self.dfa.next_eoi_state(&mut self.cache, state).ok()?;
        Some(end.is_match() == self.want)
    }

    /// Whether no string that goes on from here passes.
    fn is_lost(&self, state: LazyStateID) -> bool {
        self.want && state.is_dead()
    }

    /// Its states are numbered anew if the memory runs out.
    fn is_sound(&self) -> bool {
        self.cache.clear_count() == 0
    }
}

/// Finds strings that match expressions where `true` is with them and do not where `false` is, with a number of characters that
/// `fits`; at most `count` of them, and none of `taken`. From the number `alike` on, all numbers fit or none does.
pub(super) fn strings(
    expressions: &[(String, bool)],
    fits: &dyn Fn(usize) -> bool,
    alike: Option<usize>,
    count: usize,
    taken: &HashSet<String>,
    work: &Work,
) -> Strings {
    let mut automata = Vec::with_capacity(expressions.len());
    for (expression, want) in expressions {
        match Automaton::new(expression, *want) {
            Some(automaton) => automata.push(automaton),
            None => return Strings::Unfinished,
        }
    }
    search(&mut automata, fits, alike, count, taken, work).map_or(Strings::Unfinished, Strings::These)
}

/// Where a search is: in each automaton, in a character of several bytes, and after how many characters, if that matters.
type State = (Vec<LazyStateID>, Utf8, usize);

/// How a string came about: the byte before, and the step before that.
type Trail = Vec<(u8, usize)>;

fn search(
    automata: &mut [Automaton],
    fits: &dyn Fn(usize) -> bool,
    alike: Option<usize>,
    count: usize,
    taken: &HashSet<String>,
    work: &Work,
) -> Option<Vec<String>> {
    let bytes = bytes(automata);
    let mut found = Vec::new();
    let first = automata.iter_mut().map(Automaton::start).collect::<Option<Vec<_>>>()?;
    let mut trail: Trail = vec![(0, 0)];
    let mut queue = VecDeque::from([((first, Utf8::Whole, 0), 0)]);
    // So that several strings are found, as many ways as that lead to a state.
    let mut seen: HashMap<State, usize> = HashMap::new();
    while let Some((state, step)) = queue.pop_front() {
        // A byte takes much less than a test.
        work.spend(1 + bytes.len() * automata.len() / 16);
        if work.is_over() {
            return None;
        }
        let (states, utf8, length) = &state;
        if *utf8 == Utf8::Whole && fits(*length) {
            let mut passes = true;
            for (automaton, state) in automata.iter_mut().zip(states) {
                passes &= automaton.passes(*state)?;
            }
            let text = if passes { text(&trail, step) } else { None };
            if let Some(text) = text.filter(|text| !taken.contains(text)) {
                found.push(text);
                if found.len() == count {
                    return Some(found);
                }
            }
        }
        for byte in &bytes {
            let Some(next_utf8) = utf8.next(*byte) else { continue };
            let is_new = *utf8 == Utf8::Whole;
            let next_length = match alike {
                Some(alike) if is_new => (length + 1).min(alike),
                _ => *length,
            };
            // All that are longer do not fit either.
            if alike == Some(next_length) && !fits(next_length) {
                continue;
            }
            let mut next = Vec::with_capacity(states.len());
            for (automaton, state) in automata.iter_mut().zip(states) {
                let to = automaton.next(*state, *byte)?;
                if automaton.is_lost(to) {
                    break;
                }
                next.push(to);
            }
            if next.len() < states.len() {
                continue;
            }
            let next = (next, next_utf8, next_length);
            let ways = seen.entry(next.clone()).or_default();
            if *ways >= count + taken.len().min(64) {
                continue;
            }
            *ways += 1;
            trail.push((*byte, step));
            if trail.len() > MOST_STATES {
                return None;
            }
            queue.push_back((next, trail.len() - 1));
        }
    }
    automata.iter().all(Automaton::is_sound).then_some(found)
}

fn text(trail: &Trail, mut step: usize) -> Option<String> {
    let mut bytes = Vec::new();
    while step > 0 {
        let (byte, before) = trail.get(step)?;
        bytes.push(*byte);
        step = *before;
    }
    bytes.reverse();
    String::from_utf8(bytes).ok()
}

/// A byte for each class that some automaton tells apart, those that read well first.
fn bytes(automata: &[Automaton]) -> Vec<u8> {
    let readable = b"abcdefghijklmnopqrstuvwxyz0123456789-_./@: ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    let mut order: Vec<u8> = readable.to_vec();
    order.extend((0..=255_u8).filter(|byte| !readable.contains(byte)));
    let mut seen = HashSet::new();
    order.retain(|byte| {
        let classes: Vec<u8> = automata.iter().map(|automaton| automaton.dfa.byte_classes().get(*byte)).collect();
        seen.insert((classes, Utf8::class(*byte)))
    });
    order
}

/// Where in a character of UTF-8 a string is (RFC 3629, section 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Utf8 {
    Whole,
    /// Between these bytes has to be the next, and so many follow it.
    Within(u8, u8, u8),
}

impl Utf8 {
    fn next(self, byte: u8) -> Option<Self> {
        match self {
            Self::Whole => match byte {
                0..=0x7f => Some(Self::Whole),
                0xc2..=0xdf => Some(Self::Within(0x80, 0xbf, 0)),
                0xe0 => Some(Self::Within(0xa0, 0xbf, 1)),
                0xed => Some(Self::Within(0x80, 0x9f, 1)),
                0xe1..=0xef => Some(Self::Within(0x80, 0xbf, 1)),
                0xf0 => Some(Self::Within(0x90, 0xbf, 2)),
                0xf1..=0xf3 => Some(Self::Within(0x80, 0xbf, 2)),
                0xf4 => Some(Self::Within(0x80, 0x8f, 2)),
                _ => None,
            },
            Self::Within(from, to, left) => (from..=to).contains(&byte).then(|| match left {
                0 => Self::Whole,
                left => Self::Within(0x80, 0xbf, left - 1),
            }),
        }
    }

    /// Bytes of the same class lead to the same.
    fn class(byte: u8) -> u8 {
        match byte {
            0..=0x7f => 0,
            0x80..=0x8f => 1,
            0x90..=0x9f => 2,
            0xa0..=0xbf => 3,
            0xc2..=0xdf => 4,
            0xe0 => 5,
            0xed => 6,
            0xe1..=0xef => 7,
            0xf0 => 8,
            0xf1..=0xf3 => 9,
            0xf4 => 10,
            _ => 11,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(expressions: &[(&str, bool)], count: usize) -> Vec<String> {
        let expressions: Vec<_> = expressions.iter().map(|(text, want)| ((*text).to_owned(), *want)).collect();
        match strings(&expressions, &|_| true, None, count, &HashSet::new(), &Work::default()) {
            Strings::These(found) => found,
            Strings::Unfinished => panic!("the search has not ended"),
        }
    }

    #[test]
    fn strings_pass_what_they_should_and_nothing_else() {
        assert_eq!(find(&[("ab|cd", true), ("a.*", false)], 3), ["cd"]);
        assert_eq!(find(&[("a+", true), ("a|aaa", false)], 1), ["aa"]);
        assert_eq!(find(&[("a.*", true), (".*b", true), ("[^c]*", false)], 1), ["acb"]);
        assert!(find(&[("[a-c]+", true), (".*[abc].*", false)], 1).is_empty());
        assert!(find(&[("[^a]", true), (r"[\x00-\x{10ffff}]", false)], 1).is_empty());
        assert_eq!(find(&[(r"\p{Greek}", true), ("[α-ω]", false)], 1).len(), 1);
        assert_eq!(find(&[("x?y?", true)], 9), ["", "x", "y", "xy"]);
    }

    #[test]
    fn lengths_count_characters() {
        let expressions = [("é*".to_owned(), true)];
        match strings(&expressions, &|length| length == 3, Some(4), 1, &HashSet::new(), &Work::default()) {
            Strings::These(found) => assert_eq!(found, ["ééé"]),
            Strings::Unfinished => panic!("the search has not ended"),
        }
    }
}
