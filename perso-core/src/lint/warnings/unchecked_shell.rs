//! A shell line of which a rule allows more than its author has tested: other commands, any variable, any file, or any
//! argument of a program that runs other programs.

use std::collections::{HashMap, HashSet};

use super::super::facts::{Conjunction, Fact};
use super::unchecked_arguments::{is_loose, name, programs, runner};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, quoted};
use crate::policy::{
    Attribute, CommandField, Condition, Decimal, Effect, Facet, Operand, Operator, Pattern, Policy, Root, Rule, Step,
    Test, Value,
};

/// Programs that run what they read if they have no arguments.
const INTERPRETERS: [&str; 19] = [
    "bash",
    "csh",
    "dash",
    "ed",
    "expect",
    "fish",
    "ksh",
    "lua",
    "node",
    "osascript",
    "parallel",
    "perl",
    "php",
    "pwsh",
    "python",
    "python3",
    "ruby",
    "sh",
    "zsh",
];

/// What may be tested of every command of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    /// Anything.
    Command,
    /// Each argument.
    Arguments,
    /// That there is an argument.
    FirstArgument,
    Env,
    Writes,
}

impl What {
    const ALL: [Self; 5] = [Self::Command, Self::Arguments, Self::FirstArgument, Self::Env, Self::Writes];
}

/// What is tested, by [`What`].
type Tested = [bool; What::ALL.len()];

/// How many tests of other rules are looked at before there are no more warnings.
const MAX_TRIES: usize = 1_000_000;

pub(super) fn warn(policy: &Policy, diagnostics: &mut Diagnostics) {
    let mut groups: HashMap<Attribute, Vec<&Rule>> = HashMap::new();
    for rule in &policy.rules {
        for commands in lines(policy, rule) {
            groups.entry(commands).or_default().push(rule);
        }
    }
    let mut left = MAX_TRIES;
    for rule in &policy.rules {
        for commands in lines(policy, rule) {
            let others = groups.get(&commands).map(Vec::as_slice).unwrap_or_default();
            let line = Line { policy, commands };
            let mut tested = [false; What::ALL.len()];
            if others.len() > 1 {
                for other in others {
                    let mut tests = 0;
                    other.condition.each_test(&mut |_, _| tests += 1);
                    let Some(rest) = left.checked_sub(tests) else { return };
                    left = rest;
                }
                tested = What::ALL.map(|what| line.is_tested_beside(rule, others, what));
            }
            let mut visit = Visit { line: &line, rule, warned: HashSet::new(), diagnostics: &mut *diagnostics };
            visit.condition(&rule.condition, rule.effect == Effect::Allow, tested);
        }
    }
}

/// The lines of the arguments that a rule tests: the attributes of their commands.
fn lines(policy: &Policy, rule: &Rule) -> Vec<Attribute> {
    let mut lines = Vec::new();
    let mut seen = HashSet::new();
    rule.condition.each_attribute(&mut |id| {
        lines.extend(
            policy
                .attributes
                .get(id)
                .and_then(commands)
                .filter(|commands| commands.root == Root::Args && seen.insert(commands.clone())),
        );
    });
    lines
}

/// The commands of the line that an attribute is read off, if it is.
fn commands(attribute: &Attribute) -> Option<Attribute> {
    let at = attribute.steps.iter().position(|step| *step == Step::Facet(Facet::Shell))?;
    Some(Attribute { root: attribute.root, steps: attribute.steps.get(..=at)?.to_vec() })
}

/// A line that a rule tests.
struct Line<'p> {
    policy: &'p Policy,
    /// The attribute of its commands.
    commands: Attribute,
}

