//! A command whose arguments are not all tested: a program that runs other programs then runs any, and `some` lets
//! through whatever stands beside the argument that it looks for.

use std::collections::HashSet;

use super::super::grants::granting;
use crate::diagnostic::{Code, Diagnostic, Diagnostics, quoted};
use crate::policy::{Attribute, Facet, Operand, Operator, Pattern, Policy, Step, Test, Value};

/// Programs that run other programs when their arguments say so, and the arguments that do.
const RUNNERS: [(&str, &str); 78] = [
    ("awk", "`system()`"),
    ("bash", "`-c`"),
    ("bun", "`-e`"),
    ("busybox", "its arguments"),
    ("cargo", "`run`, `--config`"),
    ("chroot", "its arguments"),
    ("cmake", "`-E`, `-P`"),
    ("csh", "`-c`"),
    ("dash", "`-c`"),
    ("deno", "`eval`"),
    ("doas", "its arguments"),
    ("docker", "`run`, `exec`"),
    ("ed", "`!`"),
    ("emacs", "`--eval`"),
    ("env", "its arguments"),
    ("ex", "`-c`"),
    ("expect", "`-c`"),
    ("find", "`-exec`"),
    ("fish", "`-c`"),
    ("flock", "its arguments"),
    ("gawk", "`system()`"),
    ("gcc", "`-wrapper`"),
    ("gdb", "`-ex`"),
    ("git", "`-c`, `--upload-pack`, `--output`"),
    ("go", "`run`, `-toolexec`"),
    ("ionice", "its arguments"),
    ("jshell", "its arguments"),
    ("ksh", "`-c`"),
    ("kubectl", "`exec`"),
    ("less", "`+!`"),
    ("lua", "`-e`"),
    ("make", "its targets, `--eval`"),
    ("man", "`--html`, `-P`"),
    ("mawk", "`system()`"),
    ("more", "`!`"),
    ("nawk", "`system()`"),
    ("nice", "its arguments"),
    ("node", "`-e`"),
    ("nohup", "its arguments"),
    ("npm", "`run`, `exec`"),
    ("npx", "its arguments"),
    ("nsenter", "its arguments"),
    ("osascript", "`-e`"),
    ("parallel", "its arguments"),
    ("perl", "`-e`"),
    ("php", "`-r`"),
    ("pip", "`install`"),
    ("pip3", "`install`"),
    ("pnpm", "`exec`, `dlx`"),
    ("podman", "`run`, `exec`"),
    ("powershell", "`-Command`"),
    ("pwsh", "`-Command`"),
    ("python", "`-c`"),
    ("python3", "`-c`"),
    ("rg", "`--pre`"),
    ("rsync", "`-e`"),
    ("ruby", "`-e`"),
    ("scp", "`-S`"),
    ("sed", "its `e` command"),
    ("setsid", "its arguments"),
    ("sftp", "`-S`"),
    ("sh", "`-c`"),
    ("sort", "`--compress-program`"),
    ("ssh", "its arguments"),
    ("strace", "its arguments"),
    ("su", "`-c`"),
    ("sudo", "its arguments"),
    ("tar", "`--to-command`, `--checkpoint-action`"),
    ("timeout", "its arguments"),
    ("unshare", "its arguments"),
    ("uv", "`run`"),
    ("vi", "`-c`"),
    ("vim", "`-c`"),
    ("watch", "its arguments"),
    ("xargs", "its arguments"),
    ("yarn", "`run`, `dlx`"),
    ("zip", "`-TT`"),
    ("zsh", "`-c`"),
];

