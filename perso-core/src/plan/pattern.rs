//! Patterns become automata: minimised, deterministic, a table that is run once over a string.

use crate::diagnostic::{Code, Diagnostic, quoted};
use crate::policy::Pattern;
use crate::span::Span;
use perso_decode::layout::AUTOMATON;
use regex_automata::dfa::{Automaton as _, StartKind, dense};
use regex_automata::nfa::thompson;
use regex_automata::util::primitives::StateID;
use regex_automata::util::syntax;
use regex_automata::{Anchored, Input, MatchKind};
use std::collections::HashMap;
use std::rc::Rc;

/// The largest table of one pattern, in bytes.
pub(crate) const MOST: usize = 1 << 15;
/// What may be taken while an automaton is built, in bytes.
const WORKING: usize = 1 << 22;
/// What may be taken while patterns are tried together, for each byte that they take apart.
const SHARED: usize = 2;
/// The most patterns that share an automaton.
const PATTERNS: usize = 32;

/// A minimised automaton for the strings that match patterns as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Automaton {
    /// The state to begin with; 0 is the state that nothing leaves and that accepts nothing.
    pub first: u16,
    /// How many classes of bytes there are.
    pub class_count: usize,
    /// The class of each byte.
    pub classes: Vec<u8>,
    /// For each state, the patterns that it accepts, a bit each.
    pub accepts: Vec<u32>,
    /// For each state and class, the next state.
    pub next: Vec<u16>,
    /// How many patterns there are.
    pub patterns: usize,
}

/// Why a pattern has no automaton.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unfit {
    /// Its table would have so many bytes, if that is known.
    Large(Option<usize>),
    /// It has something that cannot be an automaton.
    Unsupported(String),
}

impl Unfit {
    /// What to tell the author of the pattern.
    pub(super) fn diagnostic(&self, pattern: &str, span: Span) -> Diagnostic {
        let (message, help) = match self {
            Self::Large(bytes) => {
                let needs = bytes.map_or_else(|| "more".to_owned(), |bytes| format!("{bytes} bytes"));
                let help = "counted repetitions and `.*` before them make tables large, and so do `\\w` and `\\d`, \
                            which stand for all of Unicode: `[A-Za-z0-9_]` and `[0-9]` are small";
                (format!("the pattern {} needs a table of {needs}; at most {MOST} are allowed", quoted(pattern)), help)
            }
            Self::Unsupported(why) => {
                let why = why.to_lowercase().replace('\n', " ");
                let help = "use `(?-u:\\b)`, an ASCII word boundary";
                (format!("the pattern {} cannot be compiled: {why}", quoted(pattern)), help)
            }
        };
        Diagnostic::new(Code::Limit, span, message).help(help)
    }
}

/// The regular expression of a pattern.
pub(super) fn source(pattern: &Pattern) -> String {
    match pattern {
        Pattern::Regex(text) => text.clone(),
        Pattern::Glob { text, separator } => {
            let other = format!("[^{}]", regex_syntax::escape(&separator.to_string()));
            let mut source = String::new();
            let mut chars = text.chars().peekable();
            while let Some(c) = chars.next() {
                match c {
                    '*' if chars.next_if_eq(&'*').is_some() => source.push_str(".*"),
                    '*' => {
                        source.push_str(&other);
                        source.push('*');
                    }
                    '?' => source.push_str(&other),
                    c => regex_syntax::escape_into(c.encode_utf8(&mut [0; 4]), &mut source),
                }
            }
            source
        }
    }
}

/// The regular expression of a tool pattern, in which `*` is any run of characters.
pub(super) fn tool_source(pattern: &str) -> String {
    let parts: Vec<String> = pattern.split('*').map(regex_syntax::escape).collect();
    parts.join(".*")
}

impl Automaton {
    /// Bytes of the automaton's table.
    pub(crate) fn size(&self) -> usize {
        AUTOMATON + 4 * self.patterns + 4 * self.accepts.len() + 2 * self.next.len()
    }

    /// Builds the automaton of regular expressions.
    pub(super) fn build<S: AsRef<str>>(sources: &[S]) -> Result<Self, Unfit> {
        Self::build_within(WORKING, sources)
    }

