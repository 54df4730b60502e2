//! Sessions whose client has gone away without a word: they end when no request of theirs has been open for a while. A call that
//! takes long, and a stream on which a client listens, keep a session alive.

use http::{HeaderMap, HeaderName};
use rmcp::transport::streamable_http_server::session::SessionManager;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

pub(super) const SESSION: HeaderName = HeaderName::from_static("mcp-session-id");

/// How long the gateway waits at most between two looks at the sessions.
const LOOK: Duration = Duration::from_secs(5);

/// The sessions that have begun, and how each is used.
#[derive(Default)]
pub(super) struct Idle(Mutex<HashMap<Arc<str>, Use>>);

struct Use {
    /// How many requests are open.
    open: usize,
    since: Instant,
}

/// A request of a session that is open.
pub(super) struct Open {
    idle: Arc<Idle>,
    session: Arc<str>,
}

impl Drop for Open {
    fn drop(&mut self) {
        if let Some(session) = self.idle.sessions().get_mut(&self.session) {
            session.open = session.open.saturating_sub(1);
            session.since = Instant::now();
        }
    }
}

impl Idle {
    fn sessions(&self) -> MutexGuard<'_, HashMap<Arc<str>, Use>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes note that a request is open, as long as the returned value is kept. Others than those of sessions do not matter.
    pub(super) fn opened(self: &Arc<Self>, headers: &HeaderMap) -> Option<Open> {
        let id = headers.get(SESSION)?.to_str().ok()?;
        let mut sessions = self.sessions();
        let session = sessions.get_key_value(id)?.0.clone();
        sessions.get_mut(id)?.open += 1;
        Some(Open { idle: self.clone(), session })
    }

    /// Takes note of a session that begins with a response.
    pub(super) fn begun(&self, headers: &HeaderMap) {
        if let Some(id) = headers.get(SESSION).and_then(|id| id.to_str().ok()) {
            self.sessions().entry(id.into()).or_insert_with(|| Use { open: 0, since: Instant::now() });
        }
    }

    /// Takes the sessions that have had no open request for so long.
    fn overdue(&self, longest: Duration) -> Vec<Arc<str>> {
        let is_overdue = |_: &Arc<str>, session: &mut Use| session.open == 0 && session.since.elapsed() >= longest;
        self.sessions().extract_if(is_overdue).map(|(id, _)| id).collect()
    }
}

/// Ends sessions that are idle for too long, as long as the endpoint is there.
pub(super) async fn watch(idle: Weak<Idle>, manager: Arc<LocalSessionManager>, longest: Duration) {
    loop {
        tokio::time::sleep((longest / 4).min(LOOK)).await;
        let Some(idle) = idle.upgrade() else { return };
        for session in idle.overdue(longest) {
            // It may have ended by itself.
            if let Err(error) = manager.close_session(&session).await {
                tracing::debug!(%error, "a session could not be ended");
            }
        }
    }
}
