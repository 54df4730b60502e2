"""How a guard is set up: the same for all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, TypedDict

from perso.guard.denied import Denied
from perso.guard.event import Event

Mode = Literal["enforce", "observe"]
Access = Literal["deny", "pass"]

AGENT_TIME = 5.0
"""How long `agent` may take to answer, in seconds, if you do not set `agent_time`."""

RESOURCE_TIME = 5.0
"""How long `resource` may take to answer, in seconds, if you do not set `resource_time`."""


class Settings(TypedDict, total=False):
    """The options of every guard.

    - ``agent``: who calls: a mapping (one caller, as over stdio), or a function, sync or async, that is called for each
      call. What it is called with depends on the adapter; it may take no parameter. ``None``: an anonymous caller, without
      roles.
    - ``agent_time``: how many seconds that function may take in async code; 5 by default. Then the call is denied.
    - ``resource``: a function, sync or async, from the arguments (and the tool, and the agent, if it takes them) to what
      rules read as ``resource.…``. Called only where the policy reads it and the decision is still open without it.
    - ``resource_time``: how many seconds that may take in async code; 5 by default. Then nothing is known of the resource.
    - ``context``: what rules read as ``context.…``.
    - ``mode``: ``"observe"`` decides and records, but lets everything pass.
    - ``denial``: what the model reads in place of the reason, from the `Denied`.
    - ``on_decision``: is called with each `Event` and a copy of the call's arguments, before the call runs. The arguments
      are ``None`` where the call was denied because they could not be copied.
    """

    agent: object
    agent_time: float
    resource: Callable[..., Any] | None
    resource_time: float
    context: Mapping[str, Any] | None
    mode: Mode
    denial: Callable[[Denied], str] | None
    on_decision: Callable[[Event, Any], None] | None


class ServerSettings(Settings, total=False):
    """The options of a guard in front of a server. Those that are ``"deny"`` or ``"pass"`` raise `ValueError` for other values.

    - ``hide`` (`bool`, default ``False``): answers a denied call as if the tool did not exist.
    - ``prompts`` (``"pass"`` or ``"deny"``, default ``"pass"``): ``"deny"`` turns prompts off. ``prompts/get`` and completions
      for a prompt are errors, and ``prompts/list`` is empty.
    - ``resources`` (``"pass"`` or ``"deny"``, default ``"pass"``): ``"deny"`` turns resources off. ``resources/read``,
      subscriptions and completions for a resource are errors, and the lists of resources and of resource templates are empty.
      Clients then cannot read the resources that a tool's result links to, or the ``ui://`` resources of MCP Apps.
    - ``input_responses`` (``"deny"`` or ``"pass"``, default ``"deny"``; `mcp` 2 only): ``"pass"`` lets calls through whose
      ``inputResponses`` the tool's own code reads, where no rule sees them. Parameters with ``Resolve(…)`` are judged and need
      no option.

    For a server of which clients need nothing but its tools: ``policy.guard_server(server, prompts="deny", resources="deny")``.
    """

    hide: bool
    prompts: Access
    resources: Access
    input_responses: Access
