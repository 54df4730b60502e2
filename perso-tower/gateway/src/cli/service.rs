//! `perso-gateway serve`: answers hosts in other languages, and gateways that exist.

use super::policy::{Opened, Sourced};
use super::serve::{Log, Tokens, Who, raise_files, stopped};
use super::{Failure, block_on};
use crate::approvals::Page;
use crate::metrics;
use crate::service::{Access, Address, Callers, Checker, Decider, Entities, Listener, Service, Settings, Setup, Tls};
use clap::Args;
use perso_core::enforce::Enforcer;
use perso_core::journal;
use perso_tower::ledger::{self, Ledger};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Serve decisions, for hosts in other languages and for gateways that exist
///
/// Answers calls as JSON under /v1/decide, AuthZEN 1.0 under /access/v1, Envoy's ext_authz over gRPC and under /ext-authz, and
/// agentgateway's external MCP authorization over gRPC.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  perso-gateway serve --policy policy.json
  perso-gateway serve --policy policy.wasm --listen unix:/run/perso.sock
  perso-gateway serve --policy policy.wasm --listen 0.0.0.0:8181 --tls-cert cert.pem --tls-key key.pem --tokens tokens.txt

  echo '{\"tool\": \"process_refund\", \"args\": {\"amount\": 800}, \"agent\": {\"role\": \"agent\"}}' |
    curl --json @- http://127.0.0.1:8181/v1/decide")]
pub(super) struct Serve {
    /// Where to listen: an IP address and a port, or the path of a Unix socket after `unix:` (repeatable)
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8181")]
    listen: Vec<Address>,
    /// The subjects and resources that requests of AuthZEN name, with their properties
    #[arg(long, value_name = "FILE")]
    entities: Option<PathBuf>,
    /// Where hosts reach the service, for the metadata of AuthZEN
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// How the log on standard error is written [default: text]
    #[arg(long)]
    log: Option<Log>,
    #[command(flatten)]
    policy: Sourced,
    #[command(flatten)]
    access: Accessed,
    #[command(flatten)]
    memory: Remembered,
    #[command(flatten)]
    journal: journal::Options,
    #[command(flatten)]
    who: Who,
    #[command(flatten)]
    tokens: Tokens,
    /// Who calls, of the requests that Envoy asks about: what its filter `jwt_authn` has found, under this `payload_in_metadata`
    #[arg(long, value_name = "KEY", help_heading = "Who calls, without tokens", conflicts_with_all = ["user", "roles", "agent", "issuer"])]
    envoy_jwt: Option<String>,
    #[command(flatten)]
    limits: MostOf,
}

/// Who may ask.
#[derive(Debug, Args)]
#[command(next_help_heading = "Which hosts may ask")]
struct Accessed {
    /// A file with tokens, one on each line. Hosts send one as a bearer token, or in the header `x-perso-token`
    #[arg(long = "tokens", value_name = "FILE")]
    tokens_file: Option<PathBuf>,
    /// The certificate of the service, in PEM
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The key of the certificate, in PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Hosts need a certificate that one of those in this file has signed
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_client_ca: Option<PathBuf>,
}

/// What is remembered of earlier calls.
#[derive(Debug, Args)]
#[command(next_help_heading = "Limits, labels and approvals of the policy")]
struct Remembered {
    /// Where it is remembered: `memory:` until the service ends, `file:PATH`, `valkey://HOST` or `rediss://HOST`. Without it, calls
    /// that a limit or a label is about are denied
    #[arg(long, value_name = "ADDRESS")]
    ledger: Option<String>,
    /// What a session is, where requests do not say it: an attribute of the caller, such as `agent.id`
    #[arg(long, value_name = "SESSION", value_parser = session)]
    session: Option<String>,
    /// Let calls wait for the approval of a person: with `perso approvals`, or on a page
    #[arg(long, requires = "ledger")]
    queue: bool,
    /// Serve a page at this address on which people approve calls
    #[arg(long, value_name = "ADDRESS", requires = "ledger")]
    approvals: Option<SocketAddr>,
    /// How long a call waits for a decision on the page or in the ledger, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 45, value_parser = clap::value_parser!(u64).range(1..=3600))]
    approval_wait: u64,
}

fn session(text: &str) -> Result<String, String> {
    match text.strip_prefix("agent.") {
        Some(name) if !name.is_empty() => Ok(name.to_owned()),
        _ => Err("write an attribute of the caller such as `agent.id`".to_owned()),
    }
}

/// How much hosts can take.
#[derive(Debug, Args)]
#[command(next_help_heading = "Limits")]
struct MostOf {
    /// The largest body of a request, in bytes
    #[arg(long, value_name = "BYTES", default_value_t = 4 << 20)]
    max_body: usize,
    /// The most connections
    #[arg(long, value_name = "NUMBER", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..))]
    max_connections: u32,
}

