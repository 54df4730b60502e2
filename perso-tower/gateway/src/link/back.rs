//! What a server sends by itself: requests and notifications for the client.

use crate::config::Server;
use rmcp::model::*;
use rmcp::service::{NotificationContext, RequestContext, RequestHandle};
use rmcp::{ClientHandler, ErrorData, Peer, RoleClient, RoleServer, ServiceError};
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::{Mutex, broadcast};

/// Who is in front of a connection.
#[derive(Clone)]
pub(crate) enum Front {
    /// One client, which the server can ask.
    One(Peer<RoleServer>, Arc<InitializeRequestParams>),
    /// Any number of clients. What a server wants to ask cannot be meant for one of them.
    Many(broadcast::Sender<Change>),
}

/// Something about a server has changed, for all clients.
#[derive(Debug, Clone)]
pub(crate) enum Change {
    Tools,
    Prompts,
    Resources,
    Resource(ResourceUpdatedNotificationParam),
}

/// The progress that clients have asked for.
#[derive(Default)]
pub(crate) struct Progress(Mutex<HashMap<ProgressToken, (ProgressToken, Peer<RoleServer>)>>);

impl Progress {
    /// Sends a request, and knows whose progress its token stands for before the first sign of it can be here.
    pub(crate) async fn sent(
        &self,
        token: &ProgressToken,
        client: &Peer<RoleServer>,
        send: impl Future<Output = Result<RequestHandle<RoleClient>, ServiceError>>,
    ) -> Result<RequestHandle<RoleClient>, ServiceError> {
        let mut tokens = self.0.lock().await;
        let handle = send.await?;
        tokens.insert(handle.progress_token.clone(), (token.clone(), client.clone()));
        Ok(handle)
    }

    pub(crate) async fn done(&self, upstream: &ProgressToken) {
        self.0.lock().await.remove(upstream);
    }
}

/// The client's side of a connection.
pub(crate) struct Back {
    server: Arc<Server>,
    front: Front,
    pub(crate) progress: Progress,
}

type Request = RequestContext<RoleClient>;
type Notification = NotificationContext<RoleClient>;

impl Back {
    pub(crate) fn new(server: Arc<Server>, front: Front) -> Self {
        Self { server, front, progress: Progress::default() }
    }

    /// Asks the client.
    async fn ask(&self, request: ServerRequest, context: &Request) -> Result<ClientResult, ErrorData> {
        let Front::One(client, _) = &self.front else {
            let why = "several clients share this server, so that it cannot ask one of them";
            return Err(ErrorData::new(ErrorCode::METHOD_NOT_FOUND, why, None));
        };
        tokio::select! {
            answer = client.send_request(request) => answer.map_err(|error| match error {
                ServiceError::McpError(error) => error,
                error => ErrorData::internal_error(format!("the client has not answered: {error}"), None),
            }),
            () = context.ct.cancelled() => Err(ErrorData::internal_error("the request was cancelled", None)),
        }
    }

    async fn tell(&self, notification: ServerNotification) {
        if let Front::One(client, _) = &self.front {
            let _ = client.send_notification(notification).await;
        }
    }

    async fn changed(&self, change: Change) {
        match &self.front {
            Front::One(client, _) => change.tell(client).await,
            // Where nobody listens, nobody is to be told.
            Front::Many(changes) => drop(changes.send(change)),
        }
    }
}

impl Change {
    pub(crate) fn notification(self) -> ServerNotification {
        match self {
            Self::Tools => ToolListChangedNotification::default().into(),
            Self::Prompts => PromptListChangedNotification::default().into(),
            Self::Resources => ResourceListChangedNotification::default().into(),
            Self::Resource(updated) => ResourceUpdatedNotification::new(updated).into(),
        }
    }

    pub(crate) async fn tell(self, client: &Peer<RoleServer>) {
        let _ = client.send_notification(self.notification()).await;
    }
}

/// The answer of the form that a request has.
fn of_form<T>(answer: Option<T>) -> Result<T, ErrorData> {
    answer.ok_or_else(|| {
        ErrorData::internal_error("the client's answer has another form than its request asks for", None)
    })
}

#[expect(deprecated, reason = "older revisions have it")]
impl ClientHandler for Back {
    fn get_info(&self) -> ClientConfig {
        match &self.front {
            Front::One(_, info) => (**info).clone(),
            Front::Many(_) => ClientConfig::new(ClientCapabilities::default(), crate::links::own_name()),
        }
    }

    async fn create_message(
        &self,
        params: CreateMessageRequestParams,
        context: Request,
    ) -> Result<CreateMessageResult, ErrorData> {
        let answer = self.ask(CreateMessageRequest::new(params).into(), &context).await?;
        of_form(if let ClientResult::CreateMessageResult(result) = answer { Some(*result) } else { None })
    }

    async fn list_roots(&self, context: Request) -> Result<ListRootsResult, ErrorData> {
        let answer = self.ask(ListRootsRequest::default().into(), &context).await?;
        of_form(if let ClientResult::ListRootsResult(result) = answer { Some(result) } else { None })
    }

    async fn create_elicitation(
        &self,
        params: ElicitRequestParams,
        context: Request,
    ) -> Result<ElicitResult, ErrorData> {
        let answer = self.ask(ElicitRequest::new(params).into(), &context).await?;
        of_form(if let ClientResult::ElicitResult(result) = answer { Some(result) } else { None })
    }

    async fn on_custom_request(&self, request: CustomRequest, context: Request) -> Result<CustomResult, ErrorData> {
        let answer = self.ask(ServerRequest::CustomRequest(request), &context).await?;
        of_form(match answer {
            ClientResult::CustomResult(result) => Some(result),
            ClientResult::EmptyResult(_) => Some(CustomResult::new(serde_json::json!({}))),
            _ => None,
        })
    }

    async fn on_progress(&self, mut params: ProgressNotificationParam, _: Notification) {
        let known = self.progress.0.lock().await.get(&params.progress_token).cloned();
        if let Some((token, client)) = known {
            params.progress_token = token;
            let _ = client.send_notification(ProgressNotification::new(params).into()).await;
        }
    }

    async fn on_logging_message(&self, params: LoggingMessageNotificationParam, _: Notification) {
        // Where clients share a server, its log can be about any of them.
        self.tell(LoggingMessageNotification::new(params).into()).await;
    }

    async fn on_resource_updated(&self, params: ResourceUpdatedNotificationParam, _: Notification) {
        self.changed(Change::Resource(params)).await;
    }

    async fn on_resource_list_changed(&self, _: Notification) {
        self.changed(Change::Resources).await;
    }

    async fn on_tool_list_changed(&self, _: Notification) {
        self.changed(Change::Tools).await;
    }

    async fn on_prompt_list_changed(&self, _: Notification) {
        self.changed(Change::Prompts).await;
    }

    async fn on_custom_notification(&self, notification: CustomNotification, _: Notification) {
        self.tell(ServerNotification::CustomNotification(notification)).await;
    }

    async fn on_cancelled(&self, params: CancelledNotificationParam, _: Notification) {
        tracing::debug!(server = self.server.name, ?params, "the server has withdrawn a request");
    }
}
