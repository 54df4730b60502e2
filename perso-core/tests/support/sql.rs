//! What the tests of SQL need.

use std::fs;
use std::path::Path;

use arbitrary::Unstructured;
use perso_core::policy::Dialect;
use perso_core::reference::{Number, Value as Read};
use serde_json::Value;

/// Random statements of a dialect: always the same, unless `PERSO_SEED` has another seed.
pub fn random(
    count: u32,
    dialect: Dialect,
    make: impl Fn(&mut Unstructured<'_>, Dialect) -> String,
) -> impl Iterator<Item = String> {
    // SplitMix64.
    let seed: u64 = std::env::var("PERSO_SEED").map_or(0, |seed| seed.parse().expect("PERSO_SEED is a number"));
    let mut state = seed << 2 | dialect as u64;
    let mut noise = move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)).to_le_bytes()
    };
    (0..count).map(move |_| {
        let noise: Vec<u8> = (0..100).flat_map(|_| noise()).collect();
        make(&mut Unstructured::new(&noise), dialect)
    })
}

/// The objects of a file with one in each line.
pub fn objects(path: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    let text = fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A text of an object.
pub fn member<'v>(object: &'v Value, key: &str) -> &'v str {
    object[key].as_str().unwrap_or_else(|| panic!("`{key}` of {object}"))
}

/// The dialect of a name.
pub fn named(name: &str) -> Dialect {
    Dialect::ALL.into_iter().find(|dialect| dialect.name() == name).unwrap()
}

/// A whole number.
pub fn number(number: u64) -> Read {
    Read::Number(Number::new(&number.to_string()))
}
