//! The guard inside an rmcp server: [`Guarded`] wraps a handler, [`GuardedService`] wraps rmcp's `Router`.
//!
//! Both use `judge`. `headers` replaces a check of rmcp's when tools are hidden.

mod elicit;
mod headers;
mod judge;
mod service;

pub use headers::check as check_headers;
pub use service::{GuardService, GuardedService};

use crate::agent::Carries;
use crate::closed::Kind;
use crate::guard::Guard as Guarding;
use crate::policy::PolicyHandle;
use crate::settings::settings;
use crate::visibility::Entry;
use http::request::Parts;
use judge::List;
use rmcp::model::*;
use rmcp::service::{NotificationContext, RequestContext, SubscriptionContext};
use rmcp::{ErrorData, RoleServer, ServerHandler};
use std::borrow::Cow;

/// The guard's view of a request to an rmcp server.
type Request = RequestContext<RoleServer>;

impl Carries for Request {
    /// Reads the extensions of the MCP request, then those of the HTTP request that carried it.
    fn carried<T: Clone + Send + Sync + 'static>(&self) -> Option<&T> {
        self.extensions.get().or_else(|| self.extensions.get::<Parts>()?.extensions.get())
    }
}

/// Guards the handler of an rmcp server: `server.guarded(policy)`.
///
/// Guard the innermost handler, the one that runs the tools. The guard does not see calls that a handler around it
/// answers, and a handler inside it can change a call after it was judged. rmcp's `Router` runs the tools that you add
/// to it before it asks its handler, so guard it as [a service](GuardService).
pub trait Guard: ServerHandler {
    /// Judges each call before its tool runs, with a policy or with a [`PolicyHandle`], whose policy you can replace
    /// later.
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
    /// // Over stdio, one process serves one caller. Over HTTP, take the caller from each request.
    /// let service = Support.guarded(policy()).agent_source(StaticAgent(Agent::new("agt-099").roles(["agent"])));
    /// # service
    /// # };
    /// ```
    fn guarded(self, policy: impl Into<PolicyHandle>) -> Guarded<Self> {
        Guarded { handler: self, guard: Guarding::new(policy.into()) }
    }
}

impl<H: ServerHandler> Guard for H {}

/// A guarded handler, for every transport. It judges calls, filters lists of tools, and forwards everything else to the
/// handler inside. See [`Guard`].
#[derive(Debug, Clone)]
pub struct Guarded<H> {
    handler: H,
    guard: Guarding<Request>,
}

impl<H> Guarded<H> {
    settings!(RequestContext<RoleServer>);

    /// Returns the handler inside.
    pub const fn handler(&self) -> &H {
        &self.handler
    }

    /// Judges a call that a tool makes for the caller of a request, such as the one in the arguments of a `call_tool`. The
    /// handler does not see it. After `Ok`, run exactly this call.
    ///
    /// # Errors
    ///
    /// A denial: the response for the caller, or the error if denied tools are hidden or your [`Denial`](crate::Denial)
    /// makes one.
    pub async fn judge(
        &self,
        call: &mut CallToolRequestParams,
        context: &RequestContext<RoleServer>,
    ) -> Result<(), Result<CallToolResponse, ErrorData>> {
        self.guard.call(call, context).await.map(drop)
    }

    /// Returns whether the caller of a request could call the tool, with some arguments: whether lists of tools show it.
    pub async fn could_call(&self, tool: &str, context: &RequestContext<RoleServer>) -> bool {
        self.guard.visibility(self.guard.caller(context).await).await.shows(Entry::Tool(tool))
    }
}

/// Methods that are forwarded to the handler.
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

