//! `within`: the string is an absolute path, without anything in it that would have to be resolved, of one of some
//! directories or of something below one.

use super::super::scope::{Scope, Subject, any_of};
use super::{Operator, Use, refuse_on_name};
use crate::diagnostic::{Code, quoted};
use crate::policy::{self, AttributeId, Condition, Facet, Operand, Type, Value};
use crate::syntax::document::first_of;
use crate::syntax::json::{Kind, Member, Node};

pub(super) const OPERATORS: &[Operator] = &[Operator { name: "within", takes_roles: false, meaning }];

/// The key beside it from which relative paths are read.
pub(super) const BASE: &str = "base";

/// The most parts of a `join`.
const MAX_PARTS: usize = 8;

const JOIN_EXAMPLE: &str = r#"{"join": ["/srv/tenants", {"ref": "agent.tenant"}]}"#;

/// The longest path, in bytes.
const MAX_PATH: usize = 4096;

fn meaning(scope: &mut Scope<'_>, used: &Use<'_>) -> Option<Condition> {
    if refuse_on_name(scope, used) {
        return None;
    }
    let base = used.beside.iter().find(|member| member.key.value == BASE);
    let is_made = |node: &Node<'_>| matches!(node.kind, Kind::Object(_));
    let is_any_made = match &used.operand.kind {
        Kind::List(nodes) => nodes.iter().any(is_made),
        _ => is_made(used.operand),
    };
    if base.is_some() || is_any_made {
        return made(scope, used, base);
    }
    let directories = scope.texts(used.name, "a directory", used.operand)?;
    let in_url = used.subject.attribute.facet() == Some(Facet::UrlPath);
    let mut tests = Vec::with_capacity(2 * directories.len());
    let (mut broken, mut first) = (false, None);
    for written in &directories {
        let is_windows = written.value.get(1..).is_some_and(|rest| rest.starts_with(':'));
        let (facet, read) =
            if is_windows { (Facet::WindowsPath, windows(written.value)) } else { (Facet::Path, posix(written.value)) };
        let read = match read {
            Ok(_) if is_windows && in_url => Err("the path of a URL has no drive".to_owned()),
            read => read,
        };
        match read {
            Err(why) => {
                let message = format!("{} is not a valid directory: {why}", quoted(written.value));
                let help = help(written.value);
                scope.error(Code::Operand, written.span, message, help.map(str::to_owned));
                broken = true;
            }
            Ok(_) if *first.get_or_insert(facet) != facet => {
                let help = "use two tests under `any`".to_owned();
                scope.error(
                    Code::Operand,
                    written.span,
                    "POSIX and Windows directories cannot be in one list",
                    Some(help),
                );
                broken = true;
            }
            Ok(directory) => below(scope, used, &used.subject.facet(facet), directory, &mut tests),
        }
    }
    (!broken).then(|| any_of(tests))
}

/// Directories of which some are made of several parts, or from which a path that is read from a base must be.
fn made(scope: &mut Scope<'_>, used: &Use<'_>, base: Option<&Member<'_>>) -> Option<Condition> {
    let nodes = match &used.operand.kind {
        Kind::List(nodes) => nodes.as_slice(),
        _ => std::slice::from_ref(used.operand),
    };
    if nodes.len() > super::super::scope::MAX_TEXTS {
        let most = super::super::scope::MAX_TEXTS;
        let message = format!("the list has {} directories; at most {most} are allowed", nodes.len());
        scope.error(Code::Limit, first_of(used.operand), message, None);
        return None;
    }
    let base = match base {
        Some(base) => Some(path_reference(scope, "base", &base.value)?),
        None => None,
    };
    let subject = used.subject.facet(if base.is_some() { Facet::AnyPath } else { Facet::Path });
    let directories: Vec<Option<Vec<Operand>>> = nodes.iter().map(|node| directory(scope, node)).collect();
    let directories: Vec<Vec<Operand>> = directories.into_iter().collect::<Option<_>>()?;
    if directories.is_empty() {
        scope.error(Code::Empty, used.operand.span, "`within` is an empty list", None);
        return None;
    }
    let tests = directories
        .into_iter()
        .map(|directory| scope.test(&subject, policy::Operator::Inside { base, directory }, used.span));
    let tests = tests.collect();
    Some(any_of(tests))
}

