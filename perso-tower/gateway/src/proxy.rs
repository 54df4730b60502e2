//! One MCP server that is all of them: what a client asks goes to the server that it is for, under the server's own name.
//!
//! The guard stands in front of this. What arrives here may run, with exactly these arguments.

mod bridge;
mod list;
mod meta;

use crate::gateway::Gateway;
use crate::link::{Asked, Change, Failed, Front, Link};
use crate::links::Links;
use list::List;
use perso_tower::Guarded;
use rmcp::model::*;
use rmcp::service::{NotificationContext, RequestContext, SubscriptionContext};
use rmcp::{ErrorData, RoleServer, ServerHandler};
use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use tokio::sync::broadcast::error::RecvError;
use tokio::task::JoinHandle;

type Outcome<T> = Result<T, ErrorData>;
type Request = RequestContext<RoleServer>;
type Page = Option<PaginatedRequestParams>;

/// The gateway's side of a client's connection.
pub(crate) struct Proxy {
    gateway: Arc<Gateway>,
    session: OnceLock<Session>,
    /// Judges what tools call for a client.
    guard: Guarded<meta::Inner>,
}

/// A client that has begun with `initialize`, as all did before revision 2026-07-28.
struct Session {
    links: Links,
    subscribed: Subscribed,
    relay: JoinHandle<()>,
    _place: tokio::sync::OwnedSemaphorePermit,
}

/// The resources that a client has subscribed to.
#[derive(Clone, Default)]
struct Subscribed(Arc<Mutex<HashSet<String>>>);

impl Subscribed {
    /// How many of them are kept. At servers that it shares, a client hears nothing of more.
    const MOST: usize = 10_000;

    fn uris(&self) -> MutexGuard<'_, HashSet<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn insert(&self, uri: &str) {
        let mut uris = self.uris();
        if uris.len() < Self::MOST {
            uris.insert(uri.to_owned());
        }
    }

    fn remove(&self, uri: &str) {
        self.uris().remove(uri);
    }

    /// Whether the client gets word of a change at a server that it shares: of a resource, only if it has subscribed to it.
    fn hears(&self, change: &Change) -> bool {
        match change {
            Change::Resource(updated) => self.uris().contains(&updated.uri),
            Change::Tools | Change::Prompts | Change::Resources => true,
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.relay.abort();
    }
}

fn unexpected<T>() -> Outcome<T> {
    Err(ErrorData::internal_error("the server's answer has another form than its method has", None))
}

/// Sends a request on, and returns the answer of one of the expected forms.
macro_rules! answer {
    ($answer:expr, $($variant:ident => $made:expr),+ $(,)?) => {
        match $answer {
            $(ServerResult::$variant(result) => Ok($made(result)),)+
            _ => unexpected(),
        }
    };
}

impl Proxy {
    pub(crate) fn new(gateway: Arc<Gateway>) -> Self {
        Self { guard: gateway.guard(meta::Inner), gateway, session: OnceLock::new() }
    }

    fn links(&self) -> &Links {
        self.session.get().map_or(&self.gateway.shared, |session| &session.links)
    }

