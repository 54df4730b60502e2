//! Fetches a policy from where it is, if it has changed.

use super::MOST_BYTES;
use http::header;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

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
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once("://") {
            None => Ok(Self::File(text.into())),
            Some(("http" | "https", _)) => Ok(Self::Http(text.to_owned())),
            Some((scheme, _)) => Err(format!("`{scheme}://` is not known: give a file, or a URL with http or https")),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            // A URL can have a password in it, and a query with a signature.
            Self::Http(url) => f.write_str(&shown(url)),
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
#[derive(Debug)]
pub(super) struct Fetcher {
    place: Place,
    http: reqwest::Client,
    /// For the server, if it wants one.
    token: Option<String>,
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
        // From a connection that is encrypted, a server cannot lead to one that is not.
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
        let http = reqwest::Client::builder().timeout(PATIENCE).redirect(redirects).build();
        Ok(Self { place, http: http.map_err(|error| error.to_string())?, token })
    }

    /// Fetches the policy, if it is another one than that with the tag.
    pub(super) async fn fetch(&self, known: Option<&Tag>) -> Result<Fetched, String> {
        match &self.place {
            Place::File(path) => {
                let metadata = tokio::fs::metadata(path).await.map_err(|error| error.to_string())?;
                if metadata.len() > MOST_BYTES as u64 {
                    return Err(format!("it has more than {MOST_BYTES} bytes"));
                }
                let bytes = tokio::fs::read(path).await.map_err(|error| error.to_string())?;
                let tag = Tag(perso_core::module::hex(&perso_core::module::sha256(&bytes)));
                Ok(if known == Some(&tag) { Fetched::Same } else { Fetched::New { bytes, tag: Some(tag) } })
            }
            Place::Http(url) => self.over_http(url, known).await,
        }
    }

    async fn over_http(&self, url: &str, known: Option<&Tag>) -> Result<Fetched, String> {
        // An error of the client has the URL in it.
        let failed = |error: reqwest::Error| error.without_url().to_string();
        let mut request = self.http.get(url).header(header::ACCEPT, "application/wasm, */*;q=0.1");
        if let Some(Tag(tag)) = known {
            request = request.header(header::IF_NONE_MATCH, tag);
        }
        if let Some(token) = &self.token {
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
            if bytes.len() + chunk.len() > MOST_BYTES {
                return Err(format!("it has more than {MOST_BYTES} bytes"));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(Fetched::New { bytes, tag })
    }
}
