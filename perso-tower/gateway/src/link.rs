//! A connection to a server: made when it is needed, and again when it has ended.

mod answer;
mod back;

pub(crate) use back::{Change, Front};

use crate::config::{Reach, Server};
use back::Back;
use http::{HeaderMap, HeaderName, HeaderValue};
#[cfg(unix)]
use process_wrap::tokio::ProcessGroup;
use process_wrap::tokio::{CommandWrap, KillOnDrop};
use rmcp::model::*;
use rmcp::service::{
    ClientInitializeError, ClientLifecycleMode, PeerRequestOptions, RunningService, serve_client_with_lifecycle,
};
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use rmcp::transport::{StreamableHttpClientTransport, TokioChildProcess};
use rmcp::{ErrorData, RoleClient, ServiceError};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};
use tokio::process::Command;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

/// How long a server has to start.
const START: Duration = Duration::from_secs(30);
/// How many pages a list of tools can have.
const MOST_PAGES: usize = 100;
/// How long the gateway waits before it starts a server again: this after the first failure, twice as long after the
/// next, and so on.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

type Running = Arc<RunningService<RoleClient, Back>>;
type Started = Result<RunningService<RoleClient, Back>, ClientInitializeError>;

/// A connection to a server.
pub(crate) struct Link {
    pub(crate) server: Arc<Server>,
    front: Front,
    running: RwLock<Option<Running>>,
    starting: Mutex<Failures>,
}

/// The failures to start a server since it has last worked.
#[derive(Default)]
struct Failures {
    many: u32,
    last: Option<(Instant, String)>,
}

/// What became of a request.
pub(crate) enum Failed {
    /// The server answered with an error.
    Answered(ErrorData),
    /// There is no answer, for this reason.
    Lost(String),
}

impl From<Failed> for ErrorData {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::Answered(error) => error,
            Failed::Lost(why) => Self::internal_error(why, None),
        }
    }
}

impl Link {
    pub(crate) fn new(server: Arc<Server>, front: Front) -> Self {
        Self { server, front, running: RwLock::default(), starting: Mutex::default() }
    }

    /// Whether there is a connection, without making one.
    pub(crate) fn is_connected(&self) -> bool {
        self.established().is_some()
    }

    fn established(&self) -> Option<Running> {
        let running = self.running.read().unwrap_or_else(PoisonError::into_inner);
        running.clone().filter(|running| !running.is_closed() && !running.peer().is_transport_closed())
    }

    /// The connection. Makes one if there is none.
    async fn connected(&self) -> Result<Running, Failed> {
        if let Some(running) = self.established() {
            return Ok(running);
        }
        let mut failures = self.starting.lock().await;
        if let Some(running) = self.established() {
            return Ok(running);
        }
        let name = &self.server.name;
        if let Some((at, why)) = &failures.last {
            let pause = FIRST_PAUSE.saturating_mul(1 << failures.many.min(16).saturating_sub(1)).min(LONGEST_PAUSE);
            if at.elapsed() < pause {
                return Err(Failed::Lost(format!("the server `{name}` is not running ({why}); try again later")));
            }
        }
        match self.start().await {
            Ok(running) => {
                let running = Arc::new(running);
                *self.running.write().unwrap_or_else(PoisonError::into_inner) = Some(running.clone());
                *failures = Failures::default();
                tracing::info!(server = name, "connected");
                Ok(running)
            }
            Err(why) => {
                tracing::warn!(server = name, %why, "the server cannot be reached");
                failures.many = failures.many.saturating_add(1);
                failures.last = Some((Instant::now(), why));
                // Why a server does not start is for its operator: it can hold paths and credentials.
                Err(Failed::Lost(format!("the server `{name}` cannot be reached; try again later")))
            }
        }
    }

