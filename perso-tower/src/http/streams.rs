//! The transport of the revision 2024-11-05: what a POST asks is answered on the stream that a GET has opened. There a
//! denial has to go as well.

use bytes::Bytes;
use http::Uri;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use tokio::sync::mpsc;

/// The most denials that wait on one stream.
const WAITING: usize = 64;

/// The streams that are open now, by what their clients' POSTs are recognised by.
#[derive(Debug, Clone, Default)]
pub(super) struct Streams(Arc<Mutex<HashMap<String, mpsc::Sender<Bytes>>>>);

/// What tells the address of one stream's POSTs from that of another's: the query, or without one the end of the path. The
/// rest may look different here from what the server wrote, as routers and proxies cut it.
fn key(address: &str) -> &str {
    match address.split_once('?') {
        Some((_, query)) => query,
        None => address.trim_end_matches('/').rsplit('/').next().unwrap_or_default(),
    }
}

impl Streams {
    fn open_streams(&self) -> MutexGuard<'_, HashMap<String, mpsc::Sender<Bytes>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A stream that told its client to POST to an address.
    pub(super) fn open(&self, address: &str) -> Stream {
        let (sender, receiver) = mpsc::channel(WAITING);
        let key = key(address.trim()).to_owned();
        self.open_streams().insert(key.clone(), sender);
        Stream { streams: self.clone(), key, receiver }
    }

    /// Sends a message to the client that has sent a POST to this address, if it waits for it on a stream.
    pub(super) fn send(&self, address: &Uri, message: &str) -> bool {
        let address = address.path_and_query().map_or("", |address| address.as_str());
        let sender = self.open_streams().get(key(address)).cloned();
        // Messages are JSON as written here, without line ends.
        sender.is_some_and(|sender| sender.try_send(format!("event: message\ndata: {message}\n\n").into()).is_ok())
    }
}

/// One of them, as long as it is open.
#[derive(Debug)]
pub(super) struct Stream {
    streams: Streams,
    key: String,
    receiver: mpsc::Receiver<Bytes>,
}

impl Stream {
    /// The next event to be sent on it.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        self.receiver.poll_recv(cx)
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.receiver.close();
        let mut streams = self.streams.open_streams();
        // A newer stream may have taken the place.
        if streams.get(&self.key).is_some_and(mpsc::Sender::is_closed) {
            streams.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_denial_finds_its_stream() {
        let streams = Streams::default();
        let mut stream = streams.open("/mcp/messages?sessionId=1");
        let mut cx = Context::from_waker(std::task::Waker::noop());
        assert!(stream.poll(&mut cx).is_pending());
        assert!(!streams.send(&Uri::from_static("/messages?sessionId=2"), "{}"));
        assert!(streams.send(&Uri::from_static("/messages?sessionId=1"), "{}"));
        assert_eq!(stream.poll(&mut cx), Poll::Ready(Some("event: message\ndata: {}\n\n".into())));
        drop(stream);
        assert!(!streams.send(&Uri::from_static("/messages?sessionId=1"), "{}"));
        assert!(streams.open_streams().is_empty());
    }

    #[test]
    fn a_newer_stream_stays_when_the_older_one_ends() {
        let streams = Streams::default();
        let older = streams.open("/messages/abc");
        let newer = streams.open("http://localhost/messages/abc/");
        drop(older);
        assert!(streams.send(&Uri::from_static("/abc"), "{}"));
        drop(newer);
        assert!(!streams.send(&Uri::from_static("/abc"), "{}"));
    }

    #[test]
    fn no_more_than_so_many_wait() {
        let streams = Streams::default();
        let _stream = streams.open("/m?s=1");
        let address = Uri::from_static("/m?s=1");
        assert!((0..WAITING).all(|_| streams.send(&address, "{}")));
        assert!(!streams.send(&address, "{}"));
    }
}
