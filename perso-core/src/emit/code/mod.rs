//! Turns a view's steps into one function: `(frame: i32) -> i64`, a packed answer.
//!
//! A condition is emitted as "go on if it holds, else jump": for an allow rule what must hold is that it is true, for
//! a deny rule that it is false. Nothing three-valued is left at run time: see the language's page on truth.
//!
//! The steps run in this order: deny rules; ask rules that are not false, the first of which is kept in [`Code::kept`]; allow
//! rules and then ask rules that are true, which grant. What grants is answered with the kept ask, if there is one.

mod blame;
mod compare;
mod list;
mod test;

pub(super) use self::blame::blame;

use self::blame::Mark;
use crate::decision::{CauseKind, Expected, Outcome};
use crate::module::{Answer, abi};
use crate::plan::{Goal, Plan, RoleSet, Side, Step, View};
use crate::policy::Effect;
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
/// The element of the list at each depth, and where the list ends. Behind them is [`Code::kept`], if a rule asks.
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

/// The locals for lists. A call clears all locals, so there are none where no list is looked into.
fn locals_for_lists(view: &View) -> u32 {
    let looks_into_lists = view.places.places.iter().any(|place| place.element.is_some());
    if looks_into_lists { 1 + 2 * DEPTH } else { 0 }
}

/// The function of a view.
pub(super) fn view(plan: &Plan, view: &View, blame: u32) -> Function {
    let lists = locals_for_lists(view);
    let asks = !view.ask.is_empty();
    let mut locals = vec![(1, ValType::I64), (1, ValType::I32), (1, ValType::I64), (2 + lists, ValType::I32)];
    locals.extend(asks.then_some((1, ValType::I64)));
    let mut function = Function::new(locals);
    let kept = asks.then_some(OTHER_TYPE + lists);
    let mut code = Code::new(plan, view, blame, kept, function.instructions());
    for step in &view.deny {
        code.deny(step);
    }
    for step in &view.ask {
        code.ask(step);
    }
    // Where only one rule can grant, it is the nearest.
    let only = view.grants().count() == 1;
    for step in &view.allow {
        code.grant(step, Outcome::Allow, only);
        if step.about.is_empty() && step.roles.is_none() && always(&step.condition) {
            // It has answered whatever gets to it.
            code.wasm.unreachable().end();
            return function;
        }
    }
    if code.default == Effect::Allow {
        code.answer(Outcome::Allow, CauseKind::Default, None);
    } else {
        for step in &view.ask {
            code.grant(step, Outcome::Ask, only);
        }
        code.none(view);
    }
    code.wasm.end();
    function
}

/// Bytes of what the obligations of a call of a view are written to.
pub(super) fn obligations_size(view: &View) -> u32 {
    let words = view.obligations.iter().map(|obliged| 1 + obliged.reads.len() as u32).sum::<u32>();
    if words == 0 { 0 } else { 4 * (1 + words) }
}

/// The function of a view that writes the obligations of a call to `area`: `(frame: i32) -> i32`, where they are. First
/// comes where they end; then for each its number, and for each attribute that it reads where in the frame its record is.
pub(super) fn obligations(plan: &Plan, view: &View, blame: u32, area: u32) -> Function {
    let lists = locals_for_lists(view);
    let to = OTHER_TYPE + lists;
    let mut function =
        Function::new([(1, ValType::I64), (1, ValType::I32), (1, ValType::I64), (3 + lists, ValType::I32)]);
    let mut code = Code::new(plan, view, blame, None, function.instructions());
    code.wasm.i32_const(area as i32 + 4).local_set(to);
    for obliged in &view.obligations {
        code.block(|code, next| {
            code.unless_false(&obliged.step, next);
            let records = obliged.reads.iter().map(|side| code.record(side) as u32).collect::<Vec<_>>();
            let words = std::iter::once(obliged.step.rule).chain(records);
            let mut size = 0;
            for word in words {
                code.wasm.local_get(to).i32_const(word as i32).i32_store(at(size, 2));
                size += 4;
            }
            code.wasm.local_get(to).i32_const(size as i32).i32_add().local_set(to);
        });
    }
    code.wasm.i32_const(area as i32).local_get(to).i32_store(at(0, 2)).i32_const(area as i32).end();
    function
}

pub(super) const fn at(offset: usize, align: u32) -> MemArg {
    MemArg { offset: offset as u64, align, target: MemArgTarget::Memory(0), ordering: None }
}

/// Whether the condition holds whatever the call is.
fn always(condition: &Goal) -> bool {
    matches!(condition, Goal::All(parts) if parts.is_empty())
}

/// An answer with nothing about an attribute.
fn packed(outcome: Outcome, kind: CauseKind, rule: Option<u32>) -> i64 {
    Answer { outcome, expected: Expected::default(), kind, problem: None, rule, attribute: None }.pack()
}

