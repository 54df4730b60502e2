//! Names with a meaning: words of the grammar, and programs that are more than a program.

use crate::text;

/// A name of the grammar, or a set of them: a bit each.
pub(super) type Name = u32;

/// The end of the text.
pub(super) const END: Name = 1;
/// `)`
pub(super) const BRACKET: Name = 1 << 1;
pub(super) const NOT: Name = 1 << 2;
pub(super) const GROUP: Name = 1 << 3;
pub(super) const END_GROUP: Name = 1 << 4;
pub(super) const IF: Name = 1 << 5;
pub(super) const THEN: Name = 1 << 6;
pub(super) const ELIF: Name = 1 << 7;
pub(super) const ELSE: Name = 1 << 8;
pub(super) const FI: Name = 1 << 9;
/// `while` and `until`
pub(super) const WHILE: Name = 1 << 10;
pub(super) const DO: Name = 1 << 11;
pub(super) const DONE: Name = 1 << 12;
pub(super) const FOR: Name = 1 << 13;
pub(super) const IN: Name = 1 << 14;
/// `(`
pub(super) const OPEN: Name = 1 << 15;

/// What begins a compound command.
pub(super) const COMPOUND: Name = GROUP | IF | WHILE | FOR;
/// What ends a list.
pub(super) const ENDS: Name = END | BRACKET | END_GROUP | THEN | ELIF | ELSE | FI | DO | DONE;

/// What a name is: for names of the grammar, the number of its bit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Meaning(u8);

impl Meaning {
    /// A program like any other.
    pub(super) const NONE: Self = Self(b'.');
    // Builtins whose words are read. The first ones are special: dash keeps what is assigned in front of them.
    /// `:` and `times`
    pub(super) const ANY: Self = Self(b'0');
    pub(super) const EXPORT: Self = Self(b'1');
    pub(super) const SET: Self = Self(b'2');
    /// Takes numbers, which zsh evaluates.
    pub(super) const NUMBERS: Self = Self(b'3');
    /// Takes names and numbers.
    pub(super) const NAMES: Self = Self(b'4');
    pub(super) const READ: Self = Self(b'5');
    pub(super) const PRINTF: Self = Self(b'6');
    pub(super) const TEST: Self = Self(b'7');
    // Programs that run another one.
    /// Runs what comes next.
    pub(super) const RUNS: Self = Self(b'8');
    pub(super) const COMMAND: Self = Self(b'9');
    pub(super) const ENV: Self = Self(b':');
    pub(super) const NICE: Self = Self(b';');
    pub(super) const TIMEOUT: Self = Self(b'<');
    pub(super) const STDBUF: Self = Self(b'=');
    pub(super) const SHELL: Self = Self(b'>');
    /// No program, or one that runs what is not in its words, or that changes what lines mean. So are all names of the grammar.
    const REFUSED: Self = Self(b'?');
    /// No program, but a variable that a shell evaluates, or keeps the value of another one in.
    pub(super) const VARIABLE: Self = Self(b'-');

    /// Whether it runs another program.
    pub(super) fn runs(self) -> bool {
        (Self::RUNS..=Self::SHELL).contains(&self)
    }

    /// Whether dash keeps what is assigned in front of it.
    pub(super) fn is_special(self) -> bool {
        (Self::ANY..=Self::NAMES).contains(&self)
    }

    pub(super) fn is_refused(self) -> bool {
        self >= Self::REFUSED
    }
}

