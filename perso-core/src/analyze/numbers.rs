//! Numbers on both sides of every bound that tests have.

use crate::policy::{Decimal, Facet, Operand, Operator, StatementField, Value as Literal};
use crate::reference::arithmetic::{floor, plus, times};
use crate::reference::{Number, Value};

/// The ends of all numbers that can be compared.
const LEAST: &str = "-99999999999999999999999999999999999999e6107";
const GREATEST: &str = "99999999999999999999999999999999999999e6107";

/// From where to where a whole number can be.
pub(super) type Range = (i64, i64);

/// The numbers that a facet can be; `None` for any.
pub(super) fn range(facet: Facet) -> Option<Range> {
    match facet {
        Facet::Length | Facet::Count | Facet::Statement(StatementField::Limit) => Some((0, 1 << 62)),
        Facet::Port => Some((0, 65_535)),
        Facet::Weekday(_) => Some((1, 7)),
        Facet::TimeOfDay(_) => Some((0, 86_399)),
        Facet::Date(_) => Some((-719_530, 2_932_900)),
        _ => None,
    }
}

/// The numbers that an operator compares with.
pub(super) fn literals(operator: &Operator) -> Vec<Decimal> {
    let of = |value: &Literal| match value {
        Literal::Number(number) => Some(number.clone()),
        _ => None,
    };
    match operator {
        Operator::In(values) | Operator::Presumed(values) => values.iter().filter_map(of).collect(),
        Operator::Eq(with)
        | Operator::Lt(with)
        | Operator::Lte(with)
        | Operator::Gt(with)
        | Operator::Gte(with)
        | Operator::Has(with) => match with {
            Operand::Literal(value) => of(value).into_iter().collect(),
            Operand::Ref(_) => Vec::new(),
        },
        _ => Vec::new(),
    }
}

/// Each bound, numbers between each two of them, and some beyond them: so many of each that as many numbers can differ.
pub(super) fn candidates(bounds: &[Decimal], range: Option<Range>, points: usize) -> Vec<Value> {
    let mut bounds = bounds.to_vec();
    bounds.sort_unstable();
    bounds.dedup();
    let points = points.clamp(1, 8);
    let mut found: Vec<Decimal> = Vec::new();
    if let Some((from, to)) = range {
        let near = bounds.iter().filter_map(floor).flat_map(|bound| {
            let points = points as i64;
            (-points..=points + 1).map(move |step| bound.saturating_add(step))
        });
        let ends = [0, 1, 2, 3, 80, 443].into_iter().chain([from, to]);
        let mut wholes: Vec<i64> = near.chain(ends).filter(|number| (from..=to).contains(number)).collect();
        wholes.sort_unstable_by_key(|number| (number.unsigned_abs(), *number < 0));
        wholes.dedup();
        found.extend(wholes.into_iter().filter_map(whole_number));
        return numbers(found);
    }
    found.extend([1, 0].into_iter().filter_map(whole_number));
    let step = |from: &Decimal, step: i64| plus(from, &whole_number(step)?);
    for bound in &bounds {
        found.extend([Some(bound.clone()), step(bound, 1), step(bound, -1)].into_iter().flatten());
    }
    for pair in bounds.windows(2) {
        let [low, high] = pair else { continue };
        found.extend(between(low, high, points));
    }
    for count in 1..=points as i64 {
        found.extend(bounds.last().and_then(|high| step(high, count)));
        found.extend(bounds.first().and_then(|low| step(low, -count)));
        found.extend(whole_number(count));
    }
    // Near the largest and the smallest of all numbers there may be no whole step.
    let ends = [LEAST, GREATEST].map(Decimal::parse);
    if let ([Some(least), Some(greatest)], Some(low), Some(high)) = (&ends, bounds.first(), bounds.last()) {
        let has_steps = |from: &Decimal, by: i64| step(from, by * points as i64).is_some();
        found.extend((!has_steps(low, -1)).then(|| between(least, low, points)).into_iter().flatten());
        found.extend((!has_steps(high, 1)).then(|| between(high, greatest, points)).into_iter().flatten());
    }
    found.extend(ends.into_iter().flatten());
    numbers(found)
}

fn numbers(found: Vec<Decimal>) -> Vec<Value> {
    let mut values: Vec<Value> = Vec::new();
    for number in found {
        let value = number_value(number);
        if !values.contains(&value) {
            values.push(value);
        }
    }
    values
}

/// A number as a value.
pub(super) fn number_value(number: Decimal) -> Value {
    Value::Number(Number { text: number.to_string(), value: Some(number) })
}

/// So many numbers between two others, or all that there are: halves first, as these are short.
fn between(low: &Decimal, high: &Decimal, points: usize) -> Vec<Decimal> {
    let half = Decimal::parse("0.5");
    let middle = |high: &Decimal| times(&plus(low, high)?, half.as_ref()?);
    let halves = std::iter::successors(middle(high), middle);
    let neighbours = std::iter::successors(next(low), next);
    let within = |number: &Decimal| number > low && number < high;
    let mut found: Vec<Decimal> = halves.take_while(within).take(points).collect();
    if found.len() < points {
        let others: Vec<Decimal> =
            neighbours.take_while(within).take(points).filter(|number| !found.contains(number)).collect();
        found.extend(others.into_iter().take(points - found.len()));
    }
    found
}

/// The next larger number that can be compared.
fn next(number: &Decimal) -> Option<Decimal> {
    const LEAST_DIGITS: u128 = 10_u128.pow(37);
    let (negative, digits, power) = number.parts();
    if digits.is_empty() {
        return Decimal::parse("1e-6144");
    }
    let power = power + i64::try_from(digits.len()).ok()? - 38;
    let digits: u128 = format!("{digits:0<38}").parse().ok()?;
    let next = match digits {
        _ if !negative => format!("{}e{power}", digits + 1),
        LEAST_DIGITS => format!("-{}e{}", LEAST_DIGITS * 10 - 1, power - 1),
        _ => format!("-{}e{power}", digits - 1),
    };
    // After the last below zero comes zero.
    Decimal::parse(&next).or_else(|| Decimal::parse("0").filter(|_| negative))
}

fn whole_number(number: i64) -> Option<Decimal> {
    Decimal::parse(&number.to_string())
}

/// A whole number that is not negative, as one of Rust's.
pub(super) fn whole(value: &Value) -> Option<usize> {
    match value {
        Value::Number(number) => usize::try_from(floor(number.value.as_ref()?)?).ok(),
        _ => None,
    }
}
