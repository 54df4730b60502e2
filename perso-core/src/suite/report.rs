//! What came of a test file, for programs.

use serde::{Serialize, Serializer};

use super::{Coverage, Mutation, Ran, Suite};
use crate::diagnostic::{Record, Source};

/// What came of a test file.
///
/// Serializes as `perso test --format json` prints it.
#[derive(Debug)]
#[non_exhaustive]
pub struct Report<'s> {
    /// What came of each case.
    pub cases: Vec<Ran<'s>>,
    /// What the cases cover, if that is wanted.
    pub coverage: Option<Coverage>,
    /// What the cases notice, if that is wanted.
    pub mutation: Option<Mutation>,
    suite: &'s Suite,
}

impl Suite {
    /// Runs the cases, and reports what came of them. What they cover and notice is for the caller to add.
    ///
    /// ```no_run
    /// use perso_core::suite::Suite;
    ///
    /// let suite = Suite::load("policies/payments.tests.json")?;
    /// let mut report = suite.report();
    /// report.coverage = Some(suite.coverage());
    /// println!("{}", serde_json::to_string(&report)?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn report(&self) -> Report<'_> {
        Report { cases: self.run(), coverage: None, mutation: None, suite: self }
    }
}

/// A report as it is written: findings have lines and columns.
#[derive(Serialize)]
struct Written<'r> {
    cases: &'r [Ran<'r>],
    #[serde(skip_serializing_if = "Option::is_none")]
    coverage: Option<WrittenCoverage<'r>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mutation: Option<WrittenMutation<'r>>,
}

#[derive(Serialize)]
struct WrittenCoverage<'r> {
    rules: usize,
    covered_rules: usize,
    outcomes: usize,
    covered_outcomes: usize,
    percent: f64,
    uncovered: Vec<Record<'r>>,
}

#[derive(Serialize)]
struct WrittenMutation<'r> {
    mutants: usize,
    noticed: usize,
    undecided: usize,
    score: f64,
    unnoticed: Vec<WrittenMutant<'r>>,
}

#[derive(Serialize)]
struct WrittenMutant<'r> {
    #[serde(flatten)]
    finding: Record<'r>,
    call: &'r str,
}

impl Serialize for Report<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let name = self.suite.policy().display().to_string();
        let source = Source::of(&name, self.suite.documents());
        let coverage = self.coverage.as_ref().map(|coverage| WrittenCoverage {
            rules: coverage.rules,
            covered_rules: coverage.covered_rules,
            outcomes: coverage.outcomes,
            covered_outcomes: coverage.covered_outcomes,
            percent: coverage.percent(),
            uncovered: coverage.uncovered.iter().map(|finding| source.record(finding)).collect(),
        });
        let mutation = self.mutation.as_ref().map(|mutation| WrittenMutation {
            mutants: mutation.mutants,
            noticed: mutation.noticed,
            undecided: mutation.undecided,
            score: mutation.score(),
            unnoticed: mutation
                .unnoticed
                .iter()
                .map(|mutant| WrittenMutant { finding: source.record(&mutant.finding), call: &mutant.call })
                .collect(),
        });
        Written { cases: &self.cases, coverage, mutation }.serialize(serializer)
    }
}
