//! `perso hook install`, `uninstall` and `doctor`: the settings in which an agent finds its hook.
//!
//! - `settings`: where they are, and their text with a hook and without it.
//! - `plugin`: the same for an agent whose hook is a plugin.
//! - `doctor`: runs the hooks in them as the agent would.

mod doctor;
mod plugin;
mod settings;

use super::super::failure::Failure;
use super::super::input::{self, Document};
use super::super::output::{self, BOLD, GOOD};
use super::super::{DONE, FAILED};
use super::{Agent, Choices};
use crate::visible;
use anstream::eprintln;
use clap::{Args, Subcommand};
pub(super) use settings::{Form, Settings};
use similar::{ChangeTag, TextDiff};
use std::borrow::Cow;
use std::env;
use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

/// The size in bytes of a module whose text takes noticeably long to compile at each call.
const LARGE: usize = 100 << 10;

/// The commands that set a hook up.
#[derive(Debug, Subcommand)]
pub(crate) enum SetUp {
    Install(Box<Install>),
    Uninstall(Uninstall),
    Doctor(doctor::Doctor),
}

impl SetUp {
    pub(super) fn run(&self) -> Result<u8, Failure> {
        match self {
            Self::Install(install) => install.run(),
            Self::Uninstall(uninstall) => uninstall.run(),
            Self::Doctor(doctor) => doctor.run(),
        }
    }
}

/// Which settings.
#[derive(Debug, Args)]
struct Where {
    /// The agent
    agent: Agent,
    /// The settings of the project around the current folder, not those of all projects
    #[arg(long)]
    project: bool,
}

impl Where {
    fn settings(&self) -> &'static Settings {
        self.agent.settings()
    }

    /// The file, and its text if it is there.
    fn read(&self) -> Result<(PathBuf, Option<String>), Failure> {
        let path = self.settings().file(self.project).map_err(Failure::Because)?;
        let text = match fs::read_to_string(&path) {
            Ok(text) => Some(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(Failure::unreadable(&path, &error)),
        };
        Ok((path, text))
    }
}

/// Write the hook into an agent's settings
///
/// Shows what changes, and asks before it writes. What else is in the settings stays as it is.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  perso hook install claude --policy coding-agent.json
  perso hook install gemini --policy coding-agent.json --project --yes

Exit codes: 0 the hook is in the settings; 1 an error, and the settings are unchanged.")]
pub(crate) struct Install {
    #[command(flatten)]
    place: Where,
    #[command(flatten)]
    choices: Choices,
    /// Write without asking
    #[arg(long)]
    yes: bool,
}

impl Install {
    fn run(&self) -> Result<u8, Failure> {
        // A policy with errors would block every call.
        let policy = input::policy(&self.choices.policy, &self.choices.extended)?;
        let command = self.command()?;
        let (path, text) = self.place.read()?;
        let agent = self.place.agent;
        let after = self
            .place
            .settings()
            .with(text.as_deref().unwrap_or_default(), agent, &command)
            .map_err(|why| Failure::file(&path, format_args!("cannot be changed: {why}")))?;
        if !change(&path, text.as_deref(), Some(&after), self.yes)? {
            return Ok(FAILED);
        }
        eprintln!("{}", self.place.settings().then);
        eprintln!("Then run `perso hook doctor {}`.", agent.dialect().name);
        if policy.module().len() > LARGE && matches!(Document::read(&self.choices.policy)?, Document::Text(_)) {
            self.advise_a_module();
        }
        Ok(DONE)
    }

    /// Says how to make calls of a large policy fast.
    fn advise_a_module(&self) {
        let word = |path: &Path| {
            let name = shown(path);
            shlex::try_quote(&name).map(Cow::into_owned).unwrap_or_default()
        };
        let (text, module) = (word(&self.choices.policy), word(&self.choices.policy.with_extension("wasm")));
        let agent = self.place.agent.dialect().name;
        eprintln!(
            "hint: this policy is large, and the hook compiles its text at each call. Compile it once, and install the module:\n  \
             perso compile {text} -o {module}\n  perso hook install {agent} --policy {module}"
        );
    }

