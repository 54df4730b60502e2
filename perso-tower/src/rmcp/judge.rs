//! Judges what rmcp has read.

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
    /// Judges a call: the error is what a denied caller gets. Of a call that may become a task it keeps a copy.
    pub(super) async fn call(
        &self,
        call: &mut CallToolRequestParams,
        context: &Request,
    ) -> Result<Option<TaskCall>, Result<CallToolResponse, ErrorData>> {
        // Lent to the guard as a value, without a copy, and given back.
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
        // rmcp knows no calls of the revision 2025-11-25 that ask for a task.
        match self.answer(denied, false) {
            Answer::Result(result) => {
                let result = serde_json::from_value(Value::Object(result));
                let mut result: CallToolResult =
                    result.unwrap_or_else(|_| CallToolResult::error(vec![ContentBlock::text(&denied.reason)]));
                // rmcp takes it away if the caller's revision has no such thing.
                result.result_type = Some(ResultType::COMPLETE);
                Ok(result.into())
            }
            Answer::Error { code, message, data } => Err(ErrorData::new(ErrorCode(code), message, Some(data))),
            // As rmcp's own router answers.
            Answer::Unknown => Err(ErrorData::invalid_params("tool not found", None)),
        }
    }

    /// Remembers a call that has become a task.
    pub(super) fn called(&self, response: &CallToolResponse, call: Option<TaskCall>) {
        if let CallToolResponse::Task(created) = response
            && let Some(call) = call
        {
            self.tasks.insert(&created.task.task_id, call);
        }
    }

    /// Judges what goes on with a task.
    pub(super) async fn update(&self, update: &UpdateTaskParams, context: &Request) -> Result<(), ErrorData> {
        let Some(denied) = self.judge_update(&self.caller(context).await, &update.task_id).await else {
            return Ok(());
        };
        Err(match self.answer(&denied, true) {
            Answer::Error { code, message, data } => ErrorData::new(ErrorCode(code), message, Some(data)),
            // As rmcp's own task manager answers.
            Answer::Unknown | Answer::Result(_) => {
                ErrorData::invalid_params(format!("unknown task: {}", update.task_id), None)
            }
        })
    }

    /// Whether the handler is asked, or else the answer is an empty list. The error is the answer to a request for what the host
    /// has turned off; `reference` is the type of what a completion is about.
    pub(super) fn asks(&self, method: &str, reference: Option<&str>) -> Result<bool, ErrorData> {
        match self.instead(method, reference) {
            None => Ok(true),
            Some(Instead::Empty(_)) => Ok(false),
            Some(Instead::Error(kind)) => Err(ErrorData::new(ErrorCode::METHOD_NOT_FOUND, kind.message(method), None)),
        }
    }

    /// Leaves out of a subscription what the host has turned off.
    pub(super) fn narrow(&self, asked: &mut SubscriptionFilter) {
        let resources = (&mut asked.resources_list_changed, &mut asked.resource_subscriptions);
        self.narrows().narrow(&mut asked.prompts_list_changed, resources);
    }

    /// Refuses what may be a call. One that rmcp could not read, as one with two names, is a custom request, and so is what
    /// only a later revision knows.
    pub(super) fn custom(&self, request: &CustomRequest) -> Result<(), ErrorData> {
        let is_open = self.asks(&request.method, None)?;
        if !is_open || may_run_tools(&request.method) && self.refuse("the call cannot be read") {
            return Err(ErrorData::new(ErrorCode::METHOD_NOT_FOUND, request.method.clone(), None));
        }
        Ok(())
    }

    /// Whether the handler gets a notification that rmcp does not know: it could run what it is named after.
    pub(super) fn hears(&self, notification: &CustomNotification) -> bool {
        let method = &notification.method;
        self.instead(method, None).is_none() && !(may_run_tools(method) && self.refuse("a request needs an id"))
    }
}

/// Leaves out of a list what the caller could never call.
pub(super) fn filter(visibility: &Visibility, list: &mut ListToolsResult) {
    if !visibility.is_whole() {
        list.tools.retain(|tool| visibility.shows(&tool.name));
        // A list that is one caller's is nobody else's. If there is none, rmcp adds just this if the revision has it.
        list.cache_scope = list.cache_scope.take().map(|_| CacheScope::Private);
    }
}
