//! Instants: RFC 3339 texts (5.6, `date-time`) with upper-case `T` and `Z`, of four-digit years, without leap seconds
//! and with at most nine digits of a fraction.

use crate::number::Number;
use crate::text::byte;

const SECONDS_A_DAY: i64 = 86_400;

/// The seconds since 1970-01-01T00:00:00Z that a text names.
#[must_use]
pub fn read(text: &[u8]) -> Option<Number> {
    let mut at = 0;
    let year = number(text, &mut at, 4)?;
    literal(text, &mut at, b'-')?;
    let month = number(text, &mut at, 2)?;
    literal(text, &mut at, b'-')?;
    let day = number(text, &mut at, 2)?;
    literal(text, &mut at, b'T')?;
    let (hour, minute) = time(text, &mut at)?;
    literal(text, &mut at, b':')?;
    let second = number(text, &mut at, 2)?;
    if !(1..=12).contains(&month) || !(1..=days_of(year, month)).contains(&day) || second > 59 {
        return None;
    }
    let nanos = fraction(text, &mut at)?;
    let offset = match byte(text, at) {
        b'Z' => {
            at += 1;
            0
        }
        sign @ (b'+' | b'-') => {
            at += 1;
            let (hours, minutes) = time(text, &mut at)?;
            let size = 3600 * hours + 60 * minutes;
            if sign == b'-' {
                -size
            } else {
                size
            }
        }
        _ => return None,
    };
    let of_day = 3600 * hour + 60 * minute + second;
    let seconds = days(year, month, day) * SECONDS_A_DAY + of_day - offset;
    let nanos = i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
    (at == text.len()).then_some(())?;
    Number::scaled(nanos, -9)
}

/// So many digits.
fn number(text: &[u8], at: &mut usize, count: usize) -> Option<i64> {
    let digits = text.get(*at..*at + count)?;
    *at += count;
    digits.iter().try_fold(0, |number, digit| digit.is_ascii_digit().then(|| 10 * number + i64::from(digit - b'0')))
}

fn literal(text: &[u8], at: &mut usize, expected: u8) -> Option<()> {
    let found = byte(text, *at) == expected;
    *at += 1;
    found.then_some(())
}

/// An hour and a minute.
fn time(text: &[u8], at: &mut usize) -> Option<(i64, i64)> {
    let hour = number(text, at, 2)?;
    literal(text, at, b':')?;
    let minute = number(text, at, 2)?;
    (hour < 24 && minute < 60).then_some((hour, minute))
}

/// The billionths of a second behind a point, if there is one.
fn fraction(text: &[u8], at: &mut usize) -> Option<i64> {
    if byte(text, *at) != b'.' {
        return Some(0);
    }
    *at += 1;
    let (mut nanos, mut unit) = (0, 1_000_000_000);
    while byte(text, *at).is_ascii_digit() {
        unit /= 10;
        nanos += unit * i64::from(byte(text, *at) - b'0');
        *at += 1;
        // The tenth digit.
        if unit == 0 {
            return None;
        }
    }
    (unit < 1_000_000_000).then_some(nanos)
}

fn days_of(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// The days from 1970-01-01 to a date. Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `days_from_civil`.
pub(super) const fn days(year: i64, month: i64, day: i64) -> i64 {
    // Years begin in March, so that the leap day is the last of a year.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The year of a day, counted from 1970-01-01. The same, `civil_from_days`.
pub(super) const fn year(day: i64) -> i64 {
    let day = day + 719_468;
    let era = day.div_euclid(146_097);
    let of_era = day.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    // January and February, which end the year that began in March.
    let is_next = of_year >= 306;
    year + era * 400 + if is_next { 1 } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(text: &str) -> Option<Number> {
        read(text.as_bytes())
    }

    fn is(text: &str) -> Option<Number> {
        Number::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn instants_are_seconds_since_1970() {
        for (text, expected) in [
            ("1970-01-01T00:00:00Z", "0"),
            ("1969-12-31T23:59:59.5Z", "-0.5"),
            ("2026-11-28T22:30:00Z", "1795905000"),
            ("2026-11-28T22:30:00.000000001Z", "1795905000.000000001"),
            ("2026-11-28T23:30:00+01:00", "1795905000"),
            ("2026-11-28T14:00:00-08:30", "1795905000"),
            ("2026-11-28T22:30:00-00:00", "1795905000"),
            ("2000-02-29T00:00:00Z", "951782400"),
            ("0000-01-01T00:00:00Z", "-62167219200"),
            ("9999-12-31T23:59:59.999999999Z", "253402300799.999999999"),
            ("9999-12-31T23:59:59-23:59", "253402387139"),
        ] {
            assert_eq!(seconds(text), is(expected), "{text}");
        }
    }

    #[test]
    fn what_is_not_strict_is_refused() {
        for text in [
            "",
            "2026-11-28",
            "2026-11-28T22:30:00",
            "2026-11-28T22:30Z",
            "2026-11-28 22:30:00Z",
            "2026-11-28t22:30:00Z",
            "2026-11-28T22:30:00z",
            "2026-11-28T22:30:60Z",
            "2026-11-28T24:00:00Z",
            "2026-11-28T22:60:00Z",
            "2026-11-28T22:30:00.Z",
            "2026-11-28T22:30:00,5Z",
            "2026-11-28T22:30:00.1234567890Z",
            "2026-11-28T22:30:00+24:00",
            "2026-11-28T22:30:00+01:60",
            "2026-11-28T22:30:00+0100",
            "2026-11-28T22:30:00+01",
            "2026-11-28T22:30:00ZZ",
            "2026-11-28T22:30:00Z ",
            " 2026-11-28T22:30:00Z",
            "2026-11-31T22:30:00Z",
            "2026-02-29T22:30:00Z",
            "1900-02-29T22:30:00Z",
            "2026-00-28T22:30:00Z",
            "2026-13-28T22:30:00Z",
            "2026-11-00T22:30:00Z",
            "+2026-11-28T22:30:00Z",
            "12026-11-28T22:30:00Z",
            "-026-11-28T22:30:00Z",
            "2026-W48-6T22:30:00Z",
            "2026-332T22:30:00Z",
            "\u{ff12}026-11-28T22:30:00Z",
        ] {
            assert_eq!(seconds(text), None, "{text:?}");
        }
    }

    #[test]
    fn years_follow_days() {
        for of in -400..10_400 {
            assert_eq!(year(days(of, 1, 1)), of);
            assert_eq!(year(days(of + 1, 1, 1) - 1), of);
        }
    }
}
