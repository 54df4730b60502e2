//! What an input schema says about the values of an argument.
//!
//! A place of a call can be valid in several ways ([`Way`]): each is a conjunction of schemas, of which there are more than one
//! where `anyOf` or `oneOf` offer a choice. A keyword that is not understood, a reference that leads nowhere and whatever is too
//! much to look at are ignored. That only adds to what a place may hold, so what is said to be impossible is.

use std::cell::Cell;

use super::json::Json;
use crate::lint::facts::{Bound, States};
use crate::policy::{Decimal, Step, Type};

/// How many ways to be valid are looked at.
const MAX_WAYS: usize = 64;
/// How deep schemas may refer to one another.
const MAX_DEPTH: usize = 16;
/// How many schemas are looked at for one place.
const MAX_SCHEMAS: usize = 1000;

/// Schemas that all hold of a value.
pub(super) type Way<'c> = Vec<&'c Json>;

/// An input schema.
#[derive(Clone, Copy)]
pub(super) struct Schema<'c> {
    pub(super) root: &'c Json,
}

/// Where a path leads.
pub(super) enum Place<'c> {
    /// To what is valid in one of these ways.
    Here(Vec<Way<'c>>),
    /// To a key that the object does not have.
    NoKey {
        /// How many steps lead to the object.
        steps: usize,
        /// The keys that it has.
        keys: Vec<&'c str>,
    },
    /// Below something that has nothing below it.
    NotBelow {
        /// How many steps lead there.
        steps: usize,
        states: States,
    },
}

