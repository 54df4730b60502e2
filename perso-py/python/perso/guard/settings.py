"""The options of guards."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, TypedDict

from perso._perso import Ledger
from perso.guard.denied import Denied
from perso.guard.event import Event
from perso.guard.memory import Queue

Mode = Literal["enforce", "observe"]
Access = Literal["deny", "pass"]

AGENT_TIME = 5.0
"""The default for `agent_time`, in seconds."""

RESOURCE_TIME = 5.0
"""The default for `resource_time`, in seconds."""

APPROVAL_TIME = 300.0
"""The default for `approval_time`, in seconds."""


class Settings(TypedDict, total=False):
    """The options of every guard. All are optional.

    - ``agent``: who calls. Either a mapping (one caller, as over stdio), or a function, sync or async, that the guard calls for
      each call and that returns a mapping. The adapter determines what the function gets; it may also take no parameters. If it
      raises, the call is denied. By default, the caller is anonymous and has no roles, or is the one that a guard of the
      surrounding server has identified.
    - ``agent_time``: the seconds that the ``agent`` function may take in async code, by default 5. After that, the call is
      denied.
    - ``resource``: a function, sync or async, that takes a copy of the arguments (and optionally the tool and the agent) and
      returns what rules read as ``resource.…``. The guard calls it only if the policy needs the resource to decide. If it
      raises, the resource is unknown, which can only remove permission.
    - ``resource_time``: the seconds that the ``resource`` function may take in async code, by default 5. After that, the
      resource is unknown.
    - ``context``: a mapping that rules read as ``context.…``. If the policy reads ``context.now`` and the mapping has no
      ``now``, rules read the time at which the call is judged.
    - ``session``: the id of the session that a call belongs to. Either a string, or a function, sync or async, that gets what
      the ``agent`` function gets and returns a string or ``None``. Labels, and limits that count by session, need it. If it
      raises, or takes longer than ``agent_time``, the call is denied. By default, there is no session, or it is the one that a
      guard of the surrounding server has identified.
    - ``ledger``: remembers what limits, labels and queued approvals need: a `perso.Ledger`, or the address of one. Without it,
      calls that a limit or a label is about are denied. By default, ``ledger`` and ``approver`` are those of a guard of the
      surrounding server.
    - ``approver``: whom to ask about calls that need an approval. Either a function, sync or async, that gets a
      `perso.Question` (and optionally what the ``agent`` function gets) and returns ``Answer.approved(by=…)``,
      ``Answer.denied(by=…)``, or ``None`` if nobody has answered; or ``"queue"`` or a `perso.Queue`, which asks in the ledger;
      or, in front of MCP servers, ``elicit()``, which has the client ask its user. If it raises, the call is denied. Without
      it, such a call does not run.
    - ``approval_time``: the seconds that the ``approver`` may take, by default 300. After that, nobody has answered. In sync
      code, a function has to limit its time itself.
    - ``mode``: ``"enforce"`` (the default), or ``"observe"``, which decides and records but lets every call pass.
    - ``denial``: a function that takes the `Denied` and returns what the model reads instead of the decision's ``message``. If
      it raises, the model reads the message.
    - ``on_decision``: a function that gets each `Event` and a copy of the arguments, before the call runs. The arguments are
      ``None`` if they could not be copied. If it raises, the error is logged and the decision stands.
    """

    agent: object
    agent_time: float
    resource: Callable[..., Any] | None
    resource_time: float
    context: Mapping[str, Any] | None
    session: object
    ledger: Ledger | str | None
    approver: Callable[..., Any] | Queue | Literal["queue"] | None
    approval_time: float
    mode: Mode
    denial: Callable[[Denied], str] | None
    on_decision: Callable[[Event, Any], None] | None


class ServerSettings(Settings, total=False):
    """The options of a guard in front of a server, in addition to `Settings`.

    - ``hide`` (`bool`, default ``False``): answers a call that does not run as if the tool, resource or prompt did not
      exist.
    - ``prompts`` (``"pass"`` or ``"deny"``, default ``"pass"``): ``"deny"`` turns prompts off. ``prompts/get`` and completions
      for a prompt are errors, and ``prompts/list`` is empty. With ``"pass"``, the policy judges prompts if it covers them.
    - ``resources`` (``"pass"`` or ``"deny"``, default ``"pass"``): ``"deny"`` turns resources off. ``resources/read``,
      ``skills/get``, subscriptions and completions for a resource are errors, and the lists of resources, of resource templates
      and of skills are empty.
      Clients then cannot read the resources that a tool's result links to, or the ``ui://`` resources of MCP Apps.
    - ``input_responses`` (``"deny"`` or ``"pass"``, default ``"deny"``; `mcp` 2 only): ``"pass"`` lets calls through whose
      ``inputResponses`` the tool's own code reads, where no rule sees them. Parameters with ``Resolve(…)`` are judged and need
      no option.

    For a server whose clients only need tools: ``policy.guard_server(server, prompts="deny", resources="deny")``.
    """

    hide: bool
    prompts: Access
    resources: Access
    input_responses: Access
