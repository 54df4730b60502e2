//! Tests of arguments that a tool does not have, that have another type, or that never have such a value.

use std::collections::HashSet;

use super::json::Json;
use super::schema::{Place, Range, Schema, Way, all_states, is_whole, listed, states};
use super::scope::{Scope, path, shown};
use super::{Catalog, Tool};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, quoted};
use crate::lint::facts::{Fact, States};
use crate::policy::{
    AttributeId, Compared, Condition, Decimal, Effect, Facet, Operator, Policy, Rule, Step, Test, Type, Value,
};
use crate::syntax::{did_you_mean, nearest};

pub(super) fn find(scope: &Scope<'_>, diagnostics: &mut Diagnostics) {
    for (number, rule) in scope.policy.rules.iter().enumerate() {
        let (mut tests, mut told) = (Vec::new(), HashSet::new());
        rule.condition
            .each_test(&mut |test, as_it_stands| tests.push((test, as_it_stands == (rule.effect == Effect::Allow))));
        for (test, is_granting) in tests {
            let reads = Reads { policy: scope.policy, test, is_granting };
            for attribute in reads.attributes() {
                one(scope, (number, rule), &reads, attribute, &mut told, diagnostics);
            }
        }
        if scope.is_policy {
            optional(scope, number, rule, diagnostics);
        }
    }
}

/// Reports what is wrong with a test of an attribute: if it is so for every tool of the rule, or if the rule names a tool to
/// which it can then never apply. Of other tools, the rule just means those that have the argument.
fn one<'c>(
    scope: &Scope<'c>,
    (number, rule): (usize, &'c Rule),
    reads: &Reads<'_>,
    attribute: AttributeId,
    told: &mut HashSet<&'c str>,
    diagnostics: &mut Diagnostics,
) {
    // A test of elements stands in one of the list, which has been reported.
    let is_inner = |problem: &Problem<'_>| match problem {
        Problem::NotBelow { steps, .. } => {
            reads.path(attribute).and_then(|path| path.get(*steps)) == Some(&Step::Element)
        }
        _ => false,
    };
    let mut first = None;
    let (mut others, mut is_everywhere) = (0, true);
    for (_, name, tool) in scope.tools(number) {
        match reads.problem(tool, attribute).filter(|_| scope.spend()) {
            None => {
                is_everywhere = false;
                break;
            }
            Some(problem) => {
                others += usize::from(first.is_some());
                // One with similar keys says more.
                if first.as_ref().is_none_or(|(_, had): &(&str, Problem<'_>)| had.keys() == 0 && problem.keys() > 0) {
                    first = Some((name, problem));
                }
            }
        }
    }
    if first.as_ref().is_some_and(|(_, problem)| is_inner(problem)) {
        return;
    }
    if is_everywhere && let Some((name, problem)) = first {
        let path = reads.path(attribute).unwrap_or_default();
        diagnostics.push(problem.report(reads, path, name, others));
        return;
    }
    if scope.is_spent() || first.is_none() && scope.tools_of.get(number).is_none_or(|tools| tools.len() < 2) {
        return;
    }
    for named in rule.tools.iter().filter(|pattern| !pattern.is_wildcard()) {
        let Some((name, tool)) = tool(scope.catalog, &named.text).filter(|_| scope.spend()) else { continue };
        let Some(problem) = reads.problem(tool, attribute) else { continue };
        let outcomes = Outcomes::of(&rule.condition, &|test, is_granting| {
            scope.spend();
            let reads = Reads { policy: reads.policy, test, is_granting };
            reads.attributes().into_iter().find_map(|attribute| reads.problem(tool, attribute))
        });
        if outcomes.never_applies(rule.effect) && told.insert(&named.text) {
            let path = reads.path(attribute).unwrap_or_default();
            let found = problem.report(reads, path, name, 0);
            diagnostics.push(found.label(named.span, "the rule is about this tool, too"));
            return;
        }
    }
}

fn tool<'c>(catalog: &'c Catalog, name: &str) -> Option<(&'c str, &'c Tool)> {
    catalog.tools.get_key_value(name).map(|(name, tool)| (name.as_str(), tool))
}

