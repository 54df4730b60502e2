//! What has to be remembered of a call before it may run.

use super::load::Loaded;
use crate::decision::{Cause, CauseKind, Decision, Expected, Hint, Outcome, Problem};
use crate::module::{self, Names, reason};
use perso_decode::Number;
use perso_decode::layout::kind;
use perso_decode::limits::ACCOUNT_NAMES;

/// Digits after the point of what is charged.
const DIGITS: u32 = 18;
/// The least amount that cannot be charged, in 10^-18.
const TOO_MUCH: u128 = 10_u128.pow(2 * DIGITS);

/// A decision, and what has to be remembered for it to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Assessment<'p> {
    /// The decision. It holds only if the obligations are met before the call runs.
    pub decision: Decision<'p>,
    /// What has to be remembered. Nothing where the decision is a denial.
    pub obligations: Obligations<'p>,
}

/// What has to be remembered of a call before it may run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Obligations<'p> {
    /// What it counts towards.
    pub charges: Vec<Charge<'p>>,
    /// The labels that its session gets.
    pub labels: Vec<&'p str>,
    /// The id of the session, if there are labels, or a limit that counts by session.
    pub session: Option<String>,
}

impl Obligations<'_> {
    /// Whether there is nothing to remember.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.charges.is_empty() && self.labels.is_empty()
    }
}

/// What a call counts towards.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Charge<'p> {
    /// The limit.
    pub limit: &'p Limit,
    /// The values of the attributes that name the account, in the limit's order.
    pub account: Vec<Scalar>,
    /// How much the call adds to the account, in units of 10^-18.
    pub amount: u128,
}

impl Charge<'_> {
    /// The amount as decimal text, such as `19.5`.
    #[must_use]
    pub fn amount_text(&self) -> String {
        text(self.amount)
    }
}

impl Limit {
    /// The most that calls in a window may come to, as decimal text.
    #[must_use]
    pub fn max_text(&self) -> String {
        text(self.max)
    }
}

/// Units of 10^-18 as decimal text.
fn text(units: u128) -> String {
    let one = 10_u128.pow(DIGITS);
    let (whole, fraction) = (units / one, units % one);
    if fraction == 0 {
        return whole.to_string();
    }
    let fraction = format!("{fraction:0>width$}", width = DIGITS as usize);
    format!("{whole}.{}", fraction.trim_end_matches('0'))
}

/// A value that names an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scalar {
    /// A boolean.
    Boolean(bool),
    /// A number: the same text for equal numbers.
    Number(String),
    /// A string.
    Text(String),
}

/// A limit of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limit {
    /// Its id.
    pub id: Box<str>,
    /// The most that calls in a window may come to, in units of 10^-18.
    pub max: u128,
    /// Which calls count together.
    pub window: Window,
    /// Whether a person is asked about a call that does not fit. Otherwise it is denied.
    pub asks: bool,
    /// For the caller whose call does not fit.
    pub reason: Box<str>,
}

#[doc(inline)]
pub use module::Window;

/// An obligation of a loaded policy.
#[derive(Debug)]
pub(super) enum Obligation {
    Charge {
        limit: Limit,
        per: Vec<u32>,
        sum: Option<u32>,
        /// Which of `per` is the session's id, if the limit counts by session.
        session: Option<usize>,
    },
    Label(module::Label),
}

impl Obligation {
    /// How many attributes it reads.
    pub(super) fn reads(&self) -> usize {
        match self {
            Self::Charge { per, sum, .. } => per.len() + usize::from(sum.is_some()),
            Self::Label(_) => 1,
        }
    }
}

/// The obligations of a manifest; `None` if it is not one of this compiler's.
pub(super) fn load(names: &Names) -> Option<Vec<Obligation>> {
    let has = |attribute: &u32| names.attributes.len() > *attribute as usize;
    let one = |obligation: &module::Obligation| match (&obligation.limit, &obligation.label) {
        (None, Some(label)) => has(&label.session).then(|| Obligation::Label(label.clone())),
        (Some(limit), None) => {
            let module::Limit { per, sum, max, window, asks, reason } = limit.clone();
            let max = Number::parse(max.as_bytes()).flatten().and_then(units)?;
            // The session's id is added to those that an author names.
            let is_sound = per.len() <= ACCOUNT_NAMES + 1 && per.iter().chain(&sum).all(has);
            let is_session =
                |attribute: &u32| names.attributes.get(*attribute as usize).is_some_and(|name| &**name == "session.id");
            let session = per.iter().position(is_session).filter(|_| window == Window::Session);
            let is_whole = session.is_some() == (window == Window::Session);
            let limit = Limit { id: obligation.id.clone(), max, window, asks, reason };
            (is_sound && is_whole).then_some(Obligation::Charge { limit, per, sum, session })
        }
        _ => None,
    };
    names.obligations.iter().map(one).collect()
}

/// A number that is not negative in units of 10^-18; `None` if it cannot be charged exactly.
fn units(number: Number) -> Option<u128> {
    let (is_negative, digits, power) = number.parts();
    let power = u32::try_from(power + i64::from(DIGITS)).ok().filter(|power| *power < 2 * DIGITS);
    let units = match digits {
        0 => Some(0),
        digits => power.and_then(|power| digits.checked_mul(10_u128.pow(power))),
    };
    units.filter(|units| !is_negative && *units < TOO_MUCH)
}

/// Why a call that the rules let through is denied.
#[derive(Clone, Copy)]
pub(super) struct Refusal<'p> {
    /// The limit that it cannot be counted towards; `None` if its session cannot get labels.
    limit: Option<&'p Limit>,
    /// The attribute that cannot be read, by its number.
    attribute: u32,
    problem: Problem,
    /// The types that could be.
    takes: Expected,
}

