//! [`ext_authz`](https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/ext_authz_filter) of Envoy: whether
//! a request of MCP over HTTP may pass.
//!
//! The request goes through a [`PersoLayer`](perso_tower::PersoLayer), as it would in front of a server. Envoy sends the body on as it
//! is, so a body that the layer would have written in another way is denied.

mod check;
mod messages;

pub(crate) use check::{Callers, Checker, Setup};

use super::grpc::unary;
use super::router::Service;
use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use check::Checked;
use http::{HeaderValue, StatusCode, header};
use messages::{CheckRequest, CheckResponse};
use std::sync::Arc;

/// The address of the HTTP form, before the path of the request.
const PREFIX: &str = "/ext-authz";

/// The method of the gRPC form.
pub(super) fn grpc() -> Router<Arc<Service>> {
    Router::new().route("/envoy.service.auth.v3.Authorization/Check", post(check))
}

async fn check(State(service): State<Arc<Service>>, request: Request) -> Response {
    // A message has the body of a request, and its head.
    let most = service.settings.body + (256 << 10);
    unary(request, most, |check: CheckRequest| async move {
        let checked = match check.request() {
            Ok((request, metadata)) => service.checker.check(request, metadata.as_ref()).await,
            Err(why) => Checked::refused(why),
        };
        Ok(match checked {
            Checked::Passes => CheckResponse::allowed(),
            Checked::Denied { status, kind, body } => CheckResponse::denied(status, kind.as_ref(), body),
        })
    })
    .await
}

/// The HTTP form: the request itself, with the address `/ext-authz` before its path.
pub(super) async fn http(State(service): State<Arc<Service>>, request: Request) -> Response {
    let (mut parts, body) = request.into_parts();
    let body = match axum::body::to_bytes(body, service.settings.body).await {
        Ok(body) => body,
        Err(_) => return StatusCode::PAYLOAD_TOO_LARGE.into_response(),
    };
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let path = path.strip_prefix(PREFIX).filter(|path| path.starts_with('/')).unwrap_or("/");
    let Ok(uri) = path.parse() else { return StatusCode::BAD_REQUEST.into_response() };
    parts.uri = uri;
    match service.checker.check(http::Request::from_parts(parts, body), None).await {
        Checked::Passes => StatusCode::OK.into_response(),
        Checked::Denied { status, kind, body } => {
            // To Envoy, 200 is permission.
            let status = if status.is_success() { StatusCode::FORBIDDEN } else { status };
            let mut response = (status, body).into_response();
            let kind = kind.unwrap_or(HeaderValue::from_static("text/plain; charset=utf-8"));
            response.headers_mut().insert(header::CONTENT_TYPE, kind);
            response
        }
    }
}
