"""Policies that cover prompts and resources, for the servers of `support.closed`. Tests check what ran and what was decided."""

from collections.abc import Iterable
from typing import Any

from .closed import Ask, Way
from .done import done
from .policies import policy

COVERS = ["tools", "resources", "prompts"]
REASON = "Only staff may read notes."

STAFF = policy(
    {"id": "tools", "allow": "*"},
    {
        "id": "read",
        "allow": ["mcp:resources/read", "mcp:resources/subscribe"],
        "roles": ["staff"],
        "when": {"args.uri": {"in": ["note://one", "page://7", "page://{number}"]}},
        "reason": REASON,
    },
    {
        "id": "greet",
        "allow": "mcp:prompts/get",
        "roles": ["staff"],
        "when": {"args.name": "greet", "args.arguments.number": "1"},
    },
    {"id": "complete", "allow": "mcp:completion/complete", "roles": ["staff"]},
    covers=COVERS,
)
"""Staff may use everything that the servers offer, and others nothing."""

TOOLS = {
    "resources/read": "mcp:resources/read",
    "resources/subscribe": "mcp:resources/subscribe",
    "resources/unsubscribe": "mcp:resources/subscribe",
    "prompts/get": "mcp:prompts/get",
    "completion/complete": "mcp:completion/complete",
}


class Seen:
    """The options of a guard whose caller changes, and that records its decisions."""

    def __init__(self) -> None:
        self.roles: list[str] = []
        self.decided: list[tuple[str, bool, Any]] = []

    def settings(self, **more: Any) -> dict[str, Any]:
        def on_decision(event: Any, args: Any) -> None:
            self.decided.append((event.tool, event.decision.allowed, args))

        return {"agent": lambda: {"roles": self.roles}, "on_decision": on_decision, **more}


async def use_covered(ask: Ask, seen: Seen, ways: Iterable[Way], *, times: int | None = 1) -> None:
    """Sends each message by staff and by others. `times` is how often an allowed request may be decided, if that is known."""
    for way in ways:
        for roles in (["staff"], ["guest"], ["staff"]):
            done.clear()
            seen.decided.clear()
            seen.roles = roles
            answer = await ask(way.method, way.params)
            is_allowed = roles == ["staff"]
            if way.list:
                assert "code" not in answer and bool(answer[way.list]) == is_allowed, (way, roles, answer)
                assert seen.decided == [], (way, seen.decided)
                continue
            tool = TOOLS.get(way.method)
            assert bool(done) == (is_allowed and tool is not None), (way, roles, done, answer)
            if tool is None:
                # The policy cannot judge it.
                assert answer["code"] in (-32601, -32602), (way, answer)
                continue
            if is_allowed:
                assert "code" not in answer, (way, answer)
                assert times is None or len(seen.decided) == times, (way, seen.decided)
            else:
                assert answer["code"] == -32000, (way, answer)
            assert seen.decided and all(one == (tool, is_allowed, way.params) for one in seen.decided), (way, seen.decided)
