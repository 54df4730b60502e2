//! Compares names as the most lenient parser would.

use perso_core::is_deceptive;
use unicode_general_category::{GeneralCategory, get_general_category};
use unicode_normalization::UnicodeNormalization;

/// Folds a name so that spelling makes no difference: compatibility forms (NFKC), spaces, control and invisible
/// characters, case, and the dotted and dotless `i`. Compare the result with names in lowercase ASCII.
pub(crate) fn folded(name: &str) -> String {
    if name.is_ascii() {
        return name.chars().filter(char::is_ascii_graphic).map(|c| c.to_ascii_lowercase()).collect();
    }
    let visible = name.nfkc().filter(|c| !is_left_out(*c)).flat_map(char::to_lowercase);
    visible.collect::<String>().replace("i\u{307}", "i").replace('\u{131}', "i")
}

/// Returns each name that a parser may read this one as, folded. For some parsers, a NUL ends a name.
pub(crate) fn readings(name: &str) -> impl Iterator<Item = String> {
    let start = name.split_once('\0').map(|(start, _)| folded(start));
    std::iter::once(folded(name)).chain(start)
}

/// Returns whether some parser may read a name as `other`.
pub(crate) fn is_read_as(name: &str, other: &str) -> bool {
    let other = other.to_ascii_lowercase();
    readings(name).any(|reading| reading == other)
}

/// Returns whether folding drops the character: a space, control, invisible, private-use or unassigned character.
fn is_left_out(c: char) -> bool {
    use GeneralCategory::{PrivateUse, Unassigned};
    c.is_whitespace() || is_deceptive(c) || matches!(get_general_category(c), PrivateUse | Unassigned)
}

/// Folds a key in any script: two keys that a parser might treat as the same fold to the same text.
pub(crate) fn any(name: &str) -> String {
    let name = name.split('\0').next().unwrap_or_default();
    let name = name.trim_matches(|c: char| c.is_whitespace() || c.is_control());
    if name.is_ascii() {
        return name.to_ascii_lowercase();
    }
    // Lowercase, uppercase, then lowercase: some letters have several lowercase forms, others several uppercase ones.
    let small = name.chars().map(|c| if c == '\u{130}' { 'i' } else { c }).flat_map(char::to_lowercase);
    small.flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::{any, folded, is_read_as};

    #[test]
    fn notation_makes_no_difference() {
        for name in [
            "tasks/id",
            "Tasks/ID",
            " tasks / id\t",
            "ta\u{17f}ks/id",
            "tas\u{212a}s/id",
            "\0tasks/id\0",
            "tasks/\u{130}d",
            "tasks/\u{131}d",
            "tasks/I\u{307}d",
            "ta\u{200b}sks/id",
            "\u{feff}tasks/id",
            "ta\u{ad}sks/id",
            "ta\u{34f}sks\u{3164}/id\u{fe0f}",
            "\u{ff34}\u{ff41}\u{ff53}\u{ff4b}\u{ff53}\u{ff0f}id",
            "\u{1d42d}asks/\u{2170}d",
        ] {
            assert_eq!(folded(name), "tasks/id", "{name:?}");
        }
        for name in ["tasks/ids", "t\u{e4}sks/id", "t\u{430}sks/id", "tasks.id", ""] {
            assert_ne!(folded(name), "tasks/id", "{name:?}");
        }
    }

    #[test]
    fn a_nul_may_end_a_name() {
        for name in ["name\0x", "name\0", "\0name", "na\0me", "Name\0\0x"] {
            assert!(is_read_as(name, "name"), "{name:?}");
        }
        assert!(is_read_as("INPUTRESPONSES", "inputResponses"));
        assert!(!is_read_as("names\0", "name") && !is_read_as("na me\0", "me"));
    }

    #[test]
    fn every_letter_that_some_reader_takes_for_ascii_is_folded() {
        for c in '\u{80}'..=char::MAX {
            let folds_to_ascii = c.to_lowercase().chain(c.to_uppercase()).any(|c| c.is_ascii_alphabetic());
            // If the case mapping has several characters, no parser takes the letter for ASCII, except the dotted i.
            let alone = c.to_lowercase().count() == 1 && c.to_uppercase().count() == 1;
            if folds_to_ascii && alone {
                assert!(folded(&c.to_string()).is_ascii() && any(&c.to_string()).is_ascii(), "{c}");
            }
        }
        assert_eq!(any("\u{130}\u{131}\u{17f}\u{212a}"), "iisk");
    }
}
