//! What a clock shows at an instant: in seconds and days, and weekdays from 1 for Monday.

use std::cell::RefCell;
use std::collections::HashMap;

use jiff::Timestamp;
use jiff::civil;
use jiff::tz::TimeZone;

use super::instant;
use crate::policy::Zone;
use crate::reference::arithmetic;
use crate::reference::value::{Number, Value};

/// What is read off a clock.
#[derive(Debug, Clone, Copy)]
pub(super) enum Hand {
    Weekday,
    Time,
    Date,
}

/// A zone, which is read from the database once.
fn zone_of(zone: Zone) -> Option<TimeZone> {
    thread_local! {
        static KNOWN: RefCell<HashMap<Zone, TimeZone>> = RefCell::default();
    }
    if let Some(known) = KNOWN.with_borrow(|known| known.get(&zone).cloned()) {
        return Some(known);
    }
    let read = TimeZone::tzif(zone.name(), zone.file()).ok()?;
    KNOWN.with_borrow_mut(|known| known.insert(zone, read.clone()));
    Some(read)
}

pub(super) fn read(hand: Hand, zone: Zone, value: &Value) -> Result<Value, &'static str> {
    let instant = match value {
        Value::String(text) => instant::read(text)?,
        value => value.clone(),
    };
    let Value::Number(Number { value: Some(instant), .. }) = instant else { return Err("not a time") };
    let seconds = arithmetic::floor(&instant).ok_or("not a time that a clock shows")?;
    let instant = Timestamp::from_second(seconds).map_err(|_| "not a time that a clock shows")?;
    let utc = TimeZone::UTC.to_datetime(instant);
    if !(0..9999).contains(&utc.year()) {
        return Err("not a time that a clock shows");
    }
    let local = zone_of(zone).ok_or("not a time: its zone cannot be read")?.to_datetime(instant);
    let number = match hand {
        Hand::Weekday => i64::from(local.date().weekday().to_monday_one_offset()),
        Hand::Time => local.time().duration_since(civil::Time::midnight()).as_secs(),
        Hand::Date => local.date().duration_since(civil::date(1970, 1, 1)).as_hours() / 24,
    };
    Ok(Value::Number(Number::new(&number.to_string())))
}
