//! The tools of the servers: what their arguments must look like, and whether they are still what was approved.

use crate::links::Links;
use crate::pins::Pins;
use jsonschema::Validator;
use rmcp::model::*;
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

/// How many tools the gateway knows.
const MOST_TOOLS: usize = 10_000;
/// How much of what is wrong with arguments the model gets to read.
const MOST_WORDS: usize = 600;

/// The tools of all servers, by the names that clients have for them.
pub(crate) struct Tools {
    known: RwLock<HashMap<String, Arc<Known>>>,
    pins: Option<Pins>,
}

struct Known {
    schema: Arc<JsonObject>,
    /// Made when the tool is first called.
    validator: OnceLock<Result<Validator, String>>,
    is_approved: bool,
    annotations: Option<ToolAnnotations>,
    /// Whether the schema names headers that have to agree with the arguments.
    has_headers: bool,
}

impl Known {
    /// What is wrong with arguments.
    fn fault(&self, arguments: Option<&JsonObject>) -> Option<String> {
        let validator = self.validator.get_or_init(|| {
            // It reads no other document: neither a file nor a page.
            jsonschema::options().build(&Value::Object((*self.schema).clone())).map_err(|error| error.to_string())
        });
        let validator = match validator {
            Ok(validator) => validator,
            Err(why) => return Some(format!("the tool's own schema cannot be read: {why}")),
        };
        let arguments = Value::Object(arguments.cloned().unwrap_or_default());
        let faults: Vec<String> = validator
            .iter_errors(&arguments)
            .take(3)
            .map(|error| match error.instance_path().as_str() {
                "" => error.to_string(),
                path => format!("{}: {error}", path.trim_start_matches('/')),
            })
            .collect();
        (!faults.is_empty()).then(|| faults.join("; "))
    }
}

impl Tools {
    pub(crate) fn new(pins: Option<Pins>) -> Self {
        Self { known: RwLock::default(), pins }
    }

    fn known(&self, name: &str) -> Option<Arc<Known>> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// Takes note of a list of tools, and removes those that nobody has approved.
    pub(crate) fn listed(&self, tools: &mut Vec<Tool>) {
        {
            let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
            for tool in tools.iter() {
                let is_approved = self.pins.as_ref().is_none_or(|pins| pins.approves(tool));
                let same = known.get(&*tool.name).is_some_and(|had| {
                    had.is_approved == is_approved
                        && had.annotations == tool.annotations
                        && (Arc::ptr_eq(&had.schema, &tool.input_schema) || had.schema == tool.input_schema)
                });
                if !same && (known.len() < MOST_TOOLS || known.contains_key(&*tool.name)) {
                    let (schema, annotations) = (tool.input_schema.clone(), tool.annotations.clone());
                    let has_headers = serde_json::to_string(&*schema).is_ok_and(|text| text.contains("x-mcp-header"));
                    let now = Known { schema, validator: OnceLock::new(), is_approved, annotations, has_headers };
                    known.insert(tool.name.to_string(), Arc::new(now));
                }
            }
        }
        if let Some(pins) = &self.pins {
            tools.retain(|tool| {
                let is_approved = pins.approves(tool);
                if !is_approved {
                    tracing::warn!(tool = %tool.name, "is new or has changed: withheld until `perso-gateway approve`");
                }
                is_approved
            });
        }
    }

    /// The input schema of the tool, if a call may go to its server. If not, the reason is for the model.
    pub(crate) async fn check(&self, links: &Links, call: &CallToolRequestParams) -> Result<Arc<JsonObject>, String> {
        let mut is_fresh = false;
        loop {
            let fault = match self.known(&call.name) {
                None => "no server has this tool".to_owned(),
                Some(known) if !known.is_approved => {
                    "this tool is new or has changed, and nobody has approved it yet".to_owned()
                }
                Some(known) => match known.fault(call.arguments.as_ref()) {
                    None => return Ok(known.schema.clone()),
                    Some(fault) => format!("the arguments do not fit the tool's schema: {fault}"),
                },
            };
            // Perhaps the tool has another schema by now.
            if is_fresh || !self.refresh(links, &call.name).await {
                return Err(shortened(fault));
            }
            is_fresh = true;
        }
    }

    /// Whether a call may go to its server, as far as is known. Its head cannot say anything that the tool's schema knows.
    pub(crate) fn fits(&self, name: &str, arguments: &JsonObject) -> bool {
        self.known(name)
            .is_some_and(|known| known.is_approved && !known.has_headers && known.fault(Some(arguments)).is_none())
    }

    /// What rules read as `context.…` in a call of a tool: what a trusted server says about it.
    pub(crate) async fn context(&self, links: &Links, name: &str) -> Map<String, Value> {
        if links.inner(name).is_none_or(|(link, _)| !link.server.is_trusted) {
            return Map::new();
        }
        if self.known(name).is_none() {
            self.refresh(links, name).await;
        }
        let annotations = self.known(name).and_then(|known| known.annotations.clone()).unwrap_or_default();
        let hints = [
            ("readOnlyHint", annotations.read_only_hint),
            ("destructiveHint", annotations.destructive_hint),
            ("idempotentHint", annotations.idempotent_hint),
            ("openWorldHint", annotations.open_world_hint),
        ];
        let hints = hints.into_iter().filter_map(|(name, hint)| Some((name.to_owned(), hint?.into())));
        Map::from_iter([("tool".to_owned(), json!(hints.collect::<Map<_, _>>()))])
    }

    /// Reads the list of the server that has a tool.
    pub(crate) async fn refresh(&self, links: &Links, name: &str) -> bool {
        let Some((link, own)) = links.inner(name) else { return false };
        let prefix = name.strip_suffix(own).unwrap_or_default();
        let Ok(mut tools) = link.tools().await else { return false };
        for tool in &mut tools {
            tool.name = format!("{prefix}{}", tool.name).into();
        }
        self.listed(&mut tools);
        true
    }
}

/// At most as many words as a model has use for.
fn shortened(mut text: String) -> String {
    if text.len() > MOST_WORDS {
        let end = (0..=MOST_WORDS).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
        text.truncate(end);
        text.push('…');
    }
    text
}
