//! The servers behind the gateway: the `mcp.json` that MCP clients have.

use crate::meta::MetaTool;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Between a server's name and that of its tool, where there are several servers.
pub const SEPARATOR: &str = "__";

/// The largest file of servers, in bytes.
const MOST_BYTES: u64 = 1 << 20;
/// How many servers there can be.
const MOST_SERVERS: usize = 64;
/// The longest name of a server, in bytes. Clients allow 64 for a server and its tool.
const LONGEST_NAME: usize = 32;
/// How long a server has for an answer, or for the next sign of progress, unless the file says otherwise.
const PATIENCE: Duration = Duration::from_secs(300);

/// Why the servers cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("`{0}` cannot be read: {1}")]
    Unreadable(PathBuf, #[source] std::io::Error),
    /// The file is not of the form that clients have.
    #[error("`{0}` is not a file of MCP servers: {1}")]
    Malformed(PathBuf, #[source] serde_json::Error),
    /// The file pins no tools.
    #[error("`{0}` {1}; restore it, or remove it and approve the tools again")]
    Pins(PathBuf, #[source] perso_core::CatalogError),
    /// Something is wrong with the file.
    #[error("`{0}`: {1}")]
    Wrong(PathBuf, String),
}

/// A server, and how it is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Its name in the file.
    pub name: String,
    /// How it is reached.
    pub reach: Reach,
    /// Whether all clients share one connection, and so one process.
    pub is_shared: bool,
    /// How long it has for an answer, or for the next sign of progress.
    pub patience: Duration,
    /// Whether rules can read what it says about its tools, as `context.tool.…`.
    pub is_trusted: bool,
    /// Its tools that call and find other tools, by its own names for them.
    pub meta_tools: BTreeMap<String, MetaTool>,
}

/// How a server is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// By the standard input and output of a process.
    Command {
        /// The program.
        program: String,
        /// Its arguments.
        args: Vec<String>,
        /// What is added to its environment.
        env: BTreeMap<String, String>,
        /// Where it runs.
        cwd: Option<PathBuf>,
    },
    /// By Streamable HTTP.
    Url {
        /// The endpoint.
        url: String,
        /// The headers of each request, such as the server's own credentials.
        headers: BTreeMap<String, String>,
    },
}

/// The file. Clients write more into it, which means nothing here.
#[derive(Debug, Deserialize)]
struct File {
    #[serde(alias = "servers", rename = "mcpServers")]
    servers: BTreeMap<String, Entry>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Entry {
    command: Option<String>,
    args: Vec<String>,
    env: BTreeMap<String, String>,
    cwd: Option<String>,
    url: Option<String>,
    headers: BTreeMap<String, String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    disabled: bool,
    /// What only the gateway reads.
    perso: Settings,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    shared: bool,
    timeout_seconds: Option<u64>,
    trust_annotations: bool,
    meta_tools: BTreeMap<String, MetaTool>,
}

/// Reads the servers in a file, in the order of their names.
///
/// # Errors
///
/// Returns an error that names what is wrong, and where.
pub fn servers(path: &Path) -> Result<Vec<Server>, ConfigError> {
    let text = text(path)?;
    let file: File = serde_json::from_str(&text).map_err(|error| ConfigError::Malformed(path.to_owned(), error))?;
    let wrong = |why: String| ConfigError::Wrong(path.to_owned(), why);
    let servers = file.servers.into_iter().filter(|(_, entry)| !entry.disabled);
    let servers: Vec<Server> = servers
        .map(|(name, entry)| entry.server(name.clone()).map_err(|why| wrong(format!("the server `{name}` {why}"))))
        .collect::<Result<_, _>>()?;
    match servers.len() {
        0 => Err(wrong("there is no server in `mcpServers`".to_owned())),
        many if many > MOST_SERVERS => Err(wrong(format!("{many} servers are too many: the most are {MOST_SERVERS}"))),
        _ => Ok(servers),
    }
}

/// Reads a file that is not too large.
pub(crate) fn text(path: &Path) -> Result<String, ConfigError> {
    let unreadable = |error| ConfigError::Unreadable(path.to_owned(), error);
    if fs::metadata(path).map_err(unreadable)?.len() > MOST_BYTES {
        return Err(ConfigError::Wrong(path.to_owned(), format!("it is larger than {MOST_BYTES} bytes")));
    }
    fs::read_to_string(path).map_err(unreadable)
}

impl Entry {
    fn server(self, name: String) -> Result<Server, String> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if name.is_empty() || name.len() > LONGEST_NAME || !name.chars().all(is_plain) {
            return Err(format!("needs another name: at most {LONGEST_NAME} letters, digits, `-`, `_` and `.`"));
        }
        if name.contains(SEPARATOR) || name.starts_with('_') || name.ends_with('_') {
            return Err("needs another name: `__` stands between a server's name and its tool's".to_owned());
        }
        if matches!(self.kind.as_deref(), Some("sse")) {
            return Err(
                "has the type `sse`, which MCP has given up: use the server's Streamable HTTP endpoint".to_owned()
            );
        }
        let reach = match (self.command, self.url) {
            (Some(program), None) => Reach::Command {
                program: expanded(&program)?,
                args: self.args.iter().map(|arg| expanded(arg)).collect::<Result<_, _>>()?,
                env: all_expanded(self.env)?,
                cwd: self.cwd.map(|cwd| expanded(&cwd)).transpose()?.map(PathBuf::from),
            },
            (None, Some(url)) => Reach::Url { url: expanded(&url)?, headers: all_expanded(self.headers)? },
            (Some(_), Some(_)) => return Err("has a `command` and a `url`: only one of them can reach it".to_owned()),
            (None, None) => return Err("has neither a `command` nor a `url`".to_owned()),
        };
        let patience = self.perso.timeout_seconds.map_or(PATIENCE, Duration::from_secs);
        if patience.is_zero() {
            return Err("has `timeout_seconds: 0`: it must be at least 1".to_owned());
        }
        let Settings { shared: is_shared, trust_annotations: is_trusted, meta_tools, timeout_seconds: _ } = self.perso;
        if let Some((tool, fault)) = meta_tools.iter().find_map(|(tool, meta)| Some((tool, meta.fault()?))) {
            return Err(format!("has the meta-tool `{tool}`, of which {fault}"));
        }
        Ok(Server { name, reach, is_shared, patience, is_trusted, meta_tools })
    }
}

