//! Who calls, by an access token: an OAuth 2.1 resource server (RFC 6750, RFC 9068, RFC 9728).
//!
//! Keys come from the issuer (RFC 8414 or OpenID discovery), are read again when a token names one that is not known, and
//! are not used when they are old. Only signatures by a private key count: a token cannot choose what it is checked with.

use jsonwebtoken::jwk::{Jwk, JwkSet};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use perso_tower::Agent;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// How long the issuer has to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long keys are used without being read again.
const FRESH: Duration = Duration::from_secs(300);
/// How long keys are used if they cannot be read again.
const USABLE: Duration = Duration::from_secs(3600);
/// How often a token with a key that is not known makes the gateway read the keys again.
const AGAIN: Duration = Duration::from_secs(5);
/// How far clocks can be apart, in seconds.
const LEEWAY: u64 = 60;
/// The longest token, in bytes.
const LONGEST: usize = 16 << 10;
/// The largest document of an issuer, in bytes.
const MOST_BYTES: usize = 1 << 20;

const ALGORITHMS: [Algorithm; 9] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];

/// Who a token is about. A session belongs to whoever began it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal(String);

impl Principal {
    /// The subject of the token.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.0
    }
}

/// How tokens are checked.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The issuer, as it stands in tokens.
    pub issuer: String,
    /// Whom tokens must be for: this gateway.
    pub audience: String,
    /// What rules read as `agent.NAME`, and where it is in the claims: a JSON pointer.
    pub claims: Vec<(String, String)>,
}

/// Why a token does not count. This is for whoever sent it, and so has nothing of the token in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// There is no token.
    #[error("the request has no bearer token")]
    Missing,
    /// It cannot be read, or is not for this gateway, or not now, or nobody has signed it.
    #[error("the token is not valid here")]
    Invalid,
    /// The keys cannot be had, so that nobody can say.
    #[error("the token cannot be checked now; try again later")]
    Unchecked,
}

/// Checks tokens.
pub struct Verifier {
    settings: Settings,
    http: reqwest::Client,
    keys: RwLock<Option<(Arc<JwkSet>, Instant)>>,
    reading: Mutex<Option<Instant>>,
}

#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    jwks_uri: String,
}

