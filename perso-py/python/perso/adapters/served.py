"""What the guards of servers share: they see calls as they came over the wire."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from time import perf_counter
from typing import Any, TypeVar

from perso._perso import Policy
from perso.guard.denied import Denied
from perso.guard.event import logger
from perso.guard.judge import Judge, caller
from perso.guard.mark import mark_of

T = TypeVar("T")

# JSON-RPC 2.0, 5.1: for servers to define. For a call that was to become a task, whose client would lose a result.
DENIED_TASK = -32000


class Served:
    """A judge of calls to a server's tools."""

    def __init__(self, policy: Policy, **settings: Any) -> None:
        self.hide: bool = settings.pop("hide", False)
        self.policy = policy
        self.judge = Judge(policy, **settings)

    async def call(self, told: object, tool: Any, args: Any, function: object = None) -> tuple[object, Denied | None]:
        """Judges a call that came over the wire, to the tool that runs `function`: who calls, and nothing if it may run."""
        begin = perf_counter()
        agent, failure = await self.judge.who(told)
        return agent, await self._judge(begin, agent, failure, tool, args, function)

    async def inside(self, told: object, tool: Any, args: Any, function: object = None) -> Denied | None:
        """Judges a call that was made inside of the server: by whoever makes the request that is served."""
        begin = perf_counter()
        agent, failure = caller(), None
        if agent is None:
            agent, failure = await self.judge.who(told)
        return await self._judge(begin, agent, failure, tool, args, function)

    async def _judge(
        self, begin: float, agent: object, failure: BaseException | None, tool: Any, args: Any, function: object
    ) -> Denied | None:
        leave = self.judge.ask_resource is None and self.leaves(tool, function)
        return await self.judge.judge_as(begin, agent, failure, tool, args, told_args=self._own(args), leave=leave)

    def _own(self, args: Any) -> Any:
        """Arguments of their own for the host's functions, so that those which run stay those which were judged."""
        if self.judge.ask_resource is None and self.judge.on_decision is None:
            return None
        try:
            return copy.deepcopy(args or {})
        except Exception:
            return {}

    def leaves(self, tool: Any, function: object) -> bool:
        """Whether the last word on a call is the guard's of the function itself, which knows the resource."""
        mark = mark_of(function)
        return (
            mark is not None
            and mark.tool == tool
            and mark.policy() is self.policy
            and (mark.enforces or self.judge.observes)
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


def is_about_tools(method: str) -> bool:
    """Whether a method is one of those about tools, in whatever notation a lax server might take for it."""
    return method.casefold().startswith("tools/")
