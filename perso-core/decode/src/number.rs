//! Exact decimals as three integers whose lexicographic order is the numeric order.

use crate::limits::{NUMBER_DIGITS, NUMBER_EXPONENT};
use crate::text::byte;

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
    /// One.
    pub(crate) const ONE: Self = Self { head: NUMBER_EXPONENT + 1, high: 10_u64.pow(LIMB - 1), low: 0 };

    /// Reads a JSON number that is the whole text. `None` if it is no JSON number; `Some(None)` if it is out of range.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Option<Self>> {
        (!text.is_empty() && end(text, 0) == text.len()).then(|| Self::of(text))
    }

    /// The number that a text of the right form is; `None` if it is out of range.
    pub(crate) fn of(text: &[u8]) -> Option<Self> {
        // Digits from the first on that is not zero.
        let (mut high, mut low, mut count) = (0_u64, 0_u64, 0_u32);
        // The decimal exponent of the first of them.
        let mut exponent: i64 = -1;
        let mut before_point = 1;
        let mut at = 0;
        loop {
            let byte = byte(text, at);
            let digit = u64::from(byte.wrapping_sub(b'0'));
            at += 1;
            if digit > 9 {
                match byte {
                    b'-' => {}
                    b'.' => before_point = 0,
                    _ => break,
                }
            } else if count == 0 && digit == 0 {
                exponent += before_point - 1;
            } else {
                exponent += before_point;
                count = count.saturating_add(1);
                if count <= LIMB {
                    high = high * 10 + digit;
                } else if count <= NUMBER_DIGITS {
                    low = low * 10 + digit;
                } else if digit != 0 {
                    return None;
                }
            }
        }
        // The exponent that is written, if there is one.
        let (mut size, mut sign) = (0_i64, 1);
        for byte in text.get(at..).unwrap_or_default() {
            if *byte == b'-' {
                sign = -1;
            }
            let digit = i64::from(byte.wrapping_sub(b'0'));
            // No text is long enough to bring a larger exponent back into range.
            if digit <= 9 && size < 1 << 40 {
                size = size * 10 + digit;
            }
        }
        if count == 0 {
            return Some(Self::ZERO);
        }
        exponent += size * sign;
        if !(-NUMBER_EXPONENT..=NUMBER_EXPONENT).contains(&exponent) {
            return None;
        }
        for _ in count..LIMB {
            high *= 10;
        }
        if low != 0 {
            for _ in count..NUMBER_DIGITS {
                low *= 10;
            }
        }
        let number = Self { head: exponent + NUMBER_EXPONENT + 1, high, low };
        Some(if text.first() == Some(&b'-') { number.negated() } else { number })
    }
}

/// Where the JSON number that begins at `at` ends; 0 if there is none.
#[inline]
pub(crate) fn end(text: &[u8], mut at: usize) -> usize {
    at += usize::from(byte(text, at) == b'-');
    if byte(text, at) == b'0' {
        at += 1;
        if byte(text, at).is_ascii_digit() {
            return 0;
        }
    } else {
        at = digits(text, at);
    }
    if at != 0 && byte(text, at) == b'.' {
        at = digits(text, at + 1);
    }
    if at != 0 && matches!(byte(text, at), b'e' | b'E') {
        at += 1;
        at += usize::from(matches!(byte(text, at), b'+' | b'-'));
        at = digits(text, at);
    }
    at
}

