//! Searches: who could do something, what it could be done to, and what could be done.
//!
//! Nothing is charged or recorded. A result is what could be allowed: arguments that the request does not have may be any.

use super::call::Evaluated;
use super::model::{Action, Entity, Evaluation, entity, member};
use super::read;
use crate::service::Service;
use crate::service::members::Members;
use crate::service::router::plain;
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use perso_core::Policy;
use perso_core::module::Manifest;
use serde::Serialize;
use std::collections::BTreeSet;
use std::sync::Arc;

/// After so many candidates, other requests get their turn.
const TURN: usize = 256;

#[derive(Serialize)]
struct Results<T> {
    results: Vec<T>,
}

/// A subject or a resource.
#[derive(Serialize)]
struct Found<'f> {
    r#type: &'f str,
    id: String,
}

#[derive(Serialize)]
struct Named {
    name: String,
}

/// What is searched for, and the rest of the call.
struct Search<'t> {
    service: &'t Service,
    policy: Arc<Policy>,
    context: Option<Members<'t>>,
}

/// `POST /access/v1/search/subject`
pub(super) async fn subject(State(service): State<Arc<Service>>, headers: HeaderMap, body: Bytes) -> Response {
    answered(async {
        let asked: Evaluation<'_> = read(&headers, &body)?;
        let subject: Entity<'_> = member("subject", asked.subject)?;
        let action: Action<'_> = member("action", asked.action)?;
        let (resource, resource_id) = entity("resource", asked.resource)?;
        let search = Search::new(&service, &asked)?;
        let mut results = Vec::new();
        for (at, id) in service.settings.entities.subjects.ids(&subject.r#type).enumerate() {
            rest(at).await;
            if search.finds((&subject, id), &action, (&resource, &resource_id)).await? {
                results.push(Found { r#type: &subject.r#type, id: id.to_owned() });
            }
        }
        Ok(Json(Results { results }).into_response())
    })
    .await
}

/// `POST /access/v1/search/resource`
pub(super) async fn resource(State(service): State<Arc<Service>>, headers: HeaderMap, body: Bytes) -> Response {
    answered(async {
        let asked: Evaluation<'_> = read(&headers, &body)?;
        let (subject, subject_id) = entity("subject", asked.subject)?;
        let action: Action<'_> = member("action", asked.action)?;
        let resource: Entity<'_> = member("resource", asked.resource)?;
        let search = Search::new(&service, &asked)?;
        let mut candidates: Vec<String> =
            service.settings.entities.resources.ids(&resource.r#type).map(str::to_owned).collect();
        if action.name == "tools/call" && resource.r#type == "tool" {
            let known: BTreeSet<String> = candidates.iter().cloned().collect();
            candidates.extend(search.tools().into_iter().filter(|tool| !known.contains(tool)));
        }
        let mut results = Vec::new();
        for (at, id) in candidates.into_iter().enumerate() {
            rest(at).await;
            if search.finds((&subject, &subject_id), &action, (&resource, &id)).await? {
                results.push(Found { r#type: &resource.r#type, id });
            }
        }
        Ok(Json(Results { results }).into_response())
    })
    .await
}

/// `POST /access/v1/search/action`
pub(super) async fn action(State(service): State<Arc<Service>>, headers: HeaderMap, body: Bytes) -> Response {
    answered(async {
        let asked: Evaluation<'_> = read(&headers, &body)?;
        let (subject, subject_id) = entity("subject", asked.subject)?;
        let (resource, resource_id) = entity("resource", asked.resource)?;
        let search = Search::new(&service, &asked)?;
        let mut names = service.settings.entities.actions.clone();
        match resource.r#type == "tool" {
            true => names.push("tools/call".to_owned()),
            false => names.extend(search.tools()),
        }
        let mut seen = BTreeSet::new();
        names.retain(|name| seen.insert(name.clone()));
        let mut results = Vec::new();
        for (at, name) in names.into_iter().enumerate() {
            rest(at).await;
            let action = Action { name, properties: None };
            if search.finds((&subject, &subject_id), &action, (&resource, &resource_id)).await? {
                results.push(Named { name: action.name });
            }
        }
        Ok(Json(Results { results }).into_response())
    })
    .await
}

impl<'t> Search<'t> {
    fn new(service: &'t Service, asked: &Evaluation<'t>) -> Result<Self, String> {
        let context = asked.context.map(|context| member("context", Some(context))).transpose()?.flatten();
        Ok(Self { service, policy: service.decider.policy(), context })
    }

    /// The tools that the policy names.
    fn tools(&self) -> Vec<String> {
        let manifest = Manifest::read(self.policy.module());
        let tools = manifest.map(|manifest| manifest.tools).unwrap_or_default();
        tools.into_iter().map(|tool| tool.name).filter(|name| !name.contains('*')).collect()
    }

    /// Whether a call could be allowed.
    async fn finds(
        &self,
        (subject, subject_id): (&Entity<'_>, &str),
        action: &Action<'_>,
        (resource, resource_id): (&Entity<'_>, &str),
    ) -> Result<bool, String> {
        let subject = (subject, subject_id);
        let call =
            Evaluated::of(self.service, &self.policy, subject, action, (resource, resource_id), self.context.as_ref())?;
        Ok(match call {
            Some(call) => self.service.decider.could_allow(&self.policy, &call.could_be()).await,
            None => true,
        })
    }
}

async fn rest(at: usize) {
    if at % TURN == TURN - 1 {
        tokio::task::yield_now().await;
    }
}

async fn answered(search: impl Future<Output = Result<Response, String>>) -> Response {
    search.await.unwrap_or_else(|why| plain(StatusCode::BAD_REQUEST, why))
}