    /// Builds the automaton of regular expressions, if no more than so many bytes are taken meanwhile.
    fn build_within<S: AsRef<str>>(working: usize, sources: &[S]) -> Result<Self, Unfit> {
        let dfa = dense::Builder::new()
            // A pattern is about the whole string, line feeds included.
            .syntax(syntax::Config::new().dot_matches_new_line(true))
            .configure(
                dense::Config::new()
                    .match_kind(MatchKind::All)
                    .start_kind(StartKind::Anchored)
                    .dfa_size_limit(Some(working))
                    .determinize_size_limit(Some(working)),
            )
            .thompson(
                thompson::Config::new().nfa_size_limit(Some(WORKING)).which_captures(thompson::WhichCaptures::None),
            )
            .build_many(sources)
            .map_err(|error| {
                let too_large = error.is_size_limit_exceeded() || error.to_string().contains("size limit");
                if too_large { Unfit::Large(None) } else { Unfit::Unsupported(error.to_string()) }
            })?;
        let input = Input::new("").anchored(Anchored::Yes);
        let first = dfa.start_state_forward(&input).map_err(|error| Unfit::Unsupported(error.to_string()))?;
        let automaton = Draft::explore(&dfa, first)?.minimise(sources.len())?;
        let size = automaton.size();
        if sources.len() == 1 && size > MOST { Err(Unfit::Large(Some(size))) } else { Ok(automaton) }
    }
}

/// The automata of a policy's patterns: each is built once.
#[derive(Debug, Default)]
pub(super) struct Automata {
    alone: HashMap<String, Rc<Automaton>>,
    /// By the patterns, in order: views often have the same.
    lists: HashMap<Vec<String>, Vec<Shared>>,
}

/// An automaton, and which patterns of a list it is for.
pub(super) type Shared = (Rc<Automaton>, Vec<usize>);

impl Automata {
    /// The automaton of one pattern.
    pub(super) fn alone(&mut self, source: &str) -> Result<Rc<Automaton>, Unfit> {
        if let Some(known) = self.alone.get(source) {
            return Ok(Rc::clone(known));
        }
        let automaton = Rc::new(Automaton::build(&[source])?);
        self.alone.insert(source.to_owned(), Rc::clone(&automaton));
        Ok(automaton)
    }

    /// The automata of several patterns, together if that is smaller.
    pub(super) fn of(&mut self, sources: Vec<String>) -> Result<&[Shared], Unfit> {
        let built = if self.lists.contains_key(&sources) { Vec::new() } else { self.build(&sources)? };
        Ok(self.lists.entry(sources).or_insert(built))
    }

    fn build(&mut self, sources: &[String]) -> Result<Vec<Shared>, Unfit> {
        let mut all = Vec::new();
        for (chunk, start) in sources.chunks(PATTERNS).zip((0..).step_by(PATTERNS)) {
            let indices = start..start + chunk.len();
            let alone = chunk.iter().map(|source| self.alone(source)).collect::<Result<Vec<_>, _>>()?;
            let apart: usize = alone.iter().map(|automaton| automaton.size()).sum();
            // One that is far larger before it is minimised will hardly be smaller after.
            let working = WORKING.min(SHARED * apart);
            let together = if chunk.len() > 1 { Automaton::build_within(working, chunk).ok() } else { None };
            match together {
                Some(shared) if shared.size() <= apart => all.push((Rc::new(shared), indices.collect())),
                _ => all.extend(alone.into_iter().zip(indices.map(|index| vec![index]))),
            }
        }
        Ok(all)
    }
}

/// An automaton that need not be minimal.
struct Draft {
    /// For each state the next one by byte class.
    next: Vec<Vec<u32>>,
    accepts: Vec<u32>,
    /// The class of each byte.
    classes: Vec<u8>,
}

