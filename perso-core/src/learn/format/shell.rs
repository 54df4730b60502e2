//! Lines of shell commands: their programs, with the arguments of each, their variables, and the files that they write.

use std::collections::BTreeMap;

use super::super::few::Few;
use super::super::json::{Members, list, member, object, one_of, tests, text};
use crate::policy::{CommandField, Facet};
use crate::reference::{Value, facet};

/// More programs are too many.
const MOST_PROGRAMS: usize = 256;
/// More arguments of a program are not listed.
const MOST_ARGUMENTS: usize = 16;

#[derive(Debug, Clone)]
pub(in crate::learn) struct Lines {
    /// The arguments of each program.
    programs: BTreeMap<String, Words>,
    env: Words,
    writes: Words,
}

/// Different words, if all are known before a line runs.
#[derive(Debug, Clone)]
struct Words {
    known: Option<Few>,
}

impl Words {
    fn new() -> Self {
        Self { known: Some(Few::new()) }
    }

    fn see(&mut self, words: Option<&Value>) {
        let Some(Value::List(words)) = words else { return self.known = None };
        for word in words {
            match (word, &mut self.known) {
                (Value::String(word), Some(known)) => known.add(word),
                (_, known) => *known = None,
            }
        }
    }

    fn append(&mut self, later: &Self) {
        match (&mut self.known, &later.known) {
            (Some(known), Some(later)) => known.append(later),
            (known, _) => *known = None,
        }
    }

    /// The test that there are only these words; none where they are too many.
    fn tests(&self) -> Option<String> {
        let words = self.known.as_ref()?.up_to(MOST_ARGUMENTS)?;
        Some(match words.len() {
            0 => r#"{"count":0}"#.to_owned(),
            _ => {
                let words = words.iter().map(|word| text(word)).collect();
                object(&vec![member("every", tests(&vec![one_of(words)]))])
            }
        })
    }
}

impl Lines {
    pub(super) fn new() -> Self {
        Self { programs: BTreeMap::new(), env: Words::new(), writes: Words::new() }
    }

    pub(super) fn see(&mut self, text: &str) -> Option<()> {
        let Ok(Value::List(commands)) = facet::read(Facet::Shell, text) else { return None };
        if commands.is_empty() {
            return None;
        }
        for command in &commands {
            let field = |field: CommandField| command.member(field.name());
            let Some(Value::String(program)) = field(CommandField::Program) else { return None };
            self.programs.entry(program.clone()).or_insert_with(Words::new).see(field(CommandField::Args));
            self.env.see(field(CommandField::Env));
            self.writes.see(field(CommandField::Writes));
        }
        (self.programs.len() <= MOST_PROGRAMS).then_some(())
    }

    pub(super) fn append(&mut self, later: &Self) -> Option<()> {
        for (program, arguments) in &later.programs {
            self.programs.entry(program.clone()).or_insert_with(Words::new).append(arguments);
        }
        self.env.append(&later.env);
        self.writes.append(&later.writes);
        (self.programs.len() <= MOST_PROGRAMS).then_some(())
    }

    pub(super) fn tests(&self, values: bool) -> Members {
        // Programs with the same test of their arguments are one choice.
        let mut choices: BTreeMap<Option<String>, Vec<String>> = BTreeMap::new();
        for (program, arguments) in &self.programs {
            choices.entry(arguments.tests().filter(|_| values)).or_default().push(text(program));
        }
        let choices = choices.into_iter().map(|(arguments, programs)| {
            let mut members = vec![member(".program", tests(&vec![one_of(programs)]))];
            members.extend(arguments.map(|arguments| member(".args", arguments)));
            members
        });
        let mut choices: Vec<Members> = choices.collect();
        let mut every = match choices.len() {
            1 => choices.remove(0),
            _ => vec![member("any", list(choices.iter().map(object)))],
        };
        every.extend(self.env.tests().map(|env| member(".env", env)));
        every.extend(self.writes.tests().filter(|_| values).map(|writes| member(".writes", writes)));
        vec![member("shell", object(&vec![member("every", object(&every))]))]
    }
}
