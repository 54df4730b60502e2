//! `perso-gateway`: serves clients.

use super::{Failure, block_on};
use crate::config;
use crate::gateway::{Caller, Gateway};
use crate::http::{Endpoint, Limits};
use crate::oauth::{Settings, Verifier};
use crate::pins::Pins;
use clap::{Args, ValueEnum};
use perso_tower::{Agent, Policy, PolicyHandle};
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
    /// The policy (JSON) or its module. It is read again when the file changes
    #[arg(long, value_name = "POLICY", required = true)]
    policy: Option<PathBuf>,
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
    who: Who,
    #[command(flatten)]
    tokens: Tokens,
    #[command(flatten)]
    limits: MostOf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Log {
    /// Lines for people
    Text,
    /// Lines of JSON
    Json,
}

/// Who calls, where no token says it.
#[derive(Debug, Args)]
#[command(next_help_heading = "Who calls, without tokens")]
struct Who {
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
struct Tokens {
    /// The issuer of tokens, as their claim `iss` has it
    #[arg(long, value_name = "URL", requires_all = ["audience", "listen"], conflicts_with_all = ["user", "roles", "agent"])]
    issuer: Option<String>,
    /// Whom tokens must be for, as their claim `aud` has it: the URL of this gateway
    #[arg(long, value_name = "URL", requires = "issuer")]
    audience: Option<String>,
    /// An attribute of the caller, and the JSON pointer of the claim that it comes from (repeatable) [default: id=/sub roles=/roles]
    #[arg(long = "claim", value_name = "NAME=POINTER", value_parser = claim, requires = "issuer")]
    claims: Vec<(String, String)>,
    /// A host name under which clients reach the gateway (repeatable)
    #[arg(long = "host", value_name = "HOST", requires = "listen")]
    hosts: Vec<String>,
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
        let (Some(path), Some(servers)) = (&self.policy, &self.servers) else {
            return Err("`--policy` and `--servers` are needed".into());
        };
        let servers = config::servers(servers)?;
        let policy = PolicyHandle::from(Policy::load(path)?);
        let _watch = policy.watch(path)?;
        let pins = self.pins.as_deref().map(Pins::read).transpose()?;
        let verifier = self.tokens.verifier()?.map(Arc::new);
        let caller = if verifier.is_some() { Caller::Token } else { Caller::Fixed(self.who.agent()?) };
        let gateway = Gateway::new(servers, policy, caller, pins, self.limits.max_sessions);
        block_on(async {
            match self.listen {
                Some(address) => self.over_http(gateway, verifier, address).await,
                None => over_stdio(&gateway).await,
            }
        })?
    }

    async fn over_http(
        &self,
        gateway: Arc<Gateway>,
        verifier: Option<Arc<Verifier>>,
        address: SocketAddr,
    ) -> Result<(), Failure> {
        if verifier.is_none() && !address.ip().is_loopback() {
            return Err("without --issuer, everybody could call: listen on 127.0.0.1".into());
        }
        let listener =
            TcpListener::bind(address).await.map_err(|error| format!("{address} cannot be listened on: {error}"))?;
        let idle = Duration::from_secs(self.limits.idle);
        let limits = Limits { body: self.limits.max_body, requests: self.limits.max_requests, idle };
        raise_files();
        anstream::println!("http://{}/mcp", listener.local_addr()?);
        if verifier.is_none() {
            tracing::warn!("whoever can reach this address may call: no token is asked for");
        }
        let stop = CancellationToken::new();
        tokio::spawn(stopped(stop.clone()));
        Endpoint::new(gateway, verifier, self.tokens.hosts.clone(), limits)?.serve(listener, stop).await?;
        Ok(())
    }
}

/// Each request in flight is a connection, which is an open file. Many systems allow a process 1024 of them, unless it asks for more.
fn raise_files() {
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
async fn stopped(stop: CancellationToken) {
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

impl Who {
    fn agent(&self) -> Result<Agent, Failure> {
        if let Some(path) = &self.agent {
            return Ok(config::agent(path)?);
        }
        let agent = self.user.as_ref().map_or_else(Agent::anonymous, Agent::new);
        Ok(if self.roles.is_empty() { agent } else { agent.roles(self.roles.clone()) })
    }
}

impl Tokens {
    fn verifier(&self) -> Result<Option<Verifier>, Failure> {
        let (Some(issuer), Some(audience)) = (&self.issuer, &self.audience) else { return Ok(None) };
        let mut claims = self.claims.clone();
        for (name, pointer) in [("id", "/sub"), ("roles", "/roles")] {
            if !claims.iter().any(|(known, _)| known == name) {
                claims.push((name.to_owned(), pointer.to_owned()));
            }
        }
        let settings = Settings { issuer: issuer.clone(), audience: audience.clone(), claims };
        Ok(Some(Verifier::new(settings)?))
    }
}
