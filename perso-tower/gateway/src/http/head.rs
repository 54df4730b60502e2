//! Heads of requests that two programs could read in different ways. What a proxy in front of the gateway has checked must be what
//! the gateway reads.

use http::{HeaderMap, StatusCode, header};

/// Why a request with this head is refused.
pub(super) fn doubt(headers: &HeaderMap) -> Option<(StatusCode, &'static str)> {
    let is_twice =
        headers.len() > headers.keys_len() && headers.keys().any(|name| counts(name) && is_repeated(headers, name));
    if is_twice {
        return Some((StatusCode::BAD_REQUEST, "a header is there more than once\n"));
    }
    let is_encoded = headers.get(header::CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity");
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if is_encoded || kind.split(';').skip(1).any(is_of_another_charset) {
        return Some((StatusCode::UNSUPPORTED_MEDIA_TYPE, "the body must be in UTF-8, without an encoding\n"));
    }
    None
}

/// Whether only one value of a header can count.
fn counts(name: &header::HeaderName) -> bool {
    const ONE: [header::HeaderName; 4] = [header::HOST, header::ORIGIN, header::CONTENT_TYPE, header::CONTENT_ENCODING];
    ONE.contains(name) || name.as_str().starts_with("mcp-")
}

fn is_repeated(headers: &HeaderMap, name: &header::HeaderName) -> bool {
    headers.get_all(name).iter().nth(1).is_some()
}

fn is_of_another_charset(parameter: &str) -> bool {
    let parameter = parameter.trim().to_ascii_lowercase();
    parameter.starts_with("charset") && !matches!(&*parameter, "charset=utf-8" | "charset=\"utf-8\"")
}