impl Line<'_> {
    /// The attribute that the commands are read off.
    fn text(&self) -> Option<Attribute> {
        let (_, steps) = self.commands.steps.split_last()?;
        Some(Attribute { root: self.commands.root, steps: steps.to_vec() })
    }

    /// Which steps lead from the commands to what a test reads.
    fn below(&self, test: &Test) -> Option<&[Step]> {
        let attribute = self.policy.attributes.get(test.attribute)?;
        let steps = attribute.steps.strip_prefix(self.commands.steps.as_slice())?;
        (attribute.root == self.commands.root).then_some(steps)
    }

    /// Which field of a command a test reads.
    fn field(&self, test: &Test) -> Option<CommandField> {
        match self.below(test)? {
            [Step::Element, Step::Facet(Facet::Command(field))] => Some(*field),
            _ => None,
        }
    }

    /// Of which field of a command a test counts the elements.
    fn counted(&self, test: &Test) -> Option<CommandField> {
        match self.below(test)? {
            [Step::Element, Step::Facet(Facet::Command(field)), Step::Facet(Facet::Count)] => Some(*field),
            _ => None,
        }
    }

    /// Whether the other rules that test the line test this for every call that a rule allows.
    fn is_tested_beside(&self, rule: &Rule, others: &[&Rule], what: What) -> bool {
        let has_tool = |other: &Rule, tool: &str| other.tools.iter().any(|one| one.is_wildcard() || one.text == tool);
        let withholds = |other: &&Rule| {
            other.effect != Effect::Allow
                && other.roles.is_none()
                && rule.tools.iter().all(|tool| has_tool(other, &tool.text))
        };
        let allows = |other: &&Rule| {
            other.effect == Effect::Allow
                && other.tools.iter().any(|tool| tool.is_wildcard() || has_tool(rule, &tool.text))
        };
        let mut allowing = others.iter().copied().filter(allows).peekable();
        others.iter().copied().filter(withholds).any(|other| self.tests(&other.condition, false, what))
            || rule.effect != Effect::Allow
                && allowing.peek().is_some()
                && allowing.all(|other| self.tests(&other.condition, true, what))
    }

    /// Whether a condition that is true (false, where not `wanted`) has tested this of every command.
    fn tests(&self, condition: &Condition, wanted: bool, what: What) -> bool {
        let Conjunction { facts, others } = Conjunction::of(condition, wanted);
        facts.iter().any(|fact| self.tests_all(fact, what))
            || self.tests_places(&facts, what)
            || others
                .iter()
                .any(|(choice, wanted)| alternatives(choice).iter().all(|one| self.tests(one, *wanted, what)))
    }

    fn tests_all(&self, fact: &Fact<'_>, what: What) -> bool {
        let Fact { test, wanted } = *fact;
        let looks_at_each = match (&test.operator, wanted) {
            (Operator::Every(asked), true) | (Operator::Some(asked), false) => Some(&asked.condition),
            _ => None,
        };
        if self.is_listed(test, wanted) {
            return true;
        }
        match (self.field(test), self.counted(test)) {
            (Some(CommandField::Words | CommandField::Args), _) if what == What::Arguments => looks_at_each.is_some(),
            (Some(CommandField::Args), _) if what == What::FirstArgument => {
                wanted && matches!(test.operator, Operator::At(..) | Operator::Some(_) | Operator::Has(_))
            }
            (Some(CommandField::Words), _) if what == What::FirstArgument => {
                wanted && matches!(test.operator, Operator::At(at, _) if at > 0)
            }
            (Some(field), _) => {
                field.is(what) && (looks_at_each.is_some() || !wanted && matches!(test.operator, Operator::Has(_)))
            }
            (_, Some(field)) => match what {
                What::Arguments => arguments(field, most(fact)).is_some_and(|most| most == 0),
                What::FirstArgument => arguments(field, least(fact)).is_some_and(|least| least > 0),
                _ => field.is(what) && most(fact) == Some(0),
            },
            (None, None) => looks_at_each.is_some_and(|asked| {
                what == What::Command && self.below(test).is_some_and(<[_]>::is_empty)
                    || self.tests(asked, wanted, what)
            }),
        }
    }

    /// Whether a test lists what the whole line may be.
    fn is_listed(&self, test: &Test, wanted: bool) -> bool {
        let is_list = match &test.operator {
            Operator::Eq(Operand::Literal(_)) | Operator::In(_) => true,
            Operator::Matches(Pattern::Regex(text)) => !is_loose(text),
            _ => false,
        };
        wanted && is_list && self.policy.attributes.get(test.attribute) == self.text().as_ref()
    }

    /// Whether every place of a list that may only be so long is tested.
    fn tests_places(&self, facts: &[Fact<'_>], what: What) -> bool {
        let mut commands = Places::default();
        let mut words = Places::default();
        for fact in facts {
            let below = self.below(fact.test);
            match (below, &fact.test.operator) {
                (Some([]), Operator::At(at, asked)) if fact.wanted => {
                    commands.test(Some(*at), what == What::Command || self.tests(&asked.condition, true, what));
                }
                (Some([Step::Facet(Facet::Count)]), _) => commands.count(most(fact)),
                (_, Operator::At(at, _)) if fact.wanted => {
                    let place = self.field(fact.test).and_then(|field| arguments(field, Some(*at)));
                    words.test(place, true);
                }
                _ => words.count(self.counted(fact.test).and_then(|field| arguments(field, most(fact)))),
            }
        }
        commands.are_all_tested() || what == What::Arguments && words.are_all_tested()
    }
}