/// The parts of a directory: a text, a reference, or a `join` of them.
fn directory(scope: &mut Scope<'_>, node: &Node<'_>) -> Option<Vec<Operand>> {
    match &node.kind {
        Kind::String(text) => absolute(scope, text, node).map(|directory| vec![directory]),
        Kind::Object(members) if members.iter().any(|member| member.key.value == "join") => {
            let [Member { value, .. }] = members.as_slice() else {
                for Member { key, .. } in members.iter().filter(|member| member.key.value != "join") {
                    let help = match key.value.as_ref() {
                        BASE => "write `base` beside `within`".to_owned(),
                        _ => format!("for example, `{JOIN_EXAMPLE}`"),
                    };
                    let message = format!("unknown key {} beside `join`", quoted(&key.value));
                    scope.error(Code::UnknownKey, key.span, message, Some(help));
                }
                return None;
            };
            join(scope, value)
        }
        Kind::Object(_) => path_reference(scope, "within", node).map(|id| vec![Operand::Ref(id)]),
        _ => {
            let message = format!("an element of `within` must be a directory, found {}", node.describe());
            let help = format!("a directory is a string, a reference or a join such as `{JOIN_EXAMPLE}`");
            scope.error(Code::Operand, first_of(node), message, Some(help));
            None
        }
    }
}

fn join(scope: &mut Scope<'_>, node: &Node<'_>) -> Option<Vec<Operand>> {
    let Kind::List(nodes) = &node.kind else {
        let message = format!("`join` expects a list of parts, found {}", node.describe());
        scope.error(Code::Operand, first_of(node), message, Some(format!("for example, `{JOIN_EXAMPLE}`")));
        return None;
    };
    if nodes.len() > MAX_PARTS {
        let message = format!("`join` has {} parts; at most {MAX_PARTS} are allowed", nodes.len());
        scope.error(Code::Limit, first_of(node), message, None);
        return None;
    }
    let Some((first, rest)) = nodes.split_first() else {
        scope.error(Code::Empty, node.span, "`join` is an empty list", None);
        return None;
    };
    let first = match &first.kind {
        Kind::String(text) => absolute(scope, text, first),
        _ => path_reference(scope, "join", first).map(Operand::Ref),
    };
    let rest: Vec<Option<Operand>> = rest.iter().map(|node| segment_of(scope, node)).collect();
    let rest: Vec<Operand> = rest.into_iter().collect::<Option<_>>()?;
    Some(std::iter::once(first?).chain(rest).collect())
}

/// A part of a `join` behind the first: segments of the policy, or one of the call.
fn segment_of(scope: &mut Scope<'_>, node: &Node<'_>) -> Option<Operand> {
    let Kind::String(text) = &node.kind else {
        if !matches!(node.kind, Kind::Object(_)) {
            let message = format!("a part of `join` must be a string or a reference, found {}", node.describe());
            scope.error(Code::Operand, first_of(node), message, Some(format!("for example, `{JOIN_EXAMPLE}`")));
            return None;
        }
        return scope.facet_reference("join", node, &[Type::String], Facet::Segment).map(Operand::Ref);
    };
    match posix(&format!("/{text}")) {
        Ok(path) if path != "/" => Some(Operand::Literal(Value::String(path.trim_start_matches('/').to_owned()))),
        read => {
            let why = read.err().unwrap_or_else(|| "it is empty".to_owned());
            scope.error(Code::Operand, node.span, format!("{} is not a part of a path: {why}", quoted(text)), None);
            None
        }
    }
}

