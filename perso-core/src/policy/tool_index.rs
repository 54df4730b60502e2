//! Finds the patterns that match a tool without trying each.

use std::collections::HashMap;

use super::tool_pattern::matches;

/// Distinct tool patterns, by what they begin with.
#[derive(Debug, Default)]
pub(crate) struct ToolIndex<'p> {
    patterns: Vec<&'p str>,
    ids: HashMap<&'p str, usize>,
    /// Patterns with a `*`, by what stands before it.
    wildcards: HashMap<&'p str, Vec<usize>>,
    /// The lengths that the keys of `wildcards` have, ascending.
    prefix_lengths: Vec<usize>,
    wildcard_count: usize,
}

impl<'p> ToolIndex<'p> {
    /// The pattern's number: the same for the same text.
    pub(crate) fn insert(&mut self, pattern: &'p str) -> usize {
        let next = self.patterns.len();
        let id = *self.ids.entry(pattern).or_insert(next);
        if id < next {
            return id;
        }
        self.patterns.push(pattern);
        if let Some((prefix, _)) = pattern.split_once('*') {
            self.wildcard_count += 1;
            self.wildcards.entry(prefix).or_default().push(id);
            if let Err(place) = self.prefix_lengths.binary_search(&prefix.len()) {
                self.prefix_lengths.insert(place, prefix.len());
            }
        }
        id
    }

    /// The number of a pattern.
    pub(crate) fn find(&self, pattern: &str) -> Option<usize> {
        self.ids.get(pattern).copied()
    }

    pub(crate) fn len(&self) -> usize {
        self.patterns.len()
    }

    /// How many have a `*`.
    pub(crate) fn wildcard_count(&self) -> usize {
        self.wildcard_count
    }

    /// The patterns that match a tool; asked with a pattern's text, those that cover that pattern.
    pub(crate) fn matching<'s>(&'s self, tool: &'s str) -> impl Iterator<Item = usize> + 's {
        let exact = self.ids.get(tool).copied().filter(|_| !tool.contains('*'));
        let wild = self
            .prefix_lengths
            .iter()
            .map_while(|length| (*length <= tool.len()).then(|| tool.get(..*length)))
            .filter_map(|prefix| self.wildcards.get(prefix?))
            .flatten()
            .copied()
            .filter(|id| self.patterns.get(*id).is_some_and(|pattern| matches(pattern, tool)));
        exact.into_iter().chain(wild)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_trying_each_finds() {
        let mut index = ToolIndex::default();
        let patterns = ["a", "a*", "*", "*b", "ä*", "ab*", "a*b*", "b"];
        for pattern in patterns {
            index.insert(pattern);
            index.insert(pattern);
        }
        assert_eq!(index.len(), patterns.len());
        for tool in ["", "a", "b", "ab", "äb", "abb", "c", "a*", "*"] {
            let mut found: Vec<usize> = index.matching(tool).collect();
            found.sort_unstable();
            let tried: Vec<usize> = (0..patterns.len()).filter(|id| matches(patterns[*id], tool)).collect();
            assert_eq!(found, tried, "{tool}");
        }
    }
}
