//! Judges requests that rmcp has parsed.

use super::{Guarding, Request};
use crate::args::Args;
use crate::closed::{Instead, Kind};
use crate::covered::{self, MOST_RESOURCES, TOO_MANY};
use crate::denial::{Answer, Denied, unknown};
use crate::elicit::{Inputs, Round};
use crate::guard::{STATELESS, may_run_tools};
use crate::tasks::TaskCall;
use crate::visibility::{Entry, Visibility};
use perso_core::request;
use rmcp::ErrorData;
use rmcp::model::*;
use serde::Serialize;
use serde_json::{Value, json};
use std::sync::Arc;

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
        let denied = self.judge(context, &self.caller(context).await, &call.name, lent).await;
        let may_be_task = context.client_capabilities().is_some_and(|capabilities| capabilities.supports_tasks());
        let copy =
            may_be_task.then(|| TaskCall { tool: call.name.to_string(), args: args.as_ref().map(ToString::to_string) });
        if let Some(Value::Object(args)) = args {
            call.arguments = Some(args);
        }
        let round = context.extensions.get::<Arc<Round>>();
        let Some(denied) = denied else {
            round.inspect(|round| round.ran());
            return Ok(copy);
        };
        let required = round.and_then(|round| serde_json::from_value::<InputRequiredResult>(round.required()?).ok());
        Err(required.map_or_else(|| self.denied(&denied), |required| Ok(required.into())))
    }

    /// Opens a round of a call, if it is of revision 2026-07-28 or later. If the client has answered the guard, the handler does not
    /// get that.
    pub(super) fn open(&self, call: &mut CallToolRequestParams, context: &mut Request) {
        if !self.can_ask() || !is_typed(context) {
            return;
        }
        let responses = call.input_responses.as_ref().and_then(|responses| serde_json::to_string(responses).ok());
        let inputs = Inputs { responses, state: call.request_state.clone() };
        let round = Round::open(inputs, has_forms(context), self.approval_time);
        if round.is_answer() {
            let Inputs { responses, state } = round.inputs();
            call.input_responses = responses.as_deref().and_then(|text| serde_json::from_str(text).ok());
            call.request_state.clone_from(state);
        }
        context.extensions.insert(round);
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
        let Some(denied) = self.judge_update(context, &self.caller(context).await, &update.task_id).await else {
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
    /// request for something that the host has turned off, or that the policy denies. `completed` is what a completion is
    /// for, and `params` the request's params.
    pub(super) async fn asks<P: Serialize>(
        &self,
        method: &str,
        completed: Option<Entry<'_>>,
        params: &P,
        context: &Request,
    ) -> Result<bool, ErrorData> {
        if let Some(instead) = self.instead(method, completed.map(Entry::reference_type)) {
            return answered(instead, method);
        }
        match self.judge_params(context, (method, completed), || covered::arguments(params)).await {
            Some(denied) => Err(self.not_answered(&denied, context)),
            None => Ok(true),
        }
    }

    /// Judges the resources that a subscription is for.
    pub(super) async fn subscribes(&self, asked: &SubscriptionFilter, context: &Request) -> Result<(), ErrorData> {
        let uris = asked.resource_subscriptions.as_deref().unwrap_or_default();
        if !self.covers().resources || uris.is_empty() {
            return Ok(());
        }
        if uris.len() > MOST_RESOURCES && self.refuse(TOO_MANY) {
            return Err(ErrorData::invalid_params(TOO_MANY, None));
        }
        let caller = self.caller(context).await;
        for uri in uris {
            let args = json!({ "uri": uri });
            if let Some(denied) =
                self.judge_request((context, &caller), request::SUBSCRIBE, Args::Value(&args), None).await
            {
                return Err(self.not_answered(&denied, context));
            }
        }
        Ok(())
    }

    fn not_answered(&self, denied: &Denied, context: &Request) -> ErrorData {
        match self.answer(denied, true) {
            Answer::Error { code, message, data } => ErrorData::new(ErrorCode(code), message, Some(data)),
            Answer::Unknown | Answer::Result(_) => {
                let (code, message) = unknown(&denied.tool, is_typed(context));
                ErrorData::new(ErrorCode(code), message, None)
            }
        }
    }

    /// Returns what the caller sees of a list, if the policy covers what is in it.
    pub(super) async fn sees(&self, kind: Kind, context: &Request) -> Option<Visibility> {
        let is_covered = match kind {
            Kind::Prompts => self.covers().prompts,
            Kind::Resources => self.covers().resources,
        };
        if is_covered { Some(self.visibility(self.caller(context).await).await) } else { None }
    }

    /// Removes from a subscription what the host has turned off.
    pub(super) fn narrow(&self, asked: &mut SubscriptionFilter) {
        let resources = (&mut asked.resources_list_changed, &mut asked.resource_subscriptions);
        self.narrows().narrow(&mut asked.prompts_list_changed, resources);
    }

    /// Refuses a custom request that may be a call. rmcp turns a call that it cannot parse, such as one with two names,
    /// into a custom request, and so it does with methods of later revisions.
    pub(super) fn custom(&self, request: &CustomRequest) -> Result<(), ErrorData> {
        if let Some(instead) = self.instead_of_unread(&request.method) {
            return answered(instead, &request.method).map(drop);
        }
        if may_run_tools(&request.method) && self.refuse("the call cannot be read") {
            return Err(ErrorData::new(ErrorCode::METHOD_NOT_FOUND, request.method.clone(), None));
        }
        Ok(())
    }

    /// Returns whether the handler gets a notification that rmcp does not know: not if its method could run a tool.
    pub(super) fn hears(&self, notification: &CustomNotification) -> bool {
        let method = &notification.method;
        self.instead_of_unread(method).is_none() && !(may_run_tools(method) && self.refuse("a request needs an id"))
    }
}

/// Returns whether a request is of revision 2026-07-28 or later.
pub(super) fn is_typed(context: &Request) -> bool {
    context.protocol_version().is_some_and(|revision| revision.as_str() >= STATELESS)
}

/// Returns whether the client of a request can ask its user.
pub(super) fn has_forms(context: &Request) -> bool {
    let elicitation = context.client_capabilities().and_then(|capabilities| capabilities.elicitation);
    elicitation.is_some_and(|modes| modes.form.is_some() || modes.url.is_none())
}

/// Returns false for a list that is empty, and the error for anything else that the guard answers.
fn answered(instead: Instead, method: &str) -> Result<bool, ErrorData> {
    match instead {
        Instead::Empty(_) => Ok(false),
        Instead::Error(_) | Instead::Unknown(_) => {
            Err(ErrorData::new(ErrorCode::METHOD_NOT_FOUND, instead.message(method), None))
        }
    }
}

/// Returns what a completion is for.
pub(super) fn completed(reference: &Reference) -> Option<Entry<'_>> {
    match reference {
        Reference::Prompt(prompt) => Some(Entry::Prompt(&prompt.name)),
        Reference::Resource(resource) => Some(Entry::Resource(&resource.uri)),
        _ => None,
    }
}

/// A list that the guard filters.
pub(super) trait List {
    /// Removes what the caller could never call, read or get.
    fn filter(&mut self, visibility: &Visibility);
}

macro_rules! lists {
    ($($list:ident: $entries:ident by $entry:ident $name:ident;)*) => {
        $(impl List for $list {
            fn filter(&mut self, visibility: &Visibility) {
                if !visibility.is_whole() {
                    self.$entries.retain(|entry| visibility.shows(Entry::$entry(&entry.$name)));
                    // The list depends on the caller, so shared caches must not store it. If the list has no scope, rmcp
                    // adds `private` in revisions that have one.
                    self.cache_scope = self.cache_scope.take().map(|_| CacheScope::Private);
                }
            }
        })*
    };
}
lists! {
    ListToolsResult: tools by Tool name;
    ListPromptsResult: prompts by Prompt name;
    ListResourcesResult: resources by Resource uri;
    ListResourceTemplatesResult: resource_templates by Resource uri_template;
    ListSkillsResult: skills by Resource uri;
}
