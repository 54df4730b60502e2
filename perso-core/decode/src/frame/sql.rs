//! What is read off a statement of SQL.

use super::{Frame, Place, DAMAGED, NO_RECORD};
use crate::error::Error;
use crate::facet::sql::{self, Kind, Name, Sql};
use crate::layout::{facet, kind};
use crate::number::Number;
use crate::table::number;

impl Frame<'_, '_> {
    #[cfg_attr(all(target_arch = "wasm32", not(plain_prelude)), no_mangle, inline(never))]
    pub(super) fn sql(&mut self, at: Place, dialect: u32, value: &[u8]) -> Result<(), Error> {
        self.take_back(sql::memory(value.len()), NO_RECORD)?;
        let Some(read) = sql::read(value, dialect, core::mem::take(&mut self.taken)) else { return self.none(at) };
        self.scope.set_kind(at, kind::OBJECT)?;
        for [field, at] in self.table.facets(self.scope.info(at)?)? {
            let at = Place(number(*at));
            match (number(*field), read.limit()) {
                (facet::SQL_STATEMENT, _) => self.name(at, read.statement()),
                (facet::SQL_TABLES, _) => self.names(at, &read, Kind::Table),
                (facet::SQL_FUNCTIONS, _) => self.names(at, &read, Kind::Function),
                (facet::SQL_COLUMNS, _) => self.names(at, &read, Kind::Column),
                (facet::SQL_LIMIT, Some(limit)) => self.number(at, Some(Number::from(limit))),
                // It stays missing.
                (facet::SQL_LIMIT, None) => Ok(()),
                _ => Err(DAMAGED),
            }?;
        }
        Ok(())
    }

    #[cfg_attr(target_arch = "wasm32", inline(never))]
    fn names(&mut self, at: Place, read: &Sql<'_>, of: Kind) -> Result<(), Error> {
        let count = read.names(of).count() as u64;
        self.list(at, count)?;
        let Some(mut elements) = self.elements(at, count)? else { return Ok(()) };
        for name in read.names(of) {
            self.element(&mut elements)?;
            self.name(Place::ELEMENT, name)?;
        }
        self.end(elements);
        Ok(())
    }

    #[cfg_attr(target_arch = "wasm32", inline(never))]
    fn name(&mut self, at: Place, name: Name<'_>) -> Result<(), Error> {
        self.canonical(at, name.len(), |to| name.bytes().try_for_each(|byte| to.byte(byte)))
    }
}
