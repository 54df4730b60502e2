//! Random valid policies.

use arbitrary::{Result, Unstructured};

use super::{Json, NAMES, NUMBERS, ROLES, STRINGS, tricks};

const PATTERNS: [&str; 8] = ["*", "db*", "*read", "*.*", "m*l*d", "wr*te", "*e*", "**d"];

const ATTRIBUTES: [&str; 35] = [
    "args",
    "args",
    "agent",
    "args.a",
    "args[\"a\"]",
    "args.b",
    "args.items",
    "args.to",
    "args.url",
    "args.path",
    "args.at",
    "agent.since",
    "agent.tenant",
    "context.cwd",
    "context.now",
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
    "session.id",
    "session.labels",
    "tool",
    // What a prompt is asked for with.
    "args.arguments",
    "args.arguments.x",
    "args.arguments.items",
];

/// The words of `covers`, and patterns for what they stand for.
const COVERS: [(&[&str], &[&str]); 3] = [
    (&["tools", "resources"], &["mcp:resources/read", "mcp:resources/*", "mcp:*e*"]),
    (&["prompts"], &["mcp:prompts/get", "mcp:*t", "mcp:completion/complete"]),
    (&["prompts", "resources", "tools"], &["mcp:*", "mcp:prompts/get", "mcp:resources/subscribe", "mcp:r*read"]),
];

const FIELDS: [&str; 5] = [".p", ".q", ".o.x", ".to", ".[\"odd key\"]"];

/// Parts of the call as a whole, of which only the keys can be tested.
const PARTS: [&str; 2] = ["args", "agent"];

/// The keys that calls have.
const KEYS: [&str; 29] = [
    "a",
    "b",
    "items",
    "to",
    "url",
    "path",
    "o",
    "odd key",
    "a.b",
    "\u{e9}\"",
    "id",
    "mfa",
    "role",
    "roles",
    "x",
    "y",
    "z",
    "",
    "p",
    "q",
    "owner",
    "tags",
    "at",
    "since",
    "tenant",
    "cwd",
    "now",
    "arguments",
    "labels",
];

/// The roles that conditions ask for: those that every table of roles has.
const ROLES_IN_CONDITIONS: &[&str] = &[ROLES[0], ROLES[1]];

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
        // Conditions can name these.
        roles.extend(ROLES_IN_CONDITIONS.iter().filter(|role| !roles.contains(role)).copied().collect::<Vec<_>>());
        document.push(("roles".to_owned(), table_of_roles(u, &roles)?));
    }
    let mut tools = None;
    if u.ratio(1, 2)? {
        let known = some_of(u, &NAMES)?;
        document.push(("tools".to_owned(), strings(&known)));
        tools = Some(known);
    }
    let mut covered: &[&str] = &[];
    if u.ratio(1, 4)? {
        let words: &[&str];
        (words, covered) = *u.choose(&COVERS)?;
        document.push(("covers".to_owned(), strings(words)));
    }
    let mut rules = Vec::new();
    for index in 0..u.int_in_range(1..=6)? {
        rules.push(rule(u, index, &roles, tools.as_deref(), covered)?);
    }
    document.push(("rules".to_owned(), Json::List(rules)));
    if u.ratio(1, 3)? {
        let mut limits = Vec::new();
        for index in 0..u.int_in_range(1..=3)? {
            limits.push(limit(u, index, &roles, tools.as_deref(), covered)?);
        }
        document.push(("limits".to_owned(), Json::List(limits)));
    }
    if u.ratio(1, 6)? {
        let mut labels = Vec::new();
        for index in 0..u.int_in_range(1..=2)? {
            let mut label = scope(u, format!("label {index}"), &roles, tools.as_deref(), covered)?;
            label.push(("add".to_owned(), strings(&some_of(u, &["untrusted", "private", "é"])?)));
            labels.push(Json::Object(label));
        }
        document.push(("labels".to_owned(), Json::List(labels)));
    }
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

