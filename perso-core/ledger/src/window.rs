//! Which charges count together.

use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

use crate::time::Time;

/// Which charges of an account count together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Window {
    /// Those of the last so long, to the millisecond: a charge at a time `t` counts until just before `t + window`.
    Sliding(Duration),
    /// Those of the commit's session, for as long as it lasts.
    Session,
    /// Those of the hour, day, week or month that it is.
    Period(Period),
}

/// A unit of the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// From one full hour of the zone's clocks to the next.
    Hour,
    /// From midnight to midnight. In some zones a day has 23 or 25 hours.
    Day,
    /// From Monday to Sunday.
    Week,
    /// From the first of a month.
    Month,
}

/// The hours, days, weeks or months of a zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Period {
    unit: Unit,
    zone: TimeZone,
}

/// Where a period starts and where the next one does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bounds {
    /// The first millisecond.
    pub start: Time,
    /// The first millisecond of the next period.
    pub end: Time,
}

/// A name that no zone has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown time zone `{0}`: write an IANA name such as `Europe/Berlin` or `UTC`")]
pub struct UnknownZone(String);

impl Period {
    /// The periods of a zone, by its IANA name.
    ///
    /// # Errors
    ///
    /// If there is no zone with this name.
    pub fn new(unit: Unit, zone: &str) -> Result<Self, UnknownZone> {
        match TimeZone::get(zone) {
            Ok(found) if !found.is_unknown() => Ok(Self { unit, zone: found }),
            _ => Err(UnknownZone(zone.chars().take(64).collect())),
        }
    }

    /// The period that a time is in. `None` if the calendar does not reach so far.
    pub fn bounds(&self, time: Time) -> Option<Bounds> {
        let at = Timestamp::from_millisecond(i64::try_from(time.millis()).ok()?).ok()?;
        if self.unit == Unit::Hour {
            return self.hour(at);
        }
        let date = self.zone.to_datetime(at).date();
        let first = match self.unit {
            Unit::Hour | Unit::Day => date,
            Unit::Week => date.checked_sub(Span::new().days(date.weekday().to_monday_zero_offset())).ok()?,
            Unit::Month => date.first_of_month(),
        };
        let next = self.next(first, 1)?;
        let (start, end) = (self.midnight(first)?, self.midnight(next)?);
        // Where clocks are set at about midnight, a date can start before or after its first time of day.
        let (start, end) = if time >= end {
            (end, self.midnight(self.next(next, 1)?)?)
        } else if time < start {
            (self.midnight(self.next(first, -1)?)?, start)
        } else {
            (start, end)
        };
        (start <= time && time < end).then_some(Bounds { start, end })
    }

    /// The first date of the period so many later.
    fn next(&self, first: Date, count: i64) -> Option<Date> {
        let span = match self.unit {
            Unit::Hour | Unit::Day => Span::new().days(count),
            Unit::Week => Span::new().weeks(count),
            Unit::Month => Span::new().months(count),
        };
        first.checked_add(span).ok()
    }

    /// When a date starts.
    fn midnight(&self, date: Date) -> Option<Time> {
        time(self.zone.to_timestamp(date.at(0, 0, 0, 0)).ok()?)
    }

    /// A full hour of the zone's clocks, which ends early where they are set by less than an hour.
    fn hour(&self, at: Timestamp) -> Option<Bounds> {
        const HOUR: i64 = 3_600;
        let offset = i64::from(self.zone.to_offset(at).seconds());
        let start = (at.as_second() + offset).div_euclid(HOUR) * HOUR - offset;
        let (start, end) = (Timestamp::from_second(start).ok()?, Timestamp::from_second(start + HOUR).ok()?);
        let next = Timestamp::from_second(at.as_second() + 1).ok()?;
        let before = self.zone.preceding(next).next().map_or(start, |set| set.timestamp().max(start));
        let after = self.zone.following(at).next().map_or(end, |set| set.timestamp().min(end));
        Some(Bounds { start: time(before)?, end: time(after)? })
    }
}