impl<'p> Refusal<'p> {
    /// The denial.
    pub(super) fn decision(&self, loaded: &'p Loaded) -> Decision<'p> {
        let attribute = loaded.names.attributes.get(self.attribute as usize).map(|name| &**name);
        let hint = attribute.and_then(|attribute| Hint::new(attribute, self.problem, self.takes));
        let kind = if self.limit.is_some() { CauseKind::OverLimit } else { CauseKind::Ledger };
        let limit = self.limit.map(|limit| &*limit.id);
        let cause = Cause { limit, attribute, problem: Some(self.problem), ..Cause::of(kind) };
        let reason = self.limit.map_or(reason::LEDGER, |limit| &limit.reason);
        Decision::new(Outcome::Deny, None, reason, hint, cause)
    }
}

/// The most attributes that one obligation reads: the names of an account, the session, and what is summed.
pub(super) const MOST_READ: usize = ACCOUNT_NAMES + 2;

/// A value as a frame has it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Held<'m> {
    Boolean(bool),
    Number(Number),
    Text(&'m str),
    /// No such value, but a [`kind`].
    Other(u32),
}

impl Obligation {
    /// Adds what has to be remembered of a call for this obligation, by the values that it reads.
    ///
    /// # Errors
    ///
    /// Why it cannot be remembered.
    pub(super) fn add<'p>(&'p self, values: &[Held<'_>], owed: &mut Obligations<'p>) -> Result<(), Refusal<'p>> {
        match self {
            Self::Label(module::Label { session, add }) => {
                let id = values.first().map_or(Err(Problem::Missing), text_of);
                let refusal = |problem| Refusal { limit: None, attribute: *session, problem, takes: Expected::STRING };
                owed.session = Some(id.map_err(refusal)?);
                for label in add {
                    if !owed.labels.contains(&&**label) {
                        owed.labels.push(label);
                    }
                }
            }
            Self::Charge { limit, per, sum, session } => {
                let refusal =
                    |attribute: u32, problem, takes| Refusal { limit: Some(limit), attribute, problem, takes };
                let (named, charged) = values.split_at_checked(per.len()).unwrap_or_default();
                let mut account = Vec::with_capacity(per.len());
                for (at, (value, attribute)) in named.iter().zip(per).enumerate() {
                    if *session == Some(at) {
                        let id = text_of(value).map_err(|problem| refusal(*attribute, problem, Expected::STRING))?;
                        owed.session = Some(id);
                    }
                    account.push(scalar(value).map_err(|problem| refusal(*attribute, problem, SCALAR))?);
                }
                let amount = match (charged.first(), sum) {
                    (Some(value), Some(sum)) => {
                        amount(value).map_err(|problem| refusal(*sum, problem, Expected::NUMBER))?
                    }
                    _ => 10_u128.pow(DIGITS),
                };
                owed.charges.push(Charge { limit, account, amount });
            }
        }
        Ok(())
    }
}

/// The types of what names an account.
const SCALAR: Expected = Expected::BOOLEAN.or(Expected::NUMBER).or(Expected::STRING);

/// The value that names an account.
fn scalar(value: &Held<'_>) -> Result<Scalar, Problem> {
    match value {
        Held::Boolean(value) => Ok(Scalar::Boolean(*value)),
        Held::Number(number) => {
            let (is_negative, digits, power) = number.parts();
            Ok(Scalar::Number(format!("{}{digits}e{power}", if is_negative { "-" } else { "" })))
        }
        Held::Text(text) => Ok(Scalar::Text((*text).to_owned())),
        Held::Other(state) => Err(problem(*state)),
    }
}

/// A string.
fn text_of(value: &Held<'_>) -> Result<String, Problem> {
    match value {
        Held::Text(text) => Ok((*text).to_owned()),
        Held::Boolean(_) | Held::Number(_) => Err(Problem::Type),
        Held::Other(state) => Err(problem(*state)),
    }
}

/// What is charged, in units of 10^-18.
fn amount(value: &Held<'_>) -> Result<u128, Problem> {
    match value {
        Held::Number(number) => units(*number).ok_or(Problem::OutOfRange),
        Held::Boolean(_) | Held::Text(_) => Err(Problem::Type),
        Held::Other(state) => Err(problem(*state)),
    }
}

/// Why a value in a state cannot be read.
const fn problem(state: u32) -> Problem {
    match state {
        kind::MISSING => Problem::Missing,
        kind::NULL => Problem::Null,
        kind::RANGE => Problem::OutOfRange,
        kind::OPEN | kind::WITHHELD => Problem::Withheld,
        _ => Problem::Type,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_exact_or_none() {
        let read = |text: &str| Number::parse(text.as_bytes()).unwrap().and_then(units);
        let one = 10_u128.pow(18);
        for (text, expected) in [
            ("0", Some(0)),
            ("-0.0", Some(0)),
            ("0e6000", Some(0)),
            ("1", Some(one)),
            ("1.50", Some(one + one / 2)),
            ("2e3", Some(2000 * one)),
            ("1e-18", Some(1)),
            ("1e-19", None),
            ("1.0000000000000000001", None),
            ("1e-400", None),
            ("-1", None),
            ("-1e-18", None),
            ("999999999999999999.999999999999999999", Some(one * one - 1)),
            ("1e18", None),
            ("1e400", None),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
        for amount in ["0", "1", "1.5", "2000", "0.000000000000000001", "999999999999999999.999999999999999999"] {
            assert_eq!(text(read(amount).unwrap()), amount);
        }
    }
}
