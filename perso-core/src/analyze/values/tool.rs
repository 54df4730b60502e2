//! The name of the tool, and what is read off it.

use super::super::formula::AtomId;
use super::super::language::{self, Strings};
use super::super::space::{NodeId, Way};
use super::{Failure, MOST_VALUES, Values, kind_of, text_of};
use crate::policy::{Facet, Root};
use crate::reference::alone::{self, Read};
use crate::reference::{Number, Value};

impl<'w> Values<'w> {
    /// The name of the tool that a place is read off, if it can have no other.
    pub(super) fn tool_of(&self, node: NodeId) -> Option<Value> {
        let above = self.above(node).filter(|above| self.way(*above) == Some(&Way::Part(Root::Tool)))?;
        let fixed = self.fixed.get(&above).cloned();
        fixed.or_else(|| self.writer.tool.others.is_none().then(|| Value::String(self.writer.tool.name.clone())))
    }

    /// What is read off the tool's name.
    pub(super) fn of_tool(&self, node: NodeId, name: &Value) -> Result<Vec<Option<Value>>, Failure> {
        let Some(Way::Facet(facet)) = self.way(node) else { return Err(self.unknown(node)) };
        let read = alone::facet(*facet, name, self.shared, Some(&self.now));
        let atoms: Vec<AtomId> = self.atoms(node).into_iter().map(|(atom, _)| atom).collect();
        match read {
            Read::Value(value)
                if kind_of(&Read::Value(value.clone())) == self.kind(node) && self.passes(&atoms, &value) =>
            {
                Ok(vec![Some(value)])
            }
            // An age depends on the present, which may be another one.
            _ if self.writer.tool.others.is_some() || *facet == Facet::Age => Err(self.unknown(node)),
            _ => Err(Failure::Conflict(self.conflict(node, &atoms))),
        }
    }

    /// The tool's name, which is what it is, unless it may be that of others.
    pub(super) fn tool(&self, node: NodeId) -> Result<Value, Failure> {
        let tool = self.writer.tool;
        let name = Value::String(tool.name.clone());
        let own = self.atoms(node);
        let atoms: Vec<AtomId> = own.iter().map(|(atom, _)| *atom).collect();
        let wrong = atoms.iter().find(|atom| !self.passes(&[**atom], &name));
        if wrong.is_none() && self.fits(node, &name) {
            return Ok(name);
        }
        let Some(others) = &tool.others else {
            return Err(match wrong {
                Some(wrong) => Failure::Conflict(self.conflict(node, &[*wrong])),
                None if self.is_settled_below(node) => self.unknown(node),
                None => Failure::Conflict(self.facts_from(node)),
            });
        };
        let tested =
            own.iter().filter_map(|(atom, asked)| Some((language::expression(&asked.0)?, self.wanted(*atom, asked)?)));
        let lifted = self.lifted(node);
        let read = lifted.iter().map(|lifted| (lifted.expression.clone(), lifted.want));
        let expressions: Vec<_> = others.patterns.iter().cloned().chain(tested).chain(read).collect();
        let taken = others.taken.iter().cloned().collect();
        let measured = self.facets(node).into_iter().find(|(facet, _)| *facet == Facet::Length).map(|(_, node)| node);
        let of_length: Vec<AtomId> =
            measured.map(|node| self.atoms(node)).unwrap_or_default().into_iter().map(|(atom, _)| atom).collect();
        let alike = measured.map(|length| self.alike(length));
        let fits = |length: usize| self.passes(&of_length, &Value::Number(Number::new(&length.to_string())));
        match language::strings(&expressions, &fits, alike, MOST_VALUES, &taken, &self.memory.work) {
            Strings::These(names) if names.is_empty() => {
                let of_length = measured.map(|length| self.conflict(length, &of_length)).unwrap_or_default();
                let read = lifted.iter().flat_map(|lifted| self.conflict(lifted.facet, lifted.atom.as_slice()));
                Err(Failure::Conflict(self.conflict(node, &atoms).into_iter().chain(read).chain(of_length).collect()))
            }
            Strings::These(names) => {
                let names = names.into_iter().map(Value::String);
                Ok(self.fitting(node, names.collect(), 1)?.into_iter().next().unwrap_or(name))
            }
            Strings::Unfinished => Err(self.unknown(node)),
        }
    }

    pub(super) fn settle_tool(&mut self) -> Result<String, Failure> {
        let tool = self.writer.space.nodes.iter().position(|node| node.way == Way::Part(Root::Tool));
        let mut chosen = self.writer.tool.name.clone();
        if let Some(node) = tool.filter(|node| self.relevant.contains(node)) {
            let name = self.tool(node)?;
            chosen = text_of(&name).unwrap_or(chosen);
            self.fixed.insert(node, name);
        }
        Ok(chosen)
    }
}