/// A time that is not before 1970.
fn time(time: Timestamp) -> Option<Time> {
    u64::try_from(time.as_millisecond()).ok().map(Time::from_millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Time {
        time(text.parse().unwrap()).unwrap()
    }

    fn period(unit: Unit, zone: &str, time: &str) -> (String, String) {
        let bounds = Period::new(unit, zone).unwrap().bounds(at(time)).unwrap();
        (bounds.start.to_string(), bounds.end.to_string())
    }

    #[track_caller]
    fn assert_period(unit: Unit, zone: &str, time: &str, start: &str, end: &str) {
        assert_eq!(
            period(unit, zone, time),
            (at(start).to_string(), at(end).to_string()),
            "{unit:?} of {zone} at {time}"
        );
    }

    #[test]
    fn periods_are_those_of_the_zone() {
        let berlin = "Europe/Berlin";
        assert_period(Unit::Day, "UTC", "2026-11-30T13:10:56Z", "2026-11-30T00:00Z", "2026-12-01T00:00Z");
        assert_period(Unit::Day, berlin, "2026-11-29T23:30:00Z", "2026-11-29T23:00Z", "2026-11-30T23:00Z");
        assert_period(Unit::Week, berlin, "2026-12-06T22:59:59.999Z", "2026-11-29T23:00Z", "2026-12-06T23:00Z");
        assert_period(Unit::Month, berlin, "2026-11-30T22:59:59Z", "2026-10-31T23:00Z", "2026-11-30T23:00Z");
        assert_period(Unit::Month, "UTC", "2028-02-29T12:00:00Z", "2028-02-01T00:00Z", "2028-03-01T00:00Z");
        assert_period(Unit::Hour, "Asia/Kolkata", "2026-11-30T13:10:00Z", "2026-11-30T12:30Z", "2026-11-30T13:30Z");
    }

    #[test]
    fn days_are_as_long_as_the_zone_has_them() {
        // 25 and 23 hours.
        assert_period(Unit::Day, "Europe/Berlin", "2026-10-25T12:00:00Z", "2026-10-24T22:00Z", "2026-10-25T23:00Z");
        assert_period(Unit::Day, "Europe/Berlin", "2026-03-29T12:00:00Z", "2026-03-28T23:00Z", "2026-03-29T22:00Z");
        // A day that starts at one o'clock, and one that was left out.
        assert_period(Unit::Day, "America/Sao_Paulo", "2018-11-04T12:00:00Z", "2018-11-04T03:00Z", "2018-11-05T02:00Z");
        assert_period(Unit::Day, "Pacific/Apia", "2011-12-30T12:00:00Z", "2011-12-30T10:00Z", "2011-12-31T10:00Z");
        // Clocks that are set by half an hour.
        assert_period(
            Unit::Hour,
            "Australia/Lord_Howe",
            "2026-04-04T15:10:00Z",
            "2026-04-04T15:00Z",
            "2026-04-04T15:30Z",
        );
    }

    #[test]
    fn periods_follow_one_another_without_gaps() {
        // Toronto set its clocks a minute after midnight.
        for zone in [
            "Europe/Berlin",
            "America/Toronto",
            "Australia/Lord_Howe",
            "Pacific/Apia",
            "America/Sao_Paulo",
            "Africa/Cairo",
        ] {
            for unit in [Unit::Hour, Unit::Day, Unit::Week, Unit::Month] {
                let period = Period::new(unit, zone).unwrap();
                let mut bounds = period.bounds(at("2000-01-01T00:00:00Z")).unwrap();
                while bounds.end < at("2013-01-01T00:00:00Z") {
                    let inside = Time::from_millis(bounds.end.millis() - 1);
                    assert_eq!(period.bounds(inside), Some(bounds), "{unit:?} of {zone} at {inside}");
                    let next = period.bounds(bounds.end).unwrap();
                    assert_eq!(next.start, bounds.end, "{unit:?} of {zone}");
                    bounds = next;
                }
            }
        }
    }

    #[test]
    fn ends_of_the_calendar_are_no_period() {
        let period = Period::new(Unit::Month, "UTC").unwrap();
        assert_eq!(period.bounds(Time::MAX), None);
        assert_eq!(Period::new(Unit::Month, "Europe/Berlin").unwrap().bounds(Time::from_millis(0)), None);
        for zone in ["", "Europe/Atlantis", "Etc/Unknown", "+02:00", "../../etc/passwd", "EST5EDT,M3.2.0,M11.1.0"] {
            assert_eq!(Period::new(Unit::Day, zone), Err(UnknownZone(zone.into())), "{zone}");
        }
    }
}
