//! Asks the person at the client of a tower-mcp server.

use super::is_stateless;
use crate::agent::BoxError;
use crate::elicit::{Elicit, Inputs, Round, shows_forms};
use crate::guard::Guard;
use async_trait::async_trait;
use perso_core::enforce::{Answer, Approver, Question};
use serde_json::Value;
use std::sync::Arc;
use tower_mcp::RouterRequest;
use tower_mcp::protocol::{CallToolParams, McpRequest, McpResponse};

#[async_trait]
impl Approver<RouterRequest> for Elicit {
    async fn ask(&self, question: &Question, request: &RouterRequest) -> Result<Answer, BoxError> {
        // A layer does not know what clients of older revisions can do, so that it must not ask them.
        self.in_round(request.extensions.get(), question).await
    }
}

impl Guard<RouterRequest> {
    /// Opens a round of a call, if it is of revision 2026-07-28 or later. If the client has answered the guard, the router does not
    /// get that.
    pub(super) fn open(&self, request: &mut RouterRequest) {
        let McpRequest::CallTool(call) = &mut request.inner else { return };
        if !self.can_ask() || !is_stateless(call.meta.as_ref()) {
            return;
        }
        let responses = call.input_responses.as_ref().and_then(|responses| serde_json::to_string(responses).ok());
        let inputs = Inputs { responses, state: call.request_state.clone() };
        let round = Round::open(inputs, has_forms(call), self.approval_time);
        if round.is_answer() {
            let Inputs { responses, state } = round.inputs();
            call.input_responses = responses.as_deref().and_then(|text| serde_json::from_str(text).ok());
            call.request_state.clone_from(state);
        }
        request.extensions.insert(round);
    }
}

fn has_forms(call: &CallToolParams) -> bool {
    let capabilities = call.meta.as_ref().and_then(|meta| meta.client_capabilities.as_ref());
    let elicitation = capabilities.and_then(|capabilities| capabilities.elicitation.as_ref());
    shows_forms(elicitation.and_then(|it| serde_json::to_value(it).ok()).as_ref())
}

/// Returns the result that asks the person, in place of a denial.
pub(super) fn required(request: &RouterRequest) -> Option<McpResponse> {
    let required: Value = request.extensions.get::<Arc<Round>>()?.required()?;
    Some(McpResponse::InputRequired(serde_json::from_value(required).ok()?))
}
