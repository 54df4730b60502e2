"""Judges a call.

A judge copies the arguments once, before anything else, and judges that copy. `agent`, `resource` and `on_decision` get copies
of it. The `Verdict` contains the judged copy, and an adapter has no other arguments to run the tool with.
"""

from __future__ import annotations

import functools
import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from time import perf_counter
from typing import Any

from perso._perso import Decision, Json, Policy, Unknown, is_flat, not_judged
from perso.guard.ask import Asked
from perso.guard.denied import Denied, denied
from perso.guard.event import Event, logger, new_id
from perso.guard.own import NotOwned, Watched, own
from perso.guard.settings import AGENT_TIME, RESOURCE_TIME, Mode
from perso.guard.verdict import Verdict

ANONYMOUS: Mapping[str, Any] = {}
"""A caller without attributes and roles."""

NOBODY = "it is not known who calls"
UNREADABLE = "the arguments cannot be read"
CHANGED = "the arguments changed while the call was judged"
RESERVED = "no tool can have this name: the policy uses names that begin with `mcp:` for requests"
NOT_COMPLETED = "a completion is allowed only for what the caller could get or read"

ARGUMENTS = object()
"""Stands for a copy of the arguments: what `agent` gets if the adapter knows nothing about the request."""

INFO = logging.INFO
is_logged = logger.isEnabledFor

_caller: ContextVar[object] = ContextVar("perso_caller")
"""The caller of the current request. A server's guard sets it, for the guards of functions inside the server."""


def caller() -> object:
    """The caller of the current request. `None` if no guard has identified one."""
    return _caller.get(None)


@contextmanager
def calling(agent: object) -> Iterator[None]:
    """Sets the caller for guards inside the block. They use it unless they have an `agent` of their own."""
    token = _caller.set(ANONYMOUS if agent is None else agent)
    try:
        yield
    finally:
        _caller.reset(token)


