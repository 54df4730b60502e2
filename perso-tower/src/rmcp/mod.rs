//! Inside an rmcp server: [`Guarded`] around a handler, [`GuardedService`] around rmcp's `Router`.
//!
//! `judge` is what both do, `headers` is done in rmcp's place when tools are hidden.

mod headers;
mod judge;
mod service;

pub use service::{GuardService, GuardedService};

use crate::agent::Carries;
use crate::guard::{Guard as Guarding, settings};
use crate::policy::PolicyHandle;
use http::request::Parts;
use rmcp::model::*;
use rmcp::service::{NotificationContext, RequestContext, SubscriptionContext};
use rmcp::{ErrorData, RoleServer, ServerHandler};
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
///
/// Guard the handler itself: a handler around the guard is not judged, and what a handler inside of it changes in a call runs
/// unjudged. rmcp's `Router` runs the tools that are added to it before it asks its handler: guard it as
/// [a service](GuardService).
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

/// Methods that are left to the handler, unless the host has turned off what they are about.
macro_rules! forward_open {
    ($($(#[$attribute:meta])* async fn $name:ident($arg:ident: $type:ty, context: Request) -> $out:ty, as $method:ident;)*) => {
        $($(#[$attribute])*
        async fn $name(&self, $arg: $type, context: Request) -> $out {
            self.guard.asks($method::VALUE, None)?;
            self.handler.$name($arg, context).await
        })*
    };
}

/// The same for lists, which are empty then.
macro_rules! forward_lists {
    ($(async fn $name:ident($arg:ident: $type:ty, context: Request) -> $out:ty, as $method:ident;)*) => {
        $(async fn $name(&self, $arg: $type, context: Request) -> $out {
            if !self.guard.asks($method::VALUE, None)? {
                return Ok(Default::default());
            }
            self.handler.$name($arg, context).await
        })*
    };
}

type Outcome<T> = Result<T, ErrorData>;
type Page = Option<PaginatedRequestParams>;
type Notification = NotificationContext<RoleServer>;

#[deny(clippy::missing_trait_methods, reason = "what is not forwarded is lost to the handler")]
impl<H: ServerHandler> ServerHandler for Guarded<H> {
    async fn call_tool(&self, mut request: CallToolRequestParams, context: Request) -> Outcome<CallToolResponse> {
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
        let visibility = self.guard.visibility(self.guard.caller(&context).await);
        let mut list = self.handler.list_tools(request, context).await?;
        judge::filter(&visibility, &mut list);
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

    /// rmcp compares the headers of a call with the tool's schema before it is judged, and its errors name parameters. Tools
    /// that are hidden have no schema then, and the headers of a call that is allowed are compared here.
    fn get_tool(&self, name: &str) -> Option<Tool> {
        self.handler.get_tool(name).filter(|_| !self.guard.hide)
    }

    async fn complete(&self, request: CompleteRequestParams, context: Request) -> Outcome<CompleteResult> {
        self.guard.asks(CompleteRequestMethod::VALUE, Some(request.r#ref.reference_type()))?;
        self.handler.complete(request, context).await
    }

    fn accepted_subscription_filter(&self, requested: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        let mut accepted = self.handler.accepted_subscription_filter(requested)?;
        self.guard.narrow(&mut accepted);
        Some(accepted)
    }

    forward_lists! {
        async fn list_prompts(request: Page, context: Request) -> Outcome<ListPromptsResult>, as ListPromptsRequestMethod;
        async fn list_resources(request: Page, context: Request) -> Outcome<ListResourcesResult>, as ListResourcesRequestMethod;
        async fn list_resource_templates(request: Page, context: Request) -> Outcome<ListResourceTemplatesResult>,
            as ListResourceTemplatesRequestMethod;
    }

    forward_open! {
        async fn get_prompt(request: GetPromptRequestParams, context: Request) -> Outcome<GetPromptResponse>,
            as GetPromptRequestMethod;
        async fn read_resource(request: ReadResourceRequestParams, context: Request) -> Outcome<ReadResourceResponse>,
            as ReadResourceRequestMethod;
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
        async fn listen(context: SubscriptionContext) -> Outcome<()>;
        async fn get_task(request: GetTaskParams, context: Request) -> Outcome<GetTaskResult>;
        async fn cancel_task(request: CancelTaskParams, context: Request) -> Outcome<()>;
        async fn list_skills(request: Page, context: Request) -> Outcome<ListSkillsResult>;
        async fn get_skill(request: GetSkillRequestParams, context: Request) -> Outcome<GetSkillResult>;
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
