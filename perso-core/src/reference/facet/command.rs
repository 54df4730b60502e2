//! A simple command: words, with nothing in them that a shell would act on.

const LENGTH: usize = 8192;

const WORDS: usize = 256;

/// What a shell does not run as a program, or does more with than to pass its arguments on: reserved words, and built-in
/// commands that run or evaluate what they are given.
const SHELL: &str = "! - . : [ [[ alias bind break builtin case command compgen complete continue coproc declare do \
    done elif else emulate enable end esac eval exec exit export fc fi float for foreach function getopts if in \
    integer jobs let local mapfile nameref namespace nocorrect noglob print printf read readarray readonly repeat \
    return select set shift source test then time trap typeset unset until wait while { }";

/// The program and its arguments, without quotes.
pub(super) fn read(text: &str) -> Result<(String, Vec<String>), &'static str> {
    if text.len() > LENGTH {
        return Err("not a simple command: it is too long");
    }
    if text.chars().any(|c| !(' '..='~').contains(&c)) {
        return Err("not a simple command: a character that is not printable ASCII");
    }
    if text.starts_with(' ') || text.ends_with(' ') {
        return Err("not a simple command: a space before or behind it");
    }
    let mut words = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (word, behind) = read_word(rest)?;
        words.push(word);
        rest = behind.trim_start_matches(' ');
    }
    if words.len() > WORDS {
        return Err("not a simple command: it has too many words");
    }
    let (program, _) = text.split_at(text.find(' ').unwrap_or(text.len()));
    if program.is_empty() || !program.chars().all(is_plain) {
        return Err("not a simple command: the program is not a plain word");
    }
    if SHELL.split(' ').any(|word| word == program) {
        return Err("not a simple command: a word of the shell where a program should stand");
    }
    Ok((program.to_owned(), words.into_iter().skip(1).collect()))
}

/// What no shell acts on.
fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_@%+:,./-".contains(c)
}

/// One word, without its quotes, and what is behind it. A word is pieces, each quoted or not.
fn read_word(text: &str) -> Result<(String, &str), &'static str> {
    let mut word = String::new();
    let mut rest = text;
    loop {
        match rest.chars().next() {
            None | Some(' ') => return Ok((word, rest)),
            Some(quote @ ('\'' | '"')) => {
                let (_, inner) = rest.split_at(1);
                let (piece, behind) =
                    inner.split_once(quote).ok_or("not a simple command: a quote that does not end")?;
                if quote == '"' && piece.contains(['\\', '$', '`', '!']) {
                    return Err("not a simple command: a shell acts on something inside of double quotes");
                }
                word.push_str(piece);
                rest = behind;
            }
            Some(_) => {
                let (piece, behind) = rest.split_at(rest.find([' ', '\'', '"']).unwrap_or(rest.len()));
                if !is_bare(piece) {
                    return Err("not a simple command: a character that a shell acts on");
                }
                word.push_str(piece);
                rest = behind;
            }
        }
    }
}

