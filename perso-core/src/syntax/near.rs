//! "Did you mean".

/// More candidates than these are not looked at.
const MAX_CANDIDATES: usize = 5000;
/// A longer word has no near one.
const MAX_WORD: usize = 64;

/// The candidate that is most like a word, if one is so near that it is likely meant.
pub(crate) fn nearest<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    if word.len() > MAX_WORD {
        return None;
    }
    let lower = word.to_lowercase();
    let allowed = match lower.chars().count() {
        0 => return None,
        1..=2 => 1,
        3..=5 => 2,
        n => n / 3,
    };
    let distance = |candidate: &str| {
        let far = candidate.len().abs_diff(lower.len()) > allowed.saturating_mul(4);
        (!far).then(|| strsim::damerau_levenshtein(&lower, &candidate.to_lowercase()))
    };
    candidates
        .into_iter()
        .take(MAX_CANDIDATES)
        .filter_map(|candidate| Some((distance(candidate)?, candidate)))
        // Nothing of the word may be left: `x` is not near `id`.
        .filter(|(distance, candidate)| *distance <= allowed && *distance < candidate.chars().count())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// The help text for [`nearest`].
pub(crate) fn did_you_mean<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<String> {
    nearest(word, candidates).map(|near| format!("did you mean {}?", crate::diagnostic::quoted(near)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typing_errors_are_near_and_other_words_are_not() {
        let keys = ["id", "allow", "deny", "roles", "when", "unless", "reason"];
        for (word, near) in
            [("alow", "allow"), ("role", "roles"), ("When", "when"), ("raeson", "reason"), ("ids", "id")]
        {
            assert_eq!(nearest(word, keys), Some(near), "{word}");
        }
        for word in ["", "x", "condition", "tool_name", &"roles".repeat(50)] {
            assert_eq!(nearest(word, keys), None, "{word}");
        }
    }
}
