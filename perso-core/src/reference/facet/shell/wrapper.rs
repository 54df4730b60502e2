//! Programs that run the program among their words.

use super::found::Value;
use super::source::{EVALUATES, is_evaluated, is_name};
use super::word::Word;
use super::{Read, Stop, WRAPPED, builtin, program, refuse_if};

const UNKNOWN_OPTION: &str = "an option that is not known";

/// What the words of a simple command run. Words are counted from the first program.
#[derive(Default)]
pub(super) struct Chain {
    /// Each program, and which word it is: the command's own, what it runs if it is a wrapper, and so on.
    pub(super) programs: Vec<(usize, String)>,
    /// Names that `env` sets for all of them.
    pub(super) names: Vec<Value>,
    /// Names that a builtin sets for good.
    pub(super) shared: Vec<Value>,
    /// What the last program runs as a script, and where it begins in the line.
    pub(super) script: Option<(usize, String)>,
}

/// What a program runs among its words. Words are counted from it.
enum Inside {
    Nothing,
    Program(usize),
    Script(usize),
}

/// `has_assignment`: whether a name is assigned in front of the words.
pub(super) fn chain(words: &[&Word], has_assignment: bool) -> Read<Chain> {
    let mut chain = Chain::default();
    let mut begin = 0;
    loop {
        let words = words.get(begin..).unwrap_or_default();
        let Some((first, further)) = words.split_first() else {
            return Err(Stop { at: 0, why: "a command is missing" });
        };
        let program = program::program(first)?;
        chain.programs.push((begin, program.to_owned()));
        refuse_if(chain.programs.len() > 1 + WRAPPED, first.at, "more than 8 programs that run the next one")?;
        let has_assignment = has_assignment || !chain.names.is_empty();
        chain.shared.extend(builtin::settings(program, first.at, further, has_assignment)?);
        let name = program.rsplit('/').next().unwrap_or_default();
        let (inside, names) = if name == "env" { env(words)? } else { (inside(name, words)?, Vec::new()) };
        chain.names.extend(names.into_iter().map(|name| Value::Known(name.to_owned())));
        match inside {
            Inside::Nothing => return Ok(chain),
            Inside::Program(at) => begin += at,
            Inside::Script(at) => {
                // Behind the quote.
                chain.script = words.get(at).and_then(|word| Some((word.at + 1, word.known()?.to_owned())));
                return Ok(chain);
            }
        }
    }
}

/// What any other program runs. `name` is the program's, without the directory. `words` are all words from it on.
fn inside(name: &str, words: &[&Word]) -> Read<Inside> {
    match name {
        // To zsh, `time > file` is a redirection alone.
        "nohup" | "setsid" | "time" => {
            if let [alone] = words {
                return Err(Stop { at: alone.at, why: "nothing for this program to run" });
            }
            program_at(words, 1)
        }
        "command" => command(words),
        "nice" => {
            let mut at = 1;
            while let Some(behind) = behind_option(words, at, "-n")? {
                at = behind;
            }
            program_at(words, at)
        }
        "timeout" => timeout(words),
        "stdbuf" => stdbuf(words),
        "sh" | "bash" | "zsh" | "dash" => shell(words),
        _ => Ok(Inside::Nothing),
    }
}

/// The text of the word at a place, if there is one. It must be known.
fn text_at<'w>(words: &[&'w Word], at: usize) -> Read<Option<&'w str>> {
    match words.get(at) {
        None => Ok(None),
        Some(word) => {
            let why = "a word in front of the program that is only known when the line runs";
            Ok(Some(word.known().ok_or(Stop { at: word.at, why })?))
        }
    }
}

/// Refuses the word at a place, if it begins with one of `signs`.
fn refuse_option(words: &[&Word], at: usize, signs: &[char]) -> Read<()> {
    match words.get(at) {
        Some(word) => refuse_if(word.known().is_some_and(|text| text.starts_with(signs)), word.at, UNKNOWN_OPTION),
        None => Ok(()),
    }
}

/// The program at a place, which is no option. No word there: nothing is run.
fn program_at(words: &[&Word], at: usize) -> Read<Inside> {
    refuse_option(words, at, &['-'])?;
    Ok(if text_at(words, at)?.is_some() { Inside::Program(at) } else { Inside::Nothing })
}