/// The places of a list that are tested, and how many there are at most.
#[derive(Default)]
struct Places {
    tested: HashSet<u32>,
    most: Option<u32>,
}

impl Places {
    fn test(&mut self, place: Option<u32>, is_tested: bool) {
        self.tested.extend(place.filter(|_| is_tested));
    }

    fn count(&mut self, most: Option<u32>) {
        self.most = self.most.into_iter().chain(most).min();
    }

    fn are_all_tested(&self) -> bool {
        self.most.is_some_and(|most| (0..most).all(|place| self.tested.contains(&place)))
    }
}

impl CommandField {
    /// Whether it is this that tests of it look at.
    fn is(self, what: What) -> bool {
        matches!((self, what), (Self::Env, What::Env) | (Self::Writes, What::Writes))
    }
}

/// The conditions of which one holds.
fn alternatives(choice: &Condition) -> &[Condition] {
    match choice {
        Condition::All(parts) | Condition::Any(parts) => parts,
        Condition::Not(_) | Condition::Test(_) => std::slice::from_ref(choice),
    }
}

/// A place or number of words as one of arguments: the program is the first word.
fn arguments(field: CommandField, count: Option<u32>) -> Option<u32> {
    match field {
        CommandField::Words => count?.checked_sub(1),
        CommandField::Args => count,
        _ => None,
    }
}

/// The most that a count may be.
fn most(fact: &Fact<'_>) -> Option<u32> {
    let (number, is_inclusive) = match (fact.candidates(), fact.upper()) {
        (Some([Value::Number(number)]), _) => (number, true),
        (_, Some(bound)) => (bound.number, bound.inclusive),
        _ => return None,
    };
    let number = whole(number)?;
    if is_inclusive { Some(number) } else { number.checked_sub(1) }
}

/// The least that a count may be.
fn least(fact: &Fact<'_>) -> Option<u32> {
    let (number, is_inclusive) = match (fact.candidates(), fact.lower()) {
        (Some([Value::Number(number)]), _) => (number, true),
        (_, Some(bound)) => (bound.number, bound.inclusive),
        _ => return None,
    };
    Some(if is_inclusive { whole(number)? } else { whole(number)?.saturating_add(1) })
}

fn whole(number: &Decimal) -> Option<u32> {
    number.to_string().parse().ok()
}

/// Goes through what a rule allows.
struct Visit<'p, 'v> {
    line: &'v Line<'p>,
    rule: &'v Rule,
    warned: HashSet<String>,
    diagnostics: &'v mut Diagnostics,
}

impl Visit<'_, '_> {
    /// `tested` is what other parts of the rule have tested.
    fn condition(&mut self, condition: &Condition, wanted: bool, mut tested: Tested) {
        for (what, is_tested) in What::ALL.into_iter().zip(&mut tested) {
            *is_tested = *is_tested || self.line.tests(condition, wanted, what);
        }
        let Conjunction { facts, others } = Conjunction::of(condition, wanted);
        for Fact { test, wanted } in facts {
            if wanted {
                self.line_test(test, tested);
                self.command_test(test, tested);
            }
            if let Operator::Every(asked) | Operator::Some(asked) | Operator::At(_, asked) = &test.operator {
                self.condition(&asked.condition, wanted, tested);
            }
        }
        for (choice, wanted) in others {
            alternatives(choice).iter().for_each(|one| self.condition(one, wanted, tested));
        }
    }

