//! `perso verify`

use super::failure::Failure;
use super::{DONE, output};
use crate::module::{hex, sha256};
use crate::release::{Signed, Verifier};
use clap::Args;
use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;

/// Verify who has signed a module, and as which release
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  perso verify support.wasm --keys key.pub
  perso verify support.wasm --keys key.pub --message > message   # for ssh-keygen -Y verify
  perso verify support.wasm --keys key.pub --signature > signature

Exit codes: 0 one of the keys has signed it, 2 none has, 1 an error.")]
pub(crate) struct Verify {
    /// The module
    module: PathBuf,
    /// The public keys of those who may sign, one on each line
    #[arg(long, value_name = "FILE")]
    keys: PathBuf,
    /// Print the text that is signed
    #[arg(long, conflicts_with = "signature")]
    message: bool,
    /// Print the first signature, as `ssh-keygen` writes it
    #[arg(long)]
    signature: bool,
}

/// No accepted key has signed it.
const NOT_SIGNED: u8 = 2;

impl Verify {
    pub(crate) fn run(&self) -> Result<u8, Failure> {
        let module = fs::read(&self.module).map_err(|error| Failure::unreadable(&self.module, &error))?;
        let keys = Verifier::read(&self.keys).map_err(|error| Failure::because(error.to_string()))?;
        let wrong = |error| Failure::because(format!("`{}` cannot be verified: {error}", self.module.display()));
        let signed = Signed::read(&module).map_err(wrong)?;
        if self.message
            && let Some(release) = &signed.release
        {
            write!(io::stdout(), "{}", release.message(signed.module))?;
        }
        if self.signature
            && let Some(signature) = signed.signatures().first()
        {
            write!(io::stdout(), "{signature}")?;
        }
        match signed.verify(&keys) {
            Ok(_) if self.message || self.signature => Ok(DONE),
            Ok(release) => {
                let hash = hex(&sha256(signed.module));
                writeln!(io::stdout(), "signed: {} {}, sha256 {hash}", release.name, release.number)?;
                Ok(DONE)
            }
            Err(error) => {
                output::error(&format!("`{}`: {error}", self.module.display()));
                Ok(NOT_SIGNED)
            }
        }
    }
}
