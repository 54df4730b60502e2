//! Values that were seen at one place of calls: how often, of which types, and what can be told of them.

use std::collections::BTreeMap;

use super::ENOUGH;
use super::json::{All, Members, list, member, one_of, tests, text};
use super::strings::{Strings, is_enough};
use crate::catalog::Json;
use crate::limits;
use crate::policy::Decimal;
use crate::reference::{Number, Value};

/// More keys are not those of a record, but data.
const MOST_KEYS: usize = 64;
/// Objects that are nested deeper are not looked into.
const DEPTH: usize = 4;
/// So many tests of elements can be in one another.
const LISTS: usize = 2;

#[derive(Debug, Clone, Default)]
pub(super) struct Shape {
    /// How often there was a value, null included.
    pub(super) count: u64,
    nulls: u64,
    falses: u64,
    trues: u64,
    numbers: Option<Numbers>,
    strings: Option<Box<Strings>>,
    lists: Option<Box<Lists>>,
    objects: Option<Objects>,
}

#[derive(Debug, Clone)]
struct Numbers {
    count: u64,
    /// The different numbers as they were written first, if they are few.
    values: Option<BTreeMap<Decimal, String>>,
    /// The smallest and the largest one; `None` if a number is out of range.
    bounds: Option<[(Decimal, String); 2]>,
}

#[derive(Debug, Clone)]
struct Lists {
    shortest: usize,
    longest: usize,
    element: Shape,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Objects {
    count: u64,
    members: BTreeMap<String, Shape>,
    /// Whether there are more keys than are kept, or longer ones than can be listed.
    is_open: bool,
}

/// Where values stand, and what is known about them besides.
#[derive(Clone)]
pub(super) struct Place<'a> {
    /// The attribute, or the field of an element; empty for an element itself.
    path: String,
    /// How many lists it is in.
    lists: usize,
    depth: usize,
    /// The JSON Schema of the values.
    schema: Option<&'a Json>,
    /// Whether values may be written into the policy.
    values: bool,
}

impl<'a> Place<'a> {
    /// All arguments of a tool with such an input schema.
    pub(super) fn args(schema: Option<&'a Json>, values: bool) -> Self {
        Self { path: "args".to_owned(), lists: 0, depth: 0, schema, values }
    }

    fn member(&self, key: &'a str) -> Self {
        let is_word = key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        let path = match (is_word, self.path.as_str()) {
            (true, path) => format!("{path}.{key}"),
            (false, "") => format!(".[{}]", text(key)),
            (false, path) => format!("{path}[{}]", text(key)),
        };
        let schema = self.schema.and_then(|schema| schema.get("properties")?.get(key));
        Self { path, depth: self.depth + 1, schema, ..*self }
    }

    fn element(&self) -> Self {
        let schema = self.schema.and_then(|schema| schema.get("items"));
        Self { path: String::new(), lists: self.lists + 1, schema, ..*self }
    }

    /// Tests of the value, as members of the object around.
    fn tests(&self, of: Members) -> Members {
        if self.path.is_empty() { of } else { vec![(self.path.clone(), tests(&of))] }
    }

    /// Whether the schema lists what the value can be.
    fn is_listed(&self) -> bool {
        let lists = |schema: &Json| schema.get("enum").and_then(Json::list).is_some();
        let choices = |schema: &'a Json| schema.get("anyOf")?.list();
        self.schema.is_some_and(|schema| lists(schema) || choices(schema).is_some_and(|any| any.iter().any(lists)))
    }
}

impl Shape {
    fn see(&mut self, value: &Value, key: &str, depth: usize) {
        self.count += 1;
        match value {
            Value::Null => self.nulls += 1,
            Value::Bool(false) => self.falses += 1,
            Value::Bool(true) => self.trues += 1,
            Value::Number(number) => match &mut self.numbers {
                Some(numbers) => numbers.append(&Numbers::of(number)),
                none => *none = Some(Numbers::of(number)),
            },
            Value::String(text) => self.strings.get_or_insert_with(|| Box::new(Strings::new())).see(text, key),
            Value::List(elements) => {
                let length = elements.len();
                let new = || Box::new(Lists { shortest: length, longest: length, element: Self::default() });
                let lists = self.lists.get_or_insert_with(new);
                lists.shortest = lists.shortest.min(length);
                lists.longest = lists.longest.max(length);
                if depth <= DEPTH {
                    elements.iter().for_each(|element| lists.element.see(element, key, depth + 1));
                }
            }
            Value::Object(_) => self.objects.get_or_insert_default().see(value, depth),
            // What a shell line holds, which no call says.
            Value::Unknown { .. } => {}
        }
    }

    fn append(&mut self, later: &Self) {
        self.count += later.count;
        self.nulls += later.nulls;
        self.falses += later.falses;
        self.trues += later.trues;
        append(&mut self.numbers, &later.numbers, Numbers::append);
        append(&mut self.strings, &later.strings, |strings, later| strings.append(later));
        append(&mut self.objects, &later.objects, Objects::append);
        append(&mut self.lists, &later.lists, |lists, later| {
            lists.shortest = lists.shortest.min(later.shortest);
            lists.longest = lists.longest.max(later.longest);
            lists.element.append(&later.element);
        });
    }