    /// The server that a name is for, and its own name for it.
    fn route<'l>(&self, links: &'l Links, name: &str, what: &str) -> Outcome<(&'l Arc<Link>, String)> {
        let unknown = || ErrorData::invalid_params(format!("no server has this {what}: list them again"), None);
        links.inner(name).map(|(link, own)| (link, own.to_owned())).ok_or_else(unknown)
    }

    /// What keeps a call from its server, for the model. The error is for the client: the head of its request differs.
    async fn fits(&self, links: &Links, call: &CallToolRequestParams, context: &Request) -> Outcome<Option<String>> {
        match self.gateway.tools.check(links, call).await {
            Ok(schema) => perso_tower::check_headers(&schema, call, context).map(|()| None),
            Err(why) => Ok(Some(why)),
        }
    }

    /// Asks each server that can have a resource, until one has it.
    async fn of_resource(
        &self,
        uri: &str,
        context: &Request,
        request: impl Fn() -> ClientRequest,
    ) -> Outcome<(Arc<Link>, ServerResult)> {
        let asked = Asked::of(context);
        let mut last = ErrorData::resource_not_found("no server has this resource", None);
        for link in self.links().owners(uri) {
            match link.request(request(), &asked).await {
                Ok(answer) => return Ok((link, answer)),
                Err(Failed::Answered(error)) => last = error,
                Err(Failed::Lost(why)) => tracing::debug!(server = link.server.name, why, "has not answered"),
            }
        }
        Err(last)
    }

    /// The servers' lists behind one another. A page ends with a page of a server.
    async fn list<L: List>(&self, page: Page, context: &Request) -> Outcome<L> {
        let links = self.links();
        let asked = Asked::of(context);
        if let Some(only) = links.only() {
            let answer = only.request(L::request(page), &asked).await.map_err(ErrorData::from)?;
            return L::read(answer).map_or_else(unexpected, Ok);
        }
        let (first, mut from) = match page.as_ref().and_then(|page| page.cursor.as_deref()) {
            None => (0, None),
            Some(text) => list::place(text)
                .ok_or_else(|| ErrorData::invalid_params("the cursor is not one of this list", None))?,
        };
        let mut all = L::default();
        for (at, link) in links.links.iter().enumerate().skip(first) {
            let begin = from.take();
            if link.info().await.is_some_and(|info| !L::is_of(&info.capabilities)) {
                continue;
            }
            let mut params = page.clone().unwrap_or_default();
            params.cursor = begin;
            let Ok(answer) = link.request(L::request(Some(params)), &asked).await else {
                // One server that is down does not take the others' tools away.
                tracing::warn!(server = link.server.name, "is missing in a list");
                continue;
            };
            let Some(mut list) = L::read(answer) else { continue };
            for mut item in list.items().drain(..) {
                if L::rename(links, at, &mut item) {
                    all.items().push(item);
                }
            }
            if let Some(next) = list.cursor().take() {
                *all.cursor() = Some(format!("{at}.{next}"));
                break;
            }
        }
        Ok(all)
    }

    /// Tells a client of what changes at servers that it shares.
    fn relay(&self, client: &rmcp::Peer<RoleServer>, subscribed: Subscribed) -> JoinHandle<()> {
        let (mut changes, client) = (self.gateway.shared.changes.subscribe(), client.clone());
        tokio::spawn(async move {
            loop {
                match changes.recv().await {
                    Ok(change) if subscribed.hears(&change) => change.tell(&client).await,
                    Ok(_) | Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return,
                }
            }
        })
    }
}

#[expect(deprecated, reason = "older revisions have it")]
impl ServerHandler for Proxy {
    async fn initialize(&self, request: InitializeRequestParams, context: Request) -> Outcome<InitializeResult> {
        context.peer.set_peer_info(request.clone());
        let place = self.gateway.place()?;
        let front = Front::One(context.peer.clone(), Arc::new(request.clone()));
        let links = Links::own(&self.gateway.shared, &front);
        links.connect().await;
        let subscribed = Subscribed::default();
        let relay = self.relay(&context.peer, subscribed.clone());
        let session = Session { links, subscribed, relay, _place: place };
        if self.session.set(session).is_err() {
            return Err(ErrorData::invalid_request("this session has begun already", None));
        }
        self.negotiate_initialize(&request)
    }

    async fn discover(&self, _: Request) -> Outcome<DiscoverResult> {
        self.links().connect().await;
        Ok(DiscoverResult::from_server_info(self.supported_protocol_versions().into_owned(), self.get_info()))
    }

    fn get_info(&self) -> ServerConfig {
        let mut info = self.links().info();
        info.protocol_version = ProtocolVersion::V_2025_11_25;
        info
    }

    async fn list_tools(&self, page: Page, context: Request) -> Outcome<ListToolsResult> {
        let mut list: ListToolsResult = self.list(page, &context).await?;
        self.gateway.tools.listed(&mut list.tools);
        Ok(list)
    }

    async fn list_prompts(&self, page: Page, context: Request) -> Outcome<ListPromptsResult> {
        self.list(page, &context).await
    }

    async fn list_resources(&self, page: Page, context: Request) -> Outcome<ListResourcesResult> {
        self.list(page, &context).await
    }

    async fn list_resource_templates(&self, page: Page, context: Request) -> Outcome<ListResourceTemplatesResult> {
        self.list(page, &context).await
    }

