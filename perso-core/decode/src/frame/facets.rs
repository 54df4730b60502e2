//! What can be read off a value, and is a value of its own: the length of a string, the host of a URL.

use super::{Frame, Place, DAMAGED, NO_RECORD};
use crate::error::Error;
use crate::facet::address::Address;
use crate::facet::clock::Clock;
use crate::facet::command::Command;
use crate::facet::url::Url;
use crate::facet::{email, fold, instant, path, scope, Writer};
use crate::layout::{facet, kind};
use crate::limits::LIST_LENGTH;
use crate::number::Number;
use crate::table::{number, PlaceInfo, Word};
use crate::text;

/// What facets are read off.
#[derive(Clone, Copy)]
pub(super) enum Value<'v> {
    String(&'v [u8]),
    /// A list of so many elements.
    List(u64),
    /// A number; `None` if it is out of range.
    #[cfg(not(plain_prelude))]
    Number(Option<Number>),
    /// Something that has none; they are all in this state.
    Other(u32),
}

impl<'f> Frame<'_, 'f> {
    /// Reads the facets of a value.
    #[cfg_attr(target_arch = "wasm32", no_mangle)]
    pub(super) fn facets(&mut self, place: Place, info: PlaceInfo<'_>, value: Value<'_>) -> Result<(), Error> {
        let mut url = None;
        let mut command = None;
        for [kind, at] in self.table.facets(info)? {
            let at = self.enter(place, *at)?;
            let kind = number(*kind);
            match (value, kind) {
                (Value::Other(state), _) => self.state(at, state, state),
                #[cfg(not(plain_prelude))]
                (value, kind) if kind >= facet::INSTANT => self.later_facet(at, kind, value),
                (Value::List(count), facet::COUNT) => self.count(at, count),
                (Value::List(_), _) | (_, facet::COUNT) => self.none(at),
                #[cfg(not(plain_prelude))]
                (Value::Number(_), _) => self.none(at),
                (Value::String(value), kind) => match kind {
                    facet::LENGTH => self.length(at, text::code_points(value)),
                    facet::DOMAIN => self.domain(at, value),
                    _ if cfg!(lean_prelude) => Err(DAMAGED),
                    facet::SCHEME..=facet::PRIVATE | facet::QUERY => self.url(at, kind, &mut url, value),
                    facet::PATH => self.path(at, value),
                    facet::WINDOWS_PATH => self.windows_path(at, value),
                    facet::ADDRESS => self.address(at, value),
                    facet::WORDS => self.words(at, &mut command, value),
                    facet::SCOPE => self.scope(at, value),
                    facet::PROGRAM => self.program(at, &mut command, value),
                    _ => Err(DAMAGED),
                },
            }?;
            self.depth -= 1;
        }
        Ok(())
    }

    /// The facets that the language has got last, in a function of their own: most policies read none of them.
    #[cfg(not(plain_prelude))]
    #[cfg_attr(target_arch = "wasm32", no_mangle, inline(never))]
    fn later_facet(&mut self, at: Place, kind: u32, value: Value<'_>) -> Result<(), Error> {
        // The zone, or the dialect.
        let (kind, zone) = (kind & ((1 << facet::BITS) - 1), kind >> facet::BITS);
        match (value, kind) {
            // `anywhere` reads the strings of a value where each of them is met, not here.
            (_, facet::STRINGS) => Ok(()),
            (Value::Number(None), facet::INSTANT..=facet::DATE) => self.number(at, None),
            (Value::Number(Some(value)), facet::INSTANT..=facet::DATE) => self.instant(at, kind, zone, Ok(value)),
            (Value::String(value), facet::INSTANT..=facet::DATE) => self.instant(at, kind, zone, Err(value)),
            (Value::String(value), facet::FOLDED) => self.folded(at, value),
            (Value::String(value), facet::SEGMENT) => self.segment(at, value),
            (Value::String(value), facet::ANY_PATH) => self.any_path(at, value),
            (Value::String(value), facet::SHELL) => self.shell(at, value),
            (Value::String(value), facet::SQL) => self.sql(at, zone, value),
            _ => self.none(at),
        }
    }

    /// There is no such facet.
    pub(super) fn none(&mut self, at: Place) -> Result<(), Error> {
        self.state(at, kind::OBJECT, kind::OBJECT)
    }

    fn plain_facet(&mut self, at: Place, value: Option<&str>) -> Result<(), Error> {
        match value {
            Some(value) => self.text(at, value.as_bytes()),
            None => self.none(at),
        }
    }

    /// A facet that is written in its canonical form, of so many bytes at most.
    #[cfg_attr(not(target_arch = "wasm32"), inline)]
    pub(super) fn canonical(
        &mut self,
        at: Place,
        most: usize,
        write: impl FnOnce(&mut Writer<'_>) -> Option<()>,
    ) -> Result<(), Error> {
        self.take_back(most, NO_RECORD)?;
        let mut writer = Writer::new(core::mem::take(&mut self.taken));
        match write(&mut writer).and_then(|()| writer.finish()) {
            Some(text) => self.text(at, text),
            None => self.none(at),
        }
    }

    #[cfg_attr(all(target_arch = "wasm32", not(lean_prelude)), no_mangle)]
    fn url<'u>(
        &mut self,
        at: Place,
        kind: u32,
        known: &mut Option<Option<Url<'u>>>,
        value: &'u [u8],
    ) -> Result<(), Error> {
        let url = *known.get_or_insert_with(|| core::str::from_utf8(value).ok().and_then(Url::read));
        let Some(url) = url else { return self.none(at) };
        match kind {
            facet::SCHEME => self.canonical(at, 8, |to| url.write_scheme(to)),
            facet::HOST => self.canonical(at, 256, |to| url.write_host(to)),
            facet::PORT => self.number(at, Some(Number::from(u64::from(url.port())))),
            facet::URL_PATH => self.plain_facet(at, url.path()),
            facet::QUERY => self.boolean(at, url.has_query()),
            _ => self.boolean(at, url.is_private()),
        }
    }

    #[cfg_attr(target_arch = "wasm32", no_mangle)]
    fn domain(&mut self, at: Place, value: &[u8]) -> Result<(), Error> {
        let Some(domain) = email::domain(value) else { return self.none(at) };
        self.canonical(at, domain.len(), |to| to.lower(domain))
    }

    #[cfg_attr(all(target_arch = "wasm32", not(lean_prelude)), no_mangle)]
    fn path(&mut self, at: Place, value: &[u8]) -> Result<(), Error> {
        self.plain_facet(at, core::str::from_utf8(value).ok().and_then(path::posix))
    }

    #[cfg_attr(all(target_arch = "wasm32", not(plain_prelude)), no_mangle, inline(never))]
    fn segment(&mut self, at: Place, value: &[u8]) -> Result<(), Error> {
        let below = self.below_root(value, |text, to| {
            to.byte(b'/')?;
            text.bytes().try_for_each(|byte| to.byte(byte))
        })?;
        match below {
            Some(path) if !path.is_empty() && path == value && !path.contains(&b'/') => self.text(at, path),
            _ => self.none(at),
        }
    }

    #[cfg_attr(all(target_arch = "wasm32", not(plain_prelude)), no_mangle, inline(never))]
    fn any_path(&mut self, at: Place, value: &[u8]) -> Result<(), Error> {
        if value.first() == Some(&b'/') {
            return self.path(at, value);
        }
        match self.below_root(value, path::write_below_root)? {
            Some(path) => self.text(at, path),
            None => self.none(at),
        }
    }

    /// What is written below the root, if that is a path, without the slash that it begins with.
    fn below_root(
        &mut self,
        value: &[u8],
        write: impl FnOnce(&str, &mut Writer<'_>) -> Option<()>,
    ) -> Result<Option<&'f [u8]>, Error> {
        let Ok(text) = core::str::from_utf8(value) else { return Ok(None) };
        self.take_back(value.len() + 1, NO_RECORD)?;
        let mut writer = Writer::new(core::mem::take(&mut self.taken));
        let written = write(text, &mut writer).and_then(|()| writer.finish());
        let path = written.and_then(|path| path::posix(core::str::from_utf8(path).ok()?));
        Ok(path.and_then(|path| path.as_bytes().get(1..)))
    }

    #[cfg_attr(all(target_arch = "wasm32", not(plain_prelude)), no_mangle, inline(never))]
    fn folded(&mut self, at: Place, value: &[u8]) -> Result<(), Error> {
        self.canonical(at, value.len(), |to| fold::write(value, to))
    }

    /// An instant, or what a clock shows at it: of a number, or of a text.
    #[cfg_attr(all(target_arch = "wasm32", not(plain_prelude)), no_mangle, inline(never))]
    fn instant(&mut self, at: Place, kind: u32, zone: u32, value: Result<Number, &[u8]>) -> Result<(), Error> {
        let instant = match value {
            Ok(number) => Some(number),
            Err(text) => instant::read(text),
        };
        match instant {
            Some(instant) if kind == facet::INSTANT => self.number(at, Some(instant)),
            Some(instant) => self.clock(at, kind, zone, instant),
            None => self.none(at),
        }
    }

    #[cfg_attr(all(target_arch = "wasm32", not(plain_prelude)), no_mangle, inline(never))]
    fn clock(&mut self, at: Place, kind: u32, zone: u32, instant: Number) -> Result<(), Error> {
        let Some(clock) = Clock::read(self.table, zone, instant) else { return self.none(at) };
        let value = match kind {
            facet::WEEKDAY => clock.weekday,
            facet::TIME => clock.time,
            _ => clock.date,
        };
        self.number(at, Number::scaled(value.into(), 0))
    }

    #[cfg_attr(all(target_arch = "wasm32", not(lean_prelude)), no_mangle)]
    fn windows_path(&mut self, at: Place, value: &[u8]) -> Result<(), Error> {
        let Ok(value) = core::str::from_utf8(value) else { return self.none(at) };
        self.canonical(at, value.len().min(path::MOST), |to| path::write_windows(value, to))
    }

    #[cfg_attr(all(target_arch = "wasm32", not(lean_prelude)), no_mangle)]
    fn address(&mut self, at: Place, value: &[u8]) -> Result<(), Error> {
        let Some(address) = core::str::from_utf8(value).ok().and_then(Address::read) else { return self.none(at) };
        self.canonical(at, 130, |to| address.write(to))
    }

    #[cfg_attr(all(target_arch = "wasm32", not(lean_prelude)), no_mangle)]
    fn program<'c>(
        &mut self,
        at: Place,
        known: &mut Option<Option<Command<'c>>>,
        value: &'c [u8],
    ) -> Result<(), Error> {
        self.plain_facet(at, command(known, value).map(|command| command.program()))
    }

    #[cfg_attr(all(target_arch = "wasm32", not(lean_prelude)), no_mangle)]
    fn words<'c>(&mut self, at: Place, known: &mut Option<Option<Command<'c>>>, value: &'c [u8]) -> Result<(), Error> {
        let Some(command) = command(known, value) else { return self.none(at) };
        let count = command.arguments().count() as u64;
        self.list(at, count)?;
        let Some(mut elements) = self.elements(at, count)? else { return Ok(()) };
        for word in command.arguments() {
            self.element(&mut elements)?;
            match word.unquoted() {
                Some(word) => self.text(Place::ELEMENT, word.as_bytes())?,
                None => self.canonical(Place::ELEMENT, word.len(), |to| word.write(to))?,
            }
        }
        self.end(elements);
        Ok(())
    }

    #[cfg_attr(all(target_arch = "wasm32", not(lean_prelude)), no_mangle)]
    fn scope(&mut self, at: Place, value: &[u8]) -> Result<(), Error> {
        let Some(words) = scope::words(value) else { return self.none(at) };
        let count = words.clone().count() as u64;
        self.list(at, count)?;
        let Some(mut elements) = self.elements(at, count)? else { return Ok(()) };
        for word in words {
            self.element(&mut elements)?;
            self.text(Place::ELEMENT, word)?;
        }
        self.end(elements);
        Ok(())
    }

    /// Goes to a facet, which may have facets.
    fn enter(&mut self, of: Place, at: Word) -> Result<Place, Error> {
        let at = number(at);
        // A table in which facets went round in a circle would never end.
        if at <= of.0 || self.depth > 3 {
            return Err(DAMAGED);
        }
        self.depth += 1;
        Ok(Place(at))
    }

    /// The length of a string.
    #[cfg_attr(target_arch = "wasm32", no_mangle)]
    fn length(&mut self, at: Place, length: u64) -> Result<(), Error> {
        self.number(at, Some(Number::from(length)))
    }

    /// The number of a list's elements.
    #[cfg_attr(target_arch = "wasm32", no_mangle)]
    fn count(&mut self, at: Place, count: u64) -> Result<(), Error> {
        self.number(at, (count <= LIST_LENGTH).then(|| Number::from(count)))
    }
}

/// The command that a string is, which is read once.
fn command<'c>(known: &mut Option<Option<Command<'c>>>, value: &'c [u8]) -> Option<Command<'c>> {
    *known.get_or_insert_with(|| core::str::from_utf8(value).ok().and_then(Command::read))
}
