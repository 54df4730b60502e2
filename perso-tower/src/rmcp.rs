//! Inside an rmcp server: [`Guarded`].

use crate::agent::Carries;
use crate::args::Args;
use crate::denial::{Answer, Denied};
use crate::guard::{Guard as Guarding, is_about_tools, settings};
use crate::policy::PolicyHandle;
use http::request::Parts;
use rmcp::model::*;
use rmcp::service::{NotificationContext, RequestContext, SubscriptionContext};
use rmcp::{ErrorData, RoleServer, ServerHandler};
use serde_json::Value;
use std::borrow::Cow;

/// What a guard knows of a request to an rmcp server.
type Request = RequestContext<RoleServer>;

impl Carries for Request {
    /// What rmcp has in the request's own extensions, or an HTTP layer in those of the request that brought it.
    fn carried<T: Clone + Send + Sync + 'static>(&self) -> Option<&T> {
        self.extensions.get().or_else(|| self.extensions.get::<Parts>()?.extensions.get())
    }
}

/// Guards an rmcp server: `server.guarded(policy)`.
pub trait Guard: ServerHandler {
    /// Judges each call of a tool with a policy, or with a [`PolicyHandle`], which can be changed later, before the tool runs.
    ///
    /// ```
    /// use perso_tower::{Agent, Guard, Policy, StaticAgent};
    /// use rmcp::ServerHandler;
    ///
    /// struct Support;
    /// impl ServerHandler for Support {}
    ///
    /// # fn policy() -> Policy { unreachable!() }
    /// # let _ = || {
    /// // Over HTTP the caller is who the request is from, over stdio always the same.
    /// let service = Support.guarded(policy()).agent_source(StaticAgent(Agent::new("agt-099").roles(["agent"])));
    /// # service
    /// # };
    /// ```
    fn guarded(self, policy: impl Into<PolicyHandle>) -> Guarded<Self> {
        Guarded { handler: self, guard: Guarding::new(policy.into()) }
    }
}

impl<H: ServerHandler> Guard for H {}

/// A guarded server, for every transport: a `ServerHandler` that judges calls, filters lists, and leaves the rest to the
/// handler in it.
#[derive(Debug, Clone)]
pub struct Guarded<H> {
    handler: H,
    guard: Guarding<Request>,
}

impl<H> Guarded<H> {
    settings!(RequestContext<RoleServer>);

    /// The handler inside.
    pub const fn handler(&self) -> &H {
        &self.handler
    }
}

impl<H: ServerHandler> Guarded<H> {
    async fn judge(&self, call: &mut CallToolRequestParams, context: &Request) -> Option<Denied> {
        // Lent to the guard as a value, without a copy, and given back.
        let args = call.arguments.take().map(Value::Object);
        let lent = args.as_ref().map_or(Args::Absent, Args::Value);
        let denied = self.guard.judge(&self.guard.caller(context).await, &call.name, lent).await;
        if let Some(Value::Object(args)) = args {
            call.arguments = Some(args);
        }
        denied
    }

    fn denied(&self, denied: &Denied) -> Result<CallToolResponse, ErrorData> {
        // rmcp knows no calls of the revision 2025-11-25 that ask for a task.
        match self.guard.answer(denied, false) {
            Answer::Result(result) => {
                let result = serde_json::from_value(Value::Object(result));
                let mut result: CallToolResult =
                    result.unwrap_or_else(|_| CallToolResult::error(vec![ContentBlock::text(&denied.reason)]));
                // rmcp takes it away where the caller's revision has no such thing.
                result.result_type = Some(ResultType::COMPLETE);
                Ok(result.into())
            }
            Answer::Error { code, message, data } => Err(ErrorData::new(ErrorCode(code), message, Some(data))),
            // As rmcp's own router answers.
            Answer::Unknown => Err(ErrorData::invalid_params("tool not found", None)),
        }
    }
}

