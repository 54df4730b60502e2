//! The settings of all adapters.

/// The methods that configure an adapter, the same for all.
macro_rules! settings {
    ($request:ty) => {
        /// Sets the function that determines the caller: from the request to an [`Agent`](crate::Agent), or to an
        /// `Option` or a `Result` of one. It runs for each request. If it returns an error or panics, the call is
        /// denied. Without it, every caller is anonymous and has no roles.
        #[must_use]
        pub fn agent<F, A>(self, function: F) -> Self
        where
            F: Fn(&$request) -> A + Send + Sync + 'static,
            A: crate::IntoAgent,
        {
            self.agent_source(function)
        }

        /// Like [`agent`](Self::agent), with an [`AgentSource`](crate::AgentSource), which can be async.
        #[must_use]
        pub fn agent_source(mut self, source: impl crate::AgentSource<$request>) -> Self {
            self.guard.agent = Some(std::sync::Arc::new(source));
            self
        }

        /// Sets the source that looks up the resource that a call acts on, which rules read as `resource.…`. Without
        /// it, calls have no resource.
        #[must_use]
        pub fn resource(mut self, source: impl crate::ResourceSource) -> Self {
            self.guard.resource = Some(std::sync::Arc::new(source));
            self
        }

        /// Sets the time limit for a lookup of the resource; 5 seconds by default. After that, the resource is unknown,
        /// which never grants permission. The limit cannot interrupt a source that blocks the thread.
        #[must_use]
        pub fn resource_time(mut self, most: std::time::Duration) -> Self {
            self.guard.resource_time = most;
            self
        }

        /// Sets the attributes that rules read as `context.…`; none by default. If the policy reads `context.now` and this
        /// sets no `now`, each call gets the time at which it is judged; see
        /// [`Call::at`](perso_core::Call::at) for its form.
        #[must_use]
        pub fn context(mut self, context: serde_json::Map<String, serde_json::Value>) -> Self {
            self.guard.context = context.into();
            self
        }

        /// Like [`context`](Self::context), with a source that is asked for each call of a tool. If the source fails, the
        /// context is unknown, which never grants permission. Lists show what some context could allow.
        #[must_use]
        pub fn context_source(mut self, source: impl crate::ContextSource) -> Self {
            self.guard.context = crate::context::Context::Of(std::sync::Arc::new(source));
            self
        }

        /// Sets the ledger, which remembers what limits and labels need. Without it, calls that a limit or a label is about are
        /// denied. See [`ledger::open`](crate::ledger::open).
        ///
        /// ```
        /// # fn policy() -> perso_tower::Policy { unreachable!() }
        /// # let _ = || -> Result<(), Box<dyn std::error::Error>> {
        /// let layer = perso_tower::PersoLayer::new(policy()).ledger(perso_tower::ledger::open("memory:")?);
        /// # Ok(())
        /// # };
        /// ```
        #[must_use]
        pub fn ledger(mut self, ledger: std::sync::Arc<dyn crate::ledger::Ledger>) -> Self {
            self.guard.enforcer = perso_core::enforce::Enforcer::new(ledger);
            self
        }

        /// Sets the function that returns the id of a request's session, which labels and limits with the window `session` need. Take
        /// it from what your host knows, such as a conversation's id. A caller that can choose a new id gets rid of
        /// labels. If the function panics, the call is denied.
        #[must_use]
        pub fn session<F>(mut self, function: F) -> Self
        where
            F: Fn(&$request) -> Option<String> + Send + Sync + 'static,
        {
            self.guard.session = Some(std::sync::Arc::new(function));
            self
        }

        /// Sets who is asked about calls that need an approval; without it, these calls are not run. While a person decides, the call
        /// waits. With approval, it is judged again and then runs. A [`Queue`](crate::Queue) asks in the ledger, and
        /// [`elicit`](crate::elicit()) asks the person at the client.
        ///
        /// ```
        /// use perso_tower::{Answer, Approval, PersoLayer, Question};
        ///
        /// # fn policy() -> perso_tower::Policy { unreachable!() }
        /// # async fn ask_on_call(text: String) -> Result<bool, Box<dyn std::error::Error + Send + Sync>> { Ok(false) }
        /// # let _ = || {
        /// let layer = PersoLayer::new(policy()).approver(|question: Question| async move {
        ///     let text = format!("{} wants to call {} with {}", question.agent, question.tool, question.args);
        ///     let by = "on-call".to_owned();
        ///     Ok(if ask_on_call(text).await? { Answer::Approved(Approval::by(by)) } else { Answer::Denied { by } })
        /// });
        /// # };
        /// ```
        #[must_use]
        pub fn approver(mut self, approver: impl crate::Approver<$request>) -> Self {
            self.guard.approver = Some(std::sync::Arc::new(approver));
            self
        }

        /// Sets how long a call waits for a person; 5 minutes by default. After that it is denied.
        #[must_use]
        pub fn approval_time(mut self, most: std::time::Duration) -> Self {
            self.guard.approval_time = most;
            self
        }

        /// Decides and reports, but enforces nothing: every call passes, and lists show everything.
        #[must_use]
        pub fn observe(mut self) -> Self {
            self.guard.observe = true;
            self
        }

        /// Answers a denied call as if the tool did not exist, and a denied request for a resource or a prompt as if that
        /// did not exist.
        #[must_use]
        pub fn hide(mut self) -> Self {
            self.guard.hide = true;
            self
        }

        /// Denies prompts, which pass by default. `prompts/get` and completions of a prompt's arguments get the error
        /// -32601, and `prompts/list` gets an empty list. The guard answers without asking the server. With
        /// [`observe`](Self::observe), prompts pass.
        ///
        /// ```
        /// # fn policy() -> perso_tower::Policy { unreachable!() }
        /// # let _ = || {
        /// let layer = perso_tower::PersoLayer::new(policy()).deny_prompts().deny_resources();
        /// # };
        /// ```
        #[must_use]
        pub fn deny_prompts(mut self) -> Self {
            self.guard.closed.prompts = true;
            self
        }

        /// Denies resources, which pass by default. `resources/read`, `skills/get`, subscriptions and completions of a
        /// resource's URI get the error -32601, and lists of resources, resource templates and skills are empty. The guard answers without
        /// asking the server, and removes resources from `subscriptions/listen` before it passes that on. With
        /// [`observe`](Self::observe), resources pass.
        ///
        /// Clients then cannot read resources that a tool's result links to, or show the views of MCP Apps.
        ///
        /// ```
        /// # fn policy() -> perso_tower::Policy { unreachable!() }
        /// # let _ = || {
        /// let layer = perso_tower::PersoLayer::new(policy()).deny_prompts().deny_resources();
        /// # };
        /// ```
        #[must_use]
        pub fn deny_resources(mut self) -> Self {
            self.guard.closed.resources = true;
            self
        }

        /// Sets the answer to a denied call; by default, a result with the policy's reason as text. If it panics, the
        /// default is sent.
        #[must_use]
        pub fn denial(mut self, denial: impl crate::Denial) -> Self {
            self.guard.denial = std::sync::Arc::new(denial);
            self
        }

        /// Records each decision in a journal. If the recorder requires it, a call does not run before its decision is written, and
        /// is denied if that fails.
        ///
        /// ```
        /// # fn policy() -> perso_tower::Policy { unreachable!() }
        /// # let _ = || -> Result<(), Box<dyn std::error::Error>> {
        /// use perso_core::journal::{Recorder, Settings};
        ///
        /// let recorder = Recorder::open("/var/lib/perso/journal", Settings::default())?;
        /// let layer = perso_tower::PersoLayer::new(policy()).journal(recorder);
        /// # Ok(())
        /// # };
        /// ```
        #[cfg(feature = "journal")]
        #[must_use]
        pub fn journal(mut self, recorder: impl Into<std::sync::Arc<perso_core::journal::Recorder>>) -> Self {
            self.guard.record.journal = Some(recorder.into());
            self
        }

        /// Sets the observer, which receives each decision. A call does not run until the observer has seen it; if the
        /// observer panics, the call is denied.
        #[must_use]
        pub fn on_decision(mut self, observer: impl crate::Observer) -> Self {
            self.guard.observer = Some(std::sync::Arc::new(observer));
            self
        }
    };
}
pub(crate) use settings;
