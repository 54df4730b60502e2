//! An instant: the seconds since 1970 that a text names in the form `2026-12-01T09:00:00Z`.

use crate::policy::time;
use crate::reference::value::{Number, Value};

pub(super) fn read(text: &str) -> Result<Value, &'static str> {
    let instant = time::instant(text).ok_or("not a time: it must be RFC 3339 with an offset")?;
    Ok(Value::Number(Number { text: instant.to_string(), value: Some(instant) }))
}
