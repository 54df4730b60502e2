//! Turns a view's steps into one function: `(frame: i32) -> i64`, a packed verdict.
//!
//! A condition is emitted as "go on if it holds, else jump": for an allow rule what must hold is that it is true, for
//! a deny rule that it is false. Nothing three-valued is left at run time: see the language's page on truth.

use crate::decision::CauseKind;
use crate::module::Verdict;
use crate::plan::{
    Among, Atom, Check, Compare, Elements, Goal, Has, List, OneOf, Plan, RoleSet, SCALAR, Side, Step, View, What,
};
use crate::policy::Effect;
use perso_decode::Number;
use perso_decode::layout::{self, kind};
use wasm_encoder::{BlockType, Function, InstructionSink, MemArg, MemArgTarget, ValType};

/// The function's parameter: where the frame is.
const FRAME: u32 = 0;
/// The last test looked at: see [`Mark`].
const MARK: u32 = 1;
/// The nearest rule's number plus 1, 0 if there is none yet.
const NEAR: u32 = 2;
/// The last test looked at in the nearest rule.
const NEAR_MARK: u32 = 3;
/// The states of a test's two attributes.
const LEFT: u32 = 4;
const RIGHT: u32 = 5;
/// Whether a list that is searched has an element of another type.
const OTHER_TYPE: u32 = 6;
/// The element of the list at each depth, and where the list ends.
const ELEMENTS: u32 = 7;
/// How many lists deep a test can be: two of the author's, and one that a value is looked for in.
const DEPTH: u32 = 3;

/// The local with the element that is so deep; the frame where it is not in any.
const fn base(depth: u32) -> u32 {
    if depth == 0 { FRAME } else { ELEMENTS + 2 * (depth - 1) }
}

/// The local with the end of the list that is so deep.
const fn end(depth: u32) -> u32 {
    base(depth) + 1
}

/// A test, as a number that [`blame`] understands: where the record is in the frame (24 bits), the states that the test
/// takes (16 bits), the attribute (24 bits).
struct Mark {
    record: u32,
    takes: u32,
    attribute: u32,
}

impl Mark {
    fn number(&self) -> i64 {
        (u64::from(self.record) | u64::from(self.takes) << 24 | u64::from(self.attribute) << 40) as i64
    }
}

/// The function of a view.
pub(super) fn view(plan: &Plan, view: &View, blame: u32) -> Function {
    // A call clears all locals, so there are none for lists where no list is looked into.
    let looks_into_lists = view.places.places.iter().any(|place| place.element.is_some());
    let lists = if looks_into_lists { 1 + 2 * DEPTH } else { 0 };
    let locals = [(1, ValType::I64), (1, ValType::I32), (1, ValType::I64), (2 + lists, ValType::I32)];
    let mut function = Function::new(locals);
    let mut code = Code {
        code: function.instructions(),
        depth: 0,
        role_words: plan.role_words,
        answers: vec![layout::answers(plan.role_words, view.places.places.len())],
        roles_attribute: plan.roles_attribute,
        default: plan.default,
        blame,
    };
    for step in &view.deny {
        code.deny(step);
    }
    // Where only one rule can allow, it is the nearest.
    let only = view.allow.len() == 1;
    for step in &view.allow {
        code.allow(step, only);
    }
    code.none(view);
    code.code.end();
    function
}

