//! Decides which tools a caller sees in lists.

use crate::agent::{Agent, BoxError};
use crate::policy::PolicyHandle;
use perso_core::Call;
use serde_json::Value;
use std::sync::Arc;

/// Which tools a caller sees.
#[derive(Debug)]
pub(crate) struct Visibility {
    pub(crate) policy: PolicyHandle,
    pub(crate) context: Arc<Value>,
    pub(crate) seen: Seen,
}

#[derive(Debug)]
pub(crate) enum Seen {
    Everything,
    /// The tools that this caller could call. A caller that cannot be determined sees none.
    By(Result<Agent, BoxError>),
}

impl Visibility {
    /// Returns whether lists stay unchanged.
    pub(crate) const fn is_whole(&self) -> bool {
        matches!(self.seen, Seen::Everything)
    }

    /// Returns whether the policy could ever allow the caller to call the tool, with some arguments and some resource.
    pub(crate) fn shows(&self, tool: &str) -> bool {
        match &self.seen {
            Seen::Everything => true,
            Seen::By(Ok(agent)) => {
                let call = Call::new(tool).agent(agent.attributes()).context(&*self.context);
                self.policy.current().could_allow(&call)
            }
            Seen::By(Err(error)) => {
                tracing::warn!(target: "perso", tool, %error, "the tool is not listed: the caller is unknown");
                false
            }
        }
    }
}
