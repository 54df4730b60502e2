//! What a clock on a wall shows at an instant: the weekday, the time of day and the date in a zone of the IANA database.
//!
//! | at | zone, in `u32` |
//! | --- | --- |
//! | 0 | the number of changes |
//! | 1 | the offset before the first change, in seconds east of UTC |
//! | 2 | 1 if the years after the last change have daylight saving time, else 0 |
//! | 3 | the offset after the last change, without daylight saving time |
//! | 4 | the offset with it |
//! | 5 | when it begins: month, week of the month (5 for the last), weekday (0 for Sunday), seconds of the day by the offset before |
//! | 9 | when it ends, likewise |
//! | 13 | each change: when, as the two halves of an `i64`, and the offset from then on |

use super::instant::{days, year};
use crate::number::Number;
use crate::table::{number, Table, Word};

/// Words of a zone before its changes.
pub const ZONE: usize = 13;
/// Words of a change.
pub const CHANGE: usize = 3;

/// The first instant of which a clock tells anything: the beginning of the year 0.
pub const FIRST: i64 = days(0, 1, 1) * DAY;
/// Behind the last one: the beginning of the year 9999.
pub const END: i64 = days(9999, 1, 1) * DAY;

const DAY: i64 = 86_400;

/// What a clock shows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    /// From 1 for Monday to 7.
    pub(crate) weekday: i64,
    /// In seconds.
    pub(crate) time: i64,
    /// In days since 1970-01-01.
    pub(crate) date: i64,
}

impl Clock {
    /// What the clocks of the zone at `zone` show at an instant; `None` where it has no date.
    pub(crate) fn read(table: Table<'_>, zone: u32, instant: Number) -> Option<Self> {
        let instant = instant.floor().filter(|instant| (FIRST..END).contains(instant))?;
        let local = instant + offset(table, zone, instant)?;
        let date = local.div_euclid(DAY);
        // 1970-01-01 was a Thursday.
        Some(Self { weekday: (date + 3).rem_euclid(7) + 1, time: local.rem_euclid(DAY), date })
    }
}

/// A signed word.
const fn signed(word: Word) -> i64 {
    number(word) as i32 as i64
}

/// The offset from UTC at an instant, in seconds; `None` where the table is damaged.
#[must_use]
pub fn offset(table: Table<'_>, zone: u32, instant: i64) -> Option<i64> {
    let [head] = table.rows::<ZONE>(zone, 1).ok()? else { return None };
    let [count, before, has_rule, standard, daylight, rule @ ..] = head;
    let changes = table.rows::<CHANGE>(zone.checked_add(4 * ZONE as u32)?, number(*count)).ok()?;
    let when = |[low, high, _]: &[Word; CHANGE]| i64::from(number(*low)) | signed(*high) << 32;
    let behind = changes.partition_point(|change| when(change) <= instant);
    if behind < changes.len() || number(*has_rule) == 0 {
        return Some(match behind.checked_sub(1).and_then(|last| changes.get(last)) {
            Some([_, _, offset]) => signed(*offset),
            None => signed(*before),
        });
    }
    let (standard, daylight) = (signed(*standard), signed(*daylight));
    // No zone changes its clocks around the new year.
    let year = year((instant + standard).div_euclid(DAY));
    let (begin, end) = rule.as_chunks::<4>().0.split_first()?;
    let begin = day(year, *begin) - standard;
    let end = day(year, *end.first()?) - daylight;
    let is_daylight = if begin < end { (begin..end).contains(&instant) } else { !(end..begin).contains(&instant) };
    Some(if is_daylight { daylight } else { standard })
}

/// When a change is in a year, in seconds since 1970 by the clocks before it.
fn day(year: i64, [month, week, weekday, time]: [Word; 4]) -> i64 {
    let (month, week, weekday) = (signed(month), signed(week), signed(weekday));
    let first = days(year, month, 1);
    // 1970-01-01 was a Thursday, the 4th from Sunday.
    let of_first = (first + 4).rem_euclid(7);
    let mut day = first + (weekday - of_first).rem_euclid(7) + 7 * (week - 1);
    let next = if month == 12 { days(year + 1, 1, 1) } else { days(year, month + 1, 1) };
    if day >= next {
        day -= 7;
    }
    day * DAY + signed(time)
}
