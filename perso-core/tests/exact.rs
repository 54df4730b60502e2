//! Sums, differences and products of random decimals are exact, compared with integers of any size, or are out of range.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use num_bigint::BigInt;
use perso_core::limits::{NUMBER_DIGITS, NUMBER_EXPONENT};
use perso_decode::Number;

/// Pairs of numbers.
const PAIRS: u32 = 300_000;

/// A number as so many times ten to a power.
#[derive(Debug, Clone)]
struct Exact {
    digits: BigInt,
    exponent: i64,
}

impl Exact {
    /// The same number, in range or not, as the decoder has it.
    fn number(&self) -> Option<Number> {
        let text = self.digits.magnitude().to_string();
        let digits = text.trim_end_matches('0');
        if digits.is_empty() {
            return Some(Number::ZERO);
        }
        let first = self.exponent + text.len() as i64 - 1;
        if digits.len() > NUMBER_DIGITS as usize || !(-NUMBER_EXPONENT..=NUMBER_EXPONENT).contains(&first) {
            return None;
        }
        let sign = if self.digits < BigInt::ZERO { "-" } else { "" };
        let exponent = self.exponent + (text.len() - digits.len()) as i64;
        Number::parse(format!("{sign}{digits}e{exponent}").as_bytes()).unwrap()
    }

    fn plus(&self, other: &Self) -> Self {
        let exponent = self.exponent.min(other.exponent);
        let scaled = |one: &Self| &one.digits * BigInt::from(10).pow((one.exponent - exponent) as u32);
        Self { digits: scaled(self) + scaled(other), exponent }
    }

    fn times(&self, other: &Self) -> Self {
        Self { digits: &self.digits * &other.digits, exponent: self.exponent + other.exponent }
    }
}

/// Numbers with few digits or many, near each other and far apart.
fn number(random: &mut fastrand::Rng) -> Exact {
    let digits = match random.u8(0..4) {
        0 => BigInt::from(random.i64(-1000..1000)),
        1 => BigInt::from(random.i64(..)),
        2 => BigInt::from(random.i128(..) / 2),
        _ => BigInt::from(2).pow(random.u32(0..60)) * BigInt::from(5).pow(random.u32(0..30)),
    };
    let exponent = match random.u8(0..4) {
        0 => 0,
        1 => random.i64(-10..10),
        2 => random.i64(-60..60),
        _ => random.i64(-6200..6200),
    };
    Exact { digits, exponent }
}

#[test]
fn arithmetic_is_exact_or_out_of_range() {
    let mut random = fastrand::Rng::with_seed(0x5eed);
    let (mut sums, mut products) = ([0_u32; 2], [0_u32; 2]);
    let mut done = 0;
    while done < PAIRS {
        let (one, other) = (number(&mut random), number(&mut random));
        let (Some(a), Some(b)) = (one.number(), other.number()) else { continue };
        let sum = one.plus(&other).number();
        assert_eq!(a.plus(b), sum, "{one:?} + {other:?}");
        let opposite = Exact { digits: -other.digits.clone(), ..other.clone() };
        assert_eq!(a.minus(b), one.plus(&opposite).number(), "{one:?} - {other:?}");
        let product = one.times(&other).number();
        assert_eq!(a.times(b), product, "{one:?} * {other:?}");
        for (counts, result) in [(&mut sums, sum), (&mut products, product)] {
            counts[usize::from(result.is_some())] += 1;
        }
        done += 1;
    }
    println!("sums out of range and in range: {sums:?}, products: {products:?}");
    assert!(sums.iter().chain(&products).all(|count| *count > PAIRS / 20), "{sums:?} {products:?}");
}
