//! Real connections: a server on its own port, and a client that sends bytes unchanged.

use axum::Router;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Serves until the test ends.
pub async fn serve(app: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

/// A response over a connection.
#[derive(Debug)]
pub struct Raw {
    pub status: u16,
    pub head: String,
    pub body: String,
}

/// Sends a request with these head lines (`Host`, `Content-Length` and `Connection` are added) and this body, and reads
/// until the server closes the connection.
pub async fn exchange(address: SocketAddr, head: &[&str], body: &str) -> Raw {
    let length = format!("Content-Length: {}", body.len());
    let more = ["Host: localhost", &length, "Connection: close"];
    send(address, &format!("{}\r\n\r\n{body}", [head, &more].concat().join("\r\n"))).await
}

/// Sends bytes, and reads until the server closes the connection.
pub async fn send(address: SocketAddr, bytes: &str) -> Raw {
    let mut connection = TcpStream::connect(address).await.unwrap();
    connection.write_all(bytes.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).await.unwrap();
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.split(' ').nth(1).unwrap_or("0").parse().unwrap();
    Raw { status, head: head.to_lowercase(), body: body.to_owned() }
}

/// Sends a POST of JSON with this token.
pub async fn post(address: SocketAddr, token: &str, body: &str) -> Raw {
    let token = format!("Authorization: {token}");
    let accept = "Accept: application/json, text/event-stream";
    exchange(address, &["POST /mcp HTTP/1.1", &token, accept, "Content-Type: application/json"], body).await
}
