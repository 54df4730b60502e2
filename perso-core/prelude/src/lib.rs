//! The part of every module that is not made from its policy: it reads a call's JSON text inside the module, by the same
//! decoder that perso-core runs natively.
//!
//! The compiler puts it before the code that it generates, and gives it what it imports. Where things are in memory is
//! told by `perso-core/src/emit/memory.rs`; what the record is, by `perso-core/src/module/abi.rs`.

#![no_std]

use core::arch::wasm32::{memory_grow, memory_size, unreachable};
use core::slice::{from_raw_parts, from_raw_parts_mut};
use perso_decode::call::{self, Unknown};
use perso_decode::error::Class;
use perso_decode::limits::{INPUT_BYTES, WORK_BYTES};
use perso_decode::{layout, packed, Code, Error, Outcome, Table};

#[link(wasm_import_module = "perso")]
extern "C" {
    /// Judges a frame: `perso_decide`.
    fn decide(frame: usize) -> u64;
    /// Writes the packed table to memory, and tells its length.
    fn load_table(to: usize) -> usize;
    /// Writes a reason to memory, and tells its length.
    fn load_reason(reason: u32, to: usize) -> u32;
}

/// Bytes of a page of memory.
const PAGE: usize = 1 << 16;
/// Memory to read small calls in.
const WORK: usize = 1 << 14;
/// No rule, no attribute, no offset.
const NONE: u32 = u32::MAX;

/// Makes the memory as large as that, if it may be.
fn reserve(end: usize) -> bool {
    let has = memory_size(0) * PAGE;
    end <= has || memory_grow(0, (end - has).div_ceil(PAGE)) != usize::MAX
}

/// Where the work on a text of so many bytes begins.
const fn work(input: usize, len: usize) -> usize {
    (input + len + 15) & !15
}

/// `perso_input`: room for a call's text, always at the same place; 0 if the text is too long.
#[no_mangle]
extern "C" fn room(len: usize, input: usize) -> usize {
    // With the memory that reading it is likely to take, so that the memory grows once.
    if len <= INPUT_BYTES && reserve(work(input, len) + WORK + 2 * len) {
        input
    } else {
        0
    }
}

/// What is said of a call, as `perso-core/src/module/abi.rs` has it.
#[repr(C)]
struct Record {
    decision: u32,
    rule: u32,
    cause: u32,
    slot: u32,
    reason: usize,
    reason_len: u32,
    offset: u32,
}

/// `perso_evaluate`: judges the text at `at`.
#[no_mangle]
extern "C" fn evaluate(
    at: usize,
    len: usize,
    unknown: u32,
    table: usize,
    table_len: usize,
    record: usize,
    input: usize,
) -> usize {
    let outcome = read(at, len, unknown, table, table_len, input);
    let (mut answer, reason) = match outcome {
        // SAFETY: the compiler supplies the function, and `read` has written a frame there.
        Ok(Outcome::Frame(_)) => verdict(unsafe { decide(work(input, len)) }),
        Ok(Outcome::UnknownTool) => (denied(3, 0, NONE), 2),
        Err(error) => failed(error),
    };
    let to = record + size_of::<Record>();
    answer.reason = to;
    // SAFETY: the compiler keeps room for the record, and behind it for the longest reason.
    unsafe {
        answer.reason_len = load_reason(reason, to);
        *(record as *mut Record) = answer;
    }
    record
}

/// Reads the text into a frame.
fn read(
    at: usize,
    len: usize,
    unknown: u32,
    table: usize,
    table_len: usize,
    input: usize,
) -> Result<Outcome, Error> {
    if len > INPUT_BYTES {
        return Err(Code::Size.at(INPUT_BYTES));
    }
    let start = work(input, len);
    let mut size = WORK + 2 * len;
    // Where there was no room for the text, there is none for the work.
    if at != input || !reserve(start + size) {
        return Err(Code::Heap.anywhere());
    }
    // SAFETY: table, text and work are in memory, one behind the other.
    let (table, text) = unsafe {
        // A frame that a host has put there itself does not begin like a table.
        if *(table as *const u32) != layout::MAGIC {
            // The compiler keeps room for it behind the table.
            let packed = table + table_len;
            let packed = from_raw_parts(packed as *const u8, load_table(packed));
            if packed::expand(packed, from_raw_parts_mut(table as *mut u8, table_len)).is_none() {
                unreachable();
            }
        }
        (from_raw_parts(table as *const u8, table_len), from_raw_parts(at as *const u8, len))
    };
    let table = Table::new(table)?;
    let unknown = Unknown::from_bits(unknown)?;
    loop {
        // SAFETY: `reserve` has found that much memory there, and nothing else is in it.
        let memory = unsafe { from_raw_parts_mut(start as *mut u8, size) };
        match call::read(table, memory, text, unknown) {
            Err(error) if error.is(Code::Heap) && size < WORK_BYTES => {
                size = (size * 4).min(WORK_BYTES);
                if !reserve(start + size) {
                    return Err(error);
                }
            }
            outcome => return outcome,
        }
    }
}

const fn denied(kind: u32, detail: u32, offset: u32) -> Record {
    Record { decision: 0, rule: NONE, cause: kind | detail << 16, slot: NONE, reason: 0, reason_len: 0, offset }
}

fn failed(error: Error) -> (Record, u32) {
    let class = error.class() as u32;
    let offset = if class == Class::Engine as u32 { NONE } else { error.offset() as u32 };
    (denied(4 + class, error.number(), offset), 3 + class)
}

/// Takes a packed verdict apart, and finds its reason.
fn verdict(packed: u64) -> (Record, u32) {
    let index = |bits: u64| match bits as u32 & 0xff_ffff {
        0xff_ffff => NONE,
        index => index,
    };
    let (kind, rule) = (packed as u32 >> 8 & 0xf, index(packed >> 16));
    let reason = match (rule, kind) {
        (NONE, 1) => 0,
        (NONE, 7) => 6,
        (NONE, _) => 1,
        (rule, 2) => 8 + 2 * rule,
        (rule, _) => 7 + 2 * rule,
    };
    let cause = kind | (packed as u32 >> 12 & 0xf) << 8 | (packed as u32 >> 2 & 0x3f) << 24;
    let decision = packed as u32 & 3;
    (Record { decision, rule, cause, slot: index(packed >> 40), reason: 0, reason_len: 0, offset: NONE }, reason)
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    unreachable()
}
