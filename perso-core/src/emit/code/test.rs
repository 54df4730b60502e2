//! One test of one attribute, or of two.

use super::compare::Other;
use super::{Code, LEFT, Label, RIGHT};
use crate::plan::{Atom, Check, Only, Side};
use perso_decode::layout::{kind, part};

impl Code<'_> {
    /// Goes on if the test is `want`; else jumps.
    pub(super) fn atom(&mut self, atom: &Atom, want: bool, fail: Label) {
        let left = &atom.left;
        self.mark_side(left, left.takes);
        match &atom.check {
            Check::State(yes) => {
                let states = yes | if want { kind::OPEN } else { kind::WITHHELD };
                self.state_and(left, states);
                self.expect(want, fail);
            }
            Check::OneOf(values) | Check::Presumed(values) if want => self.block(|code, ok| {
                code.equals(left, values, ok);
                code.state_and(left, kind::OPEN);
                code.jump_unless(fail);
            }),
            Check::OneOf(values) => self.block(|code, ok| {
                code.readable(left, ok, fail);
                code.equals(left, values, fail);
            }),
            // It is never false, unless it may be anything.
            Check::Presumed(_) => {
                self.state_and(left, kind::OPEN);
                self.jump_unless(fail);
            }
            Check::Order(compare, number) => self.block(|code, ok| {
                code.readable(left, ok, fail);
                code.compare(left, *compare, &Other::Number(*number));
                code.expect(want, fail);
            }),
            Check::Answer(bit) => self.block(|code, ok| {
                code.readable(left, ok, fail);
                code.bit(left.depth, *bit);
                code.expect(want, fail);
            }),
            Check::Same(right) => self.block(|code, ok| {
                code.both_readable(left, right, ok, fail);
                code.same(left, right, Some((left, fail)));
                code.expect(want, fail);
            }),
            Check::OrderWith(compare, right) => self.block(|code, ok| {
                code.both_readable(left, right, ok, fail);
                code.compare(left, *compare, &Other::Side(*right));
                code.expect(want, fail);
            }),
            Check::AnswerOfSome(bit) => self.block(|code, ok| {
                code.state_and(left, kind::WITHHELD);
                code.jump_if(fail);
                code.state_and(left, kind::OPEN);
                code.jump_if(ok);
                code.block(|code, present| {
                    code.present(left, present);
                    // What is absent or null has no strings.
                    if want {
                        code.mark_side(&left.at(part::TOOL as u32), kind::STRING);
                        code.jump(fail);
                    } else {
                        code.jump(ok);
                    }
                });
                code.bit(left.depth, *bit);
                code.expect(want, fail);
            }),
            Check::OrderSince(compare, number, now) => self.block(|code, ok| {
                // Where there is no present, that is what is wrong.
                code.mark_side(now, now.takes);
                code.state_and(now, now.takes | kind::OPEN);
                code.jump_unless(fail);
                code.mark_side(left, left.takes);
                code.readable(left, ok, fail);
                code.compare(left, *compare, &Other::Number(*number));
                code.expect(want, fail);
            }),
            Check::AnswerWithAll(sides, answer) => self.block(|code, ok| {
                for side in std::iter::once(left).chain(sides) {
                    code.mark_side(side, side.takes);
                    code.state_and(side, side.takes | kind::OPEN);
                    code.jump_unless(fail);
                }
                code.mark_side(left, left.takes);
                for side in std::iter::once(left).chain(sides) {
                    code.state_and(side, kind::OPEN);
                    code.jump_if(ok);
                }
                code.bit(left.depth, *answer);
                code.expect(want, fail);
            }),
            Check::Only(only) => self.only(left, only, want, fail),
            Check::AnswerWith(right, answer) => self.block(|code, ok| {
                code.both_readable(left, right, ok, fail);
                code.bit(left.depth, *answer);
                code.expect(want, fail);
            }),
        }
    }

    /// Goes on if it is `want` that an object has no other keys than some; else jumps.
    fn only(&mut self, left: &Side, only: &Only, want: bool, fail: Label) {
        self.block(|code, ok| {
            if only.is_part {
                // What is absent or null has no keys.
                code.block(|code, present| {
                    code.present(left, present);
                    if want {
                        code.jump(ok);
                    } else {
                        // Its value is not what is needed: the tool's name is always there to say so.
                        code.mark_side(&left.at(part::TOOL as u32), kind::STRING);
                        code.jump(fail);
                    }
                });
            }
            code.readable(left, ok, fail);
            let mut is_first = true;
            for place in &only.others {
                code.state(&left.at(*place));
                if !std::mem::take(&mut is_first) {
                    code.wasm.i32_or();
                }
            }
            if want {
                code.jump_if(fail);
            } else {
                code.jump_unless(fail);
            }
        });
    }

    /// Jumps if a part of the call is neither absent nor null.
    fn present(&mut self, part: &Side, present: Label) {
        self.state(part);
        self.wasm.i32_const(kind::NULL as i32).i32_gt_u();
        self.jump_if(present);
    }

    /// Goes on if the test can judge the attribute's state; jumps to `ok` if the attribute is open, else to `fail`.
    pub(super) fn readable(&mut self, side: &Side, ok: Label, fail: Label) {
        self.block(|code, readable| {
            code.state_and(side, side.takes);
            code.jump_if(readable);
            code.state_and(side, kind::OPEN);
            code.jump_if(ok);
            code.jump(fail);
        });
    }

    /// The same for a test between two attributes. Leaves their states in [`LEFT`] and [`RIGHT`].
    pub(super) fn both_readable(&mut self, left: &Side, right: &Side, ok: Label, fail: Label) {
        self.state(left);
        self.wasm.local_tee(LEFT).i32_const((left.takes | kind::OPEN) as i32).i32_and();
        self.jump_unless(fail);
        self.mark_side(right, right.takes);
        self.state(right);
        self.wasm.local_tee(RIGHT).i32_const((right.takes | kind::OPEN) as i32).i32_and();
        self.jump_unless(fail);
        self.mark_side(left, left.takes);
        self.wasm.local_get(LEFT).local_get(RIGHT).i32_or().i32_const(kind::OPEN as i32).i32_and();
        self.jump_if(ok);
    }
}
