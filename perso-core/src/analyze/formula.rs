//! What must be true of a call, as a formula over facts about its places.
//!
//! A test is true, false or neither, so it has two facts: that it is true, and that it is false. What is asked of the elements
//! of a list is written out for as many elements as can matter: one for each that has to be there.

use std::collections::{BTreeSet, HashMap};

use super::space::{Kind, Kinds, Node, NodeId, Space, Way};
use super::tools::Tool;
use crate::policy::{
    Attribute, AttributeId, CommandField, Condition, Facet, Operand, Operator, Policy, Quantified, RoleId, Root, Step,
    Test, Type, Value as Literal,
};

/// A fact about a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Fact {
    /// A test is true.
    True(AtomId),
    /// A test is false.
    False(AtomId),
    /// A place is of this kind.
    Is(NodeId, Kind),
    /// An object has no other keys than some.
    Only(usize),
    /// An object has a key that no policy names.
    Extra(NodeId),
    /// An element of a list that is not written out is what is asked for. The opposite is no claim: that of those none is in the way.
    More(NodeId),
}

/// A formula without negations but of facts.
#[derive(Debug, Clone)]
pub(super) enum Formula {
    Fact(Fact, bool),
    All(Vec<Formula>),
    Any(Vec<Formula>),
}

impl Formula {
    pub(super) const TRUE: Self = Self::All(Vec::new());
    pub(super) const FALSE: Self = Self::Any(Vec::new());

    /// The opposite.
    pub(super) fn not(self) -> Self {
        match self {
            Self::Fact(fact, is) => Self::Fact(fact, !is),
            Self::All(parts) => Self::Any(parts.into_iter().map(Self::not).collect()),
            Self::Any(parts) => Self::All(parts.into_iter().map(Self::not).collect()),
        }
    }
}

pub(super) type AtomId = usize;

/// A test of places.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Atom {
    pub(super) test: Tested,
    /// The place that is tested, and then those that it is compared with.
    pub(super) sides: Vec<NodeId>,
}

/// What is tested.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Tested {
    /// A value.
    Value(Asked),
    /// Whether the caller has one of these roles.
    Roles(Vec<RoleId>),
    /// Whether some string of a part of the call passes.
    Anywhere(Asked),
}

/// An operator in which a reference is the number of a side.
#[derive(Debug, Clone)]
pub(super) struct Asked(pub(super) Operator);

impl PartialEq for Asked {
    fn eq(&self, other: &Self) -> bool {
        format!("{:?}", self.0) == format!("{:?}", other.0)
    }
}

/// Keys that an object may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OnlyKeys {
    pub(super) object: NodeId,
    pub(super) keys: Vec<String>,
}

/// The most tests that are written out.
const MOST_ATOMS: usize = 8_000;

/// Writes formulas about calls of one tool.
pub(super) struct Writer<'p> {
    shared: &'p Policy,
    /// The tool that is called.
    pub(super) tool: &'p Tool,
    /// Whether arguments are in the resource, as they are for a prompt in a list.
    is_listed: bool,
    pub(super) space: Space,
    pub(super) atoms: Vec<Atom>,
    known: HashMap<(String, Vec<NodeId>), AtomId>,
    pub(super) only: Vec<OnlyKeys>,
    /// Which elements of a list are written out, by the list's attribute.
    needs: Needs,
    /// The most elements of a list that are written out, besides those that are asked for by their place.
    most: usize,
    /// A list of which more elements can matter.
    pub(super) longer: Option<String>,
    /// Whether there are too many tests to be written out.
    pub(super) is_too_large: bool,
}

/// The elements of lists around a test, the innermost last.
type Around = Vec<(Attribute, NodeId)>;

impl<'p> Writer<'p> {
    pub(super) fn new(shared: &'p Policy, tool: &'p Tool, is_listed: bool, most: usize) -> Self {
        Self {
            shared,
            tool,
            is_listed,
            space: Space::default(),
            atoms: Vec::new(),
            known: HashMap::new(),
            only: Vec::new(),
            needs: Needs::default(),
            most,
            longer: None,
            is_too_large: false,
        }
    }

