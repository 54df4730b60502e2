"""The tasks of the tau2 benchmark, with the calls that solve each by the benchmark's own ground truth."""

from __future__ import annotations

import importlib.resources
import json
from collections.abc import Iterator, Mapping
from typing import Any


def of(source: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Each task that has calls: its caller, and the rules that deny some of its calls, by their places."""
    folder = importlib.resources.files(source["package"]) / "data/tau2/domains" / source["domain"]
    tables = json.loads((folder / "db.json").read_text())
    denied: dict[str, dict[str, str]] = {}
    for exception in source["denied"]:
        denied.setdefault(exception["task"], {})[str(exception["call"])] = exception["rule"]
    for task in json.loads((folder / "tasks.json").read_text()):
        calls = [{"tool": action["name"], "args": action["arguments"]} for action in task["evaluation_criteria"]["actions"] or []]
        if calls:
            yield {
                "name": f"task {task['id']}",
                "agent": caller(tables, calls),
                "calls": calls,
                "denied": denied.pop(task["id"], {}),
            }
    assert not denied, f"there are no such tasks: {denied}"


def caller(tables: Mapping[str, Any], calls: list[dict[str, Any]]) -> dict[str, str]:
    """The customer whose profile, orders or reservations the calls name; nobody if they name none."""
    owned = tables.get("orders", {}) | tables.get("reservations", {})
    named = [call["args"].get("order_id") or call["args"].get("reservation_id") for call in calls]
    users = {call["args"]["user_id"] for call in calls if "user_id" in call["args"]}
    users |= {owned[name]["user_id"] for name in named if name in owned}
    assert len(users) <= 1, f"several customers: {users}"
    return {"id": users.pop()} if users else {}
