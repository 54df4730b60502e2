"""Prompts and resources, which a host can turn off: the one table of their methods."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from perso.adapters.fold import folded, is_ambiguous, readings

KINDS = ("prompts", "resources")

LISTS = {"prompts/list": "prompts", "resources/list": "resources", "resources/templates/list": "resourceTemplates"}
"""What is answered with an empty list of this name: clients ask for it because of what the server says that it can do."""

COMPLETE = "completion/complete"
REFERENCES = {"ref/prompt": "prompts", "ref/resource": "resources"}
"""What a completion is about, by the type of its `ref`."""

LISTEN = "subscriptions/listen"
NOTIFICATIONS = {"prompts": "prompt", "resources": "resource"}
"""How the notifications begin that a client can subscribe to: `promptsListChanged`, `resourceSubscriptions`."""


@dataclass(frozen=True)
class Instead:
    """What is answered in the server's place: the result, or without one the error `METHOD_NOT_FOUND`."""

    result: dict[str, Any] | None
    message: str
    why: str
    """What a decision says to the host."""


class Closed:
    """What a host has turned off."""

    def __init__(self, *kinds: str) -> None:
        self.kinds = kinds

    def instead(self, method: str, params: Any) -> Instead | None:
        """What is answered in the server's place, if a message is about what is turned off.

        >>> Closed("prompts").instead("prompts/get", {"name": "greet"}).message
        "prompts/get is not allowed: this server's guard denies prompts"
        >>> Closed("prompts").instead("prompts/list", None).result
        {'prompts': []}
        >>> Closed("prompts").instead("resources/list", None)
        """
        kind = self._kind(method, params)
        if kind not in self.kinds:
            return None
        result: dict[str, Any] | None = {LISTS[method]: []} if method in LISTS else None
        return Instead(result, f"{method} is not allowed: this server's guard denies {kind}", f"{kind} are denied")

    def narrowed(self, method: str, params: Any) -> Any:
        """The parameters of a message that passes: a subscription asks for nothing that is turned off.

        >>> params = {"notifications": {"resourcesListChanged": True, "taskIds": []}}
        >>> Closed("resources").narrowed("subscriptions/listen", params)
        {'notifications': {'taskIds': []}}
        """
        if method != LISTEN:
            return params
        begins = tuple(NOTIFICATIONS[kind] for kind in self.kinds)
        asked = {key: value for key, value in params["notifications"].items() if not folded(key).startswith(begins)}
        return {**params, "notifications": asked}

    def _kind(self, method: str, params: Any) -> str | None:
        """What a message is about, if not something else. What cannot be read is about what is turned off."""
        if method == LISTEN and isinstance(_at(params, "notifications"), Mapping):
            return None
        if method == COMPLETE:
            about = _at(_at(params, "ref"), "type")
            return REFERENCES.get(about, self.kinds[0]) if isinstance(about, str) else self.kinds[0]
        # However it is spelled: a lax server might take it for the method.
        names = readings(method)
        if not {COMPLETE, LISTEN}.isdisjoint(names):
            return self.kinds[0]
        return next((kind for kind in KINDS if names[0].startswith(f"{kind}/")), None)


def closed(prompts: str = "pass", resources: str = "pass") -> Closed | None:
    """What these settings turn off: `None` if nothing. Raises `ValueError` for other values."""
    settings = {"prompts": prompts, "resources": resources}
    for name, value in settings.items():
        if value not in ("deny", "pass"):
            raise ValueError(f"`{name}` is `{value}`: use `deny` or `pass`")
    kinds = [name for name, value in settings.items() if value == "deny"]
    return Closed(*kinds) if kinds else None


def is_about(method: str) -> bool:
    """Whether a method can be about prompts or resources."""
    return folded(method).startswith(("prompts/", "resources/", COMPLETE, LISTEN))


def _at(value: Any, key: str) -> Any:
    """A value, unless a reader could take another key for this one."""
    return value.get(key) if isinstance(value, Mapping) and not is_ambiguous(value, (key,)) else None
