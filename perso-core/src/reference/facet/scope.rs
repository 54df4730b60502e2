//! Words separated by single spaces: RFC 6749, 3.3.

pub(super) fn read(text: &str) -> Result<Vec<String>, &'static str> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let mut words = vec![String::new()];
    for c in text.chars() {
        match (c, words.last_mut()) {
            (' ', _) => words.push(String::new()),
            ('"' | '\\', _) => return Err("a word holds a quote or a backslash"),
            ('!'..='~', Some(word)) => word.push(c),
            _ => return Err("a character is none of printable ASCII"),
        }
    }
    if words.iter().any(String::is_empty) {
        return Err("words must be separated by single spaces, without others around them");
    }
    Ok(words)
}