fn absolute(scope: &mut Scope<'_>, text: &str, node: &Node<'_>) -> Option<Operand> {
    match posix(text) {
        Ok(directory) => Some(Operand::Literal(Value::String(directory))),
        Err(why) => {
            let message = format!("{} is not a valid directory: {why}", quoted(text));
            let help = match windows(text) {
                Ok(_) => Some("`base`, references and `join` are for POSIX paths"),
                Err(_) => help(text),
            };
            scope.error(Code::Operand, node.span, message, help.map(str::to_owned));
            None
        }
    }
}

/// A reference to an absolute path.
fn path_reference(scope: &mut Scope<'_>, name: &str, node: &Node<'_>) -> Option<AttributeId> {
    if !matches!(node.kind, Kind::Object(_)) {
        let message = format!("`{name}` expects a reference, found {}", node.describe());
        scope.error(
            Code::Operand,
            first_of(node),
            message,
            Some("for example, `{\"ref\": \"context.root\"}`".to_owned()),
        );
        return None;
    }
    scope.facet_reference(name, node, &[Type::String], Facet::Path)
}

/// The tests of which one is true of a directory and of what is below it.
fn below(scope: &mut Scope<'_>, used: &Use<'_>, subject: &Subject, directory: String, tests: &mut Vec<Condition>) {
    let literal = |text: String| Operand::Literal(Value::String(text));
    // A root ends in its separator, and what is read off a path ends in one only where it is a root.
    if directory.ends_with('/') {
        tests.push(scope.test(subject, policy::Operator::StartsWith(literal(directory)), used.span));
        return;
    }
    let inside = format!("{directory}/");
    tests.push(scope.test(subject, policy::Operator::Eq(literal(directory)), used.span));
    tests.push(scope.test(subject, policy::Operator::StartsWith(literal(inside)), used.span));
}

fn help(text: &str) -> Option<&'static str> {
    if text.starts_with("\\\\") || text.starts_with("//") {
        return Some("server and device names are never within a directory; use a drive, such as `C:/data`");
    }
    let is_absolute =
        text.starts_with('/') || text.get(1..).is_some_and(|rest| rest.starts_with(":/") || rest.starts_with(":\\"));
    (!is_absolute).then_some("a directory must be absolute, such as `/srv/share` or `C:/data`")
}

/// The canonical form of an absolute POSIX path, or why it is none.
fn posix(text: &str) -> Result<String, String> {
    common(text)?;
    let Some(rest) = text.strip_prefix('/') else { return Err("it is not absolute".to_owned()) };
    if text.contains('\\') {
        return Err("it contains a backslash".to_owned());
    }
    let like_a_separator = |c| {
        matches!(c, '\u{85}' | '\u{2024}'..='\u{2026}' | '\u{2028}' | '\u{2029}' | '\u{2044}' | '\u{2215}')
            || matches!(c, '\u{ff0e}' | '\u{ff0f}')
    };
    if let Some(c) = text.chars().find(|c| like_a_separator(*c)) {
        return Err(format!("it contains U+{:04X}, which some systems treat as a separator or a dot", u32::from(c)));
    }
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    if text != "/" {
        rest.split('/').try_for_each(segment)?;
    }
    Ok(format!("/{rest}"))
}

/// The canonical form of an absolute Windows path, or why it is none.
fn windows(text: &str) -> Result<String, String> {
    common(text)?;
    if !text.is_ascii() {
        return Err("it contains a non-ASCII character".to_owned());
    }
    let path = text.to_ascii_lowercase().replace('\\', "/");
    let (drive, rest) = path.split_at(1);
    if !drive.starts_with(|c: char| c.is_ascii_lowercase()) {
        return Err("it does not start with a drive letter".to_owned());
    }
    let Some(rest) = rest.strip_prefix(":/") else { return Err("it is relative to the drive".to_owned()) };
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    if path.len() > "c:/".len() {
        rest.split('/').try_for_each(|part| segment(part).and_then(|()| windows_segment(part)))?;
    }
    Ok(format!("{drive}:/{rest}"))
}