/// The names by their length, each with its [`Meaning`] behind it: for a name of the grammar, the character that is so
/// many behind `@` as its bit.
const NAMES: [&str; 20] = [
    "",
    ":0[7-?.?!B{C}D",
    "sh>[[?]]?fc?ifEfiIdoKinN",
    "GID-PS4-UID-set2env:zsh>bye?let?forM",
    "ARGC-EGID-EUID-PPID-STTY-path-exit3wait3read5test7time8nice;bash>dash>bind?case?eval?exec?hash?jobs?trap?\
     zpty?thenFelifGelseHdoneL",
    "ARGV0-LINES-SHLVL-fpath-psvar-watch-times0break3shift3unset4nohup8alias?float?getln?local?print?sched?\
     shopt?vared?untilJwhileJ",
    "LINENO-OPTIND-RANDOM-cdpath-status-export1return3ulimit4printf6setsid8stdbuf=coproc?enable?logout?noglob?\
     repeat?select?setopt?source?unhash?zstyle?",
    "BASHPID-COLUMNS-HISTCMD-LISTMAX-PROMPT4-SECONDS-SRANDOM-TTYIDLE-fignore-manpath-command9timeout<builtin?\
     compgen?declare?disable?emulate?foreach?getopts?integer?mapfile?private?typeset?zformat?",
    "FUNCNEST-HISTSIZE-SAVEHIST-mailpath-continue3autoload?complete?function?readonly?run-help?unsetopt?\
     zmodload?",
    "MAILCHECK-functions?nocorrect?readarray?",
    "KEYTIMEOUT-unfunction?zparseopts?",
    "module_path-zregexparse?",
    "ZSH_SUBSHELL-",
    "which-command?",
    "",
    "TRY_BLOCK_ERROR-",
    "",
    "",
    "",
    "TRY_BLOCK_INTERRUPT-",
];

/// Where the names of each length end in [`TABLE`], and how long that is.
#[allow(clippy::indexing_slicing, reason = "it is worked out when it is compiled")]
const ENDINGS: ([u16; NAMES.len()], usize) = {
    let (mut ends, mut end, mut length) = ([0; NAMES.len()], 2 * NAMES.len(), 0);
    while length < NAMES.len() {
        end += NAMES[length].len();
        ends[length] = end as u16;
        length += 1;
    }
    (ends, end)
};

/// Where the names of each length end, and the names: one table, which the compiler leaves out of modules that read no
/// shell lines.
#[allow(clippy::indexing_slicing, reason = "it is worked out when it is compiled")]
pub static TABLE: [u8; ENDINGS.1] = {
    let mut table = [0; ENDINGS.1];
    let (mut at, mut length) = (2 * NAMES.len(), 0);
    while length < NAMES.len() {
        [table[2 * length], table[2 * length + 1]] = ENDINGS.0[length].to_le_bytes();
        let mut from = 0;
        while from < NAMES[length].len() {
            table[at] = NAMES[length].as_bytes()[from];
            at += 1;
            from += 1;
        }
        length += 1;
    }
    table
};

/// What a name means.
#[cfg_attr(target_arch = "wasm32", inline(never))]
pub(super) fn meaning(name: &[u8]) -> Meaning {
    known(name).unwrap_or(Meaning::NONE)
}

fn known(name: &[u8]) -> Option<Meaning> {
    let ends = TABLE.as_chunks().0.get(..NAMES.len())?;
    // No name is empty, so those of a length begin where those of the length before it end.
    let [begin, end] = *ends.get(name.len().checked_sub(1)?..)?.first_chunk()?;
    let mut names = TABLE.get(u16::from_le_bytes(begin).into()..u16::from_le_bytes(end).into())?;
    while let Some((known, rest)) = names.split_at_checked(name.len() + 1) {
        let (meaning, known) = known.split_last()?;
        // Comparing the first byte first is faster natively. A module leaves it out to stay small.
        if (cfg!(target_arch = "wasm32") || known.first() == name.first()) && text::same(known, name) {
            return Some(Meaning(*meaning));
        }
        names = rest;
    }
    None
}

/// The bit of a name of the grammar; 0 for other names.
pub(super) fn of_grammar(name: &[u8]) -> Name {
    match meaning(name) {
        Meaning(meaning @ b'@'..) => 1 << (meaning - b'@'),
        _ => 0,
    }
}
