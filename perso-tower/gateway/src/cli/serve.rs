//! `perso-gateway`: serves clients.

use super::policy::Sourced;
use super::{Failure, block_on};
use crate::approvals::Page;
use crate::config;
use crate::gateway::{Caller, Gateway, Memory, Session};
use crate::http::{Endpoint, Limits};
use crate::oauth::{Settings, Verifier};
use crate::pins::Pins;
use crate::source::Followed;
use clap::{Args, ValueEnum};
use perso_core::journal;
use perso_tower::{Agent, ledger};
use rmcp::ServiceExt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// How the gateway serves.
#[derive(Debug, Args)]
pub(super) struct Serve {
    /// The servers: a file with `mcpServers`, as MCP clients have it
    #[arg(long, value_name = "FILE", required = true)]
    servers: Option<PathBuf>,
    /// Serve Streamable HTTP at this address, under /mcp, and not standard input and output
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// Show only tools that this file approves; `perso-gateway approve` writes it
    #[arg(long, value_name = "FILE")]
    pins: Option<PathBuf>,
    /// How the log on standard error is written [default: text]
    #[arg(long)]
    log: Option<Log>,
    #[command(flatten)]
    policy: Sourced,
    #[command(flatten)]
    who: Who,
    #[command(flatten)]
    tokens: Tokens,
    /// A host name under which clients reach the gateway (repeatable)
    #[arg(
        long = "host",
        value_name = "HOST",
        requires = "listen",
        help_heading = "Who calls, by OAuth 2.1 access tokens"
    )]
    hosts: Vec<String>,
    #[command(flatten)]
    memory: Remembered,
    #[command(flatten)]
    journal: journal::Options,
    #[command(flatten)]
    limits: MostOf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Log {
    /// Lines for people
    Text,
    /// Lines of JSON
    Json,
}

/// Who calls, where no token says it.
#[derive(Debug, Args)]
#[command(next_help_heading = "Who calls, without tokens")]
pub(super) struct Who {
    /// `agent.id` of every call
    #[arg(long, value_name = "ID", conflicts_with = "agent")]
    user: Option<String>,
    /// A role of the caller (repeatable)
    #[arg(long = "role", value_name = "ROLE", conflicts_with = "agent")]
    roles: Vec<String>,
    /// A JSON file with all attributes of the caller
    #[arg(long, value_name = "FILE")]
    agent: Option<PathBuf>,
}

/// Who calls, by access tokens.
#[derive(Debug, Args)]
#[command(next_help_heading = "Who calls, by OAuth 2.1 access tokens")]
pub(super) struct Tokens {
    /// The issuer of tokens, as their claim `iss` has it
    #[arg(long, value_name = "URL", requires_all = ["audience", "listen"], conflicts_with_all = ["user", "roles", "agent"])]
    issuer: Option<String>,
    /// Whom tokens must be for, as their claim `aud` has it: the URL of this gateway
    #[arg(long, value_name = "URL", requires = "issuer")]
    audience: Option<String>,
    /// An attribute of the caller, and the JSON pointer of the claim that it comes from (repeatable) [default: id=/sub roles=/roles]
    #[arg(long = "claim", value_name = "NAME=POINTER", value_parser = claim)]
    claims: Vec<(String, String)>,
}

/// What is remembered of earlier calls.
#[derive(Debug, Args)]
#[command(next_help_heading = "Limits, labels and approvals of the policy")]
struct Remembered {
    /// Where it is remembered: `memory:` until the gateway ends, `file:PATH`, `valkey://HOST` or `rediss://HOST`
    #[arg(long, value_name = "ADDRESS", default_value = "memory:")]
    ledger: String,
    /// What a session is: `mcp`, one of MCP's (over standard input and output: the gateway's life), or an attribute of the caller,
    /// such as `agent.id`
    #[arg(long, value_name = "SESSION", default_value = "mcp", value_parser = session)]
    session: Session,
    /// Serve a page at this address on which people approve calls, and let calls wait for them
    #[arg(long, value_name = "ADDRESS")]
    approvals: Option<SocketAddr>,
    /// Let calls wait for `perso approvals`, without a page
    #[arg(long)]
    queue: bool,
    /// Let clients that have elicitation ask the person in front of them
    #[arg(long)]
    elicit: bool,
    /// How long a call waits for a decision on the page or in the ledger, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 45, value_parser = clap::value_parser!(u64).range(1..=3600))]
    approval_wait: u64,
}

