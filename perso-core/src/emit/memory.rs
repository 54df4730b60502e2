//! Where things are in a module's memory.
//!
//! ```text
//! stack and constants of the prelude │ obligations │ frame (fast entry)
//!                                                  │ table │ packed table │ record │ reason │ text │ work: frame and what is kept (portable entry)
//! ```
//!
//! The fast entry's frame and the table share their place: an instance is used in one of the two ways, and needs the
//! memory of that one. Should it be used in both, the table is loaded again: a frame does not begin as a table does.

use super::code;
use super::prelude::Prelude;
use super::reasons::Reasons;
use crate::module::abi;
use crate::plan::{Plan, View};
use perso_decode::layout;
use perso_decode::limits::{INPUT_BYTES, WORK_BYTES};
use wasm_encoder::{MemorySection, MemoryType};

/// Bytes of a page of memory.
const PAGE: usize = 1 << 16;

/// Addresses.
pub(super) struct Memory {
    /// Where the prelude's stack begins; it grows downwards.
    pub(super) stack: u32,
    /// Where the obligations of a call are written.
    pub(super) obligations: u32,
    /// Where the host of the fast entry writes a frame, and where the prelude has the table.
    pub(super) frame: u32,
    pub(super) table_len: u32,
    pub(super) packed_len: u32,
    pub(super) record: u32,
    /// Where a call's text goes.
    pub(super) input: u32,
}

/// The next address that suits every type.
const fn aligned(address: u32) -> u32 {
    address.next_multiple_of(16)
}

impl Memory {
    pub(super) fn new(prelude: &Prelude, plan: &Plan, table: &[u8], packed: &[u8], reasons: &Reasons) -> Self {
        let obligations = aligned(prelude.heap_base);
        let frame = aligned(obligations + plan.views.iter().map(code::obligations_size).max().unwrap_or(0));
        let table_len = table.len() as u32;
        let packed_len = packed.len() as u32;
        let record = aligned(frame + table_len + packed_len);
        let input = aligned(record + abi::RECORD as u32 + reasons.longest());
        Self { stack: prelude.stack, obligations, frame, table_len, packed_len, record, input }
    }

    pub(super) fn section(&self, plan: &Plan) -> MemorySection {
        let pages = |end: usize| end.div_ceil(PAGE) as u64;
        // The fast entry begins with what every frame has; its host asks for more where lists take more.
        let fixed = |view: &View| layout::frame(plan.role_words, view.places.places.len(), view.places.answer_words());
        let minimum = pages(self.frame as usize + plan.views.iter().map(fixed).max().unwrap_or(0));
        let maximum = pages(self.input as usize + INPUT_BYTES + 16 + WORK_BYTES).min(abi::MAX_PAGES).max(minimum);
        let mut memories = MemorySection::new();
        memories.memory(MemoryType {
            minimum,
            maximum: Some(maximum),
            memory64: false,
            shared: false,
            page_size_log2: None,
        });
        memories
    }
}