    /// A test of the commands of the line.
    fn line_test(&mut self, test: &Test, [has_command, _, _, has_env, has_writes]: Tested) {
        if !matches!(self.line.below(test), Some([] | [Step::Facet(Facet::Count)])) {
            return;
        }
        let Some(text) = self.line.text() else { return };
        let name = quoted(&text.to_string());
        if !has_command {
            let message = format!("no test looks at every command of {name}: any program can run");
            self.push(Code::UncheckedShell, test, message, "test each command with `every`");
            return;
        }
        let (may, help) = match (has_env, has_writes) {
            (true, true) => return,
            (false, true) => ("set any variable, such as `PATH`", "`\".env\": {\"count\": 0}`"),
            (true, false) => ("write any file", "`\".writes\": {\"count\": 0}`"),
            (false, false) => (
                "set any variable, such as `PATH`, and write any file",
                "`\".env\": {\"count\": 0}` and `\".writes\": {\"count\": 0}`",
            ),
        };
        // A rule that withholds may be about something else.
        if self.rule.effect == Effect::Allow || self.tests_programs() {
            let message = format!("the commands of {name} can {may}");
            self.push(Code::UncheckedShell, test, message, &format!("add {help}, or list what you mean to allow"));
        }
    }

    fn tests_programs(&self) -> bool {
        let mut found = false;
        self.rule.condition.each_test(&mut |test, _| {
            found |=
                matches!(self.line.field(test), Some(CommandField::Program | CommandField::Words | CommandField::Args));
        });
        found
    }

    /// A test of a command.
    fn command_test(&mut self, test: &Test, [_, has_arguments, has_argument, ..]: Tested) {
        let named: Vec<&str> = match (self.line.field(test), &test.operator) {
            (Some(CommandField::Program), operator) => programs(operator).collect(),
            (Some(CommandField::Words), Operator::At(0, asked)) => match &*asked.condition {
                Condition::Test(first) => programs(&first.operator).collect(),
                _ => Vec::new(),
            },
            (Some(CommandField::Words | CommandField::Args), Operator::Some(_) | Operator::Has(_))
                if !has_arguments =>
            {
                let message = "a test of one argument allows any other argument".to_owned();
                self.push(Code::UncheckedArguments, test, message, EVERY_ARGUMENT);
                return;
            }
            _ => return,
        };
        if !has_arguments && let Some((program, runs)) = named.iter().find_map(|program| runs_others(program)) {
            let message = format!("{} runs {runs}, and no test checks every argument", quoted(program));
            self.push(Code::UncheckedArguments, test, message, EVERY_ARGUMENT);
        } else if has_arguments
            && !has_argument
            && let Some(program) = named.iter().find(|program| INTERPRETERS.contains(&name(program)))
        {
            let message = format!("{} without arguments runs what another command writes to it", quoted(program));
            let help = "require an argument: `\".args\": {\"count\": {\"gte\": 1}}`";
            self.push(Code::UncheckedArguments, test, message, help);
        }
    }

    fn push(&mut self, code: Code, test: &Test, message: String, help: &str) {
        if self.warned.insert(message.clone()) {
            self.diagnostics.push(Diagnostic::new(code, test.span, message).help(help));
        }
    }
}

const EVERY_ARGUMENT: &str = "test every argument: `\".args\": {\"every\": {\"in\": [\"status\", \"log\"]}}`";

/// A program, if it runs others that are no commands of the line, and what it runs.
fn runs_others(program: &str) -> Option<(&str, String)> {
    match name(program) {
        // What these run is in the list.
        "env" | "nice" | "nohup" | "setsid" | "timeout" => None,
        "bash" | "dash" | "sh" | "zsh" => Some((program, "the file that its arguments name".to_owned())),
        _ => runner(program),
    }
}
