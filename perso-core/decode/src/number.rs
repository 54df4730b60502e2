//! Exact decimals as three integers whose lexicographic order is the numeric order.

use crate::limits::{NUMBER_DIGITS, NUMBER_EXPONENT};

/// A decimal number. Equal numbers (`500`, `500.0`, `5e2`) have equal parts, and comparing `head` as signed, then `high`
/// and `low` as unsigned integers compares the numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Number {
    /// 0 for zero; else the decimal exponent of the first digit plus 6145, negated for a negative number.
    pub head: i64,
    /// The first 19 significant digits, all bits flipped for a negative number.
    pub high: u64,
    /// The next 19 digits, likewise.
    pub low: u64,
}

/// Digits in each of a number's two limbs.
const LIMB: u32 = 19;

impl Number {
    /// Zero.
    pub const ZERO: Self = Self { head: 0, high: 0, low: 0 };

    /// Reads a JSON number that is the whole text. `None` if it is no JSON number; `Some(None)` if it is out of range.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Option<Self>> {
        let (number, end) = scan(text, 0)?;
        (end == text.len()).then_some(number)
    }
}

impl From<u64> for Number {
    fn from(value: u64) -> Self {
        let Some(exponent) = value.checked_ilog10() else { return Self::ZERO };
        let (high, low) = if exponent < LIMB {
            (value * 10_u64.pow(LIMB - 1 - exponent), 0)
        } else {
            (value / 10, value % 10 * 10_u64.pow(LIMB - 1))
        };
        Self { head: i64::from(exponent) + NUMBER_EXPONENT + 1, high, low }
    }
}

impl From<i64> for Number {
    fn from(value: i64) -> Self {
        let size = Self::from(value.unsigned_abs());
        if value < 0 {
            size.negated()
        } else {
            size
        }
    }
}

impl Number {
    const fn negated(self) -> Self {
        if self.head == 0 {
            return self;
        }
        Self { head: -self.head, high: !self.high, low: !self.low }
    }
}

/// Significant digits as they come.
#[derive(Default)]
struct Digits {
    high: u64,
    low: u64,
    /// Significant digits so far, without zeros at the end.
    count: u32,
    /// Zeros since the last other digit.
    zeros: u32,
    /// Zeros before the first other digit.
    leading: i64,
}

impl Digits {
    #[inline]
    fn push(&mut self, digit: u8) {
        if digit == 0 {
            if self.count == 0 {
                self.leading += 1;
            } else {
                self.zeros = self.zeros.saturating_add(1);
            }
            return;
        }
        while self.zeros > 0 && self.count < NUMBER_DIGITS {
            self.zeros -= 1;
            self.append(0);
        }
        // Zeros that are left did not fit, and nor does this digit.
        self.count = self.count.saturating_add(self.zeros);
        self.zeros = 0;
        self.append(digit);
    }

    #[inline]
    fn append(&mut self, digit: u8) {
        self.count = self.count.saturating_add(1);
        if self.count <= LIMB {
            self.high = self.high * 10 + u64::from(digit);
        } else if self.count <= NUMBER_DIGITS {
            self.low = self.low * 10 + u64::from(digit);
        }
    }

    /// The number, given how many of the digits, zeros at the front included, stand before the point.
    #[inline]
    fn number(self, negative: bool, before_point: i64) -> Option<Number> {
        if self.count == 0 {
            return Some(Number::ZERO);
        }
        let exponent = before_point.saturating_sub(self.leading).saturating_sub(1);
        if self.count > NUMBER_DIGITS || !(-NUMBER_EXPONENT..=NUMBER_EXPONENT).contains(&exponent) {
            return None;
        }
        let in_high = if self.count < LIMB { self.count } else { LIMB };
        let number = Number {
            head: exponent + NUMBER_EXPONENT + 1,
            high: self.high * 10_u64.pow(LIMB - in_high),
            low: self.low * 10_u64.pow(LIMB - (self.count - in_high)),
        };
        Some(if negative { number.negated() } else { number })
    }
}