    pub(super) fn shared(&self) -> &'p Policy {
        self.shared
    }

    /// Writes out the elements that are needed.
    pub(super) fn need(&mut self, needs: Needs) {
        self.needs = Needs::any([std::mem::take(&mut self.needs), needs]);
    }

    /// That a condition is true, or that it is false.
    pub(super) fn holds(&mut self, condition: &Condition, want: bool) -> Formula {
        self.holds_in(condition, want, &Around::new())
    }

    /// That the caller has one of these roles, or that it has none of them. Neither is so where the roles cannot be read.
    pub(super) fn roles(&mut self, roles: &[RoleId], want: bool) -> Formula {
        let agent = self.space.part(Root::Agent);
        let atom = self.atom(Tested::Roles(roles.to_vec()), vec![agent]);
        Formula::Fact(if want { Fact::True(atom) } else { Fact::False(atom) }, true)
    }

    fn holds_in(&mut self, condition: &Condition, want: bool, around: &Around) -> Formula {
        match condition {
            Condition::Not(part) => self.holds_in(part, !want, around),
            Condition::Test(test) => self.test(test, want, around),
            Condition::All(parts) | Condition::Any(parts) => {
                let parts = parts.iter().map(|part| self.holds_in(part, want, around)).collect();
                if matches!(condition, Condition::All(_)) == want { Formula::All(parts) } else { Formula::Any(parts) }
            }
        }
    }

    /// The place of an attribute.
    fn node(&mut self, attribute: &Attribute, around: &Around) -> NodeId {
        let inner = around.iter().rev().find_map(|(element, node)| {
            let below = attribute.steps.strip_prefix(element.steps.as_slice())?;
            (element.root == attribute.root).then_some((*node, below))
        });
        let (mut node, steps) = match inner {
            Some(inner) => inner,
            None => {
                let root = if self.is_listed && attribute.is_of_prompt() { Root::Resource } else { attribute.root };
                (self.space.part(root), attribute.steps.as_slice())
            }
        };
        for step in steps {
            node = self.step(node, step);
        }
        node
    }

    /// The place that a step leads to. The program of a command of a shell line is the first of its words.
    fn step(&mut self, node: NodeId, step: &Step) -> NodeId {
        match step {
            Step::Facet(Facet::Command(CommandField::Program)) => {
                let words = self.space.step(node, &Step::Facet(Facet::Command(CommandField::Words)));
                self.space.element(words, 0)
            }
            // An age depends on the present.
            Step::Facet(Facet::Age) => {
                self.space.present();
                self.space.step(node, step)
            }
            step => self.space.step(node, step),
        }
    }

    /// An element of a list. The arguments of a command of a shell line are its words but for the first.
    fn element(&mut self, list: NodeId, index: usize) -> NodeId {
        let command = match self.space.get(list) {
            Some(Node { above, way: Way::Facet(Facet::Command(CommandField::Args)), .. }) => *above,
            _ => None,
        };
        match command {
            Some(command) => {
                let words = self.space.step(command, &Step::Facet(Facet::Command(CommandField::Words)));
                self.space.element(words, 0);
                self.space.element(words, index + 1)
            }
            None => self.space.element(list, index),
        }
    }

    fn place(&mut self, id: AttributeId, around: &Around) -> NodeId {
        match self.shared.attributes.get(id) {
            Some(attribute) => self.node(attribute, around),
            None => self.space.part(Root::Context),
        }
    }

    fn atom(&mut self, test: Tested, sides: Vec<NodeId>) -> AtomId {
        let key = (format!("{test:?}"), sides.clone());
        if let Some(known) = self.known.get(&key) {
            return *known;
        }
        if self.atoms.len() == MOST_ATOMS {
            self.is_too_large = true;
            return 0;
        }
        self.atoms.push(Atom { test, sides });
        self.known.insert(key, self.atoms.len() - 1);
        self.atoms.len() - 1
    }

    fn is(&self, node: NodeId, kinds: Kinds) -> Formula {
        let own = self.space.get(node).map_or(kinds, |node| node.kinds);
        if own.but(kinds).each().next().is_none() {
            return Formula::TRUE;
        }
        let kinds = kinds.each().filter(|kind| own.has(*kind));
        Formula::Any(kinds.map(|kind| Formula::Fact(Fact::Is(node, kind), true)).collect())
    }

    fn test(&mut self, test: &Test, want: bool, around: &Around) -> Formula {
        let Some(attribute) = self.shared.attributes.get(test.attribute) else { return Formula::FALSE };
        if attribute.is_every_string() {
            let part = self.space.part(attribute.root);
            let (asked, _) = self.asked(&test.operator, around);
            let is_folded = attribute.facet() == Some(Facet::Folded);
            let facet = if is_folded { Facet::Folded } else { Facet::Strings };
            let side = self.space.step(part, &Step::Facet(facet));
            let atom = self.atom(Tested::Anywhere(asked), vec![part, side]);
            return Formula::Fact(Fact::True(atom), want);
        }
        match &test.operator {
            Operator::HasRole(role) => self.roles(&[*role], want),
            Operator::Exists => {
                let node = self.place(test.attribute, around);
                let nothing = Kinds::of(&[Kind::Missing, Kind::Null]);
                let something = Kinds::of(&Kind::ALL).but(nothing).but(Kinds::of(&[Kind::Unknown]));
                self.is(node, if want { something } else { nothing })
            }
            Operator::Type(types) => {
                let node = self.place(test.attribute, around);
                let wanted = types.iter().fold(Kinds::of(&[]), |kinds, ty| kinds.or(of_type(*ty)));
                let others = Kinds::of(&Kind::ALL).but(wanted).but(Kinds::of(&[Kind::Unknown]));
                self.is(node, if want { wanted } else { others })
            }
            Operator::Only(keys) => self.only(attribute, test.attribute, keys, want, around),
            Operator::Every(asked) | Operator::Some(asked) | Operator::At(_, asked) => {
                self.elements(test, attribute, asked, want, around)
            }
            Operator::Has(operand) => {
                let list = self.place(test.attribute, around);
                self.among(list, test.attribute, operand, None, want, around)
            }
            Operator::InList(id) => {
                let (list, node) = (self.place(*id, around), self.place(test.attribute, around));
                self.among(list, *id, &Operand::Ref(test.attribute), Some(node), want, around)
            }
            operator => {
                let node = self.place(test.attribute, around);
                let (asked, mut sides) = self.asked(operator, around);
                sides.insert(0, node);
                let asked = self.without_base(asked, &mut sides);
                let atom = self.atom(Tested::Value(asked), sides);
                Formula::Fact(if want { Fact::True(atom) } else { Fact::False(atom) }, true)
            }
        }
    }

    /// The operator, with the places that it compares with, which it names by their number from 1 on.
    fn asked(&mut self, operator: &Operator, around: &Around) -> (Asked, Vec<NodeId>) {
        let mut sides = Vec::new();
        let mut operand = |writer: &mut Self, operand: &Operand| match operand {
            Operand::Literal(_) => operand.clone(),
            Operand::Ref(id) => {
                sides.push(writer.place(*id, around));
                Operand::Ref(sides.len())
            }
        };
        let asked = match operator {
            Operator::Eq(with) => Operator::Eq(operand(self, with)),
            Operator::Lt(with) => Operator::Lt(operand(self, with)),
            Operator::Lte(with) => Operator::Lte(operand(self, with)),
            Operator::Gt(with) => Operator::Gt(operand(self, with)),
            Operator::Gte(with) => Operator::Gte(operand(self, with)),
            Operator::StartsWith(with) => Operator::StartsWith(operand(self, with)),
            Operator::EndsWith(with) => Operator::EndsWith(operand(self, with)),
            Operator::Contains(with) => Operator::Contains(operand(self, with)),
            Operator::Inside { base, directory } => {
                let directory = directory.iter().map(|part| operand(self, part)).collect();
                let base = base.map(|id| match operand(self, &Operand::Ref(id)) {
                    Operand::Ref(side) => side,
                    Operand::Literal(_) => 0,
                });
                Operator::Inside { base, directory }
            }
            other => other.clone(),
        };
        (Asked(asked), sides)
    }

    /// A path that is also its own base is absolute, or it is not known what it is in.
    fn without_base(&self, asked: Asked, sides: &mut [NodeId]) -> Asked {
        let above = |node: NodeId| self.space.get(node).and_then(|node| node.above);
        match asked.0 {
            Operator::Inside { base: Some(base), directory }
                if let Some(of) = sides.get(base).copied()
                    && sides.first().is_some_and(|path| above(*path) == above(of)) =>
            {
                sides.iter_mut().take(1).for_each(|path| *path = of);
                Asked(Operator::Inside { base: None, directory })
            }
            other => Asked(other),
        }
    }

    fn only(
        &mut self,
        attribute: &Attribute,
        id: AttributeId,
        keys: &[AttributeId],
        want: bool,
        around: &Around,
    ) -> Formula {
        let object = self.place(id, around);
        let keys = keys.iter().filter_map(|key| self.shared.attributes.get(*key));
        // A prompt's arguments are elsewhere for a prompt in a list.
        let keys = keys.filter(|key| !(self.is_listed && key.is_of_prompt() && !attribute.is_of_prompt()));
        let mut keys: Vec<String> = keys.filter_map(|key| key.last_key().map(str::to_owned)).collect();
        keys.sort_unstable();
        keys.dedup();
        for key in &keys {
            self.space.step(object, &Step::Key(key.clone()));
        }
        // Without these nothing is known of the caller's roles.
        if self.space.way(object) == Some(&Way::Part(Root::Agent)) {
            for key in ["role", "roles"] {
                self.space.step(object, &Step::Key(key.to_owned()));
            }
        }
        let only = OnlyKeys { object, keys };
        let known = self.only.iter().position(|other| *other == only).unwrap_or_else(|| {
            self.only.push(only);
            self.only.len() - 1
        });
        let is_object = self.is(object, Kinds::of(&[Kind::Object]));
        let has_no_others = Formula::All(vec![is_object, Formula::Fact(Fact::Only(known), want)]);
        if want && attribute.steps.is_empty() {
            let nothing = self.is(object, Kinds::of(&[Kind::Missing, Kind::Null]));
            return Formula::Any(vec![nothing, has_no_others]);
        }
        has_no_others
    }

    /// The elements of a list that are written out: those that are asked for by their place, and as many others as are needed;
    /// and whether that is not all of them.
    fn indices(&mut self, list: AttributeId) -> (Vec<usize>, bool) {
        let Some(attribute) = self.shared.attributes.get(list) else { return (Vec::new(), false) };
        let (key, behind) = whole(attribute);
        let need = self.needs.0.get(&key).cloned().unwrap_or_default();
        let mut indices = need.places;
        // There is a program, and perhaps an argument.
        let least = if is_words(&key) { 2 } else { 1 };
        let count = need.count.max(least - indices.len().min(least));
        let most = self.most.max(least);
        if count > most {
            self.longer = Some(format!("more than {most} elements of {attribute}"));
        }
        let others: Vec<usize> = (0..).filter(|index| !indices.contains(index)).take(count.min(most)).collect();
        indices.extend(others);
        (indices.into_iter().filter_map(|index| index.checked_sub(behind)).collect(), count > most)
    }

    /// For each element that can matter: that it is there, and the same with what is asked of it.
    fn elements(
        &mut self,
        test: &Test,
        attribute: &Attribute,
        asked: &Quantified,
        want: bool,
        around: &Around,
    ) -> Formula {
        let list = self.place(test.attribute, around);
        let is_list = self.is(list, Kinds::of(&[Kind::List]));
        let mut of = attribute.clone();
        of.steps.push(Step::Element);
        let element = |writer: &mut Self, index: usize| {
            let node = writer.element(list, index);
            let mut inner = around.clone();
            inner.push((of.clone(), node));
            let holds = writer.holds_in(&asked.condition, want, &inner);
            (Formula::Fact(Fact::Is(node, Kind::Missing), false), holds)
        };
        if let Operator::At(place, _) = test.operator {
            let (is_there, holds) = element(self, place as usize);
            return Formula::All(vec![is_list, is_there, holds]);
        }
        let (indices, is_longer) = self.indices(test.attribute);
        let more = |is| is_longer.then_some(Formula::Fact(Fact::More(list), is));
        let each: Vec<_> = indices.into_iter().map(|index| element(self, index)).collect();
        let is_every = matches!(test.operator, Operator::Every(_));
        if is_every == want {
            let first = each.first().map(|(is_there, _)| is_there.clone());
            let is_empty_fine = if is_every { asked.bounded } else { true };
            let not_empty = first.filter(|_| !is_empty_fine).unwrap_or(Formula::TRUE);
            let all = each.into_iter().map(|(is_there, holds)| Formula::Any(vec![is_there.not(), holds]));
            return Formula::All([is_list, not_empty].into_iter().chain(all).chain(more(false)).collect());
        }
        let any = each.into_iter().map(|(is_there, holds)| Formula::All(vec![is_there, holds]));
        Formula::All(vec![is_list, Formula::Any(any.chain(more(true)).collect())])
    }

    /// That a value is among the elements of a list, or that it is none of them.
    fn among(
        &mut self,
        list: NodeId,
        id: AttributeId,
        value: &Operand,
        node: Option<NodeId>,
        want: bool,
        around: &Around,
    ) -> Formula {
        let mut parts = vec![self.is(list, Kinds::of(&[Kind::List]))];
        let value_node = match (value, node) {
            (_, Some(node)) => Some(node),
            (Operand::Ref(id), None) => Some(self.place(*id, around)),
            (Operand::Literal(_), None) => None,
        };
        if let Some(node) = value_node {
            parts.push(self.is(node, Kinds::SCALAR));
        }
        let (indices, is_longer) = self.indices(id);
        let mut each = Vec::new();
        each.extend(is_longer.then_some(Formula::Fact(Fact::More(list), want)));
        for index in indices {
            let element = self.element(list, index);
            let (operand, sides) = match value_node {
                Some(node) => (Operand::Ref(1), vec![element, node]),
                None => (value.clone(), vec![element]),
            };
            let atom = self.atom(Tested::Value(Asked(Operator::Eq(operand))), sides);
            let is_there = Formula::Fact(Fact::Is(element, Kind::Missing), false);
            each.push(if want {
                Formula::All(vec![is_there, Formula::Fact(Fact::True(atom), true)])
            } else {
                Formula::Any(vec![is_there.not(), Formula::Fact(Fact::False(atom), true)])
            });
        }
        parts.push(if want { Formula::Any(each) } else { Formula::All(each) });
        Formula::All(parts)
    }
}

