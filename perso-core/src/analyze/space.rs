//! The places of a call that a question is about, and what can be at each.

use std::collections::HashMap;

use crate::policy::{CommandField, Facet, Root, StatementField, Step};

/// What is at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Kind {
    Missing,
    Null,
    Bool,
    Number,
    String,
    List,
    Object,
    /// A number that cannot be compared.
    OutOfRange,
    /// A list that is too long to be looked into.
    LongList,
    /// A facet of a value that does not have it.
    NoFacet,
    /// What is only known when a shell runs the line.
    Unknown,
}

impl Kind {
    pub(super) const ALL: [Self; 11] = [
        Self::Missing,
        Self::Null,
        Self::Bool,
        Self::Number,
        Self::String,
        Self::List,
        Self::Object,
        Self::OutOfRange,
        Self::LongList,
        Self::NoFacet,
        Self::Unknown,
    ];
}

/// Several kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Kinds(u16);

impl Kinds {
    /// What can be the same as another value.
    pub(super) const SCALAR: Self = Self::of(&[Kind::Bool, Kind::Number, Kind::String]);

    pub(super) const fn of(kinds: &[Kind]) -> Self {
        let (mut bits, mut at) = (0, 0);
        while at < kinds.len() {
            #[expect(clippy::indexing_slicing, reason = "the loop ends at the length")]
            let kind = kinds[at];
            bits |= 1 << kind as u16;
            at += 1;
        }
        Self(bits)
    }

    pub(super) const fn has(self, kind: Kind) -> bool {
        self.0 & 1 << kind as u16 != 0
    }

    pub(super) const fn but(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    pub(super) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) fn each(self) -> impl Iterator<Item = Kind> {
        Kind::ALL.into_iter().filter(move |kind| self.has(*kind))
    }
}

/// An index into [`Space::nodes`].
pub(super) type NodeId = usize;

/// How a place is reached from the one above it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Way {
    Part(Root),
    Key(String),
    /// To one of the elements of a list.
    Index(usize),
    Facet(Facet),
}

/// A place.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) above: Option<NodeId>,
    pub(super) way: Way,
    /// What can be there.
    pub(super) kinds: Kinds,
    pub(super) below: Vec<NodeId>,
}

/// The places of a call.
#[derive(Debug, Default)]
pub(super) struct Space {
    pub(super) nodes: Vec<Node>,
    known: HashMap<(Option<NodeId>, Way), NodeId>,
}

impl Space {
    pub(super) fn get(&self, node: NodeId) -> Option<&Node> {
        self.nodes.get(node)
    }

    pub(super) fn way(&self, node: NodeId) -> Option<&Way> {
        self.get(node).map(|node| &node.way)
    }

    pub(super) fn part(&mut self, root: Root) -> NodeId {
        self.below(None, Way::Part(root))
    }

    /// The place that a step leads to.
    pub(super) fn step(&mut self, from: NodeId, step: &Step) -> NodeId {
        match step {
            Step::Key(key) => self.below(Some(from), Way::Key(key.clone())),
            Step::Facet(facet) => self.below(Some(from), Way::Facet(*facet)),
            // Nobody asks for an element without saying which.
            Step::Element => self.element(from, 0),
        }
    }

    pub(super) fn element(&mut self, list: NodeId, index: usize) -> NodeId {
        self.below(Some(list), Way::Index(index))
    }

    /// The place of the present as an instant.
    pub(super) fn present(&mut self) -> NodeId {
        let context = self.part(Root::Context);
        let now = self.step(context, &Step::Key("now".to_owned()));
        self.step(now, &Step::Facet(Facet::Instant))
    }

    /// The place of the present as an instant, if it matters.
    pub(super) fn known_present(&self) -> Option<NodeId> {
        let context = self.known.get(&(None, Way::Part(Root::Context)))?;
        let now = self.known.get(&(Some(*context), Way::Key("now".to_owned())))?;
        self.known.get(&(Some(*now), Way::Facet(Facet::Instant))).copied()
    }

    fn below(&mut self, above: Option<NodeId>, way: Way) -> NodeId {
        let key = (above, way);
        if let Some(known) = self.known.get(&key) {
            return *known;
        }
        let kinds = self.kinds(above, &key.1);
        let id = self.nodes.len();
        self.nodes.push(Node { above, way: key.1.clone(), kinds, below: Vec::new() });
        if let Some(above) = above.and_then(|above| self.nodes.get_mut(above)) {
            above.below.push(id);
        }
        self.known.insert(key, id);
        id
    }

