//! What a view reads of a call: places, laid out so that what is below a place follows it.

use super::pattern::{Automata, Automaton};
use crate::policy::{Attribute, CommandField, Dialect, Facet, Policy, StatementField, Step, Zone};
use perso_decode::layout::{self, dialect, facet, flag, has, part};
use std::collections::HashMap;
use std::rc::Rc;

/// Everything that a view reads.
#[derive(Debug, Default)]
pub struct Places {
    /// The places; the first five are the parts of a call, or the first is the element of a list.
    pub places: Vec<Place>,
    /// How many answer bits there are.
    pub answers: u32,
    /// Tests between two strings.
    pub pairs: Vec<Pair>,
    /// In the view of an element: which of the call's budgets of elements it takes from.
    pub budget: u32,
}

/// A place.
#[derive(Debug, Default)]
pub struct Place {
    /// The keys below it, with their places.
    pub keys: Vec<(String, u32)>,
    /// The strings that it is compared with; a string's number is its index plus 1.
    pub constants: Vec<String>,
    /// The other tests of its string with strings of the policy.
    pub tests: Vec<TextTest>,
    /// The tests of its string with patterns.
    pub automata: Vec<Matches>,
    /// [`flag`]s.
    pub flags: u32,
    /// What is read off its value: the facet with its dialect if it has one, its zone if it has one, and its place.
    pub facets: Vec<(u32, Option<Zone>, u32)>,
    /// The first place below it.
    pub below: u32,
    /// Behind the last place below it.
    pub end: u32,
    /// What is read of its elements.
    pub element: Option<Box<Places>>,
}

/// A test of a string with a string of the policy.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TextTest {
    /// One of [`layout::op`].
    pub op: u32,
    /// The policy's string.
    pub text: String,
    /// The answer's bit.
    pub answer: u32,
}

/// A test of a string with patterns.
#[derive(Debug)]
pub struct Matches {
    /// The patterns' automaton.
    pub automaton: Rc<Automaton>,
    /// The answer's bit of each pattern.
    pub answers: Vec<u32>,
}

/// What depends on several values of the same call.
#[derive(Debug)]
pub enum Pair {
    /// A test of a string with another.
    Text {
        /// One of [`layout::op`].
        op: u32,
        /// The place of the tested string.
        left: u32,
        /// The place of the other one.
        right: u32,
        /// How many views further out the other one is.
        outward: u32,
        /// The answer's bit.
        answer: u32,
    },
    /// A test that a path is another one or below it.
    Inside {
        /// The tested path.
        left: Vec<PathPart>,
        /// The other one.
        right: Vec<PathPart>,
        /// The answer's bit.
        answer: u32,
    },
    /// How long ago an instant was.
    Age {
        /// The instant's place.
        instant: u32,
        /// The place of the present.
        now: u32,
        /// How many views further out that is.
        outward: u32,
        /// The age's place.
        age: u32,
    },
    /// The sum of a list.
    Sum {
        /// The list's place.
        list: u32,
        /// The places of what is added and of what that is multiplied by, in the view of an element.
        factors: (u32, Option<u32>),
        /// The sum's place.
        sum: u32,
    },
}

/// A part of a path.
#[derive(Debug)]
pub enum PathPart {
    /// A text of the policy.
    Literal(String),
    /// The text at a place.
    Place {
        /// The place.
        place: u32,
        /// How many views further out it is.
        outward: u32,
    },
}

impl Places {
    /// How many words the answers take.
    pub(crate) const fn answer_words(&self) -> usize {
        self.answers.div_ceil(64) as usize
    }

    /// Whether every string of some part of the call is looked at.
    pub(crate) fn has_strings(&self) -> bool {
        self.places.iter().any(|place| place.facets.iter().any(|(kind, ..)| *kind == facet::STRINGS))
    }

    /// Whether `context.now` is read.
    pub(crate) fn has_time(&self) -> bool {
        let context = self.places.get(part::CONTEXT).filter(|_| self.places.len() > part::COUNT);
        context.is_some_and(|context| context.keys.iter().any(|(key, _)| key == "now"))
    }

