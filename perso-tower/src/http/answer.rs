//! Filters the server's answer for the caller. An answer that cannot be read is not passed on.

use super::body::PersoBody;
use super::events::Events;
use super::head::{self, Form};
use super::list::{Filter, Unreadable};
use super::response;
use super::streams::Opening;
use crate::agent::BoxError;
use bytes::Bytes;
use http::{Response, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt, LengthLimitError, Limited};

/// Returns the answer as the caller may see it. `most` is the maximum size to buffer, in bytes.
pub(super) async fn shown<O>(
    answer: Response<O>,
    mut filter: Filter,
    opening: Option<Opening>,
    most: usize,
) -> Response<PersoBody<O>>
where
    O: Body<Data = Bytes>,
    O::Error: Into<BoxError>,
{
    let (mut parts, body) = answer.into_parts();
    // After a 1xx status, the connection may continue in another protocol.
    if parts.status.is_informational() {
        return withheld("it switches to another protocol");
    }
    if filter.is_off() {
        return Response::from_parts(parts, PersoBody::passed(body));
    }
    match head::form(&parts.headers) {
        Form::Events => {
            head::changed(&mut parts.headers);
            Response::from_parts(parts, PersoBody::filtered(body, Events::new(filter, opening, most)))
        }
        Form::Json => {
            head::changed(&mut parts.headers);
            let bytes = match Limited::new(body, most).collect().await {
                Ok(body) => body.to_bytes(),
                Err(error) if error.is::<LengthLimitError>() => return withheld("it is too large"),
                Err(_) => return withheld("it was cut off"),
            };
            if bytes.is_empty() || !filter.is_suspect(&bytes) {
                return Response::from_parts(parts, PersoBody::whole(bytes));
            }
            match std::str::from_utf8(&bytes).map(|text| filter.shown(text)) {
                Ok(Ok(None)) => Response::from_parts(parts, PersoBody::whole(bytes)),
                Ok(Ok(Some(text))) => Response::from_parts(parts, PersoBody::whole(text)),
                Ok(Err(Unreadable)) | Err(_) => withheld("it cannot be read as JSON"),
            }
        }
        Form::Unreadable => {
            if !is_without_answer(parts.status) && Limited::new(body, 0).collect().await.is_err() {
                return withheld("it is neither JSON nor a stream of events, in UTF-8");
            }
            head::emptied(&mut parts.headers);
            Response::from_parts(parts, PersoBody::whole(""))
        }
    }
}

/// Returns whether the head is enough: it reports an error, or the answer comes on another stream. The body is dropped
/// then, because some clients might still find an answer in it.
fn is_without_answer(status: StatusCode) -> bool {
    !status.is_success() || status == StatusCode::ACCEPTED
}

fn withheld<B>(why: &'static str) -> Response<PersoBody<B>> {
    tracing::warn!(target: "perso", why, "the server's answer is not passed on");
    response::withheld(why)
}