    /// Connects in the client's era, if the server speaks it: then what one of them can do, the other understands.
    async fn start(&self) -> Result<RunningService<RoleClient, Back>, String> {
        let newest = vec![ProtocolVersion::V_2026_07_28];
        let done = match &self.front {
            Front::One(..) => match self.start_in(ClientLifecycleMode::Initialize).await? {
                Err(ClientInitializeError::JsonRpcError(_)) => {
                    self.start_in(ClientLifecycleMode::Discover { preferred_versions: newest }).await?
                }
                done => done,
            },
            Front::Many(_) => {
                let legacy_version = Some(ProtocolVersion::V_2025_11_25);
                let auto = ClientLifecycleMode::Auto { preferred_versions: newest.clone(), legacy_version };
                match self.start_in(auto).await? {
                    // It is a newer server, whose answer came after rmcp had given up waiting for it.
                    Err(ClientInitializeError::ConflictInitResponseId(..)) => {
                        self.start_in(ClientLifecycleMode::Discover { preferred_versions: newest }).await?
                    }
                    // It knows the newer era, and speaks only the older one.
                    Err(ClientInitializeError::NoCompatibleProtocolVersion { .. }) => {
                        self.start_in(ClientLifecycleMode::Initialize).await?
                    }
                    done => done,
                }
            }
        };
        done.map_err(|error| error.to_string())
    }

    async fn start_in(&self, lifecycle: ClientLifecycleMode) -> Result<Started, String> {
        let started = tokio::time::timeout(START, self.connect(lifecycle)).await;
        started.unwrap_or_else(|_| Err(format!("it did not start within {} s", START.as_secs())))
    }

    async fn connect(&self, lifecycle: ClientLifecycleMode) -> Result<Started, String> {
        let back = Back::new(self.server.clone(), self.front.clone());
        match &self.server.reach {
            Reach::Command { program, args, env, cwd } => {
                let mut command = Command::new(program);
                command.args(args).envs(env);
                if let Some(cwd) = cwd {
                    command.current_dir(cwd);
                }
                // What the server has started ends with it.
                let mut wrapped = CommandWrap::from(command);
                #[cfg(unix)]
                wrapped.wrap(ProcessGroup::leader());
                wrapped.wrap(KillOnDrop);
                let process = TokioChildProcess::new(wrapped)
                    .map_err(|error| format!("`{program}` cannot be started: {error}"))?;
                Ok(serve_client_with_lifecycle(back, process, lifecycle).await)
            }
            Reach::Url { url, headers } => {
                let sent = heads(headers)?;
                let config = StreamableHttpClientTransportConfig::with_uri(url.as_str())
                    .custom_headers(sent)
                    .max_concurrent_requests(10_000)
                    .reinit_on_expired_session(true);
                let transport = StreamableHttpClientTransport::with_client(client(), config);
                Ok(serve_client_with_lifecycle(back, transport, lifecycle).await)
            }
        }
    }

    /// What the server says of itself, if it can be reached.
    pub(crate) async fn info(&self) -> Option<Arc<ServerPeerInfo>> {
        self.connected().await.ok()?.peer().peer_info()
    }

    /// What the server said of itself, if there is a connection.
    pub(crate) fn known(&self) -> Option<Arc<ServerPeerInfo>> {
        self.established()?.peer().peer_info()
    }

    /// Where the server is, and the headers that it gets, if it is reached by HTTP.
    pub(crate) fn endpoint(&self) -> Option<(&str, HeaderMap)> {
        let Reach::Url { url, headers } = &self.server.reach else { return None };
        Some((url, heads(headers).ok()?.into_iter().collect()))
    }

    /// Whether the server speaks revision 2026-07-28 or a newer one.
    pub(crate) async fn is_modern(&self) -> bool {
        self.info().await.is_some_and(|info| !info.protocol_version.has_initialize())
    }

    /// Listens to what a newer server announces.
    pub(crate) async fn listen(&self, filter: SubscriptionFilter) -> Option<rmcp::service::Subscription> {
        self.connected().await.ok()?.peer().listen(filter).await.ok()
    }

    /// Sends a request, and returns the answer. `asked` is the client's request that it comes from.
    pub(crate) async fn request(&self, request: ClientRequest, asked: &Asked) -> Result<ServerResult, Failed> {
        let running = self.connected().await?;
        let peer = running.peer();
        let is_modern = peer.peer_info().is_some_and(|info| !info.protocol_version.has_initialize());
        let options = PeerRequestOptions::with_timeout(self.server.patience)
            .reset_timeout_on_progress()
            .with_meta(asked.meta_for(is_modern));
        let sent = match &asked.progress {
            None => peer.send_request_with_option(request, options).await,
            Some(token) => {
                running
                    .service()
                    .progress
                    .sent(token, &asked.peer, peer.send_request_with_option(request, options))
                    .await
            }
        };
        let handle = sent.map_err(|error| self.lost(&error))?;
        let (id, upstream) = (handle.id.clone(), handle.progress_token.clone());
        let answer = tokio::select! {
            answer = handle.await_response() => answer.map_err(|error| self.lost(&error)),
            () = asked.cancelled.cancelled() => {
                let cancelled = CancelledNotificationParam::new(Some(id), None);
                let _ = peer.send_notification(CancelledNotification::new(cancelled).into()).await;
                Err(Failed::Lost("the request was cancelled".to_owned()))
            }
        };
        if asked.progress.is_some() {
            running.service().progress.done(&upstream).await;
        }
        answer.map(answer::completed)
    }