impl Serve {
    pub(super) fn logs_json(&self) -> bool {
        self.log == Some(Log::Json)
    }

    pub(super) fn run(&self) -> Result<(), Failure> {
        let access = self.access.tokens_file.as_deref().map(Access::read).transpose()?.unwrap_or_default();
        let tls = self.access.tls()?;
        let is_known = access.is_needed() || self.access.tls_client_ca.is_some();
        for address in &self.listen {
            if let Address::Tcp(address) = address
                && !address.ip().is_loopback()
                && !is_known
            {
                return Err(format!(
                    "{address}: without --tokens or --tls-client-ca, everybody could ask: listen on 127.0.0.1"
                )
                .into());
            }
        }
        block_on(async {
            let policy = self.policy.open().await?;
            let router = self.service(&policy).await?.router(&access);
            let stop = CancellationToken::new();
            let mut listeners = Vec::new();
            for address in &self.listen {
                let listener = Listener::bind(address).await?;
                anstream::println!("{}", listener.link(tls.is_some()));
                listeners.push(listener);
            }
            raise_files();
            tokio::spawn(stopped(stop.clone()));
            let serving = TaskTracker::new();
            for listener in listeners {
                let most = usize::try_from(self.limits.max_connections).unwrap_or(usize::MAX);
                serving.spawn(listener.serve(router.clone(), tls.clone(), most, stop.clone()));
            }
            serving.close();
            serving.wait().await;
            Ok(())
        })?
    }

    async fn service(&self, policy: &Opened) -> Result<Service, Failure> {
        let metrics = metrics::Service::new();
        let ledger = self.memory.ledger()?;
        let asks = self.memory.queue || self.memory.approvals.is_some();
        let approval_wait = asks.then(|| Duration::from_secs(self.memory.approval_wait));
        if let (Some(address), Some(ledger)) = (self.memory.approvals, &ledger) {
            if !address.ip().is_loopback() {
                return Err("approvals are decided on this machine: give a loopback address".into());
            }
            let page = Page::new(ledger.clone())?;
            let listener = TcpListener::bind(address).await?;
            anstream::eprintln!("approvals: {}", page.link(listener.local_addr()?));
            tokio::spawn(page.serve(listener));
        }
        let journal = self.journal.open(false)?.map(Arc::new);
        let session = self.memory.session.clone();
        let enforcer = ledger.clone().map(Enforcer::new).unwrap_or_default();
        let has_ledger = ledger.is_some();
        let setup = Setup {
            policy: policy.handle.clone(),
            ledger: ledger.clone(),
            approval_wait,
            session: session.clone(),
            journal: journal.clone(),
            decisions: metrics.decisions(),
            body: self.limits.max_body,
        };
        let checker = Checker::new(setup, self.callers()?);
        let decider =
            Decider::new(policy.handle.clone(), enforcer, ledger, approval_wait, journal.clone(), metrics.decisions());
        let entities = self.entities.as_deref().map(Entities::read).transpose()?.unwrap_or_default();
        let settings = Settings {
            entities,
            session,
            has_ledger,
            url: self.url.clone(),
            body: self.limits.max_body,
            journal,
            metrics,
            policy: policy.followed.clone(),
        };
        Ok(Service::new(decider, checker, settings))
    }

    fn callers(&self) -> Result<Callers, Failure> {
        if let Some(key) = &self.envoy_jwt {
            return Ok(Callers::Payload { key: key.clone(), claims: self.tokens.claims() });
        }
        Ok(match self.tokens.verifier()? {
            Some(verifier) => Callers::Token(Arc::new(verifier)),
            None => Callers::Fixed(self.who.agent()?),
        })
    }
}

impl Accessed {
    fn tls(&self) -> Result<Option<Tls>, String> {
        let (Some(certificates), Some(key)) = (&self.tls_cert, &self.tls_key) else { return Ok(None) };
        Tls::read(certificates, key, self.tls_client_ca.as_deref()).map(Some)
    }
}

impl Remembered {
    fn ledger(&self) -> Result<Option<Arc<dyn Ledger>>, Failure> {
        let Some(address) = &self.ledger else { return Ok(None) };
        if self.queue && self.approvals.is_none() && address.starts_with("memory:") {
            return Err(
                "`perso approvals` does not see a ledger in memory: give --ledger file:PATH, or --approvals for a page"
                    .into(),
            );
        }
        // The address can have a password in it.
        Ok(Some(ledger::open(address).map_err(|error| format!("--ledger: {error}"))?))
    }
}
