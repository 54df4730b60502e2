//! The scripts that the server runs. Each is one atomic step.

use std::sync::LazyLock;

/// A script, and what the server calls it.
pub(super) struct Script {
    pub text: &'static str,
    pub sha: String,
}

impl Script {
    fn new(text: &'static str) -> Self {
        Self { text, sha: redis::Script::new(text).get_hash().to_owned() }
    }
}

macro_rules! scripts {
    ($($name:ident $file:literal)*) => {
        $(pub(super) static $name: LazyLock<Script> =
            LazyLock::new(|| Script::new(concat!(include_str!("scripts/common.lua"), include_str!($file))));)*
    };
}

scripts! {
    COMMIT "scripts/commit.lua"
    UNDO "scripts/undo.lua"
    LABELS "scripts/labels.lua"
    BALANCE "scripts/balance.lua"
    REQUEST "scripts/request.lua"
    SHOW "scripts/show.lua"
    DECIDE "scripts/decide.lua"
    READY "scripts/ready.lua"
}
