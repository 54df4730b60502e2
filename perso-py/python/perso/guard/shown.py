"""What a person is shown of a call that they are asked about."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from perso._perso import Json
from perso.guard.caller import Caller
from perso.guard.own import NOT_ARGUMENTS, own

Shown = tuple[str, str, str | None]
"""The arguments and the caller's attributes as JSON texts, and the id of the session."""


def shown(by: Caller, args: Any) -> Shown | None:
    """What a person is shown. `None` if that would not be exactly what the tool gets.

    >>> shown(Caller({"id": "ann", "roles": {"agent"}}), {"amount": 5})
    ('{"amount": 5}', '{"id": "ann"}', None)
    >>> shown(Caller(), {"amount": object()})
    """
    try:
        return _text(_arguments(args)), _text(_agent(by.agent)), by.session
    except (TypeError, ValueError):
        return None


def _text(value: Any) -> str:
    if isinstance(value, Json):
        return value.text
    return json.dumps(own(value, is_json=True), allow_nan=False)


def _arguments(args: Any) -> Any:
    if type(args) is not dict:
        return args
    # The object or class that a method belongs to is no argument.
    return {name: value for name, value in args.items() if name not in NOT_ARGUMENTS or isinstance(value, str)}


def _agent(agent: Any) -> Any:
    """The attributes by which an approval knows the caller: the id alone, if there is one."""
    if isinstance(agent, Json):
        return agent
    if isinstance(agent, Mapping):
        agent = dict(agent)
    elif dataclasses.is_dataclass(agent) or hasattr(agent, "__pydantic_fields__"):
        agent = vars(agent)
    elif agent is None:
        agent = {}
    id = agent.get("id") if isinstance(agent, dict) else None
    return {"id": id} if isinstance(id, str) else agent