pub(super) fn warn(policy: &Policy, diagnostics: &mut Diagnostics) {
    for rule in &policy.rules {
        let tests = granting(rule);
        let mut warned = HashSet::new();
        for test in &tests {
            let Some((command, facet)) = command_of(policy, test) else { continue };
            if is_closed(policy, &tests, command) {
                continue;
            }
            let finding = match (facet, &test.operator) {
                (Facet::Program, operator) => programs(operator).find_map(runner).map(|(program, runs)| {
                    (program, format!("{} runs {runs}, and no test checks every argument", quoted(program)))
                }),
                (Facet::Words, Operator::Some(_) | Operator::At(..) | Operator::Has(_)) => {
                    let message = "a test of one argument allows any other argument".to_owned();
                    Some(("", message))
                }
                _ => None,
            };
            if let Some((what, message)) = finding
                && warned.insert((command.to_vec(), what.to_owned()))
            {
                let help = "test every argument: `\"args\": {\"every\": {\"in\": [\"status\", \"log\"]}}`";
                diagnostics.push(Diagnostic::new(Code::UncheckedArguments, test.span, message).help(help));
            }
        }
    }
}

/// The command that a test reads something off, and what that is.
fn command_of<'p>(policy: &'p Policy, test: &Test) -> Option<(&'p [Step], Facet)> {
    let attribute = policy.attributes.get(test.attribute)?;
    match attribute.steps.split_last() {
        Some((Step::Facet(facet @ (Facet::Program | Facet::Words)), command)) => Some((command, *facet)),
        _ => None,
    }
}

/// Whether the tests look at every argument of a command, let none through, or list the whole command.
fn is_closed(policy: &Policy, tests: &[&Test], command: &[Step]) -> bool {
    let words: Vec<Step> = command.iter().cloned().chain([Step::Facet(Facet::Words)]).collect();
    let count: Vec<Step> = words.iter().cloned().chain([Step::Facet(Facet::Count)]).collect();
    let is_tested = |place: u32| {
        tests.iter().any(|test| {
            matches!(test.operator, Operator::At(at, _) if at == place)
                && policy.attributes.get(test.attribute).is_some_and(|attribute| attribute.steps == words)
        })
    };
    let each_place = |places: u32| (0..places).all(is_tested);
    tests.iter().any(|test| {
        let Some(Attribute { steps, .. }) = policy.attributes.get(test.attribute) else { return false };
        match &test.operator {
            Operator::Every(_) => *steps == words,
            Operator::Eq(Operand::Literal(Value::Number(number))) => {
                *steps == count && number.to_string().parse().is_ok_and(&each_place)
            }
            Operator::Eq(Operand::Literal(Value::String(_))) | Operator::In(_) => steps == command,
            // What is written out leaves no room for another argument.
            Operator::Matches(Pattern::Regex(text)) => steps == command && !is_loose(text),
            _ => false,
        }
    })
}

/// Whether a regular expression has a part that any text matches.
pub(super) fn is_loose(expression: &str) -> bool {
    [".*", ".+", ".{"].iter().any(|any| expression.contains(any))
}

/// The programs that a test of one lists.
pub(super) fn programs(operator: &Operator) -> impl Iterator<Item = &str> {
    let values = match operator {
        Operator::Eq(Operand::Literal(value)) => std::slice::from_ref(value),
        Operator::In(values) => values.as_slice(),
        _ => &[],
    };
    values.iter().filter_map(|value| match value {
        Value::String(text) => Some(text.as_str()),
        Value::Bool(_) | Value::Number(_) => None,
    })
}

/// A program without its directory and version: `python3` of `/usr/bin/python3.12`.
pub(super) fn name(program: &str) -> &str {
    let name = program.rsplit('/').next().unwrap_or(program);
    name.split_once('.').map_or(name, |(name, _)| name)
}

/// A program, if it runs others, and which.
pub(super) fn runner(program: &str) -> Option<(&str, String)> {
    let at = RUNNERS.binary_search_by_key(&name(program), |(known, _)| known).ok()?;
    let runs = match RUNNERS.get(at)?.1 {
        "its arguments" => "the program that its arguments name".to_owned(),
        how => format!("other programs if its arguments tell it to ({how})"),
    };
    Some((program, runs))
}

#[cfg(test)]
mod tests {
    use super::RUNNERS;

    #[test]
    fn programs_are_found_by_halves() {
        assert!(RUNNERS.is_sorted_by(|(one, _), (other, _)| one < other));
    }
}
