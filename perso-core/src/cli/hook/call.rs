//! The call that the policy judges.
//!
//! | in the call | what |
//! | --- | --- |
//! | `tool` | `shell`, `read`, `write`, `search`, `fetch`, `mcp__SERVER__TOOL` (`mcp__TOOL` from Cursor, which does not name the server), or what the agent calls another tool |
//! | `args` | the arguments, as the agent wrote them |
//! | `agent.id`, `agent.roles` | who runs the agent, from the command line |
//! | `resource.path` | the file, absolute, where the tool has one that every agent reads in the same way |
//! | `resource.real_path` | where that really is, links resolved; missing where it depends on who resolves them |
//! | `context.agent_kind`, `context.tool` | the agent, and its own name of the tool |
//! | `context.cwd`, `context.root` | where it works, and the repository around that |
//! | `context.permission_mode` | how much the agent may do by itself |
//! | `session.id` | the agent's session |

use super::event::{Event, Kind};
use super::patch;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::path::{Component, Path, PathBuf};

#[derive(Serialize)]
struct Call<'e> {
    tool: &'e str,
    args: &'e RawValue,
    agent: Who<'e>,
    resource: Resource,
    context: Context<'e>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<Session<'e>>,
}

#[derive(Serialize)]
struct Session<'e> {
    id: &'e str,
}

#[derive(Serialize)]
struct Who<'e> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'e str>,
    roles: &'e [String],
}

#[derive(Default, Serialize)]
struct Resource {
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    real_path: Option<String>,
}

#[derive(Serialize)]
struct Context<'e> {
    agent_kind: &'e str,
    tool: &'e str,
    #[serde(skip_serializing_if = "Option::is_none")]
    cwd: Option<&'e str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    root: Option<&'e str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    permission_mode: Option<&'e str>,
}

/// The calls of an event, as JSON: one, or one for each file of a patch.
pub(super) fn of(event: &Event<'_>, agent: &str, user: Option<&str>, roles: &[String]) -> Vec<Vec<u8>> {
    let tool: Cow<'_, str> = match &event.kind {
        Kind::Shell => "shell".into(),
        Kind::Read(_) => "read".into(),
        Kind::Write(_) | Kind::Patch(_) => "write".into(),
        Kind::Search(_) | Kind::Glob(..) => "search".into(),
        Kind::Fetch => "fetch".into(),
        Kind::Mcp { server: Some(server), tool } => format!("mcp__{server}__{tool}").into(),
        Kind::Mcp { server: None, tool } => format!("mcp__{tool}").into(),
        Kind::Other => event.tool.as_ref().into(),
    };
    let cwd = event.cwd.as_deref();
    let root = cwd.and_then(|cwd| root(Path::new(cwd))).and_then(text);
    let call = |resource| {
        let call = Call {
            tool: &tool,
            args: &event.input,
            agent: Who { id: user, roles },
            resource,
            context: Context {
                agent_kind: agent,
                tool: &event.tool,
                cwd,
                root: root.as_deref(),
                permission_mode: event.mode.as_deref(),
            },
            session: event.session.as_deref().map(|id| Session { id }),
        };
        // It is made of strings, and of JSON that has been read.
        serde_json::to_vec(&call).unwrap_or_default()
    };
    resources(event, cwd).into_iter().map(call).collect()
}

/// What the calls of an event are about.
fn resources(event: &Event<'_>, cwd: Option<&str>) -> Vec<Resource> {
    let arguments: Map<String, Value> = serde_json::from_str(event.input.get()).unwrap_or_default();
    let file = |written: &str| path(written, cwd).map(|path| Resource::of(&path)).unwrap_or_default();
    let argument = |key: &str| arguments.get(key).and_then(Value::as_str);
    let places = |keys: &[&str]| {
        let places: Vec<_> = keys.iter().filter_map(|key| arguments.get(*key)).flat_map(texts).collect();
        // Agents search where they work, unless they say where.
        let places = if places.is_empty() { vec![Some(".")] } else { places };
        places.into_iter().map(|place| place.map(file).unwrap_or_default()).collect()
    };
    match event.kind {
        Kind::Read(key) | Kind::Write(key) => vec![argument(key).map(file).unwrap_or_default()],
        Kind::Search(keys) => places(keys),
        Kind::Glob(keys, pattern) if argument(pattern).is_some_and(stays) => places(keys),
        Kind::Patch(key) => match argument(key).and_then(patch::files) {
            Some(files) => files.into_iter().map(file).collect(),
            None => vec![Resource::default()],
        },
        _ => vec![Resource::default()],
    }
}

