//! `perso sign`

use super::DONE;
use super::failure::Failure;
use super::output;
use crate::module::{hex, sha256};
use crate::release::{self, Release, Signed, Signer};
use clap::Args;
use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

/// Sign a module as a release of a policy
///
/// The signed file is still a module. Hosts that have the public key take no other policy.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ssh-keygen -t ed25519 -N '' -f key                      # once; give key.pub to the hosts
  perso sign support.wasm --key key --name support-desk
  perso sign support.wasm --key new-key --name support-desk --number 1796083200   # another key signs the same release

Exit codes: 0 the module is signed, 1 an error.")]
pub(crate) struct Sign {
    /// The module
    module: PathBuf,
    /// The Ed25519 key, made by `ssh-keygen -t ed25519 -N ''`
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// Which policy this is: hosts take no release of another name
    #[arg(long, value_name = "NAME")]
    name: String,
    /// The number of the release: hosts take no lower one than they have had [default: the seconds since 1970]
    #[arg(long, value_name = "NUMBER")]
    number: Option<u64>,
    /// Where to write the signed module [default: over MODULE]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl Sign {
    pub(crate) fn run(&self) -> Result<u8, Failure> {
        let module = fs::read(&self.module).map_err(|error| Failure::unreadable(&self.module, &error))?;
        let signer = Signer::read(&self.key).map_err(|error| Failure::because(error.to_string()))?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let release = Release { name: self.name.clone(), number: self.number.unwrap_or(now) };
        let signed = release::sign(&module, &release, &signer)
            .map_err(|error| Failure::because(format!("`{}` cannot be signed: {error}", self.module.display())))?;
        let path = self.output.as_ref().unwrap_or(&self.module);
        output::file(path, &signed).map_err(|error| Failure::unwritable(path, &error))?;
        let unsigned = Signed::read(&signed).map_or(signed.len(), |read| read.module.len());
        let hash = hex(&sha256(signed.get(..unsigned).unwrap_or_default()));
        writeln!(io::stdout(), "{}: {} {}, sha256 {hash}", path.display(), release.name, release.number)?;
        Ok(DONE)
    }
}