/// A block that can be left, by how deep it is.
#[derive(Clone, Copy)]
struct Label(u32);

struct Code<'f> {
    wasm: InstructionSink<'f>,
    depth: u32,
    role_words: usize,
    /// Where the answer bits are: in the frame, and in the element of each list that the code goes through.
    answers: Vec<usize>,
    roles_attribute: u32,
    default: Effect,
    /// The local with the answer of the first ask rule that is not false, 0 if there is none yet. Only where a rule asks.
    kept: Option<u32>,
    blame: u32,
}

impl<'f> Code<'f> {
    fn new(plan: &Plan, view: &View, blame: u32, kept: Option<u32>, wasm: InstructionSink<'f>) -> Self {
        Self {
            wasm,
            depth: 0,
            role_words: plan.role_words,
            answers: vec![layout::answers(plan.role_words, view.places.places.len())],
            roles_attribute: plan.roles_attribute,
            default: plan.default,
            kept,
            blame,
        }
    }
}

impl Code<'_> {
    fn block(&mut self, body: impl FnOnce(&mut Self, Label)) {
        self.wasm.block(BlockType::Empty);
        self.depth += 1;
        let label = Label(self.depth);
        body(self, label);
        self.depth -= 1;
        self.wasm.end();
    }

    fn jump(&mut self, to: Label) {
        let up = self.depth - to.0;
        self.wasm.br(up);
    }

    fn jump_if(&mut self, to: Label) {
        let up = self.depth - to.0;
        self.wasm.br_if(up);
    }

    fn jump_unless(&mut self, to: Label) {
        self.wasm.i32_eqz();
        self.jump_if(to);
    }

    /// Answers with a rule and with nothing about an attribute. What is granted is answered with the ask that is kept, if
    /// there is one.
    fn answer(&mut self, outcome: Outcome, kind: CauseKind, rule: Option<u32>) {
        let answer = packed(outcome, kind, rule);
        match self.kept.filter(|_| outcome != Outcome::Deny) {
            Some(ask) => {
                self.wasm.local_get(ask).i64_const(answer).local_get(ask).i64_eqz().i32_eqz().select().return_()
            }
            None => self.wasm.i64_const(answer).return_(),
        };
    }

    /// An answer with a rule, or-ed with the blame that is on the stack.
    fn blamed(&mut self, outcome: Outcome, kind: CauseKind, rule: u32) {
        let answer = Answer {
            outcome,
            expected: Expected::default(),
            kind,
            problem: None,
            rule: Some(rule),
            attribute: Some(0),
        };
        self.wasm.i64_const(answer.pack()).i64_or();
    }

    fn deny_blamed(&mut self, kind: CauseKind, rule: u32) {
        self.blamed(Outcome::Deny, kind, rule);
        self.wasm.return_();
    }

    fn blame(&mut self, mark: u32) {
        self.wasm.local_get(FRAME).local_get(mark).call(self.blame);
    }

    /// A deny rule: it applies unless its roles or its condition are false.
    fn deny(&mut self, step: &Step) {
        self.block(|code, next| {
            if code.unless_false(step, next) {
                code.blame(MARK);
                code.deny_blamed(CauseKind::Rule, step.rule);
            } else {
                code.answer(Outcome::Deny, CauseKind::Rule, Some(step.rule));
            }
        });
    }

    /// An ask rule, before anything is granted: it turns an allow into an ask unless its roles or its condition are false.
    /// The first one is kept.
    fn ask(&mut self, step: &Step) {
        let Some(ask) = self.kept else { return };
        self.block(|code, next| {
            code.wasm.local_get(ask).i64_eqz();
            code.jump_unless(next);
            if code.unless_false(step, next) {
                code.blame(MARK);
                code.blamed(Outcome::Ask, CauseKind::Rule, step.rule);
            } else {
                code.wasm.i64_const(packed(Outcome::Ask, CauseKind::Rule, Some(step.rule)));
            }
            code.wasm.local_set(ask);
        });
    }

    /// Goes on unless the rule is about another tool, or its roles or its condition are false; else jumps. Whether an
    /// attribute can be blamed.
    fn unless_false(&mut self, step: &Step, next: Label) -> bool {
        self.about(step, next);
        if let Some(roles) = &step.roles {
            self.block(|code, fail| {
                code.roles(roles, false, fail);
                code.jump(next);
            });
        }
        if !always(&step.condition) {
            self.block(|code, fail| {
                code.goal(&step.condition, false, fail);
                code.jump(next);
            });
        }
        step.roles.is_some() || !always(&step.condition)
    }

    /// A rule that grants: an allow rule, or an ask rule. It does if its roles and its condition are true. If only the
    /// condition is not, it may be the nearest.
    fn grant(&mut self, step: &Step, outcome: Outcome, only: bool) {
        self.block(|code, next| {
            code.about(step, next);
            if let Some(roles) = &step.roles {
                code.roles(roles, true, next);
            }
            if always(&step.condition) {
                return code.answer(outcome, CauseKind::Rule, Some(step.rule));
            }
            code.block(|code, fail| {
                code.goal(&step.condition, true, fail);
                code.answer(outcome, CauseKind::Rule, Some(step.rule));
            });
            if only && code.default == Effect::Deny {
                code.blame(MARK);
                return code.deny_blamed(CauseKind::NoRule, step.rule);
            }
            code.wasm.local_get(NEAR);
            code.jump_if(next);
            code.wasm.i32_const(step.rule as i32 + 1).local_set(NEAR);
            code.wasm.local_get(MARK).local_set(NEAR_MARK);
        });
    }

    /// No rule has applied.
    fn none(&mut self, view: &View) {
        // The first rule whose roles fit.
        if view.grants().count() > 1 && view.grants().any(|step| !always(&step.condition)) {
            self.block(|code, next| {
                code.wasm.local_get(NEAR);
                code.jump_unless(next);
                code.blame(NEAR_MARK);
                code.wasm
                    .local_get(NEAR)
                    .i32_const(1)
                    .i32_sub()
                    .i64_extend_i32_u()
                    .i64_const(abi::RULE_BIT.into())
                    .i64_shl()
                    .i64_or();
                code.deny_blamed(CauseKind::NoRule, 0);
            });
        }
        // The first rule: its roles don't.
        for step in view.grants() {
            if step.about.is_empty() {
                return self.deny_for_roles(step);
            }
            self.block(|code, next| {
                code.about(step, next);
                code.deny_for_roles(step);
            });
        }
        self.answer(Outcome::Deny, CauseKind::NoRule, None);
    }

    fn deny_for_roles(&mut self, step: &Step) {
        let mark = self.roles_mark().number();
        self.wasm.local_get(FRAME).i64_const(mark).call(self.blame);
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
        self.wasm.i64_const(mark.number()).local_set(MARK);
    }

    /// Goes on if the caller has one of the roles (or surely none, if not `want`); else jumps.
    fn roles(&mut self, roles: &RoleSet, want: bool, fail: Label) {
        let mark = self.roles_mark();
        self.mark(&mark);
        let has_any = |code: &mut Self| {
            let mut is_first = true;
            for (index, word) in roles.iter().enumerate().filter(|(_, word)| **word != 0) {
                code.wasm.local_get(FRAME).i64_load(at(layout::ROLE_WORDS + 8 * index, 3));
                code.wasm.i64_const(*word as i64).i64_and();
                if !std::mem::take(&mut is_first) {
                    code.wasm.i64_or();
                }
            }
            if is_first {
                code.wasm.i64_const(0);
            }
            code.wasm.i64_eqz();
        };
        self.block(|code, ok| {
            // Open roles are all set, unknown ones none.
            if want {
                has_any(code);
                code.jump_if(fail);
            } else {
                code.wasm.local_get(FRAME).i32_load(at(layout::ROLES, 2)).local_tee(LEFT);
                code.wasm.i32_const(kind::OPEN as i32).i32_eq();
                code.jump_if(ok);
                code.wasm.local_get(LEFT).i32_const(kind::LIST as i32).i32_ne();
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
        self.wasm.i64_const(mark.number());
        if side.depth > 0 {
            // The record's place in the frame.
            self.wasm.local_get(base(side.depth)).local_get(FRAME).i32_sub().i64_extend_i32_u().i64_add();
        }
        self.wasm.local_set(MARK);
    }

    /// Puts the state of an attribute on the stack.
    fn state(&mut self, side: &Side) {
        let record = self.record(side);
        self.wasm.local_get(base(side.depth)).i32_load(at(record, 2));
    }

    /// Puts the masked state on the stack.
    fn state_and(&mut self, side: &Side, mask: u32) {
        self.state(side);
        self.wasm.i32_const(mask as i32).i32_and();
    }

    /// Puts an answer bit on the stack: 0 if it is not set.
    fn bit(&mut self, depth: u32, bit: u32) {
        let byte = self.answers.get(depth as usize).copied().unwrap_or(0) + bit as usize / 8;
        self.wasm.local_get(base(depth)).i32_load8_u(at(byte, 0)).i32_const(1 << (bit % 8)).i32_and();
    }

    /// Jumps if what is on the stack is not as wanted.
    fn expect(&mut self, want: bool, fail: Label) {
        if want {
            self.jump_unless(fail);
        } else {
            self.jump_if(fail);
        }
    }
}
