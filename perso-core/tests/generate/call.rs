//! Random calls that a policy has something to say about.

use std::fmt::Write;

use arbitrary::{Result, Unstructured};
use perso_core::policy::Dialect;

use super::policy::shuffle;
use super::{Json, NAMES, NUMBERS, ROLES, STRINGS, tricks};

/// What policies cover, a prompt in a list, and what no policy knows.
const REQUESTS: [&str; 6] = [
    "mcp:resources/read",
    "mcp:resources/subscribe",
    "mcp:prompts/get",
    "mcp:prompts/list",
    "mcp:completion/complete",
    "mcp:read",
];

const PARTS: [&str; 5] = ["args", "agent", "resource", "context", "session"];

/// The most values in an element of which a list gets a thousand.
const MOST_REPEATED: usize = 8;

/// An attribute that the policy reads, and what it is compared with.
struct Attribute {
    /// Empty for an element of a list and its fields.
    root: String,
    keys: Vec<String>,
    values: Vec<Json>,
    lengths: Vec<Json>,
    /// What tests of patterns and of what tools take ask for.
    wanted: Vec<Wanted>,
    /// What is asked of its elements: of them themselves, and of their fields.
    elements: Vec<Attribute>,
}

/// A string that a test asks for.
#[derive(Clone)]
struct Wanted {
    /// The operator.
    kind: &'static str,
    /// Its operand, or one of them.
    text: String,
}

/// The text of a random call: the values are mostly what the policy compares with, or near it. About one in fifteen is
/// malformed.
pub(crate) fn call(u: &mut Unstructured<'_>, policy: &Json) -> Result<String> {
    let mut attributes = survey(policy);
    shuffle(u, &mut attributes)?;
    let mut parts = PARTS.map(|_| Json::Object(Vec::new()));
    // A value that several attributes get, so that references find equal ones.
    let shared = [any_scalar(u)?, any_scalar(u)?];
    for attribute in &attributes {
        let Some(at) = PARTS.iter().position(|part| *part == attribute.root) else { continue };
        // Of a part as a whole only the keys are tested, which are those of the other attributes.
        if attribute.keys.is_empty() || attribute.keys == ["roles"] && attribute.root == "agent" || u.ratio(1, 12)? {
            continue;
        }
        let value = value(u, attribute, &shared)?;
        insert(&mut parts[at], &attribute.keys, value);
    }
    roles(u, &mut parts[1])?;
    let mut call = vec![("tool".to_owned(), Json::String(tool(u, policy)?))];
    for (name, mut part) in PARTS.into_iter().zip(parts) {
        if u.ratio(1, 6)? {
            insert(&mut part, &["unread".to_owned()], odd_value(u)?);
        }
        if let Json::Object(members) = &mut part {
            shuffle(u, members)?;
        }
        match u.int_in_range(0..=19)? {
            0 => {}
            1 => call.push((name.to_owned(), Json::Null)),
            _ => call.push((name.to_owned(), part)),
        }
    }
    shuffle(u, &mut call)?;
    let malformed = u.ratio(1, 15)?;
    if malformed && u.arbitrary()? {
        return spoil_text(u, Json::Object(call));
    }
    if malformed {
        spoil_members(u, &mut call)?;
    }
    let style = Style { space: u.int_in_range(0..=3)?, escapes: u.ratio(1, 4)? };
    let mut text = String::new();
    style.write(u, &mut text, &Json::Object(call))?;
    Ok(text)
}

/// Every attribute that the policy's conditions read.
fn survey(policy: &Json) -> Vec<Attribute> {
    let mut attributes = Vec::new();
    let mut references = References::default();
    let listed = ["rules", "limits", "labels"].map(|key| policy.member(key).map(Json::elements).unwrap_or_default());
    for rule in listed.concat() {
        for key in ["when", "unless"] {
            if let Some(condition) = rule.member(key) {
                survey_condition(condition, &mut attributes, &mut references);
            }
        }
        // What names the account of a limit, and what it adds up.
        let charged = ["per", "sum"].map(|key| rule.member(key).map(one_or_more).unwrap_or_default());
        references.values.extend(charged.concat().iter().filter_map(Json::text).map(str::to_owned));
    }
    for path in references.values {
        note(&path, &mut attributes);
    }
    for path in references.lists {
        if let Some(at) = note(&path, &mut attributes) {
            note("", &mut attributes[at].elements);
        }
    }
    attributes
}