/// Methods that are forwarded to the handler, or answered with an error if the host has turned their feature off or the
/// policy denies the request.
macro_rules! forward_open {
    ($($(#[$attribute:meta])* async fn $name:ident($arg:ident: $type:ty, context: Request) -> $out:ty, as $method:ident;)*) => {
        $($(#[$attribute])*
        async fn $name(&self, $arg: $type, context: Request) -> $out {
            self.guard.asks($method::VALUE, None, &$arg, &context).await?;
            self.handler.$name($arg, context).await
        })*
    };
}

/// Lists that are forwarded to the handler and filtered if the policy covers them, or empty if the host has turned their
/// feature off.
macro_rules! forward_lists {
    ($(async fn $name:ident($arg:ident: $type:ty, context: Request) -> $out:ty, as $method:ident of $kind:ident;)*) => {
        $(async fn $name(&self, $arg: $type, context: Request) -> $out {
            if !self.guard.asks($method::VALUE, None, &(), &context).await? {
                return Ok(Default::default());
            }
            let visibility = self.guard.sees(Kind::$kind, &context).await;
            let mut list = self.handler.$name($arg, context).await?;
            visibility.iter().for_each(|visibility| list.filter(visibility));
            Ok(list)
        })*
    };
}

type Outcome<T> = Result<T, ErrorData>;
type Page = Option<PaginatedRequestParams>;
type Notification = NotificationContext<RoleServer>;

#[deny(clippy::missing_trait_methods, reason = "a method that is not forwarded never reaches the handler")]
impl<H: ServerHandler> ServerHandler for Guarded<H> {
    async fn call_tool(&self, mut request: CallToolRequestParams, mut context: Request) -> Outcome<CallToolResponse> {
        self.guard.open(&mut request, &mut context);
        let call = match self.guard.call(&mut request, &context).await {
            Ok(call) => call,
            Err(denied) => return denied,
        };
        if self.guard.hide
            && let Some(tool) = self.handler.get_tool(&request.name)
        {
            headers::check(&tool.input_schema, &request, &context)?;
        }
        let response = self.handler.call_tool(request, context).await?;
        self.guard.called(&response, call);
        Ok(response)
    }

    async fn update_task(&self, request: UpdateTaskParams, context: Request) -> Outcome<()> {
        self.guard.update(&request, &context).await?;
        self.handler.update_task(request, context).await
    }

    async fn list_tools(&self, request: Page, context: Request) -> Outcome<ListToolsResult> {
        let visibility = self.guard.visibility(self.guard.caller(&context).await).await;
        let mut list = self.handler.list_tools(request, context).await?;
        list.filter(&visibility);
        Ok(list)
    }

    async fn on_custom_request(&self, request: CustomRequest, context: Request) -> Outcome<CustomResult> {
        self.guard.custom(&request)?;
        self.handler.on_custom_request(request, context).await
    }

    async fn on_custom_notification(&self, notification: CustomNotification, context: Notification) {
        if self.guard.hears(&notification) {
            self.handler.on_custom_notification(notification, context).await;
        }
    }

    /// rmcp asks for the tool to compare a call's headers with its schema before the call is judged, and the errors
    /// name parameters. So if tools are hidden, no tool has a schema for rmcp, and `call_tool` checks the headers of
    /// allowed calls.
    fn get_tool(&self, name: &str) -> Option<Tool> {
        self.handler.get_tool(name).filter(|_| !self.guard.hide)
    }

    async fn complete(&self, request: CompleteRequestParams, context: Request) -> Outcome<CompleteResult> {
        self.guard.asks(CompleteRequestMethod::VALUE, judge::completed(&request.r#ref), &request, &context).await?;
        self.handler.complete(request, context).await
    }

    fn accepted_subscription_filter(&self, requested: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        let mut accepted = self.handler.accepted_subscription_filter(requested)?;
        self.guard.narrow(&mut accepted);
        Some(accepted)
    }

    /// Here the caller is known, which `accepted_subscription_filter` does not get. So a denied caller gets an
    /// acknowledgment before the error, but no notification.
    async fn listen(&self, context: SubscriptionContext) -> Outcome<()> {
        self.guard.subscribes(context.accepted(), context.request_context()).await?;
        self.handler.listen(context).await
    }

    forward_lists! {
        async fn list_prompts(request: Page, context: Request) -> Outcome<ListPromptsResult>,
            as ListPromptsRequestMethod of Prompts;
        async fn list_resources(request: Page, context: Request) -> Outcome<ListResourcesResult>,
            as ListResourcesRequestMethod of Resources;
        async fn list_resource_templates(request: Page, context: Request) -> Outcome<ListResourceTemplatesResult>,
            as ListResourceTemplatesRequestMethod of Resources;
        async fn list_skills(request: Page, context: Request) -> Outcome<ListSkillsResult>,
            as ListSkillsRequestMethod of Resources;
    }

    forward_open! {
        async fn get_prompt(request: GetPromptRequestParams, context: Request) -> Outcome<GetPromptResponse>,
            as GetPromptRequestMethod;
        async fn read_resource(request: ReadResourceRequestParams, context: Request) -> Outcome<ReadResourceResponse>,
            as ReadResourceRequestMethod;
        async fn get_skill(request: GetSkillRequestParams, context: Request) -> Outcome<GetSkillResult>,
            as GetSkillRequestMethod;
        async fn read_resource_directory(request: ReadResourceDirectoryRequestParams, context: Request)
            -> Outcome<ReadResourceDirectoryResult>, as ReadResourceDirectoryRequestMethod;
        #[expect(deprecated, reason = "older revisions have it")]
        async fn subscribe(request: SubscribeRequestParams, context: Request) -> Outcome<()>, as SubscribeRequestMethod;
        #[expect(deprecated, reason = "older revisions have it")]
        async fn unsubscribe(request: UnsubscribeRequestParams, context: Request) -> Outcome<()>,
            as UnsubscribeRequestMethod;
    }

    forward! {
        async fn ping(context: Request) -> Outcome<()>;
        async fn initialize(request: InitializeRequestParams, context: Request) -> Outcome<InitializeResult>;
        async fn discover(context: Request) -> Outcome<DiscoverResult>;
        #[expect(deprecated, reason = "older revisions have it")]
        async fn set_level(request: SetLevelRequestParams, context: Request) -> Outcome<()>;
        async fn get_task(request: GetTaskParams, context: Request) -> Outcome<GetTaskResult>;
        async fn cancel_task(request: CancelTaskParams, context: Request) -> Outcome<()>;
        async fn on_cancelled(notification: CancelledNotificationParam, context: Notification);
        async fn on_progress(notification: ProgressNotificationParam, context: Notification);
        async fn on_initialized(context: Notification);
        async fn on_roots_list_changed(context: Notification);
    }

    forward! {
        fn get_info() -> ServerConfig;
        fn supported_protocol_versions() -> Cow<'static, [ProtocolVersion]>;
        fn negotiate_initialize(request: &InitializeRequestParams) -> Outcome<InitializeResult>;
    }
}
