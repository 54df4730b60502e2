//! Random valid policies.

use arbitrary::{Result, Unstructured};

use super::{Json, NAMES, NUMBERS, ROLES, STRINGS};

const PATTERNS: [&str; 8] = ["*", "db*", "*read", "*.*", "m*l*d", "wr*te", "*e*", "**d"];

const ATTRIBUTES: [&str; 17] = [
    "args.a",
    "args.b",
    "args.o",
    "args.o.x",
    "args.o.y.z",
    "args[\"odd key\"]",
    "args[\"a.b\"]",
    "args.o[\"\"]",
    "args[\"\\u00e9\\\"\"]",
    "agent.id",
    "agent.mfa",
    "agent.o.x",
    "agent.roles",
    "resource.owner",
    "resource.tags",
    "context.ip",
    "tool",
];

const TYPES: [&str; 6] = ["null", "boolean", "number", "string", "list", "object"];

/// A random policy document, over all operators.
pub(crate) fn policy(u: &mut Unstructured<'_>) -> Result<Json> {
    let mut document = vec![("perso".to_owned(), Json::number("1"))];
    if u.ratio(1, 4)? {
        document.push(("description".to_owned(), Json::string("random")));
    }
    let mut roles = ROLES.to_vec();
    if u.ratio(2, 3)? {
        roles = some_of(u, &ROLES)?;
        document.push(("roles".to_owned(), table_of_roles(u, &roles)?));
    }
    let mut tools = None;
    if u.ratio(1, 2)? {
        let known = some_of(u, &NAMES)?;
        document.push(("tools".to_owned(), strings(&known)));
        tools = Some(known);
    }
    let mut rules = Vec::new();
    for index in 0..u.int_in_range(1..=6)? {
        rules.push(rule(u, index, &roles, tools.as_deref())?);
    }
    document.push(("rules".to_owned(), Json::List(rules)));
    if u.ratio(1, 4)? {
        document.push(("default".to_owned(), Json::string(u.choose(&["allow", "deny"])?)));
    }
    Ok(Json::Object(document))
}

/// Each role may inherit from those before it, so that there is no cycle.
fn table_of_roles(u: &mut Unstructured<'_>, roles: &[&str]) -> Result<Json> {
    let mut table = Vec::new();
    for (index, role) in roles.iter().enumerate() {
        let mut inherits = Vec::new();
        for earlier in &roles[..index] {
            if u.ratio(1, 3)? {
                inherits.push(Json::string(earlier));
            }
        }
        table.push(((*role).to_owned(), Json::List(inherits)));
    }
    shuffle(u, &mut table)?;
    Ok(Json::Object(table))
}

fn rule(u: &mut Unstructured<'_>, index: usize, roles: &[&str], tools: Option<&[&str]>) -> Result<Json> {
    let id = if u.ratio(1, 8)? { format!("rule {index} é") } else { format!("r{index}") };
    let mut rule = vec![("id".to_owned(), Json::String(id))];
    let effect = u.choose(&["allow", "allow", "deny"])?;
    rule.push(((*effect).to_owned(), patterns(u, tools)?));
    if u.ratio(2, 5)? {
        rule.push(("roles".to_owned(), strings(&some_of(u, roles)?)));
    }
    if u.ratio(4, 5)? {
        rule.push(("when".to_owned(), condition(u, 3)?));
    }
    if u.ratio(1, 4)? {
        rule.push(("unless".to_owned(), condition(u, 2)?));
    }
    if u.ratio(1, 4)? {
        rule.push(("reason".to_owned(), Json::string("Not today: é.")));
    }
    shuffle(u, &mut rule)?;
    Ok(Json::Object(rule))
}

/// Names and patterns, each of which matches a known tool where the policy lists them.
fn patterns(u: &mut Unstructured<'_>, tools: Option<&[&str]>) -> Result<Json> {
    let useful = |pattern: &&str| tools.is_none_or(|tools| tools.iter().any(|tool| matches(pattern, tool)));
    let possible: Vec<&str> = NAMES.iter().chain(&PATTERNS).copied().filter(useful).collect();
    if u.ratio(1, 2)? {
        return Ok(Json::string(u.choose(&possible)?));
    }
    let mut chosen = some_of(u, &possible)?;
    chosen.truncate(3);
    Ok(strings(&chosen))
}

fn matches(pattern: &str, name: &str) -> bool {
    match pattern.chars().next() {
        None => name.is_empty(),
        Some('*') => {
            name.char_indices().any(|(at, _)| matches(&pattern[1..], &name[at..])) || matches(&pattern[1..], "")
        }
        Some(c) => name.strip_prefix(c).is_some_and(|rest| matches(&pattern[c.len_utf8()..], rest)),
    }
}

fn condition(u: &mut Unstructured<'_>, depth: u32) -> Result<Json> {
    let mut members: Vec<(String, Json)> = Vec::new();
    for _ in 0..u.int_in_range(1..=2)? {
        let shape = if depth == 0 { 9 } else { u.int_in_range(0..=9)? };
        let (key, value) = match shape {
            0 | 1 => (*u.choose(&["all", "all", "All"])?, conditions(u, depth - 1)?),
            2 | 3 => (*u.choose(&["any", "any", "Any"])?, conditions(u, depth - 1)?),
            4 | 5 => (*u.choose(&["not", "not", "Not"])?, condition(u, depth - 1)?),
            _ => {
                let attribute = *u.choose(&ATTRIBUTES)?;
                (attribute, test(u, attribute)?)
            }
        };
        if members.iter().all(|(other, _)| other != key) {
            members.push((key.to_owned(), value));
        }
    }
    Ok(Json::Object(members))
}