    async fn call_tool(&self, mut call: CallToolRequestParams, context: Request) -> Outcome<CallToolResponse> {
        let links = self.links();
        let asked = Asked::of(&context);
        if let Some(why) = self.fits(links, &call, &context).await? {
            return Ok(CallToolResult::error(vec![ContentBlock::text(why)]).into());
        }
        let (link, own) = self.route(links, &call.name, "tool")?;
        let meta = link.server.meta_tools.get(&own);
        if let Some(meta) = meta
            && let Some(answer) = self.judge_inner(meta, &call, (&link.server, &own), &context).await
        {
            return answer;
        }
        let outer = std::mem::replace(&mut call.name, Cow::Owned(own));
        let answer = bridge::asked(call, &asked, &context, async |call| {
            let request = || ClientRequest::CallToolRequest(CallToolRequest::new(call.clone()));
            match link.request(request(), &asked).await {
                // The server has not run it. The connection is newer than the list of tools, which says what a head must have.
                Err(Failed::Answered(error)) if error.code == ErrorCode::HEADER_MISMATCH => {
                    let mut judged = call.clone();
                    judged.name = outer.clone();
                    let is_same = self.gateway.tools.refresh(links, &outer).await
                        && self.fits(links, &judged, &context).await.is_ok_and(|fault| fault.is_none());
                    if is_same { link.request(request(), &asked).await } else { Err(Failed::Answered(error)) }
                }
                answer => answer,
            }
        })
        .await;
        match answer {
            // The model reads the result of a tool, and not always an error.
            Err(Failed::Lost(why)) => Ok(CallToolResult::error(vec![ContentBlock::text(why)]).into()),
            Err(Failed::Answered(error)) => Err(error),
            Ok(answer) => {
                let mut response = answer!(answer,
                    CallToolResult => CallToolResponse::Complete,
                    InputRequiredResult => CallToolResponse::InputRequired,
                    CreateTaskResult => CallToolResponse::Task,
                )?;
                if let Some(meta) = meta {
                    let at = links.links.iter().position(|known| Arc::ptr_eq(known, link)).unwrap_or_default();
                    response = self.seen(meta, response, |name| links.outer(at, name), &context).await;
                }
                if let CallToolResponse::Task(created) = &mut response
                    && links.only().is_none()
                {
                    created.task.task_id =
                        format!("{}{}{}", link.server.name, crate::config::SEPARATOR, created.task.task_id);
                }
                Ok(response)
            }
        }
    }

    async fn get_prompt(&self, mut get: GetPromptRequestParams, context: Request) -> Outcome<GetPromptResponse> {
        let links = self.links();
        let (link, own) = self.route(links, &get.name, "prompt")?;
        get.name = own;
        let asked = Asked::of(&context);
        let answer = bridge::asked(get, &asked, &context, |get| {
            link.request(ClientRequest::GetPromptRequest(GetPromptRequest::new(get)), &asked)
        })
        .await
        .map_err(ErrorData::from)?;
        answer!(answer, GetPromptResult => GetPromptResponse::Complete, InputRequiredResult => GetPromptResponse::InputRequired)
    }

    async fn read_resource(&self, read: ReadResourceRequestParams, context: Request) -> Outcome<ReadResourceResponse> {
        let request = || ClientRequest::ReadResourceRequest(ReadResourceRequest::new(read.clone()));
        let (link, answer) = self.of_resource(&read.uri, &context, request).await?;
        let asked = Asked::of(&context);
        let answer = bridge::goes_on(read, answer, &asked, &context, |read| {
            link.request(ClientRequest::ReadResourceRequest(ReadResourceRequest::new(read)), &asked)
        })
        .await
        .map_err(ErrorData::from)?;
        answer!(answer,
            ReadResourceResult => ReadResourceResponse::Complete,
            InputRequiredResult => ReadResourceResponse::InputRequired,
        )
    }

    async fn list_skills(&self, page: Page, context: Request) -> Outcome<ListSkillsResult> {
        self.list(page, &context).await
    }

    async fn get_skill(&self, get: GetSkillRequestParams, context: Request) -> Outcome<GetSkillResult> {
        let request = || ClientRequest::GetSkillRequest(GetSkillRequest::new(get.clone()));
        let (_, answer) = self.of_resource(&get.uri, &context, request).await?;
        answer!(answer, GetSkillResult => std::convert::identity)
    }

    async fn read_resource_directory(
        &self,
        read: ReadResourceDirectoryRequestParams,
        context: Request,
    ) -> Outcome<ReadResourceDirectoryResult> {
        let request = || ClientRequest::ReadResourceDirectoryRequest(ReadResourceDirectoryRequest::new(read.clone()));
        let (_, answer) = self.of_resource(&read.uri, &context, request).await?;
        answer!(answer, ListResourcesResult => std::convert::identity)
    }

    async fn subscribe(&self, subscribe: SubscribeRequestParams, context: Request) -> Outcome<()> {
        let uri = subscribe.uri.clone();
        let request = || ClientRequest::SubscribeRequest(SubscribeRequest::new(subscribe.clone()));
        // Before the server is asked, which may announce a change at once.
        let subscribed = self.session.get().map(|session| &session.subscribed);
        subscribed.inspect(|subscribed| subscribed.insert(&uri));
        let answer = self.of_resource(&uri, &context, request).await;
        if answer.is_err() {
            subscribed.inspect(|subscribed| subscribed.remove(&uri));
        }
        answer.map(drop)
    }

