//! Which hosts may ask, and how.

use crate::support::{POLICY, World};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const CALL: &str = r#"{ "tool": "view_customer" }"#;
const TOKEN: &str = "a-token-of-24-characters";

#[tokio::test]
async fn hosts_need_a_token() {
    let world = World::new(POLICY);
    world.write("tokens.txt", &format!("an-old-token-of-the-host\n{TOKEN}\n"));
    let service = world.serve(&["--tokens", "tokens.txt"]).await;
    let ask = async |path: &str, headers: &[(&str, &str)]| {
        let mut request = crate::support::client().post(format!("{}{path}", service.url)).body(CALL);
        request = request.header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.unwrap().status().as_u16()
    };
    let bearer = format!("Bearer {TOKEN}");
    assert_eq!(ask("/v1/decide", &[("authorization", &bearer)]).await, 200);
    assert_eq!(ask("/v1/decide", &[("authorization", "bearer an-old-token-of-the-host")]).await, 200);
    assert_eq!(ask("/v1/decide", &[("x-perso-token", TOKEN), ("authorization", "Bearer of-a-user")]).await, 200);
    for path in ["/v1/decide", "/access/v1/evaluation", "/ext-authz/mcp", "/envoy.service.auth.v3.Authorization/Check"]
    {
        assert_eq!(ask(path, &[]).await, 401, "{path}");
        assert_eq!(ask(path, &[("authorization", "Bearer another")]).await, 401, "{path}");
        assert_eq!(ask(path, &[("authorization", &format!("Bearer {TOKEN}x"))]).await, 401, "{path}");
        assert_eq!(ask(path, &[("authorization", &format!("Basic {TOKEN}"))]).await, 401, "{path}");
        assert_eq!(ask(path, &[("x-perso-token", "another"), ("authorization", &bearer)]).await, 401, "{path}");
        assert_eq!(ask(path, &[("x-perso-token", TOKEN), ("x-perso-token", TOKEN)]).await, 401, "{path}");
    }
    assert_eq!(service.get("/healthz").await.0, 200);
}

#[tokio::test]
async fn it_does_not_start_where_everybody_could_ask() {
    let world = World::new(POLICY);
    let why = world.fails(&["--listen", "0.0.0.0:0"]).await;
    assert!(why.contains("0.0.0.0:0: without --tokens or --tls-client-ca, everybody could ask"), "{why}");
    world.write("tokens.txt", "short\n");
    let why = world.fails(&["--tokens", "tokens.txt"]).await;
    assert!(why.contains("tokens.txt: a token has less than 16 characters"), "{why}");
    world.write("tokens.txt", "\n\n");
    assert!(world.fails(&["--tokens", "tokens.txt"]).await.contains("tokens.txt: it has no token"));
    assert!(world.fails(&["--listen", "localhost"]).await.contains("write an IP address and a port"));
    assert!(world.fails(&["--entities", "none.json"]).await.contains("none.json"));
    assert!(world.fails(&["--claim", "id=/sub"]).await.contains("give --issuer and --audience"));
}

#[tokio::test]
async fn a_unix_socket() {
    let world = World::new(POLICY);
    let path = world.path("perso.sock");
    let ask = async || {
        let mut socket = tokio::net::UnixStream::connect(&path).await.unwrap();
        let request = format!(
            "POST /v1/decide HTTP/1.1\r\nhost: perso\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{CALL}",
            CALL.len()
        );
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200") && answer.contains(r#""decision":"allow""#), "{answer}");
    };
    let address = format!("unix:{}", path.display());
    let mut first = world.start(&["--listen", &address]).await;
    assert_eq!(first.url, address);
    ask().await;
    // Another process does not take it.
    assert!(world.fails(&["--listen", &address]).await.contains("cannot be listened on"));
    ask().await;
    // The socket of a process that was killed is replaced.
    first.child.kill().await.unwrap();
    let second = world.start(&["--listen", &address]).await;
    ask().await;
    drop(second);
}

#[tokio::test]
async fn several_addresses() {
    let world = World::new(POLICY);
    let address = format!("unix:{}", world.path("perso.sock").display());
    let mut service = world.serve(&["--listen", &address]).await;
    assert_eq!(service.lines.next_line().await.unwrap().unwrap(), address);
    assert_eq!(service.post("/v1/decide", "application/json", CALL).await.0, 200);
}

#[tokio::test]
async fn tls_and_certificates_of_hosts() {
    let world = World::new(POLICY);
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let signed = |name: &str| {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
        (certificate.pem(), key.serialize_pem())
    };
    let (certificate, key) = signed("localhost");
    world.write("cert.pem", &certificate);
    world.write("key.pem", &key);
    world.write("ca.pem", &authority.pem());
    let arguments = ["--tls-cert", "cert.pem", "--tls-key", "key.pem", "--tls-client-ca", "ca.pem"];
    let service = world.serve(&arguments).await;
    let port = service.url.rsplit_once(':').unwrap().1;
    assert!(service.url.starts_with("https://"));
    let ask = async |identity: Option<(String, String)>| {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let root = reqwest::Certificate::from_pem(authority.pem().as_bytes()).unwrap();
        let mut client = reqwest::Client::builder().no_proxy().tls_certs_only([root]);
        if let Some((certificate, key)) = identity {
            client = client.identity(reqwest::Identity::from_pem(format!("{certificate}{key}").as_bytes()).unwrap());
        }
        let request = client.build().unwrap().post(format!("https://localhost:{port}/v1/decide"));
        let response = request.header("content-type", "application/json").body(CALL).send().await;
        response.map(|response| response.status().as_u16())
    };
    assert_eq!(ask(Some(signed("host"))).await.unwrap(), 200);
    assert!(ask(None).await.is_err());
    let stranger = rcgen::generate_simple_self_signed(vec!["host".to_owned()]).unwrap();
    assert!(ask(Some((stranger.cert.pem(), stranger.signing_key.serialize_pem()))).await.is_err());
    // A client that says nothing does not keep others waiting.
    let silent = tokio::net::TcpStream::connect(("127.0.0.1", port.parse().unwrap())).await.unwrap();
    tokio::time::timeout(Duration::from_secs(5), ask(Some(signed("host")))).await.unwrap().unwrap();
    drop(silent);
    let why = world.fails(&["--tls-cert", "cert.pem", "--tls-key", "ca.pem"]).await;
    assert!(why.contains("ca.pem"), "{why}");
}
