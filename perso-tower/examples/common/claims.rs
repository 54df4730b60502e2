//! An ordinary authentication layer: it verifies a JWT and stores the claims in the request's extensions.

use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use jsonwebtoken::{DecodingKey, Validation, decode};
use serde::{Deserialize, Serialize};

/// The verified claims, which rules read as `agent.id`, `agent.roles` and `agent.mfa_verified`.
#[derive(Clone, Serialize, Deserialize)]
pub struct Claims {
    #[serde(rename(serialize = "id"))]
    sub: String,
    roles: Vec<String>,
    #[serde(default)]
    mfa_verified: bool,
}

pub async fn verify(State(key): State<DecodingKey>, mut request: Request, next: Next) -> Result<Response, StatusCode> {
    let header = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = header.and_then(|value| value.strip_prefix("Bearer ")).ok_or(StatusCode::UNAUTHORIZED)?;
    let claims = decode::<Claims>(token, &key, &Validation::default()).map_err(|_| StatusCode::UNAUTHORIZED)?.claims;
    request.extensions_mut().insert(claims);
    Ok(next.run(request).await)
}
