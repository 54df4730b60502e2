//! [OpenID AuthZEN 1.0](https://openid.github.io/authzen/): evaluations, searches and metadata.
//!
//! `model` is what requests look like, `call` which call of a policy an evaluation is, and `search` finds what could be allowed.

mod call;
mod model;
mod search;

use super::decider::Final;
use super::members::object;
use super::router::{Form, MOST_DECISIONS, Service, form, plain};
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use call::Evaluated;
use http::{HeaderMap, StatusCode, header};
use model::{Evaluation, Evaluations, Semantic};
use perso_core::Policy;
use serde::Serialize;
use serde_json::json;
use std::sync::Arc;

pub(super) fn router() -> Router<Arc<Service>> {
    Router::new()
        .route("/access/v1/evaluation", post(evaluation))
        .route("/access/v1/evaluations", post(evaluations))
        .route("/access/v1/search/subject", post(search::subject))
        .route("/access/v1/search/resource", post(search::resource))
        .route("/access/v1/search/action", post(search::action))
}

/// The answer to an evaluation.
#[derive(Serialize)]
struct Answer<'p> {
    decision: bool,
    context: Context<'p>,
}

/// Why.
#[derive(Serialize)]
#[serde(untagged)]
enum Context<'p> {
    /// The policy has judged the call. `reason` is for the caller.
    Judged {
        reason: String,
        #[serde(rename = "perso")]
        judged: Box<Final<'p>>,
    },
    /// Policies do not judge this.
    Free {
        reason: &'static str,
    },
    Wrong {
        error: Wrong,
    },
}

/// An error in one of several evaluations.
#[derive(Serialize)]
struct Wrong {
    status: u16,
    message: String,
}

/// `POST /access/v1/evaluation`
async fn evaluation(State(service): State<Arc<Service>>, headers: HeaderMap, body: Bytes) -> Response {
    match read::<Evaluation<'_>>(&headers, &body) {
        Ok(evaluation) => single(&service, &evaluation).await,
        Err(why) => plain(StatusCode::BAD_REQUEST, why),
    }
}

async fn single(service: &Service, evaluation: &Evaluation<'_>) -> Response {
    let policy = service.decider.policy();
    match evaluated(service, &policy, evaluation).await {
        Ok(answer) => Json(answer).into_response(),
        Err(why) => plain(StatusCode::BAD_REQUEST, why),
    }
}

/// `POST /access/v1/evaluations`
async fn evaluations(State(service): State<Arc<Service>>, headers: HeaderMap, body: Bytes) -> Response {
    let asked = match read::<Evaluations<'_>>(&headers, &body) {
        Ok(asked) => asked,
        Err(why) => return plain(StatusCode::BAD_REQUEST, why),
    };
    let otherwise = asked.otherwise();
    if asked.evaluations.is_empty() {
        return single(&service, &otherwise).await;
    }
    if asked.evaluations.len() > MOST_DECISIONS {
        let why = format!("a request can have at most {MOST_DECISIONS} evaluations: send several requests");
        return plain(StatusCode::BAD_REQUEST, why);
    }
    let (policy, mut answers) = (service.decider.policy(), Vec::with_capacity(asked.evaluations.len()));
    for evaluation in &asked.evaluations {
        let evaluation = object::<Evaluation<'_>>(evaluation.get().as_bytes())
            .map_err(|_| "an evaluation must be an object, with each key once".to_owned());
        let answer = match evaluation {
            Ok(evaluation) => evaluated(&service, &policy, &evaluation.or(&otherwise)).await,
            Err(why) => Err(why),
        };
        let answer = match answer {
            Ok(answer) => answer,
            Err(message) => {
                Answer { decision: false, context: Context::Wrong { error: Wrong { status: 400, message } } }
            }
        };
        let decision = answer.decision;
        answers.push(answer);
        match asked.options.evaluations_semantic {
            Semantic::DenyOnFirstDeny if !decision => break,
            Semantic::PermitOnFirstPermit if decision => break,
            _ => {}
        }
        if answers.len() % 64 == 0 {
            tokio::task::yield_now().await;
        }
    }
    #[derive(Serialize)]
    struct Answers<'p> {
        evaluations: Vec<Answer<'p>>,
    }
    Json(Answers { evaluations: answers }).into_response()
}

/// Decides an evaluation.
async fn evaluated<'p>(
    service: &Service,
    policy: &'p Policy,
    evaluation: &Evaluation<'_>,
) -> Result<Answer<'p>, String> {
    let call = match Evaluated::new(service, policy, evaluation)? {
        Some(call) => call,
        None => {
            let reason = "policies do not judge this request: a guard passes it on";
            return Ok(Answer { decision: true, context: Context::Free { reason } });
        }
    };
    let judged = service.decider.decide(policy, &call.described()).await;
    Ok(Answer {
        decision: judged.decision.is_allowed(),
        context: Context::Judged { reason: judged.message.clone(), judged: Box::new(judged) },
    })
}

/// Reads the body of a request.
fn read<'b, T: serde::Deserialize<'b>>(headers: &HeaderMap, body: &'b [u8]) -> Result<T, String> {
    if form(headers) != Form::Json {
        return Err("the body must be application/json, in UTF-8".to_owned());
    }
    // The error would have values of the body in it.
    object(body).map_err(|error| {
        let what = if error.is_data() { "is not a request of AuthZEN" } else { "is not JSON" };
        format!("the body {what}: line {}, column {}", error.line(), error.column())
    })
}

/// `GET /.well-known/authzen-configuration`
pub(super) async fn configuration(State(service): State<Arc<Service>>, headers: HeaderMap) -> Response {
    let url = match &service.settings.url {
        Some(url) => url.trim_end_matches('/').to_owned(),
        None => {
            let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
            let is_plain = |host: &&str| {
                host.bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':' | b'[' | b']'))
            };
            format!("https://{}", host.filter(is_plain).unwrap_or("localhost"))
        }
    };
    Json(json!({
        "policy_decision_point": url,
        "access_evaluation_endpoint": format!("{url}/access/v1/evaluation"),
        "access_evaluations_endpoint": format!("{url}/access/v1/evaluations"),
        "search_subject_endpoint": format!("{url}/access/v1/search/subject"),
        "search_resource_endpoint": format!("{url}/access/v1/search/resource"),
        "search_action_endpoint": format!("{url}/access/v1/search/action"),
    }))
    .into_response()
}