/// Where the digits that begin at `start` end; 0 if there are none.
#[cfg_attr(not(target_arch = "wasm32"), inline(always))]
fn digits(text: &[u8], start: usize) -> usize {
    let mut at = start;
    while byte(text, at).is_ascii_digit() {
        at += 1;
    }
    if at > start {
        at
    } else {
        0
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
    /// The sum; `None` if it is out of range.
    #[must_use]
    pub fn plus(self, other: Self) -> Option<Self> {
        let (mut upper, mut lower) = (Parts::of(self), Parts::of(other));
        if upper.digits == 0 || lower.digits == 0 {
            return Some(if upper.digits == 0 { other } else { self });
        }
        if upper.exponent < lower.exponent {
            core::mem::swap(&mut upper, &mut lower);
        }
        // The last digits are not 0. So where the digits of the one have no room above those of the other, the sum has
        // more digits than a number has, whatever the signs are.
        let shift = u32::try_from(upper.exponent - lower.exponent).ok()?;
        let digits = upper.digits.checked_mul(10_u128.checked_pow(shift)?)?;
        let (is_negative, digits) = if upper.is_negative == lower.is_negative {
            (upper.is_negative, digits.checked_add(lower.digits)?)
        } else {
            (upper.is_negative == (digits > lower.digits), digits.abs_diff(lower.digits))
        };
        Parts { is_negative, digits, exponent: lower.exponent }.number()
    }

    /// The difference; `None` if it is out of range.
    #[must_use]
    pub fn minus(self, other: Self) -> Option<Self> {
        self.plus(other.negated())
    }

    /// The product; `None` if it is out of range.
    #[must_use]
    pub fn times(self, other: Self) -> Option<Self> {
        let (mut one, mut other) = (Parts::of(self), Parts::of(other));
        if one.digits == 0 || other.digits == 0 {
            return Some(Self::ZERO);
        }
        // What ends in no 0 is no multiple of both 2 and 5. With each 2 of the one and 5 of the other taken out, the
        // product ends in no 0, so that it has room if it is a number.
        let mut exponent = one.exponent + other.exponent;
        for _ in 0..2 {
            while one.digits.is_multiple_of(2) && other.digits.is_multiple_of(5) {
                one.digits /= 2;
                other.digits /= 5;
                exponent += 1;
            }
            core::mem::swap(&mut one, &mut other);
        }
        let digits = one.digits.checked_mul(other.digits)?;
        Parts { is_negative: one.is_negative != other.is_negative, digits, exponent }.number()
    }

    /// So many times ten to this power.
    pub(crate) fn scaled(count: i128, exponent: i64) -> Option<Self> {
        Parts { is_negative: count < 0, digits: count.unsigned_abs(), exponent }.number()
    }

    /// The largest whole number that is not more; `None` if it has more than 18 digits.
    pub(crate) fn floor(self) -> Option<i64> {
        let Parts { is_negative, digits, exponent } = Parts::of(self);
        let size = exponent.unsigned_abs() as u32;
        let (whole, rest) = if exponent >= 0 {
            (digits.checked_mul(10_u128.checked_pow(size)?)?, false)
        } else {
            let unit = 10_u128.checked_pow(size).unwrap_or(u128::MAX);
            (digits / unit, digits % unit != 0)
        };
        let whole = i64::try_from(whole).ok().filter(|whole| *whole < 10_i64.pow(18))?;
        Some(if is_negative { -whole - i64::from(rest) } else { whole })
    }

    /// The number as its sign, its digits without zeros at the end, and the power of ten that the last of them stands for.
    ///
    /// ```
    /// use perso_decode::Number;
    ///
    /// let number = |text: &str| Number::parse(text.as_bytes()).unwrap().unwrap();
    /// assert_eq!(number("-12.50").parts(), (true, 125, -1));
    /// assert_eq!(number("2e3").parts(), (false, 2, 3));
    /// assert_eq!(number("0").parts(), (false, 0, 0));
    /// ```
    #[cfg(not(target_arch = "wasm32"))]
    #[must_use]
    pub fn parts(self) -> (bool, u128, i64) {
        let Self { head, high, low } = if self.head < 0 { self.negated() } else { self };
        if head == 0 {
            return (false, 0, 0);
        }
        let exponent = head - NUMBER_EXPONENT - i64::from(NUMBER_DIGITS);
        let (digits, zeros) = if low == 0 {
            let zeros = zeros(high);
            (u128::from(high / 10_u64.pow(zeros)), zeros + LIMB)
        } else {
            let zeros = zeros(low);
            let digits = u128::from(high) * 10_u128.pow(LIMB) + u128::from(low);
            (if zeros == 0 { digits } else { digits / 10_u128.pow(zeros) }, zeros)
        };
        (self.head < 0, digits, exponent + i64::from(zeros))
    }

    const fn negated(self) -> Self {
        if self.head == 0 {
            return self;
        }
        Self { head: -self.head, high: !self.high, low: !self.low }
    }
}

/// How many zeros a limb ends in, which is not 0.
#[cfg(not(target_arch = "wasm32"))]
fn zeros(mut number: u64) -> u32 {
    let mut count = 0;
    for step in [16, 8, 4, 2, 1] {
        if number.is_multiple_of(10_u64.pow(step)) {
            number /= 10_u64.pow(step);
            count += step;
        }
    }
    count
}

/// A number as its digits, which end in no 0, and the power of ten that the last of them stands for. Zero has none.
#[derive(Clone, Copy)]
struct Parts {
    is_negative: bool,
    digits: u128,
    exponent: i64,
}

impl Parts {
    fn of(number: Number) -> Self {
        let Number { head, high, low } = if number.head < 0 { number.negated() } else { number };
        let digits = u128::from(high) * 10_u128.pow(LIMB) + u128::from(low);
        let exponent = head - NUMBER_EXPONENT - i64::from(NUMBER_DIGITS);
        Self { is_negative: number.head < 0, digits, exponent }.stripped()
    }

    fn stripped(mut self) -> Self {
        while self.digits != 0 && self.digits.is_multiple_of(10) {
            self.digits /= 10;
            self.exponent += 1;
        }
        self
    }

    /// The number; `None` if it is out of range.
    fn number(self) -> Option<Number> {
        let Self { is_negative, digits, exponent } = self.stripped();
        if digits == 0 {
            return Some(Number::ZERO);
        }
        // Counted in a loop: as one with the logarithm of 64 bits, it would be a part of modules that never add.
        let (mut last, mut rest) = (0, digits);
        while rest >= 10 {
            rest /= 10;
            last += 1;
        }
        let room = (NUMBER_DIGITS - 1).checked_sub(last)?;
        let first = exponent + i64::from(last);
        if !(-NUMBER_EXPONENT..=NUMBER_EXPONENT).contains(&first) {
            return None;
        }
        let digits = digits * 10_u128.pow(room);
        let limb = 10_u128.pow(LIMB);
        let number =
            Number { head: first + NUMBER_EXPONENT + 1, high: (digits / limb) as u64, low: (digits % limb) as u64 };
        Some(if is_negative { number.negated() } else { number })
    }
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
    fn digits_end_in_no_zero() {
        for length in 0..NUMBER_DIGITS {
            // Two digits with zeros between them, and nines.
            let power = 10_i128.pow(length);
            for digits in [3 * power + i128::from(length > 0), 10 * power - 1] {
                for exponent in [-3, 0, 3] {
                    let number = Number::scaled(-digits, exponent).unwrap();
                    assert_eq!(number.parts(), (true, digits.unsigned_abs(), exponent), "{digits}e{exponent}");
                }
            }
        }
        assert_eq!(parse("-0.0").parts(), (false, 0, 0));
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
    fn sums_and_products_are_exact_or_out_of_range() {
        let nines = "99999999999999999999999999999999999999";
        for (one, other, sum, product) in [
            ("1", "2", Some("3"), Some("2")),
            ("0.1", "0.2", Some("0.3"), Some("0.02")),
            ("-5", "5", Some("0"), Some("-25")),
            ("-5", "3", Some("-2"), Some("-15")),
            ("3", "-5", Some("-2"), Some("-15")),
            ("0", "-7e6144", Some("-7e6144"), Some("0")),
            (nines, "1", Some("1e38"), Some(nines)),
            (nines, "2", None, None),
            (
                nines,
                "-1",
                Some("99999999999999999999999999999999999998"),
                Some("-99999999999999999999999999999999999999"),
            ),
            ("1e37", "0.1", None, Some("1e36")),
            ("1e37", "-1", Some("9999999999999999999999999999999999999"), Some("-1e37")),
            ("1e100", "1", None, Some("1e100")),
            ("1e100", "-1", None, Some("-1e100")),
            ("1e6144", "9e6144", None, None),
            ("9e6144", "-9e6144", Some("0"), None),
            ("1e-6144", "1e-1", None, None),
            // 5^54 and 2^54: the product has 55 digits of which all but one are 0.
            (
                "55511151231257827021181583404541015625",
                "18014398509481984",
                Some("55511151231257827021199597803050497609"),
                Some("1e54"),
            ),
        ] {
            let (one, other) = (parse(one), parse(other));
            assert_eq!(one.plus(other), sum.map(parse), "{one:?} + {other:?}");
            assert_eq!(other.plus(one), sum.map(parse), "{other:?} + {one:?}");
            assert_eq!(one.times(other), product.map(parse), "{one:?} * {other:?}");
            assert_eq!(other.times(one), product.map(parse), "{other:?} * {one:?}");
            assert_eq!(one.minus(other.negated()), sum.map(parse));
        }
    }

    #[test]
    fn floors_are_whole() {
        for (text, floor) in [
            ("0", Some(0)),
            ("1.999", Some(1)),
            ("-0.1", Some(-1)),
            ("-1", Some(-1)),
            ("-1.5", Some(-2)),
            ("1e-6000", Some(0)),
            ("-1e-6000", Some(-1)),
            ("1234567890.123456789012345678", Some(1_234_567_890)),
            ("1e17", Some(100_000_000_000_000_000)),
            ("1e18", None),
            ("1e6000", None),
        ] {
            assert_eq!(parse(text).floor(), floor, "{text}");
        }
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
