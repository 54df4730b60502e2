//! Checks that a call's `Mcp-Param-*` headers match its arguments (MCP, revision 2026-07-28, "Transports"), because
//! proxies rely on these headers. rmcp checks them before the call is judged, which would reveal hidden tools. So if
//! tools are hidden, this check runs instead, after the call was allowed.

use super::Request;
use crate::guard::STATELESS;
use http::HeaderMap;
use http::request::Parts;
use rmcp::ErrorData;
use rmcp::model::{CallToolRequestParams, JsonObject};
use serde_json::Value;

/// Checks the headers of a call; always succeeds for a call that did not arrive over HTTP.
///
/// # Errors
///
/// Returns an error that names a header which does not match the arguments.
pub fn check(schema: &JsonObject, call: &CallToolRequestParams, context: &Request) -> Result<(), ErrorData> {
    let Some(parts) = context.extensions.get::<Parts>() else { return Ok(()) };
    let revision = parts.headers.get("mcp-protocol-version").and_then(|revision| revision.to_str().ok());
    if revision.is_none_or(|revision| revision < STATELESS) {
        return Ok(());
    }
    compare(schema, call.arguments.as_ref(), &parts.headers).map_err(|name| {
        let message =
            format!("the header `Mcp-Param-{name}` does not match the arguments: send the same value in both");
        ErrorData::header_mismatch(message, None)
    })
}

/// Compares each property that has a header, at any depth of the schema. The error is the name of a header that
/// differs.
fn compare<'s>(schema: &'s JsonObject, args: Option<&JsonObject>, headers: &HeaderMap) -> Result<(), &'s str> {
    let properties = schema.get("properties").and_then(Value::as_object);
    for (property, schema) in properties.into_iter().flatten() {
        let Value::Object(schema) = schema else { continue };
        let arg = args.and_then(|args| args.get(property));
        if let Some(Value::String(name)) = schema.get("x-mcp-header")
            && !name.is_empty()
            && !is_same(headers, name, arg)
        {
            return Err(name);
        }
        compare(schema, arg.and_then(Value::as_object), headers)?;
    }
    Ok(())
}

fn is_same(headers: &HeaderMap, name: &str, arg: Option<&Value>) -> bool {
    let arg = match arg {
        Some(Value::String(arg)) => Some(arg.clone()),
        Some(arg @ (Value::Bool(_) | Value::Number(_))) => Some(arg.to_string()),
        _ => None,
    };
    let mut values = headers.get_all(format!("mcp-param-{name}")).iter();
    match (values.next(), arg, values.next()) {
        (None, None, _) => true,
        (Some(value), Some(arg), None) => {
            value.to_str().is_ok_and(|value| value == encoded(&arg) || value == arg && is_plain(&arg))
        }
        _ => false,
    }
}

const BASE64: (&str, &str) = ("=?base64?", "?=");

/// Returns whether a header may have the value unencoded.
fn is_plain(value: &str) -> bool {
    !(value.starts_with(BASE64.0) && value.ends_with(BASE64.1))
}

/// Encodes a value in Base64 (RFC 4648, 4), the form in headers of values that cannot be plain text there.
fn encoded(value: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::from(BASE64.0);
    for chunk in value.as_bytes().chunks(3) {
        let bits = chunk.iter().enumerate().fold(0_u32, |bits, (at, byte)| bits | u32::from(*byte) << (16 - 8 * at));
        for at in 0..4 {
            let digit = DIGITS.get((bits >> (18 - 6 * at) & 63) as usize).copied().unwrap_or_default();
            text.push(if at > chunk.len() { '=' } else { char::from(digit) });
        }
    }
    text.push_str(BASE64.1);
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn headers_say_what_the_arguments_say() {
        let schema = json!({ "properties": {
            "region": { "type": "string", "x-mcp-header": "Region" },
            "where": { "properties": { "zone": { "type": "integer", "x-mcp-header": "Zone" } } }
        } });
        let schema = schema.as_object().unwrap();
        let compared = |headers: &[(&'static str, &'static str)], args: Value| {
            let mut map = HeaderMap::new();
            for (name, value) in headers {
                map.append(*name, value.parse().unwrap());
            }
            compare(schema, args.as_object(), &map).err()
        };
        let both = [("mcp-param-region", "eu"), ("mcp-param-zone", "7")];
        assert_eq!(compared(&both, json!({ "region": "eu", "where": { "zone": 7 } })), None);
        assert_eq!(compared(&both, json!({ "region": "us", "where": { "zone": 7 } })), Some("Region"));
        assert_eq!(compared(&both, json!({ "region": "eu", "where": { "zone": 8 } })), Some("Zone"));
        assert_eq!(compared(&both, json!({ "region": "eu" })), Some("Zone"));
        assert_eq!(compared(&[], json!({ "region": null })), None);
        assert_eq!(compared(&[], json!({ "region": "eu" })), Some("Region"));
        assert_eq!(compared(&[both[0], both[0]], json!({ "region": "eu" })), Some("Region"));
        let base64 = [("mcp-param-region", "=?base64?w6k=?=")];
        assert_eq!(compared(&base64, json!({ "region": "é" })), None);
        assert_eq!(compared(&base64, json!({ "region": "=?base64?w6k=?=" })), Some("Region"));
        for (text, base64) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
            assert_eq!(encoded(text), format!("=?base64?{base64}?="));
        }
    }
}
