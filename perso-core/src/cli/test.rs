//! `perso test`

use super::failure::Failure;
use super::input::Extended;
use super::output::{self, BAD, BOLD, GOOD, count};
use super::progress::Progress;
use super::{DONE, FAILED};
use crate::diagnostic::{Diagnostic, Source};
use crate::suite::{self, Coverage, Failed, Mutation, Ran, Report, Suite, SuiteError};
use crate::{LoadError, visible};
use clap::{Args, ValueEnum};
use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};
use serde::Serialize;
use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// The exit code if a case fails, or less is covered or noticed than is required.
const LACKING: u8 = 2;

/// Run the tests of policies
///
/// Runs the cases in test files (*.tests.json). Each case is a call, and what the policy must decide about it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  perso test                                     # all test files in this folder and below
  perso test refunds.tests.json --coverage       # shows what no case covers
  perso test policies --mutate --min-score 95    # for CI
  perso test policies --format junit > report.xml

With --format json, standard output has one JSON object per line, for each test file:
  {\"file\", \"cases\": [{\"name\", \"expected\", \"got\"}],
  \"coverage\": {\"rules\", \"covered_rules\", \"outcomes\", \"covered_outcomes\", \"percent\", \"uncovered\"},
  \"mutation\": {\"mutants\", \"noticed\", \"undecided\", \"score\", \"unnoticed\"}}.
A case has \"expected\" and \"got\" only if it failed. What is uncovered and unnoticed has the form
  {\"severity\", \"code\", \"message\", \"file\", \"line\", \"column\", \"end_line\", \"end_column\", \"help\"}
and, for what is unnoticed, the \"call\" that would be decided otherwise.

Exit codes: 0 every case passes; 2 a case fails, or less is covered or noticed than is required; 1 an error.")]
pub(crate) struct Test {
    /// Test files, and folders in which they are searched for
    #[arg(value_name = "PATH", default_value = ".")]
    paths: Vec<PathBuf>,
    /// Test this policy (JSON or a module) instead of those that the files name
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Show which rules and which outcomes of tests no case brings about
    #[arg(long)]
    coverage: bool,
    /// Require that the cases cover this much of each policy, in percent; implies --coverage
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    min_coverage: Option<f64>,
    /// Change each policy in one place at a time, and show the changes that no case notices
    #[arg(long)]
    mutate: bool,
    /// Require that the cases notice this many of the changes, in percent; implies --mutate
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    min_score: Option<f64>,
    /// The output format
    #[arg(long, value_enum, default_value = "human")]
    format: Shape,
    #[command(flatten)]
    extended: Extended,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Shape {
    /// Text for people
    Human,
    /// JSON for programs
    Json,
    /// XML for CI servers
    Junit,
}

fn percent(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(percent) if (0.0..=100.0).contains(&percent) => Ok(percent),
        _ => Err("a number from 0 to 100".to_owned()),
    }
}

/// What came of one test file.
struct Tested<'s> {
    file: &'s str,
    suite: &'s Suite,
    report: Report<'s>,
    /// What is lacking besides failed cases.
    lacking: Vec<(&'static str, String)>,
}

/// What came of one test file, for programs.
#[derive(Serialize)]
struct Written<'a> {
    file: &'a str,
    #[serde(flatten)]
    report: &'a Report<'a>,
}

impl Test {
    pub(crate) fn run(&self) -> Result<u8, Failure> {
        let mut files = Vec::new();
        for path in &self.paths {
            files.extend(suite::find(path)?);
        }
        if files.is_empty() {
            return Err(Failure::because("there are no test files here: their names end with `.tests.json`"));
        }
        // Those that are given and found are run once.
        let mut seen = std::collections::HashSet::new();
        files.retain(|file| seen.insert(file.clone()));
        let mut junit = quick_junit::Report::new("perso");
        let (mut passed, mut failed, mut is_lacking, mut is_broken) = (0, 0, false, false);
        for path in &files {
            let file = path.display().to_string();
            let progress = Progress::of(format!("testing {file}"));
            let suite = match Suite::load_with(path, self.policy.as_deref(), self.extended.includes()) {
                Ok(suite) => suite,
                Err(error) => {
                    drop(progress);
                    broken(error)?;
                    is_broken = true;
                    continue;
                }
            };
            let tested = self.test(&file, &suite, &progress);
            drop(progress);
            let failures = tested.report.cases.iter().filter(|ran| ran.failed.is_some()).count();
            passed += tested.report.cases.len() - failures;
            failed += failures;
            is_lacking |= failures > 0 || !tested.lacking.is_empty();
            match self.format {
                Shape::Human => tested.human()?,
                Shape::Json => tested.json()?,
                Shape::Junit => drop(junit.add_test_suite(tested.junit())),
            }
        }
        match self.format {
            Shape::Human => {
                let files = count(files.len(), "file");
                writeln!(anstream::stdout(), "{files}: {passed} passed, {failed} failed")?;
            }
            Shape::Json => {}
            Shape::Junit => {
                let xml = junit.to_string().map_err(|error| Failure::because(error.to_string()))?;
                io::stdout().lock().write_all(xml.as_bytes())?;
            }
        }
        Ok(match (is_broken, is_lacking) {
            (true, _) => FAILED,
            (false, true) => LACKING,
            (false, false) => DONE,
        })
    }

    fn test<'s>(&self, file: &'s str, suite: &'s Suite, progress: &Progress) -> Tested<'s> {
        let mut report = suite.report();
        report.coverage = (self.coverage || self.min_coverage.is_some()).then(|| suite.coverage());
        report.mutation = (self.mutate || self.min_score.is_some()).then(|| {
            suite.mutate(&|done, of| {
                progress.now(|| format!("changing {}: {done} of {of}", suite.policy().display()));
                ControlFlow::Continue(())
            })
        });
        let mut lacking = Vec::new();
        let mut require = |what, is: Option<f64>, least: Option<f64>| {
            if let (Some(is), Some(least)) = (is, least)
                && is < least
            {
                lacking.push((what, format!("{} %, and {least} % are required", shown(is))));
            }
        };
        require("coverage", report.coverage.as_ref().map(Coverage::percent), self.min_coverage);
        require("mutation score", report.mutation.as_ref().map(Mutation::score), self.min_score);
        Tested { file, suite, report, lacking }
    }
}

/// Shows why a file cannot be tested.
fn broken(error: SuiteError) -> io::Result<()> {
    if let SuiteError::Load(LoadError::Policy { path, error }) = error {
        let name = path.display().to_string();
        output::findings(&Source::of(&name, &error.documents), &error.diagnostics)?;
        if let Failure::Because(why) = Failure::refused(&path, "compiled", &error.diagnostics) {
            output::error(&why);
        }
    } else {
        output::error(&error.to_string());
    }
    Ok(())
}

/// With one digit, and never rounded up: 100 % is all.
fn shown(percent: f64) -> String {
    format!("{:.1}", (percent * 10.0).floor() / 10.0)
}

impl Tested<'_> {
    /// What is not covered or noticed, with the call that would be decided otherwise.
    fn findings(&self) -> impl Iterator<Item = (&Diagnostic, Option<&str>)> {
        let Report { coverage, mutation, .. } = &self.report;
        let uncovered = coverage.iter().flat_map(|coverage| &coverage.uncovered).map(|finding| (finding, None));
        let unnoticed = mutation.iter().flat_map(|mutation| &mutation.unnoticed);
        uncovered.chain(unnoticed.map(|mutant| (&mutant.finding, Some(mutant.call.as_str()))))
    }

    fn human(&self) -> io::Result<()> {
        let name = self.suite.policy().display().to_string();
        let source = Source::of(&name, self.suite.documents());
        let mut out = anstream::stdout().lock();
        let Report { cases, coverage, mutation, .. } = &self.report;
        let failed: Vec<&Ran<'_>> = cases.iter().filter(|ran| ran.failed.is_some()).collect();
        let (style, failures) = match failed.len() {
            0 => (GOOD, String::new()),
            failed => (BAD, format!(", {failed} failed")),
        };
        let passed = cases.len() - failed.len();
        writeln!(out, "{style}{}{style:#}: {passed} passed{failures}", visible(self.file))?;
        for ran in failed {
            writeln!(out, "  {BAD}failed{BAD:#} {}", visible(ran.name))?;
            if let Some(Failed { expected, got, .. }) = &ran.failed {
                writeln!(out, "    expected {}\n    got      {}", visible(expected), visible(got))?;
            }
        }
        for (finding, _) in self.findings() {
            writeln!(out, "{}\n", source.render(finding, true))?;
        }
        if let Some(coverage) = coverage {
            let Coverage { rules, covered_rules, outcomes, covered_outcomes, .. } = coverage;
            let percent = shown(coverage.percent());
            writeln!(
                out,
                "  covered: {covered_rules} of {}, {covered_outcomes} of {}: {percent} %",
                count(*rules, "rule"),
                count(*outcomes, "outcome")
            )?;
        }
        if let Some(mutation) = mutation {
            let Mutation { mutants, noticed, undecided, .. } = mutation;
            let undecided = if *undecided > 0 { format!(", {undecided} undecided") } else { String::new() };
            writeln!(
                out,
                "  noticed: {noticed} of {}: {} %{undecided}",
                count(*mutants, "change"),
                shown(mutation.score())
            )?;
        }
        self.lacking.iter().try_for_each(|(what, why)| writeln!(out, "  {BOLD}{what}{BOLD:#}: {why}"))
    }

    fn json(&self) -> io::Result<()> {
        output::json(&mut io::stdout().lock(), &Written { file: self.file, report: &self.report })
    }

    fn junit(&self) -> TestSuite {
        let mut suite = TestSuite::new(self.file);
        let class =
            Path::new(self.file).file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let mut add = |name: &str, failure: Option<(String, String)>| {
            let status = match failure {
                None => TestCaseStatus::success(),
                Some((message, description)) => {
                    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
                    status.set_message(message).set_description(description);
                    status
                }
            };
            let mut case = TestCase::new(visible(name).into_owned(), status);
            case.set_classname(class.clone());
            suite.add_test_case(case);
        };
        for ran in &self.report.cases {
            add(ran.name, ran.failed.as_ref().map(|failed| (format!("got {}", failed.got), failed.to_string())));
        }
        let name = self.suite.policy().display().to_string();
        let source = Source::of(&name, self.suite.documents());
        let findings: Vec<String> = self.findings().map(|(finding, _)| source.render(finding, false)).collect();
        for (what, why) in &self.lacking {
            add(what, Some((why.clone(), findings.join("\n\n"))));
        }
        suite
    }
}
