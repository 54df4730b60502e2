//! The commands of a shell line, as a list: an element for each command, with facets of its own.

use super::{Frame, Place, Value, NO_RECORD};
use crate::error::Error;
use crate::facet::shell::{self, flag, Line, Records};
use crate::layout::{facet, kind};
use crate::table::number;

const _: () = assert!(flag::WRITES == flag::ENV << (facet::COMMAND_WRITES - facet::COMMAND_ENV));
const _: () = assert!(flag::READS == flag::ENV << (facet::COMMAND_READS - facet::COMMAND_ENV));

/// The commands of a line, in place of a kind of records.
const COMMANDS: u32 = 0;

impl Frame<'_, '_> {
    #[cfg_attr(all(target_arch = "wasm32", not(plain_prelude)), no_mangle, inline(never))]
    pub(super) fn shell(&mut self, at: Place, value: &[u8]) -> Result<(), Error> {
        self.take_back(shell::memory(value.len()), NO_RECORD)?;
        let mut line = Line::new(value, core::mem::take(&mut self.taken));
        let Some(line) = line.as_mut().and_then(Line::read) else { return self.none(at) };
        self.items(line, at, COMMANDS, line.next_command(0))
    }

    /// Writes a list: commands, or of one of them the records of a kind, of which the first is given. From one on that may
    /// become several, nothing of a list is known, nor how many there are.
    fn items(&mut self, line: &Records<'_>, at: Place, which: u32, first: u32) -> Result<(), Error> {
        let next = |item: u32| if which == COMMANDS { line.next_command(item) } else { line.following(item, which) };
        let flags = |item: u32| if which == COMMANDS { 0 } else { line.flags(item) };
        let (mut item, mut count, mut all) = (first, 0, 0);
        while item != 0 {
            count += 1;
            all |= flags(item);
            item = next(item);
        }
        self.list(at, count)?;
        if all & flag::SEVERAL != 0 {
            self.facets(at, self.scope.info(at)?, Value::Other(kind::WITHHELD))?;
        }
        let Some(mut elements) = self.elements(at, count)? else { return Ok(()) };
        all = 0;
        item = first;
        while item != 0 {
            self.element(&mut elements)?;
            all = all & flag::SEVERAL | flags(item);
            if which == COMMANDS {
                self.scope.set_kind(Place::ELEMENT, kind::OBJECT)?;
                for [field, at] in self.table.facets(self.scope.info(Place::ELEMENT)?)? {
                    self.field(line, item, number(*field), Place(number(*at)))?;
                }
            } else if all & (flag::UNKNOWN | flag::SEVERAL) == 0 {
                self.text(Place::ELEMENT, line.text(item))?;
            } else {
                self.unknown(Place::ELEMENT, false)?;
            }
            item = next(item);
        }
        self.end(elements);
        Ok(())
    }

    /// Writes something of a command: its program, or a list of texts.
    fn field(&mut self, line: &Records<'_>, command: u32, field: u32, at: Place) -> Result<(), Error> {
        let program = line.program(command);
        let (which, first) = match field {
            facet::COMMAND_PROGRAM => return self.text(at, line.text(program)),
            facet::COMMAND_WORDS => (flag::WORD, program),
            facet::COMMAND_ARGS => (flag::WORD, line.next(program, flag::WORD)),
            _ => {
                // The other lists are in one order as facets and as flags.
                let which = flag::ENV.wrapping_shl(field.wrapping_sub(facet::COMMAND_ENV));
                (which, line.first(command, which))
            }
        };
        self.items(line, at, which, first)
    }
}
