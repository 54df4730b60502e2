//! What can be found out about a policy, as JSON text in the form that the `perso` command prints. It is found out in Node's thread
//! pool, because it can take long.

use crate::compile::{extended, records};
use napi::bindgen_prelude::{AsyncTask, Function};
use napi::{Env, Error, Result, Task};
use napi_derive::napi;
use perso_core::analyze::{Rules, RulesError};
use perso_core::suite::Suite;
use perso_core::{Catalog, CatalogError, CompileError, Pins, Policy};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What has been found out, or why nothing could be.
#[napi(object)]
pub struct Found {
    /// What has been found out, as JSON; absent if nothing could be.
    pub json: Option<String>,
    /// Why nothing could be found out, as text for people.
    pub message: Option<String>,
    /// If a policy does not compile: all errors and warnings as JSON, in the format of `perso compile --format json`.
    pub diagnostics: Option<String>,
}

/// Why nothing could be found out.
enum Failure {
    Policy(CompileError),
    Load(String),
}

type Findings = std::result::Result<String, Failure>;

impl From<Findings> for Found {
    fn from(findings: Findings) -> Self {
        match findings {
            Ok(json) => Self { json: Some(json), message: None, diagnostics: None },
            Err(Failure::Load(message)) => Self { json: None, message: Some(message), diagnostics: None },
            Err(Failure::Policy(error)) => Self {
                json: None,
                message: Some(error.to_string()),
                diagnostics: Some(records(&error.documents, &error.diagnostics)),
            },
        }
    }
}

/// What is to be found out, until it has been.
pub struct Analysis(Option<Box<dyn FnOnce() -> Found + Send>>);

impl Analysis {
    fn task(find: impl FnOnce() -> Findings + Send + 'static) -> AsyncTask<Self> {
        AsyncTask::new(Self(Some(Box::new(|| find().into()))))
    }
}

#[napi]
impl Task for Analysis {
    type Output = Found;
    type JsValue = Found;

    fn compute(&mut self) -> Result<Found> {
        self.0.take().map(|find| find()).ok_or_else(|| Error::from_reason("the analysis has been done"))
    }

    fn resolve(&mut self, _: Env, found: Found) -> Result<Found> {
        Ok(found)
    }
}

/// Finds out whether the policy of a module keeps its guarantees, or those of another document. `resolve` and `path` are as for
/// `compile`.
#[napi]
pub fn prove(
    module: &[u8],
    guarantees: Option<String>,
    resolve: Option<Function<'_, String, String>>,
    path: Option<String>,
) -> AsyncTask<Analysis> {
    let module = module.to_vec();
    let other = guarantees.map(|text| extended(resolve, path, |resolver| Rules::read(&text, resolver)));
    Analysis::task(move || {
        let other = other.transpose().map_err(Failure::Policy)?;
        let rules = rules(&module)?;
        json(&rules.prove(other.as_ref().unwrap_or(&rules)))
    })
}

/// Finds out what the policy of a new module decides differently.
#[napi]
pub fn diff(old: &[u8], newer: &[u8]) -> AsyncTask<Analysis> {
    let (old, newer) = (old.to_vec(), newer.to_vec());
    Analysis::task(move || json(&rules(&old)?.diff(&rules(&newer)?)))
}

/// Checks the policy of a module against the tools of a server.
#[napi]
pub fn check(
    module: &[u8],
    tools: String,
    server: Option<String>,
    left_out: Vec<String>,
    pins: Option<String>,
) -> AsyncTask<Analysis> {
    let module = module.to_vec();
    Analysis::task(move || {
        let mut catalog = catalog(&tools, server.as_deref()).map_err(Failure::Load)?;
        if let Some(pins) = pins {
            catalog = catalog.approved_as(Pins::read(&pins).map_err(|error| Failure::Load(not_read("pins", &error)))?);
        }
        catalog = left_out.into_iter().fold(catalog, Catalog::leave_out);
        let rules = rules(&module)?;
        Ok(records(rules.documents(), &rules.check(&catalog)))
    })
}

/// Returns the text of a file of pins that approves tools as they are.
#[napi]
pub fn pins(tools: String, server: Option<String>) -> Result<String> {
    Ok(catalog(&tools, server.as_deref()).map_err(Error::from_reason)?.pins().text())
}

/// Stops an analysis.
#[napi]
#[derive(Default)]
pub struct Stop(Arc<AtomicBool>);

#[napi]
impl Stop {
    /// Nothing is stopped yet.
    #[napi(constructor)]
    pub fn new() -> Self {
        Self::default()
    }

    /// Stops it soon. What has been found out until then is of no use.
    #[napi]
    pub fn stop(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Runs the cases of a test file with the policy of a module.
#[napi]
pub fn test(module: &[u8], path: String, coverage: bool, mutate: bool, stop: Option<&Stop>) -> AsyncTask<Analysis> {
    let module = module.to_vec();
    let stop = stop.map(|stop| stop.0.clone()).unwrap_or_default();
    Analysis::task(move || {
        let suite = Suite::load_for(path, &policy(&module)?).map_err(failure)?;
        let mut report = suite.report();
        report.coverage = coverage.then(|| suite.coverage());
        let progress =
            |_, _| if stop.load(Ordering::Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
        report.mutation = mutate.then(|| suite.mutate(&progress));
        json(&report)
    })
}

fn policy(module: &[u8]) -> std::result::Result<Policy, Failure> {
    Policy::from_module(module).map_err(failure)
}

fn rules(module: &[u8]) -> std::result::Result<Rules, Failure> {
    Rules::of(&policy(module)?).map_err(|error| match error {
        RulesError::Refused(error) => Failure::Policy(error),
        error => failure(error),
    })
}

fn catalog(tools: &str, server: Option<&str>) -> std::result::Result<Catalog, String> {
    let mut catalog = Catalog::default();
    catalog.add(tools, server).map_err(|error| not_read("tools", &error))?;
    Ok(catalog)
}

fn not_read(what: &str, error: &CatalogError) -> String {
    format!("`{what}` {error}")
}

fn json(found: &impl serde::Serialize) -> Findings {
    serde_json::to_string(found).map_err(failure)
}

fn failure(error: impl std::error::Error) -> Failure {
    Failure::Load(error.to_string())
}
