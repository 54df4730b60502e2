//! Every string of a part of the call, at any depth, for tests that one of them passes.

use super::{Frame, Place};
use crate::error::{Code, Error};
use crate::json;
use crate::layout::facet;
use crate::table::{number, Intact};
use crate::text::byte;

impl Frame<'_, '_> {
    /// Whether every string of some part of the call is looked at.
    pub(crate) fn has_strings(&self) -> bool {
        self.scope.view.has_strings()
    }

    /// Where each string at any depth of a part belongs, keys too, in any order; `None` if the policy does not look at
    /// them. Where the strings cannot all be read, the place is to be [withheld](Self::withheld).
    ///
    /// # Errors
    ///
    /// [`Code::Table`].
    #[inline]
    pub fn strings_of(&self, part: Place) -> Result<Option<Place>, Error> {
        let info = self.scope.info(part)?;
        if info.facet_count() == 0 {
            return Ok(None);
        }
        let mut facets = self.table.facets(info)?.iter();
        Ok(facets.find(|[kind, _]| number(*kind) == facet::STRINGS).map(|[_, at]| Place(number(*at))))
    }

    /// Tells `place` of each string in the JSON text of a part, which is an object or null and is known to be JSON.
    pub(crate) fn strings(&mut self, place: Place, text: &[u8]) -> Result<(), Error> {
        let (mut at, mut depth) = (json::next(text, 0), 0_u32);
        loop {
            match byte(text, at) {
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth = depth.saturating_sub(1),
                b'"' => {
                    let start = at + 1;
                    at = start;
                    while byte(text, at) != b'"' {
                        if at >= text.len() {
                            return Err(Code::End.at(at));
                        }
                        // Whatever is escaped is no end.
                        at += if byte(text, at) == b'\\' { 2 } else { 1 };
                    }
                    let raw = text.get(start..at).intact()?;
                    if raw.contains(&b'\\') {
                        self.take_back(raw.len(), super::NO_RECORD)?;
                        let string = json::unescape(raw, core::mem::take(&mut self.taken)).intact()?;
                        self.text(place, string)?;
                    } else {
                        self.text(place, raw)?;
                    }
                }
                _ => {}
            }
            at += 1;
            // The part ends where all that it has opened is closed; a null opens nothing.
            if depth == 0 || at >= text.len() {
                return Ok(());
            }
        }
    }
}