class Judge:
    """A policy with the options of a guard."""

    def __init__(
        self,
        policy: Policy,
        *,
        agent: object = None,
        agent_time: float = AGENT_TIME,
        resource: Callable[..., Any] | None = None,
        resource_time: float = RESOURCE_TIME,
        context: Mapping[str, Any] | None = None,
        mode: Mode = "enforce",
        denial: Callable[[Denied], str] | None = None,
        on_decision: Callable[[Event, Any], None] | None = None,
    ) -> None:
        if mode not in ("enforce", "observe"):
            raise ValueError(f"`{mode}` is no mode: use `enforce` or `observe`")
        self.policy = policy
        self.agent: object = agent
        self.agent_time = agent_time
        self.ask_agent = Asked(agent, 1) if callable(agent) else None
        self.ask_resource = None if resource is None else Asked(resource, 3)
        self.resource_time = resource_time
        self.context = context
        # Prepared once, so that a guard costs little more than the decision.
        self.decide = functools.partial(policy.decide, context=context, now=True)
        self.observes = mode == "observe"
        self.denial = denial
        self.on_decision = on_decision

    def reserves(self, tool: object) -> bool:
        """Whether no tool can have this name, because it begins like that of a request."""
        return isinstance(tool, str) and tool.startswith("mcp:") and self.policy.reserves(tool)

    def is_async(self) -> bool:
        """Whether `agent` or `resource` is an async function."""
        return any(ask is not None and ask.is_async for ask in (self.ask_agent, self.ask_resource))

    def _known(self) -> object:
        """The caller, if `agent` is not a function."""
        return _caller.get(ANONYMOUS) if self.agent is None else self.agent

    # For sync code.

    def admit_now(self, tool: str, args: dict[str, Any], told: object = ARGUMENTS) -> Any:
        """Judges a call. Returns the arguments to run it with, or raises `Denied`.

        The caller must not use `args` afterwards: if it holds only scalars, it is returned without a copy.
        """
        begin = perf_counter()
        try:
            owned = args if is_flat(args) else own(args)
        except Exception as error:
            return self._not_owned(begin, tool, args, error).admitted()
        failure: BaseException | None = None
        agent = self.agent
        if self.ask_agent is not None:
            try:
                agent = self.ask_agent.now(own(owned) if told is ARGUMENTS else told)
            except Exception as error:
                return self._conclude(begin, None, tool, owned, not_judged(NOBODY), error).admitted()
        elif agent is None:
            agent = _caller.get(ANONYMOUS)
        if self.reserves(tool):
            decision = not_judged(RESERVED)
        elif self.ask_resource is None:
            decision = self.decide(tool, owned, agent=agent)
        else:
            reading = self.policy.read(tool, owned, agent=agent, context=self.context, now=True)
            resource: object = None
            if reading.needs_resource():
                try:
                    watched, shown = Watched(owned), own(owned)
                except Exception as error:
                    return self._conclude(begin, agent, tool, owned, not_judged(UNREADABLE), error).admitted()
                try:
                    resource = self.ask_resource.now(shown, tool, agent)
                except Exception as error:
                    resource, failure = Unknown.WITHHELD, error
                if watched.has_changed():
                    return self._conclude(begin, agent, tool, owned, not_judged(CHANGED), failure).admitted()
            decision = reading.decide(resource)
        if decision.allowed and self.on_decision is None and not is_logged(INFO):
            return owned
        return self._conclude(begin, agent, tool, owned, decision, failure).admitted()

    # For async code.

    async def who(self, told: object) -> tuple[object, BaseException | None]:
        """The caller, or the exception because of which it is unknown."""
        if self.ask_agent is None:
            return self._known(), None
        try:
            return await self.ask_agent.wait(told, seconds=self.agent_time), None
        except Exception as error:
            return None, error

    async def judge(
        self,
        tool: str,
        args: Any,
        told: object = ARGUMENTS,
        *,
        is_json: bool = False,
        leave: bool = False,
    ) -> Verdict:
        """Judges a call. `agent` gets `told`, or a copy of the arguments if there is no `told`.

        With `is_json`, arguments that JSON cannot represent are denied. With `leave`, the decision is left to another guard
        that knows the resource, unless the call cannot run whatever the resource is.
        """
        begin = perf_counter()
        try:
            owned = own(args, is_json=is_json)
            if told is ARGUMENTS and self.ask_agent is not None:
                told = own(owned)
        except Exception as error:
            return self._not_owned(begin, tool, args, error)
        agent, failure = await self.who(told)
        if failure is not None:
            return self._conclude(begin, None, tool, owned, not_judged(NOBODY), failure)
        return await self._decide(begin, agent, tool, owned, owned, leave)

    async def judge_text(self, tool: str, text: str, told: object) -> Verdict:
        """Judges a call whose arguments are JSON text. The tool must run with that text.

        The text itself is judged and not the parsed value, which loses duplicate keys and the exact value of numbers.
        """
        begin = perf_counter()
        try:
            parsed = own(json.loads(text), is_json=True)
        except Exception as error:
            return self._not_owned(begin, tool, text, error)
        agent, failure = await self.who(told)
        if failure is not None:
            return self._conclude(begin, None, tool, parsed, not_judged(NOBODY), failure)
        return await self._decide(begin, agent, tool, parsed, Json(text), False)

    async def admit(self, tool: str, args: dict[str, Any], told: object = ARGUMENTS) -> Any:
        """Judges a call. Returns the arguments to run it with, or raises `Denied`."""
        verdict = await self.judge(tool, args, told)
        return verdict.admitted()

    async def judge_requests(
        self, tool: str, calls: Sequence[Any], told: object, *, agent: object = None, shows: Callable[[object], bool]
    ) -> Verdict:
        """Judges a request for something that the policy covers: calls of `tool` with these arguments, all of which must be
        allowed. The caller is `agent`, or else the one that this guard's own `agent` finds.

        `shows` says whether the caller could see what a completion is for.
        """
        begin = perf_counter()
        args, failure = calls[0] if calls else {}, None
        if agent is None:
            agent, failure = await self.who(told)
        if failure is not None:
            return self._conclude(begin, None, tool, args, not_judged(NOBODY), failure)
        if not shows(agent):
            return self._conclude(begin, agent, tool, args, not_judged(NOT_COMPLETED), None)
        verdict = Verdict(agent, args, None)
        for args in calls:
            verdict = await self.judge_as(agent, tool, args, is_json=True, is_request=True)
            if verdict.denied is not None:
                break
        return verdict

    async def judge_as(
        self,
        agent: object,
        tool: str,
        args: Any,
        *,
        is_json: bool = False,
        leave: bool = False,
        is_request: bool = False,
    ) -> Verdict:
        """Judges a call by a caller who is already known. This guard's own `agent` is not used.

        With `is_request`, it is a request for something that the policy covers, and not a call of a tool with its name.
        """
        begin = perf_counter()
        try:
            owned = own(args, is_json=is_json)
        except Exception as error:
            return self._not_owned(begin, tool, args, error)
        return await self._decide(begin, agent, tool, owned, owned, leave, is_request)

    async def _decide(
        self, begin: float, agent: object, tool: str, owned: Any, judged: Any, leave: bool, is_request: bool = False
    ) -> Verdict:
        if not is_request and self.reserves(tool):
            return self._conclude(begin, agent, tool, owned, not_judged(RESERVED), None)
        reading = self.policy.read(tool, judged, agent=agent, context=self.context, now=True)
        resource: object = None
        failure: BaseException | None = None
        if self.ask_resource is not None and reading.needs_resource():
            try:
                watched, shown = Watched(owned), own(owned)
            except Exception as error:
                return self._conclude(begin, agent, tool, owned, not_judged(UNREADABLE), error)
            try:
                resource = await self.ask_resource.wait(shown, tool, agent, seconds=self.resource_time)
            except Exception as error:
                resource, failure = Unknown.WITHHELD, error
            if watched.has_changed():
                return self._conclude(begin, agent, tool, owned, not_judged(CHANGED), failure)
        elif leave:
            decision = reading.decide(Unknown.OPEN)
            # The other guard allows the call, asks or denies. An ask is left to it only if the resource can still change that.
            if decision.allowed or (decision.outcome == "ask" and reading.needs_resource()):
                return Verdict(agent, owned, None)
            return self._conclude(begin, agent, tool, owned, decision, None)
        return self._conclude(begin, agent, tool, owned, reading.decide(resource), failure)

    # After the decision.

    def refuse(self, tool: str, why: str) -> Denied | None:
        """Denies a call that cannot be judged, whatever the policy says. Returns `None` with `mode="observe"`."""
        return self._conclude(perf_counter(), None, tool, None, not_judged(why), None).denied

    def _not_owned(self, begin: float, tool: str, args: Any, error: Exception) -> Verdict:
        """Denies a call whose arguments cannot be copied. With `mode="observe"`, the tool runs with the original arguments."""
        why = str(error) if isinstance(error, NotOwned) else UNREADABLE
        verdict = self._conclude(begin, None, tool, None, not_judged(why), error)
        if verdict.denied is None:
            verdict.args = args
        return verdict

    def _conclude(
        self, begin: float, agent: object, tool: str, owned: Any, decision: Decision, failure: BaseException | None
    ) -> Verdict:
        """Records a decision and enforces it. Only an allowed call may run: an ask needs an approval, and there is none."""
        shown = None
        if self.on_decision is not None:
            try:
                shown = own(owned)
            except Exception as error:
                # A call must not run if `on_decision` cannot see all of its arguments.
                decision, failure = not_judged(UNREADABLE), error
        event = Event(new_id(), tool, decision, failure, not self.observes, perf_counter() - begin)
        event.log()
        if self.on_decision is not None:
            try:
                self.on_decision(event, shown)
            except Exception:
                logger.exception("on_decision failed; the decision stands")
        if decision.allowed or self.observes:
            return Verdict(agent, owned, None)
        return Verdict(agent, owned, self._denied(event))

    def _denied(self, event: Event) -> Denied:
        error = denied(event)
        if self.denial is None:
            return error
        try:
            return denied(event, str(self.denial(error)))
        except Exception:
            logger.exception("denial failed; the model reads the default text")
            return error
