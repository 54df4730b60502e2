//! Asks the person at the client by elicitation (MCP, "Elicitation"): with a request to the client or, from revision 2026-07-28
//! on, in the answer to the call, which the client then makes again with what the person has said.

mod round;

pub(crate) use round::{Inputs, Round};

use crate::agent::BoxError;
use async_trait::async_trait;
use http::request::Parts;
use perso_core::enforce::ledger::limits::SHOWN_BYTES;
use perso_core::enforce::{Answer, Approval, Approver, Question};
use perso_core::visible;
use serde_json::{Value, json};
use std::fmt;
use std::sync::Arc;

/// The method of an elicitation.
const METHOD: &str = "elicitation/create";

/// The error if the client cannot ask its user, for the operator.
pub(crate) const NO_FORMS: &str = "the client cannot ask its user: it has no elicitation with forms";

/// Asks the person at the client. [`elicit`] makes one.
#[derive(Clone, Default)]
pub struct Elicit {
    otherwise: Option<Arc<dyn Approver>>,
}

/// Asks the person at the client about calls that need an approval, if the client has elicitation: they see the tool, the
/// arguments and the reason, and answer yes or no. A call is not approved if they decline or cancel, or if the client has no
/// elicitation.
///
/// **The answer comes from the client**: use it where you trust the client to ask its user.
///
/// ```
/// use perso_tower::{Guard, Policy, elicit};
/// use rmcp::ServerHandler;
///
/// struct Support;
/// impl ServerHandler for Support {}
///
/// # fn policy() -> Policy { unreachable!() }
/// # let _ = || {
/// let service = Support.guarded(policy()).approver(elicit());
/// # service
/// # };
/// ```
///
/// In an rmcp server, clients of every revision with elicitation are asked. [`PersoLayer`](crate::PersoLayer) and `RouterLayer` ask
/// those of revision 2026-07-28. These make the call again with the person's answer: the same process has to get both calls.
#[must_use]
pub fn elicit() -> Elicit {
    Elicit::default()
}

impl fmt::Debug for Elicit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Elicit").field("has_otherwise", &self.otherwise.is_some()).finish()
    }
}

impl Elicit {
    /// Sets who is asked if the client cannot ask its user, such as a [`Queue`](crate::Queue). Without it, the call is denied.
    #[must_use]
    pub fn otherwise(mut self, approver: impl Approver) -> Self {
        self.otherwise = Some(Arc::new(approver));
        self
    }

    /// Asks about a call in the answer to it, if it is one that can have such an answer.
    pub(crate) async fn in_round(&self, round: Option<&Arc<Round>>, question: &Question) -> Result<Answer, BoxError> {
        match round.and_then(|round| round.ask(question)) {
            Some(answer) => Ok(answer),
            None => self.elsewhere(question).await,
        }
    }

    /// Asks somebody else.
    pub(crate) async fn elsewhere(&self, question: &Question) -> Result<Answer, BoxError> {
        match &self.otherwise {
            Some(approver) => approver.ask(question, &()).await,
            None => Err(NO_FORMS.into()),
        }
    }
}

#[async_trait]
impl Approver<Parts> for Elicit {
    async fn ask(&self, question: &Question, request: &Parts) -> Result<Answer, BoxError> {
        self.in_round(request.extensions.get(), question).await
    }
}

/// Returns the parameters of an elicitation, or `None` if the call is larger than what a person can be shown.
pub(crate) fn form(question: &Question) -> Option<Value> {
    let (tool, args) = (Value::from(&*question.tool).to_string(), question.args.to_string());
    if args.len() > SHOWN_BYTES {
        return None;
    }
    let message = format!("{}\n\nTool: {}\nArguments: {}", question.reason, visible(&tool), visible(&args));
    Some(json!({
        "mode": "form",
        "message": message,
        "requestedSchema": {
            "type": "object",
            "properties": {
                "approve": { "type": "boolean", "title": "Approve", "description": "Whether this call may run, once" },
            },
            "required": ["approve"],
        },
    }))
}

/// Returns whether a client with this capability, as JSON, shows forms. Clients that name no mode do.
pub(crate) fn shows_forms(elicitation: Option<&Value>) -> bool {
    elicitation.and_then(Value::as_object).is_some_and(|modes| modes.contains_key("form") || !modes.contains_key("url"))
}

/// What a person has decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Said {
    Yes,
    No,
    /// They have not decided.
    Nothing,
}

impl Said {
    /// Reads the result of an elicitation.
    pub(crate) fn read(result: &Value) -> Self {
        match (result["action"].as_str(), &result["content"]) {
            (Some("decline"), _) => Self::No,
            (Some("accept"), Value::Object(content)) if content.get("approve") == Some(&Value::Bool(true)) => Self::Yes,
            (Some("accept"), Value::Object(_)) => Self::No,
            _ => Self::Nothing,
        }
    }

    pub(crate) fn answer(self, question: &Question) -> Answer {
        let by = if question.agent.is_empty() { "the user of the client" } else { &question.agent };
        match self {
            Self::Yes => Answer::Approved(Approval::by(by)),
            Self::No => Answer::Denied { by: by.to_owned() },
            Self::Nothing => Answer::Unanswered,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_person_says_is_read_strictly() {
        for (result, said) in [
            (json!({ "action": "accept", "content": { "approve": true } }), Said::Yes),
            (json!({ "action": "accept", "content": { "approve": false } }), Said::No),
            (json!({ "action": "accept", "content": { "approve": "true" } }), Said::No),
            (json!({ "action": "accept", "content": {} }), Said::No),
            (json!({ "action": "decline", "content": { "approve": true } }), Said::No),
            (json!({ "action": "accept" }), Said::Nothing),
            (json!({ "action": "accept", "content": true }), Said::Nothing),
            (json!({ "action": "cancel", "content": { "approve": true } }), Said::Nothing),
            (json!({ "action": "Accept", "content": { "approve": true } }), Said::Nothing),
            (json!({ "content": { "approve": true } }), Said::Nothing),
            (json!(true), Said::Nothing),
            (json!([]), Said::Nothing),
        ] {
            assert_eq!(Said::read(&result), said, "{result}");
        }
    }

    #[test]
    fn which_clients_show_forms() {
        for (elicitation, shows) in [
            (json!({}), true),
            (json!({ "form": {} }), true),
            (json!({ "form": {}, "url": {} }), true),
            (json!({ "url": {} }), false),
            (json!(true), false),
            (json!(null), false),
        ] {
            assert_eq!(shows_forms(Some(&elicitation)), shows, "{elicitation}");
        }
        assert!(!shows_forms(None));
    }
}
