"""Which messages are about prompts and resources that the host has turned off."""

from typing import Any

import pytest

from perso.adapters.closed import Closed, closed

PROMPTS, RESOURCES, BOTH = Closed("prompts"), Closed("resources"), Closed("prompts", "resources")

METHODS: list[tuple[str, Any, Closed, str | None]] = [
    ("prompts/list", None, PROMPTS, "prompts"),
    ("prompts/get", {"name": "greet"}, PROMPTS, None),
    ("prompts/render", None, PROMPTS, None),
    ("Prompts/List", None, PROMPTS, None),
    ("prompt\u017f/get", None, PROMPTS, None),
    ("completion/complete", {"ref": {"type": "ref/prompt"}}, PROMPTS, None),
    ("resources/list", None, RESOURCES, "resources"),
    ("resources/templates/list", None, RESOURCES, "resourceTemplates"),
    ("resources/read", {"uri": "ui://view"}, RESOURCES, None),
    ("resources/subscribe", None, RESOURCES, None),
    ("resources/unsubscribe", None, RESOURCES, None),
    ("resources/directory/read", None, RESOURCES, None),
    ("RESOURCES/LIST", None, RESOURCES, None),
    ("completion/complete", {"ref": {"type": "ref/resource"}}, RESOURCES, None),
]


@pytest.mark.parametrize(("method", "params", "kind", "result"), METHODS)
def test_each_method_is_of_its_kind(method: str, params: Any, kind: Closed, result: str | None) -> None:
    other = RESOURCES if kind is PROMPTS else PROMPTS
    assert other.instead(method, params) is None
    for turned_off in (kind, BOTH):
        instead = turned_off.instead(method, params)
        assert instead is not None and instead.why == f"{kind.kinds[0]} are denied"
        assert instead.message == f"{method} is not allowed: this server's guard denies {kind.kinds[0]}"
        assert instead.result == (None if result is None else {result: []})


@pytest.mark.parametrize("turned_off", [PROMPTS, RESOURCES, BOTH])
@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("completion/complete", None),
        ("completion/complete", {"ref": "ref/tool"}),
        ("completion/complete", {"ref": {"type": "ref/tool"}}),
        ("completion/complete", {"ref": {"type": ["ref/tool"]}}),
        ("completion/complete", {"ref": {"type": "Ref/Prompt"}}),
        ("Completion/Complete", {"ref": {"type": "ref/prompt"}}),
        ("subscriptions/listen", None),
        ("subscriptions/listen", {"notifications": []}),
        ("Subscriptions/Listen", {"notifications": {}}),
    ],
)
def test_what_cannot_be_read_is_denied(turned_off: Closed, method: str, params: Any) -> None:
    instead = turned_off.instead(method, params)
    assert instead is not None and instead.result is None


@pytest.mark.parametrize("method", ["ping", "initialize", "tools/list", "tasks/get", "prompts", "resource/read", ""])
def test_other_methods_pass(method: str) -> None:
    assert BOTH.instead(method, {}) is None and BOTH.narrowed(method, {"a": 1}) == {"a": 1}


def test_subscriptions_are_narrowed() -> None:
    params = {
        "notifications": {
            "toolsListChanged": True,
            "promptsListChanged": True,
            "resourcesListChanged": True,
            "RESOURCESUBSCRIPTIONS": ["note://one"],
            "taskIds": ["1"],
        },
        "_meta": {},
    }
    keys = [list(one.narrowed("subscriptions/listen", params)["notifications"]) for one in (PROMPTS, RESOURCES, BOTH)]
    assert keys == [
        ["toolsListChanged", "resourcesListChanged", "RESOURCESUBSCRIPTIONS", "taskIds"],
        ["toolsListChanged", "promptsListChanged", "taskIds"],
        ["toolsListChanged", "taskIds"],
    ]
    assert len(params["notifications"]) == 5 and BOTH.instead("subscriptions/listen", params) is None


def test_settings() -> None:
    assert closed() is None and closed("pass", "pass") is None
    found = closed("deny", "deny")
    assert found is not None and found.kinds == ("prompts", "resources")
    for wrong in ("allow", "", True, None):
        with pytest.raises(ValueError, match=r"`resources` is `.*`: use `deny` or `pass`"):
            closed(resources=wrong)  # type: ignore[arg-type]
