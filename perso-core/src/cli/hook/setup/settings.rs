//! The settings in which an agent finds its hooks: where they are, and their text with a hook and without it.
//!
//! The text is edited in place, so that comments, the order of keys and everything else stay as they are.

use super::super::Agent;
use super::plugin;
use jsonc_parser::ParseOptions;
use jsonc_parser::cst::{CstArray, CstInputValue, CstNode, CstObject, CstRootNode};
use std::env;
use std::path::{Path, PathBuf};

/// Where an agent finds its hooks, and in which form.
#[derive(Debug)]
pub(crate) struct Settings {
    /// An event of a call of a tool without arguments.
    pub(crate) probe: fn(&str) -> serde_json::Value,
    /// A variable that names the agent's own folder, and the file in it.
    pub(crate) variable: Option<(&'static str, &'static str)>,
    /// The file below the home folder, for all projects.
    pub(crate) home: &'static str,
    /// The file below a project's folder, for this project alone.
    pub(crate) project: &'static str,
    /// The events that a hook is for.
    pub(crate) events: &'static [&'static str],
    /// A hook in it.
    pub(crate) form: Form,
    /// What is left for a person to do.
    pub(crate) then: &'static str,
}

/// How an agent writes a hook.
#[derive(Debug)]
pub(crate) enum Form {
    /// `{"hooks": [{"type": "command", "command": …}]}`, with more in the inner object.
    Group(&'static [(&'static str, &'static str)]),
    /// `{"command": …}` in a file with a version, where the command stands under this key.
    Flat(&'static str, fn() -> Vec<(String, CstInputValue)>),
    /// A plugin with this text, in a file of its own.
    Plugin(&'static str),
}

fn text((key, value): (&str, &str)) -> (String, CstInputValue) {
    (key.to_owned(), CstInputValue::from(value))
}

fn group(command: &str, more: &[(&str, &str)]) -> CstInputValue {
    let hook = [("type", "command"), ("command", command)].into_iter().chain(more.iter().copied());
    let hook: Vec<_> = hook.map(text).collect();
    CstInputValue::Object(vec![("hooks".to_owned(), CstInputValue::Array(vec![hook.into()]))])
}

fn flat(command: &str, key: &str, more: Vec<(String, CstInputValue)>) -> CstInputValue {
    [text((key, command))].into_iter().chain(more).collect::<Vec<_>>().into()
}

impl Settings {
    /// The file of all projects, and that of the project around a folder.
    pub(super) fn file(&self, is_project: bool) -> Result<PathBuf, String> {
        if is_project {
            let here = env::current_dir().map_err(|error| format!("the current folder cannot be found: {error}"))?;
            let root = here.ancestors().find(|folder| folder.join(".git").exists()).unwrap_or(&here);
            return Ok(root.join(self.project));
        }
        if let Some((variable, file)) = self.variable
            && let Some(folder) = env::var_os(variable).filter(|folder| !folder.is_empty())
        {
            return Ok(Path::new(&folder).join(file));
        }
        let home = env::home_dir().filter(|home| home.is_absolute());
        Ok(home.ok_or("the home folder is not known; set `HOME`")?.join(self.home))
    }

    /// The text with a hook that runs the command, in place of an older one of perso.
    pub(super) fn with(&self, text: &str, agent: Agent, command: &str) -> Result<String, String> {
        match self.form {
            Form::Group(more) => self.with_entry(text, agent, || group(command, more)),
            Form::Flat(key, more) => self.with_entry(text, agent, || flat(command, key, more())),
            Form::Plugin(plugin) => plugin::with(plugin, text, agent, command),
        }
    }

    fn with_entry(&self, text: &str, agent: Agent, entry: impl Fn() -> CstInputValue) -> Result<String, String> {
        let root = parse(text)?;
        let settings = root.object_value_or_create().ok_or("it is not an object")?;
        if matches!(self.form, Form::Flat(..)) && settings.get("version").is_none() {
            settings.append("version", 1_i32.into());
        }
        let hooks = settings.object_value_or_create("hooks").ok_or("`hooks` is not an object")?;
        for event in self.events {
            let entries =
                hooks.array_value_or_create(event).ok_or_else(|| format!("`hooks.{event}` is not an array"))?;
            remove(&entries, agent);
            entries.append(entry());
        }
        Ok(ended(&root))
    }

    /// The text without perso's hooks, or nothing where nothing else is left.
    pub(super) fn without(&self, text: &str, agent: Agent) -> Result<Option<String>, String> {
        if matches!(self.form, Form::Plugin(_)) {
            return Ok(plugin::command(text, agent).is_none().then(|| text.to_owned()));
        }
        let root = parse(text)?;
        let Some(settings) = root.object_value() else { return Ok(Some(text.to_owned())) };
        let Some(hooks) = settings.object_value("hooks") else { return Ok(Some(text.to_owned())) };
        let mut is_changed = false;
        for property in hooks.properties() {
            let Some(entries) = property.array_value() else { continue };
            if remove(&entries, agent) {
                is_changed = true;
                if entries.elements().is_empty() {
                    property.remove();
                }
            }
        }
        if !is_changed {
            return Ok(Some(text.to_owned()));
        }
        if hooks.properties().is_empty() {
            remove_property(&settings, "hooks");
        }
        let is_left =
            settings.properties().iter().any(|property| property.decoded_name().as_deref() != Some("version"));
        Ok(is_left.then(|| ended(&root)))
    }

    /// Whether they switch all hooks off.
    pub(super) fn is_off(text: &str) -> bool {
        let settings = parse(text).ok().and_then(|root| root.object_value());
        let off = settings.and_then(|settings| settings.get("disableAllHooks")?.value()?.as_boolean_lit());
        off.is_some_and(|off| off.value())
    }

    /// The commands of perso's hooks, with their events.
    pub(super) fn commands(&self, text: &str, agent: Agent) -> Result<Vec<(String, String)>, String> {
        if matches!(self.form, Form::Plugin(_)) {
            let events = self.events.iter().map(|event| (*event).to_owned());
            return Ok(events.zip(plugin::command(text, agent)).collect());
        }
        let root = parse(text)?;
        let Some(hooks) = root.object_value().and_then(|settings| settings.object_value("hooks")) else {
            return Ok(Vec::new());
        };
        let mut commands = Vec::new();
        for property in hooks.properties() {
            let event = property.decoded_name().unwrap_or_default();
            for entry in property.array_value().iter().flat_map(CstArray::elements) {
                let inner = entry.as_object().and_then(|entry| entry.array_value("hooks"));
                for hook in inner.map_or_else(|| vec![entry], |inner| inner.elements()) {
                    commands.extend(command(&hook, agent).map(|command| (event.clone(), command)));
                }
            }
        }
        Ok(commands)
    }
}

fn remove_property(object: &CstObject, name: &str) {
    if let Some(property) = object.get(name) {
        property.remove();
    }
}

/// Comments, which some agents allow, and nothing else that is not JSON.
fn parse(text: &str) -> Result<CstRootNode, String> {
    let options = ParseOptions {
        allow_comments: true,
        allow_trailing_commas: true,
        allow_loose_object_property_names: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        ..ParseOptions::default()
    };
    CstRootNode::parse(text, &options).map_err(|error| format!("it is not JSON: {error}"))
}

/// The text, with a line end behind it.
fn ended(root: &CstRootNode) -> String {
    let mut text = root.to_string();
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

/// Removes perso's hooks for this agent from the entries of an event.
fn remove(entries: &CstArray, agent: Agent) -> bool {
    let mut is_changed = false;
    for entry in entries.elements() {
        if command(&entry, agent).is_some() {
            entry.remove();
            is_changed = true;
            continue;
        }
        let Some(inner) = entry.as_object().and_then(|entry| entry.array_value("hooks")) else { continue };
        let own: Vec<CstNode> = inner.elements().into_iter().filter(|hook| command(hook, agent).is_some()).collect();
        is_changed |= !own.is_empty();
        if !own.is_empty() && own.len() == inner.elements().len() {
            entry.remove();
        } else {
            own.into_iter().for_each(CstNode::remove);
        }
    }
    is_changed
}

/// The command of a hook, if that is perso's for this agent.
fn command(hook: &CstNode, agent: Agent) -> Option<String> {
    let hook = hook.as_object()?;
    ["command", "bash"].into_iter().find_map(|key| {
        let text = hook.get(key)?.value()?.as_string_lit()?.decoded_value().ok()?;
        is_own(&text, agent).then_some(text)
    })
}

/// Whether a command is `perso hook AGENT …`.
pub(super) fn is_own(command: &str, agent: Agent) -> bool {
    let Some(words) = shlex::split(command) else { return false };
    let [program, hook, whose, ..] = words.as_slice() else { return false };
    let is_perso = Path::new(program).file_stem().is_some_and(|name| name == "perso");
    is_perso && hook == "hook" && whose == agent.dialect().name
}
