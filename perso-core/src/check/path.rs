//! Attribute paths: `args.amount`, `resource.tags`, `args["a.b"]`, `tool`.

use crate::diagnostic::quoted;
use crate::policy::{Attribute, Root, Step};
use crate::syntax::{did_you_mean, nearest};

/// The most keys below the part of the call.
pub(super) const MAX_KEYS: usize = 16;
/// The longest key, in bytes.
pub(super) const MAX_KEY: usize = 256;

/// Why a text is not a valid path.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct PathError {
    /// The byte where it is noticed; `None` for the whole.
    pub(super) at: Option<usize>,
    pub(super) message: String,
    pub(super) help: Option<String>,
    /// Whether it is over a limit.
    pub(super) limit: bool,
}

const ROOTS: [Root; 6] = [Root::Tool, Root::Args, Root::Agent, Root::Resource, Root::Context, Root::Session];

/// What other languages call a part of a call or a combinator.
const OTHER_NAMES: [(&str, &str); 10] = [
    ("and", "all"),
    ("or", "any"),
    ("arguments", "args"),
    ("params", "args"),
    ("input", "args"),
    ("user", "agent"),
    ("caller", "agent"),
    ("principal", "agent"),
    ("env", "context"),
    ("environment", "context"),
];

/// The part of the call that a text names as a whole.
pub(super) fn part(text: &str) -> Option<Root> {
    ROOTS.into_iter().find(|root| root.name() == text && *root != Root::Tool)
}

/// Reads a path.
pub(super) fn parse(text: &str) -> Result<Attribute, PathError> {
    let end = identifier(text);
    let (name, mut rest) = text.split_at(end);
    let root = ROOTS.into_iter().find(|root| root.name() == name).ok_or_else(|| unknown_root(text, name, rest))?;
    let steps = steps(text, &mut rest)?;
    match (root, steps.is_empty()) {
        (Root::Tool, false) => Err(error(end, "`tool` is the tool's name and has no keys", None)),
        (Root::Tool, true) | (_, false) => Ok(Attribute { root, steps }),
        (_, true) => Err(PathError {
            at: None,
            message: format!("`{name}` is a part of the call, not an attribute"),
            help: Some(format!(
                "name one of its keys, such as `{name}.id`, or test its keys with `{{\"only\": […]}}` alone"
            )),
            limit: false,
        }),
    }
}

/// Reads the path to a field of an element, which begins with a dot: `.price`, `.a.b`, `.["a.b"]`.
pub(super) fn parse_field(text: &str) -> Result<Vec<Step>, PathError> {
    let mut rest = text.strip_prefix('.').filter(|rest| rest.starts_with('[')).unwrap_or(text);
    if !text.starts_with('.') || text.len() == 1 {
        return Err(error(0, "a field of an element must be a dot followed by a name", None));
    }
    steps(text, &mut rest)
}

/// The steps that the `rest` of a text writes.
fn steps(text: &str, rest: &mut &str) -> Result<Vec<Step>, PathError> {
    let mut steps = Vec::new();
    while !rest.is_empty() {
        let at = text.len() - rest.len();
        let (key, after) = match (rest.strip_prefix('.'), rest.strip_prefix('[')) {
            (Some(after), _) => named_key(after).map(|(key, after)| (key.to_owned(), after)),
            (_, Some(after)) => quoted_key(after),
            _ => None,
        }
        .ok_or_else(|| error(at, "a key must be an identifier after a dot, or a string in brackets", hint(text, at)))?;
        if key.len() > MAX_KEY {
            return Err(PathError { limit: true, ..error(at, format!("a key is longer than {MAX_KEY} bytes"), None) });
        }
        steps.push(Step::Key(key));
        if steps.len() > MAX_KEYS {
            return Err(PathError { limit: true, ..error(at, format!("a path has more than {MAX_KEYS} keys"), None) });
        }
        *rest = after;
    }
    Ok(steps)
}

fn error(at: usize, message: impl Into<String>, help: Option<String>) -> PathError {
    PathError { at: Some(at), message: message.into(), help, limit: false }
}

fn unknown_root(text: &str, name: &str, rest: &str) -> PathError {
    let known = ["all", "any", "not"].into_iter().chain(ROOTS.map(Root::name));
    let lower = name.to_lowercase();
    let meant = OTHER_NAMES.iter().find(|(other, _)| *other == lower).map(|(_, name)| *name);
    let help = match meant {
        Some(meant) => Some(format!("did you mean `{meant}`?")),
        // With keys behind it, it cannot be a combinator.
        None if !rest.is_empty() => did_you_mean(name, ROOTS.map(Root::name)),
        None => nearest(name, known).map(|near| format!("did you mean `{near}`?")),
    };
    let field = || "fields of elements are tested inside of `every`, `some`, `first` and `at`".to_owned();
    let help = help.or_else(|| text.starts_with('.').then(field));
    let fallback =
        || "an attribute is `tool`, or starts with `args`, `agent`, `resource`, `context` or `session`".to_owned();
    PathError {
        at: None,
        message: format!("unknown attribute {}", quoted(text)),
        help: Some(help.unwrap_or_else(fallback)),
        limit: false,
    }
}

