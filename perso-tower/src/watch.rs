//! Reloads a policy when its file changes.

use crate::policy::PolicyHandle;
use notify::event::{AccessKind, EventKind};
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};
use perso_core::{LoadError, Policy};
use std::collections::HashSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

/// How long the folder must stay unchanged before a file counts as completely written.
const QUIET: Duration = Duration::from_millis(50);
/// How long to wait for that at most.
const PATIENCE: Duration = Duration::from_secs(1);

/// Watches a policy's file. Drop it to stop watching; the active policy stays active.
#[derive(Debug)]
#[must_use = "the file is no longer watched once this is dropped"]
pub struct Watch {
    /// Dropping it closes the channel, which ends the thread that follows the file. That thread has a weak reference.
    _watcher: Arc<Mutex<RecommendedWatcher>>,
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
    /// If a policy's text extends other documents, those files are followed, too.
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
        let folder = folder_of(&path).to_owned();
        watcher.watch(&folder, RecursiveMode::NonRecursive).map_err(failed)?;
        let watcher = Arc::new(Mutex::new(watcher));
        let mut follower = Follower {
            handle: self.clone(),
            path: path.clone(),
            // A policy's text is loaded once in any case.
            seen: vec![(path.clone(), Some(self.current().module().to_vec()))],
            watcher: Arc::downgrade(&watcher),
            folders: HashSet::from([folder]),
        };
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

fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Waits until the changes pause for `QUIET`, at most for `PATIENCE`.
fn until_quiet(changes: &Receiver<()>) {
    let begin = Instant::now();
    while begin.elapsed() < PATIENCE && changes.recv_timeout(QUIET).is_ok() {}
}

struct Follower {
    handle: PolicyHandle,
    path: PathBuf,
    /// The files that the policy consists of, its own first, at the last check, to ignore changes to other files in their
    /// folders.
    seen: Vec<(PathBuf, Content)>,
    watcher: Weak<Mutex<RecommendedWatcher>>,
    /// The folders that are watched.
    folders: HashSet<PathBuf>,
}

/// What is in a file; `None` if it cannot be read.
type Content = Option<Vec<u8>>;

impl Follower {
    fn follow(&mut self, tell: &dyn Fn(Result<(), &LoadError>)) {
        self.watch_folders();
        if self.seen.iter().all(|(path, content)| std::fs::read(path).ok() == *content) {
            return;
        }
        let was_missing = self.seen.first().is_some_and(|(_, content)| content.is_none());
        let files = perso_core::files(&self.path);
        self.seen = files.into_iter().map(|path| (path.clone(), std::fs::read(path).ok())).collect();
        self.watch_folders();
        let policy = match std::fs::read(&self.path) {
            Ok(bytes) => Policy::load_bytes(&self.path, bytes),
            // Report a missing file once, and again only after it has reappeared.
            Err(_) if was_missing => return,
            Err(error) => Err(LoadError::Read { path: self.path.clone(), error }),
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

    /// Watches the folders of all files. One that does not exist yet is tried again after the next change.
    fn watch_folders(&mut self) {
        let Some(watcher) = self.watcher.upgrade() else { return };
        for (path, _) in &self.seen {
            let folder = folder_of(path);
            if !self.folders.contains(folder) {
                let mut watcher = watcher.lock().unwrap_or_else(PoisonError::into_inner);
                if watcher.watch(folder, RecursiveMode::NonRecursive).is_ok() {
                    self.folders.insert(folder.to_owned());
                }
            }
        }
    }
}
