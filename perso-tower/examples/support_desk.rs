//! A support desk over HTTP. It reloads its policy when the file changes.
//!
//! ```sh
//! perso compile policies/support-desk.json -o support.wasm
//! DESK_SECRET=... cargo run -p perso-tower --example support_desk -- support.wasm 127.0.0.1:8000
//! ```
//!
//! The endpoint is `/mcp`. Callers send a JWT (HS256) with `sub`, `roles`, `exp` and optionally `mfa_verified`.

#[path = "common/claims.rs"]
mod claims;
#[path = "common/desk.rs"]
mod desk;

use axum::{Router, middleware};
use claims::Claims;
use desk::Desk;
use jsonwebtoken::DecodingKey;
use perso_tower::{FromExtension, Guard, Policy, PolicyHandle};
use rmcp::transport::streamable_http_server::StreamableHttpService;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use std::error::Error;
use std::sync::Arc;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let mut args = std::env::args().skip(1);
    let module = args.next().ok_or("usage: support_desk MODULE [ADDRESS]")?;
    let address = args.next().unwrap_or_else(|| "127.0.0.1:8000".to_owned());
    let key = DecodingKey::from_secret(std::env::var("DESK_SECRET")?.as_bytes());

    let policy = PolicyHandle::from(Policy::load(&module)?);
    let _watch = policy.watch(&module)?;

    let desk = Desk::new();
    let guarded = desk.clone().guarded(policy).agent_source(FromExtension::<Claims>::new()).resource(desk);

    let sessions = Arc::new(LocalSessionManager::default());
    let mcp = StreamableHttpService::new(move || Ok(guarded.clone()), sessions, Default::default());
    let app = Router::new().nest_service("/mcp", mcp).layer(middleware::from_fn_with_state(key, claims::verify));
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("http://{}/mcp", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}