/// How the key at a place would have to be written.
fn hint(text: &str, at: usize) -> Option<String> {
    let before = text.get(..at)?;
    let key = text.get(at..)?.strip_prefix('.')?.split('.').next()?;
    let written = serde_json::Value::from(key).to_string().replace('"', "\\\"");
    // The brackets of a field stand behind its dot.
    let before = if before.is_empty() { "." } else { before };
    (!key.is_empty() && key.len() <= 40).then(|| format!("write `\"{before}[{written}]\"`"))
}

/// The length of the identifier that a text begins with; 0 for none.
fn identifier(text: &str) -> usize {
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        return 0;
    }
    text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len())
}

fn named_key(text: &str) -> Option<(&str, &str)> {
    let (key, after) = text.split_at(identifier(text));
    (!key.is_empty() && (after.is_empty() || after.starts_with(['.', '[']))).then_some((key, after))
}

/// A JSON string and a closing bracket.
fn quoted_key(text: &str) -> Option<(String, &str)> {
    let mut strings = serde_json::Deserializer::from_str(text).into_iter::<String>();
    let key = strings.next()?.ok()?;
    let after = text.get(strings.byte_offset()..)?.strip_prefix(']')?;
    text.starts_with('"').then_some((key, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_read() {
        for (text, root, keys) in [
            ("tool", Root::Tool, vec![]),
            ("args.amount", Root::Args, vec!["amount"]),
            ("args._a1.B", Root::Args, vec!["_a1", "B"]),
            ("agent[\"a.b\"]", Root::Agent, vec!["a.b"]),
            ("resource.a[\"b\"][\"\\u00e4\\\"]\"].c", Root::Resource, vec!["a", "b", "ä\"]", "c"]),
            ("context[\"\"]", Root::Context, vec![""]),
        ] {
            let steps = keys.into_iter().map(|key| Step::Key(key.to_owned())).collect();
            assert_eq!(parse(text), Ok(Attribute { root, steps }), "{text}");
        }
    }

    #[test]
    fn other_texts_are_no_paths() {
        for text in [
            "",
            "args",
            "agent",
            "tool.name",
            "Args.a",
            "amount",
            "args.",
            "args..a",
            ".args",
            "args.a.",
            "args.1a",
            "args.a-b",
            "args.a b",
            "args.ä",
            "args a",
            " args.a",
            "args.a ",
            "args[0]",
            "args[a]",
            "args['a']",
            "args[\"a\"",
            "args[\"a]",
            "args[ \"a\"]",
            "args[\"a\" ]",
            "args[\"a\"]b",
            "args[\"\\ud800\"]",
            "args.*",
        ] {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn fields_begin_with_a_dot() {
        let keys = |keys: &[&str]| Ok(keys.iter().map(|key| Step::Key((*key).to_owned())).collect());
        assert_eq!(parse_field(".price"), keys(&["price"]));
        assert_eq!(parse_field(".a.b[\"c.d\"]"), keys(&["a", "b", "c.d"]));
        assert_eq!(parse_field(".[\"a b\"].c"), keys(&["a b", "c"]));
        for text in ["", ".", "price", "..a", ".a.", ".[a]", "[\"a\"]", ".a-b", ".[]", ".1", "a.b"] {
            assert!(parse_field(text).is_err(), "{text:?}");
        }
        assert!(parse_field(&".a".repeat(MAX_KEYS + 1)).unwrap_err().limit);
        assert!(parse(".a").unwrap_err().help.unwrap_or_default().contains("`every`"));
    }

    #[test]
    fn limits_hold() {
        assert!(parse(&format!("args{}", ".a".repeat(MAX_KEYS))).is_ok());
        assert!(parse(&format!("args{}", ".a".repeat(MAX_KEYS + 1))).unwrap_err().limit);
        assert!(parse(&format!("args.{}", "a".repeat(MAX_KEY))).is_ok());
        assert!(parse(&format!("args.{}", "a".repeat(MAX_KEY + 1))).unwrap_err().limit);
        assert!(parse(&format!("args{}", "[".repeat(100_000))).is_err());
    }

    #[test]
    fn help_names_what_is_likely_meant() {
        let help = |text| parse(text).unwrap_err().help.unwrap_or_default();
        assert!(help("arg.amount").contains("`args`"));
        assert!(help("user.id").contains("`agent`"));
        assert!(help("and").contains("`all`"));
        assert!(help("amount").contains("starts with `args`"));
        assert!(help("args.a-b").contains(r#"args[\"a-b\"]"#));
    }
}
