//! Conditions as sentences: `args.amount is more than 0 and at most 500`.

use super::MAX_TEXT;
use super::leaf::Leaf;
use super::text::{joined, literal, string};
use crate::policy::{
    Attribute, Condition, Facet, Operand, Operator, Pattern, Policy, Quantified, Root, StatementField, Step, Value,
    Zone, time, unfolded,
};

/// What stays the same in a sentence.
#[derive(Clone, Copy)]
pub(super) struct Sentence<'s> {
    policy: &'s Policy,
    /// Which outcome of a condition the caller needs. What is presumed is named only there: another value never brings
    /// the other outcome about.
    presumed: bool,
    /// The element that is spoken of, inside of what is said of the elements of a list.
    element: Option<&'s Attribute>,
}

/// One thing that is said.
struct Phrase {
    /// What it is about; `None` where the text says that itself.
    subject: Option<Attribute>,
    text: String,
    /// What a number counts, said once after several: `at least 1 and at most 5 characters long`.
    unit: Option<Unit>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Unit {
    Characters { one: bool },
    Items { item: &'static str, one: bool },
    Old,
    IgnoringCase,
    In(Zone),
}

/// What two predicates on one subject can share, longest first.
const SHARED: [&str; 5] = ["is a URL with ", "matches the pattern ", "matches ", "is ", "has "];

impl<'s> Sentence<'s> {
    /// `presumed` says which outcome the caller needs: what is presumed is named only there.
    pub(super) const fn new(policy: &'s Policy, presumed: bool) -> Self {
        Self { policy, presumed, element: None }
    }

    /// A condition, or with `wanted` false its opposite. `not` is moved inwards, to the tests.
    pub(super) fn words(self, condition: &Condition, wanted: bool) -> String {
        let mut phrases = Vec::new();
        let with = if is_conjunction(condition, wanted) { "and" } else { "or" };
        self.collect(condition, wanted, with, &mut phrases);
        if phrases.is_empty() {
            return if with == "and" { "anything holds" } else { "nothing holds" }.to_owned();
        }
        self.spoken(phrases, with)
    }

    /// The phrases of a condition that are joined by `with`.
    fn collect(self, condition: &Condition, wanted: bool, with: &str, phrases: &mut Vec<Phrase>) {
        // What is longer will be cut off anyway.
        if phrases.iter().map(|phrase| phrase.text.len()).sum::<usize>() > 2 * MAX_TEXT {
            return;
        }
        if let Some(leaf) = Leaf::of(self.policy, condition, wanted) {
            if leaf.is_presumed() && leaf.wanted != self.presumed {
                return;
            }
            phrases.push(self.phrase(&leaf));
            return;
        }
        let (parts, is_all) = match condition {
            Condition::Not(inner) => return self.collect(inner, !wanted, with, phrases),
            Condition::All(parts) => (parts, wanted),
            Condition::Any(parts) => (parts, !wanted),
            Condition::Test(_) => return,
        };
        if parts.len() == 1 || is_all == (with == "and") {
            return parts.iter().for_each(|part| self.collect(part, wanted, with, phrases));
        }
        let mut inner = Vec::new();
        let other = if is_all { "and" } else { "or" };
        parts.iter().for_each(|part| self.collect(part, wanted, other, &mut inner));
        let is_one = inner.len() < 2;
        let text = self.spoken(inner, other);
        let text = if is_one { text } else { format!("({text})") };
        phrases.push(Phrase { subject: None, text, unit: None });
    }

    /// Phrases in a row. A subject that stays the same is named once, and so is a unit.
    fn spoken(self, phrases: Vec<Phrase>, with: &str) -> String {
        let mut runs: Vec<Vec<Phrase>> = Vec::new();
        for phrase in phrases {
            match runs.last_mut() {
                Some(run) if phrase.subject.is_some() && run.last().map(|p| &p.subject) == Some(&phrase.subject) => {
                    run.push(phrase);
                }
                _ => runs.push(vec![phrase]),
            }
        }
        let is_plain = runs.iter().all(|run| run.len() == 1);
        let said: Vec<String> = runs.into_iter().map(|run| self.run(run, with)).collect();
        // Commas would be taken for those of lists.
        if is_plain && !said.iter().any(|words| words.contains(", ")) {
            return row(said, with);
        }
        said.join(&format!(" {with} "))
    }

    /// What is said of one subject.
    fn run(self, phrases: Vec<Phrase>, with: &str) -> String {
        let mut said: Vec<String> = Vec::with_capacity(phrases.len());
        let mut shared = "";
        let mut phrases = phrases.into_iter().peekable();
        while let Some(Phrase { subject, text, unit }) = phrases.next() {
            let unit = unit.filter(|unit| !phrases.peek().is_some_and(|next| unit.is_same(next.unit)));
            let words = match subject.filter(|_| said.is_empty()) {
                Some(subject) => format!("{} {text}", self.name(&subject)),
                None => text.strip_prefix(shared).unwrap_or(&text).to_owned(),
            };
            said.push(format!("{words}{}", unit.map_or_else(String::new, Unit::words)));
            shared = SHARED.into_iter().find(|prefix| text.starts_with(prefix)).unwrap_or_default();
        }
        row(said, with)
    }

    fn phrase(self, leaf: &Leaf<'_>) -> Phrase {
        let bare = |text: String| Phrase { subject: None, text, unit: None };
        match leaf.operator() {
            Some(Operator::HasRole(role)) => bare(self.role(*role, leaf.wanted)),
            // That not all pass is said as that one does not.
            Some(Operator::Every(asked)) if leaf.wanted => bare(self.quantified(leaf, asked, "every", true)),
            Some(Operator::Every(asked)) => bare(self.quantified(leaf, asked, "at least one", false)),
            Some(Operator::Some(asked)) if leaf.wanted => bare(self.quantified(leaf, asked, "at least one", true)),
            Some(Operator::Some(asked)) => bare(self.quantified(leaf, asked, "no", true)),
            Some(Operator::At(place, asked)) => bare(self.quantified(leaf, asked, &nth(*place), leaf.wanted)),
            Some(operator) if leaf.attribute.is_every_string() => {
                let which = if leaf.wanted { "some" } else { "no" };
                let is_folded = leaf.attribute.facet() == Some(Facet::Folded);
                let says = if is_folded { self.folded(operator, true) } else { self.test(operator, true) };
                let case = if is_folded { Unit::IgnoringCase.words() } else { String::new() };
                bare(format!("{which} string in {} {says}{case}", leaf.attribute.root.name()))
            }
            Some(operator) => {
                let item = item_of(leaf.attribute.facet());
                let text = match (leaf.property(), item) {
                    (None, Some(item)) => self.item(item, operator, leaf.wanted),
                    (Some(Facet::Length), _) => self.number(operator, leaf.wanted, "is "),
                    (Some(Facet::Count), _) => self.number(operator, leaf.wanted, "has "),
                    (Some(facet @ (Facet::Instant | Facet::Age)), _) => self.instant(facet, operator, leaf.wanted),
                    (Some(facet @ (Facet::Weekday(_) | Facet::TimeOfDay(_) | Facet::Date(_))), _) => {
                        self.clock(leaf, facet, operator)
                    }
                    (Some(Facet::Folded), _) => self.folded(operator, leaf.wanted),
                    (Some(facet), _) => property(leaf, facet),
                    (None, None) => self.test(operator, leaf.wanted),
                };
                let is_one = matches!(number_of(operator), Some(number) if number == "1");
                let unit = match leaf.property() {
                    Some(Facet::Length) => Some(Unit::Characters { one: is_one }),
                    Some(Facet::Count) => {
                        let item = item_of(leaf.subject().facet()).unwrap_or("element");
                        Some(Unit::Items { item, one: is_one })
                    }
                    Some(Facet::Age) => Some(Unit::Old),
                    Some(Facet::Folded) => Some(Unit::IgnoringCase),
                    Some(facet) => facet.zone().map(Unit::In),
                    _ => None,
                };
                Phrase { subject: Some(owner(leaf.subject())), text, unit }
            }
            None => bare(String::new()),
        }
    }

    /// What is said of the arguments of a command, or the words of a string, which is the subject.
    fn item(self, item: &str, operator: &Operator, wanted: bool) -> String {
        match operator {
            Operator::Has(with) if wanted => format!("has the {item} {}", self.value(with)),
            Operator::Has(with) => format!("does not have the {item} {}", self.value(with)),
            other => self.test(other, wanted),
        }
    }

    /// What is said of an instant, or of its age.
    fn instant(self, facet: Facet, operator: &Operator, wanted: bool) -> String {
        let (name, operand) = match (operator, wanted) {
            (Operator::Lt(with), true) | (Operator::Gte(with), false) => ("before ", with),
            (Operator::Lt(with), false) | (Operator::Gte(with), true) => ("at or after ", with),
            (Operator::Gt(with), true) | (Operator::Lte(with), false) => ("after ", with),
            (Operator::Gt(with), false) | (Operator::Lte(with), true) => ("at or before ", with),
            _ => return self.test(operator, wanted),
        };
        let name = match (facet, name) {
            (Facet::Age, "before ") => "less than ",
            (Facet::Age, "at or after ") => "at least ",
            (Facet::Age, "after ") => "more than ",
            (Facet::Age, _) => "at most ",
            (_, name) => name,
        };
        let operand = match operand {
            Operand::Literal(Value::Number(number)) => time::written(facet, number),
            Operand::Ref(id) => self.policy.attributes.get(*id).map(|attribute| {
                let mut of = attribute.clone();
                of.steps.pop();
                self.name(&of)
            }),
            Operand::Literal(_) => None,
        };
        format!("is {name}{}", operand.unwrap_or_else(|| self.value(operand_of(operator))))
    }

    /// What a clock shows at an instant.
    fn clock(self, leaf: &Leaf<'_>, facet: Facet, operator: &Operator) -> String {
        let on = if matches!(facet, Facet::TimeOfDay(_)) { "at" } else { "on" };
        let text = match (operator, leaf.wanted) {
            (Operator::Lt(_), true) | (Operator::Gte(_), false) => "before".to_owned(),
            (Operator::Lt(_), false) | (Operator::Gte(_), true) => format!("{on} or after"),
            (Operator::Gt(_), true) | (Operator::Lte(_), false) => "after".to_owned(),
            (Operator::Gt(_), false) | (Operator::Lte(_), true) => format!("{on} or before"),
            (_, true) => on.to_owned(),
            (_, false) => format!("not {on}"),
        };
        let operand = match operand_of(operator) {
            Operand::Literal(Value::Number(number)) if !matches!(operator, Operator::In(_)) => {
                time::written(facet, number).unwrap_or_else(|| number.to_string())
            }
            _ => leaf.values("or"),
        };
        format!("is {text} {operand}")
    }

    /// What is said of a string whose case is ignored: in lower case.
    fn folded(self, operator: &Operator, wanted: bool) -> String {
        let lower = |value: &Value| match value {
            Value::String(text) => Value::String(unfolded(text)),
            other => other.clone(),
        };
        let operand = |operand: &Operand| match operand {
            Operand::Literal(value) => Operand::Literal(lower(value)),
            Operand::Ref(id) => Operand::Ref(*id),
        };
        let operator = match operator {
            Operator::Eq(with) => Operator::Eq(operand(with)),
            Operator::StartsWith(with) => Operator::StartsWith(operand(with)),
            Operator::EndsWith(with) => Operator::EndsWith(operand(with)),
            Operator::Contains(with) => Operator::Contains(operand(with)),
            Operator::In(values) => Operator::In(values.iter().map(lower).collect()),
            Operator::Matches(Pattern::Glob { text, separator }) => {
                Operator::Matches(Pattern::Glob { text: unfolded(text), separator: *separator })
            }
            other => other.clone(),
        };
        self.test(&operator, wanted)
    }

    fn role(self, role: usize, wanted: bool) -> String {
        let name = self.policy.roles.get(role).map_or("?", |role| role.name.as_str());
        format!("the caller {} the role {name}", if wanted { "has" } else { "does not have" })
    }

    /// What is said of the elements of a list: `every element of args.to starts with "x"`.
    fn quantified(self, leaf: &Leaf<'_>, asked: &Quantified, which: &str, wanted: bool) -> String {
        let mut list = leaf.attribute.clone();
        let mut element = list.clone();
        element.steps.push(Step::Element);
        let kind = item_of(list.facet()).unwrap_or("element");
        list = owner(list);
        let of = if Some(&list) == self.element { "it".to_owned() } else { self.name(&list) };
        let inner = Sentence { element: Some(&element), ..self };
        let mut phrases = Vec::new();
        let with = if is_conjunction(&asked.condition, wanted) { "and" } else { "or" };
        inner.collect(&asked.condition, wanted, with, &mut phrases);
        let is_itself = phrases.iter().all(|phrase| phrase.subject.as_ref() == Some(&element));
        let several = phrases.len() > 1;
        let words = inner.spoken(phrases, with);
        if let (true, Some(words)) = (is_itself, words.strip_prefix("it ")) {
            return format!("{which} {kind} of {of} {words}");
        }
        match (which, several) {
            ("no", _) => format!("there is no {kind} of {of} in which {words}"),
            (_, false) => format!("in {which} {kind} of {of}, {words}"),
            (_, true) => format!("in {which} {kind} of {of} ({words})"),
        }
    }

    /// An attribute as it is called: `the tool's name`, and where an element is spoken of, `.price`.
    fn name(self, attribute: &Attribute) -> String {
        match attribute.steps.split_last() {
            Some((Step::Facet(Facet::Sum(sum)), steps)) => {
                let list = Attribute { root: attribute.root, steps: steps.to_vec() };
                return self.sum(*sum, &list);
            }
            // Whether case counts is said of the test.
            Some((Step::Facet(Facet::Folded), steps)) => {
                return self.name(&Attribute { root: attribute.root, steps: steps.to_vec() });
            }
            _ => {}
        }
        if attribute.root == Root::Tool {
            return "the tool's name".to_owned();
        }
        let below = self.element.filter(|element| element.root == attribute.root);
        let below = below.and_then(|element| attribute.steps.strip_prefix(element.steps.as_slice()));
        let (article, facets, path) = match below {
            // A field of the command that is spoken of.
            Some([Step::Facet(Facet::Command(field))]) => return format!(".{}", field.name()),
            None => {
                let name = attribute.to_string();
                return if attribute.facet().is_some() { format!("the {name}") } else { name };
            }
            Some(below) => {
                let name = Attribute { root: attribute.root, steps: below.to_vec() }.to_string();
                let (facets, path) = name.rsplit_once(' ').unwrap_or(("", name.as_str()));
                let path = path.strip_prefix(attribute.root.name()).unwrap_or(path);
                ("the ", facets.to_owned(), path.to_owned())
            }
        };
        match (facets.as_str(), path.as_str()) {
            ("", "") => "it".to_owned(),
            ("", path) => path.to_owned(),
            (facets, "") => format!("{article}{facets} it"),
            (facets, path) => format!("{article}{facets} {path}"),
        }
    }

    /// `the sum of .price times .quantity over args.items`
    fn sum(self, sum: usize, list: &Attribute) -> String {
        let Some(sum) = self.policy.sums.get(sum) else { return String::new() };
        let field = |keys: &[String]| {
            let steps = keys.iter().cloned().map(Step::Key).collect();
            let name = Attribute { root: Root::Args, steps }.to_string();
            name.strip_prefix(Root::Args.name()).unwrap_or_default().to_owned()
        };
        let times = sum.times.as_ref().map_or_else(String::new, |times| format!(" times {}", field(times)));
        let list = self.name(list);
        match sum.of.as_slice() {
            [] => format!("the sum of {list}"),
            of => format!("the sum of {}{times} over {list}", field(of)),
        }
    }

    fn value(self, operand: &Operand) -> String {
        match operand {
            Operand::Literal(value) => literal(value),
            Operand::Ref(attribute) => {
                self.policy.attributes.get(*attribute).map_or_else(String::new, |attribute| self.name(attribute))
            }
        }
    }

    /// What is said of a number; `verb` stands before it.
    fn number(self, operator: &Operator, wanted: bool, verb: &str) -> String {
        let not = if wanted { "" } else { "not " };
        let less = if verb == "has " { "fewer than" } else { "less than" };
        match operator {
            // What is readable and not less is at least.
            Operator::Lt(with) => {
                format!("{verb}{} {}", if wanted { less } else { "at least" }, self.value(with))
            }
            Operator::Gte(with) => {
                format!("{verb}{} {}", if wanted { "at least" } else { less }, self.value(with))
            }
            Operator::Gt(with) => {
                format!("{verb}{} {}", if wanted { "more than" } else { "at most" }, self.value(with))
            }
            Operator::Lte(with) => {
                format!("{verb}{} {}", if wanted { "at most" } else { "more than" }, self.value(with))
            }
            Operator::Eq(with) if verb == "has " => {
                format!("{}{}", if wanted { "has " } else { "does not have " }, self.value(with))
            }
            Operator::Eq(with) => format!("{verb}{not}{}", self.value(with)),
            Operator::In(values) => {
                let verb = if verb == "has " && !wanted { "does not have ".to_owned() } else { format!("{verb}{not}") };
                format!("{verb}{}", joined(values.iter().map(literal), "or"))
            }
            _ => String::new(),
        }
    }

    /// What is said of an attribute.
    fn test(self, operator: &Operator, wanted: bool) -> String {
        let not = if wanted { "" } else { "not " };
        let verb = |does: &str, bare: &str, operand: String| match wanted {
            true => format!("{does} {operand}"),
            false => format!("does not {bare} {operand}"),
        };
        match operator {
            Operator::Eq(Operand::Literal(value)) => format!("is {not}{}", literal(value)),
            Operator::Eq(operand) => verb("equals", "equal", self.value(operand)),
            Operator::In(values) | Operator::Presumed(values) => match values.as_slice() {
                [only] => format!("is {not}{}", literal(only)),
                _ if wanted => format!("is {}", joined(values.iter().map(literal), "or")),
                [one, other] => format!("is neither {} nor {}", literal(one), literal(other)),
                _ => format!("is none of {}", joined(values.iter().map(literal), "and")),
            },
            Operator::InList(list) => format!("is {not}one of {}", self.value(&Operand::Ref(*list))),
            Operator::Lt(_) | Operator::Lte(_) | Operator::Gt(_) | Operator::Gte(_) => {
                self.number(operator, wanted, "is ")
            }
            Operator::StartsWith(with) => verb("starts with", "start with", self.value(with)),
            // Said as a property of what it is read off.
            Operator::Inside { .. } => String::new(),
            Operator::EndsWith(with) => verb("ends with", "end with", self.value(with)),
            Operator::Contains(with) => verb("contains", "contain", self.value(with)),
            Operator::Has(with) => verb("includes", "include", self.value(with)),
            Operator::Matches(Pattern::Glob { text, .. }) => {
                verb("matches the pattern", "match the pattern", string(text))
            }
            Operator::Matches(Pattern::Regex(text)) => verb("matches", "match", string(text)),
            Operator::Exists => format!("is {not}set"),
            Operator::Type(types) => {
                format!("is {not}{}", joined(types.iter().map(|one| one.with_article().to_owned()), "or"))
            }
            Operator::Only(keys) => {
                let names = keys.iter().filter_map(|id| self.policy.attributes.get(*id)?.last_key().map(string));
                match (keys.is_empty(), wanted) {
                    (true, true) => "has no keys".to_owned(),
                    (true, false) => "has a key".to_owned(),
                    (false, true) => format!("has no keys other than {}", joined(names, "and")),
                    (false, false) => format!("has a key other than {}", joined(names, "and")),
                }
            }
            // Said with a subject of their own.
            Operator::HasRole(_) | Operator::Every(_) | Operator::Some(_) | Operator::At(..) => String::new(),
        }
    }
}

/// An element by its place, counted from 0: `the first`, `the 12th`.
fn nth(place: u32) -> String {
    const FIRST: [&str; 6] = ["the first", "the second", "the third", "the fourth", "the fifth", "the sixth"];
    let ending = match (place % 10, place % 100) {
        (0, not) if not != 10 => "st",
        (1, not) if not != 11 => "nd",
        (2, not) if not != 12 => "rd",
        _ => "th",
    };
    FIRST.get(place as usize).map_or_else(|| format!("the {}{ending}", place + 1), |name| (*name).to_owned())
}

/// What has the elements of a list: where the list is read off a string, that. A command has arguments, and a statement
/// has tables.
fn owner(mut list: Attribute) -> Attribute {
    if item_of(list.facet()).is_some() {
        list.steps.pop();
        if matches!(list.facet(), Some(Facet::Sql(_))) {
            list.steps.pop();
        }
    }
    list
}

/// What an element of a list is called that is read off a string.
fn item_of(facet: Option<Facet>) -> Option<&'static str> {
    match facet {
        Some(Facet::Words) => Some("argument"),
        Some(Facet::Scope) => Some("word"),
        Some(Facet::Shell) => Some("command"),
        Some(Facet::Statement(StatementField::Tables)) => Some("table"),
        Some(Facet::Statement(StatementField::Functions)) => Some("function"),
        Some(Facet::Statement(StatementField::Columns)) => Some("column"),
        _ => None,
    }
}

/// What is said of something that is read off the subject.
fn property(leaf: &Leaf<'_>, facet: Facet) -> String {
    let is_place = matches!(facet, Facet::Path | Facet::AnyPath | Facet::WindowsPath | Facet::Address);
    let values = leaf.values(if is_place && !leaf.wanted { "and" } else { "or" });
    let inside = if leaf.wanted { "inside" } else { "outside" };
    match (facet, leaf.wanted) {
        (Facet::AnyPath, _) => match leaf.base() {
            Some(base) => format!("is a path {inside} {values} when read from {base}"),
            None => format!("is a path {inside} {values}"),
        },
        (Facet::Path | Facet::WindowsPath, _) if leaf.subject().facet() == Some(Facet::UrlPath) => {
            format!("is {inside} {values}")
        }
        (Facet::Path | Facet::WindowsPath, _) => format!("is an absolute path {inside} {values}"),
        (Facet::Address, true) => format!("is an IP address in {values}"),
        (Facet::Address, false) => format!("is an IP address outside {values}"),
        (Facet::Domain, true) => format!("is an e-mail address at {values}"),
        (Facet::Domain, false) => format!("is an e-mail address that is not at {values}"),
        (Facet::Program, true) => format!("is a single command, without shell operators, that runs {values}"),
        (Facet::Program, false) => {
            format!("is a single command, without shell operators, that does not run {values}")
        }
        (Facet::Private, true) => "is a URL with a public host".to_owned(),
        (Facet::Private, false) => "is a URL with a private host".to_owned(),
        (Facet::Query, true) => "is a URL with no query and no fragment".to_owned(),
        (Facet::Query, false) => "is a URL with a query or a fragment".to_owned(),
        (facet, true) => format!("is a URL with {} {values}", facet.name()),
        (facet, false) => format!("is a URL with a {} other than {values}", facet.name()),
    }
}

/// The operand of a test that has one.
fn operand_of(operator: &Operator) -> &Operand {
    const NONE: &Operand = &Operand::Ref(usize::MAX);
    match operator {
        Operator::Eq(operand)
        | Operator::Lt(operand)
        | Operator::Lte(operand)
        | Operator::Gt(operand)
        | Operator::Gte(operand) => operand,
        _ => NONE,
    }
}

fn number_of(operator: &Operator) -> Option<String> {
    match operator {
        Operator::Eq(operand)
        | Operator::Lt(operand)
        | Operator::Lte(operand)
        | Operator::Gt(operand)
        | Operator::Gte(operand) => match operand {
            Operand::Literal(value @ Value::Number(_)) => Some(literal(value)),
            _ => None,
        },
        _ => None,
    }
}

impl Unit {
    /// Whether another phrase counts the same.
    fn is_same(self, other: Option<Self>) -> bool {
        match (self, other) {
            (Self::In(zone), Some(Self::In(other))) => zone == other,
            (Self::Items { item, .. }, Some(Self::Items { item: other, .. })) => item == other,
            (_, other) => other.is_some_and(|other| std::mem::discriminant(&self) == std::mem::discriminant(&other)),
        }
    }

    fn words(self) -> String {
        let words = match self {
            Self::In(zone) => return format!(" in {zone}"),
            Self::Old => " old",
            Self::IgnoringCase => " ignoring case",
            Self::Characters { one: true } => " character long",
            Self::Characters { one: false } => " characters long",
            Self::Items { item, one } => return format!(" {item}{}", if one { "" } else { "s" }),
        };
        words.to_owned()
    }
}

/// `a`, `a and b`, `a, b and c`.
fn row(mut said: Vec<String>, with: &str) -> String {
    match (said.pop(), said.is_empty()) {
        (Some(only), true) => only,
        (Some(last), false) => format!("{} {with} {last}", said.join(", ")),
        (None, _) => String::new(),
    }
}

/// Whether the parts of a condition must all hold.
fn is_conjunction(condition: &Condition, wanted: bool) -> bool {
    match condition {
        Condition::Not(inner) => is_conjunction(inner, !wanted),
        Condition::All(parts) | Condition::Any(parts) if parts.len() == 1 => {
            parts.first().is_none_or(|only| is_conjunction(only, wanted))
        }
        Condition::All(_) => wanted,
        Condition::Any(_) => !wanted,
        Condition::Test(_) => true,
    }
}
