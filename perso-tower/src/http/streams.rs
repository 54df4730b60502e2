//! The older transport, HTTP with SSE of revision 2024-11-05: the server answers a POST on the stream that a GET
//! opened. A denial must arrive there as well.
//!
//! Only the server knows which stream a POST belongs to, and whether it accepts the POST at all. So the guard passes a
//! denied call on as a `ping` with an id that only the guard knows, and replaces the answer to the ping with the
//! denial, on whatever stream the server sends it. The stream must have been opened by the same caller; otherwise the
//! denial is the answer to the POST.

use crate::agent::Agent;
use http::Uri;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use uuid::Uuid;

/// The maximum number of waiting denials per caller and address. Beyond it, the caller's oldest one is dropped.
const WAITING: usize = 64;

/// The prefix of the ids of the guard's own pings.
const OWN: &str = "dev.perso/denial/";

/// Returns whether the id belongs to one of the guard's own pings.
pub(super) fn is_own(id: &str) -> bool {
    id.starts_with(OWN)
}

/// Returns whether an event may have such an id.
pub(super) fn may_be_own(event: &[u8]) -> bool {
    memchr::memmem::find(event, OWN.as_bytes()).is_some()
}

/// The open streams and the denials that wait for them, by the [`key`] of the address to which their clients POST.
#[derive(Debug, Clone, Default)]
pub(super) struct Streams(Arc<Mutex<HashMap<String, Address>>>);

/// An address for POSTs, which a server has sent on one or more streams.
#[derive(Debug, Default)]
struct Address {
    /// The callers who opened these streams.
    openers: Vec<Agent>,
    waiting: Vec<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    id: String,
    caller: Agent,
    denial: String,
}

/// Returns the part of an address for POSTs that identifies the stream: the query, or the last segment of the path if
/// there is no query. Routers and proxies may rewrite the rest, so it may differ from what the server sent.
fn key(address: &str) -> &str {
    match address.split_once('?') {
        Some((_, query)) => query,
        None => address.trim_end_matches('/').rsplit('/').next().unwrap_or_default(),
    }
}

impl Streams {
    fn addresses(&self) -> MutexGuard<'_, HashMap<String, Address>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stores a denial until its ping is answered. Returns the ping to send, or `None` if this caller has opened no
    /// stream for POSTs to this address.
    pub(super) fn deny(&self, address: &Uri, caller: &Agent, denial: &str) -> Option<Ping> {
        let key = key(address.path_and_query().map_or("", |address| address.as_str()));
        let mut addresses = self.addresses();
        let address = addresses.get_mut(key)?;
        if !address.openers.iter().any(|opener| opener.is_same(caller)) {
            return None;
        }
        let mut own = address.waiting.iter().enumerate().filter(|(_, waiting)| waiting.caller.is_same(caller));
        if let Some((oldest, _)) = own.next()
            && own.count() + 1 >= WAITING
        {
            address.waiting.remove(oldest);
        }
        let id = format!("{OWN}{}", Uuid::now_v7());
        address.waiting.push(Waiting { id: id.clone(), caller: caller.clone(), denial: denial.to_owned() });
        Some(Ping { streams: self.clone(), key: key.to_owned(), id, is_accepted: false })
    }

    fn take(&self, key: &str, is_it: impl Fn(&Waiting) -> bool) -> Option<String> {
        let mut addresses = self.addresses();
        let waiting = &mut addresses.get_mut(key)?.waiting;
        waiting.iter().position(is_it).map(|at| waiting.remove(at).denial)
    }
}

/// A ping to send to the server in place of a denied call.
#[derive(Debug)]
pub(super) struct Ping {
    streams: Streams,
    key: String,
    id: String,
    is_accepted: bool,
}