/// The function that finds out what was wrong with the attribute of a test that did not hold:
/// `(frame: i32, mark: i64) -> i64`, the attribute and the problem as they stand in a packed verdict.
pub(super) fn blame() -> Function {
    use crate::decision::Problem;
    const STATE: u32 = 2;
    let packed = |problem| {
        let verdict = Verdict { allowed: false, kind: CauseKind::Rule, problem, rule: Some(0), attribute: Some(0) };
        verdict.pack()
    };
    let mut function = Function::new([(1, ValType::I32)]);
    let mut code = function.instructions();
    // The attribute, in its place.
    code.local_get(1).i64_const(40).i64_shr_u().i64_const(40).i64_shl();
    // The state.
    code.local_get(0).local_get(1).i64_const(layout_mask(24)).i64_and().i32_wrap_i64().i32_add();
    code.i32_load(at(0, 2)).local_set(STATE);
    let is = |code: &mut InstructionSink<'_>, state: u32, problem: Problem| {
        code.local_get(STATE).i32_const(state as i32).i32_eq();
        code.if_(BlockType::Result(ValType::I64)).i64_const(packed(Some(problem))).else_();
    };
    code.local_get(STATE).local_get(1).i64_const(24).i64_shr_u().i32_wrap_i64().i32_const(0xffff).i32_and().i32_and();
    code.if_(BlockType::Result(ValType::I64)).i64_const(packed(Some(Problem::Value))).else_();
    is(&mut code, kind::MISSING, Problem::Missing);
    is(&mut code, kind::NULL, Problem::Null);
    is(&mut code, kind::WITHHELD, Problem::Withheld);
    is(&mut code, kind::RANGE, Problem::OutOfRange);
    // A list that is too long, where a list is taken.
    code.local_get(STATE).i32_const(kind::LONG_LIST as i32).i32_eq();
    code.local_get(1).i64_const(i64::from(kind::LIST) << 24).i64_and().i64_eqz().i32_eqz().i32_and();
    code.if_(BlockType::Result(ValType::I64)).i64_const(packed(Some(Problem::OutOfRange))).else_();
    code.i64_const(packed(Some(Problem::Type)));
    for _ in 0..6 {
        code.end();
    }
    code.i64_or().end();
    function
}

const fn layout_mask(bits: u32) -> i64 {
    (1 << bits) - 1
}

pub(super) const fn at(offset: usize, align: u32) -> MemArg {
    MemArg { offset: offset as u64, align, target: MemArgTarget::Memory(0), ordering: None }
}

/// Whether the condition holds whatever the call is.
fn always(condition: &Goal) -> bool {
    matches!(condition, Goal::All(parts) if parts.is_empty())
}

/// A block that can be left, by how deep it is.
#[derive(Clone, Copy)]
struct Label(u32);

struct Code<'f> {
    code: InstructionSink<'f>,
    depth: u32,
    role_words: usize,
    /// Where the answer bits are: in the frame, and in the element of each list that the code goes through.
    answers: Vec<usize>,
    roles_attribute: u32,
    default: Effect,
    blame: u32,
}

