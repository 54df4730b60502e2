"""What the guards of servers share: they see calls as they came over the wire.

They run a tool with the `args` of the `Verdict` and with nothing else: those are what was judged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from perso._perso import Policy
from perso.adapters.closed import Instead, closed
from perso.adapters.fold import PARAMS, is_ambiguous
from perso.guard.event import logger
from perso.guard.judge import Judge, caller
from perso.guard.mark import mark_of
from perso.guard.verdict import Verdict

T = TypeVar("T")

# JSON-RPC 2.0, 5.1: for servers to define. For a call that was to become a task, whose client would lose a result.
DENIED_TASK = -32000


class Served:
    """A judge of calls to a server's tools."""

    def __init__(self, policy: Policy, **settings: Any) -> None:
        self.hide: bool = settings.pop("hide", False)
        self.closed = closed(settings.pop("prompts", "pass"), settings.pop("resources", "pass"))
        self.policy = policy
        self.judge = Judge(policy, **settings)

    async def call(self, told: object, tool: Any, args: Any, function: object = None) -> Verdict:
        """Judges a call that came over the wire, to the tool that runs `function`. Arguments that are not JSON are denied."""
        args = {} if args is None else args
        return await self.judge.judge(tool, args, told, is_json=True, leave=self._leave(tool, function))

    async def inside(self, told: object, tool: Any, args: Any, function: object = None) -> Verdict:
        """Judges a call that code inside the server makes, as a call by the caller whose request is served."""
        args = {} if args is None else args
        agent = caller()
        if agent is None:
            return await self.judge.judge(tool, args, told, leave=self._leave(tool, function))
        return await self.judge.judge_as(agent, tool, args, leave=self._leave(tool, function))

    def _leave(self, tool: Any, function: object) -> bool:
        return self.judge.ask_resource is None and self.leaves(tool, function)

    def leaves(self, tool: Any, function: object) -> bool:
        """Whether the function itself has a guard that decides, because it knows the resource."""
        mark = mark_of(function)
        return (
            mark is not None and mark.tool == tool and mark.policy() is self.policy and (mark.enforces or self.judge.observes)
        )

    async def shown(self, told: object, tools: Iterable[T], name: Callable[[T], Any]) -> list[T]:
        """The tools that the caller could ever be allowed to call: all of them, where nobody is kept from any."""
        if self.judge.observes:
            return list(tools)
        agent, failure = await self.judge.who(told)
        if failure is not None:
            logger.warning("no tool is listed: it is not known who asks", exc_info=failure)
            return []
        context = self.judge.context
        return [tool for tool in tools if self.policy.could_allow(name(tool), agent=agent, context=context)]

    def instead(self, method: str, params: Any) -> Instead | None:
        """What is answered in the server's place to a message about what the host has turned off. Denials are recorded."""
        instead = None if self.closed is None else self.closed.instead(method, params)
        if instead is None:
            return None
        if instead.result is None:
            return None if self.judge.refuse("", instead.why) is None else instead
        return None if self.judge.observes else instead

    def refuses_keys(self, params: Any) -> bool:
        """Whether a call is refused because readers could differ over which of its keys are meant. A denial is recorded."""
        return (
            is_ambiguous(params, PARAMS) and self.judge.refuse("", "a key of the params is spelled in another way") is not None
        )

    def narrowed(self, method: str, params: Any) -> Any:
        """The parameters of a message that passes, without what the host has turned off."""
        return params if self.closed is None or self.judge.observes else self.closed.narrowed(method, params)
