//! `perso-gateway wrap`: puts the gateway in front of all servers in a client's file, and `unwrap` takes it away.
//!
//! The client's file keeps everything else in it. Its servers move to a file beside it, which the gateway reads.

use crate::cli::Failure;
use crate::config;
use clap::Args;
use jsonc_parser::ParseOptions;
use jsonc_parser::cst::{CstInputValue, CstObjectProp, CstRootNode};
use std::env;
use std::fs;
use std::path::{Path, PathBuf};

/// The name of the gateway in a client's file.
const NAME: &str = "perso";

/// Put the gateway in front of all servers in a client's file
///
/// The servers move to FILE.servers.json beside it. `perso-gateway unwrap` puts them back.
#[derive(Debug, Args)]
pub(crate) struct Wrap {
    /// The client's file, with `mcpServers`
    file: PathBuf,
    /// The policy (JSON) or its module
    #[arg(long, value_name = "POLICY")]
    policy: PathBuf,
    /// `agent.id` of every call
    #[arg(long, value_name = "ID")]
    user: Option<String>,
    /// A role of the caller (repeatable)
    #[arg(long = "role", value_name = "ROLE")]
    roles: Vec<String>,
}

/// Take the gateway away from a client's file
#[derive(Debug, Args)]
pub(crate) struct Unwrap {
    /// The client's file
    file: PathBuf,
}

/// The file beside a client's, with its servers.
fn beside(file: &Path) -> PathBuf {
    let mut name = file.file_stem().unwrap_or_default().to_owned();
    name.push(".servers.json");
    file.with_file_name(name)
}

/// The servers in a client's file.
fn servers(root: &CstRootNode, file: &Path) -> Result<CstObjectProp, Failure> {
    let object = root.object_value();
    let servers = object.and_then(|object| object.get("mcpServers").or_else(|| object.get("servers")));
    servers.ok_or_else(|| format!("`{}` has no `mcpServers`", file.display()).into())
}

fn parse(text: &str, file: &Path) -> Result<CstRootNode, Failure> {
    CstRootNode::parse(text, &ParseOptions::default()).map_err(|error| format!("`{}`: {error}", file.display()).into())
}

impl Wrap {
    pub(crate) fn run(&self) -> Result<(), Failure> {
        perso_tower::Policy::load(&self.policy)?;
        let text = config::text(&self.file)?;
        let root = parse(&text, &self.file)?;
        let property = servers(&root, &self.file)?;
        let moved = beside(&self.file);
        if property.object_value().is_some_and(|servers| servers.get(NAME).is_some()) {
            return Err(format!("`{}` has a server `{NAME}` already: unwrap it first", self.file.display()).into());
        }
        if moved.exists() {
            return Err(format!("`{}` is there already: it would be overwritten", moved.display()).into());
        }
        let value = property.value().ok_or("`mcpServers` has no value")?;
        // It holds the servers' credentials, so that nobody gets to read it who could not read them before.
        fs::copy(&self.file, &moved)?;
        fs::write(&moved, format!("{{\n  \"mcpServers\": {value}\n}}\n"))?;
        // What the gateway could not read would leave the client without servers.
        if let Err(error) = config::servers(&moved) {
            fs::remove_file(&moved)?;
            return Err(error.into());
        }
        let gateway = env::current_exe()?.display().to_string();
        let mut args = vec!["--policy".to_owned(), absolute(&self.policy)?, "--servers".to_owned(), absolute(&moved)?];
        args.extend(self.user.iter().flat_map(|user| ["--user".to_owned(), user.clone()]));
        args.extend(self.roles.iter().flat_map(|role| ["--role".to_owned(), role.clone()]));
        let entry: Vec<(String, CstInputValue)> =
            vec![("command".to_owned(), gateway.into()), ("args".to_owned(), args.into())];
        property.set_value(vec![(NAME.to_owned(), entry.into())].into());
        fs::write(&self.file, root.to_string())?;
        anstream::eprintln!("written {}: its servers are behind the gateway now", self.file.display());
        anstream::eprintln!("written {}: the servers", moved.display());
        Ok(())
    }
}

impl Unwrap {
    pub(crate) fn run(&self) -> Result<(), Failure> {
        let moved = beside(&self.file);
        let text = config::text(&self.file)?;
        let root = parse(&text, &self.file)?;
        let property = servers(&root, &self.file)?;
        let kept = config::text(&moved)?;
        let kept_root = parse(&kept, &moved)?;
        let value = servers(&kept_root, &moved)?.value().ok_or("`mcpServers` has no value")?;
        // As it was, byte by byte.
        let range = property.value().ok_or("`mcpServers` has no value")?.to_string();
        let (before, after) = text.split_once(&range).ok_or("the servers cannot be found in the file")?;
        fs::write(&self.file, format!("{before}{value}{after}"))?;
        fs::remove_file(&moved)?;
        anstream::eprintln!("written {}: its servers are as they were", self.file.display());
        Ok(())
    }
}

fn absolute(path: &Path) -> Result<String, Failure> {
    Ok(path.canonicalize()?.display().to_string())
}
