//! What a line has: the commands, what each has of its own, and what all of them share.

use super::{Command, Line, Read, SHARED, Words, refuse_if};

/// What becomes of a word or of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Known(String),
    /// One text, which is only known when it runs.
    Unknown,
    /// Any number of texts.
    Several,
}

/// Names that are set, and targets of redirections, each in the order in which the shell comes to them: those in a
/// `$(…)` before the one whose value or target it is in.
#[derive(Debug, Clone, Default)]
pub(super) struct Belongings {
    pub(super) env: Vec<Value>,
    pub(super) writes: Vec<Value>,
    pub(super) reads: Vec<Value>,
}

impl Belongings {
    pub(super) fn append(&mut self, behind: Self) {
        self.env.extend(behind.env);
        self.writes.extend(behind.writes);
        self.reads.extend(behind.reads);
    }

    fn len(&self) -> usize {
        self.env.len() + self.writes.len() + self.reads.len()
    }
}

/// A command with what it has of its own.
#[derive(Debug, Clone)]
pub(super) struct Run {
    pub(super) program: String,
    /// The program's too.
    pub(super) words: Vec<Value>,
    pub(super) own: Belongings,
}

/// What is found in a part of a line.
#[derive(Debug, Clone, Default)]
pub(super) struct Found {
    pub(super) commands: Vec<Run>,
    /// What belongs to every command of the whole line.
    pub(super) shared: Belongings,
}

impl Found {
    pub(super) fn append(&mut self, behind: Self) {
        self.commands.extend(behind.commands);
        self.shared.append(behind.shared);
    }

    /// The line, if this is all that is found in it.
    pub(super) fn line(self) -> Read<Line> {
        let Self { commands, shared } = self;
        refuse_if(shared.len() > SHARED, 0, "more than 32 names and files that all commands have")?;
        let commands = commands.into_iter().map(|run| {
            let Run { program, words, mut own } = run;
            own.append(shared.clone());
            let args = words.iter().skip(1).cloned().collect();
            Command {
                program,
                words: texts(words),
                args: texts(args),
                env: texts(own.env),
                writes: texts(own.writes),
                reads: texts(own.reads),
            }
        });
        Ok(Line { commands: commands.collect() })
    }
}

/// The texts, of which nothing is known any more from the first on that may be any number of texts.
fn texts(values: Vec<Value>) -> Words {
    let mut exact = true;
    let texts = values.into_iter().map(|value| match value {
        Value::Known(text) if exact => Some(text),
        Value::Known(_) | Value::Unknown => None,
        Value::Several => {
            exact = false;
            None
        }
    });
    Words { texts: texts.collect(), exact }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{assert_belongings, assert_commands, show};
    use super::{Value, texts};

    #[test]
    fn nothing_is_known_behind_several_texts() {
        let known = || Value::Known("a".to_owned());
        for (values, shown) in [
            (vec![], ""),
            (vec![known(), Value::Unknown, known()], "a ? a"),
            (vec![known(), Value::Several, known(), Value::Unknown], "a ? ? ? …"),
        ] {
            let words = texts(values);
            assert_eq!(show(&words), shown);
        }
        assert_commands(&[("a \"$b\" c $d e \"$f\"", "a ? c ? ? ? …")]);
        let line = super::super::tests::line("a \"$b\" c");
        assert_eq!(line.commands.iter().map(|command| show(&command.args)).collect::<String>(), "? c");
    }

    #[test]
    fn commands_are_in_order_of_appearance() {
        assert_commands(&[
            ("a; b | c && (d || e) & { f; }", "a; b; c; d; e; f"),
            ("a $(b $(c)) \"$(d)\"; e", "a ? ? …; b ? …; c; d; e"),
            ("a=$(b) c > \"x$(d)\"", "c; b; d"),
            ("> x$(a) b", "b; a"),
            ("a=$(b); c=\"$(d)\"; e", "b; d; e"),
            ("a=\"$(b $(c))$(d)\" e=1; f", "b ? …; c; d; f"),
            ("for x in $(a) b; do c; done < x$(d)", "a; c; d"),
            ("nohup a $(b); c", "nohup a ? …; b; a ? …; c"),
            ("nohup nice a $(b) > x$(c)", "nohup nice a ? …; b; c; nice a ? …; a ? …"),
            ("sh -c 'a; b' \"$(c)\"; d", "sh -c a; b ?; c; a; b; d"),
        ]);
    }

    #[test]
    fn what_is_shared_belongs_to_every_command() {
        assert_belongings(&[
            ("a; b=c; d", "a[b] >[] <[]; d[b] >[] <[]"),
            ("A=1 a; B=2; C=3 c", "a[A B] >[] <[]; c[C B] >[] <[]"),
            ("A=1 env B=2 a; C=3", "env[A B C] >[] <[]; a[A B C] >[] <[]"),
            ("a >x; (b <y) >z <w", "a[] >[x z] <[w]; b[] >[z] <[y w]"),
            ("(a) > x; { b; } >> y; (c) < z", "a[] >[x y] <[z]; b[] >[x y] <[z]; c[] >[x y] <[z]"),
            ("a > x$x > y; (b) > z", "a[] >[? ? ? …] <[]; b[] >[z] <[]"),
            ("a > \"x$y\" > z", "a[] >[? z] <[]"),
            // Each behind what is within it, as they are set.
            ("A=$(B=b) C=1; e", "e[B A C] >[] <[]"),
            ("A=$(B=b); C=$(D=d); e", "e[B A D C] >[] <[]"),
            ("export A=\"$(B=b)\" C", "export[B A C] >[] <[]"),
            ("read A; B=\"$(read C)\"; e", "read[A C B] >[] <[]; read[A C B] >[] <[]; e[A C B] >[] <[]"),
            ("for A in $(B=b); do C=c; done; D=d; e", "e[A B C D] >[] <[]"),
            ("{ { a; } > x; } > \"y$({ b; } > z)\"", "a[] >[x z ?] <[]; b[] >[x z ?] <[]"),
        ]);
    }

    #[test]
    fn what_the_shell_of_a_script_has_is_shared() {
        assert_belongings(&[
            ("sh -c 'a'", "sh[] >[] <[]; a[] >[] <[]"),
            ("A=1 sh -c 'B=2 a' > x < y; c", "sh[A] >[x] <[y]; a[B A] >[x] <[y]; c[A] >[x] <[y]"),
            (
                "A=1 env B=2 sh -c 'C=3; a'; d",
                "env[A B C] >[] <[]; sh[A B C] >[] <[]; a[A B C] >[] <[]; d[A B C] >[] <[]",
            ),
            ("A=1 sh b > x; c", "sh[A] >[x] <[]; c[] >[] <[]"),
            ("sh -c '{ a; } > y' > x", "sh[] >[x y] <[]; a[] >[x y] <[]"),
        ]);
    }
}