/// Methods that are left to the handler.
macro_rules! forward {
    ($($(#[$attribute:meta])* async fn $name:ident($($arg:ident: $type:ty),*) $(-> $out:ty)?;)*) => {
        $($(#[$attribute])*
        async fn $name(&self, $($arg: $type),*) $(-> $out)? {
            self.handler.$name($($arg),*).await
        })*
    };
    ($(fn $name:ident($($arg:ident: $type:ty),*) -> $out:ty;)*) => {
        $(fn $name(&self, $($arg: $type),*) -> $out {
            self.handler.$name($($arg),*)
        })*
    };
}

type Outcome<T> = Result<T, ErrorData>;
type Page = Option<PaginatedRequestParams>;
type Notification = NotificationContext<RoleServer>;

#[deny(clippy::missing_trait_methods, reason = "what is not forwarded is lost to the handler")]
impl<H: ServerHandler> ServerHandler for Guarded<H> {
    async fn call_tool(&self, mut request: CallToolRequestParams, context: Request) -> Outcome<CallToolResponse> {
        match self.judge(&mut request, &context).await {
            Some(denied) => self.denied(&denied),
            None => self.handler.call_tool(request, context).await,
        }
    }

    async fn list_tools(&self, request: Page, context: Request) -> Outcome<ListToolsResult> {
        let sight = self.guard.sight(self.guard.caller(&context).await);
        let mut list = self.handler.list_tools(request, context).await?;
        if !sight.is_whole() {
            list.tools.retain(|tool| sight.shows(&tool.name));
            // A list that is one caller's is nobody else's. Where there is none, rmcp adds just this if the revision has it.
            list.cache_scope = list.cache_scope.map(|_| CacheScope::Private);
        }
        Ok(list)
    }

    /// A call that rmcp could not read, as one with two names, comes here, and so does what only a later revision knows.
    async fn on_custom_request(&self, request: CustomRequest, context: Request) -> Outcome<CustomResult> {
        if is_about_tools(&request.method) && self.guard.refuse("the call can not be read") {
            return Err(ErrorData::new(ErrorCode::METHOD_NOT_FOUND, request.method, None));
        }
        self.handler.on_custom_request(request, context).await
    }

    forward! {
        async fn ping(context: Request) -> Outcome<()>;
        async fn initialize(request: InitializeRequestParams, context: Request) -> Outcome<InitializeResult>;
        async fn discover(context: Request) -> Outcome<DiscoverResult>;
        async fn complete(request: CompleteRequestParams, context: Request) -> Outcome<CompleteResult>;
        #[expect(deprecated, reason = "older revisions have it")]
        async fn set_level(request: SetLevelRequestParams, context: Request) -> Outcome<()>;
        async fn get_prompt(request: GetPromptRequestParams, context: Request) -> Outcome<GetPromptResponse>;
        async fn list_prompts(request: Page, context: Request) -> Outcome<ListPromptsResult>;
        async fn list_resources(request: Page, context: Request) -> Outcome<ListResourcesResult>;
        async fn list_resource_templates(request: Page, context: Request) -> Outcome<ListResourceTemplatesResult>;
        async fn read_resource(request: ReadResourceRequestParams, context: Request) -> Outcome<ReadResourceResponse>;
        async fn read_resource_directory(request: ReadResourceDirectoryRequestParams, context: Request)
            -> Outcome<ReadResourceDirectoryResult>;
        async fn listen(context: SubscriptionContext) -> Outcome<()>;
        #[expect(deprecated, reason = "older revisions have it")]
        async fn subscribe(request: SubscribeRequestParams, context: Request) -> Outcome<()>;
        #[expect(deprecated, reason = "older revisions have it")]
        async fn unsubscribe(request: UnsubscribeRequestParams, context: Request) -> Outcome<()>;
        async fn get_task(request: GetTaskParams, context: Request) -> Outcome<GetTaskResult>;
        async fn update_task(request: UpdateTaskParams, context: Request) -> Outcome<()>;
        async fn cancel_task(request: CancelTaskParams, context: Request) -> Outcome<()>;
        async fn list_skills(request: Page, context: Request) -> Outcome<ListSkillsResult>;
        async fn get_skill(request: GetSkillRequestParams, context: Request) -> Outcome<GetSkillResult>;
        async fn on_cancelled(notification: CancelledNotificationParam, context: Notification);
        async fn on_progress(notification: ProgressNotificationParam, context: Notification);
        async fn on_initialized(context: Notification);
        async fn on_roots_list_changed(context: Notification);
        async fn on_custom_notification(notification: CustomNotification, context: Notification);
    }

    forward! {
        fn get_info() -> ServerConfig;
        fn get_tool(name: &str) -> Option<Tool>;
        fn supported_protocol_versions() -> Cow<'static, [ProtocolVersion]>;
        fn negotiate_initialize(request: &InitializeRequestParams) -> Outcome<InitializeResult>;
        fn accepted_subscription_filter(requested: &SubscriptionFilter) -> Option<SubscriptionFilter>;
    }
}
