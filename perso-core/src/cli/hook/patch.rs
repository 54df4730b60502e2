//! The files that a patch touches, in the form that the models of OpenAI write:
//!
//! ```text
//! *** Begin Patch
//! *** Add File: PATH        then lines with `+`
//! *** Delete File: PATH
//! *** Update File: PATH     then possibly `*** Move to: PATH`, and lines with `@@`, ` `, `+` or `-`
//! *** End Patch
//! ```
//!
//! Agents read more than this: white space around a header, text around the patch, a here-document, `\r`. What they may read in
//! another way has no files here, so that a rule on the path denies it.

/// Most files of a patch.
const MOST: usize = 100;

/// What a line of the patch may follow.
#[derive(Clone, Copy, PartialEq, Eq)]
enum After {
    Begin,
    Add,
    Delete,
    Update,
    Change,
    Eof,
}

/// The files as they are written, each at least once. For a file that moves, that is both its places.
pub(super) fn files(patch: &str) -> Option<Vec<&str>> {
    let body = patch.strip_suffix('\n').unwrap_or(patch);
    let body = body.strip_prefix("*** Begin Patch\n")?.strip_suffix("\n*** End Patch")?;
    let mut files = Vec::new();
    let mut after = After::Begin;
    for line in body.split('\n') {
        let header = header(line, after);
        after = match (header, after) {
            (Some((path, next)), _) => {
                files.push(path);
                next
            }
            (None, After::Add) if line.starts_with('+') => After::Add,
            (None, After::Update | After::Change) if line == "*** End of File" => After::Eof,
            (None, After::Update | After::Change | After::Eof) if line.starts_with("@@") => After::Change,
            (None, After::Update | After::Change) if is_change(line) => After::Change,
            _ => return None,
        };
        if !is_one_line(line) || files.len() > MOST {
            return None;
        }
    }
    (!files.is_empty()).then_some(files)
}

/// The path of a header, and what it begins.
fn header(line: &str, after: After) -> Option<(&str, After)> {
    let headers = [
        ("*** Add File: ", After::Add),
        ("*** Delete File: ", After::Delete),
        ("*** Update File: ", After::Update),
        // An update goes on behind it.
        ("*** Move to: ", After::Change),
    ];
    let is_here = |next| next != After::Change || after == After::Update;
    headers
        .into_iter()
        .filter(|(_, next)| is_here(*next))
        .find_map(|(word, next)| Some((line.strip_prefix(word)?, next)))
}

/// A line of a file that is changed. One that is a header but for white space is one to some agents.
fn is_change(line: &str) -> bool {
    line.is_empty() || (line.starts_with([' ', '+', '-']) && !line.trim_start().starts_with("***"))
}

/// Not more than a line to agents that also break lines at other characters. In a file with `\r\n`, each line ends in `\r`.
fn is_one_line(line: &str) -> bool {
    let is_header = line.starts_with("***");
    let line = if is_header { line } else { line.strip_suffix('\r').unwrap_or(line) };
    !line.contains(['\r', '\u{2028}', '\u{2029}'])
}
