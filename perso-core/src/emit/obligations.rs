//! Obligations in the manifest.

use crate::describe;
use crate::module;
use crate::policy::{Decimal, Duty, Effect, Limit, Obligation, Policy, Window};

/// What the manifest has of an obligation.
pub(super) fn of(policy: &Policy, obligation: &Obligation) -> module::Obligation {
    let id = obligation.scope.id.as_str().into();
    let (limit, label) = match &obligation.duty {
        Duty::Charge(limit) => (Some(self::limit(policy, obligation, limit)), None),
        Duty::Label { session, add } => {
            let add = add.iter().map(|label| label.as_str().into()).collect();
            (None, Some(module::Label { session: *session as u32, add }))
        }
    };
    module::Obligation { id, limit, label }
}

fn limit(policy: &Policy, obligation: &Obligation, limit: &Limit) -> module::Limit {
    let reason = obligation.scope.reason.clone().unwrap_or_else(|| describe::limit(policy, obligation, limit));
    module::Limit {
        per: limit.per.iter().map(|attribute| *attribute as u32).collect(),
        sum: limit.sum.map(|attribute| attribute as u32),
        max: plain(&limit.max).into(),
        window: match limit.window {
            Window::Last(seconds) => module::Window::Last(seconds),
            Window::Calendar(period, zone) => {
                module::Window::Calendar { period: period.name().into(), zone: zone.name().into() }
            }
            Window::Session => module::Window::Session,
        },
        asks: limit.over == Effect::Ask,
        reason: reason.into(),
    }
}

/// A number that is not negative, without an exponent.
fn plain(number: &Decimal) -> String {
    let (_, digits, power) = number.parts();
    let zeros = |count: i64| "0".repeat(usize::try_from(count).unwrap_or(0));
    if power >= 0 {
        return if digits.is_empty() { "0".to_owned() } else { format!("{digits}{}", zeros(power)) };
    }
    let fraction = usize::try_from(-power).unwrap_or(0);
    let padded = format!("{}{digits}", zeros(1 - power - digits.len() as i64));
    let (whole, fraction) = padded.split_at(padded.len() - fraction);
    format!("{whole}.{fraction}")
}

#[cfg(test)]
mod tests {
    use super::plain;
    use crate::policy::Decimal;

    #[test]
    fn a_number_is_written_without_an_exponent() {
        for (written, plainly) in [
            ("0", "0"),
            ("2e3", "2000"),
            ("0.5", "0.5"),
            ("12.50", "12.5"),
            ("1e-18", "0.000000000000000001"),
            ("999999999999999999.999999999999999999", "999999999999999999.999999999999999999"),
        ] {
            assert_eq!(plain(&Decimal::parse(written).unwrap()), plainly);
        }
    }
}
