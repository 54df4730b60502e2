//! Obligations to what a ledger writes.

use crate::engine::{Charge, Limit, Obligations, Scalar, Window};
use perso_ledger::{
    Account, Amount, CallId, Commit, Digest, Label, LedgerError, Period, Session, Unit, Value, Window as Counted,
};
use std::time::Duration;

const AMOUNT: LedgerError = LedgerError::Invalid("an amount is below 10^18");
const WINDOW: LedgerError = LedgerError::Invalid("the policy has a window that this ledger does not know");

/// What a ledger writes of a call. `is_approved` says which limits a person has approved that the call goes over.
///
/// # Errors
///
/// If a ledger has no such window.
pub(super) fn of(
    call: CallId,
    obligations: &Obligations<'_>,
    approval: Option<Digest>,
    is_approved: impl Fn(&str) -> bool,
) -> Result<Commit, LedgerError> {
    let mut commit = Commit::new(call);
    commit.session = obligations.session.as_deref().map(Session::new);
    commit.approval = approval;
    commit.labels = obligations.labels.iter().map(|label| Label::new(label)).collect::<Result<_, _>>()?;
    commit.charges.reserve_exact(obligations.charges.len());
    for Charge { limit, account, amount } in &obligations.charges {
        let max = if limit.asks && is_approved(&limit.id) { Amount::MAX.units() } else { limit.max };
        commit.charges.push(perso_ledger::Charge {
            account: Account::new(&limit.id, account.iter().map(value)),
            amount: Amount::from_units(*amount).map_err(|_| AMOUNT)?,
            max: Amount::from_units(max).map_err(|_| AMOUNT)?,
            window: window(limit)?,
        });
    }
    Ok(commit)
}

fn value(scalar: &Scalar) -> Value<'_> {
    match scalar {
        Scalar::Boolean(value) => Value::Boolean(*value),
        Scalar::Number(text) => Value::Number(text),
        Scalar::Text(text) => Value::Text(text),
    }
}

fn window(limit: &Limit) -> Result<Counted, LedgerError> {
    Ok(match &limit.window {
        Window::Last(seconds) => Counted::Sliding(Duration::from_secs(*seconds)),
        Window::Session => Counted::Session,
        Window::Calendar { period, zone } => {
            let unit = match &**period {
                "hour" => Unit::Hour,
                "day" => Unit::Day,
                "week" => Unit::Week,
                "month" => Unit::Month,
                _ => return Err(WINDOW),
            };
            Counted::Period(Period::new(unit, zone).map_err(|_| WINDOW)?)
        }
    })
}