/// Reports a rule that never applies without an argument, or always denies, although calls may leave it out.
fn optional(scope: &Scope<'_>, number: usize, rule: &Rule, diagnostics: &mut Diagnostics) {
    let Some((_, name, tool)) = scope.tools(number).next() else { return };
    let schema = tool.schema();
    let (mut seen, mut needed) = (HashSet::new(), Vec::new());
    let mut tests = Vec::new();
    rule.condition.each_test(&mut |test, _| tests.push(test));
    for test in tests {
        let attribute = scope.policy.attributes.get(test.attribute);
        let Some([Step::Key(key), ..]) = attribute.and_then(path) else { continue };
        if !seen.insert(key) {
            continue;
        }
        // A schema that requires nothing is one that does not say.
        let says = schema.root.get("required").is_some();
        let is_granting = true;
        let is_broken = Reads { policy: scope.policy, test, is_granting }.problem(tool, test.attribute).is_some();
        if !says
            || is_broken
            || !scope.spend()
            || !schema.is_optional(key)
            || !schema.arguments().contains(&key.as_str())
        {
            continue;
        }
        let outcomes = Outcomes::of(&rule.condition, &|other, _| {
            scope.spend();
            let attribute = scope.policy.attributes.get(other.attribute).and_then(path);
            matches!(attribute, Some([Step::Key(first), ..]) if first == key)
                .then_some(Problem::NoKey { steps: 0, keys: Vec::new() })
        });
        if outcomes.never_applies(rule.effect) {
            needed.push((test.span, shown(&[Step::Key(key.clone())])));
        }
    }
    let Some((span, argument)) = needed.first() else { return };
    let does = if rule.effect == Effect::Deny { "denies all" } else { "never applies to" };
    let message = format!(
        "the rule {} {does} calls of {} without {}, which {} optional",
        quoted(&rule.id),
        quoted(name),
        super::scope::names(needed.iter().map(|(_, argument)| argument.as_str())),
        if needed.len() == 1 { "is" } else { "are" }
    );
    let help = format!(
        "if such calls are fine, test it only where it is: `\"any\": [{{\"{argument}\": {{\"exists\": false}}}}, …]`"
    );
    diagnostics.push(Diagnostic::new(Code::OptionalArgument, *span, message).help(help));
}

/// A test, and where it is.
struct Reads<'p> {
    policy: &'p Policy,
    test: &'p Test,
    /// Whether it gives permission where it is true.
    is_granting: bool,
}

/// What is wrong with a test of an argument.
enum Problem<'c> {
    NoKey {
        steps: usize,
        keys: Vec<&'c str>,
    },
    NotBelow {
        steps: usize,
        states: States,
    },
    Type {
        states: States,
        needed: States,
    },
    /// No valid value passes, and what the schema says.
    Never {
        says: String,
        listed: Vec<&'c str>,
    },
    /// One of the listed values is none of the argument's.
    Unknown {
        value: Value,
        listed: Vec<&'c str>,
    },
}

impl<'p> Reads<'p> {
    /// The arguments that it reads.
    fn attributes(&self) -> Vec<AttributeId> {
        // Whether something is there may always be asked.
        if matches!(self.test.operator, Operator::Exists) {
            return Vec::new();
        }
        let compared = match self.test.compared() {
            Compared::Attribute(id) => vec![id],
            Compared::Keys(ids) => ids.to_vec(),
            Compared::Path(base, _) => base.into_iter().collect(),
            _ => Vec::new(),
        };
        let mut ids: Vec<AttributeId> = [self.test.attribute].into_iter().chain(compared).collect();
        ids.retain(|id| self.path(*id).is_some());
        ids
    }