impl Verifier {
    /// A verifier with these settings.
    ///
    /// # Errors
    ///
    /// Returns an error if the issuer is not an `https` URL, or one of this machine.
    pub fn new(settings: Settings) -> Result<Self, String> {
        allowed(&settings.issuer)?;
        let http = reqwest::Client::builder()
            .timeout(PATIENCE)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| error.to_string())?;
        Ok(Self { settings, http, keys: RwLock::default(), reading: Mutex::default() })
    }

    /// The settings.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Who the caller is, by the header `Authorization`.
    ///
    /// # Errors
    ///
    /// Returns why the token does not count.
    pub async fn caller(&self, authorization: Option<&str>) -> Result<(Principal, Agent), Refused> {
        let header = authorization.ok_or(Refused::Missing)?;
        let (scheme, token) = header.split_once(' ').ok_or(Refused::Missing)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(Refused::Missing);
        }
        let token = token.trim();
        if token.len() > LONGEST {
            return Err(Refused::Invalid);
        }
        let claims = self.claims(token).await?;
        let subject = claims.get("sub").and_then(Value::as_str).filter(|subject| !subject.is_empty());
        let principal = Principal(subject.ok_or(Refused::Invalid)?.to_owned());
        Ok((principal, attributes(&Value::Object(claims), &self.settings.claims).into()))
    }

    /// The verified claims of a token.
    async fn claims(&self, token: &str) -> Result<Map<String, Value>, Refused> {
        let header = decode_header(token).map_err(|_| Refused::Invalid)?;
        // An extension of the format that must be understood is not understood (RFC 7515, section 4.1.11).
        if !ALGORITHMS.contains(&header.alg) || header.crit.is_some() {
            return Err(Refused::Invalid);
        }
        let key = self.key(header.kid.as_deref(), header.alg).await?;
        let mut validation = Validation::new(header.alg);
        validation.set_issuer(&[&self.settings.issuer]);
        validation.set_audience(&[&self.settings.audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.validate_nbf = true;
        validation.leeway = LEEWAY;
        match decode::<Map<String, Value>>(token, &key, &validation) {
            // A token that is bound to a key (RFC 9449, RFC 8705) is worth nothing without a proof, which is not read here.
            Ok(data) if data.claims.contains_key("cnf") => Err(Refused::Invalid),
            Ok(data) => Ok(data.claims),
            Err(error) => {
                tracing::info!(%error, "a token was refused");
                Err(Refused::Invalid)
            }
        }
    }

    /// The key that a token names. One that names none can only be checked where there is but one key.
    async fn key(&self, id: Option<&str>, algorithm: Algorithm) -> Result<DecodingKey, Refused> {
        let keys = self.keys(false).await;
        if let Some(key) = keys.as_deref().and_then(|keys| find(keys, id, algorithm)) {
            return DecodingKey::from_jwk(key).map_err(|_| Refused::Invalid);
        }
        // Perhaps the issuer has a new one.
        let keys = self.keys(true).await.ok_or(Refused::Unchecked)?;
        let key = find(&keys, id, algorithm).ok_or(Refused::Invalid)?;
        DecodingKey::from_jwk(key).map_err(|_| Refused::Invalid)
    }

    fn kept(&self) -> Option<(Arc<JwkSet>, Duration)> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        keys.as_ref().map(|(keys, at)| (keys.clone(), at.elapsed()))
    }

    /// The issuer's keys, if they can be had.
    async fn keys(&self, is_unknown: bool) -> Option<Arc<JwkSet>> {
        let fresh = |age: Duration| age < if is_unknown { AGAIN } else { FRESH };
        if let Some((keys, age)) = self.kept()
            && fresh(age)
        {
            return Some(keys);
        }
        let mut last = self.reading.lock().await;
        let kept = self.kept();
        if let Some((keys, age)) = &kept
            && fresh(*age)
        {
            return Some(keys.clone());
        }
        let usable = kept.filter(|(_, age)| *age < USABLE).map(|(keys, _)| keys);
        if last.is_some_and(|at| at.elapsed() < AGAIN) {
            return usable;
        }
        *last = Some(Instant::now());
        match self.read().await {
            Ok(keys) => {
                let keys = Arc::new(keys);
                *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Some((keys.clone(), Instant::now()));
                Some(keys)
            }
            Err(error) => {
                tracing::error!(issuer = self.settings.issuer, error, "the issuer's keys cannot be read");
                usable
            }
        }
    }

    async fn read(&self) -> Result<JwkSet, String> {
        let issuer = self.settings.issuer.trim_end_matches('/');
        let (origin, path) = split(issuer).ok_or("the issuer is not a URL")?;
        let places = [
            format!("{origin}/.well-known/oauth-authorization-server{path}"),
            format!("{issuer}/.well-known/openid-configuration"),
        ];
        let mut why = String::new();
        for place in places {
            match self.document::<Metadata>(&place).await {
                Ok(metadata) if metadata.issuer == self.settings.issuer => {
                    allowed(&metadata.jwks_uri)?;
                    return self.document(&metadata.jwks_uri).await;
                }
                Ok(_) => why = format!("`{place}` is of another issuer"),
                Err(error) => why = error,
            }
        }
        Err(why)
    }

    async fn document<T: for<'d> Deserialize<'d>>(&self, url: &str) -> Result<T, String> {
        let failed = |error: reqwest::Error| format!("`{url}` cannot be read: {error}");
        let mut response = self.http.get(url).send().await.map_err(failed)?.error_for_status().map_err(failed)?;
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if bytes.len() + chunk.len() > MOST_BYTES {
                return Err(format!("`{url}` has more than {MOST_BYTES} bytes"));
            }
            bytes.extend_from_slice(&chunk);
        }
        serde_json::from_slice(&bytes).map_err(|error| format!("`{url}` cannot be read: {error}"))
    }
}

/// A caller's attributes: each has a name, and the JSON pointer of its claim.
pub(crate) fn attributes(claims: &Value, pointers: &[(String, String)]) -> Map<String, Value> {
    let found = |(name, pointer): &(String, String)| Some((name.clone(), claims.pointer(pointer)?.clone()));
    pointers.iter().filter_map(found).collect()
}

/// The key of an id that can check signatures of an algorithm.
fn find<'k>(keys: &'k JwkSet, id: Option<&str>, algorithm: Algorithm) -> Option<&'k Jwk> {
    let fits = |key: &&Jwk| {
        let is_for_signatures =
            key.common.public_key_use.as_ref().is_none_or(|usage| *usage == jsonwebtoken::jwk::PublicKeyUse::Signature);
        let is_of_algorithm = key
            .common
            .key_algorithm
            .is_none_or(|of| of.to_string().parse::<Algorithm>().is_ok_and(|of| of == algorithm));
        is_for_signatures
            && is_of_algorithm
            && !matches!(key.algorithm, jsonwebtoken::jwk::AlgorithmParameters::OctetKey(_))
    };
    match id {
        Some(id) => keys.keys.iter().filter(fits).find(|key| key.common.key_id.as_deref() == Some(id)),
        None => match keys.keys.iter().filter(fits).collect::<Vec<_>>().as_slice() {
            [only] => Some(only),
            _ => None,
        },
    }
}

/// The origin of a URL, and its path.
fn split(url: &str) -> Option<(&str, &str)> {
    let from = url.find("://")? + 3;
    let to = url.get(from..)?.find('/').map_or(url.len(), |at| from + at);
    Some((url.get(..to)?, url.get(to..)?))
}

/// Tokens and keys travel encrypted, but on this machine.
fn allowed(url: &str) -> Result<(), String> {
    let url: http::Uri = url.parse().map_err(|_| format!("`{url}` is not a URL"))?;
    let is_local = matches!(url.host(), Some("127.0.0.1" | "localhost" | "[::1]"));
    match url.scheme_str() {
        Some("https") => Ok(()),
        Some("http") if is_local => Ok(()),
        _ => Err(format!("`{url}` must begin with `https://`")),
    }
}
