//! Names of hosts and of domains.

/// The name in lower case; `None` where it is not made of labels of ASCII letters, digits and inner hyphens.
pub(super) fn read(text: &str, underscore: bool) -> Option<String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || (underscore && c == '_');
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.chars().all(is_plain)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let is_name = (1..=253).contains(&text.len()) && text.split('.').all(is_label);
    is_name.then(|| text.to_ascii_lowercase())
}
