//! Few different texts, or too many to list.

use std::collections::BTreeSet;

/// The different texts that were seen, as long as they are few and short.
#[derive(Debug, Clone)]
pub(super) struct Few {
    /// `None` once they are too many, or one is too long.
    texts: Option<BTreeSet<String>>,
}

impl Few {
    /// More texts are too many.
    pub(super) const MOST: usize = 64;
    /// A longer text, in bytes, is nothing that a person reads in a policy.
    const LONGEST: usize = 80;

    pub(super) fn new() -> Self {
        Self { texts: Some(BTreeSet::new()) }
    }

    pub(super) fn add(&mut self, text: &str) {
        if self.texts.as_ref().is_some_and(|texts| texts.contains(text)) {
            return;
        }
        match &mut self.texts {
            Some(texts) if texts.len() < Self::MOST && text.len() <= Self::LONGEST => {
                texts.insert(text.to_owned());
            }
            texts => *texts = None,
        }
    }

    pub(super) fn append(&mut self, later: &Self) {
        match &later.texts {
            Some(texts) => texts.iter().for_each(|text| self.add(text)),
            None => self.texts = None,
        }
    }

    /// The texts, unless there are more than so many.
    pub(super) fn up_to(&self, most: usize) -> Option<&BTreeSet<String>> {
        self.texts.as_ref().filter(|texts| texts.len() <= most)
    }
}