fn conditions(u: &mut Unstructured<'_>, depth: u32) -> Result<Json> {
    let count = u.int_in_range(1..=3)?;
    Ok(Json::List((0..count).map(|_| condition(u, depth)).collect::<Result<_>>()?))
}

/// What an attribute is tested for: a scalar, or an object of operators.
fn test(u: &mut Unstructured<'_>, attribute: &str) -> Result<Json> {
    if attribute != "agent.roles" && u.ratio(1, 5)? {
        return literal(u, attribute);
    }
    let mut operators: Vec<(String, Json)> = Vec::new();
    for _ in 0..u.int_in_range(1..=2)? {
        let (operator, operand) = operator(u, attribute)?;
        if operators.iter().all(|(other, _)| other != operator) {
            operators.push((operator.to_owned(), operand));
        }
    }
    Ok(Json::Object(operators))
}

fn operator(u: &mut Unstructured<'_>, attribute: &str) -> Result<(&'static str, Json)> {
    // The roles of a caller are tested by `roles`; a condition can only ask what they look like.
    let kind = match attribute {
        "agent.roles" => u.int_in_range(0..=1)?,
        "tool" => *u.choose(&[0, 1, 2, 3, 4, 7])?,
        _ => u.int_in_range(0..=7)?,
    };
    Ok(match kind {
        0 => ("exists", Json::Bool(u.arbitrary()?)),
        1 => ("type", types(u)?),
        2 => {
            let operator = *u.choose(&["eq", "ne"])?;
            let operand = if u.ratio(1, 3)? { reference(u, attribute)? } else { literal(u, attribute)? };
            (operator, operand)
        }
        3 => (*u.choose(&["in", "not_in"])?, list_of(u, 4, |u| literal(u, attribute))?),
        4 => {
            let operator = *u.choose(&["starts_with", "ends_with", "contains"])?;
            let operand = if u.ratio(1, 3)? { reference(u, attribute)? } else { string(u)? };
            (operator, operand)
        }
        5 | 6 => {
            let operator = *u.choose(&["lt", "lte", "gt", "gte"])?;
            let operand = if u.ratio(1, 4)? { reference(u, attribute)? } else { number(u)? };
            (operator, operand)
        }
        _ => ("length", length(u, attribute)?),
    })
}

fn types(u: &mut Unstructured<'_>) -> Result<Json> {
    if u.ratio(1, 2)? {
        return Ok(Json::string(u.choose(&TYPES)?));
    }
    Ok(strings(&some_of(u, &TYPES)?))
}

fn length(u: &mut Unstructured<'_>, attribute: &str) -> Result<Json> {
    let count = |u: &mut Unstructured<'_>| Ok(Json::number(u.choose(&["0", "1", "2", "3", "2.0", "0.3e1"])?));
    if u.ratio(1, 3)? {
        return count(u);
    }
    let operator = *u.choose(&["eq", "ne", "in", "not_in", "lt", "lte", "gt", "gte"])?;
    let operand = match operator {
        "in" | "not_in" => list_of(u, 3, count)?,
        _ if u.ratio(1, 4)? => reference(u, attribute)?,
        _ => count(u)?,
    };
    Ok(Json::Object(vec![(operator.to_owned(), operand)]))
}

/// A reference to another attribute.
fn reference(u: &mut Unstructured<'_>, attribute: &str) -> Result<Json> {
    let others: Vec<&str> =
        ATTRIBUTES.into_iter().filter(|other| ![attribute, "agent.roles", "tool"].contains(other)).collect();
    Ok(Json::Object(vec![("ref".to_owned(), Json::string(u.choose(&others)?))]))
}

fn literal(u: &mut Unstructured<'_>, attribute: &str) -> Result<Json> {
    if attribute == "tool" {
        return Ok(Json::string(u.choose(&NAMES)?));
    }
    match u.int_in_range(0..=4)? {
        0 => Ok(Json::Bool(u.arbitrary()?)),
        1 | 2 => number(u),
        _ => string(u),
    }
}

fn number(u: &mut Unstructured<'_>) -> Result<Json> {
    Ok(Json::number(u.choose(&NUMBERS)?))
}

fn string(u: &mut Unstructured<'_>) -> Result<Json> {
    Ok(Json::string(u.choose(&STRINGS)?))
}

fn list_of(
    u: &mut Unstructured<'_>,
    most: usize,
    mut element: impl FnMut(&mut Unstructured<'_>) -> Result<Json>,
) -> Result<Json> {
    let mut elements = Vec::new();
    for _ in 0..u.int_in_range(1..=most)? {
        let element = element(u)?;
        if !elements.contains(&element) {
            elements.push(element);
        }
    }
    Ok(Json::List(elements))
}

fn strings(texts: &[&str]) -> Json {
    Json::List(texts.iter().map(|text| Json::string(text)).collect())
}

/// At least one of these, in any order.
fn some_of<'t>(u: &mut Unstructured<'_>, all: &[&'t str]) -> Result<Vec<&'t str>> {
    let mut some = all.to_vec();
    shuffle(u, &mut some)?;
    some.truncate(u.int_in_range(1..=all.len())?);
    Ok(some)
}

pub(super) fn shuffle<T>(u: &mut Unstructured<'_>, elements: &mut [T]) -> Result<()> {
    for index in (1..elements.len()).rev() {
        elements.swap(index, u.int_in_range(0..=index)?);
    }
    Ok(())
}
