//! Simple commands: their parts, assignments, and what they contribute.

use super::found::{Belongings, Found, Run, Value};
use super::grammar::Reader;
use super::redirection::Redirection;
use super::source::{EVALUATES, is_evaluated, is_name, is_name_part};
use super::word::Word;
use super::wrapper::{self, Chain};
use super::{Read, Stop, read_script, refuse_if};

enum Part<'t> {
    /// The name, and the whole word.
    Assignment(&'t str, Word<'t>),
    Word(Word<'t>),
    Redirection(Redirection<'t>),
}

impl<'t> Reader<'t> {
    pub(super) fn simple(&mut self) -> Read<Found> {
        let mut parts = Vec::new();
        let mut has_word = false;
        let mut is_ended = false;
        let begin = self.source.at();
        loop {
            self.source.skip_gap();
            if self.is_redirection() {
                let redirection = self.redirection()?;
                is_ended |= redirection.ends_command;
                parts.push(Part::Redirection(redirection));
                continue;
            }
            if !self.is_word() {
                break;
            }
            self.source.refuse_if(is_ended, "a word behind `&>`")?;
            let word = self.word()?;
            match if has_word { None } else { assigned(&word)? } {
                Some(name) => {
                    // What runs for its value has what is assigned before it.
                    let is_first = !parts.iter().any(|part| matches!(part, Part::Assignment(..)));
                    let is_late = !is_first && !word.found.commands.is_empty();
                    refuse_if(is_late, word.at, "`$(…)` in an assignment behind another one")?;
                    parts.push(Part::Assignment(name, word));
                }
                None => {
                    // Zsh begins a group with it.
                    refuse_if(!has_word && word.raw.starts_with('{'), word.at, "a command that begins with `{`")?;
                    has_word = true;
                    parts.push(Part::Word(word));
                }
            }
        }
        self.source.refuse_if(parts.is_empty(), "a command is missing")?;
        if has_word { command(parts, self.depth) } else { assignments(parts, begin) }
    }
}

/// The name that a word in front of the program assigns, if it is an assignment.
fn assigned<'t>(word: &Word<'t>) -> Read<Option<&'t str>> {
    let name = word.raw.split(|c| !is_name_part(c)).next().unwrap_or_default();
    if !is_name(name) {
        return Ok(None);
    }
    let rest = word.raw.strip_prefix(name).unwrap_or_default();
    let is_other = rest.starts_with("+=") || rest.starts_with('[') || rest.starts_with("==");
    refuse_if(is_other, word.at, "an assignment with `+=`, `[` or `==`")?;
    if !rest.starts_with('=') {
        return Ok(None);
    }
    refuse_if(is_evaluated(name), word.at, EVALUATES)?;
    // Of the value: a name has neither.
    refuse_if(word.known_text().contains(['$', '`']), word.at, "a value with a quoted `$` or backquote")?;
    Ok(Some(name))
}

/// A simple command without a word, which begins `at` a byte of the line: it sets its names for good.
fn assignments(parts: Vec<Part>, at: usize) -> Read<Found> {
    let mut found = Found::default();
    let mut names = Vec::new();
    for part in parts {
        match part {
            Part::Assignment(name, word) => {
                found.append(word.found);
                names.push(Value::Known(name.to_owned()));
            }
            Part::Word(_) | Part::Redirection(_) => return Err(Stop { at, why: "a redirection without a command" }),
        }
    }
    found.shared.env.extend(names);
    Ok(found)
}

