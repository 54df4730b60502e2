//! E-mail addresses: one plain address (RFC 5321's dot-string, without `%` and `!`, which some mailers take for
//! routes), ASCII only.

use super::is_label;

/// The domain of an address, as it is written.
#[must_use]
pub fn domain(text: &str) -> Option<&str> {
    if text.len() > 254 {
        return None;
    }
    let (local, domain) = text.split_once('@')?;
    let atom = |byte: u8| byte.is_ascii_alphanumeric() || b"#$&'*+-/=?^_`{|}~".contains(&byte);
    // `=?` begins an encoded word (RFC 2047), which some mailers decode.
    let good_local = !local.contains("=?")
        && (1..=64).contains(&local.len())
        && local.split('.').all(|part| !part.is_empty() && part.bytes().all(atom));
    let labels = || domain.split('.');
    let last_is_number = labels().next_back().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit()));
    let good_domain =
        domain.len() <= 253 && labels().count() >= 2 && labels().all(|label| is_label(label, false)) && !last_is_number;
    (good_local && good_domain).then_some(domain)
}
