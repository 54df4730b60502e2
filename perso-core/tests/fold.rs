//! Case folding: the decoder's table holds against the tables of the `regex` crate, character by character.
//!
//! `BLESS=1 cargo test -p perso-core --test fold` writes the table anew.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fmt::Write;

use perso_decode::facet::fold::fold;
use regex_syntax::hir::{ClassUnicode, ClassUnicodeRange};

const TABLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/decode/src/facet/fold/table.rs");

/// The first of the characters that differ from this one at most by case, as the regular expression `(?i)` has it.
fn first(c: char) -> char {
    let mut class = ClassUnicode::new([ClassUnicodeRange::new(c, c)]);
    class.try_case_fold_simple().unwrap();
    class.ranges().first().unwrap().start()
}

/// Runs of characters at even distances, each of which is folded by the same difference.
fn runs() -> Vec<(u32, u32, u32, u32)> {
    let mut runs: Vec<(u32, u32, u32, u32)> = Vec::new();
    for c in ('\u{80}'..=char::MAX).filter(|c| first(*c) != *c) {
        let (at, delta) = (c as u32, (c as u32).wrapping_sub(first(c) as u32));
        match runs.last_mut() {
            Some((first, last, step, same)) if *same == delta && *first == *last && at - *last <= 2 => {
                (*last, *step) = (at, at - *last);
            }
            Some((_, last, step, same)) if *same == delta && at - *last == *step => *last = at,
            _ => runs.push((at, at, 1, delta)),
        }
    }
    runs
}

#[test]
fn the_table_is_what_unicode_says() {
    let runs = runs();
    let mut text = String::from(
        "//! Written by `perso-core/tests/fold.rs`.\n\n\
         /// The first and the last of a run of characters, how far they are apart, and how far each is from what it folds to.\n\
         #[rustfmt::skip]\n",
    );
    writeln!(text, "pub static RUNS: [[u32; 4]; {}] = [", runs.len()).unwrap();
    for (first, last, step, delta) in runs {
        writeln!(text, "    [{first:#x}, {last:#x}, {step}, {delta}],").unwrap();
    }
    text.push_str("];\n");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(TABLE, &text).unwrap();
    }
    assert!(std::fs::read_to_string(TABLE).unwrap() == text, "the table of case folding is stale: run with BLESS=1");
}

#[test]
fn every_character_folds_as_in_regular_expressions() {
    for c in '\0'..=char::MAX {
        let folded = fold(c);
        assert_eq!(folded, first(c), "{c:?}");
        assert!(folded.len_utf8() <= c.len_utf8(), "{c:?}");
        assert_eq!(fold(folded), folded, "{c:?}");
    }
}