/// The attributes that operands refer to.
#[derive(Default)]
struct References {
    values: Vec<String>,
    lists: Vec<String>,
}

fn survey_condition(condition: &Json, attributes: &mut Vec<Attribute>, references: &mut References) {
    for (key, value) in condition.members() {
        match key.as_str() {
            "all" | "All" | "any" | "Any" => {
                value.elements().iter().for_each(|part| survey_condition(part, attributes, references));
            }
            "not" | "Not" => survey_condition(value, attributes, references),
            path => survey_test(path, value, attributes, references),
        }
    }
}

/// What `every` and `some` ask of elements.
fn survey_element(asked: &Json, attributes: &mut Vec<Attribute>, references: &mut References) {
    if !matches!(asked, Json::Object(_)) {
        survey_test("", asked, attributes, references);
    }
    for (key, value) in asked.members() {
        match key.as_str() {
            "all" | "any" => value.elements().iter().for_each(|part| survey_element(part, attributes, references)),
            "not" => survey_element(value, attributes, references),
            field if field.starts_with('.') => survey_test(field, value, attributes, references),
            operator => {
                let test = Json::Object(vec![(operator.to_owned(), value.clone())]);
                survey_test("", &test, attributes, references);
            }
        }
    }
}

fn survey_test(path: &str, test: &Json, attributes: &mut Vec<Attribute>, references: &mut References) {
    let Some(at) = note(path, attributes) else { return };
    let Json::Object(operators) = test else {
        attributes[at].values.push(test.clone());
        return;
    };
    for (operator, operand) in operators {
        if survey_several(operator, operand, at, attributes) {
            continue;
        }
        if let Some(other) = operand.member("ref").and_then(Json::text) {
            let is_list = operator.ends_with("in");
            match other.starts_with('.') {
                true => drop(note(other, attributes)),
                false if is_list => references.lists.push(other.to_owned()),
                false => references.values.push(other.to_owned()),
            }
            continue;
        }
        let attribute = &mut attributes[at];
        let operands =
            if let Json::List(operands) = operand { operands.as_slice() } else { std::slice::from_ref(operand) };
        match operator.as_str() {
            "exists" | "type" | "only" | "anywhere" | "ignore_case" => {}
            "at" => operand
                .members()
                .iter()
                .for_each(|(_, asked)| survey_element(asked, &mut attribute.elements, references)),
            "begins" => {
                if let Some(element) = note("", &mut attribute.elements) {
                    attribute.elements[element].values.extend(operands.iter().flat_map(one_or_more));
                }
            }
            "sum" => {
                for (key, value) in operand.members() {
                    if let Some(other) = value.member("ref").and_then(Json::text) {
                        references.values.push(other.to_owned());
                    } else if let (Some(field), "of" | "times") = (value.text(), key.as_str()) {
                        note_numbers(field, &mut attribute.elements);
                    }
                }
                if operand.member("of").is_none() {
                    note_numbers("", &mut attribute.elements);
                }
            }
            "every" | "some" | "first" => survey_element(operand, &mut attribute.elements, references),
            "length" | "count" => survey_length(operand, &mut attribute.lengths, references),
            "has" => {
                attribute.values.push(operand.clone());
                if let Some(element) = note("", &mut attribute.elements) {
                    attribute.elements[element].values.push(operand.clone());
                }
            }
            "url" => {
                let hosts = operand.member("host").map_or_else(|| vec![Json::string("**")], one_or_more);
                attribute.wanted.extend(hosts.iter().filter_map(|host| Wanted::of("url", host)));
            }
            "command" => {
                let programs = operand.member("program").map(one_or_more).unwrap_or_default();
                attribute.wanted.extend(programs.iter().filter_map(|program| Wanted::of("command", program)));
            }
            "words" => {
                let word = operand.member("has").filter(|word| word.text().is_some());
                let word = word.cloned().unwrap_or_else(|| Json::string("log"));
                attribute.wanted.extend(Wanted::of("words", &word));
            }
            "shell" => attribute.wanted.extend(Wanted::of("shell", &Json::string(""))),
            "sql" => attribute.wanted.extend(operand.member("dialect").and_then(|name| Wanted::of("sql", name))),
            "glob" | "matches" | "within" | "email_domain" | "cidr" => {
                attribute.wanted.extend(operands.iter().filter_map(|operand| Wanted::of(operator, operand)));
            }
            _ => attribute.values.extend(operands.iter().cloned()),
        }
    }
}

