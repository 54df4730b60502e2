"""How a guard is set up: the same for all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, TypedDict

from perso.guard.denied import Denied
from perso.guard.event import Event

Mode = Literal["enforce", "observe"]

RESOURCE_TIME = 5.0
"""How long a resource may take, in seconds, if not said otherwise."""


class Settings(TypedDict, total=False):
    """What can be said of any guard.

    - ``agent``: who calls: a mapping (one caller, as over stdio), or a function, sync or async, that tells for each call
      anew; what it is told depends on the adapter, and it need not take it. ``None``: an anonymous caller, without roles.
    - ``resource``: a function, sync or async, from the arguments (and the tool, and the agent, if it takes them) to what
      rules read as ``resource.…``. Asked only where the policy reads it and the decision is still open without it.
    - ``resource_time``: how many seconds that may take where it can be waited for; 5 if not said otherwise.
    - ``context``: what rules read as ``context.…``.
    - ``mode``: ``"observe"`` decides and records, but lets everything pass.
    - ``denial``: what the model reads in place of the reason, from the `Denied`.
    - ``on_decision``: is told of each decision, with the call's arguments, before the call runs.
    """

    agent: object
    resource: Callable[..., Any] | None
    resource_time: float
    context: Mapping[str, Any] | None
    mode: Mode
    denial: Callable[[Denied], str] | None
    on_decision: Callable[[Event, Any], None] | None


class ServerSettings(Settings, total=False):
    """What can be said of a guard in front of a server.

    - ``hide``: a denied call is answered as if there were no such tool.
    """

    hide: bool
