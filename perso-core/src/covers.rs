//! What a policy judges besides the calls of tools.

/// What a policy judges besides the calls of tools, of what an MCP server offers. Nothing by default.
///
/// A request for what is covered is a call of a tool whose name is one of those in [`request`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Covers {
    /// Whether resources are covered.
    pub resources: bool,
    /// Whether prompts are covered.
    pub prompts: bool,
}

/// The tools that the requests for resources and prompts are calls of. Their arguments are the request's params, without
/// `_meta`, `inputResponses` and `requestState`.
pub mod request {
    /// What all of these names begin with. See [`Covers::reserves`](crate::Covers::reserves).
    pub const PREFIX: &str = "mcp:";
    /// `resources/read`.
    pub const READ: &str = "mcp:resources/read";
    /// `resources/subscribe` and `resources/unsubscribe`, and each URI of a `subscriptions/listen`.
    pub const SUBSCRIBE: &str = "mcp:resources/subscribe";
    /// `prompts/get`.
    pub const GET: &str = "mcp:prompts/get";
    /// `completion/complete`.
    pub const COMPLETE: &str = "mcp:completion/complete";
    /// Not a request: a prompt in a list. The rules for [`GET`] judge it, with the argument `name`, as if the prompt's own
    /// arguments (`args.arguments`) were a part of the resource: leave the resource open to leave them open.
    pub const LISTED: &str = "mcp:prompts/list";
}

/// The words that a policy has for it.
pub(crate) const TOOLS: &str = "tools";
pub(crate) const RESOURCES: &str = "resources";
pub(crate) const PROMPTS: &str = "prompts";

impl Covers {
    /// Nothing but tools.
    pub(crate) const NOTHING: Self = Self { resources: false, prompts: false };

    /// Whether only calls of tools are judged.
    #[must_use]
    pub const fn is_nothing(self) -> bool {
        !self.resources && !self.prompts
    }

    /// Whether no tool can have this name, because names that begin like it are those of requests. A guard denies calls of
    /// such a tool: the rules for a request are not about it.
    ///
    /// ```
    /// # #[cfg(feature = "compile")] {
    /// let policy = perso_core::Policy::compile(r#"{
    ///     "perso": 1,
    ///     "covers": ["tools", "resources"],
    ///     "rules": [{ "id": "notes", "allow": "mcp:resources/read", "when": { "args.uri": { "starts_with": "note://" } } }]
    /// }"#).unwrap();
    /// assert!(policy.covers().resources && !policy.covers().prompts);
    /// assert!(policy.covers().reserves("mcp:resources/read") && !policy.covers().reserves("read"));
    /// # }
    /// ```
    #[must_use]
    pub fn reserves(self, tool: &str) -> bool {
        !self.is_nothing() && tool.starts_with(request::PREFIX)
    }

    /// The names of the requests that are covered.
    #[cfg(feature = "compile")]
    pub(crate) fn requests<'n>(self) -> impl Iterator<Item = &'n str> {
        let requests = [
            (request::READ, self.resources),
            (request::SUBSCRIBE, self.resources),
            (request::GET, self.prompts),
            (request::COMPLETE, !self.is_nothing()),
        ];
        requests.into_iter().filter(|(_, is_covered)| *is_covered).map(|(name, _)| name)
    }

    /// The same, and what stands for a prompt in a list.
    #[cfg(feature = "compile")]
    pub(crate) fn names<'n>(self) -> impl Iterator<Item = &'n str> {
        self.requests().chain(self.prompts.then_some(request::LISTED))
    }

    /// Sets what a word stands for. `false` if the word is none.
    pub(crate) fn add(&mut self, word: &str) -> bool {
        match word {
            TOOLS => {}
            RESOURCES => self.resources = true,
            PROMPTS => self.prompts = true,
            _ => return false,
        }
        true
    }

    /// The words, if not only tools are covered.
    #[cfg(feature = "compile")]
    pub(crate) fn words(self) -> Vec<&'static str> {
        let words = [(TOOLS, !self.is_nothing()), (RESOURCES, self.resources), (PROMPTS, self.prompts)];
        words.into_iter().filter(|(_, is_covered)| *is_covered).map(|(word, _)| word).collect()
    }
}