fn rule(
    u: &mut Unstructured<'_>,
    index: usize,
    roles: &[&str],
    tools: Option<&[&str]>,
    covered: &[&str],
) -> Result<Json> {
    let id = if u.ratio(1, 8)? { format!("rule {index} é") } else { format!("r{index}") };
    let mut rule = vec![("id".to_owned(), Json::String(id))];
    let effect = u.choose(&["allow", "allow", "deny", "ask"])?;
    rule.push(((*effect).to_owned(), patterns(u, tools, covered)?));
    if u.ratio(2, 5)? {
        rule.push(("roles".to_owned(), strings(&some_of(u, roles)?)));
    }
    if u.ratio(4, 5)? {
        let depth = u.int_in_range(0..=3)?;
        rule.push(("when".to_owned(), condition(u, depth)?));
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

/// Which calls a limit or a label is about.
fn scope(
    u: &mut Unstructured<'_>,
    id: String,
    roles: &[&str],
    tools: Option<&[&str]>,
    covered: &[&str],
) -> Result<Vec<(String, Json)>> {
    let mut scope = vec![("id".to_owned(), Json::String(id)), ("of".to_owned(), patterns(u, tools, covered)?)];
    if u.ratio(1, 5)? {
        scope.push(("roles".to_owned(), strings(&some_of(u, roles)?)));
    }
    for key in ["when", "unless"] {
        if u.ratio(1, 3)? {
            scope.push((key.to_owned(), condition(u, 1)?));
        }
    }
    Ok(scope)
}

fn limit(
    u: &mut Unstructured<'_>,
    index: usize,
    roles: &[&str],
    tools: Option<&[&str]>,
    covered: &[&str],
) -> Result<Json> {
    let mut limit = scope(u, format!("limit {index}"), roles, tools, covered)?;
    let attributes: Vec<&str> =
        ATTRIBUTES.into_iter().filter(|name| !["args", "agent"].contains(name) && *name != "args[\"a\"]").collect();
    if u.ratio(2, 3)? {
        let mut per = some_of(u, &attributes)?;
        per.truncate(3);
        limit.push(("per".to_owned(), strings(&per)));
    }
    if u.ratio(1, 2)? {
        let numbers: Vec<&str> = attributes.into_iter().filter(|name| *name != "tool").collect();
        limit.push(("sum".to_owned(), Json::string(u.choose(&numbers)?)));
    }
    limit.push(("max".to_owned(), Json::number(u.choose(&["0", "1", "20", "2e3"])?)));
    limit.push(("window".to_owned(), Json::string(u.choose(&["90s", "24h", "session"])?)));
    if u.ratio(1, 4)? {
        limit.push(("over".to_owned(), Json::string(u.choose(&["deny", "ask"])?)));
    }
    shuffle(u, &mut limit)?;
    Ok(Json::Object(limit))
}

/// Names and patterns, each of which matches a known tool where the policy lists them, and those of requests that are covered.
fn patterns(u: &mut Unstructured<'_>, tools: Option<&[&str]>, covered: &[&str]) -> Result<Json> {
    let useful = |pattern: &&str| tools.is_none_or(|tools| tools.iter().any(|tool| matches(pattern, tool)));
    let possible: Vec<&str> =
        NAMES.iter().chain(&PATTERNS).copied().filter(useful).chain(covered.iter().copied()).collect();
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
    for _ in 0..*u.choose(&[1, 1, 2])? {
        let shape = if depth == 0 { 9 } else { u.int_in_range(0..=9)? };
        let (key, value) = match shape {
            0 | 1 => (*u.choose(&["all", "all", "All"])?, conditions(u, depth - 1)?),
            2 | 3 => (*u.choose(&["any", "any", "Any"])?, conditions(u, depth - 1)?),
            4 | 5 => (*u.choose(&["not", "not", "Not"])?, condition(u, depth - 1)?),
            _ => {
                let attribute = *u.choose(&ATTRIBUTES)?;
                (attribute, test(u, attribute, 0)?)
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

/// What an attribute is tested for: a scalar, or an object of operators. `nested` is how many `every` and `some` are
/// around it; there, the element is the attribute "", and its fields begin with a dot.
fn test(u: &mut Unstructured<'_>, attribute: &str, nested: u32) -> Result<Json> {
    if PARTS.contains(&attribute) {
        let test = if u.arbitrary()? { ("only".to_owned(), only(u)?) } else { ("anywhere".to_owned(), anywhere(u)?) };
        return Ok(Json::Object(vec![test]));
    }
    if attribute != "agent.roles" && u.ratio(1, 5)? {
        return literal(u, attribute);
    }
    Ok(Json::Object(operators(u, attribute, nested)?))
}

fn operators(u: &mut Unstructured<'_>, attribute: &str, nested: u32) -> Result<Vec<(String, Json)>> {
    let mut operators: Vec<(String, Json)> = Vec::new();
    for _ in 0..*u.choose(&[1, 1, 2])? {
        let (operator, operand) = operator(u, attribute, nested)?;
        if operators.iter().all(|(other, _)| other != operator) {
            operators.push((operator.to_owned(), operand));
        }
    }
    let reads_paths = operators.iter().any(|(operator, operand)| operator == "within" && is_posix(operand));
    if reads_paths && u.ratio(1, 2)? {
        operators.push(("base".to_owned(), reference_to("context.cwd")));
    }
    if can_ignore_case(&operators) && attribute != "agent.roles" && u.ratio(1, 2)? {
        operators.push(("ignore_case".to_owned(), Json::Bool(u.ratio(9, 10)?)));
    }
    Ok(operators)
}

/// Whether `ignore_case` can stand beside operators.
fn can_ignore_case(operators: &[(String, Json)]) -> bool {
    let mut folding = operators.iter().filter(|(operator, _)| FOLDING.contains(&operator.as_str())).peekable();
    folding.peek().is_some()
        && folding.all(|(operator, operand)| {
            only_strings(operand) || operand.member("ref").is_some() && !operator.ends_with("in")
        })
}

/// The operators that `ignore_case` says something about.
const FOLDING: [&str; 8] = ["eq", "ne", "in", "not_in", "starts_with", "ends_with", "contains", "glob"];

/// Whether there is nothing but strings in an operand.
fn only_strings(operand: &Json) -> bool {
    match operand {
        Json::String(_) => true,
        Json::List(elements) => elements.iter().all(|element| matches!(element, Json::String(_))),
        _ => false,
    }
}

fn is_posix(operand: &Json) -> bool {
    match operand {
        Json::String(text) => text.starts_with('/'),
        Json::List(elements) => elements.iter().all(is_posix),
        _ => true,
    }
}

fn reference_to(attribute: &str) -> Json {
    Json::Object(vec![("ref".to_owned(), Json::string(attribute))])
}

fn operator(u: &mut Unstructured<'_>, attribute: &str, nested: u32) -> Result<(&'static str, Json)> {
    let kind = match attribute {
        "agent.roles" if u.arbitrary()? => return Ok(("has", Json::string(u.choose(ROLES_IN_CONDITIONS)?))),
        "agent.roles" => u.int_in_range(0..=1)?,
        "tool" => *u.choose(&[0, 1, 2, 3, 4, 7, 8])?,
        "args.items" if u.arbitrary()? => 10,
        "args.url" if u.ratio(3, 4)? => return Ok(("url", url(u)?)),
        "args.path" if u.arbitrary()? => *u.choose(&[9, 19])?,
        "args.at" | "context.now" | "agent.since" if u.ratio(3, 4)? => *u.choose(&[16, 17, 18])?,
        "context.cwd" | "agent.tenant" if u.arbitrary()? => *u.choose(&[2, 4, 19])?,
        "args.to" if u.ratio(1, 4)? => return Ok(("email_domain", one_or_more(u, &tricks::DOMAINS)?)),
        "args.to" if u.arbitrary()? => *u.choose(&[9, 10])?,
        _ => u.int_in_range(0..=20)?,
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
            let operand = match u.int_in_range(0..=5)? {
                0 | 1 => reference(u, attribute)?,
                _ => string(u)?,
            };
            (operator, operand)
        }
        5 | 6 => {
            let operator = *u.choose(&["lt", "lte", "gt", "gte"])?;
            let operand = if u.ratio(1, 4)? { reference(u, attribute)? } else { number(u)? };
            (operator, operand)
        }
        8 => pattern(u)?,
        9 => taken(u, nested)?,
        10 if nested < 2 => (*u.choose(&["every", "every", "some"])?, element_test(u, nested + 1)?),
        11 => (*u.choose(&["in", "not_in"])?, reference(u, attribute)?),
        12 => ("has", if u.ratio(1, 3)? { reference(u, attribute)? } else { literal(u, attribute)? }),
        13 => ("count", length(u, attribute)?),
        14 => ("only", only(u)?),
        15 => ("sum", sum(u, attribute)?),
        16 => (*u.choose(&["before", "after"])?, instant(u, attribute)?),
        17 => ("age", age(u)?),
        18 => ("clock", clock(u)?),
        19 => ("within", made_directory(u)?),
        20 if nested < 2 => place(u, nested + 1)?,
        _ => ("length", length(u, attribute)?),
    })
}

/// A test of elements by their places.
fn place(u: &mut Unstructured<'_>, nested: u32) -> Result<(&'static str, Json)> {
    Ok(match u.int_in_range(0..=2)? {
        0 => ("first", element_test(u, nested)?),
        1 => {
            let mut places = Vec::new();
            for place in some_of(u, &["0", "1", "2", "1023"])?.into_iter().take(2) {
                places.push((place.to_owned(), element_test(u, nested)?));
            }
            ("at", Json::Object(places))
        }
        _ => {
            let mut places = Vec::new();
            for _ in 0..u.int_in_range(1..=2)? {
                let one = u.arbitrary()?;
                places.push(if one { literal(u, "")? } else { list_of(u, 3, |u| literal(u, ""))? });
            }
            ("begins", Json::List(places))
        }
    })
}

fn sum(u: &mut Unstructured<'_>, attribute: &str) -> Result<Json> {
    let mut members = Vec::new();
    if u.ratio(2, 3)? {
        members.push(("of".to_owned(), Json::string(u.choose(&[".p", ".o.x"])?)));
        if u.arbitrary()? {
            members.push(("times".to_owned(), Json::string(u.choose(&[".q", ".p"])?)));
        }
    }
    let operator = *u.choose(&["lt", "lte", "gt", "gte", "eq", "ne"])?;
    let operand = if u.ratio(1, 5)? { reference(u, attribute)? } else { number(u)? };
    members.push((operator.to_owned(), operand));
    Ok(Json::Object(members))
}

/// What an instant is compared with.
fn instant(u: &mut Unstructured<'_>, attribute: &str) -> Result<Json> {
    Ok(match u.int_in_range(0..=3)? {
        0 => reference_to(if attribute == "agent.since" { "context.now" } else { "agent.since" }),
        1 => Json::number(u.choose(&["1795905000", "1795905000.5", "0", "-1e3", "1e30"])?),
        _ => Json::string(u.choose(&tricks::INSTANTS)?),
    })
}

fn age(u: &mut Unstructured<'_>) -> Result<Json> {
    let mut members = Vec::new();
    for operator in some_of(u, &["lt", "lte", "gt", "gte"])?.into_iter().take(2) {
        members.push((operator.to_owned(), Json::string(u.choose(&["0s", "1s", "15m", "1h", "1d", "365d"])?)));
    }
    Ok(Json::Object(members))
}

fn clock(u: &mut Unstructured<'_>) -> Result<Json> {
    let mut members = vec![("zone".to_owned(), Json::string(u.choose(&tricks::ZONES)?))];
    let hands = [
        ("weekday", &["sat", "sun", "mon"][..], &["eq", "ne", "in", "not_in"][..]),
        ("time", &["00:00", "02:30", "03:00", "12:00", "23:30:00"], &["in", "gte", "lt", "gt", "lte"]),
        ("date", &["2026-03-29", "2026-10-25", "2026-11-28", "2026-11-29"], &["eq", "gte", "lt", "lte"]),
    ];
    for (hand, values, operators) in
        some_of(u, &["0", "1", "2"])?.into_iter().take(2).filter_map(|at| hands.get(at.parse::<usize>().ok()?))
    {
        let mut tests = Vec::new();
        for operator in some_of(u, operators)?.into_iter().take(2) {
            let operand =
                if operator.ends_with("in") { strings(&some_of(u, values)?) } else { Json::string(u.choose(values)?) };
            tests.push((operator.to_owned(), operand));
        }
        members.push(((*hand).to_owned(), Json::Object(tests)));
    }
    Ok(Json::Object(members))
}

/// A directory that is made of values of the call, or several.
fn made_directory(u: &mut Unstructured<'_>) -> Result<Json> {
    let one = |u: &mut Unstructured<'_>| {
        Ok(match u.int_in_range(0..=3)? {
            0 => reference_to("context.cwd"),
            1 => Json::string(u.choose(&["/srv", "/", "/srv/acme"])?),
            _ => {
                let mut parts = vec![if u.arbitrary()? { Json::string("/srv") } else { reference_to("context.cwd") }];
                for _ in 0..u.int_in_range(0..=2)? {
                    parts.push(if u.ratio(1, 3)? { Json::string("files") } else { reference_to("agent.tenant") });
                }
                Json::Object(vec![("join".to_owned(), Json::List(parts))])
            }
        })
    };
    if u.arbitrary()? { one(u) } else { list_of(u, 3, one) }
}

/// A test of every string.
fn anywhere(u: &mut Unstructured<'_>) -> Result<Json> {
    let (operator, operand) = match u.int_in_range(0..=3)? {
        0 => pattern(u)?,
        _ => (*u.choose(&["starts_with", "ends_with", "contains"])?, string(u)?),
    };
    let mut members = vec![(operator.to_owned(), operand)];
    if operator != "matches" && u.ratio(1, 3)? {
        members.push(("ignore_case".to_owned(), Json::Bool(true)));
    }
    Ok(Json::Object(members))
}

/// Keys: often all but a few, so that objects have no others.
fn only(u: &mut Unstructured<'_>) -> Result<Json> {
    let mut keys = KEYS.to_vec();
    if u.ratio(1, 3)? {
        keys = some_of(u, &KEYS)?;
    }
    for _ in 0..u.int_in_range(0..=2)? {
        keys.pop();
    }
    let first = if keys.is_empty() { 0 } else { u.int_in_range(0..=keys.len() - 1)? };
    keys.rotate_left(first);
    Ok(strings(&keys))
}

/// What is asked of the elements of a list.
fn element_test(u: &mut Unstructured<'_>, nested: u32) -> Result<Json> {
    if u.ratio(1, 6)? {
        return literal(u, "");
    }
    element_object(u, nested, 2)
}

fn element_object(u: &mut Unstructured<'_>, nested: u32, depth: u32) -> Result<Json> {
    let mut members: Vec<(String, Json)> = Vec::new();
    for _ in 0..*u.choose(&[1, 1, 2])? {
        let shape = if depth == 0 { 9 } else { u.int_in_range(0..=9)? };
        let several = |u: &mut Unstructured<'_>| {
            let count = u.int_in_range(1..=2)?;
            Ok(Json::List((0..count).map(|_| element_object(u, nested, depth - 1)).collect::<Result<_>>()?))
        };
        let added = match shape {
            0 => vec![("all".to_owned(), several(u)?)],
            1 => vec![("any".to_owned(), several(u)?)],
            2 => vec![("not".to_owned(), element_object(u, nested, depth - 1)?)],
            3..=5 => operators(u, "", nested)?,
            _ => {
                let field = *u.choose(&FIELDS)?;
                vec![(field.to_owned(), test(u, field, nested)?)]
            }
        };
        for (key, value) in added {
            if members.iter().all(|(other, _)| *other != key) {
                members.push((key, value));
            }
        }
    }
    if !can_ignore_case(&members) {
        members.retain(|(key, _)| key != "ignore_case");
    }
    if !members.iter().any(|(key, operand)| key == "within" && is_posix(operand)) {
        members.retain(|(key, _)| key != "base");
    }
    Ok(Json::Object(members))
}

fn one_or_more(u: &mut Unstructured<'_>, all: &[&str]) -> Result<Json> {
    if u.arbitrary()? {
        return Ok(Json::string(u.choose(all)?));
    }
    let mut some = some_of(u, all)?;
    some.truncate(3);
    Ok(strings(&some))
}

fn pattern(u: &mut Unstructured<'_>) -> Result<(&'static str, Json)> {
    Ok(match u.arbitrary()? {
        true => ("glob", one_or_more(u, &tricks::GLOBS)?),
        false => ("matches", one_or_more(u, &tricks::EXPRESSIONS)?),
    })
}

/// The operators of what tools take.
fn taken(u: &mut Unstructured<'_>, nested: u32) -> Result<(&'static str, Json)> {
    Ok(match u.int_in_range(0..=9)? {
        0 => ("within", within(u, &tricks::DIRECTORIES[..4], &tricks::DIRECTORIES[4..])?),
        1 => ("url", url(u)?),
        2 => ("email_domain", one_or_more(u, &tricks::DOMAINS)?),
        3 => ("cidr", one_or_more(u, &tricks::NETWORKS)?),
        4 => ("words", words(u, nested)?),
        5 | 8 if nested == 0 => ("shell", shell(u)?),
        6 | 7 => ("sql", sql(u, nested)?),
        _ => ("command", command(u, nested)?),
    })
}

/// Tests of the commands of a shell line.
fn shell(u: &mut Unstructured<'_>) -> Result<Json> {
    let operator = *u.choose(&["every", "some", "first", "count"])?;
    let operand = match operator {
        "count" => Json::Object(vec![("lte".to_owned(), Json::number("2"))]),
        _ => shell_command(u, 2)?,
    };
    Ok(Json::Object(vec![(operator.to_owned(), operand)]))
}

/// Tests of a command of a shell line.
fn shell_command(u: &mut Unstructured<'_>, depth: u32) -> Result<Json> {
    const PROGRAMS: [&str; 6] = ["git", "npm", "ls", "env", "sh", "cat"];
    let mut members = Vec::new();
    for _ in 0..u.int_in_range(1..=3)? {
        let (key, operand) = match u.int_in_range(0..=7)? {
            0 if depth > 0 => ("not", shell_command(u, depth - 1)?),
            1 if depth > 0 => ("any", Json::List(vec![shell_command(u, depth - 1)?, shell_command(u, depth - 1)?])),
            2 | 3 => (".program", Json::Object(vec![("in".to_owned(), strings(&PROGRAMS[u.int_in_range(0..=2)?..]))])),
            4 => (".words", shell_texts(u)?),
            5 => (".args", shell_texts(u)?),
            6 => (".env", shell_texts(u)?),
            _ => (*u.choose(&[".writes", ".reads"])?, shell_texts(u)?),
        };
        if members.iter().all(|(other, _)| other != key) {
            members.push((key.to_owned(), operand));
        }
    }
    Ok(Json::Object(members))
}

/// Tests of a list of a command.
fn shell_texts(u: &mut Unstructured<'_>) -> Result<Json> {
    const TEXTS: [&str; 10] = ["git", "a", "A", "B", "PATH", "b.c", "f", "-x", "", "a b"];
    let text = |u: &mut Unstructured<'_>| Ok(Json::string(u.choose(&TEXTS)?));
    let (operator, operand) = match u.int_in_range(0..=6)? {
        0 => ("has", text(u)?),
        1 => ("has", reference(u, "agent.id")?),
        2 => ("count", Json::Object(vec![("lte".to_owned(), Json::number(u.choose(&["0", "1", "3"])?))])),
        3 => ("every", Json::Object(vec![("in".to_owned(), strings(&TEXTS[u.int_in_range(0..=8)?..]))])),
        4 => ("some", Json::Object(vec![(u.choose(&["starts_with", "ends_with"])?.to_string(), text(u)?)])),
        5 => ("begins", Json::List(vec![text(u)?, strings(&TEXTS[u.int_in_range(0..=8)?..])])),
        _ => ("at", Json::Object(vec![(u.choose(&["0", "1", "2"])?.to_string(), text(u)?)])),
    };
    Ok(Json::Object(vec![(operator.to_owned(), operand)]))
}

/// Tests of a statement of SQL.
fn sql(u: &mut Unstructured<'_>, nested: u32) -> Result<Json> {
    const STATEMENTS: [&str; 4] = ["select", "insert", "update", "delete"];
    let dialect = u.choose(&["sqlite", "postgres", "mysql", "any"])?;
    let mut members = vec![("dialect".to_owned(), Json::string(dialect))];
    while members.len() == 1 || members.len() < 4 && u.arbitrary()? {
        let (key, operand) = match u.int_in_range(0..=5)? {
            0 => ("statement", one_or_more(u, &STATEMENTS)?),
            1 | 2 => ("tables", sql_names(u, nested, &["t", "customers", "orders", "products", "main.t"])?),
            3 => ("functions", sql_names(u, nested, &["count", "lower", "sum", "current_date"])?),
            4 => ("columns", sql_names(u, nested, &["id", "name", "a", "*", "total"])?),
            _ if u.ratio(1, 4)? => ("limit", Json::number("5")),
            _ => {
                let operator = *u.choose(&["lte", "gt", "ne"])?;
                let limit = if u.ratio(1, 4)? { reference(u, "args.a")? } else { Json::number("500") };
                ("limit", Json::Object(vec![(operator.to_owned(), limit)]))
            }
        };
        if members.iter().all(|(other, _)| other != key) {
            members.push((key.to_owned(), operand));
        }
    }
    Ok(Json::Object(members))
}

/// Tests of a list of names of a statement.
fn sql_names(u: &mut Unstructured<'_>, nested: u32, names: &[&str]) -> Result<Json> {
    let (operator, operand) = match u.int_in_range(0..=4)? {
        0 => ("has", Json::string(u.choose(names)?)),
        1 => ("has", reference(u, "agent.id")?),
        2 => ("count", Json::Object(vec![("lte".to_owned(), Json::number(u.choose(&["0", "1", "3"])?))])),
        3 if nested < 2 => ("some", Json::Object(vec![("eq".to_owned(), Json::string(u.choose(names)?))])),
        _ if nested < 2 => ("every", Json::Object(vec![("in".to_owned(), strings(names))])),
        _ => ("count", Json::number("0")),
    };
    Ok(Json::Object(vec![(operator.to_owned(), operand)]))
}

/// Tests of the words of a string.
fn words(u: &mut Unstructured<'_>, nested: u32) -> Result<Json> {
    let mut members = Vec::new();
    for _ in 0..u.int_in_range(1..=2)? {
        let (operator, operand) = match u.int_in_range(0..=4)? {
            0 => ("count", Json::Object(vec![("gte".to_owned(), Json::number("1"))])),
            1 if nested < 2 => ("some", argument(u)?),
            2 if nested < 2 => ("every", argument(u)?),
            3 => ("has", reference(u, "agent.id")?),
            _ => ("has", Json::string(u.choose(&tricks::SCOPES)?)),
        };
        if members.iter().all(|(other, _)| other != operator) {
            members.push((operator.to_owned(), operand));
        }
    }
    Ok(Json::Object(members))
}

/// Directories of one kind.
fn within(u: &mut Unstructured<'_>, posix: &[&str], windows: &[&str]) -> Result<Json> {
    if u.ratio(1, 3)? { one_or_more(u, windows) } else { one_or_more(u, posix) }
}

fn url(u: &mut Unstructured<'_>) -> Result<Json> {
    let mut members = Vec::new();
    if u.ratio(1, 3)? {
        members.push(("scheme", one_or_more(u, &["https", "http", "wss", "ws", "FTP"])?));
    }
    if members.is_empty() || u.ratio(3, 4)? {
        members.push(("host", one_or_more(u, &tricks::HOSTS)?));
    }
    if u.ratio(1, 4)? {
        let ports = list_of(u, 3, |u| Ok(Json::number(u.choose(&["443", "80", "8443", "65535", "1"])?)))?;
        members.push(("port", ports));
    }
    if u.ratio(1, 3)? {
        members.push(("path", url_path(u)?));
    }
    if u.ratio(1, 2)? {
        members.push(("private", Json::Bool(false)));
    }
    if u.ratio(1, 4)? {
        members.push(("query", Json::Bool(false)));
    }
    shuffle(u, &mut members)?;
    Ok(Json::Object(members.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()))
}

fn url_path(u: &mut Unstructured<'_>) -> Result<Json> {
    let part = Json::string(u.choose(&["/v1", "/", "/a", "/v1/a", "/srv/x.txt"])?);
    let (operator, operand) = match u.int_in_range(0..=5)? {
        0 => return Ok(part),
        1 => ("starts_with", part),
        2 => ("within", part),
        3 => (*u.choose(&["eq", "ne", "ends_with", "contains"])?, part),
        4 => ("length", Json::number("3")),
        _ => pattern(u)?,
    };
    Ok(Json::Object(vec![(operator.to_owned(), operand)]))
}

fn command(u: &mut Unstructured<'_>, nested: u32) -> Result<Json> {
    let mut members = vec![("program".to_owned(), one_or_more(u, &tricks::PROGRAMS)?)];
    if u.ratio(1, 4)? {
        members.push(("shell".to_owned(), Json::Bool(false)));
    }
    if u.ratio(1, 2)? {
        let (operator, operand) = match u.int_in_range(0..=4)? {
            0 => ("count", Json::Object(vec![("lte".to_owned(), Json::number("2"))])),
            1 => ("has", Json::string(u.choose(&["log", "", "a b"])?)),
            2 if nested < 2 => ("some", argument(u)?),
            _ if nested < 2 => ("every", argument(u)?),
            _ => ("count", Json::number("1")),
        };
        members.push(("args".to_owned(), Json::Object(vec![(operator.to_owned(), operand)])));
    }
    Ok(Json::Object(members))
}

/// What is asked of an argument of a command: always a string.
fn argument(u: &mut Unstructured<'_>) -> Result<Json> {
    let part = Json::string(u.choose(&["log", "-m", "", "a b", "-", "/srv"])?);
    let (operator, operand) = match u.int_in_range(0..=6)? {
        0 => return Ok(part),
        1 => ("starts_with", part),
        2 => ("ne", part),
        3 => ("in", Json::List(vec![part, Json::string("--oneline")])),
        4 => ("within", Json::string("/srv")),
        5 => ("not", Json::Object(vec![("starts_with".to_owned(), part)])),
        _ => pattern(u)?,
    };
    Ok(Json::Object(vec![(operator.to_owned(), operand)]))
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

/// A reference to another attribute; in an element, also to one of its fields.
fn reference(u: &mut Unstructured<'_>, attribute: &str) -> Result<Json> {
    if (attribute.is_empty() || attribute.starts_with('.')) && u.arbitrary()? {
        let others: Vec<&str> = FIELDS.into_iter().filter(|other| *other != attribute).collect();
        return Ok(Json::Object(vec![("ref".to_owned(), Json::string(u.choose(&others)?))]));
    }
    let others: Vec<&str> = ATTRIBUTES
        .into_iter()
        .filter(|other| ![attribute, "agent.roles", "tool", "args", "agent"].contains(other))
        .collect();
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
