//! Judges requests that rmcp has parsed.

use super::{Guarding, Request};
use crate::args::Args;
use crate::closed::Instead;
use crate::denial::{Answer, Denied};
use crate::guard::may_run_tools;
use crate::tasks::TaskCall;
use crate::visibility::Visibility;
use rmcp::ErrorData;
use rmcp::model::*;
use serde_json::Value;

impl Guarding<Request> {
    /// Judges a call. Returns a copy of the call if it may become a task. The error is the answer to a denied call.
    pub(super) async fn call(
        &self,
        call: &mut CallToolRequestParams,
        context: &Request,
    ) -> Result<Option<TaskCall>, Result<CallToolResponse, ErrorData>> {
        // Move the arguments into a value for the guard and back, without copying them.
        let args = call.arguments.take().map(Value::Object);
        let lent = args.as_ref().map_or(Args::Absent, Args::Value);
        let denied = self.judge(&self.caller(context).await, &call.name, lent).await;
        let may_be_task = context.client_capabilities().is_some_and(|capabilities| capabilities.supports_tasks());
        let copy =
            may_be_task.then(|| TaskCall { tool: call.name.to_string(), args: args.as_ref().map(ToString::to_string) });
        if let Some(Value::Object(args)) = args {
            call.arguments = Some(args);
        }
        match denied {
            Some(denied) => Err(self.denied(&denied)),
            None => Ok(copy),
        }
    }

    fn denied(&self, denied: &Denied) -> Result<CallToolResponse, ErrorData> {
        // rmcp does not support calls of revision 2025-11-25 that ask for a task.
        match self.answer(denied, false) {
            Answer::Result(result) => {
                let result = serde_json::from_value(Value::Object(result));
                let mut result: CallToolResult =
                    result.unwrap_or_else(|_| CallToolResult::error(vec![ContentBlock::text(&denied.message)]));
                // rmcp removes it if the caller's revision does not have it.
                result.result_type = Some(ResultType::COMPLETE);
                Ok(result.into())
            }
            Answer::Error { code, message, data } => Err(ErrorData::new(ErrorCode(code), message, Some(data))),
            // The wording of rmcp's own router.
            Answer::Unknown => Err(ErrorData::invalid_params("tool not found", None)),
        }
    }

    /// Stores a call that has become a task.
    pub(super) fn called(&self, response: &CallToolResponse, call: Option<TaskCall>) {
        if let CallToolResponse::Task(created) = response
            && let Some(call) = call
        {
            self.tasks.insert(&created.task.task_id, call);
        }
    }

    /// Judges an update of a task.
    pub(super) async fn update(&self, update: &UpdateTaskParams, context: &Request) -> Result<(), ErrorData> {
        let Some(denied) = self.judge_update(&self.caller(context).await, &update.task_id).await else {
            return Ok(());
        };
        Err(match self.answer(&denied, true) {
            Answer::Error { code, message, data } => ErrorData::new(ErrorCode(code), message, Some(data)),
            // The wording of rmcp's own task manager.
            Answer::Unknown | Answer::Result(_) => {
                ErrorData::invalid_params(format!("unknown task: {}", update.task_id), None)
            }
        })
    }

    /// Returns true if the handler may answer, and false if the answer is an empty list. The error is the answer to a
    /// request for something that the host has turned off. `reference` is the type of a completion's reference.
    pub(super) fn asks(&self, method: &str, reference: Option<&str>) -> Result<bool, ErrorData> {
        match self.instead(method, reference) {
            None => Ok(true),
            Some(Instead::Empty(_)) => Ok(false),
            Some(Instead::Error(kind)) => Err(ErrorData::new(ErrorCode::METHOD_NOT_FOUND, kind.message(method), None)),
        }
    }

    /// Removes from a subscription what the host has turned off.
    pub(super) fn narrow(&self, asked: &mut SubscriptionFilter) {
        let resources = (&mut asked.resources_list_changed, &mut asked.resource_subscriptions);
        self.narrows().narrow(&mut asked.prompts_list_changed, resources);
    }

    /// Refuses a custom request that may be a call. rmcp turns a call that it cannot parse, such as one with two names,
    /// into a custom request, and so it does with methods of later revisions.
    pub(super) fn custom(&self, request: &CustomRequest) -> Result<(), ErrorData> {
        let is_open = self.asks(&request.method, None)?;
        if !is_open || may_run_tools(&request.method) && self.refuse("the call cannot be read") {
            return Err(ErrorData::new(ErrorCode::METHOD_NOT_FOUND, request.method.clone(), None));
        }
        Ok(())
    }

    /// Returns whether the handler gets a notification that rmcp does not know: not if its method could run a tool.
    pub(super) fn hears(&self, notification: &CustomNotification) -> bool {
        let method = &notification.method;
        self.instead(method, None).is_none() && !(may_run_tools(method) && self.refuse("a request needs an id"))
    }
}

/// Removes tools that the caller could never call from a list.
pub(super) fn filter(visibility: &Visibility, list: &mut ListToolsResult) {
    if !visibility.is_whole() {
        list.tools.retain(|tool| visibility.shows(&tool.name));
        // The list depends on the caller, so shared caches must not store it. If the list has no scope, rmcp adds
        // `private` in revisions that have one.
        list.cache_scope = list.cache_scope.take().map(|_| CacheScope::Private);
    }
}
