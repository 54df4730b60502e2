//! A plugin that runs the hook: a file that perso writes as a whole, with the command in a line of it.

use super::super::Agent;
use super::settings::is_own;

/// How the line with the command starts. Behind it are its words, as JSON.
const COMMAND: &str = "const COMMAND = ";

/// The plugin with a command, in place of an older one.
pub(super) fn with(plugin: &str, text: &str, agent: Agent, words: &str) -> Result<String, String> {
    if !text.is_empty() && command(text, agent).is_none() {
        return Err("it is not perso's plugin".to_owned());
    }
    let words = shlex::split(words).and_then(|words| serde_json::to_string(&words).ok());
    let line = format!("{COMMAND}{};", words.ok_or("the command has no words")?);
    let lines = plugin.lines().map(|old| if old.starts_with(COMMAND) { &line } else { old });
    Ok(lines.flat_map(|line| [line, "\n"]).collect())
}

/// The command in a plugin of perso.
pub(super) fn command(text: &str, agent: Agent) -> Option<String> {
    let words = text.lines().find_map(|line| line.strip_prefix(COMMAND)?.strip_suffix(';'))?;
    let words: Vec<String> = serde_json::from_str(words).ok()?;
    let command = shlex::try_join(words.iter().map(String::as_str)).ok()?;
    is_own(&command, agent).then_some(command)
}