/// The operators that read other attributes of their own kind: times, and paths. Whether it is one of them.
fn survey_several(operator: &str, operand: &Json, at: usize, attributes: &mut Vec<Attribute>) -> bool {
    let want = |at: usize, kind, text: &str, attributes: &mut Vec<Attribute>| {
        attributes[at].wanted.push(Wanted { kind, text: text.to_owned() });
    };
    let also = |path: &str, kind, text: &str, attributes: &mut Vec<Attribute>| {
        if let Some(other) = note(path, attributes) {
            want(other, kind, text, attributes);
        }
    };
    match operator {
        "before" | "after" => {
            want(at, "time", operand.text().unwrap_or(tricks::INSTANTS[7]), attributes);
            attributes[at].values.extend([
                Json::number("1795905000"),
                Json::number("1795905000.25"),
                Json::number("-1e3"),
            ]);
            if let Some(other) = operand.member("ref").and_then(Json::text) {
                also(other, "time", tricks::INSTANTS[7], attributes);
            }
        }
        "age" => {
            want(at, "time", tricks::INSTANTS[6], attributes);
            want(at, "time", tricks::INSTANTS[7], attributes);
            also("context.now", "time", tricks::INSTANTS[7], attributes);
        }
        "clock" => {
            INSTANTS_OF_CLOCKS.into_iter().for_each(|instant| want(at, "time", tricks::INSTANTS[instant], attributes));
        }
        "base" => {
            want(at, "relative", "", attributes);
            also("context.cwd", "within", "/srv", attributes);
        }
        "within" if !operand.members().is_empty() || operand.elements().iter().any(|one| one.text().is_none()) => {
            for one in one_or_more(operand) {
                want(at, "within", one.text().unwrap_or("/srv/acme"), attributes);
                let parts = one.member("join").map(|join| join.elements().to_vec()).unwrap_or_default();
                for (index, part) in parts.iter().chain([&one]).enumerate() {
                    let Some(other) = part.member("ref").and_then(Json::text) else { continue };
                    if index == 0 || index == parts.len() {
                        also(other, "within", "/srv", attributes);
                    } else if let Some(other) = note(other, attributes) {
                        attributes[other].values.extend(tricks::TENANTS.map(Json::string));
                    }
                }
            }
        }
        _ => return false,
    }
    true
}

/// Those that clocks change at.
const INSTANTS_OF_CLOCKS: [usize; 4] = [0, 1, 3, 7];

/// A field with numbers.
fn note_numbers(field: &str, elements: &mut Vec<Attribute>) {
    if let Some(at) = note(field, elements) {
        elements[at]
            .values
            .extend(["1", "0.5", "2", "1e37", "-3", "0", "99999999999999999999999999999999999999"].map(Json::number));
    }
}

fn survey_length(test: &Json, lengths: &mut Vec<Json>, references: &mut References) {
    match test {
        Json::Object(operators) => {
            for (_, operand) in operators {
                match operand.member("ref").and_then(Json::text) {
                    Some(other) => references.values.push(other.to_owned()),
                    None => lengths.extend(one_or_more(operand)),
                }
            }
        }
        length => lengths.push(length.clone()),
    }
}

fn one_or_more(json: &Json) -> Vec<Json> {
    match json {
        Json::List(elements) => elements.clone(),
        one => vec![one.clone()],
    }
}

impl Wanted {
    const KINDS: [&str; 12] = [
        "glob",
        "matches",
        "within",
        "email_domain",
        "cidr",
        "url",
        "command",
        "shell",
        "sql",
        "words",
        "time",
        "relative",
    ];

    fn of(operator: &str, operand: &Json) -> Option<Self> {
        let kind = Self::KINDS.into_iter().find(|kind| *kind == operator)?;
        operand.text().map(|text| Self { kind, text: text.to_owned() })
    }

