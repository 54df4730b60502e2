//! Instants, dates and clocks, and the present that ages depend on.

use std::collections::BTreeMap;

use super::super::build;
use super::super::formula::{Asked, AtomId, Fact};
use super::super::numbers;
use super::super::space::{Kind, NodeId, Way};
use super::{Failure, Literals, MOST_PARTS, MOST_PRESENTS, MOST_VALUES, Values, number_of};
use crate::policy::{Decimal, Facet, Root};
use crate::reference::alone::{self, Read};
use crate::reference::arithmetic::{floor, plus};
use crate::reference::{Number, Value};

/// The present of a call.
pub(super) struct Present {
    /// The value that it has in the call, if it is asked about.
    pub(super) place: Option<(NodeId, Value)>,
    pub(super) instant: Value,
}

impl<'w> Values<'w> {
    /// That an instant can have the dates and weekdays that are asked for, with these tests of the instant.
    pub(super) fn dates(&self, node: NodeId, of_instant: &[(AtomId, &Asked)]) -> Result<(), Failure> {
        let facets = self.facets(node);
        let ids = |node: NodeId| self.atoms(node).into_iter().map(|(atom, _)| atom).collect::<Vec<_>>();
        let literals = |own: &[(AtomId, &Asked)]| {
            own.iter().flat_map(|(_, asked)| numbers::literals(&asked.0)).collect::<Vec<_>>()
        };
        let mut window: Option<(Decimal, Decimal)> = None;
        let mut dated: Literals = Vec::new();
        for (facet, date) in facets.iter().filter(|(_, node)| self.kind(*node) == Kind::Number) {
            let Facet::Date(zone) = facet else { continue };
            let of_date = ids(*date);
            let days = numbers::candidates(&literals(&self.atoms(*date)), numbers::range(*facet), 1);
            let days = days.iter().filter(|day| self.passes(&of_date, day)).filter_map(build::whole);
            let days: Vec<i64> = days.collect();
            let (Some(first), Some(last)) = (days.iter().min(), days.iter().max()) else { continue };
            // No clock is more than 16 hours from that of UTC.
            let (Some(from), Some(to)) = (build::hours_into(*first, -16), build::hours_into(last + 1, 16)) else {
                continue;
            };
            dated.extend(self.conflict(*date, &of_date));
            // The days that other zones have.
            let (from, to) = match window.take() {
                Some((first, last)) => (from.max(first), to.min(last)),
                None => (from, to),
            };
            window = Some((from.clone(), to.clone()));
            let bounds: Vec<_> = literals(of_instant).into_iter().chain([from.clone(), to.clone()]).collect();
            let atoms: Vec<AtomId> = of_instant.iter().map(|(atom, _)| *atom).collect();
            let fits = |value: &Value| match value {
                Value::Number(Number { value: Some(number), .. }) => {
                    from <= *number && *number <= to && self.passes(&atoms, value)
                }
                _ => false,
            };
            if !numbers::candidates(&bounds, None, 1).iter().any(fits) {
                let instants = facets.iter().filter(|(facet, _)| *facet == Facet::Instant);
                let mut facts = self.conflict(node, &atoms);
                facts.extend(instants.map(|(_, node)| (Fact::Is(*node, self.kind(*node)), true)));
                facts.extend(dated);
                return Err(Failure::Conflict(facts));
            }
            let is_of_date =
                |(facet, node): &&(Facet, NodeId)| *facet == Facet::Weekday(*zone) && self.kind(*node) == Kind::Number;
            let Some((_, weekday)) = facets.iter().find(is_of_date).filter(|_| last - first < 7) else { continue };
            let of_weekday = ids(*weekday);
            // The first day of 1970 was a Thursday.
            let is_fine = |day: i64| {
                self.passes(&of_date, &build::instant_number(day))
                    && self.passes(&of_weekday, &build::instant_number((day + 3).rem_euclid(7) + 1))
            };
            if !(*first..=*last).any(is_fine) {
                let facts = self.conflict(*date, &of_date).into_iter().chain(self.conflict(*weekday, &of_weekday));
                return Err(Failure::Conflict(facts.collect()));
            }
        }
        Ok(())
    }

