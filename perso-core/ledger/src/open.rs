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
/// | `file:PATH` | `File`: the processes of one machine; makes the file if there is none |
/// | `valkey://HOST`, `redis://HOST` | `Valkey`: many machines |
/// | `valkeys://HOST`, `rediss://HOST` | the same over TLS |
///
/// A server's address can have `USER:PASSWORD@` before the host, and a port and the number of a database after it. `?cluster` after
/// it means a cluster that this is a node of; `?cluster=HOST:PORT,HOST:PORT` names more nodes, in case that this one is down.
///
/// A server is connected to by the first operation, so that a host can start before it.
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
        Some(("file", "")) => Err(OpenError::Address("the path is missing: write `file:PATH`")),
        Some(("file", path)) => file(path, options),
        Some(("valkey" | "valkeys" | "redis" | "rediss", _)) => valkey(address, options),
        _ => Err(OpenError::Address("write `memory:`, `file:PATH`, `valkey://HOST` or `rediss://HOST`")),
    }
}

#[cfg(feature = "file")]
fn file(path: &str, options: &Options) -> Result<Arc<dyn Ledger>, OpenError> {
    Ok(Arc::new(crate::File::open(path, options)?))
}

#[cfg(not(feature = "file"))]
fn file(_: &str, _: &Options) -> Result<Arc<dyn Ledger>, OpenError> {
    Err(OpenError::NoStore("a file"))
}

#[cfg(feature = "valkey")]
fn valkey(address: &str, options: &Options) -> Result<Arc<dyn Ledger>, OpenError> {
    Ok(Arc::new(crate::Valkey::new(address, options)?))
}

#[cfg(not(feature = "valkey"))]
fn valkey(_: &str, _: &Options) -> Result<Arc<dyn Ledger>, OpenError> {
    Err(OpenError::NoStore("Valkey"))
}
