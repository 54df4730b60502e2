//! Any text to the compiler: it finds an end and does not panic. What compiles is a valid module that loads, the same
//! each time, and what can be migrated compiles.

#![no_main]

#[path = "../../tests/support/mod.rs"]
mod support;

use libfuzzer_sys::fuzz_target;
use perso_core::{compile, migrate};

const CALLS: [&str; 4] = [
    r#"{}"#,
    r#"{"tool":"read","args":{"a":"x","b":[1,2.5,null],"path":"/srv/a/../b"},"agent":{"id":"x","roles":["agent"]}}"#,
    r#"{"tool":"process_refund","args":{"amount":500,"a":5},"agent":{"roles":["agent","manager"],"mfa_verified":true}}"#,
    r#"{"tool":"b","args":{"a":[{"p":"x"}],"url":"https://a.example/","to":"a@a.example"},"resource":{},"context":null}"#,
];

fuzz_target!(|text: &str| {
    match compile(text) {
        Ok(compiled) => {
            let both = support::compile(text);
            assert_eq!(both.policy.module(), compiled.module, "the same text becomes the same module");
            for call in CALLS {
                both.agreed(call.as_bytes());
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    if let Ok(Some(migrated)) = migrate(text) {
        support::compile(&migrated.text);
    }
});