    /// Times for clocks and dates: every combination of what they ask, also on the days of these instants.
    pub(super) fn instants(&self, facets: &[(Facet, NodeId)], near: &[i64]) -> Result<Vec<i64>, Failure> {
        let mut asked = Vec::new();
        for (facet, node) in facets.iter().filter(|(facet, _)| build::is_time(*facet)) {
            let values = if self.kind(*node) == Kind::Number { self.values(*node, MOST_VALUES)? } else { Vec::new() };
            asked.push((*facet, values.into_iter().flatten().collect::<Vec<_>>()));
        }
        Ok(build::instants(&asked, near, self.now_seconds()))
    }

    pub(super) fn now_seconds(&self) -> i64 {
        match &self.now {
            Value::Number(number) => number.value.as_ref().and_then(floor).unwrap_or_default(),
            _ => 0,
        }
    }

    /// Presents to try, which ages depend on.
    pub(super) fn presents(&self) -> Result<Vec<Present>, Failure> {
        if !self.asks_age() {
            return Ok(vec![Present { place: None, instant: self.now.clone() }]);
        }
        let mut instants: Vec<Decimal> = number_of(&self.now).into_iter().collect();
        let ages = self.relevant.iter().copied().filter(|node| self.way(*node) == Some(&Way::Facet(Facet::Age)));
        for age in ages.filter(|age| self.kind(*age) == Kind::Number && !self.is_present(self.above(*age))) {
            let Some(of) = self.above(age) else { continue };
            let ages: Vec<Decimal> = self.values(age, MOST_PARTS)?.iter().flatten().filter_map(number_of).collect();
            instants.extend(ages.iter().take(2).filter_map(|age| plus(&number_of(&self.now)?, age)));
            // Whatever its age is.
            let mut others = self.clone();
            others.relevant.remove(&age);
            let values = match others.values(of, MOST_VALUES) {
                Err(Failure::Unknown(_)) => continue,
                values => values?,
            };
            for value in values.iter().flatten().take(MOST_PRESENTS / 2) {
                let Read::Value(instant) = alone::facet(Facet::Instant, value, self.shared, None) else { continue };
                let instant = number_of(&instant);
                instants.extend(ages.iter().take(2).filter_map(|age| plus(instant.as_ref()?, age)));
            }
        }
        instants.dedup();
        instants.truncate(MOST_PRESENTS);
        let place = self.relevant.iter().copied().find(|node| self.is_present(Some(*node)));
        let Some(place) = place else {
            return Ok(instants
                .into_iter()
                .map(|instant| Present { place: None, instant: numbers::number_value(instant) })
                .collect());
        };
        let own = self.values(place, 1)?.into_iter().flatten();
        let other = |instant: Decimal| match self.kind(place) {
            Kind::Number => Some(numbers::number_value(instant)),
            Kind::String => floor(&instant).and_then(build::written).map(Value::String),
            _ => None,
        };
        let others = instants.into_iter().filter_map(other).filter(|value| self.fits(place, value));
        let mut presents: Vec<_> = own
            .chain(others)
            .map(|value| {
                let read = alone::facet(Facet::Instant, &value, self.shared, None);
                let now = if let Read::Value(instant) = read { instant } else { self.now.clone() };
                Present { place: Some((place, value)), instant: now }
            })
            .collect();
        if presents.is_empty() {
            presents.push(Present { place: None, instant: self.now.clone() });
        }
        Ok(presents)
    }

    pub(super) fn asks_age(&self) -> bool {
        self.relevant.iter().any(|node| matches!(self.way(*node), Some(Way::Facet(Facet::Age))))
    }

    pub(super) fn add_present(&self, parts: &mut BTreeMap<Root, Value>) {
        if !self.asks_age() || self.relevant.iter().any(|node| self.is_present(Some(*node))) {
            return;
        }
        if let Value::Object(members) = parts.entry(Root::Context).or_insert_with(|| Value::Object(Vec::new()))
            && members.iter().all(|(key, _)| key != "now")
        {
            members.push(("now".to_owned(), self.now.clone()));
        }
    }
}