/// The place behind `option` and the word that belongs to it, if the option is at this place.
fn behind_option(words: &[&Word], at: usize, option: &str) -> Read<Option<usize>> {
    if text_at(words, at)? != Some(option) {
        return Ok(None);
    }
    text_at(words, at + 1)?;
    Ok(Some(at + 2))
}

fn command(words: &[&Word]) -> Read<Inside> {
    match text_at(words, 1)? {
        Some("-v" | "-V") => Ok(Inside::Nothing),
        _ => program_at(words, 1),
    }
}

/// What `env` runs, and the names that it sets.
fn env<'w>(words: &[&'w Word]) -> Read<(Inside, Vec<&'w str>)> {
    let mut names = Vec::new();
    let mut at = 1;
    // Options come before the names.
    loop {
        if words.get(at).is_some_and(|word| word.known() == Some("-i")) {
            at += 1;
        } else if words.get(at).is_some_and(|word| word.known() == Some("-u")) {
            text_at(words, at + 1)?;
            at += 2;
        } else {
            break;
        }
    }
    while let Some(word) = words.get(at) {
        let Some((name, _)) = word.known_begin().split_once('=') else { break };
        refuse_if(!is_name(name), word.at, "an assignment to what is no name")?;
        refuse_if(is_evaluated(name), word.at, EVALUATES)?;
        refuse_if(word.is_several(), word.at, "a value that may be several words: quote it")?;
        refuse_if(word.has('$') || word.has('`'), word.at, "a value with a quoted `$` or backquote")?;
        names.push(name);
        at += 1;
    }
    Ok((program_at(words, at)?, names))
}

fn timeout(words: &[&Word]) -> Read<Inside> {
    let mut at = 1;
    loop {
        if let Some(behind) = behind_option(words, at, "-k")? {
            at = behind;
        } else if let Some(behind) = behind_option(words, at, "-s")? {
            at = behind;
        } else {
            break;
        }
    }
    // The duration, or an option that is not read.
    text_at(words, at)?;
    refuse_option(words, at, &['-'])?;
    program_at(words, at + 1)
}

fn stdbuf(words: &[&Word]) -> Read<Inside> {
    let is_mode = |text: &str| text.len() >= 3 && ["-i", "-o", "-e"].iter().any(|option| text.starts_with(option));
    let mut at = 1;
    while text_at(words, at)?.is_some_and(is_mode) {
        at += 1;
    }
    program_at(words, at)
}

fn shell(words: &[&Word]) -> Read<Inside> {
    let mut at = 1;
    while let Some(option) = text_at(words, at)? {
        let letters = option.strip_prefix('-').unwrap_or_default();
        if letters.is_empty() || !letters.chars().all(|c| "celnux".contains(c)) {
            if option != "--version" {
                refuse_option(words, at, &['-', '+'])?;
            }
            break;
        }
        at += 1;
        if letters.contains('c') {
            let Some(script) = words.get(at) else { break };
            let why = "a script that is only known when the line runs";
            let text = script.known().ok_or(Stop { at: script.at, why })?;
            refuse_if(!is_one_quote(script.raw, text), script.at, "a script that is not in one pair of quotes")?;
            refuse_option(words, at, &['-', '+'])?;
            return Ok(Inside::Script(at));
        }
    }
    Ok(Inside::Nothing)
}

