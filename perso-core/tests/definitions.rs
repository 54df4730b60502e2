//! A policy means the same whether its conditions are written out or named: parts of random policies become definitions.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "generate/mod.rs"]
mod generate;

use arbitrary::{Result, Unstructured};
use arbtest::arbtest;
use generate::Json;
use perso_core::Policy;
use perso_core::module::sections;

#[test]
fn a_definition_means_what_it_says() {
    arbtest(|u| {
        let policy = generate::policy(u)?;
        let (named, names) = with_definitions(u, &policy)?;
        let [plain, defined] = [&policy, &named].map(|policy| Policy::compile(&policy.to_string()));
        let plain = plain.unwrap_or_else(|error| panic!("{policy}\n{error}"));
        let defined = defined.unwrap_or_else(|error| panic!("{names} definitions\n{named}\n{error}"));
        // All but the text, its hash and the module's own.
        let code = |policy: &Policy| {
            let module = policy.module();
            let sections = sections(module).unwrap();
            let mut code: Vec<Vec<u8>> = Vec::new();
            for section in sections.iter().filter(|section| !section.name.starts_with("perso")) {
                code.push(module[section.range.clone()].to_vec());
            }
            code
        };
        assert!(code(&plain) == code(&defined), "{policy}\n{named}");
        Ok(())
    })
    .size_min(1 << 12)
    .size_max(1 << 13)
    .budget_ms(2_000);
}

/// The same policy with some values of its conditions under `define`, and how many.
fn with_definitions(u: &mut Unstructured<'_>, policy: &Json) -> Result<(Json, usize)> {
    let Json::Object(mut members) = policy.clone() else { unreachable!("a policy is an object") };
    let mut definitions = Vec::new();
    for (_, rules) in members.iter_mut().filter(|(key, _)| key == "rules") {
        let Json::List(rules) = rules else { continue };
        for rule in rules {
            let Json::Object(rule) = rule else { continue };
            for (_, condition) in rule.iter_mut().filter(|(key, _)| key == "when" || key == "unless") {
                name_some(u, condition, &mut definitions)?;
            }
        }
    }
    let count = definitions.len();
    members.insert(u.int_in_range(0..=members.len())?, ("define".to_owned(), Json::Object(definitions)));
    Ok((Json::Object(members), count))
}

/// Gives a name to some of the values in a value: from the inside out, so that definitions use definitions.
fn name_some(u: &mut Unstructured<'_>, value: &mut Json, definitions: &mut Vec<(String, Json)>) -> Result<()> {
    match value {
        Json::List(elements) => {
            for element in elements {
                name_some(u, element, definitions)?;
            }
        }
        Json::Object(members) => {
            for (_, member) in members {
                name_some(u, member, definitions)?;
            }
        }
        _ => {}
    }
    if u.ratio(1, 4)? {
        let name = format!("d{}", definitions.len());
        let named = std::mem::replace(value, Json::Object(vec![("use".to_owned(), Json::string(&name))]));
        definitions.push((name, named));
    }
    Ok(())
}