/// What an operator can read.
pub(super) fn reads(operator: &Operator) -> Kinds {
    let of = |value: &Literal| match value {
        Literal::Bool(_) => Kinds::of(&[Kind::Bool]),
        Literal::Number(_) => Kinds::of(&[Kind::Number]),
        Literal::String(_) => Kinds::of(&[Kind::String]),
    };
    match operator {
        Operator::Eq(Operand::Literal(value)) => of(value),
        Operator::Eq(Operand::Ref(_)) => Kinds::SCALAR,
        Operator::In(values) | Operator::Presumed(values) => {
            values.iter().fold(Kinds::of(&[]), |kinds, value| kinds.or(of(value)))
        }
        Operator::Lt(_) | Operator::Lte(_) | Operator::Gt(_) | Operator::Gte(_) => Kinds::of(&[Kind::Number]),
        _ => Kinds::of(&[Kind::String]),
    }
}

/// The kinds of a type of JSON.
fn of_type(ty: Type) -> Kinds {
    match ty {
        Type::Null => Kinds::of(&[Kind::Null]),
        Type::Boolean => Kinds::of(&[Kind::Bool]),
        Type::Number => Kinds::of(&[Kind::Number, Kind::OutOfRange]),
        Type::String => Kinds::of(&[Kind::String]),
        Type::List => Kinds::of(&[Kind::List, Kind::LongList]),
        Type::Object => Kinds::of(&[Kind::Object]),
    }
}

