//! The guard around an rmcp service: [`GuardedService`].

use super::judge::{self, List};
use super::{Guarding, Notification, Outcome, Request};
use crate::closed::Kind;
use crate::policy::PolicyHandle;
use crate::settings::settings;
use rmcp::model::*;
use rmcp::service::{RequestContext, Service};
use rmcp::{ErrorData, RoleServer};
use std::borrow::Cow;

/// Guards an rmcp service that is not a handler, such as rmcp's `Router`: `router.guarded_service(policy)`.
pub trait GuardService: Service<RoleServer> + Sized {
    /// Judges each call before its tool runs, with a policy or with a [`PolicyHandle`], whose policy you can replace
    /// later.
    ///
    /// ```
    /// use perso_tower::{GuardService, Policy};
    /// use rmcp::{ServerHandler, handler::server::router::Router};
    ///
    /// struct Support;
    /// impl ServerHandler for Support {}
    ///
    /// # fn policy() -> Policy { unreachable!() }
    /// # let _ = || {
    /// let service = Router::new(Support).guarded_service(policy());
    /// # service
    /// # };
    /// ```
    fn guarded_service(self, policy: impl Into<PolicyHandle>) -> GuardedService<Self> {
        GuardedService { service: self, guard: Guarding::new(policy.into()) }
    }
}

impl<S: Service<RoleServer>> GuardService for S {}

/// A guarded service, for every transport that takes a service. See [`GuardService`].
#[derive(Debug, Clone)]
pub struct GuardedService<S> {
    service: S,
    guard: Guarding<Request>,
}

impl<S> GuardedService<S> {
    settings!(RequestContext<RoleServer>);
}

impl<S: Service<RoleServer>> GuardedService<S> {
    /// Returns true if the service may answer a request that calls no tool, and false if the answer is an empty list.
    async fn asks(&self, request: &ClientRequest, context: &Request) -> Outcome<bool> {
        let (guard, method) = (&self.guard, request.method());
        match request {
            ClientRequest::CompleteRequest(complete) => {
                let params = &complete.params;
                guard.asks(method, judge::completed(&params.r#ref), params, context).await
            }
            ClientRequest::ReadResourceRequest(read) => guard.asks(method, None, &read.params, context).await,
            ClientRequest::GetSkillRequest(get) => guard.asks(method, None, &get.params, context).await,
            ClientRequest::SubscribeRequest(it) => guard.asks(method, None, &it.params, context).await,
            ClientRequest::UnsubscribeRequest(it) => guard.asks(method, None, &it.params, context).await,
            ClientRequest::GetPromptRequest(get) => guard.asks(method, None, &get.params, context).await,
            _ => guard.asks(method, None, &(), context).await,
        }
    }

    /// Lets the service answer, and filters a list of what the policy covers.
    async fn listed(&self, request: ClientRequest, context: Request) -> Outcome<ServerResult> {
        let visibility = match &request {
            ClientRequest::ListPromptsRequest(_) => self.guard.sees(Kind::Prompts, &context).await,
            ClientRequest::ListResourcesRequest(_)
            | ClientRequest::ListResourceTemplatesRequest(_)
            | ClientRequest::ListSkillsRequest(_) => self.guard.sees(Kind::Resources, &context).await,
            _ => None,
        };
        let mut result = self.service.handle_request(request, context).await?;
        match (&mut result, visibility) {
            (ServerResult::ListPromptsResult(list), Some(visibility)) => list.filter(&visibility),
            (ServerResult::ListResourcesResult(list), Some(visibility)) => list.filter(&visibility),
            (ServerResult::ListResourceTemplatesResult(list), Some(visibility)) => list.filter(&visibility),
            (ServerResult::ListSkillsResult(list), Some(visibility)) => list.filter(&visibility),
            _ => {}
        }
        Ok(result)
    }
}

impl<S: Service<RoleServer>> Service<RoleServer> for GuardedService<S> {
    async fn handle_request(&self, mut request: ClientRequest, mut context: Request) -> Outcome<ServerResult> {
        match &mut request {
            ClientRequest::CallToolRequest(call) => {
                self.guard.open(&mut call.params, &mut context);
                let copy = match self.guard.call(&mut call.params, &context).await {
                    Ok(copy) => copy,
                    Err(denied) => return answered(denied?.into(), &context),
                };
                let result = self.service.handle_request(request, context).await?;
                if let ServerResult::CreateTaskResult(created) = &result {
                    self.guard.called(&CallToolResponse::Task(created.clone()), copy);
                }
                Ok(result)
            }
            ClientRequest::UpdateTaskRequest(update) => {
                self.guard.update(&update.params, &context).await?;
                self.service.handle_request(request, context).await
            }
            ClientRequest::ListToolsRequest(_) => {
                let visibility = self.guard.visibility(self.guard.caller(&context).await).await;
                let mut result = self.service.handle_request(request, context).await?;
                if let ServerResult::ListToolsResult(list) = &mut result {
                    list.filter(&visibility);
                }
                Ok(result)
            }
            ClientRequest::CustomRequest(custom) => {
                self.guard.custom(custom)?;
                self.service.handle_request(request, context).await
            }
            ClientRequest::SubscriptionsListenRequest(listen) => {
                self.guard.narrow(&mut listen.params.notifications);
                self.guard.subscribes(&listen.params.notifications, &context).await?;
                self.service.handle_request(request, context).await
            }
            other => {
                if self.asks(other, &context).await? {
                    return self.listed(request, context).await;
                }
                let empty = match other {
                    ClientRequest::ListPromptsRequest(_) => ServerResult::ListPromptsResult(Default::default()),
                    ClientRequest::ListResourcesRequest(_) => ServerResult::ListResourcesResult(Default::default()),
                    ClientRequest::ListSkillsRequest(_) => ServerResult::ListSkillsResult(Default::default()),
                    _ => ServerResult::ListResourceTemplatesResult(Default::default()),
                };
                answered(empty, &context)
            }
        }
    }

    async fn handle_notification(
        &self,
        notification: ClientNotification,
        context: Notification,
    ) -> Result<(), ErrorData> {
        match &notification {
            ClientNotification::CustomNotification(custom) if !self.guard.hears(custom) => Ok(()),
            _ => self.service.handle_notification(notification, context).await,
        }
    }

    fn get_info(&self) -> ServerConfig {
        self.service.get_info()
    }

    fn supported_protocol_versions(&self) -> Cow<'static, [ProtocolVersion]> {
        self.service.supported_protocol_versions()
    }
}

/// Completes a result like rmcp's own request handler: from 2026-07-28 on with a result type and cache hints, before
/// that without.
fn answered(mut result: ServerResult, context: &Request) -> Outcome<ServerResult> {
    if context.protocol_version().is_some_and(|version| version >= ProtocolVersion::V_2026_07_28) {
        result.fill_missing_cache_hints();
    } else {
        result.strip_result_type_for_legacy_peer();
    }
    Ok(result)
}
