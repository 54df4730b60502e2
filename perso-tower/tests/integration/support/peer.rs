//! A client over a real transport, in both eras: lines over a pipe or a connection, or HTTP. A token names the caller
//! of each request: a header carries it over HTTP, and over lines the server's agent source reads it from a shared
//! variable.

use super::Claims;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Era {
    /// With a handshake, up to the revision 2025-11-25.
    Handshake,
    /// Without a handshake, from 2026-07-28 on.
    Stateless,
}

impl Era {
    pub const ALL: [Self; 2] = [Self::Handshake, Self::Stateless];

    pub const fn revision(self) -> &'static str {
        match self {
            Self::Handshake => "2025-11-25",
            Self::Stateless => "2026-07-28",
        }
    }
}

/// The caller over lines, shared with the server's agent source.
#[derive(Debug, Clone, Default)]
pub struct Token(Arc<Mutex<String>>);

impl Token {
    pub fn claims(&self) -> Claims {
        Claims::of(&self.0.lock().unwrap())
    }

    fn set(&self, token: &str) {
        token.clone_into(&mut self.0.lock().unwrap());
    }
}

enum Link {
    Lines {
        read: BufReader<Box<dyn AsyncRead + Unpin + Send>>,
        write: Box<dyn AsyncWrite + Unpin + Send>,
        token: Token,
    },
    Http {
        client: reqwest::Client,
        url: String,
        session: Option<String>,
        token: Token,
    },
}

/// A client for HTTP. In builds of the whole workspace it comes with TLS, for which the process has to choose a provider.
pub fn http_client() -> reqwest::ClientBuilder {
    // A second one is not chosen.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
}

pub struct Peer {
    link: Link,
    era: Era,
    id: u64,
}

