//! Values compared: with literals, and with each other.

use super::{Code, LEFT, Label, RIGHT, at, base};
use crate::plan::{Compare, OneOf, Side};
use perso_decode::Number;
use perso_decode::layout::kind;
use wasm_encoder::{BlockType, ValType};

/// What a number is compared with.
pub(super) enum Other {
    Number(Number),
    Side(Side),
}

impl Code<'_> {
    /// Jumps if the attribute is one of these values.
    pub(super) fn equals(&mut self, side: &Side, values: &OneOf, found: Label) {
        let record = self.record(side);
        // Only a string's record has the number of a constant.
        for range in &values.strings {
            let (first, last) = (*range.start(), *range.end());
            self.wasm.local_get(base(side.depth)).i32_load(at(record + 4, 2)).i32_const(first as i32);
            if first == last {
                self.wasm.i32_eq();
            } else {
                self.wasm.i32_sub().i32_const((last - first) as i32).i32_le_u();
            }
            self.jump_if(found);
        }
        if values.booleans != 0 {
            self.state_and(side, values.booleans);
            self.jump_if(found);
        }
        if !values.numbers.is_empty() {
            self.block(|code, no_number| {
                code.state_and(side, kind::NUMBER);
                code.jump_unless(no_number);
                for number in &values.numbers {
                    code.block(|code, next| {
                        for (limb, value) in [number.head, number.high as i64, number.low as i64].iter().enumerate() {
                            code.limb(side, limb);
                            code.wasm.i64_const(*value).i64_ne();
                            code.jump_if(next);
                        }
                        code.jump(found);
                    });
                }
            });
        }
    }

    pub(super) fn limb(&mut self, side: &Side, limb: usize) {
        let record = self.record(side);
        self.wasm.local_get(base(side.depth)).i64_load(at(record + 8 + 8 * limb, 3));
    }

    pub(super) fn other_limb(&mut self, other: &Other, limb: usize) {
        match other {
            Other::Side(side) => self.limb(side, limb),
            Other::Number(number) => {
                let limbs = [number.head, number.high as i64, number.low as i64];
                self.wasm.i64_const(limbs.get(limb).copied().unwrap_or(0));
            }
        }
    }

    /// Puts on the stack whether two numbers compare so.
    pub(super) fn compare(&mut self, left: &Side, compare: Compare, other: &Other) {
        let pair = |code: &mut Self, limb| {
            code.limb(left, limb);
            code.other_limb(other, limb);
        };
        // The first limb alone distinguishes zero from every other number.
        if matches!(other, Other::Number(Number::ZERO)) {
            pair(self, 0);
            match compare {
                Compare::Less => self.wasm.i64_lt_s(),
                Compare::AtMost => self.wasm.i64_le_s(),
            };
            return;
        }
        // The first limb that differs decides.
        for limb in 0..2 {
            pair(self, limb);
            self.wasm.i64_ne().if_(BlockType::Result(ValType::I32));
            pair(self, limb);
            if limb == 0 {
                self.wasm.i64_lt_s();
            } else {
                self.wasm.i64_lt_u();
            }
            self.wasm.else_();
        }
        pair(self, 2);
        match compare {
            Compare::Less => self.wasm.i64_lt_u(),
            Compare::AtMost => self.wasm.i64_le_u(),
        };
        self.wasm.end().end();
    }

    /// Puts on the stack whether two scalars are the same. Their states are in [`LEFT`] and [`RIGHT`]. Where their types
    /// differ they are not, or, with a side and a label, that side is blamed for its type and the code jumps.
    pub(super) fn same(&mut self, left: &Side, right: &Side, differ: Option<(&Side, Label)>) {
        let boolean = (kind::FALSE | kind::TRUE) as i32;
        let result = BlockType::Result(ValType::I32);
        self.wasm.local_get(LEFT).local_get(RIGHT).i32_ne().if_(result);
        self.depth += 1;
        if let Some((side, fail)) = differ {
            self.block(|code, booleans| {
                code.wasm.local_get(LEFT).local_get(RIGHT).i32_or().i32_const(boolean).i32_eq();
                code.jump_if(booleans);
                code.mark_side(side, 0);
                code.jump(fail);
            });
        }
        self.wasm.i32_const(0);
        self.wasm.else_();
        self.wasm.local_get(LEFT).i32_const(kind::STRING as i32).i32_eq().if_(result);
        // Strings that are kept are the same if they have the same number: the last part of the record.
        self.limb(left, 2);
        self.limb(right, 2);
        self.wasm.i64_eq();
        self.wasm.else_();
        self.wasm.local_get(LEFT).i32_const(kind::NUMBER as i32).i32_eq().if_(result);
        for limb in 0..3 {
            self.limb(left, limb);
            self.limb(right, limb);
            self.wasm.i64_eq();
            if limb > 0 {
                self.wasm.i32_and();
            }
        }
        self.wasm.else_().i32_const(1).end().end();
        self.depth -= 1;
        self.wasm.end();
    }
}
