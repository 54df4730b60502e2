//! The text that a model reads when its call does not run.

use std::fmt;

use super::Hint;

/// What a person's approval is asked for with.
const ASK: &str = "This call needs the approval of a person.";

/// The text for a model whose call does not run, made by [`Decision::message`](super::Decision::message).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message<'p> {
    pub(super) reason: &'p str,
    pub(super) hint: Option<Hint<'p>>,
    pub(super) is_ask: bool,
}

impl fmt::Display for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason)?;
        if (self.hint.is_some() || self.is_ask) && !self.reason.ends_with(['.', '!', '?', ':']) {
            f.write_str(".")?;
        }
        if let Some(hint) = &self.hint {
            write!(f, " Hint: {hint}.")?;
        }
        if self.is_ask {
            write!(f, " {ASK}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_without_more_to_say_stays_as_it_is() {
        assert_eq!(Message { reason: "no", hint: None, is_ask: false }.to_string(), "no");
    }

    #[test]
    fn sentences_are_separated() {
        let ask = |reason| Message { reason, hint: None, is_ask: true }.to_string();
        assert_eq!(ask("large refund"), "large refund. This call needs the approval of a person.");
        assert_eq!(ask("Why?"), "Why? This call needs the approval of a person.");
    }
}