/// Reads the JSON number that begins at `start`: the number (`None` where it is out of range) and where it ends.
/// `None` if there is no JSON number.
#[inline]
pub(crate) fn scan(text: &[u8], start: usize) -> Option<(Option<Number>, usize)> {
    let digit = |at: usize| text.get(at).map(|b| b.wrapping_sub(b'0')).filter(|d| *d < 10);
    let mut at = start;
    let negative = text.get(at) == Some(&b'-');
    at += usize::from(negative);

    let mut digits = Digits::default();
    let whole = at;
    if digit(at)? == 0 {
        digits.push(0);
        at += 1;
        if digit(at).is_some() {
            return None;
        }
    } else {
        while let Some(d) = digit(at) {
            digits.push(d);
            at += 1;
        }
    }
    let mut before_point = (at - whole) as i64;
    if text.get(at) == Some(&b'.') {
        at += 1;
        digits.push(digit(at)?);
        at += 1;
        while let Some(d) = digit(at) {
            digits.push(d);
            at += 1;
        }
    }
    if matches!(text.get(at), Some(b'e' | b'E')) {
        at += 1;
        let down = text.get(at) == Some(&b'-');
        at += usize::from(matches!(text.get(at), Some(b'+' | b'-')));
        let mut exponent = i64::from(digit(at)?);
        at += 1;
        while let Some(d) = digit(at) {
            // No text is long enough to bring a larger exponent back into range.
            exponent = if exponent < 1 << 40 { exponent * 10 + i64::from(d) } else { exponent };
            at += 1;
        }
        before_point = if down { before_point - exponent } else { before_point + exponent };
    }
    Some((digits.number(negative, before_point), at))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Number {
        Number::parse(text.as_bytes()).unwrap().unwrap()
    }

    #[test]
    fn equal_numbers_have_equal_parts() {
        for same in ["500", "500.0", "5e2", "0.5E3", "50e+1", "5000e-1", "0.0005e6"] {
            assert_eq!(parse(same), parse("500"), "{same}");
        }
        assert_eq!(parse("-0"), Number::ZERO);
        assert_eq!(parse("0e999999999999999999999999"), Number::ZERO);
        assert_eq!(Number::from(500_u64), parse("500"));
        assert_eq!(Number::from(u64::MAX), parse("18446744073709551615"));
        assert_eq!(Number::from(i64::MIN), parse("-9223372036854775808"));
        assert_eq!(Number::from(0_u64), Number::ZERO);
    }

    #[test]
    fn order_is_numeric() {
        let ascending = [
            "-1e300",
            "-9007199254740993",
            "-9007199254740992",
            "-501",
            "-500.00000000000000000001",
            "-500",
            "-0.5",
            "-1e-400",
            "0",
            "1e-400",
            "0.05",
            "0.5",
            "5",
            "50",
            "500",
            "500.00000000000000000001",
            "501",
            "9007199254740992",
            "9007199254740993",
            "18446744073709551615",
            "18446744073709551616",
            "1e400",
        ];
        for pair in ascending.windows(2) {
            assert!(parse(pair[0]) < parse(pair[1]), "{pair:?}");
        }
    }

    #[test]
    fn range_ends_where_the_limits_say() {
        let range = |text: &str| Number::parse(text.as_bytes()).unwrap().is_some();
        assert!(range("1e6144") && range("9.99e6144") && range("1e-6144") && range("-1e6144"));
        assert!(!range("1e6145") && !range("10e6144") && !range("0.1e-6144"));
        let nines = "99999999999999999999999999999999999999";
        assert!(range(nines));
        assert!(!range("999999999999999999999999999999999999999"));
        assert!(range("9999999999999999999999999999999999999900000000000000000000"));
        assert!(!range("1000000000000000000000000000000000000000000000001"));
        assert!(!range("1e9999999999999999999999999999999"));
    }

    #[test]
    fn what_is_no_json_number_is_refused() {
        for bad in
            ["", "-", "+1", "01", "-01", "1.", ".5", "1e", "1e+", "0x1", "1_000", "Infinity", "NaN", "1 ", " 1", "--1"]
        {
            assert_eq!(Number::parse(bad.as_bytes()), None, "{bad:?}");
        }
    }
}
