"""Every message about prompts and resources, for servers whose guards may deny them. Tests check what ran."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any

from support.done import done

SETTINGS: dict[str, dict[str, Any]] = {
    "default": {},
    "pass": {"prompts": "pass", "resources": "pass"},
    "prompts": {"prompts": "deny"},
    "resources": {"resources": "deny"},
    "both": {"prompts": "deny", "resources": "deny"},
    "observe": {"prompts": "deny", "resources": "deny", "mode": "observe"},
}
EVERYWHERE = ("default", "both")
"""The settings that are tested over each transport. The others are tested in memory only."""


@dataclass(frozen=True)
class Way:
    """A message from a client, and the kind that it belongs to."""

    kind: str
    method: str
    params: dict[str, Any]
    list: str | None = None
    """The name of the list in the answer."""

    @property
    def name(self) -> str:
        return f"{self.method} {self.params.get('uri', '')}{self.params.get('ref', {}).get('type', '')}".strip()


def completion(kind: str, **ref: str) -> Way:
    return Way(kind, "completion/complete", {"ref": ref, "argument": {"name": "number", "value": "1"}})


LISTS = [
    Way("prompts", "prompts/list", {}, "prompts"),
    Way("resources", "resources/list", {}, "resources"),
    Way("resources", "resources/templates/list", {}, "resourceTemplates"),
]
GETS = [
    Way("prompts", "prompts/get", {"name": "greet", "arguments": {"number": "1"}}),
    Way("resources", "resources/read", {"uri": "note://one"}),
    Way("resources", "resources/read", {"uri": "page://7"}),
]
COMPLETIONS = [
    completion("prompts", type="ref/prompt", name="greet"),
    completion("resources", type="ref/resource", uri="page://{number}"),
]
SUBSCRIPTIONS = [
    Way("resources", "resources/subscribe", {"uri": "note://one"}),
    Way("resources", "resources/unsubscribe", {"uri": "note://one"}),
]
UNKNOWN = [
    Way("prompts", "prompts/render", {}),
    Way("resources", "resources/directory/read", {"uri": "note://"}),
    Way("resources", "skills/activate", {"uri": "note://"}),
]


def offer(server: Any) -> None:
    """Gives a server of any SDK a prompt, a resource and a template, which record that they ran."""

    def greet(number: str) -> str:
        done.append("greet")
        return number

    def note() -> str:
        done.append("note")
        return "one"

    def page(number: str) -> str:
        done.append("page")
        return number

    server.prompt()(greet)
    server.resource("note://one")(note)
    server.resource("page://{number}")(page)


Ask = Callable[[str, dict[str, Any]], Awaitable[dict[str, Any]]]
"""Sends a request. Returns the result, or the `code` and the `message` of an error."""


async def use(ask: Ask, settings: dict[str, Any], ways: Iterable[Way]) -> None:
    """Sends each message and checks what ran."""
    for way in ways:
        done.clear()
        answer = await ask(way.method, way.params)
        if settings.get(way.kind) != "deny" or settings.get("mode") == "observe":
            assert "code" not in answer, (way, answer)
            assert answer[way.list] if way.list else done, (way, answer)
            continue
        assert done == [], way
        if way.list:
            assert answer[way.list] == [] and "code" not in answer, (way, answer)
        else:
            denial = f"{way.method} is not allowed: this server's guard denies {way.kind}"
            assert answer == {"code": -32601, "message": denial}, (way, answer)