impl<'c> Schema<'c> {
    /// The ways in which the arguments as a whole are valid.
    pub(super) fn whole(self) -> Vec<Way<'c>> {
        self.ways(self.root)
    }

    /// The ways in which a value is valid.
    fn ways(self, schema: &'c Json) -> Vec<Way<'c>> {
        self.joined([schema].into_iter())
    }

    /// The ways in which a value is valid by all of several schemas.
    fn joined(self, schemas: impl Iterator<Item = &'c Json>) -> Vec<Way<'c>> {
        let left = Cell::new(MAX_SCHEMAS);
        schemas.fold(vec![Vec::new()], |ways, schema| self.add(ways, schema, MAX_DEPTH, &left))
    }

    fn add(self, mut ways: Vec<Way<'c>>, schema: &'c Json, depth: usize, left: &Cell<usize>) -> Vec<Way<'c>> {
        if *schema == Json::Bool(false) {
            return Vec::new();
        }
        let (Some(depth), Some(rest), Json::Object(_)) = (depth.checked_sub(1), left.get().checked_sub(1), schema)
        else {
            return ways;
        };
        left.set(rest);
        ways.iter_mut().for_each(|way| way.push(schema));
        if let Some(target) = schema.get("$ref").and_then(Json::text).and_then(|path| self.target(path)) {
            ways = self.add(ways, target, depth, left);
        }
        for part in schema.get("allOf").and_then(Json::list).unwrap_or_default() {
            ways = self.add(ways, part, depth, left);
        }
        for key in ["anyOf", "oneOf"] {
            let Some(options @ [_, ..]) = schema.get(key).and_then(Json::list) else { continue };
            if options.len() * ways.len() > MAX_WAYS {
                continue;
            }
            let chosen: Vec<Way<'c>> =
                options.iter().flat_map(|option| self.add(ways.clone(), option, depth, left)).collect();
            if chosen.len() <= MAX_WAYS {
                ways = chosen;
            }
        }
        ways
    }

    /// What a reference into the same document leads to.
    fn target(self, path: &str) -> Option<&'c Json> {
        let keys = path.strip_prefix('#')?;
        keys.split('/').skip(1).try_fold(self.root, |at, key| {
            let key = key.replace("~1", "/").replace("~0", "~");
            match at {
                Json::List(elements) => elements.get(key.parse::<usize>().ok()?),
                _ => at.get(&key),
            }
        })
    }

    /// Where a path of keys and elements leads.
    pub(super) fn at(self, path: &[Step]) -> Place<'c> {
        let mut ways = self.whole();
        for (steps, step) in path.iter().enumerate() {
            let below: Vec<&Way<'c>> = match step {
                Step::Key(_) => ways.iter().filter(|way| states(way).has(Type::Object)).collect(),
                Step::Element => ways.iter().filter(|way| states(way).has(Type::List)).collect(),
                Step::Facet(_) => break,
            };
            if below.is_empty() {
                return Place::NotBelow { steps, states: all_states(&ways) };
            }
            let next: Vec<Way<'c>> = match step {
                Step::Key(key) => below.iter().filter_map(|way| self.property(way, key)).flatten().collect(),
                _ => below.iter().flat_map(|way| self.element(way)).collect(),
            };
            if next.is_empty() {
                let keys = below.iter().flat_map(|way| properties(way)).collect();
                return Place::NoKey { steps, keys };
            }
            ways = next;
            ways.truncate(MAX_WAYS);
        }
        Place::Here(ways)
    }

    /// What the last step of a path may lead to, from where the steps before it lead.
    pub(super) fn below(self, ways: &[Way<'c>], path: &[Step]) -> Vec<Way<'c>> {
        let ways = ways.iter();
        match path.last() {
            Some(Step::Key(key)) => ways.filter_map(|way| self.property(way, key)).flatten().take(MAX_WAYS).collect(),
            Some(Step::Element) => ways.flat_map(|way| self.element(way)).take(MAX_WAYS).collect(),
            _ => Vec::new(),
        }
    }

    /// What a key may hold, unless the object does not have it.
    fn property(self, object: &Way<'c>, key: &str) -> Option<Vec<Way<'c>>> {
        let named: Vec<&Json> =
            object.iter().filter_map(|part| part.get("properties").and_then(|keys| keys.get(key))).collect();
        if !named.is_empty() {
            return Some(self.joined(named.into_iter()));
        }
        let lists_keys = object.iter().any(|part| part.get("properties").is_some());
        let is_free = is_open(object) || !(lists_keys || is_closed(object));
        is_free.then(|| vec![Vec::new()])
    }

    /// What an element may hold.
    fn element(self, list: &Way<'c>) -> Vec<Way<'c>> {
        if list.iter().any(|part| part.get("prefixItems").is_some()) {
            return vec![Vec::new()];
        }
        self.joined(list.iter().filter_map(|part| part.get("items")))
    }

    /// Whether some valid arguments lack a key.
    pub(super) fn is_optional(self, key: &str) -> bool {
        let needs = |part: &&Json| {
            let required = part.get("required").and_then(Json::list).unwrap_or_default();
            required.iter().any(|name| name.text() == Some(key))
        };
        self.whole().iter().any(|way| !way.iter().any(needs))
    }

    /// The arguments that it names, in order.
    pub(super) fn arguments(self) -> Vec<&'c str> {
        let mut names: Vec<&str> = self.whole().iter().flat_map(properties).collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

/// The keys that an object is said to have.
pub(super) fn properties<'c>(object: &Way<'c>) -> impl Iterator<Item = &'c str> {
    let parts = object.clone().into_iter().filter_map(|part| match part.get("properties") {
        Some(Json::Object(members)) => Some(members.keys().map(String::as_str)),
        _ => None,
    });
    parts.flatten()
}

/// Whether other keys are said to be possible.
fn is_open(object: &Way<'_>) -> bool {
    let keys = ["additionalProperties", "unevaluatedProperties", "patternProperties", "if", "dependentSchemas"];
    object.iter().any(|part| keys.iter().any(|key| part.get(key).is_some_and(|value| *value != Json::Bool(false))))
}

/// Whether other keys are said to be impossible.
fn is_closed(object: &Way<'_>) -> bool {
    let is_false = |part: &&Json, key| part.get(key) == Some(&Json::Bool(false));
    object.iter().any(|part| is_false(part, "additionalProperties") || is_false(part, "unevaluatedProperties"))
}

/// The types of values.
pub(super) fn states(way: &Way<'_>) -> States {
    let mut states = States::of(&[Type::Null, Type::Boolean, Type::Number, Type::String, Type::List, Type::Object]);
    for part in way {
        let named = match part.get("type") {
            Some(Json::String(name)) => type_named(name).map(|one| vec![one]),
            Some(Json::List(names)) => names.iter().map(|name| type_named(name.text()?)).collect(),
            _ => None,
        };
        let listed = candidates(part).map(|values| values.into_iter().map(type_of).collect());
        for types in [named, listed].into_iter().flatten() {
            let nullable = part.get("nullable") == Some(&Json::Bool(true));
            let types: Vec<Type> = types.into_iter().chain(nullable.then_some(Type::Null)).collect();
            states = states.and(States::of(&types));
        }
    }
    states
}

/// The types of values that are valid in one of several ways.
pub(super) fn all_states(ways: &[Way<'_>]) -> States {
    ways.iter().fold(States::of(&[]), |all, way| all.or(states(way)))
}

fn type_named(name: &str) -> Option<Type> {
    Some(match name {
        "null" => Type::Null,
        "boolean" => Type::Boolean,
        "number" | "integer" => Type::Number,
        "string" => Type::String,
        "array" => Type::List,
        "object" => Type::Object,
        _ => return None,
    })
}

fn type_of(value: &Json) -> Type {
    match value {
        Json::Null => Type::Null,
        Json::Bool(_) => Type::Boolean,
        Json::Number(_) => Type::Number,
        Json::String(_) => Type::String,
        Json::List(_) => Type::List,
        Json::Object(_) => Type::Object,
    }
}

/// The values that a schema lists.
fn candidates(part: &Json) -> Option<Vec<&Json>> {
    let listed = part.get("enum").and_then(Json::list).map(|values| values.iter().collect());
    listed.or_else(|| part.get("const").map(|value| vec![value]))
}

/// The values that are listed, if they are.
pub(super) fn listed<'c>(way: &Way<'c>) -> Option<Vec<&'c Json>> {
    way.iter().find_map(|part| candidates(part))
}

/// Whether numbers are whole.
pub(super) fn is_whole(way: &Way<'_>) -> bool {
    way.iter().any(|part| part.get("type").and_then(Json::text) == Some("integer"))
}

/// The least and the greatest number, of those that schemas name under these keys; the exclusive ones may also be booleans.
pub(super) struct Range {
    low: Option<(Decimal, bool)>,
    high: Option<(Decimal, bool)>,
}

impl Range {
    /// Of a number.
    pub(super) fn of_number(way: &Way<'_>) -> Self {
        let ends = |plain: &str, exclusive: &str| {
            let of = |part: &&Json| {
                let is_exclusive = part.get(exclusive) == Some(&Json::Bool(true));
                let inclusive = part.get(plain).and_then(Json::number).map(|end| (end, !is_exclusive));
                [inclusive, part.get(exclusive).and_then(Json::number).map(|end| (end, false))]
            };
            way.iter().flat_map(of).flatten().collect::<Vec<_>>()
        };
        Self {
            low: ends("minimum", "exclusiveMinimum").into_iter().max_by(|one, other| one.0.cmp(&other.0)),
            high: ends("maximum", "exclusiveMaximum").into_iter().min_by(|one, other| one.0.cmp(&other.0)),
        }
    }

    /// Of the length of a string, or the number of a list's elements.
    pub(super) fn of_size(way: &Way<'_>, least: &str, most: &str) -> Self {
        let ends = |key: &str| way.iter().filter_map(|part| part.get(key).and_then(Json::number)).collect::<Vec<_>>();
        // A size below 0 is none that a test asks for, or it never passes anyway.
        let low = ends(least).into_iter().max();
        Self { low: low.map(|end| (end, true)), high: ends(most).into_iter().min().map(|end| (end, true)) }
    }

    pub(super) fn has(&self, number: &Decimal) -> bool {
        let above = |(end, inclusive): &(Decimal, bool)| number > end || (*inclusive && number == end);
        let below = |(end, inclusive): &(Decimal, bool)| number < end || (*inclusive && number == end);
        self.low.as_ref().is_none_or(above) && self.high.as_ref().is_none_or(below)
    }

    /// Whether a number above the one bound and below the other may be in it.
    pub(super) fn meets(&self, lower: Option<Bound<'_>>, upper: Option<Bound<'_>>) -> bool {
        let apart = |low: &Decimal, low_in: bool, high: &Decimal, high_in: bool| {
            low > high || (low == high && !(low_in && high_in))
        };
        let under = lower.zip(self.high.as_ref());
        let over = upper.zip(self.low.as_ref());
        !under.is_some_and(|(low, (high, inclusive))| apart(low.number, low.inclusive, high, *inclusive))
            && !over.is_some_and(|(high, (low, inclusive))| apart(low, *inclusive, high.number, high.inclusive))
    }

    /// In words: `at least 1 and at most 100`.
    pub(super) fn words(&self) -> String {
        let end = |words: [&str; 2], end: Option<&(Decimal, bool)>| {
            end.map(|(end, inclusive)| format!("{} {end}", if *inclusive { words[0] } else { words[1] }))
        };
        let low = end(["at least", "more than"], self.low.as_ref());
        let high = end(["at most", "less than"], self.high.as_ref());
        low.into_iter().chain(high).collect::<Vec<_>>().join(" and ")
    }
}
