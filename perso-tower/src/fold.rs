//! Names, compared as the laxest reader would.

/// A name as readers see it that don't mind case and space, or whose strings end at the first NUL.
pub(crate) fn folded(name: &str) -> String {
    let name = name.split('\0').next().unwrap_or_default();
    let name = name.trim_matches(|c: char| c.is_whitespace() || c.is_control());
    // Beside the ASCII letters, those that some way of folding makes ASCII letters of. The names sought are ASCII.
    let fold = |c| match c {
        '\u{130}' | '\u{131}' => 'i',
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        c => c.to_ascii_lowercase(),
    };
    name.chars().map(fold).collect()
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
