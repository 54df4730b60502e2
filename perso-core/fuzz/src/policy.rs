//! Any text to the compiler: it finds an end and does not panic. What compiles is a valid module that loads, the same
//! each time, and what can be migrated compiles. A text may extend others: whatever path it names, it finds one of a few
//! documents, or none.

use crate::support;
use perso_core::module::{self, Manifest};
use perso_core::{Policy, ResolveError, compile, compile_with, migrate};

const CALLS: [&str; 4] = [
    r#"{}"#,
    r#"{"tool":"read","args":{"a":"x","b":[1,2.5,null],"path":"/srv/a/../b"},"agent":{"id":"x","roles":["agent"]}}"#,
    r#"{"tool":"process_refund","args":{"amount":500,"a":5},"agent":{"roles":["agent","manager"],"mfa_verified":true}}"#,
    r#"{"tool":"b","args":{"a":[{"p":"x"}],"url":"https://a.example/","to":"a@a.example"},"resource":{},"context":null}"#,
];

/// What an extended document is, by the length of its path; there is none for other lengths.
const DOCUMENTS: [&str; 6] = [
    r#"{"perso":1,"rules":[{"id":"org","deny":"read","unless":{"agent.roles":{"has":"admin"}}}]}"#,
    r#"{"perso":1,"roles":{"agent":[],"admin":["agent"]},"tools":["read","b"],"rules":[]}"#,
    r#"{"perso":1,"define":{"a":{"args.a":{"use":"b"}},"b":5},"default":"allow","rules":[]}"#,
    r#"{"perso":1,"extends":["x","../a/b"],"rules":[{"id":"r","ask":"*","when":{"args.a":5},"examples":{"asks":[]}}]}"#,
    r#"{"perso":1,"extends":"b/../c/long-name.json","rules":[{"id":"r2","allow":["b","read"]}]}"#,
    r#"{"perso":1,"rulez":[}"#,
];

/// A policy of several documents is found again in its module, and does not change when it is compiled from there.
fn joined(text: &str) {
    let resolver = |path: &str| match DOCUMENTS.get(path.len() % 8) {
        Some(document) => Ok((*document).to_owned()),
        None => Err(ResolveError::new("none")),
    };
    match compile_with(text, &resolver) {
        Ok(compiled) => {
            let manifest = Manifest::read(&compiled.module).expect("a module has a manifest");
            let policy = module::policy(&compiled.module).expect("a module has its policy");
            let (main, others) = manifest.split(&policy).expect("the policy is that of the manifest");
            assert_eq!(main, text);
            let again = compile_with(main, &others).expect("what was compiled compiles again");
            assert_eq!(again.module, compiled.module, "the same documents become the same module");
            Policy::from_module(compiled.module).expect("a fresh module loads");
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

pub fn run(text: &str) {
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
    joined(text);
    if let Ok(Some(migrated)) = migrate(text) {
        support::compile(&migrated.text);
    }
}
