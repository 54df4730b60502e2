//! What a host has to remember of calls: what they add up to, and what the sessions that made them have seen.

use super::{AttributeId, Decimal, Effect, Rule, Zone};

/// What has to be remembered of a call before it runs.
#[derive(Debug, Clone)]
pub struct Obligation {
    /// The calls that it is about: those that a deny rule with the same tools, roles and condition would deny. Its id and its
    /// reason are those of the limit or label.
    pub scope: Rule,
    /// What is remembered.
    pub duty: Duty,
}

/// What is remembered of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Duty {
    /// It counts towards a limit.
    Charge(Limit),
    /// Its session gets labels.
    Label {
        /// `session.id`.
        session: AttributeId,
        /// The labels.
        add: Vec<String>,
    },
}

/// How much calls may add up to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    /// The attributes whose values name the account that a call charges. Calls with equal values share an account.
    pub per: Vec<AttributeId>,
    /// The attribute whose value is charged; `None` where calls are counted.
    pub sum: Option<AttributeId>,
    /// The most that the calls in a window may come to.
    pub max: Decimal,
    /// Which calls count together.
    pub window: Window,
    /// What happens to a call that does not fit: [`Effect::Deny`], or [`Effect::Ask`].
    pub over: Effect,
}

/// Which calls count together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    /// Those of the last so many seconds.
    Last(u64),
    /// Those of the same period of the calendar.
    Calendar(Period, Zone),
    /// Those of the same session.
    Session,
}

/// A period of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Period {
    /// An hour.
    Hour,
    /// A day.
    Day,
    /// A week, from Monday on.
    Week,
    /// A month.
    Month,
}

impl Period {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Hour, Self::Day, Self::Week, Self::Month];

    /// As an author writes it: `"day"`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
        }
    }
}

impl Obligation {
    /// The attributes that it reads besides those of its condition.
    pub(crate) fn reads(&self) -> impl Iterator<Item = AttributeId> {
        let (per, one) = match &self.duty {
            Duty::Charge(limit) => (limit.per.as_slice(), limit.sum),
            Duty::Label { session, .. } => (&[][..], Some(*session)),
        };
        per.iter().copied().chain(one)
    }
}
