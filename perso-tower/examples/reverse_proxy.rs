//! A reverse proxy that guards any MCP server over HTTP.
//!
//! ```sh
//! perso compile policy.json -o policy.wasm
//! DESK_SECRET=... cargo run -p perso-tower --example reverse_proxy -- policy.wasm http://127.0.0.1:3001 127.0.0.1:8000
//! ```
//!
//! Callers send a JWT (HS256) with `sub`, `roles`, `exp` and optionally `mfa_verified`. The proxy does not forward it.

#[path = "common/claims.rs"]
mod claims;

use axum::body::Body;
use axum::http::{Request, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::{Router, middleware};
use claims::Claims;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use jsonwebtoken::DecodingKey;
use perso_tower::{FromExtension, PersoBody, PersoLayer, Policy};
use std::convert::Infallible;
use std::error::Error;
use tower::{Layer, service_fn};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let mut args = std::env::args().skip(1);
    let usage = "usage: reverse_proxy MODULE UPSTREAM [ADDRESS]";
    let policy = Policy::load(args.next().ok_or(usage)?)?;
    let upstream: Uri = args.next().ok_or(usage)?.parse()?;
    let address = args.next().unwrap_or_else(|| "127.0.0.1:8000".to_owned());
    let key = DecodingKey::from_secret(std::env::var("DESK_SECRET")?.as_bytes());

    let client = Client::builder(TokioExecutor::new()).build_http::<PersoBody<Body>>();
    let proxy = service_fn(move |mut request: Request<PersoBody<Body>>| {
        let (client, upstream) = (client.clone(), upstream.clone());
        async move {
            let mut uri = upstream.into_parts();
            uri.path_and_query = request.uri().path_and_query().cloned();
            *request.uri_mut() = Uri::from_parts(uri).unwrap_or_default();
            request.headers_mut().remove(header::HOST);
            request.headers_mut().remove(header::AUTHORIZATION);
            Ok::<Response, Infallible>(match client.request(request).await {
                Ok(response) => response.map(Body::new),
                Err(_) => StatusCode::BAD_GATEWAY.into_response(),
            })
        }
    });

    let guarded = PersoLayer::new(policy).agent_source(FromExtension::<Claims>::new()).layer(proxy);
    let app = Router::new().fallback_service(guarded).layer(middleware::from_fn_with_state(key, claims::verify));
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("http://{}", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}
