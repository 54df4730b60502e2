//! Prompts and resources, which a host can turn off. All adapters share this table of their methods.

use crate::fold::{folded, readings};
use perso_core::Covers;

/// The error code for a method that the server does not have (JSON-RPC 2.0, 5.1).
pub(crate) const METHOD_NOT_FOUND: i32 = -32601;

/// What a server may offer besides tools.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Prompts,
    Resources,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Prompts => "prompts",
            Self::Resources => "resources",
        }
    }
}

/// The guard's answer in place of the server's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Instead {
    /// An empty list under this key. Not an error, because the server announces the capability and clients ask for the
    /// list.
    Empty(&'static str),
    /// The error [`METHOD_NOT_FOUND`], because the host has turned it off.
    Error(Kind),
    /// The same error, because the policy covers it, but cannot judge this request.
    Unknown(Kind),
}

impl Instead {
    /// Returns what the request is for.
    pub(crate) fn kind(self) -> Kind {
        match self {
            Self::Error(kind) | Self::Unknown(kind) => kind,
            Self::Empty("prompts") => Kind::Prompts,
            Self::Empty(_) => Kind::Resources,
        }
    }

    /// Returns the decision's detail, for the host.
    pub(crate) const fn detail(self) -> &'static str {
        match self {
            Self::Empty(_) => "the list is denied",
            Self::Error(Kind::Prompts) => "prompts are denied",
            Self::Error(Kind::Resources) => "resources are denied",
            Self::Unknown(_) => "the request cannot be judged",
        }
    }

    /// Returns the error's message, for the client.
    pub(crate) fn message(self, method: &str) -> String {
        let why = match self {
            Self::Empty(list) => format!("this server's guard denies {list}"),
            Self::Error(kind) => format!("this server's guard denies {}", kind.name()),
            Self::Unknown(kind) => format!("the policy covers {}, and cannot judge this request", kind.name()),
        };
        format!("{method} is not allowed: {why}")
    }
}

/// What the host has turned off: nothing by default.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Closed {
    pub(crate) prompts: bool,
    pub(crate) resources: bool,
}

impl Closed {
    /// Returns what a policy covers, as if it was turned off: all requests for it, by any spelling.
    pub(crate) const fn of(covers: Covers) -> Self {
        Self { prompts: covers.prompts, resources: covers.resources }
    }

    pub(crate) const fn is_nothing(self) -> bool {
        !self.prompts && !self.resources
    }

    const fn has(self, kind: Kind) -> bool {
        match kind {
            Kind::Prompts => self.prompts,
            Kind::Resources => self.resources,
        }
    }

    /// Returns the guard's answer if the method uses something that is turned off. `reference` is the type of the
    /// reference of a `completion/complete`, or `None` if it cannot be read. Pass a `subscriptions/listen` only if it
    /// cannot be read: the adapter [narrows](Self::narrows) all others and passes them on.
    pub(crate) fn instead(self, method: &str, reference: Option<&str>) -> Option<Instead> {
        if self.is_nothing() {
            return None;
        }
        match method {
            "prompts/list" if self.prompts => Some(Instead::Empty("prompts")),
            "resources/list" if self.resources => Some(Instead::Empty("resources")),
            "resources/templates/list" if self.resources => Some(Instead::Empty("resourceTemplates")),
            "skills/list" if self.resources => Some(Instead::Empty("skills")),
            // In any spelling that a lenient server might accept.
            _ => readings(method).find_map(|method| self.denied(&method, reference)).map(Instead::Error),
        }
    }

    fn denied(self, method: &str, reference: Option<&str>) -> Option<Kind> {
        let unread = if self.prompts { Kind::Prompts } else { Kind::Resources };
        let kind = match (method, reference) {
            ("completion/complete", Some("ref/prompt")) => Kind::Prompts,
            ("completion/complete", Some("ref/resource")) => Kind::Resources,
            ("completion/complete" | "subscriptions/listen", _) => unread,
            _ if method.starts_with("prompts/") => Kind::Prompts,
            // Skills are resources: clients read their files with `resources/read`.
            _ if method.starts_with("resources/") || method.starts_with("skills/") => Kind::Resources,
            _ => return None,
        };
        self.has(kind).then_some(kind)
    }

    /// Removes from a `subscriptions/listen` the notifications about what is turned off.
    #[cfg(any(feature = "rmcp", feature = "tower-mcp"))]
    pub(crate) fn narrow<T, U>(self, prompts: &mut Option<T>, (resources, updates): (&mut Option<T>, &mut Option<U>)) {
        if self.prompts {
            *prompts = None;
        }
        if self.resources {
            (*resources, *updates) = (None, None);
        }
    }

