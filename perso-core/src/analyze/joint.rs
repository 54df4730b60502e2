//! Several policies over one set of attributes, roles and sums, so that a test means the same wherever it stands.

use std::collections::HashMap;

use crate::policy::{
    Attribute, AttributeId, Condition, Facet, Operand, Operator, Policy, Quantified, Rule, RuleIndex, Step, Test,
};
use crate::reference::tool;

/// Policies whose rules read the same attributes.
pub(super) struct Joint<'p> {
    /// The policies as they are.
    pub(super) parts: Vec<&'p Policy>,
    /// The attributes, roles and sums of all of them; it has no rules.
    pub(super) shared: Policy,
    /// The rules of each of the policies, which read `shared`.
    pub(super) rules: Vec<Vec<Rule>>,
    indices: Vec<RuleIndex<'p>>,
}

impl<'p> Joint<'p> {
    pub(super) fn new(parts: Vec<&'p Policy>) -> Self {
        let mut shared = Policy::empty();
        let mut known = HashMap::new();
        let rules = parts.iter().map(|part| Shift::new(part, &mut shared, &mut known).rules(part)).collect();
        let indices = parts.iter().map(|part| RuleIndex::new(part)).collect();
        Self { parts, shared, rules, indices }
    }

    /// One of the policies with only the rules that are asked about a tool, and the places of these in the whole policy.
    pub(super) fn narrow(&self, part: usize, name: &str) -> Option<(Policy, Vec<usize>)> {
        let index = self.indices.get(part)?;
        Some((index.narrow(name), index.about(name)))
    }

    /// The rules of one of the policies that are about a tool, with their places, ascending.
    pub(super) fn about(&self, part: usize, name: &str) -> Vec<(usize, &Rule)> {
        let (Some(index), Some(policy), Some(rules)) =
            (self.indices.get(part), self.parts.get(part), self.rules.get(part))
        else {
            return Vec::new();
        };
        let asked = index.about(name).into_iter().filter_map(|at| Some((at, rules.get(at)?)));
        asked.filter(|(_, rule)| tool::rule_matches(policy, rule, name)).collect()
    }
}

/// Where the attributes, roles and sums of a policy are among those of all.
struct Shift {
    attributes: Vec<AttributeId>,
    roles: usize,
}

impl Shift {
    fn new(part: &Policy, shared: &mut Policy, known: &mut HashMap<Attribute, AttributeId>) -> Self {
        let (roles, sums) = (shared.roles.len(), shared.sums.len());
        shared.sums.extend(part.sums.iter().cloned());
        // Two policies may mean different things by a role of the same name, so each keeps its own.
        shared.roles.extend(part.roles.iter().cloned().map(|mut role| {
            role.closure.iter_mut().for_each(|id| *id += roles);
            role
        }));
        let mut own = part.attributes.clone();
        for step in own.iter_mut().flat_map(|attribute| &mut attribute.steps) {
            if let Step::Facet(Facet::Sum(sum)) = step {
                let same = part.sums.get(*sum).and_then(|sum| shared.sums.iter().position(|other| other == sum));
                *sum = same.unwrap_or(*sum + sums);
            }
        }
        let mut place = |attribute: Attribute| {
            *known.entry(attribute).or_insert_with_key(|attribute| {
                shared.attributes.push(attribute.clone());
                shared.attributes.len() - 1
            })
        };
        let attributes = own.into_iter().map(&mut place).collect();
        Self { attributes, roles }
    }

    fn rules(&self, part: &Policy) -> Vec<Rule> {
        let shifted = |rule: &Rule| Rule {
            roles: rule.roles.as_ref().map(|roles| roles.iter().map(|role| role + self.roles).collect()),
            condition: self.condition(&rule.condition),
            ..rule.clone()
        };
        part.rules.iter().map(shifted).collect()
    }

    fn id(&self, id: AttributeId) -> AttributeId {
        self.attributes.get(id).copied().unwrap_or(id)
    }

    fn condition(&self, condition: &Condition) -> Condition {
        let all = |parts: &[Condition]| parts.iter().map(|part| self.condition(part)).collect();
        match condition {
            Condition::All(parts) => Condition::All(all(parts)),
            Condition::Any(parts) => Condition::Any(all(parts)),
            Condition::Not(part) => Condition::Not(Box::new(self.condition(part))),
            Condition::Test(test) => Condition::Test(Test {
                attribute: self.id(test.attribute),
                operator: self.operator(&test.operator),
                span: test.span,
            }),
        }
    }

    fn operand(&self, operand: &Operand) -> Operand {
        match operand {
            Operand::Ref(id) => Operand::Ref(self.id(*id)),
            Operand::Literal(_) => operand.clone(),
        }
    }

    fn operator(&self, operator: &Operator) -> Operator {
        let asked = |asked: &Quantified| Quantified {
            condition: Box::new(self.condition(&asked.condition)),
            bounded: asked.bounded,
        };
        match operator {
            Operator::Eq(operand) => Operator::Eq(self.operand(operand)),
            Operator::Lt(operand) => Operator::Lt(self.operand(operand)),
            Operator::Lte(operand) => Operator::Lte(self.operand(operand)),
            Operator::Gt(operand) => Operator::Gt(self.operand(operand)),
            Operator::Gte(operand) => Operator::Gte(self.operand(operand)),
            Operator::StartsWith(operand) => Operator::StartsWith(self.operand(operand)),
            Operator::EndsWith(operand) => Operator::EndsWith(self.operand(operand)),
            Operator::Contains(operand) => Operator::Contains(self.operand(operand)),
            Operator::Has(operand) => Operator::Has(self.operand(operand)),
            Operator::Inside { base, directory } => Operator::Inside {
                base: base.map(|id| self.id(id)),
                directory: directory.iter().map(|part| self.operand(part)).collect(),
            },
            Operator::HasRole(role) => Operator::HasRole(role + self.roles),
            Operator::Every(of) => Operator::Every(asked(of)),
            Operator::Some(of) => Operator::Some(asked(of)),
            Operator::At(place, of) => Operator::At(*place, asked(of)),
            Operator::InList(id) => Operator::InList(self.id(*id)),
            Operator::Only(keys) => Operator::Only(keys.iter().map(|id| self.id(*id)).collect()),
            Operator::In(_) | Operator::Presumed(_) | Operator::Matches(_) | Operator::Exists | Operator::Type(_) => {
                operator.clone()
            }
        }
    }
}
