//! Reads what a message's headers say about its body, and removes headers that must not be passed on.

use http::header::{self, HeaderMap, HeaderName};

/// How a body can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Json,
    /// A stream of events (HTML, 9.2).
    Events,
    /// Anything else: parsers could disagree about it.
    Unreadable,
}

/// Returns the form of a body. It is readable only with exactly one content type, in UTF-8 and without a content
/// encoding: in another charset, the same bytes could mean something else.
pub(super) fn form(headers: &HeaderMap) -> Form {
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(content_type), None) = (types.next().and_then(|value| value.to_str().ok()), types.next()) else {
        return Form::Unreadable;
    };
    let mut encodings = headers.get_all(header::CONTENT_ENCODING).iter();
    let is_plain = encodings.all(|encoding| encoding.as_bytes().eq_ignore_ascii_case(b"identity"));
    let (media_type, parameters) = content_type.split_once(';').unwrap_or((content_type, ""));
    let is_utf8 = parameters.split(';').map(|parameter| parameter.trim().to_ascii_lowercase()).all(|parameter| {
        !parameter.starts_with("charset") || matches!(&*parameter, "charset=utf-8" | "charset=\"utf-8\"")
    });
    match media_type.trim() {
        _ if !is_plain || !is_utf8 => Form::Unreadable,
        name if name.eq_ignore_ascii_case("application/json") => Form::Json,
        name if name.eq_ignore_ascii_case("text/event-stream") => Form::Events,
        _ => Form::Unreadable,
    }
}

/// Headers for one connection only (HTTP, 7.6.1), including those with which HTTP/1.1 switches to another protocol.
const CONNECTION: [HeaderName; 8] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("http2-settings"),
];

/// Request headers that ask for a partial or encoded answer, or (`Expect`) for permission to send the body, which is
/// already here.
const REQUEST: [HeaderName; 4] = [header::ACCEPT_ENCODING, header::EXPECT, header::IF_RANGE, header::RANGE];

/// Prepares a request's headers for a body that is written again and an answer that the guard can read.
pub(super) fn passed_on(headers: &mut HeaderMap) {
    for name in CONNECTION.iter().chain(&REQUEST) {
        headers.remove(name);
    }
}

/// Prepares an answer's headers for a body that may have changed.
pub(super) fn changed(headers: &mut HeaderMap) {
    for name in CONNECTION.iter().chain(&[header::CONTENT_LENGTH, header::ETAG]) {
        headers.remove(name);
    }
}

/// Prepares an answer's headers for an empty body.
pub(super) fn emptied(headers: &mut HeaderMap) {
    changed(headers);
    headers.remove(header::CONTENT_TYPE);
    headers.remove(header::CONTENT_ENCODING);
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn of(types: &[&'static str]) -> Form {
        let value = |value: &&'static str| (header::CONTENT_TYPE, HeaderValue::from_static(value));
        form(&types.iter().map(value).collect())
    }

    #[test]
    fn only_json_and_events_in_utf_8_can_be_read() {
        for one in ["application/json", "Application/JSON ; charset=UTF-8", "application/json;x=1;charset=\"utf-8\""] {
            assert_eq!(of(&[one]), Form::Json, "{one}");
        }
        for one in ["text/event-stream", "TEXT/Event-Stream;charset=utf-8"] {
            assert_eq!(of(&[one]), Form::Events, "{one}");
        }
        for one in [
            "",
            "text/plain",
            "text/json",
            "application/json-rpc",
            "application/mcp+json",
            "application/jsonl",
            "application/json, text/plain",
            "multipart/mixed; boundary=x",
            "application/json; charset=utf-16",
            "application/json; charset*=utf-7''",
            "application/json; Charset = utf-7",
            "text/event-stream; charset=utf-7",
        ] {
            assert_eq!(of(&[one]), Form::Unreadable, "{one}");
        }
        assert_eq!(of(&[]), Form::Unreadable);
        assert_eq!(of(&["application/json", "application/json"]), Form::Unreadable);
        let encoded = |encoding| {
            let json = (header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            form(&[json, (header::CONTENT_ENCODING, HeaderValue::from_static(encoding))].into_iter().collect())
        };
        assert_eq!((encoded("Identity"), encoded("gzip")), (Form::Json, Form::Unreadable));
    }
}
