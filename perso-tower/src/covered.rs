//! Requests for resources and prompts, which a policy can cover. All adapters share this table of their methods.

use crate::closed::{Closed, Instead, Kind};
use perso_core::{Covers, request};

/// What a policy has to say about a request that does not call a tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asks {
    /// Nothing: it does not cover what the request is for.
    Nothing,
    /// The answer is a list of what the policy covers, under this key.
    List(&'static str),
    /// The request is a call of this tool.
    Call(&'static str),
    /// It covers what the request is for, but cannot judge the request.
    Unknown(Kind),
}

/// Returns what the policy has to say about a method. `reference` is the type of the reference of a `completion/complete`,
/// or `None` if it cannot be read.
pub(crate) fn asks(covers: Covers, method: &str, reference: Option<&str>) -> Asks {
    match (method, reference) {
        // A skill is listed and got by the URI of its `SKILL.md`.
        ("resources/read" | "skills/get", _) if covers.resources => Asks::Call(request::READ),
        ("resources/subscribe" | "resources/unsubscribe" | "subscriptions/listen", _) if covers.resources => {
            Asks::Call(request::SUBSCRIBE)
        }
        ("prompts/get", _) if covers.prompts => Asks::Call(request::GET),
        ("completion/complete", Some("ref/resource")) if covers.resources => Asks::Call(request::COMPLETE),
        ("completion/complete", Some("ref/prompt")) if covers.prompts => Asks::Call(request::COMPLETE),
        ("subscriptions/listen", _) => Asks::Nothing,
        // All other methods for what is covered, in any spelling that a lenient server might accept.
        _ => match Closed::of(covers).instead(method, reference) {
            Some(Instead::Empty(list)) => Asks::List(list),
            Some(other) => Asks::Unknown(other.kind()),
            None => Asks::Nothing,
        },
    }
}

/// The params of a request that are no arguments of the call that it is.
pub(crate) const NO_ARGUMENTS: [&str; 3] = ["_meta", "inputResponses", "requestState"];

/// The maximum number of resources in a `subscriptions/listen`, each of which is judged.
pub(crate) const MOST_RESOURCES: usize = 1024;
pub(crate) const TOO_MANY: &str = "a subscription can have at most 1024 resources";

/// Returns the arguments of a call that is a request, from its params.
#[cfg(any(feature = "rmcp", feature = "tower-mcp"))]
pub(crate) fn arguments(params: &impl serde::Serialize) -> serde_json::Value {
    let mut args = serde_json::to_value(params).unwrap_or_default();
    if let serde_json::Value::Object(args) = &mut args {
        args.retain(|key, _| !NO_ARGUMENTS.contains(&key.as_str()));
    }
    args
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covers(words: &str) -> Covers {
        let text = format!(r#"{{ "perso": 1, "covers": [{words}], "rules": [] }}"#);
        perso_core::Policy::compile(&text).unwrap().covers()
    }

    #[test]
    fn each_method_is_of_what_it_asks_for() {
        let (nothing, resources) = (covers("\"tools\""), covers("\"resources\""));
        let (prompts, both) = (covers("\"prompts\""), covers("\"resources\", \"prompts\""));
        for (method, reference, of_resources, of_prompts) in [
            ("resources/read", None, Asks::Call(request::READ), Asks::Nothing),
            ("resources/subscribe", None, Asks::Call(request::SUBSCRIBE), Asks::Nothing),
            ("resources/unsubscribe", None, Asks::Call(request::SUBSCRIBE), Asks::Nothing),
            ("subscriptions/listen", None, Asks::Call(request::SUBSCRIBE), Asks::Nothing),
            ("resources/list", None, Asks::List("resources"), Asks::Nothing),
            ("resources/templates/list", None, Asks::List("resourceTemplates"), Asks::Nothing),
            ("skills/list", None, Asks::List("skills"), Asks::Nothing),
            ("skills/get", None, Asks::Call(request::READ), Asks::Nothing),
            ("skills/activate", None, Asks::Unknown(Kind::Resources), Asks::Nothing),
            ("Skills/Get", None, Asks::Unknown(Kind::Resources), Asks::Nothing),
            ("resources/directory/read", None, Asks::Unknown(Kind::Resources), Asks::Nothing),
            ("Resources/Read", None, Asks::Unknown(Kind::Resources), Asks::Nothing),
            ("prompts/get", None, Asks::Nothing, Asks::Call(request::GET)),
            ("prompts/list", None, Asks::Nothing, Asks::List("prompts")),
            ("prompts/render", None, Asks::Nothing, Asks::Unknown(Kind::Prompts)),
            (" prompts/get\0", None, Asks::Nothing, Asks::Unknown(Kind::Prompts)),
            ("completion/complete", Some("ref/resource"), Asks::Call(request::COMPLETE), Asks::Nothing),
            ("completion/complete", Some("ref/prompt"), Asks::Nothing, Asks::Call(request::COMPLETE)),
            ("tools/list", None, Asks::Nothing, Asks::Nothing),
            ("ping", None, Asks::Nothing, Asks::Nothing),
        ] {
            assert_eq!(asks(nothing, method, reference), Asks::Nothing, "{method}");
            assert_eq!(asks(resources, method, reference), of_resources, "{method}");
            assert_eq!(asks(prompts, method, reference), of_prompts, "{method}");
            let of_both = if of_resources == Asks::Nothing { of_prompts } else { of_resources };
            assert_eq!(asks(both, method, reference), of_both, "{method}");
        }
        for (method, reference) in [
            ("completion/complete", None),
            ("completion/complete", Some("ref/tool")),
            ("Completion/complete", None),
            ("Subscriptions/listen", None),
        ] {
            assert_eq!(asks(resources, method, reference), Asks::Unknown(Kind::Resources), "{method}");
            assert_eq!(asks(prompts, method, reference), Asks::Unknown(Kind::Prompts), "{method}");
            assert_eq!(asks(nothing, method, reference), Asks::Nothing, "{method}");
        }
    }
}