fn session(text: &str) -> Result<Session, String> {
    match text.strip_prefix("agent.") {
        _ if text == "mcp" => Ok(Session::Mcp),
        Some(name) if !name.is_empty() => Ok(Session::Attribute(name.to_owned())),
        _ => Err("write `mcp`, or an attribute of the caller such as `agent.id`".to_owned()),
    }
}

/// How much clients can take.
#[derive(Debug, Args)]
#[command(next_help_heading = "Limits")]
struct MostOf {
    /// The largest body of a request, in bytes
    #[arg(long, value_name = "BYTES", default_value_t = 4 << 20)]
    max_body: usize,
    /// The most requests in flight
    #[arg(long, value_name = "NUMBER", default_value_t = 10_000)]
    max_requests: usize,
    /// The most sessions
    #[arg(long, value_name = "NUMBER", default_value_t = 1_000)]
    max_sessions: usize,
    /// How long a session lasts in which no request is open, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..))]
    idle: u64,
}

fn claim(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, pointer)) if !name.is_empty() && pointer.starts_with('/') => {
            Ok((name.to_owned(), pointer.to_owned()))
        }
        _ => Err("it has the form NAME=/POINTER, for example roles=/realm_access/roles".to_owned()),
    }
}

impl Serve {
    pub(super) fn logs_json(&self) -> bool {
        self.log == Some(Log::Json)
    }

    pub(super) fn run(&self) -> Result<(), Failure> {
        let Some(servers) = &self.servers else { return Err("`--servers` is needed".into()) };
        let servers = config::servers(servers)?;
        let pins = self.pins.as_deref().map(Pins::read).transpose()?;
        let verifier = self.tokens.verifier()?.map(Arc::new);
        let caller = if verifier.is_some() { Caller::Token } else { Caller::Fixed(self.who.agent()?) };
        block_on(async {
            let policy = self.policy.open().await?;
            let memory = self.memory.open(self.journal.open(false)?.map(Arc::new))?;
            let ledger = memory.ledger.clone();
            let gateway = Gateway::new(servers, policy.handle.clone(), caller, memory, pins, self.limits.max_sessions);
            if let Some(address) = self.memory.approvals {
                let page = Page::new(ledger)?;
                let listener =
                    listen(address, "approvals are decided on this machine: give a loopback address").await?;
                // Standard output is for MCP.
                anstream::eprintln!("approvals: {}", page.link(listener.local_addr()?));
                tokio::spawn(page.serve(listener));
            }
            match self.listen {
                Some(address) => self.over_http(gateway, verifier, address, policy.followed.clone()).await,
                None => over_stdio(&gateway).await,
            }
        })?
    }

    async fn over_http(
        &self,
        gateway: Arc<Gateway>,
        verifier: Option<Arc<Verifier>>,
        address: SocketAddr,
        policy: Option<Arc<Followed>>,
    ) -> Result<(), Failure> {
        let listener = match verifier {
            Some(_) => bind(address).await?,
            None => listen(address, "without --issuer, everybody could call: listen on 127.0.0.1").await?,
        };
        let idle = Duration::from_secs(self.limits.idle);
        let limits = Limits { body: self.limits.max_body, requests: self.limits.max_requests, idle };
        raise_files();
        anstream::println!("http://{}/mcp", listener.local_addr()?);
        if verifier.is_none() {
            tracing::warn!("whoever can reach this address may call: no token is asked for");
        }
        let stop = CancellationToken::new();
        tokio::spawn(stopped(stop.clone()));
        Endpoint::new(gateway, verifier, self.hosts.clone(), limits, policy)?.serve(listener, stop).await?;
        Ok(())
    }
}

