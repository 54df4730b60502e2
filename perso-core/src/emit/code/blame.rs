//! What was wrong with the attribute of a test that did not hold, for the denial's cause.

use super::at;
use crate::decision::{CauseKind, Expected, Outcome, Problem};
use crate::module::{Answer, abi};
use perso_decode::layout::kind;
use wasm_encoder::{BlockType, Function, InstructionSink, ValType};

/// A test, as a number that [`blame`] understands. From the lowest bit on: where the record is in the frame, the states
/// that the test takes, and the attribute.
pub(super) struct Mark {
    pub(super) record: u32,
    pub(super) takes: u32,
    pub(super) attribute: u32,
}

/// Where in a mark the states begin that the test takes; the record is below.
const TAKES: u32 = 24;
/// Where in a mark the attribute begins.
const ATTRIBUTE: u32 = 40;
/// The bits of the record.
const RECORD_MASK: i64 = (1 << TAKES) - 1;
/// The bits of the states, where they are the lowest.
const TAKES_MASK: i32 = (1 << (ATTRIBUTE - TAKES)) - 1;

impl Mark {
    pub(super) fn number(&self) -> i64 {
        (u64::from(self.record) | u64::from(self.takes) << TAKES | u64::from(self.attribute) << ATTRIBUTE) as i64
    }
}

/// The function that finds out what was wrong with the attribute of a test that did not hold:
/// `(frame: i32, mark: i64) -> i64`, the attribute, the problem and what was expected as they are in a packed answer.
pub(in crate::emit) fn blame() -> Function {
    const FRAME: u32 = 0;
    const MARK: u32 = 1;
    const STATE: u32 = 2;
    let packed = |problem| {
        let (outcome, expected, kind) = (Outcome::Deny, Expected::default(), CauseKind::Rule);
        Answer { outcome, expected, kind, problem: Some(problem), rule: Some(0), attribute: Some(0) }.pack()
    };
    let mut function = Function::new([(1, ValType::I32)]);
    let mut wasm = function.instructions();
    // The attribute, which has the same place in the mark as in the answer.
    const { assert!(ATTRIBUTE == abi::ATTRIBUTE_BIT) };
    wasm.local_get(MARK).i64_const(-1 << ATTRIBUTE).i64_and();
    // What the test takes, likewise: from `kind::FALSE` on, the second state.
    wasm.local_get(MARK).i64_const((TAKES + 1 - abi::EXPECTED_BIT).into()).i64_shr_u();
    wasm.i64_const(0b1_1111 << abi::EXPECTED_BIT).i64_and().i64_or();
    // The state of its record.
    wasm.local_get(FRAME).local_get(MARK).i64_const(RECORD_MASK).i64_and().i32_wrap_i64().i32_add();
    wasm.i32_load(at(0, 2)).local_set(STATE);
    // Each problem that is found leaves the rest in its `else`.
    let mut open = 0;
    let mut found = |wasm: &mut InstructionSink<'_>, problem| {
        wasm.if_(BlockType::Result(ValType::I64)).i64_const(packed(problem)).else_();
        open += 1;
    };
    wasm.local_get(STATE).local_get(MARK).i64_const(TAKES.into()).i64_shr_u().i32_wrap_i64();
    wasm.i32_const(TAKES_MASK).i32_and().i32_and();
    found(&mut wasm, Problem::Value);
    for (state, problem) in [
        (kind::MISSING, Problem::Missing),
        (kind::NULL, Problem::Null),
        (kind::WITHHELD, Problem::Withheld),
        (kind::RANGE, Problem::OutOfRange),
    ] {
        wasm.local_get(STATE).i32_const(state as i32).i32_eq();
        found(&mut wasm, problem);
    }
    // A list that is too long, where a list is taken.
    wasm.local_get(STATE).i32_const(kind::LONG_LIST as i32).i32_eq();
    wasm.local_get(MARK).i64_const(i64::from(kind::LIST) << TAKES).i64_and().i64_eqz().i32_eqz().i32_and();
    found(&mut wasm, Problem::OutOfRange);
    wasm.i64_const(packed(Problem::Type));
    for _ in 0..open {
        wasm.end();
    }
    wasm.i64_or().end();
    function
}

/// The types that a hint names are the states that a mark has.
const _: () = {
    assert!(Expected::BOOLEAN.bits() as u32 == (kind::FALSE | kind::TRUE) >> 1);
    assert!(Expected::NUMBER.bits() as u32 == kind::NUMBER >> 1);
    assert!(Expected::STRING.bits() as u32 == kind::STRING >> 1);
    assert!(Expected::LIST.bits() as u32 == kind::LIST >> 1);
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decision::Hint;
    use crate::policy::Facet;

    #[test]
    fn a_hint_knows_every_facet() {
        for (_, name) in Facet::ALL {
            let hint = Hint::new(&format!("{name} of args.a"), Problem::Type, Expected::NUMBER).unwrap().to_string();
            assert!(hint.starts_with("args.a must be "), "{name}: {hint}");
        }
    }
}