    /// A string that is nearly what is asked for.
    fn string(&self, u: &mut Unstructured<'_>) -> Result<String> {
        match self.kind {
            "glob" => tricks::like_glob(u, &self.text),
            "within" => tricks::path(u, &self.text),
            "email_domain" => tricks::email(u, &self.text),
            "cidr" => tricks::address(u, &self.text),
            "url" => tricks::url(u, &self.text),
            "command" => tricks::command(u, &self.text),
            "words" => tricks::scope(u, &self.text),
            "shell" => Ok(super::shell::line(u)?.line),
            "sql" => {
                let dialect = Dialect::ALL.into_iter().find(|dialect| dialect.name() == self.text);
                Ok(super::sql::statement(u, dialect.unwrap_or(Dialect::Any)))
            }
            "time" => tricks::time(u, &self.text),
            "relative" => tricks::relative(u),
            _ => {
                let near = [
                    "a",
                    "aaa",
                    "abc",
                    "ABc",
                    "ab\n",
                    "12",
                    "1234",
                    "a\nb",
                    "a\rb",
                    "a\n",
                    "\nb\n",
                    "b",
                    "É",
                    "e\u{301}",
                    "/srv/a/b.txt",
                    "--x",
                    "",
                ];
                Ok((*u.choose(&near)?).to_owned())
            }
        }
    }
}

/// Where the attribute with a path is; an element of a list is "", its fields begin with a dot.
fn note(path: &str, attributes: &mut Vec<Attribute>) -> Option<usize> {
    let (root, keys) = split(path)?;
    let known = attributes.iter().position(|attribute| attribute.root == root && attribute.keys == keys);
    Some(known.unwrap_or_else(|| {
        let (values, lengths, wanted, elements) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        attributes.push(Attribute { root, keys, values, lengths, wanted, elements });
        attributes.len() - 1
    }))
}

/// The root and the keys of a path.
fn split(path: &str) -> Option<(String, Vec<String>)> {
    let path = path.replace(".[", "[");
    let end = path.find(['.', '[']).unwrap_or(path.len());
    let (root, mut rest) = path.split_at(end);
    let mut keys = Vec::new();
    while !rest.is_empty() {
        if let Some(quoted) = rest.strip_prefix('[') {
            let mut strings = serde_json::Deserializer::from_str(quoted).into_iter::<String>();
            keys.push(strings.next()?.ok()?);
            rest = quoted[strings.byte_offset()..].strip_prefix(']')?;
        } else {
            let name = rest.strip_prefix('.')?;
            let end = name.find(['.', '[']).unwrap_or(name.len());
            keys.push(name[..end].to_owned());
            rest = &name[end..];
        }
    }
    Some((root.to_owned(), keys))
}

/// Puts a value at a path. Does nothing where the path leads through something that is no object.
fn insert(place: &mut Json, keys: &[String], value: Json) {
    let (Json::Object(members), Some((key, below))) = (place, keys.split_first()) else { return };
    match members.iter().position(|(name, _)| name == key) {
        Some(at) => insert(&mut members[at].1, below, value),
        None if below.is_empty() => members.push((key.clone(), value)),
        None => {
            let mut object = Json::Object(Vec::new());
            insert(&mut object, below, value);
            members.push((key.clone(), object));
        }
    }
}

fn tool(u: &mut Unstructured<'_>, policy: &Json) -> Result<String> {
    let listed: Vec<&str> =
        policy.member("tools").map(Json::elements).unwrap_or_default().iter().filter_map(Json::text).collect();
    if policy.member("covers").is_some() && u.ratio(1, 2)? {
        return Ok((*u.choose(&REQUESTS)?).to_owned());
    }
    if !listed.is_empty() && u.ratio(7, 8)? {
        return Ok((*u.choose(&listed)?).to_owned());
    }
    if u.ratio(1, 8)? {
        let odd = ["", "read ", "unknown", "reaD", "db/../read", "re\u{301}ad", "*"];
        return Ok((*u.choose(&odd)?).to_owned());
    }
    let mut names = NAMES.to_vec();
    for rule in policy.member("rules").map(Json::elements).unwrap_or_default() {
        for effect in ["allow", "deny"] {
            match rule.member(effect) {
                Some(Json::String(pattern)) => names.extend([pattern.as_str(); 3]),
                Some(patterns) => names.extend(patterns.elements().iter().filter_map(Json::text)),
                None => {}
            }
        }
    }
    let filler = u.choose(&["", "a", "e", ".", "/é", "read"])?;
    Ok(u.choose(&names)?.replace('*', filler))
}