    fn path(&self, attribute: AttributeId) -> Option<&'p [Step]> {
        self.policy.attributes.get(attribute).and_then(path)
    }

    /// What is read off the argument first, if it is not the argument itself.
    fn facet(&self, attribute: AttributeId) -> Option<Facet> {
        let steps = &self.policy.attributes.get(attribute)?.steps;
        steps.iter().find_map(|step| match step {
            Step::Facet(facet) => Some(*facet),
            _ => None,
        })
    }

    fn problem<'c>(&self, tool: &'c Tool, attribute: AttributeId) -> Option<Problem<'c>> {
        let schema: Schema<'c> = tool.schema();
        let ways = match schema.at(self.path(attribute)?) {
            Place::Here(ways) => ways,
            Place::NoKey { steps, keys } => return Some(Problem::NoKey { steps, keys }),
            Place::NotBelow { steps, states } => return Some(Problem::NotBelow { steps, states }),
        };
        if attribute != self.test.attribute {
            return None;
        }
        let fact = Fact { test: self.test, wanted: true };
        let facet = self.facet(attribute);
        let needed = match (facet, &self.test.operator) {
            (Some(facet), _) => read_off(facet),
            (None, Operator::Type(_)) if !self.is_granting => return None,
            (None, Operator::Type(types)) => States::of(types),
            (None, _) => fact.readable(),
        };
        let found = all_states(&ways);
        if found.and(needed).is_empty() {
            return Some(Problem::Type { states: found, needed });
        }
        let readable: Vec<&Way<'c>> = ways.iter().filter(|way| !states(way).and(needed).is_empty()).collect();
        let is_listed = facet.is_none() && readable.iter().all(|way| listed(way).is_some());
        let words = || -> Vec<&'c str> {
            readable.iter().filter_map(|way| listed(way)).flatten().filter_map(Json::text).collect()
        };
        let is_equal = matches!(self.test.operator, Operator::Eq(_) | Operator::In(_));
        if (self.is_granting || is_listed && is_equal) && !readable.iter().any(|way| can_pass(&fact, facet, way)) {
            return Some(Problem::Never { says: says(&readable, facet), listed: words() });
        }
        match (&self.test.operator, facet) {
            (Operator::In(values), None) if is_listed => {
                let is_known = |value: &&Value| readable.iter().any(|way| has(way, value));
                let unknown = values.iter().find(|value| !is_known(value))?;
                Some(Problem::Unknown { value: unknown.clone(), listed: words() })
            }
            _ => None,
        }
    }
}

/// The types of values that have a facet.
fn read_off(facet: Facet) -> States {
    use Facet as F;
    match facet {
        F::Count | F::Sum(_) => States::of(&[Type::List]),
        F::Instant | F::Age | F::Weekday(_) | F::TimeOfDay(_) | F::Date(_) => States::of(&[Type::String, Type::Number]),
        F::Strings => States::ALL,
        F::Length
        | F::Scheme
        | F::Host
        | F::Port
        | F::UrlPath
        | F::Private
        | F::Query
        | F::Domain
        | F::Path
        | F::WindowsPath
        | F::Address
        | F::Words
        | F::Program
        | F::Scope
        | F::Folded
        | F::Segment
        | F::AnyPath
        | F::Shell
        | F::Command(_)
        | F::Sql(_)
        | F::Statement(_) => States::of(&[Type::String]),
    }
}

/// Whether a test may be true of a value that is valid in this way.
fn can_pass(fact: &Fact<'_>, facet: Option<Facet>, way: &Way<'_>) -> bool {
    let within = |range: &Range| match fact.candidates() {
        Some(values) => values.iter().any(|value| match value {
            Value::Number(number) => range.has(number) && (!is_whole(way) || facet.is_some() || number.is_whole()),
            _ => true,
        }),
        None => range.meets(fact.lower(), fact.upper()),
    };
    match facet {
        Some(Facet::Length) => within(&Range::of_size(way, "minLength", "maxLength")),
        Some(Facet::Count) => within(&Range::of_size(way, "minItems", "maxItems")),
        Some(_) => true,
        None => match (listed(way), fact.candidates()) {
            (Some(values), _) => values.into_iter().any(|value| literal(value).is_none_or(|value| fact.allows(&value))),
            (None, Some(values)) if values.iter().all(|value| matches!(value, Value::String(_))) => {
                let sizes = Range::of_size(way, "minLength", "maxLength");
                values.iter().any(|value| size(value).is_none_or(|size| sizes.has(&size)))
            }
            (None, _) => within(&Range::of_number(way)),
        },
    }
}

fn size(value: &Value) -> Option<Decimal> {
    match value {
        Value::String(text) => Decimal::parse(&text.chars().count().to_string()),
        _ => None,
    }
}

/// Whether a way to be valid lists a value.
fn has(way: &Way<'_>, value: &Value) -> bool {
    listed(way).is_none_or(|values| values.into_iter().filter_map(literal).any(|listed| listed == *value))
}

