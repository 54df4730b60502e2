//! Reloads a policy when its file changes.

use crate::policy::PolicyHandle;
use notify::event::{AccessKind, EventKind};
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};
use perso_core::{LoadError, Policy};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// How long the folder must stay unchanged before a file counts as completely written.
const QUIET: Duration = Duration::from_millis(50);
/// How long to wait for that at most.
const PATIENCE: Duration = Duration::from_secs(1);

/// Watches a policy's file. Drop it to stop watching; the active policy stays active.
#[derive(Debug)]
#[must_use = "the file is no longer watched once this is dropped"]
pub struct Watch {
    /// Dropping it closes the channel, which ends the thread that follows the file.
    _watcher: RecommendedWatcher,
}

/// The error when a file cannot be watched. Its source is the operating system's error.
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
    /// Loads the policy from a file whenever the file changes. The file is a module or, with `perso-core`'s feature
    /// `compile`, a policy's text. If it does not load, the active policy stays active, and an error with the target
    /// `perso` is traced.
    ///
    /// You can write the file in place, replace it, or change a link in its folder that leads to it, as Kubernetes does
    /// with volumes. Keep the returned [`Watch`]: dropping it stops watching.
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
    /// Returns an error if the file's folder cannot be watched, for example because it does not exist.
    pub fn watch(&self, path: impl AsRef<Path>) -> Result<Watch, WatchError> {
        self.watch_with(path, |_| {})
    }

    /// Like [`watch`](Self::watch), and calls `tell` after each change: with `Ok` once the new policy is active, or
    /// with the error if the file does not load. `tell` runs on the thread that follows the file.
    ///
    /// # Errors
    ///
    /// Returns an error if the file's folder cannot be watched, for example because it does not exist.
    pub fn watch_with(
        &self,
        path: impl AsRef<Path>,
        tell: impl Fn(Result<(), &LoadError>) + Send + 'static,
    ) -> Result<Watch, WatchError> {
        let path = path.as_ref().to_owned();
        let failed = |cause| WatchError { path: path.clone(), cause };
        let (sender, changes) = channel();
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            // Ignore opened files: this code opens the file itself. After an error, assume that something has changed.
            if !event.is_ok_and(|event| matches!(event.kind, EventKind::Access(AccessKind::Open(_)))) {
                let _ = sender.send(());
            }
        })
        .map_err(failed)?;
        // Watch the folder: a watch on the file itself would stay with the old file when it is replaced.
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        watcher.watch(folder, RecursiveMode::NonRecursive).map_err(failed)?;
        let mut follower =
            Follower { handle: self.clone(), path: path.clone(), seen: self.current().module().to_vec() };
        let follow = move || {
            // The first round loads changes from before the watch began; the file may still be half written then.
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

/// Waits until the changes pause for `QUIET`, at most for `PATIENCE`.
fn until_quiet(changes: &Receiver<()>) {
    let begin = Instant::now();
    while begin.elapsed() < PATIENCE && changes.recv_timeout(QUIET).is_ok() {}
}

struct Follower {
    handle: PolicyHandle,
    path: PathBuf,
    /// The file's content at the last check, to ignore changes to other files in the folder. Empty if it was missing.
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
                // Report a missing file once, and again only after it has reappeared.
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
                tracing::info!(target: "perso", %path, "the new policy is active");
                tell(Ok(()));
            }
            Err(error) => {
                tracing::error!(target: "perso", %path, %error, "the policy does not load: the previous one stays active");
                tell(Err(&error));
            }
        }
    }
}
