//! Lists of the tools of servers.

use super::failure::Failure;
use super::input;
use crate::catalog::{Catalog, CatalogError};
use std::path::Path;

/// The tools of several lists, each of which may be named with its server.
pub(crate) fn catalog(lists: &[String]) -> Result<Catalog, Failure> {
    let mut catalog = Catalog::default();
    lists.iter().try_for_each(|list| add(&mut catalog, list))?;
    Ok(catalog)
}

/// The server that a list is named with, and its file.
pub(crate) fn server_of(list: &str) -> (Option<&str>, &str) {
    match list.split_once('=') {
        Some((server, file)) if !server.is_empty() && !server.contains(['/', '.']) && !Path::new(list).exists() => {
            (Some(server), file)
        }
        _ => (None, list),
    }
}

fn add(catalog: &mut Catalog, list: &str) -> Result<(), Failure> {
    let (server, path) = server_of(list);
    let path = Path::new(path);
    let text = input::text(path, Catalog::MAX_BYTES)?;
    catalog.add(&text, server).map_err(|error| match error {
        CatalogError::Duplicate { .. } => Failure::file(
            path,
            format_args!("{error}; if it is of another server, name the server: `--tools SERVER=FILE`"),
        ),
        _ => Failure::file(path, error),
    })
}