fn all_expanded(texts: BTreeMap<String, String>) -> Result<BTreeMap<String, String>, String> {
    texts.into_iter().map(|(key, text)| Ok((key, expanded(&text)?))).collect()
}

/// A text with its `${NAME}` and `${NAME:-otherwise}` replaced by the environment's variables.
fn expanded(text: &str) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let (variable, behind) =
            after.split_once('}').ok_or_else(|| format!("has a `${{` without `}}` in `{text}`"))?;
        let (name, otherwise) = variable.split_once(":-").map_or((variable, None), |(name, or)| (name, Some(or)));
        out.push_str(before);
        match (env::var(name), otherwise) {
            (Ok(value), _) if !value.is_empty() || otherwise.is_none() => out.push_str(&value),
            (_, Some(otherwise)) => out.push_str(otherwise),
            _ => return Err(format!("needs the variable `{name}`, which is not set")),
        }
        rest = behind;
    }
    out.push_str(rest);
    Ok(out)
}

/// The caller's attributes in a file: a JSON object, which rules read as `agent.…`.
///
/// # Errors
///
/// Returns an error if the file cannot be read or is no JSON object.
pub fn agent(path: &Path) -> Result<perso_tower::Agent, ConfigError> {
    match serde_json::from_str(&text(path)?) {
        Ok(Value::Object(attributes)) => Ok(attributes.into()),
        Ok(_) => Err(ConfigError::Wrong(path.to_owned(), "it is not a JSON object".to_owned())),
        Err(error) => Err(ConfigError::Malformed(path.to_owned(), error)),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "it is a test")]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<Server>, String> {
        let folder = env::temp_dir().join(format!("perso-gateway-{}", uuid(text)));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("mcp.json");
        fs::write(&path, text).unwrap();
        let read = servers(&path).map_err(|error| error.to_string());
        fs::remove_dir_all(&folder).unwrap();
        read
    }

    fn uuid(text: &str) -> String {
        use sha2::{Digest, Sha256};
        Sha256::digest(text).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn the_files_of_clients_are_read() {
        let servers = read(
            r#"{ "theme": 1, "mcpServers": {
                "files": { "command": "npx", "args": ["-y", "${NOWHERE_SET:-x}"], "env": { "A": "b" }, "autoApprove": [] },
                "off": { "command": "rm", "disabled": true },
                "web": { "type": "http", "url": "http://127.0.0.1:1/mcp", "perso": { "shared": true, "timeout_seconds": 3 } } } }"#,
        )
        .unwrap();
        let names: Vec<&str> = servers.iter().map(|server| server.name.as_str()).collect();
        assert_eq!(names, ["files", "web"]);
        assert!(servers.iter().any(|server| server.is_shared && server.patience == Duration::from_secs(3)));
        assert!(matches!(&servers.first().unwrap().reach, Reach::Command { args, .. } if args == &["-y", "x"]));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (entry, words) in [
            (r#""a__b": { "command": "x" }"#, "`__` stands between"),
            (r#""a b": { "command": "x" }"#, "letters, digits"),
            (r#""a": {}"#, "neither a `command` nor a `url`"),
            (r#""a": { "command": "x", "url": "y" }"#, "only one of them"),
            (r#""a": { "type": "sse", "url": "y" }"#, "`sse`"),
            (r#""a": { "command": "${NOWHERE_SET}" }"#, "`NOWHERE_SET`, which is not set"),
            (r#""a": { "command": "${NOWHERE" }"#, "without `}`"),
            (r#""a": { "command": "x", "perso": { "share": true } }"#, "unknown field `share`"),
            (
                r#""a": { "command": "x", "perso": { "meta_tools": { "find": { "finds": { "tools": "tools" } } } } }"#,
                "the meta-tool `find`, of which `tools` is a JSON pointer",
            ),
            (
                r#""a": { "command": "x", "perso": { "meta_tools": { "c": { "calls": { "tool": "t" } } } } }"#,
                "`arguments`",
            ),
            ("", "there is no server"),
        ] {
            let error = read(&format!(r#"{{ "mcpServers": {{ {entry} }} }}"#)).unwrap_err();
            assert!(error.contains(words), "{entry}: {error}");
        }
        assert!(read("{").unwrap_err().contains("is not a file of MCP servers"));
    }
}