/// What is refused in every path.
fn common(text: &str) -> Result<(), String> {
    if text.len() > MAX_PATH {
        return Err(format!("it is longer than {MAX_PATH} bytes"));
    }
    if text.contains(|c: char| c.is_ascii_control()) {
        return Err("it contains a control character".to_owned());
    }
    let is_escape = |at: usize| {
        let digits = text.as_bytes().get(at + 1..at + 3);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    if text.match_indices('%').any(|(at, _)| is_escape(at)) {
        return Err("it contains a percent-encoded character".to_owned());
    }
    Ok(())
}

fn segment(segment: &str) -> Result<(), String> {
    match segment {
        "" => Err("it contains an empty segment".to_owned()),
        "." | ".." => Err(format!("it contains the segment `{segment}`")),
        _ => Ok(()),
    }
}

fn windows_segment(segment: &str) -> Result<(), String> {
    if segment.ends_with(['.', ' ']) || segment.starts_with(' ') {
        return Err("a segment ends with a dot, or starts or ends with a space".to_owned());
    }
    if let Some(c) = segment.chars().find(|c| r#"<>:"|?*"#.contains(*c)) {
        return Err(format!("a segment contains `{c}`"));
    }
    if segment.as_bytes().windows(2).any(|pair| matches!(pair, [b'~', b'0'..=b'9'])) {
        return Err("a segment contains a `~` before a digit, as short names do".to_owned());
    }
    let name = segment.split('.').next().unwrap_or_default().trim_end_matches(' ');
    let is_numbered = |prefix| {
        name.strip_prefix(prefix).is_some_and(|rest| matches!(rest.as_bytes(), [digit] if digit.is_ascii_digit()))
    };
    let is_device = ["con", "prn", "aux", "nul", "conin$", "conout$", "clock$"].contains(&name);
    if is_device || is_numbered("com") || is_numbered("lpt") {
        return Err(format!("`{name}` is a device name"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_have_one_form() {
        for (written, canonical) in [
            ("/", "/"),
            ("/srv/share", "/srv/share"),
            ("/srv/share/", "/srv/share"),
            ("/a b/..c/ä/50%", "/a b/..c/ä/50%"),
        ] {
            assert_eq!(posix(written).as_deref(), Ok(canonical));
        }
        for (written, canonical) in [
            ("C:\\", "c:/"),
            ("c:/", "c:/"),
            ("C:\\Data\\x/", "c:/data/x"),
            ("d:/a/com/lpt10.txt", "d:/a/com/lpt10.txt"),
        ] {
            assert_eq!(windows(written).as_deref(), Ok(canonical));
        }
    }

    #[test]
    fn what_would_have_to_be_resolved_is_no_directory() {
        for text in [
            "",
            "srv",
            "./srv",
            "~/x",
            "//",
            "//srv",
            "/srv//x",
            "/srv/./x",
            "/srv/..",
            "/..",
            "/.",
            "/a\\b",
            "/a\0",
            "/a\n",
            "/%2e%2E/x",
            "/a\u{ff0f}b",
            "/a\u{2024}",
            "\\\\server\\share",
            "file:///srv",
        ] {
            assert!(posix(text).is_err(), "{text:?}");
        }
        for text in [
            "c:",
            "c:x",
            "1:/x",
            "ä:/",
            "c:/a//b",
            "c:/a/../b",
            "c:/a/.",
            "c:/a./b",
            "c:/a /b",
            "c:/ a",
            "c:/a:b",
            "c:/con",
            "c:/nul.txt/x",
            "c:/CON .x",
            "c:/com1",
            "c:/lpt9.a",
            "c:/progra~1",
            "c:/ä",
            "c:/%41",
            "c:/a*",
            "c://x",
            "c:\\\\x",
        ] {
            assert!(windows(text).is_err(), "{text:?}");
        }
    }
}
