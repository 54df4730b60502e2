//! Names, compared as the laxest reader would.

/// A name as a reader sees it that ignores case and space, or whose strings end at the first NUL. For names that are
/// sought in ASCII.
pub(crate) fn folded(name: &str) -> String {
    bare(name).chars().map(ascii).collect()
}

/// The same for names of any letters: two that a reader might take for one are equal.
pub(crate) fn any(name: &str) -> String {
    if name.is_ascii() {
        return folded(name);
    }
    // Down, up and down again, as some letters have several small forms and some several large ones.
    let folded = bare(name).chars().map(ascii).flat_map(char::to_lowercase);
    folded.flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect()
}

/// Without what some readers leave out.
fn bare(name: &str) -> &str {
    let name = name.split('\0').next().unwrap_or_default();
    name.trim_matches(|c: char| c.is_whitespace() || c.is_control())
}

/// Lower case, for the ASCII letters and those that some way of folding makes ASCII letters of.
const fn ascii(c: char) -> char {
    match c {
        '\u{130}' | '\u{131}' => 'i',
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        c => c.to_ascii_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::folded;

    #[test]
    fn what_some_reader_takes_for_a_name_is_that_name() {
        for name in ["task", "Task", "TASK", " task\t", "ta\u{17f}k", "tas\u{212a}", "task\0x", "\u{85}task"] {
            assert_eq!(folded(name), "task", "{name:?}");
        }
        for name in ["tasks", "ta sk", "täsk", ""] {
            assert_ne!(folded(name), "task", "{name:?}");
        }
        for c in '\u{80}'..=char::MAX {
            let folds_to_ascii = c.to_lowercase().chain(c.to_uppercase()).any(|c| c.is_ascii_alphabetic());
            // A letter with marks that becomes several characters is another name to every reader, but for the dotted i.
            let alone = c.to_lowercase().count() == 1 && c.to_uppercase().count() == 1;
            if folds_to_ascii && alone {
                assert!(folded(&c.to_string()).is_ascii(), "{c}");
            }
        }
    }
}