/// Whether a piece that is not quoted stands for itself. It does not begin with what shells act on at the front of a
/// word, so that nobody has to know what quotes before it make of that; `~` is not where one begins in an assignment.
fn is_bare(piece: &str) -> bool {
    piece.chars().all(|c| is_plain(c) || "=^#~".contains(c))
        && !piece.starts_with(['=', '^', '#', '~'])
        && !piece.contains("=~")
        && !piece.contains(":~")
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn a_simple_command_is_its_words() {
        for (text, program, arguments) in [
            ("git", "git", vec![]),
            ("git log --oneline", "git", vec!["log", "--oneline"]),
            ("/usr/bin/git  -c   a=b", "/usr/bin/git", vec!["-c", "a=b"]),
            ("git commit -m 'a \"b\" $(x) `y` \\ ! ~'", "git", vec!["commit", "-m", "a \"b\" $(x) `y` \\ ! ~"]),
            ("git commit -m \"it's; a|b & c > d\" ''", "git", vec!["commit", "-m", "it's; a|b & c > d", ""]),
            ("g++ a.c,b:c@d%e", "g++", vec!["a.c,b:c@d%e"]),
            ("echo if then", "echo", vec!["if", "then"]),
            ("git show HEAD~3 HEAD^ HEAD^^ HEAD~", "git", vec!["show", "HEAD~3", "HEAD^", "HEAD^^", "HEAD~"]),
            ("git log --format='%H %s' -n1", "git", vec!["log", "--format=%H %s", "-n1"]),
            ("git log --grep=\"a b\" --author=\"Ann Bee\"", "git", vec!["log", "--grep=a b", "--author=Ann Bee"]),
            ("git 'a'b \"c\"'d' e''f ''", "git", vec!["ab", "cd", "ef", ""]),
            ("git --x=\"it's\" 'say \"hi\"'x", "git", vec!["--x=it's", "say \"hi\"x"]),
            ("nix run nixpkgs#hello .#x", "nix", vec!["run", "nixpkgs#hello", ".#x"]),
            ("make a==b a=b^c a/~b a-~c", "make", vec!["a==b", "a=b^c", "a/~b", "a-~c"]),
            ("git st\"at\"us", "git", vec!["status"]),
        ] {
            let arguments = arguments.into_iter().map(str::to_owned).collect();
            assert_eq!(read(text), Ok((program.to_owned(), arguments)), "{text}");
        }
        assert_eq!(read(&format!("a{}", " b".repeat(255))).map(|(_, arguments)| arguments.len()), Ok(255));
    }

    #[test]
    fn what_a_shell_acts_on_is_refused() {
        let words = format!("a{}", " b".repeat(256));
        let long = format!("a {}", "b".repeat(8192));
        for text in [
            "",
            " ",
            " git",
            "git ",
            "git\n",
            "git\nrm",
            "git\trm",
            "git\r",
            "git\0",
            "git \u{a0}x",
            "git caf\u{e9}",
            "git\u{1b}",
            "git;rm",
            "git ; rm",
            "git; rm -rf /",
            "git && rm",
            "git&&rm",
            "git || rm",
            "git | sh",
            "git|sh",
            "git &",
            "git & rm",
            "git > x",
            "git >> x",
            "git < x",
            "git 2>&1",
            "git <<< x",
            "git <(x)",
            "git >(x)",
            "(git)",
            "{ git; }",
            "! git",
            "git $(rm)",
            "git `rm`",
            "git $HOME",
            "git ${HOME}",
            "git \"$HOME\"",
            "git \"$(rm)\"",
            "git \"`rm`\"",
            "git \"a\\\"b\"",
            "git \"a!b\"",
            "git a\\ b",
            "git \\",
            "git \\\nrm",
            "git !x",
            "git !!",
            "git *",
            "git a?",
            "git [a]",
            "git {a,b}",
            "git ~",
            "git ~root",
            "git #x",
            "git ^a^b",
            "git =ls",
            "git ''=ls",
            "git \"\"=ls",
            "git ''~",
            "git 'a'~",
            "git a=~",
            "git a=~/x",
            "git a=b:~",
            "git a:~",
            "git --x=~root",
            "git ''#x",
            "git ''^x",
            "git HEAD^{tree}",
            "git stash@{0}",
            "git a'b",
            "git a\"b",
            "git a'b'$x",
            "git a\"$x\"",
            "git a\"b!c\"",
            "git x'y'*",
            "g~it x",
            "g^it x",
            "g#it x",
            "- git",
            "noglob git",
            "nocorrect git",
            "repeat git",
            "test x",
            "printf x",
            "let x",
            "read x",
            "a=b git",
            "A=b",
            "PATH=/tmp git",
            "=git",
            "git=x",
            "'git'",
            "\"git\"",
            "''",
            "'' x",
            "gi't'",
            "gi\"t\" x",
            "git $'a'",
            "git $\"a\"",
            "git 'a",
            "git \"a",
            "git '",
            "git a'",
            "$x",
            "$(x)",
            "`x`",
            "*",
            "~/x",
            "~",
            "\\git",
            "eval x",
            "exec x",
            ". x",
            "source x",
            "if x",
            "while x",
            "time git",
            "command git",
            "builtin cd",
            "[ x ]",
            "[[ x",
            "{ x",
            "} x",
            ": x",
            "! x",
            "export A=b",
            "set -x",
            "trap x 0",
            "alias a=b",
            "function x",
            "for x",
            "case x",
            "exit",
            "fi",
            "coproc x",
            &words,
            &long,
        ] {
            assert!(read(text).is_err(), "{text:?}");
        }
    }
}
