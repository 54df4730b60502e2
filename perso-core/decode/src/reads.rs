//! What a policy reads of a call, for hosts that take a call's values before they write its frame: those whose values
//! have a mind of their own, and must be asked but once, and for nothing that the policy does not read.

use crate::error::Error;
use crate::frame::Place;
use crate::table::{Table, View, NOTHING, VARIANT};
use crate::Code;

/// What a policy reads of a value and below it.
#[derive(Debug, Clone, Copy)]
pub struct Reads<'t> {
    table: Table<'t>,
    view: View<'t>,
    place: Place,
}

impl<'t> Reads<'t> {
    /// What is read of a call to `tool`; `None` if the policy does not know the tool.
    ///
    /// # Errors
    ///
    /// [`Code::ToolSize`], [`Code::Table`].
    pub fn of(table: Table<'t>, tool: &str) -> Result<Option<Self>, Error> {
        if tool.len() > crate::limits::TOOL_BYTES {
            return Err(Code::ToolSize.anywhere());
        }
        Ok(table.view(tool.as_bytes())?.map(|view| Self { table, view, place: Place::TOOL }))
    }

    /// What is read of a part of the call.
    #[must_use]
    pub const fn part(self, part: Place) -> Self {
        Self { place: part, ..self }
    }

    /// Where in the frame the value belongs.
    #[must_use]
    pub const fn place(self) -> Place {
        self.place
    }

    /// Whether anything below an object is read.
    ///
    /// # Errors
    ///
    /// [`Code::Table`].
    pub fn below(self) -> Result<bool, Error> {
        Ok(self.view.place(self.place.number())?.keys() != 0)
    }

    /// What is read of the value that an object has for a key; `None` if nothing is.
    ///
    /// # Errors
    ///
    /// [`Code::Variant`] where the key differs only by case from one that the policy reads, [`Code::Table`].
    pub fn key(self, key: &str) -> Result<Option<Self>, Error> {
        let info = self.view.place(self.place.number())?;
        match self.table.key(info.keys(), key.as_bytes())? {
            NOTHING => Ok(info.rest().map(|rest| Self { place: Place::part(rest as usize), ..self })),
            VARIANT => Err(Code::Variant.anywhere()),
            place => Ok(Some(Self { place: Place::part(place as usize), ..self })),
        }
    }

    /// Whether every string at any depth of the value is looked at, keys too.
    ///
    /// # Errors
    ///
    /// [`Code::Table`].
    pub fn strings(self) -> Result<bool, Error> {
        let info = self.view.place(self.place.number())?;
        let mut facets = self.table.facets(info)?.iter();
        Ok(facets.any(|[kind, _]| crate::table::number(*kind) == crate::layout::facet::STRINGS))
    }

    /// Whether several keys of this object can belong to one place: those that the policy reads only to know that they
    /// are there.
    ///
    /// # Errors
    ///
    /// [`Code::Table`].
    pub fn is_rest(self, child: Self) -> Result<bool, Error> {
        Ok(self.view.place(self.place.number())?.rest() == Some(child.place.number()))
    }

    /// What is read of a list's elements; `None` if the policy does not look into it.
    ///
    /// # Errors
    ///
    /// [`Code::Table`].
    pub fn elements(self) -> Result<Option<Self>, Error> {
        match self.view.place(self.place.number())?.element() {
            0 => Ok(None),
            view => Ok(Some(Self { view: self.table.view_at(view)?, place: Place::ELEMENT, ..self })),
        }
    }

    /// Whether a list's elements are the caller's roles.
    ///
    /// # Errors
    ///
    /// [`Code::Table`].
    pub fn roles(self) -> Result<bool, Error> {
        Ok(self.view.place(self.place.number())?.flags() & crate::layout::flag::ROLES != 0)
    }
}
