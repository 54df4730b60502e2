//! What is being done, on a terminal, once it takes longer than a second.

use std::io::{self, IsTerminal, Write};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Shows a line on standard error, if that is a terminal, from a second after it was made until it is dropped.
pub(crate) struct Progress {
    what: Arc<Mutex<String>>,
    shown: Option<(Sender<()>, JoinHandle<()>)>,
}

/// How long nothing is shown, and between two changes of the line.
const STEP: Duration = Duration::from_secs(1);

impl Progress {
    /// Begins with something that is being done: `compiling policy.json`.
    pub(crate) fn of(what: impl Into<String>) -> Self {
        let what = Arc::new(Mutex::new(what.into()));
        if !io::stderr().is_terminal() {
            return Self { what, shown: None };
        }
        let (stop, stopped) = mpsc::channel();
        let (line, began) = (Arc::clone(&what), Instant::now());
        let thread = thread::spawn(move || {
            let mut is_shown = false;
            while stopped.recv_timeout(STEP) == Err(RecvTimeoutError::Timeout) {
                let what = line.lock().map(|what| what.clone()).unwrap_or_default();
                let what = crate::visible(&what);
                // A line that is too long is cut, not wrapped, so that all of it is cleared. Where this cannot be written,
                // nothing is lost.
                let _ = write!(io::stderr(), "\r\x1b[2K\x1b[?7l{what} … {} s\x1b[?7h", began.elapsed().as_secs());
                is_shown = true;
            }
            if is_shown {
                let _ = write!(io::stderr(), "\r\x1b[2K");
            }
        });
        Self { what, shown: Some((stop, thread)) }
    }

    /// Goes on with something else.
    pub(crate) fn now(&self, what: impl FnOnce() -> String) {
        if self.shown.is_some()
            && let Ok(mut line) = self.what.lock()
        {
            *line = what();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some((stop, thread)) = self.shown.take() {
            drop(stop);
            let _ = thread.join();
        }
    }
}
