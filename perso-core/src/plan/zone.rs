//! A time zone as the decoder reads it: see `perso_decode::facet::clock`.

use crate::policy::Zone;
use perso_decode::facet::clock::{CHANGE, FIRST, ZONE};
use tz_rs::timezone::{AlternateTime, MonthWeekDay, RuleDay, TransitionRule};

/// A zone's words; `None` if the database has a rule for it that the decoder does not know.
pub fn words(zone: Zone) -> Option<Vec<u32>> {
    let read = tz_rs::TimeZone::from_tz_data(zone.file()).ok()?;
    let read = read.as_ref();
    let offset = |index: usize| read.local_time_types().get(index).map(|local| local.ut_offset());
    let first = offset(0)?;
    let (standard, daylight, begin, end) = match read.extra_rule() {
        Some(TransitionRule::Alternate(rule)) => rule_words(rule)?,
        _ => (first, first, [0; 4], [0; 4]),
    };
    let has_rule = matches!(read.extra_rule(), Some(TransitionRule::Alternate(_)));
    let mut words = Vec::with_capacity(ZONE + CHANGE * read.transitions().len());
    let mut before = first;
    let mut changes = Vec::new();
    for change in read.transitions() {
        let (at, to) = (change.unix_leap_time(), offset(change.local_time_type_index())?);
        // What was before the first year that is judged.
        if at <= FIRST {
            before = to;
        } else {
            changes.extend([at as u32, (at >> 32) as u32, to as u32]);
        }
    }
    words.extend([
        (changes.len() / CHANGE) as u32,
        before as u32,
        u32::from(has_rule),
        standard as u32,
        daylight as u32,
    ]);
    words.extend(begin.into_iter().chain(end).map(|word| word as u32));
    words.extend(changes);
    Some(words)
}

type Rule = (i32, i32, [i32; 4], [i32; 4]);

fn rule_words(rule: &AlternateTime) -> Option<Rule> {
    let day = |day: &RuleDay, time: i32| match day {
        RuleDay::MonthWeekDay(day) => Some(day_words(day, time)),
        RuleDay::Julian1WithoutLeap(_) | RuleDay::Julian0WithLeap(_) => None,
    };
    let begin = day(rule.dst_start(), rule.dst_start_time())?;
    let end = day(rule.dst_end(), rule.dst_end_time())?;
    Some((rule.std().ut_offset(), rule.dst().ut_offset(), begin, end))
}

fn day_words(day: &MonthWeekDay, time: i32) -> [i32; 4] {
    [day.month().into(), day.week().into(), day.week_day().into(), time]
}

#[cfg(test)]
mod tests {
    use super::words;
    use crate::policy::Zone;
    use perso_decode::Table;
    use perso_decode::facet::clock::offset;
    use perso_decode::layout::{HEADER, MAGIC};
    use std::collections::BTreeSet;

    /// The offsets of every zone at every hour of 2024 to 2034, as Python's `zoneinfo` has them: `tests/zones/generate.py`.
    const OFFSETS: &str = include_str!("../../tests/zones/offsets.txt");
    const HOURS: i64 = 11 * 8766;
    /// 2024-01-01T00:00:00Z.
    const START: i64 = 1_704_067_200;

    /// A table with nothing but a zone.
    fn table(zone: Zone) -> Vec<u8> {
        let mut table = vec![0; HEADER];
        table[..4].copy_from_slice(&MAGIC.to_le_bytes());
        table.extend(words(zone).unwrap().iter().flat_map(|word| word.to_le_bytes()));
        table
    }

    #[test]
    fn every_zone_is_as_another_library_has_it_at_every_hour() {
        let mut lines = OFFSETS.lines();
        assert_eq!(lines.next(), Some(Zone::VERSION), "the offsets are of another version: run the generator");
        let mut zones = BTreeSet::new();
        for line in lines {
            let (names, changes) = line.split_once(':').unwrap();
            let changes: Vec<(i64, i64)> = changes
                .split_whitespace()
                .map(|change| change.split_once('=').unwrap())
                .map(|(hour, offset)| (hour.parse().unwrap(), offset.parse().unwrap()))
                .collect();
            for name in names.split(' ') {
                let table = table(Zone::find(name).unwrap());
                let table = Table::new(&table).unwrap();
                let mut expected = 0;
                for hour in 0..HOURS {
                    if let Ok(at) = changes.binary_search_by_key(&hour, |change| change.0) {
                        expected = changes[at].1;
                    }
                    assert_eq!(offset(table, HEADER as u32, START + 3600 * hour), Some(expected), "{name} at {hour}");
                }
                zones.insert(name);
            }
        }
        assert_eq!(zones, Zone::all().map(Zone::name).collect(), "every zone of the database");
    }

    /// `tz-rs` works out the rule for the years after the last change by itself.
    #[test]
    fn rules_hold_in_later_and_earlier_years() {
        for zone in Zone::all() {
            let bytes = table(zone);
            let table = Table::new(&bytes).unwrap();
            let other = tz_rs::TimeZone::from_tz_data(zone.file()).unwrap();
            // An odd distance, so that all times of the day and of the year are met.
            for step in 0..4_000_i64 {
                let instant = -62_000_000_000 + step * 78_654_321;
                let Ok(expected) = other.find_local_time_type(instant) else { continue };
                let found = offset(table, HEADER as u32, instant);
                assert_eq!(found, Some(i64::from(expected.ut_offset())), "{zone} at {instant}");
            }
        }
    }
}
