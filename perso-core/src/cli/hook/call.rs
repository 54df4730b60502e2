//! The call that the policy judges.
//!
//! | in the call | what |
//! | --- | --- |
//! | `tool` | `shell`, `read`, `write`, `search`, `fetch`, `mcp__SERVER__TOOL` (`mcp__TOOL` from Cursor, which does not name the server), or what the agent calls another tool |
//! | `args` | the arguments, as the agent wrote them |
//! | `agent.id`, `agent.roles` | who runs the agent, from the command line |
//! | `resource.path` | the file, absolute, where the tool has one |
//! | `resource.real_path` | where that really is, links resolved; missing where it depends on who resolves them |
//! | `context.agent_kind`, `context.tool` | the agent, and its own name of the tool |
//! | `context.cwd`, `context.root` | where it works, and the repository around that |
//! | `context.permission_mode` | how much the agent may do by itself |

use super::event::{Event, Kind};
use serde::Serialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::path::{Component, Path, PathBuf};

#[derive(Serialize)]
struct Call<'e> {
    tool: &'e str,
    args: &'e RawValue,
    agent: Who<'e>,
    resource: Resource,
    context: Context<'e>,
}

#[derive(Serialize)]
struct Who<'e> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'e str>,
    roles: &'e [String],
}

#[derive(Serialize)]
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
    root: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    permission_mode: Option<&'e str>,
}

/// The call of an event, as JSON.
pub(super) fn of(event: &Event<'_>, agent: &str, user: Option<&str>, roles: &[String]) -> Vec<u8> {
    let tool: Cow<'_, str> = match &event.kind {
        Kind::Shell => "shell".into(),
        Kind::Read(_) => "read".into(),
        Kind::Write(_) | Kind::Patch(_) => "write".into(),
        Kind::Search(_) => "search".into(),
        Kind::Fetch => "fetch".into(),
        Kind::Mcp { server: Some(server), tool } => format!("mcp__{server}__{tool}").into(),
        Kind::Mcp { server: None, tool } => format!("mcp__{tool}").into(),
        Kind::Other => event.tool.as_ref().into(),
    };
    let cwd = event.cwd.as_deref();
    let path = match &event.kind {
        Kind::Read(key) | Kind::Write(key) => path(&event.input, key, None, cwd),
        // Agents search where they work, unless they say where.
        Kind::Search(key) => path(&event.input, key, Some("."), cwd),
        _ => None,
    };
    let text = |path: PathBuf| path.into_os_string().into_string().ok();
    let call = Call {
        tool: &tool,
        args: &event.input,
        agent: Who { id: user, roles },
        resource: Resource {
            real_path: path.as_deref().and_then(real).and_then(text),
            path: path.as_deref().map(plain).and_then(text),
        },
        context: Context {
            agent_kind: agent,
            tool: &event.tool,
            cwd,
            root: cwd.and_then(|cwd| root(Path::new(cwd))).and_then(text),
            permission_mode: event.mode.as_deref(),
        },
    };
    // It is made of strings, and of JSON that has been read.
    serde_json::to_vec(&call).unwrap_or_default()
}

/// The path in an argument, or else another one: absolute.
fn path(input: &RawValue, key: &str, otherwise: Option<&str>, cwd: Option<&str>) -> Option<PathBuf> {
    let input: serde_json::Map<String, serde_json::Value> = serde_json::from_str(input.get()).ok()?;
    let written = Path::new(match input.get(key) {
        Some(path) => path.as_str()?,
        None => otherwise?,
    });
    let path = Path::new(cwd.unwrap_or_default()).join(written);
    path.is_absolute().then_some(path)
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
    is_plain.then(|| if rest.as_os_str().is_empty() { real } else { real.join(rest) })
}

/// The repository around a folder.
fn root(cwd: &Path) -> Option<PathBuf> {
    let cwd = cwd.canonicalize().ok()?;
    cwd.ancestors().find(|folder| folder.join(".git").exists()).map(Path::to_owned)
}
