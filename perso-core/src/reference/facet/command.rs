//! A simple command: words, with nothing in them that a shell would act on.

const LENGTH: usize = 8192;

const WORDS: usize = 256;

/// What a shell does not run as a program.
const SHELL: [&str; 41] = [
    ".", ":", "!", "[", "[[", "{", "}", "alias", "builtin", "case", "command", "coproc", "declare", "do", "done",
    "elif", "else", "esac", "eval", "exec", "exit", "export", "fi", "for", "function", "if", "in", "local", "readonly",
    "return", "select", "set", "shift", "source", "then", "time", "trap", "typeset", "unset", "until", "while",
];

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
    let mut rest: &str = text;
    let mut words = Vec::new();
    loop {
        let (word, behind) = read_word(rest, words.is_empty())?;
        words.push(word.to_owned());
        if behind.is_empty() {
            break;
        }
        if !behind.starts_with(' ') {
            return Err("not a simple command: something stands directly behind a quote");
        }
        rest = behind.trim_start_matches(' ');
    }
    if words.len() > WORDS {
        return Err("not a simple command: it has too many words");
    }
    let program = words.remove(0);
    if SHELL.contains(&program.as_str()) {
        return Err("not a simple command: a word of the shell where a program should stand");
    }
    Ok((program, words))
}

/// One word, without its quotes, and what is behind it.
fn read_word(text: &str, is_program: bool) -> Result<(&str, &str), &'static str> {
    for quote in ['\'', '"'] {
        let Some(inner) = text.strip_prefix(quote) else { continue };
        if is_program {
            return Err("not a simple command: the program is in quotes");
        }
        let (word, behind) = inner.split_once(quote).ok_or("not a simple command: a quote that does not end")?;
        if quote == '"' && word.contains(['\\', '$', '`', '!']) {
            return Err("not a simple command: a shell acts on something inside of double quotes");
        }
        return Ok((word, behind));
    }
    let (word, behind) = text.split_at(text.find(' ').unwrap_or(text.len()));
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_@%+:,./-".contains(c) || (c == '=' && !is_program);
    if word.is_empty() || !word.chars().all(is_plain) {
        return Err("not a simple command: a character that a shell acts on");
    }
    Ok((word, behind))
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
            "git a~b",
            "git #x",
            "git a#b",
            "git ^a^b",
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
            "git a'b'",
            "git 'a'b",
            "git 'a''b'",
            "git \"a\"'b'",
            "git --x='a'",
            "git --x=\"a\"",
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