    /// What is true of each value that was seen, and of the value that is missing if one `may_be_missing`.
    fn tests(&self, place: &Place<'_>, may_be_missing: bool) -> All {
        let mut choices: Vec<Members> = Vec::new();
        let mut add = |of: Members| choices.push(place.tests(of));
        if may_be_missing || self.nulls > 0 {
            add(vec![member("exists", "false")]);
        }
        match (self.falses > 0, self.trues > 0) {
            (true, true) => add(vec![member("type", r#""boolean""#)]),
            (true, false) => add(vec![member("eq", "false")]),
            (false, true) => add(vec![member("eq", "true")]),
            (false, false) => {}
        }
        if let Some(numbers) = &self.numbers {
            add(numbers.tests());
        }
        if let Some(strings) = self.strings.as_ref().filter(|strings| strings.is_seen()) {
            add(strings.tests(place.is_listed(), place.values));
        }
        if let Some(lists) = &self.lists {
            add(lists.tests(place));
        }
        let objects = self.objects.as_ref().map(|objects| objects.tests(place));
        match (choices.len(), objects) {
            (0, None) => All::default(),
            (0, Some(objects)) => objects,
            (1, None) => All { members: choices.remove(0), choices: Vec::new() },
            (_, objects) => {
                choices.extend(objects.map(All::into_members));
                All { members: Vec::new(), choices: vec![choices] }
            }
        }
    }
}

/// Adds what was seen later, if anything was.
fn append<T: Clone>(all: &mut Option<T>, later: &Option<T>, append: impl FnOnce(&mut T, &T)) {
    match (all, later) {
        (Some(all), Some(later)) => append(all, later),
        (all @ None, later) => all.clone_from(later),
        (Some(_), None) => {}
    }
}

impl Numbers {
    fn of(number: &Number) -> Self {
        let one = number.value.clone().map(|value| (value, number.text.clone()));
        Self {
            count: 1,
            values: one.clone().map(|one| BTreeMap::from([one])),
            bounds: one.map(|one| [one.clone(), one]),
        }
    }

    fn append(&mut self, later: &Self) {
        self.count += later.count;
        self.values = match (self.values.take(), &later.values) {
            (Some(mut values), Some(later)) => {
                for (value, text) in later {
                    values.entry(value.clone()).or_insert_with(|| text.clone());
                }
                Some(values).filter(|values| values.len() <= ENOUGH)
            }
            _ => None,
        };
        self.bounds = match (self.bounds.take(), &later.bounds) {
            (Some([least, most]), Some([low, high])) => {
                let least = if low.0 < least.0 { low.clone() } else { least };
                let most = if high.0 > most.0 { high.clone() } else { most };
                Some([least, most])
            }
            _ => None,
        };
    }

    fn tests(&self) -> Members {
        let is_listed = |values: &&BTreeMap<Decimal, String>| {
            values.len() < ENOUGH && (values.len() <= 2 || !is_enough(self.count, values.len()))
        };
        match (self.values.as_ref().filter(is_listed), &self.bounds) {
            (Some(values), _) => vec![one_of(values.values().cloned().collect())],
            (None, Some([least, most])) => vec![member("gte", least.1.as_str()), member("lte", most.1.as_str())],
            (None, None) => vec![member("type", r#""number""#)],
        }
    }
}

impl Lists {
    fn tests(&self, place: &Place<'_>) -> Members {
        if self.longest > limits::LIST_LENGTH as usize {
            return vec![member("type", r#""list""#)];
        }
        if self.longest == 0 {
            return vec![member("count", "0")];
        }
        let most = self.longest.next_power_of_two();
        let count = match self.shortest {
            0 => format!(r#"{{"lte":{most}}}"#),
            1 if most == 1 => "1".to_owned(),
            _ => format!(r#"{{"gte":1,"lte":{most}}}"#),
        };
        let mut found = vec![member("count", count)];
        if place.lists < LISTS && place.depth <= DEPTH {
            let element = self.element.tests(&place.element(), false).into_members();
            if !element.is_empty() {
                found.push(member("every", tests(&element)));
            }
        }
        found
    }
}

impl Objects {
    /// Sees an object, or what is as good as an empty one.
    pub(super) fn see(&mut self, value: &Value, depth: usize) {
        self.count += 1;
        let Value::Object(members) = value else { return };
        if depth > DEPTH {
            self.is_open = true;
            return;
        }
        for (key, value) in members {
            let is_new = !self.members.contains_key(key);
            if is_new && (self.members.len() == MOST_KEYS || key.len() > limits::KEY_BYTES) {
                self.is_open = true;
                continue;
            }
            self.members.entry(key.clone()).or_default().see(value, key, depth + 1);
        }
    }

    pub(super) fn append(&mut self, later: &Self) {
        self.count += later.count;
        self.is_open |= later.is_open;
        for (key, shape) in &later.members {
            if self.members.len() == MOST_KEYS && !self.members.contains_key(key) {
                self.is_open = true;
                continue;
            }
            self.members.entry(key.clone()).or_default().append(shape);
        }
    }

    /// That there are no other keys.
    pub(super) fn only(&self, place: &Place<'_>) -> Members {
        let keys = list(self.members.keys().map(|key| text(key)));
        place.tests(vec![member("only", keys)])
    }

    pub(super) fn tests(&self, place: &Place<'_>) -> All {
        if self.is_open {
            // All of a tool's arguments are no attribute.
            let members =
                if place.depth == 0 { Members::new() } else { place.tests(vec![member("type", r#""object""#)]) };
            return All { members, choices: Vec::new() };
        }
        let mut all = All { members: self.only(place), choices: Vec::new() };
        for (key, shape) in &self.members {
            all.append(shape.tests(&place.member(key), shape.count < self.count));
        }
        all
    }

    /// Whether the keys are known.
    pub(super) fn is_closed(&self) -> bool {
        !self.is_open
    }
}
