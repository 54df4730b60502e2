//! Requests that are not what they seem, byte by byte over HTTP, and messages with random faults over both transports: what runs
//! behind the gateway is what the policy allowed, with exactly the arguments that the server got.

use crate::corpus::messages;
use crate::support::*;
use perso_core::Policy;
use serde_json::{Value, json};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::Child;
use tokio::time::{sleep, timeout};

const POLICY: &str = include_str!("../../../../policies/messages/policies/pay.json");

/// What the policy lets run, and what it does not.
const SMALL: &str = r#""name":"pay","arguments":{"amount":5}"#;
const LARGE: &str = r#""name":"pay","arguments":{"amount":501}"#;
const WIPE: &str = r#""name":"wipe","arguments":{}"#;

const META: &str = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",
    "io.modelcontextprotocol/clientInfo":{"name":"raw","version":"1"},"io.modelcontextprotocol/clientCapabilities":{}}"#;

fn world() -> World {
    let world = World::new(&["one"]);
    world.write("policy.json", POLICY);
    world
}

/// A world whose server is on standard input and output, and one whose server is behind HTTP, to which calls go as they are.
async fn worlds() -> [(World, Option<Child>); 2] {
    let web = world();
    let (child, url) = web.web("one", "127.0.0.1:0").await;
    web.servers(&json!({ "one": { "url": url } }));
    [(world(), None), (web, Some(child))]
}

fn call(params: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{{{params},{META}}}}}"#)
}

/// The headers of a call in revision 2026-07-28.
fn headers(name: &str) -> Vec<String> {
    [
        "Host: localhost",
        "Accept: application/json, text/event-stream",
        "Content-Type: application/json",
        "MCP-Protocol-Version: 2026-07-28",
        "Mcp-Method: tools/call",
        &format!("Mcp-Name: {name}"),
        "Connection: close",
    ]
    .map(str::to_owned)
    .to_vec()
}

fn request(line: &str, headers: &[String], body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let head = format!("{line} HTTP/1.1\r\n{}\r\nContent-Length: {}\r\n\r\n", headers.join("\r\n"), body.len());
    [head.as_bytes(), body].concat()
}

/// A request whose body is a call of `pay` or `wipe`.
fn post(params: &str) -> Vec<u8> {
    request("POST /mcp", &headers(if params == WIPE { "wipe" } else { "pay" }), call(params))
}

/// A request in which some headers have other values, are there more than once, or are missing.
fn with(changes: &[(&str, &[&str])], params: &str) -> Vec<u8> {
    let mut all = headers(if params == WIPE { "wipe" } else { "pay" });
    for (name, values) in changes {
        all.retain(|header| !header.to_ascii_lowercase().starts_with(&format!("{}:", name.to_ascii_lowercase())));
        all.extend(values.iter().map(|value| format!("{name}: {value}")));
    }
    request("POST /mcp", &all, call(params))
}

/// Makes a body of a call and a ping.
type Body = fn(&str, &str) -> Vec<u8>;

/// Sends bytes, and returns all that comes back until the gateway ends the connection.
async fn exchange(gateway: &Listening, bytes: &[u8]) -> String {
    let address = gateway.url.trim_start_matches("http://").trim_end_matches("/mcp");
    let mut stream = TcpStream::connect(address).await.unwrap();
    // The gateway may refuse a request before it has read all of it.
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    if timeout(Duration::from_millis(1500), stream.read_to_end(&mut answer)).await.is_err() {
        // It waits for more, which does not come.
        let _ = stream.shutdown().await;
        let _ = timeout(Duration::from_secs(10), stream.read_to_end(&mut answer)).await.expect("the connection ends");
    }
    String::from_utf8_lossy(&answer).into_owned()
}

