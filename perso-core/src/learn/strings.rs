//! Strings that were seen at one place.

use std::collections::BTreeSet;

use super::ENOUGH;
use super::few::Few;
use super::format::Formats;
use super::json::{Members, member, one_of, text};

/// Texts with more different signs than so many have no pattern: they are not names of things.
const MOST_SIGNS: usize = 12;
/// Nor have longer ones.
const LONGEST_NAME: usize = 64;

#[derive(Debug, Clone)]
pub(super) struct Strings {
    count: u64,
    values: Few,
    /// The most characters.
    longest: usize,
    formats: Formats,
    /// The characters, if they are those of names of things.
    name: Option<Characters>,
}

/// Which characters there are: printable ones of ASCII.
#[derive(Debug, Clone, Default)]
struct Characters {
    upper: bool,
    lower: bool,
    digits: bool,
    signs: BTreeSet<char>,
    /// The signs that a text begins with. A text that begins with another one may be an option, or a path.
    first: BTreeSet<char>,
}

impl Characters {
    fn see(&mut self, text: &str) -> Option<()> {
        for (at, c) in text.chars().enumerate() {
            match c {
                'A'..='Z' => self.upper = true,
                'a'..='z' => self.lower = true,
                '0'..='9' => self.digits = true,
                ' '..='~' => {
                    self.signs.insert(c);
                    self.first.extend((at == 0).then_some(c));
                }
                _ => return None,
            }
        }
        (!text.is_empty() && text.len() <= LONGEST_NAME && self.signs.len() <= MOST_SIGNS).then_some(())
    }

    fn append(&mut self, later: &Self) -> Option<()> {
        self.upper |= later.upper;
        self.lower |= later.lower;
        self.digits |= later.digits;
        self.signs.extend(&later.signs);
        self.first.extend(&later.first);
        (self.signs.len() <= MOST_SIGNS).then_some(())
    }

    /// A regular expression for so many of them at most.
    fn pattern(&self, most: usize) -> String {
        if self.first == self.signs {
            return format!("{}{{1,{most}}}", self.class(&self.signs));
        }
        format!("{}{}{{0,{}}}", self.class(&self.first), self.class(&self.signs), most - 1)
    }

    /// A letter or digit, as far as there are some, or one of these signs.
    fn class(&self, signs: &BTreeSet<char>) -> String {
        let mut class = String::new();
        for (is_there, range) in [(self.upper, "A-Z"), (self.lower, "a-z"), (self.digits, "0-9")] {
            class.push_str(if is_there { range } else { "" });
        }
        for sign in signs.iter().filter(|sign| **sign != '-') {
            class.push_str(if r"\[]^&~".contains(*sign) { "\\" } else { "" });
            class.push(*sign);
        }
        // Where it is no range.
        class.push_str(if signs.contains(&'-') { "-" } else { "" });
        format!("[{class}]")
    }
}

impl Strings {
    pub(super) fn new() -> Self {
        let formats = Formats::default();
        Self { count: 0, values: Few::new(), longest: 0, formats, name: Some(Characters::default()) }
    }

    pub(super) fn see(&mut self, text: &str, key: &str) {
        self.count += 1;
        self.values.add(text);
        self.longest = self.longest.max(text.chars().count());
        self.formats.see(text, is_command(key));
        if self.name.as_mut().and_then(|name| name.see(text)).is_none() {
            self.name = None;
        }
    }

    pub(super) fn append(&mut self, later: &Self) {
        self.count += later.count;
        self.values.append(&later.values);
        self.longest = self.longest.max(later.longest);
        self.formats.append(&later.formats);
        let name = self.name.take().zip(later.name.as_ref());
        self.name = name.and_then(|(mut name, later)| name.append(later).map(|()| name));
    }

    pub(super) fn is_seen(&self) -> bool {
        self.count > 0
    }

    /// The narrowest tests that are worth reading. `is_listed` says that the tool's schema lists what the string can be, and
    /// `values` whether values may be written into the policy.
    pub(super) fn tests(&self, is_listed: bool, values: bool) -> Members {
        let listed = |most: usize| {
            let texts = self.values.up_to(most).filter(|_| values || is_listed)?;
            Some(vec![one_of(texts.iter().map(|one| text(one)).collect())])
        };
        let is_repeated = |texts: &BTreeSet<String>| !is_enough(self.count, texts.len());
        if let Some(tests) = listed(if is_listed { Few::MOST } else { 2 }) {
            return tests;
        }
        if let Some(tests) = self.formats.tests(values) {
            return tests;
        }
        if let Some(tests) = self.values.up_to(ENOUGH).filter(|texts| is_repeated(texts)).and_then(|_| listed(ENOUGH)) {
            return tests;
        }
        let most = self.longest.next_power_of_two().max(16);
        match &self.name {
            Some(name) => vec![member("matches", text(&name.pattern(most)))],
            None => vec![member("length", format!(r#"{{"lte":{most}}}"#))],
        }
    }
}

/// Whether so many values have been seen, mostly different ones, that more are to be expected.
pub(super) fn is_enough(count: u64, different: usize) -> bool {
    count >= ENOUGH as u64 && 2 * different as u64 > count
}

/// Whether an argument's name is that of shell commands.
fn is_command(key: &str) -> bool {
    const NAMES: [&str; 8] = ["command", "commands", "cmd", "command_line", "commandline", "shell", "bash", "script"];
    NAMES.iter().any(|name| key.eq_ignore_ascii_case(name))
}
