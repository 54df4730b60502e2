//! Exact amounts.

use std::fmt::{self, Display};
use std::str::FromStr;

/// An exact amount of at least 0 and less than 10^18, with 18 digits after the point.
///
/// ```
/// use perso_ledger::Amount;
///
/// let amount: Amount = "19.90".parse().unwrap();
/// assert_eq!(amount.to_string(), "19.9");
/// assert!("0.1".parse::<Amount>().unwrap() < Amount::from(1));
/// assert!("-1".parse::<Amount>().is_err() && "1e400".parse::<Amount>().is_err() && "NaN".parse::<Amount>().is_err());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Amount(u128);

/// The digits before and after the point.
const DIGITS: usize = 18;
const ONE: u128 = 10_u128.pow(18);

/// A text or a number that is no [`Amount`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an amount: write digits, at most 18 before and 18 after the point, without a sign or an exponent")]
pub struct NotAnAmount;

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// The largest amount.
    pub const MAX: Self = Self(ONE * ONE - 1);

    /// So many 10^-18.
    ///
    /// # Errors
    ///
    /// If it is more than [`Amount::MAX`].
    pub const fn from_units(units: u128) -> Result<Self, NotAnAmount> {
        if units > Self::MAX.0 { Err(NotAnAmount) } else { Ok(Self(units)) }
    }

    /// How many 10^-18 it is.
    pub const fn units(self) -> u128 {
        self.0
    }

    /// Whether it is nothing.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// An amount of units that cannot be too many: a sum that has been compared with a maximum.
    pub(crate) const fn saturating(units: u128) -> Self {
        if units > Self::MAX.0 { Self::MAX } else { Self(units) }
    }
}

impl From<u32> for Amount {
    fn from(whole: u32) -> Self {
        Self(u128::from(whole) * ONE)
    }
}

impl TryFrom<u64> for Amount {
    type Error = NotAnAmount;

    fn try_from(whole: u64) -> Result<Self, NotAnAmount> {
        Self::from_units(u128::from(whole) * ONE)
    }
}

impl FromStr for Amount {
    type Err = NotAnAmount;

    fn from_str(text: &str) -> Result<Self, NotAnAmount> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |part: &str| (1..=DIGITS).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole) || !digits(fraction) {
            return Err(NotAnAmount);
        }
        format!("{whole}{fraction:0<DIGITS$}").parse().map_err(|_| NotAnAmount).and_then(Self::from_units)
    }
}

impl Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, fraction) = (self.0 / ONE, self.0 % ONE);
        if fraction == 0 {
            return write!(f, "{whole}");
        }
        let fraction = format!("{fraction:0>DIGITS$}");
        write!(f, "{whole}.{}", fraction.trim_end_matches('0'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_read_exactly_or_not_at_all() {
        let read = |text: &str| text.parse::<Amount>().map(|amount| amount.to_string());
        for (text, same) in [
            ("0", "0"),
            ("0.0", "0"),
            ("007", "7"),
            ("0.1", "0.1"),
            ("1.50", "1.5"),
            ("0.000000000000000001", "0.000000000000000001"),
            ("999999999999999999.999999999999999999", "999999999999999999.999999999999999999"),
        ] {
            assert_eq!(read(text).as_deref(), Ok(same), "{text}");
        }
        for text in [
            "",
            ".",
            "1.",
            ".5",
            "-1",
            "-0",
            "+1",
            "1e2",
            "1e-400",
            "NaN",
            "inf",
            "0x10",
            " 1",
            "1 ",
            "1_000",
            "1,5",
            "1.2.3",
            "١",
            "1000000000000000000",
            "0.0000000000000000001",
        ] {
            assert_eq!(read(text), Err(NotAnAmount), "{text}");
        }
    }

    #[test]
    fn numbers_fit_or_fail() {
        assert_eq!(Amount::from(7).to_string(), "7");
        assert_eq!(Amount::try_from(999_999_999_999_999_999_u64).unwrap().to_string(), "999999999999999999");
        assert_eq!(Amount::try_from(1_000_000_000_000_000_000_u64), Err(NotAnAmount));
        assert_eq!(Amount::from_units(Amount::MAX.units()), Ok(Amount::MAX));
        assert_eq!(Amount::from_units(Amount::MAX.units() + 1), Err(NotAnAmount));
        assert_eq!(Amount::MAX.to_string().parse(), Ok(Amount::MAX));
    }
}
