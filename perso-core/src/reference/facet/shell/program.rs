//! What may be run as a program.

use super::grammar::WORDS;
use super::word::Word;
use super::{Read, Stop, refuse_if};

/// Words and builtins of some shell that run or change what the words do not show.
const REFUSED: &str = ". - [[ ]] alias autoload bind builtin bye case coproc compgen complete declare disable emulate enable \
    eval exec fc float foreach function functions getln getopts hash integer jobs let local logout mapfile \
    nocorrect noglob print private readarray readonly repeat run-help sched select setopt shopt source trap \
    typeset unfunction unhash unsetopt vared which-command zformat zmodload zparseopts zpty zregexparse \
    zstyle";

/// The program that a first word names.
pub(super) fn program<'w>(word: &'w Word) -> Read<&'w str> {
    let at = word.at;
    refuse_if(word.raw == "[[", at, "`[[`")?;
    let text = word.known().ok_or(Stop { at, why: "a program that is only known when the line runs" })?;
    refuse_if(text.is_empty(), at, "a program without a name")?;
    refuse_if(text.contains('='), at, "a program with `=` in its name")?;
    refuse_if(WORDS.contains(&text), at, "a word of the grammar in a place that is not its own")?;
    refuse_if(text.starts_with(['%', '!', '{']), at, "a program that begins with `%`, `!` or `{`")?;
    let is_refused = REFUSED.split(' ').any(|refused| refused == text);
    refuse_if(is_refused, at, "a builtin or keyword that may change what the rest does")?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::super::read;
    use super::super::tests::{assert_commands, assert_refused};

    #[test]
    fn a_program_is_known() {
        assert_commands(&[
            ("a", "a"),
            ("/a/b", "/a/b"),
            ("./a", "./a"),
            ("'a b'", "a b"),
            ("a%b a!b", "a%b a!b"),
            ("\\ls", "ls"),
            (":", ":"),
            ("..", ".."),
        ]);
        assert_refused(&[
            "$a",
            "\"$a\"",
            "a$b",
            "$(a)",
            "~/a",
            "{}",
            "{}a b",
            "a*",
            "{a,b}",
            "[a]",
            "''",
            "\"\" a",
            "'a=b'",
            "a\\=b",
            "%1",
            "'%1'",
            "!a",
            "'!'",
            "\\!a",
            "=a",
            "nohup $a",
            "nohup ''",
            "nohup a=b",
            "nohup %1",
            "nohup !a",
        ]);
    }

    #[test]
    fn words_of_shells_are_no_programs() {
        for word in super::REFUSED.split(' ').chain(super::WORDS) {
            for line in
                [format!("'{word}'"), format!("\"{word}\" a"), format!("a; '{word}' b"), format!("nohup '{word}'")]
            {
                assert!(read(&line).is_err(), "{line}");
            }
            assert!(read(&format!("a '{word}'")).is_ok(), "{word}");
            assert!(read(&format!("'/bin/{word}'")).is_ok(), "{word}");
        }
        assert_refused(&[
            "eval a",
            ". a",
            "- a",
            "[[ -f a ]]",
            "]] a",
            "exec a",
            "source a",
            "case a in b) c;; esac",
            "select x in a; do b; done",
            "function a { b; }",
            "coproc a",
            "trap a 0",
            "e\\val a",
            "ev'al' a",
            "in",
            "!",
            "A=1 eval a",
            ">a eval b",
        ]);
    }
}
