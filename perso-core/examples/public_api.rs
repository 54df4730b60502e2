//! Prints the public API that a crate's rustdoc JSON describes, one item a line: `public_api target/doc/perso_core.json`.
//! `scripts/public-api.sh` compares it with what was recorded.

#![expect(clippy::print_stdout, reason = "it prints what it is asked for")]

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("usage: public_api RUSTDOC_JSON")?;
    let api = public_api::Builder::from_rustdoc_json(path)
        .omit_blanket_impls(true)
        .omit_auto_trait_impls(true)
        .omit_auto_derived_impls(true)
        .build()?;
    print!("{api}");
    Ok(())
}