    /// What it has that most views have not: see [`layout::has`].
    pub(crate) fn has(&self) -> u32 {
        [(self.has_pairs(), has::PAIRS), (self.has_strings(), has::STRINGS), (self.has_time(), has::TIME)]
            .iter()
            .fold(0, |all, (is_so, bit)| if *is_so { all | bit } else { all })
    }

    /// Whether there are pair tests here or in the elements of a list.
    pub(crate) fn has_pairs(&self) -> bool {
        !self.pairs.is_empty() || self.places.iter().any(|p| p.element.as_ref().is_some_and(|e| e.has_pairs()))
    }
}

/// A place before it is known what stands where: the view, and the number in it by order of first use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct NodeId {
    /// The view: 0 is the call's.
    pub view: usize,
    node: usize,
}

/// The call's own view.
pub(super) const CALL: usize = 0;

/// Collects what a view reads, before it is known what stands where.
#[derive(Debug)]
pub(super) struct Builder {
    views: Vec<ViewDraft>,
    /// For each test of an object's keys: the object, and the keys that it may have.
    only: Vec<(NodeId, Vec<NodeId>)>,
}

#[derive(Debug, Default)]
struct ViewDraft {
    nodes: Vec<Node>,
    answers: u32,
    texts: HashMap<(usize, u32, String), u32>,
    patterns: HashMap<(usize, String), u32>,
    pairs: HashMap<(u32, usize, NodeId), (u32, u32)>,
    derived: Vec<Derived>,
    /// How many lists deep it is.
    depth: u32,
}

/// What depends on several values, before it is known what stands where.
#[derive(Debug)]
enum Derived {
    Inside { left: Vec<PartDraft>, right: Vec<PartDraft>, answer: u32 },
    Age { instant: NodeId, now: NodeId, age: NodeId },
    Sum { list: NodeId, of: NodeId, times: Option<NodeId>, sum: NodeId },
}

/// A part of a path: a text of the policy, or the text at a place.
#[derive(Debug, Clone)]
pub(super) enum PartDraft {
    Literal(String),
    Node(NodeId),
}

#[derive(Debug, Default)]
struct Node {
    children: Vec<(Step, usize)>,
    constants: Vec<String>,
    numbers: HashMap<String, u32>,
    tests: Vec<TextTest>,
    patterns: Vec<(String, u32)>,
    flags: u32,
    /// The view of its elements.
    element: Option<usize>,
    /// The place of all keys that are no children.
    rest: Option<usize>,
}

/// Where the places of a builder have come to stand.
#[derive(Debug)]
pub(super) struct Settled {
    numbers: Vec<Vec<u32>>,
    sizes: Vec<u32>,
    others: Vec<Vec<u32>>,
    /// How many lists deep each view is.
    depths: Vec<u32>,
}

impl Settled {
    /// Where a key is, by the number of the test, that an object may not have.
    pub(super) fn others(&self, only: usize) -> Vec<u32> {
        self.others.get(only).cloned().unwrap_or_default()
    }

    /// The number of a place.
    pub(super) fn place(&self, id: NodeId) -> u32 {
        self.numbers.get(id.view).and_then(|view| view.get(id.node)).copied().unwrap_or(0)
    }

    /// Where in an element of a view its answers are.
    pub(super) fn answers(&self, view: usize) -> u32 {
        self.numbers.get(view).map_or(0, |places| (layout::RECORD * places.len()) as u32)
    }

    fn depth(&self, view: usize) -> u32 {
        self.depths.get(view).copied().unwrap_or(0)
    }

    /// Bytes of an element of a view.
    pub(super) fn size(&self, view: usize) -> u32 {
        self.sizes.get(view).copied().unwrap_or(0)
    }
}

impl Builder {
    pub(super) fn new() -> Self {
        let nodes = (0..part::COUNT).map(|_| Node::default()).collect();
        Self { views: vec![ViewDraft { nodes, ..ViewDraft::default() }], only: Vec::new() }
    }

