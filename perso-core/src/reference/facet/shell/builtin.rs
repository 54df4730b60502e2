//! Builtins that are read more closely.

use super::found::Value;
use super::source::{EVALUATES, is_evaluated, is_name};
use super::word::Word;
use super::{Read, Stop, refuse_if};

/// Builtins that keep what is assigned in front of them, in some shell.
const KEEP: [&str; 12] =
    [":", "export", "set", "exit", "return", "break", "continue", "shift", "unset", "times", "wait", "ulimit"];

/// What `program` sets for good. Nothing, if it is no builtin that is read more closely. It begins `at` a byte of the
/// line.
pub(super) fn settings(program: &str, at: usize, further: &[&Word], has_assignment: bool) -> Read<Vec<Value>> {
    refuse_if(has_assignment && KEEP.contains(&program), at, "an assignment in front of a builtin that keeps it")?;
    match program {
        "export" => return export(further),
        "read" => return read(further),
        "set" => all_known(further, is_option_of_set, "`set` with more than `e`, `u`, `x` and `pipefail`")?,
        // Zsh evaluates a name.
        "exit" | "return" | "break" | "continue" | "shift" | "wait" => {
            all_known(further, is_number, "an operand that must be a number")?;
        }
        "unset" | "ulimit" => all_known(further, is_simple_operand, "an operand that is no plain word")?,
        "printf" => printf(further)?,
        "[" | "test" => test(at, further)?,
        _ => {}
    }
    Ok(Vec::new())
}

/// Refuses words that are unknown or not as they should be.
fn all_known(words: &[&Word], is_fine: impl Fn(&str) -> bool, why: &'static str) -> Read<()> {
    match words.iter().find(|word| !word.known().is_some_and(&is_fine)) {
        Some(word) => Err(Stop { at: word.at, why }),
        None => Ok(()),
    }
}

fn export(further: &[&Word]) -> Read<Vec<Value>> {
    let mut settings = Vec::new();
    for word in further {
        let why = "`export` of something other than plain names";
        refuse_if(word.has('$') || word.has('`'), word.at, why)?;
        let name = match word.known_begin().split_once('=') {
            Some((name, _)) => name,
            None => word.known().ok_or(Stop { at: word.at, why })?,
        };
        refuse_if(!is_name(name), word.at, why)?;
        refuse_if(is_evaluated(name), word.at, EVALUATES)?;
        settings.push(Value::Known(name.to_owned()));
        if word.is_several() {
            settings.push(Value::Several);
        }
    }
    Ok(settings)
}

fn read(further: &[&Word]) -> Read<Vec<Value>> {
    all_known(further, |text| text == "-r" || is_name(text), "`read` of something other than plain names")?;
    all_known(further, |text| !is_evaluated(text), EVALUATES)?;
    let names = further.iter().filter_map(|word| word.known()).filter(|text| *text != "-r");
    Ok(names.map(|name| Value::Known(name.to_owned())).collect())
}

fn is_option_of_set(text: &str) -> bool {
    let letters = text.strip_prefix(['-', '+']).unwrap_or_default();
    text == "pipefail" || (!letters.is_empty() && letters.chars().all(|c| "euxo".contains(c)))
}

fn is_number(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_digit())
}

fn is_simple_operand(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}

fn printf(further: &[&Word]) -> Read<()> {
    let Some(format) = further.first() else {
        return Ok(());
    };
    let why = "a format with more than `%s`, `%b` and `%%`, or one that is only known when the line runs";
    let text = format.known().ok_or(Stop { at: format.at, why })?;
    refuse_if(text.starts_with('-'), format.at, "an option of `printf`")?;
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        refuse_if(c == '%' && !matches!(characters.next(), Some('s' | 'b' | '%')), format.at, why)?;
    }
    Ok(())
}

fn test(at: usize, further: &[&Word]) -> Read<()> {
    for word in further {
        let has_more = word.has('$') || word.has('`') || word.has('[');
        refuse_if(has_more, word.at, "a quoted `$` or backquote, or a `[`, in what is tested")?;
        refuse_if(word.is_several() && word.raw != "$?", word.at, "what is tested may be several words: quote it")?;
    }
    let mut words = further;
    while let Some((first, rest)) = words.split_first()
        && first.known() == Some("!")
    {
        words = rest;
    }
    if let Some((last, rest)) = words.split_last()
        && last.known() == Some("]")
    {
        words = rest;
    }
    let is_good = match words {
        [] | [_] => true,
        [operator, operand] => {
            operator.known().is_some_and(is_unary) || compares(operator, operand.known().unwrap_or_default(), None)
        }
        [left, operator, right] => compares(left, operator.known().unwrap_or_default(), Some(right)),
        _ => false,
    };
    refuse_if(!is_good, at, "more than one plain test or comparison")
}

/// Whether a known word is a test of a text or a file.
fn is_unary(text: &str) -> bool {
    let letters = text.strip_prefix('-').unwrap_or_default();
    !letters.is_empty() && letters.chars().all(|c| "defhLnrswxz".contains(c))
}

