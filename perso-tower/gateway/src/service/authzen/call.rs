//! Which call of a policy an evaluation is.
//!
//! The action is the tool, its properties are the arguments, and the subject, the resource and the context are what they are in a
//! call. The default mappings of [COAZ-MCP](https://openid.github.io/authzen/) are understood: with the action `tools/call`, the
//! resource is the tool.

use super::model::{Action, Entity, Evaluation, entity, member};
use crate::service::Service;
use crate::service::decider::{Described, Sessions};
use crate::service::mcp::{Asked, asked};
use crate::service::members::{Members, quoted};
use perso_core::{Part, Policy};

/// An evaluation as a call.
#[derive(Debug)]
pub(super) struct Evaluated {
    tool: String,
    is_request: bool,
    args: Args,
    agent: String,
    resource: Option<String>,
    context: Option<String>,
    session: Option<String>,
}

/// The arguments of a call, as JSON.
#[derive(Debug)]
pub(super) enum Args {
    Known(String),
    /// The request does not have them.
    Missing,
}

impl Evaluated {
    /// The call, or `None` if policies do not judge the request.
    ///
    /// # Errors
    ///
    /// If something is missing or cannot be read.
    pub(super) fn new(service: &Service, policy: &Policy, evaluation: &Evaluation<'_>) -> Result<Option<Self>, String> {
        let (subject, subject_id) = entity("subject", evaluation.subject)?;
        let action: Action<'_> = member("action", evaluation.action)?;
        let (resource, resource_id) = entity("resource", evaluation.resource)?;
        let context: Option<Members<'_>> =
            evaluation.context.map(|context| member("context", Some(context))).transpose()?.flatten();
        Self::of(service, policy, (&subject, &subject_id), &action, (&resource, &resource_id), context.as_ref())
    }

    pub(super) fn of(
        service: &Service,
        policy: &Policy,
        (subject, subject_id): (&Entity<'_>, &str),
        action: &Action<'_>,
        (resource, resource_id): (&Entity<'_>, &str),
        context: Option<&Members<'_>>,
    ) -> Result<Option<Self>, String> {
        let entities = &service.settings.entities;
        let known = entities.subjects.properties(&subject.r#type, subject_id);
        let agent = Members::join(&[("type", &subject.r#type), ("id", subject_id)], &[&known, &subject.properties]);
        let session = service.settings.session.as_ref().and_then(|name| {
            let agent: Members<'_> = serde_json::from_str(&agent).ok()?;
            serde_json::from_str(agent.get(name)?.get()).ok()
        });
        let context = context.map(|context| Members::join(&[], &[context]));
        let mut call = Self {
            tool: action.name.clone(),
            is_request: false,
            args: Args::Missing,
            agent,
            resource: None,
            context,
            session,
        };
        let is_prompt = resource.r#type == "prompt";
        match asked(policy.covers(), &action.name, is_prompt) {
            Asked::Unknown => {
                let known = entities.resources.properties(&resource.r#type, resource_id);
                let first = [("type", &*resource.r#type), ("id", resource_id)];
                call.resource = Some(Members::join(&first, &[&known, &resource.properties]));
                if let Some(properties) = &action.properties {
                    call.args = Args::Known(Members::join(&[], &[properties]));
                }
            }
            Asked::Tool if resource.r#type != "tool" => {
                return Err("with the action `tools/call`, the resource must be of the type `tool`".to_owned());
            }
            Asked::Tool => {
                resource_id.clone_into(&mut call.tool);
                call.args = arguments(action, resource)?;
            }
            Asked::Covered(request) => {
                request.clone_into(&mut call.tool);
                call.is_request = true;
                call.args = match arguments(action, resource)? {
                    Args::Missing if !is_prompt => Args::Known(format!(r#"{{"uri":{}}}"#, quoted(resource_id))),
                    Args::Missing => Args::Known(format!(r#"{{"name":{}}}"#, quoted(resource_id))),
                    known => known,
                };
            }
            Asked::Free => return Ok(None),
        }
        Ok(Some(call))
    }

    /// The call for the decider. Of arguments that the request does not have, nothing is known.
    pub(super) fn described(&self) -> Described<'_> {
        self.with(match &self.args {
            Args::Known(text) => Part::Json(text.as_bytes()),
            // An action without properties is a call without arguments.
            Args::Missing if self.resource.is_some() => Part::Absent,
            Args::Missing => Part::Withheld,
        })
    }

    /// The call for a search. Arguments that the request does not have may be any.
    pub(super) fn could_be(&self) -> Described<'_> {
        self.with(match &self.args {
            Args::Known(text) => Part::Json(text.as_bytes()),
            Args::Missing => Part::Open,
        })
    }

    fn with<'c>(&'c self, args: Part<'c>) -> Described<'c> {
        let part = |text: &'c Option<String>| text.as_ref().map_or(Part::Absent, |text| Part::Json(text.as_bytes()));
        Described {
            tool: &self.tool,
            is_request: self.is_request,
            args,
            agent: Part::Json(self.agent.as_bytes()),
            resource: part(&self.resource),
            context: part(&self.context),
            session: self.session.as_deref().map_or(Sessions::Whole(Part::Absent), Sessions::Id),
        }
    }
}

/// The arguments of a request of MCP: the property `arguments` of the action, or of the resource.
fn arguments(action: &Action<'_>, resource: &Entity<'_>) -> Result<Args, String> {
    let of_action = action.properties.as_ref().and_then(|properties| properties.get("arguments"));
    match (of_action, resource.properties.get("arguments")) {
        (Some(_), Some(_)) => Err("the arguments are in the action and in the resource: send them once".to_owned()),
        (Some(arguments), None) | (None, Some(arguments)) => Ok(Args::Known(arguments.get().to_owned())),
        (None, None) => Ok(Args::Missing),
    }
}