impl Peer {
    /// Connects over lines.
    pub async fn lines<S: AsyncRead + AsyncWrite + Send + 'static>(stream: S, era: Era, token: &Token) -> Self {
        let (read, write) = tokio::io::split(stream);
        let link = Link::Lines { read: BufReader::new(Box::new(read)), write: Box::new(write), token: token.clone() };
        Self { link, era, id: 0 }.connected().await
    }

    /// Connects over HTTP, with a session if the server opens one.
    pub async fn http(address: SocketAddr, era: Era) -> Self {
        Self::over_http(http_client().build().unwrap(), format!("http://{address}/mcp"), era, &Token::default()).await
    }

    /// Connects over HTTP on a Unix socket.
    pub async fn unix(path: &Path, era: Era, token: &Token) -> Self {
        let client = http_client().unix_socket(path).build().unwrap();
        Self::over_http(client, "http://localhost/".to_owned(), era, token).await
    }

    async fn over_http(client: reqwest::Client, url: String, era: Era, token: &Token) -> Self {
        let link = Link::Http { client, url, session: None, token: token.clone() };
        Self { link, era, id: 0 }.connected().await
    }

    async fn connected(mut self) -> Self {
        if self.era == Era::Handshake {
            let params = json!({ "protocolVersion": self.era.revision(), "clientInfo": { "name": "peer", "version": "1" },
                "capabilities": capabilities(true) });
            let answer =
                self.send("admin", json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params }));
            assert_eq!(answer.await.unwrap()["result"]["protocolVersion"], self.era.revision());
            self.send("admin", json!({ "jsonrpc": "2.0", "method": "notifications/initialized" })).await;
        } else {
            // Over lines, the first message tells the server the era.
            let answer = self.ask("admin", "server/discover", json!({})).await;
            assert!(answer.get("result").is_some(), "{answer}");
        }
        self
    }

    /// Sends a request as a client that accepts tasks, and returns the answer.
    pub async fn ask(&mut self, token: &str, method: &str, params: Value) -> Value {
        self.ask_with(token, method, params, true).await
    }

    /// Sends a request as a client that accepts tasks or not, and returns the answer.
    pub async fn ask_with(&mut self, token: &str, method: &str, mut params: Value, takes_tasks: bool) -> Value {
        self.id += 1;
        if self.era == Era::Stateless {
            let meta = &mut params["_meta"];
            meta["io.modelcontextprotocol/protocolVersion"] = json!(self.era.revision());
            meta["io.modelcontextprotocol/clientInfo"] = json!({ "name": "peer", "version": "1" });
            meta["io.modelcontextprotocol/clientCapabilities"] = capabilities(takes_tasks);
        }
        let request = json!({ "jsonrpc": "2.0", "id": self.id, "method": method, "params": params });
        self.send(token, request).await.unwrap()
    }

    /// Subscribes, and returns the notifications that the server acknowledges.
    pub async fn listen(&mut self, notifications: Value) -> Value {
        self.id += 1;
        let meta = json!({ "io.modelcontextprotocol/protocolVersion": self.era.revision(),
            "io.modelcontextprotocol/clientInfo": { "name": "peer", "version": "1" },
            "io.modelcontextprotocol/clientCapabilities": {} });
        let message = json!({ "jsonrpc": "2.0", "id": self.id, "method": "subscriptions/listen",
            "params": { "notifications": notifications, "_meta": meta } });
        let acknowledged = |line: &str| {
            let message: Value = serde_json::from_str(line.strip_prefix("data:").unwrap_or(line)).ok()?;
            let is_it = message["method"] == "notifications/subscriptions/acknowledged";
            // Over lines, tower-mcp sends them as the result if it has no notifications to send.
            let said = if is_it { &message["params"] } else { &message["result"] };
            said.get("notifications").cloned()
        };
        match &mut self.link {
            Link::Lines { read, write, .. } => {
                write.write_all(format!("{message}\n").as_bytes()).await.unwrap();
                write.flush().await.unwrap();
                loop {
                    let mut line = String::new();
                    assert_ne!(read.read_line(&mut line).await.unwrap(), 0, "closed: {message}");
                    if let Some(notifications) = acknowledged(&line) {
                        return notifications;
                    }
                }
            }
            Link::Http { client, url, .. } => {
                let request = client
                    .post(&*url)
                    .header("authorization", "agent")
                    .header("accept", "application/json, text/event-stream")
                    .header("content-type", "application/json")
                    .header("mcp-protocol-version", self.era.revision())
                    .header("mcp-method", "subscriptions/listen");
                let mut response = request.body(message.to_string()).send().await.unwrap();
                let mut body = String::new();
                while let Some(chunk) = response.chunk().await.unwrap() {
                    body += std::str::from_utf8(&chunk).unwrap();
                    if let Some(notifications) = body.lines().find_map(acknowledged) {
                        return notifications;
                    }
                }
                panic!("{message}: {body}")
            }
        }
    }

    /// Calls a tool as a client that does not accept tasks.
    pub async fn call(&mut self, token: &str, tool: &str, args: Value) -> Value {
        self.ask_with(token, "tools/call", json!({ "name": tool, "arguments": args }), false).await
    }

    /// Sends a message and, if it is a request, waits for the answer.
    pub async fn send(&mut self, caller: &str, message: Value) -> Option<Value> {
        let id = message.get("id").cloned();
        match &mut self.link {
            Link::Lines { read, write, token } => {
                token.set(caller);
                write.write_all(format!("{message}\n").as_bytes()).await.unwrap();
                write.flush().await.unwrap();
                let id = id?;
                loop {
                    let mut line = String::new();
                    assert_ne!(read.read_line(&mut line).await.unwrap(), 0, "closed: {message}");
                    let answer: Value = serde_json::from_str(&line).unwrap();
                    if answer.get("id") == Some(&id) && answer.get("method").is_none() {
                        return Some(answer);
                    }
                }
            }
            Link::Http { client, url, session, token } => {
                token.set(caller);
                let mut request = client
                    .post(&*url)
                    .header("authorization", caller)
                    .header("accept", "application/json, text/event-stream")
                    .header("content-type", "application/json")
                    .header("mcp-protocol-version", self.era.revision())
                    .body(message.to_string());
                if let Some(session) = &session {
                    request = request.header("mcp-session-id", session);
                }
                if self.era == Era::Stateless {
                    let params = &message["params"];
                    request = request.header("mcp-method", message["method"].as_str().unwrap());
                    let names = ["name", "taskId", "uri"].map(|key| params[key].as_str());
                    if let Some(name) = names.into_iter().flatten().next() {
                        request = request.header("mcp-name", name);
                    }
                }
                let response = request.send().await.unwrap();
                if let Some(opened) = response.headers().get("mcp-session-id") {
                    *session = Some(opened.to_str().unwrap().to_owned());
                }
                let id = id?;
                let body = response.text().await.unwrap();
                let texts = body.lines().filter_map(|line| line.strip_prefix("data:")).chain([&*body]);
                let answer = texts.filter_map(|text| serde_json::from_str::<Value>(text).ok());
                answer.into_iter().find(|answer| answer.get("id") == Some(&id)).or_else(|| panic!("{message}: {body}"))
            }
        }
    }
}

fn capabilities(takes_tasks: bool) -> Value {
    let mut capabilities = json!({ "elicitation": { "form": {} } });
    if takes_tasks {
        capabilities["extensions"] = json!({ "io.modelcontextprotocol/tasks": {} });
    }
    capabilities
}
