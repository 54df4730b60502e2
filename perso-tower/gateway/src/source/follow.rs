//! Follows a policy: fetches it again and again, and takes over what may be taken.

use super::accept::{Accept, Accepted};
use super::cache::Cache;
use super::fetch::{Fetched, Fetcher, Place, Tag};
use perso_core::release::Release;
use perso_tower::PolicyHandle;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio_util::task::AbortOnDropHandle;

/// How a policy is followed.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) place: Place,
    pub(crate) accept: Accept,
    /// For the server, if it wants one.
    pub(crate) token: Option<String>,
    /// Where the last policy is kept.
    pub(crate) cache: Option<PathBuf>,
    /// How often it is fetched.
    pub(crate) every: Duration,
}

/// A policy that is followed, until this is dropped.
#[derive(Debug)]
pub(crate) struct Followed {
    state: Arc<Mutex<State>>,
    _task: AbortOnDropHandle<()>,
}

/// What is known of the policy.
#[derive(Debug, Clone)]
pub(crate) struct State {
    /// The release that decides.
    pub(crate) release: Option<Release>,
    /// When the source last had the policy that decides.
    pub(crate) confirmed: Option<Instant>,
    /// Why the last fetch has not confirmed or replaced it.
    pub(crate) error: Option<String>,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("policy")?;
        if let Some(Release { name, number }) = &self.release {
            write!(f, " {name} {number}")?;
        }
        match self.confirmed {
            Some(at) => write!(f, ", confirmed {} s ago", at.elapsed().as_secs())?,
            None => f.write_str(", from the cache")?,
        }
        match &self.error {
            Some(error) => writeln!(f, "; since then: {}", perso_core::visible(error)),
            None => writeln!(f),
        }
    }
}

impl Followed {
    pub(crate) fn state(&self) -> State {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

struct Follower {
    fetcher: Fetcher,
    accept: Accept,
    cache: Option<Cache>,
    /// The newest release that was taken.
    newest: Option<Release>,
    tag: Option<Tag>,
}

/// Fetches a policy, and follows it from then on. If it cannot be had now, the last one in the cache decides.
///
/// # Errors
///
/// If there is no policy that may be taken.
pub(crate) async fn follow(settings: Settings) -> Result<(PolicyHandle, Followed), String> {
    let Settings { place, accept, token, cache, every } = settings;
    let name = place.to_string();
    let wrong = |why: String| format!("the policy at {name}: {why}");
    let fetcher = Fetcher::new(place, token, accept.keys.is_some())?;
    let cache = cache.map(|folder| Cache::open(&folder).map_err(|error| format!("{}: {error}", folder.display())));
    let cache = cache.transpose()?;
    let (kept, newest) = match &cache {
        Some(cache) => cache.read().map_err(|error| format!("the cache of the policy cannot be read: {error}"))?,
        None => (None, None),
    };
    let mut follower = Follower { fetcher, accept, cache, newest, tag: None };
    let (policy, release, error) = match follower.next().await {
        Ok(Some(Accepted { policy, release })) => (policy, release, None),
        // Without a tag, everything is new.
        Ok(None) => return Err(wrong("it cannot be read".to_owned())),
        Err(error) => {
            let kept = kept.ok_or_else(|| wrong(error.clone()))?;
            let mut accept = follower.accept.clone();
            // It is the one that was there before.
            accept.rollback = true;
            let Accepted { policy, release } = accept
                .load(&kept, follower.newest.as_ref())
                .map_err(|kept| wrong(format!("{error}; the one in the cache: {kept}")))?;
            tracing::error!(source = name, error, "the policy cannot be had: the last one decides");
            (policy, release, Some(error))
        }
    };
    let confirmed = error.is_none().then(Instant::now);
    let handle = PolicyHandle::from(policy);
    let state = Arc::new(Mutex::new(State { release, confirmed, error }));
    let task = tokio::spawn(again(follower, handle.clone(), state.clone(), every, name));
    Ok((handle, Followed { state, _task: AbortOnDropHandle::new(task) }))
}

async fn again(mut follower: Follower, handle: PolicyHandle, state: Arc<Mutex<State>>, every: Duration, name: String) {
    loop {
        // Not all replicas at once.
        let jitter = f64::from(getrandom::u32().unwrap_or_default()) / f64::from(u32::MAX);
        tokio::time::sleep(every.mul_f64(0.9 + jitter / 5.0)).await;
        let fetched = follower.next().await;
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        match fetched {
            Ok(Some(Accepted { policy, release })) => {
                if policy.module() != handle.current().module() {
                    let number = release.as_ref().map(|release| release.number);
                    tracing::info!(source = name, number, sha256 = policy.sha256(), "a new policy decides");
                    handle.swap(policy);
                }
                (state.release, state.confirmed, state.error) = (release, Some(Instant::now()), None);
            }
            Ok(None) => (state.confirmed, state.error) = (Some(Instant::now()), None),
            Err(error) => {
                if state.error.as_ref() != Some(&error) {
                    tracing::error!(source = name, error, "the policy is not taken: the one before decides");
                }
                state.error = Some(error);
            }
        }
    }
}

impl Follower {
    /// The policy, if it is another one than before and may be taken.
    async fn next(&mut self) -> Result<Option<Accepted>, String> {
        let Fetched::New { bytes, tag } = self.fetcher.fetch(self.tag.as_ref()).await? else { return Ok(None) };
        let accept = self.accept.clone();
        let newest = self.newest.clone();
        let (bytes, accepted) = tokio::task::spawn_blocking(move || {
            let accepted = accept.load(&bytes, newest.as_ref());
            (bytes, accepted)
        })
        .await
        .map_err(|error| error.to_string())?;
        let accepted = accepted?;
        if let Some(release) = &accepted.release
            && self.newest.as_ref().is_none_or(|newest| newest.number < release.number)
        {
            self.newest = Some(release.clone());
        }
        if let Some(cache) = &self.cache {
            let kept = cache.write(&bytes, self.newest.as_ref());
            kept.map_err(|error| format!("it cannot be kept in the cache: {error}"))?;
        }
        self.tag = tag;
        Ok(Some(accepted))
    }
}