/// A value that a policy can write.
fn literal(value: &Json) -> Option<Value> {
    match value {
        Json::Bool(value) => Some(Value::Bool(*value)),
        Json::Number(_) => value.number().map(Value::Number),
        Json::String(text) => Some(Value::String(text.clone())),
        _ => None,
    }
}

/// What schemas say about the values, in words.
fn says(ways: &[&Way<'_>], facet: Option<Facet>) -> String {
    let all: Vec<String> = ways.iter().map(|way| one_says(way, facet)).collect();
    all.join(", or ")
}

fn one_says(way: &Way<'_>, facet: Option<Facet>) -> String {
    let range = match facet {
        Some(Facet::Length) => Range::of_size(way, "minLength", "maxLength"),
        Some(Facet::Count) => Range::of_size(way, "minItems", "maxItems"),
        _ => match listed(way) {
            Some(values) => {
                let shown: Vec<String> = values.iter().take(12).map(|value| quoted(&value.canonical())).collect();
                let more = if values.len() > shown.len() { " and others" } else { "" };
                return format!("it is one of {}{more}", shown.join(", "));
            }
            None if states(way).has(Type::Number) => Range::of_number(way),
            None => {
                return format!("its length is {}", Range::of_size(way, "minLength", "maxLength").words());
            }
        },
    };
    match (facet, range.words()) {
        (Some(Facet::Length), words) => format!("its length is {words}"),
        (Some(Facet::Count), words) => format!("its count is {words}"),
        (_, words) if words.is_empty() => "it is a whole number".to_owned(),
        (_, words) if is_whole(way) => format!("it is a whole number, {words}"),
        (_, words) => format!("it is {words}"),
    }
}

impl Problem<'_> {
    /// How many keys there are beside one that is not there.
    fn keys(&self) -> usize {
        match self {
            Self::NoKey { keys, .. } => keys.len(),
            _ => 1,
        }
    }

    /// The finding about a test of a path, of a tool and so many others.
    fn report(&self, reads: &Reads<'_>, path: &[Step], tool: &str, others: usize) -> Diagnostic {
        let argument = quoted(&shown(path));
        let mut tool = quoted(tool);
        match others {
            0 => {}
            1 => tool.push_str(" (and 1 other)"),
            _ => tool.push_str(&format!(" (and {others} others)")),
        }
        let (code, message, help) = match self {
            Self::NoKey { steps, keys } => {
                let key = match path.get(*steps) {
                    Some(Step::Key(key)) => key.as_str(),
                    _ => "",
                };
                let beside = |key: &str| {
                    let mut steps = path.get(..*steps).unwrap_or_default().to_vec();
                    steps.push(Step::Key(key.to_owned()));
                    quoted(&shown(&steps))
                };
                let missing = beside(key);
                let help = match nearest(key, keys.iter().copied()) {
                    Some(near) => format!("did you mean {}?", beside(near)),
                    None if keys.is_empty() => "it has no arguments".to_owned(),
                    None => format!("it has {}", super::scope::names(keys.iter().copied())),
                };
                let only = if path.len() > steps + 1 || !matches!(reads.test.operator, Operator::Only(_)) {
                    ""
                } else {
                    ", which `only` lists"
                };
                (Code::UnknownArgument, format!("the tool {tool} has no argument {missing}{only}"), help)
            }
            Self::NotBelow { steps, states } => {
                let above = quoted(&shown(path.get(..*steps).unwrap_or_default()));
                let (has, needs) = match path.get(*steps) {
                    Some(Step::Element) => ("elements", "a list"),
                    _ => ("keys", "an object"),
                };
                let help = format!("this test is of {argument}, for which it would have to be {needs}");
                let message = format!("{above} of the tool {tool} is {}, which has no {has}", words(*states));
                (Code::ArgumentType, message, help)
            }
            Self::Type { states, needed } => {
                let message = format!(
                    "{argument} of the tool {tool} is {}, and this test reads {}",
                    words(*states),
                    words(*needed)
                );
                let help = if states.has(Type::List) && needed.has(Type::String) {
                    format!("test its elements: `\"{}\": {{\"every\": {{…}}}}`", shown(path))
                } else {
                    "a test of another type is always unknown".to_owned()
                };
                (Code::ArgumentType, message, help)
            }
            Self::Never { says, listed } => {
                let message =
                    format!("{argument} of the tool {tool} never passes this test: by the tool's schema, {says}");
                let value = match reads.test.compared() {
                    Compared::Value(Value::String(text)) => Some(text),
                    Compared::Values([Value::String(text)]) => Some(text),
                    _ => None,
                };
                let near = value.and_then(|value| did_you_mean(value, listed.iter().copied()));
                (
                    Code::ArgumentValue,
                    message,
                    near.unwrap_or_else(|| "compare with values that it can have".to_owned()),
                )
            }
            Self::Unknown { value, listed } => {
                let value = match value {
                    Value::String(text) => text.clone(),
                    Value::Number(number) => number.to_string(),
                    Value::Bool(value) => value.to_string(),
                };
                let message = format!("{argument} of the tool {tool} is never {}", quoted(&value));
                let known = format!("its schema lists {}", super::scope::names(listed.iter().copied()));
                (Code::UnknownValue, message, did_you_mean(&value, listed.iter().copied()).unwrap_or(known))
            }
        };
        Diagnostic::new(code, reads.test.span, message).help(help)
    }
}