fn roles(u: &mut Unstructured<'_>, agent: &mut Json) -> Result<()> {
    if u.ratio(1, 6)? {
        return Ok(());
    }
    let mut list = Vec::new();
    for role in ROLES.into_iter().chain(["unknown", ""]) {
        if u.ratio(1, 5)? {
            list.push(Json::string(role));
        }
    }
    let one = Json::string(u.choose(&ROLES)?);
    let (role, roles) = match u.int_in_range(0..=15)? {
        0 => (Some(Json::Null), None),
        1 => (None, Some(Json::Null)),
        2 => (Some(Json::Null), Some(Json::List(list))),
        3 => (Some(one), Some(Json::Null)),
        4 => (None, Some(one)),
        5 => (Some(Json::List(list)), None),
        6 => {
            list.push(odd_value(u)?);
            (None, Some(Json::List(list)))
        }
        7 => (Some(odd_value(u)?), Some(Json::List(list))),
        8 if u.ratio(1, 20)? => (None, Some(Json::List(vec![one; 1024 + usize::from(u.arbitrary::<bool>()?)]))),
        8 | 9 => (Some(one), Some(Json::List(list))),
        10 | 11 => (Some(one), None),
        12 => (None, Some(Json::List(vec![one]))),
        _ => (None, Some(Json::List(list))),
    };
    for (key, value) in [("role", role), ("roles", roles)] {
        if let Some(value) = value {
            insert(agent, &[key.to_owned()], value);
        }
    }
    Ok(())
}

fn value(u: &mut Unstructured<'_>, attribute: &Attribute, shared: &[Json]) -> Result<Json> {
    if !attribute.elements.is_empty() && u.ratio(5, 6)? {
        return list(u, attribute, shared);
    }
    if !attribute.wanted.is_empty() && u.ratio(4, 5)? {
        return Ok(Json::String(u.choose(&attribute.wanted)?.string(u)?));
    }
    match u.int_in_range(0..=19)? {
        0..=10 if !attribute.lengths.is_empty() && (attribute.values.is_empty() || u.arbitrary()?) => {
            of_length(u, &attribute.lengths)
        }
        0..=7 if !attribute.values.is_empty() => Ok(u.choose(&attribute.values)?.clone()),
        8..=12 if !attribute.values.is_empty() => {
            let value = u.choose(&attribute.values)?;
            neighbour(u, value)
        }
        0..=15 => Ok(u.choose(shared)?.clone()),
        16 => any_scalar(u),
        17 => Ok(Json::Null),
        _ => odd_value(u),
    }
}

/// A list of what is asked of its elements.
fn list(u: &mut Unstructured<'_>, attribute: &Attribute, shared: &[Json]) -> Result<Json> {
    let mut elements = Vec::new();
    for _ in 0..u.int_in_range(0..=5)? {
        elements.push(element(u, &attribute.elements, shared)?);
    }
    // One element too many, sometimes. Large elements are left alone: lists in lists in lists would take all memory.
    if let Some(first) = elements.first()
        && first.size() <= MOST_REPEATED
        && u.ratio(1, 100)?
    {
        elements = vec![first.clone(); 1024 + usize::from(u.arbitrary::<bool>()?)];
    }
    Ok(Json::List(elements))
}

fn element(u: &mut Unstructured<'_>, asked: &[Attribute], shared: &[Json]) -> Result<Json> {
    if u.ratio(1, 20)? {
        return odd_value(u);
    }
    let itself = asked.iter().find(|attribute| attribute.keys.is_empty());
    let has_fields = asked.iter().any(|attribute| !attribute.keys.is_empty());
    if let Some(itself) = itself
        && (!has_fields || u.arbitrary()?)
    {
        return value(u, itself, shared);
    }
    let mut object = Json::Object(Vec::new());
    for attribute in asked.iter().filter(|attribute| !attribute.keys.is_empty()) {
        if u.ratio(11, 12)? {
            let value = value(u, attribute, shared)?;
            insert(&mut object, &attribute.keys, value);
        }
    }
    Ok(object)
}

/// A string or list whose length is one of these numbers, or one away from it.
fn of_length(u: &mut Unstructured<'_>, lengths: &[Json]) -> Result<Json> {
    let wanted = match u.choose(lengths)? {
        Json::Number(text) => text.parse::<f64>().unwrap_or(0.0).clamp(0.0, 8.0) as i32,
        _ => 0,
    };
    let count = usize::try_from(wanted + u.int_in_range(-1..=1)?).unwrap_or(0);
    if u.ratio(1, 3)? {
        return Ok(Json::List(vec![odd_value(u)?; count]));
    }
    Ok(Json::String(u.choose(&["a", "é", "😀", "\""])?.repeat(count)))
}

