//! The time at which the command judges calls.

use crate::{CauseKind, Policy};
use clap::Args;
use jiff::Timestamp;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::SystemTime;

#[derive(Debug, Default, Args)]
pub(crate) struct Now {
    /// Judge at this time (RFC 3339), whatever `context.now` the calls have; by default, calls without one get the current time
    #[arg(long, value_name = "TIME", value_parser = instant)]
    now: Option<Timestamp>,
}

impl Now {
    /// The call, with the time in it if the policy reads the time: the one of the command line, or the current one if the call
    /// has none. A call that cannot be read stays as it is, so that what is said about it is about what the user wrote.
    pub(crate) fn told<'c>(&self, policy: &Policy, call: &'c [u8]) -> Cow<'c, [u8]> {
        let is_judged = || !matches!(policy.decide_json(call).cause.kind, CauseKind::Malformed | CauseKind::Limit);
        if policy.reads_time()
            && is_judged()
            && let Some(told) = self.with_time(call)
        {
            return Cow::Owned(told.into_bytes());
        }
        Cow::Borrowed(call)
    }

    /// The call with another context; `None` if it has a time of its own that stands.
    fn with_time(&self, call: &[u8]) -> Option<String> {
        let mut call: Members<'_> = serde_json::from_slice(call).ok()?;
        let context = call.get("context").map_or("null", |context| context.get());
        let mut context: Members<'_> = serde_json::from_str::<Option<_>>(context).ok()?.unwrap_or_default();
        let now = match self.now {
            Some(now) => format!("\"{now}\""),
            None if context.contains_key("now") => return None,
            None => format!("\"{:.3}\"", Timestamp::try_from(SystemTime::now()).ok()?),
        };
        let now = RawValue::from_string(now).ok()?;
        context.insert("now".to_owned(), &now);
        let context = serde_json::value::to_raw_value(&context).ok()?;
        call.insert("context".to_owned(), &context);
        serde_json::to_string(&call).ok()
    }
}

/// The members of a JSON object, with their values as they are written.
type Members<'a> = BTreeMap<String, &'a RawValue>;

/// Reads a time, as strictly as the times in policies are read.
fn instant(text: &str) -> Result<Timestamp, String> {
    let is_strict = crate::policy::time::instant(text).is_some();
    text.parse().ok().filter(|_| is_strict).ok_or_else(|| {
        "write an existing time as in RFC 3339: 2026-12-01T10:00:00Z or 2026-12-01T11:00:00+01:00".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_strict() {
        for (text, utc) in [
            ("2026-12-01T10:00:00Z", "2026-12-01T10:00:00Z"),
            ("2026-12-01T00:30:00.250+01:00", "2026-11-30T23:30:00.25Z"),
            ("2026-12-01T10:00:00.123456789-11:30", "2026-12-01T21:30:00.123456789Z"),
            ("2024-02-29T23:59:59-00:00", "2024-02-29T23:59:59Z"),
        ] {
            assert_eq!(instant(text).map(|time| time.to_string()).as_deref(), Ok(utc));
        }
        for text in [
            "",
            "now",
            "2026-12-01",
            "2026-12-01T10:00:00",
            "2026-12-01 10:00:00Z",
            "2026-12-01t10:00:00z",
            "2026-12-01T10:00Z",
            "2026-12-01T10:00:00.Z",
            "2026-12-01T10:00:00.1234567890Z",
            "2026-12-01T10:00:00,5Z",
            "2026-12-01T10:00:00+01",
            "2026-12-01T10:00:00+0100",
            "2026-12-01T10:00:00+24:00",
            "2026-12-01T10:00:00+01:60",
            "2026-12-01T10:00:00\u{2212}01:00",
            "2026-12-01T10:00:00Z[Europe/Berlin]",
            " 2026-12-01T10:00:00Z",
            "+2026-12-01T10:00:00Z",
            "1764583200",
            "2026-02-29T10:00:00Z",
            "2026-12-01T24:00:00Z",
            "2026-12-31T23:59:60Z",
            "2026-00-01T10:00:00Z",
            "9999-12-31T23:59:59-23:59",
        ] {
            assert!(instant(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_call_is_told_the_time() {
        let now = Now { now: instant("2026-12-01T10:00:00Z").ok() };
        let none = Now { now: None };
        let told = |call: &str| now.with_time(call.as_bytes()).unwrap_or_default();
        assert_eq!(told(r#"{"tool":"t"}"#), r#"{"context":{"now":"2026-12-01T10:00:00Z"},"tool":"t"}"#);
        assert_eq!(told(r#"{"context":null}"#), r#"{"context":{"now":"2026-12-01T10:00:00Z"}}"#);
        let exact =
            r#"{ "args": {"a": 1.50e3, "a": [ 123456789012345678901 ]}, "conte\u0078t": {"n\u006fw": 5, "a\"": {}} }"#;
        let expected = r#"{"args":{"a": 1.50e3, "a": [ 123456789012345678901 ]},"context":{"a\"":{},"now":"2026-12-01T10:00:00Z"}}"#;
        assert_eq!(told(exact), expected);
        assert_eq!(none.with_time(br#"{"context":{"now":null}}"#), None);
        assert_eq!(none.with_time(br#"{"context":5}"#), None);
        let current = none.with_time(br#"{"context":{}}"#).unwrap_or_default();
        assert_eq!(current.len(), r#"{"context":{"now":"2026-12-01T10:00:00.000Z"}}"#.len(), "{current}");
    }
}
