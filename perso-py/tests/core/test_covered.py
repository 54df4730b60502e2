"""What policies cover, and which calls the requests for it are."""

from typing import Any

import pytest

from perso import Denied, Policy
from perso.adapters.closed import Instead
from perso.adapters.covered import MOST_RESOURCES, Calls, calls, is_passed, passing
from perso.guard.judge import RESERVED
from support.policies import policy

BOTH = policy(
    {"id": "all", "allow": "*"},
    {"id": "read", "allow": "mcp:resources/read", "when": {"args.uri": {"starts_with": "note://"}}},
    {"id": "report", "allow": "mcp:prompts/get", "when": {"args.name": "report", "args.arguments.team": "sales"}},
    {"id": "own", "allow": "mcp:prompts/get", "when": {"args.name": "own", "resource.owner": {"eq": {"ref": "agent.id"}}}},
    covers=["tools", "resources", "prompts"],
)
PLAIN = policy({"allow": "*"})


def test_what_a_policy_covers() -> None:
    assert PLAIN.covers == ("tools",) and not PLAIN.reserves("mcp:resources/read")
    assert BOTH.covers == ("tools", "resources", "prompts")
    assert policy({"allow": "mcp:prompts/*"}, covers=["prompts"]).covers == ("tools", "prompts")
    assert BOTH.reserves("mcp:resources/read") and BOTH.reserves("mcp:x") and not BOTH.reserves("mcp") and not BOTH.reserves(5)
    changing = Policy(PLAIN.module)
    changing.swap(BOTH.module)
    assert changing.covers == BOTH.covers


def test_what_could_be_listed() -> None:
    assert BOTH.could_list("mcp:resources/read", {"uri": "note://1"})
    assert not BOTH.could_list("mcp:resources/read", {"uri": "file:///1"})
    assert BOTH.could_list("mcp:prompts/list", {"name": "report"})
    assert not BOTH.could_list("mcp:prompts/list", {"name": "payroll"}) and not BOTH.could_list("mcp:prompts/list")
    assert BOTH.could_list("mcp:prompts/list", {"name": "own"}, agent={"id": "ann"})
    assert not BOTH.could_list("mcp:prompts/list", {"name": "own"}) and not BOTH.could_list(5, {})


def test_no_tool_has_the_name_of_a_request() -> None:
    """A function that is guarded by itself."""

    @BOTH.guard(tool="mcp:resources/read")
    def read(uri: str) -> str:
        return uri

    with pytest.raises(Denied) as denied:
        read("note://1")
    cause = denied.value.decision.cause
    assert (cause.kind, cause.detail) == ("engine", RESERVED)
    assert PLAIN.guard(lambda uri: uri, tool="mcp:resources/read")("note://1") == "note://1"  # type: ignore[arg-type]


READABLE: list[tuple[str, Any, str, Calls | None]] = [
    ("resources/read", {"uri": "a", "_meta": {}, "x": 1}, "resources", Calls("mcp:resources/read", [{"uri": "a", "x": 1}])),
    ("resources/unsubscribe", {"uri": "a"}, "resources", Calls("mcp:resources/subscribe", [{"uri": "a"}])),
    (
        "prompts/get",
        {"name": "a", "inputResponses": {}, "requestState": ""},
        "prompts",
        Calls("mcp:prompts/get", [{"name": "a"}]),
    ),
    (
        "completion/complete",
        {"ref": {"type": "ref/prompt", "name": "a"}},
        "prompts",
        Calls("mcp:completion/complete", [{"ref": {"type": "ref/prompt", "name": "a"}}], ("prompts", "a")),
    ),
    (
        "subscriptions/listen",
        {"notifications": {"resourceSubscriptions": ["a", "b"]}},
        "resources",
        Calls("mcp:resources/subscribe", [{"uri": "a"}, {"uri": "b"}]),
    ),
    ("subscriptions/listen", {"notifications": {}}, "resources", Calls("mcp:resources/subscribe", [])),
    ("resources/list", None, "resources", None),
    ("prompts/list", {}, "prompts", None),
]


@pytest.mark.parametrize(("method", "params", "kind", "expected"), READABLE)
def test_each_request_is_of_its_kind(method: str, params: Any, kind: str, expected: Calls | None) -> None:
    other = "prompts" if kind == "resources" else "resources"
    assert calls([kind], method, params) == calls(["resources", "prompts"], method, params) == expected
    assert calls([other], method, params) is None and calls([], method, params) is None


@pytest.mark.parametrize(
    ("method", "params", "code"),
    [
        ("resources/read", None, -32602),
        ("resources/read", {"uri": 1}, -32602),
        ("resources/read", {"Uri": "a"}, -32602),
        ("resources/read", {"uri": "a", "URI": "b"}, -32602),
        ("prompts/get", {"name": ["a"]}, -32602),
        ("prompts/get", {"name": "a", "argument\u017f": {}}, -32602),
        ("completion/complete", {"ref": {"type": "ref/prompt", "name": 1}}, -32602),
        ("completion/complete", {"ref": {"type": "ref/tool", "name": "a"}}, -32602),
        ("completion/complete", {}, -32602),
        ("subscriptions/listen", {}, -32602),
        ("subscriptions/listen", {"notifications": {"resourceSubscriptions": "a"}}, -32602),
        ("subscriptions/listen", {"notifications": {"resourceSubscriptions": [1]}}, -32602),
        ("subscriptions/listen", {"notifications": {"ResourceSubscriptions": []}}, -32602),
        ("subscriptions/listen", {"notifications": {"resourceSubscriptions": ["a"] * (MOST_RESOURCES + 1)}}, -32602),
        ("resources/directory/read", {"uri": "a"}, -32601),
        ("Resources/Read", {"uri": "a"}, -32601),
        ("prompts/render", {"name": "a"}, -32601),
        ("Subscriptions/listen", {"notifications": {}}, -32601),
    ],
)
def test_what_cannot_be_judged_is_refused(method: str, params: Any, code: int) -> None:
    instead = calls(["resources", "prompts"], method, params)
    assert isinstance(instead, Instead) and instead.code == code and instead.result is None


def test_only_what_was_judged_passes() -> None:
    guard, other = object(), object()
    with passing(guard, "resources/read", {"uri": "a", "_meta": {"x": 1}}):
        assert is_passed(guard, "resources/read", {"uri": "a"})
        for asked in (
            (guard, "resources/read", {"uri": "b"}),
            (guard, "prompts/get", {"uri": "a"}),
            (other, "resources/read", {"uri": "a"}),
        ):
            assert not is_passed(*asked)
    assert not is_passed(guard, "resources/read", {"uri": "a"})
