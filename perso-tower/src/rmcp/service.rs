//! The guard around an rmcp service: [`GuardedService`].

use super::{Guarding, Notification, Outcome, Request, judge};
use crate::guard::settings;
use crate::policy::PolicyHandle;
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

impl<S: Service<RoleServer>> Service<RoleServer> for GuardedService<S> {
    async fn handle_request(&self, mut request: ClientRequest, context: Request) -> Outcome<ServerResult> {
        match &mut request {
            ClientRequest::CallToolRequest(call) => {
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
                let visibility = self.guard.visibility(self.guard.caller(&context).await);
                let mut result = self.service.handle_request(request, context).await?;
                if let ServerResult::ListToolsResult(list) = &mut result {
                    judge::filter(&visibility, list);
                }
                Ok(result)
            }
            ClientRequest::CustomRequest(custom) => {
                self.guard.custom(custom)?;
                self.service.handle_request(request, context).await
            }
            ClientRequest::SubscriptionsListenRequest(listen) => {
                self.guard.narrow(&mut listen.params.notifications);
                self.service.handle_request(request, context).await
            }
            other => {
                let reference = match &*other {
                    ClientRequest::CompleteRequest(complete) => Some(complete.params.r#ref.reference_type()),
                    _ => None,
                };
                if self.guard.asks(other.method(), reference)? {
                    return self.service.handle_request(request, context).await;
                }
                let empty = match other {
                    ClientRequest::ListPromptsRequest(_) => ServerResult::ListPromptsResult(Default::default()),
                    ClientRequest::ListResourcesRequest(_) => ServerResult::ListResourcesResult(Default::default()),
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
