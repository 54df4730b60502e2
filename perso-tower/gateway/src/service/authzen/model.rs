//! What requests look like. Members that the specification does not name are ignored, as it demands.

use crate::service::members::{Members, object};
use serde::Deserialize;
use serde_json::value::RawValue;

/// An evaluation. All of its members can be missing, because those of [`Evaluations`] can have them instead.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Evaluation<'t> {
    #[serde(borrow)]
    pub(super) subject: Option<&'t RawValue>,
    #[serde(borrow)]
    pub(super) action: Option<&'t RawValue>,
    #[serde(borrow)]
    pub(super) resource: Option<&'t RawValue>,
    #[serde(borrow)]
    pub(super) context: Option<&'t RawValue>,
}

impl<'t> Evaluation<'t> {
    /// The evaluation, with members of another one where it has none.
    pub(super) fn or(&self, otherwise: &Self) -> Self {
        Self {
            subject: self.subject.or(otherwise.subject),
            action: self.action.or(otherwise.action),
            resource: self.resource.or(otherwise.resource),
            context: self.context.or(otherwise.context),
        }
    }
}

/// Several evaluations. The first four members are for evaluations that have none.
#[derive(Debug, Deserialize)]
pub(super) struct Evaluations<'t> {
    #[serde(borrow)]
    subject: Option<&'t RawValue>,
    #[serde(borrow)]
    action: Option<&'t RawValue>,
    #[serde(borrow)]
    resource: Option<&'t RawValue>,
    #[serde(borrow)]
    context: Option<&'t RawValue>,
    #[serde(borrow, default)]
    pub(super) evaluations: Vec<&'t RawValue>,
    #[serde(default)]
    pub(super) options: Options,
}

impl<'t> Evaluations<'t> {
    pub(super) const fn otherwise(&self) -> Evaluation<'t> {
        let Self { subject, action, resource, context, .. } = *self;
        Evaluation { subject, action, resource, context }
    }
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Options {
    #[serde(default)]
    pub(super) evaluations_semantic: Semantic,
}

/// Which of several evaluations are made.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Semantic {
    #[default]
    ExecuteAll,
    DenyOnFirstDeny,
    PermitOnFirstPermit,
}

/// A subject or a resource. In a search, the id of what is searched for is missing.
#[derive(Debug, Deserialize)]
pub(super) struct Entity<'t> {
    pub(super) r#type: String,
    #[serde(default)]
    pub(super) id: Option<String>,
    #[serde(borrow, default)]
    pub(super) properties: Members<'t>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Action<'t> {
    pub(super) name: String,
    #[serde(borrow, default)]
    pub(super) properties: Option<Members<'t>>,
}

/// Reads a member that has to be there. The error has no value of it, which could be a secret.
pub(super) fn member<'t, T: Deserialize<'t>>(name: &str, text: Option<&'t RawValue>) -> Result<T, String> {
    let text = text.ok_or_else(|| format!("`{name}` is missing"))?;
    object(text.get().as_bytes()).map_err(|_| {
        let form = match name {
            "action" => "an object with the string `name`, and perhaps `properties`, an object",
            "context" => "an object",
            _ => "an object with the strings `type` and `id`, and perhaps `properties`, an object",
        };
        format!("`{name}` must be {form}, with each key once")
    })
}

/// Reads a subject or a resource with an id.
pub(super) fn entity<'t>(name: &str, text: Option<&'t RawValue>) -> Result<(Entity<'t>, String), String> {
    let mut entity: Entity<'t> = member(name, text)?;
    let id = entity.id.take().ok_or_else(|| format!("`{name}.id` is missing"))?;
    Ok((entity, id))
}
