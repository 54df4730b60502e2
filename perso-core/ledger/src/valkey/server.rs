//! The connection to the server: made when it is needed, and made again when it is lost.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::cluster::ClusterClient;
use redis::cluster_async::ClusterConnection;
use redis::{AsyncConnectionConfig, Client, Cmd, ErrorKind, RedisError, RedisResult, ServerErrorKind, Value};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::scripts::{READY, Script};
use crate::error::{LedgerError, OpenError};

/// How long to wait before a lost server is tried again.
const PAUSE: Duration = Duration::from_millis(10);

/// A server, or a cluster of them.
pub(super) struct Server {
    client: Remote,
    limit: Duration,
    clock: String,
    /// The connection, and how many there were before it.
    connection: Mutex<(u64, Option<Connection>)>,
}

enum Remote {
    One(Box<Client>),
    Cluster(Box<ClusterClient>),
}

#[derive(Clone)]
enum Connection {
    One(MultiplexedConnection),
    Cluster(ClusterConnection),
}

const NOT_AN_ADDRESS: OpenError = OpenError::Address(
    "write `valkey://HOST`, or `valkey://USER:PASSWORD@HOST:PORT/DATABASE`, with `?cluster` for a cluster",
);

impl Server {
    /// The server at an address. `clock` is the key of the clock.
    pub fn new(address: &str, limit: Duration, clock: String) -> Result<Self, OpenError> {
        let (address, query) =
            address.split_once('?').map_or((address, None), |(address, query)| (address, Some(query)));
        if address.starts_with("rediss:") || address.starts_with("valkeys:") {
            // The host may have another one already.
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        let client = match query {
            None => Remote::One(Box::new(Client::open(address).map_err(|_| NOT_AN_ADDRESS)?)),
            Some(query) => {
                let (name, nodes) = query.split_once('=').unwrap_or((query, ""));
                if name != "cluster" {
                    return Err(NOT_AN_ADDRESS);
                }
                let (scheme, rest) = address.split_once("://").ok_or(NOT_AN_ADDRESS)?;
                let login = rest.rsplit_once('@').map(|(login, _)| format!("{login}@")).unwrap_or_default();
                let others =
                    nodes.split(',').filter(|node| !node.is_empty()).map(|node| format!("{scheme}://{login}{node}"));
                let builder = ClusterClient::builder(std::iter::once(address.to_owned()).chain(others))
                    .connection_timeout(limit)
                    .response_timeout(limit)
                    .overall_response_timeout(Some(limit))
                    .retries(4)
                    .min_retry_wait(10)
                    .max_retry_wait(50);
                Remote::Cluster(Box::new(builder.build().map_err(|_| NOT_AN_ADDRESS)?))
            }
        };
        Ok(Self { client, limit, clock, connection: Mutex::default() })
    }

    /// Runs a script, within the time limit. `again`: whether it may run twice, where the server or the connection was lost while
    /// it ran.
    pub async fn run(
        &self,
        script: &Script,
        again: bool,
        arguments: &[Argument<'_>],
    ) -> Result<Vec<String>, LedgerError> {
        let end = Instant::now() + self.limit;
        loop {
            let (number, result) = match tokio::time::timeout_at(end, self.attempt(script, arguments)).await {
                Ok(attempt) => attempt,
                Err(_) => {
                    self.forget(None);
                    return Err(LedgerError::Late(self.limit));
                }
            };
            let error = match result {
                Ok(value) => return redis::from_redis_value(value).map_err(|_| NOT_UNDERSTOOD),
                Err(error) => error,
            };
            let lost = is_lost(&error);
            if lost {
                self.forget(Some(number));
            }
            // What could not be sent has not run.
            let retry = lost && (again || error.is_connection_refusal());
            if !retry || Instant::now() + PAUSE >= end {
                return Err(in_words(&error));
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Runs a script once. Gives also the number of the connection.
    async fn attempt(&self, script: &Script, arguments: &[Argument<'_>]) -> (u64, RedisResult<Value>) {
        let (number, mut connection) = match self.connection().await {
            (number, Ok(connection)) => (number, connection),
            (number, Err(error)) => return (number, Err(error)),
        };
        (number, self.evaluate(&mut connection, script, arguments).await)
    }

    /// Runs a script that the server may know.
    async fn evaluate(
        &self,
        connection: &mut Connection,
        script: &Script,
        arguments: &[Argument<'_>],
    ) -> RedisResult<Value> {
        let known = connection.send(&self.command("EVALSHA", &script.sha, arguments)).await;
        match known {
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                connection.send(&self.command("EVAL", script.text, arguments)).await
            }
            other => other,
        }
    }

    fn command(&self, name: &str, script: &str, arguments: &[Argument<'_>]) -> Cmd {
        let mut command = redis::cmd(name);
        command.arg(script).arg(1).arg(&self.clock);
        for argument in arguments {
            match argument {
                Argument::Text(text) => command.arg(*text),
                Argument::Owned(text) => command.arg(text),
                Argument::Number(number) => command.arg(*number),
            };
        }
        command
    }

    /// The connection, made if there is none, with its number.
    async fn connection(&self) -> (u64, RedisResult<Connection>) {
        let mut current = self.connection.lock().await;
        if let Some(connection) = &current.1 {
            return (current.0, Ok(connection.clone()));
        }
        current.0 += 1;
        let made = self.connect().await;
        if let Ok(connection) = &made {
            current.1 = Some(connection.clone());
        }
        (current.0, made)
    }

    async fn connect(&self) -> RedisResult<Connection> {
        let mut connection = match &self.client {
            Remote::One(client) => {
                let config = AsyncConnectionConfig::new()
                    .set_connection_timeout(Some(self.limit))
                    .set_response_timeout(Some(self.limit));
                Connection::One(client.get_multiplexed_async_connection_with_config(&config).await?)
            }
            Remote::Cluster(client) => Connection::Cluster(client.get_async_connection().await?),
        };
        let ready = self.evaluate(&mut connection, &READY, &[]).await?;
        match redis::from_redis_value::<Vec<String>>(ready) {
            Ok(answer) if answer == ["ready"] => Ok(connection),
            Ok(answer) if answer == ["evicts"] => Err(RedisError::from((ErrorKind::InvalidClientConfig, "evicts"))),
            _ => Err(RedisError::from((ErrorKind::Parse, "not understood"))),
        }
    }

    /// Has the next operation connect again, if the connection is still the one with this number. Nothing is waited for: where
    /// the connection is locked, another operation is making a new one.
    fn forget(&self, number: Option<u64>) {
        if let Ok(mut current) = self.connection.try_lock()
            && number.is_none_or(|number| number == current.0)
        {
            current.1 = None;
        }
    }
}

impl Connection {
    async fn send(&mut self, command: &Cmd) -> RedisResult<Value> {
        match self {
            Self::One(connection) => command.query_async(connection).await,
            Self::Cluster(connection) => command.query_async(connection).await,
        }
    }
}

/// An argument of a script.
pub(super) enum Argument<'a> {
    Text(&'a str),
    Owned(String),
    Number(u64),
}

pub(super) const NOT_UNDERSTOOD: LedgerError =
    LedgerError::Unavailable("the server's answer is none of a ledger's script");

/// Whether a new connection may help.
fn is_lost(error: &RedisError) -> bool {
    match error.kind() {
        // An answer that ends in the middle cannot be parsed.
        ErrorKind::Io | ErrorKind::Parse | ErrorKind::ClusterConnectionNotFound | ErrorKind::Client => true,
        ErrorKind::Server(kind) => matches!(
            kind,
            ServerErrorKind::BusyLoading
                | ServerErrorKind::ClusterDown
                | ServerErrorKind::MasterDown
                | ServerErrorKind::ReadOnly
                | ServerErrorKind::TryAgain
                | ServerErrorKind::Moved
                | ServerErrorKind::Ask
        ),
        _ => error.is_connection_dropped() || error.is_timeout(),
    }
}

/// An error as what an operator can do something about, without what the server says.
fn in_words(error: &RedisError) -> LedgerError {
    LedgerError::Unavailable(match (error.kind(), error.code()) {
        (ErrorKind::InvalidClientConfig, _) if error.to_string().contains("evicts") => {
            "the server may evict what still counts: set `maxmemory-policy noeviction`"
        }
        (ErrorKind::AuthenticationFailed, _) | (_, Some("NOAUTH" | "WRONGPASS" | "NOPERM")) => {
            "the server does not let this client in"
        }
        (_, Some("OOM")) => "the server has no memory left",
        (_, Some("READONLY")) => "the server is a replica",
        (_, Some("LOADING")) => "the server is starting",
        (_, Some("BUSY")) => "the server runs another script",
        (_, Some("MISCONF")) => "the server cannot write to its disk",
        (_, Some("CLUSTERDOWN" | "MASTERDOWN" | "TRYAGAIN" | "MOVED" | "ASK"))
        | (ErrorKind::ClusterConnectionNotFound, _) => "the cluster is not complete",
        _ if error.is_connection_refusal() => "there is no server at its address",
        _ if error.is_timeout() => "the server did not answer in time",
        (ErrorKind::Io, _) => "the connection to the server was lost",
        (ErrorKind::Parse | ErrorKind::UnexpectedReturnType, _) => "the server's answer is not one of a Valkey server",
        _ => "the server refuses a script of the ledger",
    })
}