    /// The line that the agent runs, with absolute paths.
    fn command(&self) -> Result<String, Failure> {
        let perso = env::current_exe()
            .map_err(|error| Failure::because(format!("the path of `perso` is not known: {error}")))?;
        let mut words =
            vec![perso.display().to_string(), "hook".to_owned(), self.place.agent.dialect().name.to_owned()];
        words.extend(self.choices.words()?);
        shlex::try_join(words.iter().map(String::as_str))
            .map_err(|_| Failure::because("a path or an option has a zero byte, which a command cannot have"))
    }
}

/// Remove the hook from an agent's settings
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  perso hook uninstall claude
  perso hook uninstall gemini --project --yes

Exit codes: 0 the settings have no hook of perso; 1 an error, and the settings are unchanged.")]
pub(crate) struct Uninstall {
    #[command(flatten)]
    place: Where,
    /// Write without asking
    #[arg(long)]
    yes: bool,
}

impl Uninstall {
    fn run(&self) -> Result<u8, Failure> {
        let (path, text) = self.place.read()?;
        let Some(text) = text else {
            eprintln!("{BOLD}{}{BOLD:#} is not there: nothing to do", shown(&path));
            return Ok(DONE);
        };
        let after = self
            .place
            .settings()
            .without(&text, self.place.agent)
            .map_err(|why| Failure::file(&path, format_args!("cannot be changed: {why}")))?;
        Ok(if change(&path, Some(&text), after.as_deref(), self.yes)? { DONE } else { FAILED })
    }
}

fn shown(path: &Path) -> String {
    visible(&path.display().to_string()).into_owned()
}

/// Shows a change of a file, and makes it if a person agrees. Says whether the file is as it should be.
fn change(path: &Path, before: Option<&str>, after: Option<&str>, is_agreed: bool) -> Result<bool, Failure> {
    let name = shown(path);
    if before == after {
        eprintln!("{BOLD}{name}{BOLD:#} is as it should be: nothing to do");
        return Ok(true);
    }
    show(&name, before.unwrap_or_default(), after.unwrap_or_default())?;
    if !is_agreed {
        if !io::stdin().is_terminal() {
            return Err(Failure::because("nothing was written; `--yes` writes without asking"));
        }
        anstream::eprint!("Write this? [y/N] ");
        let mut answer = String::new();
        io::stdin()
            .read_line(&mut answer)
            .map_err(|error| Failure::because(format!("no answer can be read: {error}")))?;
        if !matches!(answer.trim(), "y" | "Y" | "yes") {
            eprintln!("nothing was written");
            return Ok(false);
        }
    }
    let written = match after {
        Some(after) => {
            let folder = path.parent().map_or(Ok(()), fs::create_dir_all);
            folder.and_then(|()| output::file(path, after.as_bytes()))
        }
        None => fs::remove_file(path),
    };
    written.map_err(|error| Failure::unwritable(path, &error))?;
    let done = if after.is_some() { "written" } else { "removed" };
    eprintln!("{GOOD}{done}{GOOD:#} {BOLD}{name}{BOLD:#}");
    Ok(true)
}

/// The lines that change, with what is around them.
fn show(name: &str, before: &str, after: &str) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    let diff = TextDiff::from_lines(before, after);
    writeln!(out, "{BOLD}{name}{BOLD:#}")?;
    for (at, group) in diff.grouped_ops(3).iter().enumerate() {
        if at > 0 {
            writeln!(out, "  …")?;
        }
        for change in group.iter().flat_map(|operation| diff.iter_changes(operation)) {
            let line = visible(change.value().trim_end_matches(['\r', '\n'])).into_owned();
            match change.tag() {
                ChangeTag::Delete => writeln!(out, "{0}- {line}{0:#}", output::BAD)?,
                ChangeTag::Insert => writeln!(out, "{GOOD}+ {line}{GOOD:#}")?,
                ChangeTag::Equal => writeln!(out, "  {line}")?,
            }
        }
    }
    out.flush()
}
