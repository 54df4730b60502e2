"""Requests for resources and prompts that the policy covers: which calls they are, for a policy."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from perso.adapters.closed import COMPLETE, LISTEN, LISTS, REFERENCES, Closed, Instead
from perso.adapters.fold import is_ambiguous
from perso.adapters.same import is_same

READ = "mcp:resources/read"
SUBSCRIBE = "mcp:resources/subscribe"
GET = "mcp:prompts/get"
COMPLETION = "mcp:completion/complete"
LISTED = "mcp:prompts/list"
"""Stands for a prompt in a list, with its `name`. The rules for `GET` decide about it."""

TOOLS = {
    "resources/read": READ,
    "skills/get": READ,
    "resources/subscribe": SUBSCRIBE,
    "resources/unsubscribe": SUBSCRIBE,
    LISTEN: SUBSCRIBE,
    "prompts/get": GET,
    COMPLETE: COMPLETION,
}
"""The tools that requests are calls of."""

NAMES = {"resources": "uri", "resourceTemplates": "uriTemplate", "skills": "uri", "prompts": "name"}
"""The keys by which the entries of lists are named."""

NO_ARGUMENTS = ("_meta", "inputResponses", "requestState")
"""The params of a request that are no arguments."""

PARAMS = (*NO_ARGUMENTS, "uri", "name", "arguments", "ref", "argument", "context", "notifications")
"""The params that servers read."""

MOST_RESOURCES = 1024
"""The maximum number of resources in a subscription, each of which is judged."""

INVALID_PARAMS = -32602
RESOURCE_NOT_FOUND = -32002


@dataclass(frozen=True)
class Calls:
    """A request, as a policy judges it: calls of a tool, each with its arguments. All of them must be allowed."""

    tool: str
    args: list[dict[str, Any]]
    reference: tuple[str, str] | None = None
    """What a completion is for: its kind and its name. The caller must be able to see it in a list."""


def calls(kinds: Collection[str], method: str, params: Any) -> Calls | Instead | None:
    """The calls that a request is for a policy that covers these kinds. `None` for any other message, and for lists.

    >>> calls(["resources"], "resources/read", {"uri": "note://1", "_meta": {}})
    Calls(tool='mcp:resources/read', args=[{'uri': 'note://1'}], reference=None)
    >>> calls(["resources"], "resources/write", {"uri": "note://1"}).message
    'resources/write is not allowed: the policy covers resources, and cannot judge this request'
    >>> calls(["resources"], "prompts/get", {"name": "greet"})
    """
    if not kinds:
        return None
    kind = "resources" if method == LISTEN else Closed(*kinds).kind_of(method, params)
    if kind not in kinds or method in LISTS:
        return None
    tool = TOOLS.get(method)
    if tool is None:
        message = f"{method} is not allowed: the policy covers {kind}, and cannot judge this request"
        return Instead(None, message, "the request cannot be judged")
    found = _calls(tool, method, params)
    return found or Instead(None, "Invalid request parameters", "the request cannot be read", INVALID_PARAMS)


def _calls(tool: str, method: str, params: Any) -> Calls | None:
    """The calls. `None` if servers could read the params differently, or not at all."""
    if not isinstance(params, Mapping) or is_ambiguous(params, PARAMS):
        return None
    if method == LISTEN:
        asked = params.get("notifications")
        if not isinstance(asked, Mapping) or is_ambiguous(asked, ["resourceSubscriptions"]):
            return None
        uris = asked.get("resourceSubscriptions") or []
        if not isinstance(uris, list) or len(uris) > MOST_RESOURCES or not all(isinstance(uri, str) for uri in uris):
            return None
        return Calls(tool, [{"uri": uri} for uri in uris])
    args = {key: value for key, value in params.items() if key not in NO_ARGUMENTS}
    reference = None
    if tool == COMPLETION:
        about = params.get("ref")
        if not isinstance(about, Mapping) or is_ambiguous(about, ("type", "name", "uri")):
            return None
        kind = REFERENCES.get(str(about.get("type")), "")
        name = about.get("name" if kind == "prompts" else "uri") if kind else None
        reference = (kind, str(name))
    else:
        name = params.get("name" if tool == GET else "uri")
    return Calls(tool, [args], reference) if isinstance(name, str) else None


def unknown(tool: str, *, is_modern: bool) -> tuple[int, str]:
    """The code and message with which a server says that it does not have what a request is for."""
    if tool == GET:
        return INVALID_PARAMS, "Prompt not found"
    if tool == COMPLETION:
        return INVALID_PARAMS, "Reference not found"
    return (INVALID_PARAMS if is_modern else RESOURCE_NOT_FOUND), "Resource not found"


_passed: ContextVar[Mapping[object, tuple[str, Any]]] = ContextVar("perso_passed")
"""The request that each guard lets pass now. It reaches further gates of the guard on its way to the handler."""


@contextmanager
def passing(guard: object, method: str, params: Any) -> Iterator[None]:
    """Lets a request pass all gates of a guard as long as nothing changes it."""
    token = _passed.set({**_passed.get({}), guard: (method, _arguments(params))})
    try:
        yield
    finally:
        _passed.reset(token)


def is_passed(guard: object, method: str, params: Any) -> bool:
    """Whether the guard has judged exactly this request already."""
    passed = _passed.get({}).get(guard)
    return passed is not None and passed[0] == method and is_same(passed[1], _arguments(params))


def _arguments(params: Any) -> Any:
    if params is None:
        return {}
    return {key: value for key, value in params.items() if key not in NO_ARGUMENTS} if isinstance(params, Mapping) else params
