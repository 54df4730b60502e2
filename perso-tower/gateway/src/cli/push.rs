//! `perso-gateway push`: puts a module into an OCI registry.

use super::{Failure, block_on};
use crate::source::{Place, Registry};
use clap::Args;
use perso_core::release::Signed;
use std::path::PathBuf;

/// Put a module into an OCI registry, from where `--policy oci://…` has it
///
/// User and password come from PERSO_REGISTRY_USER and PERSO_REGISTRY_PASSWORD.
#[derive(Debug, Args)]
pub(super) struct Push {
    /// The module, signed or not
    module: PathBuf,
    /// Where to put it, such as oci://registry.example.com/policies/support:latest
    #[arg(value_name = "URL")]
    place: Place,
}

impl Push {
    pub(super) fn run(&self) -> Result<(), Failure> {
        let Place::Oci(reference) = &self.place else {
            return Err(format!("{}: give a URL with oci://", self.place).into());
        };
        let named = |why: String| format!("{}: {why}", self.module.display());
        let module = std::fs::read(&self.module).map_err(|error| named(error.to_string()))?;
        Signed::read(&module).map_err(|error| named(error.to_string()))?;
        let manifest = block_on(async { Registry::new(reference)?.push(module).await })??;
        anstream::println!("{manifest}");
        Ok(())
    }
}