    /// All tools of the server, of the first [`MOST_PAGES`] pages.
    pub(crate) async fn tools(&self) -> Result<Vec<Tool>, Failed> {
        let running = self.connected().await?;
        let mut tools = Vec::new();
        let mut page = PaginatedRequestParams::default();
        for _ in 0..MOST_PAGES {
            let request = ListToolsRequest { params: Some(page.clone()), ..Default::default() };
            let options = PeerRequestOptions::with_timeout(self.server.patience);
            let sent = running.peer().send_request_with_option(request.into(), options).await;
            let answer = sent.map_err(|error| self.lost(&error))?.await_response().await;
            let ServerResult::ListToolsResult(list) = answer.map_err(|error| self.lost(&error))? else { break };
            tools.extend(list.tools);
            let Some(next) = list.next_cursor else { break };
            page.cursor = Some(next);
        }
        Ok(tools)
    }

    /// Sends a notification, if there is a connection.
    pub(crate) async fn notify(&self, notification: ClientNotification) {
        if let Some(running) = self.established() {
            let _ = running.peer().send_notification(notification).await;
        }
    }

    fn lost(&self, error: &ServiceError) -> Failed {
        match error {
            ServiceError::McpError(error) => Failed::Answered(error.clone()),
            ServiceError::Timeout { .. } => Failed::Lost(self.silent()),
            error => Failed::Lost(self.stopped(error)),
        }
    }

    /// What a model reads if the server has not answered in time.
    pub(crate) fn silent(&self) -> String {
        format!("the server `{}` has not answered within {} s", self.server.name, self.server.patience.as_secs())
    }

    /// What a model reads if the connection was lost. Why it was is for the log.
    pub(crate) fn stopped(&self, error: impl std::fmt::Display) -> String {
        let name = &self.server.name;
        tracing::warn!(server = name, %error, "the connection was lost");
        format!("the server `{name}` stopped before it answered; whether the call ran is not known")
    }
}

/// What a request to a server takes from the client's.
pub(crate) struct Asked {
    pub(crate) peer: rmcp::Peer<rmcp::RoleServer>,
    pub(crate) progress: Option<ProgressToken>,
    meta: RequestMetaObject,
    cancelled: CancellationToken,
}

impl Asked {
    pub(crate) fn of(context: &rmcp::service::RequestContext<rmcp::RoleServer>) -> Self {
        let mut meta = context.meta.clone();
        meta.0.0.remove("progressToken");
        Self {
            peer: context.peer.clone(),
            progress: context.meta.get_progress_token(),
            meta,
            cancelled: context.ct.clone(),
        }
    }

    /// The request's `_meta`, as a server of the era reads it. The version is the connection's own.
    fn meta_for(&self, is_modern: bool) -> RequestMetaObject {
        let mut meta = self.meta.clone();
        meta.0.0.retain(|key, _| match key.strip_prefix("io.modelcontextprotocol/") {
            Some("protocolVersion") => false,
            Some("clientInfo" | "clientCapabilities") => is_modern,
            _ => true,
        });
        meta
    }
}

/// The headers that a server gets, its own credentials among them.
fn heads(headers: &BTreeMap<String, String>) -> Result<HashMap<HeaderName, HeaderValue>, String> {
    let head = |(name, value): (&String, &String)| {
        let wrong = || format!("the header `{name}` cannot be sent");
        let mut value: HeaderValue = value.parse().map_err(|_| wrong())?;
        value.set_sensitive(true);
        Ok((name.parse().map_err(|_| wrong())?, value))
    };
    headers.iter().map(head).collect()
}

/// The client of all servers that are reached by HTTP.
pub(crate) fn client() -> reqwest::Client {
    static CLIENT: std::sync::OnceLock<reqwest::Client> = std::sync::OnceLock::new();
    CLIENT.get_or_init(|| reqwest::Client::builder().tcp_nodelay(true).build().unwrap_or_default()).clone()
}
