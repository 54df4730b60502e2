//! The arguments of a call. The policy, the resource source, the observer and the tool all get the same value.

use crate::exact::{self, Unclear};
use perso_core::Part;
use serde_json::Value;
use std::borrow::Cow;
use std::sync::OnceLock;

/// The arguments in the form in which the adapter holds them and passes them on.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Args<'a> {
    Absent,
    /// JSON text. It should be an object or null, but this is not checked yet.
    Text(&'a str),
    #[cfg_attr(not(any(feature = "rmcp", feature = "tower-mcp")), expect(dead_code, reason = "HTTP has only text"))]
    Value(&'a Value),
}

/// The arguments of a call that is being judged.
#[derive(Debug)]
pub(crate) struct ReadArgs<'a> {
    args: Args<'a>,
    shown: OnceLock<Result<Cow<'a, Value>, Unclear>>,
}

impl<'a> From<Args<'a>> for ReadArgs<'a> {
    fn from(args: Args<'a>) -> Self {
        Self { args, shown: OnceLock::new() }
    }
}

impl<'a> ReadArgs<'a> {
    /// Returns the arguments for the policy.
    pub(crate) fn part(&self) -> Part<'a> {
        match self.args {
            Args::Absent => Part::Absent,
            Args::Text(text) => Part::Json(text.as_bytes()),
            Args::Value(value) => Part::Value(Cow::Borrowed(value)),
        }
    }

    /// Returns the arguments for the resource source and the observer. Text is parsed once, and only on demand.
    pub(crate) fn shown(&self) -> Result<&Value, Unclear> {
        let read = || match self.args {
            Args::Absent => Ok(Cow::Owned(Value::Null)),
            Args::Text(text) => exact::read(text).map(Cow::Owned),
            Args::Value(value) => Ok(Cow::Borrowed(value)),
        };
        self.shown.get_or_init(read).as_deref().map_err(|unclear| *unclear)
    }
}