/// A simple command with a word, in a part of the line that is `depth` deep.
fn command(parts: Vec<Part>, depth: usize) -> Read<Found> {
    let has_assignment = parts.iter().any(|part| matches!(part, Part::Assignment(..)));
    let words: Vec<&Word> = parts
        .iter()
        .filter_map(|part| match part {
            Part::Word(word) => Some(word),
            Part::Assignment(..) | Part::Redirection(_) => None,
        })
        .collect();
    let Chain { programs, names, shared, script } = wrapper::chain(&words, has_assignment)?;
    let values: Vec<Value> = words.iter().map(|word| word.value()).collect();
    let within_script = script.map(|(at, script)| read_script(&script, at, depth + 1)).transpose()?;

    // What is within the parts, and what the command itself has: of its own, or shared if its shell runs a script.
    let mut within = Found::default();
    let mut own = Belongings::default();
    for part in parts {
        let found = match part {
            Part::Assignment(name, word) => {
                own.env.push(Value::Known(name.to_owned()));
                word.found
            }
            Part::Redirection(redirection) => {
                redirection.add_to(&mut own);
                redirection.found()
            }
            Part::Word(word) => word.found,
        };
        within.append(found);
    }
    own.env.extend(names);
    within.shared.env.extend(shared);
    // What the shell of a script has belongs to all that it runs.
    if within_script.is_some() {
        within.shared.append(std::mem::take(&mut own));
    }

    let mut runs = programs.into_iter().map(|(at, program)| {
        let words = values.iter().skip(at).cloned().collect();
        Run { program, words, own: own.clone() }
    });
    let mut found = Found::default();
    found.commands.extend(runs.next());
    found.append(within);
    found.commands.extend(runs);
    found.append(within_script.unwrap_or_default());
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{assert_belongings, assert_commands, assert_refused};

    #[test]
    fn a_simple_command_is_assignments_redirections_and_words() {
        assert_commands(&[
            ("a b c", "a b c"),
            ("A=1 a B=2", "a B=2"),
            ("A=1 >b B=2 a >c d <e", "a d"),
            ("a if !", "a if !"),
        ]);
    }

    #[test]
    fn assignments_in_front_are_the_commands_own() {
        assert_belongings(&[
            ("A=1 a", "a[A] >[] <[]"),
            ("A=1 _b2= A=3 a; c", "a[A _b2 A] >[] <[]; c[] >[] <[]"),
            ("A='b c'\"d\"\\e a", "a[A] >[] <[]"),
            ("A=~ B=$b C=\"$c\" D=* E={a,b} a", "a[A B C D E] >[] <[]"),
            ("A=\"$(b)\" C=1 a", "a[A C] >[] <[]; b[] >[] <[]"),
            ("A= C=a=b a", "a[A C] >[] <[]"),
            ("A=1 >b a", "a[A] >[b] <[]"),
        ]);
    }

    #[test]
    fn assignments_alone_are_shared() {
        assert_belongings(&[
            ("A=1; a", "a[A] >[] <[]"),
            ("a; A=$(b) B=1", "a[A B] >[] <[]; b[A B] >[] <[]"),
            ("a | A=", "a[A] >[] <[]"),
        ]);
        assert_commands(&[("A=1", ""), ("A=1 B=2\n", "")]);
        assert_refused(&["A=1 > b", "> b A=1", "A=1 2>&1"]);
    }

    #[test]
    fn what_runs_for_a_value_has_no_assignment_before_it() {
        assert_refused(&["A=1 B=$(a) b", "A=1 B=\"$(a)\"", "A=$(a) B=$(b) c", "A=1 >b B=$(c) d", "A= B=x$(a)"]);
        assert_belongings(&[
            // Nothing runs for that value.
            ("A=1 B=$(C=2) a", "a[A B C] >[] <[]"),
            ("A=1 a B=$(b)", "a[A] >[] <[]; b[] >[] <[]"),
            ("A=1 a > $(b)", "a[A] >[? …] <[]; b[] >[] <[]"),
        ]);
    }

    #[test]
    fn other_assignments_are_refused() {
        assert_refused(&[
            "A+=1 a",
            "RANDOM=$b a",
            "OPTIND=1",
            "A+=1",
            "A[0]=1 a",
            "A[1]",
            "A=(1)",
            "'A'=1 a",
            "\\A=1 a",
            "A\\=1 a",
            "\"A=1\" a",
            "1A=1 a",
            "A-=1 a",
            "A='$b' a",
            "A=\\$b a",
            "A=\"$\" a",
            "A='`b`' a",
            "A=\\`b a",
            "A=$b'$' a",
            "A=`b` a",
            "A= =b",
            "A==b a",
            "A==",
            "$A=1 a",
            "A$b=1 a",
        ]);
    }
}