/// The list of which a list is the end, and how many elements are before it: the arguments of a command are its words but for the
/// first.
fn whole(list: &Attribute) -> (Attribute, usize) {
    let mut whole = list.clone();
    match whole.steps.last_mut() {
        Some(Step::Facet(Facet::Command(field))) if *field == CommandField::Args => {
            *field = CommandField::Words;
            (whole, 1)
        }
        _ => (whole, 0),
    }
}

fn is_words(list: &Attribute) -> bool {
    list.facet() == Some(Facet::Command(CommandField::Words))
}

/// The elements of lists that have to be there at most for something to hold.
#[derive(Debug, Clone, Default)]
pub(super) struct Needs(HashMap<Attribute, Need>);

/// The elements of a list.
#[derive(Debug, Clone, Default)]
struct Need {
    /// How many of them that have no certain place.
    count: usize,
    /// Those at certain places.
    places: BTreeSet<usize>,
}

impl Needs {
    /// For a condition that is `want`, or, where `is` is false, that is not.
    pub(super) fn of(shared: &Policy, condition: &Condition, want: bool, is: bool) -> Self {
        match condition {
            Condition::Not(part) => Self::of(shared, part, !want, is),
            Condition::All(parts) | Condition::Any(parts) => {
                let parts = parts.iter().map(|part| Self::of(shared, part, want, is));
                let is_all = matches!(condition, Condition::All(_)) == (want == is);
                if is_all { Self::all(parts) } else { Self::any(parts) }
            }
            Condition::Test(test) => Self::of_test(shared, test, want, is),
        }
    }

