//! The hook ends by itself before the agent stops waiting: an agent whose time-out passes runs the call.

use super::BLOCKED;
use std::io::Write;
use std::process;
use std::thread;
use std::time::Duration;

/// How long a hook may take. The shortest time-out of an agent's default settings is 5 seconds.
const LONGEST: Duration = Duration::from_secs(2);

/// Starts the time.
pub(super) fn start() {
    let watch = || {
        thread::sleep(LONGEST);
        leave("perso took more than 2 seconds to judge this call");
    };
    // Without a watch the call is still judged.
    let _ = thread::Builder::new().name("deadline".to_owned()).spawn(watch);
}

/// Ends the process as a denial does.
pub(super) fn leave(why: &str) -> ! {
    let _ = writeln!(std::io::stderr(), "{why}: it is denied");
    process::exit(BLOCKED.into());
}
