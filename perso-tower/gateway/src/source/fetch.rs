//! Fetches a policy from where it is, if it has changed.

mod registry;
mod store;

use super::MOST_BYTES;
use http::header;
pub(crate) use registry::Registry;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;
use store::Store;
use tokio::io::AsyncReadExt;

/// How long a fetch can take.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often a server can send a fetch elsewhere.
const MOST_REDIRECTS: usize = 5;

/// Where a policy is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    File(PathBuf),
    /// `http://` or `https://`
    Http(String),
    /// In an object store, such as `s3://bucket/support.wasm`.
    Store(String),
    /// In an OCI registry: what is behind `oci://`.
    Oci(String),
}

/// The schemes of object stores.
const STORES: [&str; 6] = ["s3", "gs", "az", "azure", "abfs", "abfss"];

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once("://") {
            None => Ok(Self::File(text.into())),
            Some(("http" | "https", _)) => Ok(Self::Http(text.to_owned())),
            Some(("oci", reference)) => Ok(Self::Oci(reference.to_owned())),
            Some((scheme, _)) if STORES.contains(&scheme) => Ok(Self::Store(text.to_owned())),
            Some((scheme, _)) => {
                Err(format!("`{scheme}://` is not known: give a file, or a URL with https, oci, s3, gs or az"))
            }
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            // A URL can have a password in it, and a query with a signature.
            Self::Http(url) | Self::Store(url) => f.write_str(&shown(url)),
            Self::Oci(reference) => write!(f, "oci://{reference}"),
        }
    }
}

fn shown(url: &str) -> String {
    match reqwest::Url::parse(url) {
        Ok(mut url) => {
            let _ = url.set_username("");
            let _ = url.set_password(None);
            url.set_query(None);
            url.set_fragment(None);
            url.to_string()
        }
        Err(_) => "a URL that cannot be read".to_owned(),
    }
}

/// What identifies what was fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tag(String);

/// What a fetch has found.
#[derive(Debug)]
pub(super) enum Fetched {
    Same,
    New { bytes: Vec<u8>, tag: Option<Tag> },
}

/// Fetches from a place.
pub(super) enum Fetcher {
    File(PathBuf),
    Http {
        url: String,
        http: reqwest::Client,
        /// For the server, if it wants one.
        token: Option<String>,
    },
    Store(Store),
    Oci(Box<Registry>),
}

impl Fetcher {
    /// `is_signed` says whether what is fetched is verified, so that it may come over a connection that is not encrypted.
    pub(super) fn new(place: Place, token: Option<String>, is_signed: bool) -> Result<Self, String> {
        if let Place::Http(url) = &place {
            let url = reqwest::Url::parse(url).map_err(|error| format!("`{url}` is not a URL: {error}"))?;
            let is_local = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
            if url.scheme() == "http" && !is_local && (!is_signed || token.is_some()) {
                return Err(format!("`{place}`: without https, give --policy-keys, and no token"));
            }
        }
        Ok(match place {
            Place::File(path) => Self::File(path),
            Place::Http(url) => Self::Http { url, http: client()?, token },
            Place::Store(url) => Self::Store(Store::new(&url)?),
            Place::Oci(reference) => Self::Oci(Box::new(Registry::new(&reference)?)),
        })
    }

    /// Fetches the policy, if it is another one than that with the tag.
    pub(super) async fn fetch(&self, known: Option<&Tag>) -> Result<Fetched, String> {
        let fetched = async {
            match self {
                Self::File(path) => file(path, known).await,
                Self::Http { url, http, token } => over_http(http, url, token.as_deref(), known).await,
                Self::Store(store) => store.fetch(known).await,
                Self::Oci(registry) => registry.fetch(known).await,
            }
        };
        tokio::time::timeout(PATIENCE, fetched)
            .await
            .unwrap_or_else(|_| Err(format!("it takes longer than {PATIENCE:?}")))
    }
}

/// A client that follows no redirect from a connection that is encrypted to one that is not.
fn client() -> Result<reqwest::Client, String> {
    let redirects = reqwest::redirect::Policy::custom(|attempt| {
        let was_encrypted = attempt.previous().iter().any(|url| url.scheme() == "https");
        if attempt.previous().len() > MOST_REDIRECTS {
            attempt.error("too many redirects")
        } else if was_encrypted && attempt.url().scheme() != "https" {
            attempt.error("a redirect from https to http")
        } else {
            attempt.follow()
        }
    });
    reqwest::Client::builder().redirect(redirects).build().map_err(|error| error.to_string())
}

/// Adds to what has been fetched, if it does not get too large.
fn add(bytes: &mut Vec<u8>, chunk: &[u8]) -> Result<(), String> {
    if bytes.len() + chunk.len() > MOST_BYTES {
        return Err(format!("it has more than {MOST_BYTES} bytes"));
    }
    bytes.extend_from_slice(chunk);
    Ok(())
}

async fn file(path: &Path, known: Option<&Tag>) -> Result<Fetched, String> {
    let file = tokio::fs::File::open(path).await.map_err(|error| error.to_string())?;
    let mut bytes = Vec::new();
    let read = file.take(MOST_BYTES as u64 + 1).read_to_end(&mut bytes).await;
    read.map_err(|error| error.to_string())?;
    add(&mut Vec::new(), &bytes)?;
    let tag = Tag(perso_core::module::hex(&perso_core::module::sha256(&bytes)));
    Ok(if known == Some(&tag) { Fetched::Same } else { Fetched::New { bytes, tag: Some(tag) } })
}

async fn over_http(
    http: &reqwest::Client,
    url: &str,
    token: Option<&str>,
    known: Option<&Tag>,
) -> Result<Fetched, String> {
    // An error of the client has the URL in it.
    let failed = |error: reqwest::Error| error.without_url().to_string();
    let mut request = http.get(url).header(header::ACCEPT, "application/wasm, */*;q=0.1");
    if let Some(Tag(tag)) = known {
        request = request.header(header::IF_NONE_MATCH, tag);
    }
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    let mut response = request.send().await.map_err(failed)?;
    if response.status() == http::StatusCode::NOT_MODIFIED && known.is_some() {
        return Ok(Fetched::Same);
    }
    if response.status() != http::StatusCode::OK {
        return Err(format!("the server answers {}", response.status()));
    }
    let tag = response.headers().get(header::ETAG).and_then(|tag| Some(Tag(tag.to_str().ok()?.to_owned())));
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(failed)? {
        add(&mut bytes, &chunk)?;
    }
    Ok(Fetched::New { bytes, tag })
}