async fn bind(address: SocketAddr) -> Result<TcpListener, Failure> {
    Ok(TcpListener::bind(address).await.map_err(|error| format!("{address} cannot be listened on: {error}"))?)
}

/// Listens for this machine alone.
async fn listen(address: SocketAddr, otherwise: &str) -> Result<TcpListener, Failure> {
    if !address.ip().is_loopback() {
        return Err(otherwise.into());
    }
    bind(address).await
}

/// Each request in flight is a connection, which is an open file. Many systems allow a process 1024 of them, unless it asks for more.
pub(super) fn raise_files() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, getrlimit, setrlimit};
        let mut limit = getrlimit(Resource::Nofile);
        limit.current = limit.maximum;
        if let Err(error) = setrlimit(Resource::Nofile, limit) {
            tracing::debug!(%error, "the limit of open files stays as it is");
        }
    }
}

async fn over_stdio(gateway: &Arc<Gateway>) -> Result<(), Failure> {
    let stop = CancellationToken::new();
    tokio::spawn(stopped(stop.clone()));
    let running = gateway.service().serve_with_ct(rmcp::transport::stdio(), stop).await?;
    running.waiting().await?;
    Ok(())
}

/// Waits for a signal to stop.
pub(super) async fn stopped(stop: CancellationToken) {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let (Ok(mut terminate), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
        else {
            return;
        };
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    }
    #[cfg(not(unix))]
    let _ = tokio::signal::ctrl_c().await;
    stop.cancel();
}

impl Remembered {
    fn open(&self, journal: Option<Arc<journal::Recorder>>) -> Result<Memory, Failure> {
        let asks = self.queue || self.approvals.is_some();
        if self.queue && self.approvals.is_none() && self.ledger.starts_with("memory:") {
            return Err(
                "`perso approvals` does not see a ledger in memory: give --ledger file:PATH, or --approvals for a page"
                    .into(),
            );
        }
        // The address can have a password in it.
        let ledger = ledger::open(&self.ledger).map_err(|error| format!("--ledger: {error}"))?;
        let approval_wait = asks.then(|| Duration::from_secs(self.approval_wait));
        Ok(Memory { ledger, session: self.session.clone(), approval_wait, journal, elicits: self.elicit })
    }
}

impl Who {
    pub(super) fn agent(&self) -> Result<Agent, Failure> {
        if let Some(path) = &self.agent {
            return Ok(config::agent(path)?);
        }
        let agent = self.user.as_ref().map_or_else(Agent::anonymous, Agent::new);
        Ok(if self.roles.is_empty() { agent } else { agent.roles(self.roles.clone()) })
    }
}

impl Tokens {
    pub(super) fn verifier(&self) -> Result<Option<Verifier>, Failure> {
        let (Some(issuer), Some(audience)) = (&self.issuer, &self.audience) else {
            if !self.claims.is_empty() {
                return Err("--claim says what is read from a token: give --issuer and --audience, too".into());
            }
            return Ok(None);
        };
        let settings = Settings { issuer: issuer.clone(), audience: audience.clone(), claims: self.claims() };
        Ok(Some(Verifier::new(settings)?))
    }

    /// The attributes of callers, and the JSON pointers of their claims.
    pub(super) fn claims(&self) -> Vec<(String, String)> {
        let mut claims = self.claims.clone();
        for (name, pointer) in [("id", "/sub"), ("roles", "/roles")] {
            if !claims.iter().any(|(known, _)| known == name) {
                claims.push((name.to_owned(), pointer.to_owned()));
            }
        }
        claims
    }
}
