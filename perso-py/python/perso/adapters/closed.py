"""Turns prompts and resources off: which messages are about them, and the answers to these."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from perso.adapters.fold import folded, is_ambiguous, readings

KINDS = ("prompts", "resources")

LISTS = {
    "prompts/list": "prompts",
    "resources/list": "resources",
    "resources/templates/list": "resourceTemplates",
    "skills/list": "skills",
}
"""The lists that are answered as empty, and their keys. Clients ask for them because the server's capabilities offer them."""

COMPLETE = "completion/complete"
REFERENCES = {"ref/prompt": "prompts", "ref/resource": "resources"}
"""The kind that a completion belongs to, by the type of its `ref`."""

PREFIXES = {"prompts/": "prompts", "resources/": "resources", "skills/": "resources"}
"""The kind that a method belongs to, by its beginning. Skills are resources: clients read their files with `resources/read`."""

LISTEN = "subscriptions/listen"
NOTIFICATIONS = {"prompts": "prompt", "resources": "resource"}
"""The prefixes of the notifications that a client can subscribe to: `promptsListChanged`, `resourceSubscriptions`."""


@dataclass(frozen=True)
class Instead:
    """The answer that the guard gives instead of the server: a result, or an error without one."""

    result: dict[str, Any] | None
    message: str
    why: str
    """The detail in the recorded decision."""
    code: int = -32601
    """The error's code, by default `METHOD_NOT_FOUND`."""


class Closed:
    """The kinds of messages that the host has turned off."""

    def __init__(self, *kinds: str) -> None:
        self.kinds = kinds

    def instead(self, method: str, params: Any) -> Instead | None:
        """The answer to a message about something that is turned off. `None` for any other message.

        >>> Closed("prompts").instead("prompts/get", {"name": "greet"}).message
        "prompts/get is not allowed: this server's guard denies prompts"
        >>> Closed("prompts").instead("prompts/list", None).result
        {'prompts': []}
        >>> Closed("prompts").instead("resources/list", None)
        """
        kind = self.kind_of(method, params)
        if kind not in self.kinds:
            return None
        result: dict[str, Any] | None = {LISTS[method]: []} if method in LISTS else None
        return Instead(result, f"{method} is not allowed: this server's guard denies {kind}", f"{kind} are denied")

    def narrowed(self, method: str, params: Any) -> Any:
        """The parameters of a message, without subscriptions to anything that is turned off.

        >>> params = {"notifications": {"resourcesListChanged": True, "taskIds": []}}
        >>> Closed("resources").narrowed("subscriptions/listen", params)
        {'notifications': {'taskIds': []}}
        """
        if method != LISTEN:
            return params
        begins = tuple(NOTIFICATIONS[kind] for kind in self.kinds)
        asked = {key: value for key, value in params["notifications"].items() if not folded(key).startswith(begins)}
        return {**params, "notifications": asked}

    def kind_of(self, method: str, params: Any) -> str | None:
        """The kind that a message belongs to. A message that cannot be read counts as one that is turned off."""
        if method == LISTEN and isinstance(_at(params, "notifications"), Mapping):
            return None
        if method == COMPLETE:
            about = _at(_at(params, "ref"), "type")
            return REFERENCES.get(about, self.kinds[0]) if isinstance(about, str) else self.kinds[0]
        # In any spelling, because a lenient server could accept it.
        names = readings(method)
        if not {COMPLETE, LISTEN}.isdisjoint(names):
            return self.kinds[0]
        return next((kind for prefix, kind in PREFIXES.items() if names[0].startswith(prefix)), None)


def closed(prompts: str = "pass", resources: str = "pass") -> Closed | None:
    """What these settings turn off, or `None`. Raises `ValueError` for a value other than `"deny"` and `"pass"`."""
    settings = {"prompts": prompts, "resources": resources}
    for name, value in settings.items():
        if value not in ("deny", "pass"):
            raise ValueError(f"`{name}` is `{value}`: use `deny` or `pass`")
    kinds = [name for name, value in settings.items() if value == "deny"]
    return Closed(*kinds) if kinds else None


def is_about(method: str) -> bool:
    """Whether a method can be about prompts or resources."""
    return folded(method).startswith((*PREFIXES, COMPLETE, LISTEN))


def _at(value: Any, key: str) -> Any:
    """The value of a key. `None` if another key could be read as this one."""
    return value.get(key) if isinstance(value, Mapping) and not is_ambiguous(value, (key,)) else None
