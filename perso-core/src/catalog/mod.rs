//! The tools that a server has, and whether a policy fits them.
//!
//! [`read`](self) makes a [`Catalog`] of the answers to `tools/list`. Then each file looks for one kind of finding: `tools` for tools
//! that rules forget or that are not there, `arguments` for tests that do not fit a tool's input schema, `open` for arguments that rules
//! should test, and `drift` for tools that have changed since they were approved (`pins`). `schema` says what a schema allows.

mod arguments;
mod drift;
mod json;
mod look;
mod open;
mod pins;
mod read;
mod schema;
mod scope;
mod tools;

pub use pins::Pins;

use std::collections::BTreeMap;

pub(crate) use self::json::Json;
use self::schema::Schema;
use self::scope::Scope;
use crate::analyze::Rules;
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::documents::Documents;

/// The tools of one or several servers, and what is known about them.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    tools: BTreeMap<String, Tool>,
    left_out: Vec<String>,
    pins: Option<Pins>,
}

/// A tool, as a server lists it.
#[derive(Debug, Clone)]
struct Tool {
    definition: Json,
}

impl Tool {
    fn schema(&self) -> Schema<'_> {
        Schema { root: self.definition.get("inputSchema").unwrap_or(&Json::Null) }
    }

    fn description(&self) -> &str {
        self.definition.get("description").and_then(Json::text).unwrap_or_default()
    }
}

/// Why a text is no list of tools.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CatalogError {
    /// The text has another form.
    #[error("is not a list of tools: {0}")]
    Malformed(String),
    /// The text is no file of pins.
    #[error("is not a file of pinned tools: {0}")]
    Pins(String),
    /// Two tools have the same name.
    #[error("has a tool with the same name as another: {}", crate::diagnostic::quoted(.tool))]
    Duplicate {
        /// The name.
        tool: String,
    },
}

impl Catalog {
    /// Says that a tool is left out on purpose: that no rule lets it through is as it should be.
    #[must_use]
    pub fn leave_out(mut self, tool: impl Into<String>) -> Self {
        self.left_out.push(tool.into());
        self
    }

    /// Says what the tools were when they were approved.
    #[must_use]
    pub fn approved_as(mut self, pins: Pins) -> Self {
        self.pins = Some(pins);
        self
    }

    /// The names of the tools, ascending.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.tools.keys().map(String::as_str)
    }

    /// The input schema of a tool, if there is such a tool.
    pub(crate) fn input(&self, tool: &str) -> Option<&Json> {
        self.tools.get(tool)?.definition.get("inputSchema")
    }

    /// How many tools there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.tools.len()
    }

    /// Whether there is no tool.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tools.is_empty()
    }
}

impl Rules {
    /// Checks whether the policy fits the tools of a server. The findings are in the order of the policy's text.
    ///
    /// ```
    /// use perso_core::Catalog;
    /// use perso_core::analyze::Rules;
    /// use std::collections::HashMap;
    ///
    /// let mut catalog = Catalog::default();
    /// catalog.add(
    ///     r#"[{ "name": "refund", "inputSchema": { "type": "object", "properties": { "amount": { "type": "number" } } } }]"#,
    ///     None,
    /// )?;
    /// let policy = r#"{ "perso": 1, "rules": [{ "id": "small", "allow": "refund", "when": { "args.amuont": { "lte": 500 } } }] }"#;
    /// let found = Rules::read(policy, &HashMap::new())?.check(&catalog);
    /// assert_eq!(found[0].message, "the tool `refund` has no argument `args.amuont`");
    /// assert_eq!(found[0].help.as_deref(), Some("did you mean `args.amount`?"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn check(&self, catalog: &Catalog) -> Vec<Diagnostic> {
        let mut diagnostics = Diagnostics::default();
        let scopes = [Some(&self.policy), self.guarantees.as_ref()].into_iter().flatten().enumerate();
        for (at, policy) in scopes {
            match Scope::new(policy, at == 0, catalog, &self.documents) {
                Some(scope) => {
                    tools::find(&scope, &mut diagnostics);
                    arguments::find(&scope, &mut diagnostics);
                    if scope.is_policy {
                        open::find(&scope, &mut diagnostics);
                        drift::find(&scope, &mut diagnostics);
                    }
                    if scope.is_spent() {
                        diagnostics.push(too_much(&self.documents));
                    }
                }
                None => diagnostics.push(too_much(&self.documents)),
            }
        }
        diagnostics.finish()
    }
}

fn too_much(documents: &Documents) -> Diagnostic {
    let message = "the rules are about so many tools that not all could be checked";
    Diagnostic::new(Code::Limit, scope::start(documents), message)
        .help("check the tools of one server at a time, or write fewer rules with `*`")
}