    fn view(&mut self, view: usize) -> &mut ViewDraft {
        #[expect(clippy::indexing_slicing, reason = "views are numbered by this builder and never taken back")]
        &mut self.views[view]
    }

    fn node(&mut self, id: NodeId) -> &mut Node {
        #[expect(clippy::indexing_slicing, reason = "ids are given out by this builder and never taken back")]
        &mut self.view(id.view).nodes[id.node]
    }

    /// How many views of elements there are.
    pub(super) fn lists(&self) -> usize {
        self.views.len() - 1
    }

    /// How many places there are.
    pub(super) fn places(&self) -> usize {
        self.views.iter().map(|view| view.nodes.len()).sum()
    }

    /// The place of a part of the call.
    pub(super) const fn part(part: usize) -> NodeId {
        NodeId { view: CALL, node: part }
    }

    /// The place of an attribute.
    pub(super) fn attribute(&mut self, policy: &Policy, attribute: &Attribute) -> NodeId {
        attribute.steps.iter().fold(Self::part(attribute.root as usize), |at, step| self.read(policy, at, step))
    }

    /// The place of what is a step further, with what it is made of where it depends on other values.
    fn read(&mut self, policy: &Policy, from: NodeId, step: &Step) -> NodeId {
        let is_new = !self.node(from).children.iter().any(|(known, _)| known == step);
        let node = self.step(from, step);
        match step {
            Step::Facet(Facet::Age) if is_new => {
                let instant = self.step(from, &Step::Facet(Facet::Instant));
                let now = self.attribute(policy, &Attribute::present());
                self.view(node.view).derived.push(Derived::Age { instant, now, age: node });
            }
            Step::Facet(Facet::Sum(id)) if is_new => {
                let view = self.element(from);
                let mut factor = |keys: &[String]| {
                    keys.iter().fold(Self::element_place(view), |at, key| self.step(at, &Step::Key(key.clone())))
                };
                if let Some(sum) = policy.sums.get(*id) {
                    let (of, times) = (factor(&sum.of), sum.times.as_deref().map(factor));
                    self.view(node.view).derived.push(Derived::Sum { list: from, of, times, sum: node });
                }
            }
            _ => {}
        }
        node
    }

    fn step(&mut self, from: NodeId, step: &Step) -> NodeId {
        if *step == Step::Element {
            return NodeId { view: self.element(from), node: 0 };
        }
        let known = self.node(from).children.iter().find(|(known, _)| known == step).map(|(_, child)| *child);
        let node = known.unwrap_or_else(|| {
            let nodes = &mut self.view(from.view).nodes;
            nodes.push(Node::default());
            let child = nodes.len() - 1;
            self.node(from).children.push((step.clone(), child));
            child
        });
        NodeId { node, ..from }
    }

    /// The view of the elements of a list.
    pub(super) fn element(&mut self, list: NodeId) -> usize {
        if let Some(view) = self.node(list).element {
            return view;
        }
        let depth = self.view(list.view).depth + 1;
        self.views.push(ViewDraft { nodes: vec![Node::default()], depth, ..ViewDraft::default() });
        let view = self.views.len() - 1;
        self.node(list).element = Some(view);
        view
    }

    /// The place of the element of a view of elements.
    pub(super) const fn element_place(view: usize) -> NodeId {
        NodeId { view, node: 0 }
    }

    /// The number of a string that the place is compared with.
    pub(super) fn constant(&mut self, place: NodeId, text: &str) -> u32 {
        let node = self.node(place);
        if let Some(number) = node.numbers.get(text) {
            return *number;
        }
        node.constants.push(text.to_owned());
        let number = node.constants.len() as u32;
        node.numbers.insert(text.to_owned(), number);
        number
    }

    fn answer(&mut self, view: usize) -> u32 {
        let answers = &mut self.view(view).answers;
        *answers += 1;
        *answers - 1
    }

