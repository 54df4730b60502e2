//! The messages of [`envoy.service.auth.v3`](https://www.envoyproxy.io/docs/envoy/latest/api-v3/service/auth/v3/external_auth.proto),
//! as far as they are needed here.

use crate::service::grpc::Struct;
use axum::body::Bytes;
use http::{HeaderName, HeaderValue, Request, StatusCode};
use prost::{Message, Oneof};
use std::collections::HashMap;

#[derive(Clone, PartialEq, Message)]
pub(super) struct CheckRequest {
    #[prost(message, optional, tag = "1")]
    attributes: Option<Attributes>,
}

#[derive(Clone, PartialEq, Message)]
struct Attributes {
    #[prost(message, optional, tag = "4")]
    request: Option<Http>,
    #[prost(message, optional, tag = "11")]
    metadata_context: Option<Metadata>,
}

#[derive(Clone, PartialEq, Message)]
struct Http {
    #[prost(message, optional, tag = "2")]
    http: Option<HttpRequest>,
}

#[derive(Clone, PartialEq, Message)]
struct HttpRequest {
    #[prost(string, tag = "2")]
    method: String,
    #[prost(map = "string, string", tag = "3")]
    headers: HashMap<String, String>,
    #[prost(string, tag = "4")]
    path: String,
    #[prost(string, tag = "5")]
    host: String,
    #[prost(string, tag = "11")]
    body: String,
    #[prost(bytes = "bytes", tag = "12")]
    raw_body: Bytes,
    #[prost(message, optional, tag = "13")]
    header_map: Option<HeaderMap>,
}

#[derive(Clone, PartialEq, Message)]
struct HeaderMap {
    #[prost(message, repeated, tag = "1")]
    headers: Vec<Header>,
}

/// What filters before this one have found out.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Metadata {
    #[prost(map = "string, message", tag = "1")]
    pub(super) filter_metadata: HashMap<String, Struct>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct CheckResponse {
    #[prost(message, optional, tag = "1")]
    status: Option<Status>,
    #[prost(oneof = "Outcome", tags = "2, 3")]
    outcome: Option<Outcome>,
}

/// `google.rpc.Status`
#[derive(Clone, PartialEq, Message)]
struct Status {
    #[prost(int32, tag = "1")]
    code: i32,
}

#[derive(Clone, PartialEq, Oneof)]
enum Outcome {
    #[prost(message, tag = "2")]
    Denied(Denied),
    #[prost(message, tag = "3")]
    Allowed(Allowed),
}

#[derive(Clone, PartialEq, Message)]
struct Denied {
    #[prost(message, optional, tag = "1")]
    status: Option<HttpStatus>,
    #[prost(message, repeated, tag = "2")]
    headers: Vec<HeaderOption>,
    #[prost(string, tag = "3")]
    body: String,
}

#[derive(Clone, PartialEq, Message)]
struct Allowed {}

#[derive(Clone, PartialEq, Message)]
struct HttpStatus {
    #[prost(int32, tag = "1")]
    code: i32,
}

#[derive(Clone, PartialEq, Message)]
struct HeaderOption {
    #[prost(message, optional, tag = "1")]
    header: Option<Header>,
}

#[derive(Clone, PartialEq, Message)]
struct Header {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(string, tag = "2")]
    value: String,
    #[prost(bytes = "vec", tag = "3")]
    raw_value: Vec<u8>,
}

/// `PERMISSION_DENIED` of gRPC.
const PERMISSION_DENIED: i32 = 7;

const UNREADABLE: &str = "the request cannot be read";

impl CheckRequest {
    /// The request that Envoy asks about.
    ///
    /// # Errors
    ///
    /// Why it cannot be judged.
    pub(super) fn request(self) -> Result<(Request<Bytes>, Option<Metadata>), &'static str> {
        let attributes = self.attributes.ok_or("the check has no attributes")?;
        let http = attributes.request.and_then(|request| request.http).ok_or("the check has no HTTP request")?;
        let body = match (http.body.is_empty(), http.raw_body.is_empty()) {
            (_, true) => Bytes::from(http.body),
            (true, false) => http.raw_body,
            (false, false) => return Err("the check has two bodies"),
        };
        let mut request = Request::new(body);
        *request.method_mut() = http.method.parse().map_err(|_| UNREADABLE)?;
        *request.uri_mut() = http.path.parse().map_err(|_| UNREADABLE)?;
        let headers = request.headers_mut();
        let mut add = |key: &str, value: &[u8]| -> Result<(), &'static str> {
            // Those of HTTP/2 say what is elsewhere in the check.
            if key.starts_with(':') {
                return Ok(());
            }
            let name = HeaderName::from_bytes(key.as_bytes()).map_err(|_| UNREADABLE)?;
            headers.append(name, HeaderValue::from_bytes(value).map_err(|_| UNREADABLE)?);
            Ok(())
        };
        for (key, value) in &http.headers {
            add(key, value.as_bytes())?;
        }
        for Header { key, value, raw_value } in http.header_map.iter().flat_map(|map| &map.headers) {
            add(key, if raw_value.is_empty() { value.as_bytes() } else { raw_value })?;
        }
        if request.headers().get("x-envoy-auth-partial-body").is_some_and(|partial| partial != "false") {
            return Err("Envoy has cut off the body: raise max_request_bytes");
        }
        if !http.host.is_empty()
            && let Ok(host) = HeaderValue::from_str(&http.host)
        {
            request.headers_mut().insert(http::header::HOST, host);
        }
        Ok((request, attributes.metadata_context))
    }
}

impl CheckResponse {
    pub(super) const fn allowed() -> Self {
        Self { status: Some(Status { code: 0 }), outcome: Some(Outcome::Allowed(Allowed {})) }
    }

    pub(super) fn denied(status: StatusCode, kind: Option<&HeaderValue>, body: String) -> Self {
        let header = kind.and_then(|kind| kind.to_str().ok()).map(|kind| Header {
            key: "content-type".to_owned(),
            value: kind.to_owned(),
            raw_value: Vec::new(),
        });
        let denied = Denied {
            status: Some(HttpStatus { code: status.as_u16().into() }),
            headers: header.map(|header| HeaderOption { header: Some(header) }).into_iter().collect(),
            body,
        };
        Self { status: Some(Status { code: PERMISSION_DENIED }), outcome: Some(Outcome::Denied(denied)) }
    }
}
