"""What the guards of servers share. They judge calls as clients send them.

They run a tool only with the `args` of the `Verdict`, which are the judged arguments.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from perso._perso import Policy
from perso.adapters.closed import LISTS, Instead, closed
from perso.adapters.covered import LISTED, READ, Calls, calls, unknown
from perso.adapters.fold import PARAMS, is_ambiguous
from perso.guard.caller import Caller, caller
from perso.guard.denied import Denied
from perso.guard.event import logger
from perso.guard.judge import Judge
from perso.guard.mark import mark_of
from perso.guard.verdict import Verdict

T = TypeVar("T")

# JSON-RPC 2.0, section 5.1, leaves this code to servers. A denied request for a resource or a prompt gets an error, because its
# result has no place for a reason. So does a denied call that asks for a task: the client would ignore another result.
DENIED = -32000


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
        by = caller()
        if by is None:
            return await self.judge.judge(tool, args, told, leave=self._leave(tool, function))
        return await self.judge.judge_as(by, tool, args, leave=self._leave(tool, function))

    def _leave(self, tool: Any, function: object) -> bool:
        return self.judge.ask_resource is None and self.leaves(tool, function)

    def leaves(self, tool: Any, function: object) -> bool:
        """Whether the decision is left to the function's own guard, which knows the resource."""
        mark = mark_of(function)
        return (
            mark is not None and mark.tool == tool and mark.policy() is self.policy and (mark.enforces or self.judge.observes)
        )

    async def shown(self, told: object, found: Iterable[T], name: Callable[[T], Any], key: str = "tools") -> list[T]:
        """What the caller could ever be allowed to call, read or get, of the list under this key. Everything with
        `mode="observe"`."""
        if self.judge.observes:
            return list(found)
        by, failure = await self.judge.who(told)
        if by is None:
            logger.warning("no %s are listed, because the caller is unknown", key, exc_info=failure)
            return []
        shows = await self.shows(key, by)
        return [one for one in found if shows(name(one))]

    async def shows(self, key: str, by: Caller) -> Callable[[Any], bool]:
        """Finds out whether the list under this key shows something to the caller: a tool or a prompt, or else a resource, a
        template by its text, or a skill by the URI of its `SKILL.md`."""
        known = {"agent": by.agent, "context": self.judge.context, "session": await self.judge.session_of(by)}

        def shows(name: Any) -> bool:
            if key == "tools":
                return not self.judge.reserves(name) and self.policy.could_allow(name, **known)
            if key == "prompts":
                return self.policy.could_list(LISTED, {"name": name}, **known)
            return self.policy.could_list(READ, {"uri": name}, **known)

        return shows

    def covers(self) -> list[str]:
        """What the policy covers besides tools."""
        return [kind for kind in self.policy.covers if kind != "tools"]

    def answers(self) -> bool:
        """Whether some messages about prompts and resources do not simply pass."""
        return self.closed is not None or len(self.policy.covers) > 1

    def filters(self, method: str) -> str | None:
        """The key of the list that is the answer to a request, if the policy covers what is in it."""
        key = LISTS.get(method)
        return key if key is not None and ("prompts" if key == "prompts" else "resources") in self.covers() else None

    def calls(self, method: str, params: Any) -> Calls | None:
        """The calls that a request is, if the policy covers it."""
        found = calls(self.covers(), method, params)
        return found if isinstance(found, Calls) else None

    async def request(self, told: object, asked: Calls, by: Caller | None = None) -> Verdict:
        """Judges a request for something that the policy covers."""

        async def shows(by: Caller) -> bool:
            if asked.reference is None:
                return True
            key, name = asked.reference
            return (await self.shows(key, by))(name)

        return await self.judge.judge_requests(asked.tool, asked.args, told, by=by, shows=shows)

    def refusal(self, denied: Denied, *, is_modern: bool = False) -> tuple[int, str, Any]:
        """The error for a denied request: its code, its message and its data."""
        if self.hide:
            return *unknown(denied.tool, is_modern=is_modern), None
        return DENIED, str(denied), denied.meta()

    def instead(self, method: str, params: Any) -> Instead | None:
        """The answer to a message about something that the host has turned off, or that the policy covers and cannot judge.

        Records denials.
        """
        instead = None if self.closed is None else self.closed.instead(method, params)
        if instead is None:
            found = calls(self.covers(), method, params)
            instead = found if isinstance(found, Instead) else None
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