    /// The bit that answers a test of the string at a place.
    pub(super) fn text(&mut self, place: NodeId, op: u32, text: &str) -> u32 {
        let key = (place.node, op, text.to_owned());
        if let Some(answer) = self.view(place.view).texts.get(&key) {
            return *answer;
        }
        let answer = self.answer(place.view);
        self.view(place.view).texts.insert(key, answer);
        self.node(place).tests.push(TextTest { op, text: text.to_owned(), answer });
        answer
    }

    /// The bit that tells whether the string at a place matches a regular expression.
    pub(super) fn matches(&mut self, place: NodeId, source: String) -> u32 {
        let key = (place.node, source.clone());
        if let Some(answer) = self.view(place.view).patterns.get(&key) {
            return *answer;
        }
        let answer = self.answer(place.view);
        self.view(place.view).patterns.insert(key, answer);
        self.node(place).patterns.push((source, answer));
        answer
    }

    /// The bit that answers a test between the strings at two places, the second so many views further out.
    pub(super) fn pair(&mut self, op: u32, left: NodeId, right: NodeId, outward: u32) -> u32 {
        let key = (op, left.node, right);
        if let Some((answer, _)) = self.view(left.view).pairs.get(&key) {
            return *answer;
        }
        let answer = self.answer(left.view);
        self.view(left.view).pairs.insert(key, (answer, outward));
        self.keep(left);
        self.keep(right);
        answer
    }

    /// The bit that answers whether the path of these parts is that of others or below it. `view` is where the test is.
    pub(super) fn inside(&mut self, view: usize, left: Vec<PartDraft>, right: Vec<PartDraft>) -> u32 {
        let answer = self.answer(view);
        for part in left.iter().chain(&right) {
            if let PartDraft::Node(node) = part {
                self.keep(*node);
            }
        }
        self.view(view).derived.push(Derived::Inside { left, right, answer });
        answer
    }

    /// Has the string at a place kept, so that it can be compared with others.
    pub(super) fn keep(&mut self, place: NodeId) {
        self.node(place).flags |= flag::KEEP;
    }

    /// Has an object's keys watched: which it has but for some. The test's number.
    pub(super) fn only(&mut self, object: NodeId, keys: Vec<NodeId>) -> usize {
        if self.node(object).rest.is_none() {
            let nodes = &mut self.view(object.view).nodes;
            nodes.push(Node::default());
            let rest = nodes.len() - 1;
            self.node(object).rest = Some(rest);
        }
        self.only.push((object, keys));
        self.only.len() - 1
    }

    /// The places where an object has a key that it may not have.
    fn others(&self, object: NodeId, keys: &[NodeId], orders: &[Order]) -> Vec<u32> {
        let Some(node) = self.views.get(object.view).and_then(|view| view.nodes.get(object.node)) else {
            return Vec::new();
        };
        let children = node.children.iter().filter(|(step, _)| matches!(step, Step::Key(_))).map(|(_, child)| *child);
        let others = children.filter(|child| !keys.iter().any(|key| key.node == *child)).chain(node.rest);
        let number = |other: usize| orders.get(object.view)?.numbers.get(other).copied();
        others.filter_map(number).collect()
    }

    /// Has the caller's roles read.
    pub(super) fn roles(&mut self) {
        for (key, flag) in [("role", flag::ROLE), ("roles", flag::ROLES)] {
            let place = self.step(Self::part(part::AGENT), &Step::Key(key.to_owned()));
            self.node(place).flags |= flag;
        }
    }

    /// Gives every place its number.
    pub(super) fn finish(mut self, automata: &mut Automata) -> (Places, Settled) {
        let orders: Vec<Order> = (0..self.views.len()).map(|view| self.order(view)).collect();
        let numbers = orders.iter().map(|order| order.numbers.clone()).collect();
        let sizes = self
            .views
            .iter()
            .map(|view| layout::element(view.nodes.len(), view.answers.div_ceil(64) as usize) as u32)
            .collect();
        let others = self.only.iter().map(|(object, keys)| self.others(*object, keys, &orders)).collect();
        let depths = self.views.iter().map(|view| view.depth).collect();
        let settled = Settled { numbers, sizes, others, depths };
        let mut budgets = 0..;
        let places = self.places_of(CALL, &orders, &settled, automata, &mut budgets);
        (places, settled)
    }

