//! Programs: which of them no shell just runs, and which of them run another one.

use super::names::{self, Meaning};
use super::records::{flag, part};
use super::{is_of_name, Line};
use crate::text;

/// The most programs that run one another with the words of one command.
const MOST_RUN: u32 = 8;

impl Line<'_> {
    /// Reads what a command runs: its program, and each that the one before it runs.
    pub(super) fn run(&mut self, command: u32, mut program: u32) -> Option<()> {
        self.records.set(command, part::PROGRAM, program);
        for _ in 0..=MOST_RUN {
            self.commands += 1;
            self.program(command, program)?;
            program = self.runs;
            if program == 0 {
                return Some(());
            }
            self.records.command(self.records.get(command, part::NEXT), program)?;
        }
        None
    }

    /// Records the name of a variable: what a word is up to `=`. Not where a shell does more with it than to keep its value.
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    pub(super) fn variable(&mut self, word: u32) -> Option<()> {
        let flags = self.records.flags(word);
        let text = self.records.text(word);
        let length = position(text, b'=');
        let name = text.get(..length)?;
        let is_name =
            name.iter().all(|byte| is_of_name(*byte)) && name.first().is_some_and(|byte| !byte.is_ascii_digit());
        if !is_name || names::meaning(name) == Meaning::VARIABLE || flags & flag::DOLLAR != 0 {
            return None;
        }
        let start = self.records.get(word, part::START);
        self.last = self.records.add(self.last, flag::ENV | flags & flag::IN_LINE, start, length as u32)?.get();
        Some(())
    }

    /// Reads a program with its words, and finds the program that it [runs](Line::runs).
    fn program(&mut self, command: u32, program: u32) -> Option<()> {
        self.runs = 0;
        let text = self.records.text(program);
        if self.records.flags(program) & flag::UNKNOWN != 0
            || matches!(text.first(), None | Some(b'%' | b'!' | b'{'))
            || position(text, b'=') != text.len()
        {
            return None;
        }
        let name = text.iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1);
        let mut meaning = names::meaning(text.get(name..)?);
        if name != 0 && !meaning.runs() {
            meaning = names::meaning(text);
        }
        let mut at = self.records.next(program, flag::WORD);
        match meaning {
            Meaning::NONE | Meaning::VARIABLE => return Some(()),
            Meaning::SHELL => return self.script(command, at),
            _ if meaning.is_refused() => return None,
            _ if meaning.runs() => {}
            _ => {
                // dash keeps what is assigned in front of a special builtin.
                let has_names = self.records.next(command, flag::ENV) != 0;
                return if meaning.is_special() && has_names { None } else { self.builtin(meaning, at) };
            }
        }
        let mut has_operands = false;
        while at != 0 {
            let text = self.records.text(at);
            let flags = self.records.flags(at);
            let is_known = flags & flag::UNKNOWN == 0;
            match (meaning, text) {
                (Meaning::ENV, _) if position(text, b'=') != text.len() => {
                    self.variable(at)?;
                    has_operands = true;
                    if flags & flag::SEVERAL != 0 {
                        return None;
                    }
                }
                _ if !is_known => return None,
                (Meaning::COMMAND, b"-v" | b"-V") => return Some(()),
                // No options come behind names, nor behind how long something may run.
                (_, [b'-', ..]) if has_operands => return None,
                (Meaning::ENV, b"-i") | (Meaning::STDBUF, [b'-', b'i' | b'o' | b'e', _, ..]) => {}
                (Meaning::ENV, b"-u") | (Meaning::NICE, b"-n") | (Meaning::TIMEOUT, b"-k" | b"-s") => {
                    at = self.records.next(at, flag::WORD);
                    if self.records.flags(at) & flag::UNKNOWN != 0 {
                        return None;
                    }
                }
                (_, [b'-', ..]) => return None,
                (Meaning::TIMEOUT, _) if !has_operands => has_operands = true,
                _ => {
                    self.runs = at;
                    return Some(());
                }
            }
            at = self.records.next(at, flag::WORD);
        }
        // To zsh, `time > file` is a redirection alone.
        (meaning != Meaning::RUNS).then_some(())
    }

    /// Reads the words of a builtin, from one on.
    fn builtin(&mut self, meaning: Meaning, mut at: u32) -> Option<()> {
        if meaning == Meaning::TEST {
            return self.test(at);
        }
        let last = self.last;
        while at != 0 {
            let text = self.records.text(at);
            let flags = self.records.flags(at);
            let is_known = flags & flag::UNKNOWN == 0;
            let is_good = match meaning {
                Meaning::EXPORT => {
                    let has_value = position(text, b'=') != text.len();
                    self.variable(at)?;
                    // dash makes several names of it.
                    if flags & flag::SEVERAL != 0 {
                        let several = flag::ENV | flag::UNKNOWN | flag::SEVERAL;
                        self.last = self.records.add(self.last, several, 0, 0)?.get();
                    }
                    is_known || has_value
                }
                Meaning::ANY => true,
                _ if !is_known => false,
                Meaning::READ if text == b"-r" => true,
                Meaning::READ => {
                    let is_bare = position(text, b'=') == text.len();
                    self.variable(at)?;
                    is_bare
                }
                Meaning::PRINTF => return is_format(text).then_some(()),
                Meaning::SET => match text {
                    b"pipefail" => true,
                    [b'-' | b'+', letters @ ..] => is_of(letters, b"euxo"),
                    _ => false,
                },
                Meaning::NUMBERS => text.iter().all(u8::is_ascii_digit),
                Meaning::NAMES => text.iter().all(|byte| is_of_name(*byte) || *byte == b'-'),
                _ => true,
            };
            if !is_good {
                return None;
            }
            at = self.records.next(at, flag::WORD);
        }
        // What these set is set for all commands.
        self.records.share(last)
    }

    /// Reads the words of `test` or `[`: a text, a test of a text or file, or a comparison of two. zsh evaluates numbers,
    /// and bash the names of variables, so nothing unknown may be an operator, or a number.
    fn test(&mut self, mut at: u32) -> Option<()> {
        // What the next word may be, a bit each.
        const OPERAND: u32 = 1;
        const COMPARISON: u32 = 1 << 1;
        const NUMBER: u32 = 1 << 2;
        const NUMERIC: u32 = 1 << 3;
        let (mut next, mut is_first) = (OPERAND | NUMBER, true);
        while at != 0 {
            let flags = self.records.flags(at);
            let known = if flags & flag::UNKNOWN == 0 { self.records.text(at) } else { b"" };
            at = self.records.next(at, flag::WORD);
            let mut is = OPERAND;
            match known {
                b"]" if at == 0 => continue,
                b"!" if is_first => continue,
                b"=" | b"==" | b"!=" => is |= COMPARISON,
                [b'-', b'e' | b'g' | b'l' | b'n', b'e' | b'q' | b't'] => is |= NUMERIC,
                _ if is_of(known, b"0123456789") || flags & flag::NUMBER != 0 => is |= NUMBER,
                _ if flags & (flag::SEVERAL | flag::DOLLAR | flag::BRACKET) != 0 => return None,
                _ => {}
            }
            is &= next;
            next = match known {
                _ if is == 0 => return None,
                _ if is & COMPARISON != 0 => OPERAND,
                _ if is & NUMERIC != 0 => NUMBER,
                _ if !is_first => 0,
                [b'-', letters @ ..] if is_of(letters, b"defhLnrswxz") => OPERAND | COMPARISON,
                _ if is & NUMBER != 0 => COMPARISON | NUMERIC,
                _ => COMPARISON,
            };
            is_first = false;
        }
        Some(())
    }

    /// Reads what a shell runs, of whose words the first is given: a script in its words, or none.
    fn script(&mut self, command: u32, mut option: u32) -> Option<()> {
        let mut is_script = false;
        while option != 0 && !is_script {
            match self.records.text(option) {
                _ if self.records.flags(option) & flag::UNKNOWN != 0 => return None,
                text if text::same(text, b"--version") => return Some(()),
                [b'-', letters @ ..] if is_of(letters, b"celnux") => {
                    is_script = position(letters, b'c') != letters.len()
                }
                [b'-' | b'+', ..] => return None,
                // A file.
                _ => return Some(()),
            }
            option = self.records.next(option, flag::WORD);
        }
        let script = option;
        if script == 0 {
            return Some(());
        }
        let start = self.records.get(script, part::START) as usize;
        if self.records.flags(script) & flag::IN_LINE == 0 || matches!(self.byte(start), b'-' | b'+') {
            return None;
        }
        // What is around the shell is around all that it runs.
        self.records.share(command)?;
        let outer = (self.at, self.text, self.waiting.take(), self.substitution, self.must_end);
        (self.substitution, self.must_end) = (0, false);
        self.at = start;
        self.text = self.text.get(..start + self.records.get(script, part::LENGTH) as usize)?;
        self.enter()?;
        self.list(names::END)?;
        self.depth -= 1;
        (self.at, self.text, self.waiting, self.substitution, self.must_end) = outer;
        Some(())
    }
}

/// Where a byte is in a text; the text's length where it is not.
#[cfg_attr(target_arch = "wasm32", inline(never))]
fn position(text: &[u8], byte: u8) -> usize {
    // Not `contains`, which is much code.
    text.iter().position(|other| *other == byte).unwrap_or(text.len())
}

/// Whether a text is not empty and only of some letters.
#[cfg_attr(target_arch = "wasm32", inline(never))]
fn is_of(text: &[u8], letters: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|byte| position(letters, *byte) != letters.len())
}

/// Whether `printf` only puts texts into a format: zsh evaluates numbers.
fn is_format(text: &[u8]) -> bool {
    let mut bytes = text.iter();
    while let Some(byte) = bytes.next() {
        if *byte == b'%' && !matches!(bytes.next(), Some(b's' | b'b' | b'%')) {
            return false;
        }
    }
    text.first() != Some(&b'-')
}
