//! A ledger by its address.

use std::sync::Arc;

use crate::error::OpenError;
use crate::ledger::Ledger;
use crate::memory::Memory;
use crate::options::Options;

/// Opens a ledger.
///
/// | address | store |
/// | --- | --- |
/// | `memory:` | [`Memory`]: one process, until it ends |
///
/// ```
/// # fn main() -> Result<(), perso_ledger::OpenError> {
/// let ledger = perso_ledger::open("memory:")?;
/// # drop(ledger);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// If the address is none of these, the file is not a ledger or cannot be used, or this build does not have the store.
pub fn open(address: &str) -> Result<Arc<dyn Ledger>, OpenError> {
    open_with(address, &Options::default())
}

/// Opens a ledger with options.
///
/// # Errors
///
/// As [`open`].
pub fn open_with(address: &str, options: &Options) -> Result<Arc<dyn Ledger>, OpenError> {
    match address.split_once(':') {
        Some(("memory", "")) => Ok(Arc::new(Memory::new(options))),
        Some(("memory", _)) => Err(OpenError::Address("a ledger in memory has no name: write `memory:`")),
        _ => Err(OpenError::Address("write `memory:`")),
    }
}