    async fn unsubscribe(&self, unsubscribe: UnsubscribeRequestParams, context: Request) -> Outcome<()> {
        let uri = unsubscribe.uri.clone();
        let request = || ClientRequest::UnsubscribeRequest(UnsubscribeRequest::new(unsubscribe.clone()));
        self.of_resource(&uri, &context, request).await?;
        self.session.get().inspect(|session| session.subscribed.remove(&uri));
        Ok(())
    }

    async fn complete(&self, mut complete: CompleteRequestParams, context: Request) -> Outcome<CompleteResult> {
        let links = self.links();
        let answer = match &mut complete.r#ref {
            Reference::Prompt(prompt) => {
                let (link, own) = self.route(links, &prompt.name, "prompt")?;
                prompt.name = own;
                let request = ClientRequest::CompleteRequest(CompleteRequest::new(complete));
                link.request(request, &Asked::of(&context)).await.map_err(ErrorData::from)?
            }
            Reference::Resource(resource) => {
                let uri = resource.uri.clone();
                let request = || ClientRequest::CompleteRequest(CompleteRequest::new(complete.clone()));
                self.of_resource(&uri, &context, request).await?.1
            }
            _ => return Err(ErrorData::invalid_params("the reference is neither a prompt nor a resource", None)),
        };
        answer!(answer, CompleteResult => std::convert::identity)
    }

    async fn set_level(&self, level: SetLevelRequestParams, context: Request) -> Outcome<()> {
        let asked = Asked::of(&context);
        for link in &self.links().links {
            if link.known().is_some_and(|info| info.capabilities.logging.is_some()) {
                let request = ClientRequest::SetLevelRequest(SetLevelRequest::new(level.clone()));
                let _ = link.request(request, &asked).await;
            }
        }
        Ok(())
    }

    async fn get_task(&self, mut task: GetTaskParams, context: Request) -> Outcome<GetTaskResult> {
        let (link, own) = self.route(self.links(), &task.task_id, "task")?;
        task.task_id = own;
        let request = ClientRequest::GetTaskRequest(GetTaskRequest::new(task));
        let answer = link.request(request, &Asked::of(&context)).await.map_err(ErrorData::from)?;
        answer!(answer, GetTaskResult => std::convert::identity)
    }

    async fn update_task(&self, mut task: UpdateTaskParams, context: Request) -> Outcome<()> {
        let (link, own) = self.route(self.links(), &task.task_id, "task")?;
        task.task_id = own;
        let request = ClientRequest::UpdateTaskRequest(UpdateTaskRequest::new(task));
        link.request(request, &Asked::of(&context)).await.map(drop).map_err(ErrorData::from)
    }

    async fn cancel_task(&self, mut task: CancelTaskParams, context: Request) -> Outcome<()> {
        let (link, own) = self.route(self.links(), &task.task_id, "task")?;
        task.task_id = own;
        let request = ClientRequest::CancelTaskRequest(CancelTaskRequest::new(task));
        link.request(request, &Asked::of(&context)).await.map(drop).map_err(ErrorData::from)
    }

    async fn on_custom_request(&self, request: CustomRequest, context: Request) -> Outcome<CustomResult> {
        let Some(only) = self.links().only() else {
            return Err(ErrorData::new(ErrorCode::METHOD_NOT_FOUND, request.method, None));
        };
        let request = ClientRequest::CustomRequest(request);
        let answer = only.request(request, &Asked::of(&context)).await.map_err(ErrorData::from)?;
        answer!(answer, CustomResult => std::convert::identity)
    }

    async fn on_custom_notification(&self, notification: CustomNotification, _: NotificationContext<RoleServer>) {
        if let Some(only) = self.links().only() {
            only.notify(ClientNotification::CustomNotification(notification)).await;
        }
    }

    async fn on_roots_list_changed(&self, _: NotificationContext<RoleServer>) {
        if let Some(session) = self.session.get() {
            for link in session.links.links.iter().filter(|link| !link.server.is_shared) {
                link.notify(RootsListChangedNotification::default().into()).await;
            }
        }
    }

    fn accepted_subscription_filter(&self, requested: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        Some(requested.clone())
    }

    async fn listen(&self, context: SubscriptionContext) -> Outcome<()> {
        let mut changes = self.gateway.shared.changes.subscribe();
        let _relays = bridge::listen(&self.gateway.shared, &context).await;
        loop {
            tokio::select! {
                () = context.cancelled() => return Ok(()),
                change = changes.recv() => match change {
                    // What the client has not asked for is not sent.
                    Ok(change) => drop(context.sink().send(change.notification()).await),
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return Ok(()),
                },
            }
        }
    }
}
