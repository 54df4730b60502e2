//! Asks the person at the client of an rmcp server.

use super::Request;
use super::judge::{has_forms, is_typed};
use crate::agent::BoxError;
use crate::elicit::{Elicit, Round, Said, form};
use async_trait::async_trait;
use perso_core::enforce::{Answer, Approver, Question};
use rmcp::model::*;
use rmcp::service::PeerRequestOptions;
use rmcp::{Peer, RoleServer};
use serde_json::json;
use std::sync::Arc;
use tokio::runtime::Handle;

#[async_trait]
impl Approver<Request> for Elicit {
    async fn ask(&self, question: &Question, request: &Request) -> Result<Answer, BoxError> {
        if is_typed(request) {
            return self.in_round(request.extensions.get::<Arc<Round>>(), question).await;
        }
        if !has_forms(request) {
            return self.elsewhere(question).await;
        }
        let Some(form) = form(question) else { return Ok(Answer::TooLarge) };
        let ask = ElicitRequest::new(serde_json::from_value(form)?).into();
        let asked = request.peer.send_request_with_option(ask, PeerRequestOptions::no_options()).await?;
        let mut open = Open { client: request.peer.clone(), id: Some(asked.id.clone()) };
        let result = tokio::select! {
            result = asked.await_response() => result,
            () = request.ct.cancelled() => return Err("the call was cancelled".into()),
        };
        open.id = None;
        let ClientResult::ElicitResult(ElicitResult { action, content, .. }) = result? else {
            return Err("the client's answer is not that of an elicitation".into());
        };
        Ok(Said::read(&json!({ "action": action, "content": content })).answer(question))
    }
}

/// An elicitation at a client. Dropping it before there is an answer cancels the request.
struct Open {
    client: Peer<RoleServer>,
    id: Option<RequestId>,
}

impl Drop for Open {
    fn drop(&mut self) {
        if let (Some(id), Ok(runtime)) = (self.id.take(), Handle::try_current()) {
            let (client, cancelled) = (self.client.clone(), CancelledNotificationParam::new(Some(id), None));
            runtime.spawn(async move { client.notify_cancelled(cancelled).await });
        }
    }
}