    fn of_test(shared: &Policy, test: &Test, want: bool, is: bool) -> Self {
        let mut needs = Self::default();
        // What is asked of every element needs none by itself.
        match &test.operator {
            Operator::Every(asked) | Operator::Some(asked) => {
                needs = Self::of(shared, &asked.condition, want, is);
                let is_every = matches!(test.operator, Operator::Every(_));
                needs.add(shared, test.attribute, usize::from((is_every == want) != is));
            }
            Operator::At(place, asked) => {
                needs = Self::of(shared, &asked.condition, want, is);
                if let Some((key, behind)) = shared.attributes.get(test.attribute).map(whole) {
                    needs.0.entry(key).or_default().places.insert(*place as usize + behind);
                }
            }
            Operator::Has(_) => needs.add(shared, test.attribute, usize::from(want == is)),
            Operator::InList(list) => needs.add(shared, *list, usize::from(want == is)),
            _ => {}
        }
        needs
    }

    fn add(&mut self, shared: &Policy, list: AttributeId, count: usize) {
        if let Some((key, _)) = shared.attributes.get(list).map(whole) {
            self.0.entry(key).or_default().count += count;
        }
    }

    /// If all have to hold.
    pub(super) fn all(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut all = Self::default();
        for (list, need) in parts.into_iter().flat_map(|part| part.0) {
            let own = all.0.entry(list).or_default();
            own.count += need.count;
            own.places.extend(need.places);
        }
        all
    }

    /// If any of them has to hold.
    pub(super) fn any(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut any = Self::default();
        for (list, need) in parts.into_iter().flat_map(|part| part.0) {
            let own = any.0.entry(list).or_default();
            own.count = own.count.max(need.count);
            own.places.extend(need.places);
        }
        any
    }
}