    fn places_of(
        &mut self,
        view: usize,
        orders: &[Order],
        settled: &Settled,
        automata: &mut Automata,
        budgets: &mut std::ops::RangeFrom<u32>,
    ) -> Places {
        let Some(order) = orders.get(view) else { return Places::default() };
        let mut places = Vec::with_capacity(order.nodes.len());
        for node in &order.nodes {
            let span = order.spans.get(*node).copied().unwrap_or_default();
            let node = std::mem::take(self.node(NodeId { view, node: *node }));
            let number = |child: usize| settled.place(NodeId { view, node: child });
            let mut place = Place {
                constants: node.constants,
                tests: node.tests,
                automata: matches(&node.patterns, automata),
                // The last place below it: see `Order::walk`.
                flags: node.flags | if node.rest.is_some() { flag::REST } else { 0 },
                below: span.0,
                end: span.1,
                ..Place::default()
            };
            for (step, child) in node.children {
                match step {
                    Step::Key(key) => place.keys.push((key, number(child))),
                    // These are made when all values are there.
                    Step::Facet(Facet::Age | Facet::Sum(_)) => {}
                    Step::Facet(facet) => place.facets.push((code(facet), facet.zone(), number(child))),
                    Step::Element => {}
                }
            }
            if let Some(element) = node.element {
                let budget = budgets.next().unwrap_or(0);
                let mut inner = self.places_of(element, orders, settled, automata, budgets);
                inner.budget = budget;
                place.element = Some(Box::new(inner));
            }
            places.push(place);
        }
        let draft = std::mem::take(self.view(view));
        let mut texts: Vec<_> = draft.pairs.iter().collect();
        texts.sort_unstable_by_key(|(_, (answer, _))| *answer);
        let texts = texts.into_iter().map(|((op, left, right), (answer, outward))| Pair::Text {
            op: *op,
            left: settled.place(NodeId { view, node: *left }),
            right: settled.place(*right),
            outward: *outward,
            answer: *answer,
        });
        let outward = |node: NodeId| draft.depth - settled.depth(node.view);
        let part = |part: PartDraft| match part {
            PartDraft::Literal(text) => PathPart::Literal(text),
            PartDraft::Node(node) => PathPart::Place { place: settled.place(node), outward: outward(node) },
        };
        let derived = draft.derived.into_iter().map(|derived| match derived {
            Derived::Inside { left, right, answer } => Pair::Inside {
                left: left.into_iter().map(part).collect(),
                right: right.into_iter().map(part).collect(),
                answer,
            },
            Derived::Age { instant, now, age } => Pair::Age {
                instant: settled.place(instant),
                now: settled.place(now),
                outward: outward(now),
                age: settled.place(age),
            },
            Derived::Sum { list, of, times, sum } => Pair::Sum {
                list: settled.place(list),
                factors: (settled.place(of), times.map(|times| settled.place(times))),
                sum: settled.place(sum),
            },
        });
        let pairs = texts.chain(derived).collect();
        Places { places, answers: draft.answers, pairs, budget: 0 }
    }

    /// The order of a view's places.
    fn order(&self, view: usize) -> Order {
        let nodes = self.views.get(view).map_or(&[][..], |view| &view.nodes);
        // The parts, or the element, come first, then what is below each of them.
        let roots = if view == CALL { part::COUNT } else { 1 };
        let mut order =
            Order { nodes: (0..roots).collect(), spans: vec![(0, 0); nodes.len()], numbers: vec![0; nodes.len()] };
        for root in 0..roots {
            order.walk(nodes, root);
        }
        for (number, node) in order.nodes.iter().enumerate() {
            if let Some(slot) = order.numbers.get_mut(*node) {
                *slot = number as u32;
            }
        }
        order
    }
}

/// The order of a view's places.
struct Order {
    nodes: Vec<usize>,
    /// For each node, where what is below it begins and ends.
    spans: Vec<(u32, u32)>,
    /// For each node, its place.
    numbers: Vec<u32>,
}

