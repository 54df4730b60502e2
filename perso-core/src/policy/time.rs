//! Times, dates and durations as an author writes them, and as the numbers that they are compared as.

use jiff::civil;

use super::{Decimal, Facet};

/// The names of the weekdays, from Monday on.
pub const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// The units of a duration, in seconds.
const UNITS: [(&str, u64); 4] = [("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)];

/// The most digits of a duration.
const MAX_DIGITS: usize = 9;

/// The seconds of a duration: `15m`.
pub(crate) fn duration(text: &str) -> Option<Decimal> {
    let (digits, seconds) = UNITS.iter().find_map(|(unit, seconds)| Some((text.strip_suffix(unit)?, seconds)))?;
    let is_number = (1..=MAX_DIGITS).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_digit());
    let count: u64 = digits.parse().ok().filter(|_| is_number)?;
    Decimal::parse(&(count * seconds).to_string())
}

/// The number of a weekday: `mon` is 1.
pub(crate) fn weekday(text: &str) -> Option<Decimal> {
    let index = WEEKDAYS.iter().position(|name| *name == text)?;
    Decimal::parse(&(index + 1).to_string())
}

/// The seconds of the day of a time: `09:00`, `17:30:15`.
pub(crate) fn time_of_day(text: &str) -> Option<Decimal> {
    let parts: Vec<u32> = text.split(':').map(two_digits).collect::<Option<_>>()?;
    let seconds = match *parts.as_slice() {
        [hour @ 0..24, minute @ 0..60] => 3600 * hour + 60 * minute,
        [hour @ 0..24, minute @ 0..60, second @ 0..60] => 3600 * hour + 60 * minute + second,
        _ => return None,
    };
    Decimal::parse(&seconds.to_string())
}

fn two_digits(text: &str) -> Option<u32> {
    text.parse().ok().filter(|_| text.len() == 2 && text.bytes().all(|digit| digit.is_ascii_digit()))
}

/// The days from 1970-01-01 to a date: `2026-12-01`.
pub(crate) fn date(text: &str) -> Option<Decimal> {
    let date: civil::Date = text.parse().ok().filter(|_| has_form(text, "dddd-dd-dd"))?;
    let days = date.duration_since(civil::date(1970, 1, 1)).as_hours() / 24;
    Decimal::parse(&days.to_string())
}

/// The seconds from 1970-01-01T00:00:00Z to an instant, as RFC 3339 writes it: `2026-12-01T09:00:00+01:00`. `None` for what
/// is none, leap seconds and finer fractions than nanoseconds included.
pub(crate) fn instant(text: &str) -> Option<Decimal> {
    const FORM: &str = "dddd-dd-ddTdd:dd:dd";
    let (local, rest) = text.split_at_checked(FORM.len())?;
    let read: civil::DateTime = local.parse().ok().filter(|_| has_form(local, FORM) && !local.ends_with("60"))?;
    let (fraction, offset) = match rest.strip_prefix('.') {
        Some(rest) => rest.split_at(rest.find(|c: char| !c.is_ascii_digit())?),
        None => ("0", rest),
    };
    let seconds = read.duration_since(civil::date(1970, 1, 1).at(0, 0, 0, 0)).as_secs() - offset_seconds(offset)?;
    let nanos: i128 = format!("{fraction:0<9}").parse().ok().filter(|_| (1..=9).contains(&fraction.len()))?;
    // A fraction is added to the seconds, also to negative ones.
    Decimal::parse(&format!("{}e-9", i128::from(seconds) * 1_000_000_000 + nanos))
}

/// `Z`, `+01:00`
fn offset_seconds(text: &str) -> Option<i64> {
    let time = match text.split_at_checked(1)? {
        ("Z", "") => return Some(0),
        (_, time) if has_form(time, "dd:dd") => time,
        _ => return None,
    };
    let size: i64 = time_of_day(time)?.to_string().parse().ok()?;
    match text.get(..1)? {
        "+" => Some(size),
        "-" => Some(-size),
        _ => None,
    }
}

fn has_form(text: &str, form: &str) -> bool {
    let is_like = |(byte, form)| if form == b'd' { u8::is_ascii_digit(&byte) } else { byte == form };
    text.len() == form.len() && text.bytes().zip(form.bytes()).all(is_like)
}

/// How an author writes a number that something is compared with; `None` where that is the number itself.
pub(crate) fn written(facet: Facet, number: &Decimal) -> Option<String> {
    let text = number.to_string();
    let whole: i64 = match text.split_once('.') {
        Some((whole, _)) if facet == Facet::Instant && !text.starts_with('-') => whole.parse().ok()?,
        _ => text.parse().ok()?,
    };
    match facet {
        Facet::Age => {
            let seconds = u64::try_from(whole).ok()?;
            let (unit, size) = UNITS.iter().find(|(_, size)| seconds.is_multiple_of(*size))?;
            Some(if seconds == 0 { "0s".to_owned() } else { format!("{}{unit}", seconds / size) })
        }
        Facet::Weekday(_) => WEEKDAYS.get(usize::try_from(whole).ok()?.checked_sub(1)?).map(|name| (*name).to_owned()),
        Facet::TimeOfDay(_) => {
            let (hour, minute, second) = (whole / 3600, whole / 60 % 60, whole % 60);
            Some(match second {
                0 => format!("{hour:02}:{minute:02}"),
                second => format!("{hour:02}:{minute:02}:{second:02}"),
            })
        }
        Facet::Date(_) => {
            let days = jiff::Span::new().try_days(whole).ok()?;
            Some(civil::date(1970, 1, 1).checked_add(days).ok()?.to_string())
        }
        Facet::Instant => {
            let fraction = text.split_once('.').map_or("", |(_, fraction)| fraction);
            let local =
                civil::date(1970, 1, 1).at(0, 0, 0, 0).checked_add(jiff::Span::new().try_seconds(whole).ok()?).ok()?;
            Some(format!("{}{}{fraction}Z", local, if fraction.is_empty() { "" } else { "." }))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Zone;

    #[test]
    fn what_is_written_is_read_back() {
        let zone = Zone::UTC;
        for (facet, read, texts) in [
            (Facet::Age, duration as fn(&str) -> Option<Decimal>, &["0s", "1s", "15m", "36h", "7d", "90s"][..]),
            (Facet::Weekday(zone), weekday, &WEEKDAYS),
            (Facet::TimeOfDay(zone), time_of_day, &["00:00", "09:00", "17:30", "23:59:59"]),
            (Facet::Date(zone), date, &["1970-01-01", "1969-12-31", "2026-12-01", "2024-02-29", "9998-12-31"]),
            (
                Facet::Instant,
                instant,
                &[
                    "1970-01-01T00:00:00Z",
                    "2026-12-01T09:00:00Z",
                    "2026-12-01T09:00:00.25Z",
                    "1969-07-20T20:17:40Z",
                    "9999-12-31T23:59:59Z",
                ],
            ),
        ] {
            for text in texts {
                let number = read(text).unwrap();
                assert_eq!(written(facet, &number).as_deref(), Some(*text));
            }
        }
        assert_eq!(duration("60s"), duration("1m"));
        assert_eq!(time_of_day("09:00:00"), time_of_day("09:00"));
        assert_eq!(instant("2026-12-01T10:30:00+01:30"), instant("2026-12-01T09:00:00Z"));
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", "m", "15", "15 m", "-1m", "1.5h", "1h30m", "15M", "1w", "1234567890s", "+1s", "\u{661}m"] {
            assert_eq!(duration(text), None, "{text:?}");
        }
        for text in ["", "Mon", "monday", "1", "mo"] {
            assert_eq!(weekday(text), None, "{text:?}");
        }
        for text in
            ["", "9:00", "24:00", "09:60", "09:00:60", "09", "09:00Z", "09:00:00.5", "0900", "+9:00", "09:00:00:00"]
        {
            assert_eq!(time_of_day(text), None, "{text:?}");
        }
        for text in ["", "2026-1-1", "2026-02-30", "20261201", "2026-12-01T00:00", "12026-01-01", "-2026-01-01"] {
            assert_eq!(date(text), None, "{text:?}");
        }
        for text in [
            "",
            "2026-12-01",
            "2026-12-01T09:00:00",
            "2026-12-01T09:00Z",
            "2026-12-01 09:00:00Z",
            "2026-12-01T09:00:60Z",
            "2026-12-01T09:00:00z",
            "2026-12-01T09:00:00+01",
            "2026-12-01T09:00:00+0100",
            "2026-12-01T09:00:00Z[UTC]",
            "2026-12-01T09:00:00.Z",
            "2026-12-01T09:00:00.1234567890Z",
            "2026-12-01T09:00:00*01:00",
            "2026-12-01T09:00:00+24:00",
            "2026-12-01T09:00:00+01:00:00",
        ] {
            assert_eq!(instant(text), None, "{text:?}");
        }
    }
}