/// Sends requests one after another, and checks what has run after each.
async fn play(world: &World, gateway: &Listening, cases: Vec<(String, Vec<u8>, usize)>) {
    let (mut wrongs, mut seen) = (Vec::new(), 0);
    for (what, bytes, runs) in cases {
        let answer = exchange(gateway, &bytes).await;
        let ran = world.ran("one");
        if ran[seen..] != vec![r#"pay {"amount":5}"#; runs] {
            wrongs.push(format!("{what}: ran {:?}, not {runs} calls: {answer}", &ran[seen..]));
        }
        seen = ran.len();
    }
    assert!(seen > 0 && wrongs.is_empty(), "{} cases:\n{}", wrongs.len(), wrongs.join("\n"));
    assert!(exchange(gateway, &post(SMALL)).await.contains("200 OK"), "the gateway still works");
}

/// A case for each call: the small one may run `runs` times, the others never.
fn all(what: &str, runs: usize, request: impl Fn(&str) -> Vec<u8>) -> Vec<(String, Vec<u8>, usize)> {
    [(SMALL, runs), (LARGE, 0), (WIPE, 0)].map(|(params, runs)| (what.to_owned(), request(params), runs)).to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_that_disagree_with_the_body() {
    for (world, _server) in worlds().await {
        play_headers(&world).await;
    }
}

async fn play_headers(world: &World) {
    let gateway = world.listening(&[]).await;
    let mut cases = all("as it should be", 1, post);
    let one: &[(&str, &[&str], usize)] = &[
        ("Mcp-Method", &["ping"], 0),
        ("Mcp-Method", &["tools/list"], 0),
        ("Mcp-Method", &["subscriptions/listen"], 0),
        ("Mcp-Method", &["Tools/Call"], 0),
        ("Mcp-Method", &["tools/call, ping"], 0),
        ("Mcp-Method", &[""], 0),
        ("Mcp-Method", &["\u{fc}"], 0),
        ("Mcp-Method", &[], 0),
        ("Mcp-Name", &["look"], 0),
        ("Mcp-Name", &["PAY"], 0),
        ("Mcp-Name", &["pay2"], 0),
        ("Mcp-Name", &["=?base64?bG9vaw==?="], 0),
        ("Mcp-Name", &["\u{fc}"], 0),
        ("Mcp-Name", &[""], 0),
        ("Mcp-Name", &[], 0),
        ("MCP-Protocol-Version", &["2025-11-25"], 0),
        ("MCP-Protocol-Version", &["2025-03-26"], 0),
        ("MCP-Protocol-Version", &["2099-01-01"], 0),
        ("MCP-Protocol-Version", &["1"], 0),
        ("MCP-Protocol-Version", &["2026-07-28, 2025-11-25"], 0),
        ("MCP-Protocol-Version", &[""], 0),
        ("MCP-Protocol-Version", &[], 0),
        ("Accept", &["application/json"], 0),
        ("Accept", &["text/event-stream"], 0),
        ("Accept", &["*/*"], 0),
        ("Accept", &[], 0),
        ("Host", &["evil.example"], 0),
        ("Host", &[], 0),
        ("Host", &["localhost", "evil.example"], 0),
        ("Host", &["evil.example", "localhost"], 0),
        ("Origin", &["null"], 0),
        ("Origin", &["http://localhost.evil.example"], 0),
        ("Origin", &["http://localhost@evil.example"], 0),
        ("Origin", &["http://evil.example", "http://localhost"], 0),
        ("Origin", &["http://localhost:3000"], 1),
    ];
    for (name, values, runs) in one {
        cases.extend(all(&format!("{name}: {values:?}"), *runs, |params| with(&[(name, values)], params)));
    }
    // Nothing is judged by these headers: they change nothing, whatever they say.
    for (name, value) in [
        ("Mcp-Session-Id", "x"),
        ("Mcp-Session-Id", "00000000-0000-0000-0000-000000000000"),
        ("X-HTTP-Method-Override", "DELETE"),
        ("X-Original-URL", "/healthz"),
        ("X-Forwarded-Host", "evil.example"),
        ("Authorization", "Bearer x"),
        ("Mcp-Param-amount", "5"),
        ("Last-Event-ID", "0"),
        ("Cookie", "role=admin"),
    ] {
        cases.extend(all(&format!("{name}: {value}"), 1, |params| with(&[(name, &[value])], params)));
    }
    // Twice the same, or two that differ: which of them counts cannot be known.
    for (name, values) in [
        ("Mcp-Method", ["tools/call", "ping"]),
        ("Mcp-Method", ["ping", "tools/call"]),
        ("Mcp-Name", ["look", "pay"]),
        ("Mcp-Name", ["wipe", "look"]),
        ("MCP-Protocol-Version", ["2025-11-25", "2026-07-28"]),
        ("MCP-Protocol-Version", ["2026-07-28", "2025-11-25"]),
    ] {
        cases.extend(all(&format!("{name}: {values:?}"), 0, |params| with(&[(name, &values)], params)));
    }
    play(world, &gateway, cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_are_not_one_message_in_json() {
    for (world, _server) in worlds().await {
        play_bodies(&world).await;
    }
}

async fn play_bodies(world: &World) {
    let gateway = world.listening(&["--max-body", "100000"]).await;
    let mut cases = all("as it should be", 1, post);
    let types: [&[&str]; 12] = [
        &[],
        &[""],
        &["text/plain"],
        &["text/json"],
        &["application/jsonp"],
        &["application/json-seq"],
        &["application/vnd.api+json"],
        &["application/x-www-form-urlencoded"],
        &["multipart/form-data; boundary=x"],
        &["application/json, text/plain"],
        &["text/plain", "application/json"],
        &["application/json", "text/plain"],
    ];
    for values in types {
        cases.extend(all(&format!("{values:?}"), 0, |params| with(&[("Content-Type", values)], params)));
    }
    for encoding in ["gzip", "identity, gzip", "br"] {
        cases.extend(all(encoding, 0, |params| with(&[("Content-Encoding", &[encoding])], params)));
    }
    for charset in ["utf-7", "utf-16", "iso-8859-1"] {
        let kind = format!("application/json; charset={charset}");
        cases.extend(all(&kind, 0, |params| with(&[("Content-Type", &[&kind])], params)));
    }
    for kind in ["application/json; charset=utf-8", "Application/JSON ; charset=\"UTF-8\""] {
        cases.extend(all(kind, 1, |params| with(&[("Content-Type", &[kind])], params)));
    }
    let ping = r#"{"jsonrpc":"2.0","id":8,"method":"ping"}"#;
    let bodies: [(&str, Body); 16] = [
        ("two messages", |call, ping| format!("{call}{ping}").into()),
        ("two messages, the call behind", |call, ping| format!("{ping}{call}").into()),
        ("two messages in lines", |call, ping| format!("{call}\n{ping}\n").into()),
        ("two messages in CRLF lines", |call, ping| format!("{ping}\r\n{call}\r\n").into()),
        ("two messages with a record separator", |call, ping| format!("\u{1e}{ping}\n\u{1e}{call}\n").into()),
        ("a batch", |call, _| format!("[{call}]").into()),
        ("a batch with a ping", |call, ping| format!("[{ping},{call}]").into()),
        ("an event of a stream", |call, _| format!("data: {call}\n\n").into()),
        ("a form", |call, _| format!("message={call}").into()),
        ("a byte-order mark", |call, _| format!("\u{feff}{call}").into()),
        ("a text", |call, _| serde_json::to_vec(call).unwrap()),
        ("a NUL behind", |call, _| format!("{call}\0").into()),
        ("a byte that is not UTF-8 behind", |call, _| [call.as_bytes(), b"\xff"].concat()),
        ("UTF-16", |call, _| call.encode_utf16().flat_map(u16::to_le_bytes).collect()),
        ("cut short", |call, _| call.as_bytes()[..call.len() - 1].to_vec()),
        ("too long", |call, _| format!("{call}{}", " ".repeat(100_000)).into()),
    ];
    for (what, body) in bodies {
        cases.extend(all(what, 0, |params| request("POST /mcp", &headers("pay"), body(&call(params), ping))));
    }
    let letter = |params: &str| call(params).replace("pay", "p\u{e1}y");
    cases.extend(all("another letter", 0, |params| request("POST /mcp", &headers("pay"), letter(params))));
    let spaced = |params: &str| format!(" \r\n\t{}\r\n ", call(params).replace(':', " :\r\n "));
    cases.extend(all("white space", 1, |params| request("POST /mcp", &headers("pay"), spaced(params))));
    play(world, &gateway, cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_servers_cut_in_different_places() {
    for (world, _server) in worlds().await {
        play_requests(&world).await;
    }
}

async fn play_requests(world: &World) {
    let gateway = world.listening(&[]).await;
    let head = |extra: &[&str]| {
        let all: Vec<String> = headers("pay").into_iter().chain(extra.iter().map(|line| (*line).to_owned())).collect();
        format!("POST /mcp HTTP/1.1\r\n{}\r\n\r\n", all.join("\r\n"))
    };
    let chunk = |text: &str| format!("{:x}\r\n{text}\r\n", text.len());
    let smuggled = String::from_utf8(post(LARGE)).unwrap();
    let mut cases = Vec::new();
    let mut case = |what: &str, bytes: String, runs: usize| cases.push((what.to_owned(), bytes.into_bytes(), runs));
    let (small, large) = (call(SMALL), call(LARGE));
    let chunked = "Transfer-Encoding: chunked";
    case("chunks", format!("{}{}0\r\n\r\n", head(&[chunked]), chunk(&small)), 1);
    case("chunks of a denied call", format!("{}{}0\r\n\r\n", head(&[chunked]), chunk(&large)), 0);
    let (one, two) = large.split_at(large.len() - 20);
    case("chunks in the middle of a number", format!("{}{}{}0\r\n\r\n", head(&[chunked]), chunk(one), chunk(two)), 0);
    case("chunks without an end", format!("{}{}", head(&[chunked]), chunk(&small)), 0);
    case("chunks with a wrong size", format!("{}ffff\r\n{small}\r\n0\r\n\r\n", head(&[chunked])), 0);
    case("chunks with a huge size", format!("{}ffffffffffffffffff\r\n{small}\r\n0\r\n\r\n", head(&[chunked])), 0);
    case("chunks with a negative size", format!("{}-1\r\n{small}\r\n0\r\n\r\n", head(&[chunked])), 0);
    case("two codings", format!("{}{}0\r\n\r\n", head(&["Transfer-Encoding: gzip, chunked"]), chunk(&large)), 0);
    case("an unknown coding", format!("{}{}0\r\n\r\n", head(&["Transfer-Encoding: xchunked"]), chunk(&small)), 0);
    let both = |length: usize| head(&[chunked, &format!("Content-Length: {length}")]);
    case("chunks and a length, a call behind", format!("{}0\r\n\r\n{smuggled}", both(5 + smuggled.len())), 0);
    case("chunks and a length of nothing", format!("{}{}0\r\n\r\n", both(0), chunk(&large)), 0);
    let lengths = |values: &[usize]| {
        head(
            &values
                .iter()
                .map(|value| format!("Content-Length: {value}"))
                .collect::<Vec<_>>()
                .iter()
                .map(|line| &**line)
                .collect::<Vec<_>>(),
        )
    };
    case("two lengths", format!("{}{small}", lengths(&[small.len(), 0])), 0);
    case("two lengths, the other way", format!("{}{small}", lengths(&[0, small.len()])), 0);
    for length in ["+5", "-1", "0x10", "1e2", "", "99999999999999999999999"] {
        case(
            &format!("a length of {length:?}"),
            format!("{}{small}", head(&[&format!("Content-Length: {length}")])),
            0,
        );
    }
    case("a length that is too small", format!("{}{small}", lengths(&[small.len() - 1])), 0);
    case("a length that is too large", format!("{}{small}", lengths(&[small.len() + 1])), 0);
    let length = format!("Content-Length: {}", small.len());
    for (what, line) in [
        ("a space before the colon", "Mcp-Name : wipe"),
        ("a folded header", "X-One: 1\r\n Mcp-Name: wipe"),
        ("a header without a colon", "Mcp-Name"),
        ("a header without a name", ": wipe"),
        ("a NUL in a header", "X-One: a\0b"),
        ("a bare CR in a header", "X-One: a\rMcp-Name: wipe"),
    ] {
        case(what, format!("{}{small}", head(&[line, &length])), 0);
    }
    case("65 KiB of headers", format!("{}{small}", head(&[&length, &format!("X-One: {}", "a".repeat(700_000))])), 0);
    let many: Vec<String> = (0..1000).map(|at| format!("X-{at}: a")).chain([length.clone()]).collect();
    case("1000 headers", format!("{}{small}", head(&many.iter().map(|line| &**line).collect::<Vec<_>>())), 0);
    // One connection, several requests: each is judged.
    let keep = |params: &str| String::from_utf8(post(params)).unwrap().replace("Connection: close\r\n", "");
    case("one after another", format!("{}{}{}", keep(LARGE), keep(SMALL), String::from_utf8(post(WIPE)).unwrap()), 1);
    case(
        "the rest of a body",
        format!("{}{smuggled}", head(&["Content-Length: 0"]).replace("Connection: close\r\n", "")),
        0,
    );
    for method in ["GET", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "TRACE", "CONNECT", "QUERY", "post", "PoST"] {
        for params in [SMALL, LARGE] {
            let bytes = request(&format!("{method} /mcp"), &headers("pay"), call(params));
            case(method, String::from_utf8(bytes).unwrap(), 0);
        }
    }
    for (path, runs) in [
        ("/mcp?x=1", 1),
        ("/mcp/", 0),
        ("//mcp", 0),
        ("/MCP", 0),
        ("/%6dcp", 0),
        ("/./mcp", 0),
        ("/mcp/../mcp", 0),
        ("/healthz/../mcp", 0),
        ("/mcp;x", 0),
        ("mcp", 0),
        ("*", 0),
        ("/mcp\t", 0),
    ] {
        for (params, runs) in [(SMALL, runs), (LARGE, 0)] {
            let bytes = request(&format!("POST {path}"), &headers("pay"), call(params));
            case(path, String::from_utf8(bytes).unwrap(), runs);
        }
    }
    for upgrade in ["websocket", "h2c", "TLS/1.2"] {
        let extra = [length.as_str(), &format!("Upgrade: {upgrade}")].map(str::to_owned);
        let all: Vec<String> = headers("pay").into_iter().chain(extra).collect();
        let head = format!("POST /mcp HTTP/1.1\r\n{}\r\n\r\n", all.join("\r\n"))
            .replace("Connection: close", "Connection: Upgrade, close");
        case(upgrade, format!("{head}{small}{smuggled}"), 1);
    }
    for version in ["HTTP/0.9", "HTTP/1.2", "HTTP/3.0", "HTTP/1.1 x", ""] {
        let bytes = String::from_utf8(post(SMALL)).unwrap().replacen("HTTP/1.1", version, 1);
        case(version, bytes, 0);
    }
    play(world, &gateway, cases).await;
}

/// A source of choices that a seed repeats.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % sides as u64).unwrap()
    }

    fn pick<'t, T>(&mut self, of: &'t [T]) -> &'t T {
        &of[self.roll(of.len())]
    }
}

/// What faults put into messages.
const PIECES: [&str; 24] = [
    ",",
    ":",
    "\"",
    "\\",
    "{",
    "}",
    "[",
    "]",
    "null",
    "1e400",
    "-0",
    "5",
    "501",
    "\\u0000",
    "\\ud800",
    "\u{feff}",
    "\r",
    "\0",
    r#""amount":501"#,
    r#""amount":5"#,
    r#""name":"wipe""#,
    r#""Name":"pay""#,
    r#""method":"tools/call""#,
    r#""id":9"#,
];

/// A message of the corpus with faults in it. It is a line, as both transports can have it.
fn faulty(dice: &mut Dice, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = dice.pick(seeds).clone();
    for _ in 0..=dice.roll(3) {
        let at = dice.roll(bytes.len() + 1);
        let end = at + dice.roll(bytes.len() - at + 1).min(dice.roll(40));
        match dice.roll(6) {
            0 => drop(bytes.drain(at..end)),
            1 => drop(bytes.splice(at..at, dice.pick(&PIECES).bytes())),
            2 => drop(bytes.splice(at..end, dice.pick(&PIECES).bytes())),
            3 => {
                let copy = bytes[at..end].to_vec();
                let to = dice.roll(bytes.len() + 1);
                drop(bytes.splice(to..to, copy));
            }
            4 => {
                let other = dice.pick(seeds);
                let from = dice.roll(other.len() + 1);
                bytes.truncate(at);
                bytes.extend(&other[from..]);
            }
            _ => {
                let byte = u8::try_from(dice.roll(256)).unwrap();
                drop(bytes.splice(at..(at + 1).min(bytes.len()), [byte]));
            }
        }
    }
    bytes.retain(|byte| *byte != b'\n');
    bytes
}

fn seeds() -> Vec<Vec<u8>> {
    let mut seeds: Vec<Vec<u8>> = messages("rmcp").into_iter().map(|case| case.bytes).collect();
    seeds.retain(|bytes| bytes.len() < 2000 && !bytes.contains(&b'\n'));
    let is_text = |bytes: &Vec<u8>| String::from_utf8(bytes.clone()).ok();
    let meta = META.replace('\n', "");
    // The same as messages of revision 2026-07-28.
    let modern = |text: String| text.replacen(r#""params":{"#, &format!(r#""params":{{{meta},"#), 1).into_bytes();
    let modern: Vec<Vec<u8>> = seeds.iter().filter_map(is_text).map(modern).collect();
    seeds.extend(modern);
    for params in [SMALL, LARGE, WIPE] {
        // More of what gets far.
        seeds.extend(vec![call(params).replace('\n', "").into_bytes(); 100]);
    }
    seeds
}

fn dice(name: &str) -> Dice {
    let seed = std::env::var("PERSO_SEED").map_or_else(
        |_| std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64 | 1,
        |text| u64::from_str_radix(text.trim_start_matches("0x"), 16).unwrap(),
    );
    println!("{name}: PERSO_SEED={seed:#x}");
    Dice(seed)
}

/// How many messages with faults are sent.
fn many() -> usize {
    std::env::var("PERSO_MESSAGES").map_or(2000, |text| text.parse().unwrap())
}

/// Asserts that the policy allows each call that has run.
fn assert_allowed(ran: &[String]) {
    let policy = Policy::compile(POLICY).unwrap();
    for line in ran {
        let Some((tool, arguments)) = line.split_once(' ') else { panic!("{line} has run") };
        // Requests for resources and prompts pass: this policy does not cover them.
        if tool.starts_with("mcp:") {
            continue;
        }
        let call = json!({ "tool": tool, "args": serde_json::from_str::<Value>(arguments).unwrap() });
        assert!(policy.decide_value(&call).is_allowed(), "{line} has run");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_with_faults_over_lines() {
    let (world, seeds) = (world(), seeds());
    let mut dice = dice("messages_with_faults_over_lines");
    let mut left = many();
    while left > 0 {
        let mut command = world.command(&[]);
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut read = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut write = process.stdin.take().unwrap();
        let hello = r#"{"jsonrpc":"2.0","id":"hello","method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"line","version":"1"}}}"#;
        write.write_all(format!("{hello}\n").as_bytes()).await.unwrap();
        read.next_line().await.unwrap().unwrap();
        write.write_all(b"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}\n").await.unwrap();
        // The gateway may end the connection; then there is another one. Answers are read as long as there are any.
        while left > 0 {
            let round = left.min(50);
            left -= round;
            let mut lines: Vec<u8> = Vec::new();
            for _ in 0..round {
                lines.extend(faulty(&mut dice, &seeds));
                lines.push(b'\n');
            }
            lines.extend(b"{\"jsonrpc\":\"2.0\",\"id\":\"ping\",\"method\":\"ping\"}\n");
            if write.write_all(&lines).await.is_err() {
                break;
            }
            let answered = timeout(Duration::from_secs(30), async {
                loop {
                    match read.next_line().await {
                        Ok(Some(line)) if line.contains(r#""id":"ping""#) => return true,
                        Ok(Some(_)) => {}
                        _ => return false,
                    }
                }
            });
            if !answered.await.expect("the gateway answers or ends") {
                break;
            }
        }
        drop(write);
        let ended = timeout(Duration::from_secs(30), process.wait()).await.expect("it ends with its input").unwrap();
        assert_ne!(ended.code(), Some(101), "it panicked");
    }
    let ran = world.ran("one");
    assert!(!ran.is_empty());
    assert_allowed(&ran);
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_with_faults_over_http() {
    for (world, _server) in worlds().await {
        faults_over_http(&world).await;
    }
}

async fn faults_over_http(world: &World) {
    let seeds = seeds();
    let gateway = world.listening(&[]).await;
    let client = http();
    let post = |body: Vec<u8>, headers: &[(&str, &str)]| {
        let mut request = client
            .post(&gateway.url)
            .header("accept", "application/json, text/event-stream")
            .header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(body).send()
    };
    let hello = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "test", "version": "1" } } });
    let response = post(hello.to_string().into(), &[]).await.unwrap();
    let session = response.headers()["mcp-session-id"].to_str().unwrap().to_owned();
    response.text().await.unwrap();
    let old = [("mcp-session-id", session.as_str()), ("mcp-protocol-version", "2025-11-25")];
    let new = [("mcp-protocol-version", "2026-07-28"), ("mcp-method", "tools/call"), ("mcp-name", "pay")];
    let mut dice = dice("messages_with_faults_over_http");
    for _ in 0..many() {
        let body = faulty(&mut dice, &seeds);
        let headers: &[(&str, &str)] = if dice.roll(2) == 0 { &old } else { &new };
        // A subscription stays open; everything else is answered.
        let answer = async { post(body.clone(), headers).await.unwrap().text().await };
        if timeout(Duration::from_secs(5), answer).await.is_err() {
            let text = String::from_utf8_lossy(&body);
            assert!(text.contains("listen"), "no answer: {text}");
        }
    }
    let calls = || world.ran("one").iter().filter(|line| !line.starts_with("mcp:")).count();
    let allowed = |calls| format!("perso_decisions_total{{outcome=\"allow\"}} {calls}\n");
    let metrics = http().get(gateway.at("/metrics")).send().await.unwrap().text().await.unwrap();
    // Nobody waits for what was sent as a notification: on a busy machine it runs a little later.
    for _ in 0..100 {
        if metrics.contains(&allowed(calls())) {
            break;
        }
        sleep(Duration::from_millis(50)).await;
    }
    assert_allowed(&world.ran("one"));
    let line = allowed(calls());
    assert!(calls() > 0);
    assert!(metrics.contains(&line), "what ran was judged once, and what was allowed ran once: {line}{metrics}");
}