impl Draft {
    /// All states that can be reached. Whether a state accepts is whether a string that ends there matches.
    fn explore(dfa: &dense::DFA<Vec<u32>>, first: StateID) -> Result<Self, Unfit> {
        let byte_classes = dfa.byte_classes();
        let classes: Vec<u8> = (0..=255).map(|byte| byte_classes.get(byte)).collect();
        let mut examples: Vec<u8> = Vec::new();
        for (byte, class) in (0..=255_u8).zip(&classes) {
            if usize::from(*class) == examples.len() {
                examples.push(byte);
            }
        }
        let mut numbers: HashMap<StateID, u32> = HashMap::from([(first, 0)]);
        let mut states = vec![first];
        let (mut next, mut accepts) = (Vec::new(), Vec::new());
        let mut at = 0;
        while let Some(state) = states.get(at).copied() {
            at += 1;
            let end = dfa.next_eoi_state(state);
            let matches = if dfa.is_match_state(end) { dfa.match_len(end) } else { 0 };
            accepts.push((0..matches).fold(0, |set, index| set | 1 << dfa.match_pattern(end, index).as_u32()));
            let mut row = Vec::with_capacity(examples.len());
            for byte in &examples {
                let to = dfa.next_state(state, *byte);
                if dfa.is_quit_state(to) {
                    return Err(Unfit::Unsupported("a Unicode word boundary".to_owned()));
                }
                let number = *numbers.entry(to).or_insert_with(|| {
                    states.push(to);
                    states.len() as u32 - 1
                });
                row.push(number);
            }
            next.push(row);
        }
        Ok(Self { next, accepts, classes })
    }

    /// Joins the states that no string tells apart (Moore's algorithm), and the byte classes that no state does.
    fn minimise(self, patterns: usize) -> Result<Automaton, Unfit> {
        let mut groups: Vec<u32> = Self::group(self.accepts.iter());
        loop {
            let group = |state: &u32| groups.get(*state as usize).copied().unwrap_or(0);
            let finer = Self::group(
                groups.iter().zip(&self.next).map(|(own, row)| (*own, row.iter().map(group).collect::<Vec<_>>())),
            );
            let done = finer.iter().max() == groups.iter().max();
            groups = finer;
            if done {
                break;
            }
        }
        let count = groups.iter().max().map_or(0, |most| *most as usize + 1);
        let mut rows: Vec<Option<(u32, Vec<u32>)>> = vec![None; count];
        for ((group, row), accepts) in groups.iter().zip(&self.next).zip(&self.accepts) {
            if let Some(slot) = rows.get_mut(*group as usize) {
                let row = row.iter().map(|state| groups.get(*state as usize).copied().unwrap_or(0)).collect();
                slot.get_or_insert((*accepts, row));
            }
        }
        let rows: Vec<(u32, Vec<u32>)> = rows.into_iter().flatten().collect();
        // The dead state comes first; where there is none, one is added so that 0 always is it.
        let is_dead = |(group, (accepts, row)): (usize, &(u32, Vec<u32>))| {
            *accepts == 0 && row.iter().all(|next| *next as usize == group)
        };
        let dead = rows.iter().enumerate().position(is_dead);
        let mut order: Vec<usize> =
            dead.into_iter().chain((0..rows.len()).filter(|group| Some(*group) != dead)).collect();
        if dead.is_none() {
            order.insert(0, usize::MAX);
        }
        if order.len() > usize::from(u16::MAX) {
            return Err(Unfit::Large(None));
        }
        let numbers: HashMap<usize, u16> = order.iter().zip(0..).map(|(group, number)| (*group, number)).collect();
        let number = |group: u32| numbers.get(&(group as usize)).copied().unwrap_or(0);

        // Classes whose columns are equal are one class.
        let width = rows.first().map_or(0, |(_, row)| row.len());
        let columns = (0..width).map(|class| rows.iter().map(|(_, row)| row.get(class).copied()).collect::<Vec<_>>());
        let joined = Self::group(columns);
        let class_count = joined.iter().max().map_or(0, |most| *most as usize + 1);
        let classes =
            self.classes.iter().map(|class| joined.get(usize::from(*class)).map_or(0, |class| *class as u8)).collect();
        let mut accepts = Vec::with_capacity(order.len());
        let mut next = Vec::with_capacity(order.len() * class_count);
        for group in &order {
            match rows.get(*group) {
                Some((accepted, row)) => {
                    accepts.push(*accepted);
                    for class in 0..class_count {
                        let column = joined.iter().position(|one| *one as usize == class).unwrap_or(0);
                        next.push(row.get(column).map_or(0, |group| number(*group)));
                    }
                }
                None => {
                    accepts.push(0);
                    next.extend(std::iter::repeat_n(0, class_count));
                }
            }
        }
        let first = number(groups.first().copied().unwrap_or(0));
        Ok(Automaton { first, class_count, classes, accepts, next, patterns })
    }

