//! A POSIX path: absolute, and with nothing in it that would have to be resolved.

const LENGTH: usize = 4096;

/// What some take for a line end, a dot or a slash.
const LOOK_ALIKES: [char; 12] = [
    '\u{85}', '\u{2028}', '\u{2029}', '\u{ff0e}', '\u{ff0f}', '\u{2215}', '\u{2044}', '\u{2024}', '\u{2025}',
    '\u{2026}', '\u{29f8}', '\u{ff3c}',
];

/// What tools may drop: what cannot be seen, spaces and quotes.
const DROPPED: [(char, char); 21] = [
    (' ', ' '),
    ('\'', '\''),
    ('"', '"'),
    ('`', '`'),
    ('\u{80}', '\u{a0}'),
    ('\u{ad}', '\u{ad}'),
    ('\u{34f}', '\u{34f}'),
    ('\u{61c}', '\u{61c}'),
    ('\u{115f}', '\u{1160}'),
    ('\u{17b4}', '\u{17b5}'),
    ('\u{180b}', '\u{180f}'),
    ('\u{1680}', '\u{1680}'),
    ('\u{2000}', '\u{200f}'),
    ('\u{2028}', '\u{202f}'),
    ('\u{205f}', '\u{206f}'),
    ('\u{3000}', '\u{3000}'),
    ('\u{3164}', '\u{3164}'),
    ('\u{fe00}', '\u{fe0f}'),
    ('\u{feff}', '\u{feff}'),
    ('\u{ffa0}', '\u{ffa0}'),
    ('\u{e0000}', '\u{e0fff}'),
];

/// The path, without the slash that it may end in.
pub(super) fn read(text: &str) -> Result<String, &'static str> {
    if text.len() > LENGTH {
        return Err("not a plain path: it is too long");
    }
    let rest = text.strip_prefix('/').ok_or("not a plain path: it is not absolute")?;
    if text.chars().any(|c| c.is_ascii_control() || c == '\\' || LOOK_ALIKES.contains(&c)) {
        return Err("not a plain path: a control character, a backslash or what looks like a dot or slash");
    }
    if has_escape(text) {
        return Err("not a plain path: a percent-encoded character");
    }
    if rest.is_empty() {
        return Ok("/".to_owned());
    }
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    for segment in rest.split('/') {
        let is_dropped = |c: char| DROPPED.iter().any(|(first, last)| (*first..=*last).contains(&c));
        let left = segment.replace(is_dropped, "");
        match left.as_str() {
            "" => return Err("not a plain path: it has an empty segment"),
            "." | ".." => return Err("not a plain path: it has a `.` or `..` segment"),
            _ => {}
        }
    }
    Ok(format!("/{rest}"))
}

/// A path that may be relative, without the `./` that it may begin with; empty where it is nothing but `.`.
pub(super) fn any(text: &str) -> Result<String, &'static str> {
    if text.starts_with('/') {
        return read(text);
    }
    if text == "." || text == "./" {
        return Ok(String::new());
    }
    let path = text.strip_prefix("./").unwrap_or(text);
    // As if it were below the root: what is wrong with it there is wrong with it anywhere.
    let read = below_root(path)?;
    let first = path.chars().find(|c| !DROPPED.iter().any(|(first, last)| (*first..=*last).contains(c)));
    if matches!(first, Some('~' | '$' | '%')) {
        return Err("not a plain path: it begins with what may be expanded");
    }
    if path.split('/').next().is_some_and(|first| first.contains(':')) {
        return Err("not a plain path: it begins with a drive or a scheme");
    }
    Ok(read.trim_start_matches('/').to_owned())
}

/// A single segment of a path.
pub(super) fn segment(text: &str) -> Result<String, &'static str> {
    let is_one = !text.contains('/') && below_root(text).is_ok();
    if is_one { Ok(text.to_owned()) } else { Err("not a single segment of a path") }
}

fn below_root(path: &str) -> Result<String, &'static str> {
    match read(&format!("/{path}"))?.as_str() {
        // The root itself is below nothing.
        "/" => Err("not a plain path: it is empty"),
        read => Ok(read.to_owned()),
    }
}

/// Whether there is a `%` and two hexadecimal digits.
pub(super) fn has_escape(text: &str) -> bool {
    let characters: Vec<char> = text.chars().collect();
    characters
        .windows(3)
        .any(|three| matches!(three, ['%', high, low] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn a_path_is_itself() {
        for (text, value) in [
            ("/", "/"),
            ("/srv", "/srv"),
            ("/srv/", "/srv"),
            ("/srv/share/a b.txt", "/srv/share/a b.txt"),
            ("/srv/share-evil", "/srv/share-evil"),
            ("/srv/..a/b../.../.c", "/srv/..a/b../.../.c"),
            ("/srv/100%", "/srv/100%"),
            ("/srv/%g0%0", "/srv/%g0%0"),
            ("/é/e\u{301}/日本", "/é/e\u{301}/日本"),
            ("/~/$HOME/*", "/~/$HOME/*"),
            ("/c:/x", "/c:/x"),
        ] {
            assert_eq!(read(text).as_deref(), Ok(value));
        }
        assert!(read(&format!("/{}", "a".repeat(4095))).is_ok());
    }

    #[test]
    fn what_would_have_to_be_resolved_is_refused() {
        let long = format!("/{}", "a".repeat(4096));
        for text in [
            "",
            " ",
            "srv",
            "./srv",
            "../srv",
            ".",
            "..",
            "~",
            "~/srv",
            "$HOME/srv",
            " /srv",
            "//",
            "//srv",
            "///",
            "/srv//",
            "/srv//x",
            "//server/share",
            "/.",
            "/..",
            "/./",
            "/../",
            "/srv/.",
            "/srv/..",
            "/srv/./x",
            "/srv/../etc/passwd",
            "/srv/share/../../etc",
            "/srv/share/..",
            "/srv/share/.. ",
            "/srv/share/.. /x",
            "/srv/share/'..'",
            "/srv/share/.\u{200b}./x",
            "/srv/share/..\u{9d}",
            "/srv/ ",
            "/srv/..\u{ff3c}etc",
            "/srv/..\u{29f8}etc",
            "/srv\\..\\etc",
            "\\srv",
            "/srv/\\x",
            "c:/srv",
            "C:\\srv",
            "\\\\server\\share",
            "\\\\?\\C:\\srv",
            "file:///srv",
            "/srv/%2e%2e/etc",
            "/srv/%2E./etc",
            "/srv/..%2fetc",
            "/srv%2f..",
            "/srv/%252e",
            "/srv/%5c",
            "/srv/%00",
            "/srv/%c0%ae%c0%ae/",
            "/srv/a\0.txt",
            "/srv/a\n",
            "/srv/\r",
            "/srv/\t",
            "/srv/\u{7f}",
            "/srv/\u{1b}[2J",
            "/srv/\u{85}",
            "/srv/\u{2028}",
            "/srv/\u{2029}",
            "/srv/\u{ff0e}\u{ff0e}/etc",
            "/srv/..\u{ff0f}etc",
            "/srv/..\u{2215}etc",
            "/srv/..\u{2044}etc",
            "/srv/\u{2024}\u{2024}/etc",
            "/srv/\u{2025}/etc",
            "/srv/\u{2026}",
            "\u{ff0f}srv",
            &long,
        ] {
            assert!(read(text).is_err(), "{text:?}");
        }
    }
}
