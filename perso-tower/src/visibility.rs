//! Decides which tools, resources and prompts a caller sees in lists.

use crate::agent::{Agent, BoxError};
use crate::context::Context;
use crate::policy::PolicyHandle;
use perso_core::{Call, Part, request};

/// Something in a list, by its name or URI.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entry<'e> {
    Tool(&'e str),
    /// A resource, or a template by its text.
    Resource(&'e str),
    Prompt(&'e str),
}

#[cfg(any(feature = "rmcp", feature = "tower-mcp"))]
impl Entry<'_> {
    /// Returns the type of a completion's reference to it.
    pub(crate) const fn reference_type(self) -> &'static str {
        match self {
            Self::Tool(_) => "ref/tool",
            Self::Resource(_) => "ref/resource",
            Self::Prompt(_) => "ref/prompt",
        }
    }
}

/// What a caller sees.
#[derive(Debug)]
pub(crate) struct Visibility {
    pub(crate) policy: PolicyHandle,
    pub(crate) context: Context,
    /// What is known of the session.
    pub(crate) session: Part<'static>,
    pub(crate) seen: Seen,
}

#[derive(Debug)]
pub(crate) enum Seen {
    Everything,
    /// What this caller could call, read or get. A caller that cannot be determined sees nothing.
    By(Result<Agent, BoxError>),
}

impl Visibility {
    /// Returns whether lists stay unchanged.
    pub(crate) const fn is_whole(&self) -> bool {
        matches!(self.seen, Seen::Everything)
    }

    /// Returns whether lists of these, under their key in a result, are filtered.
    pub(crate) fn filters(&self, key: &str) -> bool {
        let covers = self.policy.current().covers();
        match key {
            _ if self.is_whole() => false,
            "tools" => true,
            "prompts" => covers.prompts,
            _ => covers.resources,
        }
    }

    /// Returns whether the policy could ever allow the caller to call the tool, with some arguments and some resource; to
    /// read the resource; or to get the prompt, with some arguments. What the policy does not cover is shown.
    pub(crate) fn shows(&self, entry: Entry<'_>) -> bool {
        let policy = self.policy.current();
        let covers = policy.covers();
        let is_covered = match entry {
            Entry::Tool(_) => true,
            Entry::Resource(_) => covers.resources,
            Entry::Prompt(_) => covers.prompts,
        };
        match &self.seen {
            Seen::Everything => true,
            _ if !is_covered => true,
            Seen::By(Ok(agent)) => {
                let call = |tool| {
                    let call = Call::new(tool).agent(agent.attributes());
                    call.context(self.context.expected()).session(self.session.clone())
                };
                match entry {
                    Entry::Tool(name) => !covers.reserves(name) && policy.could_allow(&call(name)),
                    Entry::Resource(uri) => policy.could_list(&call(request::READ).arg("uri", uri)),
                    Entry::Prompt(name) => policy.could_list(&call(request::LISTED).arg("name", name)),
                }
            }
            Seen::By(Err(error)) => {
                tracing::warn!(target: "perso", ?entry, %error, "it is not listed: the caller is unknown");
                false
            }
        }
    }
}