impl Ping {
    pub(super) fn text(&self) -> String {
        // The id needs no escaping.
        format!(r#"{{"jsonrpc":"2.0","id":"{}","method":"ping"}}"#, self.id)
    }

    /// Keeps the denial: the server has accepted the ping and will answer on a stream.
    pub(super) fn accepted(mut self) {
        self.is_accepted = true;
    }
}

impl Drop for Ping {
    /// Drops the denial of a ping that the server has not accepted, since no answer will come.
    fn drop(&mut self) {
        if !self.is_accepted {
            self.streams.take(&self.key, |waiting| waiting.id == self.id);
        }
    }
}

/// A stream from a GET, which may turn out to carry the answers to POSTs.
#[derive(Debug)]
pub(super) struct Opening {
    pub(super) streams: Streams,
    /// The caller who opens it.
    pub(super) opener: Agent,
}

impl Opening {
    /// Registers the stream once the server has sent the address for POSTs on it.
    pub(super) fn open(self, address: &str) -> Stream {
        let Self { streams, opener } = self;
        let key = key(address.trim()).to_owned();
        streams.addresses().entry(key.clone()).or_default().openers.push(opener.clone());
        Stream { streams, key, opener }
    }
}

/// A registered stream. Dropping it removes it.
#[derive(Debug)]
pub(super) struct Stream {
    streams: Streams,
    key: String,
    opener: Agent,
}

impl Stream {
    /// Takes the denial that replaces the answer to the guard's ping with this id.
    pub(super) fn denial(&self, id: &str) -> Option<String> {
        self.streams.take(&self.key, |waiting| waiting.id == id && waiting.caller.is_same(&self.opener))
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        let mut addresses = self.streams.addresses();
        let Some(address) = addresses.get_mut(&self.key) else { return };
        if let Some(at) = address.openers.iter().position(|opener| *opener == self.opener) {
            address.openers.swap_remove(at);
        }
        if !address.openers.iter().any(|opener| opener.is_same(&self.opener)) {
            address.waiting.retain(|waiting| !self.opener.is_same(&waiting.caller));
        }
        if address.openers.is_empty() {
            addresses.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(streams: &Streams, opener: &str, address: &str) -> Stream {
        Opening { streams: streams.clone(), opener: Agent::new(opener) }.open(address)
    }

    fn deny(streams: &Streams, caller: &str, address: &'static str) -> Option<Ping> {
        streams.deny(&Uri::from_static(address), &Agent::new(caller), "no")
    }

    #[test]
    fn a_denial_takes_the_place_of_the_answer_to_its_ping() {
        let streams = Streams::default();
        let stream = open(&streams, "a", "http://localhost/mcp/messages?sessionId=1");
        let other = open(&streams, "b", "/mcp/messages?sessionId=1");
        assert!(deny(&streams, "a", "/messages?sessionId=2").is_none());
        assert!(deny(&streams, "c", "/messages?sessionId=1").is_none());
        let ping = deny(&streams, "a", "/messages?sessionId=1").unwrap();
        let id = ping.id.clone();
        assert!(is_own(&id) && may_be_own(ping.text().as_bytes()));
        ping.accepted();
        assert_eq!((other.denial(&id), stream.denial("1")), (None, None));
        assert_eq!((stream.denial(&id).as_deref(), stream.denial(&id)), (Some("no"), None));
    }

    #[test]
    fn what_is_not_accepted_does_not_wait() {
        let streams = Streams::default();
        let stream = open(&streams, "a", "/abc/");
        let ping = deny(&streams, "a", "/messages/abc").unwrap();
        let id = ping.id.clone();
        drop(ping);
        assert_eq!(stream.denial(&id), None);
    }

    #[test]
    fn nothing_is_left_when_the_streams_have_ended() {
        let streams = Streams::default();
        let (older, newer) = (open(&streams, "a", "/m"), open(&streams, "a", "/m"));
        deny(&streams, "a", "/m").unwrap().accepted();
        drop(older);
        assert_eq!(streams.addresses()["m"].waiting.len(), 1);
        let other = open(&streams, "b", "/m");
        drop(newer);
        assert!(streams.addresses()["m"].waiting.is_empty());
        drop(other);
        assert!(streams.addresses().is_empty());
    }

    #[test]
    fn no_more_than_so_many_of_a_caller_wait() {
        let streams = Streams::default();
        let (_a, b) = (open(&streams, "a", "/m?s=1"), open(&streams, "b", "/m?s=1"));
        let first = deny(&streams, "b", "/m?s=1").unwrap();
        let id = first.id.clone();
        first.accepted();
        for _ in 0..2 * WAITING {
            deny(&streams, "a", "/m?s=1").unwrap().accepted();
        }
        assert_eq!(streams.addresses()["s=1"].waiting.len(), WAITING + 1);
        // Other callers' denials are not dropped.
        assert!(b.denial(&id).is_some());
    }
}