/// The texts of a value: its own, or those in it. What is none has none.
fn texts(value: &Value) -> Vec<Option<&str>> {
    match value {
        Value::Array(values) if !values.is_empty() => values.iter().map(Value::as_str).collect(),
        value => vec![value.as_str()],
    }
}

/// Whether a pattern finds only files below the place where it is looked for. Braces and brackets can hide a `..`, or a slash at the
/// start: `{.,a}{.,a}`, `[.][.]`, `{,a}/`.
fn stays(pattern: &str) -> bool {
    let leaves = |at: &[u8]| {
        matches!(
            at,
            [b'.', b'.']
                | [_, b'\\']
                | [b'{' | b',' | b'(' | b'|', b'/']
                | [b'/', b',' | b'}']
                | [b'{' | b',', b',']
                | [b',', b'}']
                | [b'[', b'.' | b'{' | b',' | b'}']
                | [b'/' | b'{' | b',', b'.', b'{' | b',' | b'}']
        )
    };
    let text = format!("/{pattern}");
    !pattern.starts_with(['/', '~']) && ![2, 3].iter().any(|&size| text.as_bytes().windows(size).any(leaves))
}

impl Resource {
    fn of(path: &Path) -> Self {
        Self { path: text(plain(path)), real_path: real(path).and_then(text) }
    }
}

fn text(path: PathBuf) -> Option<String> {
    path.into_os_string().into_string().ok()
}

/// The path that is written so: absolute.
fn path(written: &str, cwd: Option<&str>) -> Option<PathBuf> {
    let path = Path::new(cwd.unwrap_or_default()).join(written);
    (is_literal(written) && path.is_absolute() && !path.starts_with("/proc")).then_some(path)
}

/// Whether a path leads where it says to every agent. Claude Code takes white space off its ends and `~` for the home; Gemini CLI
/// takes an `@` off its start, and `%2e` for `.`; some take out what is no character.
fn is_literal(path: &str) -> bool {
    let is_blank = |c: char| c.is_whitespace() || c == '\u{feff}';
    let is_escape = |at: &[u8]| matches!(at, [b'%', a, b] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit());
    !path.is_empty()
        && !path.starts_with(['~', '@'])
        && !path.starts_with(is_blank)
        && !path.ends_with(is_blank)
        && !path.contains(char::is_control)
        && !path.as_bytes().windows(3).any(is_escape)
}

/// The path without `.` and `..`, as its text has it.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                plain.pop();
            }
            Component::CurDir => {}
            part => plain.push(part),
        }
    }
    plain
}

/// Where a path really leads. Behind a link, `..` is another folder for who takes it out of the text than for who follows
/// the link: agents do the one or the other, so that there is no answer where these differ.
fn real(path: &Path) -> Option<PathBuf> {
    resolved(path).filter(|real| resolved(&plain(path)).as_ref() == Some(real))
}

/// The path as far as it is there with links resolved, and the rest of it.
fn resolved(path: &Path) -> Option<PathBuf> {
    let there = path.ancestors().find(|ancestor| ancestor.symlink_metadata().is_ok())?;
    let rest = path.strip_prefix(there).ok()?;
    // A link that leads nowhere has no real path.
    let real = there.canonicalize().ok()?;
    let is_plain = rest.components().all(|part| matches!(part, Component::Normal(_)));
    is_plain.then(|| real.components().chain(rest.components()).collect())
}

/// The repository around a folder.
fn root(cwd: &Path) -> Option<PathBuf> {
    let cwd = cwd.canonicalize().ok()?;
    cwd.ancestors().find(|folder| folder.join(".git").exists()).map(Path::to_owned)
}
