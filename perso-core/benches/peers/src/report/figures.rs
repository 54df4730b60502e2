//! Numbers as people read them.

/// Nanoseconds, with three digits that count.
pub fn time(nanoseconds: f64) -> String {
    match nanoseconds {
        n if n < 999.5 => format!("{} ns", digits(n)),
        n if n < 999_500.0 => format!("{} µs", digits(n / 1e3)),
        n if n < 999.5e6 => format!("{} ms", digits(n / 1e6)),
        n => format!("{} s", digits(n / 1e9)),
    }
}

/// Bytes, with three digits that count.
pub fn bytes(bytes: f64) -> String {
    match bytes {
        n if n < 1000.0 => format!("{n:.0} B"),
        n if n < 999_500.0 => format!("{} kB", digits(n / 1e3)),
        n => format!("{} MB", digits(n / 1e6)),
    }
}

/// How often something happens in a second, if each time takes so many nanoseconds.
pub fn a_second(nanoseconds: f64) -> String {
    match 1e9 / nanoseconds {
        n if n < 999.5 => digits(n),
        n if n < 999_500.0 => format!("{} k", digits(n / 1e3)),
        n => format!("{} M", digits(n / 1e6)),
    }
}

/// Of rules, at most hundreds of thousands.
pub fn count(number: usize) -> String {
    if number < 10_000 { number.to_string() } else { format!("{} {:03}", number / 1000, number % 1000) }
}

/// A ratio.
pub fn times(ratio: f64) -> String {
    format!("{}×", digits(ratio))
}

fn digits(n: f64) -> String {
    match n {
        n if n < 9.995 => format!("{n:.2}"),
        n if n < 99.95 => format!("{n:.1}"),
        n => format!("{n:.0}"),
    }
}