    /// Numbers things so that equal ones have equal numbers, in order of first sight.
    fn group<T: std::hash::Hash + Eq>(things: impl Iterator<Item = T>) -> Vec<u32> {
        let mut numbers = HashMap::new();
        things
            .map(|thing| {
                let next = numbers.len() as u32;
                *numbers.entry(thing).or_insert(next)
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The patterns that a text matches.
    fn run(automaton: &Automaton, text: &str) -> u32 {
        let step = |state: usize, byte: u8| {
            let class = usize::from(automaton.classes[usize::from(byte)]);
            usize::from(automaton.next[state * automaton.class_count + class])
        };
        automaton.accepts[text.bytes().fold(usize::from(automaton.first), step)]
    }

    #[track_caller]
    fn check(pattern: &Pattern, matches: &[&str], others: &[&str]) {
        let automaton = Automaton::build(&[source(pattern)]).unwrap();
        for text in matches {
            assert_eq!(run(&automaton, text), 1, "{pattern:?} matches {text:?}");
        }
        for text in others {
            assert_eq!(run(&automaton, text), 0, "{pattern:?} does not match {text:?}");
        }
    }

    #[test]
    fn globs_stop_at_separators() {
        let glob = |text: &str| Pattern::Glob { text: text.to_owned(), separator: '/' };
        check(&glob("/a/*.txt"), &["/a/b.txt", "/a/.txt", "/a/ä\n.txt"], &["/a/b/c.txt", "/a/b.txt\n", "x/a/b.txt"]);
        check(&glob("/a/**"), &["/a/", "/a/b/c"], &["/a"]);
        check(&glob("?"), &["a", "ä", "."], &["", "/", "ab"]);
        check(&glob("a[b]{c}"), &["a[b]{c}"], &["ab{c}", "ac"]);
    }

    #[test]
    fn regular_expressions_are_about_the_whole_string() {
        let regex = |text: &str| Pattern::Regex(text.to_owned());
        check(&regex("a|ab"), &["a", "ab"], &["abc", "xa", ""]);
        check(&regex("(a+)+$"), &["a", "aaaa"], &["aaaa\n", "aab"]);
        check(&regex("(?i)k"), &["k", "K", "\u{212a}"], &["l"]);
        check(&regex(""), &[""], &["a"]);
        check(&regex("[a-z]{2,4}"), &["ab", "abcd"], &["a", "abcde", "AB"]);
        check(&regex(".*drop .*"), &["drop t", "SELECT 1;\ndrop t", "\r\ndrop t\n"], &["drop"]);
        check(&regex("a.b"), &["a\nb", "a\rb", "a\u{85}b", "a\u{2028}b", "aéb"], &["ab", "a\r\nb"]);
        check(&regex("(?-s)a.b"), &["a\rb", "a b"], &["a\nb"]);
        check(&regex("(?-s:a.)."), &["ab\n"], &["a\nb"]);
        check(&regex("(?R-s)a.b"), &["a b"], &["a\nb", "a\rb"]);
        check(&regex("(?R)a.b"), &["a\nb", "a\rb"], &["ab"]);
        check(&regex("(?m)^a$"), &["a"], &["a\n", "\na", "b\na\nb"]);
        check(&regex("(?m)^a$.^b$"), &["a\nb"], &["a b", "a\nb\n"]);
        check(&regex("(?x) a . b # ."), &["a\nb"], &["ab"]);
    }

    #[test]
    fn automata_are_small() {
        // A state for nothing, one for each letter so far.
        assert_eq!(Automaton::build(&["abc"]).unwrap().accepts.len(), 5);
        assert_eq!(Automaton::build(&["(a|b|c)*"]).unwrap().accepts.len(), 2);
        assert_eq!(Automaton::build(&[".*"]).map(|all| all.class_count > 1), Ok(true), "UTF-8 has a grammar");
    }

    #[test]
    fn several_patterns_are_told_apart() {
        let sources = ["a*".to_owned(), "aa".to_owned(), "b".to_owned()];
        let automaton = Automaton::build(&sources).unwrap();
        assert_eq!(run(&automaton, "aa"), 0b011);
        assert_eq!(run(&automaton, "b"), 0b100);
        assert_eq!(run(&automaton, ""), 0b001);
    }

    #[test]
    fn what_is_too_large_says_how_large() {
        assert!(matches!(Automaton::build(&[r"\w{50}"]), Err(Unfit::Large(_))));
        assert!(matches!(Automaton::build(&[".*a.{20}"]), Err(Unfit::Large(_))));
        assert!(matches!(Automaton::build(&[r"\bx"]), Err(Unfit::Unsupported(_))));
    }
}