    /// Returns whether a `subscriptions/listen` must not have this key (`promptsListChanged`, `resourcesListChanged`,
    /// `resourceSubscriptions`).
    pub(crate) fn narrows(self, key: &str) -> bool {
        let key = folded(key);
        (self.prompts && key.starts_with("prompt")) || (self.resources && key.starts_with("resource"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROMPTS: Closed = Closed { prompts: true, resources: false };
    const RESOURCES: Closed = Closed { prompts: false, resources: true };
    const BOTH: Closed = Closed { prompts: true, resources: true };

    #[test]
    fn each_method_is_of_its_kind() {
        let error = |kind| Some(Instead::Error(kind));
        for (method, reference, kind, instead) in [
            ("prompts/list", None, PROMPTS, Some(Instead::Empty("prompts"))),
            ("prompts/get", None, PROMPTS, error(Kind::Prompts)),
            ("prompts/render", None, PROMPTS, error(Kind::Prompts)),
            ("Prompts/List", None, PROMPTS, error(Kind::Prompts)),
            (" prompt\u{17f} /get\0x", None, PROMPTS, error(Kind::Prompts)),
            ("completion/complete", Some("ref/prompt"), PROMPTS, error(Kind::Prompts)),
            ("resources/list", None, RESOURCES, Some(Instead::Empty("resources"))),
            ("resources/templates/list", None, RESOURCES, Some(Instead::Empty("resourceTemplates"))),
            ("resources/read", None, RESOURCES, error(Kind::Resources)),
            ("resources/subscribe", None, RESOURCES, error(Kind::Resources)),
            ("resources/unsubscribe", None, RESOURCES, error(Kind::Resources)),
            ("resources/directory/read", None, RESOURCES, error(Kind::Resources)),
            ("skills/list", None, RESOURCES, Some(Instead::Empty("skills"))),
            ("skills/get", None, RESOURCES, error(Kind::Resources)),
            ("Skills/List", None, RESOURCES, error(Kind::Resources)),
            ("re\u{200b}source\u{ff53}/list", None, RESOURCES, error(Kind::Resources)),
            ("RESOURCES/LIST", None, RESOURCES, error(Kind::Resources)),
            ("completion/complete", Some("ref/resource"), RESOURCES, error(Kind::Resources)),
        ] {
            let other = if kind.prompts { RESOURCES } else { PROMPTS };
            for (closed, instead) in [(kind, instead), (BOTH, instead), (other, None), (Closed::default(), None)] {
                assert_eq!(closed.instead(method, reference), instead, "{method}, {reference:?}, {closed:?}");
            }
        }
    }

    #[test]
    fn what_cannot_be_read_is_denied_if_anything_is() {
        for (method, reference) in [
            ("completion/complete", None),
            ("completion/complete", Some("ref/tool")),
            ("completion/complete", Some("Ref/Prompt")),
            ("Completion/Complete", None),
            ("completion/complete\0x", None),
            ("subscriptions/listen", None),
        ] {
            assert_eq!(PROMPTS.instead(method, reference), Some(Instead::Error(Kind::Prompts)), "{method}");
            assert_eq!(RESOURCES.instead(method, reference), Some(Instead::Error(Kind::Resources)), "{method}");
            assert_eq!(Closed::default().instead(method, reference), None, "{method}");
        }
    }

    #[test]
    fn other_methods_pass() {
        for method in ["ping", "initialize", "tools/list", "tasks/get", "skill/list", "prompts", "resource/read", ""] {
            assert_eq!(BOTH.instead(method, None), None, "{method}");
        }
    }

    #[test]
    fn subscriptions_are_narrowed() {
        for (key, closed) in [
            ("promptsListChanged", PROMPTS),
            ("resourcesListChanged", RESOURCES),
            ("resourceSubscriptions", RESOURCES),
            ("RESOURCESUBSCRIPTIONS", RESOURCES),
        ] {
            let other = if closed.prompts { RESOURCES } else { PROMPTS };
            assert_eq!(
                [closed, BOTH, other, Closed::default()].map(|closed| closed.narrows(key)),
                [true, true, false, false]
            );
        }
        assert!(!BOTH.narrows("toolsListChanged") && !BOTH.narrows("taskIds"));
    }
}
