//! What the caller of a call can do that a limit or a person stops.

use std::fmt;
use std::time::Duration;

/// What the caller can do about a limit, or about an approval that a call does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Advice {
    /// A limit has room for the call after this time.
    RoomAfter(Duration),
    /// A limit never has room for the call.
    NoRoom,
    /// A person has denied the call.
    Refused,
    /// Nobody has decided yet, but somebody still can.
    Pending,
    /// Nobody has decided in time.
    Unanswered,
    /// Nobody could be asked.
    Unasked,
    /// The call is too large for a person to be shown.
    TooLarge,
    /// The approval was used or has expired before the call could run.
    Expired,
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::RoomAfter(time) => return room_after(*time, f),
            Self::NoRoom => "this call will not fit later either: do not repeat it",
            Self::Refused => "a person has denied this call: do not repeat it",
            Self::Pending => "nobody has decided yet: repeat the same call later to use the decision",
            Self::Unanswered => "nobody has decided in time: repeat the same call later to ask again",
            Self::Unasked => "nobody could be asked: repeat the same call later to try again",
            Self::TooLarge => "the call is too large for a person to be shown: send less at once",
            Self::Expired => "the approval has expired or was used: repeat the same call to ask again",
        })
    }
}

/// Rounded up to minutes, hours or days: an exact time would say when others were charged.
fn room_after(time: Duration, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    let seconds = time.as_secs() + u64::from(time.subsec_nanos() > 0);
    let (unit, name) = if seconds <= HOUR {
        (MINUTE, "minute")
    } else if seconds <= DAY {
        (HOUR, "hour")
    } else {
        (DAY, "day")
    };
    let count = seconds.div_ceil(unit).max(1);
    write!(f, "there is room again in about {count} {name}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rounded_up() {
        let room = |millis| Advice::RoomAfter(Duration::from_millis(millis)).to_string();
        for (seconds, expected) in [
            (0, "1 minute"),
            (60, "1 minute"),
            (61, "2 minutes"),
            (3_600, "60 minutes"),
            (3_601, "2 hours"),
            (86_400, "24 hours"),
            (86_401, "2 days"),
        ] {
            assert_eq!(room(1_000 * seconds), format!("there is room again in about {expected}"));
        }
        assert_eq!(room(60_001), room(61_000));
        assert!(room(u64::MAX).ends_with(" days"));
    }
}
