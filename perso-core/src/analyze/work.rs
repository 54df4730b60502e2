//! How much is done for one question, so that each ends.

use std::cell::Cell;
use std::rc::Rc;

/// The work that is done for one question: about as many tests of a value. That takes seconds.
const MOST: u64 = 4_000_000;

/// What is left of the work for a question.
#[derive(Debug, Clone)]
pub(super) struct Work(Rc<Cell<u64>>);

impl Default for Work {
    fn default() -> Self {
        Self(Rc::new(Cell::new(MOST)))
    }
}

impl Work {
    /// Counts work that is done.
    pub(super) fn spend(&self, units: usize) {
        self.0.set(self.0.get().saturating_sub(units as u64));
    }

    /// Whether no more is done.
    pub(super) fn is_over(&self) -> bool {
        self.0.get() == 0
    }
}
