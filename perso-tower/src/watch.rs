//! A policy that follows a file.

use crate::policy::PolicyHandle;
use notify::event::{AccessKind, EventKind};
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};
use perso_core::{LoadError, Policy};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// How long it must be quiet before a file is taken for whole.
const QUIET: Duration = Duration::from_millis(50);
/// How long to wait for that.
const PATIENCE: Duration = Duration::from_secs(1);

/// Keeps a policy as its file is, for as long as this is kept.
#[derive(Debug)]
#[must_use = "the file is watched only as long as this is kept"]
pub struct Watch {
    /// Its end is the end of the thread that it tells of changes.
    _watcher: RecommendedWatcher,
}

/// A file can't be watched.
#[derive(Debug)]
pub struct WatchError {
    path: PathBuf,
    cause: notify::Error,
}

impl fmt::Display for WatchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` cannot be watched", self.path.display())
    }
}

impl std::error::Error for WatchError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.cause)
    }
}

impl PolicyHandle {
    /// Puts the policy in a file in force, a module or (with `perso-core`'s feature `compile`) a policy's text, whenever the file changes. A file that does not load changes nothing: the policy
    /// before stays in force, and an error of the target `perso` is traced.
    ///
    /// The file may be written in place, replaced, or reached by links that change, as in a Kubernetes volume.
    ///
    /// ```no_run
    /// use perso_tower::{Policy, PolicyHandle};
    ///
    /// let policy = PolicyHandle::from(Policy::load("support.wasm")?);
    /// let watch = policy.watch("support.wasm")?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the system can't watch the file's folder.
    pub fn watch(&self, path: impl AsRef<Path>) -> Result<Watch, WatchError> {
        self.watch_with(path, |_| {})
    }

    /// The same, and tells of each change: that another policy is in force now, or why not.
    ///
    /// # Errors
    ///
    /// If the system can't watch the file's folder.
    pub fn watch_with(
        &self,
        path: impl AsRef<Path>,
        tell: impl Fn(Result<(), &LoadError>) + Send + 'static,
    ) -> Result<Watch, WatchError> {
        let path = path.as_ref().to_owned();
        let failed = |cause| WatchError { path: path.clone(), cause };
        let (sender, changes) = channel();
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            // To open a file, as is done here to read it, changes nothing. An error may mean that something has changed.
            if !event.is_ok_and(|event| matches!(event.kind, EventKind::Access(AccessKind::Open(_)))) {
                let _ = sender.send(());
            }
        })
        .map_err(failed)?;
        // The folder, because a file that is replaced is another file.
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        watcher.watch(folder, RecursiveMode::NonRecursive).map_err(failed)?;
        let mut follower =
            Follower { handle: self.clone(), path: path.clone(), seen: self.current().module().to_vec() };
        let follow = move || {
            // At first for what has changed before anyone watched, which may be half written, too.
            loop {
                until_quiet(&changes);
                follower.follow(&tell);
                if changes.recv().is_err() {
                    return;
                }
            }
        };
        std::thread::Builder::new()
            .name("perso-watch".to_owned())
            .spawn(follow)
            .map_err(|error| failed(error.into()))?;
        Ok(Watch { _watcher: watcher })
    }
}

/// Waits until nothing changes any more.
fn until_quiet(changes: &Receiver<()>) {
    let begin = Instant::now();
    while begin.elapsed() < PATIENCE && changes.recv_timeout(QUIET).is_ok() {}
}

struct Follower {
    handle: PolicyHandle,
    path: PathBuf,
    /// What the file had in it when it was last looked at: other files in its folder change as well.
    seen: Vec<u8>,
}

impl Follower {
    fn follow(&mut self, tell: &dyn Fn(Result<(), &LoadError>)) {
        let policy = match std::fs::read(&self.path) {
            Ok(bytes) if bytes == self.seen => return,
            Ok(bytes) => {
                self.seen = bytes;
                Policy::load_bytes(&self.path, self.seen.clone())
            }
            Err(error) => {
                // Told once, and again after it was there.
                if self.seen.is_empty() {
                    return;
                }
                self.seen = Vec::new();
                Err(LoadError::Read { path: self.path.clone(), error })
            }
        };
        let path = self.path.display();
        match policy {
            Ok(policy) => {
                self.handle.swap(policy);
                tracing::info!(target: "perso", %path, "another policy is in force");
                tell(Ok(()));
            }
            Err(error) => {
                tracing::error!(target: "perso", %path, %error, "the policy does not load: the one before stays in force");
                tell(Err(&error));
            }
        }
    }
}
