//! Strings as what they are to a reader: without case, Unicode forms, and characters that are not shown.

use std::borrow::Cow;

use icu_casemap::CaseMapper;
use icu_normalizer::DecomposingNormalizer;
use icu_properties::CodePointSetData;
use icu_properties::props::DefaultIgnorableCodePoint;

/// The same text for all texts that are compatibility caseless matches of each other (Unicode, D146), and for those that differ
/// from them by ignorable characters only.
pub(crate) fn fold(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            Cow::Owned(text.to_ascii_lowercase())
        } else {
            Cow::Borrowed(text)
        };
    }
    let (case, nfd, nfkd) = (CaseMapper::new(), DecomposingNormalizer::new_nfd(), DecomposingNormalizer::new_nfkd());
    let ignorable = CodePointSetData::new::<DefaultIgnorableCodePoint>();
    let shown: String = text.chars().filter(|c| !ignorable.contains(*c)).collect();
    let once = nfkd.normalize(&case.fold_string(&nfd.normalize(&shown))).into_owned();
    let twice = nfkd.normalize(&case.fold_string(&once)).into_owned();
    Cow::Owned(twice.chars().filter(|c| !ignorable.contains(*c)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_name_in_many_writings() {
        for same in [
            &[
                "anna@example.com",
                "Anna@Example.COM",
                "ａｎｎａ＠example.com",
                "an\u{200b}na@example.com",
                "anna\u{ad}@example.com",
            ][..],
            &["straße", "STRASSE", "STRAẞE", "strasse"],
            &["zoë", "zoe\u{308}", "ZOË"],
            &["Ångström", "A\u{30a}ngstro\u{308}m", "Ångström", "\u{212b}ngström"],
            &["ﬁnance", "FINANCE"],
            &["Σίσυφος", "ΣΊΣΥΦΟΣ", "σίσυφοσ"],
            &["ΐ", "\u{3b9}\u{308}\u{301}", "\u{1fd3}"],
            &["bo", "b\u{fe0f}o", "B\u{2060}O"],
        ] {
            for text in same {
                assert_eq!(fold(text), fold(same[0]), "{text:?}");
            }
        }
        assert_ne!(fold("zoë"), fold("zoe"));
        // A letter of another script that looks alike is another letter.
        assert_ne!(fold("аnna"), fold("anna"));
    }

    #[test]
    fn folding_twice_changes_nothing() {
        for c in '\0'..=char::MAX {
            let text = format!("a{c}\u{345}");
            let once = fold(&text).into_owned();
            assert_eq!(fold(&once), once, "U+{:04X}", u32::from(c));
        }
    }
}
