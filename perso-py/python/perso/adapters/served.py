"""What the guards of servers share. They judge calls as clients send them.

They run a tool only with the `args` of the `Verdict`, which are the judged arguments.
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

# JSON-RPC 2.0, section 5.1, leaves this code to servers. A denied call that asks for a task gets an error instead of a result,
# because the client expects a task and would ignore the result.
DENIED_TASK = -32000


class Served:
    """Judges calls to a server's tools."""

    def __init__(self, policy: Policy, **settings: Any) -> None:
        self.hide: bool = settings.pop("hide", False)
        self.closed = closed(settings.pop("prompts", "pass"), settings.pop("resources", "pass"))
        self.policy = policy
        self.judge = Judge(policy, **settings)

    async def call(self, told: object, tool: Any, args: Any, function: object = None) -> Verdict:
        """Judges a client's call to the tool that runs `function`. Arguments that are not JSON are denied."""
        args = {} if args is None else args
        return await self.judge.judge(tool, args, told, is_json=True, leave=self._leave(tool, function))

    async def inside(self, told: object, tool: Any, args: Any, function: object = None) -> Verdict:
        """Judges a call that the server's own code makes. The caller is the one of the current request."""
        args = {} if args is None else args
        agent = caller()
        if agent is None:
            return await self.judge.judge(tool, args, told, leave=self._leave(tool, function))
        return await self.judge.judge_as(agent, tool, args, leave=self._leave(tool, function))

    def _leave(self, tool: Any, function: object) -> bool:
        return self.judge.ask_resource is None and self.leaves(tool, function)

    def leaves(self, tool: Any, function: object) -> bool:
        """Whether the decision is left to the function's own guard, which knows the resource."""
        mark = mark_of(function)
        return (
            mark is not None and mark.tool == tool and mark.policy() is self.policy and (mark.enforces or self.judge.observes)
        )

    async def shown(self, told: object, tools: Iterable[T], name: Callable[[T], Any]) -> list[T]:
        """The tools that the caller could ever be allowed to call. All of them with `mode="observe"`."""
        if self.judge.observes:
            return list(tools)
        agent, failure = await self.judge.who(told)
        if failure is not None:
            logger.warning("no tools are listed, because the caller is unknown", exc_info=failure)
            return []
        context = self.judge.context
        return [tool for tool in tools if self.policy.could_allow(name(tool), agent=agent, context=context)]

    def instead(self, method: str, params: Any) -> Instead | None:
        """The answer to a message about something that the host has turned off. Records denials."""
        instead = None if self.closed is None else self.closed.instead(method, params)
        if instead is None:
            return None
        if instead.result is None:
            return None if self.judge.refuse("", instead.why) is None else instead
        return None if self.judge.observes else instead

    def refuses_keys(self, params: Any) -> bool:
        """Whether to refuse a call because its keys are ambiguous. Records the denial."""
        return (
            is_ambiguous(params, PARAMS) and self.judge.refuse("", "a key of the params is spelled in another way") is not None
        )

    def narrowed(self, method: str, params: Any) -> Any:
        """The parameters of a message, without what the host has turned off."""
        return params if self.closed is None or self.judge.observes else self.closed.narrowed(method, params)
