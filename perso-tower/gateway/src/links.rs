//! The connections of a client to all servers, and which of them a name belongs to.

use crate::config::{SEPARATOR, Server};
use crate::link::{Change, Front, Link};
use rmcp::model::*;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::broadcast;

/// How many changes a slow client can miss before it is not told of all of them.
const CHANGES: usize = 256;
/// Of how many resources the gateway knows whose they are. Of others it asks each server.
const MOST_URIS: usize = 10_000;

/// The connections to all servers, in the order of their names.
pub(crate) struct Links {
    pub(crate) links: Vec<Arc<Link>>,
    /// Whose a resource is, as far as lists have shown it.
    owners: Mutex<HashMap<String, usize>>,
    /// What changes at shared servers.
    pub(crate) changes: broadcast::Sender<Change>,
}

impl Links {
    /// Connections that all clients share.
    pub(crate) fn shared(servers: &[Arc<Server>]) -> Self {
        let (changes, _) = broadcast::channel(CHANGES);
        let link = |server: &Arc<Server>| Arc::new(Link::new(server.clone(), Front::Many(changes.clone())));
        let links = servers.iter().map(link).collect();
        Self { links, owners: Mutex::default(), changes }
    }

    /// Connections of one client, but to servers that are shared.
    pub(crate) fn own(shared: &Self, front: &Front) -> Self {
        let link = |link: &Arc<Link>| match link.server.is_shared {
            true => link.clone(),
            false => Arc::new(Link::new(link.server.clone(), front.clone())),
        };
        let links = shared.links.iter().map(link).collect();
        Self { links, owners: Mutex::default(), changes: shared.changes.clone() }
    }

    /// The only connection, if there is but one server. Its names are its own.
    pub(crate) fn only(&self) -> Option<&Arc<Link>> {
        match self.links.as_slice() {
            [only] => Some(only),
            _ => None,
        }
    }

    /// A server's name for something, as clients have it.
    pub(crate) fn outer(&self, server: usize, name: &str) -> String {
        match (self.only(), self.links.get(server)) {
            (None, Some(link)) => format!("{}{SEPARATOR}{name}", link.server.name),
            _ => name.to_owned(),
        }
    }

    /// The connection that a name belongs to, and the server's own name for it.
    pub(crate) fn inner<'n>(&self, name: &'n str) -> Option<(&Arc<Link>, &'n str)> {
        if let Some(only) = self.only() {
            return Some((only, name));
        }
        let (server, own) = name.split_once(SEPARATOR)?;
        self.links.iter().find(|link| link.server.name == server).map(|link| (link, own))
    }

    /// Connects to all servers that can be reached. One that cannot is left out.
    pub(crate) async fn connect(&self) -> Vec<Option<Arc<ServerPeerInfo>>> {
        let mut tasks = tokio::task::JoinSet::new();
        for (at, link) in self.links.iter().enumerate() {
            let link = link.clone();
            tasks.spawn(async move { (at, link.info().await) });
        }
        let mut infos = vec![None; self.links.len()];
        while let Some(done) = tasks.join_next().await {
            if let Ok((at, info)) = done
                && let Some(place) = infos.get_mut(at)
            {
                *place = info;
            }
        }
        infos
    }

    /// What the gateway says of itself: what its servers say, as far as they are connected.
    pub(crate) fn info(&self) -> ServerConfig {
        let infos: Vec<_> = self.links.iter().map(|link| link.known()).collect();
        if let [Some(only)] = infos.as_slice() {
            let mut info = ServerConfig::new(only.capabilities.clone());
            info.server_info = only.server_info.clone().unwrap_or_else(own_name);
            info.instructions.clone_from(&only.instructions);
            return info;
        }
        let mut capabilities = ServerCapabilities::default();
        let mut instructions = String::new();
        for (link, info) in self.links.iter().zip(&infos) {
            let Some(info) = info else { continue };
            merge(&mut capabilities, &info.capabilities);
            if let Some(text) = &info.instructions {
                let name = &link.server.name;
                instructions += &format!("# {name}\n\nOf the tools `{name}{SEPARATOR}…`:\n\n{text}\n\n");
            }
        }
        // A server that is not running now can have tools later.
        capabilities.tools.get_or_insert_default().list_changed = Some(true);
        let mut info = ServerConfig::new(capabilities);
        info.server_info = own_name();
        info.instructions = (!instructions.is_empty()).then(|| instructions.trim_end().to_owned());
        info
    }

    /// Keeps whose a resource is. Returns false if it is another server's: the first that has listed it has it, and no other
    /// can take it over.
    pub(crate) fn owns(&self, server: usize, uri: &str) -> bool {
        if self.only().is_some() {
            return true;
        }
        let mut owners = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(owner) = owners.get(uri) {
            return *owner == server;
        }
        if owners.len() < MOST_URIS {
            owners.insert(uri.to_owned(), server);
        }
        true
    }

    /// The connections that can have a resource: the one that has listed it, or else all of those with resources.
    pub(crate) fn owners(&self, uri: &str) -> Vec<Arc<Link>> {
        let owner = self.owners.lock().unwrap_or_else(PoisonError::into_inner).get(uri).copied();
        if let Some(link) = owner.and_then(|at| self.links.get(at)) {
            return vec![link.clone()];
        }
        let has_resources = |link: &&Arc<Link>| link.known().is_none_or(|info| info.capabilities.resources.is_some());
        self.links.iter().filter(has_resources).cloned().collect()
    }
}

/// What the gateway says it is.
pub(crate) fn own_name() -> Implementation {
    Implementation::new("perso-gateway", env!("CARGO_PKG_VERSION"))
}

/// Adds what another server can do.
fn merge(all: &mut ServerCapabilities, more: &ServerCapabilities) {
    if let Some(more) = &more.prompts {
        let prompts = all.prompts.get_or_insert_default();
        prompts.list_changed = either(prompts.list_changed, more.list_changed);
    }
    if let Some(more) = &more.resources {
        let resources = all.resources.get_or_insert_default();
        resources.list_changed = either(resources.list_changed, more.list_changed);
        resources.subscribe = either(resources.subscribe, more.subscribe);
    }
    if all.logging.is_none() {
        all.logging.clone_from(&more.logging);
    }
    if all.completions.is_none() {
        all.completions.clone_from(&more.completions);
    }
    for id in [TASKS_EXTENSION_ID, SKILLS_EXTENSION_ID] {
        if let Some(settings) = more.extensions.as_ref().and_then(|extensions| extensions.get(id)) {
            all.extensions.get_or_insert_default().entry(id.to_owned()).or_insert_with(|| settings.clone());
        }
    }
}

fn either(one: Option<bool>, other: Option<bool>) -> Option<bool> {
    if one == Some(true) || other == Some(true) { Some(true) } else { one.or(other) }
}