/// Whether a word is written as one `'…'` or `"…"`, whose text is what is written.
fn is_one_quote(raw: &str, text: &str) -> bool {
    ['\'', '"'].into_iter().any(|quote| raw == format!("{quote}{text}{quote}"))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{assert_belongings, assert_commands, assert_refused};

    #[test]
    fn what_a_wrapper_runs_is_a_command_too() {
        assert_commands(&[
            ("nohup a b; c", "nohup a b; a b; c"),
            ("/usr/bin/nohup 'a' $b", "/usr/bin/nohup a ? …; a ? …"),
            ("setsid a", "setsid a; a"),
            ("time a", "time a; a"),
            ("nohup setsid time nice a", "nohup setsid time nice a; setsid time nice a; time nice a; nice a; a"),
            ("nohup a -b", "nohup a -b; a -b"),
            ("xargs a", "xargs a"),
            ("nohups a", "nohups a"),
        ]);
        assert_belongings(&[("A=1 nohup a > b < c", "nohup[A] >[b] <[c]; a[A] >[b] <[c]")]);
        assert_refused(&[
            "nohup -a b",
            "setsid -f a",
            "time -p a",
            "nohup --help",
            "nohup $a",
            "nohup \"$a\" b",
            "nohup *",
            "nohup eval a",
            "nohup if",
            "nohup ! a",
            "time ! a",
            "time (a)",
            "time { a; }",
            "nohup A=1 a",
            "nohup printf %d",
            "nohup sh -s a",
            // Nothing that they could run.
            "nohup",
            "setsid",
            "time | a",
            "time > a",
            "nohup time",
        ]);
    }

    #[test]
    fn command_may_only_look() {
        assert_commands(&[
            ("command a b", "command a b; a b"),
            ("command -v a $b", "command -v a ? …"),
            ("command -V", "command -V"),
            ("command", "command"),
            ("command command a", "command command a; command a; a"),
        ]);
        assert_refused(&[
            "command -p a",
            "command -- a",
            "command $a",
            "command -vx a",
            "command eval a",
            "command . a",
        ]);
    }

    #[test]
    fn env_sets_names() {
        assert_belongings(&[
            ("env", "env[] >[] <[]"),
            ("env A=1", "env[A] >[] <[]"),
            ("env A=1 a B=2", "env[A] >[] <[]; a[A] >[] <[]"),
            ("A=1 env -i -u C B=\"$b\" D= a; c", "env[A B D] >[] <[]; a[A B D] >[] <[]; c[] >[] <[]"),
            ("env -u A -i -u B C=1 a", "env[C] >[] <[]; a[C] >[] <[]"),
            ("env -u", "env[] >[] <[]"),
            ("env 'A'=1 \"B=$c\" C=~ a", "env[A B C] >[] <[]; a[A B C] >[] <[]"),
            ("env -u A=1 a", "env[] >[] <[]; a[] >[] <[]"),
            ("env -u -i a", "env[] >[] <[]; a[] >[] <[]"),
            ("env A=1 nohup env B=2 a", "env[A B] >[] <[]; nohup[A B] >[] <[]; env[A B] >[] <[]; a[A B] >[] <[]"),
            ("env -i", "env[] >[] <[]"),
        ]);
        assert_commands(&[("env A=\"$(b)\" a", "env ? a; b; a"), ("/usr/bin/env a", "/usr/bin/env a; a")]);
        assert_refused(&[
            "env -S 'a b'",
            "env -- a",
            "env -0",
            "env A=1 -u B a",
            "env A=1 -i a",
            "env -u A B=1 -i",
            "env -u $a b",
            "env -u \"$a\" b",
            "env A=$b c",
            "env A=* c",
            "env A=$b",
            "env A='$b' c",
            "env A=\\` c",
            "env \"$a\" b",
            "env $a",
            "env 1A=b c",
            "env \"A$b=c\" d",
            "env A=1 -x a",
            "env A=1 eval a",
            "env --version",
            "env -iu A b",
            "env A+=1 b",
        ]);
    }

    #[test]
    fn nice_has_an_adjustment() {
        assert_commands(&[
            ("nice", "nice"),
            ("nice a", "nice a; a"),
            ("nice -n 5 a b", "nice -n 5 a b; a b"),
            ("nice -n -5 a", "nice -n -5 a; a"),
            ("nice -n 5", "nice -n 5"),
            ("nice -n", "nice -n"),
            ("nice -n 1 -n 2 a", "nice -n 1 -n 2 a; a"),
        ]);
        assert_refused(&[
            "nice -5 a",
            "nice -n5 a",
            "nice -n $a b",
            "nice -n 1 -n $a b",
            "nice $a",
            "nice -n 5 $a",
            "nice -n 5 -a",
        ]);
    }

    #[test]
    fn timeout_has_a_duration() {
        assert_commands(&[
            ("timeout", "timeout"),
            ("timeout 5", "timeout 5"),
            ("timeout 5 a b", "timeout 5 a b; a b"),
            ("timeout -k 1 -s KILL -k 2 5 a", "timeout -k 1 -s KILL -k 2 5 a; a"),
            ("timeout -k 1", "timeout -k 1"),
            ("timeout -k", "timeout -k"),
            ("timeout -s -k 5 a", "timeout -s -k 5 a; a"),
        ]);
        assert_refused(&[
            "timeout $a b",
            "timeout 5 $a",
            "timeout 5 -k 1 a",
            "timeout -k $a 5 b",
            "timeout -v 5 a",
            "timeout --signal=KILL 5 a",
            "timeout -k5 5 a",
            "timeout 5 -a",
            "timeout -1 a",
            "timeout \"$a\"",
        ]);
    }

    #[test]
    fn stdbuf_has_modes() {
        assert_commands(&[
            ("stdbuf a", "stdbuf a; a"),
            ("stdbuf -oL -e0 -i0 a -b", "stdbuf -oL -e0 -i0 a -b; a -b"),
            ("stdbuf -oL", "stdbuf -oL"),
        ]);
        assert_refused(&[
            "stdbuf -o L a",
            "stdbuf -x1 a",
            "stdbuf --output=L a",
            "stdbuf -o$a b",
            "stdbuf \"-o$a\" b",
            "stdbuf -oL $a",
            "stdbuf -oL -b",
        ]);
    }

    #[test]
    fn scripts_are_read() {
        assert_commands(&[
            ("sh -c 'a; b' c; d", "sh -c a; b c; a; b; d"),
            ("bash -lc \"a 'b'\"", "bash -lc a 'b'; a b"),
            ("/bin/zsh -elcux 'a'", "/bin/zsh -elcux a; a"),
            ("dash '-c' 'a'", "dash -c a; a"),
            ("sh -c 'A=1'", "sh -c A=1"),
            ("sh -c 'sh -c \"a\"'", "sh -c sh -c \"a\"; sh -c a; a"),
            ("sh -c '\na\n' $b", "sh -c \na\n ? …; a"),
            ("nohup sh -c 'a'", "nohup sh -c a; sh -c a; a"),
            ("sh -cc 'a'", "sh -cc a; a"),
            ("bash -e -u -c 'a'", "bash -e -u -c a; a"),
            ("bash -xe -nc 'a' b", "bash -xe -nc a b; a"),
            ("sh -c", "sh -c"),
            ("sh -e -c", "sh -e -c"),
            ("a -c 'b'", "a -c b"),
        ]);
        assert_refused(&[
            "sh -c a",
            "sh -c a'b'",
            "sh -c 'a''b'",
            "sh -c 'a'b",
            "sh -c \"a\"'b'",
            "sh -c \"a $b\"",
            "sh -c \"a \\\"b\\\"\"",
            "sh -c \"a $\"",
            "sh -c \"a \\\\b\"",
            "sh -c $a",
            "sh -c \"$a\"",
            "sh -c \"$(a)\"",
            "sh -c ''",
            "sh -c ' # a'",
            "sh -c 'a &&'",
            "sh -c 'eval a'",
            "sh -c \\a",
            "sh -c -c 'a'",
            // One more option, or several.
            "sh -c '-x' 'a'",
            "sh -c \"+x\" 'a'",
            "sh -c '- a'",
            "sh -e \"$a\" -c 'b'",
            "sh -e $a",
            "sh -c -- 'a'",
            "sh -c '$a'",
            "sh \"$a\" -c 'b'",
            "sh -c 'a \"'",
        ]);
    }

    #[test]
    fn a_shell_without_a_script_runs_nothing_else() {
        assert_commands(&[
            ("sh", "sh"),
            ("a | bash", "a; bash"),
            ("bash a -c 'b;;'", "bash a -c b;;"),
            ("zsh --version", "zsh --version"),
            ("sh ''", "sh "),
            ("sh -x a", "sh -x a"),
            ("sh -l", "sh -l"),
            ("bash -n -eu a -c 'b;;'", "bash -n -eu a -c b;;"),
            ("bash -x --version", "bash -x --version"),
        ]);
        assert_refused(&[
            "sh -",
            "sh --",
            "sh -s",
            "sh -v a",
            "sh -e -s",
            "sh -e --",
            "sh -i",
            "bash --norc a",
            "bash -xo pipefail -c 'a'",
            "sh $a",
            "sh \"$a\"",
            "sh *",
            "bash -ic 'a'",
            "sh +x -c 'a'",
            "sh -e +x a",
            "bash +x a",
            "sh +",
        ]);
    }
}
