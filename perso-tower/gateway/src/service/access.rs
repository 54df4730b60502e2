//! Who may ask: a host with a token, or with a certificate.

use super::router::plain;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};
use sha2::{Digest, Sha256};
use std::fs;
use std::path::Path;
use std::sync::Arc;

/// The shortest token, in bytes.
const SHORTEST: usize = 16;

/// The tokens of hosts, if they need one.
#[derive(Debug, Default, Clone)]
pub(crate) struct Access(Option<Arc<[[u8; 32]]>>);

impl Access {
    /// Reads tokens from a file, one on each line.
    ///
    /// # Errors
    ///
    /// Returns an error if the file cannot be read, has no token, or has one that is too short.
    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let tokens: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        if tokens.is_empty() {
            return Err(format!("{}: it has no token", path.display()));
        }
        if tokens.iter().any(|token| token.len() < SHORTEST) {
            return Err(format!("{}: a token has less than {SHORTEST} characters", path.display()));
        }
        Ok(Self(Some(tokens.iter().map(|token| digest(token.as_bytes())).collect())))
    }

    /// Whether hosts need a token.
    pub(crate) const fn is_needed(&self) -> bool {
        self.0.is_some()
    }

    fn has(&self, headers: &HeaderMap) -> bool {
        let Some(tokens) = &self.0 else { return true };
        let mut values = headers.get_all("x-perso-token").iter();
        let token = match (values.next(), values.next()) {
            (Some(token), None) => token.as_bytes(),
            (None, None) => {
                let mut values = headers.get_all(header::AUTHORIZATION).iter();
                let (Some(value), None) = (values.next(), values.next()) else { return false };
                match value.as_bytes().split_at_checked(7) {
                    Some((scheme, token)) if scheme.eq_ignore_ascii_case(b"bearer ") => token,
                    _ => return false,
                }
            }
            _ => return false,
        };
        // Digests are compared, so that the time it takes shows nothing of a token.
        tokens.contains(&digest(token))
    }
}

fn digest(token: &[u8]) -> [u8; 32] {
    Sha256::digest(token).into()
}

/// Lets hosts in that have a token.
pub(super) async fn known(State(access): State<Access>, request: Request, next: Next) -> Response {
    if access.has(request.headers()) {
        return next.run(request).await;
    }
    let response = plain(StatusCode::UNAUTHORIZED, "send one of the tokens of this service as a bearer token");
    ([(header::WWW_AUTHENTICATE, "Bearer")], response).into_response()
}
