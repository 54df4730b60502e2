//! Lists, element by element.

use super::{Code, FRAME, LEFT, Label, OTHER_TYPE, RIGHT, base, end};
use crate::plan::{Among, Elements, Has, List, SCALAR, Side, What, Which};
use perso_decode::layout::kind;
use wasm_encoder::BlockType;

impl Code<'_> {
    /// Goes through the elements of a list, with [`base`] of the next depth at each. `each` leaves it with a jump, or
    /// lets the next element follow.
    pub(super) fn each(&mut self, list: &List, each: impl FnOnce(&mut Self)) {
        let depth = self.answers.len() as u32;
        let (element, end) = (base(depth), end(depth));
        // The elements begin at an offset of the frame; a size and a number that do not fit it end in a trap.
        self.wasm.local_get(FRAME);
        self.limb(&list.side, 0);
        self.wasm.i32_wrap_i64().i32_add().local_tee(element);
        self.limb(&list.side, 1);
        self.wasm.i32_wrap_i64().i32_const(list.size as i32).i32_mul().i32_add().local_set(end);
        self.answers.push(list.answers as usize);
        self.block(|code, done| {
            code.wasm.local_get(element).local_get(end).i32_ge_u();
            code.jump_if(done);
            code.wasm.loop_(BlockType::Empty);
            code.depth += 1;
            let again = Label(code.depth);
            each(code);
            code.wasm.local_get(element).i32_const(list.size as i32).i32_add().local_tee(element);
            code.wasm.local_get(end).i32_lt_u();
            code.jump_if(again);
            code.depth -= 1;
            code.wasm.end();
        });
        self.answers.pop();
    }

    /// Goes to one element of a list that has it, with [`base`] of the next depth there.
    fn one(&mut self, list: &List, place: u32, look: impl FnOnce(&mut Self)) {
        let element = base(self.answers.len() as u32);
        self.wasm.local_get(FRAME);
        self.limb(&list.side, 0);
        let distance = list.size.saturating_mul(place);
        self.wasm.i32_wrap_i64().i32_add().i32_const(distance as i32).i32_add().local_set(element);
        self.answers.push(list.answers as usize);
        look(self);
        self.answers.pop();
    }

    /// Goes on if the condition on the elements is `want`; else jumps.
    pub(super) fn elements(&mut self, elements: &Elements, want: bool, fail: Label) {
        let list = &elements.list;
        self.mark_side(&list.side, list.side.takes);
        self.block(|code, ok| {
            code.readable(&list.side, ok, fail);
            let every = match elements.which {
                Which::At(place) => {
                    code.limb(&list.side, 1);
                    code.wasm.i64_const(place.into()).i64_le_u();
                    code.jump_if(fail);
                    return code.one(list, place, |code| code.goal(&elements.condition, want, fail));
                }
                Which::Every { bounded } => {
                    // Nothing is said of an empty list, unless its author has thought of it.
                    code.limb(&list.side, 1);
                    code.wasm.i64_eqz();
                    code.jump_if(if bounded && want { ok } else { fail });
                    true
                }
                Which::Some => false,
            };
            if every == want {
                // All elements must.
                code.each(list, |code| code.goal(&elements.condition, want, fail));
            } else {
                // One element must.
                code.each(list, |code| {
                    code.block(|code, next| {
                        code.goal(&elements.condition, want, next);
                        code.jump(ok);
                    });
                });
                code.jump(fail);
            }
        });
    }

    /// Goes on if it is `want` that the value is among the elements; else jumps.
    pub(super) fn among(&mut self, among: &Among, want: bool, fail: Label) {
        let Among { value, list, element } = among;
        self.mark_side(value, value.takes);
        self.block(|code, ok| {
            code.both_readable(value, &list.side, ok, fail);
            code.search(list, want, fail, |code| code.same_element(element, value, if want { ok } else { fail }));
        });
    }

    /// Goes through a list in search of a value: `look` jumps where an element has it, and notes in [`OTHER_TYPE`] where
    /// an element is of another type. If none has it, goes on if that is wanted, and sure; else jumps.
    pub(super) fn search(&mut self, list: &List, want: bool, fail: Label, look: impl FnOnce(&mut Self)) {
        self.wasm.i32_const(0).local_set(OTHER_TYPE);
        self.each(list, look);
        if want {
            self.jump(fail);
        } else {
            self.block(|code, sure| {
                code.wasm.local_get(OTHER_TYPE);
                code.jump_unless(sure);
                code.mark_side(&list.side, 0);
                code.jump(fail);
            });
        }
    }

    /// Jumps if an element is the same as another value.
    pub(super) fn same_element(&mut self, element: &Side, value: &Side, found: Label) {
        self.state(element);
        self.wasm.local_set(LEFT);
        self.state(value);
        self.wasm.local_set(RIGHT);
        self.block(|code, other| {
            code.wasm.local_get(LEFT).i32_const(SCALAR as i32).i32_and();
            code.jump_unless(other);
            code.same(element, value, None);
            code.jump_if(found);
            // Two values of one type, if both are booleans or have one state.
            code.wasm.local_get(LEFT).local_get(RIGHT).i32_eq();
            code.wasm.local_get(LEFT).local_get(RIGHT).i32_or().i32_const((kind::FALSE | kind::TRUE) as i32).i32_eq();
            code.wasm.i32_or().i32_const(1).i32_xor().local_get(OTHER_TYPE).i32_or().local_set(OTHER_TYPE);
        });
        self.wasm.local_get(LEFT).i32_const(SCALAR as i32).i32_and().i32_eqz();
        self.wasm.local_get(OTHER_TYPE).i32_or().local_set(OTHER_TYPE);
    }

    /// Goes on if it is `want` that the list has something; else jumps.
    pub(super) fn has(&mut self, has: &Has, want: bool, fail: Label) {
        let side = &has.list.side;
        self.mark_side(side, side.takes);
        self.block(|code, ok| {
            match &has.what {
                What::Literal(_) => {
                    code.readable(side, ok, fail);
                    code.state(side);
                    code.wasm.local_set(LEFT);
                }
                What::Ref(right) => code.both_readable(side, right, ok, fail),
            }
            code.search(&has.list, want, fail, |code| code.has_element(has, if want { ok } else { fail }));
        });
    }

    /// Jumps if an element is what the list must have.
    pub(super) fn has_element(&mut self, has: &Has, found: Label) {
        match &has.what {
            What::Literal(values) => {
                self.equals(&has.element, values, found);
                self.state_and(&has.element, has.element.takes);
                self.wasm.i32_eqz().local_get(OTHER_TYPE).i32_or().local_set(OTHER_TYPE);
            }
            What::Ref(right) => self.same_element(&has.element, right, found),
        }
    }
}
