//! Exact decimals, slow and obvious. The fast form that modules compare is `perso_decode::Number`; this one shares
//! no code with it, so that the reference evaluator can vouch for it.

use std::cmp::Ordering;

/// An exact decimal: equal numbers have equal values (`500`, `500.0`, `5e2`).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Decimal {
    negative: bool,
    /// Without leading or trailing zeros; empty for zero.
    digits: String,
    /// The value is `0.digits` times ten to this power; 0 for zero.
    exponent: i64,
}

impl Decimal {
    /// Reads a JSON number. `None` where it has over 38 significant digits or its decimal exponent (of the first
    /// significant digit, as in scientific notation) is not within ±6144.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = format!("{whole}{fraction}");
        let digits = all.trim_start_matches('0');
        let leading = all.len() - digits.len();
        let digits = digits.trim_end_matches('0');
        if digits.is_empty() {
            return Some(Self { negative: false, digits: String::new(), exponent: 0 });
        }
        let exponent = clamped(exponent)
            .saturating_add(i64::try_from(whole.len()).ok()?)
            .saturating_sub(i64::try_from(leading).ok()?);
        if digits.len() > 38 || (exponent - 1).abs() > 6144 {
            return None;
        }
        Some(Self { negative, digits: digits.to_owned(), exponent })
    }
}

impl Decimal {
    /// Whether it has no digits behind the point.
    pub(crate) fn is_whole(&self) -> bool {
        self.parts().2 >= 0
    }

    /// Whether it is negative, its digits, and the power of ten that they are to be multiplied by.
    pub(crate) fn parts(&self) -> (bool, &str, i64) {
        (self.negative, &self.digits, self.exponent - i64::try_from(self.digits.len()).unwrap_or(i64::MAX))
    }
}

/// An exponent's digits, saturating far beyond any that is in range.
fn clamped(text: &str) -> i64 {
    let (negative, digits) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    let size = digits.bytes().fold(0_i64, |n, d| n.saturating_mul(10).saturating_add(i64::from(d.wrapping_sub(b'0'))));
    let size = size.min(1 << 40);
    if negative { -size } else { size }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        let sign = |d: &Self| match (d.digits.is_empty(), d.negative) {
            (true, _) => 0,
            (false, true) => -1,
            (false, false) => 1,
        };
        let size = |a: &Self, b: &Self| a.exponent.cmp(&b.exponent).then_with(|| a.digits.cmp(&b.digits));
        sign(self).cmp(&sign(other)).then_with(|| if self.negative { size(other, self) } else { size(self, other) })
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Plain notation where it is short, scientific otherwise; always a JSON number that reads back as the same value.
impl std::fmt::Display for Decimal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.negative {
            f.write_str("-")?;
        }
        let count = i64::try_from(self.digits.len()).unwrap_or(i64::MAX);
        match self.exponent {
            _ if self.digits.is_empty() => f.write_str("0"),
            e if e >= count && e <= 21 => {
                write!(f, "{}{}", self.digits, "0".repeat((e - count).unsigned_abs() as usize))
            }
            e if e > 0 && e < count => {
                let (whole, fraction) = self.digits.split_at(e.unsigned_abs() as usize);
                write!(f, "{whole}.{fraction}")
            }
            e if e <= 0 && e > -6 => write!(f, "0.{}{}", "0".repeat(e.unsigned_abs() as usize), self.digits),
            e => {
                let (first, rest) = self.digits.split_at(1);
                let dot = if rest.is_empty() { "" } else { "." };
                write!(f, "{first}{dot}{rest}e{}", e - 1)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Decimal {
        Decimal::parse(text).unwrap()
    }

    #[test]
    fn equal_numbers_are_equal() {
        for same in ["500", "500.0", "5e2", "0.5E3", "50e+1", "5000e-1", "500.000"] {
            assert_eq!(parse(same), parse("500"), "{same}");
        }
        assert_eq!(parse("-0"), parse("0e99999999999999999999"));
        assert_ne!(parse("9007199254740993"), parse("9007199254740992"));
    }

    #[test]
    fn order_is_numeric() {
        let ascending = [
            "-1e300",
            "-501",
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
            "1e400",
        ];
        for pair in ascending.windows(2) {
            assert!(parse(pair[0]) < parse(pair[1]), "{pair:?}");
        }
    }

    #[test]
    fn out_of_range_is_none() {
        assert!(Decimal::parse("1e6144").is_some());
        assert!(Decimal::parse("1e6145").is_none());
        assert!(Decimal::parse("1e-6144").is_some());
        assert!(Decimal::parse("0.1e-6144").is_none());
        assert!(Decimal::parse(&"9".repeat(38)).is_some());
        assert!(Decimal::parse(&"9".repeat(39)).is_none());
        assert!(Decimal::parse(&format!("{}{}", "9".repeat(38), "0".repeat(100))).is_some());
        assert!(Decimal::parse(&format!("1e{}", "9".repeat(1000))).is_none());
    }

    #[test]
    fn text_reads_back() {
        for text in ["0", "500", "-0.05", "12.5", "1e300", "1.5e-20", "9007199254740993"] {
            assert_eq!(parse(text).to_string(), text);
        }
    }
}