/// Whether an operator compares texts, or two numbers. Without a right side the shells take the operator for a text.
fn compares(left: &Word, operator: &str, right: Option<&Word>) -> bool {
    let letters: Vec<char> = operator.chars().collect();
    let is_numeric = matches!(letters.as_slice(), ['-', 'e' | 'g' | 'l' | 'n', 'e' | 'q' | 't']);
    ["=", "==", "!="].contains(&operator) || is_numeric && is_operand(left) && right.is_none_or(is_operand)
}

/// Whether a word is a number, as it stands or as the status of the last command.
fn is_operand(word: &Word) -> bool {
    word.raw == "$?" || word.known().is_some_and(|text| !text.is_empty() && is_number(text))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{assert_belongings, assert_commands, assert_refused};

    #[test]
    fn export_shares_its_names() {
        assert_belongings(&[
            ("export", "export[] >[] <[]"),
            ("export A B=1 'C' \"D=2\" \\E; a", "export[A B C D E] >[] <[]; a[A B C D E] >[] <[]"),
            ("export A= B==c", "export[A B] >[] <[]"),
            ("export A=\"$b\" C=~ D", "export[A C D] >[] <[]"),
            ("export A=$b C", "export[A ? ? …] >[] <[]"),
            ("export A=* B={c,d}", "export[A ? ? ? …] >[] <[]"),
            ("export \"A=$b\"", "export[A] >[] <[]"),
            ("command export A", "command[A] >[] <[]; export[A] >[] <[]"),
        ]);
        assert_commands(&[("export A=$(a) B=\"$(b)\"", "export ? ? …; a; b")]);
        assert_refused(&[
            "export -n A",
            "export -p",
            "export 1A=b",
            "export A-",
            "export ''",
            "export \"$a\"",
            "export $a",
            "export A$b",
            "export A$b=c",
            "export \"A$b=c\"",
            "export $a=b",
            "export A*",
            "export {A,B}=c",
            "export {A=b,C=d}",
            "export A+=b",
            "export A='$b'",
            "export A=\\`",
            "export A=$b'$'",
            "export A[1]=b",
            "export ~=a",
            "A=1 export B",
            "export A=\"$\"",
        ]);
    }

    #[test]
    fn read_shares_its_names() {
        assert_belongings(&[
            ("read", "read[] >[] <[]"),
            ("read a b; c", "read[a b] >[] <[]; c[a b] >[] <[]"),
            ("read -r a", "read[a] >[] <[]"),
            ("read a -r", "read[a] >[] <[]"),
            ("A=1 read b", "read[A b] >[] <[]"),
            ("a | while read -r x; do b \"$x\"; done", "a[x] >[] <[]; read[x] >[] <[]; b[x] >[] <[]"),
        ]);
        assert_refused(&[
            "read $a",
            "read \"$a\"",
            "read -p a b",
            "read a[1]",
            "read 'a[1]'",
            "read 1",
            "read ''",
            "read -ra b",
            "read RANDOM",
            "export OPTIND=$a",
        ]);
    }

    #[test]
    fn set_has_a_few_options() {
        assert_commands(&[
            ("set", "set"),
            ("set -e", "set -e"),
            ("set -euo pipefail; a", "set -euo pipefail; a"),
            ("set +x -u", "set +x -u"),
        ]);
        assert_refused(&[
            "set -a",
            "set -",
            "set +",
            "set --",
            "set -- a",
            "set a",
            "set $a",
            "set ''",
            "set -ef",
            "A=1 set -e",
            "set -e-",
        ]);
    }

    #[test]
    fn some_builtins_have_simple_operands() {
        for builtin in ["exit", "return", "break", "continue", "shift", "wait", "unset", "ulimit"] {
            assert_commands(&[(builtin, builtin)]);
            let with = |operands: &str| format!("{builtin} {operands}");
            assert_commands(&[(&with("1"), &with("1")), (&with("'1' 2"), &with("1 2")), (&with("''"), &with(""))]);
            assert_refused(&[
                &with("$a"),
                &with("\"$a\""),
                &with("a[1]"),
                &with("'a[1]'"),
                &with("1+1"),
                &with("%1"),
                &with("$?"),
            ]);
            let names = ["a", "-1", "-n", "PATH", "1a", "_"].map(with);
            if ["unset", "ulimit"].contains(&builtin) {
                names.iter().for_each(|line| assert_commands(&[(line, line)]));
            } else {
                names.iter().for_each(|line| assert_refused(&[line]));
            }
        }
        assert_refused(&["wait -n -p PATH", "exit E", "shift PATH=5"]);
    }

    #[test]
    fn printf_has_a_plain_format() {
        assert_commands(&[
            ("printf", "printf"),
            ("printf a", "printf a"),
            ("printf '%s %b %% %%d\\n' \"$a\" -v", "printf %s %b %% %%d\\n ? -v"),
            ("printf '' $a", "printf  ? …"),
            ("printf %s", "printf %s"),
            ("/usr/bin/printf %d", "/usr/bin/printf %d"),
        ]);
        assert_refused(&[
            "printf $a",
            "printf \"$a\"",
            "printf -v a",
            "printf -- a",
            "printf %d 1",
            "printf %",
            "printf %%%",
            "printf %5s",
            "printf %s%",
            "printf '%(x)T'",
            "printf %n",
            "printf a*",
        ]);
    }

    #[test]
    fn test_evaluates_nothing() {
        assert_commands(&[
            ("test", "test"),
            ("test -f a", "test -f a"),
            ("[ -f a ]", "[ -f a ]"),
            ("[ -n \"$a\" ] && b", "[ -n ? ]; b"),
            ("[ \"$a\" != b ]", "[ ? != b ]"),
            ("[ 1 -eq 2 ]", "[ 1 -eq 2 ]"),
            ("'[' a ]", "[ a ]"),
            ("/bin/test 'a[1]' -eq 1", "/bin/test a[1] -eq 1"),
            ("test \"$(a)\"", "test ?; a"),
            ("[", "["),
            ("[ ]", "[ ]"),
            ("test ! ! -e a", "test ! ! -e a"),
            ("[ ! a ]", "[ ! a ]"),
            ("[ \"$a\" ]", "[ ? ]"),
            ("[ a = ]", "[ a = ]"),
            ("[ -n = a ]", "[ -n = a ]"),
            ("[ = = = ]", "[ = = = ]"),
        ]);
        assert_refused(&[
            "[ '$a' ]",
            "test \\`",
            "test 'a[1]'",
            "test a[1]",
            "test [",
            "[ a [",
            "test \"$a\" -eq 1",
            "[ $a -ne 1 ]",
            "[ 1 -lt $a ]",
            "[ \"$a\" -le 1 ]",
            "[ \"$a\" -gt 1 ]",
            "[ a '-ge' \"$a\" ]",
            "[ -v \"$a\" ]",
            "test -R \"$a\"",
            "test \"x[$a\"",
            "test \"$a[1]\"",
            "test \"$\"",
            "test $a",
            "[ \"$a\" \"$b\" ]",
            "[ a = * -a 1 -eq 1 ]",
            "[ a == b ]",
        ]);
    }

    #[test]
    fn test_reads_one_text_or_compares_two() {
        for operator in ["-d", "-e", "-f", "-h", "-L", "-n", "-r", "-s", "-w", "-x", "-z"] {
            let with = |operand: &str| format!("[ {operator} {operand} ]");
            assert_commands(&[(&with("a"), &with("a")), (&with("\"$a\""), &with("?"))]);
        }
        for operator in ["=", "!=", "'=='"] {
            let written = operator.trim_matches('\'');
            let line = format!("test \"$a\" {operator} \"$(b)\"");
            assert_commands(&[(&line, &format!("test ? {written} ?; b"))]);
        }
        for operator in ["-eq", "-ne", "-lt", "-le", "-gt", "-ge"] {
            let with = |left: &str, right: &str| format!("[ {left} {operator} {right} ]");
            assert_commands(&[(&with("1", "22"), &with("1", "22"))]);
            assert_refused(&[
                &with("a", "1"),
                &with("1", "a"),
                &with("1", "\"$a\""),
                &with("-1", "1"),
                &with("''", "1"),
                &with("\"$?\"", "1"),
                &with("\"$#\"", "1"),
            ]);
        }
        assert_commands(&[("[ ! \"$a\" = b ]", "[ ! ? = b ]")]);
        // What is known neither as an operator nor as an operand, and what is more than one test.
        assert_refused(&[
            "[ -t 1 ]",
            "[ -t E ]",
            "[ -v a ]",
            "[ -o a ]",
            "[ -k a ]",
            "[ -a a ]",
            "[ a -nt b ]",
            "[ a '<' b ]",
            "[ a =~ b ]",
            "[ \"$a\" b ]",
            "[ ! \"$a\" b ]",
            "[ a \"$b\" c ]",
            "[ a b ]",
            "[ -n a b ]",
            "[ a = b -a c = d ]",
            "[ a -o b ]",
            "[ '(' a ')' ]",
            "[ a = b ] ]",
        ]);
    }

    #[test]
    fn the_status_of_the_last_command_is_a_number() {
        assert_commands(&[
            ("[ $? = 0 ]", "[ ? ? ? ? …"),
            ("[ $? -eq 0 ] && a", "[ ? ? ? ? …; a"),
            ("test 0 -ne $?", "test 0 -ne ? …"),
            ("[ $? ]", "[ ? ? …"),
            ("[ \"$?\" = 0 ]", "[ ? = 0 ]"),
        ]);
        assert_refused(&["[ $?1 -eq 0 ]", "[ 1$? -eq 0 ]", "[ ${?} -eq 0 ]", "[ $# -eq 0 ]", "[ $! -eq 0 ]"]);
    }

    #[test]
    fn nothing_is_assigned_in_front_of_builtins_that_keep_it() {
        for builtin in super::KEEP {
            assert_commands(&[(builtin, builtin)]);
            assert_refused(&[
                &format!("A=1 {builtin}"),
                &format!("A=1 >b '{builtin}'"),
                &format!("A=1 command {builtin}"),
                &format!("env A=1 {builtin}"),
            ]);
        }
    }
}
