//! `command`: the string is one simple command of a shell, with nothing in it that a shell would act on, whose program
//! is one of some.

use super::super::scope::{Scope, Subject, all_of};
use super::name;
use super::{Operator, Use, members, operators, refuse_on_name};
use crate::diagnostic::{Code, quoted};
use crate::policy::{Condition, Facet, Value};
use crate::syntax::did_you_mean;
use crate::syntax::document::{first_of, listed};
use crate::syntax::json::{Kind, Member, Node};

pub(super) const OPERATORS: &[Operator] = &[Operator { name: "command", takes_roles: false, meaning }];

const KEYS: [&str; 3] = ["program", "args", "shell"];

/// What the arguments can be tested with.
const ARGUMENT_OPERATORS: [&str; 7] = ["every", "some", "has", "count", "first", "at", "begins"];

/// The longest command, and so the longest program.
const MAX_COMMAND: usize = 8192;

/// The words that a shell does not look for as a program, and the built-in commands that run or evaluate their
/// arguments.
const SHELL_WORDS: &str = "- . : ! [ [[ { } alias bind break builtin case command compgen complete continue coproc \
    declare do done elif else emulate enable end esac eval exec exit export fc fi float for foreach function \
    getopts if in integer jobs let local mapfile nameref namespace nocorrect noglob print printf read readarray \
    readonly repeat return select set shift source test then time trap typeset unset until wait while";

fn meaning(scope: &mut Scope<'_>, used: &Use<'_>) -> Option<Condition> {
    if refuse_on_name(scope, used) {
        return None;
    }
    let members = members(scope, used, "an object", r#"{"command": {"program": ["git"]}}"#)?;
    let mut parts = Vec::new();
    let mut has_program = false;
    for Member { key, value } in members {
        match key.value.as_ref() {
            "program" => {
                has_program = true;
                let subject = used.subject.facet(Facet::Program);
                let program = programs(scope, value).and_then(name::one_of);
                parts.insert(0, program.map(|operator| scope.test(&subject, operator, key.span)));
            }
            "args" => parts.push(arguments(scope, &used.subject.facet(Facet::Words), value)),
            "shell" if matches!(value.kind, Kind::Bool(false)) => {}
            "shell" => {
                let help = "what a shell would run cannot be determined from its text".to_owned();
                scope.error(Code::Operand, first_of(value), "`shell` must be `false`", Some(help));
                parts.push(None);
            }
            other => {
                let help = did_you_mean(other, KEYS).unwrap_or_else(|| format!("expected one of {}", listed(&KEYS)));
                scope.error(Code::UnknownKey, key.span, format!("unknown key {}", quoted(other)), Some(help));
                parts.push(None);
            }
        }
    }
    if !has_program {
        scope.error(Code::MissingKey, first_of(used.operand), "missing key `program` in `command`", None);
        return None;
    }
    parts.into_iter().collect::<Option<Vec<_>>>().map(all_of)
}

fn programs(scope: &mut Scope<'_>, node: &Node<'_>) -> Option<Vec<Value>> {
    let texts = scope.texts("program", "the name of a program", node)?;
    let mut programs = Vec::with_capacity(texts.len());
    for text in &texts {
        match refusal(text.value) {
            Some(why) => {
                let message = format!("{} is not a valid program: {why}", quoted(text.value));
                scope.error(Code::Operand, text.span, message, None);
            }
            None => programs.push(Value::String(text.value.to_owned())),
        }
    }
    (programs.len() == texts.len()).then_some(programs)
}

/// Why no command has this program, if so.
fn refusal(program: &str) -> Option<String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_@%+:,./-".contains(c);
    if program.is_empty() {
        return Some("it is empty".to_owned());
    }
    if program.len() > MAX_COMMAND {
        return Some(format!("it is longer than {MAX_COMMAND} bytes"));
    }
    if SHELL_WORDS.split(' ').any(|word| word == program) {
        return Some("it is a reserved word or builtin of the shell".to_owned());
    }
    let odd = program.chars().find(|c| !is_plain(*c))?;
    Some(match odd {
        ' ' => "it contains a space; test arguments under `args`".to_owned(),
        _ => format!("it contains {}", quoted(odd.encode_utf8(&mut [0; 4]))),
    })
}

fn arguments(scope: &mut Scope<'_>, subject: &Subject, node: &Node<'_>) -> Option<Condition> {
    let Kind::Object(members) = &node.kind else {
        let message = format!("`args` expects tests of a list, found {}", node.describe());
        let help = "for example, `{\"args\": {\"every\": {\"matches\": \"[a-z]+\"}}}`".to_owned();
        scope.error(Code::Operand, first_of(node), message, Some(help));
        return None;
    };
    operators(scope, subject, node, members, Some(&ARGUMENT_OPERATORS))
}
