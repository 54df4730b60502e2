//! A Windows path: with a drive, absolute, and with nothing in it that would have to be resolved.

use super::path::has_escape;

const LENGTH: usize = 4096;

/// Names that are no files, in any directory.
const DEVICES: [&str; 27] = [
    "con", "prn", "aux", "nul", "conin$", "conout$", "clock$", "com0", "com1", "com2", "com3", "com4", "com5", "com6",
    "com7", "com8", "com9", "lpt0", "lpt1", "lpt2", "lpt3", "lpt4", "lpt5", "lpt6", "lpt7", "lpt8", "lpt9",
];

/// The path in lower case and with slashes, without the slash that it may end in.
pub(super) fn read(text: &str) -> Result<String, &'static str> {
    if text.len() > LENGTH {
        return Err("not a plain Windows path: it is too long");
    }
    if text.chars().any(|c| !(' '..='~').contains(&c)) || has_escape(text) {
        return Err("not a plain Windows path: a character that is not printable ASCII, or an encoded one");
    }
    let path = text.to_ascii_lowercase().replace('\\', "/");
    let (drive, rest) = path.split_once(":/").ok_or("not a plain Windows path: it has no drive")?;
    if !matches!(drive.as_bytes(), [b'a'..=b'z']) {
        return Err("not a plain Windows path: it has no drive");
    }
    if rest.is_empty() {
        return Ok(path);
    }
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    match rest.split('/').find_map(refused) {
        Some(why) => Err(why),
        None => Ok(format!("{drive}:/{rest}")),
    }
}

/// Why a segment is not only the name of a file or directory.
fn refused(segment: &str) -> Option<&'static str> {
    if segment.is_empty() {
        return Some("not a plain Windows path: it has an empty segment");
    }
    if segment.ends_with('.') || segment.ends_with(' ') || segment.starts_with(' ') {
        return Some("not a plain Windows path: a segment that ends in a dot, or begins or ends in a space");
    }
    if segment.contains(['<', '>', ':', '"', '|', '?', '*']) {
        return Some("not a plain Windows path: a character that no name has");
    }
    let characters: Vec<char> = segment.chars().collect();
    if characters.windows(2).any(|pair| matches!(pair, ['~', digit] if digit.is_ascii_digit())) {
        return Some("not a plain Windows path: a short name");
    }
    let (stem, _) = segment.split_once('.').unwrap_or((segment, ""));
    DEVICES.contains(&stem.trim_end_matches(' ')).then_some("not a plain Windows path: the name of a device")
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn a_path_is_in_lower_case_with_slashes() {
        for (text, value) in [
            ("C:\\", "c:/"),
            ("c:/", "c:/"),
            ("C:\\Data", "c:/data"),
            ("C:/Data\\x/", "c:/data/x"),
            ("C:\\Data\\", "c:/data"),
            ("Z:\\a b\\..c\\.d\\e.f.g", "z:/a b/..c/.d/e.f.g"),
            ("c:\\console\\com10\\com\\lpt\\nulls.txt\\xcon", "c:/console/com10/com/lpt/nulls.txt/xcon"),
            ("c:\\a~b\\~\\x~", "c:/a~b/~/x~"),
            ("c:\\50%\\%g1", "c:/50%/%g1"),
        ] {
            assert_eq!(read(text).as_deref(), Ok(value));
        }
    }

    #[test]
    fn what_would_have_to_be_resolved_is_refused() {
        let long = format!("c:\\{}", "a".repeat(4096));
        for text in [
            "",
            "c",
            "c:",
            "c:data",
            "C:data\\x",
            "\\data",
            "/data",
            "data",
            ".\\x",
            "..\\x",
            "\\\\server\\share\\x",
            "//server/share",
            "\\\\?\\C:\\data",
            "\\\\.\\C:\\data",
            "\\??\\C:\\data",
            "\\\\?\\UNC\\server\\share",
            "\\\\.\\PhysicalDrive0",
            "cc:\\data",
            "1:\\data",
            ":\\data",
            " c:\\data",
            "c:\\data ",
            "c:\\\\data",
            "c:\\data\\\\x",
            "c:\\data\\\\",
            "c:\\data/\\x",
            "c:\\data\\.",
            "c:\\data\\..",
            "c:\\data\\..\\windows",
            "c:/data/../windows",
            "c:\\data\\.\\x",
            "c:\\data.\\x",
            "c:\\data...\\x",
            "c:\\data \\x",
            "c:\\ data",
            "c:\\...",
            "c:\\.. \\x",
            "c:\\data\\x:stream",
            "c:\\data\\x::$DATA",
            "c:\\data:$i30:$index_allocation\\x",
            "c:\\a<b",
            "c:\\a>b",
            "c:\\a\"b",
            "c:\\a|b",
            "c:\\a?b",
            "c:\\a*b",
            "c:\\data\\con",
            "c:\\CON",
            "c:\\con.txt",
            "c:\\con .txt",
            "c:\\data\\nul",
            "c:\\aux\\x",
            "c:\\prn.a.b",
            "c:\\com0",
            "c:\\COM1",
            "c:\\com9.log",
            "c:\\lpt1",
            "c:\\LPT9.x",
            "c:\\conin$",
            "c:\\CONOUT$.a",
            "c:\\progra~1",
            "c:\\data\\secret~2.txt",
            "c:\\%2e%2e",
            "c:\\data%5c..",
            "c:\\data\0",
            "c:\\data\n",
            "c:\\data\t",
            "c:\\d\u{e4}ta",
            "c:\\com\u{b9}",
            "c:\\data\u{ff0f}..",
            "\u{ff23}:\\data",
            "c\u{ff1a}\\data",
            "file:///c:/data",
            "%SystemRoot%\\x",
            "/c:/data",
            "c:|data",
            &long,
        ] {
            assert!(read(text).is_err(), "{text:?}");
        }
    }
}