/// The same in another notation, or nearly the same.
fn neighbour(u: &mut Unstructured<'_>, value: &Json) -> Result<Json> {
    Ok(match value {
        Json::Bool(value) => match u.int_in_range(0..=2)? {
            0 => Json::Bool(!value),
            1 => Json::number(if *value { "1" } else { "0" }),
            _ => Json::String(value.to_string()),
        },
        Json::Number(text) => {
            let opposite = text.strip_prefix('-').map_or_else(|| format!("-{text}"), str::to_owned);
            let is_whole = text.bytes().all(|byte| byte.is_ascii_digit());
            match u.int_in_range(0..=9)? {
                0 => Json::Number(opposite),
                1 => Json::String(text.clone()),
                2 => Json::Number(text.replace('e', "E")),
                3 if is_whole => Json::Number(format!("{text}.000")),
                4 if is_whole => Json::Number(format!("{text}0e-1")),
                5 if is_whole => Json::Number(format!("{text}.0000000001")),
                6 | 7 if is_whole => {
                    let near = text.parse::<i128>().map_or(0, |number| number.saturating_add(1));
                    Json::Number(if u.arbitrary()? { near.saturating_sub(2) } else { near }.to_string())
                }
                _ => Json::number(u.choose(&NUMBERS)?),
            }
        }
        Json::String(text) => match u.int_in_range(0..=6)? {
            0 => Json::String(format!("{text}a")),
            1 => Json::String(format!("a{text}")),
            2 => Json::String(text.to_uppercase()),
            3 => Json::String(text.chars().skip(1).collect()),
            4 => Json::String(format!("x{text}x")),
            5 => Json::List(vec![Json::string(text)]),
            _ => Json::string(u.choose(&STRINGS)?),
        },
        other => other.clone(),
    })
}

fn any_scalar(u: &mut Unstructured<'_>) -> Result<Json> {
    Ok(match u.int_in_range(0..=4)? {
        0 => Json::Bool(u.arbitrary()?),
        1 | 2 => Json::number(u.choose(&NUMBERS)?),
        _ => Json::string(u.choose(&STRINGS)?),
    })
}

/// What tests do not expect: lists, objects, numbers out of range.
fn odd_value(u: &mut Unstructured<'_>) -> Result<Json> {
    let numbers =
        ["1e6145", "-1e99999999999999999999", "0.1e-6144", "100000000000000000000000000000000000001", "0e99999"];
    Ok(match u.int_in_range(0..=8)? {
        0 => Json::Null,
        1 => Json::List(Vec::new()),
        2 => Json::List(vec![any_scalar(u)?, Json::Null]),
        3 => Json::Object(Vec::new()),
        4 => Json::Object(vec![("x".to_owned(), any_scalar(u)?), ("length".to_owned(), Json::number("2"))]),
        5..=7 => Json::number(u.choose(&numbers)?),
        _ => Json::Bool(u.arbitrary()?),
    })
}

/// Makes it not what a call must be.
fn spoil_members(u: &mut Unstructured<'_>, call: &mut Vec<(String, Json)>) -> Result<()> {
    let wrong = [
        "01",
        "+1",
        ".5",
        "1.",
        "NaN",
        "-",
        "0x1",
        "1e",
        "tru",
        "'a'",
        "{a:1}",
        "[1,]",
        "\"\u{1}\"",
        "\"\\ud800\"",
        "\"\\udc00\\ud800\"",
        "\"\\x41\"",
        "\"\\u12\"",
        "/**/1",
        "\u{a0}1",
        "",
    ];
    match u.int_in_range(0..=7)? {
        0 => call.push(("extra".to_owned(), Json::Null)),
        1 => call.retain(|(key, _)| key != "tool"),
        2 => {
            if let Some(tool) = call.iter_mut().find(|(key, _)| key == "tool") {
                tool.1 = odd_value(u)?;
            }
        }
        3 => {
            let at = u.choose_index(call.len())?;
            let (key, value) = call[at].clone();
            let key = if u.ratio(1, 3)? { swap_case(&key) } else { key };
            call.push((key, value));
        }
        4 => {
            let at = u.choose_index(call.len())?;
            call[at].1 = any_scalar(u)?;
        }
        5 => {
            let mut part = Json::Object(Vec::new());
            insert(&mut part, &["wrong".to_owned()], Json::number(u.choose(&wrong)?));
            call.retain(|(key, _)| key != "context");
            call.push(("context".to_owned(), part));
        }
        _ => {
            let at = u.choose_index(call.len())?;
            confuse(u, &mut call[at].1)?;
        }
    }
    Ok(())
}

