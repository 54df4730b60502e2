//! Addresses, Unix sockets and TLS.

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
#[cfg(unix)]
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How long a client has for the head of a request, and for a handshake.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long requests have to finish when the service stops.
const GRACE: Duration = Duration::from_secs(10);
/// How many requests can be open in a connection of HTTP/2.
const MOST_STREAMS: u32 = 1_024;
/// How often a client of HTTP/2 is asked whether it is still there.
const ALIVE: Duration = Duration::from_secs(30);
/// How long to wait if a connection cannot be accepted, such as when too many files are open.
const PAUSE: Duration = Duration::from_millis(100);

/// Where to listen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Address {
    Tcp(SocketAddr),
    /// A Unix socket.
    Unix(PathBuf),
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.strip_prefix("unix:") {
            Some("") => Err("write the path of the socket after `unix:`".to_owned()),
            Some(path) => Ok(Self::Unix(path.into())),
            None => text.parse().map(Self::Tcp).map_err(|_| {
                "write an IP address and a port such as 127.0.0.1:8181, or the path of a socket after `unix:`"
                    .to_owned()
            }),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// The certificates of the service, and of those who may ask.
#[derive(Clone)]
pub(crate) struct Tls {
    acceptor: TlsAcceptor,
}

impl Tls {
    /// Reads certificates and a key in PEM. With `clients`, clients need a certificate that one of those in it has signed.
    ///
    /// # Errors
    ///
    /// Returns an error if a file cannot be read, or has not what it should have.
    pub(crate) fn read(certificates: &Path, key: &Path, clients: Option<&Path>) -> Result<Self, String> {
        let builder = ServerConfig::builder();
        let builder = match clients {
            Some(path) => {
                let mut roots = RootCertStore::empty();
                for certificate in pem(path)? {
                    roots.add(certificate).map_err(|error| format!("{}: {error}", path.display()))?;
                }
                let verifier = WebPkiClientVerifier::builder(Arc::new(roots));
                builder.with_client_cert_verifier(
                    verifier.build().map_err(|error| format!("{}: {error}", path.display()))?,
                )
            }
            None => builder.with_no_client_auth(),
        };
        let secret = PrivateKeyDer::from_pem_file(key).map_err(|error| format!("{}: {error}", key.display()))?;
        let mut config = builder
            .with_single_cert(pem(certificates)?, secret)
            .map_err(|error| format!("{} and {}: {error}", certificates.display(), key.display()))?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self { acceptor: Arc::new(config).into() })
    }
}

fn pem(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let wrong = |error: rustls::pki_types::pem::Error| format!("{}: {error}", path.display());
    let certificates: Vec<_> =
        CertificateDer::pem_file_iter(path).map_err(wrong)?.collect::<Result<_, _>>().map_err(wrong)?;
    if certificates.is_empty() {
        return Err(format!("{}: it has no certificate", path.display()));
    }
    Ok(certificates)
}

/// Where the service listens.
pub(crate) enum Listener {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(UnixListener, Socket),
}

/// The file of a Unix socket, removed at the end.
#[cfg(unix)]
pub(crate) struct Socket(PathBuf);

#[cfg(unix)]
impl Drop for Socket {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

impl Listener {
    /// Listens.
    ///
    /// # Errors
    ///
    /// Returns an error if another process listens there, or the system does not allow it.
    pub(crate) async fn bind(address: &Address) -> Result<Self, String> {
        let wrong = |error: std::io::Error| format!("{address} cannot be listened on: {error}");
        match address {
            Address::Tcp(address) => Ok(Self::Tcp(TcpListener::bind(address).await.map_err(wrong)?)),
            #[cfg(unix)]
            Address::Unix(path) => {
                // The socket of a process that has ended is still there.
                if let Err(error) = UnixStream::connect(path).await
                    && error.kind() == std::io::ErrorKind::ConnectionRefused
                {
                    std::fs::remove_file(path).map_err(wrong)?;
                }
                let listener = UnixListener::bind(path).map_err(wrong)?;
                Ok(Self::Unix(listener, Socket(path.clone())))
            }
            #[cfg(not(unix))]
            Address::Unix(_) => Err("this system has no Unix sockets".to_owned()),
        }
    }

    /// Where it listens, as clients write it.
    pub(crate) fn link(&self, is_tls: bool) -> String {
        match self {
            Self::Tcp(listener) => {
                let address = listener.local_addr().map_or_else(|error| error.to_string(), |it| it.to_string());
                format!("{}://{address}", if is_tls { "https" } else { "http" })
            }
            #[cfg(unix)]
            Self::Unix(_, socket) => format!("unix:{}", socket.0.display()),
        }
    }

    /// Answers requests until `stop`, and then finishes those that are there. At most `most` connections are open.
    pub(crate) async fn serve(self, router: Router, tls: Option<Tls>, most: usize, stop: CancellationToken) {
        let (connections, places) = (TaskTracker::new(), Arc::new(Semaphore::new(most)));
        // Those who wait for a place are in the system's queue.
        while let Some(Ok(place)) = stop.run_until_cancelled(places.clone().acquire_owned()).await {
            let connection = match stop.run_until_cancelled(self.accept()).await {
                Some(Ok(connection)) => connection,
                Some(Err(error)) => {
                    tracing::warn!(%error, "a connection cannot be accepted");
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
                None => break,
            };
            let (router, tls, stop) = (router.clone(), tls.clone(), stop.clone());
            connections.spawn(async move {
                match (connection, tls) {
                    (Connection::Tcp(stream), Some(tls)) => {
                        match tokio::time::timeout(PATIENCE, tls.acceptor.accept(stream)).await {
                            Ok(Ok(stream)) => answer(stream, router, stop).await,
                            Ok(Err(error)) => tracing::debug!(%error, "a handshake failed"),
                            Err(_) => tracing::debug!("a handshake took too long"),
                        }
                    }
                    (Connection::Tcp(stream), None) => answer(stream, router, stop).await,
                    #[cfg(unix)]
                    (Connection::Unix(stream), _) => answer(stream, router, stop).await,
                }
                drop(place);
            });
        }
        connections.close();
        let _ = tokio::time::timeout(GRACE, connections.wait()).await;
    }

    async fn accept(&self) -> std::io::Result<Connection> {
        match self {
            Self::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                // Otherwise the second part of an answer waits until the client has confirmed the first, for up to 40 ms.
                stream.set_nodelay(true)?;
                Ok(Connection::Tcp(stream))
            }
            #[cfg(unix)]
            Self::Unix(listener, _) => Ok(Connection::Unix(listener.accept().await?.0)),
        }
    }
}

enum Connection {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
}

/// Answers the requests of a connection, in HTTP/1.1 or HTTP/2.
async fn answer<S>(stream: S, router: Router, stop: CancellationToken)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut server = Builder::new(TokioExecutor::new());
    server.http1().timer(TokioTimer::new()).header_read_timeout(PATIENCE);
    server.http2().timer(TokioTimer::new()).max_concurrent_streams(MOST_STREAMS).keep_alive_interval(ALIVE);
    let connection = server.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut connection = std::pin::pin!(connection);
    let done = match stop.run_until_cancelled(connection.as_mut()).await {
        Some(done) => done,
        None => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = done {
        tracing::debug!(error, "a connection ended");
    }
}
