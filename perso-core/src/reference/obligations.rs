//! What has to be remembered of a call.

use super::attribute::{self, Env, State};
use super::call::Call;
use super::evaluate::{Look, Verdict, outcome};
use super::operator::Blame;
use super::tool;
use crate::decision::{CauseKind, Expected, Problem};
use crate::policy::{AttributeId, Decimal, Duty, Effect, Limit, Obligation, Policy, Window};

/// An obligation that a call has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owed {
    /// Which, an index into [`Policy::obligations`].
    pub obligation: usize,
    /// If it is a limit: the values that name the account, and what is charged.
    pub charge: Option<(Vec<Name>, Decimal)>,
}

/// A value that names an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Name {
    /// A boolean.
    Boolean(bool),
    /// A number.
    Number(Decimal),
    /// A string.
    Text(String),
}

/// What has to be remembered of a call that the rules let through.
///
/// # Errors
///
/// The denial of a call that cannot be counted towards a limit, and which one that is.
pub fn obligations(policy: &Policy, call: &Call) -> Result<Vec<Owed>, (usize, Verdict)> {
    obliged(policy, call).map(|(index, obligation)| owed(policy, call, index, obligation)).collect()
}

/// The decision about a call that something has to be remembered of, where there is no ledger.
#[must_use]
pub fn unremembered() -> Verdict {
    Verdict::new(outcome(Effect::Deny), CauseKind::Ledger)
}

/// The obligations that a call has.
pub fn obliged<'p>(policy: &'p Policy, call: &'p Call) -> impl Iterator<Item = (usize, &'p Obligation)> {
    tool::obligations(policy, &call.tool).filter(|(_, obligation)| {
        let scope = &obligation.scope;
        let mut look = Look::at(policy, call);
        tool::rule_matches(policy, scope, &call.tool)
            && !look.at_roles(scope, false)
            && !look.holds(&scope.condition, false)
    })
}

fn owed(policy: &Policy, call: &Call, index: usize, obligation: &Obligation) -> Result<Owed, (usize, Verdict)> {
    let charge = match &obligation.duty {
        Duty::Label { session, .. } => {
            let env = Env::new(policy, call);
            let state = policy.attributes.get(*session).map_or(State::Missing, |attribute| env.state(attribute));
            if !matches!(state, State::String(_)) {
                let attribute = attribute::name(&policy.attributes, *session);
                let blame = Blame { attribute, problem: problem(&state), expected: Expected::default() };
                return Err((index, unremembered().blame(Some(blame))));
            }
            None
        }
        Duty::Charge(limit) => Some(charge(policy, call, limit).map_err(|blame| (index, denied(blame)))?),
    };
    Ok(Owed { obligation: index, charge })
}

fn charge(policy: &Policy, call: &Call, limit: &Limit) -> Result<(Vec<Name>, Decimal), Blame> {
    let env = Env::new(policy, call);
    let scalar = Expected::BOOLEAN.or(Expected::NUMBER).or(Expected::STRING);
    let read = |id: AttributeId| policy.attributes.get(id).map_or(State::Missing, |attribute| env.state(attribute));
    let blamed = |id: AttributeId, problem: Problem, expected: Expected| {
        let attribute = attribute::name(&policy.attributes, id);
        Blame { attribute, problem, expected }
    };
    let is_session = |attribute: AttributeId| {
        limit.window == Window::Session && attribute::name(&policy.attributes, attribute) == "session.id"
    };
    let name = |attribute: &AttributeId| match read(*attribute) {
        // The ledger knows sessions by their ids, which are strings.
        State::Bool(_) | State::Number(_) if is_session(*attribute) => {
            Err(blamed(*attribute, Problem::Type, Expected::STRING))
        }
        State::Bool(value) => Ok(Name::Boolean(value)),
        State::Number(number) => Ok(Name::Number(number)),
        State::String(text) => Ok(Name::Text(text.into_owned())),
        state => Err(blamed(*attribute, problem(&state), scalar)),
    };
    let account = limit.per.iter().map(name).collect::<Result<_, _>>()?;
    let Some(sum) = limit.sum else { return Ok((account, one())) };
    match read(sum) {
        State::Number(number) if can_be_charged(&number) => Ok((account, number)),
        State::Number(_) => Err(blamed(sum, Problem::OutOfRange, Expected::NUMBER)),
        state => Err(blamed(sum, problem(&state), Expected::NUMBER)),
    }
}

/// Whether a number is at least 0 and below 10^18, and has at most 18 digits after the point.
fn can_be_charged(number: &Decimal) -> bool {
    let (is_negative, digits, power) = number.parts();
    let whole = i64::try_from(digits.len()).unwrap_or(i64::MAX).saturating_add(power);
    !is_negative && (digits.is_empty() || power >= -18 && whole <= 18)
}

fn one() -> Decimal {
    Decimal::parse("1").unwrap_or_else(|| unreachable!("one is in range"))
}

const fn problem(state: &State<'_>) -> Problem {
    match state {
        State::Missing => Problem::Missing,
        State::Null => Problem::Null,
        State::OutOfRange => Problem::OutOfRange,
        State::Open | State::Withheld => Problem::Withheld,
        _ => Problem::Type,
    }
}

fn denied(blame: Blame) -> Verdict {
    Verdict::new(outcome(Effect::Deny), CauseKind::OverLimit).blame(Some(blame))
}