/// Types in words: `a string or null`.
fn words(states: States) -> String {
    let types = [Type::Boolean, Type::Number, Type::String, Type::List, Type::Object, Type::Null];
    let words: Vec<&str> = types.into_iter().filter(|one| states.has(*one)).map(Type::with_article).collect();
    if words.is_empty() { "nothing".to_owned() } else { words.join(" or ") }
}

/// What a condition may be, as far as is known.
#[derive(Clone, Copy)]
struct Outcomes {
    can_hold: bool,
    can_be_unknown: bool,
    can_fail: bool,
}

impl Outcomes {
    /// What a condition may be where tests have problems.
    fn of<'c>(condition: &Condition, problem: &impl Fn(&Test, bool) -> Option<Problem<'c>>) -> Self {
        Self::of_wanted(condition, true, problem)
    }

    fn of_wanted<'c>(
        condition: &Condition,
        wanted: bool,
        problem: &impl Fn(&Test, bool) -> Option<Problem<'c>>,
    ) -> Self {
        let part = |part: &Condition| Self::of_wanted(part, wanted, problem);
        match condition {
            Condition::All(parts) => parts.iter().map(part).fold(Self::ALWAYS, |all, one| Self {
                can_hold: all.can_hold && one.can_hold,
                can_fail: all.can_fail || one.can_fail,
                can_be_unknown: all.can_be_unknown || one.can_be_unknown,
            }),
            Condition::Any(parts) => parts.iter().map(part).fold(Self::NEVER, |any, one| Self {
                can_hold: any.can_hold || one.can_hold,
                can_fail: any.can_fail && one.can_fail,
                can_be_unknown: any.can_be_unknown || one.can_be_unknown,
            }),
            Condition::Not(inner) => {
                let inner = Self::of_wanted(inner, !wanted, problem);
                Self { can_hold: inner.can_fail, can_fail: inner.can_hold, ..inner }
            }
            Condition::Test(test) => match (&test.operator, problem(test, wanted)) {
                (_, None) => Self { can_hold: true, can_be_unknown: true, can_fail: true },
                (Operator::Exists | Operator::Type(_), Some(_)) => Self::NEVER,
                (Operator::Only(_), Some(_)) | (_, Some(Problem::Unknown { .. })) => {
                    Self { can_hold: true, can_be_unknown: true, can_fail: true }
                }
                (_, Some(Problem::Never { .. })) => Self { can_be_unknown: true, ..Self::NEVER },
                (_, Some(_)) => Self { can_hold: false, can_be_unknown: true, can_fail: false },
            },
        }
    }

    const ALWAYS: Self = Self { can_hold: true, can_be_unknown: false, can_fail: false };
    const NEVER: Self = Self { can_hold: false, can_be_unknown: false, can_fail: true };

    /// Whether a rule has the same say over every call: an allow rule never applies, a deny rule always.
    fn never_applies(self, effect: Effect) -> bool {
        if effect == Effect::Deny { !self.can_fail } else { !self.can_hold }
    }
}