/// Puts a key beside one that is there: the same, or one that differs by case; or changes the case of one.
fn confuse(u: &mut Unstructured<'_>, value: &mut Json) -> Result<()> {
    let Json::Object(members) = value else { return Ok(()) };
    if members.is_empty() {
        return Ok(());
    }
    let at = u.choose_index(members.len())?;
    if matches!(members[at].1, Json::Object(_)) && u.arbitrary()? {
        return confuse(u, &mut members[at].1);
    }
    let key = members[at].0.clone();
    match u.int_in_range(0..=2)? {
        0 => members.push((key, any_scalar(u)?)),
        1 => members.push((swap_case(&key), any_scalar(u)?)),
        _ => members[at].0 = swap_case(&key),
    }
    Ok(())
}

fn swap_case(key: &str) -> String {
    key.chars().map(|c| if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() }).collect()
}

/// Makes it no JSON.
fn spoil_text(u: &mut Unstructured<'_>, call: Json) -> Result<String> {
    let mut text = call.to_string();
    match u.int_in_range(0..=4)? {
        0 => {
            let cut = u.choose_index(text.len())?;
            text.truncate((0..=cut).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0));
        }
        1 => text.push_str(u.choose(&["x", "{}", ",", "\0", "]", "//", "\u{feff}"])?),
        2 => text.insert(0, '\u{feff}'),
        3 => text = text.replacen(':', u.choose(&["", "=", "::", ":\u{b}"])?, 1),
        _ => text = text.replacen(',', u.choose(&["", ",,", ";", ", //\n"])?, 1),
    }
    Ok(text)
}

/// How a text is written.
struct Style {
    /// From none to much.
    space: u8,
    /// Whether characters are escaped that need not be.
    escapes: bool,
}

impl Style {
    fn write(&self, u: &mut Unstructured<'_>, text: &mut String, value: &Json) -> Result<()> {
        self.space(u, text)?;
        match value {
            Json::List(elements) => {
                text.push('[');
                for (index, element) in elements.iter().enumerate() {
                    text.push_str(if index == 0 { "" } else { "," });
                    self.write(u, text, element)?;
                }
                self.space(u, text)?;
                text.push(']');
            }
            Json::Object(members) => {
                text.push('{');
                for (index, (key, value)) in members.iter().enumerate() {
                    text.push_str(if index == 0 { "" } else { "," });
                    self.space(u, text)?;
                    self.string(u, text, key)?;
                    self.space(u, text)?;
                    text.push(':');
                    self.write(u, text, value)?;
                }
                self.space(u, text)?;
                text.push('}');
            }
            Json::String(string) => self.string(u, text, string)?,
            scalar => text.push_str(&scalar.to_string()),
        }
        self.space(u, text)
    }

    fn space(&self, u: &mut Unstructured<'_>, text: &mut String) -> Result<()> {
        match self.space {
            0 | 1 => {}
            2 => text.push(' '),
            _ => text.push_str(u.choose(&["", "", " ", "\n", "\t", "\r\n", "    "])?),
        }
        Ok(())
    }

    fn string(&self, u: &mut Unstructured<'_>, text: &mut String, string: &str) -> Result<()> {
        text.push('"');
        for c in string.chars() {
            let escaped = self.escapes && u.ratio(1, 3)?;
            match c {
                '"' if !escaped => text.push_str("\\\""),
                '\\' if !escaped => text.push_str("\\\\"),
                '\n' if !escaped => text.push_str("\\n"),
                '/' if escaped => text.push_str("\\/"),
                c if escaped || c < ' ' => {
                    let upper = escaped && u.arbitrary()?;
                    for unit in c.encode_utf16(&mut [0; 2]) {
                        // Writing to a string cannot fail.
                        let _ = if upper { write!(text, "\\u{unit:04X}") } else { write!(text, "\\u{unit:04x}") };
                    }
                }
                c => text.push(c),
            }
        }
        text.push('"');
        Ok(())
    }
}