    /// What can be at the place that is reached so.
    fn kinds(&self, above: Option<NodeId>, way: &Way) -> Kinds {
        const VALUE: Kinds = Kinds::of(&[
            Kind::Missing,
            Kind::Null,
            Kind::Bool,
            Kind::Number,
            Kind::String,
            Kind::List,
            Kind::Object,
            Kind::OutOfRange,
            Kind::LongList,
        ]);
        match way {
            Way::Part(Root::Tool) => Kinds::of(&[Kind::String]),
            Way::Part(_) => Kinds::of(&[Kind::Missing, Kind::Object]),
            Way::Key(_) => VALUE,
            Way::Index(index) => match above.and_then(|above| self.way(above)) {
                // A command that can be read has a program.
                Some(Way::Facet(Facet::Command(CommandField::Words))) if *index == 0 => {
                    Kinds::of(&[Kind::Missing, Kind::String])
                }
                Some(Way::Facet(Facet::Shell)) => Kinds::of(&[Kind::Missing, Kind::Object]),
                Some(Way::Facet(Facet::Command(_))) => Kinds::of(&[Kind::Missing, Kind::String, Kind::Unknown]),
                Some(Way::Facet(_)) => Kinds::of(&[Kind::Missing, Kind::String]),
                _ => VALUE,
            },
            Way::Facet(facet) => {
                Kinds::of(&[Kind::Missing, Kind::Null, Kind::NoFacet, Kind::Unknown]).or(facet_kinds(*facet))
            }
        }
    }

    /// What a facet can be of a value of this kind.
    pub(super) fn facet_of(facet: Facet, of: Kind) -> Kinds {
        const NONE: Kinds = Kinds::of(&[Kind::NoFacet]);
        let own = facet_kinds(facet);
        match (facet, of) {
            (_, Kind::Missing | Kind::Null | Kind::NoFacet) => Kinds::of(&[of]),
            (_, Kind::Unknown) => Kinds::of(&[Kind::Unknown, Kind::NoFacet]),
            (Facet::Length, Kind::String) | (Facet::Folded, Kind::String) => own.but(Kinds::of(&[Kind::OutOfRange])),
            (Facet::Count, Kind::List) => Kinds::of(&[Kind::Number]),
            (Facet::Count, Kind::LongList) | (Facet::Sum(_), Kind::LongList) => Kinds::of(&[Kind::OutOfRange]),
            (Facet::Sum(_), Kind::List) => own.or(NONE),
            (Facet::Count | Facet::Sum(_), _) => NONE,
            (Facet::Command(_), Kind::Object) => own,
            (Facet::Statement(StatementField::Limit), Kind::Object) => own.or(Kinds::of(&[Kind::Missing])),
            (Facet::Statement(_), Kind::Object) => own,
            (Facet::Command(_) | Facet::Statement(_), _) => NONE,
            (Facet::Instant, Kind::Number) => Kinds::of(&[Kind::Number]),
            (Facet::Instant | Facet::Weekday(_) | Facet::TimeOfDay(_) | Facet::Date(_), Kind::OutOfRange) => {
                Kinds::of(&[Kind::OutOfRange])
            }
            (Facet::Age, Kind::OutOfRange) => NONE.or(Kinds::of(&[Kind::OutOfRange])),
            (Facet::Age | Facet::Weekday(_) | Facet::TimeOfDay(_) | Facet::Date(_), Kind::Number) => own.or(NONE),
            (_, Kind::String) => own.or(NONE),
            _ => NONE,
        }
    }

    /// The places in a part of the call that are reached by keys, each with its own.
    pub(super) fn keys(&self, part: NodeId) -> impl Iterator<Item = (NodeId, &String)> {
        let is_in = move |node: NodeId| {
            let line = self.line(node);
            line.first() == Some(&part) && !line.iter().any(|node| matches!(self.way(*node), Some(Way::Facet(_))))
        };
        self.nodes.iter().enumerate().filter_map(move |(id, node)| match &node.way {
            Way::Key(key) if is_in(id) => Some((id, key)),
            _ => None,
        })
    }

    /// The node and all above it, from the part of the call on.
    pub(super) fn line(&self, node: NodeId) -> Vec<NodeId> {
        let mut line = vec![node];
        while let Some(above) = line.last().and_then(|last| self.get(*last)).and_then(|node| node.above) {
            line.push(above);
        }
        line.reverse();
        line
    }
}

/// What a facet is, where there is one.
fn facet_kinds(facet: Facet) -> Kinds {
    match facet {
        Facet::Length
        | Facet::Count
        | Facet::Port
        | Facet::Instant
        | Facet::Age
        | Facet::Weekday(_)
        | Facet::TimeOfDay(_)
        | Facet::Date(_)
        | Facet::Sum(_)
        | Facet::Statement(StatementField::Limit) => Kinds::of(&[Kind::Number, Kind::OutOfRange]),
        Facet::Private | Facet::Query => Kinds::of(&[Kind::Bool]),
        Facet::Scheme
        | Facet::Host
        | Facet::UrlPath
        | Facet::Domain
        | Facet::Path
        | Facet::WindowsPath
        | Facet::Address
        | Facet::Program
        | Facet::Folded
        | Facet::Segment
        | Facet::AnyPath
        | Facet::Command(CommandField::Program)
        | Facet::Statement(StatementField::Statement) => Kinds::of(&[Kind::String]),
        Facet::Words | Facet::Scope | Facet::Strings | Facet::Shell | Facet::Command(_) | Facet::Statement(_) => {
            // A list may also be too long with those of other elements.
            Kinds::of(&[Kind::List, Kind::LongList])
        }
        Facet::Sql(_) => Kinds::of(&[Kind::Object]),
    }
}
