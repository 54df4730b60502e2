//! JSON values as text that is the same whatever the order of their keys.

use serde_json::Value;

/// The text: keys in the order of their bytes, no spaces, numbers as they are written.
pub fn text(value: &Value) -> String {
    let mut text = Vec::with_capacity(256);
    write(value, &mut text);
    // JSON of strings is UTF-8.
    String::from_utf8(text).unwrap_or_default()
}

fn write(value: &Value, text: &mut Vec<u8>) {
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_unstable_by_key(|(key, _)| *key);
            text.push(b'{');
            for (at, (key, value)) in members.into_iter().enumerate() {
                if at > 0 {
                    text.push(b',');
                }
                scalar(key, text);
                text.push(b':');
                write(value, text);
            }
            text.push(b'}');
        }
        Value::Array(elements) => {
            text.push(b'[');
            for (at, element) in elements.iter().enumerate() {
                if at > 0 {
                    text.push(b',');
                }
                write(element, text);
            }
            text.push(b']');
        }
        value => scalar(value, text),
    }
}

fn scalar(value: &(impl serde::Serialize + ?Sized), text: &mut Vec<u8>) {
    // Writing to memory does not fail.
    let _ = serde_json::to_writer(text, value);
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_order_of_keys_does_not_matter() {
        let one = json!({ "b": [1, 2.50, null, true], "a": { "\u{e9}\"": "x\ny", "": {} } });
        let other = json!({ "a": { "": {}, "\u{e9}\"": "x\ny" }, "b": [1, 2.50, null, true] });
        assert_eq!(text(&one), text(&other));
        assert_eq!(text(&one), "{\"a\":{\"\":{},\"\u{e9}\\\"\":\"x\\ny\"},\"b\":[1,2.5,null,true]}");
        assert_ne!(text(&json!([1, 2])), text(&json!([2, 1])));
    }
}
