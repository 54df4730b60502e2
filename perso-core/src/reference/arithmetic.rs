//! Sums, differences and products of exact decimals, digit by digit as on paper.

use crate::policy::Decimal;

/// The sum; `None` if it is out of range.
pub(crate) fn plus(one: &Decimal, other: &Decimal) -> Option<Decimal> {
    let ((a_negative, a, a_exponent), (b_negative, b, b_exponent)) = (one.parts(), other.parts());
    if a.is_empty() || b.is_empty() {
        return Some(if a.is_empty() { other } else { one }.clone());
    }
    let exponent = a_exponent.min(b_exponent);
    let (a, b) = (digits(a, a_exponent - exponent), digits(b, b_exponent - exponent));
    if a_negative == b_negative {
        return number(a_negative, &add(&a, &b), exponent);
    }
    // The lowest digit comes first, so the numbers compare from their ends.
    let is_less = a.len() < b.len() || a.len() == b.len() && a.iter().rev().lt(b.iter().rev());
    let (negative, difference) = if is_less { (b_negative, subtract(&b, &a)) } else { (a_negative, subtract(&a, &b)) };
    number(negative, &difference, exponent)
}

/// The difference; `None` if it is out of range.
pub(crate) fn minus(one: &Decimal, other: &Decimal) -> Option<Decimal> {
    let (negative, digits, exponent) = other.parts();
    plus(one, &Decimal::parse(&format!("{}{}e{exponent}", if negative { "" } else { "-" }, zero(digits)))?)
}

/// The product; `None` if it is out of range.
pub(crate) fn times(one: &Decimal, other: &Decimal) -> Option<Decimal> {
    let ((a_negative, a, a_exponent), (b_negative, b, b_exponent)) = (one.parts(), other.parts());
    let (a, b) = (digits(a, 0), digits(b, 0));
    let mut product = Vec::new();
    for (place, digit) in b.iter().enumerate() {
        let shifted: Vec<u8> = std::iter::repeat_n(0, place).chain(a.iter().copied()).collect();
        for _ in 0..*digit {
            product = add(&product, &shifted);
        }
    }
    number(a_negative != b_negative, &product, a_exponent + b_exponent)
}

/// The largest whole number that is not more, where it has at most 18 digits.
pub(crate) fn floor(number: &Decimal) -> Option<i64> {
    let (negative, digits, exponent) = number.parts();
    let whole = i64::try_from(digits.len()).ok()? + exponent;
    let size = match usize::try_from(whole) {
        Ok(0) | Err(_) => 0,
        Ok(whole) if whole > 18 => return None,
        Ok(whole) => format!("{digits:0<whole$}").get(..whole)?.parse().ok()?,
    };
    Some(if negative { -size - i64::from(exponent < 0) } else { size })
}

/// The digits, the lowest first, with so many zeros below them.
fn digits(text: &str, zeros: i64) -> Vec<u8> {
    let zeros = std::iter::repeat_n(0, usize::try_from(zeros).unwrap_or(0));
    zeros.chain(text.bytes().rev().map(|digit| digit - b'0')).collect()
}

fn add(one: &[u8], other: &[u8]) -> Vec<u8> {
    let at = |number: &[u8], place: usize| number.get(place).copied().unwrap_or(0);
    let mut carry = 0;
    let mut sum: Vec<u8> = (0..one.len().max(other.len()))
        .map(|place| {
            let digit = at(one, place) + at(other, place) + carry;
            carry = digit / 10;
            digit % 10
        })
        .collect();
    if carry > 0 {
        sum.push(carry);
    }
    sum
}

/// The difference, where the first number is not less.
fn subtract(one: &[u8], other: &[u8]) -> Vec<u8> {
    let mut borrowed = 0;
    let places = one.iter().enumerate().map(|(place, digit)| {
        let less = other.get(place).copied().unwrap_or(0) + borrowed;
        borrowed = u8::from(*digit < less);
        digit + 10 * borrowed - less
    });
    places.collect()
}

fn number(negative: bool, digits: &[u8], exponent: i64) -> Option<Decimal> {
    let text: String = digits.iter().rev().map(|digit| char::from(b'0' + digit)).collect();
    Decimal::parse(&format!("{}{}e{exponent}", if negative { "-" } else { "" }, zero(&text)))
}

/// No digits are a zero.
fn zero(digits: &str) -> &str {
    if digits.is_empty() { "0" } else { digits }
}
