//! Times, as a store's clock says them.

use std::fmt::{self, Display};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A time: milliseconds since the start of 1970 in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(u64);

impl Time {
    /// The latest time, in the year 9999: later ones have no calendar.
    pub const MAX: Self = Self(253_402_207_200_000 - 1);

    /// So many milliseconds since the start of 1970, or [`Time::MAX`] if there are more.
    pub const fn from_millis(millis: u64) -> Self {
        if millis > Self::MAX.0 { Self::MAX } else { Self(millis) }
    }

    /// Milliseconds since the start of 1970.
    pub const fn millis(self) -> u64 {
        self.0
    }

    /// The time so much later.
    pub const fn after(self, duration: Duration) -> Self {
        Self::from_millis(self.0.saturating_add(millis(duration)))
    }

    /// How much later it is than another time, or zero.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

/// As RFC 3339 has it, in UTC: `2026-11-30T13:10:56.120Z`.
impl Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time =
            jiff::Timestamp::from_millisecond(i64::try_from(self.0).unwrap_or(i64::MAX)).map_err(|_| fmt::Error)?;
        write!(f, "{time:.3}")
    }
}

/// The milliseconds of a duration, rounded up, so that nothing is forgotten early.
pub(crate) const fn millis(duration: Duration) -> u64 {
    let (seconds, nanos) = (duration.as_secs(), duration.subsec_nanos());
    seconds.saturating_mul(1_000).saturating_add(nanos.div_ceil(1_000_000) as u64)
}

/// A clock of a machine. Tests have others.
pub trait Clock: Send + Sync {
    /// The time of day. It can be set back.
    fn wall(&self) -> Time;

    /// A time that only goes on, whatever is done to the time of day.
    fn steady(&self) -> Time;
}

/// The clock of this machine.
#[derive(Debug)]
pub struct SystemClock {
    start: Instant,
    started: Time,
}

impl SystemClock {
    /// The clock. Its steady time starts at the time of day.
    pub fn new() -> Self {
        Self { start: Instant::now(), started: wall() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn wall(&self) -> Time {
        wall()
    }

    fn steady(&self) -> Time {
        self.started.after(Duration::from_millis(self.start.elapsed().as_millis() as u64))
    }
}

fn wall() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Time::from_millis(since.as_millis() as u64)
}

/// The latest time that was seen.
#[derive(Debug, Default)]
pub(crate) struct Latest(AtomicU64);

impl Latest {
    /// A time, or the latest one if that is later.
    pub(crate) fn see(&self, time: Time) -> Time {
        Time(self.0.fetch_max(time.0, Ordering::AcqRel).max(time.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_well_and_stay_in_bounds() {
        assert_eq!(Time::from_millis(0).to_string(), "1970-01-01T00:00:00.000Z");
        assert_eq!(Time::from_millis(1_796_044_256_120).to_string(), "2026-11-30T13:10:56.120Z");
        assert_eq!(Time::from_millis(u64::MAX), Time::MAX);
        assert!(Time::MAX.to_string().starts_with("9999-12-30"));
        assert_eq!(Time::MAX.after(Duration::MAX), Time::MAX);
        assert_eq!(millis(Duration::from_nanos(1)), 1);
        assert_eq!(millis(Duration::MAX), u64::MAX);
    }

    #[test]
    fn the_latest_time_stays() {
        let latest = Latest::default();
        assert_eq!(latest.see(Time(5)), Time(5));
        assert_eq!(latest.see(Time(3)), Time(5));
        assert_eq!(latest.see(Time(7)), Time(7));
    }
}
