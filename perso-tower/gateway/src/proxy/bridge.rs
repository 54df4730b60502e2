//! Between the eras: what a server of revision 2026-07-28 answers with questions, an older client is asked, and what an
//! older server announces, a newer client listens to.

use crate::link::{Asked, Failed, Link};
use crate::links::Links;
use rmcp::model::*;
use rmcp::service::{RequestContext, SubscriptionContext};
use rmcp::{ErrorData, Peer, RoleServer, ServiceError};
use serde_json::Value;
use std::sync::Arc;
use tokio::task::JoinSet;

/// How often a server can answer with questions before it gives a result.
const ROUNDS: usize = 10;

/// A request that a server can answer with questions.
pub(super) trait Retried: Clone {
    fn answers(&mut self) -> (&mut Option<InputResponses>, &mut Option<String>);
}

macro_rules! retried {
    ($($params:ident),+) => {
        $(impl Retried for $params {
            fn answers(&mut self) -> (&mut Option<InputResponses>, &mut Option<String>) {
                (&mut self.input_responses, &mut self.request_state)
            }
        })+
    };
}

retried!(CallToolRequestParams, GetPromptRequestParams, ReadResourceRequestParams);

/// Sends a request, and asks an older client what the server asks for.
pub(super) async fn asked<P: Retried, F: Future<Output = Result<ServerResult, Failed>>>(
    params: P,
    asked: &Asked,
    context: &RequestContext<RoleServer>,
    send: impl Fn(P) -> F,
) -> Result<ServerResult, Failed> {
    if !is_asked(context) {
        return send(params).await;
    }
    let answer = send(params.clone()).await?;
    goes_on(params, answer, asked, context, send).await
}

/// Whether the client has to be asked: a newer one gets the server's questions as they are.
fn is_asked(context: &RequestContext<RoleServer>) -> bool {
    context.protocol_version().is_none_or(|version| version.has_initialize())
}

/// Goes on from a server's first answer.
pub(super) async fn goes_on<P: Retried, F: Future<Output = Result<ServerResult, Failed>>>(
    mut params: P,
    mut answer: ServerResult,
    asked: &Asked,
    context: &RequestContext<RoleServer>,
    send: impl Fn(P) -> F,
) -> Result<ServerResult, Failed> {
    if !is_asked(context) {
        return Ok(answer);
    }
    for _ in 0..ROUNDS {
        let ServerResult::InputRequiredResult(needed) = answer else { return Ok(answer) };
        let mut responses = InputResponses::new();
        for (key, request) in needed.input_requests.unwrap_or_default() {
            responses.insert(key, ask(&asked.peer, request).await.map_err(Failed::Answered)?);
        }
        let (input, state) = params.answers();
        *input = Some(responses);
        *state = needed.request_state;
        answer = send(params.clone()).await?;
    }
    Err(Failed::Lost(format!("the server has asked for more {ROUNDS} times")))
}

/// Asks a client.
async fn ask(client: &Peer<RoleServer>, request: InputRequest) -> Result<Value, ErrorData> {
    let request = match request {
        InputRequest::CreateMessage(request) => ServerRequest::CreateMessageRequest(request),
        InputRequest::Elicitation(request) => ServerRequest::ElicitRequest(request),
        InputRequest::ListRoots(request) => ServerRequest::ListRootsRequest(request),
        _ => return Err(ErrorData::internal_error("the server asks for something that is not known", None)),
    };
    let answer = client.send_request(request).await.map_err(|error| match error {
        ServiceError::McpError(error) => error,
        error => ErrorData::internal_error(format!("the client has not answered: {error}"), None),
    })?;
    serde_json::to_value(answer).map_err(|error| ErrorData::internal_error(error.to_string(), None))
}

/// Has each server announce what a newer client listens to, as long as the returned tasks are kept.
pub(super) async fn listen(links: &Links, context: &SubscriptionContext) -> JoinSet<()> {
    let mut relays = JoinSet::new();
    let accepted = context.accepted();
    for link in &links.links {
        let link: Arc<Link> = link.clone();
        if link.is_modern().await {
            let (sink, filter) = (context.sink().clone(), accepted.clone());
            relays.spawn(async move {
                let Some(mut subscription) = link.listen(filter).await else { return };
                while let Ok(Some(notification)) = subscription.next().await {
                    if sink
                        .send(notification)
                        .await
                        .is_err_and(|error| matches!(error, rmcp::service::SubscriptionSendError::SubscriptionClosed))
                    {
                        return;
                    }
                }
            });
        } else {
            for uri in accepted.resource_subscriptions.iter().flatten() {
                #[expect(deprecated, reason = "older revisions have it")]
                let request =
                    ClientRequest::SubscribeRequest(SubscribeRequest::new(SubscribeRequestParams::new(uri.clone())));
                let _ = link.request(request, &Asked::of(context.request_context())).await;
            }
        }
    }
    relays
}