impl Order {
    /// Orders what is below a place.
    fn walk(&mut self, nodes: &[Node], node: usize) {
        let start = self.nodes.len() as u32;
        let Some(Node { children, rest, .. }) = nodes.get(node) else { return };
        // The rest comes last, which is where the decoder finds it.
        for child in children.iter().map(|(_, child)| child).chain(rest) {
            self.nodes.push(*child);
            self.walk(nodes, *child);
        }
        if let Some(span) = self.spans.get_mut(node) {
            *span = (start, self.nodes.len() as u32);
        }
    }
}

/// The automata of a place's patterns.
fn matches(patterns: &[(String, u32)], automata: &mut Automata) -> Vec<Matches> {
    if patterns.is_empty() {
        return Vec::new();
    }
    let sources: Vec<String> = patterns.iter().map(|(source, _)| source.clone()).collect();
    // Each pattern has been tried alone when it was lowered, so together they have automata.
    let built = automata.of(sources).unwrap_or_default();
    let answer = |index: &usize| patterns.get(*index).map(|(_, answer)| *answer);
    built
        .iter()
        .map(|(automaton, indices)| Matches {
            automaton: Rc::clone(automaton),
            answers: indices.iter().filter_map(answer).collect(),
        })
        .collect()
}

/// A facet's number in tables, with its dialect if it has one.
const fn code(facet: Facet) -> u32 {
    match facet {
        Facet::Length => facet::LENGTH,
        Facet::Count => facet::COUNT,
        Facet::Scheme => facet::SCHEME,
        Facet::Host => facet::HOST,
        Facet::Port => facet::PORT,
        Facet::UrlPath => facet::URL_PATH,
        Facet::Private => facet::PRIVATE,
        Facet::Query => facet::QUERY,
        Facet::Domain => facet::DOMAIN,
        Facet::Path => facet::PATH,
        Facet::WindowsPath => facet::WINDOWS_PATH,
        Facet::Address => facet::ADDRESS,
        Facet::Words => facet::WORDS,
        Facet::Program => facet::PROGRAM,
        Facet::Scope => facet::SCOPE,
        Facet::Instant => facet::INSTANT,
        Facet::Weekday(_) => facet::WEEKDAY,
        Facet::TimeOfDay(_) => facet::TIME,
        Facet::Date(_) => facet::DATE,
        Facet::Folded => facet::FOLDED,
        Facet::Segment => facet::SEGMENT,
        Facet::AnyPath => facet::ANY_PATH,
        Facet::Strings => facet::STRINGS,
        Facet::Shell => facet::SHELL,
        Facet::Command(CommandField::Program) => facet::COMMAND_PROGRAM,
        Facet::Command(CommandField::Words) => facet::COMMAND_WORDS,
        Facet::Command(CommandField::Args) => facet::COMMAND_ARGS,
        Facet::Command(CommandField::Env) => facet::COMMAND_ENV,
        Facet::Command(CommandField::Writes) => facet::COMMAND_WRITES,
        Facet::Command(CommandField::Reads) => facet::COMMAND_READS,
        Facet::Sql(Dialect::Sqlite) => facet::SQL | dialect::SQLITE << facet::BITS,
        Facet::Sql(Dialect::Postgres) => facet::SQL | dialect::POSTGRES << facet::BITS,
        Facet::Sql(Dialect::Mysql) => facet::SQL | dialect::MYSQL << facet::BITS,
        Facet::Sql(Dialect::Any) => facet::SQL | dialect::ANY << facet::BITS,
        Facet::Statement(StatementField::Statement) => facet::SQL_STATEMENT,
        Facet::Statement(StatementField::Tables) => facet::SQL_TABLES,
        Facet::Statement(StatementField::Functions) => facet::SQL_FUNCTIONS,
        Facet::Statement(StatementField::Columns) => facet::SQL_COLUMNS,
        Facet::Statement(StatementField::Limit) => facet::SQL_LIMIT,
        // They are no facets of the decoder's: see `Derived`.
        Facet::Age | Facet::Sum(_) => u32::MAX,
    }
}