impl Code<'_> {
    fn block(&mut self, body: impl FnOnce(&mut Self, Label)) {
        self.code.block(BlockType::Empty);
        self.depth += 1;
        let label = Label(self.depth);
        body(self, label);
        self.depth -= 1;
        self.code.end();
    }

    fn jump(&mut self, to: Label) {
        let up = self.depth - to.0;
        self.code.br(up);
    }

    fn jump_if(&mut self, to: Label) {
        let up = self.depth - to.0;
        self.code.br_if(up);
    }

    fn jump_unless(&mut self, to: Label) {
        self.code.i32_eqz();
        self.jump_if(to);
    }

    /// Answers with a rule and with nothing about an attribute.
    fn answer(&mut self, allowed: bool, kind: CauseKind, rule: Option<u32>) {
        let verdict = Verdict { allowed, kind, problem: None, rule, attribute: None };
        self.code.i64_const(verdict.pack()).return_();
    }

    /// A denial with a rule, and the blame that is on the stack.
    fn deny_blamed(&mut self, kind: CauseKind, rule: u32) {
        let verdict = Verdict { allowed: false, kind, problem: None, rule: Some(rule), attribute: Some(0) };
        self.code.i64_const(verdict.pack()).i64_or().return_();
    }

    fn blame(&mut self, mark: u32) {
        self.code.local_get(FRAME).local_get(mark).call(self.blame);
    }

    /// A deny rule: it applies unless its roles or its condition are false.
    fn deny(&mut self, step: &Step) {
        self.block(|code, next| {
            code.about(step, next);
            let mut looked = false;
            if let Some(roles) = &step.roles {
                looked = true;
                code.block(|code, fail| {
                    code.roles(roles, false, fail);
                    code.jump(next);
                });
            }
            if !always(&step.condition) {
                looked = true;
                code.block(|code, fail| {
                    code.goal(&step.condition, false, fail);
                    code.jump(next);
                });
            }
            if looked {
                code.blame(MARK);
                code.deny_blamed(CauseKind::Rule, step.rule);
            } else {
                code.answer(false, CauseKind::Rule, Some(step.rule));
            }
        });
    }

    /// An allow rule: it applies if its roles and its condition are true. If only the condition is not, it may be the
    /// nearest.
    fn allow(&mut self, step: &Step, only: bool) {
        self.block(|code, next| {
            code.about(step, next);
            if let Some(roles) = &step.roles {
                code.roles(roles, true, next);
            }
            if always(&step.condition) {
                return code.answer(true, CauseKind::Rule, Some(step.rule));
            }
            code.block(|code, fail| {
                code.goal(&step.condition, true, fail);
                code.answer(true, CauseKind::Rule, Some(step.rule));
            });
            if only && code.default == Effect::Deny {
                code.blame(MARK);
                return code.deny_blamed(CauseKind::NoRule, step.rule);
            }
            code.code.local_get(NEAR);
            code.jump_if(next);
            code.code.i32_const(step.rule as i32 + 1).local_set(NEAR);
            code.code.local_get(MARK).local_set(NEAR_MARK);
        });
    }

    /// No rule has applied.
    fn none(&mut self, view: &View) {
        if self.default == Effect::Allow {
            return self.answer(true, CauseKind::Default, None);
        }
        // The first rule whose roles fit.
        if view.allow.len() > 1 && view.allow.iter().any(|step| !always(&step.condition)) {
            self.block(|code, next| {
                code.code.local_get(NEAR);
                code.jump_unless(next);
                code.blame(NEAR_MARK);
                code.code.local_get(NEAR).i32_const(1).i32_sub().i64_extend_i32_u().i64_const(16).i64_shl().i64_or();
                code.deny_blamed(CauseKind::NoRule, 0);
            });
        }
        // The first rule: its roles don't.
        for step in &view.allow {
            if step.about.is_empty() {
                return self.deny_for_roles(step);
            }
            self.block(|code, next| {
                code.about(step, next);
                code.deny_for_roles(step);
            });
        }
        self.answer(false, CauseKind::NoRule, None);
    }

    fn deny_for_roles(&mut self, step: &Step) {
        let mark = self.roles_mark().number();
        self.code.local_get(FRAME).i64_const(mark).call(self.blame);
        self.deny_blamed(CauseKind::NoRule, step.rule);
    }

    /// Jumps if the rule is not about the tool.
    fn about(&mut self, step: &Step, next: Label) {
        if step.about.is_empty() {
            return;
        }
        self.block(|code, yes| {
            for bit in &step.about {
                code.bit(0, *bit);
                code.jump_if(yes);
            }
            code.jump(next);
        });
    }

    fn roles_mark(&self) -> Mark {
        Mark { record: layout::ROLES as u32, takes: kind::LIST, attribute: self.roles_attribute }
    }

    fn mark(&mut self, mark: &Mark) {
        self.code.i64_const(mark.number()).local_set(MARK);
    }

    /// Goes on if the caller has one of the roles (or surely none, if not `want`); else jumps.
    fn roles(&mut self, roles: &RoleSet, want: bool, fail: Label) {
        let mark = self.roles_mark();
        self.mark(&mark);
        let has_any = |code: &mut Self| {
            let mut is_first = true;
            for (index, word) in roles.iter().enumerate().filter(|(_, word)| **word != 0) {
                code.code.local_get(FRAME).i64_load(at(layout::ROLE_WORDS + 8 * index, 3));
                code.code.i64_const(*word as i64).i64_and();
                if !std::mem::take(&mut is_first) {
                    code.code.i64_or();
                }
            }
            if is_first {
                code.code.i64_const(0);
            }
            code.code.i64_eqz();
        };
        self.block(|code, ok| {
            // Open roles are all set, unknown ones none.
            if want {
                has_any(code);
                code.jump_if(fail);
            } else {
                code.code.local_get(FRAME).i32_load(at(layout::ROLES, 2)).local_tee(LEFT);
                code.code.i32_const(kind::OPEN as i32).i32_eq();
                code.jump_if(ok);
                code.code.local_get(LEFT).i32_const(kind::LIST as i32).i32_ne();
                code.jump_if(fail);
                has_any(code);
                code.jump_unless(fail);
            }
        });
    }

    /// Goes on if the condition is `want`; else jumps.
    fn goal(&mut self, goal: &Goal, want: bool, fail: Label) {
        match goal {
            Goal::Not(part) => self.goal(part, !want, fail),
            Goal::Atom(atom) => self.atom(atom, want, fail),
            Goal::Elements(elements) => self.elements(elements, want, fail),
            Goal::Among(among) => self.among(among, want, fail),
            Goal::Has(has) => self.has(has, want, fail),
            Goal::Roles(roles) => self.roles(roles, want, fail),
            Goal::All(parts) if want => parts.iter().for_each(|part| self.goal(part, want, fail)),
            Goal::Any(parts) if !want => parts.iter().for_each(|part| self.goal(part, want, fail)),
            Goal::All(parts) | Goal::Any(parts) => self.block(|code, ok| {
                for part in parts {
                    code.block(|code, next| {
                        code.goal(part, want, next);
                        code.jump(ok);
                    });
                }
                code.jump(fail);
            }),
        }
    }

    /// Where an attribute's record is, from what its [`base`] points to.
    const fn record(&self, side: &Side) -> usize {
        if side.depth == 0 {
            layout::record(self.role_words, side.place as usize)
        } else {
            layout::RECORD * side.place as usize
        }
    }

    fn mark_side(&mut self, side: &Side, takes: u32) {
        let mark = Mark { record: self.record(side) as u32, takes, attribute: side.attribute };
        self.code.i64_const(mark.number());
        if side.depth > 0 {
            // The record's place in the frame.
            self.code.local_get(base(side.depth)).local_get(FRAME).i32_sub().i64_extend_i32_u().i64_add();
        }
        self.code.local_set(MARK);
    }

    /// Puts the state of an attribute on the stack.
    fn state(&mut self, side: &Side) {
        let record = self.record(side);
        self.code.local_get(base(side.depth)).i32_load(at(record, 2));
    }

    /// Puts the masked state on the stack.
    fn state_and(&mut self, side: &Side, mask: u32) {
        self.state(side);
        self.code.i32_const(mask as i32).i32_and();
    }

    /// Puts an answer bit on the stack: 0 if it is not set.
    fn bit(&mut self, depth: u32, bit: u32) {
        let byte = self.answers.get(depth as usize).copied().unwrap_or(0) + bit as usize / 8;
        self.code.local_get(base(depth)).i32_load8_u(at(byte, 0)).i32_const(1 << (bit % 8)).i32_and();
    }

    /// Jumps if what is on the stack is not as wanted.
    fn expect(&mut self, want: bool, fail: Label) {
        if want {
            self.jump_unless(fail);
        } else {
            self.jump_if(fail);
        }
    }

    /// Goes on if the test is `want`; else jumps.
    fn atom(&mut self, atom: &Atom, want: bool, fail: Label) {
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
            Check::AnswerWith(right, answer) => self.block(|code, ok| {
                code.both_readable(left, right, ok, fail);
                code.bit(left.depth, *answer);
                code.expect(want, fail);
            }),
        }
    }

    /// Goes on if the test can judge the attribute's state; jumps to `ok` if the attribute is open, else to `fail`.
    fn readable(&mut self, side: &Side, ok: Label, fail: Label) {
        self.block(|code, readable| {
            code.state_and(side, side.takes);
            code.jump_if(readable);
            code.state_and(side, kind::OPEN);
            code.jump_if(ok);
            code.jump(fail);
        });
    }

    /// The same for a test between two attributes. Leaves their states in [`LEFT`] and [`RIGHT`].
    fn both_readable(&mut self, left: &Side, right: &Side, ok: Label, fail: Label) {
        self.state(left);
        self.code.local_tee(LEFT).i32_const((left.takes | kind::OPEN) as i32).i32_and();
        self.jump_unless(fail);
        self.mark_side(right, right.takes);
        self.state(right);
        self.code.local_tee(RIGHT).i32_const((right.takes | kind::OPEN) as i32).i32_and();
        self.jump_unless(fail);
        self.mark_side(left, left.takes);
        self.code.local_get(LEFT).local_get(RIGHT).i32_or().i32_const(kind::OPEN as i32).i32_and();
        self.jump_if(ok);
    }

    /// Jumps if the attribute is one of these values.
    fn equals(&mut self, side: &Side, values: &OneOf, found: Label) {
        let record = self.record(side);
        // Only a string's record has the number of a constant.
        for range in &values.strings {
            let (first, last) = (*range.start(), *range.end());
            self.code.local_get(base(side.depth)).i32_load(at(record + 4, 2)).i32_const(first as i32);
            if first == last {
                self.code.i32_eq();
            } else {
                self.code.i32_sub().i32_const((last - first) as i32).i32_le_u();
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
                            code.code.i64_const(*value).i64_ne();
                            code.jump_if(next);
                        }
                        code.jump(found);
                    });
                }
            });
        }
    }

    fn limb(&mut self, side: &Side, limb: usize) {
        let record = self.record(side);
        self.code.local_get(base(side.depth)).i64_load(at(record + 8 + 8 * limb, 3));
    }

    fn other_limb(&mut self, other: &Other, limb: usize) {
        match other {
            Other::Side(side) => self.limb(side, limb),
            Other::Number(number) => {
                let limbs = [number.head, number.high as i64, number.low as i64];
                self.code.i64_const(limbs.get(limb).copied().unwrap_or(0));
            }
        }
    }

    /// Puts on the stack whether two numbers compare so.
    fn compare(&mut self, left: &Side, compare: Compare, other: &Other) {
        let pair = |code: &mut Self, limb| {
            code.limb(left, limb);
            code.other_limb(other, limb);
        };
        // Zero is told from every other number by the first limb.
        if matches!(other, Other::Number(Number::ZERO)) {
            pair(self, 0);
            match compare {
                Compare::Less => self.code.i64_lt_s(),
                Compare::AtMost => self.code.i64_le_s(),
            };
            return;
        }
        // The first limb that differs decides.
        for limb in 0..2 {
            pair(self, limb);
            self.code.i64_ne().if_(BlockType::Result(ValType::I32));
            pair(self, limb);
            if limb == 0 {
                self.code.i64_lt_s();
            } else {
                self.code.i64_lt_u();
            }
            self.code.else_();
        }
        pair(self, 2);
        match compare {
            Compare::Less => self.code.i64_lt_u(),
            Compare::AtMost => self.code.i64_le_u(),
        };
        self.code.end().end();
    }

    /// Puts on the stack whether two scalars are the same. Their states are in [`LEFT`] and [`RIGHT`]. Where their types
    /// differ they are not, or, with a side and a label, that side is blamed for its type and the code jumps.
    fn same(&mut self, left: &Side, right: &Side, differ: Option<(&Side, Label)>) {
        let boolean = (kind::FALSE | kind::TRUE) as i32;
        let result = BlockType::Result(ValType::I32);
        self.code.local_get(LEFT).local_get(RIGHT).i32_ne().if_(result);
        self.depth += 1;
        if let Some((side, fail)) = differ {
            self.block(|code, booleans| {
                code.code.local_get(LEFT).local_get(RIGHT).i32_or().i32_const(boolean).i32_eq();
                code.jump_if(booleans);
                code.mark_side(side, 0);
                code.jump(fail);
            });
        }
        self.code.i32_const(0);
        self.code.else_();
        self.code.local_get(LEFT).i32_const(kind::STRING as i32).i32_eq().if_(result);
        // Strings that are kept are the same if they have the same number: the last part of the record.
        self.limb(left, 2);
        self.limb(right, 2);
        self.code.i64_eq();
        self.code.else_();
        self.code.local_get(LEFT).i32_const(kind::NUMBER as i32).i32_eq().if_(result);
        for limb in 0..3 {
            self.limb(left, limb);
            self.limb(right, limb);
            self.code.i64_eq();
            if limb > 0 {
                self.code.i32_and();
            }
        }
        self.code.else_().i32_const(1).end().end();
        self.depth -= 1;
        self.code.end();
    }

    /// Goes through the elements of a list, with [`base`] of the next depth at each. `each` leaves it with a jump, or
    /// lets the next element follow.
    fn each(&mut self, list: &List, each: impl FnOnce(&mut Self)) {
        let depth = self.answers.len() as u32;
        let (element, end) = (base(depth), end(depth));
        // The elements begin at an offset of the frame; a size and a number that do not fit it end in a trap.
        self.code.local_get(FRAME);
        self.limb(&list.side, 0);
        self.code.i32_wrap_i64().i32_add().local_tee(element);
        self.limb(&list.side, 1);
        self.code.i32_wrap_i64().i32_const(list.size as i32).i32_mul().i32_add().local_set(end);
        self.answers.push(list.answers as usize);
        self.block(|code, done| {
            code.code.local_get(element).local_get(end).i32_ge_u();
            code.jump_if(done);
            code.code.loop_(BlockType::Empty);
            code.depth += 1;
            let again = Label(code.depth);
            each(code);
            code.code.local_get(element).i32_const(list.size as i32).i32_add().local_tee(element);
            code.code.local_get(end).i32_lt_u();
            code.jump_if(again);
            code.depth -= 1;
            code.code.end();
        });
        self.answers.pop();
    }

    /// Goes on if the condition on the elements is `want`; else jumps.
    fn elements(&mut self, elements: &Elements, want: bool, fail: Label) {
        let list = &elements.list;
        self.mark_side(&list.side, list.side.takes);
        self.block(|code, ok| {
            code.readable(&list.side, ok, fail);
            if elements.every {
                // Nothing is said of an empty list, unless its author has thought of it.
                code.limb(&list.side, 1);
                code.code.i64_eqz();
                code.jump_if(if elements.bounded && want { ok } else { fail });
            }
            if elements.every == want {
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
    fn among(&mut self, among: &Among, want: bool, fail: Label) {
        let Among { value, list, element } = among;
        self.mark_side(value, value.takes);
        self.block(|code, ok| {
            code.both_readable(value, &list.side, ok, fail);
            code.search(list, want, fail, |code| code.same_element(element, value, if want { ok } else { fail }));
        });
    }

    /// Goes through a list in search of a value: `look` jumps where an element has it, and notes in [`OTHER_TYPE`] where
    /// an element is of another type. If none has it, goes on if that is wanted, and sure; else jumps.
    fn search(&mut self, list: &List, want: bool, fail: Label, look: impl FnOnce(&mut Self)) {
        self.code.i32_const(0).local_set(OTHER_TYPE);
        self.each(list, look);
        if want {
            self.jump(fail);
        } else {
            self.block(|code, sure| {
                code.code.local_get(OTHER_TYPE);
                code.jump_unless(sure);
                code.mark_side(&list.side, 0);
                code.jump(fail);
            });
        }
    }

    /// Jumps if an element is the same as another value.
    fn same_element(&mut self, element: &Side, value: &Side, found: Label) {
        self.state(element);
        self.code.local_set(LEFT);
        self.state(value);
        self.code.local_set(RIGHT);
        self.block(|code, other| {
            code.code.local_get(LEFT).i32_const(SCALAR as i32).i32_and();
            code.jump_unless(other);
            code.same(element, value, None);
            code.jump_if(found);
            // Two values of one type, if both are booleans or have one state.
            code.code.local_get(LEFT).local_get(RIGHT).i32_eq();
            code.code.local_get(LEFT).local_get(RIGHT).i32_or().i32_const((kind::FALSE | kind::TRUE) as i32).i32_eq();
            code.code.i32_or().i32_const(1).i32_xor().local_get(OTHER_TYPE).i32_or().local_set(OTHER_TYPE);
        });
        self.code.local_get(LEFT).i32_const(SCALAR as i32).i32_and().i32_eqz();
        self.code.local_get(OTHER_TYPE).i32_or().local_set(OTHER_TYPE);
    }

    /// Goes on if it is `want` that the list has something; else jumps.
    fn has(&mut self, has: &Has, want: bool, fail: Label) {
        let side = &has.list.side;
        self.mark_side(side, side.takes);
        self.block(|code, ok| {
            match &has.what {
                What::Literal(_) => {
                    code.readable(side, ok, fail);
                    code.state(side);
                    code.code.local_set(LEFT);
                }
                What::Ref(right) => code.both_readable(side, right, ok, fail),
            }
            code.search(&has.list, want, fail, |code| code.has_element(has, if want { ok } else { fail }));
        });
    }

    /// Jumps if an element is what the list must have.
    fn has_element(&mut self, has: &Has, found: Label) {
        match &has.what {
            What::Literal(values) => {
                self.equals(&has.element, values, found);
                self.state_and(&has.element, has.element.takes);
                self.code.i32_eqz().local_get(OTHER_TYPE).i32_or().local_set(OTHER_TYPE);
            }
            What::Ref(right) => self.same_element(&has.element, right, found),
        }
    }
}

/// What a number is compared with.
enum Other {
    Number(Number),
    Side(Side),
}
