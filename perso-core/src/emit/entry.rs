//! The portable entry: what lies between a host and the prelude.

use super::code::at;
use super::memory::Memory;
use super::prelude::{EVALUATE, Placed, ROOM};
use super::{DECIDE, OBLIGATIONS, REASONS, STACK, TABLE, TYPE_INPUT};
use crate::module::abi;
use crate::module::reason::ENTRY;
use crate::plan::Plan;
use wasm_encoder::{BlockType, CodeSection, Function, ValType};

/// The functions from [`super::INPUT`] to [`super::LOAD_REASON`], in that order.
pub(super) fn write(code: &mut CodeSection, memory: &Memory, prelude: &Placed<'_>) {
    code.function(&input(memory, prelude));
    code.function(&evaluate(memory, prelude, None));
    code.function(&evaluate(memory, prelude, Some(2)));
    code.function(&load_table(memory));
    code.function(&load_reason());
}

/// Each entry begins with an empty stack: what a call that trapped has left on it is gone.
fn reset(function: &mut Function, memory: &Memory) {
    function.instructions().i32_const(memory.stack as i32).global_set(STACK);
}

fn input(memory: &Memory, prelude: &Placed<'_>) -> Function {
    let mut function = Function::new([]);
    reset(&mut function, memory);
    function.instructions().local_get(0).i32_const(memory.input as i32).call(prelude.function(ROOM)).end();
    function
}

/// `(text, len) -> record`, with a third parameter for what is unknown if `unknown` is its number.
fn evaluate(memory: &Memory, prelude: &Placed<'_>, unknown: Option<u32>) -> Function {
    let mut function = Function::new([]);
    reset(&mut function, memory);
    let mut code = function.instructions();
    code.local_get(0).local_get(1);
    match unknown {
        Some(parameter) => code.local_get(parameter),
        None => code.i32_const(0),
    };
    for constant in [memory.frame, memory.table_len, memory.record, memory.input] {
        code.i32_const(constant as i32);
    }
    code.call(prelude.function(EVALUATE)).end();
    function
}

/// `(frame) -> list`: what has to be remembered of a call. A frame begins with the number of the view's function; the second
/// function of each view comes behind the first ones.
pub(super) fn obligations(plan: &Plan) -> Function {
    let mut function = Function::new([]);
    let mut code = function.instructions();
    code.local_get(0).local_get(0).i32_load(at(0, 2)).i32_const(plan.views.len() as i32).i32_add();
    code.call_indirect(0, TYPE_INPUT).end();
    function
}

/// `(frame) -> answer`: judges a frame for the portable entry, whose host has no ledger: a call that something has to be
/// remembered of is denied.
pub(super) fn unremembered() -> Function {
    const ANSWER: u32 = 1;
    const LIST: u32 = 2;
    let mut function = Function::new([(1, ValType::I64), (1, ValType::I32)]);
    let mut code = function.instructions();
    code.local_get(0).call(DECIDE).local_set(ANSWER);
    code.local_get(ANSWER).i64_const(3).i64_and().i64_eqz().if_(BlockType::Empty).local_get(ANSWER).return_().end();
    // The list is empty if it ends where its first entry would be.
    code.local_get(0).call(OBLIGATIONS).local_tee(LIST).i32_load(at(0, 2)).local_get(LIST).i32_const(4).i32_add();
    code.i32_eq().if_(BlockType::Empty).local_get(ANSWER).return_().end();
    code.i64_const(abi::UNREMEMBERED).end();
    function
}

/// `(to) -> length`: copies the packed table to memory.
fn load_table(memory: &Memory) -> Function {
    let mut function = Function::new([]);
    let length = memory.packed_len as i32;
    function.instructions().local_get(0).i32_const(0).i32_const(length).memory_init(0, TABLE).i32_const(length).end();
    function
}

/// `(reason, to) -> length`: copies a reason to memory.
fn load_reason() -> Function {
    const REASON: u32 = 0;
    const TO: u32 = 1;
    const LENGTH: u32 = 2;
    let mut function = Function::new([(1, ValType::I32)]);
    let mut code = function.instructions();
    // Its entry first, to the same place.
    code.local_get(TO).local_get(REASON).i32_const(ENTRY as i32).i32_mul();
    code.i32_const(ENTRY as i32).memory_init(0, REASONS);
    code.local_get(TO).i32_load(at(4, 2)).local_set(LENGTH);
    code.local_get(TO).local_get(TO).i32_load(at(0, 2)).local_get(LENGTH).memory_init(0, REASONS);
    code.local_get(LENGTH).end();
    function
}
